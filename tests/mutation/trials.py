"""Tests that are run in a child, on a copy of the tree.

Children are forked from a process that has imported the libraries, but not nnplug, so
that a trial begins at once.
"""

from __future__ import annotations

import compileall
import contextlib
import importlib
import math
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

LIBRARIES = ("numba", "duckdb", "sklearn.base", "pandas", "click.testing", "rich")


def prepare(root: Path, folder: Path) -> None:
    """Copy the tree, compiled, and import what all children use."""
    skip = shutil.ignore_patterns(".*", "__pycache__", "_build", "benchmarks.*")

    def ignore(at: str, names: list[str]) -> set[str]:
        # The runs that were kept lie at the root; nnplug/runs is the package.
        return skip(at, names) | ({"runs"} if Path(at) == root else set())

    shutil.copytree(root, folder, ignore=ignore)
    compileall.compile_dir(folder / "nnplug", quiet=2)
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # the tests that need it are skipped
            importlib.import_module(name)


class Outcome:
    """A plugin of pytest: says how the first test failed, and runs tests in a given order."""

    def __init__(self, path: Path, order: list[str]) -> None:
        self.path, self.order = path, {nodeid: place for place, nodeid in enumerate(order)}
        path.write_text("survived")

    def pytest_collection_modifyitems(self, config, items):
        chosen = [item for item in items if item.nodeid in self.order] if self.order else items
        items[:] = sorted(chosen, key=lambda item: self.order.get(item.nodeid, 0))

    def pytest_exception_interact(self, node, call):
        kinds = (AssertionError, pytest.fail.Exception)
        noticed = isinstance(call.excinfo.value, kinds) or "ypothesis" in str(call.excinfo.type)
        self.path.write_text(f"{'assertion' if noticed else 'crash'} {node.nodeid}")


def run_tests(
    folder: Path, cache: Path, files: list[str], plugin: object, log: Path
) -> Callable[[], int]:
    """Give what runs the tests of some files in a copy of the tree, in this process."""

    def run() -> int:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        here = str(Path(__file__).parents[2])
        sys.path[:] = [str(folder), *(each for each in sys.path if each not in ("", here))]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "nnplug")]:
            del sys.modules[name]
        os.environ |= {
            "PYTHONPATH": str(folder), "NNPLUG_TESTS_CACHE": str(cache), "COLUMNS": "80",
            "OPENBLAS_NUM_THREADS": "1",
        }  # fmt: skip
        for name in ("PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE"):
            os.environ.pop(name, None)
        sys.dont_write_bytecode = False
        arguments = ["-x", "-q", "--no-header", "--tb=short", "-m", "not slow"]
        without = ["cacheprovider", "xdist"]
        arguments += [each for name in without for each in ("-p", f"no:{name}")]
        return int(pytest.main([*arguments, *files], plugins=[plugin]))

    return run


class Child:
    """A forked process that runs something, and is killed when its time is over.

    Its time is that of a processor, since other processes may be at work; one that only
    waits is killed after ten times as long.
    """

    def __init__(self, run: Callable[[], int], seconds: float) -> None:
        self.begin = time.monotonic()
        self.end = self.begin + 10 * seconds
        self.hung = False
        self.pid = os.fork()
        if not self.pid:
            code = 70
            try:
                os.setsid()
                resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds)))
                code = run()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)

    def done(self) -> bool:
        """Whether it has ended; ends it if it takes too long."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid and time.monotonic() > self.end:
            self.stop()
            status = signal.SIGKILL
        self.hung = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (
            signal.SIGXCPU,
            signal.SIGKILL,
        )
        return bool(pid) or self.hung

    def stop(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begin
