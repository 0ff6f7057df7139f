"""Samples: a table that fits in memory, or a million of its rows."""

from __future__ import annotations

import os

import numpy as np

from nnplug.randomness import derive_generator
from nnplug.tables.duck import machine_memory
from nnplug.tables.given import open_table
from nnplug.tables.options import ReadOptions
from nnplug.tables.table import Table, stack

__all__ = ["SAMPLE_ROWS", "read_sample"]

SAMPLE_ROWS = 1_000_000
_CHUNK = 262_144


def read_sample(
    path: str | os.PathLike[str], read: ReadOptions, seed: int = 0
) -> tuple[Table, int]:
    """Read a table, or if it is larger, a million of its rows, drawn at random and in order.

    Returns
    -------
    table : Table
    rows : int
        How many the table has.
    """
    with open_table(path, read, machine_memory() // 2) as table:
        if table.rows <= SAMPLE_ROWS:
            return table.fetch(), table.rows
        chosen = derive_generator(seed, "sample").permutation(table.rows)[:SAMPLE_ROWS]
        drawn = np.zeros(table.rows, bool)
        drawn[chosen] = True
        parts, start = [], 0
        for chunk in table.chunks(table.names, _CHUNK):
            parts.append(chunk.take(np.flatnonzero(drawn[start : start + chunk.rows])))
            start += chunk.rows
        return stack(parts), table.rows
