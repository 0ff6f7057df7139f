"""Which engine runs a plan: `numpy`, `numba`, or the one that is done first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nnplug.engines import numba_engine, numpy_engine
from nnplug.engines.compiler import installed
from nnplug.engines.numpy_engine import BoundProgram, Memory
from nnplug.errors import SettingError, suggest
from nnplug.plans.program import Program
from nnplug.types import AnyArray

__all__ = ["ENGINES", "NUMPY", "Engine", "find_engine"]


@dataclass(frozen=True)
class Engine:
    """What binds programs to arrays.

    Attributes
    ----------
    name : str
        `"numpy"` or `"numba"`.
    bind : callable
        `bind(program, arrays, memory)` gives a `BoundProgram`.
    """

    name: str
    bind: Callable[[Program, Mapping[str, AnyArray], Memory], BoundProgram]


NUMPY = Engine("numpy", numpy_engine.bind)
ENGINES = {engine.name: engine for engine in (NUMPY, Engine("numba", numba_engine.bind))}
"""The engines by name."""


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
    if name == "numba" and installed() is None:
        raise SettingError(
            "engine='numba': Numba is not installed.\nInstall it with: pip install 'nnplug[fast]', "
            "or use engine='numpy'."
        )
    return ENGINES[name]
