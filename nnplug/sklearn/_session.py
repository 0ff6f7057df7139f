"""Learning from one part of the rows after the other, without planning each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.parts import Task
from nnplug.sklearn._fitting import Fitting
from nnplug.sklearn._rows import Held
from nnplug.types import AnyArray

__all__ = ["Session"]

Terms = tuple[Any, ...]

SMALL = 1 << 20
"""Elements of inputs that are copied, so that the next call finds its steps bound."""


class Session:
    """The calls of `partial_fit` that are alike: as many rows, the same arguments.

    The steps are bound to buffers that each call's rows are copied into. Many
    rows are not copied; they have steps of their own for that one call.

    Parameters
    ----------
    terms : tuple
        See `terms_of`.
    fitting : Fitting
        Its network is trained; the estimator has a copy of the weights.
    X : array or sparse matrix
        The inputs of the first call.
    """

    def __init__(self, terms: Terms, fitting: Fitting, X: Any) -> None:
        self.terms, self.fitting, self.estimator = terms, fitting, fitting.estimator
        self.small = X.shape[0] * X.shape[1] <= SMALL
        self.buffers: Held | None = None
        self._descent: Any = None
        self._held: tuple[Held | None, AnyArray | None] = (None, None)
        if self.estimator.validation_data is not None:
            self._held = fitting.given_validation()

    @staticmethod
    def terms_of(estimator: Any, X: Any, task: Task, width: int, weights: AnyArray | None) -> Terms:
        """Say what calls must have in common for their steps to be the same."""
        # By scikit-learn's convention, what has no underscore at its ends is an argument.
        arguments = (
            value
            for name, value in vars(estimator).items()
            if not (name.startswith("_") or name.endswith("_"))
        )
        return (X.shape, X.dtype, task, width, weights is None, *arguments)

    def is_for(self, terms: Terms) -> bool:
        """Whether it serves a call: the same plain values, the same objects."""
        plain = (str, int, float, tuple)
        return all(
            mine is other
            or (isinstance(mine, plain) and type(mine) is type(other) and mine == other)
            for mine, other in zip(self.terms, terms, strict=True)
        )

    def learn(
        self, X: Any, y: AnyArray, weights: AnyArray | None, interrupted: Callable[[], bool]
    ) -> None:
        """Learn from all of some rows, once, beginning with the estimator's weights."""
        estimator, network = self.estimator, self.fitting.network
        some = self.fitting.rows(X, y, weights)
        if self._descent is None or not self.small:
            self._bind(some)
        elif self.buffers is not None:
            _fill(self.buffers, some)
        network.parameters[:] = estimator.network_.parameters
        try:
            with self.fitting.watched() as (look, on_batch):
                self._descent.run(1, look, interrupted, incremental=True, on_batch=on_batch)
        except KeyboardInterrupt:  # in the middle of anything
            estimator._session = None
            raise
        estimator.stopped_ = self._descent.stopped
        estimator.network_.parameters[:] = network.parameters
        if not self.small:
            self.close()

    def _bind(self, some: Held) -> None:
        """Bind steps to buffers, or to the rows themselves if they are many."""
        if self.small:
            X = some.inputs if isinstance(some.inputs, np.ndarray) else some.inputs.toarray()
            weights = None if some.weights is None else some.weights.copy()
            X = np.array(X, self.fitting.network.dtype, order="C")
            self.buffers = some = Held(X, some.targets.copy(), weights)
        estimator = self.estimator
        self._descent = self.fitting.descent(some, *self._held, incremental=True)
        if estimator._solver_state is not None:
            self._descent.restore(estimator._solver_state, incremental=True)
        self._descent.best = estimator._best_state

    def kept(self) -> dict[str, Any]:
        """Give what another session, or another process, goes on with."""
        if self._descent is None:
            return {}
        return {"_solver_state": self._descent.state(), "_best_state": self._descent.best}

    def close(self) -> None:
        """Leave it to the estimator."""
        for name, value in self.kept().items():
            setattr(self.estimator, name, value)
        self.estimator._session = None


def _fill(buffers: Held, some: Held) -> None:
    inputs = some.inputs
    buffers.inputs[...] = inputs if isinstance(inputs, np.ndarray) else inputs.toarray()
    buffers.targets[...] = some.targets
    if buffers.weights is not None and some.weights is not None:
        buffers.weights[...] = some.weights
