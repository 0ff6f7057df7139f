"""Loops that a step calls: as one call, or a share of the rows for each thread of BLAS.

A loop that stands in its own function is compiled once for all layers, and all
networks, that have the same one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnplug.engines.numba.blas import OpenMP
from nnplug.engines.numba.compiler import Function
from nnplug.engines.numba.fusion import Fused
from nnplug.engines.numba.loops import Writer
from nnplug.engines.numba.table import Table, address_of
from nnplug.plans.program import Section, Value
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.engines.numba.binder import NumbaBinder

__all__ = ["CalledLoop"]

LONG = 131_072
"""Elements of a loop from which on its shares are worth the threads' meeting at its end."""

VECTORS = ("parameters", "gradients")
"""The two vectors that change places after each step."""


class CalledLoop:
    """A loop of a step in a function of its own.

    Parameters
    ----------
    binder : NumbaBinder
        Of the program.
    section, part : Section, Fused
        What the loop is.
    step : Table
        Of the function that calls it.
    moving : mapping of (role, vector) to array of int64 of shape (1,)
        Where the present step's address stands, for what lies elsewhere in
        each step: the row numbers, the outputs that are kept.
    openmp : OpenMP or None
        Whose threads share a long loop. What a loop computes does not depend on
        the number of its shares: none that adds up rows is divided.

    Attributes
    ----------
    source : str
        Of the function.
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
            if section.rows is not None:  # as many checks as it has tiles
                count = min(count, -(-section.rows // section.tile_rows))
            edges = (part.rows * number // count for number in range(count + 1))
            slices = [slice(*pair) for pair in itertools.pairwise(edges)]
        # For each turn of the vectors a table for each share.
        self.tables = [[self._table(turn, rows) for rows in slices] for turn in (0, 1)]
        self.records = np.zeros((2, len(slices), 4), np.int64)

    def _can_be_shared(self, section: Section) -> bool:
        """Whether a loop can be divided among threads."""
        part, slots = self.part, self.binder.allocation.slots
        names = {instruction.operation.name for instruction in part.instructions}
        if part.numbers or names & {"sum_rows", "total"}:
            return False
        # The working arrays of a tile are one place for all of them.
        shared = any(
            slots[each.output].scratch and self.binder.needed(each.output, part)
            for each in part.instructions
            if each.output in slots
        )
        return not shared and (section.rows is not None or "squares" not in names)

    def _table(self, turn: int, rows: slice | None) -> Table:
        """Write the loop; its source is the same for every share and turn."""
        table = Table()

        def locate(value: Value) -> tuple[str, Hashable]:
            place = self.moving.get((value.role, value.vector))
            if place is not None:
                # The offset is not in the source, which is the same for all shares.
                row = math.prod(value.shape[1:]) * value.dtype.itemsize
                begin = table.enter(0 if rows is None else rows.start * row)
                return f"int64_at({table.address(place)})[0] + {begin}", value.vector
            array = self._array(value, turn, rows)
            return table.address(array), address_of(array)

        writer = Writer(table, locate, lambda value: self.binder.needed(value, self.part))
        count = self.part.rows if rows is None else rows.stop - rows.start
        writer.fused(self.part, table.size(count, written_out=0), table.size(self.part.width))
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
        if key not in self._checks:  # each share has one, in both turns
            self._checks[key] = self.binder.array(value, rows)
        return self._checks[key]

    def call(self) -> str:
        """Write what the step does, where `turn` says how the vectors lie."""
        size = self.records[0, 0].nbytes
        place = self.step.address(self.records)
        if self.openmp is None:
            return f"call_record({place} + turn * {size})"
        # Not as a size, which has one name wherever it is the same: a shorter batch has other
        # numbers of shares, and the same source.
        count = self.step.enter(self.records.shape[1])
        runtime = (self.openmp.parallel, self.openmp.number, self.openmp.count)
        addresses = ", ".join(map(self.step.function, runtime))
        return f"share_records({addresses}, {place} + turn * {size} * {count}, {count}, {size})"

    def place(self, function: Function) -> None:
        """Enter the compiled function and what it is called with."""
        for turn, tables in enumerate(self.tables):
            for number, table in enumerate(tables):
                self.records[turn, number] = table.record(function)

    @property
    def kept(self) -> list[AnyArray]:
        """The arrays that are known by their addresses."""
        tables = [table for tables in self.tables for table in tables]
        return [self.records, *(array for table in tables for array in table.kept)]
