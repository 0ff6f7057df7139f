"""The epochs of a long history that its checkpoints leave out, in files of a fixed length.

A checkpoint that held the whole history would take longer with each epoch, and
a signal must end a run within two seconds, after ten million epochs too.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nnplug.durable import Disk, NewFile, refuse_link
from nnplug.errors import ModelFileError
from nnplug.models import Checkpoint
from nnplug.models.container import pack, read_container
from nnplug.training import History
from nnplug.types import AnyArray

__all__ = ["HistorySegments"]

LENGTH = 2**18
"""Epochs of a segment: 2 MB for each column."""


class HistorySegments:
    """The segments in a run's folder of checkpoints.

    Each is written once, as soon as its epochs have been trained. A checkpoint
    says how many it relies on, and holds the epochs after them.

    Parameters
    ----------
    folder : path
        Must exist.
    disk : Disk

    Attributes
    ----------
    count : int
        The segments that the run's history has so far.
    """

    def __init__(self, folder: str | os.PathLike[str], disk: Disk) -> None:
        self.folder, self.disk = Path(folder), disk
        self.count = 0

    @property
    def epochs(self) -> int:
        """The epochs in all segments: the first that a checkpoint has to hold."""
        return self.count * LENGTH

    def write(self, history: History) -> None:
        """Write the segments that have become complete.

        Raises
        ------
        StorageError
            If one cannot be written.
        """
        columns = {name: column for name, column in history.columns.items() if column}
        while columns and all(len(column) >= self.epochs + LENGTH for column in columns.values()):
            path = self._path(self.count)
            refuse_link(path)
            piece = slice(self.epochs, self.epochs + LENGTH)
            arrays = {name: np.array(column[piece], float) for name, column in columns.items()}
            # One may be there from a run that goes on from an older checkpoint.
            with NewFile(path, overwrite=True, disk=self.disk) as file:
                file.write(pack("history", {"first": self.epochs}, arrays))
            self.count += 1

    def join(self, checkpoint: Checkpoint) -> dict[str, AnyArray]:
        """Read the segments that a checkpoint relies on; return its arrays with the whole history.

        Raises
        ------
        StorageError
            If one is not there.
        ModelFileError
            If one is damaged, or has other columns than the checkpoint.
        """
        arrays: dict[str, AnyArray] = dict(checkpoint.arrays)
        # Before there were segments, a checkpoint held the whole history.
        count = checkpoint.numbers.get("segments", 0)
        if not isinstance(count, int):
            raise ModelFileError(f"{checkpoint.path}: segments = {count!r:.40}: not a number.")
        pieces: dict[str, list[AnyArray]] = {}
        for number in range(count):
            path = self._path(number)
            found = read_container(path, "history").arrays
            for name in found:
                key = f"history.{name}"
                if found[name].shape != (LENGTH,) or key not in arrays:
                    raise ModelFileError(
                        f"{path}: it does not belong to {checkpoint.path.name}.\n"
                        "Restore the whole folder of the run from a copy, or start it anew."
                    )
                pieces.setdefault(key, []).append(found[name])
        self.count = count
        return arrays | {
            name: np.concatenate([*found, arrays[name]]) for name, found in pieces.items()
        }

    def _path(self, number: int) -> Path:
        return self.folder / f"history-{number:08d}.safetensors"
