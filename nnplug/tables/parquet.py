"""Parquet files, and what any query of DuckDB gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnplug.errors import DataError
from nnplug.tables.duck import (
    INTEGERS,
    as_kind,
    first_line,
    identifier,
    kind_of,
    location,
    without_marks,
)
from nnplug.tables.limits import check_rows, most_rows, too_many_rows
from nnplug.tables.number_formats import heads, number_error, number_of_text
from nnplug.tables.numerals import Numerals
from nnplug.tables.options import ReadOptions
from nnplug.tables.relation import Field, check_known, index_note
from nnplug.tables.table import Kind, check_names
from nnplug.tables.wording import quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_parquet", "load_query", "parquet_error"]


_INDEX = r"__index_level_\d+__"
"""What pandas calls an index without a name."""


def load_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, *, view: bool = False
) -> tuple[Field, ...]:
    """Load a Parquet file into the table `part` with the columns c0, c1 and so on.

    Parameters
    ----------
    view : bool
        Make `part` a view of the file: each query then reads the columns that
        it needs from there.

    Raises
    ------
    DataError
        If it is none, names are empty or double, or a column is of no kind.
    """
    import duckdb  # noqa: PLC0415  # see connect

    try:
        # The file's own names: DuckDB renames those that are double, and
        # takes "Age" and "age" for one.
        schema = connection.execute(
            f"SELECT name, num_children FROM parquet_schema({location(path)})"
        ).fetchall()
        names = _top_names(schema)
        index = [name for name in names if re.fullmatch(_INDEX, name)]
        columns = "*"
        if index and len(index) < len(names):
            columns = f"* EXCLUDE ({', '.join(map(identifier, index))})"
            names = [name for name in names if name not in index]
            for name in index:
                index_note(path.name, f"column {quote(name)} is the index of a data frame")
        (rows,) = connection.execute(
            f"SELECT sum(num_rows) FROM parquet_file_metadata({location(path)})"
        ).fetchone() or (0,)
        check_rows(path.name, int(rows or 0), len(names), path.stat().st_size, options)
        query = f"SELECT {columns} FROM read_parquet({location(path)}, hive_partitioning=false)"
        return load_query(connection, query, path.name, options, names, view=view)
    except duckdb.Error as error:
        raise parquet_error(path, error) from None


def parquet_error(path: Path, error: Exception) -> DataError:
    """Say that a file is damaged, or none."""
    return DataError(
        f"{path.name}: the file cannot be read as Parquet: {first_line(error)}\n"
        "It may be cut short, or another format under this name."
    )


def _top_names(schema: Sequence[tuple[Any, ...]]) -> list[str]:
    """Pick the columns from a schema that is listed depth first."""
    names = []
    position = 1  # after the root
    while position < len(schema):
        names.append(str(schema[position][0]))
        open_nodes = 1
        while open_nodes:
            open_nodes += int(schema[position][1] or 0) - 1
            position += 1
    return names


def load_query(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    source: str,
    options: ReadOptions,
    names: Sequence[str] | None = None,
    *,
    view: bool = False,
    there: int | None = None,
) -> tuple[Field, ...]:
    """Load what a query gives into the table `part` with the columns c0, c1 and so on.

    Parameters
    ----------
    names : sequence of str, optional
        Instead of those that DuckDB has.
    view : bool
        Make `part` a view, which runs the query when it is read.
    there : int, optional
        The rows that a user's query is over, which limit those that it may give.

    Raises
    ------
    DataError
        If names are empty or double, a column is of no kind, or the rows are too many.
    duckdb.Error
        If the query cannot be run.
    """
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    names = [str(row[0]) for row in described] if names is None else names
    check_names(source, names)
    check_known(source, options, names)
    fields, cells = [], []
    for position, (name, row) in enumerate(zip(names, described, strict=True)):
        theirs, type_name = str(row[0]), str(row[1])
        kind: Kind = kind_of(type_name, name, source)
        if name in options.text:
            kind = "text"
        if name in options.numeric and kind == "boolean":
            kind = "number"
        marks = (*options.na, *options.marks(name))
        cell = without_marks(identifier(theirs), type_name, marks)
        cells.append(f"{as_kind(cell, type_name, kind)} AS c{position}")
        fields.append(Field(name, kind, type_name in INTEGERS and kind == "number"))
    what = "VIEW" if view else "TABLE"
    # Where the query's names are looked up may be a user's database; it may end in a comment.
    most = None if there is None else most_rows(len(fields), there, options)
    limit = "" if most is None else f" LIMIT {most + 1}"
    part = f"SELECT {', '.join(cells)} FROM ({query}\n){limit}"
    connection.execute(f"CREATE {what} memory.main.part AS {part}")
    if most is not None:
        found = connection.execute("SELECT count(*) FROM memory.main.part").fetchone()
        if found is not None and found[0] > most:
            raise too_many_rows(source, most)
    written = _numbers(connection, fields, options, source)
    if written and view:
        numbers = [
            f"{written[i].sql(f'c{i}') if i in written else f'c{i}'} AS c{i}"
            for i in range(len(fields))
        ]
        connection.execute("DROP VIEW memory.main.part")
        connection.execute(
            f"CREATE VIEW memory.main.part AS SELECT {', '.join(numbers)} FROM ({part})"
        )
    for i, way in written.items():
        if not view:
            change = f"ALTER c{i} SET DATA TYPE DOUBLE USING {way.sql(f'c{i}')}"
            connection.execute(f"ALTER TABLE memory.main.part {change}")
        fields[i] = Field(fields[i].name, "number", written=way.written)
    return tuple(fields)


def _numbers(
    connection: duckdb.DuckDBPyConnection,
    fields: Sequence[Field],
    options: ReadOptions,
    source: str,
) -> dict[int, Numerals]:
    """Find the columns of text that hold numbers, as people write them, or must hold some."""
    written, fits = {}, []
    part = "memory.main.part"
    texts = {
        i: each
        for i, each in enumerate(fields)
        if each.kind == "text" and not options.is_text(each.name)
    }
    first = heads(connection, [f"c{i}" for i in texts], part)
    for (i, each), some in zip(texts.items(), first, strict=True):
        way, fit = number_of_text(connection, f"c{i}", part, some, options, each.name)
        if fit is not None:
            fits.append((each.name, fit))
        elif way is not None:
            wrong = connection.execute(
                f"SELECT c{i} FROM {part} WHERE c{i} IS NOT NULL "
                f"AND {way.sql(f'c{i}')} IS NULL LIMIT 1"
            ).fetchone()
            if wrong is not None:
                cell = quote(wrong[0])
                raise DataError(
                    f"{source}: column {quote(each.name)}: cannot read {cell} as a number"
                )
            written[i] = way
    if fits:
        raise number_error(source, fits, text=not options.lenient)
    return written
