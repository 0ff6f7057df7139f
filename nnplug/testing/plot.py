"""A plot of a value and its derivative in characters, for a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnplug.testing.failure import Curve, number

__all__ = ["draw"]

COLUMNS, ROWS = 66, 9
MARGIN = 10
"""Columns for the numbers of the vertical axis."""


def draw(curve: Curve) -> str:
    """Draw the value, and below it the part's derivative and the measured one.

    Returns
    -------
    str
        Lines of at most 79 characters, without colours.
    """
    left, right = curve.x[0], curve.x[-1]
    at = round((curve.at - left) / (right - left) * (COLUMNS - 1))
    ends = f"{number(left)}{number(right):>{COLUMNS - len(number(left))}}"
    blank = " " * MARGIN
    return "\n".join(
        [
            f"{blank}value along {curve.label}",
            *_panel(curve.x, [("*", curve.value)]),
            f"{blank}derivative:  x the part's   o measured   * both",
            *_panel(curve.x, [("x", curve.given), ("o", curve.expected)]),
            f"{blank}{ends}",
            f"{blank}{' ' * at}^ {curve.label} = {number(curve.at)}".rstrip()[:79],
        ]
    )


def _panel(x: Sequence[float], series: Sequence[tuple[str, Sequence[float]]]) -> list[str]:
    """Draw series into one frame; a star stands where two meet."""
    numbers = [value for _, values in series for value in values if math.isfinite(value)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 1, high + 1
    grid = [[" "] * COLUMNS for _ in range(ROWS)]

    def row_of(value: float) -> int:
        return round((high - value) / (high - low) * (ROWS - 1))

    if low <= 0 <= high:
        grid[row_of(0.0)] = ["-"] * COLUMNS
    for mark, values in series:
        for point, value in zip(x, values, strict=True):
            if math.isfinite(value):
                column = round((point - x[0]) / (x[-1] - x[0]) * (COLUMNS - 1))
                row = grid[row_of(value)]
                row[column] = mark if row[column] in (" ", "-", mark) else "*"
    labels = {0: number(high, 3), ROWS - 1: number(low, 3)}
    if low < 0 < high and row_of(0.0) not in labels:
        labels[row_of(0.0)] = "0"
    return [
        f"{labels.get(place, ''):>{MARGIN - 2}} |{''.join(row)}".rstrip()
        for place, row in enumerate(grid)
    ]
