"""Loops that a step calls, so that the loops of equal layers are compiled once.

A loop that stands in its own function is compiled once for all layers, and all
networks, that have the same one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnplug.engines.compiler import Function
from nnplug.engines.fusion import Fused
from nnplug.engines.loops import Writer
from nnplug.engines.table import Table, address_of
from nnplug.plans.program import Section, Value
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.engines.numba_engine import NumbaBinder

__all__ = ["CalledLoop"]

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
    ) -> None:
        self.binder, self.part, self.step, self.moving = binder, part, step, moving
        self._rows = None if section.rows is None else slice(0, part.rows)
        self._checks: dict[Value, AnyArray] = {}
        # One table for each turn of the vectors.
        self.tables = [self._table(turn) for turn in (0, 1)]
        self.records = np.zeros((2, 4), np.int64)

    def _table(self, turn: int) -> Table:
        """Write the loop; its source is the same for both turns."""
        table = Table()

        def locate(value: Value) -> tuple[str, Hashable]:
            place = self.moving.get((value.role, value.vector))
            if place is not None:
                return f"int64_at({table.address(place)})[0]", value.vector
            array = self._array(value, turn)
            return table.address(array), address_of(array)

        writer = Writer(table, locate, lambda value: self.binder.needed(value, self.part))
        writer.fused(
            self.part, table.size(self.part.rows, written_out=0), table.size(self.part.width)
        )
        self.source = table.source([*writer.views, *writer.lines, "return 0"])
        return table

    def _array(self, value: Value, turn: int) -> AnyArray:
        """Find the array of a value."""
        if value.role in VECTORS:
            vector = self.binder.arrays[VECTORS[VECTORS.index(value.role) ^ turn]]
            size = math.prod(value.shape)
            array = vector[value.start : value.start + size].reshape(value.shape)
            return array[self._rows] if self._rows is not None and value.per_row else array
        if value.role != "result" or value.vector != "checks":
            return self.binder.array(value, self._rows)
        if value not in self._checks:  # the same in both turns
            self._checks[value] = self.binder.array(value, self._rows)
        return self._checks[value]

    def call(self) -> str:
        """Write what the step does, where `turn` says how the vectors lie."""
        return f"call_record({self.step.address(self.records)} + turn * {self.records[0].nbytes})"

    def place(self, function: Function) -> None:
        """Enter the compiled function and what it is called with."""
        for turn, table in enumerate(self.tables):
            self.records[turn] = table.record(function)

    @property
    def kept(self) -> list[AnyArray]:
        """The arrays that are known by their addresses."""
        return [self.records, *(array for table in self.tables for array in table.kept)]
