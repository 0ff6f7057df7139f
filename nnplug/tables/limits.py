"""Limits on the memory and time that a file or a query may take, unless the user vouches for it.

A small file may unpack to gigabytes, and a short query may never end. Each
limit is far above what tables need, and one option lifts them all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.options import ReadOptions

if TYPE_CHECKING:
    import sqlite3

    import duckdb

__all__ = [
    "LINE",
    "check_rows",
    "line_error",
    "most_cells",
    "most_rows",
    "most_unpacked",
    "too_many_cells",
    "too_many_rows",
    "unpacked_error",
    "within_time",
]

LINE = 2 << 20
"""The most bytes in a line of text, or in a JSON object."""
_RATIO, _UNPACKED = 100, 100 << 20
"""A compressed file may unpack to this many times its size, or to this many bytes if more."""
_CELLS = 100_000_000
"""The most cells that a query may give; always allowed are as many rows as the data has."""
_WORKBOOK_CELLS = 2_000_000
"""The most cells of a workbook, or as many as it has bytes: a few seconds of reading."""
_SECONDS = 600
_WAY_OUT = "If you trust this file: --read trusted=true"


def most_unpacked(packed: int, options: ReadOptions) -> float:
    """Return the bytes that a compressed file of `packed` bytes may unpack to."""
    return float("inf") if options.trusted else max(_UNPACKED, _RATIO * packed)


def unpacked_error(source: str, most: float) -> DataError:
    """Say that a compressed file unpacks to more than it may."""
    return DataError(
        f"{source}: the file holds more than {most / 1e6:,.0f} MB once unpacked, over {_RATIO} "
        f"times its own size.\nTables are compressed 3 to 30 times. {_WAY_OUT}"
    )


def most_cells(packed: int, options: ReadOptions) -> float:
    """Return the cells, empty ones included, that a workbook of `packed` bytes may have."""
    return float("inf") if options.trusted else max(_WORKBOOK_CELLS, packed)


def too_many_cells(source: str, most: float) -> DataError:
    """Say that a workbook has more cells than it may."""
    return DataError(
        f"{source}: the sheet has more than {most:,} cells, counted with the empty ones, and more "
        f"than the file has bytes.\n{_WAY_OUT}"
    )


def line_error(place: str) -> DataError:
    """Say that a line is too long."""
    return DataError(
        f"{place}: the line is longer than {LINE >> 20} MiB; a closing quote or line ends may be "
        f"missing.\n{_WAY_OUT}"
    )


def check_rows(source: str, rows: int, columns: int, size: int, options: ReadOptions) -> None:
    """Refuse a Parquet file that claims far more cells than its size allows.

    A column with one value takes no space in it, however many rows there are.
    """
    if not options.trusted and rows * columns > max(_CELLS, 10 * _RATIO * size // 8):
        raise DataError(
            f"{source}: the file has {rows:,} rows of {columns} columns in {size:,} bytes, which "
            f"no data needs.\n{_WAY_OUT}"
        )


def most_rows(columns: int, there: int, options: ReadOptions, share: int = 1) -> int | None:
    """Return the rows that a query over `there` rows may give; None if any number.

    Parameters
    ----------
    share : int
        The memory that a cell takes, as a multiple of what it takes in DuckDB.
    """
    return None if options.trusted else max(_CELLS // share // max(1, columns), there)


def too_many_rows(source: str, most: int) -> DataError:
    """Say that a query, or a view in a database, gives more rows than it may."""
    return DataError(
        f"{source}: the query gives more than {most:,} rows, which is more than the data has.\n"
        "Add a condition or a LIMIT. If you need so many rows: --read trusted=true"
    )


@contextmanager
def within_time(
    connection: duckdb.DuckDBPyConnection | sqlite3.Connection, source: str, options: ReadOptions
) -> Iterator[None]:
    """Stop a query, or a view in a database, that takes more than some minutes.

    Raises
    ------
    DataError
        If it was stopped.
    """
    if options.trusted:
        yield
        return
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        connection.interrupt()

    timer = threading.Timer(_SECONDS, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if stopped.is_set():
            raise DataError(
                f"{source}: the query took more than {_SECONDS // 60} minutes and was stopped.\n"
                "Simplify the query. If it needs more time: --read trusted=true"
            ) from None
        raise
    finally:
        timer.cancel()
