"""Reading: files of every format as a table, or as a relation that is fetched in stretches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnplug.errors import DataError, suggest
from nnplug.tables.delimited import load_delimited
from nnplug.tables.duck import SQL_TYPES, machine_memory
from nnplug.tables.formats import check_options, find_files, format_of, inapplicable
from nnplug.tables.options import ReadOptions, as_names
from nnplug.tables.relation import Field, Relation, check_known, database
from nnplug.tables.table import KIND_NAMES, Table, Tabular
from nnplug.tables.wording import column_list, quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_sqlite_path", "open_table", "read_table", "table_of", "taking"]


def table_of(data: object, *, options: ReadOptions | None = None) -> Table:
    """Read a table from a path, or take a table, a data frame or a mapping as one.

    Parameters
    ----------
    options : ReadOptions, optional
        How a file is read.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        return read_table(data, options)
    from nnplug.tables.frames import table_from  # noqa: PLC0415  # files need none of it

    return table_from(data)


def read_table(
    path: str | os.PathLike[str], options: ReadOptions | None = None, **read: Any
) -> Table:
    """Read a table from a file, several files or a database.

    The formats are delimited text (.csv, .tsv, .txt), JSON (.json with an
    array of objects, .jsonl and .ndjson with an object on each line), all of
    them also compressed (.csv.gz and so on), Parquet, Excel workbooks (.xlsx,
    .xlsm), and DuckDB and SQLite files (.db, .duckdb, .sqlite, .sqlite3). A
    path with `*`, `?` or `[...]` stands for all files that match it, in the
    order of their names; they must have the same columns.

    The delimiter of a text file (comma, semicolon, tab or `|`) is found from
    its first lines, the type of each column from all of its rows. A column in
    which all cells but a few are numbers is refused, not read as text.

    Parameters
    ----------
    path : path
        On this machine.
    options : ReadOptions, optional
    **read
        Or its fields one by one: `text=["zip"], header=False`.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If there is no such file, it cannot be read as a table, it has no
        rows, a name is empty or used twice, or a cell is not what its column
        needs.
    """
    options = _options(read) if options is None else options
    with open_table(path, options, machine_memory() // 2) as table:
        return table.fetch()


@contextmanager
def open_table(data: object, options: ReadOptions, memory: int) -> Iterator[Tabular]:
    """Open a table of which only what is fetched has to fit in memory.

    Data frames and mappings are in memory anyway, and a SQLite file is read
    whole.

    Parameters
    ----------
    data
        As for `table_of`.
    options : ReadOptions
        How a file is read.
    memory : int
        Bytes that DuckDB may use; the rest goes to a folder for temporary files.
    """
    if not isinstance(data, str | os.PathLike):
        yield table_of(data)
        return
    paths = find_files(data)
    check_options(paths[0], options)
    if _are_sqlite(data, paths):
        from nnplug.tables.databases import read_sqlite  # noqa: PLC0415  # as all formats but text

        yield read_sqlite(paths[0], options)
        return
    with _relation(data, paths, options, memory) as relation:
        yield relation


def is_sqlite_path(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a SQLite file, which is read whole."""
    return _are_sqlite(path, find_files(path))


def taking(path: str | os.PathLike[str], options: ReadOptions) -> ReadOptions:
    """Drop the options that do not apply to a file, since they are for one of another format."""
    defaults = ReadOptions()
    return replace(options, **{key: getattr(defaults, key) for key in inapplicable(path)})


def _are_sqlite(asked: str | os.PathLike[str], paths: Sequence[Path]) -> bool:
    if format_of(paths[0]) != "database":
        return False
    from nnplug.tables.databases import is_sqlite  # noqa: PLC0415  # as all formats but text

    found = is_sqlite(paths[0])
    if found and len(paths) > 1:
        raise DataError(f"{asked}: several SQLite files cannot be read at once. Name one.")
    return found


def _options(read: dict[str, Any]) -> ReadOptions:
    """Make options from the fields of `ReadOptions`, with lists for tuples."""
    others = {key: read.pop(key) for key in ("text", "numeric", "sql", "lenient") if key in read}
    for key in ("text", "numeric"):
        if key in others:
            others[key] = as_names(others[key])
    return replace(ReadOptions.of(read), **others)


@contextmanager
def _relation(
    asked: str | os.PathLike[str], paths: Sequence[Path], options: ReadOptions, memory: int
) -> Iterator[Relation]:
    import duckdb  # noqa: PLC0415  # see connect

    source = paths[0].name if len(paths) == 1 else Path(asked).name
    kind = format_of(paths[0])
    with database(memory, paths) as (connection, scratch):
        # Views of Parquet files leave unread what is not needed of them.
        viewed = None
        if options.sql is None and all(format_of(path) == "parquet" for path in paths):
            viewed = _view_files(connection, paths, options)
        view = viewed is not None
        if viewed is None:
            fields = _load(connection, paths[0], options, scratch)
            connection.execute("ALTER TABLE part RENAME TO rows")
            for path in paths[1:]:
                known = options.knowing((each.name, each.kind, each.written) for each in fields)
                more = _load(connection, path, known, scratch)
                fields = _append(connection, (paths[0].name, fields), (path.name, more))
        else:
            fields = viewed
        rest = options
        if options.sql is not None:
            from nnplug.tables.queries import of_the_result, query_rows  # noqa: PLC0415  # rare

            rest = of_the_result(options)
            if kind != "database":
                fields = query_rows(connection, fields, source, options)
        check_known(source, rest, [field.name for field in fields])
        # File by file, DuckDB counts them without reading any.
        parts = [f"rows{number}" for number in range(len(paths))] if view else ["rows"]
        counts = (connection.execute(f"SELECT count(*) FROM {part}").fetchone() for part in parts)
        rows = sum(int(count[0]) for count in counts if count)
        if rows == 0:
            reason = (
                "the table has no rows, only the names of its columns."
                if options.sql is None
                else "--sql gives no rows."
            )
            raise DataError(f"{source}: {reason}")
        try:
            yield Relation(connection, fields, source, rows, len(paths) if view else 0)
        except duckdb.Error as error:
            if view:  # a damaged page is met only while rows are fetched
                from nnplug.tables.parquet import (  # noqa: PLC0415  # only for faults
                    damaged,
                    parquet_error,
                )

                raise parquet_error(damaged(connection, paths), error) from None
            raise


def _view_files(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], options: ReadOptions
) -> tuple[Field, ...] | None:
    """Make `rows` a view of Parquet files, each in the view `rows0`, `rows1` and so on.

    None, and no view, if their columns differ in name, place or kind: then their
    rows are copied to a table, or the difference is named.
    """
    from nnplug.tables.parquet import load_parquet  # noqa: PLC0415  # see _load

    first: tuple[Field, ...] = ()
    for number, path in enumerate(paths):
        fields = load_parquet(connection, path, options, view=True)
        connection.execute(f"ALTER VIEW part RENAME TO rows{number}")
        if number and fields != first:
            for made in range(number + 1):
                connection.execute(f"DROP VIEW rows{made}")
            return None
        first = fields
    cells = ", ".join(f"c{position}" for position in range(len(first)))
    every = (f"SELECT {cells} FROM rows{number}" for number in range(len(paths)))
    connection.execute(f"CREATE VIEW rows AS {' UNION ALL '.join(every)}")
    return first


def _load(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load one file into the table `part`; the code of other formats than text is rarely needed."""
    kind = format_of(path)
    if kind == "parquet":
        from nnplug.tables.parquet import load_parquet  # noqa: PLC0415  # see above

        return load_parquet(connection, path, options)
    if kind in ("json_lines", "json"):
        from nnplug.tables.json_lines import load_json  # noqa: PLC0415  # see above

        return load_json(connection, path, options, scratch)
    if kind == "excel":
        from nnplug.tables.excel import load_excel  # noqa: PLC0415  # see above

        return load_excel(connection, path, options, scratch)
    if kind == "database":
        from nnplug.tables.databases import load_duckdb  # noqa: PLC0415  # see above

        return load_duckdb(connection, path, options)
    return load_delimited(connection, path, options, scratch)


# --- several files ---------------------------------------------------------------------


def _append(
    connection: duckdb.DuckDBPyConnection,
    first: tuple[str, tuple[Field, ...]],
    more: tuple[str, tuple[Field, ...]],
) -> tuple[Field, ...]:
    """Append the table `part` to `rows`, columns matched by name, and drop it."""
    (name, fields), (other, theirs) = first, more
    rule = "Files that are read together have the same columns."
    places = {field.name: i for i, field in enumerate(theirs)}
    known = [field.name for field in fields]
    for column in known:
        if column not in places:
            raise DataError(
                f"{other}: there is no column {quote(column)}, which {name} has."
                f"{suggest(column, places)}\n{rule}"
            )
    for column in places:
        if column not in known:
            raise DataError(
                f"{other}: column {quote(column)} is not in {name}.{suggest(column, known)}\n{rule}"
            )
    joined, cells = [], []
    for position, field in enumerate(fields):
        place = places[field.name]
        kind, found = field.kind, theirs[place].kind
        # A column without values has no kind of its own.
        if found != kind and not _has_values(connection, "rows", position):
            kind = found
            connection.execute(f"ALTER TABLE rows ALTER c{position} TYPE {SQL_TYPES[kind]}")
        elif found != kind and _has_values(connection, "part", place):
            raise DataError(
                f"{other}: column {quote(field.name)} holds {KIND_NAMES[found]}, and "
                f"{KIND_NAMES[kind]} in {name}.\n{rule} If it is text in all,\n"
                f"use --categorical {column_list([field.name])}"
            )
        cells.append(f"c{place}" if found == kind else "NULL")
        integer = field.integer and theirs[place].integer
        written = field.written or theirs[place].written
        joined.append(Field(field.name, kind, integer, written))
    connection.execute(f"INSERT INTO rows SELECT {', '.join(cells)} FROM part")
    connection.execute("DROP TABLE part")
    return tuple(joined)


def _has_values(connection: duckdb.DuckDBPyConnection, table: str, position: int) -> bool:
    found = connection.execute(f"SELECT count(c{position}) FROM {table}").fetchone()
    return bool(found and found[0])
