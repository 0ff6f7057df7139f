"""The source of a compiled function, and the table that it is called with.

The source names no size and no address that can be kept out of it: those stand
in a table. So one compiled function serves arrays in other places, and of other
lengths.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.engines.engine import Call
from nnplug.engines.numba.compiler import Function
from nnplug.engines.numba.elements import name_of
from nnplug.plans.program import Value
from nnplug.types import AnyArray

__all__ = ["WIDTH_WRITTEN_OUT", "Table", "Writer", "address_of"]

WIDTH_WRITTEN_OUT = 64
"""Rows up to this length have it in the source, so that the compiler can unroll their loops."""


class Table:
    """The sizes and addresses that a function is called with, as whole numbers of 64 bits.

    Attributes
    ----------
    sizes : list of str
        The statements by which the function reads its sizes.
    kept : list of array
        The arrays whose addresses stand in the table, and that must outlive it.
    """

    def __init__(self, *entries: int) -> None:
        self.entries = list(entries)
        self.sizes: list[str] = []
        self.kept: list[AnyArray] = []
        self._places: dict[tuple[str, int], str] = {}
        self.result = np.zeros(2, np.int64)  # its return value, and an exception it never raises

    def enter(self, number: int) -> str:
        """Enter a number, and write how the source reads it."""
        self.entries.append(number)
        return f"table[{len(self.entries) - 1}]"

    def address(self, array: AnyArray) -> str:
        """Enter the address of an array."""
        self.kept.append(array)
        return self._once("address", address_of(array))

    def function(self, address: int) -> str:
        """Enter the address of a function."""
        return self._once("function", address)

    def room(self, nbytes: int) -> str:
        """Enter the address of new working memory."""
        return self.address(aligned_zeros(nbytes, np.uint8))

    def size(self, number: int, written_out: int = WIDTH_WRITTEN_OUT) -> str:
        """Enter a length, unless it is so short that the source holds it."""
        if number <= written_out:
            return str(number)
        name = f"w{len(self.sizes)}"
        known = self._places.setdefault(("size", number), name)
        if known == name:
            self.sizes.append(f"{name} = {self.enter(number)}")
        return known

    def _once(self, kind: str, number: int) -> str:
        if (kind, number) not in self._places:
            self._places[kind, number] = self.enter(number)
        return self._places[kind, number]

    def source(self, lines: list[str]) -> str:
        """Write the function, from its lines."""
        return "def function(table):\n" + "".join(f"    {line}\n" for line in [*self.sizes, *lines])

    def call(self, function: Function) -> Call:
        """Bind a function to this table."""
        _, *places = self.record(function)
        return partial(function, *map(ctypes.c_void_p, places))

    def record(self, function: Function) -> tuple[int, ...]:
        """Give the addresses of a function and of its three arguments."""
        self.numbers = np.array(self.entries, np.int64)
        self.kept += [self.numbers, self.result]
        start, place = (
            address_of(self.result),
            ctypes.cast(cast(Any, function), ctypes.c_void_p).value,
        )
        assert place
        return place, start, start + 8, address_of(self.numbers)


def address_of(array: AnyArray) -> int:
    """Give the address of an array's first element."""
    address: int = array.__array_interface__["data"][0]
    return address


class Writer:
    """Writes the source of one function, loop after loop.

    Parameters
    ----------
    table : Table
        Holds sizes and addresses.
    locate : callable
        Gives an expression for the address of a value's array, and a key that
        is equal for values in the same memory.
    needed : callable
        Whether a value is read outside the loop that computes it.
    constants : bool
        Whether constants stand in the source, as in programs whose lengths do.
        Otherwise the table holds them, so that a mean over another number of
        rows has the same source.

    Attributes
    ----------
    views : list of str
        The statements that turn addresses into arrays.
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
        """Make a name that is not used in the function yet."""
        self._count += 1
        return f"{letter}{self._count}"

    def view(self, value: Value) -> str:
        """Give the name of a value's array; it is made the first time."""
        address, memory = self.locate(value)
        key = (memory, name_of(value.dtype))
        if key not in self._views:
            self._views[key] = self.array(address, value.dtype)
        return self._views[key]

    def constant(self, number: float, dtype: np.dtype[Any]) -> str | None:
        """Write how the table's constant is read; None if the source holds it."""
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
        """Write the statement that turns an address into an array, and give its name."""
        name = self.fresh("a")
        kind = "uint8" if dtype.kind == "b" else name_of(dtype)
        self.views.append(f"{name} = {kind}_at({address})")
        return name
