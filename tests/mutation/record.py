"""Which tests run which function, found by running the tests once.

A file that has changed since is recorded anew. A function that no record has is tried by
the tests of its module.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.places import Place

LEFT_OUT = ("benchmarks", "mutation", "plugins", "project", "reliability")
"""Folders of tests whose work is done by other processes, or by whole environments."""


def test_files(root: Path) -> list[str]:
    """Find the files that have tests: those of tests/, and modules with examples."""
    found = [
        path
        for path in sorted((root / "tests").rglob("test_*.py"))
        if path.relative_to(root).parts[1] not in LEFT_OUT
    ]
    found += [
        path for path in sorted((root / "nnplug").rglob("*.py")) if ">>> " in path.read_text()
    ]
    return [path.relative_to(root).as_posix() for path in found]


class Recorder:
    """A plugin of pytest: writes the functions that each test calls.

    Only calls are traced, no lines, which costs a few tenths of the time.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self.package, self.path = str(root / "nnplug") + "/", path
        self.root = len(str(root)) + 1
        self.seen: dict[int, object] = {}
        self.next_time = 0.0
        self.functions: dict[str, int] = {}
        self.tests: list[tuple[str, float, list[int]]] = []

    def trace(self, frame, event, arg):
        self.seen.setdefault(id(frame.f_code), frame.f_code)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        self.seen, start = {}, sum(os.times()[:4])
        sys.settrace(self.trace)
        threading.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            called = {
                f"{code.co_filename[self.root :]}::{code.co_qualname}"
                for code in list(self.seen.values())
                if code.co_filename.startswith(self.package)
            }
            numbers = [self.functions.setdefault(name, len(self.functions)) for name in called]
            self.tests.append((item.nodeid, round(sum(os.times()[:4]) - start, 3), numbers))
            # Where the time of a file ends, what was found until then is kept.
            if nextitem is None or time.perf_counter() > self.next_time:
                self.path.write_text(json.dumps([list(self.functions), self.tests]))
                self.next_time = time.perf_counter() + 5


@dataclass
class Test:
    """A test, and the functions that it calls."""

    nodeid: str
    seconds: float
    """Of processors, so that what else runs does not count."""
    functions: frozenset[str]

    @property
    def file(self) -> str:
        return self.nodeid.partition("::")[0]


@dataclass
class Records:
    """The records of all files of tests, in a folder."""

    root: Path
    folder: Path
    without: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        files = test_files(self.root)
        return [file for file in files if not any(fnmatch(file, each) for each in self.without)]

    def path(self, file: str) -> Path:
        return self.folder / f"{file.replace('/', '.')}.json"

    def digest(self, file: str) -> str:
        return hashlib.blake2b((self.root / file).read_bytes(), digest_size=12).hexdigest()

    def missing(self) -> list[str]:
        """Give the files without a record, or whose content is another now."""
        found = {file: self._read(file)[0] for file in self.files}
        return [file for file, digest in found.items() if digest != self.digest(file)]

    def write(self, file: str, noted: Path) -> None:
        """Keep what a recorder has noted; nothing, if it came to nothing."""
        if noted.exists():
            record = [self.digest(file), *json.loads(noted.read_text())]
            self.path(file).write_text(json.dumps(record))

    def read(self) -> None:
        """Read all records, older ones too."""
        for file in self.files:
            _, functions, tests = self._read(file)
            for nodeid, seconds, numbers in tests:
                called = frozenset(functions[number] for number in numbers)
                self.tests.append(Test(nodeid, seconds, called))

    def _read(self, file: str) -> list[Any]:
        path = self.path(file)
        return json.loads(path.read_text()) if path.exists() else ["", [], []]

    def choose(self, place: Place, seconds: float) -> list[Test]:
        """Choose tests for a place, the likeliest to notice first, for about so many seconds.

        First those that call its function, then the others in the same files: what is
        computed once in a process is called by the first test that needs it. Files that
        are named like the module come first, then short tests.
        """
        module = [test for test in self.tests if _calls(test, place.path, "")]
        calling = [test for test in module if _calls(test, place.path, place.function)]
        files = {test.file for test in calling}
        beside = [test for test in self.tests if test.file in files] if calling else module
        words = _words(place.path)
        order = {
            test.nodeid: test
            for group in (calling, beside)
            for test in sorted(
                group, key=lambda test: (-len(words & _words(test.file)), test.seconds)
            )
        }
        chosen: list[Test] = []
        left = seconds
        for test in order.values():
            if test.seconds <= min(left, seconds / 3):
                chosen.append(test)
                left -= test.seconds
        return chosen or sorted(calling, key=lambda test: test.seconds)[:1]


def _calls(test: Test, path: str, function: str) -> bool:
    name = f"{path}::{function}"
    return any(
        each.startswith(name) and (not function or each[len(name) :][:1] in ("", "."))
        for each in test.functions
    )


def _words(path: str) -> set[str]:
    """Give the words of a path, in the singular; those of `test_trainer.py` are `trainer`."""
    words = re.findall(r"[a-z0-9]+", path.removesuffix(".py"))
    return {word.removesuffix("s") for word in words} - {"test", "nnplug", ""}
