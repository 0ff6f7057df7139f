"""Disks that fail: at the k-th call with an error, or by losing power."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnplug.durable import Disk

ERRNOS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)


class CountingDisk(Disk):
    """Counts its calls and lets a subclass do something before each."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before(self, name: str) -> None:
        self.calls.append(name)

    def create(self, path):
        self.before("create")
        return super().create(path)

    def extend(self, path, length):
        self.before("extend")
        return super().extend(path, length)

    def write(self, file, data):
        self.before("write")
        return super().write(file, data)

    def sync(self, file):
        self.before("sync")
        super().sync(file)

    def close(self, file):
        self.before("close")
        super().close(file)

    def replace(self, source, target):
        self.before("replace")
        super().replace(source, target)

    def sync_folder(self, folder):
        self.before("sync_folder")
        super().sync_folder(folder)

    def remove(self, path):
        self.before("remove")
        super().remove(path)


class FaultyDisk(CountingDisk):
    """Fails with an error at the k-th call, counted from 0."""

    def __init__(self, k: int, error: int) -> None:
        super().__init__()
        self.k, self.error = k, error

    def before(self, name: str) -> None:
        super().before(name)
        if len(self.calls) - 1 == self.k:
            raise OSError(self.error, os.strerror(self.error))


class ShortDisk(Disk):
    """Writes no more than a few bytes at a time, and from some call on none."""

    def __init__(self, most: int, stops_after: int | None = None) -> None:
        self.most, self.stops_after, self.calls = most, stops_after, 0

    def write(self, file, data):
        self.calls += 1
        if self.stops_after is not None and self.calls > self.stops_after:
            return 0
        return super().write(file, data[: self.most])


class PowerLossError(Exception):
    """The power goes; what is in memory is gone."""


@dataclass
class _Contents:
    """What is known of one file's bytes: in memory, and on the device for certain."""

    live: bytes = b""
    synced: bytes = b""

    @property
    def possible(self) -> set[bytes]:
        """All that may be found after a loss of power.

        Nothing of what was not synced, all, a part, or a part and zeros where
        the rest was to be.
        """
        if self.live == self.synced:
            return {self.live}
        # What was synced and is still there has reached the device.
        same = self.live.startswith(self.synced)
        start = len(self.synced) if same else 0
        half = start + (len(self.live) - start) // 2
        torn = self.live[:half]
        return {self.synced, self.live, torn, torn + bytes(len(self.live) - half)}


@dataclass
class LosingDisk(CountingDisk):
    """Works on real files, and loses power before its k-th call.

    Names are kept apart from contents, as file systems do: a rename may reach
    the device before the bytes of the file do, and each change of a name
    since the folder was synced may have reached it or not.
    """

    folder: Path
    k: int
    calls: list[str] = field(default_factory=list)
    live: dict[str, _Contents] = field(default_factory=dict)
    """What a program finds as long as there is power."""
    lasting: dict[str, _Contents] = field(default_factory=dict)
    """The names that the device has for certain."""
    changes: list[tuple[str, str, _Contents | None]] = field(default_factory=list)
    """Names that were given or taken since: the name before, the name after, whose."""
    open: dict[int, _Contents] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.folder.iterdir():
            data = path.read_bytes()
            self.live[path.name] = _Contents(data, data)
        self.lasting = dict(self.live)

    def before(self, name: str) -> None:
        if len(self.calls) == self.k:
            raise PowerLossError
        super().before(name)

    def create(self, path):
        file = super().create(path)
        self.live[path.name] = self.open[file] = _Contents()
        self.changes.append(("", path.name, self.open[file]))
        return file

    def extend(self, path, length):
        file = super().extend(path, length)
        contents = self.open[file] = self.live[path.name]
        contents.live = contents.live[:length]
        return file

    def write(self, file, data):
        written = super().write(file, data)
        self.open[file].live += bytes(data[:written])
        return written

    def sync(self, file):
        super().sync(file)
        self.open[file].synced = self.open[file].live

    def close(self, file):
        super().close(file)
        del self.open[file]

    def replace(self, source, target):
        super().replace(source, target)
        contents = self.live[target.name] = self.live.pop(source.name)
        self.changes.append((source.name, target.name, contents))

    def remove(self, path):
        super().remove(path)
        del self.live[path.name]
        self.changes.append((path.name, "", None))

    def sync_folder(self, folder):
        super().sync_folder(folder)
        self.lasting, self.changes = dict(self.live), []

    def _after(self, changes) -> dict[str, _Contents]:
        names = dict(self.lasting)
        for before, after, contents in changes:
            names.pop(before, None)
            if contents is not None:
                names[after] = contents
        return names

    def survivors(self) -> Iterator[Mapping[str, bytes]]:
        """Give every state of the folder that may be found afterwards."""
        seen = set()
        for count in range(len(self.changes) + 1):
            for kept in itertools.combinations(self.changes, count):
                names = self._after(kept)
                choices = [sorted(contents.possible) for contents in names.values()]
                for chosen in itertools.product(*choices):
                    state = tuple(sorted(zip(names, chosen, strict=True)))
                    if state not in seen:
                        seen.add(state)
                        yield dict(state)


def put(folder: Path, state: Mapping[str, bytes]) -> None:
    """Make a folder hold exactly these files."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in state.items():
        (folder / name).write_bytes(data)
