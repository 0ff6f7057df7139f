"""Relations: the rows of a file inside DuckDB, fetched whole or in chunks."""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnplug.errors import DataError, NnplugWarning, suggest
from nnplug.tables.duck import by_columns, connect, interruptible, literal
from nnplug.tables.options import ReadOptions
from nnplug.tables.parallel import parallel_map
from nnplug.tables.table import BoolArray, Column, Kind, Table, Tabular, make_column, stack
from nnplug.tables.wording import listed, quote
from nnplug.types import AnyArray

if TYPE_CHECKING:
    import duckdb

__all__ = ["Field", "Relation", "check_known", "database", "index_note"]

_CODED = 100_000
"""Up to so many different texts, DuckDB replaces them by codes, in half the time of Python."""

_WRITTEN_OUT = 10_000
"""A longer list of texts is queried a second time, which is faster than parsing it."""

_MANY = 20_000
"""Of so many rows or more, columns are fetched one by one, in several threads."""


@dataclass(frozen=True)
class Field:
    """A column of a relation: see `nnplug.tables.Column`."""

    name: str
    kind: Kind
    integer: bool = False
    written: str = ""


@dataclass(eq=False)
class Relation(Tabular):
    """Rows in the table or view `rows` of a database, with the columns c0, c1 and so on.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
    fields : tuple of Field
        By position.
    source : str
        What messages call the data.
    rows : int
    files : int
        If `rows` is a view of Parquet files, how many: each has a view of its
        own, `rows0`, `rows1` and so on. 0: it is a table.
    """

    connection: duckdb.DuckDBPyConnection
    fields: tuple[Field, ...]
    source: str
    rows: int
    files: int = 0
    _words: dict[str, tuple[str, ...] | None] = dataclasses.field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def schema(self) -> Table:
        """A table with the columns and no rows."""
        columns = tuple(
            Column(field.name, field.kind, np.empty(0), None, field.integer, written=field.written)
            for field in self.fields
        )
        return Table(columns, self.source, 0)

    def fetch(
        self, names: Sequence[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Table:
        """Fetch some of the columns and rows; see `Tabular.fetch`."""
        schema = self.schema
        for name in names or ():
            schema.column(name)
        wanted = [
            (f"c{i}", field)
            for i, field in enumerate(self.fields)
            if names is None or field.name in names
        ]
        stop = self.rows if stop is None else min(stop, self.rows)
        whole = start == 0 and stop == self.rows
        if whole and self.rows >= _MANY:

            def alone(pair: tuple[str, Field]) -> Column:
                # While one column's rows become an array, DuckDB reads another's.
                with self.connection.cursor() as cursor:
                    return self._columns(cursor, [pair], "rows")[0]

            return Table(tuple(parallel_map(alone, wanted)), self.source, self.rows)
        if whole:
            return Table(self._columns(self.connection, wanted, "rows"), self.source, self.rows)
        if self.files and not self._numbered:
            self._make_table()
        if not self.files:
            where = f"rows WHERE rowid >= {start} AND rowid < {stop}"
            return Table(self._columns(self.connection, wanted, where), self.source, stop - start)
        parts = []
        for number, (first, count) in enumerate(self._places):
            low, high = max(start - first, 0), min(stop - first, count)
            if low < high:
                where = f"rows{number} WHERE row >= {low} AND row < {high}"
                columns = self._columns(self.connection, wanted, where)
                parts.append(Table(columns, self.source, high - low))
        return parts[0] if len(parts) == 1 else stack(parts)

    @cached_property
    def _numbered(self) -> bool:
        """Whether the views number their rows."""
        views = (f"rows{number}" for number in range(self.files))
        described = (self.connection.execute(f"DESCRIBE {view}").fetchall() for view in views)
        return all(columns[-1][0] == "row" for columns in described)

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        """The first row of each file, and how many it has."""
        places, first = [], 0
        for number in range(self.files):
            (count,) = self.connection.execute(f"SELECT count(*) FROM rows{number}").fetchone() or (
                0,
            )
            places.append((first, int(count)))
            first += int(count)
        return places

    def _columns(
        self,
        connection: duckdb.DuckDBPyConnection,
        wanted: Sequence[tuple[str, Field]],
        source: str,
    ) -> tuple[Column, ...]:
        texts = [ours for ours, field in wanted if field.kind == "text" and ours not in self._words]
        for ours, table in by_columns(connection, "rows", texts):
            self._words[ours] = _coding(connection, table, ours)
        cells = []
        for ours, field in wanted:
            coded = field.kind == "text" and self._words[ours] is not None
            cells.append(f"enum_code(CAST({ours} AS {ours}_words)) AS {ours}" if coded else ours)
        fetched = connection.execute(f"SELECT {', '.join(cells)} FROM {source}").fetchnumpy()
        return tuple(self._column(field, ours, fetched[ours]) for ours, field in wanted)

    def distinct(self, name: str, most: int) -> int:
        """Count the different values of a column, up to `most`."""
        ours = f"c{self.names.index(name)}"
        found = self.connection.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT {ours} FROM rows WHERE {ours} IS NOT NULL "
            f"LIMIT {most})"
        ).fetchone()
        return int(found[0]) if found else 0

    def _make_table(self) -> None:
        self.connection.execute("CREATE TABLE part AS SELECT * FROM rows")
        self.connection.execute("DROP VIEW rows")
        self.connection.execute("ALTER TABLE part RENAME TO rows")
        self.files = 0

    def _column(self, field: Field, ours: str, fetched: AnyArray) -> Column:
        masked = isinstance(fetched, np.ma.MaskedArray)
        missing: BoolArray | None = np.ma.getmaskarray(fetched) if masked else None
        data = np.ma.getdata(fetched)
        words = self._words.get(ours)
        if words is None:
            column = make_column(field.name, field.kind, data, missing, integer=field.integer)
            return replace(column, written=field.written)
        codes = data.astype(np.int32)
        if missing is not None and missing.any():
            codes[missing] = -1
        else:
            missing = None
        return Column(field.name, field.kind, codes, missing, words=words)


def _coding(connection: duckdb.DuckDBPyConnection, table: str, ours: str) -> tuple[str, ...] | None:
    """List the different texts of a column, sorted, as a type of DuckDB; None if too many."""
    different = f"SELECT DISTINCT {ours} FROM {table} WHERE {ours} IS NOT NULL"
    rows = connection.execute(f"{different} LIMIT {_CODED + 1}").fetchall()
    words = tuple(sorted(row[0] for row in rows))
    if not 0 < len(words) <= _CODED or any("\0" in word for word in words):
        return None
    # The order of DuckDB, by bytes in UTF-8, is that of Python.
    few = len(words) <= _WRITTEN_OUT
    listing = ", ".join(map(literal, words)) if few else f"{different} ORDER BY {ours}"
    connection.execute(f"CREATE TYPE {ours}_words AS ENUM ({listing})")
    return words


@contextmanager
def database(
    memory: int, paths: Sequence[Path] = ()
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open an empty database, with a folder for what does not fit in memory.

    Both are removed afterwards. Apart from that folder, the database has
    access only to the files that are given.
    """
    with tempfile.TemporaryDirectory(prefix="nnplug-") as folder:
        connection = connect(Path(folder), memory, paths)
        try:
            with interruptible(connection):
                yield connection, Path(folder)
        finally:
            connection.close()


def index_note(source: str, what: str) -> None:
    """Warn that the index of a data frame, which is not a column, is left out."""
    warnings.warn(f"{source}: {what}; it is left out.", NnplugWarning, stacklevel=2)


def check_known(source: str, options: ReadOptions, names: Sequence[str]) -> None:
    """Refuse an option about a column that is not there.

    With a query, options are about the columns of its result, except for how
    dates and numbers are written: these are read before the query.
    """
    marked = tuple(name for name, _ in options.na_of)
    dated = tuple(name for name, _ in options.dates_of)
    known: tuple[tuple[tuple[str, ...], str], ...] = (
        (options.text, "to be read as text"),
        (options.numeric, "to be read as a number"),
        (marked, "with a mark of missing values"),
    )
    later = options.lenient or options.sql is not None
    stated = (
        (dated, "to be read as dates"),
        (options.written_numbers, "of which numbers are written so"),
    )
    for wanted, what in (*(() if later else known), *stated):
        for name in wanted:
            if name not in names:
                raise DataError(
                    f"{source}: there is no column {quote(name)} {what}."
                    f"{suggest(name, names)}\nIts columns are {listed(map(quote, names))}."
                )
