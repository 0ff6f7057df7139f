"""Which engine runs a plan: `numpy`, `numba`, or the one that is done first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import Protocol

from nnplug.engines import numpy_engine
from nnplug.engines.numpy_engine import BoundProgram, Memory
from nnplug.errors import SettingError, suggest
from nnplug.plans.program import Program
from nnplug.types import AnyArray

__all__ = ["ENGINES", "NUMPY", "Engine", "choose_engine", "find_engine"]


COMPILATION_SECONDS = 5.0
"""What the first compilation of a plan takes, Numba's import included; measured on two cores."""

CALL_SECONDS, PASS_SECONDS = 4e-7, 1.5e-10
"""What a compiled loop saves: of an array call, and of an element in a pass over an array."""


class Bind(Protocol):
    """Binds a program to arrays."""

    def __call__(
        self,
        program: Program,
        arrays: Mapping[str, AnyArray],
        memory: Memory,
        /,
        *,
        many: bool = False,
        like: BoundProgram | None = None,
    ) -> BoundProgram: ...


@dataclass(frozen=True)
class Engine:
    """What binds programs to arrays.

    Attributes
    ----------
    name : str
        `"numpy"` or `"numba"`.
    bind : callable
        See `nnplug.engines.numpy_engine.bind`.
    """

    name: str
    bind: Bind


def _bind_compiled(
    program: Program,
    arrays: Mapping[str, AnyArray],
    memory: Memory,
    /,
    *,
    many: bool = False,
    like: BoundProgram | None = None,
) -> BoundProgram:
    from nnplug.engines import numba_engine  # noqa: PLC0415  # what a run without it need not load

    return numba_engine.bind(program, arrays, memory, many=many, like=like)


NUMPY = Engine("numpy", numpy_engine.bind)
ENGINES = {engine.name: engine for engine in (NUMPY, Engine("numba", _bind_compiled))}
"""The engines by name."""


def installed() -> bool:
    """Whether Numba is installed; it is not imported."""
    return find_spec("numba") is not None


def choose_engine(name: str, *, widths: Sequence[int], slots: int, rows: int, steps: int) -> Engine:
    """Find an engine by its name, or for `"auto"` the one that is expected to be done first.

    `"auto"` takes Numba, where it is installed, if it is expected to save more
    than its first compilation takes. What a cache holds does not count, so
    that the same run always has the same engine, and the same bits.

    Parameters
    ----------
    widths : sequence of int
        Of the network's layers, the inputs first.
    slots : int
        State vectors of the optimizer.
    rows : int
        The batch size.
    steps : int
        Of the whole run.

    Raises
    ------
    SettingError
        See `find_engine`.
    """
    if name != "auto":
        return find_engine(name)
    if not installed():
        return NUMPY
    # Array calls of a step; passes over the parameters and over the outputs of each layer.
    calls = 15 + 12 * (len(widths) - 1)
    weights = sum(a * b for a, b in pairwise(widths))
    passes = (4 + 5 * slots) * weights + 4 * rows * sum(widths[1:])
    saved = steps * (CALL_SECONDS * calls + PASS_SECONDS * passes)
    return ENGINES["numba" if saved > COMPILATION_SECONDS else "numpy"]


def find_engine(name: str) -> Engine:
    """Find an engine by its name.

    Raises
    ------
    SettingError
        If there is none of that name, or if what it needs is not installed.
    """
    if name not in ENGINES:
        known = [*ENGINES, "auto"]
        raise SettingError(
            f"engine={name!r}: use {', '.join(map(repr, known))}.{suggest(name, known)}"
        )
    if name == "numba" and not installed():
        raise SettingError(
            "engine='numba': Numba is not installed.\nInstall it with: pip install numba, "
            "or use engine='numpy'."
        )
    return ENGINES[name]
