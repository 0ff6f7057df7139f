"""Dates in ONNX, which has no operations for them: the calendar in arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["place_of_date"]


def place_of_date(
    fact: str, seconds: str, node: Callable[..., str], constant: Callable[[Any, Any], str]
) -> str:
    """Write what is asked of a date.

    Parameters
    ----------
    fact : str
        See `Cell.fact`.
    seconds : str
        What the seconds since 1970-01-01 are called, (N,).
    node, constant : callable
        Add a node or a number, and give what it is called.

    Returns
    -------
    str
        What the result is called, (N,).
    """

    def number(value: float) -> str:
        return constant(value, np.float64)

    def do(kind: str, *given: str) -> str:
        return node(kind, given)

    def floor_divide(a: str, b: float) -> str:
        return do("Floor", do("Div", a, number(b)))

    if fact == "years":
        return do("Div", seconds, number(86400 * 365.2425))
    days = floor_divide(seconds, 86400.0)
    of_day = do("Div", do("Sub", seconds, do("Mul", days, number(86400.0))), number(86400.0))
    if fact == "day":
        return of_day
    if fact == "week":
        shifted = do("Add", days, number(3.0))
        week = do("Mul", floor_divide(shifted, 7.0), number(7.0))
        return do("Div", do("Add", do("Sub", shifted, week), of_day), number(7.0))

    def begin(year: str) -> str:
        """Days from 1970-01-01 to the first day of a year."""
        p = do("Sub", year, number(1.0))
        leaps = do("Sub", floor_divide(p, 4.0), floor_divide(p, 100.0))
        leaps = do("Add", leaps, floor_divide(p, 400.0))
        whole = do("Add", do("Mul", p, number(365.0)), leaps)
        return do("Sub", whole, number(719162.0))

    guess = floor_divide(do("Add", days, number(719528.0)), 365.2425)
    # The guess is right or off by one.
    late = do("Greater", begin(guess), days)
    year = do("Where", late, do("Sub", guess, number(1.0)), guess)
    following = do("Add", year, number(1.0))
    early = do("LessOrEqual", begin(following), days)
    year = do("Where", early, following, year)
    first, last = begin(year), begin(do("Add", year, number(1.0)))
    return do("Div", do("Add", do("Sub", days, first), of_day), do("Sub", last, first))
