"""Run folders: what a run was, what came of it and what it needs to go on, as files."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nnplug.durable import Disk, GrowingFile, is_temporary, refuse_link, write_file
from nnplug.errors import ModelFileError, StorageError, suggest
from nnplug.models.strict_json import read_json
from nnplug.untrusted import Shape, fits, printable, read_small, why_unreadable

if TYPE_CHECKING:
    from nnplug.models import Checkpoints, Model
    from nnplug.training import History

__all__ = ["CONFIG", "HISTORY", "MODEL", "RECORD", "REPORT", "RunFolder", "auto_name", "check_free"]

CONFIG = "config.toml"
"""All settings; `nnplug train --config` reads it."""
MODEL = "model.safetensors"
HISTORY = "history.jsonl"
REPORT = "report.html"
RECORD = "run.json"
"""What happened: when, on which data, with which packages, and how it ended."""

_NOTHING = type(None)
_SHAPE: Shape = {
    **dict.fromkeys(("status", "started", "changed", "task"), str),
    **dict.fromkeys(("ended", "error", "command"), (str, _NOTHING)),
    "resumed": [str],
    "changes": [str],
    **dict.fromkeys(("epochs", "parameters"), int),
    "best_epoch": (int, _NOTHING),
    "seconds": float,
    "final": (dict, _NOTHING),
    "data": {"name": str, "training": int, "validation": int, "folds": int},
    "identity": {
        "settings": dict,
        "data": str,
        "packages": {"*": str},
        "formulas": {"*": str},
    },
    "versions": {"*": str},
}
"""The parts of a record that are read again."""

_NUMBERS: Shape = {"*": (float, _NOTHING)}
"""An epoch's numbers; null stands for one that is not finite."""

_LARGEST_RECORD = 16 * 2**20
_LARGEST_HISTORY = 2**30
"""Bytes: millions of epochs."""

_DIVERGED = "diverged.safetensors"
_CHECKPOINTS = "checkpoints"
_LOCK = ".lock"
_PATIENCE = 0.5
"""Seconds after which another process that still has the lock is training the run."""


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path : path
    disk : Disk, optional
    """

    def __init__(self, path: str | os.PathLike[str], *, disk: Disk | None = None) -> None:
        self.path = Path(path)
        self.disk = disk or Disk()
        self._history, self._epochs = GrowingFile(self.path / HISTORY, self.disk), 0

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The states that the run can go on from."""
        from nnplug.models import Checkpoints  # noqa: PLC0415  # a look at a folder needs none

        return Checkpoints(self.path / _CHECKPOINTS, disk=self.disk)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], configuration: str, *, disk: Disk | None = None
    ) -> RunFolder:
        """Make the folder and write its configuration.

        Raises
        ------
        StorageError
            If it exists and is not empty, or cannot be made.
        """
        check_free(path)
        folder = cls(path, disk=disk)
        try:
            folder.checkpoints.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{folder.path}: the folder of the run cannot be made: "
                f"{error.strerror or error}.\nName another with --output, or keep nothing with "
                "--no-output."
            ) from None
        # From here on it is a run, which can be resumed.
        folder.write(CONFIG, configuration)
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: Disk | None = None) -> RunFolder:
        """Open the folder of a run that was made before.

        Raises
        ------
        StorageError
            If it is not the folder of a run, or is damaged.
        """
        folder = cls(path, disk=disk)
        if not is_run(folder.path):
            try:
                near = [path.name for path in folder.path.parent.iterdir() if is_run(path)]
            except OSError:
                near = []
            what = "is not the folder of a run" if folder.path.exists() else "there is no such run"
            raise StorageError(
                f"{folder.path}: {what}.{suggest(folder.path.name, near)}\n"
                "To list the runs: nnplug runs list"
            )
        if folder.damage:
            raise StorageError(folder.damage)
        refuse_link(folder.checkpoints.folder)
        return folder

    @property
    def damage(self) -> str:
        """What is lost that the run needs to go on; empty if nothing is."""
        if os.path.lexists(self.path / CONFIG):
            return ""
        return f"{self.path}: the run is damaged: its {CONFIG} is missing.\nPut it back."

    # --- files ------------------------------------------------------------------------

    def write(self, name: str, content: str | bytes) -> None:
        """Write one of the folder's own files over the earlier one."""
        refuse_link(self.path / name)
        data = content.encode() if isinstance(content, str) else content
        write_file(self.path / name, data, overwrite=True, disk=self.disk)

    def set_aside(self, name: str, other: str) -> None:
        """Keep a file under another name before it is written anew."""
        data = self._read(self.path / name, _LARGEST_RECORD)
        if data is not None:
            self.write(other, data)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write what has happened so far."""
        self.write(RECORD, json.dumps(_finite(record), indent=2, ensure_ascii=False) + "\n")

    def record(self) -> dict[str, Any]:
        """Read what has happened so far.

        Raises
        ------
        StorageError, ModelFileError
            If the file cannot be read.
        """
        path = self.path / RECORD
        data = self._read(path, _LARGEST_RECORD)
        if data is None:
            return {}  # the run was killed before it began
        try:
            found = read_json(data)
        except ModelFileError as error:
            raise ModelFileError(f"{path}: {error}.") from None
        if not isinstance(found, dict):
            raise ModelFileError(f"{path}: is not a JSON object.")
        wrong = fits(found, _SHAPE) or fits(found.get("final") or {}, _NUMBERS)
        if wrong:
            raise ModelFileError(f"{path}: {printable(wrong)} is not what nnplug writes there.")
        return found

    def write_history(self, history: History, *, sync: bool = True) -> None:
        """Write a line for each epoch: its number, losses and metrics.

        Lines that this object has written are not written again, so that the
        time that this takes does not grow with the length of the history.

        Parameters
        ----------
        sync : bool, optional
            Whether the new lines must survive a loss of power.
        """
        refuse_link(self._history.path)
        whole = min(
            len(column) for column in history.columns.values() if column or not len(history)
        )
        if not self._history.begun or whole < self._epochs:
            self._history.begin(_history_lines(history, 0, whole))
        elif whole > self._epochs or sync:
            self._history.add(_history_lines(history, self._epochs, whole), sync=sync)
        self._epochs = whole

    def history(self) -> list[dict[str, float | None]]:
        """Read the history, a mapping for each epoch; empty if there is none yet."""
        return [self._epoch(line, n) for n, line in enumerate(self._history_lines(), 1)]

    def last_epoch(self) -> tuple[int, dict[str, float | None]]:
        """Count the epochs of the history and read the last alone: there may be a million."""
        lines = self._history_lines()
        return len(lines), self._epoch(lines[-1], len(lines)) if lines else {}

    def _history_lines(self) -> list[bytes]:
        data = self._read(self.path / HISTORY, _LARGEST_HISTORY)
        # A process that was killed while it wrote left a line without an end.
        return (data or b"").rpartition(b"\n")[0].splitlines()

    def _epoch(self, line: bytes, number: int) -> dict[str, float | None]:
        place = f"{self.path / HISTORY}: line {number}"
        try:
            row: dict[str, float | None] = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise StorageError(f"{place} is not JSON: {why_unreadable(error)}.") from None
        if wrong := fits(row, _NUMBERS):
            raise StorageError(f"{place}: {printable(wrong)} is not what nnplug writes there.")
        return row

    def _read(self, path: Path, most: int) -> bytes | None:
        """Read a file of the folder; None if it is not there."""
        try:
            return read_small(path, most, follow=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{path}: cannot be read: {error.strerror or error}.") from None

    def write_model(self, model: Model, *, diverged: bool = False) -> None:
        """Write the model; if its run diverged, under another name, so that nobody uses it."""
        path = self.path / (_DIVERGED if diverged else MODEL)
        refuse_link(path)
        model.save(path, overwrite=True, disk=self.disk)

    def tidy(self) -> None:
        """Remove what killed processes left half written."""
        for folder in (self.path, self.checkpoints.folder):
            for path in filter(is_temporary, folder.iterdir()):
                with contextlib.suppress(OSError):  # what is left does no harm
                    self.disk.remove(path)

    # --- one process at a time --------------------------------------------------------

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from this run; the system unlocks it when this process ends.

        Raises
        ------
        StorageError
            If another process has it.
        """
        refuse_link(self.path / _LOCK)
        with contextlib.ExitStack() as stack:
            try:
                if (self.path / _LOCK).exists() and not (self.path / _LOCK).is_file():
                    raise OSError(errno.EINVAL, f"{_LOCK} is not a regular file")
                file = stack.enter_context((self.path / _LOCK).open("ab"))
            except OSError as error:
                raise StorageError(
                    f"{self.path}: the run cannot be written to: {error.strerror or error}."
                ) from None
            # `is_running` takes the lock for less than a thousandth of a second.
            give_up = time.monotonic() + _PATIENCE
            while not (mine := _lock(file)) and time.monotonic() < give_up:
                time.sleep(_PATIENCE / 50)
            if not mine:
                raise StorageError(
                    f"{self.path}: another process is training this run.\nWait for it, or end it."
                )
            yield

    @property
    def is_running(self) -> bool:
        """Whether a process is training this run."""
        path = self.path / _LOCK
        try:
            if path.is_symlink() or not path.is_file():
                return False
            with path.open("r+b") as file:
                return not _lock(file, shared=True)
        except OSError:
            return False


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a run, which may be damaged."""
    return (path / CONFIG).is_file() or (path / RECORD).is_file()


def check_free(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that is not empty: nothing is ever overwritten.

    Raises
    ------
    StorageError
    """
    path = Path(path)
    if path.is_file():
        raise StorageError(f"{path}: is a file; --output takes the name of a new folder.")
    if path.is_dir() and not _is_blank(path):
        more = (
            f" To go on with the run in it: nnplug train --resume {path}"
            if (path / CONFIG).is_file()
            else ""
        )
        raise StorageError(
            f"{path}: the folder is not empty, and nothing is overwritten.\n"
            f"Name another folder, or leave --output out for a new one.{more}"
        )


def _is_blank(path: Path) -> bool:
    """Whether a folder holds only what a process left that was killed as it began."""
    return all(
        is_temporary(inside)
        or (inside.name == _CHECKPOINTS and inside.is_dir() and not any(inside.iterdir()))
        for inside in path.iterdir()
    )


def auto_name(root: str | os.PathLike[str], now: datetime, *words: str) -> Path:
    """Choose a free path: the time, then words, as `20260131-154500-iris-relu-adam`."""
    clean = [re.sub(r"[^\w.-]+", "-", word).strip("-.")[:40] for word in words]
    name = "-".join([now.strftime("%Y%m%d-%H%M%S"), *filter(None, clean)])
    path, number = Path(root) / name, 1
    while path.exists():
        number += 1
        path = Path(root) / f"{name}-{number}"
    return path


def _history_lines(history: History, start: int, stop: int) -> bytes:
    """Write epochs as lines of JSON; a million of them take seconds."""
    columns = {name: column for name, column in history.columns.items() if column}
    # A per cent sign in the name of a metric does not stand for a number.
    names = (json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in columns)
    line = '{"epoch": %d' + "".join(f", {name}: %s" for name in names) + "}\n"
    texts = (
        [repr(float(number)) if math.isfinite(number) else "null" for number in column[start:stop]]
        for column in columns.values()
    )
    rows = zip(range(start, stop), *texts, strict=True)
    return "".join([line % row for row in rows]).encode()


def _finite(value: Any) -> Any:
    """Convert a value to what JSON can hold: a number that is not finite becomes null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _lock(file: BinaryIO, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False if another process has locked it.

    Other `shared` locks are allowed beside one: for a look, where the system can do that.
    """
    try:
        try:
            import fcntl  # noqa: PLC0415  # there is none on Windows
        except ImportError:
            return _lock_byte(file)
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass  # a file system without locks; the user must see that one process trains the run
    return True


def _lock_byte(file: BinaryIO) -> bool:
    """Lock an open file as Windows does; other systems without `fcntl` have no locks."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  # there is none elsewhere

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    return True
