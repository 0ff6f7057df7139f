"""The NumPy engine, which is always there: each instruction is one or a few calls of NumPy.

Binding looks everything up once: which ufunc, which buffers, which views. The
result is a list of `functools.partial` objects, and a step calls one after the
other. Nothing is allocated or decided in that loop, since a call of Python costs
as much as the arithmetic on a hundred numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from nnplug.engines.engine import BoundProgram, Call, Engine, Memory
from nnplug.hookspecs import hookimpl
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.types import AnyArray

__all__ = ["NUMPY", "Binder", "bind", "register_engines"]


def bind(
    program: Program,
    arrays: Mapping[str, AnyArray],
    memory: Memory,
    *,
    many: bool = False,
    like: BoundProgram | None = None,
) -> BoundProgram:
    """Bind a program to arrays.

    Parameters
    ----------
    arrays : mapping
        The vectors `"parameters"`, `"gradients"` and `"slot.NAME"` for each
        slot, the data `"input"`, `"target"` and `"rows"`, and the numbers
        `"learning_rate"` and `"step"`, float64 of shape (), if the program
        needs them.
    memory : Memory
        The memory that the programs of a run share.
    many : bool
        Whether it is a training step that is taken very often, so that it is
        worth making `BoundProgram.many`; this engine never does.
    like : BoundProgram, optional
        The same step for another number of rows. If its compiled code serves
        for `many`, an engine provides `many` even if it is not asked for.

    Returns
    -------
    BoundProgram
    """
    return Binder(program, arrays, memory).bind()


class Binder:
    """Binds one program; an engine that overrides `section` runs sections its own way."""

    def __init__(self, program: Program, arrays: Mapping[str, AnyArray], memory: Memory) -> None:
        self.program = program
        self.arrays = arrays
        self.memory = memory
        self.allocation = program.allocation
        program.check_places()
        memory.reserve(self.allocation)
        self.fixed: dict[Value, AnyArray] = {}
        self.results: dict[str, AnyArray] = {}
        self.next_check = 0
        self._views: dict[tuple[Any, ...], AnyArray] = {}

    def bind(self) -> BoundProgram:
        """Bind every section."""
        sections = [(section, self.section(section)) for section in self.program.sections]
        checks = self.results.get("checks")
        if checks is not None:
            # A single number for the training loop to check: finite only if every check is.
            ones, total = np.ones_like(checks), np.zeros((), checks.dtype)
            self.results["check"] = total
            sections[-1][1].append(partial(np.dot, checks, ones, total))
        calls = [call for _, each in sections for call in each]
        return BoundProgram(calls, sections, self.results)

    def section(self, section: Section) -> list[Call]:
        """Bind a section: once, or once for each tile."""
        return [
            call
            for tile in self.tiles(section)
            for instruction in section.instructions
            for call in self.instruction(instruction, tile)
        ]

    @staticmethod
    def tiles(section: Section) -> list[slice | None]:
        """Divide the rows of a tiled section."""
        if section.rows is None:
            return [None]
        rows, length = section.rows, section.tile_rows
        return [slice(start, min(start + length, rows)) for start in range(0, rows, length)]

    def instruction(self, instruction: Instruction, tile: slice | None) -> list[Call]:
        """Bind one instruction for one tile."""
        inputs = [self.array(value, tile) for value in instruction.inputs]
        output = self.array(instruction.output, tile)
        make = _CALLS.get(instruction.operation.name)
        if make is not None:
            return make(inputs, output, **instruction.options)
        ufunc = instruction.operation.ufunc
        if ufunc in (np.maximum, np.minimum):  # NumPy 2.4 deprecates their third argument
            return [partial(ufunc, *inputs, out=output)]
        if ufunc is not None:  # by position, since `out=` costs 150 ns for each call
            return [partial(ufunc, *inputs, output)]
        given = tuple(array.view() for array in inputs)
        for array in given:
            array.flags.writeable = False  # other instructions read it after the author's function
        evaluate = partial(instruction.operation.evaluate, *given, **instruction.options)
        return [partial(_call_author, evaluate, output)]

    def array(self, value: Value, tile: slice | None) -> AnyArray:
        """Find the array of a value, or its part for a tile."""
        if value.role == "result" and value.vector == "checks":
            return self.check(value)
        slot = self.allocation.slots.get(value)
        if slot is not None and slot.scratch:
            assert tile is not None
            shape = (tile.stop - tile.start, *value.shape[1:])
            return self._memory(value, shape)
        if value not in self.fixed:
            self.fixed[value] = self.whole(value)
        array = self.fixed[value]
        return array[tile] if tile is not None and value.per_row else array

    def whole(self, value: Value) -> AnyArray:
        """Find the whole array of a value."""
        if value.role == "buffer":
            return self._memory(value, value.shape)
        if value.role == "constant":
            number = np.array(value.number, value.dtype)
            number.flags.writeable = False
            return number
        if value.role in ("data", "noise") or (value.role == "scalar" and value.vector):
            return self.arrays[value.vector]
        if value.role in ("scalar", "result"):
            array = np.zeros(value.shape, value.dtype)
            if value.role == "result":
                self.results[value.vector] = array
            return array
        vector = self.arrays[f"slot.{value.vector}" if value.role == "slot" else value.role]
        return vector[value.start : value.start + math.prod(value.shape)].reshape(value.shape)

    def check(self, value: Value) -> AnyArray:
        """Give each check, of each tile, a number of its own."""
        if "checks" not in self.results:
            count = sum(
                -(-section.rows // section.tile_rows) if section.rows is not None else 1
                for section, instruction in self.program.instructions()
                if instruction.output.vector == "checks"
            )
            self.results["checks"] = np.zeros(count, value.dtype)
        self.next_check += 1
        return self.results["checks"][self.next_check - 1 : self.next_check].reshape(())

    def _memory(self, value: Value, shape: tuple[int, ...]) -> AnyArray:
        slot = self.allocation.slots[value]
        key = (slot.scratch, slot.number, shape, value.dtype)
        if key not in self._views:
            # One object for each place: given two views of the same memory, NumPy
            # looks for overlaps at every call, which takes 250 ns.
            block = self.memory.blocks[slot.scratch][slot.number]
            size = math.prod(shape) * value.dtype.itemsize
            self._views[key] = block[:size].view(value.dtype).reshape(shape)
        return self._views[key]


def _call_author(evaluate: Callable[[], AnyArray], output: AnyArray) -> None:
    """Run an author's function that could not be traced; it allocates its result."""
    np.copyto(output, evaluate(), casting="unsafe")


# --- instructions that are not one ufunc ----------------------------------------------


def _bits(array: AnyArray) -> AnyArray:
    """See floats as integers of the same width, and truth values as they are."""
    if array.dtype == bool:
        return array
    return array.view(np.int32 if array.dtype.itemsize == 4 else np.int64)


def _where(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
    """Select by arithmetic on bits, which is exact for infinities and NaN too.

    NumPy's `where` and masked copies branch at each element, which takes 6 ns with
    random conditions, since the processor cannot predict the branch. Three passes
    over integers take 1 ns: b ^ ((a ^ b) * condition).
    """
    condition, a, b = inputs
    # Numbers of the formula are bound read-only; learned or computed ones change.
    a_fixed, b_fixed = (given.ndim == 0 and not given.flags.writeable for given in (a, b))
    if a_fixed and b_fixed and float(b) == 0 and float(a) == 1:
        return [partial(np.copyto, output, condition)]
    bits, a_bits, b_bits = _bits(output), _bits(a), _bits(b)
    if b_fixed and not b_bits.any():  # +0.0: all bits are zero
        return [partial(np.multiply, a_bits, condition, bits)]
    if a_fixed and b_fixed:
        constant = np.bitwise_xor(a_bits, b_bits)
        return [
            partial(np.multiply, constant, condition, bits),
            partial(np.bitwise_xor, bits, b_bits, bits),
        ]
    return [
        partial(np.bitwise_xor, a_bits, b_bits, bits),
        partial(np.multiply, bits, condition, bits),
        partial(np.bitwise_xor, bits, b_bits, bits),
    ]


MANY_ROWS = 32
"""From this many rows on, a sum is a product with ones: BLAS adds several numbers at once."""

SHORT_ROW = 64
"""Up to this many elements, NumPy takes longer to begin with a row than to reduce it."""


def _sum_rows(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
    (x,) = inputs
    if len(x) < MANY_ROWS:
        return [partial(np.add.reduce, x, 0, None, output)]
    return [partial(np.dot, np.ones(len(x), x.dtype), x, output)]


def _sum(inputs: list[AnyArray], output: AnyArray, axis: int | None, keepdims: bool) -> list[Call]:
    (x,) = inputs
    if axis != -1 or x.ndim != 2 or len(x) < MANY_ROWS:
        return _reduce(np.add)(inputs, output, axis, keepdims)
    return [partial(np.dot, x, np.ones(x.shape[1], x.dtype), output.reshape(-1))]


def _extreme(ufunc: np.ufunc) -> Callable[..., list[Call]]:
    def make(
        inputs: list[AnyArray], output: AnyArray, axis: int | None, keepdims: bool
    ) -> list[Call]:
        (x,) = inputs
        if axis != -1 or x.ndim != 2 or len(x) < MANY_ROWS or x.shape[1] > SHORT_ROW:
            return _reduce(ufunc)(inputs, output, axis, keepdims)
        # In the transposed array, rows are columns, and NumPy compares many of them at once.
        turned = np.empty(x.shape[::-1], x.dtype)
        reduce: Callable[..., Any] = ufunc.reduce
        return [
            partial(np.copyto, turned, x.T),
            partial(reduce, turned, 0, None, output.reshape(-1)),
        ]

    return make


def _reduce(ufunc: np.ufunc) -> Callable[..., list[Call]]:
    def make(
        inputs: list[AnyArray], output: AnyArray, axis: int | None, keepdims: bool
    ) -> list[Call]:
        reduce: Callable[..., Any] = ufunc.reduce
        return [partial(reduce, inputs[0], axis, None, output, keepdims)]

    return make


TURNED = range(8, 49)
"""Batch sizes for which BLAS computes W·deltaᵀ faster than delta·Wᵀ, by a third or more."""


def _dot_right(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
    """Multiply (N, H) by (D, H)ᵀ."""
    delta, weight = inputs
    if len(delta) not in TURNED:
        return [partial(np.dot, delta, weight.T, output)]
    turned = np.empty(output.shape[::-1], output.dtype)  # (D, N)
    return [partial(np.dot, weight, delta.T, turned), partial(np.copyto, output, turned.T)]


def _gather(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
    """Take one element of each row, by its index in the flattened array."""
    x, labels = inputs
    starts = (np.arange(len(x), dtype=np.intp) * x.shape[-1]).reshape(-1, 1)
    flat = np.empty(labels.shape, np.intp)
    # With mode="clip" NumPy does not copy through a buffer; labels are checked beforehand.
    return [
        partial(np.add, labels, starts, flat),
        partial(np.take, x.reshape(-1), flat, None, output, "clip"),
    ]


def _sort(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
    return [partial(np.copyto, output, inputs[0]), output.sort]  # over the last axis, in place


def _as_keys(take: Callable[..., object]) -> Callable[..., list[Call]]:
    """Bind a function that moves the elements of each row as sorting moves its keys, or back."""

    def make(inputs: list[AnyArray], output: AnyArray) -> list[Call]:
        x, keys = inputs
        width = keys.shape[-1]
        starts = np.arange(keys.size // max(width, 1), dtype=np.intp) * width
        starts = starts.reshape(*keys.shape[:-1], 1)
        return [partial(take, x.reshape(-1), keys, starts, output.reshape(-1))]

    return make


def _places(keys: AnyArray, starts: AnyArray) -> AnyArray:
    """Give the indices of sorted elements in the flattened array; argsort allocates them."""
    places = keys.argsort(axis=-1, kind="stable")
    places += starts
    return places.reshape(-1)


def _sort_as(x: AnyArray, keys: AnyArray, starts: AnyArray, output: AnyArray) -> None:
    np.take(x, _places(keys, starts), None, output, "clip")


def _unsort_as(x: AnyArray, keys: AnyArray, starts: AnyArray, output: AnyArray) -> None:
    output[_places(keys, starts)] = x


_CALLS: dict[str, Callable[..., list[Call]]] = {
    "where": _where,
    "sum": _sum,
    "max": _extreme(np.maximum),
    "min": _extreme(np.minimum),
    "transpose": lambda inputs, output: [partial(np.copyto, output, inputs[0].T)],
    "take_along_axis": _gather,
    "one_hot": lambda inputs, output: [
        partial(
            _one_hot, inputs[0], np.arange(output.shape[-1]), np.empty(output.shape, bool), output
        )
    ],
    "cumsum": lambda inputs, output: [partial(np.add.accumulate, inputs[0], -1, None, output)],
    "flip": lambda inputs, output: [partial(np.copyto, output, inputs[0][..., ::-1])],
    "sort": _sort,
    "sort_as": _as_keys(_sort_as),
    "unsort_as": _as_keys(_unsort_as),
    "broadcast_like": lambda inputs, output: [partial(np.copyto, output, inputs[0])],
    "expand_dims": lambda inputs, output, axis: [
        partial(np.copyto, output, np.expand_dims(inputs[0], axis))
    ],
    "columns": lambda inputs, output, place: [
        partial(np.copyto, output, _block(inputs[0], output.shape[-1], place))
    ],
    "place_columns": lambda inputs, output, place: [
        partial(output.fill, 0),
        partial(np.copyto, _block(output, inputs[0].shape[-1], place), inputs[0]),
    ],
    "dot": lambda inputs, output: [partial(np.dot, *inputs, output)],
    "dot_left": lambda inputs, output: [partial(np.dot, inputs[0].T, inputs[1], output)],
    "dot_right": _dot_right,
    "sum_rows": _sum_rows,
    "total": lambda inputs, output: [partial(np.add.reduce, inputs[0], None, np.float64, output)],
    "take": lambda inputs, output: [partial(np.take, inputs[0], inputs[1], 0, output, "clip")],
    "squares": lambda inputs, output: [
        partial(np.dot, inputs[0].reshape(-1), inputs[0].reshape(-1), output)
    ],
    "copy": lambda inputs, output: [partial(np.copyto, output, inputs[0])],
    "cast": lambda inputs, output: [partial(np.copyto, output, inputs[0], "unsafe")],
}


def _block(array: AnyArray, width: int, place: int) -> AnyArray:
    """Give one of several blocks of columns, as a view."""
    return array[:, place * width : (place + 1) * width]


def _one_hot(labels: AnyArray, classes: AnyArray, hits: AnyArray, output: AnyArray) -> None:
    np.equal(labels, classes, hits)
    np.copyto(output, hits)


NUMPY = Engine("numpy", bind, about="Each operation is a call of NumPy; always there.")


@hookimpl
def register_engines(register: Callable[[Engine], None]) -> None:
    """Register the NumPy engine."""
    register(NUMPY)
