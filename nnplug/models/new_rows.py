"""New rows as a model takes them: read, and encoded whole or a chunk at a time, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.tables import Encoder, ReadOptions, Table, matrix
from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Unknown
from nnplug.tables.given import open_table
from nnplug.tables.notes import Remarks
from nnplug.tables.table import Tabular
from nnplug.tables.wording import quote
from nnplug.types import AnyArray

__all__ = ["Features", "NewRows", "open_rows"]

_MOST_ROWS = 1 << 16
_MOST_NUMBERS = 1 << 24
"""Inputs that are encoded at once: 64 MiB of float32."""


@dataclass(frozen=True)
class Features:
    """Takes the place of an encoder for a network that was trained on an array.

    Attributes
    ----------
    features : tuple of str
        The columns that are the inputs.
    """

    features: tuple[str, ...]
    target: ClassVar[tuple[str, ...]] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that are the inputs."""
        return self.features

    def inputs(
        self, table: Table, dtype: npt.DTypeLike = np.float64, *, unknown: Unknown = "bucket"
    ) -> AnyArray:
        """Take the columns as they are, (N, D), in float64.

        Raises
        ------
        DataError
            If one is not there, does not hold numbers, or has a number that is not finite.
        """
        columns = [table.column(name) for name in self.features]
        for column in columns:
            if column.kind not in ("number", "boolean"):
                raise DataError(
                    f"{table.source}: column {quote(column.name)} does not hold numbers; the "
                    "network was trained on an array of numbers, without an encoding."
                )
        numbers = np.stack([column.values.astype(np.float64) for column in columns], axis=1)
        return matrix(numbers, "the data to predict")

    def remarks(self, names: Sequence[str], besides: Collection[str] = ()) -> Remarks:
        """Make a counter that counts nothing."""
        return Remarks((), ())

    def read_options(self, given: ReadOptions) -> ReadOptions:
        """Return what the user says: nothing is known from training."""
        return given


class NewRows:
    """The rows of some data. Iterating gives them in chunks, as (table, inputs (N, D)).

    Parameters
    ----------
    encoder : Encoder or Features
    table : Tabular
    dtype : dtype
        Of the inputs that an encoder makes.
    ids : sequence of str
        Columns that the chunks hold besides those of the model.
    copies : (Tabular, tuple of str), optional
        The same rows, and the columns to take from there: identifiers that the
        model predicts from, as text.
    unknown : str
        What is done with a category that training did not see: `"bucket"` or
        `"error"`.
    with_target : bool
        Whether the chunks hold the target, for `targets`.

    Attributes
    ----------
    rows : int
    """

    def __init__(
        self,
        encoder: Encoder | Features,
        table: Tabular,
        *,
        dtype: np.dtype[Any],
        ids: Sequence[str] = (),
        copies: tuple[Tabular, tuple[str, ...]] | None = None,
        unknown: Unknown = "bucket",
        with_target: bool = False,
    ) -> None:
        self.encoder, self.table, self.dtype, self.unknown = encoder, table, dtype, unknown
        self.copies = copies
        self.rows = table.rows
        self.names = _names(encoder, ids, with_target=with_target)
        self._remarks = encoder.remarks(table.names, ids)

    def __iter__(self) -> Iterator[tuple[Table, AnyArray]]:
        size = min(_MOST_ROWS, max(256, _MOST_NUMBERS // len(self.encoder.features)))
        copies = None if self.copies is None else self.copies[0].chunks(self.copies[1], size)
        for table in self.table.chunks(self.names, size):
            try:
                inputs = self._encode(self.encoder, table)
            except DataError:
                self._find_fault(table)
                raise
            self._remarks.add(table)
            yield table if copies is None else _with(table, next(copies)), inputs

    def whole(self) -> tuple[Table, AnyArray]:
        """Give all rows at once: the table, and its inputs (N, D)."""
        table = self.table.fetch(self.names)
        return table, self._encode(self.encoder, table)

    def _encode(self, encoder: Encoder | Features, table: Table) -> AnyArray:
        return encoder.inputs(table, self.dtype, unknown=self.unknown)

    def targets(self, table: Table) -> AnyArray:
        """Give the targets of a chunk, as `Encoder.targets` does."""
        encoder = self.encoder
        assert isinstance(encoder, Encoder)
        try:
            return encoder.targets(table)
        except DataError:
            encoder.targets(self.table.fetch(encoder.target))
            raise

    def remarks(self) -> tuple[str, ...]:
        """Say what was ignored in the chunks so far, in lines for the user."""
        return self._remarks.lines()

    def _find_fault(self, table: Table) -> None:
        """Raise the error again, with rows counted in the data and not in the chunk."""
        if table.rows == self.rows:
            return
        if isinstance(self.encoder, Features):
            self._encode(self.encoder, self.table.fetch(self.encoder.used))
            return
        for column in self.encoder.columns:  # one by one: together they may not fit in memory
            alone = replace(self.encoder, columns=(column,))
            self._encode(alone, self.table.fetch([column.name]))


def _names(
    encoder: Encoder | Features, ids: Sequence[str], *, with_target: bool
) -> tuple[str, ...]:
    """List the columns that are needed."""
    target = encoder.target if with_target else ()
    return tuple(dict.fromkeys((*encoder.used, *target, *ids)))


def _with(table: Table, copies: Table) -> Table:
    """Replace columns by those of another table with the same names."""
    copied = {column.name: column for column in copies.columns}
    columns = tuple(copied.get(column.name, column) for column in table.columns)
    return Table(columns, table.source, table.rows)


@contextmanager
def open_rows(
    encoder: Encoder | Features,
    data: Any,
    read: ReadOptions | None = None,
    *,
    dtype: np.dtype[Any],
    ids: Sequence[str] = (),
    unknown: Unknown = "bucket",
    with_target: bool = False,
) -> Iterator[NewRows]:
    """Open data for a model; see `NewRows`.

    Parameters
    ----------
    data : path, DataFrame, mapping or Table
    read : ReadOptions, optional
        How a file is read. The columns of the model are read as in training.
        Identifiers are read as text, character by character, and so are
        columns that are not needed.
    """
    read = read or ReadOptions()
    both = tuple(name for name in ids if name in encoder.used)
    # Identifiers first: a column that is text is not read as a number.
    ours = read.adding(text=tuple(name for name in ids if name not in both), numeric=())
    # The encoder would read the target, too, which only an evaluation needs.
    ours = replace(encoder.read_options(ours), only=_names(encoder, ids, with_target=with_target))
    options: dict[str, Any] = {"ids": ids, "unknown": unknown, "with_target": with_target}
    memory = machine_memory() // 4
    with open_table(data, ours, memory) as table:
        if not both:
            yield NewRows(encoder, table, dtype=dtype, **options)
            return
        # An identifier that is an input is read twice: as in training, and as the text in the file.
        theirs = replace(read.adding(text=both, numeric=()), only=both)
        with open_table(data, theirs, memory) as everything:
            yield NewRows(encoder, table, dtype=dtype, copies=(everything, both), **options)
