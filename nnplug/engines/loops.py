"""From a plan's instructions to loops: the source of a function that a compiler takes.

Instructions that follow each other and look at one element, or at one row, at
a time become one pass over the rows: what one computes, the next reads from a
register, not from memory. The source is Python, for one step of the plan in
the order of the plan; `nnplug.engines.compiler` turns it into machine code.

Letters: n rows, w elements of a row; i and j count them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np

from nnplug.engines.mathematics import NAMES
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["PRODUCTS", "Fused", "Writer", "left_to_numpy", "multiplications", "pieces"]

WIDTH_WRITTEN_OUT = 64
"""Rows up to this long have their length in the source, so that the compiler unrolls them."""

# Each operation on one element. `{0}` is the first operand, `T` the output's dtype.
_ELEMENT = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "reciprocal": "T(1) / {0}",
    "square": "{0} * {0}",
    "sqrt": "np.sqrt({0})",
    "absolute": "abs({0})",
    "sign": "(T(1) if {0} > 0 else (T(-1) if {0} < 0 else {0}))",
    "floor": "np.floor({0})",
    # A comparison with NaN is false, so NaN stays: the first operand's by the
    # order of the comparison, the second's by the second choice.
    "maximum": "({1} if {1} > {0} or {1} != {1} else {0})",
    "minimum": "({1} if {1} < {0} or {1} != {1} else {0})",
    "where": "({1} if {0} else {2})",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} and {1}",
    "logical_or": "{0} or {1}",
    "logical_not": "not {0}",
    "logical_xor": "{0} != {1}",
    "copy": "{0}",
    "cast": "{0}",
    "broadcast_like": "{0}",
    "expand_dims": "{0}",
    **{name: f"{name}_T({{0}})" for name in NAMES},
}

_TRUTHS = {"logical_and", "logical_or", "logical_not", "logical_xor"}
_COMPARES = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}

# Over a row, or over everything: the start, and the next value from `{0}` so far and `{1}`.
_REDUCE = {
    "sum": ("T(0)", "{0} + {1}"),
    "max": ("T(-math.inf)", "({1} if {1} > {0} or {1} != {1} else {0})"),
    "min": ("T(math.inf)", "({1} if {1} < {0} or {1} != {1} else {0})"),
}

# Only where all are numbers: on arrays NumPy's own, vectorised functions are faster.
_NUMBER = {"power": "{0} ** {1}", **{name: f"math.{name}({{0}})" for name in ("sin", "cos")}}

PRODUCTS = frozenset({"dot", "dot_left", "dot_right"})
"""The matrix products of a plan."""

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


@cache  # NumPy takes 5 µs to make the name of a dtype
def name_of(dtype: np.dtype[Any]) -> str:
    """Give the name of a dtype, as the sources write it."""
    return dtype.name


def multiplications(product: Instruction) -> int:
    """Count the multiplications of a matrix product."""
    a, _ = product.inputs
    shared = a.shape[0] if product.operation.name == "dot_left" else a.shape[1]
    return math.prod(product.output.shape) * shared


def kind_of(value: Value, rows: int, width: int) -> Kind | None:
    """Say how a value lies beside the rows; None: in another way."""
    size = math.prod(value.shape)
    if value.per_row and value.shape and value.shape[0] == rows:
        if size == rows * width:
            return "full"
        return "row" if size == rows else None
    if not value.shape:
        return "number"
    if value.per_row:
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
    width = 0

    def close() -> None:
        if waiting:
            done.append(Fused(tuple(waiting), rows, width or 1, numbers=not width))
            waiting.clear()

    for instruction in section.instructions:
        own = _width(instruction, rows)
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
        return 0 if name in _ELEMENT or name in _NUMBER else None
    arrays = [value for value in values if value.per_row and value.shape]
    if not arrays or any(value.shape[0] != rows for value in arrays):
        return None
    width = max(math.prod(value.shape[1:]) for value in arrays)
    reduces = name in _REDUCE and instruction.options.get("axis") == -1
    if not (reduces or name in _ELEMENT or name in _WHOLE or name in _ROW):
        return None
    if name == "squares" and instruction.output.vector != "checks":
        return None  # a sum in the plan's order would wait for each addition
    if name in _WHOLE:
        values = instruction.inputs
    if any(kind_of(value, rows, width) is None for value in values):
        return None
    if name in _ELEMENT and not instruction.output.shape:
        return None
    # A row that becomes one number must be a row of the array, not the array of one column.
    if reduces and kind_of(instruction.inputs[0], rows, width) != "full":
        return None
    return width


_WHOLE = {"sum_rows", "total", "squares"}
_ROW = {"take_along_axis", "one_hot"}


class Writer:
    """Writes the source of one function, loop after loop.

    Parameters
    ----------
    locate : callable
        Gives the array of a value: an expression for its address, and
        something that is equal for values of the same memory.
    room : callable
        Gives an expression for the address of new working memory of so many bytes.
    needed : callable
        Whether a value is read outside the loop that computes it.

    Attributes
    ----------
    views : list of str
        The statements that make arrays of addresses.
    lines : list of str
        The loops.
    """

    def __init__(
        self,
        locate: Callable[[Value], tuple[str, Hashable]],
        room: Callable[[int], str],
        needed: Callable[[Value], bool],
    ) -> None:
        self.locate, self.room, self.needed = locate, room, needed
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
            self._views[key] = self._array(address, value.dtype)
        return self._views[key]

    def row(self, value: Value, width: int) -> str:
        """Make room for one row of a value."""
        return self._array(self.room(width * value.dtype.itemsize), value.dtype)

    def _array(self, address: str, dtype: np.dtype[Any]) -> str:
        name = self.fresh("a")
        kind = "uint8" if dtype.kind == "b" else name_of(dtype)
        self.views.append(f"{name} = {kind}_at({address})")
        return name

    def fused(self, piece: Fused, n: str, w: str) -> None:
        """Write a loop; `n` and `w` are what the source calls its sizes."""
        _Loop(self, piece, n, w).write()

    def product(self, instruction: Instruction, batch: int) -> None:
        """Write a matrix product as three loops; `n` stands for the rows of a batch."""
        a, b = instruction.inputs
        out, name = instruction.output, instruction.operation.name

        def size(number: int, value: Value) -> str:
            return "n" if number == batch and value.per_row else str(number)

        rows, columns = size(out.shape[0], out), str(out.shape[1])
        x, y, z = map(self.view, (a, b, out))
        self.lines += [f"for i in range({rows} * {columns}):", f"    {z}[i] = 0"]
        if name == "dot_right":  # (N, H)·(D, H)ᵀ
            inner = str(a.shape[1])
            self.lines += [
                f"for i in range({rows}):",
                f"    for j in range({columns}):",
                f"        s = {z}[i * {columns} + j]",
                f"        for k in range({inner}):",
                f"            s += {x}[i * {inner} + k] * {y}[j * {inner} + k]",
                f"        {z}[i * {columns} + j] = s",
            ]
            return
        left = name == "dot_left"  # (N, D)ᵀ·(N, H)
        inner = size(a.shape[0], a) if left else str(a.shape[1])
        place = f"k * {rows} + i" if left else f"i * {inner} + k"
        outer, middle = (("k", inner), ("i", rows)) if left else (("i", rows), ("k", inner))
        self.lines += [
            f"for {outer[0]} in range({outer[1]}):",
            f"    for {middle[0]} in range({middle[1]}):",
            f"        x = {x}[{place}]",
            f"        for j in range({columns}):",
            f"            {z}[i * {columns} + j] += x * {y}[k * {columns} + j]",
        ]


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

    # --- stages -------------------------------------------------------------------------

    def _kind(self, value: Value) -> Kind:
        kind = kind_of(value, self.rows, self.width)
        assert kind is not None
        # Rows of one element are numbers of the row.
        return "row" if kind == "full" and self.width == 1 and not self.flat else kind

    def _is_flat(self) -> bool:
        """Whether all rows are one long row: no value belongs to a row or to a column."""
        for instruction in self.piece.instructions:
            if instruction.operation.name in ("take", "sum_rows", *_ROW, *_REDUCE):
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
            reduces = loop and instruction.operation.name in _REDUCE
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
        dtype = name_of(output.dtype)
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
        elif name in _REDUCE and stage.loop:
            start, step = _REDUCE[name]
            total = self.row_names[output] = self.writer.fresh("r")
            stage.before.append(f"{total} = {start.replace('T', dtype)}")
            read = self._read(instruction.inputs[0], number)
            stage.lines.append(f"{total} = {step.format(total, read)}")
            if self.writer.needed(output):
                stage.after.append(f"{self._place(output)} = {total}")
        else:
            self._define(output, number, self._right_side(instruction, number))

    def _right_side(self, instruction: Instruction, number: int) -> str:
        """Write what an instruction computes, for one element or one row."""
        name, output, inputs = instruction.operation.name, instruction.output, instruction.inputs
        dtype, stage = name_of(output.dtype), self.stages[number]
        if name == "take":
            source, index = inputs
            row = f"{self.writer.view(index)}[i]"
            at = f"{row} * {self.w} + j" if stage.loop else row
            return f"{self.writer.view(source)}[{at}]"
        if name == "take_along_axis":
            label = self._read(inputs[1], number)
            if inputs[0] in self.buffers:
                return f"{self.buffers[inputs[0]]}[{label}]"
            place = label if self.width == 1 else f"i * {self.w} + {label}"
            return f"{self.writer.view(inputs[0])}[{place}]"
        if name == "one_hot":
            label = self._read(inputs[0], number)
            return f"{dtype}(1) if {label} == {'j' if stage.loop else 0} else {dtype}(0)"
        if name in _REDUCE:  # of rows of one element
            return self._read(inputs[0], number)
        if name == "broadcast_like":
            inputs = inputs[:1]
        wanted: Any = output.dtype
        if name in _COMPARES:
            wanted = next((v.dtype for v in inputs if v.role != "constant"), np.dtype(np.float64))
        operands = []
        for position, value in enumerate(inputs):
            condition = (name == "where" and position == 0) or name in _TRUTHS
            operands.append(self._operand(value, number, np.dtype(bool) if condition else wanted))
        template = _ELEMENT.get(name) or _NUMBER[name]
        return template.replace("T", dtype).format(*operands)

    def _operand(self, value: Value, number: int, dtype: np.dtype[Any]) -> str:
        """Read a value in the dtype that an operation computes in."""
        if value.role == "constant":
            return _literal(value.number, dtype)
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
            stage.lines.append(f"{self._place(value)} = {_stored(name, value)}")
        elif value in self.kept:
            buffer = self.buffers[value] = self.writer.row(value, self.width)
            stage.lines.append(f"{buffer}[j] = {_stored(name, value)}")

    def _place(self, value: Value) -> str:
        """Write where an element of a value lies in memory."""
        kind = self._kind(value)
        if kind == "number":
            return f"{self.writer.view(value)}[0]"
        if kind == "column":
            return f"{self.writer.view(value)}[{'j' if self.width > 1 else 0}]"
        if kind == "row":
            return f"{self.writer.view(value)}[i]"
        at = "i" if self.flat else f"i * {self.w} + j"
        return f"{self.writer.view(value)}[{at}]"

    def _read(self, value: Value, number: int) -> str:
        """Write how a value is read in a stage, loading it at the first time."""
        if value.role == "constant":
            return _literal(value.number, value.dtype)
        if value in self.row_names:
            return self.row_names[value]
        if (value, number) in self.names:
            return self.names[value, number]
        name, kind, stage = self.writer.fresh("v"), self._kind(value), self.stages[number]
        if kind == "number":
            self.row_names[value] = name
            self.start.append(f"{name} = {_loaded(self._place(value), value)}")
        elif kind == "row":
            self.row_names[value] = name
            lines = stage.before if stage.loop else stage.lines
            lines.append(f"{name} = {_loaded(self._place(value), value)}")
        else:
            self.names[value, number] = name
            kept = f"{self.buffers[value]}[j]" if value in self.buffers else self._place(value)
            stage.lines.append(f"{name} = {_loaded(kept, value)}")
        return name


def _stored(text: str, value: Value) -> str:
    """Write a value as memory holds it: a truth value is a byte."""
    return f"uint8({text})" if value.dtype.kind == "b" else text


def _loaded(text: str, value: Value) -> str:
    """Write a value of memory as the loop holds it."""
    return f"{text} != 0" if value.dtype.kind == "b" else text


def _literal(number: float, dtype: np.dtype[Any]) -> str:
    """Write a number of a formula in the source."""
    if dtype.kind == "b":
        return str(bool(number))
    if math.isnan(number):
        return f"{name_of(dtype)}(math.nan)"
    if math.isinf(number):
        return f"{name_of(dtype)}({'-' * (number < 0)}math.inf)"
    return f"{name_of(dtype)}({number!r})"
