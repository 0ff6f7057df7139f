"""Training on one part of the rows after another, without planning each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nnplug.parts import Task
from nnplug.sklearn._fitting import Fitting
from nnplug.sklearn._rows import Rows
from nnplug.sklearn._stochastic import StochasticSolver
from nnplug.types import AnyArray

__all__ = ["PartialFit"]

Terms = tuple[Any, ...]

SMALL = 1 << 20
"""The most elements of inputs that are copied, so that the next call needs no new steps."""


class PartialFit:
    """Calls of `partial_fit` that are alike: with as many rows and the same arguments.

    Their steps are bound once, to buffers that each call's rows are copied
    into. If there are many rows, they are not copied, and each call binds
    steps of its own.

    Parameters
    ----------
    terms : tuple
        See `terms_of`.
    fitting : Fitting
        Its network is trained; the estimator gets a copy of the weights.
    X : array or sparse matrix
        The inputs of the first call.
    """

    def __init__(self, terms: Terms, fitting: Fitting, X: Any) -> None:
        self.terms, self.fitting, self.estimator = terms, fitting, fitting.estimator
        self.small = X.shape[0] * X.shape[1] <= SMALL
        self.buffers: Rows | None = None
        self._solver: StochasticSolver | None = None
        self._held_out: tuple[Rows | None, AnyArray | None] = (None, None)
        if self.estimator.validation_data is not None:
            self._held_out = fitting.given_validation()

    @staticmethod
    def terms_of(
        estimator: BaseEstimator, X: Any, task: Task, width: int, weights: AnyArray | None
    ) -> Terms:
        """Return what calls must have in common to share their steps."""
        # By scikit-learn's convention, what has no underscore at its ends is an argument.
        arguments = (
            value
            for name, value in vars(estimator).items()
            if not (name.startswith("_") or name.endswith("_"))
        )
        return (X.shape, X.dtype, task, width, weights is None, *arguments)

    def is_for(self, terms: Terms) -> bool:
        """Whether it serves a call with these terms: equal plain values, the same objects."""
        plain = (str, int, float, tuple)
        return all(
            mine is other
            or (isinstance(mine, plain) and type(mine) is type(other) and mine == other)
            for mine, other in zip(self.terms, terms, strict=True)
        )

    def train(
        self, X: Any, y: AnyArray, weights: AnyArray | None, interrupted: Callable[[], bool]
    ) -> None:
        """Train for one epoch on some rows, from the estimator's weights."""
        estimator, network = self.estimator, self.fitting.network
        rows = self.fitting.rows(X, y, weights)
        if self._solver is None or not self.small:
            self._solver = self._bind(rows)
        elif self.buffers is not None:
            _fill(self.buffers, rows)
        network.parameters[:] = estimator.network_.parameters
        try:
            with self.fitting.watched() as (look, on_batch):
                self._solver.run(1, look, interrupted, incremental=True, on_batch=on_batch)
        except KeyboardInterrupt:  # in the middle of anything, so this cannot be used again
            estimator._session = None
            raise
        estimator.stopped_ = self._solver.stopped
        estimator.network_.parameters[:] = network.parameters
        if not self.small:
            self.close()

    def _bind(self, rows: Rows) -> StochasticSolver:
        """Bind steps to buffers, or to the rows themselves if they are many."""
        if self.small:
            X = rows.inputs if isinstance(rows.inputs, np.ndarray) else rows.inputs.toarray()
            weights = None if rows.weights is None else rows.weights.copy()
            X = np.array(X, self.fitting.network.dtype, order="C")
            self.buffers = rows = Rows(X, rows.targets.copy(), weights)
        estimator = self.estimator
        solver = self.fitting.solver(rows, *self._held_out)
        if estimator._solver_state is not None:
            solver.restore(estimator._solver_state, incremental=True)
        solver.best = estimator._best_state
        return solver

    def kept(self) -> dict[str, Any]:
        """Return what another object of this class, or another process, continues with."""
        if self._solver is None:
            return {}
        return {"_solver_state": self._solver.state(), "_best_state": self._solver.best}

    def close(self) -> None:
        """Hand over to the estimator what later calls continue with."""
        for name, value in self.kept().items():
            setattr(self.estimator, name, value)
        self.estimator._session = None


def _fill(buffers: Rows, rows: Rows) -> None:
    """Copy rows into buffers."""
    inputs = rows.inputs
    buffers.inputs[...] = inputs if isinstance(inputs, np.ndarray) else inputs.toarray()
    buffers.targets[...] = rows.targets
    if buffers.weights is not None and rows.weights is not None:
        buffers.weights[...] = rows.weights
