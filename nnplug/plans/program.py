"""Programs: a plan's values, instructions and sections, and where the values live.

A program does not depend on the engine: it lists which operation runs on which
named values, in order. An engine binds the values to arrays once, and then runs
the list as often as there are steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nnplug.formulas.graph import Operation

__all__ = ["TILE", "Allocation", "Instruction", "Program", "Role", "Section", "Slot", "Value"]

TILE = 32_768
"""The most elements that a tile of a tiled section holds (128 KiB in float32).

A chain of array calls over one tile stays in the processor's cache, and the
cost of a call (0.3 µs) is small compared to its work (8 µs).
"""

Role = Literal[
    "buffer", "constant", "parameters", "gradients", "slot", "scalar", "data", "noise", "result"
]

Phase = Literal[
    "gather", "forward", "loss", "backward", "penalty", "clip", "update", "output"
]  # fmt: skip
"""The part of a step that a section belongs to."""


@dataclass(eq=False, slots=True)
class Value:
    """A named array of a program.

    Attributes
    ----------
    name : str
        As printed: `"hidden1.z"`; nothing depends on it.
    shape : tuple of int
    dtype : numpy.dtype
    role : str
        `"buffer"`: working memory, shared by values that are not needed at
        the same time. `"parameters"`, `"gradients"`, `"slot"`: a part of
        that vector. `"scalar"`: a number that changes with the step.
        `"data"`: given by the caller; `"noise"`: drawn anew for each step.
        `"result"`: read by the caller. `"constant"`: a number of the formula.
    start : int
        The index of its first element in its vector.
    vector : str
        The name of its slot, data or result array.
    number : float
        A constant's value.
    per_row : bool
        Whether a tiled section divides it into tiles along axis 0.
    within : bool
        Whether it is a step inside a formula, whose name only numbers it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    role: Role = "buffer"
    start: int = 0
    vector: str = ""
    number: float = 0.0
    per_row: bool = False
    within: bool = False

    @property
    def nbytes(self) -> int:
        """Memory of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def in_vector(self) -> bool:
        """Whether it is a part of a vector: of the parameters, the gradients or a slot."""
        return self.role in ("parameters", "gradients", "slot")


@dataclass(eq=False, slots=True)
class Instruction:
    """One array operation, `output = operation(*inputs, **options)`; it is never changed.

    Not frozen: a frozen dataclass takes four times as long to make, and a deep
    network's plan has thousands.
    """

    operation: Operation
    inputs: tuple[Value, ...]
    output: Value
    options: dict[str, Any] = field(default_factory=dict)

    def may_overwrite(self, value: Value) -> bool:
        """Whether the output may be written into the memory of one of the inputs.

        Everything that places values asks this: the allocator, the update, and
        the engines before they run anything. An input that is broadcast, or of
        another dtype, never shares memory with the output, since their elements
        do not lie in the same places.
        """
        places = [place for place, given in enumerate(self.inputs) if given is value]
        return _layout(value) == _layout(self.output) and all(
            map(self.operation.may_overwrite, places)
        )


@dataclass(eq=False, slots=True)
class Section:
    """Instructions that belong together, under a title.

    Attributes
    ----------
    title : str
        As printed; nothing depends on it.
    phase : str
    rows : int or None
        The number of rows, if each row along axis 0 is computed by itself: an
        engine may then run the whole section tile by tile. None otherwise.
    """

    title: str
    phase: Phase
    rows: int | None = None
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def tile_rows(self) -> int:
        """The rows of a tile; 0 if the section is not tiled."""
        if self.rows is None:
            return 0
        widest = max(
            (
                math.prod(instruction.output.shape[1:])
                for instruction in self.instructions
                if instruction.output.per_row
            ),
            default=1,
        )
        return min(self.rows, max(1, TILE // max(widest, 1)))


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of working memory: its number, and whether all tiles of a section share it."""

    number: int
    scratch: bool


@dataclass(eq=False)
class Program:
    """A plan: sections in order, for one batch size.

    Attributes
    ----------
    rows : int
        The batch size, N.
    sections : list of Section
    """

    rows: int
    sections: list[Section]

    @cached_property
    def allocation(self) -> Allocation:
        """Where its buffers live, once every section is written."""
        return _allocate(self)

    def instructions(self) -> Iterator[tuple[Section, Instruction]]:
        """Every instruction with its section, in order."""
        for section in self.sections:
            for instruction in section.instructions:
                yield section, instruction

    def check_places(self) -> None:
        """Make sure that no result is written over an input that its operation still reads.

        Raises
        ------
        AssertionError
            If one is: the code that wrote the program did not ask `may_overwrite`.
        """
        for section, instruction in self.instructions():
            output = instruction.output
            for value in instruction.inputs:
                if self._share_memory(value, output) and not instruction.may_overwrite(value):
                    raise AssertionError(
                        f"{section.title}: {instruction.operation.name} would write "
                        f"{output.name} over {value.name}, which it still reads"
                    )

    def _share_memory(self, a: Value, b: Value) -> bool:
        slots = self.allocation.slots
        if a in slots or b in slots:
            return a in slots and b in slots and slots[a] == slots[b]
        if (a.role, a.vector) != (b.role, b.vector) or not a.in_vector:
            return a is b
        ends = (value.start + math.prod(value.shape) for value in (a, b))
        return max(a.start, b.start) < min(ends)


def _layout(value: Value) -> Hashable:
    """Give a key that is equal for two arrays that can have each element in the same place."""
    return value.shape, value.dtype, value.per_row


@dataclass(eq=False)
class Allocation:
    """Where each buffer of a program lives.

    Attributes
    ----------
    slots : dict of Value to Slot
        By the value's identity.
    sizes : dict of bool to list of int
        The bytes of each slot; scratch slots (True) are numbered by themselves.
    """

    slots: dict[Value, Slot]
    sizes: dict[bool, list[int]]


def _allocate(program: Program) -> Allocation:
    """Give each buffer a slot, shared with buffers that are needed at other times.

    An operation writes over an input that is not read again, if it may. A value
    that lives within one tiled section needs room for a tile only.

    Within a section, memory is reused only by values with each element in the
    same place. Tiles, and the rows of a compiled loop, go through the whole
    section one after the other: later ones still read what the present one no
    longer needs.
    """
    last_use, homes = _lifetimes(program)
    allocation = Allocation({}, {False: [], True: []})
    free: dict[bool, list[int]] = {False: [], True: []}
    position = 0
    for section in program.sections:
        tile_rows = section.tile_rows
        # The slots that the section no longer needs, by layout and kind of slot.
        released: dict[tuple[Hashable, bool], list[Slot]] = {}
        for instruction in section.instructions:
            output = instruction.output
            dying = {
                value: allocation.slots[value]
                for value in instruction.inputs
                if last_use.get(value) == position
            }
            if output.role == "buffer" and output not in allocation.slots:
                local = homes[output] == {id(section)}
                scratch = section.rows is not None and output.per_row and local
                again = released.get((_layout(output), scratch))
                over = [
                    value
                    for value, slot in dying.items()
                    if slot.scratch == scratch and instruction.may_overwrite(value)
                ]
                if over:
                    allocation.slots[output] = dying.pop(over[0])
                elif again and (output.per_row or section.rows is None):
                    allocation.slots[output] = again.pop()
                else:
                    share = tile_rows / output.shape[0] if scratch else 1
                    size = round(output.nbytes * share)
                    number = _take(free[scratch], allocation.sizes[scratch], size)
                    allocation.slots[output] = Slot(number, scratch)
            for value, slot in dying.items():
                released.setdefault((_layout(value), slot.scratch), []).append(slot)
            position += 1
        for slot in itertools.chain.from_iterable(released.values()):
            free[slot.scratch].append(slot.number)
    return allocation


def _lifetimes(program: Program) -> tuple[dict[Value, int], dict[Value, set[int]]]:
    """Find the last use of each buffer, and the sections that use it."""
    last_use: dict[Value, int] = {}
    homes: dict[Value, set[int]] = {}
    for position, (section, instruction) in enumerate(program.instructions()):
        for value in (*instruction.inputs, instruction.output):
            if value.role == "buffer":
                last_use[value] = position
                homes.setdefault(value, set()).add(id(section))
    return last_use, homes


def _take(free: list[int], sizes: list[int], size: int) -> int:
    """Take the free slot that fits best, or make a new one."""
    fitting = [number for number in free if sizes[number] >= size]
    if fitting:
        best = min(fitting, key=lambda number: sizes[number])
    elif free:
        best = max(free, key=lambda number: sizes[number])
        sizes[best] = size
    else:
        sizes.append(size)
        return len(sizes) - 1
    free.remove(best)
    return best
