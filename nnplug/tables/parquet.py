"""Parquet files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.duck import first_line, identifier, location
from nnplug.tables.limits import check_rows
from nnplug.tables.options import ReadOptions
from nnplug.tables.queries import load_query
from nnplug.tables.relation import Field, index_note
from nnplug.tables.wording import quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["damaged", "load_parquet", "parquet_error"]

_NUMBER = "file_row_number"
"""What DuckDB calls the number of a row in its file."""

_INDEX = r"__index_level_\d+__"
"""What pandas calls an index without a name."""


def load_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, *, view: bool = False
) -> tuple[Field, ...]:
    """Load a Parquet file into the table `part` with the columns c0, c1 and so on.

    Parameters
    ----------
    view : bool
        Make `part` a view of the file, so that each query reads only the
        columns that it needs, with the numbers of the rows as `row`: DuckDB
        then reads only the row groups that a query asks for.

    Raises
    ------
    DataError
        If it is not a Parquet file, a name is empty or used twice, or a column is of no kind.
    """
    import duckdb  # noqa: PLC0415  # see connect

    try:
        # The names as the file has them: DuckDB renames doubles, and takes
        # "Age" and "age" for one name.
        schema = connection.execute(
            f"SELECT name, num_children FROM parquet_schema({location(path)})"
        ).fetchall()
        names = _top_names(schema)
        index = [name for name in names if re.fullmatch(_INDEX, name)]
        apart: list[str] = []
        if index and len(index) < len(names):
            apart = [identifier(name) for name in index]
            names = [name for name in names if name not in index]
            for name in index:
                index_note(path.name, f"column {quote(name)} is the index of a data frame")
        (rows,) = connection.execute(
            f"SELECT sum(num_rows) FROM parquet_file_metadata({location(path)})"
        ).fetchone() or (0,)
        check_rows(path.name, int(rows or 0), len(names), path.stat().st_size, options)
        number = _NUMBER if view and _NUMBER not in map(str.lower, names) else ""
        apart += [number] if number else []
        columns = f"* EXCLUDE ({', '.join(apart)})" if apart else "*"
        given = f"{location(path)}, hive_partitioning=false"
        query = f"SELECT {columns} FROM read_parquet({given})"
        if number:
            query = f"SELECT {columns}, {number} FROM read_parquet({given}, {number}=true)"
        return load_query(connection, query, path.name, options, names, view=view, number=number)
    except duckdb.Error as error:
        raise parquet_error(path, error) from None


def parquet_error(path: Path, error: Exception) -> DataError:
    """Say that a file is damaged, or not a Parquet file."""
    return DataError(
        f"{path.name}: the file cannot be read as Parquet: {first_line(error)}\n"
        "It may be cut short, or another format under this name."
    )


def damaged(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> Path:
    """Find the file that cannot be read; the first if all can."""
    import duckdb  # noqa: PLC0415  # see connect

    for number, path in enumerate(paths[1:], start=1):
        try:
            connection.execute(f"SELECT max(hash(each)) FROM rows{number} AS each").fetchall()
        except duckdb.Error:
            return path
    return paths[0]


def _top_names(schema: Sequence[tuple[str, int | None]]) -> list[str]:
    """Pick the columns from a schema that lists its nodes depth first, as (name, children)."""
    names = []
    position = 1  # after the root
    while position < len(schema):
        names.append(str(schema[position][0]))
        open_nodes = 1
        while open_nodes:
            open_nodes += int(schema[position][1] or 0) - 1
            position += 1
    return names
