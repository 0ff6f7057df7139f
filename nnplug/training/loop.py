"""The training loop: epochs, batches, validation, the best weights, and the stop on divergence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.engines import NUMPY, Engine, Threads
from nnplug.errors import DivergedError, SettingError
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer, Schedule
from nnplug.plans import Regularization
from nnplug.training.batches import Batches, RowsInMemory
from nnplug.training.evaluation import Evaluator
from nnplug.training.history import History
from nnplug.training.means import MeanLoss, weight_of
from nnplug.training.steps import Steps
from nnplug.training.stopping import Stopping
from nnplug.types import AnyArray

__all__ = ["BatchRecord", "Measure", "OnBatch", "Trainer", "train_network"]

PORTION_SECONDS = 0.1
"""Aim for the time of the steps between two questions whether to stop."""

Measure = Callable[[AnyArray, AnyArray], dict[str, float]]
"""Gives the metrics of outputs, (N, C), against targets as the loss takes them."""


@dataclass(frozen=True)
class BatchRecord:
    """The numbers of one step.

    Attributes
    ----------
    epoch, batch : int
        Counted from 0, the batch within its epoch.
    loss : float
        The mean over the batch's rows, before the step.
    learning_rate : float
        What the step was taken with.
    """

    epoch: int
    batch: int
    loss: float
    learning_rate: float


OnBatch = Callable[[BatchRecord], bool | None]
"""Is called after a step; returning True ends the training after the epoch."""


class Trainer:
    """A training run that can be left between any two steps, and taken up again.

    Nothing of it is random or hidden: what it did so far is `state()`, and
    another trainer of the same network, parts, rows and seed that is given
    this state goes on to the same bits.

    Parameters
    ----------
    network : Network
        Trained in place.
    loss : Loss
    optimizer : Optimizer
    batches : Batches
        Where rows come from.
    epochs : int
        The length of the run, which a schedule sees too.
    seed : int
        Of the noise of layers such as dropout; the order of rows is the batches' own.
    schedule : Schedule, optional
        Its factor is set before each step.
    regularization : Regularization, optional
        Penalties, clipping.
    stopping : Stopping, optional
        Follows a number of the history; the network ends with the weights,
        and the trainer with the optimizer's state, of the best epoch.
    measure : callable, optional
        Gives the metrics of an epoch, from outputs and targets: of the
        validation rows after it. Without validation they are the outputs that
        the epoch's own steps computed of the training rows, each batch before
        its step, as the loss is; a stream of rows has none then.
    history : History, optional
        To write to, so that it outlives an interruption.
    engine : Engine
        What runs the plans.

    Attributes
    ----------
    epoch, step : int
        Whole epochs done, and steps done within the next one.
    ended : str or None
        Why it is over: `"epochs"` are done, `"patience"` ran out, or it was
        `"asked"` to end. None: it is not.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batches: Batches,
        *,
        epochs: int,
        seed: int = 0,
        schedule: Schedule | None = None,
        regularization: Regularization | None = None,
        stopping: Stopping | None = None,
        measure: Measure | None = None,
        history: History | None = None,
        engine: Engine = NUMPY,
    ) -> None:
        self.network, self.loss, self.batches = network, loss, batches
        self.epochs, self.schedule = epochs, schedule
        self.stopping, self.measure = stopping, measure
        self.history = History() if history is None else history
        validated = next(iter(batches.validation()), None) is not None
        # Outputs of a step are of the weights that it began with.
        keep_outputs = measure is not None and not validated and batches.keeps_outputs
        keep_outputs = keep_outputs and not optimizer.shown
        self.steps = Steps(
            network,
            loss,
            optimizer,
            batches.inputs,
            batches.targets,
            batches.batch_size,
            batches.weights,
            regularization=regularization,
            keep_outputs=keep_outputs,
            seed=seed,
            engine=engine,
        )
        self._threads = Threads(self.steps.program)
        self.evaluator = Evaluator(network, loss, engine)
        size = self.steps.batch_size
        self.per_epoch = -(-batches.rows // size)
        if batches.rows % size:
            self.steps.bound(batches.rows % size)  # the last batch of an epoch
        self.epoch = self.step = 0
        self.ended: str | None = None
        self.best: dict[str, AnyArray] | None = None
        self._penalised = self.steps.regularization.penalised
        self._mean = MeanLoss(loss, network.outputs)
        self._losses = np.zeros(self.per_epoch)
        self._penalties = np.zeros(self.per_epoch)
        self._before: dict[str, AnyArray] | None = None
        self._portion = 1
        self._on_batch: OnBatch | None = None
        self._ending = False
        self._outputs: AnyArray | None = None
        if keep_outputs:
            self._outputs = np.empty((batches.rows, network.outputs), network.dtype)
        # Full batches need nothing of Python between two epochs, unless somebody looks.
        self._watched = stopping is not None or measure is not None or validated

    # --- running ----------------------------------------------------------------------

    def run(
        self,
        *,
        on_epoch: Callable[[int], bool | None] | None = None,
        every: int = 1,
        should_stop: Callable[[], bool] | None = None,
        on_batch: OnBatch | None = None,
    ) -> History:
        """Train until the end, or until somebody wants to stop.

        Parameters
        ----------
        on_epoch : callable, optional
            Called with the epoch's number when it is in the history; returning
            True ends the training.
        every : int
            The epochs whose number it divides, and the last, are those that
            `on_epoch` must be called after; it may be called after others too.
        should_stop : callable, optional
            Asked between steps, about ten times a second, or after each step
            if steps take longer. Returning True leaves the run where it is:
            `ended` stays None, and `run` or another trainer goes on from there.
            How often it is asked changes no bit of the result.
        on_batch : callable, optional
            Called after each step. The engine then takes one step at a call
            instead of many; that too changes no bit.

        Returns
        -------
        History

        Raises
        ------
        DivergedError
            If a loss, a gradient or a new parameter is not finite. The step is
            not taken; the network keeps its last finite parameters.
        """
        if on_epoch is None:
            every = self.epochs
        self._on_batch, self._ending = on_batch, False
        started = time.perf_counter()
        # Overflow on the way to a right value is no news; a result that is not
        # finite is found by the checks of each step.
        try:
            with np.errstate(all="ignore"), self._threads.limited():
                self._run(on_epoch, every, should_stop)
        finally:
            self.history.seconds += time.perf_counter() - started
        return self.history

    def _run(
        self,
        on_epoch: Callable[[int], bool | None] | None,
        every: int,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        while self.ended is None:
            self.ended = self._over()
            if self.ended is not None:
                break
            take = self._take_full if self.steps.full else self._take_epoch
            if not take(every, should_stop):
                return
            if (on_epoch is not None and on_epoch(self.epoch - 1)) or self._ending:
                self.ended = "asked"
            elif should_stop is not None and self._over() is None and should_stop():
                return
        self._keep_best()

    def _over(self) -> str | None:
        """Say why there is no next step."""
        if self.epoch >= self.epochs:
            return "epochs"
        exhausted = self.stopping is not None and self.stopping.exhausted
        return "patience" if exhausted else None

    def _take_full(self, every: int, should_stop: Callable[[], bool] | None) -> bool:
        """Take full batches, each of them an epoch, as many as nobody wants to look between."""
        count = min(-self.epoch % every + 1, self.epochs - self.epoch)
        count = 1 if self._watched or self._on_batch is not None else count
        if should_stop is not None:
            count = min(count, self._portion)
        # What a full batch's step gives belongs to the weights before it.
        monitor = None if self.stopping is None else self.stopping.monitor
        if monitor in ("loss", "penalty") or (monitor is not None and self._outputs is not None):
            self._before = self.steps.copy_state(self._before)
        losses, penalties = np.empty(count), np.empty(count)
        rates = self._rates(0, count)
        ((_, weight),) = self.batches.loads(self.epoch)
        started = time.perf_counter()
        taken = self._run_steps(None, rates, losses, penalties, self._outputs)
        self._pace(count, time.perf_counter() - started)
        if self._on_batch is not None and taken:
            self._tell(self.epoch, 0, losses[0], weight, rates)
        self.history.add("loss", *(losses[:taken] * self._mean.scale(weight)).tolist())
        if self._penalised:
            self.history.add("penalty", *penalties[:taken].tolist())
        self.history.add("learning_rate", *rates[:taken].tolist())
        self.epoch += taken
        if taken < count:
            raise self._diverged(None, self.epoch)
        self._close([self.steps.targets])
        self.history.level()
        return True

    def _take_epoch(self, every: int, should_stop: Callable[[], bool] | None) -> bool:
        """Take the steps of an epoch, or the rest of them; False if somebody wanted to stop."""
        size, passed, total = self.steps.batch_size, 0, 0.0
        rates, targets = np.empty(0), list[AnyArray]()
        for order, weight in self.batches.loads(self.epoch):
            assert order is not None
            total += weight
            here = -(-len(order) // size)
            if self._outputs is not None:
                targets.append(self.steps.targets[order])
            while self.step < passed + here:
                count = passed + here - self.step
                if should_stop is not None:
                    count = min(count, self._portion)
                if self._on_batch is not None:
                    count = 1
                part = slice(self.step, self.step + count)
                rows = order[(self.step - passed) * size :]
                rates = self._rates(self.step, count)
                started = time.perf_counter()
                taken = self._run_steps(
                    rows[: count * size],
                    rates,
                    self._losses[part],
                    self._penalties[part],
                    None if self._outputs is None else self._outputs[self.step * size :],
                )
                self._pace(count, time.perf_counter() - started)
                self.step += taken
                if taken < count:
                    raise self._diverged(rows[taken * size : (taken + 1) * size], self.epoch)
                if self._on_batch is not None:
                    batch = rows[:size]
                    weights = None if self.steps.weights is None else self.steps.weights[batch]
                    counted = weight_of(len(batch), weights)
                    self._tell(self.epoch, self.step - 1, self._losses[part][0], counted, rates)
                if self.step < self.per_epoch and should_stop is not None and should_stop():
                    return False
            passed += here
        self.history.add("loss", float(self._losses.sum() * self._mean.scale(total)))
        if self._penalised:
            self.history.add("penalty", self._mean_penalty())
        self.history.add("learning_rate", float(rates[-1]))
        self.epoch, self.step = self.epoch + 1, 0
        self._close(targets)
        self.history.level()
        return True

    def _tell(self, epoch: int, batch: int, loss: float, weight: float, rates: AnyArray) -> None:
        """Tell who listens of a step."""
        assert self._on_batch is not None
        mean = float(loss) * self._mean.scale(weight)
        if self._on_batch(BatchRecord(epoch, batch, mean, float(rates[0]))) is True:
            self._ending = True

    def _run_steps(
        self,
        order: AnyArray | None,
        rates: AnyArray,
        losses: AnyArray,
        penalties: AnyArray,
        outputs: AnyArray | None,
    ) -> int:
        self.steps.hide()
        penalties_given = penalties if self._penalised else None
        return self.steps.run_many(order, rates, losses, penalties_given, outputs)

    def _rates(self, step: int, count: int) -> AnyArray:
        """Give the learning rates of some steps from here."""
        rates = np.full(count, self.steps.optimizer.learning_rate)
        if self.schedule is not None:
            times = (self.epoch + (step + number) / self.per_epoch for number in range(count))
            rates *= [self.schedule(time, self.epochs) for time in times]
        return rates

    def _pace(self, steps: int, seconds: float) -> None:
        """Choose the number of steps that take about a tenth of a second."""
        fitting = int(steps * PORTION_SECONDS / max(seconds, 1e-9))
        self._portion = max(1, min(fitting, 8 * steps))

    @property
    def step_losses(self) -> AnyArray:
        """What `Steps.run` gave for each step of the epoch that has just ended."""
        return self._losses

    def _mean_penalty(self) -> float:
        """Average an epoch's penalties by the rows of their batches, as its losses are."""
        if self._mean.summed:
            return float(self._penalties.sum())
        rows = np.full(self.per_epoch, self.steps.batch_size)
        rows[-1] = self.batches.rows - rows[:-1].sum()
        return float(self._penalties @ rows / self.batches.rows)

    # --- after an epoch ---------------------------------------------------------------

    def _close(self, targets: list[AnyArray]) -> None:
        """Evaluate the network after an epoch, and keep it if it is the best.

        Parameters
        ----------
        targets : list of array
            Those of the training rows, in the order of the outputs that were kept.
        """
        self.steps.show()
        if not self._watched:
            return
        pair: tuple[AnyArray, AnyArray] | None = None
        if self._outputs is not None:
            pair = self._outputs, targets[0] if len(targets) == 1 else np.concatenate(targets)
        else:
            found = self.evaluator.over(self.batches.validation())
            if found is not None:
                self.history.add("validation_loss", found[2])
                pair = found[:2]
        if self.measure is not None and pair is not None:
            for name, value in self.measure(*pair).items():
                self.history.add(name, value)
        if self.stopping is not None:
            self._follow(self.stopping)

    def _follow(self, stopping: Stopping) -> None:
        column = self.history.columns.get(stopping.monitor)
        if not column:
            known = ", ".join(self.history.columns)
            raise SettingError(f"monitor={stopping.monitor!r}: the history has {known}.")
        if not stopping.observe(self.epoch - 1, column[-1]):
            return
        if self._before is not None:
            self.best, self._before = self._before, self.best
        else:
            self.best = self.steps.copy_state(self.best)

    def _keep_best(self) -> None:
        """Give the network the best weights, and the steps the optimizer's state of then."""
        if self.best is not None and self.stopping is not None:
            self.steps.set_state(self.best)
            self.history.best = self.stopping.best_epoch
        self.steps.show()

    # --- leaving and going on ---------------------------------------------------------

    def state(self) -> tuple[dict[str, AnyArray], dict[str, Any]]:
        """Copy everything that going on needs.

        Returns
        -------
        tuple of dict
            Arrays by name: the parameters, each slot of the optimizer, the
            count of its steps, the losses (and kept outputs) of a broken-off
            epoch, the history, and the same parameters and slots at the best epoch; and numbers
            that JSON can hold.
        """
        arrays = self.steps.copy_state()
        arrays["losses"] = self._losses[: self.step].copy()
        arrays["penalties"] = self._penalties[: self.step].copy()
        if self._outputs is not None:
            arrays["outputs"] = self._outputs[: self.step * self.steps.batch_size].copy()
        for name, column in self.history.columns.items():
            arrays[f"history.{name}"] = np.array(column, np.float64)
        for name, array in (self.best or {}).items():
            arrays[f"best.{name}"] = array.copy()
        numbers = {
            "epoch": self.epoch,
            "step": self.step,
            "ended": self.ended,
            "columns": list(self.history.columns),
            "best": self.history.best,
            "stopping": None if self.stopping is None else self.stopping.numbers(),
        }
        return arrays, numbers

    def restore(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises
        ------
        SettingError
            If it is that of another network, optimizer or batch size; nothing
            has been changed then.
        """
        current = self.steps.copy_state()
        step = int(numbers["step"])
        fits = {name: array.shape for name, array in current.items()}
        fits |= {"losses": (step,), "penalties": (step,)}
        if self._outputs is not None:
            fits["outputs"] = (step * self.steps.batch_size, self._outputs.shape[1])
        if any(name.startswith("best.") for name in arrays):
            fits |= {f"best.{name}": array.shape for name, array in current.items()}
        for name, shape in fits.items():
            found = arrays[name].shape if name in arrays else "none"
            if found != shape or step > self.per_epoch:
                raise SettingError(
                    f"This state is of another run: {name} has shape {found}, here it is {shape}, "
                    f"and it stopped at step {step} of an epoch, which has {self.per_epoch} here.\n"
                    "Go on with the same network, optimizer, rows and batch size."
                )
        if (numbers["stopping"] is None) != (self.stopping is None):
            raise SettingError(
                "This state is of another run: one of the two looks for the best epoch.\n"
                "Go on with the same validation, patience and monitor."
            )
        self.epoch, self.step, self.ended = int(numbers["epoch"]), step, numbers["ended"]
        self.steps.set_state(arrays)
        self._losses[:step], self._penalties[:step] = arrays["losses"], arrays["penalties"]
        if self._outputs is not None:
            self._outputs[: len(arrays["outputs"])] = arrays["outputs"]
        columns = {name: arrays[f"history.{name}"].tolist() for name in numbers["columns"]}
        self.history.columns, self.history.best = columns, numbers["best"]
        self.best = {
            name.removeprefix("best."): array.copy()
            for name, array in arrays.items()
            if name.startswith("best.")
        } or None
        if self.stopping is not None:
            self.stopping.restore(numbers["stopping"])

    # --- divergence -------------------------------------------------------------------

    def _diverged(self, batch: AnyArray | None, epoch: int) -> DivergedError:
        step = epoch * self.per_epoch + self.step + 1
        layer, what = self.steps.culprit(batch)
        rate = float(self.steps.learning_rate)
        usual = self.steps.optimizer.usual_rate
        advice = f"try {rate / 10:g}" if rate <= 1000 * usual else f"the default is {usual:g}"
        cause = (
            f"The likely cause is a learning rate that is too large: it is {rate:g}; {advice}."
            if not what.startswith("the gradient")
            else "The loss is finite, so the derivative of a part may be wrong there; nnplug "
            f"plugins check NAME looks at a part. Or the learning rate, {rate:g}, is too large; "
            f"{advice}."
        )
        return DivergedError(
            f"Training stopped at epoch {epoch}, step {step}: {what} not finite.\n"
            f"The step was not taken; the weights are the last finite ones. {cause}",
            epoch=epoch,
            step=step,
            layer=layer,
        )


def train_network(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    inputs: AnyArray,
    targets: AnyArray,
    *,
    epochs: int,
    batch_size: int | None,
    seed: int,
    rows: AnyArray | None = None,
    weights: AnyArray | None = None,
    schedule: Schedule | None = None,
    regularization: Regularization | None = None,
    validation: tuple[AnyArray, ...] | None = None,
    stopping: Stopping | None = None,
    measure: Measure | None = None,
    on_epoch: Callable[[int], bool | None] | None = None,
    every: int = 1,
    history: History | None = None,
    engine: Engine = NUMPY,
) -> History:
    """Train a network in place, on rows in memory, from the start to the end.

    Each epoch visits every row once, in an order shuffled by a generator
    derived from the seed and the epoch; a full batch keeps the data's order.

    Parameters
    ----------
    inputs, targets : array
        (N, D) and (N, C), or labels (N, 1).
    epochs : int
    batch_size : int or None
        None: all rows in each step.
    seed : int
    rows : array of int, optional
        The rows of `inputs` to learn from; by default all.
    weights : array, optional
        (N, 1), what each row counts for: the loss is then Σwℓ / Σw.
    validation : tuple of array, optional
        Inputs and targets, and weights if rows have them; their loss is taken after each epoch.
    schedule, regularization, stopping, measure, history, engine
        See `Trainer`.
    on_epoch, every
        See `Trainer.run`.

    Returns
    -------
    History

    Raises
    ------
    DivergedError
        If a loss, a gradient or a new parameter is not finite. The step is
        not taken; the network keeps its last finite parameters.
    """
    batches = RowsInMemory(
        inputs,
        targets,
        batch_size=batch_size,
        seed=seed,
        rows=rows,
        weights=weights,
        validation=validation,
    )
    trainer = Trainer(
        network,
        loss,
        optimizer,
        batches,
        epochs=epochs,
        seed=seed,
        schedule=schedule,
        regularization=regularization,
        stopping=stopping,
        measure=measure,
        history=history,
        engine=engine,
    )
    return trainer.run(on_epoch=on_epoch, every=every)
