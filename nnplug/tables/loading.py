"""Loading: from a table and wishes to encoded rows, in memory or on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnplug.errors import DataError, SettingError
from nnplug.tables.arrays import row_weights
from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Encoder
from nnplug.tables.given import table_of
from nnplug.tables.options import ReadOptions
from nnplug.tables.preparation import CHUNK, Prepared, prepare_table, with_file
from nnplug.tables.reading import is_sqlite_path, open_relation
from nnplug.tables.relation import Relation
from nnplug.tables.splitting import Parts, Split
from nnplug.tables.streaming import RowsOnDisk, write_rows
from nnplug.tables.table import Table
from nnplug.tables.wishes import Wishes
from nnplug.types import AnyArray

__all__ = ["MEMORY_SHARE", "Loaded", "load_rows"]

MEMORY_SHARE = 0.25
"""Rows that take a larger share of the machine's memory are streamed from disk."""
_READING_MEMORY = 512 << 20  # bytes for reading a table that is to be streamed
_ENCODED_BYTES = 32 << 20  # rows are encoded for the disk so many bytes at a time


@dataclass(frozen=True)
class Loaded:
    """A table's rows, encoded.

    Attributes
    ----------
    inputs : array
        (n, D); (0, D) if they are on disk.
    targets : array
        As `Encoder.targets` gives them.
    weights : array or None
        (n, 1), what each row counts for.
    encoder : Encoder
    parts : Parts
        Which rows are for training, and which for validation.
    split : Split
    notes : tuple of str
        Each a line for the user.
    disk : RowsOnDisk or None
    """

    inputs: AnyArray
    targets: AnyArray
    weights: AnyArray | None
    encoder: Encoder
    parts: Parts
    split: Split
    notes: tuple[str, ...]
    disk: RowsOnDisk | None = None


def load_rows(
    data: Table | str | os.PathLike[str],
    wishes: Wishes,
    dtype: np.dtype[Any],
    *,
    read: ReadOptions,
    sample_weight: Any = None,
    stream: bool | None = None,
) -> Loaded:
    """Read, split and encode a table.

    Parameters
    ----------
    data : Table or path
    dtype : numpy.dtype
        Of the inputs.
    read : ReadOptions
        How files are read.
    sample_weight : array, optional
        (N,), what each row counts for.
    stream : bool, optional
        Whether the encoded rows are written to disk; by default if they would
        take more than a quarter of the machine's memory.

    Raises
    ------
    DataError, SettingError
        If the table and the wishes do not go together.
    """
    loaded = _load(data, wishes, dtype, read, sample_weight, stream)
    return replace(loaded, encoder=replace(loaded.encoder, na=read.na, na_of=read.na_of))


def _load(
    data: Table | str | os.PathLike[str],
    wishes: Wishes,
    dtype: np.dtype[Any],
    read: ReadOptions,
    sample_weight: Any,
    stream: bool | None,
) -> Loaded:
    if sample_weight is not None and wishes.options.weights is not None:
        raise SettingError("weights and sample_weight both say what rows count for; give one.")
    table = data if isinstance(data, Table) else None
    if table is None and not isinstance(data, Table):
        if is_sqlite_path(data):
            if stream:
                raise SettingError(
                    f"{data}: a SQLite file is read whole; it cannot be streamed.\n"
                    "Export the table to Parquet or CSV first."
                )
            table = table_of(data, options=read)
        else:
            memory = _READING_MEMORY if stream else machine_memory() // 2
            with open_relation(data, read, memory) as relation:
                size = relation.rows * len(relation.fields) * 8
                if stream or (stream is None and size > MEMORY_SHARE * machine_memory()):
                    return _streamed(relation, wishes, dtype, sample_weight)
                table = relation.fetch()
    assert table is not None
    if stream:
        return _streamed(table, wishes, dtype, sample_weight)
    _check_target(table, wishes)
    held_out = None
    if wishes.split is not None and wishes.split.way == "file":
        table, held_out = with_file(table, wishes.split.name, read)
    given = row_weights(sample_weight, table.rows)
    prepared = prepare_table(table, wishes, held_out)
    encoded = table.rows * len(prepared.encoder.features) * dtype.itemsize
    if stream is None and encoded > MEMORY_SHARE * machine_memory():
        return _on_disk(table, prepared, dtype, given, wishes.seed)
    weights = _kept_weights(prepared, given)
    if prepared.kept is not None:
        table = table.take(np.flatnonzero(prepared.kept))
    encoder = prepared.encoder
    return Loaded(
        encoder.inputs(table, dtype=dtype),
        encoder.targets(table),
        weights,
        encoder,
        prepared.parts,
        prepared.split,
        prepared.notes,
    )


def _streamed(table: Table | Relation, wishes: Wishes, dtype: np.dtype[Any], weight: Any) -> Loaded:
    _check_target(table.schema, wishes)
    if wishes.split is not None and wishes.split.way == "file":
        raise SettingError(
            "split=file with a table that is streamed: put the rows of both into files that one "
            "pattern fits,\nwith a column that says which, and use split=column:COLUMN."
        )
    given = row_weights(weight, table.rows)
    return _on_disk(table, prepare_table(table, wishes), dtype, given, wishes.seed)


def _on_disk(
    table: Table | Relation,
    prepared: Prepared,
    dtype: np.dtype[Any],
    given: AnyArray | None,
    seed: int,
) -> Loaded:
    encoder, kept = prepared.encoder, prepared.kept
    targets = table.fetch(encoder.target)
    if kept is not None:
        targets = targets.take(np.flatnonzero(kept))
    width = len(encoder.features)
    size = max(1024, min(CHUNK, _ENCODED_BYTES // (width * dtype.itemsize)))
    chunks = _stretches(table, [each.name for each in encoder.columns], size)
    disk = write_rows(encoder, chunks, prepared.parts, kept, dtype, seed)
    megabytes = (disk.training + disk.validation) * width * dtype.itemsize / 1e6
    return Loaded(
        np.empty((0, width), dtype),
        encoder.targets(targets),
        _kept_weights(prepared, given),
        encoder,
        prepared.parts,
        prepared.split,
        (*prepared.notes, f"streamed from disk: {megabytes:,.0f} MB of encoded rows"),
        disk,
    )


def _stretches(table: Table | Relation, names: list[str], size: int) -> Iterator[Table]:
    """Give some columns of all rows, so many rows at a time."""
    if isinstance(table, Relation):
        yield from table.chunks(names, size)
        return
    wanted = table.fetch(names)
    for start in range(0, table.rows, size):
        yield wanted.take(slice(start, start + size))


def _kept_weights(prepared: Prepared, given: AnyArray | None) -> AnyArray | None:
    """Give what each row that is used counts for, (n, 1)."""
    weights = prepared.weights
    if given is not None:
        return given if prepared.kept is None else given[prepared.kept]
    return None if weights is None else weights.reshape(-1, 1)


def _check_target(table: Table, wishes: Wishes) -> None:
    """Refuse a table without a target."""
    if not wishes.target:
        raise DataError(
            f"{table.source}: which column is to be predicted? Give target, for example "
            f"--target {table.columns[-1].name}.\nIts columns: {', '.join(table.names)}."
        )
