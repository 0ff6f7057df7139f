"""An estimator's rows: checked, drawn in order, and passed on batch by batch, sparse ones too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from nnplug.sklearn._errors import EstimatorError
from nnplug.training.batches import Chunk, Load
from nnplug.training.evaluation import weight_of
from nnplug.types import AnyArray

try:
    from sklearn.utils.validation import validate_data as validate
except ImportError:  # before scikit-learn 1.6 it is a method

    def validate(estimator: BaseEstimator, *arguments: Any, **options: Any) -> Any:
        """Check X, and y if it is given, and remember or compare the columns."""
        return estimator._validate_data(*arguments, **options)


__all__ = [
    "Batches",
    "Order",
    "Rows",
    "batches_of",
    "check_weights",
    "dense",
    "stretches",
    "validate",
]

CHUNK = 4096
"""The most rows that are evaluated at once."""


def dense(inputs: Any, rows: Any, out: AnyArray | None = None) -> AnyArray:
    """Return some rows of an array or a sparse matrix, as an array.

    Parameters
    ----------
    out : array, optional
        Where to write them: contiguous, of the inputs' dtype.
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
class Rows:
    """Some rows, with targets in the form that the loss takes.

    Attributes
    ----------
    inputs : array or sparse matrix
    targets : array
    weights : array or None
        (N, 1), the weight of each row in the loss.
    chosen : array of int or None
        The indices of the rows that belong to it; None: all.
    """

    inputs: Any
    targets: AnyArray
    weights: AnyArray | None = None
    chosen: AnyArray | None = None

    def __len__(self) -> int:
        return len(self.targets) if self.chosen is None else len(self.chosen)

    def dense(self) -> Rows:
        """Copy the rows that were chosen, as arrays; arrays of all rows are not copied."""
        rows = slice(None) if self.chosen is None else self.chosen
        weights = None if self.weights is None else self.weights[rows]
        return Rows(dense(self.inputs, rows), self.targets[rows], weights)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, a stretch at a time."""
        for stretch in stretches(len(self)):
            rows = stretch if self.chosen is None else self.chosen[stretch]
            weights = None if self.weights is None else self.weights[rows]
            yield dense(self.inputs, rows), self.targets[rows], weights


class Order:
    """The order in which rows are visited, drawn as scikit-learn draws it.

    Parameters
    ----------
    generator : numpy.random.RandomState
    shuffle : bool
        Otherwise the rows stay in their own order.

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


class _Batches:
    """An estimator's rows for the training loop, in scikit-learn's order.

    Parameters
    ----------
    rows : Rows
        The rows to train on.
    order : Order
    batch_size : int or None
        None: all rows in each step.
    held_out : Rows, optional
        The validation rows.

    Attributes
    ----------
    inputs, targets, weights, rows, batch_size, keeps_outputs
        See `nnplug.training.Batches`.
    batch_weights : sequence of float
        The total weight of each batch of the last epoch; empty without weights.
    """

    inputs: AnyArray
    targets: AnyArray
    weights: AnyArray | None

    def __init__(
        self, rows: Rows, order: Order, batch_size: int | None, held_out: Rows | None
    ) -> None:
        self.rows, self.batch_size, self.keeps_outputs = len(rows), batch_size, True
        self.batch_weights: list[float] = []
        self._rows, self._order, self._held_out = rows, order, held_out

    def _draw(self) -> AnyArray:
        """Draw the order of an epoch, as indices of all rows that there are."""
        order = self._order.draw(self.rows)
        return order if self._rows.chosen is None else self._rows.chosen[order]

    def validation(self) -> Iterator[Chunk]:
        """Return the validation rows, chunk by chunk."""
        return iter(()) if self._held_out is None else self._held_out.chunks()

    def training(self) -> Iterator[Chunk]:
        """Return the rows to train on, chunk by chunk."""
        return self._rows.chunks()


class _ArrayBatches(_Batches):
    """Batches of an array, gathered by the step itself."""

    def __init__(
        self, rows: Rows, order: Order, batch_size: int | None, held_out: Rows | None
    ) -> None:
        if batch_size is None:
            rows = rows.dense()
        super().__init__(rows, order, batch_size, held_out)
        self.inputs, self.targets, self.weights = rows.inputs, rows.targets, rows.weights

    def loads(self, epoch: int) -> Iterator[Load]:
        """Yield all rows at once."""
        # Also for a batch of all rows, where the order does not matter: scikit-learn's draw
        # advances the random numbers that the caller has passed.
        order = self._draw()
        if self.weights is None:
            yield None if self.batch_size is None else order, self.rows
        elif self.batch_size is None:
            yield None, weight_of(self.rows, self.weights)
        else:
            starts = np.arange(0, self.rows, self.batch_size)
            by_row = self.weights[order, 0].astype(np.float64)
            weights = np.add.reduceat(by_row, starts)
            self.batch_weights = weights.tolist()
            yield order, float(weights.sum())


class _SparseBatches(_Batches):
    """Batches of a sparse matrix, each made dense in a buffer when its turn comes."""

    def __init__(self, rows: Rows, order: Order, batch_size: int, held_out: Rows | None) -> None:
        super().__init__(rows, order, batch_size, held_out)
        self.inputs = np.zeros((batch_size, rows.inputs.shape[1]), rows.inputs.dtype)
        self.targets = np.zeros((batch_size, rows.targets.shape[1]), rows.targets.dtype)
        self.weights = None
        if rows.weights is not None:
            self.weights = np.zeros((batch_size, 1), rows.weights.dtype)

    def loads(self, epoch: int) -> Iterator[Load]:
        """Yield a batch at a time, as the first rows of the buffers."""
        order, places = self._draw(), np.arange(len(self.inputs))
        self.batch_weights = []
        for stretch in stretches(self.rows, len(self.inputs)):
            batch = order[stretch]
            size = len(batch)
            dense(self._rows.inputs, batch, self.inputs[:size])
            self.targets[:size] = self._rows.targets[batch]
            weight: float = size
            if self.weights is not None and self._rows.weights is not None:
                self.weights[:size] = self._rows.weights[batch]
                weight = weight_of(size, self.weights[:size])
                self.batch_weights.append(weight)
            yield places[:size], weight


Batches = _ArrayBatches | _SparseBatches


def batches_of(
    rows: Rows, order: Order, batch_size: int | None, held_out: Rows | None = None
) -> Batches:
    """Choose how rows are passed to the steps.

    A sparse matrix is never made dense as a whole, unless all of it is one batch.
    """
    if batch_size is None or isinstance(rows.inputs, np.ndarray):
        return _ArrayBatches(rows, order, batch_size, held_out)
    return _SparseBatches(rows, order, batch_size, held_out)


# --- checks ---------------------------------------------------------------------------


def check_weights(given: Any, rows: int) -> AnyArray | None:
    """Check the weights of rows and return them, (N,); a number is the weight of every row.

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
