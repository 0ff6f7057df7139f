"""A file's rows as a model takes them: encoded a stretch at a time, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nnplug.errors import DataError
from nnplug.models.model import Model
from nnplug.tables import ReadOptions, Table
from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Unknown
from nnplug.tables.given import open_table
from nnplug.tables.table import Tabular
from nnplug.types import AnyArray

__all__ = ["FileRows", "open_rows"]

_MOST_ROWS = 1 << 16
_MOST_NUMBERS = 1 << 24
"""Inputs that are encoded at once: 64 MiB of float32."""


class FileRows:
    """Iterates over stretches of a file's rows: the table, and its inputs (N, D).

    Parameters
    ----------
    ids : sequence of str
        Columns that the tables hold beside those of the model.
    copies : (Tabular, tuple of str), optional
        The same rows, and the columns to take from there: identifiers that the
        model predicts from, as text.
    unknown : str
        What is done with a category that training did not see: `"bucket"` or
        `"error"`.
    with_target : bool
        Whether the tables hold the target, for `targets`.

    Attributes
    ----------
    rows : int
        How many the file has.
    """

    def __init__(
        self,
        model: Model,
        stretches: Tabular,
        *,
        ids: Sequence[str] = (),
        copies: tuple[Tabular, tuple[str, ...]] | None = None,
        unknown: Unknown = "bucket",
        with_target: bool = False,
    ) -> None:
        self.model, self.stretches, self.unknown = model, stretches, unknown
        self.copies = copies
        self.rows = stretches.rows
        self.names = _names(model, ids, with_target=with_target)
        self._used = _used(model)
        self._remarks = (
            None if model.encoder is None else model.encoder.remarks(stretches.names, ids)
        )

    def __iter__(self) -> Iterator[tuple[Table, AnyArray]]:
        size = min(_MOST_ROWS, max(256, _MOST_NUMBERS // self.model.info.inputs))
        copies = None if self.copies is None else self.copies[0].chunks(self.copies[1], size)
        for table in self.stretches.chunks(self.names, size):
            try:
                inputs = self.model.inputs(table, unknown=self.unknown)
            except DataError:
                self._find_fault(table)
                raise
            if self._remarks is not None:
                self._remarks.add(table)
            yield table if copies is None else _with(table, next(copies)), inputs

    def targets(self, table: Table) -> AnyArray:
        """Give the targets of a stretch, as `Encoder.targets` does."""
        encoder = self.model.encoder
        assert encoder is not None
        try:
            return encoder.targets(table)
        except DataError:
            encoder.targets(self.stretches.fetch(encoder.target))
            raise

    def remarks(self) -> tuple[str, ...]:
        """Say what was passed over in the stretches so far, each a line for the user."""
        return () if self._remarks is None else self._remarks.lines()

    def _find_fault(self, table: Table) -> None:
        """Raise the error again, with rows counted in the file and not in the stretch."""
        if table.rows == self.rows:
            return
        encoder = self.model.encoder
        if encoder is None:
            self.model.inputs(self.stretches.fetch(self._used))
            return
        for each in encoder.columns:  # one by one: together they may not fit in memory
            alone = replace(encoder, columns=(each,))
            alone.inputs(
                self.stretches.fetch([each.name]), self.model.network.dtype, unknown=self.unknown
            )


def _used(model: Model) -> tuple[str, ...]:
    """List the columns that a model predicts from."""
    if model.encoder is None:
        return model.info.features
    return tuple(each.name for each in model.encoder.columns)


def _names(model: Model, ids: Sequence[str], *, with_target: bool) -> tuple[str, ...]:
    """List the columns of a file that are needed."""
    target = model.targets if with_target else ()
    return tuple(dict.fromkeys((*_used(model), *target, *ids)))


def _with(table: Table, copies: Table) -> Table:
    """Put other columns in the place of those of their names."""
    copied = {each.name: each for each in copies.columns}
    columns = tuple(copied.get(each.name, each) for each in table.columns)
    return Table(columns, table.source, table.rows)


@contextmanager
def open_rows(
    model: Model,
    path: str | os.PathLike[str],
    read: ReadOptions | None = None,
    *,
    ids: Sequence[str] = (),
    unknown: Unknown = "bucket",
    with_target: bool = False,
) -> Iterator[FileRows]:
    """Open a file for a model; see `FileRows`.

    Parameters
    ----------
    read : ReadOptions, optional
        How the file is read. Its columns are read as they were in training,
        and identifiers as text, digit by digit; so are columns that are not
        needed.
    """
    read = read or ReadOptions()
    used = _used(model)
    both = tuple(name for name in ids if name in used)
    # Identifiers first: a column that is text is not read as a number.
    ours = read.adding(text=tuple(name for name in ids if name not in used), numeric=())
    if model.encoder is not None:
        ours = model.encoder.read_options(ours)
    # Narrower than what the encoder says: only `evaluate` needs the target.
    ours = replace(ours, only=_names(model, ids, with_target=with_target))
    options: dict[str, Any] = {"ids": ids, "unknown": unknown, "with_target": with_target}
    with open_table(path, ours, machine_memory() // 4) as stretches:
        if not both:
            yield FileRows(model, stretches, **options)
            return
        # What is an input too is read twice: as it is encoded, and as it stands.
        theirs = replace(read.adding(text=both, numeric=()), only=both)
        with open_table(path, theirs, machine_memory() // 4) as everything:
            yield FileRows(model, stretches, copies=(everything, both), **options)
