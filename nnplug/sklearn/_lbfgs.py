"""Learning by lbfgs: the plan's loss and gradient, handed to SciPy.

The rows are taken in stretches, so the memory that a look at all of them takes
does not grow with their number, and sparse rows are made dense a stretch at a
time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from nnplug.alignment import aligned_zeros
from nnplug.engines import BoundProgram, Engine, Memory, Threads, one_thread
from nnplug.network.network import Network
from nnplug.plans import StepPlanner
from nnplug.sklearn._choices import Choices
from nnplug.sklearn._descent import INTERRUPTED, NOT_FINITE
from nnplug.sklearn._errors import EstimatorError, warn
from nnplug.sklearn._progress import Progress
from nnplug.sklearn._rows import Held, dense, stretches
from nnplug.training.means import MeanLoss, weight_of
from nnplug.types import AnyArray

__all__ = ["Objective", "minimize"]


class Objective:
    """The loss of all rows with its penalty, and the gradient, of a vector of parameters.

    Parameters
    ----------
    network : Network
        Its parameters are set to each vector that is looked at.
    choices : Choices
    some : Held
        The rows.
    engine : Engine

    Attributes
    ----------
    loss, last_penalty : float
        At the vector that was looked at last.
    threads : Threads
        How many of them its products are worth.
    """

    def __init__(self, network: Network, choices: Choices, some: Held, engine: Engine) -> None:
        self.network, self.choices, self.some, self.engine = network, choices, some, engine
        self.gradients = aligned_zeros(network.size, network.dtype)
        self.total = np.zeros(network.size)
        self.penalty, self.loss = np.zeros(()), 0.0
        self.summed = choices.loss.reduction == "sum"
        self.weight = weight_of(len(some), some.weights)
        self.scale = MeanLoss(choices.loss, network.outputs).scale(self.weight)
        # All rows are one batch, whatever the stretches.
        said = choices.regularization
        regularization = replace(said, alpha=0.0, l2=said.l2 + said.alpha / self.weight)
        self._planner = StepPlanner(
            network,
            choices.loss,
            None,
            gather=False,
            weighted=some.weights is not None,
            regularization=regularization,
        )
        self._memory = Memory()
        self._buffers: dict[str, AnyArray] = {}
        self._bound: dict[int, tuple[BoundProgram, dict[str, AnyArray]]] = {}
        for stretch in stretches(len(some)):  # the largest first: it sizes the memory
            self._program(stretch.stop - stretch.start)

    def __call__(self, vector: AnyArray) -> tuple[float, AnyArray]:
        """Give the loss with its penalty, and its gradient, at some parameters."""
        self.network.parameters[:] = vector
        self.total[:], value, penalty = 0, 0.0, 0.0
        with np.errstate(all="ignore"):
            for stretch in stretches(len(self.some)):
                value += self._add(stretch)
                penalty = penalty + float(self.penalty) if self.summed else float(self.penalty)
        self.loss = value * self.scale
        self.last_penalty = penalty
        return self.loss + penalty, self.total.copy()

    def _add(self, stretch: slice) -> float:
        """Add the gradient of some rows, by their share; give the sum of their loss's values."""
        rows = stretch.stop - stretch.start
        program, arrays = self._program(rows)
        weight = float(rows)
        if rows < len(self.some) or not isinstance(self.some.inputs, np.ndarray):
            if self.some.inputs.dtype == self.network.dtype:
                dense(self.some.inputs, stretch, arrays["input"])
            else:
                arrays["input"][...] = dense(self.some.inputs, stretch)
            arrays["target"][...] = self.some.targets[stretch]
        if self.some.weights is not None:
            arrays["weight"][...] = self.some.weights[stretch]
            weight = weight_of(rows, self.some.weights[stretch])
        for call in program.calls:
            call()
        share = 1.0 if self.summed else weight / self.weight
        self.total += share * self.gradients
        value: float = program.results["loss"].item()
        return value

    def _program(self, rows: int) -> tuple[BoundProgram, dict[str, AnyArray]]:
        if rows not in self._bound:
            arrays = {
                **self._rows(rows),
                "parameters": self.network.parameters,
                "gradients": self.gradients,
                "penalty": self.penalty,
            }
            program = self._planner.plan(rows)
            if not self._bound:
                self.threads = Threads(program)
            self._bound[rows] = self.engine.bind(program, arrays, self._memory), arrays
        return self._bound[rows]

    def _rows(self, rows: int) -> dict[str, AnyArray]:
        """Give the arrays of some rows: the rows themselves, or buffers that stretches share."""
        some, dtype = self.some, self.network.dtype
        target = np.dtype(np.int64) if self.choices.loss.against == "labels" else dtype
        if not self._buffers:
            whole = rows == len(some) and isinstance(some.inputs, np.ndarray)
            self._buffers = {
                "input": np.ascontiguousarray(some.inputs, dtype)
                if whole
                else np.zeros((rows, some.inputs.shape[1]), dtype),
                "target": np.ascontiguousarray(some.targets, target)
                if whole
                else np.zeros((rows, some.targets.shape[1]), target),
                "weight": np.zeros((rows, 1), dtype),
            }
        return {name: buffer[:rows] for name, buffer in self._buffers.items()}


class _Interrupted(Exception):  # noqa: N818  # no error: it is how a search is left
    """Ends a search at once; SciPy lets it through."""


def minimize(
    estimator: Any,
    objective: Objective,
    look: Callable[[float, float], None],
    interrupted: Callable[[], bool],
) -> None:
    """Minimize the objective from where its network stands, and leave it at the minimum.

    Parameters
    ----------
    look : callable
        Called after each iteration, with the loss and the penalty.
    interrupted : callable
        Asked before each look at the rows; returning True ends the search,
        with the parameters of the last iteration.

    Raises
    ------
    EstimatorError
        If what was found is not finite.
    """
    network = objective.network
    progress = Progress(estimator.verbose, estimator.max_iter)
    estimator.n_iter_ = 0
    start = network.parameters.astype(np.float64)
    last = start.copy()

    def value(vector: AnyArray) -> tuple[float, AnyArray]:
        if interrupted():
            raise _Interrupted
        return objective(vector)

    def end_iteration(vector: AnyArray) -> None:
        last[:] = vector
        estimator.n_iter_ += 1
        estimator.loss_ = objective.loss + objective.last_penalty
        progress(estimator.n_iter_, objective.loss + objective.last_penalty, None)
        look(objective.loss, objective.last_penalty)

    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    try:
        with objective.threads.limited(), _one_thread_of_scipy():
            found = scipy.optimize.minimize(
                value,
                start,
                method="L-BFGS-B",
                jac=True,
                callback=end_iteration,
                options=options,
            )
    except _Interrupted:
        network.parameters[:] = last
        warn(INTERRUPTED)
        return
    finally:
        progress.close()
    if not (np.isfinite(found.x).all() and np.isfinite(found.fun)):
        raise EstimatorError(NOT_FINITE)
    network.parameters[:] = found.x
    estimator.loss_ = estimator.best_loss_ = float(found.fun)
    estimator.n_iter_ = min(int(found.nit), estimator.max_iter)
    if found.status != 0:
        message = found.message if isinstance(found.message, str) else found.message.decode()
        warn(
            f"lbfgs failed to converge after {estimator.n_iter_} iterations "
            f"(status={found.status}): {message}\n"
            "Increase max_iter or max_fun, or scale the data: "
            "https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
        )


def _one_thread_of_scipy() -> AbstractContextManager[None]:
    """Give a context in which SciPy's own BLAS has one thread.

    Its wheels bring another BLAS than NumPy's, with threads of its own, and two
    pools of spinning threads fight for the cores. What lbfgs does with vectors
    is worth no second thread.
    """
    return one_thread(lambda path: "scipy" in path.parent.name)
