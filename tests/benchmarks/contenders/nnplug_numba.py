"""nnplug with its Numba engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.benchmarks.contenders import nnplug_numpy

TITLE = "nnplug, Numba"
RANK = 1
PACKAGES = (*nnplug_numpy.PACKAGES, "numba")
KEEPS_COMPILED = True


def supports(work: Any) -> bool:
    """Take any work, where training has an engine to choose."""
    return _has_engines()


@cache
def _has_engines() -> bool:
    """Ask in a process of its own: the harness imports no NumPy."""
    question = (
        "import inspect, sys, nnplug; from nnplug.training import train_network;"
        "both = (nnplug.train, train_network);"
        "sys.exit(any('engine' not in inspect.signature(each).parameters for each in both))"
    )
    return subprocess.run([sys.executable, "-c", question], check=False).returncode == 0


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train; what the compiler itself takes is on a clock of its own too."""
    _import(clock)
    return nnplug_numpy.run(work, arrays, clock, engine="numba")


def predictor(work: Any, arrays: dict[str, Any], clock: Any) -> Callable[[Any], Any]:
    """Give `Run.predict`."""
    _import(clock)
    return nnplug_numpy.predictor(work, arrays, clock, engine="numba")


def _import(clock: Any) -> None:
    with clock("import"), clock("compiler"):
        import numba  # noqa: F401  # imported for its time and its memory
