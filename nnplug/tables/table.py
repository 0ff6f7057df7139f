"""Tables in memory: named columns of four kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, suggest
from nnplug.tables.wording import listed, quote, show
from nnplug.types import AnyArray

__all__ = [
    "KIND_NAMES",
    "BoolArray",
    "Column",
    "Kind",
    "Table",
    "Tabular",
    "as_text",
    "check_names",
    "kind_error",
    "make_column",
    "make_table",
    "stack",
]

Kind = Literal["number", "boolean", "text", "date"]
"""What kind of values a column has."""

KIND_NAMES: dict[Kind, str] = {
    "number": "numbers",
    "boolean": "truth values",
    "text": "text",
    "date": "dates",
}

BoolArray = npt.NDArray[np.bool_]
CodeArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As the table has it.
    kind : str
        `"number"`, `"boolean"`, `"text"` or `"date"`.
    data : array of shape (N,)
        float64 for numbers, bool for booleans, datetime64[us] for dates, and
        for text an int32 index into `words`. A missing value is NaN, False,
        NaT or -1.
    missing : array of bool of shape (N,), or None
        Where values are missing; None if nowhere.
    integer : bool
        Whether the numbers are whole by their type or by how they are
        written, and not just by their values: 2.0 is not.
    words : tuple of str
        The different texts, sorted, and perhaps some that no row has; empty
        for the other kinds.
    written : str
        How the file wrote the dates, as for `strftime`; empty for ISO 8601
        and for dates that were not text.
    """

    name: str
    kind: Kind
    data: AnyArray
    missing: BoolArray | None = None
    integer: bool = False
    words: tuple[str, ...] = ()
    written: str = ""

    def __len__(self) -> int:
        return len(self.data)

    @cached_property
    def values(self) -> AnyArray:
        """The values as users know them, (N,); texts are objects of type `str`."""
        if self.kind != "text":
            return self.data
        # The code of a missing value, -1, picks the last one: the empty text.
        texts: AnyArray = np.array([*self.words, ""], object)
        return texts[self.data]

    @property
    def present(self) -> BoolArray:
        """Where values are not missing, (N,)."""
        return np.ones(len(self.data), bool) if self.missing is None else ~self.missing

    def take(self, rows: AnyArray | slice) -> Column:
        """Keep some rows, in the order given."""
        missing = None if self.missing is None else self.missing[rows]
        if missing is not None and not missing.any():
            missing = None
        return replace(self, data=self.data[rows], missing=missing)


class Tabular(ABC):
    """Named columns of one length: in memory a `Table`, in DuckDB a `Relation`.

    Attributes
    ----------
    source : str
        What messages call the data.
    rows : int
    """

    source: str
    rows: int

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""

    @property
    @abstractmethod
    def schema(self) -> Table:
        """A table with the same columns, perhaps without the rows."""

    @abstractmethod
    def fetch(
        self, names: Sequence[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Table:
        """Bring some of the columns and rows into memory.

        Parameters
        ----------
        names : sequence of str, optional
            The columns, which come in the order of the source; by default all.
        start, stop : int, optional
            The rows, counted from 0; by default all.

        Raises
        ------
        DataError
            If a column is not there.
        """

    def chunks(self, names: Sequence[str], size: int) -> Iterator[Table]:
        """Fetch some columns of all rows, `size` rows at a time."""
        for start in range(0, self.rows, size):
            yield self.fetch(names, start, start + size)


@dataclass(frozen=True, eq=False, repr=False)
class Table(Tabular):
    """Columns in memory.

    Attributes
    ----------
    columns : tuple of Column
        In the order of the source; their names differ.
    source : str
        The file's name, or what else messages should say.
    rows : int
        How many rows there are.
    """

    columns: tuple[Column, ...]
    source: str
    rows: int

    def __repr__(self) -> str:
        return f"<table {self.source}: {self.rows} rows, {len(self.columns)} columns>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        """Find a column by its exact name.

        Raises
        ------
        DataError
            If no column has that name.
        """
        if name in self._by_name:
            return self._by_name[name]
        raise DataError(
            f"{self.source}: there is no column {quote(name)}.{suggest(name, self.names)}\n"
            f"Its columns are {listed(map(quote, self.names))}."
        )

    @property
    def schema(self) -> Table:
        """The table itself."""
        return self

    def fetch(
        self, names: Sequence[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Table:
        """Take some of the columns and rows; see `Tabular.fetch`."""
        for name in names or ():
            self.column(name)
        chosen = tuple(column for column in self.columns if names is None or column.name in names)
        table = Table(chosen, self.source, self.rows)
        if start == 0 and (stop is None or stop >= self.rows):
            return table
        return table.take(slice(start, stop))

    def take(self, rows: AnyArray | slice) -> Table:
        """Keep some rows, in the order given."""
        columns = tuple(column.take(rows) for column in self.columns)
        return Table(columns, self.source, len(columns[0]))


def make_column(
    name: str,
    kind: Kind,
    values: AnyArray,
    missing: BoolArray | None = None,
    *,
    integer: bool = False,
) -> Column:
    """Make a column in which every missing value is filled in the same way.

    Parameters
    ----------
    values : array of shape (N,)
        Texts for text. NaN and NaT are missing values.
    """
    if kind in ("number", "date"):
        unset = np.isnan(values) if kind == "number" else np.isnat(values)
        missing = unset if missing is None else missing | unset
    if missing is not None and not missing.any():
        missing = None
    if kind == "text":
        codes, words = _coded(values.tolist(), missing)
        return Column(name, kind, codes, missing, words=words)
    dtype = {"number": "f8", "boolean": "?", "date": "M8[us]"}[kind]
    if missing is None:
        return Column(name, kind, np.ascontiguousarray(values, dtype), None, integer)
    fillings: dict[str, float | str] = {"number": np.nan, "boolean": False, "date": "NaT"}
    filled = np.full(values.shape, fillings[kind], dtype)
    filled[~missing] = values[~missing]
    return Column(name, kind, filled, np.ascontiguousarray(missing), integer)


def _coded(texts: Sequence[str], missing: BoolArray | None) -> tuple[CodeArray, tuple[str, ...]]:
    """Replace texts by their index among the different ones, sorted; -1 where one is missing."""
    present = texts
    if missing is not None:
        present = [texts[i] for i in np.flatnonzero(~missing).tolist()]
    words = tuple(sorted(set(present)))
    index = {word: code for code, word in enumerate(words)}
    # map with a method of dict runs in C, which is faster than sorting the rows.
    found = np.fromiter(map(index.__getitem__, present), np.int32, len(present))
    if missing is None:
        return found, words
    codes = np.full(len(texts), -1, np.int32)
    codes[~missing] = found
    return codes, words


def make_table(columns: Sequence[Column], source: str) -> Table:
    """Make a table; refuse one without rows."""
    rows = len(columns[0])
    if rows == 0:
        raise DataError(f"{source}: the table has no rows, only the names of its columns.")
    return Table(tuple(columns), source, rows)


def as_text(column: Column) -> Column:
    """Turn a column of numbers or truth values into text: 5.0 becomes "5"."""
    if column.kind == "text":
        return column
    if column.kind == "date" or not column.present.any():
        return Column(column.name, "text", np.full(len(column), -1, np.int32), column.missing)
    different, codes = np.unique(column.data[column.present], return_inverse=True)
    texts = [show(value) for value in different.tolist()]
    words = tuple(sorted(texts))
    place = {word: code for code, word in enumerate(words)}
    data = np.full(len(column), -1, np.int32)
    data[column.present] = np.array([place[text] for text in texts], np.int32)[codes]
    return Column(column.name, "text", data, column.missing, words=words)


def kind_error(source: str, column: Column, before: Kind) -> DataError:
    """Make the error for a column that is of another kind than in training."""
    present = column.values[column.present]
    such = f" such as {show(present[0])}" if len(present) else ""
    return DataError(
        f"{source}: column {quote(column.name)} holds {KIND_NAMES[column.kind]}{such}, and held "
        f"{KIND_NAMES[before]} in training."
    )


def stack(tables: Sequence[Table]) -> Table:
    """Stack tables with the same columns."""
    columns = tuple(
        _stacked(columns) for columns in zip(*(table.columns for table in tables), strict=True)
    )
    return Table(columns, tables[0].source, sum(table.rows for table in tables))


def _stacked(columns: Sequence[Column]) -> Column:
    missing = None
    if any(column.missing is not None for column in columns):
        missing = np.concatenate([~column.present for column in columns])
    words = columns[0].words
    data = [column.data for column in columns]
    if any(column.words != words for column in columns):
        words = tuple(sorted({word for column in columns for word in column.words}))
        place = {word: code for code, word in enumerate(words)}
        for position, column in enumerate(columns):
            # The code of a missing value, -1, picks the last one: -1 again.
            codes = np.array([*(place[word] for word in column.words), -1], np.int32)
            data[position] = codes[column.data]
    return replace(
        columns[0],
        data=np.concatenate(data),
        missing=missing,
        integer=all(column.integer for column in columns),
        words=words,
    )


def check_names(source: str, names: Sequence[str]) -> None:
    """Refuse columns without a name, and names that occur twice."""
    if not names:
        raise DataError(f"{source}: the table has no columns.")
    for position, name in enumerate(names, start=1):
        if not name:
            hint = (
                " Row numbers saved along with a table look like this."
                if position == 1 and len(names) > 1
                else " A delimiter at the end of the first line looks like this."
                if position == len(names) and position > 1
                else ""
            )
            raise DataError(
                f"{source}: column {position} of {len(names)} has no name."
                f"{hint}\nName it, or take the column out."
            )
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        places = [str(i) for i, name in enumerate(names, start=1) if name == double[0]]
        others = f" So do {listed(map(quote, double[1:]))}." if double[1:] else ""
        raise DataError(
            f"{source}: the name {quote(double[0])} stands over several columns "
            f"({listed(places)}).{others}\nRename or remove all but one."
        )
