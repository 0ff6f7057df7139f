"""Rows as arrays, with their weights and parts, and how a table becomes rows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.parts import Task
from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Encoder
from nnplug.tables.given import open_table
from nnplug.tables.options import ReadOptions
from nnplug.tables.preparation import CHUNK, Prepared, Wishes, prepare_table, with_file
from nnplug.tables.reading import is_sqlite_path
from nnplug.tables.relation import Relation
from nnplug.tables.splitting import Parts, Split
from nnplug.tables.table import Table, Tabular
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.tables.streaming import RowsOnDisk

__all__ = ["MEMORY_SHARE", "Rows", "load_rows", "matrix", "row_weights"]


MEMORY_SHARE = 0.25
"""Rows that take a larger share of the machine's memory are streamed from disk."""
_READING_MEMORY = 512 << 20  # bytes for reading a table that will be streamed
_ENCODED_BYTES = 32 << 20  # of rows that are encoded and written to disk at a time


@dataclass(frozen=True, repr=False)
class Rows:
    """Rows as arrays, ready for a network.

    Attributes
    ----------
    inputs : array
        (N, D).
    targets : array
        Numbers (N, K), standardised if they come from a table, class
        indices (N,), or 0 and 1 for each label, (N, K).
    task : str
    classes : tuple
        As the user knows them; empty for regression.
    features : tuple of str
        The names of the inputs.
    parts : Parts
        Which rows are for training, and which for validation.
    split : Split
        How they were chosen.
    weights : array or None
        (N, 1), the weight of each row in the loss.
    encoder : Encoder or None
        What encoded them, if they are from a table.
    notes : tuple of str
        What was inferred or left out, one line for the user per note.
    disk : RowsOnDisk or None
        Where the inputs are if not in memory; `inputs` is then (0, D).
    """

    inputs: AnyArray
    targets: AnyArray
    task: Task
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    parts: Parts
    split: Split
    weights: AnyArray | None = None
    encoder: Encoder | None = None
    notes: tuple[str, ...] = ()
    disk: RowsOnDisk | None = None

    def first_inputs(self, count: int) -> AnyArray:
        """Take the inputs of the first training rows, `count` at most: (n, D)."""
        if self.disk is None:
            return self.inputs[self.parts.training[:count]]
        records = np.memmap(self.disk.path("training"), self.disk.record, mode="r")
        return np.asarray(records[:count]["inputs"])

    def __repr__(self) -> str:
        return f"<{len(self.targets):,} rows of {len(self.features):,} inputs: {self.task}>"


def load_rows(
    data: Table | str | os.PathLike[str],
    wishes: Wishes,
    dtype: np.dtype[Any],
    *,
    read: ReadOptions,
    sample_weight: npt.ArrayLike | None = None,
    stream: bool | None = None,
) -> Rows:
    """Read, split and encode a table.

    Parameters
    ----------
    data : Table or path
    dtype : numpy.dtype
        Of the inputs.
    read : ReadOptions
        How files are read.
    sample_weight : array, optional
        (N,), the weight of each row.
    stream : bool, optional
        Whether the encoded rows are written to disk; by default if they would
        take more than a quarter of the machine's memory.

    Raises
    ------
    DataError, SettingError
        If the table and the wishes do not go together.
    """
    if sample_weight is not None and wishes.options.weights is not None:
        raise SettingError(
            "weights and sample_weight both give the weights of rows. Leave one out."
        )
    if stream and not isinstance(data, Table) and is_sqlite_path(data):
        raise SettingError(
            f"{data}: a SQLite file is read whole; it cannot be streamed.\n"
            "Export the table to Parquet or CSV first."
        )
    with open_table(data, read, _READING_MEMORY if stream else machine_memory() // 2) as opened:
        size = opened.rows * len(opened.names) * 8 if isinstance(opened, Relation) else 0
        if stream or (stream is None and size > _most_in_memory()):
            return _encoded(opened, wishes, dtype, read, sample_weight, stream=True)
        table = opened.fetch()
    return _encoded(table, wishes, dtype, read, sample_weight, stream=stream)


def _most_in_memory() -> float:
    return MEMORY_SHARE * machine_memory()


def _encoded(
    table: Tabular,
    wishes: Wishes,
    dtype: np.dtype[Any],
    read: ReadOptions,
    sample_weight: npt.ArrayLike | None,
    *,
    stream: bool | None,
) -> Rows:
    if not wishes.target:
        raise DataError(
            f"{table.source}: no target is given. Name the column to predict, for example "
            f"--target {table.names[-1]}.\nIts columns: {', '.join(table.names)}."
        )
    held_out = None
    if wishes.split is not None and wishes.split.way == "file":
        if stream:
            raise SettingError(
                "split=file with a table that is streamed: put the rows of both into files that "
                "one pattern fits,\nwith a column that says which, and use split=column:COLUMN."
            )
        table, held_out = with_file(table.fetch(), wishes.split.name, read)
    given = row_weights(sample_weight, table.rows)
    prepared = prepare_table(table, wishes, held_out)
    encoder = replace(prepared.encoder, na=read.na, na_of=read.na_of)
    prepared = replace(prepared, encoder=encoder)
    encoded = table.rows * len(encoder.features) * dtype.itemsize
    if stream or (stream is None and encoded > _most_in_memory()):
        return _on_disk(table, prepared, dtype, given, wishes.seed)
    used = prepared.used(table.fetch())
    return _rows(prepared, encoder.inputs(used, dtype=dtype), encoder.targets(used), given)


def _on_disk(
    table: Tabular,
    prepared: Prepared,
    dtype: np.dtype[Any],
    given: AnyArray | None,
    seed: int,
) -> Rows:
    from nnplug.tables.streaming import write_rows  # noqa: PLC0415  # few tables are so large

    encoder = prepared.encoder
    targets = encoder.targets(prepared.used(table.fetch(encoder.target)))
    width = len(encoder.features)
    size = max(1024, min(CHUNK, _ENCODED_BYTES // (width * dtype.itemsize)))
    chunks = table.chunks(encoder.used, size)
    disk = write_rows(encoder, chunks, prepared.parts, prepared.kept, dtype, seed)
    megabytes = (disk.training + disk.validation) * width * dtype.itemsize / 1e6
    rows = _rows(prepared, np.empty((0, width), dtype), targets, given)
    note = f"streamed from disk: {megabytes:,.0f} MB of encoded rows"
    return replace(rows, notes=(*rows.notes, note), disk=disk)


def _rows(prepared: Prepared, inputs: AnyArray, targets: AnyArray, given: AnyArray | None) -> Rows:
    """Put the arrays together. The weights are those given, or a column of the table."""
    encoder, weights = prepared.encoder, prepared.weights
    if given is not None:
        weights = given if prepared.kept is None else given[prepared.kept]
    return Rows(
        inputs,
        targets,
        encoder.task,
        encoder.classes,
        encoder.features,
        prepared.parts,
        prepared.split,
        None if weights is None else weights.reshape(-1, 1),
        encoder,
        prepared.notes,
    )


def matrix(data: npt.ArrayLike, what: str) -> AnyArray:
    """Turn an array-like into a matrix of finite numbers, without copying floats.

    Raises
    ------
    DataError
        If it is not a matrix of numbers, with the first number that is not finite.
    """
    x = np.asarray(data)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "iufb":
        raise DataError(
            f"{what}: an array of shape {x.shape} of {x.dtype}; it must hold numbers, in the shape "
            "(rows, columns)."
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{what}: row {row}, column {column} is {x[row, column]}. Remove or fill it."
        )
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def row_weights(given: npt.ArrayLike | None, rows: int) -> AnyArray | None:
    """Turn the weights of rows into an array of shape (N, 1).

    Raises
    ------
    SettingError
        If there is not one number for each row, a number is negative or not
        finite, or all are 0.
    """
    if given is None:
        return None
    weights = np.asarray(given, np.float64)
    if weights.shape != (rows,):
        raise SettingError(
            f"sample_weight has shape {weights.shape}; it must have one number per row, ({rows},)."
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong) or not weights.any():
        where = f"row {wrong[0]} weighs {weights[wrong[0]]:g}" if len(wrong) else "all are 0"
        raise SettingError(f"sample_weight: {where}; weights are finite, at least 0, not all 0.")
    return weights.reshape(-1, 1)
