"""How a file is read, as far as the user or a trained model says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from nnplug.errors import SettingError, suggest
from nnplug.tables.numerals import PLAIN, Numerals
from nnplug.tables.table import Kind

__all__ = ["ReadOptions", "as_names"]

_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")
_SIGNS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}
_SIGNS |= {"point": ".", "apostrophe": "'", "parentheses": "()"}
_NUMBER_SIGNS = {"decimal": (".", ","), "thousands": (",", ".", "'", " "), "negative": ("()",)}
"""The signs that numbers are written with, and the values that each may have."""
_PER_COLUMN = ("na", "dates", *_NUMBER_SIGNS, "unit")
"""Keys that may be given for one column, as `na.COLUMN`."""
_INTERNAL = (
    "sql", "text", "numeric", "lenient", "known_dates", "known_numbers", "only", "unused", "used",
)  # fmt: skip
"""Fields that `--read` does not set."""
_OTHER_POINT = {".": ",", ",": "."}


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read. What is not stated is found from the file.

    Attributes
    ----------
    delimiter : str, optional
        One character between cells; in text form also `tab`, `comma`,
        `semicolon`, `space` or `pipe`. By default found in the first lines.
    quote : str
        One character around a cell that holds a delimiter.
    header : bool, optional
        Whether the first line holds the names. By default it does, and a
        name that is a number is refused, since it is probably the first row
        of a file without names. With False the names are `column0`,
        `column1` and so on.
    skip : int
        Lines before the names, which are not read.
    comment : str
        Lines of a text file that begin with this are not read.
    encoding : str
        The encoding of a text file, by Python's name. It is never guessed.
    dates : str
        How dates are written, such as `%d.%m.%Y`. ISO 8601 need not be
        stated, nor what all rows together make clear.
    na : tuple of str
        Cells that stand for a missing value, in addition to the empty one.
    decimal : str, optional
        The sign before decimals, `"."` or `","`. By default a point, or a
        comma if points separate thousands.
    thousands : str
        `","`, `"."`, `"'"` or a space between groups of three digits; a
        non-breaking space counts as a space. In text form also `comma`,
        `point`, `apostrophe` or `space`.
    unit : tuple of str
        Units that may stand before or after numbers, such as `"$"` or `"%"`.
        They are dropped: 12% is 12.
    negative : str
        `"()"`, or `parentheses`, if (100) is -100.
    na_of, dates_of, decimal_of, thousands_of, unit_of, negative_of : tuple of (str, str)
        The same for single columns, as (column, value). A mapping is accepted
        too, and `thousands.COLUMN` in text form. A column with an option for
        numbers is read as numbers.
    table : str, optional
        The table of a database file.
    sheet : str, optional
        The sheet of a workbook; by default the first.
    trusted : bool
        Whether the user vouches for the file and the query, which lifts the
        limits of `nnplug.tables.limits`.
    sql : str, optional
        A query over the data, which it calls `data`; its result is the table.
    text, numeric : tuple of str
        Columns to read as text, or as numbers, whatever they look like.
    lenient : bool
        Whether those columns may be absent from the file.
    known_dates, known_numbers : tuple of (str, str)
        How the dates and numbers of single columns are written, found out
        earlier: in training, or in the first of several files. The numbers
        are as in `Numerals.written`. These columns may be absent.
    only : tuple of str, optional
        The columns that will be used. In a text file all others are read as
        text, so that nothing in them is refused.
    unused : tuple of str
        Columns that will not be used. A cell there that would be refused or
        asked about makes the column text. They may be absent.
    used : tuple of str, optional
        The columns that will be used, if no others will: all others are as
        those of `unused`.
    """

    delimiter: str | None = None
    quote: str = '"'
    header: bool | None = None
    skip: int = 0
    comment: str = ""
    encoding: str = "utf-8"
    dates: str = ""
    dates_of: tuple[tuple[str, str], ...] = ()
    na: tuple[str, ...] = ()
    na_of: tuple[tuple[str, str], ...] = ()
    table: str | None = None
    sheet: str | None = None
    trusted: bool = False
    decimal: str | None = None
    thousands: str = ""
    unit: tuple[str, ...] = ()
    negative: str = ""
    decimal_of: tuple[tuple[str, str], ...] = ()
    thousands_of: tuple[tuple[str, str], ...] = ()
    unit_of: tuple[tuple[str, str], ...] = ()
    negative_of: tuple[tuple[str, str], ...] = ()
    sql: str | None = None
    text: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    lenient: bool = False
    known_dates: tuple[tuple[str, str], ...] = ()
    known_numbers: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] | None = None
    unused: tuple[str, ...] = ()
    used: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote"):
            sign = getattr(self, name)
            if sign is None and name == "delimiter":
                continue
            if not isinstance(sign, str) or len(sign) != 1 or not sign.isascii() or sign in "\r\n":
                raise SettingError(f"read: {name}={sign!r}: it must be one ASCII character.")
        if self.delimiter == self.quote:
            raise SettingError(f"read: delimiter and quote are both {self.quote!r}.")
        if type(self.skip) is not int or self.skip < 0:
            raise SettingError(f"read: skip={self.skip!r}: it must be a number of lines.")
        if self.comment != self.comment.strip() or self.comment[:1] == self.quote:
            raise SettingError(f"read: comment={self.comment!r}: use a sign such as #.")
        self._check_numbers()
        if self.decimal is not None and self.decimal == self.delimiter:
            raise SettingError(f"read: delimiter and decimal are both {self.decimal!r}.")
        try:
            codecs.lookup(self.encoding)
        except (LookupError, TypeError, ValueError):
            raise SettingError(
                f"read: encoding={self.encoding!r} is not an encoding that Python knows. Use a "
                "name such as utf-8, latin-1, cp1252 or utf-16."
            ) from None
        both = [name for name in self.text if name in self.numeric]
        if both:
            raise SettingError(f"column {both[0]!r} cannot be both categorical and numeric.")
        numbers = {*self.numeric, *self.written_numbers}
        for name, way in self.dates_of:
            if name in self.text or name in numbers:
                other = "categorical" if name in self.text else "numeric"
                raise SettingError(f"column {name!r} cannot be both {other} and dates ({way}).")

    def _check_numbers(self) -> None:
        """Refuse signs and units that numbers are not written with."""
        for key, allowed in _NUMBER_SIGNS.items():
            stated = [(key, getattr(self, key))] if getattr(self, key) else []
            stated += [(f"{key}.{name}", sign) for name, sign in getattr(self, f"{key}_of")]
            for label, sign in stated:
                if sign not in allowed:
                    choices = " or ".join(map(repr, allowed))
                    raise SettingError(f"read: {label}={sign!r}: use {choices}.")
        for unit in (*self.unit, *(unit for _, unit in self.unit_of)):
            if not unit or unit != unit.strip() or re.search(r"[0-9()+]|^[-.,']|[-,']$", unit):
                raise SettingError(
                    f"read: unit={unit!r}: it must be a unit written beside numbers, such as $ or "
                    "km."
                )
        if self.decimal == self.thousands:
            raise SettingError(f"read: decimal and thousands are both {self.decimal!r}.")
        for name in self.written_numbers:
            if self._sign("decimal", name) == (sign := self._sign("thousands", name)) != "":
                raise SettingError(f"read: decimal and thousands of {name!r} are both {sign!r}.")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> ReadOptions:
        """Parse options of the form `key=value`, as the command line gives them.

        `na` and `na.COLUMN` may be given several times.

        Raises
        ------
        SettingError
            If a key is unknown or does not take its value.
        """
        found: dict[str, Any] = {}
        for text in texts:
            key, equals, value = text.partition("=")
            key, dot, column = key.strip().partition(".")
            key = key.lower()
            if not equals:
                raise SettingError(
                    f"read: {text!r} is not of the form key=value, such as encoding=latin-1."
                )
            if key != "na" and column in dict(found.get(f"{key}_of", ())):
                raise SettingError(f"read: {key}.{column} is given twice.")
            if key in _PER_COLUMN and dot:
                found[f"{key}_of"] = (*found.get(f"{key}_of", ()), (column, value))
            elif key in ("na", "unit"):
                found[key] = (*found.get(key, ()), value)
            elif key in found:
                raise SettingError(f"read: {key} is given twice.")
            else:
                found[key] = value
        return cls.of(found)

    @classmethod
    def of(cls, given: Mapping[str, Any] | ReadOptions | None) -> ReadOptions:
        """Make options from a mapping of keys to values.

        Raises
        ------
        SettingError
            If a key is unknown or does not take its value.
        """
        if isinstance(given, ReadOptions):
            return given
        known = [field.name for field in fields(cls) if field.name not in _INTERNAL]
        values: dict[str, Any] = {}
        for key, value in (given or {}).items():
            if key not in known:
                alike = [name for name in known if name.endswith("_of") == key.endswith("_of")]
                raise SettingError(
                    f"read: there is no option {key!r}.{suggest(key, alike)}\n"
                    f"The options are {', '.join(known)}."
                )
            values[key] = value
        for key in ("delimiter", *_NUMBER_SIGNS):
            if isinstance(values.get(key), str):
                values[key] = _SIGNS.get(values[key], values[key])
        for key in ("header", "trusted"):
            if isinstance(values.get(key), str):
                values[key] = _truth(key, values[key])
        if re.fullmatch("[0-9]{1,18}", str(values.get("skip"))):
            values["skip"] = int(values["skip"])
        for key in {"na", "unit"} & values.keys():
            values[key] = as_names(values[key])
        if isinstance(values.get("na_of"), Mapping):
            values["na_of"] = [
                (column, cell)
                for column, cells in values["na_of"].items()
                for cell in as_names(cells)
            ]
        for key in {f"{name}_of" for name in _PER_COLUMN} & values.keys():
            pairs = values[key].items() if isinstance(values[key], Mapping) else values[key]
            values[key] = tuple((str(column), str(value)) for column, value in pairs)
        for key in {f"{name}_of" for name in _NUMBER_SIGNS} & values.keys():
            values[key] = tuple((column, _SIGNS.get(sign, sign)) for column, sign in values[key])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, by the keys that `of` takes."""
        stated = {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if field.name not in _INTERNAL and (value := getattr(self, field.name)) != field.default
        }
        if self.na_of:
            columns = dict.fromkeys(column for column, _ in self.na_of)
            stated["na_of"] = {column: list(self.marks(column)) for column in columns}
        for key in (f"{name}_of" for name in _PER_COLUMN if name != "na"):
            if key in stated:
                stated[key] = dict(getattr(self, key))
        return stated

    def adding(
        self,
        *,
        text: Iterable[str],
        numeric: Iterable[str],
        na: Iterable[str] = (),
        na_of: Iterable[tuple[str, str]] = (),
    ) -> ReadOptions:
        """Add what is known about columns, which may be absent."""
        texts = tuple(dict.fromkeys((*self.text, *text)))
        numbers = (name for name in (*self.numeric, *numeric) if name not in texts)
        return replace(
            self,
            text=texts,
            numeric=tuple(dict.fromkeys(numbers)),
            na=tuple(dict.fromkeys((*self.na, *na))),
            na_of=tuple(dict.fromkeys((*self.na_of, *na_of))),
            lenient=True,
        )

    def knowing(self, columns: Iterable[tuple[str, Kind, str]]) -> ReadOptions:
        """Add how columns that have been read are written, as (name, kind, written)."""
        columns = list(columns)
        dates = tuple((name, way) for name, kind, way in columns if kind == "date" and way)
        numbers = tuple((name, way) for name, kind, way in columns if kind == "number")
        return replace(self, known_dates=dates, known_numbers=numbers)

    def marks(self, column: str) -> tuple[str, ...]:
        """Return the cells that stand for a missing value in this column alone."""
        return tuple(cell for name, cell in self.na_of if name == column)

    def is_unused(self, column: str) -> bool:
        """Tell whether a column will not be used, so that nothing in it matters."""
        return column in self.unused or (self.used is not None and column not in self.used)

    def is_text(self, column: str) -> bool:
        """Tell whether a column is read as text whatever it looks like."""
        unused = self.only is not None and self.sql is None and column not in self.only
        return column in self.text or unused

    def date_format(self, column: str) -> str:
        """Return how the dates of a column must be written; empty if that is not known."""
        return dict((*self.known_dates, *self.dates_of)).get(column, "")

    @cached_property
    def written_numbers(self) -> tuple[str, ...]:
        """The columns for which it is stated how their numbers are written."""
        columns = self._stated_of_columns.values()
        return tuple(dict.fromkeys(name for stated in columns for name in stated))

    @property
    def point(self) -> str:
        """The sign before decimals, in columns for which nothing else is stated."""
        return self.decimal or ("," if self.thousands == "." else ".")

    @cached_property
    def _stated_of_columns(self) -> dict[str, dict[str, str]]:
        """What is stated for single columns, by key and column."""
        return {key: dict(getattr(self, f"{key}_of")) for key in (*_NUMBER_SIGNS, "unit")}

    @cached_property
    def _known(self) -> dict[str, Numerals]:
        """How the numbers of single columns were found to be written."""
        return {name: Numerals.of(way) or PLAIN for name, way in self.known_numbers}

    def asks_for_decimal(self, column: str) -> bool:
        """Tell whether neither the user nor training says what a point means."""
        stated = self._stated_of_columns
        named = column in stated["decimal"] or column in stated["thousands"]
        return not (self.decimal or self.thousands == "." or named or column in self._known)

    def is_numeric(self, column: str) -> bool:
        """Tell whether a column must be numbers whatever it looks like."""
        known = self._known.get(column, PLAIN) not in (PLAIN, Numerals(self.point))
        return known or column in self.numeric or column in self.written_numbers

    def numerals(self, column: str) -> tuple[Numerals, ...]:
        """List the ways in which the numbers of a column may be written.

        They differ in the unit: a file may have several, a column has one.
        """
        known, stated = self._known.get(column, PLAIN), self._stated_of_columns
        unit = stated["unit"].get(column)
        units = (unit,) if unit else tuple(dict.fromkeys((known.unit, *self.unit)))
        if len(units) > 1:
            units = tuple(filter(None, units))
        thousands, decimal = self._sign("thousands", column), self._sign("decimal", column)
        negative = stated["negative"].get(column) or self.negative or known.negative
        return tuple(Numerals(decimal, thousands, unit, negative) for unit in units)

    def _sign(self, key: str, column: str) -> str:
        """Return the sign between thousands, or before decimals, of one column.

        What is stated for the column comes first, then for the file, then what is known.
        """
        stated = self._stated_of_columns
        if column in stated[key]:
            return stated[key][column]
        beside = stated["thousands" if key == "decimal" else "decimal"].get(column)
        if beside is not None:  # the two signs differ: points between thousands, a decimal comma
            if key == "thousands":
                return self.thousands if self.thousands != beside else ""
            return self.point if self.point != beside else _OTHER_POINT[self.point]
        if self.decimal or self.thousands:
            return self.point if key == "decimal" else self.thousands
        known = self._known.get(column, PLAIN)
        return known.decimal if key == "decimal" else known.thousands


def as_names(value: str | Iterable[str]) -> tuple[str, ...]:
    """Take one text as a list of one."""
    return (value,) if isinstance(value, str) else tuple(value)


def _truth(key: str, text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise SettingError(f"read: {key}={text!r}: use true or false.")
    return text.lower() in _TRUE
