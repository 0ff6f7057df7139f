"""Durable writes: whatever happens, a file is either the old one or the new one, whole.

The bytes go into a temporary file in the same folder, which is synced; one
rename replaces the old file; then the folder is synced. Before the rename
nothing has changed; after it nothing is missing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from nnplug.errors import StorageError

__all__ = ["Disk", "GrowingFile", "NewFile", "is_temporary", "refuse_link", "write_file"]

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
    """The calls that make up a durable write.

    nnplug writes all its files through an object of this class, so that a test
    can replace it by one that fails at any call, or forgets what was not synced.
    """

    def create(self, path: Path) -> int:
        """Create a file, which must not exist yet, and open it for writing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.open(path, flags, 0o666)

    def extend(self, path: Path, length: int) -> int:
        """Open a file for writing after its first `length` bytes; the rest is cut off."""
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
        # If somebody put a link or a pipe there, it is neither followed nor waited for.
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        file = os.open(path, flags)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_size < length:
                raise OSError(errno.EINVAL, "it is not the file that was written before")
            os.ftruncate(file, length)
            os.lseek(file, length, os.SEEK_SET)
        except BaseException:
            os.close(file)
            raise
        return file

    def write(self, file: int, data: memoryview) -> int:
        """Write some of the bytes, and return how many."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        """Wait until the device itself has the file's bytes."""
        if sys.platform == "darwin":
            import fcntl  # noqa: PLC0415  # Windows has none

            # On macOS fsync leaves the bytes in the device's own cache.
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        else:
            os.fsync(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def replace(self, source: Path, target: Path) -> None:
        """Replace a file by another, in one step."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the device itself has the names of a folder's files."""
        if os.name == "nt":  # Windows cannot open a folder, and journals renames
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
    """A file that appears under its name whole, or not at all.

    It is a context manager: at the end of the context the file gets its name; an
    exception leaves everything as it was. If the path is a symbolic link, the file
    that it names is written, and the link stays.

    Parameters
    ----------
    path : path
        Where to write; the folder must exist.
    overwrite : bool, optional
        Whether an existing file may be replaced.
    disk : Disk, optional

    Attributes
    ----------
    temporary : Path
        Where the bytes are until the end, for a library that writes files itself.
        It must write to this file, and not replace it.

    Raises
    ------
    StorageError
        If the file exists and may not be replaced, or if a call fails. The
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
        with _step(self.path, "making a temporary file beside it"):
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
        with _step(self.path, "writing"):
            _write_all(self.disk, self._file, data)

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
        # A failed sync is never tried again: the system then takes the pages that
        # it could not write as written, and a second sync would succeed.
        with _step(self.path, "syncing"):
            self.disk.sync(file)
        with _step(self.path, "closing"):
            self._file = None
            self.disk.close(file)
        self._check_target()
        with _step(self.path, "renaming"):
            self.disk.replace(self.temporary, self._target)
            self._exists = False
        with _step(self.path, "syncing the folder"):
            self.disk.sync_folder(self._target.parent)

    def _discard(self, fault: BaseException) -> None:
        """Remove the temporary file; if that fails, the error says so."""
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
        with _step(self.path, "looking at what is there"):
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


class GrowingFile:
    r"""A file to which lines are added, and which changes in no other way.

    The first write puts a whole file in place, as `NewFile` does. Later ones add
    lines at its end, in a time that does not depend on its length. A line that an
    interrupted write left unfinished is cut off by the next one.

    Parameters
    ----------
    path : path
    disk : Disk

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "lines.txt"
    >>> file = GrowingFile(path, Disk())
    >>> file.begin(b"one\n")
    >>> file.add(b"two\n", sync=True)
    >>> path.read_text().split()
    ['one', 'two']
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path, self.disk = path, disk
        self._length: int | None = None

    @property
    def begun(self) -> bool:
        """Whether this object wrote the file, and it still exists."""
        return self._length is not None and self.path.is_file()

    def begin(self, data: bytes) -> None:
        """Write a whole file, replacing an earlier one.

        Raises
        ------
        StorageError
        """
        self._length = None
        write_file(self.path, data, overwrite=True, disk=self.disk)
        self._length = len(data)

    def add(self, data: bytes, *, sync: bool) -> None:
        """Add bytes at the end.

        Parameters
        ----------
        sync : bool
            Whether to wait until the device itself has the bytes.

        Raises
        ------
        StorageError
        """
        assert self._length is not None
        with _step(self.path, "opening it"):
            opened = self.disk.extend(self.path, self._length)
        try:
            with _step(self.path, "writing"):
                _write_all(self.disk, opened, data)
            if sync:
                with _step(self.path, "syncing"):
                    self.disk.sync(opened)
        finally:
            with _step(self.path, "closing"):
                self.disk.close(opened)
        self._length += len(data)


def _write_all(disk: Disk, file: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        written = disk.write(file, rest)
        if written <= 0:  # without progress, trying again might never end
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[written:]


@contextlib.contextmanager
def _step(path: Path, doing: str) -> Iterator[None]:
    """Turn an error of the system into one with a message for people."""
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
            f"{path}: cannot be written: {_reason(error)}, while {doing}.\n"
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
    """Refuse a path that is a symbolic link, for files that are never written through one.

    Raises
    ------
    StorageError
    """
    if path.is_symlink():
        raise StorageError(
            f"{path}: is a link, and a run's files are never written through one. Remove the link."
        )


def is_temporary(path: Path) -> bool:
    """Whether a file was left by a write whose process was killed."""
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def _reason(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "")
    text = error.strerror or str(error)
    return f"{text} ({name})" if name else text
