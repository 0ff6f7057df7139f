"""A table as a user gives it: a path, a data frame or a mapping."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from nnplug.tables.frames import table_from
from nnplug.tables.options import ReadOptions
from nnplug.tables.reading import read_table
from nnplug.tables.table import Table

__all__ = ["table_of"]


def table_of(data: Any, text: Sequence[str] = (), *, options: ReadOptions | None = None) -> Table:
    """Read a table from a path, or take a DataFrame or a mapping as one.

    Parameters
    ----------
    text : sequence of str
        Columns of a file that are text whatever they look like, if it has them.
    options : ReadOptions, optional
        How a file is read.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        options = options or ReadOptions()
        return read_table(data, options.adding(text=text, numeric=()) if text else options)
    return table_from(data)
