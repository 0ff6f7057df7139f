"""Which epoch was the best, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Stopping"]


@dataclass
class Stopping:
    """Follows one number of the history.

    The best epoch is the first with the best number. Patience runs out after
    that many epochs in a row of which none was better than the number that
    last ended the waiting, by more than `min_delta`. By scikit-learn's rule
    (`from_best`) none was better than the best of all, by `min_delta` or more.
    A number that is not finite is never better.

    Attributes
    ----------
    monitor : str
        A column of the history: `"validation_loss"`, `"loss"`, or a metric.
    goal : str
        `"minimize"` or `"maximize"`.
    patience : int or None
        Epochs without improvement after which training stops, at least 1;
        None: it never does.
    min_delta : float
        How much better is an improvement, at least 0.
    from_best : bool
        Whether an improvement is counted by scikit-learn's rule.
    best, best_epoch : float and int, or None
        The best number so far, and its epoch.
    reference : float or None
        The number that the next one has to improve.
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
    from_best: bool = False
    best: float | None = None
    best_epoch: int | None = None
    reference: float | None = None
    waited: int = 0

    def observe(self, epoch: int, value: float) -> bool:
        """Take note of an epoch's number.

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        if math.isfinite(value) and self._improves(value):
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        if not math.isfinite(value) or self._gain(value, self.best) <= 0:
            return False
        self.best, self.best_epoch = value, epoch
        return True

    def _improves(self, value: float) -> bool:
        if not self.from_best:
            return self._gain(value, self.reference) > self.min_delta
        if self.best is None:
            return True
        if self.goal == "minimize":  # rounded as scikit-learn rounds, not as a gain
            return value <= self.best - self.min_delta
        return value >= self.best + self.min_delta

    def _gain(self, value: float, than: float | None) -> float:
        if than is None:
            return math.inf
        return than - value if self.goal == "minimize" else value - than

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.waited >= self.patience

    def numbers(self) -> dict[str, Any]:
        """Give what it has noted, as plain values."""
        return {name: getattr(self, name) for name in ("best", "best_epoch", "reference", "waited")}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        """Take up what another has noted."""
        for name in self.numbers():
            setattr(self, name, numbers[name])
