"""The Numba engine, section by section: compiled loops, and NumPy's calls between them.

All loops of a program are written first and then compiled together, so that a
loop that several sections have is compiled once.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property

import numpy as np

from nnplug.engines.engine import BoundProgram, Call, Memory
from nnplug.engines.numba.blas import Blas, find_blas
from nnplug.engines.numba.compiler import Function, compiler
from nnplug.engines.numba.fusion import Fused, pieces
from nnplug.engines.numba.loops import write_loop
from nnplug.engines.numba.products import Products
from nnplug.engines.numba.source import Table, Writer, address_of
from nnplug.engines.numpy import Binder
from nnplug.engines.threads import largest_product
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.types import AnyArray

__all__ = ["NumbaBinder", "is_small"]


class NumbaBinder(Binder):
    """Binds one program: the loops of its sections compiled, and NumPy's calls between them."""

    def __init__(self, program: Program, arrays: Mapping[str, AnyArray], memory: Memory) -> None:
        super().__init__(program, arrays, memory)
        self.pieces = {id(section): pieces(section, program.rows) for section in program.sections}
        self.readers: dict[Value, set[int]] = {}
        for parts in self.pieces.values():
            for part in parts:
                instructions = part.instructions if isinstance(part, Fused) else (part,)
                for instruction in instructions:
                    for value in instruction.inputs:
                        self.readers.setdefault(value, set()).add(id(part))
        self.loops: list[_SectionLoop] = []

    def bind(self) -> BoundProgram:
        """Bind every section, and compile all loops together."""
        bound = super().bind()
        functions = compiler().functions(loop.source for loop in self.loops)
        for loop in self.loops:
            loop.place(functions[loop.source])
            bound.kept += loop.kept
        bound.calls[:] = [call for _, each in bound.sections for call in each]
        return bound

    def section(self, section: Section) -> list[Call]:
        """Bind a section: as one loop, or tile by tile if NumPy computes some of it."""
        parts = self.pieces[id(section)]
        alone = len(parts) == 1 and isinstance(parts[0], Fused)
        calls: list[Call] = []
        for tile in [None] if alone else self.tiles(section):
            for part in parts:
                if isinstance(part, Instruction):
                    calls += self.instruction(part, tile)
                elif self._suits(part):
                    self.loops.append(_SectionLoop(self, part, tile, calls))
                else:
                    for instruction in part.instructions:
                        calls += self.instruction(instruction, tile)
        return calls

    @cached_property
    def blas(self) -> Blas | None:
        """The library for products within compiled functions; loaded when it is needed."""
        return find_blas()

    def is_one_function(self) -> bool:
        """Whether a training step can be one function: no instruction of it is left to NumPy."""
        small = is_small(self.program)
        for section in self.program.sections:
            parts = self.pieces[id(section)]
            if len(parts) > 1 and section.rows is not None and section.tile_rows < section.rows:
                return False
            for part in parts:
                if not (
                    self._suits(part)
                    if isinstance(part, Fused)
                    else Products.can(part, self.blas, small)
                ):
                    return False
        # Noise is drawn, and the factors of schedules are set, between two steps.
        return not any(
            value.role == "noise"
            or (value.role == "scalar" and value.vector.startswith("optimizer."))
            for value in self.readers
        )

    def _suits(self, part: Fused) -> bool:
        """Whether loops can read the caller's arrays: in rows, and of native numbers."""
        given = {
            value.vector
            for instruction in part.instructions
            for value in instruction.inputs
            if value.role in ("data", "noise")
        }
        return all(
            array.flags.c_contiguous
            and array.flags.aligned
            and array.dtype.isnative
            and array.dtype.kind in "fiub"
            and array.dtype != np.float16
            and array.dtype.itemsize <= 8
            for array in map(self.arrays.__getitem__, given)
        )

    def needed(self, value: Value, part: Fused) -> bool:
        """Whether a value is read outside a piece of the program."""
        return value.role != "buffer" or bool(self.readers.get(value, set()) - {id(part)})


class _SectionLoop:
    """A loop of a section or of a tile, which takes its place among the calls once compiled."""

    def __init__(
        self, binder: NumbaBinder, part: Fused, tile: slice | None, calls: list[Call]
    ) -> None:
        self.binder, self.tile, self.calls = binder, tile, calls
        rows = part.rows if tile is None else tile.stop - tile.start
        self.table = Table()
        writer = Writer(self.table, self.locate, lambda value: binder.needed(value, part))
        write_loop(writer, part, self.table.size(rows, written_out=0), self.table.size(part.width))
        self.source = self.table.source([*writer.views, *writer.lines, "return 0"])
        self.number = len(calls)
        calls.append(_not_compiled)

    @property
    def kept(self) -> list[AnyArray]:
        """The arrays whose addresses the function is given."""
        return self.table.kept

    def locate(self, value: Value) -> tuple[str, Hashable]:
        """Enter the address of a value's array."""
        array = self.binder.array(value, self.tile)
        return self.table.address(array), address_of(array)

    def place(self, function: Function) -> None:
        """Put the compiled function among the calls of its section."""
        self.calls[self.number] = self.table.call(function)


def _not_compiled() -> None:
    raise AssertionError("a loop is called before it is compiled")


SMALL_PROGRAM = 200
"""The most instructions of a small program, which is compiled as one function without calls."""

SMALL_PRODUCT = 16_384
"""The most multiplications of a matrix product that plain loops do as fast as a call of BLAS."""


def is_small(program: Program) -> bool:
    """Whether a step is so small that calling its loops would take much of its time."""
    count = sum(1 for _ in program.instructions())
    return count <= SMALL_PROGRAM and largest_product(program) <= SMALL_PRODUCT
