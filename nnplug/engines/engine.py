"""The base of engines: how they bind programs to arrays, and how they are described.

An engine is described by an `Engine`, which is cheap to make. To run a program,
the engine binds it: it looks up all arrays once, and returns a `BoundProgram`, a
list of calls without arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.errors import PartError
from nnplug.plans.program import Allocation, Instruction, Program, Section
from nnplug.tool import Tool
from nnplug.types import AnyArray

__all__ = [
    "Bind",
    "BoundProgram",
    "Call",
    "Engine",
    "Memory",
    "StepSizes",
    "announce",
    "announced",
]

Call = Callable[[], object]


@dataclass(eq=False)
class Memory:
    """The working memory that the programs of one run share.

    Programs for different batch sizes, such as the smaller last batch, never run
    at the same time, so they use the same bytes.
    """

    blocks: dict[bool, list[AnyArray]] = field(default_factory=lambda: {False: [], True: []})

    def reserve(self, allocation: Allocation) -> None:
        """Make room for a program; call for the largest batch first."""
        for scratch, sizes in allocation.sizes.items():
            blocks = self.blocks[scratch]
            for number, size in enumerate(sizes):
                if number == len(blocks):
                    blocks.append(aligned_zeros(size, np.uint8))
                elif len(blocks[number]) < size:
                    blocks[number] = aligned_zeros(size, np.uint8)

    @property
    def nbytes(self) -> int:
        """The bytes of all blocks."""
        return sum(len(block) for blocks in self.blocks.values() for block in blocks)


@dataclass(eq=False)
class BoundProgram:
    """A program ready to run.

    Attributes
    ----------
    calls : list of callable
        The whole program, in order.
    sections : list of (Section, list of callable)
        The same calls by section.
    results : dict of str to array
        `"loss"`, `"output"` and `"checks"`, if the program has them.
    kept : list of array
        Arrays whose addresses the calls use, and which must not be freed.
    many : callable or None
        Takes many training steps in one call, if the engine can. Its arguments
        are the order of rows (or None), the learning rates, arrays of float64
        for losses and penalties, and one for the outputs that are kept (or
        None). It returns the number of steps taken.
    sources : tuple of str
        The sources compiled for `many`.
    """

    calls: list[Call]
    sections: list[tuple[Section, list[Call]]]
    results: dict[str, AnyArray]
    kept: list[AnyArray] = field(default_factory=list)
    many: Callable[[AnyArray | None, AnyArray, AnyArray, AnyArray, AnyArray | None], int] | None = (
        None
    )
    sources: tuple[str, ...] = ()


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
    ) -> BoundProgram:
        """Bind it; see `nnplug.engines.numpy.bind`."""


@dataclass(frozen=True)
class StepSizes:
    """The sizes that the time of a training step depends on.

    Attributes
    ----------
    widths : sequence of int
        The widths of the inputs and of the network's layers.
    slots : int
        The number of the optimizer's state vectors.
    rows : int
        The batch size.
    """

    widths: Sequence[int]
    slots: int
    rows: int


def _nothing() -> str:
    return ""


@dataclass(frozen=True, eq=False, repr=False)
class Engine(Tool):
    r"""The description of an engine, which binds programs to arrays.

    Making and registering it should not import anything slow: `bind` imports
    what it needs itself.

    Attributes
    ----------
    bind : callable
        See `nnplug.engines.numpy.bind`.
    missing : callable
        Says why it cannot run here, and then how to change that:
        `"NAME is not installed.\nInstall it with: pip install NAME"`; empty if
        it can. It is called often, and imports nothing.
    left_to_numpy : callable, optional
        Lists the instructions of a program that it leaves to NumPy, for
        `nnplug train --plan`; without it none is marked.
    preparation : float
        The most seconds that it takes before the first step, on two cores.
    saves : callable, optional
        Estimates how many seconds less a step of some sizes takes than in the
        NumPy engine. `auto` chooses by this and `preparation`, and never
        chooses an engine without it.

    Raises
    ------
    PartError
        If the name or a function is not as described here.
    """

    kind: ClassVar[str] = "engine"
    takes: ClassVar[tuple[str, ...]] = ("program", "arrays", "memory", "*", "many", "like")
    reserved: ClassVar[tuple[str, ...]] = ("auto",)

    bind: Bind
    missing: Callable[[], str] = field(default=_nothing, kw_only=True)
    left_to_numpy: Callable[[Program], list[Instruction]] | None = field(default=None, kw_only=True)
    preparation: float = field(default=0.0, kw_only=True)
    saves: Callable[[StepSizes], float] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        functions: dict[str, Any] = {"missing": self.missing}
        optional = {"left_to_numpy": self.left_to_numpy, "saves": self.saves}
        functions |= {name: given for name, given in optional.items() if given is not None}
        for name, function in functions.items():
            if not callable(function):
                where = f"{self._where}engine {self.name!r}"
                raise PartError(f"{where}: {name}={function!r}: it must be a function.")

    @property
    def function(self) -> Callable[..., Any]:
        """The function that binds."""
        return self.bind


# --- announcements -----------------------------------------------------------------------

_SAY: ContextVar[Callable[[str], object] | None] = ContextVar("_SAY", default=None)


@contextmanager
def announced(say: Callable[[str], object]) -> Iterator[None]:
    """Give a context in which `say` is called before an engine does something that takes long."""
    token = _SAY.set(say)
    try:
        yield
    finally:
        _SAY.reset(token)


def announce(text: str) -> None:
    """Announce something that takes long, if anybody listens; for engines."""
    say = _SAY.get()
    if say is not None:
        say(text)
