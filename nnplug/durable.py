"""Durable writes: whatever happens, a file is the old one or the new one, whole.

The bytes go into a temporary file of the same folder, which is synced, then
put in the place of the old file by one rename, and then the folder is synced.
Before the rename nothing has changed; after it nothing is missing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from nnplug.errors import StorageError

__all__ = ["Disk", "NewFile", "is_temporary", "refuse_link", "write_file"]

_PREFIX, _SUFFIX = ".nnplug-", ".tmp"

_WAYS_OUT = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk.",
    errno.EDQUOT: "Free some space, or choose a folder on another disk.",
    errno.EIO: "The disk may be failing: choose a folder on another one.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.ENOENT: "Make the folder first, or choose another.",
    errno.ENOTDIR: "Make the folder first, or choose another.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


class Disk:
    """The calls that a durable write is made of.

    All that nnplug keeps is written through an object of this class and by no
    other way, so that a test can put one in its place that fails at any call,
    or forgets what was not synced.
    """

    def create(self, path: Path) -> int:
        """Make a new file, which must not exist, and open it for writing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.open(path, flags, 0o666)

    def write(self, file: int, data: memoryview) -> int:
        """Write some of the bytes and say how many."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        """Return when the device itself has the file's bytes."""
        if sys.platform == "darwin":
            import fcntl  # noqa: PLC0415  # there is none on Windows

            # There fsync leaves the bytes in the device's own cache.
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        else:
            os.fsync(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def replace(self, source: Path, target: Path) -> None:
        """Put a file in another's place, in one step."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Return when the device itself has the names of a folder's files."""
        if os.name == "nt":  # a folder cannot be opened there; its renames are journalled
            return
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()


class NewFile:
    """A file that appears whole under its name, or not at all.

    A context: at its end the file takes its name; if it is left by an
    exception, everything is as it was before. What a symbolic link names is
    written, and the link stays.

    Parameters
    ----------
    path : path
        Where it is to be; the folder must exist.
    overwrite : bool, optional
        Whether a file that is there may be replaced.
    disk : Disk, optional

    Attributes
    ----------
    temporary : Path
        Where the bytes are until the end, for a library that writes a file by
        itself. It must write to this very file, and not replace it.

    Raises
    ------
    StorageError
        If there is a file and it may not be replaced, or a call fails. The
        message has the path and the name of the error.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "greeting.txt"
    >>> with NewFile(path) as file:
    ...     file.write(b"good ")
    ...     file.write(b"morning")
    >>> path.read_text()
    'good morning'
    """

    def __init__(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, disk: Disk | None = None
    ) -> None:
        self.path = Path(path)
        self.overwrite = overwrite
        self.disk = disk or Disk()
        self._target = Path(os.path.realpath(self.path))
        token = os.urandom(6).hex()
        self.temporary = self._target.with_name(f"{_PREFIX}{token}{_SUFFIX}")
        self._file: int | None = None
        self._exists = False

    def __enter__(self) -> Self:
        self._check_target()
        with self._step("making a temporary file beside it"):
            self._file = self.disk.create(self.temporary)
            self._exists = True
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes.

        Raises
        ------
        StorageError
        """
        assert self._file is not None
        rest = memoryview(data).cast("B")
        with self._step("writing"):
            while rest:
                written = self.disk.write(self._file, rest)
                if written <= 0:  # no error and no progress: trying again would never end
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                rest = rest[written:]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._discard(error)
            return
        try:
            self._publish()
        except BaseException as fault:
            self._discard(fault)
            raise

    def _publish(self) -> None:
        file = self._file
        assert file is not None
        # A sync that failed is never tried again: the pages it could not
        # write count as written from then on, and a second one would succeed.
        with self._step("syncing"):
            self.disk.sync(file)
        with self._step("closing"):
            self._file = None
            self.disk.close(file)
        self._check_target()
        with self._step("renaming"):
            self.disk.replace(self.temporary, self._target)
            self._exists = False
        with self._step("syncing the folder"):
            self.disk.sync_folder(self._target.parent)

    def _discard(self, fault: BaseException) -> None:
        """Leave nothing behind; what cannot be removed is said with the fault."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self.disk.close(file)
        if self._exists:
            try:
                self.disk.remove(self.temporary)
            except OSError as error:
                left = f"The temporary file {self.temporary} is left: {_reason(error)}."
                if isinstance(fault, StorageError):
                    fault.args = (f"{fault}\n{left}",)
                else:
                    fault.add_note(left)

    def _check_target(self) -> None:
        with self._step("looking at what is there"):
            is_folder, is_there = self._target.is_dir(), self._target.exists()
            regular = self._target.is_file() or not is_there
        if is_folder:
            raise StorageError(f"{self.path}: is a folder. Give a file's name.")
        if not regular:
            raise StorageError(
                f"{self.path}: is a device, a pipe or the like, and is never replaced by a file. "
                "Choose another name."
            )
        if is_there and not self.overwrite:
            raise StorageError(
                f"{self.path}: there is such a file already, and it is not overwritten.\n"
                "Choose another name, or say that it may be: overwrite=True, on the command "
                "line --overwrite."
            )

    @contextlib.contextmanager
    def _step(self, doing: str) -> Iterator[None]:
        """Make an error of the system one for a person."""
        try:
            yield
        except OSError as error:
            done = (
                "The new file is in place and whole, but a loss of power may undo that."
                if doing == "syncing the folder"
                else "What was there before is as it was."
            )
            way_out = _WAYS_OUT.get(error.errno or 0, "")
            raise StorageError(
                f"{self.path}: cannot be written: {_reason(error)}, while {doing}.\n"
                f"{done} {way_out}".rstrip()
            ) from error


def write_file(
    path: str | os.PathLike[str],
    data: bytes | bytearray | memoryview,
    *,
    overwrite: bool = False,
    disk: Disk | None = None,
) -> None:
    """Write a whole file durably; see `NewFile`."""
    with NewFile(path, overwrite=overwrite, disk=disk) as file:
        file.write(data)


def refuse_link(path: Path) -> None:
    """Refuse a path that is a symbolic link, of a file that is never written through one.

    Raises
    ------
    StorageError
    """
    if path.is_symlink():
        raise StorageError(
            f"{path}: is a link, and a run's files are never written through one. Remove the link."
        )


def is_temporary(path: Path) -> bool:
    """Whether a file is one that a write left when its process was killed."""
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def _reason(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "")
    text = error.strerror or str(error)
    return f"{text} ({name})" if name else text
