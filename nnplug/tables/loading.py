"""How a table becomes rows: read, split, encoded, and written to disk if it is large."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.tables.duck import machine_memory
from nnplug.tables.options import ReadOptions
from nnplug.tables.preparation import CHUNK, Prepared, prepare_table, with_file
from nnplug.tables.reading import is_sqlite_path, open_table
from nnplug.tables.relation import Relation
from nnplug.tables.rows import Rows, row_weights
from nnplug.tables.table import Table, Tabular
from nnplug.tables.wishes import Wishes
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.training.shards import Shards

__all__ = ["MEMORY_SHARE", "load_rows"]

MEMORY_SHARE = 0.25
"""Rows that take a larger share of the machine's memory are streamed from disk."""
_READING_MEMORY = 512 << 20  # bytes for reading a table that will be streamed
_ENCODED_BYTES = 32 << 20  # of rows that are encoded and written to disk at a time


def load_rows(
    data: Table | str | os.PathLike[str],
    wishes: Wishes,
    dtype: np.dtype[Any],
    *,
    read: ReadOptions,
    sample_weight: npt.ArrayLike | None = None,
    stream: bool | None = None,
    shards: Shards | None = None,
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
    shards : Shards, optional
        Those of a batch, among whose processes rows on disk are dealt out.

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
        if shards is not None:
            much = opened.rows * len(opened.names) * 8 > _most_in_memory()
            if shards.ranks.of_first(stream or (stream is None and much)):
                return _dealt(opened, wishes, dtype, read, sample_weight, shards)
        if stream or (stream is None and size > _most_in_memory()):
            return _encoded(opened, wishes, dtype, read, sample_weight, stream=True)
        table = opened.fetch()
    return _encoded(table, wishes, dtype, read, sample_weight, stream=stream)


def _dealt(
    table: Tabular,
    wishes: Wishes,
    dtype: np.dtype[Any],
    read: ReadOptions,
    sample_weight: npt.ArrayLike | None,
    shards: Shards,
) -> Rows:
    from nnplug.tables.dealing import deal_rows  # noqa: PLC0415  # few tables are so large

    _check_target(table, wishes)
    if wishes.split is not None and wishes.split.way == "file":
        raise _split_of_file()
    given = row_weights(sample_weight, table.rows)
    return deal_rows(table, wishes, dtype, given, shards, na=read.na, na_of=read.na_of)


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
    _check_target(table, wishes)
    held_out = None
    if wishes.split is not None and wishes.split.way == "file":
        if stream:
            raise _split_of_file()
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


def _check_target(table: Tabular, wishes: Wishes) -> None:
    if not wishes.target:
        raise DataError(
            f"{table.source}: no target is given. Name the column to predict, for example "
            f"--target {table.names[-1]}.\nIts columns: {', '.join(table.names)}."
        )


def _split_of_file() -> SettingError:
    return SettingError(
        "split=file with a table that is streamed: put the rows of both into files that "
        "one pattern fits,\nwith a column that says which, and use split=column:COLUMN."
    )


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
