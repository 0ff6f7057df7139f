"""The Numba engine: operations that follow each other are one compiled loop.

This module describes the engine, and is imported to list engines. The modules
that run plans are imported by the first plan: `fusion` finds what can be one
loop, `loops` writes its source, `compiler` makes machine code of it, `binder` and
`step` bind it to arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import pairwise

from nnplug.engines.engine import BoundProgram, Engine, Memory, StepSizes
from nnplug.hookspecs import hookimpl
from nnplug.plans.program import Instruction, Program
from nnplug.types import AnyArray

__all__ = ["NUMBA", "register_engines"]

COMPILATION_SECONDS = 5.0
"""The time of the first compilation of a plan and of Numba's import; measured on two cores."""

CALL_SECONDS, PASS_SECONDS = 4e-7, 1.5e-10
"""The time that a compiled loop saves for each array call, and for each element of a pass."""


def bind(
    program: Program,
    arrays: Mapping[str, AnyArray],
    memory: Memory,
    /,
    *,
    many: bool = False,
    like: BoundProgram | None = None,
) -> BoundProgram:
    """Bind a program to arrays; see `nnplug.engines.numpy.bind`."""
    from nnplug.engines.numba import step  # noqa: PLC0415  # other runs do not need it

    return step.bind(program, arrays, memory, many=many, like=like)


def left_to_numpy(program: Program) -> list[Instruction]:
    """List the instructions that no loop takes, in order."""
    from nnplug.engines.numba import fusion  # noqa: PLC0415  # other runs do not need it

    return fusion.left_to_numpy(program)


def missing() -> str:
    """Say how to install Numba where it is not installed; it is not imported."""
    if find_spec("numba") is not None:
        return ""
    return "Numba is not installed.\nInstall it with: pip install numba"


def saves(sizes: StepSizes) -> float:
    """Estimate the seconds that compiled loops save in a step."""
    widths = sizes.widths
    # Array calls of a step; passes over the parameters and over the outputs of each layer.
    calls = 15 + 12 * (len(widths) - 1)
    weights = sum(a * b for a, b in pairwise(widths))
    passes = (4 + 5 * sizes.slots) * weights + 4 * sizes.rows * sum(widths[1:])
    return CALL_SECONDS * calls + PASS_SECONDS * passes


NUMBA = Engine(
    "numba",
    bind,
    about="Operations that follow each other are one loop, which Numba compiles.",
    missing=missing,
    left_to_numpy=left_to_numpy,
    preparation=COMPILATION_SECONDS,
    saves=saves,
)


@hookimpl
def register_engines(register: Callable[[Engine], None]) -> None:
    """Register the Numba engine."""
    register(NUMBA)
