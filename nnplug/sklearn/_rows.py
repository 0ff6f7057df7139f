"""Where an estimator's rows come from: arrays, or sparse matrices that are read by the batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array

from nnplug.sklearn._errors import EstimatorError
from nnplug.training import StreamedRows
from nnplug.training.batches import Chunk, Load
from nnplug.types import AnyArray

__all__ = [
    "Held",
    "Order",
    "RowsOfEstimator",
    "batches_of",
    "checked_weights",
    "dense",
    "mean_of_batches",
    "stretches",
]

CHUNK = 4096
"""Rows that are evaluated at once, at most."""


def dense(inputs: Any, rows: Any, out: AnyArray | None = None) -> AnyArray:
    """Take some rows of an array or a sparse matrix, as an array.

    Parameters
    ----------
    out : array, optional
        Contiguous and of the inputs' dtype: where they go.
    """
    taken = inputs[rows]
    if isinstance(taken, np.ndarray):
        if out is None:
            return taken
        out[...] = taken
        return out
    found: AnyArray = taken.toarray(out=out)
    return found


def stretches(count: int, size: int = CHUNK) -> Iterator[slice]:
    """Divide rows into stretches of at most `size`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


@dataclass(frozen=True)
class Held:
    """Some rows, with targets as the loss takes them.

    Attributes
    ----------
    inputs : array or sparse matrix
    targets : array
    weights : array or None
        (N, 1), what each row counts for in the loss.
    rows : array of int or None
        Which of them; None: all.
    """

    inputs: Any
    targets: AnyArray
    weights: AnyArray | None = None
    rows: AnyArray | None = None

    def __len__(self) -> int:
        return len(self.targets) if self.rows is None else len(self.rows)

    def chunks(self) -> Iterator[Chunk]:
        """Give the rows, a stretch at a time."""
        for stretch in stretches(len(self)):
            rows = stretch if self.rows is None else self.rows[stretch]
            weights = None if self.weights is None else self.weights[rows]
            yield dense(self.inputs, rows), self.targets[rows], weights


class Order:
    """The order in which rows are visited, drawn as scikit-learn draws it.

    Parameters
    ----------
    generator : numpy.random.RandomState
    shuffle : bool
        Otherwise the rows are visited as they are.

    Attributes
    ----------
    places : array of int
        The order of the last epoch; empty before the first.
    """

    def __init__(self, generator: np.random.RandomState, shuffle: bool) -> None:
        self.generator, self.shuffle = generator, shuffle
        self.places = np.arange(0)

    def draw(self, rows: int) -> AnyArray:
        """Shuffle the order of the epoch before, or draw the first."""
        if len(self.places) != rows:
            self.places = np.arange(rows)
        if self.shuffle:
            self.places = self.places[self.generator.permutation(rows)]
        return self.places


def mean_of_batches(means: AnyArray, rows: int, size: int) -> float:
    """Average the means of an epoch's batches, each by its rows; one that is NaN has no say.

    That is the number that scikit-learn prints. Without weights it is the
    mean over all rows.
    """
    by_rows = np.full(len(means), float(size))
    by_rows[-1] = rows - by_rows[:-1].sum()
    there = ~np.isnan(means)
    return float(means[there] @ by_rows[there] / by_rows[there].sum())


class _ArrayRows:
    """Rows of an array, gathered by the step itself.

    Parameters
    ----------
    some : Held
        The rows to learn from; the inputs are an array.
    order : Order
    batch_size : int or None
        None: all rows in each step.
    held : Held, optional
        The rows for validation.

    Attributes
    ----------
    weighed : array or None
        What the rows of each batch of the epoch weigh together.
    """

    def __init__(
        self, some: Held, order: Order, batch_size: int | None, held: Held | None = None
    ) -> None:
        self.weighed: AnyArray | None = None
        if batch_size is None and some.rows is not None:
            weights = None if some.weights is None else some.weights[some.rows]
            some = Held(dense(some.inputs, some.rows), some.targets[some.rows], weights)
        elif batch_size is None:
            some = Held(dense(some.inputs, slice(None)), some.targets, some.weights)
        self.inputs, self.targets, self.weights = some.inputs, some.targets, some.weights
        self.rows, self.batch_size = len(some), batch_size
        self._some, self._order, self._held = some, order, held
        self.keeps_outputs = True

    def loads(self, epoch: int) -> Iterator[Load]:
        """Give all rows at once."""
        # scikit-learn shuffles a batch of all rows too, which takes a draw from the generator.
        order = self._order.draw(self.rows)
        if self.batch_size is None:
            weight: float = self.rows
            if self.weights is not None:
                weight = float(self.weights.sum(dtype=np.float64))
            yield None, weight
            return
        if self._some.rows is not None:
            order = self._some.rows[order]
        weight = self.rows
        if self.weights is not None:
            starts = np.arange(0, self.rows, self.batch_size)
            by_row = self.weights[order, 0].astype(np.float64)
            self.weighed = np.add.reduceat(by_row, starts)
            weight = float(self.weighed.sum())
        yield order, weight

    def validation(self) -> Iterator[Chunk]:
        """Give the rows for validation."""
        return iter(()) if self._held is None else self._held.chunks()

    def training(self) -> Iterator[Chunk]:
        """Give all rows."""
        return self._some.chunks()


class _SparseRows(StreamedRows):
    """Rows of a sparse matrix; each batch is made dense when its turn comes.

    Metrics may be taken on all rows. For `weighed`, see `_ArrayRows`.
    """

    def __init__(self, some: Held, order: Order, batch_size: int, held: Held | None) -> None:
        inputs = np.zeros((batch_size, some.inputs.shape[1]), some.inputs.dtype)
        targets = np.zeros((batch_size, some.targets.shape[1]), some.targets.dtype)
        weights = None
        if some.weights is not None:
            weights = np.zeros((batch_size, 1), some.weights.dtype)
        super().__init__(inputs, targets, weights, rows=len(some), batch_size=batch_size)
        self._some, self._order, self._held = some, order, held
        self._weighed: list[float] = []
        self.keeps_outputs = True

    @property
    def weighed(self) -> AnyArray | None:
        """What the rows of each batch of the epoch weigh together; None without weights."""
        return None if self.weights is None else np.array(self._weighed)

    def fill(self, epoch: int) -> Iterator[int]:
        order = self._order.draw(self.rows)
        self._weighed = []
        for stretch in stretches(self.rows, len(self.inputs)):
            rows = order[stretch] if self._some.rows is None else self._some.rows[order[stretch]]
            dense(self._some.inputs, rows, self.inputs[: len(rows)])
            self.targets[: len(rows)] = self._some.targets[rows]
            if self.weights is not None and self._some.weights is not None:
                self.weights[: len(rows)] = self._some.weights[rows]
                self._weighed.append(float(self.weights[: len(rows)].sum(dtype=np.float64)))
            yield len(rows)

    def validation(self) -> Iterator[Chunk]:
        return iter(()) if self._held is None else self._held.chunks()

    def training(self) -> Iterator[Chunk]:
        return self._some.chunks()


RowsOfEstimator = _ArrayRows | _SparseRows


def batches_of(
    some: Held, order: Order, batch_size: int | None, held: Held | None = None
) -> RowsOfEstimator:
    """Choose how rows are brought to the steps.

    A sparse matrix is never made dense as a whole, unless a batch is all of it.
    """
    if batch_size is None or isinstance(some.inputs, np.ndarray):
        return _ArrayRows(some, order, batch_size, held)
    return _SparseRows(some, order, batch_size, held)


def checked_weights(given: Any, rows: int) -> AnyArray | None:
    """Take the weights of rows, (N,); one number stands for all.

    Raises
    ------
    ValueError
        If they are not finite numbers, one for each row.
    """
    if given is None:
        return None
    if isinstance(given, int | float | np.number):
        given = np.full(rows, float(given))
    weights: AnyArray = check_array(
        given, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.ndim != 1:
        raise EstimatorError("Sample weights must be 1D array or scalar")
    if len(weights) != rows:
        raise EstimatorError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    if weights.min(initial=0) < 0:
        raise EstimatorError(
            f"sample_weight: a weight is {weights.min():g}; a row counts for 0 or more."
        )
    if not weights.any():
        raise EstimatorError("Sample weights must contain at least one non-zero number.")
    return weights
