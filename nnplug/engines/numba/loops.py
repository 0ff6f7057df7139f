"""From fused instructions to a loop, as Python source that a compiler takes.

Every value of an element gets a variable, which the compiler keeps in a
register. The source computes the instructions in the plan's order, so its
results are the plan's; `nnplug.engines.numba.compiler` turns it into machine code.

For `y = exp(x - 1)` over rows of 100 elements it is, in essence,

    for i in range(n * 100):
        v1 = x[i]
        v2 = v1 - float32(1)
        v3 = exp_float32(v2)
        y[i] = v3

Letters: n rows, w elements of a row; i and j count them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnplug.engines.numba.elements import (
    COMPARES,
    ELEMENT,
    NUMBER,
    REDUCE,
    TRUTHS,
    WHOLE,
    literal,
    loaded,
    name_of,
    stored,
)
from nnplug.engines.numba.fusion import Fused
from nnplug.engines.numba.mathematics import NAMES
from nnplug.engines.numba.source import WIDTH_WRITTEN_OUT, Writer
from nnplug.plans.program import Instruction, Value

__all__ = ["write_loop"]


class _Loop:
    """Writes one `Fused` piece: a loop over rows, in each row one stage after the other.

    Values that a later stage needs from an earlier one wait in a row of working
    memory.
    """

    def __init__(self, writer: Writer, piece: Fused, n: str, w: str) -> None:
        self.writer, self.piece, self.n, self.w = writer, piece, n, w
        self.rows, self.width = piece.rows, piece.width
        self.stages, self.stage_of = piece.stages()
        made = dict(zip((i.output for i in piece.instructions), self.stage_of, strict=True))
        self.kept = {
            value
            for instruction, stage in zip(piece.instructions, self.stage_of, strict=True)
            for value in instruction.inputs
            if value in made and self.piece.kind(value) == "full" and made[value] != stage
        }
        self.start: list[str] = []  # statements before the first row
        self.end: list[str] = []  # statements after the last row
        self.names: dict[tuple[Value, int], str] = {}  # variables for an element, by stage
        self.row_names: dict[Value, str] = {}  # variables for a number of the whole row
        self.buffers: dict[Value, str] = {}
        self.constants: dict[tuple[float, np.dtype[Any]], str] = {}

    def write(self) -> None:
        """Write the whole loop to the function."""
        for instruction, number in zip(self.piece.instructions, self.stage_of, strict=True):
            self._instruction(instruction, number)
        lines = self.writer.lines
        lines += self.start
        if self.piece.numbers:
            lines += [line for stage in self.stages for line in stage.lines]
        elif self.piece.is_flat:
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
            # The index is read once for a row. The compiler would read it for each element,
            # since it cannot know that writing the copy does not change it.
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
        if name in REDUCE:  # the rows have one element
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
        """Write how a value is read, in the dtype that an operation computes in."""
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
        """Check that all numbers are finite, by the largest of their bits.

        Read as whole numbers, the bits of floats without their signs are in the
        order of the magnitudes, with infinity and NaN above all finite numbers.
        Comparing whole numbers is something that the compiler can do for several
        elements at once; a sum of squares would wait for each addition.
        """
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
        """Write the statement that computes a value, and one that stores it if it is needed."""
        name, kind, stage = self.writer.fresh("v"), self.piece.kind(value), self.stages[number]
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
        """Write an element of a row, by its column."""
        if value in self.buffers:
            return f"{self.buffers[value]}[{column}]"
        return f"{self.writer.view(value)}[i * {self.w} + {column}]"

    def _place(self, value: Value) -> str:
        """Write a value's element as an element of its array."""
        kind = self.piece.kind(value)
        if kind == "number":
            return f"{self.writer.view(value)}[0]"
        if kind == "column":
            return f"{self.writer.view(value)}[{'j' if self.width > 1 else 0}]"
        if kind == "row":
            return f"{self.writer.view(value)}[i]"
        return f"{self.writer.view(value)}[i]" if self.piece.is_flat else self._element(value, "j")

    def _constant(self, number: float, dtype: np.dtype[Any]) -> str:
        """Write a constant; one that the table holds is loaded before the first row."""
        text = self.writer.constant(number, dtype)
        if text is None:
            return literal(number, dtype)
        key = (number, dtype)
        if key not in self.constants:
            self.constants[key] = self.writer.fresh("v")
            self.start.append(f"{self.constants[key]} = {text}")
        return self.constants[key]

    def _read(self, value: Value, number: int) -> str:
        """Write how a value is read in a stage; it is loaded from memory the first time."""
        if value.role == "constant":
            return self._constant(value.number, value.dtype)
        if value in self.row_names:
            return self.row_names[value]
        if (value, number) in self.names:
            return self.names[value, number]
        name, kind, stage = self.writer.fresh("v"), self.piece.kind(value), self.stages[number]
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
    """Give the dtype in which values are compared: that of the arrays, truth values as numbers."""
    numbers = [value for value in inputs if value.dtype.kind != "b"]
    arrays = [value.dtype for value in numbers if value.role != "constant"]
    return next(iter(arrays or [value.dtype for value in (*numbers, *inputs)]))


ROWS_TOGETHER = 128
"""How many short rows are taken together: their working memory fits the first-level cache."""


def _is_short(piece: Fused) -> bool:
    """Whether to take many rows at a time: they are short, and their work is worth the trouble."""
    names = {instruction.operation.name for instruction in piece.instructions}
    return (
        1 < piece.width <= WIDTH_WRITTEN_OUT
        and piece.rows >= ROWS_TOGETHER // 4
        and not names & {"take", *WHOLE}
        and bool(names & {*NAMES, *REDUCE})
    )


class _ShortRows(_Loop):
    """Writes a piece whose rows are so short that starting a loop over each would cost most.

    Many rows are taken together, and the innermost loop goes over them, column by
    column. A sum over each row is then a sum of columns, element by element,
    which the compiler computes for several rows at once.
    """

    def __init__(self, writer: Writer, piece: Fused, n: str, w: str) -> None:
        super().__init__(writer, piece, n, w)
        made = dict(zip((i.output for i in piece.instructions), self.stage_of, strict=True))
        self.kept |= {
            value
            for instruction, stage in zip(piece.instructions, self.stage_of, strict=True)
            for value in instruction.inputs
            if value in made and self.piece.kind(value) == "row" and made[value] != stage
        }

    def write(self) -> None:
        """Write the whole loop to the function."""
        if self.piece.is_flat:
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
        name, kind, stage = self.writer.fresh("v"), self.piece.kind(value), self.stages[number]
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
        if value.role == "constant" or self.piece.kind(value) == "number":
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
        if self.piece.kind(value) != "row":
            return super()._place(value)
        buffer = self.buffers.get(value)
        return f"{buffer}[i]" if buffer else f"{self.writer.view(value)}[first + i]"


def write_loop(writer: Writer, piece: Fused, n: str, w: str) -> None:
    """Write the loop of a piece; `n` and `w` are the names of its sizes in the source."""
    loop = _ShortRows if _is_short(piece) else _Loop
    loop(writer, piece, n, w).write()
