"""Training by lbfgs: SciPy minimizes the loss, with the gradient that the plan computes.

The rows are taken in stretches, so that the memory for a pass over all rows
does not grow with their number, and sparse rows are made dense a stretch at a
time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import scipy.optimize
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from nnplug.alignment import aligned_zeros
from nnplug.engines import BoundProgram, Engine, Memory, Threads, one_thread
from nnplug.network.network import Network
from nnplug.plans import StepPlanner
from nnplug.sklearn._choices import Choices
from nnplug.sklearn._epochs import INTERRUPTED, NOT_FINITE, Progress, record_epoch
from nnplug.sklearn._errors import EstimatorError, warn
from nnplug.sklearn._rows import Rows, dense, stretches
from nnplug.training import Evaluator
from nnplug.training.evaluation import EpochEvaluation, MeanLoss, Measure, weight_of
from nnplug.types import AnyArray

__all__ = ["Objective", "minimize"]


class Objective:
    """The loss of all rows with its penalty, and the gradient, of a vector of parameters.

    Parameters
    ----------
    network : Network
        Its parameters are set to each vector that is evaluated.
    choices : Choices
    rows : Rows
    engine : Engine

    Attributes
    ----------
    loss, last_penalty : float
        At the vector that was evaluated last.
    threads : Threads
        How many threads its matrix products use.
    """

    def __init__(self, network: Network, choices: Choices, rows: Rows, engine: Engine) -> None:
        self.network, self.choices, self.rows, self.engine = network, choices, rows, engine
        self.gradients = aligned_zeros(network.size, network.dtype)
        self.total = np.zeros(network.size)
        self.penalty, self.loss = np.zeros(()), 0.0
        self.summed = choices.loss.reduction == "sum"
        self.weight = weight_of(len(rows), rows.weights)
        self.scale = MeanLoss(choices.loss, network.outputs).scale(self.weight)
        # All rows are one batch, not each stretch, so `alpha` is a fixed `l2`.
        asked = choices.regularization
        regularization = replace(asked, alpha=0.0, l2=asked.l2 + asked.alpha / self.weight)
        self._planner = StepPlanner(
            network,
            choices.loss,
            None,
            gather=False,
            weighted=rows.weights is not None,
            regularization=regularization,
        )
        self._memory = Memory()
        self._buffers: dict[str, AnyArray] = {}
        self._bound: dict[int, tuple[BoundProgram, dict[str, AnyArray]]] = {}
        for stretch in stretches(len(rows)):  # the largest first: it sizes the memory
            self._program(stretch.stop - stretch.start)

    def __call__(self, vector: AnyArray) -> tuple[float, AnyArray]:
        """Return the loss with its penalty, and the gradient, at some parameters."""
        self.network.parameters[:] = vector
        self.total[:], value, penalty = 0, 0.0, 0.0
        with np.errstate(all="ignore"):
            for stretch in stretches(len(self.rows)):
                value += self._add(stretch)
                penalty = penalty + float(self.penalty) if self.summed else float(self.penalty)
        self.loss = value * self.scale
        self.last_penalty = penalty
        return self.loss + penalty, self.total.copy()

    def _add(self, stretch: slice) -> float:
        """Add the gradient of a stretch, by its share of the rows; return the sum of its losses."""
        size = stretch.stop - stretch.start
        program, arrays = self._program(size)
        weight = float(size)
        if size < len(self.rows) or not isinstance(self.rows.inputs, np.ndarray):
            if self.rows.inputs.dtype == self.network.dtype:
                dense(self.rows.inputs, stretch, arrays["input"])
            else:
                arrays["input"][...] = dense(self.rows.inputs, stretch)
            arrays["target"][...] = self.rows.targets[stretch]
        if self.rows.weights is not None:
            arrays["weight"][...] = self.rows.weights[stretch]
            weight = weight_of(size, self.rows.weights[stretch])
        for call in program.calls:
            call()
        share = 1.0 if self.summed else weight / self.weight
        self.total += share * self.gradients
        value: float = program.results["loss"].item()
        return value

    def _program(self, size: int) -> tuple[BoundProgram, dict[str, AnyArray]]:
        """Return the program for a number of rows, and the arrays that it reads."""
        if size not in self._bound:
            arrays = {
                **self._arrays(size),
                "parameters": self.network.parameters,
                "gradients": self.gradients,
                "penalty": self.penalty,
            }
            program = self._planner.plan(size)
            if not self._bound:
                self.threads = Threads(program)
            self._bound[size] = self.engine.bind(program, arrays, self._memory), arrays
        return self._bound[size]

    def _arrays(self, size: int) -> dict[str, AnyArray]:
        """Return the arrays of a stretch: the rows themselves, or buffers that stretches share."""
        rows, dtype = self.rows, self.network.dtype
        target = np.dtype(np.int64) if self.choices.loss.against == "labels" else dtype
        if not self._buffers:
            whole = size == len(rows) and isinstance(rows.inputs, np.ndarray)
            self._buffers = {
                "input": np.ascontiguousarray(rows.inputs, dtype)
                if whole
                else np.zeros((size, rows.inputs.shape[1]), dtype),
                "target": np.ascontiguousarray(rows.targets, target)
                if whole
                else np.zeros((size, rows.targets.shape[1]), target),
                "weight": np.zeros((size, 1), dtype),
            }
        return {name: buffer[:size] for name, buffer in self._buffers.items()}


class _Interrupted(Exception):  # noqa: N818  # not an error: it ends a search
    """Ends a search at once; SciPy lets it through."""


def minimize(
    estimator: BaseEstimator,
    network: Network,
    choices: Choices,
    rows: Rows,
    held_out: Rows | None,
    *,
    engine: Engine,
    measure: Measure | None,
    look: Callable[[], bool],
    interrupted: Callable[[], bool],
) -> None:
    """Train a network by lbfgs, in float64 whatever its dtype, from where it stands.

    Parameters
    ----------
    rows, held_out : Rows
        To train on, and to validate on.
    measure : callable or None
        Computes the metrics of an iteration, and appends the score of validation rows.
    look : callable
        Called after each iteration; returning True ends the training.
    interrupted : callable
        Called before each pass over the rows; returning True ends the
        training with the parameters of the last iteration.

    Raises
    ------
    EstimatorError
        If the result is not finite.
    """
    wide = network
    if network.dtype != np.float64:
        wide = copy.copy(network)
        wide.dtype = np.dtype(np.float64)
        wide.parameters = network.parameters.astype(np.float64)
    objective = Objective(wide, choices, rows, engine)
    history, evaluator = estimator.history_, Evaluator(wide, choices.loss)
    evaluation = EpochEvaluation(
        history, evaluator, lambda: () if held_out is None else held_out.chunks(), measure
    )
    progress = Progress(estimator.verbose, estimator.max_iter)
    estimator.n_iter_ = 0

    def value(vector: AnyArray) -> tuple[float, AnyArray]:
        if interrupted():
            raise _Interrupted
        return objective(vector)

    def end_iteration(vector: AnyArray) -> None:
        last[:] = vector
        history.add("loss", objective.loss)
        if choices.regularization.penalised:
            history.add("penalty", objective.last_penalty)
        known = None
        if measure is not None and held_out is None:
            found = evaluator.over(rows.chunks())
            assert found is not None, "a fit has rows"
            known = found[:2]
        evaluation.run(known)
        history.level()
        record_epoch(estimator, progress, scored=held_out is not None)
        if look():
            raise StopIteration

    last = wide.parameters.copy()
    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    try:
        with objective.threads.limited(), _one_thread_of_scipy():
            found = scipy.optimize.minimize(
                value,
                last.copy(),
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
    """Return a context in which SciPy's own BLAS has one thread.

    SciPy's wheels bring another BLAS than NumPy's, with threads of its own, and
    two pools of spinning threads compete for the cores. The vector operations
    of lbfgs gain nothing from a second thread.
    """
    return one_thread(lambda path: "scipy" in path.parent.name)
