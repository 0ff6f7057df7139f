"""The learning rates that a search tries, and what it concludes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Range", "judge", "points", "widened"]

_NEIGHBOURS = 3

DECADES = 2.0
"""Of rates that are searched below and above the usual rate."""
MORE_DECADES = 1.0
"""By which a range is widened on the side of its best rate."""


def points(count: int) -> list[float]:
    """Spread points evenly over (0, 1), so that the first few are spread evenly too.

    Van der Corput's sequence in base 2 (1935), which Sobol's is in one dimension but
    for the order, moved by half a step away from 0.

    Examples
    --------
    >>> points(4)
    [0.125, 0.625, 0.375, 0.875]
    """
    size = 1
    while size < count:
        size *= 2
    found = []
    for index in range(count):
        value, base, rest = 0.0, 0.5, index
        while rest:
            value, rest, base = value + base * (rest & 1), rest >> 1, base / 2
        found.append(value + 0.5 / size)
    return found


@dataclass(frozen=True)
class Range:
    """Learning rates on a logarithmic scale.

    Attributes
    ----------
    low, high : float
    """

    low: float
    high: float

    @classmethod
    def about(cls, rate: float) -> Range:
        """Return the range about the rate that would be used without a search."""
        return cls(rate / 10**DECADES, rate * 10**DECADES)

    def rates(self, count: int) -> list[float]:
        """Return rates to try, in the order in which to try them."""
        # Three digits are enough of a rate, and easy to read and to type.
        return [
            float(f"{self.low * (self.high / self.low) ** place:.3g}") for place in points(count)
        ]


def judge(scores: Sequence[tuple[float, float, float]]) -> dict[float, tuple[float, float]]:
    """Judge each rate by the mean of its own trial and of its two neighbours'.

    One trial says little: its validation rows are few, and may suit a rate by chance.
    Neighbours in the order of their rates were tried with other seeds, so that of rates
    spread by `points`, in steps of three seeds, each is judged by all three seeds. The
    lowest and the highest rate have one neighbour, and are only neighbours themselves.

    Parameters
    ----------
    scores : sequence of tuple
        Rate, score and loss of each trial: the score such that more is better, the loss
        to order equal scores. A trial without a score has minus infinity.

    Returns
    -------
    dict
        By rate, the means of the score and of minus the loss. Fewer than three trials
        are judged alone.
    """
    known = [score for _, score, _ in scores if math.isfinite(score)]
    losses = [loss for _, _, loss in scores if math.isfinite(loss)]
    if not known:
        return {}
    # A trial that diverged counts as the worst of the others, for its neighbours too.
    worst, most = min(known), max(losses, default=0.0)
    ordered = [
        (rate, score if math.isfinite(score) else worst, loss if math.isfinite(loss) else most)
        for rate, score, loss in sorted(scores)
    ]
    diverged = {rate for rate, score, _ in scores if not math.isfinite(score)}
    reach = 1 if len(ordered) >= _NEIGHBOURS else 0
    judged = {}
    for place in range(reach, len(ordered) - reach):
        rate = ordered[place][0]
        near = ordered[place - reach : place + reach + 1]
        if rate not in diverged:
            mean = math.fsum(score for _, score, _ in near) / len(near)
            judged[rate] = mean, -math.fsum(loss for _, _, loss in near) / len(near)
    return judged


def widened(judged: Mapping[float, tuple[float, float]], tried: Range) -> Range | None:
    """Return what to search too, if the best rate is the lowest or the highest judged.

    Parameters
    ----------
    judged : mapping
        What `judge` returned.
    tried : Range
        What was searched.
    """
    if len(judged) == 1:  # a single rate is not at an edge
        return None
    best = max(judged, key=judged.__getitem__)
    if best == min(judged):
        return Range(tried.low / 10**MORE_DECADES, tried.low)
    if best == max(judged):
        return Range(tried.high, tried.high * 10**MORE_DECADES)
    return None
