"""A training step as one compiled function, which takes many steps at a call.

A small program is written out in that function, so that it needs no other. In
a larger one the loops stand in functions of their own, each of which is
compiled once for all layers, and all networks, that have the same loop; the
threads of BLAS can share a long loop.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping

import numpy as np

from nnplug.engines.engine import BoundProgram, Memory
from nnplug.engines.numba.binder import NumbaBinder, is_small
from nnplug.engines.numba.blas import OpenMP
from nnplug.engines.numba.compiler import Function, compiler
from nnplug.engines.numba.fusion import Fused
from nnplug.engines.numba.loops import write_loop
from nnplug.engines.numba.products import Products
from nnplug.engines.numba.source import WIDTH_WRITTEN_OUT, Table, Writer, address_of
from nnplug.plans.program import Program, Section, Value
from nnplug.types import AnyArray

__all__ = ["bind"]

LONG = 131_072
"""The least elements of a loop that are shared: threads have to wait for each other at its end."""

VECTORS = ("parameters", "gradients")
"""The two vectors that change places after each step: the new parameters are in the gradients'."""


class _CalledLoop:
    """A loop of a step in a function of its own.

    Parameters
    ----------
    binder : NumbaBinder
        The program's binder.
    section, part : Section, Fused
        The loop's section, and its instructions.
    step : Table
        The table of the function that calls it.
    moving : mapping of (role, vector) to array of int64 of shape (1,)
        For arrays that lie elsewhere in each step, the row numbers and the
        outputs that are kept: an array that holds the present step's address.
    openmp : OpenMP or None
        The threads that share a long loop. The result does not depend on the
        number of shares, since a loop that adds up rows is never divided.

    Attributes
    ----------
    source : str
        The function's source.
    """

    def __init__(
        self,
        binder: NumbaBinder,
        section: Section,
        part: Fused,
        step: Table,
        moving: Mapping[tuple[str, str], AnyArray],
        openmp: OpenMP | None,
    ) -> None:
        self.binder, self.part, self.step, self.moving = binder, part, step, moving
        self.openmp = openmp if openmp is not None and self._can_be_shared(section) else None
        self._checks: dict[tuple[Value, int], AnyArray] = {}
        slices: list[slice | None] = [None]
        if section.rows is not None or self.openmp is not None:
            is_long = part.rows * part.width >= LONG
            count = self.openmp.threads() if self.openmp is not None and is_long else 1
            if section.rows is not None:  # there is one check for each tile
                count = min(count, -(-section.rows // section.tile_rows))
            edges = (part.rows * number // count for number in range(count + 1))
            slices = [slice(*pair) for pair in itertools.pairwise(edges)]
        # The vectors change places after each step, so there are tables for both turns,
        # one for each share of the loop.
        self.tables = [[self._table(turn, rows) for rows in slices] for turn in (0, 1)]
        self.records = np.zeros((2, len(slices), 4), np.int64)

    def _can_be_shared(self, section: Section) -> bool:
        """Whether a loop can be divided among threads."""
        part, slots = self.part, self.binder.allocation.slots
        names = {instruction.operation.name for instruction in part.instructions}
        if part.numbers or names & {"sum_rows", "total"}:
            return False
        # All tiles have their working arrays in the same place, so threads would clash.
        shared = any(
            slots[instruction.output].scratch and self.binder.needed(instruction.output, part)
            for instruction in part.instructions
            if instruction.output in slots
        )
        return not shared and (section.rows is not None or "squares" not in names)

    def _table(self, turn: int, rows: slice | None) -> Table:
        """Write the loop; its source is the same for every share and turn."""
        table = Table()

        def locate(value: Value) -> tuple[str, Hashable]:
            place = self.moving.get((value.role, value.vector))
            if place is not None:
                # The offset is in the table: the source is the same for all shares.
                row = math.prod(value.shape[1:]) * value.dtype.itemsize
                begin = table.enter(0 if rows is None else rows.start * row)
                return f"int64_at({table.address(place)})[0] + {begin}", value.vector
            array = self._array(value, turn, rows)
            return table.address(array), address_of(array)

        writer = Writer(table, locate, lambda value: self.binder.needed(value, self.part))
        count = self.part.rows if rows is None else rows.stop - rows.start
        write_loop(writer, self.part, table.size(count, written_out=0), table.size(self.part.width))
        self.source = table.source([*writer.views, *writer.lines, "return 0"])
        return table

    def _array(self, value: Value, turn: int, rows: slice | None) -> AnyArray:
        """Find the array of a value."""
        if value.role in VECTORS:
            vector = self.binder.arrays[VECTORS[VECTORS.index(value.role) ^ turn]]
            size = math.prod(value.shape)
            array = vector[value.start : value.start + size].reshape(value.shape)
            return array[rows] if rows is not None and value.per_row else array
        if value.role != "result" or value.vector != "checks":
            return self.binder.array(value, rows)
        key = (value, 0 if rows is None else rows.start)
        if key not in self._checks:  # each share has its own, the same in both turns
            self._checks[key] = self.binder.array(value, rows)
        return self._checks[key]

    def call(self) -> str:
        """Write the call in the step's source; `turn` says which vector holds the parameters."""
        size = self.records[0, 0].nbytes
        place = self.step.address(self.records)
        if self.openmp is None:
            return f"call_record({place} + turn * {size})"
        # Entered as a number of its own and not by `size`, which gives equal sizes one name: a
        # shorter batch has other numbers of shares, and must have the same source.
        count = self.step.enter(self.records.shape[1])
        runtime = (self.openmp.parallel, self.openmp.number, self.openmp.count)
        addresses = ", ".join(map(self.step.function, runtime))
        return f"share_records({addresses}, {place} + turn * {size} * {count}, {count}, {size})"

    def place(self, function: Function) -> None:
        """Write the records: the compiled function's address, and its arguments'."""
        for turn, tables in enumerate(self.tables):
            for number, table in enumerate(tables):
                self.records[turn, number] = table.record(function)

    @property
    def kept(self) -> list[AnyArray]:
        """The arrays whose addresses the functions are given."""
        tables = [table for tables in self.tables for table in tables]
        return [self.records, *(array for table in tables for array in table.kept)]


class _StepLoop:
    """All of a training step in one function, which takes many steps at a call."""

    def __init__(self, binder: NumbaBinder) -> None:
        self.binder = binder
        arrays = binder.arrays
        # The first entries, which `run` fills in: the number of steps, the two vectors, the
        # order of rows, rates, losses, penalties, the outputs that are kept.
        vectors = [address_of(arrays[name]) for name in ("parameters", "gradients")]
        self.table = Table(0, *vectors, 0, 0, 0, 0, 0)
        self.section = binder.program.sections[0]
        self.part: Fused | None = None
        written_out = is_small(binder.program)
        writer = Writer(self.table, self.locate, self.needed, constants=written_out)
        blas = binder.blas
        products = Products(writer, blas, written_out)
        self.called: list[_CalledLoop] = []
        # The addresses of the present step's row numbers, and of the outputs that it keeps.
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
                    write_loop(writer, part, size(part.rows), size(part.width))
                else:
                    openmp = blas.openmp if blas else None
                    loop = _CalledLoop(binder, self.section, part, self.table, self.moving, openmp)
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
        """Give the bytes of the outputs of a step, if they are kept; else 0."""
        for _, instruction in self.binder.program.instructions():
            value = instruction.output
            if (value.role, value.vector) == ("result", "outputs"):
                return self.binder.array(value, None).nbytes
        return 0

    def needed(self, value: Value) -> bool:
        """Whether a value is read outside the piece that is being written."""
        assert self.part is not None
        return self.binder.needed(value, self.part)

    def locate(self, value: Value) -> tuple[str, Hashable]:
        """Write the address of a value's array; the two vectors' addresses are variables."""
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
        """The sources to compile."""
        return self.source, *(loop.source for loop in self.called)

    def bind(self) -> BoundProgram:
        """Compile the function; a single step is a call of it, too."""
        arrays, results = self.binder.arrays, self.binder.results
        functions = compiler().functions(self.sources)
        self._call = self.table.call(functions[self.source])
        for loop in self.called:
            loop.place(functions[loop.source])
            self.table.kept += loop.kept
        rate, loss, penalty = np.zeros((3, 1))

        def step() -> object:
            rate[0] = arrays["learning_rate"]
            arrays["step"][...] -= 1  # the function counts the step itself
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
