"""Loops that a step calls: as one call, or a share of the rows for each thread of a team.

A loop that stands in its own function is compiled once for all layers, and all
networks, that have the same one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from nnplug.engines.compiler import Function
from nnplug.engines.fusion import Fused
from nnplug.engines.loops import Writer
from nnplug.engines.table import Table, address_of
from nnplug.engines.team import Team
from nnplug.plans.program import Section, Value
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.engines.numba_engine import NumbaBinder

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
    batch_place : array of int64 of shape (1,)
        Where the address of the present batch's row numbers stands.
    team : Team or None
        Whose threads share a long loop.

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
        batch_place: AnyArray,
        team: Team | None,
    ) -> None:
        self.binder, self.part, self.step, self.batch_place = binder, part, step, batch_place
        self.team = team if team is not None and _is_long(section, part) else None
        self._checks: dict[tuple[Value, int], AnyArray] = {}
        slices: list[slice | None] = [None]
        if section.rows is not None or self.team is not None:
            count = 1 if self.team is None else self.team.size
            if section.rows is not None:  # as many checks as it has tiles
                count = min(count, -(-section.rows // section.tile_rows))
            edges = (part.rows * number // count for number in range(count + 1))
            slices = [slice(*pair) for pair in itertools.pairwise(edges)]
        # For each turn of the vectors a table for each share.
        self.tables = [[self._table(turn, rows) for rows in slices] for turn in (0, 1)]
        self.records = np.zeros((2, len(slices), 4), np.int64)

    def _table(self, turn: int, rows: slice | None) -> Table:
        """Write the loop; its source is the same for every share and turn."""
        table = Table()

        def locate(value: Value) -> tuple[str, Hashable]:
            if value.role == "data" and value.vector == "rows":
                # The offset is not in the source, which is the same for all shares.
                start = 0 if rows is None else rows.start
                begin = table.enter(start * self.binder.arrays["rows"].itemsize)
                return f"int64_at({table.address(self.batch_place)})[0] + {begin}", "order"
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
        size = self.records[0].nbytes
        record = f"{self.step.address(self.records)} + turn * {size}"
        if self.team is None:
            return f"call_record({record})"
        jobs, share = map(self.step.function, (self.team.jobs, self.team.share))
        count = self.step.size(self.records.shape[1])
        return f"give_jobs({jobs}, {share}, {count}, {record}, {self.records[0, 0].nbytes})"

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


def _is_long(section: Section, part: Fused) -> bool:
    """Whether a loop can be divided among threads, and is long enough for it."""
    names = {instruction.operation.name for instruction in part.instructions}
    sums = names & {"sum_rows", "total"}  # which need all rows
    divided = not sums and not part.numbers and (section.rows is not None or "squares" not in names)
    return divided and part.rows * part.width >= LONG
