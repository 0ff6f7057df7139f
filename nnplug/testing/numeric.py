"""Derivatives of any function by differences: an oracle that knows no rule.

The function is called as its author wrote it, in float64, never its traced
graph. A derivative is measured three times, from both sides and in the
middle; where the three disagree, at a kink or a step, nothing is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnplug.types import AnyArray

__all__ = ["Measured", "gradient", "slopes"]

# Weights of f(x + k·h) for k = -4..4, of fourth order, over 12·h.
_OFFSETS = np.arange(-4.0, 5.0)
_WEIGHTS = (
    np.array(
        [
            [3.0, -16.0, 36.0, -48.0, 25.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, -8.0, 0.0, 8.0, -1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, -25.0, 48.0, -36.0, 16.0, -3.0],
        ]
    )
    / 12
)
_STEPS = (1e-3, 1e-4, 1e-5)
_SMOOTH = 2e-6
"""How far the three may disagree, relatively, beyond rounding."""

_MOVES = (0.0, 0.0137, -0.0171, 0.0293, -0.0391)
"""Where to try again beside a kink."""


@dataclass(frozen=True)
class Measured:
    """Derivatives by differences.

    Attributes
    ----------
    x : array
        Where, which is beside a kink that was found.
    slope : array
        `nan` where it could not be measured.
    tolerance : array
        How far a right derivative may be from it.
    """

    x: AnyArray
    slope: AnyArray
    tolerance: AnyArray

    @property
    def known(self) -> AnyArray:
        """Where a derivative was measured."""
        known: AnyArray = np.isfinite(self.slope)
        return known


def slopes(function: Callable[[AnyArray], AnyArray], x: AnyArray) -> Measured:
    """Measure dy/dx of an elementwise function at many points.

    Parameters
    ----------
    function : callable
        From a vector to a vector.
    x : array of shape (P,)
    """
    at, slope, tolerance = x.copy(), np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for move in _MOVES:
        for step in _STEPS:
            open_ = ~np.isfinite(slope)
            if not open_.any():
                break
            centre = (x + move)[open_]
            points = centre[:, None] + step * _OFFSETS
            values = np.asarray(function(points.reshape(-1)), np.float64).reshape(points.shape)
            at[open_] = centre
            slope[open_], tolerance[open_] = _from_stencil(values, centre, step)
    return Measured(at, slope, tolerance)


def gradient(function: Callable[[AnyArray], float], x: AnyArray) -> Measured:
    """Measure the derivative of one number by each element of an array."""
    slope, tolerance = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for place in np.ndindex(x.shape):

        def along(points: AnyArray, place: tuple[int, ...] = place) -> AnyArray:
            values = np.empty(points.shape)
            for number, point in enumerate(points):
                moved = x.copy()
                moved[place] = point
                values[number] = function(moved)
            return values

        centre = x[place].reshape(1)
        for step in _STEPS:
            found = _from_stencil(along(centre + step * _OFFSETS)[None], centre, step)
            slope[place], tolerance[place] = found[0][0], found[1][0]
            if np.isfinite(slope[place]):
                break
    return Measured(x, slope, tolerance)


def _from_stencil(values: AnyArray, x: AnyArray, step: float) -> tuple[AnyArray, AnyArray]:
    """Take the derivative from each row of nine values; nan where it has a kink."""
    with np.errstate(all="ignore"):
        left, middle, right = _WEIGHTS @ values.T / step
        size = np.maximum(abs(values).max(axis=1), np.maximum(1.0, abs(x)))
        rounding = 200 * np.finfo(np.float64).eps * size / step
        spread = np.maximum.reduce([abs(left - right), abs(middle - left), abs(middle - right)])
        smooth = spread <= _SMOOTH * abs(middle) + rounding
        slope = np.where(smooth, middle, np.nan)
    return slope, 5 * spread + 10 * rounding + 1e-9 * abs(slope)
