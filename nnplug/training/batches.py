"""Where the rows of an epoch come from: arrays in memory, or a stream of loads.

Steps are bound to arrays that never move. For rows in memory these are the
caller's own, and a batch is gathered by row indices; for a stream they are
buffers, which each load fills with rows that are already shuffled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from nnplug.errors import DataError
from nnplug.randomness import derive_generator
from nnplug.types import AnyArray

__all__ = ["CHUNK", "Batches", "Chunk", "Load", "RowsInMemory", "StreamedRows"]

CHUNK = 16_384
"""Rows of the validation part that are brought into memory at once, at most."""

Chunk = tuple[AnyArray, AnyArray, AnyArray | None]
"""Inputs, targets and weights of some rows."""

Load = tuple[AnyArray | None, float]
"""Row indices in the order of the epoch (None: all rows, as they are), and their total weight."""


class Batches(Protocol):
    """What the training loop needs of rows.

    Attributes
    ----------
    inputs, targets, weights : array, and array or None
        What the steps are bound to.
    rows : int
        The rows of an epoch.
    batch_size : int or None
        None: all rows in each step.
    keeps_outputs : bool
        Whether memory may hold the outputs of all rows of an epoch, for
        metrics where there is no validation part.
    """

    inputs: AnyArray
    targets: AnyArray
    weights: AnyArray | None
    rows: int
    batch_size: int | None
    keeps_outputs: bool

    def loads(self, epoch: int) -> Iterator[Load]:
        """Give the rows of an epoch, which are the same each time for the same epoch."""

    def validation(self) -> Iterator[Chunk]:
        """Give the rows of the validation part; none if there is none."""

    def training(self) -> Iterator[Chunk]:
        """Give the rows that a report is about if there is no validation part."""


class RowsInMemory:
    """Rows of arrays, in a new random order each epoch.

    Parameters
    ----------
    inputs, targets : array
        (N, D) and (N, C), or labels (N, 1).
    batch_size : int or None
        None: all rows in each step, in their own order.
    seed : int
        Seed of the order.
    rows : array of int, optional
        The rows to learn from; by default all.
    weights : array, optional
        (N, 1).
    validation : tuple of array, optional
        Inputs, targets, and weights if rows have them.
    held_out : array of int, optional
        Instead, the rows of the same arrays that are the validation part.
    """

    def __init__(
        self,
        inputs: AnyArray,
        targets: AnyArray,
        *,
        batch_size: int | None,
        seed: int,
        rows: AnyArray | None = None,
        weights: AnyArray | None = None,
        validation: tuple[AnyArray, ...] | None = None,
        held_out: AnyArray | None = None,
    ) -> None:
        self.keeps_outputs = True
        self._all: Chunk = inputs, targets, weights
        self._validation, self._held_out = validation, held_out
        if rows is not None and batch_size is None:
            weights = None if weights is None else weights[rows]
            inputs, targets, rows = inputs[rows], targets[rows], None
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.rows = len(inputs) if rows is None else len(rows)
        self.batch_size = None if batch_size is None else min(batch_size, self.rows)
        self.seed, self._rows = seed, rows
        self._weight: float = self.rows
        if weights is not None:
            chosen = weights if rows is None else weights[rows]
            self._weight = float(chosen.sum(dtype=np.float64))

    def loads(self, epoch: int) -> Iterator[Load]:
        """Give all rows at once."""
        if self.batch_size is None:
            yield None, self._weight
            return
        order = derive_generator(self.seed, "shuffle", epoch).permutation(self.rows)
        yield (order if self._rows is None else self._rows[order]), self._weight

    def validation(self) -> Iterator[Chunk]:
        """Give the rows of the validation part."""
        if self._validation is not None:
            x, y, *w = self._validation
            yield x, y, w[0] if w else None
        elif self._held_out is not None:
            x, y, weights = self._all
            for start in range(0, len(self._held_out), CHUNK):
                rows = self._held_out[start : start + CHUNK]
                yield x[rows], y[rows], None if weights is None else weights[rows]

    def training(self) -> Iterator[Chunk]:
        """Give all rows."""
        yield self.inputs, self.targets, self.weights


class StreamedRows(ABC):
    """Rows that do not fit in memory, brought into buffers load by load.

    A subclass says where they come from: `fill`, and `validation` if there is
    such a part.

    Parameters
    ----------
    inputs, targets, weights : array, and array or None
        (B, D), (B, C) and (B, 1): buffers that never move. B is a multiple of
        the batch size.
    rows : int
        The rows of an epoch.
    batch_size : int
    """

    def __init__(
        self,
        inputs: AnyArray,
        targets: AnyArray,
        weights: AnyArray | None,
        *,
        rows: int,
        batch_size: int,
    ) -> None:
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.rows, self.keeps_outputs = rows, False
        self.batch_size: int | None = min(batch_size, rows)
        self._places = np.arange(len(inputs))

    @abstractmethod
    def fill(self, epoch: int) -> Iterator[int]:
        """Fill the buffers with the next rows, shuffled, and say how many they are.

        All loads but the last are full batches. The same epoch gives the same
        rows in the same order each time.
        """

    def loads(self, epoch: int) -> Iterator[Load]:
        """Give the rows of each load, in the order of the buffers.

        Raises
        ------
        DataError
            If `fill` gives other rows than were announced.
        """
        assert self.batch_size is not None
        seen = 0
        for filled in self.fill(epoch):
            if seen % self.batch_size or seen + filled > self.rows:
                raise self._wrong(epoch, seen + filled)
            weight: float = filled
            if self.weights is not None:
                weight = float(self.weights[:filled].sum(dtype=np.float64))
            yield self._places[:filled], weight
            seen += filled
        if seen != self.rows:
            raise self._wrong(epoch, seen)

    def _wrong(self, epoch: int, seen: int) -> DataError:
        return DataError(
            f"A stream of {self.rows:,} rows gave {seen:,} in epoch {epoch}, or a load before the "
            f"last that is not a multiple of the batch size, {self.batch_size}."
        )

    def validation(self) -> Iterator[Chunk]:
        """Give nothing: by default there is no validation part."""
        return iter(())

    def training(self) -> Iterator[Chunk]:
        """Give nothing: another pass over the rows would cost too much."""
        return iter(())
