"""The trace of a run's next step on some of its samples."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnplug.engines import NUMPY
from nnplug.errors import SettingError
from nnplug.microscope.build import ELEMENTS, trace_step
from nnplug.microscope.trace import Trace
from nnplug.runs.history_segments import HistorySegments

if TYPE_CHECKING:
    from nnplug.runs.folder import RunFolder
    from nnplug.runs.run import Run

__all__ = ["take_state", "trace_run"]


def trace_run(run: Run, rows: int | Sequence[int], *, elements: int = ELEMENTS) -> Trace:
    """Take the next step of a run on some of its samples, and keep all its numbers.

    For the parameters, see `Run.trace`.
    """
    chosen = [_row(run, row) for row in ([rows] if isinstance(rows, int | np.integer) else rows)]
    if not chosen:
        raise SettingError("rows=[]: a step needs a sample; the first is row 0.")
    weights = None if run.weights is None else run.weights[chosen]
    with run.model.registry.naming_culprits():
        return trace_step(
            run.network,
            run.loss,
            run.optimizer,
            run.rows.inputs[chosen],
            run.head.encode(run.rows.targets[chosen], run.network.dtype),
            weights,
            rows=chosen,
            regularization=run.regularization,
            learning_rate=_rate(run),
            state=run.state,
            seed=run.settings.seed,
            elements=elements,
        )


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


def _row(run: Run, row: int) -> int:
    """Check the place of a sample.

    Raises
    ------
    SettingError
        If there is none, or it is on disk.
    """
    if run.rows.disk is not None:
        raise SettingError(
            "the table is streamed from disk, so its rows cannot be chosen by number.\n"
            "Read it whole: stream=False (--no-stream)."
        )
    count = len(run.rows.inputs)
    row = operator.index(row)
    if not -count <= row < count:
        raise SettingError(
            f"row {row}: there are {count:,} rows, from 0 to {count - 1} in Python and from 1 to "
            f"{count} on the command line."
        )
    return row % count


def _rate(run: Run) -> float:
    """Compute the learning rate of the next step; after the last one, its own."""
    rate = run.optimizer.learning_rate
    if run.schedule.text == "constant":
        return rate
    settings, rows = run.settings, len(run.train_rows)
    per_epoch = 1 if settings.batch_size == "full" else -(-rows // settings.batch_size)
    done = 0 if run.state is None else int(run.state["count"])
    done = min(done, settings.epochs * per_epoch - 1)
    return rate * float(run.schedule(done / per_epoch, settings.epochs))
