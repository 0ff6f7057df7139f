"""Checkpoints: the state of a training, in two generations with checksums."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnplug.durable import Disk, NewFile, is_temporary, refuse_link
from nnplug.errors import ModelFileError, StorageError
from nnplug.models.container import pack, read_container
from nnplug.types import AnyArray

__all__ = ["Checkpoint", "Checkpoints"]

_NAME = re.compile(r"checkpoint-(\d{8})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A state that was read from a file.

    Attributes
    ----------
    arrays : dict of str to array
        Read-only.
    numbers : dict
        Plain values, as JSON holds them.
    path : Path
    warnings : tuple of str
        A line for each newer checkpoint that could not be used.
    """

    arrays: Mapping[str, AnyArray]
    numbers: Mapping[str, Any]
    path: Path
    warnings: tuple[str, ...] = ()


class Checkpoints:
    """The checkpoints in a folder that one run writes to.

    A new one is written whole and synced before an older one is deleted; the
    newest and the one before it are kept. A file that a killed process left
    half written has another name and is never read.

    Parameters
    ----------
    folder : path
        Must exist.
    disk : Disk, optional

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> checkpoints = Checkpoints(tempfile.mkdtemp())
    >>> for epoch in range(3):
    ...     path = checkpoints.save({"parameters": np.ones(2) * epoch}, {"epoch": epoch})
    >>> sorted(file.name for file in path.parent.iterdir())
    ['checkpoint-00000002.safetensors', 'checkpoint-00000003.safetensors']
    >>> checkpoints.load().numbers
    {'epoch': 2}
    """

    def __init__(self, folder: str | os.PathLike[str], *, disk: Disk | None = None) -> None:
        self.folder = Path(folder)
        self.disk = disk or Disk()
        self._confirmed: Path | None = None

    def save(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> Path:
        """Write a checkpoint, then delete what is older than the one before it.

        Parameters
        ----------
        arrays : mapping of str to array
            Of float32, float64, int64 or bool.
        numbers : mapping
            Values that JSON can hold; floats must be finite and are read back equal to the bit.

        Raises
        ------
        StorageError
            If it is not certain that it was written. The checkpoints before it
            are left as they were.
        """
        data = pack("checkpoint", numbers, arrays)
        there = self._found()
        number = there[-1][0] + 1 if there else 1
        path = self.folder / f"checkpoint-{number:08d}.safetensors"
        refuse_link(path)
        with NewFile(path, disk=self.disk) as file:
            file.write(data)
        # A checkpoint that this object has read or written is kept rather than one with
        # a higher number, which may be damaged.
        before = self._confirmed or (there[-1][1] if there else None)
        self._confirmed = path
        self._remove([older for _, older in there if older != before])
        return path

    def load(self) -> Checkpoint | None:
        """Read the newest checkpoint whose checksum is right; None if there are no checkpoints.

        Raises
        ------
        ModelFileError
            If there are some, and none can be used.
        """
        warnings: list[str] = []
        for _, path in reversed(self._found()):
            try:
                container = read_container(path, "checkpoint")
            except (ModelFileError, StorageError) as error:
                warnings.append(str(error).partition("\n")[0])
                continue
            self._confirmed = path
            lines = [f"{line} Going on from the one before it, {path.name}." for line in warnings]
            return Checkpoint(container.arrays, container.content, path, tuple(lines))
        if warnings:
            raise ModelFileError(
                "\n".join(["No checkpoint can be used:", *warnings, "Start the run anew."])
            )
        return None

    def _found(self) -> list[tuple[int, Path]]:
        """List the checkpoints, oldest first."""
        try:
            paths = list(self.folder.iterdir())
        except OSError as error:
            raise StorageError(
                f"{self.folder}: cannot be read: {error.strerror or error}."
            ) from error
        matches = [(_NAME.fullmatch(path.name), path) for path in paths]
        return sorted((int(match[1]), path) for match, path in matches if match is not None)

    def _remove(self, checkpoints: list[Path]) -> None:
        """Delete old checkpoints, and files that killed processes left half written."""
        left = [path for path in self.folder.iterdir() if is_temporary(path)]
        for path in (*checkpoints, *left):
            try:
                self.disk.remove(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise StorageError(
                    f"{path}: cannot be removed: {error.strerror or error}.\n"
                    "The new checkpoint is whole; remove the old one by hand."
                ) from error
