"""Several networks trained as one run: an epoch of each in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnplug.errors import DivergedError, SettingError
from nnplug.training.history import History, OnBatch, member_column
from nnplug.training.loop import Trainer
from nnplug.training.training import Training
from nnplug.types import AnyArray

__all__ = ["Members"]

_SHARED = ("learning_rate",)
"""Columns that are the same for all members."""


class Members(Training):
    """Trains the members of a model, each with rows, patience and a best epoch of its own.

    A round is an epoch of each member that is not done. One history has them
    all: a column of the means over the members that took the epoch, and one of
    each member, which is NaN after its last epoch.

    Parameters
    ----------
    trainers : sequence of Trainer
    history : History
    score : callable, optional
        Called at the end, with the best weights in the networks: returns the
        numbers by which the model of all members is judged.
    """

    def __init__(
        self,
        trainers: Sequence[Trainer],
        *,
        history: History,
        score: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        first = trainers[0]
        self.trainers, self.history, self._score = tuple(trainers), history, score
        self.network, self.steps, self.batches = first.network, first.steps, first.batches
        self.epochs, self.per_epoch, self.shards = first.epochs, first.per_epoch, first.shards
        self.epoch = 0

    # --- running ----------------------------------------------------------------------

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Give the context of all steps, which is the same for all members."""
        with self.trainers[0].computing():
            yield

    @property
    def over(self) -> str | None:
        """Why no member has a next step; None if one has."""
        reasons = {trainer.over for trainer in self.trainers}
        if None in reasons:
            return None
        return "epochs" if "epochs" in reasons else "patience"

    def take(
        self, every: int, should_stop: Callable[[], bool] | None, on_batch: OnBatch | None
    ) -> bool:
        """Let the members that are behind take epochs until all are further; see `Training`."""
        while True:
            waiting = [trainer for trainer in self.trainers if trainer.over is None]
            behind = min(waiting, key=lambda trainer: trainer.epoch)
            try:
                if not behind.take(every, should_stop, on_batch):
                    return False
            except DivergedError as error:
                which = f"Member {self.trainers.index(behind) + 1} of {len(self.trainers)}"
                raise DivergedError(
                    f"{which}: {error}", epoch=error.epoch, step=error.step, layer=error.layer
                ) from error
            self.asked = self.asked or behind.asked
            if self._record():
                return True
            if should_stop is not None and should_stop():
                return False

    def _record(self) -> bool:
        """Add the epochs that all members have taken to the history; False if there is none."""
        waiting = [trainer.epoch for trainer in self.trainers if trainer.over is None]
        done = min(waiting) if waiting else max(trainer.epoch for trainer in self.trainers)
        if done <= self.epoch:
            return False
        for name in self.trainers[0].history.columns:
            numbers = np.array([self._numbers(trainer, name, done) for trainer in self.trainers])
            if not numbers.size:
                continue
            self.history.add(name, *(_mean(column) for column in numbers.T))
            if name not in _SHARED:
                for member, row in enumerate(numbers):
                    self.history.add(member_column(member, name), *row.tolist())
        self.epoch = done
        return True

    def _numbers(self, trainer: Trainer, name: str, stop: int) -> list[float]:
        """Return a member's numbers of the epochs until `stop` that the history does not have."""
        column = trainer.history.columns.get(name, [])
        if not column:  # nobody has such a number, as without a penalty
            return []
        found = column[self.epoch : stop]
        return found + [math.nan] * (stop - self.epoch - len(found))

    def restore_best(self) -> None:
        """Give each network the weights of its best epoch, and judge them together."""
        for trainer in self.trainers:
            trainer.restore_best()
        ends = [
            trainer.epoch - 1 if trainer.history.best is None else trainer.history.best
            for trainer in self.trainers
        ]
        scores = {
            name: _mean([t.history[name][end] for t, end in zip(self.trainers, ends, strict=True)])
            for name in self.history.overall
        }
        if self._score is not None:
            scores |= self._score()
        self.history.ends, self.history.scores = tuple(ends), scores

    # --- leaving and continuing -------------------------------------------------------

    @property
    def step(self) -> int:  # type: ignore[override]  # of all members together, so it is computed
        """Steps done beyond the epochs that all members have taken."""
        return sum(
            max(0, trainer.epoch - self.epoch) * trainer.per_epoch + trainer.step
            for trainer in self.trainers
        )

    def state(self, since: int = 0) -> tuple[dict[str, AnyArray], dict[str, Any]]:
        """Copy the states of all members, and the history from an epoch on; see `Training`."""
        arrays = {f"history.{name}": a for name, a in self.history.arrays(since).items()}
        members = []
        for member, trainer in enumerate(self.trainers):
            # The history has the epochs before.
            own, numbers = trainer.state(self.epoch)
            arrays |= {member_column(member, name): array for name, array in own.items()}
            members.append(numbers)
        waiting = [numbers["stopping"] for numbers in members if numbers["stopping"]]
        return arrays, {
            "epoch": self.epoch,
            "step": self.step,
            "ended": self.ended,
            **self.history.numbers(),
            "stopping": min(waiting, key=lambda numbers: numbers["waited"], default=None),
            "members": members,
        }

    def restore(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
        """Continue from a state; see `Training`."""
        members = numbers.get("members", [])
        if len(members) != len(self.trainers):
            raise SettingError(
                f"This state is of another run: it has {max(1, len(members))} members, here there "
                f"are {len(self.trainers)}.\nGo on with as many members."
            )
        for member, (trainer, state) in enumerate(zip(self.trainers, members, strict=True)):
            start = member_column(member, "")
            own = {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}
            for name in state["columns"]:
                before = name if name in _SHARED else member_column(member, name)
                if (known := arrays.get(f"history.{before}")) is not None:
                    later = own[f"history.{name}"]
                    earlier = known[: min(state["epoch"], int(numbers["epoch"]))]
                    own[f"history.{name}"] = np.concatenate([earlier, later])
            trainer.restore(own, state)
        self.history.restore(arrays, numbers)
        self.epoch, self.ended = int(numbers["epoch"]), numbers["ended"]


def _mean(values: Sequence[float] | AnyArray) -> float:
    """Average the numbers that there are; equal ones are that number exactly."""
    there = [float(value) for value in values if not math.isnan(value)]
    if not there:
        return math.nan
    return there[0] if len({*there}) == 1 else math.fsum(there) / len(there)
