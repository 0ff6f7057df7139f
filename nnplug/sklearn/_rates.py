"""The learning rate over the steps of a fit, in scikit-learn's modes."""

from __future__ import annotations

from nnplug.parts import Schedule

__all__ = ["LearningRate"]

SMALLEST = 1e-6
"""An adaptive rate that is not above this is not lowered any more."""


class LearningRate:
    """What the learning rate is, and how an epoch's end changes it.

    Parameters
    ----------
    initial : float
    mode : str
        `"constant"`; `"invscaling"`: initial / (samples seen + 1)^power from
        the second epoch on; `"adaptive"`: divided by 5 when patience runs out.
    power : float
    schedule : Schedule, optional
        Its factor is multiplied by all this.
    epochs : int
        The length of the run, which a schedule sees.

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
        """Whether it is anything but constant."""
        return self.mode != "constant" or self.schedule is not None

    def go_on(self, before: LearningRate | None) -> None:
        """Take up the rate of earlier calls, if it began and changes alike."""
        if before is not None and (before.initial, before.mode, before.power) == (
            self.initial,
            self.mode,
            self.power,
        ):
            self.learning_rate = before.learning_rate

    def __call__(self, epoch: float, epochs: float) -> float:
        """Give the factor on the initial rate, as a schedule does."""
        factor = self.learning_rate / self.initial
        if self.schedule is not None:
            factor *= float(self.schedule(epoch, self.epochs))
        return factor

    def end_epoch(self, samples: int) -> None:
        """Take note of an epoch's end, after so many rows in all."""
        if self.mode == "invscaling":
            self.learning_rate = self.initial / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower an adaptive rate instead of stopping; False if there is nothing to lower."""
        if self.mode != "adaptive" or self.learning_rate <= SMALLEST:
            return False
        self.learning_rate /= 5
        return True
