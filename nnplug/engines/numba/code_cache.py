"""Machine code on disk, in a folder that only the user may write to.

Code that is read from there is run. So the folder and its files must belong to the
user, and neither the group nor others may write to them; pip requires the same of
its cache.

Several processes may use the folder at once, and a file may be damaged. So a file
is written whole and then renamed, and it begins with a checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from nnplug.errors import NnplugWarning

__all__ = ["CodeCache", "cache_folder"]

DIGEST = 32
"""The length of the checksum at a file's start, in bytes."""

WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path | None:
    """Find the folder for machine code: `NNPLUG_CACHE`, or the system's usual place.

    Returns
    -------
    Path or None
        None where the user has no home folder.
    """
    if chosen := os.environ.get("NNPLUG_CACHE"):
        return Path(chosen)
    try:
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # HOME is not set, and the system does not know the user
        return None
    return Path(base) / "nnplug"


class CodeCache:
    """Object code by its key, in a folder that can be trusted.

    Without such a folder, nothing is found and nothing is kept; one warning says so.

    Parameters
    ----------
    base : Path or None
        As `cache_folder` gives it; the code is in its folder `code`.

    Attributes
    ----------
    folder : Path or None
    trouble : str
        The warning that was given; empty if there was none.
    """

    def __init__(self, base: Path | None) -> None:
        self.folder = None if base is None else base / "code"
        self.trouble = ""

    def read(self, key: str) -> bytes | None:
        """Read object code; None if there is none that can be used."""
        if self.folder is None or not self._is_trusted(self.folder):
            return None
        path = self.folder / f"{key}.o"
        try:
            # The open file is checked, so that nobody can exchange it before it is read.
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(path, flags), "rb") as file:
                fault = _fault(os.fstat(file.fileno()))
                content = b"" if fault else file.read()
        except OSError:
            return None
        if fault:
            self._warn(f"Compiled code is not used: {path} {fault}. It is compiled anew.")
            return None
        digest, code = content[:DIGEST], content[DIGEST:]
        return code if digest == _digest(key, code) else None

    def write(self, key: str, code: bytes) -> None:
        """Write object code whole or not at all; if that is impossible, a warning says so."""
        if self.folder is None:
            self._warn_of_folder(
                "there is no home folder: HOME is not set, and the system does not know the user"
            )
            return
        try:
            if not self._is_trusted(self.folder):
                return
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_digest(key, code) + code)
                Path(temporary).replace(self.folder / f"{key}.o")
            except OSError:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise
        except OSError as error:
            self._warn_of_folder(f"{self.folder} cannot be written: {error.strerror or error}")

    def _is_trusted(self, folder: Path) -> bool:
        """Whether the folders that exist belong to the user alone."""
        for place in (folder.parent, folder):
            with contextlib.suppress(OSError):  # it does not exist yet, or cannot be read or used
                if fault := _fault(place.stat()):
                    self._warn_of_folder(f"{place} {fault}")
                    return False
        return True

    def _warn_of_folder(self, fault: str) -> None:
        self._warn(
            f"Compiled code is not kept, so each run compiles anew: {fault}.\n"
            "Way out: let NNPLUG_CACHE name a folder of your own, which nobody else may write to."
        )

    def _warn(self, message: str) -> None:
        if not self.trouble:
            self.trouble = message
            warnings.warn(message, NnplugWarning, stacklevel=2)


def _fault(found: os.stat_result) -> str:
    """Say why somebody else may have written to a file or folder; empty if nobody may."""
    if not hasattr(os, "geteuid"):  # Windows, where access lists protect a user's folder
        return ""
    if found.st_uid != os.geteuid():
        return f"belongs to another user (uid {found.st_uid}; you are {os.geteuid()})"
    if found.st_mode & WRITABLE:
        return f"may be written to by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + code, digest_size=DIGEST).digest()
