"""What a user may say about a table: how its file is read, how its columns are used."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from nnplug.errors import SettingError, suggest
from nnplug.tables.goal import Transform, check_transform
from nnplug.tables.missing import Missing, check_rule
from nnplug.tables.number_options import SIGNS_OF_NUMBERS, NumberOptions
from nnplug.tables.table import Kind

__all__ = ["ReadOptions", "TableOptions"]

_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")
_SIGNS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}
_SIGNS |= {"point": ".", "apostrophe": "'", "parentheses": "()"}
_SEVERAL = ("columns", "drop", "categorical", "numeric")
_NOT_OF_A_FILE = (
    "sql",
    "text",
    "numeric",
    "lenient",
    "known_dates",
    "known_numbers",
    "only",
    "unused",
)
_OF_COLUMNS = ("na", "dates", *SIGNS_OF_NUMBERS, "unit")
"""Keys that may be given of one column, as `na.COLUMN`."""


@dataclass(frozen=True)
class ReadOptions(NumberOptions):
    """How a file is to be read; what is not stated is found out.

    How its numbers are written is said as in `NumberOptions`.

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
        What a line of a text file begins with that is not read.
    encoding : str
        Of a text file, by Python's name. It is never guessed.
    dates : str
        How dates are written, as `%d.%m.%Y`; ISO and what is clear from all
        rows need not be stated.
    dates_of : tuple of (str, str)
        How those of single columns are, as (column, way); a mapping is taken
        too, and `dates.COLUMN` in text form.
    na : tuple of str
        Cells that stand for a missing value, beside the empty one.
    na_of : tuple of (str, str)
        Those of single columns, as (column, cell); a mapping from columns to
        cells is taken too, and `na.COLUMN` in text form.
    table : str, optional
        The table of a database file.
    sheet : str, optional
        The sheet of a workbook; by default the first.
    trusted : bool
        Whether the user knows the file and the query, so that the limits are
        not kept on what these may take: see `nnplug.tables.limits`.
    sql : str, optional
        A query over the data, which it calls `data`; its result is the table.
    text, numeric : tuple of str
        Columns that are text, or numbers, whatever they look like.
    lenient : bool
        Whether those may be missing.
    known_dates : tuple of (str, str)
        How the dates of single columns are, as `dates_of`, but found out: the
        way of the rows for training, of a model's or of the first of several
        files. Those columns may be missing.
    only : tuple of str, optional
        The columns that will be used. In a text file the others are text,
        whatever they hold: nothing in them is refused.
    unused : tuple of str
        Columns that will not be used: what would be refused or asked about in
        them is text. They may be missing.
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
    sql: str | None = None
    text: tuple[str, ...] = ()
    lenient: bool = False
    known_dates: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] | None = None
    unused: tuple[str, ...] = ()

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
        self.check_numbers()
        if self.decimal is not None and self.decimal == self.delimiter:
            raise SettingError(f"read: delimiter and decimal are both {self.decimal!r}.")
        try:
            codecs.lookup(self.encoding)
        except (LookupError, TypeError, ValueError):
            raise SettingError(
                f"read: encoding={self.encoding!r} is none that Python knows. Use a name such as "
                "utf-8, latin-1, cp1252 or utf-16."
            ) from None
        both = [name for name in self.text if name in self.numeric]
        if both:
            raise SettingError(f"column {both[0]!r} cannot be both categorical and numeric.")
        numbers = {*self.numeric, *self.written_numbers}
        for name, way in self.dates_of:
            if name in self.text or name in numbers:
                other = "categorical" if name in self.text else "numeric"
                raise SettingError(f"column {name!r} cannot be both {other} and dates ({way}).")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> ReadOptions:
        """Read options of the form `key=value`, as the command line gives them.

        `na` and `na.COLUMN` may stand several times.

        Raises
        ------
        SettingError
            If a key is unknown or a value is none that it takes.
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
            if key in _OF_COLUMNS and dot:
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
        """Take options as a mapping from key to value.

        Raises
        ------
        SettingError
            If a key is unknown or a value is none that it takes.
        """
        if isinstance(given, ReadOptions):
            return given
        known = [field.name for field in fields(cls) if field.name not in _NOT_OF_A_FILE]
        values: dict[str, Any] = {}
        for key, value in (given or {}).items():
            if key not in known:
                near = [each for each in known if each.endswith("_of") == key.endswith("_of")]
                raise SettingError(
                    f"read: there is no option {key!r}.{suggest(key, near)}\n"
                    f"The options are {', '.join(known)}."
                )
            values[key] = value
        for key in ("delimiter", *SIGNS_OF_NUMBERS):
            if isinstance(values.get(key), str):
                values[key] = _SIGNS.get(values[key], values[key])
        for key in ("header", "trusted"):
            if isinstance(values.get(key), str):
                values[key] = _truth(key, values[key])
        if re.fullmatch("[0-9]{1,18}", str(values.get("skip"))):
            values["skip"] = int(values["skip"])
        for key in {"na", "unit"} & values.keys():
            values[key] = _names(values[key])
        if isinstance(values.get("na_of"), Mapping):
            values["na_of"] = [
                (column, cell)
                for column, cells in values["na_of"].items()
                for cell in _names(cells)
            ]
        for key in {f"{each}_of" for each in _OF_COLUMNS} & values.keys():
            pairs = values[key].items() if isinstance(values[key], Mapping) else values[key]
            values[key] = tuple((str(column), str(value)) for column, value in pairs)
        for key in {f"{each}_of" for each in SIGNS_OF_NUMBERS} & values.keys():
            values[key] = tuple((column, _SIGNS.get(sign, sign)) for column, sign in values[key])
        return cls(**values)

    def adding(
        self,
        *,
        text: Iterable[str],
        numeric: Iterable[str],
        na: Iterable[str] = (),
        na_of: Iterable[tuple[str, str]] = (),
    ) -> ReadOptions:
        """Add what is known of columns, which may be missing."""
        texts = tuple(dict.fromkeys((*self.text, *text)))
        numbers = tuple(each for each in (*self.numeric, *numeric) if each not in texts)
        return replace(
            self,
            text=texts,
            numeric=tuple(dict.fromkeys(numbers)),
            na=tuple(dict.fromkeys((*self.na, *na))),
            na_of=tuple(dict.fromkeys((*self.na_of, *na_of))),
            lenient=True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give what is not as by default, by the keys that `of` takes."""
        stated = {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if field.name not in _NOT_OF_A_FILE
            and (value := getattr(self, field.name)) != field.default
        }
        if self.na_of:
            columns = dict.fromkeys(column for column, _ in self.na_of)
            stated["na_of"] = {column: list(self.marks(column)) for column in columns}
        for key in (f"{each}_of" for each in _OF_COLUMNS if each != "na"):
            if key in stated:
                stated[key] = dict(getattr(self, key))
        return stated

    def marks(self, column: str) -> tuple[str, ...]:
        """Give the cells that stand for a missing value in one column alone."""
        return tuple(cell for name, cell in self.na_of if name == column)

    def is_text(self, column: str) -> bool:
        """Tell whether a column is text whatever it looks like."""
        unused = self.only is not None and self.sql is None and column not in self.only
        return column in self.text or unused

    def knowing(self, columns: Iterable[tuple[str, Kind, str]]) -> ReadOptions:
        """Add how columns are written that have been read: name, kind, and how."""
        found = [each for each in columns if each[1] in ("date", "number")]
        dates = tuple((name, way) for name, kind, way in found if kind == "date" and way)
        numbers = tuple((name, way) for name, kind, way in found if kind == "number")
        return replace(self, known_dates=dates, known_numbers=numbers)

    def date_format(self, column: str) -> str:
        """Give how the dates of a column must be written; empty if that is not known."""
        return dict((*self.known_dates, *self.dates_of)).get(column, "")


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _truth(key: str, text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise SettingError(f"read: {key}={text!r}: use true or false.")
    return text.lower() in _TRUE


@dataclass(frozen=True)
class TableOptions:
    """How the columns of a table are used.

    Attributes
    ----------
    columns : tuple of str, optional
        The columns to predict from, instead of all.
    drop : tuple of str
        Columns that are not used.
    categorical, numeric : tuple of str
        Columns that are categories, or numbers, whatever they look like.
    missing : str
        What is done where an input lacks a value: see
        `nnplug.tables.missing.Missing`.
    drop_missing_targets : bool
        Whether rows without a target are left out; else they are an error.
    weights : str, optional
        The column that says what each row counts for.
    target_transform : str, optional
        What is learned instead of a regression's target: see
        `nnplug.tables.goal.Transform`.
    """

    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    missing: Missing = "mean"
    drop_missing_targets: bool = False
    weights: str | None = None
    target_transform: Transform | None = None

    def __post_init__(self) -> None:
        check_rule(self.missing)
        for name in self.columns or ():
            if name in self.drop:
                raise SettingError(f"column {name!r} is named in columns and in drop.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TableOptions:
        """Take options by name; None is the default, and one text stands for several."""
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is None or (name in _SEVERAL and not value and name != "columns"):
                continue
            values[name] = _names(value) if name in _SEVERAL else value
        values["target_transform"] = check_transform(values.get("target_transform"))
        return cls(**values)
