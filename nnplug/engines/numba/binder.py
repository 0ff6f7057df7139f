"""The Numba engine: the elementwise work of a section is one compiled loop.

What no loop can do are the NumPy engine's calls. A training step that needs
none is one compiled function altogether, which takes many steps at a call and
calls BLAS by itself.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

import numpy as np

from nnplug.engines.bound import BoundProgram, Call, Memory
from nnplug.engines.numba.blas import find_blas
from nnplug.engines.numba.called import CalledLoop
from nnplug.engines.numba.compiler import Function, compiler
from nnplug.engines.numba.fusion import Fused, pieces
from nnplug.engines.numba.loops import Writer
from nnplug.engines.numba.products import Products
from nnplug.engines.numba.table import WIDTH_WRITTEN_OUT, Table, address_of
from nnplug.engines.numpy.binder import Binder
from nnplug.engines.threads import largest_product
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.types import AnyArray

__all__ = ["bind"]


def bind(
    program: Program,
    arrays: Mapping[str, AnyArray],
    memory: Memory,
    *,
    many: bool = False,
    like: BoundProgram | None = None,
) -> BoundProgram:
    """Bind a program to arrays; see `nnplug.engines.numpy.bind`."""
    binder = NumbaBinder(program, arrays, memory)
    if (many or like) and binder.is_one_function():
        loop = _StepLoop(binder)
        if many or (like and loop.sources == like.sources):
            return loop.bind()
        binder = NumbaBinder(program, arrays, memory)
    return binder.bind()


class NumbaBinder(Binder):
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
        """Bind a section: its loops once, or all of it tile by tile if NumPy has a share."""
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

    def is_one_function(self) -> bool:
        """Whether a training step can be one function."""
        blas, small = find_blas(), _is_small(self.program)
        for section in self.program.sections:
            parts = self.pieces[id(section)]
            if len(parts) > 1 and section.rows is not None and section.tile_rows < section.rows:
                return False
            for part in parts:
                if not (
                    self._suits(part)
                    if isinstance(part, Fused)
                    else Products.can(part, blas, small)
                ):
                    return False
        return not any(value.role == "noise" for value in self.readers)

    def _suits(self, part: Fused) -> bool:
        """Whether the caller's arrays lie as a loop reads them: in rows, of native numbers."""
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
    """A loop of a section, or of a tile of it, on its way to be a call."""

    def __init__(
        self, binder: NumbaBinder, part: Fused, tile: slice | None, calls: list[Call]
    ) -> None:
        self.binder, self.tile, self.calls = binder, tile, calls
        rows = part.rows if tile is None else tile.stop - tile.start
        self.table = Table()
        writer = Writer(self.table, self.locate, lambda value: binder.needed(value, part))
        writer.fused(part, self.table.size(rows, written_out=0), self.table.size(part.width))
        self.source = self.table.source([*writer.views, *writer.lines, "return 0"])
        self.number = len(calls)
        calls.append(_not_compiled)

    @property
    def kept(self) -> list[AnyArray]:
        """The arrays that the function knows by their addresses."""
        return self.table.kept

    def locate(self, value: Value) -> tuple[str, Hashable]:
        """Enter the array of a value."""
        array = self.binder.array(value, self.tile)
        return self.table.address(array), address_of(array)

    def place(self, function: Function) -> None:
        """Put the compiled function among the calls of its section."""
        self.calls[self.number] = self.table.call(function)


def _not_compiled() -> None:
    raise AssertionError("a loop is called before it is compiled")


class _StepLoop:
    """All of a training step in one function, which takes many steps at a call."""

    def __init__(self, binder: NumbaBinder) -> None:
        self.binder = binder
        arrays = binder.arrays
        # The number of steps, the two vectors, the order of rows, rates, losses, penalties,
        # the outputs that are kept.
        vectors = [address_of(arrays[name]) for name in ("parameters", "gradients")]
        self.table = Table(0, *vectors, 0, 0, 0, 0, 0)
        self.section = binder.program.sections[0]
        self.part: Fused | None = None
        written_out = _is_small(binder.program)
        writer = Writer(self.table, self.locate, self.needed, constants=written_out)
        blas = find_blas()
        products = Products(writer, blas, written_out)
        self.called: list[CalledLoop] = []
        # Where the present step's row numbers begin, and the outputs that it keeps.
        self.moving = {
            ("data", "rows"): np.zeros(1, np.int64),
            ("result", "outputs"): np.zeros(1, np.int64),
        }
        size = self.table.size
        for self.section in binder.program.sections:
            for part in binder.pieces[id(self.section)]:
                if not isinstance(part, Fused):
                    products.write(part)
                elif written_out:
                    self.part = part
                    writer.fused(part, size(part.rows), size(part.width))
                else:
                    openmp = blas.openmp if blas else None
                    loop = CalledLoop(binder, self.section, part, self.table, self.moving, openmp)
                    self.called.append(loop)
                    writer.lines.append(loop.call())
        checks = binder.results["checks"]
        state = {
            name: f"float64_at({self.table.address(array)})"
            for name, array in (
                ("learning_rate", arrays["learning_rate"]),
                ("count", arrays["step"]),
                ("penalty", arrays["penalty"]),
                ("loss", binder.results["loss"]),
            )
        }
        address = self.table.address(checks)
        here = WIDTH_WRITTEN_OUT if written_out else 0
        batch = size(binder.program.rows, here)
        outputs = size(self._outputs_bytes(), here)
        places = map(self.table.address, self.moving.values())
        self.source = self.table.source(
            [
                "steps, old, new, order = table[0], table[1], table[2], table[3]",
                "outputs = table[7]",
                *(
                    f"{name} = float64_at(table[{number}])"
                    for number, name in enumerate(("rates", "losses", "penalties"), start=4)
                ),
                *(f"{name} = {array}" for name, array in state.items()),
                f"checks = {checks.dtype.name}_at({address})",
                *(
                    f"{name}_place = int64_at({place})"
                    for name, place in zip(("order", "outputs"), places, strict=True)
                ),
                "turn = 0",
                "for step in range(steps):",
                *(
                    f"    {line}"
                    for line in (
                        "learning_rate[0] = rates[step]",
                        "count[0] += 1",
                        "order_place[0] = order",
                        "outputs_place[0] = outputs",
                        *writer.views,
                        *writer.lines,
                        "losses[step] = loss[0]",
                        "penalties[step] = penalty[0]",
                        "total = loss[0]",
                        f"for k in range({checks.size}):",
                        "    total += checks[k]",
                        "if not abs(total) < math.inf:",
                        "    return step",
                        f"order += 8 * {batch}",
                        f"outputs += {outputs}",
                        "turn = 1 - turn",
                        "swap = old",
                        "old = new",
                        "new = swap",
                    )
                ),
                "return steps",
            ]
        )

    def _outputs_bytes(self) -> int:
        """Make the array for the outputs of a single step, if any are kept; give its bytes."""
        for _, instruction in self.binder.program.instructions():
            value = instruction.output
            if (value.role, value.vector) == ("result", "outputs"):
                return self.binder.array(value, None).nbytes
        return 0

    def needed(self, value: Value) -> bool:
        """Whether a value is read outside its piece."""
        assert self.part is not None
        return self.binder.needed(value, self.part)

    def locate(self, value: Value) -> tuple[str, Hashable]:
        """Enter the array of a value; those of the two vectors change places after each step."""
        if value.role in ("parameters", "gradients"):
            offset = value.start * value.dtype.itemsize
            name = "old" if value.role == "parameters" else "new"
            return f"{name} + {offset}", (value.role, value.start)
        if (value.role, value.vector) in self.moving:
            name = "order" if value.role == "data" else "outputs"
            return name, name
        rows = self.section.rows
        array = self.binder.array(value, None if rows is None else slice(0, rows))
        return self.table.address(array), address_of(array)

    @property
    def sources(self) -> tuple[str, ...]:
        """What is compiled."""
        return self.source, *(loop.source for loop in self.called)

    def bind(self) -> BoundProgram:
        """Compile the function; a single step is a call of it too."""
        arrays, results = self.binder.arrays, self.binder.results
        functions = compiler().functions(self.sources)
        self._call = self.table.call(functions[self.source])
        for loop in self.called:
            loop.place(functions[loop.source])
            self.table.kept += loop.kept
        rate, loss, penalty = np.zeros((3, 1))

        def step() -> object:
            rate[0] = arrays["learning_rate"]
            arrays["step"][...] -= 1  # the function counts
            taken = self.run(arrays.get("rows"), rate, loss, penalty, results.get("outputs"))
            results["check"][...] = 0 if taken else math.inf
            return taken

        results["check"] = np.zeros(())
        sections = [(section, [step]) for section in self.binder.program.sections[-1:]]
        return BoundProgram([step], sections, results, self.table.kept, self.run, self.sources)

    def run(
        self,
        order: AnyArray | None,
        rates: AnyArray,
        losses: AnyArray,
        penalties: AnyArray,
        outputs: AnyArray | None,
    ) -> int:
        """Take one step for each learning rate; give how many were taken."""
        numbers = self.table.numbers
        numbers[0] = len(rates)
        numbers[3:8] = [
            0 if array is None else address_of(array)
            for array in (order, rates, losses, penalties, outputs)
        ]
        self._call()
        return int(self.table.result[0])


SMALL_PROGRAM = 200
"""Instructions of a step that is worth being compiled as a whole."""

SMALL_PRODUCT = 16_384
"""Multiplications of a matrix product that plain loops do as fast as a call of BLAS."""


def _is_small(program: Program) -> bool:
    """Whether a step is so small that the calls of its loops would be a good part of its time."""
    count = sum(1 for _ in program.instructions())
    return count <= SMALL_PROGRAM and largest_product(program) <= SMALL_PRODUCT
