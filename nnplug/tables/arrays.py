"""Arrays as a user gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.errors import DataError, SettingError
from nnplug.types import AnyArray

__all__ = ["matrix", "row_weights"]


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


def row_weights(given: Any, rows: int) -> AnyArray | None:
    """Take a weight for each row, as (N, 1)."""
    if given is None:
        return None
    weights = np.asarray(given, np.float64)
    if weights.shape != (rows,):
        raise SettingError(
            f"sample_weight has shape {weights.shape}; needed is one number a row, ({rows},)."
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong) or not weights.any():
        where = f"row {wrong[0]} weighs {weights[wrong[0]]:g}" if len(wrong) else "all are 0"
        raise SettingError(f"sample_weight: {where}; weights are finite, at least 0, not all 0.")
    return weights.reshape(-1, 1)
