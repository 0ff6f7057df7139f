"""DuckDB: a connection, its words, and its types as kinds of columns."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.table import Kind
from nnplug.tables.wording import quote

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "INTEGERS",
    "SQL_TYPES",
    "TOGETHER",
    "as_kind",
    "by_columns",
    "connect",
    "first_line",
    "identifier",
    "interruptible",
    "kind_of",
    "literal",
    "location",
    "machine_memory",
    "not_one_select",
    "one_select",
    "without_marks",
]

_NUMBERS = ("FLOAT", "DOUBLE", "DECIMAL")
INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
) | {"BIGNUM"}
"""The types of whole numbers."""

TOGETHER = 100
"""Columns that one query asks about: the time to plan one grows faster than it."""

SQL_TYPES: dict[Kind, str] = {
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "date": "TIMESTAMP",
}
"""The one type in which the values of each kind are kept."""


def by_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Go through columns one by one, and say which table to ask for each.

    DuckDB looks through all columns of a table for each query. So of a wide
    table some columns at a time are copied, and the copy is asked.
    """
    if len(columns) <= TOGETHER:
        yield from ((each, table) for each in columns)
        return
    for start in range(0, len(columns), TOGETHER):
        some = columns[start : start + TOGETHER]
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE narrow AS SELECT {', '.join(some)} FROM {table}"
        )
        yield from ((each, "narrow") for each in some)
    connection.execute("DROP TABLE narrow")


def connect(scratch: Path, memory: int, paths: Sequence[Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a database that lives as long as its connection.

    Whatever a query or a view in a file says, nothing is read or written but
    the files that are named here, and nothing is fetched from elsewhere.

    Parameters
    ----------
    scratch : path
        A folder for what does not fit in memory.
    memory : int
        Bytes that it may use.
    paths : sequence of path
        The files that are to be read.
    """
    import duckdb  # noqa: PLC0415  # large, and only reading a file needs it

    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{memory >> 20}MiB",
            "temp_directory": str(scratch),
        },
    )
    # It would go to stdout, among the results.
    connection.execute("SET enable_progress_bar = false")
    # A time without a zone is the same instant on every machine.
    connection.execute("SET TimeZone = 'UTC'")
    # A query's tables are never variables of this program.
    connection.execute("SET python_enable_replacements = false")
    allowed = [text for path in paths for text in _spellings(path)]
    connection.execute(f"SET allowed_paths = [{', '.join(allowed)}]")
    connection.execute(f"SET allowed_directories = [{literal(str(scratch))}]")
    connection.execute("SET enable_external_access = false")  # for good
    return connection


def _spellings(path: Path) -> tuple[str, ...]:
    """Write a path in the ways in which DuckDB may ask for it.

    A database has a log beside it: by the file's given name in DuckDB 1.2, by
    its real one in 2.0. What follows a question mark it takes for
    the options of an address.
    """
    given = str(path.absolute())
    names = (each.partition("?") for each in (given, os.path.realpath(path)))
    logs = (literal(f"{name}.wal{question}{rest}") for name, question, rest in names)
    return literal(given), location(path), *logs


def not_one_select(source: str, given: str) -> DataError:
    """Say what a user's query is instead of a single SELECT."""
    return DataError(
        f"{source}: --sql: takes one SELECT statement, and was given {given}.\n"
        "Way out: write what is to be read as one SELECT. In DuckDB, PIVOT needs its values: "
        "PIVOT data ON column IN ('a', 'b') ..."
    )


def one_select(connection: duckdb.DuckDBPyConnection, sql: str, source: str) -> str:
    """Take a user's query, which has to be a single SELECT; nothing of it is run.

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
    kinds = [str(each.type).rpartition(".")[2] for each in statements]
    if kinds != ["SELECT"]:
        raise not_one_select(source, " and ".join(kinds[:5]) or "nothing")
    return statements[0].query.strip().rstrip(";")


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Give a context in which Ctrl-C ends at once what a connection does.

    DuckDB looks for signals while it works, but not while it waits for its
    threads after one has come: alone, it would go on to the end of the query
    every few times. What the handler of the signal raises, mostly
    KeyboardInterrupt, is what leaves the context, not what DuckDB makes of it.
    In a thread that is not the main one, nothing is changed.
    """
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not (main and callable(before)):  # a signal that is ignored stays so
        yield
        return
    raised: list[BaseException] = []

    def stop(number: int, frame: FrameType | None) -> None:
        try:
            before(number, frame)
        except BaseException as error:
            raised.append(error)
            connection.interrupt()
            raise

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    except BaseException:
        if raised:
            raise raised[0] from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def machine_memory() -> int:
    """Give the bytes of memory of this machine, or of the container that it is."""
    whole = _MEMORY
    with suppress(AttributeError, OSError, ValueError):  # Windows has no such function
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    for limit in limits:
        try:
            whole = min(whole, int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return whole


_MEMORY = 8 << 30
"""Bytes of memory where the system does not say."""


def literal(text: str) -> str:
    """Write text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(text: str) -> str:
    """Write a name as a quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def location(path: Path) -> str:
    """Write a path so that none of its characters is a wildcard."""
    # Absolute, so that a name like "s3:x.csv" is not taken for an address.
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path.absolute())))


def without_marks(cell: str, type_name: str, marks: Sequence[str]) -> str:
    """Write the SQL of a cell that is NULL where it is one of some marks."""
    if not marks:
        return cell
    if type_name.partition("(")[0] in (*INTEGERS, *_NUMBERS):
        wanted = [f"TRY_CAST({literal(mark)} AS DOUBLE)" for mark in marks if _is_digits(mark)]
        if not wanted:
            return cell
        return (
            f"CASE WHEN CAST({cell} AS DOUBLE) IN ({', '.join(wanted)}) THEN NULL ELSE {cell} END"
        )
    wanted = [literal(mark) for mark in marks]
    return f"CASE WHEN CAST({cell} AS VARCHAR) IN ({', '.join(wanted)}) THEN NULL ELSE {cell} END"


def _is_digits(mark: str) -> bool:
    """Tell whether a mark may be a number."""
    return any(sign.isdigit() for sign in mark)


def first_line(error: Exception) -> str:
    """Give what DuckDB says first, shortly."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def kind_of(type_name: str, column: str, source: str) -> Kind:
    """Tell the kind of a column from its type.

    Raises
    ------
    DataError
        If it is of none.
    """
    stem = type_name.partition("(")[0]
    if not type_name.endswith("]"):
        if stem in INTEGERS or stem in _NUMBERS:
            return "number"
        if stem == "BOOLEAN":
            return "boolean"
        if stem in ("VARCHAR", "ENUM", "UUID"):
            return "text"
        if stem == "DATE" or stem.startswith("TIME"):
            return "date"
    raise DataError(
        f"{source}: column {quote(column)} holds {type_name}, which is neither "
        "numbers, truth values, text nor dates.\nTake the column out or convert it."
    )


def as_kind(cell: str, type_name: str, kind: Kind) -> str:
    """Write the SQL that brings a cell of a type to the one type of a kind."""
    if type_name == "BIGNUM":
        cell = f"CAST({cell} AS VARCHAR)"  # which overflows to infinity, as 1e400 does
    if kind == "date" and type_name.startswith("TIME "):
        cell = f"CAST({cell} AS TIME)"  # with a time zone
    if kind == "date" and type_name.partition(" ")[0] == "TIME":
        cell = f"DATE '1970-01-01' + {cell}"
    if kind == "text" and type_name.partition("(")[0] in _NUMBERS:
        # 5.0 and 5 are one category, whatever the type that holds them.
        cell = f"regexp_replace(CAST({cell} AS VARCHAR), '\\.0+$', '')"
    return f"CAST({cell} AS {SQL_TYPES[kind]})"
