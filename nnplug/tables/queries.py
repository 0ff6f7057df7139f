"""Queries: a SELECT of the user's or our own, loaded as a table with typed columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.duck import (
    INTEGERS,
    as_kind,
    first_cells,
    first_line,
    identifier,
    kind_of,
    without_marks,
)
from nnplug.tables.limits import most_rows, too_many_rows, within_time
from nnplug.tables.number_formats import number_error, number_of_text, stray_number_error
from nnplug.tables.numerals import Numerals
from nnplug.tables.options import ReadOptions
from nnplug.tables.relation import Field, check_known
from nnplug.tables.table import Kind, check_names
from nnplug.tables.wording import quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_query", "not_one_select", "of_the_result", "one_select", "query_rows"]


def one_select(connection: duckdb.DuckDBPyConnection, sql: str, source: str) -> str:
    """Check that a user's query is a single SELECT, without running any of it.

    Raises
    ------
    DataError
        If it is anything else.
    """
    import duckdb  # noqa: PLC0415  # see connect

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise DataError(f"{source}: --sql: {first_line(error)}") from None
    kinds = [str(statement.type).rpartition(".")[2] for statement in statements]
    if kinds != ["SELECT"]:
        raise not_one_select(source, " and ".join(kinds[:5]) or "nothing")
    return statements[0].query.strip().rstrip(";")


def not_one_select(source: str, given: str) -> DataError:
    """Say what a user's query is instead of a single SELECT."""
    return DataError(
        f"{source}: --sql: takes one SELECT statement, and was given {given}.\n"
        "Way out: write what is to be read as one SELECT. In DuckDB, PIVOT needs its values: "
        "PIVOT data ON column IN ('a', 'b') ..."
    )


def load_query(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    source: str,
    options: ReadOptions,
    names: Sequence[str] | None = None,
    *,
    view: bool = False,
    there: int | None = None,
    number: str = "",
) -> tuple[Field, ...]:
    """Load the result of a query into the table `part` with the columns c0, c1 and so on.

    Parameters
    ----------
    names : sequence of str, optional
        The names of the columns, instead of those that DuckDB gives.
    view : bool
        Make `part` a view, which runs the query when it is read.
    there : int, optional
        For a user's query, the rows it is over. They limit the rows of the result.
    number : str, optional
        The last column of the query, if it holds the numbers of the rows: a
        view gives it as `row`.

    Raises
    ------
    DataError
        If a name is empty or used twice, a column is of no kind, or there are too many rows.
    duckdb.Error
        If the query cannot be run.
    """
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    described = described[:-1] if number else described
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
    most = None if there is None else most_rows(len(fields), there, options)
    limit = "" if most is None else f" LIMIT {most + 1}"
    # The query may end in a comment, hence the line break. `part` is named in full, since
    # the current database may be the user's file.
    numbered = f", {number} AS row" if number else ""
    part = f"SELECT {', '.join(cells)}{numbered} FROM ({query}\n){limit}"
    connection.execute(f"CREATE {what} memory.main.part AS {part}")
    if most is not None:
        found = connection.execute("SELECT count(*) FROM memory.main.part").fetchone()
        if found is not None and found[0] > most:
            raise too_many_rows(source, most)
    written = _numbers_in_text(connection, fields, options, source)
    if written and view:
        numbers = [
            f"{written[i].sql(f'c{i}') if i in written else f'c{i}'} AS c{i}"
            for i in range(len(fields))
        ]
        numbers += ["row"] if number else []
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


def _numbers_in_text(
    connection: duckdb.DuckDBPyConnection,
    fields: Sequence[Field],
    options: ReadOptions,
    source: str,
) -> dict[int, Numerals]:
    """Find the text columns that hold numbers, as people write them, or must hold numbers."""
    written, fits = {}, []
    part = "memory.main.part"
    texts = {
        i: field.name
        for i, field in enumerate(fields)
        if field.kind == "text" and not options.is_text(field.name)
    }
    heads = first_cells(connection, [f"c{i}" for i in texts], part, outermost=False)
    for (i, name), first in zip(texts.items(), heads, strict=True):
        way, fit = number_of_text(connection, f"c{i}", part, first, options, name)
        if fit is not None:
            fits.append((name, fit))
        elif way is not None:
            wrong = connection.execute(
                f"SELECT c{i} FROM {part} WHERE c{i} IS NOT NULL "
                f"AND {way.sql(f'c{i}')} IS NULL LIMIT 1"
            ).fetchone()
            if wrong is not None:
                raise stray_number_error(source, name, wrong[0], options)
            written[i] = way
    if fits:
        raise number_error(source, fits, text=not options.lenient)
    return written


def query_rows(
    connection: duckdb.DuckDBPyConnection,
    fields: tuple[Field, ...],
    source: str,
    options: ReadOptions,
) -> tuple[Field, ...]:
    """Run a query over `rows`, which it calls `data`, and replace `rows` by its result."""
    import duckdb  # noqa: PLC0415  # see connect

    assert options.sql is not None
    query = one_select(connection, options.sql, source)
    folded: dict[str, str] = {}
    cells = []
    for position, field in enumerate(fields):
        other = folded.setdefault(field.name.casefold(), field.name)
        if other != field.name:
            raise DataError(
                f"{source}: the names {quote(other)} and {quote(field.name)} differ only in case, "
                "which SQL does not distinguish.\nRename one."
            )
        cell = f"c{position}"
        if field.integer and _fits_bigint(connection, cell):
            cell = f"CAST({cell} AS BIGINT)"
        cells.append(f"{cell} AS {identifier(field.name)}")
    connection.execute(f"CREATE TEMP VIEW data AS SELECT {', '.join(cells)} FROM rows")
    try:
        with within_time(connection, source, options):
            (there,) = connection.execute("SELECT count(*) FROM rows").fetchone() or (0,)
            rest = of_the_result(options)
            queried = load_query(connection, query, source, rest, there=int(there))
    except duckdb.Error as error:
        names = ", ".join(field.name for field in fields)
        raise DataError(
            f"{source}: --sql: {first_line(error)}\nThe table is called data; its columns: {names}."
            f"{_as_numbers(error, fields)}"
        ) from None
    connection.execute("DROP VIEW data")
    connection.execute("DROP TABLE rows")
    connection.execute("ALTER TABLE part RENAME TO rows")
    # A column that the query passes on under its name is written as before.
    written = {(field.name, field.kind): field.written for field in fields}
    return tuple(
        replace(field, written=field.written or written.get((field.name, field.kind), ""))
        for field in queried
    )


def of_the_result(options: ReadOptions) -> ReadOptions:
    """Return the options for a query's result, before which dates and numbers were read."""
    return replace(
        options, sql=None, dates_of=(), decimal_of=(), thousands_of=(), unit_of=(), negative_of=()
    )


def _fits_bigint(connection: duckdb.DuckDBPyConnection, cell: str) -> bool:
    found = connection.execute(f"SELECT coalesce(max(abs({cell})), 0) < 9e15 FROM rows").fetchone()
    return bool(found and found[0])


def _as_numbers(error: Exception, fields: Sequence[Field]) -> str:
    """Show how a query converts text to numbers, if it failed for want of that."""
    texts = [field.name for field in fields if field.kind == "text"]
    message = first_line(error)
    if not texts or not ("VARCHAR" in message or "Could not convert string" in message):
        return ""
    names = ", ".join(texts)
    first = texts[0] if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", texts[0]) else identifier(texts[0])
    return (
        f"\nColumns of text: {names}. As numbers, and missing where a cell is not one:\n"
        f"TRY_CAST({first} AS DOUBLE)"
    )
