"""The learning rates that a search tries, and what it concludes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Range", "points", "widened"]

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


def widened(trials: Sequence[dict[str, Any]], best: int, tried: Range) -> Range | None:
    """Return what to search too, if the best rate is the lowest or the highest of those tried.

    Parameters
    ----------
    trials : sequence of dict
        With `"rate"`.
    best : int
        The place of the best one.
    """
    rates = [trial["rate"] for trial in trials]
    rate = rates[best]
    if rate == min(rates):
        return Range(tried.low / 10**MORE_DECADES, tried.low)
    if rate == max(rates):
        return Range(tried.high, tried.high * 10**MORE_DECADES)
    return None
