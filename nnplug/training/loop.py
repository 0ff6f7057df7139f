"""The training loop: epochs, batches, validation, early stopping, the best weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.engines import NUMPY, Engine, Threads
from nnplug.errors import DivergedError
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer, Schedule
from nnplug.plans import Regularization
from nnplug.training.batches import Batches
from nnplug.training.evaluation import EpochEvaluation, Evaluator, MeanLoss, Measure, weight_of
from nnplug.training.history import BatchRecord, History, OnBatch
from nnplug.training.steps import Steps
from nnplug.training.stopping import BestWeights, Stopping
from nnplug.training.training import Training
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.training.shards import Shards

__all__ = ["Trainer"]

PORTION_SECONDS = 0.1
"""How long the steps between two calls of `should_stop` should take together."""


class Trainer(Training):
    """Trains one network.

    Parameters
    ----------
    network : Network
        Trained in place.
    loss : Loss
    optimizer : Optimizer
    batches : Batches
        Where the rows come from.
    epochs : int
        The length of the run, which is passed to the schedule as well.
    seed : int
        Seed of the noise of layers such as dropout, not of the order of rows.
    schedule : Schedule, optional
        A factor on the learning rate, set before each step.
    regularization : Regularization, optional
        Penalties and clipping.
    stopping : Stopping, optional
        The policy of early stopping. If it keeps the best, the run ends with
        the weights and the optimizer's state of the best epoch.
    measure : callable, optional
        Computes the metrics of an epoch from outputs and targets: those of the
        validation rows after the epoch. Without such rows, the outputs are
        those of the epoch's own steps on the training rows, each batch before
        its step, like the loss; a stream of rows then has no metrics.
    average : callable, optional
        Computes the loss of an epoch of batches from the sums of its steps'
        losses, (S,). By default it is the mean over all rows that count.
    history : History, optional
        The history to write to, so that it outlives an interruption.
    engine : Engine
        Runs the plans.
    shards : Shards, optional
        How batches are cut, and the processes that share them.
    follows : mapping of str to Schedule, optional
        Those that options follow; see `nnplug.training.following`.

    Attributes
    ----------
    steps : Steps
    best : BestWeights or None
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
        average: Callable[[AnyArray], float] | None = None,
        history: History | None = None,
        engine: Engine = NUMPY,
        shards: Shards | None = None,
        follows: Mapping[str, Schedule] | None = None,
    ) -> None:
        self.network, self.batches = network, batches
        self.epochs, self.schedule, self.stopping = epochs, schedule, stopping
        self.history = History() if history is None else history
        validated = next(iter(batches.validation()), None) is not None
        keep_outputs = measure is not None and not validated and batches.keeps_outputs
        if optimizer.shown:  # a step's outputs are not of the weights to predict with
            keep_outputs = False
        self.shards, ranks = shards, None if shards is None else shards.ranks
        self.steps = (Steps if shards is None else shards.steps)(
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
        evaluator = Evaluator(network, loss, engine)
        rows = batches.validation
        self._evaluation = EpochEvaluation(self.history, evaluator, rows, measure, ranks)
        self.per_epoch = -(-batches.rows // self.steps.batch_size)
        per_epoch = self.per_epoch

        def factor(part: Schedule, count: int) -> float:
            return float(part((count - 1) / per_epoch, epochs))

        self.steps.follows = {name: partial(factor, part) for name, part in (follows or {}).items()}
        if last := batches.rows % self.steps.batch_size:
            self.steps.bound(last)  # the last batch of an epoch is smaller
        self.epoch = self.step = 0
        self.best = None if stopping is None else BestWeights(stopping, self.steps, self.history)
        self._penalised = self.steps.regularization.penalised
        self._mean, self._average = MeanLoss(loss, network.outputs), average
        self._losses, self._penalties = np.zeros(self.per_epoch), np.zeros(self.per_epoch)
        self._portion, self.asked = 1, False
        self._on_batch: OnBatch | None = None
        self._outputs: AnyArray | None = None
        if keep_outputs:
            self._outputs = np.empty((batches.rows, network.outputs), network.dtype)
        # Unless an epoch is evaluated, full batches need no Python between two epochs.
        self._watched = stopping is not None or measure is not None or validated

    # --- running ----------------------------------------------------------------------

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Give the context of all steps."""
        # An overflow on the way to a finite result is not an error; each step checks its results.
        with np.errstate(all="ignore"), self._threads.limited():
            yield

    def take(
        self, every: int, should_stop: Callable[[], bool] | None, on_batch: OnBatch | None
    ) -> bool:
        """Take the rest of an epoch, or several epochs that are one step each; see `Training`."""
        self._on_batch, self.asked = on_batch, False
        return (self._take_full if self.steps.full else self._take_epoch)(every, should_stop)

    @property
    def over(self) -> str | None:
        """Why there is no next step; None if there is one."""
        if self.epoch >= self.epochs:
            return "epochs"
        exhausted = self.stopping is not None and self.stopping.exhausted
        return "patience" if exhausted else None

    def _take_full(self, every: int, should_stop: Callable[[], bool] | None) -> bool:
        """Take full batches, each an epoch: as many at once as nothing has to happen between."""
        count = min(-self.epoch % every + 1, self.epochs - self.epoch)
        count = 1 if self._watched or self._on_batch is not None else count
        if should_stop is not None:
            count = min(count, self._portion)
        if self.best is not None:
            self.best.before_full_batch(outputs=self._outputs is not None)
        losses, penalties = np.empty(count), np.empty(count)
        ((_, weight),) = self.batches.loads(self.epoch)
        taken, rates = self._take_steps(None, count, losses, penalties)
        if self._on_batch is not None and taken:
            self._tell(0, losses, weight, rates)
        self.history.add("loss", *(losses[:taken] * self._mean.scale(weight)).tolist())
        if self._penalised:
            self.history.add("penalty", *penalties[:taken].tolist())
        self.history.add("learning_rate", *rates[:taken].tolist())
        self.epoch += taken
        if taken < count:
            raise self._diverged(None)
        self._close([self.steps.targets])
        return True

    def _take_epoch(self, every: int, should_stop: Callable[[], bool] | None) -> bool:
        """Take the steps that an epoch has left; False if `should_stop` was True between them."""
        size, passed, total = self.steps.batch_size, 0, 0.0
        rates, targets = np.empty(0), list[AnyArray]()
        for order, load_weight in self.batches.loads(self.epoch):
            assert order is not None
            total += load_weight
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
                taken, rates = self._take_steps(
                    rows[: count * size], count, self._losses[part], self._penalties[part]
                )
                self.step += taken
                if taken < count:
                    raise self._diverged(rows[taken * size : (taken + 1) * size])
                if self._on_batch is not None:
                    weight = self._weight(rows[:size])
                    self._tell(self.step - 1, self._losses[part], weight, rates)
                if self.step < self.per_epoch and should_stop is not None and should_stop():
                    return False
            passed += here
        if self._average is None:
            loss = float(self._losses.sum() * self._mean.scale(total))
        else:
            loss = self._average(self._losses)
        self.history.add("loss", loss)
        if self._penalised:
            self.history.add(
                "penalty", self._mean.over_batches(self._penalties, self.batches.rows, size)
            )
        self.history.add("learning_rate", float(rates[-1]))
        self.epoch, self.step = self.epoch + 1, 0
        self._close(targets)
        return True

    def _weight(self, batch: AnyArray) -> float:
        """Return the total weight of a batch, of which this process may have a part."""
        if self.shards is not None:
            return self.shards.weight(batch, self.steps.weights)
        weights = self.steps.weights
        return weight_of(len(batch), None if weights is None else weights[batch])

    def _tell(self, batch: int, losses: AnyArray, weight: float, rates: AnyArray) -> None:
        """Call `on_batch` with the numbers of the step that was just taken."""
        assert self._on_batch is not None
        mean = float(losses[0]) * self._mean.scale(weight)
        if self._on_batch(BatchRecord(self.epoch, batch, mean, float(rates[0]))) is True:
            self.asked = True

    def _take_steps(
        self, order: AnyArray | None, count: int, losses: AnyArray, penalties: AnyArray
    ) -> tuple[int, AnyArray]:
        """Take some steps; return how many were taken, and the learning rates of all."""
        outputs = None
        if self._outputs is not None:
            outputs = self._outputs[self.step * self.steps.batch_size :]
        rates = self._rates(count)
        started = time.perf_counter()
        self.steps.hide()
        taken = self.steps.run_many(
            order, rates, losses, penalties if self._penalised else None, outputs
        )
        seconds = max(time.perf_counter() - started, 1e-9)
        # The next portion is to take a tenth of a second, and grows at most eightfold, since the
        # first steps may be slower than the others.
        self._portion = max(1, min(int(count * PORTION_SECONDS / seconds), 8 * count))
        if self.shards is not None:
            self._portion = self.shards.ranks.of_first(self._portion)
        return taken, rates

    def _rates(self, count: int) -> AnyArray:
        """Compute the learning rates of the next steps."""
        rates = np.full(count, self.steps.optimizer.learning_rate)
        if self.schedule is not None:
            done = range(self.step, self.step + count)
            times = (self.epoch + step / self.per_epoch for step in done)
            rates *= [self.schedule(time, self.epochs) for time in times]
        return rates

    def _diverged(self, rows: AnyArray | None) -> DivergedError:
        from nnplug.training.divergence import diverged  # noqa: PLC0415  # few runs diverge

        step = self.epoch * self.per_epoch + self.step + 1
        if rows is not None and self.shards is not None:
            rows = self.shards.collected(self.steps, rows)
        return diverged(self.steps, rows, epoch=self.epoch, step=step)

    # --- after an epoch ---------------------------------------------------------------

    def _close(self, targets: list[AnyArray]) -> None:
        """Evaluate the network after an epoch, and remember it if it is the best.

        Parameters
        ----------
        targets : list of array
            Targets of the training rows, in the order of the kept outputs.
        """
        self.steps.show()
        if self._watched:
            known = None
            if self._outputs is not None:
                known = self._outputs, targets[0] if len(targets) == 1 else np.concatenate(targets)
            self._evaluation.run(known)
            if self.best is not None:
                self.best.follow()
        self.history.level()

    def restore_best(self) -> None:
        """Give the network the weights, and the steps the optimizer's state, of the best epoch."""
        if self.best is not None:
            self.best.restore()
        self.steps.show()

    # --- leaving and continuing ---------------------------------------------------------

    def unfinished(self, step: int) -> dict[str, AnyArray]:
        """Return views of what the steps of an unfinished epoch have written."""
        written = {"losses": self._losses[:step], "penalties": self._penalties[:step]}
        if self._outputs is not None:
            written["outputs"] = self._outputs[: step * self.steps.batch_size]
        return written

    def state(self, since: int = 0) -> tuple[dict[str, AnyArray], dict[str, Any]]:
        """Copy all that another trainer needs to continue.

        Parameters
        ----------
        since : int, optional
            The first epoch of the history that is copied.

        Returns
        -------
        tuple of dict
            Arrays by name: the parameters, the optimizer's slots, the count of
            its steps, all these at the best epoch, the losses (and kept outputs)
            of an unfinished epoch, the history. And numbers that JSON can hold.
        """
        arrays = self.steps.copy_state()
        arrays |= {name: view.copy() for name, view in self.unfinished(self.step).items()}
        arrays |= {f"history.{name}": a for name, a in self.history.arrays(since).items()}
        if self.best is not None and self.best.state is not None:
            arrays |= {f"best.{name}": array.copy() for name, array in self.best.state.items()}
        numbers = {
            "epoch": self.epoch,
            "step": self.step,
            "ended": self.ended,
            **self.history.numbers(),
            "stopping": None if self.stopping is None else self.stopping.numbers(),
        }
        return arrays, numbers

    def restore(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
        """Continue from a state.

        Raises
        ------
        SettingError
            If the state is from another network, optimizer or batch size.
            Nothing has changed then.
        """
        from nnplug.training.state import restore  # noqa: PLC0415  # only a resumed run needs it

        restore(self, arrays, numbers)
