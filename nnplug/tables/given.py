"""Data as a user gives them: a path, a data frame, a mapping, or arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnplug.errors import DataError
from nnplug.tables.frames import table_from
from nnplug.tables.options import ReadOptions
from nnplug.tables.reading import read_table
from nnplug.tables.table import Table
from nnplug.types import AnyArray

__all__ = ["matrix", "table_of"]


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


def matrix(data: Any, what: str) -> AnyArray:
    """Take an array-like as a finite matrix of numbers, without copying floats.

    Raises
    ------
    DataError
        With the first place that is not a finite number.
    """
    x = np.asarray(data)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "iufb":
        raise DataError(
            f"{what}: shape {x.shape} of {x.dtype}; needed are numbers of shape (rows, columns)."
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{what}: row {row}, column {column} is {x[row, column]}. Remove or fill it."
        )
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
