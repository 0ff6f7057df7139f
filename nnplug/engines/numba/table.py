"""The table of a compiled function: the sizes and addresses that its source does not hold."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any, cast

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.engines.bound import Call
from nnplug.engines.numba.compiler import Function
from nnplug.types import AnyArray

__all__ = ["WIDTH_WRITTEN_OUT", "Table", "address_of"]

WIDTH_WRITTEN_OUT = 64
"""Rows up to this long have their length in the source, so that the compiler unrolls them."""


class Table:
    """What a function is called with; the same source serves other sizes and places.

    Attributes
    ----------
    sizes : list of str
        The statements by which the function reads its sizes.
    kept : list of array
        The arrays that the function knows by their addresses.
    """

    def __init__(self, *entries: int) -> None:
        self.entries = list(entries)
        self.sizes: list[str] = []
        self.kept: list[AnyArray] = []
        self._places: dict[tuple[str, int], str] = {}
        self.result = np.zeros(2, np.int64)  # what it returns, and an exception it never raises

    def enter(self, number: int) -> str:
        """Enter a number, and write how the source gives it."""
        self.entries.append(number)
        return f"table[{len(self.entries) - 1}]"

    def address(self, array: AnyArray) -> str:
        """Enter where an array lies."""
        self.kept.append(array)
        return self._once("address", address_of(array))

    def function(self, address: int) -> str:
        """Enter where a function lies."""
        return self._once("function", address)

    def room(self, nbytes: int) -> str:
        """Enter new working memory."""
        return self.address(aligned_zeros(nbytes, np.uint8))

    def size(self, number: int, written_out: int = WIDTH_WRITTEN_OUT) -> str:
        """Enter a length, if it is not so short that it stands in the source."""
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
        """Write the function that this is the table of."""
        return "def function(table):\n" + "".join(f"    {line}\n" for line in [*self.sizes, *lines])

    def call(self, function: Function) -> Call:
        """Bind a function to this table."""
        _, *places = self.record(function)
        return partial(function, *map(ctypes.c_void_p, places))

    def record(self, function: Function) -> tuple[int, ...]:
        """Give the addresses of a function and of what it is called with."""
        self.numbers = np.array(self.entries, np.int64)
        self.kept += [self.numbers, self.result]
        start, place = (
            address_of(self.result),
            ctypes.cast(cast(Any, function), ctypes.c_void_p).value,
        )
        assert place
        return place, start, start + 8, address_of(self.numbers)


def address_of(array: AnyArray) -> int:
    """Find where the first element of an array lies."""
    address: int = array.__array_interface__["data"][0]
    return address
