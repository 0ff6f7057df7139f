"""A table as a user gives it: a path, a data frame or a mapping."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnplug.tables.frames import table_from
from nnplug.tables.options import ReadOptions
from nnplug.tables.reading import is_sqlite_path, open_relation, read_table
from nnplug.tables.table import Table, Tabular

__all__ = ["open_table", "table_of"]


def table_of(data: Any, *, options: ReadOptions | None = None) -> Table:
    """Read a table from a path, or take a DataFrame or a mapping as one.

    Parameters
    ----------
    options : ReadOptions, optional
        How a file is read.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        return read_table(data, options)
    return table_from(data)


@contextmanager
def open_table(data: Any, options: ReadOptions, memory: int) -> Iterator[Tabular]:
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
    if not isinstance(data, str | os.PathLike) or is_sqlite_path(data):
        yield table_of(data, options=options)
        return
    with open_relation(data, options, memory) as relation:
        yield relation
