"""Training step by step: scikit-learn's policies for nnplug's trainer.

When to stop, when to lower the learning rate, what the loss of an epoch is:
where an estimator differs from `nnplug.train`, the difference is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from nnplug.engines import Engine
from nnplug.errors import DivergedError
from nnplug.network.network import Network
from nnplug.parts import Schedule
from nnplug.sklearn._choices import Choices
from nnplug.sklearn._epochs import INTERRUPTED, NOT_FINITE, Progress, loss_and_penalty, record_epoch
from nnplug.sklearn._errors import EstimatorDivergedError, warn
from nnplug.sklearn._parts import registry
from nnplug.sklearn._rows import Batches
from nnplug.training import History, OnBatch, Stopping, Trainer
from nnplug.training.evaluation import MeanLoss, Measure
from nnplug.training.following import find_schedules
from nnplug.types import AnyArray

__all__ = ["LearningRate", "Patience", "StochasticSolver"]

SMALLEST = 1e-6
"""An adaptive learning rate is lowered only while it is above this."""


# --- policies -----------------------------------------------------------------------------


class LearningRate:
    """The learning rate over a fit, in scikit-learn's modes.

    Parameters
    ----------
    initial : float
    mode : str
        `"constant"`; `"invscaling"`: initial / (samples seen + 1)^power from
        the second epoch on; `"adaptive"`: divided by 5 when patience runs out.
    power : float
    schedule : Schedule, optional
        A factor on all this.
    epochs : int
        The length of the run, which is passed to the schedule.

    Attributes
    ----------
    learning_rate : float
        Of the next step, without the schedule.
    """

    def __init__(
        self, initial: float, mode: str, power: float, schedule: Schedule | None, epochs: int
    ) -> None:
        self.initial, self.mode, self.power = initial, mode, power
        self.schedule, self.epochs = schedule, epochs
        self.learning_rate = initial

    @property
    def changes(self) -> bool:
        """Whether the learning rate is not constant."""
        return self.mode != "constant" or self.schedule is not None

    def continue_from(self, earlier: LearningRate | None) -> None:
        """Continue with the rate of earlier calls, if it has the same settings."""
        if earlier is not None and (earlier.initial, earlier.mode, earlier.power) == (
            self.initial,
            self.mode,
            self.power,
        ):
            self.learning_rate = earlier.learning_rate

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the factor on the initial rate, like a schedule."""
        factor = self.learning_rate / self.initial
        if self.schedule is not None:
            factor *= float(self.schedule(epoch, self.epochs))
        return factor

    def end_epoch(self, samples: int) -> None:
        """Change the rate after an epoch, given the number of samples seen in all."""
        if self.mode == "invscaling":
            self.learning_rate = self.initial / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower an adaptive rate instead of stopping; False if it cannot be lowered."""
        if self.mode != "adaptive" or self.learning_rate <= SMALLEST:
            return False
        self.learning_rate /= 5
        return True


@dataclass
class Patience(Stopping):
    """scikit-learn's rule: an improvement is a gain of `min_delta` or more on the best so far.

    What is followed is the score of the validation rows, if the best weights
    are kept, or else the training loss with its penalty. Patience runs out
    only after an epoch, so each fit has one at least.

    Attributes
    ----------
    scores : list of float
        Of the validation rows.
    loss_factor : float
        On the training loss without its penalty.
    """

    scores: list[float] | None = None
    loss_factor: float = 1.0
    observed: bool = False

    def number(self, history: History) -> float:
        """Return the last score, or the last training loss."""
        if self.keeps_best:
            assert self.scores is not None
            return self.scores[-1]
        loss, penalty = loss_and_penalty(history)
        return loss * self.loss_factor + penalty

    def observe(self, epoch: int, value: float) -> bool:
        """Record an epoch's number; return whether it is the best so far."""
        self.observed = True
        return super().observe(epoch, value)

    def improves(self, value: float) -> bool:
        """Whether a number is an improvement, rounded as scikit-learn rounds."""
        if self.best is None:
            return True
        if self.goal == "minimize":
            return value <= self.best - self.min_delta
        return value >= self.best + self.min_delta

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.observed and super().exhausted


def _mean_of_batch_means(loss: MeanLoss, batches: Batches) -> Callable[[AnyArray], float]:
    """Make what averages an epoch's losses like scikit-learn, where rows have weights.

    scikit-learn averages the weighted means of the batches by their numbers
    of rows. Without weights that is the mean over all rows.
    """

    def average(sums: AnyArray) -> float:
        assert batches.batch_weights is not None
        assert batches.batch_size is not None
        means = sums * list(map(loss.scale, batches.batch_weights))
        return loss.over_batches(means, batches.rows, batches.batch_size)

    return average


# --- the solver ---------------------------------------------------------------------------


class StochasticSolver:
    """Trains a network step by step, and records on its estimator how that goes.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        Trained in place.
    choices : Choices
        With an optimizer.
    batches : Batches
    rate : LearningRate
    engine : Engine
    seed : int
        Seed of the noise of layers such as dropout.
    measure : callable or None
        Computes the metrics of an epoch, and appends the score of validation rows.
    scored : bool
        Whether there are validation rows.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        network: Network,
        choices: Choices,
        batches: Batches,
        *,
        rate: LearningRate,
        engine: Engine,
        seed: int,
        measure: Measure | None,
        scored: bool,
    ) -> None:
        assert choices.optimizer is not None
        self.estimator, self.rate, self.scored = estimator, rate, scored
        # With early stopping the score says when to stop and which weights to keep, or else the
        # loss says when to stop, and the weights are the last.
        early = bool(estimator.early_stopping) and scored
        self.stopping = Patience(
            goal="maximize" if early else "minimize",
            patience=choices.patience,
            min_delta=estimator.tol,
            keeps_best=early,
            # scikit-learn follows the mean over outputs of what it minimizes the sum of.
            loss_factor=1 / network.outputs if estimator.loss == "squared_error" else 1.0,
        )
        average = None
        if batches.weights is not None and batches.batch_size is not None:
            average = _mean_of_batch_means(MeanLoss(choices.loss, network.outputs), batches)
        self.trainer = Trainer(
            network,
            choices.loss,
            choices.optimizer,
            batches,
            epochs=0,
            seed=seed,
            schedule=cast(Schedule, rate) if rate.changes else None,
            regularization=choices.regularization,
            stopping=self.stopping,
            measure=measure,
            average=average,
            history=estimator.history_,
            engine=engine,
        )
        follows = find_schedules(network, choices.optimizer, registry(), estimator.max_iter)
        self.trainer.steps.follows = {
            name: partial(self._factor, schedule) for name, schedule in follows.items()
        }

    def _factor(self, schedule: Schedule, count: int) -> float:
        """Return the factor of an option in a step, at the time that the learning rate has."""
        since = (count - 1 - self.begin[0]) / self.trainer.per_epoch
        return float(schedule(self.begin[1] + since, self.rate.epochs))

    # --- leaving and continuing -------------------------------------------------------

    def state(self) -> dict[str, AnyArray]:
        """Copy the optimizer's state, and the number of epochs."""
        state = self.trainer.steps.copy_state()
        del state["parameters"]
        return {**state, "epoch": np.array(self.trainer.epoch)}

    def restore(self, state: Mapping[str, AnyArray], *, incremental: bool) -> None:
        """Continue with the optimizer's state of an earlier fit, if the optimizer is the same."""
        trainer = self.trainer
        fits = {name: array.shape for name, array in self.state().items()}
        if {name: array.shape for name, array in state.items()} != fits:
            return
        if incremental:  # a schedule goes on over partial fits; each fit has the whole of it
            trainer.epoch = int(state["epoch"])
        trainer.steps.set_state({**state, "parameters": trainer.steps.parameters})

    @property
    def best(self) -> dict[str, AnyArray] | None:
        """What steps had changed at the best epoch, if the best weights are kept."""
        assert self.trainer.best is not None
        return self.trainer.best.state

    @best.setter
    def best(self, state: dict[str, AnyArray] | None) -> None:
        assert self.trainer.best is not None
        self.trainer.best.state = state

    # --- running ----------------------------------------------------------------------

    def run(
        self,
        epochs: int,
        look: Callable[[], bool],
        interrupted: Callable[[], bool],
        *,
        incremental: bool = False,
        on_batch: OnBatch | None = None,
    ) -> None:
        """Train for some epochs, or until patience runs out.

        Parameters
        ----------
        look : callable
            Called after each epoch; returning True ends the training.
        interrupted : callable
            Called between steps; returning True ends the training too.
        incremental : bool
            Whether this is one of many calls, so that reaching the last epoch
            is not the end.
        on_batch : callable, optional
            See `Trainer.run`.

        Raises
        ------
        EstimatorDivergedError
            If a number is not finite, and there are no best weights to return to.
        """
        estimator, trainer, stopping = self.estimator, self.trainer, self.stopping
        estimator.n_iter_ = 0
        if stopping.keeps_best and self.best is None:
            self.best = trainer.steps.copy_state()
        score = estimator.best_validation_score_
        stopping.best = score if stopping.keeps_best else estimator._least_watched
        stopping.best_epoch, stopping.observed = trainer.history.best, False
        stopping.waited = estimator._no_improvement_count
        stopping.scores = estimator.validation_scores_
        last = trainer.epoch + epochs
        self.begin = int(trainer.steps.count), trainer.epoch
        # A run that is to continue is left before its end, which is one epoch further off.
        trainer.epochs, trainer.ended, trainer.step = last + incremental, None, 0
        self.look, self.stopped = look, False
        self.progress = Progress(estimator.verbose, epochs)
        try:
            if not interrupted():
                trainer.run(
                    on_epoch=self._end_epoch,
                    should_stop=lambda: interrupted() or trainer.epoch >= last,
                    on_batch=on_batch,
                )
        except DivergedError as error:
            self._diverged(error)
        except KeyboardInterrupt:
            if interrupted():  # a second Ctrl-C, which may come in the middle of anything
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
        if self.stopped or not incremental:
            trainer.restore_best()  # an interrupted or diverged run has not done so itself
        if self.stopped and incremental:
            estimator._no_improvement_count = 0  # further calls start with full patience

    def _end_epoch(self, epoch: int) -> bool:
        """Record an epoch, and return whether it is the last."""
        estimator, stopping = self.estimator, self.stopping
        record_epoch(estimator, self.progress, scored=self.scored)
        estimator.t_ += self.trainer.batches.rows
        estimator.loss_curve_.append(estimator.loss_)
        if not stopping.keeps_best:
            estimator._least_watched = stopping.best
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        estimator._no_improvement_count = stopping.waited
        self.rate.end_epoch(estimator.t_)
        self.stopped = self.look()
        if stopping.exhausted:
            self._lower_or_stop()
        return self.stopped

    def _lower_or_stop(self) -> None:
        """Lower the learning rate, or stop, when patience has run out."""
        estimator = self.estimator
        what = "Validation score" if self.stopping.keeps_best else "Training loss"
        text = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        if self.rate.lower():
            estimator._no_improvement_count = self.stopping.waited = 0
            self.progress.say(f"{text} Setting learning rate to {self.rate.learning_rate:f}")
            return
        small = " Learning rate too small." if self.rate.mode == "adaptive" else ""
        self.progress.say(f"{text}{small} Stopping.")
        self.stopped = True

    def _diverged(self, error: DivergedError) -> None:
        """Stop at a number that is not finite: with the best weights, if there are such."""
        estimator = self.estimator
        if self.stopping.keeps_best and any(map(math.isfinite, estimator.validation_scores_)):
            estimator.validation_scores_.append(math.nan)
            estimator.validation_loss_curve_.append(math.nan)
            self.stopped = True
            warn(f"{error}\nThe weights are the best by the validation score.", ConvergenceWarning)
            return
        raise EstimatorDivergedError(
            f"{NOT_FINITE}\n{error}", epoch=error.epoch, step=error.step, layer=error.layer
        ) from error
