"""The weights and the optimizer's state of a kept run, for a run that is shown and not trained."""

from __future__ import annotations

from nnplug.engines import NUMPY
from nnplug.errors import SettingError
from nnplug.runs.folder import RunFolder
from nnplug.runs.history_segments import HistorySegments
from nnplug.runs.run import Run

__all__ = ["take_state"]


def take_state(run: Run, folder: RunFolder) -> None:
    """Give a prepared run the weights, the optimizer's state and the history of a kept one.

    Raises
    ------
    SettingError
        If it has no checkpoint, or one of another network.
    ModelFileError
        If it has checkpoints, and none can be used.
    """
    found = folder.checkpoints.load()
    if found is None:
        raise SettingError(f"{folder.path}: there is no checkpoint yet, so no weights to show.")
    trainer = run.trainer(NUMPY)  # nothing has to be compiled for it
    checkpoints = folder.checkpoints
    segments = HistorySegments(checkpoints.folder, checkpoints.disk)
    trainer.restore(segments.join(found), found.numbers["trainer"])
    if trainer.ended is not None:
        trainer.restore_best()
    run.state, run.ended = trainer.steps.state(), trainer.ended
