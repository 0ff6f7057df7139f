"""Which epoch is the best, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nnplug.errors import SettingError
from nnplug.training.history import History
from nnplug.training.steps import Steps
from nnplug.types import AnyArray

__all__ = ["BestWeights", "Stopping"]


@dataclass
class Stopping:
    """Early stopping: follows one number of the history.

    The best epoch is the first one with the best number, or the last. An epoch improves on
    a reference, the number of the last epoch that improved, if it is better by
    more than `min_delta`. Patience runs out after that many epochs in a row
    without improvement. A number that is not finite is never better.

    Another policy derives from this class: `number` says what is followed,
    `improves` what counts as an improvement.

    Attributes
    ----------
    monitor : str
        A column of the history: `"validation_loss"`, `"loss"`, or a metric.
    goal : str
        `"minimize"` or `"maximize"`.
    patience : int or None
        Epochs without improvement after which training stops, at least 1;
        None: it never stops early.
    min_delta : float
        The smallest gain that counts as an improvement, at least 0.
    keeps_best : bool
        Whether the network ends with the weights of the best epoch.
    last_of_equal : bool
        Whether, of epochs with the same number, the last is the best. Metrics such as the
        accuracy have few values, and under a schedule later epochs have settled.
    best, best_epoch : float and int, or None
        The best number so far, and its epoch.
    reference : float or None
        The number that the next one has to improve on.
    waited : int
        Epochs since the last improvement.

    Examples
    --------
    >>> stopping = Stopping("loss", patience=2)
    >>> [stopping.observe(epoch, loss) for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.0])]
    [True, True, False, False]
    >>> stopping.best_epoch, stopping.exhausted
    (1, True)
    """

    monitor: str = "validation_loss"
    goal: Literal["minimize", "maximize"] = "minimize"
    patience: int | None = None
    min_delta: float = 0.0
    keeps_best: bool = True
    last_of_equal: bool = False
    best: float | None = None
    best_epoch: int | None = None
    reference: float | None = None
    waited: int = 0

    def number(self, history: History) -> float:
        """Return the number of the last epoch that is followed.

        Raises
        ------
        SettingError
            If the history does not have it.
        """
        column = history.columns.get(self.monitor)
        if not column:
            known = ", ".join(history.columns)
            raise SettingError(f"monitor={self.monitor!r}: the history has {known}.")
        return column[-1]

    def observe(self, epoch: int, value: float) -> bool:
        """Record an epoch's number.

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        if math.isfinite(value) and self.improves(value):
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        gain = self._gain(value, self.best)
        if not math.isfinite(value) or gain < 0 or (gain == 0 and not self.last_of_equal):
            return False
        self.best, self.best_epoch = value, epoch
        return True

    def improves(self, value: float) -> bool:
        """Whether a finite number is an improvement, which ends the waiting."""
        return self._gain(value, self.reference) > self.min_delta

    def _gain(self, value: float, reference: float | None) -> float:
        if reference is None:
            return math.inf
        return reference - value if self.goal == "minimize" else value - reference

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.waited >= self.patience

    def numbers(self) -> dict[str, Any]:
        """Return what it has recorded, as plain values."""
        return {name: getattr(self, name) for name in ("best", "best_epoch", "reference", "waited")}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        """Continue from the numbers of another."""
        for name in self.numbers():
            setattr(self, name, numbers[name])


class BestWeights:
    """Copies what steps have changed at the best epoch, to return to it at the end.

    Parameters
    ----------
    stopping : Stopping
        Says which epoch is the best.
    steps : Steps
    history : History

    Attributes
    ----------
    state : dict of str to array, or None
        The copy, of `Steps.copy_state`; None before there is a best epoch.
    """

    def __init__(self, stopping: Stopping, steps: Steps, history: History) -> None:
        self.stopping, self.steps, self.history = stopping, steps, history
        self.state: dict[str, AnyArray] | None = None
        self._before: dict[str, AnyArray] | None = None

    def before_full_batch(self, *, outputs: bool) -> None:
        """Copy the weights before a step that is an epoch, if its numbers are of these.

        The loss of a step, and the outputs that it keeps for metrics, are of
        the weights before it. Only validation rows are evaluated after it.
        """
        before = outputs or self.stopping.monitor in ("loss", "penalty")
        if before and self.stopping.keeps_best:
            self._before = self.steps.copy_state(self._before)

    def follow(self) -> None:
        """Let the policy see the last epoch, and copy its weights if it is the best."""
        stopping = self.stopping
        best = stopping.observe(len(self.history) - 1, stopping.number(self.history))
        if not (best and stopping.keeps_best):
            return
        if self._before is not None:
            self.state, self._before = self._before, self.state
        else:
            self.state = self.steps.copy_state(self.state)

    def restore(self) -> None:
        """Return to the best epoch, if there is one."""
        if self.state is not None:
            self.steps.set_state(self.state)
            self.history.best = self.stopping.best_epoch
