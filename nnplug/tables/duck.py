"""DuckDB: connecting, writing its SQL, and its types as kinds of columns."""

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
    "first_cells",
    "first_line",
    "identifier",
    "interruptible",
    "kind_of",
    "literal",
    "location",
    "machine_memory",
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
"""Columns that one query asks about: the time to plan a query grows faster than their number."""
_FIRST = 100
"""Rows whose cells are looked at before a whole column is."""

SQL_TYPES: dict[Kind, str] = {
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "date": "TIMESTAMP",
}
"""The type in which the values of each kind are stored."""


def by_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Go through columns one by one, each with the table to query for it.

    DuckDB looks through all columns of a table for each query. The columns of
    a wide table are therefore copied to a narrow one, some at a time.
    """
    if len(columns) <= TOGETHER:
        yield from ((column, table) for column in columns)
        return
    for start in range(0, len(columns), TOGETHER):
        some = columns[start : start + TOGETHER]
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE narrow AS SELECT {', '.join(some)} FROM {table}"
        )
        yield from ((column, "narrow") for column in some)
    connection.execute("DROP TABLE narrow")


def first_cells(
    connection: duckdb.DuckDBPyConnection,
    cells: Sequence[str],
    source: str,
    *,
    outermost: bool = True,
) -> list[tuple[str, ...]]:
    """Fetch some different texts of each column, sorted.

    Parameters
    ----------
    cells : sequence of str
        The SQL of a text cell of each column.
    source : str
        The table they come from.
    outermost : bool
        Whether to add the least and the greatest text of all rows, which takes
        a pass over them. Otherwise twice as many of the first rows are looked at.
    """
    if len(cells) > TOGETHER:
        some = first_cells(connection, cells[:TOGETHER], source, outermost=outermost)
        rest = first_cells(connection, cells[TOGETHER:], source, outermost=outermost)
        return some + rest
    if not cells:
        return []
    head = f"SELECT {', '.join(cells)} FROM {source} LIMIT {_FIRST if outermost else 2 * _FIRST}"
    rows = connection.execute(head).fetchall()
    if outermost:
        ends = ", ".join(f"min({cell}), max({cell})" for cell in cells)
        found = connection.execute(f"SELECT {ends} FROM {source}").fetchone() or ()
        rows += [found[::2], found[1::2]]
    columns = zip(*rows, strict=True) if rows else [()] * len(cells)
    return [tuple(sorted({str(t) for t in column if t is not None})) for column in columns]


def connect(scratch: Path, memory: int, paths: Sequence[Path] = ()) -> duckdb.DuckDBPyConnection:
    """Open a database in memory, which lives as long as its connection.

    Whatever a query or a view in a file says, only the files named here are
    read or written, and nothing is fetched from elsewhere.

    Parameters
    ----------
    scratch : path
        A folder for what does not fit in memory.
    memory : int
        Bytes that the database may use.
    paths : sequence of path
        The files to read.
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
    # The bar would go to stdout, among the results.
    connection.execute("SET enable_progress_bar = false")
    # A time without a zone is the same instant on every machine.
    connection.execute("SET TimeZone = 'UTC'")
    # A query must not reach the variables of this program as tables.
    connection.execute("SET python_enable_replacements = false")
    allowed = [text for path in paths for text in _spellings(path)]
    connection.execute(f"SET allowed_paths = [{', '.join(allowed)}]")
    connection.execute(f"SET allowed_directories = [{literal(str(scratch))}]")
    connection.execute("SET enable_external_access = false")  # which cannot be undone
    return connection


def _spellings(path: Path) -> tuple[str, ...]:
    """Write a path in the ways in which DuckDB may ask for it.

    A database has a log beside it, named after the given path in DuckDB 1.2
    and after the resolved path in 2.0. DuckDB takes the part after a question
    mark for the options of an address.
    """
    given = str(path.absolute())
    names = (name.partition("?") for name in (given, os.path.realpath(path)))
    logs = (literal(f"{name}.wal{question}{rest}") for name, question, rest in names)
    return literal(given), location(path), *logs


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let Ctrl-C stop a connection's query at once.

    DuckDB looks for signals while it works, but not while it waits for its
    threads after one has come: left alone, it would finish one query in a few.
    What leaves the context is what the signal's handler raises, mostly
    KeyboardInterrupt, and not what DuckDB makes of it. In a thread other than
    the main one, nothing changes.
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
    """Return the memory of this machine, or of the container it runs in, in bytes."""
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
"""Bytes of memory to assume where the system does not say."""


def literal(text: str) -> str:
    """Write text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(text: str) -> str:
    """Write a name as a quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def location(path: Path) -> str:
    """Write a path as an SQL string in which no character is a wildcard."""
    # Absolute, so that a name such as "s3:x.csv" is not taken for an address.
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path.absolute())))


def without_marks(cell: str, type_name: str, marks: Sequence[str]) -> str:
    """Write the SQL of a cell that is NULL if it is one of the marks of missing values."""
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
    """Tell whether a mark may be a number, which infinity and nan are not here."""
    return any(sign.isdigit() for sign in mark)


def first_line(error: Exception) -> str:
    """Return the first line of DuckDB's message, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def kind_of(type_name: str, column: str, source: str) -> Kind:
    """Tell the kind of a column from its type in DuckDB.

    Raises
    ------
    DataError
        If the type belongs to no kind, as a list does.
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
        "numbers, truth values, text nor dates.\nRemove the column or convert it."
    )


def as_kind(cell: str, type_name: str, kind: Kind) -> str:
    """Write the SQL that converts a cell to the type in which its kind is stored."""
    if type_name == "BIGNUM":
        cell = f"CAST({cell} AS VARCHAR)"  # text overflows to infinity, as 1e400 does
    if kind == "date" and type_name.startswith("TIME "):
        cell = f"CAST({cell} AS TIME)"  # drops the time zone
    if kind == "date" and type_name.partition(" ")[0] == "TIME":
        cell = f"DATE '1970-01-01' + {cell}"
    if kind == "text" and type_name.partition("(")[0] in _NUMBERS:
        # 5.0 and 5 are one category, whatever the type that holds them.
        cell = f"regexp_replace(CAST({cell} AS VARCHAR), '\\.0+$', '')"
    return f"CAST({cell} AS {SQL_TYPES[kind]})"
