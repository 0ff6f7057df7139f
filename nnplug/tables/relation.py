"""Relations: the rows of a file inside DuckDB, fetched whole or in chunks."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnplug.errors import DataError, NnplugWarning, suggest
from nnplug.tables.duck import by_columns, connect, interruptible, literal
from nnplug.tables.options import ReadOptions
from nnplug.tables.parallel import parallel_map
from nnplug.tables.table import BoolArray, Column, Kind, Table, Tabular, make_column
from nnplug.tables.wording import listed, quote
from nnplug.types import AnyArray

if TYPE_CHECKING:
    import duckdb

__all__ = ["Field", "Relation", "check_known", "database", "index_note"]

_CODED = 100_000
"""Up to as many different texts are given their codes by DuckDB: in half of Python's time."""

_WRITTEN_OUT = 10_000
"""More of them are found a second time rather than parsed."""

_MANY = 20_000
"""From so many rows on, columns are fetched one by one, in several threads."""


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
    view : bool
        Whether it is a view of a file. It becomes a table when a stretch of it
        is fetched, since only the rows of a table are numbered.
    """

    connection: duckdb.DuckDBPyConnection
    fields: tuple[Field, ...]
    source: str
    rows: int
    view: bool = False
    _words: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(each.name for each in self.fields)

    @property
    def schema(self) -> Table:
        """A table with the columns and no rows."""
        columns = tuple(
            Column(each.name, each.kind, np.empty(0), None, each.integer, written=each.written)
            for each in self.fields
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
            (f"c{i}", column)
            for i, column in enumerate(self.fields)
            if names is None or column.name in names
        ]
        stop = self.rows if stop is None else min(stop, self.rows)
        whole = start == 0 and stop == self.rows
        if whole and self.rows >= _MANY:

            def alone(pair: tuple[str, Field]) -> Column:
                # While one column's rows become an array, DuckDB reads another's.
                with self.connection.cursor() as cursor:
                    return self._columns(cursor, [pair], "")[0]

            return Table(tuple(parallel_map(alone, wanted)), self.source, self.rows)
        if self.view and not whole:
            self._make_table()
        where = "" if whole else f" WHERE rowid >= {start} AND rowid < {stop}"
        columns = self._columns(self.connection, wanted, where)
        return Table(columns, self.source, stop - start)

    def _columns(
        self,
        connection: duckdb.DuckDBPyConnection,
        wanted: Sequence[tuple[str, Field]],
        where: str,
    ) -> tuple[Column, ...]:
        texts = [o for o, each in wanted if each.kind == "text" and o not in self._words]
        for ours, table in by_columns(connection, "rows", texts):
            self._words[ours] = _coding(connection, table, ours)
        cells = []
        for ours, each in wanted:
            coded = each.kind == "text" and self._words[ours] is not None
            cells.append(f"enum_code(CAST({ours} AS {ours}_words)) AS {ours}" if coded else ours)
        fetched = connection.execute(f"SELECT {', '.join(cells)} FROM rows{where}").fetchnumpy()
        return tuple(self._column(each, ours, fetched[ours]) for ours, each in wanted)

    def distinct(self, name: str, most: int) -> int:
        """Count the different values of a column, as far as `most`."""
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
        self.view = False

    def _column(self, each: Field, ours: str, fetched: AnyArray) -> Column:
        masked = isinstance(fetched, np.ma.MaskedArray)
        missing: BoolArray | None = np.ma.getmaskarray(fetched) if masked else None
        data = np.ma.getdata(fetched)
        words = self._words.get(ours)
        if words is None:
            column = make_column(each.name, each.kind, data, missing, integer=each.integer)
            return replace(column, written=each.written)
        codes = data.astype(np.int32)
        if missing is not None and missing.any():
            codes[missing] = -1
        else:
            missing = None
        return Column(each.name, each.kind, codes, missing, words=words)


def _coding(connection: duckdb.DuckDBPyConnection, table: str, ours: str) -> tuple[str, ...] | None:
    """Give codes to the different texts of a column, sorted; None if they are too many."""
    different = f"SELECT DISTINCT {ours} FROM {table} WHERE {ours} IS NOT NULL"
    rows = connection.execute(f"{different} LIMIT {_CODED + 1}").fetchall()
    words = tuple(sorted(row[0] for row in rows))
    if not 0 < len(words) <= _CODED or any("\0" in word for word in words):
        return None
    # Many are not worth writing out. Their order, by bytes in UTF-8, is Python's too.
    few = len(words) <= _WRITTEN_OUT
    each = ", ".join(map(literal, words)) if few else f"{different} ORDER BY {ours}"
    connection.execute(f"CREATE TYPE {ours}_words AS ENUM ({each})")
    return words


@contextmanager
def database(
    memory: int, paths: Sequence[Path] = ()
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open a database of our own, with a folder for what does not fit in memory.

    Both are gone afterwards. Beside that folder it has access to nothing but
    the files that are given.
    """
    with tempfile.TemporaryDirectory(prefix="nnplug-") as folder:
        connection = connect(Path(folder), memory, paths)
        try:
            with interruptible(connection):
                yield connection, Path(folder)
        finally:
            connection.close()


def index_note(source: str, what: str) -> None:
    """Say that a column was left out, since it is the index of a data frame and no column."""
    warnings.warn(f"{source}: {what}; it is left out.", NnplugWarning, stacklevel=2)


def check_known(source: str, options: ReadOptions, names: Sequence[str]) -> None:
    """Refuse a request about a column that is not there.

    With a query, requests are about the columns of its result, but for how
    dates and numbers are written: these are read before it.
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
