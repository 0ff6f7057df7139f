"""A program that is bound to arrays, and the memory that such programs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.plans.program import Allocation, Section
from nnplug.types import AnyArray

__all__ = ["BoundProgram", "Call", "Memory"]

Call = Callable[[], object]


@dataclass(eq=False)
class Memory:
    """The working memory that programs of one run share.

    Programs for different batch sizes, the last and smaller batch among
    them, never run at the same time, so they use the same bytes.
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
        """Bytes held."""
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
        `"loss"`, `"output"` or `"checks"`, as far as the program has them.
    kept : list of array
        Memory that the calls know by its address alone.
    many : callable or None
        Takes many training steps in one call, if the engine can: given the
        order of rows (or None), learning rates, arrays of float64 for losses
        and penalties, and one for the outputs that are kept (or None), it
        returns how many steps were taken.
    sources : tuple of str
        What was compiled for `many`.
    """

    calls: list[Call]
    sections: list[tuple[Section, list[Call]]]
    results: dict[str, AnyArray]
    kept: list[AnyArray] = field(default_factory=list)
    many: Callable[[AnyArray | None, AnyArray, AnyArray, AnyArray, AnyArray | None], int] | None = (
        None
    )
    sources: tuple[str, ...] = ()
