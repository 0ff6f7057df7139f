"""Which instructions of a plan become one loop, and which are left to NumPy.

Letters: n rows, w elements of a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nnplug.engines.numba.elements import ELEMENT, NUMBER, REDUCE, ROW, WHOLE
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["Fused", "Kind", "kind_of", "left_to_numpy", "pieces"]

Kind = Literal["number", "row", "column", "full"]


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
        Whether there is no array, so no loop either.
    """

    instructions: tuple[Instruction, ...]
    rows: int
    width: int
    numbers: bool = False


def kind_of(value: Value, rows: int, width: int) -> Kind | None:
    """Say how a value lies beside the rows; None: in another way."""
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


def pieces(section: Section, rows: int) -> list[Fused | Instruction]:
    """Divide a section into loops, and instructions that are left to NumPy.

    Parameters
    ----------
    rows : int
        The batch size; a tiled section has its own number.
    """
    rows = section.rows or rows
    done: list[Fused | Instruction] = []
    waiting: list[Instruction] = []
    sums: set[Value] = set()  # what the waiting instructions sum over all rows
    width = 0

    def close() -> None:
        if waiting:
            done.append(Fused(tuple(waiting), rows, width or 1, numbers=not width))
            waiting.clear()
            sums.clear()

    for instruction in section.instructions:
        own = _width(instruction, rows)
        if not sums.isdisjoint(instruction.inputs):  # it is known only after the loop's last row
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
    """Give the elements of a row that an instruction looks at; 0 for numbers, None if no loop can.

    It is None, too, for what NumPy does as well: products, transposed arrays.
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
        return None  # a sum in the plan's order would wait for each addition
    if name == "sum_rows" and not instruction.output.in_vector:
        return None  # it is set to 0 before the loop, which may still read what lay there
    if name in WHOLE:
        values = instruction.inputs
    if any(kind_of(value, rows, width) is None for value in values):
        return None
    if name in ELEMENT and not instruction.output.shape:
        return None
    # A row that becomes one number must be a row of the array, not the array of one column.
    if reduces and kind_of(instruction.inputs[0], rows, width) != "full":
        return None
    return width
