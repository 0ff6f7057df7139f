"""Database files: DuckDB's own, and SQLite's through Python's module."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnplug.errors import DataError, suggest
from nnplug.tables.duck import first_cells, first_line, identifier, literal, machine_memory
from nnplug.tables.frames import column_of
from nnplug.tables.limits import most_rows, too_many_rows, within_time
from nnplug.tables.number_formats import number_error, number_of_text, stray_number_error
from nnplug.tables.options import ReadOptions
from nnplug.tables.queries import load_query, not_one_select, one_select
from nnplug.tables.relation import Field, check_known, database
from nnplug.tables.table import Column, Table, check_names, make_table
from nnplug.tables.wording import listed, quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_sqlite", "load_duckdb", "read_sqlite"]


def is_sqlite(path: Path) -> bool:
    """Recognise a SQLite file by its first bytes."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _one_table(source: str, tables: Sequence[str], wanted: str | None) -> str:
    """Choose the table to read.

    Raises
    ------
    DataError
        If it does not exist, or there are several and none is named.
    """
    if not tables:
        raise DataError(f"{source}: the database has no tables.")
    names = listed(map(quote, tables))
    if wanted is None:
        if len(tables) > 1:
            raise DataError(
                f"{source}: the database has {len(tables)} tables: {names}.\nSay which one: "
                f"--read table={tables[0]}, or use --sql."
            )
        return tables[0]
    if wanted not in tables:
        raise DataError(
            f"{source}: there is no table {quote(wanted)}.{suggest(wanted, tables)}\n"
            f"Its tables are {names}."
        )
    return wanted


def load_duckdb(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions
) -> tuple[Field, ...]:
    """Load a table, or a query's result, from a DuckDB file into the table `part`.

    A query sees the file's tables under their names. It also sees as `data`
    the only table, or the one that the option `table` names.

    Raises
    ------
    DataError
        If it is not a database, or has no such table.
    """
    import duckdb  # noqa: PLC0415  # see connect

    source = path.name
    query = "SELECT * FROM data"
    if options.sql is not None:
        query = one_select(connection, options.sql, source)
    try:
        connection.execute(f"ATTACH {literal(str(path.absolute()))} AS file (READ_ONLY)")
    except duckdb.Error as error:
        raise DataError(
            f"{source}: the file cannot be read as a DuckDB or SQLite database: {first_line(error)}"
        ) from None
    rows = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_catalog = 'file' ORDER BY ALL"
    ).fetchall()
    places = {
        (name if schema == "main" else f"{schema}.{name}"): f"file.{identifier(schema)}."
        f"{identifier(name)}"
        for schema, name in rows
    }
    if options.sql is None or options.table is not None or len(places) == 1:
        name = _one_table(source, list(places), options.table)
        try:
            connection.execute(f"CREATE TEMP VIEW data AS SELECT * FROM {places[name]}")
        except duckdb.Error as error:  # a view may read another file, say
            raise DataError(f"{source}: table {quote(name)}: {first_line(error)}") from None
    try:
        connection.execute("USE file")
        (there,) = connection.execute(
            "SELECT coalesce(max(estimated_size), 0) FROM duckdb_tables() "
            "WHERE database_name = 'file'"
        ).fetchone() or (0,)
        with within_time(connection, source, options):
            fields = load_query(connection, query, source, options, there=int(there))
    except duckdb.Error as error:
        raise DataError(f"{source}: --sql: {first_line(error)}") from None
    connection.execute("USE memory")
    connection.execute("DROP VIEW IF EXISTS data")
    connection.execute("DETACH file")
    return fields


def read_sqlite(path: Path, options: ReadOptions) -> Table:
    """Read a table, or a query's result, from a SQLite file.

    Columns declared as DATE, DATETIME or TIMESTAMP are dates, those declared
    as BOOLEAN truth values; the kind of all others comes from their values.

    Raises
    ------
    DataError
        If there is no such table, or a column mixes kinds.
    """
    import sqlite3  # noqa: PLC0415  # only when such a file is read

    source = path.name
    declared: dict[str, str] = {}
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise DataError(f"{source}: the database cannot be opened: {error}.") from None
    try:
        found = connection.execute(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
        ).fetchall()
        tables = [str(row[0]) for row in found]
        plain = [str(name) for name, what in found if what == "table"]
        if options.sql is None or options.table is not None or len(tables) == 1:
            place = identifier(_one_table(source, tables, options.table))
            described = connection.execute(f"PRAGMA table_info({place})").fetchall()
            declared = {str(row[1]): str(row[2]).upper() for row in described}
            connection.execute(f"CREATE TEMP VIEW data AS SELECT * FROM main.{place}")
        connection.set_authorizer(_may_read)
        query = "SELECT * FROM data" if options.sql is None else options.sql
        with within_time(connection, source, options):
            cursor = connection.execute(query)
            names = [str(column[0]) for column in cursor.description or ()]
            most = most_rows(len(names), 0, options, share=10)  # Python's objects
            rows = cursor.fetchall() if most is None else cursor.fetchmany(most + 1)
            if most is not None and len(rows) > most:
                counts = [f"SELECT count(*) FROM {identifier(name)}" for name in plain]
                most = max([most, *(connection.execute(count).fetchone()[0] for count in counts)])
                rows += cursor.fetchmany(most + 1 - len(rows))
                if len(rows) > most:
                    raise too_many_rows(source, most)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_AUTH":
            raise not_one_select(source, "another statement") from None
        where = "--sql" if options.sql is not None else "the database cannot be read"
        raise DataError(f"{source}: {where}: {error}.") from None
    finally:
        connection.close()
    if not names:
        raise not_one_select(source, "nothing")
    check_names(source, names)
    check_known(source, options, names)
    return make_table(
        [
            _column(name, [row[i] for row in rows], declared.get(name, ""), source, options)
            for i, name in enumerate(names)
        ],
        source,
    )


def _may_read(action: int, *_: str | None) -> int:
    """Let a query in SQLite read the file's tables, and do nothing else.

    ATTACH could create another file, and a PRAGMA change the settings of this one.
    """
    import sqlite3  # noqa: PLC0415  # see read_sqlite

    reading = (
        sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    )  # fmt: skip
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def _column(
    name: str, values: list[object], declared: str, source: str, options: ReadOptions
) -> Column:
    marks = (*options.na, *options.marks(name))
    values = [None if str(value) in marks else value for value in values]
    if name in options.text:
        values = [None if value is None else str(value) for value in values]
    elif declared.startswith(("DATE", "TIMESTAMP")):
        values = [_instant(value) for value in values]
    elif declared.startswith("BOOL") and {*values} <= {0, 1, None}:
        values = [None if value is None else bool(value) for value in values]
    written = ""
    if name not in options.text and any(isinstance(value, str) for value in values):
        values, written = _numbers_in_text(name, values, source, options)
    array = np.empty(len(values), object)
    array[:] = values
    return replace(column_of(name, array, source), written=written)


def _numbers_in_text(
    name: str, values: list[object], source: str, options: ReadOptions
) -> tuple[list[object], str]:
    """Read the texts of a column as numbers, if it holds numbers: its values, how written."""
    texts = [value for value in values if isinstance(value, str)]
    with database(machine_memory() // 4) as (connection, _):
        connection.execute("CREATE TABLE texts AS SELECT unnest($1::VARCHAR[]) AS t", [texts])
        (first,) = first_cells(connection, ["t"], "texts", outermost=False)
        way, fit = number_of_text(connection, "t", "texts", first, options, name)
    if fit is not None:
        raise number_error(source, [(name, fit)], text=not options.lenient, apart=True)
    if way is None:
        return values, ""
    numbers = [way.read(value) if isinstance(value, str) else value for value in values]
    for row, (value, number) in enumerate(zip(values, numbers, strict=True), start=1):
        if number is None and value is not None:
            raise stray_number_error(source, name, str(value), options, row)
    return numbers, way.written


def _instant(value: object) -> object:
    """Read an instant as SQLite usually writes it, in ISO 8601; other values stay as they are."""
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
    return value
