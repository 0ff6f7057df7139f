"""Reading: files of every format as a table, or as a relation that is fetched in stretches."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnplug.errors import DataError, SettingError, suggest
from nnplug.tables.databases import is_sqlite, load_duckdb, read_sqlite
from nnplug.tables.delimited import load_delimited
from nnplug.tables.duck import SQL_TYPES, first_line, identifier, machine_memory, one_select
from nnplug.tables.excel import load_excel
from nnplug.tables.formats import (
    DATABASES,
    EXCEL,
    JSON,
    JSON_LINES,
    KNOWN,
    PARQUET,
    is_known,
    is_pattern,
    not_taken,
    suffix_of,
)
from nnplug.tables.json_lines import load_json
from nnplug.tables.limits import within_time
from nnplug.tables.options import ReadOptions
from nnplug.tables.parquet import load_parquet, load_query, parquet_error
from nnplug.tables.relation import Field, Relation, check_known, database
from nnplug.tables.table import KIND_NAMES, Table
from nnplug.tables.text_file import unreadable
from nnplug.tables.wording import column_list, quote, shell_word

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_sqlite_path", "open_relation", "read_table", "taking"]


def read_table(
    path: str | os.PathLike[str], options: ReadOptions | None = None, **read: Any
) -> Table:
    """Read a table from a file, several files or a database.

    Delimited text (.csv, .tsv, .txt), JSON (.json with an array of objects,
    .jsonl and .ndjson with an object a line), all also compressed (.csv.gz and
    so on), Parquet, Excel workbooks (.xlsx, .xlsm), and DuckDB and SQLite files
    (.db, .duckdb, .sqlite, .sqlite3). A path with `*`, `?` or `[...]` is all
    files that it fits, in the order of their names, which must have the same
    columns.

    A text file's delimiter (comma, semicolon, tab or `|`) comes from its
    first lines, the type of each column from all of its rows. A column that
    holds numbers but for a few cells is refused rather than read as text.

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
        rows, names are empty or double, or a cell is not as its column needs.
    """
    options = _options(read) if options is None else options
    paths = _paths(path)
    _check_options(paths[0], options)
    if _are_sqlite(path, paths):
        return read_sqlite(paths[0], options)
    with _relation(path, paths, options, machine_memory() // 2) as relation:
        return relation.fetch()


@contextmanager
def open_relation(
    path: str | os.PathLike[str], options: ReadOptions, memory: int
) -> Iterator[Relation]:
    """Load files as `read_table` does, to be fetched in stretches.

    Parameters
    ----------
    memory : int
        Bytes that may be used; the rest goes to a folder for temporary files.
    """
    paths = _paths(path)
    _check_options(paths[0], options)
    if _are_sqlite(path, paths):
        raise DataError(
            f"{path}: a SQLite file is read whole, so it cannot be streamed.\n"
            "Export the table to Parquet or CSV first."
        )
    with _relation(path, paths, options, memory) as relation:
        yield relation


def is_sqlite_path(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a SQLite file, which is read whole."""
    return _are_sqlite(path, _paths(path))


def _check_options(path: Path, options: ReadOptions) -> None:
    """Refuse an option that would say nothing of the file, so that nobody thinks it did."""
    stated = options.to_dict()
    for key, what in not_taken(path).items():
        if key in stated:
            raise SettingError(
                f"{path.name}: --read {key}= says how {what} is read, and this is another file. "
                "Leave it out."
            )


def taking(path: str | os.PathLike[str], options: ReadOptions) -> ReadOptions:
    """Leave out the options that say nothing of a file; they are about one of another format."""
    defaults = ReadOptions()
    return replace(options, **{key: getattr(defaults, key) for key in not_taken(path)})


def _are_sqlite(asked: str | os.PathLike[str], paths: Sequence[Path]) -> bool:
    found = suffix_of(paths[0]) in DATABASES and is_sqlite(paths[0])
    if found and len(paths) > 1:
        raise DataError(f"{asked}: several SQLite files cannot be read at once. Name one.")
    return found


def _options(read: dict[str, Any]) -> ReadOptions:
    """Take the fields of `ReadOptions` by name, lists for tuples and one text for several."""
    several = ("text", "numeric")
    others = {key: read.pop(key) for key in (*several, "sql", "lenient") if key in read}
    for key in several:
        if key in others:
            others[key] = (others[key],) if isinstance(others[key], str) else tuple(others[key])
    return replace(ReadOptions.of(read), **others)


def _paths(path: str | os.PathLike[str]) -> list[Path]:
    """List the files that a path stands for."""
    pattern = os.fspath(path)
    if not is_pattern(pattern):
        _check_file(Path(path))
        return [Path(path)]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    paths = [Path(each) for each in found if Path(each).is_file()]
    if not paths:
        raise DataError(f"{pattern}: no file fits this pattern.")
    for each in paths:
        _check_file(each)
    return paths


def _check_file(path: Path) -> None:
    """Refuse a path that is no readable file of a known format."""
    try:
        if path.is_dir():
            raise DataError(
                f"{path}: is a folder, not a table. Name one file in it, or several: "
                f"{shell_word(str(path / '*.csv'))}."
            )
        if not path.exists():
            folder = path.parent
            if not folder.is_dir():
                raise DataError(f"{path}: no such file; the folder {folder} does not exist either.")
            near = suggest(path.name, (each.name for each in folder.iterdir() if each.is_file()))
            raise DataError(f"{path}: no such file.{near}")
        if not is_known(path):
            other = " Save it as .xlsx." if suffix_of(path) in (".xls", ".xlsb", ".ods") else ""
            raise DataError(
                f"{path}: files that end in {quote(suffix_of(path))} are not supported.{other}\n"
                f"Tables are read from {KNOWN}."
            )
        if not path.is_file():
            raise DataError(f"{path}: is not a regular file. Save the table to one first.")
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty. A table needs names and rows.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        # ValueError: a path with a zero byte.
        raise unreadable(path, error) from None


@contextmanager
def _relation(
    asked: str | os.PathLike[str], paths: Sequence[Path], options: ReadOptions, memory: int
) -> Iterator[Relation]:
    import duckdb  # noqa: PLC0415  # see connect

    source = paths[0].name if len(paths) == 1 else Path(asked).name
    # One Parquet file is its own table: what is not needed of it is not read.
    view = suffix_of(paths[0]) in PARQUET and len(paths) == 1 and options.sql is None
    with database(memory, paths) as (connection, scratch):
        if view:
            fields = load_parquet(connection, paths[0], options, view=True)
        else:
            fields = _load(connection, paths[0], options, scratch)
        connection.execute(f"ALTER {'VIEW' if view else 'TABLE'} part RENAME TO rows")
        for path in paths[1:]:
            known = options.knowing((each.name, each.kind, each.written) for each in fields)
            more = _load(connection, path, known, scratch)
            fields = _append(connection, (paths[0].name, fields), (path.name, more))
        if options.sql is not None and suffix_of(paths[0]) not in DATABASES:
            fields = _query(connection, fields, source, options)
        rest = options if options.sql is None else _of_the_result(options)
        check_known(source, rest, [each.name for each in fields])
        (rows,) = connection.execute("SELECT count(*) FROM rows").fetchone() or (0,)
        if rows == 0:
            reason = (
                "the table has no rows, only the names of its columns."
                if options.sql is None
                else "--sql gives no rows."
            )
            raise DataError(f"{source}: {reason}")
        try:
            yield Relation(connection, fields, source, int(rows), view)
        except duckdb.Error as error:
            if view:  # it is while rows are fetched that a damaged page is met
                raise parquet_error(paths[0], error) from None
            raise


def _load(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load one file into the table `part`."""
    suffix = suffix_of(path)
    if suffix in PARQUET:
        return load_parquet(connection, path, options)
    if suffix in (*JSON_LINES, *JSON):
        return load_json(connection, path, options, scratch)
    if suffix in EXCEL:
        return load_excel(connection, path, options, scratch)
    if suffix in DATABASES:
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
    places = {each.name: i for i, each in enumerate(theirs)}
    known = [each.name for each in fields]
    for each in known:
        if each not in places:
            raise DataError(
                f"{other}: there is no column {quote(each)}, which {name} has."
                f"{suggest(each, places)}\n{rule}"
            )
    for each in places:
        if each not in known:
            raise DataError(
                f"{other}: column {quote(each)} is not in {name}.{suggest(each, known)}\n{rule}"
            )
    joined, cells = [], []
    for position, field in enumerate(fields):
        place = places[field.name]
        kind, found = field.kind, theirs[place].kind
        # A column without any value has no kind of its own.
        if found != kind and not _filled(connection, "rows", position):
            kind = found
            connection.execute(f"ALTER TABLE rows ALTER c{position} TYPE {SQL_TYPES[kind]}")
        elif found != kind and _filled(connection, "part", place):
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


def _filled(connection: duckdb.DuckDBPyConnection, table: str, position: int) -> bool:
    """Tell whether a column has any value."""
    found = connection.execute(f"SELECT count(c{position}) FROM {table}").fetchone()
    return bool(found and found[0])


# --- queries ---------------------------------------------------------------------------


def _as_numbers(error: Exception, fields: Sequence[Field]) -> str:
    """Say how a query takes text for numbers, if it fails because it did not say so."""
    texts = [each.name for each in fields if each.kind == "text"]
    said = first_line(error)
    if not texts or not ("VARCHAR" in said or "Could not convert string" in said):
        return ""
    names = ", ".join(texts)
    first = texts[0] if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", texts[0]) else identifier(texts[0])
    return (
        f"\nColumns of text: {names}. As numbers, and missing where a cell is none:\n"
        f"TRY_CAST({first} AS DOUBLE)"
    )


def _query(
    connection: duckdb.DuckDBPyConnection,
    fields: tuple[Field, ...],
    source: str,
    options: ReadOptions,
) -> tuple[Field, ...]:
    """Run a query over `rows`, which it calls `data`, and take its result for them."""
    import duckdb  # noqa: PLC0415  # see connect

    assert options.sql is not None
    query = one_select(connection, options.sql, source)
    folded: dict[str, str] = {}
    cells = []
    for position, each in enumerate(fields):
        other = folded.setdefault(each.name.casefold(), each.name)
        if other != each.name:
            raise DataError(
                f"{source}: the names {quote(other)} and {quote(each.name)} differ in case alone, "
                "which SQL does not tell apart.\nRename one."
            )
        cell = f"c{position}"
        if each.integer and _fits_bigint(connection, cell):
            cell = f"CAST({cell} AS BIGINT)"
        cells.append(f"{cell} AS {identifier(each.name)}")
    connection.execute(f"CREATE TEMP VIEW data AS SELECT {', '.join(cells)} FROM rows")
    try:
        with within_time(connection, source, options):
            (there,) = connection.execute("SELECT count(*) FROM rows").fetchone() or (0,)
            rest = _of_the_result(options)
            queried = load_query(connection, query, source, rest, there=int(there))
    except duckdb.Error as error:
        names = ", ".join(each.name for each in fields)
        raise DataError(
            f"{source}: --sql: {first_line(error)}\nThe table is called data; its columns: {names}."
            f"{_as_numbers(error, fields)}"
        ) from None
    connection.execute("DROP VIEW data")
    connection.execute("DROP TABLE rows")
    connection.execute("ALTER TABLE part RENAME TO rows")
    # What is passed on by its name is written as it was.
    written = {(each.name, each.kind): each.written for each in fields}
    return tuple(
        replace(each, written=each.written or written.get((each.name, each.kind), ""))
        for each in queried
    )


def _of_the_result(options: ReadOptions) -> ReadOptions:
    """Give the options for a query's result; dates and numbers were read before it."""
    return replace(
        options, sql=None, dates_of=(), decimal_of=(), thousands_of=(), unit_of=(), negative_of=()
    )


def _fits_bigint(connection: duckdb.DuckDBPyConnection, cell: str) -> bool:
    found = connection.execute(f"SELECT coalesce(max(abs({cell})), 0) < 9e15 FROM rows").fetchone()
    return bool(found and found[0])
