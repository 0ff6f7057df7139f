"""What a user may say about how the numbers of a table are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from nnplug.errors import SettingError
from nnplug.tables.numerals import PLAIN, Numerals

__all__ = ["SIGNS_OF_NUMBERS", "NumberOptions"]

SIGNS_OF_NUMBERS = {"decimal": (".", ","), "thousands": (",", ".", "'", " "), "negative": ("()",)}
"""What says how numbers are written, beside their unit, and what each may be."""
_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True)
class NumberOptions:
    """How the numbers of a file, or of single columns, are written.

    Attributes
    ----------
    decimal : str, optional
        `"."` or `","`, in numbers; by default a point, and a comma where
        points stand between thousands.
    thousands : str
        `","`, `"."`, `"'"` or a space between groups of three digits; any
        space that does not break is one. In text form also `comma`, `point`,
        `apostrophe` or `space`.
    unit : tuple of str
        What may stand before or behind numbers, such as `"$"` or `"%"`. It is
        left out: 12% is 12.
    negative : str
        `"()"`, or `parentheses`, if (100) is -100.
    decimal_of, thousands_of, unit_of, negative_of : tuple of (str, str)
        The same for single columns, which are numbers then, as (column,
        value); a mapping is taken too, and `thousands.COLUMN` in text form.
    known_numbers : tuple of (str, str)
        How the numbers of single columns are written, as `Numerals.written`,
        but found out: see `ReadOptions.known_dates`.
    numeric : tuple of str
        Columns that are numbers, whatever they look like.
    """

    decimal: str | None = None
    thousands: str = ""
    unit: tuple[str, ...] = ()
    negative: str = ""
    decimal_of: tuple[tuple[str, str], ...] = ()
    thousands_of: tuple[tuple[str, str], ...] = ()
    unit_of: tuple[tuple[str, str], ...] = ()
    negative_of: tuple[tuple[str, str], ...] = ()
    known_numbers: tuple[tuple[str, str], ...] = ()
    numeric: tuple[str, ...] = ()

    def check_numbers(self) -> None:
        """Refuse what cannot say how numbers are written."""
        for key, allowed in SIGNS_OF_NUMBERS.items():
            stated = [(key, getattr(self, key))] if getattr(self, key) else []
            stated += [(f"{key}.{name}", value) for name, value in getattr(self, f"{key}_of")]
            for label, value in stated:
                if value not in allowed:
                    ways = " or ".join(map(repr, allowed))
                    raise SettingError(f"read: {label}={value!r}: use {ways}.")
        for unit in (*self.unit, *(unit for _, unit in self.unit_of)):
            if not unit or unit != unit.strip() or re.search(r"[0-9()+]|^[-.,']|[-,']$", unit):
                raise SettingError(
                    f"read: unit={unit!r}: it must be what stands beside numbers, such as $ or km."
                )
        if self.decimal == self.thousands:
            raise SettingError(f"read: decimal and thousands are both {self.decimal!r}.")
        for name in self.written_numbers:
            if self._aspect("decimal", name) == (sign := self._aspect("thousands", name)) != "":
                raise SettingError(f"read: decimal and thousands of {name!r} are both {sign!r}.")

    @cached_property
    def written_numbers(self) -> tuple[str, ...]:
        """The columns of which is stated how their numbers are written."""
        return tuple(dict.fromkeys(name for each in self._of_columns.values() for name in each))

    @property
    def point(self) -> str:
        """The sign before the decimals, of columns of which nothing else is stated."""
        return self.decimal or ("," if self.thousands == "." else ".")

    @cached_property
    def _of_columns(self) -> dict[str, dict[str, str]]:
        """What is stated of single columns, by key and column."""
        return {key: dict(getattr(self, f"{key}_of")) for key in (*SIGNS_OF_NUMBERS, "unit")}

    @cached_property
    def _known(self) -> dict[str, Numerals]:
        """How the numbers of single columns are written, as far as that was found out."""
        return {name: Numerals.of(way) or PLAIN for name, way in self.known_numbers}

    def asks_for_decimal(self, column: str) -> bool:
        """Tell whether the user has not said, and training did not, what a point is."""
        stated = self._of_columns
        named = column in stated["decimal"] or column in stated["thousands"]
        return not (self.decimal or self.thousands == "." or named or column in self._known)

    def is_numeric(self, column: str) -> bool:
        """Tell whether a column must be numbers whatever it looks like."""
        known = self._known.get(column, PLAIN) not in (PLAIN, Numerals(self.point))
        return known or column in self.numeric or column in self.written_numbers

    def numerals(self, column: str) -> tuple[Numerals, ...]:
        """List the ways in which numbers of a column may be written, as far as is known.

        They differ in their units: a file may have several, a column has one.
        """
        known, of_column = self._known.get(column, PLAIN), self._of_columns
        unit = of_column["unit"].get(column)
        units = (unit,) if unit else tuple(dict.fromkeys((known.unit, *self.unit)))
        if len(units) > 1:
            units = tuple(each for each in units if each)
        thousands, decimal = self._aspect("thousands", column), self._aspect("decimal", column)
        negative = of_column["negative"].get(column) or self.negative or known.negative
        return tuple(Numerals(decimal, thousands, each, negative) for each in units)

    def _aspect(self, key: str, column: str) -> str:
        """Give the sign between thousands, or before the decimals, of one column.

        What is stated of the column comes first, then of the file, then what is known.
        """
        of_column = self._of_columns
        if column in of_column[key]:
            return of_column[key][column]
        beside = of_column["thousands" if key == "decimal" else "decimal"].get(column)
        if beside is not None:  # where points stand between thousands, decimals have a comma
            if key == "thousands":
                return self.thousands if self.thousands != beside else ""
            return self.point if self.point != beside else _OTHER[self.point]
        if self.decimal or self.thousands:
            return self.point if key == "decimal" else self.thousands
        known = self._known.get(column, PLAIN)
        return known.decimal if key == "decimal" else known.thousands
