"""One fit of an estimator: from its arguments and rows to a trained network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from nnplug.engines import Engine, choose_engine
from nnplug.errors import SettingError
from nnplug.network.layers import flat
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Part, Task, by_column
from nnplug.runs.fitting import HOOKS, Callbacks
from nnplug.sklearn._choices import choose
from nnplug.sklearn._errors import ArgumentError, EstimatorError, warn
from nnplug.sklearn._lbfgs import minimize
from nnplug.sklearn._parts import registry
from nnplug.sklearn._rows import Order, Rows, batches_of, check_weights
from nnplug.sklearn._saving import EstimatorRun, model_of, name_of_output
from nnplug.sklearn._stochastic import LearningRate, StochasticSolver
from nnplug.sklearn._uncertainty import calibrated
from nnplug.sklearn._weights import continue_from, given_weights, initialize, vanished
from nnplug.training import OWN_COLUMNS, BatchRecord, History, OnBatch
from nnplug.training.evaluation import Measure
from nnplug.types import AnyArray

__all__ = ["Fitting"]

FITTED = ("network_", "coefs_", "intercepts_")
"""The attributes that only a fitted estimator has."""

AUTO_BATCH = 200
"""The largest batch size that `"auto"` stands for."""


class Fitting:
    """What a fit needs, made from an estimator's arguments.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Receives what it needs to predict, and how the fit goes.
    X : array or sparse matrix
        Only its number of columns and dtype are used.
    task : str
    width : int
        As `Head` has it.
    first : bool
        Whether the weights are drawn anew.
    incremental : bool
        Whether rows come in parts, so that none can be held out.
    interrupted : callable
        Called now and then; returning True ends the training.

    Attributes
    ----------
    choices : Choices
    head : Head
    network : Network
        The one that is trained.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        X: Any,
        task: Task,
        width: int,
        *,
        first: bool,
        incremental: bool = False,
        interrupted: Callable[[], bool],
    ) -> None:
        self.estimator, self.first, self.interrupted = estimator, first, interrupted
        self.choices = choose(estimator, task)
        self.head = Head(task, self.choices.loss, self.choices.output_activation, width)
        before = X if first else given_weights(estimator)
        self.network = Network.of(
            X.shape[1],
            self.choices.layers,
            self.head.outputs,
            output_activation=self.choices.output_activation,
            dtype=self.choices.dtype or before.dtype,
        )
        self.take_random_state(first=first, incremental=incremental)
        if first:
            initialize(self.network, estimator._random_state, self.choices.initializer)
        else:
            continue_from(estimator, self.network)
        if first or not hasattr(estimator, "history_"):
            self._forget()
        if self.choices.optimizer is not None and not hasattr(estimator, "loss_curve_"):
            estimator.loss_curve_ = []
        self._expect_scores(incremental)
        estimator.n_outputs_ = self.head.outputs
        estimator.n_layers_ = len(self.network.widths)
        estimator.out_activation_ = name_of_output(self.head)
        estimator._head = self.head

    # --- where it starts --------------------------------------------------------------

    def take_random_state(self, *, first: bool, incremental: bool) -> None:
        """Start with the random state that was asked for, as scikit-learn does.

        A fit that continues with the same seed continues with its random
        numbers too: with a fresh seed, all such fits would shuffle alike.
        """
        estimator, asked = self.estimator, self.estimator.random_state
        estimator._calibration = None  # it is of other weights
        same = not first and isinstance(asked, Integral) and estimator._seed_given == asked
        if not same or incremental:
            estimator._random_state = check_random_state(asked)
            estimator._seed_given = int(asked) if isinstance(asked, Integral) else None
        if not same:
            estimator._split = None
        if first:
            estimator._noise_seed = None
        if first or incremental or not hasattr(estimator, "_order"):
            estimator._order = Order(estimator._random_state, bool(estimator.shuffle))
        estimator._order.generator = estimator._random_state
        estimator._order.shuffle = bool(estimator.shuffle)

    def _forget(self) -> None:
        """Reset what the estimator knows of earlier epochs."""
        estimator = self.estimator
        estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0
        estimator.history_ = History()
        estimator.best_loss_ = np.inf
        estimator.validation_scores_ = estimator.validation_loss_curve_ = None
        estimator.best_validation_score_ = None
        # A fit that is aborted then leaves an estimator that is not fitted, never half of two fits.
        for name in ("_session", "_solver_state", "_best_state", "_optimizer", "_least_watched",
                     "loss_", "loss_curve_", *FITTED):  # fmt: skip
            estimator.__dict__.pop(name, None)

    def _expect_scores(self, incremental: bool) -> None:
        """Make the lists for the scores of validation rows, if there will be any."""
        estimator = self.estimator
        early = bool(estimator.early_stopping) and self.choices.optimizer is not None
        given = estimator.validation_data is not None
        scored = given or (early and not incremental)
        if scored and estimator.validation_scores_ is None:
            estimator.validation_scores_, estimator.validation_loss_curve_ = [], []
            estimator.best_validation_score_ = -np.inf
        if scored and early:
            estimator.best_loss_ = None
        elif estimator.best_loss_ is None:
            estimator.best_loss_ = np.inf

    # --- rows -------------------------------------------------------------------------

    def rows(self, X: Any, y: AnyArray, weights: AnyArray | None) -> Rows:
        """Bring targets to the form that the loss takes; the inputs stay as they are."""
        targets = self.head.encode(self.estimator._numbers(y), self.network.dtype)
        return Rows(X, targets, None if weights is None else weights.reshape(-1, 1))

    def split(
        self, rows: Rows, y: AnyArray, sample_weight: AnyArray | None
    ) -> tuple[Rows, Rows | None, AnyArray | None]:
        """Return the rows to train on, the validation rows, and the weights of their score."""
        estimator = self.estimator
        if estimator.validation_data is not None:
            return rows, *self.given_validation()
        if not estimator.early_stopping or self.choices.optimizer is None:
            return rows, None, None
        if estimator.validation_fraction == 0 and estimator._fold is None:
            raise ArgumentError(
                "early_stopping=True with validation_fraction=0: there is nothing to score.\n"
                "Hold out a share of the rows, or give validation_data."
            )
        training, validation = estimator._fold or self._draw_split(len(rows), y)
        weights = None if sample_weight is None else sample_weight[validation]
        return replace(rows, chosen=training), replace(rows, chosen=validation), weights

    def _draw_split(self, rows: int, y: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Draw the rows to train on and those to validate on.

        A fit that continues with its seed keeps those of the fit before: rows
        that were trained on are not for validation.
        """
        estimator, generator = self.estimator, self.estimator._random_state
        if estimator._split is not None:
            generator = np.random.RandomState()
            generator.set_state(estimator._split)
        elif estimator._seed_given is not None:
            estimator._split = generator.get_state()
        training, validation = train_test_split(
            np.arange(rows),
            random_state=generator,
            test_size=estimator.validation_fraction,
            stratify=estimator._strata(y),
        )
        if len(validation) < 2:
            raise EstimatorError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        return training, validation

    def given_validation(self) -> tuple[Rows, AnyArray | None]:
        """Return the rows of `validation_data`, and the weights of their score."""
        given = self.estimator.validation_data
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise ArgumentError("validation_data: give the tuple (X, y), or (X, y, sample_weight).")
        try:
            X, y = self.estimator._checked(given[0], given[1], reset=False)
            weights = check_weights(given[2] if len(given) == 3 else None, len(y))
        except ValueError as error:
            raise EstimatorError(f"validation_data: {error}") from error
        by_row = self.estimator._row_weights(y, weights)
        return self.rows(X, y, by_row), weights

    def batch_size(self, rows: int) -> int | None:
        """Choose the batch size; None for all rows."""
        asked = self.estimator.batch_size
        if isinstance(asked, str):
            return None if rows <= AUTO_BATCH else AUTO_BATCH
        if asked > rows:
            warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return None if asked >= rows else int(asked)

    def engine(self, rows: int, steps: int) -> Engine:
        """Choose the engine that runs the plan."""
        widths = self.network.widths
        slots = 0 if self.choices.optimizer is None else len(self.choices.optimizer.slots)
        return choose_engine(
            self.estimator.engine,
            registry(),
            widths=widths,
            slots=slots,
            rows=rows,
            steps=steps,
        )

    # --- learning ---------------------------------------------------------------------

    def run(self, X: Any, y: AnyArray, sample_weight: AnyArray | None) -> None:
        """Train on all rows until the end."""
        estimator = self.estimator
        weights = estimator._row_weights(y, sample_weight)
        rows, held_out, score_weight = self.split(self.rows(X, y, weights), y, sample_weight)
        if self.choices.optimizer is None:
            engine = self.engine(len(rows), estimator.max_iter)
            measure = self.measure(held_out, score_weight)
            with self.watched() as (look, _):
                minimize(
                    estimator,
                    self.network,
                    self.choices,
                    rows,
                    held_out,
                    engine=engine,
                    measure=measure,
                    look=look,
                    interrupted=self.interrupted,
                )
        else:
            solver = self.solver(rows, held_out, score_weight)
            if not self.first and estimator._solver_state is not None:
                solver.restore(estimator._solver_state, incremental=False)
            with self.watched() as (look, on_batch):
                solver.run(estimator.max_iter, look, self.interrupted, on_batch=on_batch)
            estimator._solver_state, estimator._best_state = solver.state(), None
        estimator._calibration = calibrated(self.head, self.network, held_out)
        if vanished(self.network):
            warn(
                "All weights are near 0, so that the outputs are nearly the same for every row."
                f"{self._culprit()}",
                ConvergenceWarning,
            )

    def _culprit(self) -> str:
        """Say what has probably made all weights small."""
        estimator = self.estimator
        for name in ("l2", "alpha"):
            value = getattr(estimator, name)
            if value:
                return f" The likely cause is the penalty: {name}={value:g}; try {value / 10:g}."
        return f" The likely cause is solver={estimator.solver!r}, if it has a weight decay."

    def solver(
        self, rows: Rows, held_out: Rows | None, score_weight: AnyArray | None
    ) -> StochasticSolver:
        """Make what trains step by step."""
        estimator, choices = self.estimator, self.choices
        assert choices.optimizer is not None
        size = self.batch_size(len(rows))
        per_epoch = -(-len(rows) // (size or len(rows)))
        rate = LearningRate(
            choices.optimizer.learning_rate,
            choices.rate_mode,
            float(estimator.power_t),
            choices.schedule,
            estimator.max_iter,
        )
        rate.continue_from(getattr(estimator, "_optimizer", None))
        estimator._optimizer = rate
        if self.network.noise and estimator._noise_seed is None:
            estimator._noise_seed = int(estimator._random_state.randint(2**31))
        return StochasticSolver(
            estimator,
            self.network,
            choices,
            batches_of(rows, estimator._order, size, held_out),
            rate=rate,
            engine=self.engine(size or len(rows), estimator.max_iter * per_epoch),
            seed=estimator._noise_seed or 0,
            measure=self.measure(held_out, score_weight),
            scored=held_out is not None,
        )

    # --- watching ---------------------------------------------------------------------

    def measure(self, held_out: Rows | None, score_weight: AnyArray | None) -> Measure | None:
        """Make what computes an epoch's metrics, and appends the score of validation rows.

        Returns
        -------
        callable or None
            None if there are neither metrics nor validation rows.
        """
        metrics, estimator, head = self.choices.metrics, self.estimator, self.head
        for column, metric in by_column(metrics).items():
            if column in OWN_COLUMNS:
                raise SettingError(
                    f"metric {metric.name!r} ({metric.place}) has the name of a column that every "
                    "history has; give it another."
                )
        if held_out is None and not metrics:
            return None
        model = model_of(estimator, self.network) if metrics else None

        def measure(outputs: AnyArray, targets: AnyArray) -> dict[str, float]:
            if held_out is not None:
                score = math.nan
                if np.isfinite(outputs).all():
                    score = float(estimator._score_outputs(outputs, targets, score_weight))
                estimator.validation_scores_.append(score)
            return {} if model is None else model.measure(metrics, outputs, head.decode(targets))

        return measure

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts of the fit."""
        chosen = self.choices
        several: tuple[Part | None, ...] = (
            *flat(chosen.layers), chosen.output_activation, chosen.loss,
            *chosen.metrics, chosen.optimizer, chosen.schedule,
        )  # fmt: skip
        return tuple(part for part in several if part is not None)

    @contextmanager
    def watched(self) -> Iterator[tuple[Callable[[], bool], OnBatch | None]]:
        """Call the hooks of a run's start and end; yield what calls those of epochs and steps."""
        estimator = self.estimator
        callbacks = Callbacks(registry().plugins, self.parts, tuple(estimator.callbacks or ()))
        if not any(name in callbacks for name in HOOKS):
            yield (lambda: False), None
            return
        run = EstimatorRun(estimator, self.network, self.choices)
        tell, asked = callbacks.on_batch(run), False

        def on_batch(record: BatchRecord) -> None:
            nonlocal asked
            assert tell is not None
            epoch = len(estimator.history_)  # may count epochs of an earlier fit
            asked = tell(replace(record, epoch=epoch)) is True or asked

        def look() -> bool:
            if asked or "on_epoch_end" not in callbacks:
                return asked
            epoch = len(estimator.history_) - 1
            record = estimator.history_.record(epoch)
            return callbacks.call("on_epoch_end", epoch, run=run, record=record)

        callbacks.call("on_train_start", run=run)
        yield look, None if tell is None else on_batch
        callbacks.call("on_train_end", run=run)
