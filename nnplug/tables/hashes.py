"""Equal cells and equal rows, by numbers that stand for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnplug.tables.table import Column

__all__ = ["HashArray", "hashes", "row_hashes"]

HashArray = npt.NDArray[np.uint64]


def hashes(column: Column) -> HashArray:
    """Give equal numbers to equal cells, (N,), whatever the column."""
    if column.kind == "number":
        data = column.data + 0.0  # -0 is 0
        data = np.where(np.isnan(data), np.nan, data)  # and NaN of one pattern
        return data.view(np.uint64)
    if column.kind == "date":
        return column.data.view(np.uint64)
    if column.kind == "boolean":
        return (column.data.astype(np.int64) + 2 * ~column.present).view(np.uint64)
    texts = [
        hashlib.blake2b(word.encode("utf-8", "surrogatepass")).digest()[:8] for word in column.words
    ]
    # The code -1, of a missing value, takes the last.
    return np.frombuffer(b"".join([*texts, bytes(8)]), np.uint64)[column.data]


def row_hashes(columns: Sequence[Column]) -> HashArray:
    """Give equal numbers to rows that are equal in some columns, (N,); others to others.

    Two different rows have one number with a chance of 2**-64 a pair.
    """
    total: HashArray = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            total = _mixed(total * np.uint64(0x9E3779B97F4A7C15) + hashes(column))
    return total


def _mixed(x: HashArray) -> HashArray:
    """Spread the bits: the finaliser of splitmix64 (Steele, Lea & Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
