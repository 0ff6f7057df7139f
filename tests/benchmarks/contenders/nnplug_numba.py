"""nnplug with its Numba engine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

from tests.benchmarks.contenders import nnplug_numpy

TITLE = "nnplug, Numba"
RANK = 1
MKL = ("mkl",) if any(metadata.distributions(name="mkl")) else ()
PACKAGES = (*nnplug_numpy.PACKAGES, "numba", *MKL)
KEEPS_COMPILED = True


def supports(work: Any) -> bool:
    """Take any work."""
    return True


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train; what the compiler itself takes is on a clock of its own too."""
    import_compiler(clock)
    return nnplug_numpy.run(work, arrays, clock, engine="numba")


def predictor(work: Any, arrays: dict[str, Any], clock: Any) -> Callable[[Any], Any]:
    """Give `Run.predict`."""
    import_compiler(clock)
    return nnplug_numpy.predictor(work, arrays, clock, engine="numba")


def import_compiler(clock: Any) -> None:
    """Import what loads compiled code; Numba itself is only imported to compile."""
    with clock("import"), clock("compiler"):
        import llvmlite.binding  # noqa: F401  # imported for its time and its memory
