"""When networks learn, and for how long: in slices, so that commands are obeyed between two."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from nnplug.errors import SettingError
from nnplug.play.learner import Learner

__all__ = ["SPEEDS", "Pace"]

SPEEDS = (1, 10, 100, 1000, 0)
"""Epochs per second that can be chosen; 0 is as fast as it goes."""

FRAMES = 20
"""The most frames in a second."""

FEWEST_FRAMES = 10
"""The frames in a second below which looking may take more than its share."""

SLICE = 0.5
"""Seconds that a command trains at the longest; what is left is done in slices."""


class Pace:
    """How fast the networks of a session learn.

    Attributes
    ----------
    playing : bool
    speed : int
        One of `SPEEDS`.
    goals : list of tuple of int
        The epoch and the step to which each network learns, and then pauses;
        empty: without end.
    cost : float
        Seconds that the last look took.
    """

    def __init__(self) -> None:
        self.playing, self.speed = False, 0
        self.goals: list[tuple[int, int]] = []
        self.cost, self._due = 0.0, 0.0

    def __copy__(self) -> Pace:
        made = Pace()
        vars(made).update(vars(self))
        return made

    @property
    def due(self) -> float:
        """When there is work to do, by `time.perf_counter`; infinite while it is paused."""
        return self._due if self.playing else float("inf")

    def soon(self) -> None:
        """Let the next slice begin now."""
        self._due = 0.0

    def play(self, learners: Sequence[Learner]) -> None:
        """Learn without end, unless all of them are done."""
        self.goals, self._due = [], 0.0
        self.playing = not all(learner.done for learner in learners)

    def pause(self) -> None:
        """Learn no more."""
        self.playing, self.goals = False, []

    def set_speed(self, speed: Any) -> None:
        """Choose the epochs per second.

        Raises
        ------
        SettingError
            If they are none of `SPEEDS`.
        """
        if isinstance(speed, bool) or speed not in SPEEDS:
            raise SettingError(f"speed={speed!r}: choose one of {', '.join(map(str, SPEEDS))}.")
        self.speed, self._due = int(speed), 0.0

    def learn_to(
        self,
        learners: Sequence[Learner],
        goals: Sequence[tuple[int, int]],
        seconds: float | None = None,
    ) -> None:
        """Learn until each network is at its epoch and step; play on if the time is up before."""
        self.playing, self.goals = True, list(goals)
        self._due = 0.0
        self._approach(learners, SLICE if seconds is None else seconds)

    def _approach(self, learners: Sequence[Learner], seconds: float) -> None:
        until = time.perf_counter() + seconds
        for learner, goal in zip(learners, self.goals, strict=True):
            learner.learn_to(*goal, seconds=until - time.perf_counter())
        if all(
            learner.done or (learner.epoch, learner.step) >= goal
            for learner, goal in zip(learners, self.goals, strict=True)
        ):
            self.pause()

    def work(self, learners: Sequence[Learner], share: float) -> None:
        """Train for a slice.

        Parameters
        ----------
        share : float
            The share of the time that this session may take.
        """
        started = time.perf_counter()
        # What looking leaves of the time between two frames; but looking takes a seventh at
        # most, unless ten frames a second need more.
        enough = min(6 * self.cost, 0.8 / FEWEST_FRAMES)
        seconds = share * max(1 / FRAMES - self.cost, enough)
        epochs = max(1, round(self.speed / FRAMES))
        if self.goals:
            self._approach(learners, seconds)
        else:
            self._learn([one for one in learners if not one.done], epochs, seconds)
        self.playing = self.playing and not all(learner.done for learner in learners)
        wait = epochs / self.speed if self.speed and not self.goals else 1 / FRAMES
        self._due = started + wait

    def _learn(self, racing: Sequence[Learner], epochs: int, seconds: float) -> None:
        own = seconds / max(1, len(racing))
        for learner in racing[:1]:
            if any(other.epoch < learner.epoch for other in racing[1:]):
                continue  # a race is by epochs, not by time: the first one waits
            if self.speed:
                learner.learn_to(learner.epoch + epochs, seconds=own)
            else:
                learner.learn(own)
        for learner in racing[1:]:
            alike = learner.trainer.per_epoch == racing[0].trainer.per_epoch
            learner.learn_to(racing[0].epoch, racing[0].step if alike else 0, seconds=SLICE)
