"""From a plan's instructions to loops: the source of a function that a compiler takes.

Instructions that follow each other and look at one element, or at one row, at
a time become one pass over the rows: what one computes, the next reads from a
register, not from memory. The source is Python, for one step of the plan in
the order of the plan; `nnplug.engines.numba.compiler` turns it into machine code.

Letters: n rows, w elements of a row; i and j count them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.engines.numba.elements import (
    COMPARES,
    ELEMENT,
    NUMBER,
    REDUCE,
    ROW,
    TRUTHS,
    WHOLE,
    literal,
    loaded,
    name_of,
    stored,
)
from nnplug.engines.numba.fusion import Fused, Kind, kind_of
from nnplug.engines.numba.mathematics import NAMES
from nnplug.engines.numba.table import WIDTH_WRITTEN_OUT, Table
from nnplug.plans.program import Instruction, Value

__all__ = ["Writer"]


class Writer:
    """Writes the source of one function, loop after loop.

    Parameters
    ----------
    table : Table
        Holds sizes and addresses.
    locate : callable
        Gives the array of a value: an expression for its address, and
        something that is equal for values of the same memory.
    needed : callable
        Whether a value is read outside the loop that computes it.
    constants : bool
        Whether constants stand in the source, as they do where lengths do. Else
        the table holds them, so that a mean over other rows has the same source.

    Attributes
    ----------
    views : list of str
        The statements that make arrays of addresses.
    lines : list of str
        The loops.
    """

    def __init__(
        self,
        table: Table,
        locate: Callable[[Value], tuple[str, Hashable]],
        needed: Callable[[Value], bool],
        *,
        constants: bool = False,
    ) -> None:
        self.table, self.locate, self.needed = table, locate, needed
        self.constants = constants
        self.views: list[str] = []
        self.lines: list[str] = []
        self._views: dict[Hashable, str] = {}
        self._count = 0

    def fresh(self, letter: str) -> str:
        """Make a name that the function does not have."""
        self._count += 1
        return f"{letter}{self._count}"

    def view(self, value: Value) -> str:
        """Name the array of a value, making it the first time."""
        address, memory = self.locate(value)
        key = (memory, name_of(value.dtype))
        if key not in self._views:
            self._views[key] = self.array(address, value.dtype)
        return self._views[key]

    def constant(self, number: float, dtype: np.dtype[Any]) -> str | None:
        """Write how a constant is loaded; None if it stands in the source."""
        simple = not math.isfinite(number) or (4 * number).is_integer()  # 0, 1, a half
        if self.constants or simple or dtype.kind != "f":
            return None
        key = ("constant", number, dtype)
        if key not in self._views:
            self._views[key] = self.array(self.table.address(np.array([number], dtype)), dtype)
        return f"{self._views[key]}[0]"

    def row(self, value: Value, width: int) -> str:
        """Make room for one row of a value."""
        return self.array(self.table.room(width * value.dtype.itemsize), value.dtype)

    def array(self, address: str, dtype: np.dtype[Any]) -> str:
        """Make an array of an address."""
        name = self.fresh("a")
        kind = "uint8" if dtype.kind == "b" else name_of(dtype)
        self.views.append(f"{name} = {kind}_at({address})")
        return name

    def fused(self, piece: Fused, n: str, w: str) -> None:
        """Write a loop; `n` and `w` are what the source calls its sizes."""
        loop = _ShortRows if _is_short(piece) else _Loop
        loop(self, piece, n, w).write()


@dataclass(eq=False)
class _Stage:
    """Statements for a row: for each of its elements (a loop), or once."""

    loop: bool
    before: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


class _Loop:
    """Writes one `Fused` piece: a loop over rows, in each row one stage after the other.

    A stage ends where something needs the whole row first: the sum that a
    softmax divides by, say. What a later stage needs of an earlier one waits
    in a row of working memory.
    """

    def __init__(self, writer: Writer, piece: Fused, n: str, w: str) -> None:
        self.writer, self.piece, self.n, self.w = writer, piece, n, w
        self.rows, self.width = piece.rows, piece.width
        self.flat = self._is_flat()
        self.stages: list[_Stage] = []
        self.stage_of = self._divide()
        made = dict(zip((i.output for i in piece.instructions), self.stage_of, strict=True))
        self.kept = {
            value
            for instruction, stage in zip(piece.instructions, self.stage_of, strict=True)
            for value in instruction.inputs
            if value in made and self._kind(value) == "full" and made[value] != stage
        }
        self.start: list[str] = []  # before the first row
        self.end: list[str] = []  # after the last
        self.names: dict[tuple[Value, int], str] = {}  # of an element, in a stage
        self.row_names: dict[Value, str] = {}  # of what is one number for the whole row
        self.buffers: dict[Value, str] = {}
        self.constants: dict[tuple[float, np.dtype[Any]], str] = {}

    # --- stages -------------------------------------------------------------------------

    def _kind(self, value: Value) -> Kind:
        kind = kind_of(value, self.rows, self.width)
        assert kind is not None
        # Rows of one element are numbers of the row.
        return "row" if kind == "full" and self.width == 1 and not self.flat else kind

    def _is_flat(self) -> bool:
        """Whether all rows are one long row: no value belongs to a row or to a column."""
        for instruction in self.piece.instructions:
            if instruction.operation.name in ("take", "sum_rows", *ROW, *REDUCE):
                return False
            for value in (*instruction.inputs, instruction.output):
                if kind_of(value, self.rows, self.width) in ("row", "column"):
                    return False
        return True

    def _divide(self) -> list[int]:
        """Give each instruction its stage, in the order of the plan."""
        stages: list[int] = []
        reduced: dict[Value, int] = {}
        for instruction in self.piece.instructions:
            loop = not self.flat and any(
                self._kind(value) == "full"
                for value in (*instruction.inputs, instruction.output)
                if not self._only_indexed(instruction, value)
            )
            last = len(self.stages) - 1
            waits = any(reduced.get(value) == last for value in instruction.inputs)
            # A sum adds one element after the other: a loop with it is not
            # vectorised, so the functions that it sums have a loop of their own.
            reduces = loop and instruction.operation.name in REDUCE
            after_sum = loop and last in reduced.values() and not reduces
            before_sum = reduces and last not in reduced.values()
            if last < 0 or self.stages[last].loop != loop or waits or after_sum or before_sum:
                self.stages.append(_Stage(loop))
            stages.append(len(self.stages) - 1)
            if reduces:
                reduced[instruction.output] = len(self.stages) - 1
        return stages

    @staticmethod
    def _only_indexed(instruction: Instruction, value: Value) -> bool:
        """Whether an operand is looked at in one place of the row, or for its shape alone."""
        name = instruction.operation.name
        if name in ("take_along_axis", "take"):
            return value in instruction.inputs
        return False

    def write(self) -> None:
        """Write the whole loop to the function."""
        for instruction, number in zip(self.piece.instructions, self.stage_of, strict=True):
            self._instruction(instruction, number)
        lines = self.writer.lines
        lines += self.start
        if self.piece.numbers:
            lines += [line for stage in self.stages for line in stage.lines]
        elif self.flat:
            lines.append(f"for i in range({self._elements()}):")
            lines += [f"    {line}" for stage in self.stages for line in stage.lines]
        else:
            lines.append(f"for i in range({self.n}):")
            for stage in self.stages:
                lines += [f"    {line}" for line in stage.before]
                if stage.loop:
                    lines.append(f"    for j in range({self.w}):")
                lines += [f"    {'    ' * stage.loop}{line}" for line in stage.lines]
                lines += [f"    {line}" for line in stage.after]
        lines += self.end

    def _elements(self) -> str:
        return self.n if self.width == 1 else f"{self.n} * {self.w}"

    # --- instructions -------------------------------------------------------------------

    def _instruction(self, instruction: Instruction, number: int) -> None:
        name, output, stage = instruction.operation.name, instruction.output, self.stages[number]
        if name == "sum_rows":
            out = self.writer.view(output)
            self.start += [f"for j in range({self.w}):", f"    {out}[j] = 0"]
            at = "j" if stage.loop else "0"
            stage.lines.append(f"{out}[{at}] += {self._read(instruction.inputs[0], number)}")
        elif name == "total":
            total = self.writer.fresh("s")
            self.start.append(f"{total} = 0.0")
            stage.lines.append(f"{total} += float64({self._read(instruction.inputs[0], number)})")
            self.end.append(f"{self.writer.view(output)}[0] = {total}")
        elif name == "squares":
            self._check(instruction, number)
        elif name in REDUCE and stage.loop:
            start, step = REDUCE[name]
            self._reduce(instruction, number, start.replace("T", name_of(output.dtype)), step)
        else:
            self._define(output, number, self._right_side(instruction, number))

    def _reduce(self, instruction: Instruction, number: int, start: str, step: str) -> None:
        """Add up a row, or find its largest element."""
        output, stage = instruction.output, self.stages[number]
        total = self.row_names[output] = self.writer.fresh("r")
        stage.before.append(f"{total} = {start}")
        read = self._read(instruction.inputs[0], number)
        stage.lines.append(f"{total} = {step.format(total, read)}")
        if self.writer.needed(output):
            stage.after.append(f"{self._place(output)} = {total}")

    def _right_side(self, instruction: Instruction, number: int) -> str:
        """Write what an instruction computes, for one element or one row."""
        name, output, inputs = instruction.operation.name, instruction.output, instruction.inputs
        dtype, stage = name_of(output.dtype), self.stages[number]
        if name == "take_along_axis" and self.width == 1:  # the row's only element
            return self._read(inputs[0], number)
        if name == "take":
            source, index = inputs
            # Read once for a row: the compiler cannot know that the copy leaves it as it is.
            row = self.writer.fresh("r")
            before = stage.before if stage.loop else stage.lines
            before.append(f"{row} = {self.writer.view(index)}[i]")
            at = f"{row} * {self.w} + j" if stage.loop else row
            return loaded(f"{self.writer.view(source)}[{at}]", source)
        if name == "take_along_axis":
            return loaded(self._element(inputs[0], self._read(inputs[1], number)), inputs[0])
        if name == "one_hot":
            label = self._read(inputs[0], number)
            return f"{dtype}(1) if {label} == {'j' if stage.loop else 0} else {dtype}(0)"
        if name in REDUCE:  # of rows of one element
            return self._read(inputs[0], number)
        if name == "broadcast_like":
            inputs = inputs[:1]
        wanted: Any = output.dtype
        if name in COMPARES:
            wanted = _compared(inputs)
        operands = []
        for position, value in enumerate(inputs):
            condition = (name == "where" and position == 0) or name in TRUTHS
            operands.append(self._operand(value, number, np.dtype(bool) if condition else wanted))
        template = ELEMENT.get(name) or NUMBER[name]
        return template.replace("T", dtype).format(*operands)

    def _operand(self, value: Value, number: int, dtype: np.dtype[Any]) -> str:
        """Read a value in the dtype that an operation computes in."""
        if value.role == "constant":
            return self._constant(value.number, dtype)
        text = self._read(value, number)
        if value.dtype == dtype:
            return text
        if dtype.kind == "b":
            return f"({text} != 0)"
        if value.dtype.kind == "b":
            return f"({name_of(dtype)}(1) if {text} else {name_of(dtype)}(0))"
        return f"{name_of(dtype)}({text})"

    def _check(self, instruction: Instruction, number: int) -> None:
        """Find the largest magnitude by its bits, of which infinity and NaN have the most."""
        (value,) = instruction.inputs
        top, bits = self.writer.fresh("c"), self.writer.fresh("b")
        whole, mask, infinite = (
            ("int32", "0x7fffffff", "0x7f800000")
            if value.dtype == np.float32
            else ("int64", "0x7fffffffffffffff", "0x7ff0000000000000")
        )
        self.start.append(f"{top} = {whole}(0)")
        self.stages[number].lines += [
            f"{bits} = {whole}(bits_of({self._read(value, number)}) & {whole}({mask}))",
            f"{top} = {bits} if {bits} > {top} else {top}",
        ]
        out, dtype = self.writer.view(instruction.output), name_of(value.dtype)
        zero, infinity = f"{dtype}(0)", f"{dtype}(math.inf)"
        self.end.append(f"{out}[0] = {zero} if {top} < {whole}({infinite}) else {infinity}")

    # --- values -------------------------------------------------------------------------

    def _define(self, value: Value, number: int, text: str) -> None:
        """Write the statement that computes a value, and where it is kept."""
        name, kind, stage = self.writer.fresh("v"), self._kind(value), self.stages[number]
        stage.lines.append(f"{name} = {text}")
        if kind == "full":
            self.names[value, number] = name
        else:
            self.row_names[value] = name
        if self.writer.needed(value):
            stage.lines.append(f"{self._place(value)} = {stored(name, value)}")
        elif value in self.kept:
            self.buffers[value] = self.writer.row(value, self.width)
            stage.lines.append(f"{self._place(value)} = {stored(name, value)}")

    def _element(self, value: Value, column: str) -> str:
        """Write where an element of a row lies, by its column."""
        if value in self.buffers:
            return f"{self.buffers[value]}[{column}]"
        return f"{self.writer.view(value)}[i * {self.w} + {column}]"

    def _place(self, value: Value) -> str:
        """Write where an element of a value lies in memory."""
        kind = self._kind(value)
        if kind == "number":
            return f"{self.writer.view(value)}[0]"
        if kind == "column":
            return f"{self.writer.view(value)}[{'j' if self.width > 1 else 0}]"
        if kind == "row":
            return f"{self.writer.view(value)}[i]"
        return f"{self.writer.view(value)}[i]" if self.flat else self._element(value, "j")

    def _constant(self, number: float, dtype: np.dtype[Any]) -> str:
        """Write a constant, loading it before the first row if it is not in the source."""
        text = self.writer.constant(number, dtype)
        if text is None:
            return literal(number, dtype)
        key = (number, dtype)
        if key not in self.constants:
            self.constants[key] = self.writer.fresh("v")
            self.start.append(f"{self.constants[key]} = {text}")
        return self.constants[key]

    def _read(self, value: Value, number: int) -> str:
        """Write how a value is read in a stage, loading it at the first time."""
        if value.role == "constant":
            return self._constant(value.number, value.dtype)
        if value in self.row_names:
            return self.row_names[value]
        if (value, number) in self.names:
            return self.names[value, number]
        name, kind, stage = self.writer.fresh("v"), self._kind(value), self.stages[number]
        if kind == "number":
            self.row_names[value] = name
            self.start.append(f"{name} = {loaded(self._place(value), value)}")
        elif kind == "row":
            self.row_names[value] = name
            lines = stage.before if stage.loop else stage.lines
            lines.append(f"{name} = {loaded(self._place(value), value)}")
        else:
            self.names[value, number] = name
            stage.lines.append(f"{name} = {loaded(self._place(value), value)}")
        return name


def _compared(inputs: Sequence[Value]) -> np.dtype[Any]:
    """Give the dtype in which values are compared: the arrays', but truth values are 1 or 0."""
    numbers = [value for value in inputs if value.dtype.kind != "b"]
    arrays = [value.dtype for value in numbers if value.role != "constant"]
    return next(iter(arrays or [value.dtype for value in (*numbers, *inputs)]))


ROWS_TOGETHER = 128
"""Short rows that are taken together: their working memory stays in the nearest cache."""


def _is_short(piece: Fused) -> bool:
    """Whether to take a piece's rows many at a time: they are short, and cost more than a sum."""
    names = {instruction.operation.name for instruction in piece.instructions}
    return (
        1 < piece.width <= WIDTH_WRITTEN_OUT
        and piece.rows >= ROWS_TOGETHER // 4
        and not names & {"take", *WHOLE}
        and bool(names & {*NAMES, *REDUCE})
    )


class _ShortRows(_Loop):
    """Writes a piece whose rows are so short that a loop over one of them is not worth its start.

    Many rows are taken together, and the innermost loop counts them, column
    by column: a sum over a row is then a sum of columns, element by element.
    """

    def __init__(self, writer: Writer, piece: Fused, n: str, w: str) -> None:
        super().__init__(writer, piece, n, w)
        made = dict(zip((i.output for i in piece.instructions), self.stage_of, strict=True))
        self.kept |= {
            value
            for instruction, stage in zip(piece.instructions, self.stage_of, strict=True)
            for value in instruction.inputs
            if value in made and self._kind(value) == "row" and made[value] != stage
        }

    def write(self) -> None:
        """Write the whole loop to the function."""
        if self.flat:
            super().write()
            return
        for instruction, number in zip(self.piece.instructions, self.stage_of, strict=True):
            self._instruction(instruction, number)
        lines = self.writer.lines
        lines += self.start
        lines += [
            f"for first in range(0, {self.n}, {ROWS_TOGETHER}):",
            f"    rows = min({ROWS_TOGETHER}, {self.n} - first)",
        ]
        for stage in self.stages:
            for group in (stage.before, stage.lines, stage.after):
                indent = "    "
                if group is stage.lines and stage.loop:
                    lines.append(f"    for j in range({self.w}):")
                    indent += "    "
                if group:
                    lines.append(f"{indent}for i in range(rows):")
                    lines += [f"{indent}    {line}" for line in group]
        lines += self.end

    def _reduce(self, instruction: Instruction, number: int, start: str, step: str) -> None:
        output, stage = instruction.output, self.stages[number]
        self.buffers[output] = self.writer.row(output, ROWS_TOGETHER)
        place, total = self._place(output), self.writer.fresh("r")
        stage.before.append(f"{place} = {start}")
        read = self._read(instruction.inputs[0], number)
        stage.lines += [f"{total} = {place}", f"{place} = {step.format(total, read)}"]
        if self.writer.needed(output):
            stage.after.append(f"{self.writer.view(output)}[first + i] = {place}")

    def _define(self, value: Value, number: int, text: str) -> None:
        name, kind, stage = self.writer.fresh("v"), self._kind(value), self.stages[number]
        stage.lines.append(f"{name} = {text}")
        if kind == "number":
            self.row_names[value] = name
        self.names[value, number] = name
        if self.writer.needed(value):
            stage.lines.append(f"{self._place(value)} = {stored(name, value)}")
        elif value in self.kept:
            columns = self.width if kind == "full" else 1
            self.buffers[value] = self.writer.row(value, columns * ROWS_TOGETHER)
            stage.lines.append(f"{self._place(value)} = {stored(name, value)}")

    def _read(self, value: Value, number: int) -> str:
        if value.role == "constant" or self._kind(value) == "number":
            return super()._read(value, number)
        if (value, number) not in self.names:
            name = self.names[value, number] = self.writer.fresh("v")
            self.stages[number].lines.append(f"{name} = {loaded(self._place(value), value)}")
        return self.names[value, number]

    def _element(self, value: Value, column: str) -> str:
        if value in self.buffers:
            return f"{self.buffers[value]}[{column} * {ROWS_TOGETHER} + i]"
        return f"{self.writer.view(value)}[(first + i) * {self.w} + {column}]"

    def _place(self, value: Value) -> str:
        if self._kind(value) != "row":
            return super()._place(value)
        buffer = self.buffers.get(value)
        return f"{buffer}[i]" if buffer else f"{self.writer.view(value)}[first + i]"
