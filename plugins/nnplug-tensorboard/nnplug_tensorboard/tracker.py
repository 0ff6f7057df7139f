"""The training hooks that write event files."""

from __future__ import annotations

import json
import weakref
from datetime import datetime
from pathlib import Path

import nnplug
from tensorboardX import SummaryWriter

__all__ = ["Tracker", "tracker"]


class Tracker:
    """Writes each epoch's losses and metrics, one writer to a run.

    The files lie in the folder `tensorboard` of a run that is kept, or else in
    `tensorboard/DATE-TIME-DATA` below the working directory.
    """

    def __init__(self) -> None:
        self._writers: weakref.WeakKeyDictionary[nnplug.Run, SummaryWriter] = (
            weakref.WeakKeyDictionary()
        )

    @nnplug.hookimpl
    def on_train_start(self, run: nnplug.Run) -> None:
        """Open the run's event file, and write its settings into it."""
        done = len(run.history)
        # A run that is resumed trains the epochs after its checkpoint again: TensorBoard
        # drops what was written of them. Files made in one second differ by the suffix.
        again = {"purge_step": done, "filename_suffix": f".{done}"} if done else {}
        writer = SummaryWriter(str(folder_of(run)), **again)
        # It writes in a thread, and a run may end by an error or a signal.
        weakref.finalize(run, writer.close)
        self._writers[run] = writer
        if not done:
            settings = json.dumps(run.settings.to_dict(), indent=1, default=str)
            writer.add_text("settings", f"```json\n{settings}\n```", 0)

    @nnplug.hookimpl
    def on_epoch_end(self, run: nnplug.Run, record: nnplug.EpochRecord) -> None:
        """Write the numbers of an epoch; those for validation stand under a name of their own."""
        writer = self._writers[run]
        for name, value in numbers_of(record).items():
            writer.add_scalar(name, value, record.epoch)

    @nnplug.hookimpl
    def on_train_end(self, run: nnplug.Run) -> None:
        """Close the file."""
        self._writers.pop(run).close()


def folder_of(run: nnplug.Run) -> Path:
    """Choose where a run's event files lie."""
    if run.folder is not None:
        return Path(run.folder) / "tensorboard"
    name = Path(run.settings.data).stem.partition(":")[0]
    return Path("tensorboard") / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{name}"


def numbers_of(record: nnplug.EpochRecord) -> dict[str, float]:
    """Return the numbers of an epoch by the names under which they are shown."""
    numbers = {
        "loss": record.loss,
        "penalty": record.penalty,
        "validation_loss": record.validation_loss,
        "learning_rate": record.learning_rate,
        **record.metrics,
    }
    return {name: value for name, value in numbers.items() if value is not None}


tracker = Tracker()
