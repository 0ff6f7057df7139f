"""Learning step by step, by scikit-learn's rules, with nnplug's trainer.

When to stop, when to lower the learning rate, what is written where: all that
an estimator adds to `nnplug.training.Trainer` is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from nnplug.engines import Engine
from nnplug.errors import DivergedError
from nnplug.network.network import Network
from nnplug.parts import Schedule
from nnplug.sklearn._choices import Choices
from nnplug.sklearn._errors import EstimatorDivergedError, warn
from nnplug.sklearn._progress import Progress
from nnplug.sklearn._rates import LearningRate
from nnplug.sklearn._rows import RowsOfEstimator, mean_of_batches
from nnplug.training import OnBatch, Trainer
from nnplug.training.means import MeanLoss
from nnplug.training.stopping import Stopping
from nnplug.types import AnyArray

__all__ = ["INTERRUPTED", "NOT_FINITE", "Descent"]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
"""scikit-learn's sentence, which people look for."""

INTERRUPTED = "Training interrupted by user."
"""scikit-learn's too."""

Score = Callable[[AnyArray, AnyArray], float]
"""Gives the score of outputs, (N, C), against targets as the loss takes them."""


class Descent:
    """Trains one network by steps, and writes down on its estimator how it goes.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        Trained in place.
    choices : Choices
        Not for lbfgs.
    batches : RowsOfEstimator
    rate : LearningRate
    engine : Engine
    seed : int
        Of dropout's noise.
    score : callable or None
        Gives the score of the validation rows; None: there are none.
    measure : callable or None
        Gives the metrics of an epoch.
    follow : bool
        Whether the score, and not the loss, says when to stop and which
        weights to keep.
    """

    def __init__(
        self,
        estimator: Any,
        network: Network,
        choices: Choices,
        batches: RowsOfEstimator,
        *,
        rate: LearningRate,
        engine: Engine,
        seed: int,
        score: Score | None,
        measure: Callable[[AnyArray, AnyArray], dict[str, float]] | None,
        follow: bool,
    ) -> None:
        assert choices.optimizer is not None
        self.estimator, self.network, self.choices = estimator, network, choices
        self.rate, self.score, self.measure, self.follow = rate, score, measure, follow
        self.batches, self.rows = batches, batches.rows
        self.trainer = Trainer(
            network,
            choices.loss,
            choices.optimizer,
            batches,
            epochs=0,
            seed=seed,
            schedule=cast(Schedule, rate) if rate.changes else None,
            regularization=choices.regularization,
            measure=None if score is None and measure is None else self._measure,
            history=estimator.history_,
            engine=engine,
        )
        self.best: dict[str, AnyArray] | None = None
        outputs = network.outputs
        self._mean = MeanLoss(choices.loss, outputs)
        # scikit-learn looks at the mean over outputs of what it descends the sum of.
        self._watched = 1 / outputs if estimator.loss == "squared_error" else 1.0

    def restore(self, state: Mapping[str, AnyArray], *, incremental: bool) -> None:
        """Take up an earlier descent's state of the optimizer, if it is that of the same one."""
        steps = self.trainer.steps
        fits = {name: array.shape for name, array in self.state().items()}
        if {name: array.shape for name, array in state.items()} != fits:
            return
        if incremental:  # a schedule goes on; each fit has the whole of it
            self.trainer.epoch = int(state["epoch"])
        steps.count[...] = state["count"]
        for name, slot in steps.slots.items():
            slot[...] = state[f"slot.{name}"]

    def state(self) -> dict[str, AnyArray]:
        """Copy the optimizer's state, and the number of epochs."""
        state = self.trainer.steps.copy_state()
        del state["parameters"]
        return {**state, "epoch": np.array(self.trainer.epoch)}

    def run(
        self,
        epochs: int,
        look: Callable[[], bool],
        interrupted: Callable[[], bool],
        *,
        incremental: bool = False,
        on_batch: OnBatch | None = None,
    ) -> None:
        """Train for some epochs, or until the rules say stop.

        Parameters
        ----------
        look : callable
            Called after each epoch; returning True ends the training.
        interrupted : callable
            Asked between steps; returning True ends the training too.
        incremental : bool
            Whether this is one of many calls, none of which expects the end.
        on_batch : callable, optional
            See `Trainer.run`.

        Raises
        ------
        EstimatorDivergedError
            If a number is not finite, and no score was followed.
        """
        estimator, trainer = self.estimator, self.trainer
        estimator.n_iter_ = 0
        if self.follow and self.best is None:
            self.best = trainer.steps.copy_state()
        trainer.epochs, trainer.ended, trainer.step = trainer.epoch + epochs, None, 0
        self.look, self.stopped = look, False
        self.progress = Progress(estimator.verbose, epochs)
        try:
            if not interrupted():
                trainer.run(on_epoch=self._end_epoch, should_stop=interrupted, on_batch=on_batch)
        except DivergedError as error:
            self._diverged(error)
        except KeyboardInterrupt:
            if interrupted():  # a second Ctrl-C, in the middle of anything
                raise
            warn(INTERRUPTED)
        else:
            if interrupted():
                warn(INTERRUPTED)
            elif not self.stopped and not incremental:
                warn(
                    f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the "
                    "optimization hasn't converged yet.",
                    ConvergenceWarning,
                )
        finally:
            self.progress.close()
        if self.best is not None and (self.stopped or not incremental):
            trainer.steps.set_state(self.best)
        if self.stopped and incremental:
            estimator._no_improvement_count = 0  # who goes on all the same has patience anew

    def _measure(self, outputs: AnyArray, targets: AnyArray) -> dict[str, float]:
        """Score the validation rows after an epoch."""
        if self.score is not None:
            self.estimator.validation_scores_.append(self.score(outputs, targets))
        return {} if self.measure is None else self.measure(outputs, targets)

    def _end_epoch(self, epoch: int) -> bool:
        """Write an epoch down, and say whether it is the last."""
        estimator, history = self.estimator, self.trainer.history
        weighed = self.batches.weighed
        if weighed is not None and not self._mean.summed:
            means = self.trainer.step_losses * list(map(self._mean.scale, weighed))
            assert self.batches.batch_size is not None
            history["loss"][-1] = mean_of_batches(means, self.rows, self.batches.batch_size)
        loss = history["loss"][-1]
        penalty = history["penalty"][-1] if "penalty" in history.columns else 0.0
        estimator.n_iter_ += 1
        estimator.loss_ = loss + penalty
        estimator.t_ += self.rows
        estimator.loss_curve_.append(estimator.loss_)
        score = None if self.score is None else estimator.validation_scores_[-1]
        if self.score is not None:
            estimator.validation_loss_curve_.append(history["validation_loss"][-1])
        self.progress(estimator.n_iter_, estimator.loss_, score)
        self._follow(loss * self._watched + penalty)
        self.rate.end_epoch(estimator.t_)
        self.stopped = self.look()
        if estimator._no_improvement_count > self.choices.patience:
            self._run_out()
        return self.stopped

    def _follow(self, watched: float) -> None:
        """Count the epochs without improvement, and keep the best."""
        estimator = self.estimator
        if self.score is not None:
            score = estimator.validation_scores_[-1]
        stopping = Stopping(
            goal="maximize" if self.follow else "minimize",
            min_delta=estimator.tol,
            from_best=True,
            best=estimator.best_validation_score_ if self.follow else estimator._least_watched,
            waited=estimator._no_improvement_count,
        )
        best = stopping.observe(estimator.n_iter_, score if self.follow else watched)
        if self.score is not None:
            estimator.best_validation_score_ = max(estimator.best_validation_score_, score)
        if not self.follow:
            estimator._least_watched = stopping.best
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        elif best:
            self.best = self.trainer.steps.copy_state(self.best)
        estimator._no_improvement_count = stopping.waited

    def _run_out(self) -> None:
        """Stop, or lower the learning rate, when patience has run out."""
        estimator = self.estimator
        what = "Validation score" if self.follow else "Training loss"
        text = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        if self.rate.lower():
            estimator._no_improvement_count = 0
            self.progress.say(f"{text} Setting learning rate to {self.rate.learning_rate:f}")
            return
        small = " Learning rate too small." if self.rate.mode == "adaptive" else ""
        self.progress.say(f"{text}{small} Stopping.")
        self.stopped = True

    def _diverged(self, error: DivergedError) -> None:
        """End on a number that is not finite; with the best weights, if there are such."""
        if self.follow and any(map(math.isfinite, self.estimator.validation_scores_)):
            self.estimator.validation_scores_.append(math.nan)
            self.estimator.validation_loss_curve_.append(math.nan)
            self.stopped = True
            warn(f"{error}\nThe weights are the best by the validation score.", ConvergenceWarning)
            return
        raise EstimatorDivergedError(
            f"{NOT_FINITE}\n{error}", epoch=error.epoch, step=error.step, layer=error.layer
        ) from error
