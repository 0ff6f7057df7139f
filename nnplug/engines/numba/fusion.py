"""Which instructions of a plan become one loop, and which are left to NumPy.

Each instruction alone would read its inputs from memory and write its output
there, and memory is slower than arithmetic. In one loop over the rows, what one
instruction computes stays in a register of the processor until the next needs
it. That is possible for instructions that follow each other and compute a row
from the same row: they are fused.

Letters: n rows, w elements of a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from nnplug.engines.numba.elements import ELEMENT, NUMBER, REDUCE, ROW, WHOLE
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["Fused", "Kind", "Stage", "kind_of", "left_to_numpy", "pieces"]

Kind = Literal["number", "row", "column", "full"]


@dataclass(eq=False)
class Stage:
    """A part of a row's work: statements for each element of the row (a loop), or for the row.

    A stage ends where something needs the whole row first, such as the sum that
    a softmax divides by.

    Attributes
    ----------
    loop : bool
        Whether `lines` are repeated for each element.
    before, lines, after : list of str
        The statements; `before` and `after` are run once for the row.
    """

    loop: bool
    before: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Fused:
    """Instructions that become one loop.

    Attributes
    ----------
    instructions : tuple of Instruction
    rows : int
        n.
    width : int
        w.
    numbers : bool
        Whether there are only numbers, so that no loop is needed.
    """

    instructions: tuple[Instruction, ...]
    rows: int
    width: int
    numbers: bool = False

    @cached_property
    def is_flat(self) -> bool:
        """Whether all rows can be taken as one long row: no value belongs to a row or a column."""
        for instruction in self.instructions:
            if instruction.operation.name in ("take", "sum_rows", *ROW, *REDUCE):
                return False
            for value in (*instruction.inputs, instruction.output):
                if kind_of(value, self.rows, self.width) in ("row", "column"):
                    return False
        return True

    def kind(self, value: Value) -> Kind:
        """Give how a value of one of the instructions lies beside the rows."""
        kind = kind_of(value, self.rows, self.width)
        assert kind is not None
        # A row of one element is a number of the row.
        return "row" if kind == "full" and self.width == 1 and not self.is_flat else kind

    def stages(self) -> tuple[list[Stage], list[int]]:
        """Divide the instructions into stages, in the order of the plan.

        Returns
        -------
        list of Stage
            Without statements.
        list of int
            The stage of each instruction.
        """
        stages: list[Stage] = []
        stage_of: list[int] = []
        reduced: dict[Value, int] = {}
        for instruction in self.instructions:
            loop = not self.is_flat and any(
                self.kind(value) == "full"
                for value in (*instruction.inputs, instruction.output)
                if not _is_indexed(instruction, value)
            )
            last = len(stages) - 1
            waits = any(reduced.get(value) == last for value in instruction.inputs)
            # A sum adds one element after the other, so the compiler cannot compute
            # several at once in a loop with a sum. The functions whose values are
            # summed have a loop of their own, where it can.
            reduces = loop and instruction.operation.name in REDUCE
            after_sum = loop and last in reduced.values() and not reduces
            before_sum = reduces and last not in reduced.values()
            if last < 0 or stages[last].loop != loop or waits or after_sum or before_sum:
                stages.append(Stage(loop))
            stage_of.append(len(stages) - 1)
            if reduces:
                reduced[instruction.output] = len(stages) - 1
        return stages, stage_of


def kind_of(value: Value, rows: int, width: int) -> Kind | None:
    """Give how a value lies beside the rows; None if it fits none of the kinds.

    A `"number"` is one for the whole loop, a `"row"` has a number for each row, a
    `"column"` a number for each column, and a `"full"` array one for each element.
    """
    size = math.prod(value.shape)
    if value.per_row and value.shape and value.shape[0] == rows:
        if size == rows * width:
            return "full"
        return "row" if size == rows else None
    if not value.shape:
        return "number"
    if value.per_row or len(value.shape) != 1:
        return None
    return "column" if size == width else None


def _is_indexed(instruction: Instruction, value: Value) -> bool:
    """Whether an operand is read in one place of the row only, which an index names."""
    name = instruction.operation.name
    return name in ("take_along_axis", "take") and value in instruction.inputs


def pieces(section: Section, rows: int) -> list[Fused | Instruction]:
    """Divide a section into loops, and instructions that are left to NumPy.

    Parameters
    ----------
    rows : int
        The batch size; a tiled section has its own number of rows.
    """
    rows = section.rows or rows
    done: list[Fused | Instruction] = []
    waiting: list[Instruction] = []
    sums: set[Value] = set()  # sums over all rows that the waiting instructions compute
    width = 0

    def close() -> None:
        if waiting:
            done.append(Fused(tuple(waiting), rows, width or 1, numbers=not width))
            waiting.clear()
            sums.clear()

    for instruction in section.instructions:
        own = _width(instruction, rows)
        if not sums.isdisjoint(instruction.inputs):  # a sum is known only after the last row
            close()
            width = 0
        if own is None:
            close()
            width = 0
            done.append(instruction)
            continue
        if width and own and own != width and min(own, width) > 1:
            close()
            width = 0
        width = max(width, own)
        waiting.append(instruction)
        if instruction.operation.name in WHOLE:
            sums.add(instruction.output)
    close()
    return done


def left_to_numpy(program: Program) -> list[Instruction]:
    """List the instructions that no loop takes, in order."""
    return [
        piece
        for section in program.sections
        for piece in pieces(section, program.rows)
        if isinstance(piece, Instruction)
    ]


def _width(instruction: Instruction, rows: int) -> int | None:
    """Give how many elements of a row an instruction needs; 0 for numbers; None for NumPy's.

    It is left to NumPy if no loop can do it, or none does it faster: matrix
    products, transposed arrays.
    """
    name = instruction.operation.name
    values = (*instruction.inputs, instruction.output)
    if name == "take":
        fits = instruction.output.per_row and instruction.output.shape[0] == rows
        return math.prod(instruction.output.shape[1:]) if fits else None
    if all(not value.shape for value in values):
        return 0 if name in ELEMENT or name in NUMBER else None
    arrays = [value for value in values if value.per_row and value.shape]
    if not arrays or any(value.shape[0] != rows for value in arrays):
        return None
    width = max(math.prod(value.shape[1:]) for value in arrays)
    reduces = name in REDUCE and instruction.options.get("axis") == -1
    if not (reduces or name in ELEMENT or name in WHOLE or name in ROW):
        return None
    if name == "squares" and instruction.output.vector != "checks":
        return None  # summed in order, each addition would wait for the one before
    if name == "sum_rows" and not instruction.output.in_vector:
        return None  # it is set to 0 before the loop, which may still need the old contents
    if name in WHOLE:
        values = instruction.inputs
    if any(kind_of(value, rows, width) is None for value in values):
        return None
    if name in ELEMENT and not instruction.output.shape:
        return None
    # Only a row of the array is reduced to a number, not an array of one column.
    if reduces and kind_of(instruction.inputs[0], rows, width) != "full":
        return None
    return width
