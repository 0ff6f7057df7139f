"""Derivatives of any function by finite differences: an oracle that uses no rules.

The function is called as its author wrote it, in float64; its traced graph is
never used. A derivative is measured three times, from both sides and in the
middle; where the three disagree, at a kink or a step, there is no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnplug.testing.failure import Curve, Wrong, number
from nnplug.types import AnyArray

__all__ = ["Measured", "curve_along", "gradient", "slopes", "worst"]

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
"""How much the three may disagree, relatively, beyond rounding."""

_MOVES = (0.0, 0.0137, -0.0171, 0.0293, -0.0391)
"""Where to try again next to a kink."""


@dataclass(frozen=True)
class Measured:
    """Derivatives by finite differences.

    Attributes
    ----------
    x : array
        Where they were measured: next to the point, if it has a kink.
    slope : array
        `nan` where it could not be measured.
    tolerance : array
        How far from it a correct derivative may be.
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
    """Measure the derivative of a number with respect to each element of an array."""
    slope, tolerance = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for place in np.ndindex(x.shape):

        def along(points: AnyArray, place: tuple[int, ...] = place) -> AnyArray:
            values = np.empty(points.shape)
            for index, point in enumerate(points):
                moved = x.copy()
                moved[place] = point
                values[index] = function(moved)
            return values

        centre = x[place].reshape(1)
        for step in _STEPS:
            found = _from_stencil(along(centre + step * _OFFSETS)[None], centre, step)
            slope[place], tolerance[place] = found[0][0], found[1][0]
            if np.isfinite(slope[place]):
                break
    return Measured(x, slope, tolerance)


def _from_stencil(values: AnyArray, x: AnyArray, step: float) -> tuple[AnyArray, AnyArray]:
    """Compute the derivative from each row of nine values; nan where there is a kink."""
    with np.errstate(all="ignore"):
        left, middle, right = _WEIGHTS @ values.T / step
        size = np.maximum(abs(values).max(axis=1), np.maximum(1.0, abs(x)))
        rounding = 200 * np.finfo(np.float64).eps * size / step
        spread = np.maximum.reduce([abs(left - right), abs(middle - left), abs(middle - right)])
        smooth = spread <= _SMOOTH * abs(middle) + rounding
        slope = np.where(smooth, middle, np.nan)
    return slope, 5 * spread + 10 * rounding + 1e-9 * abs(slope)


def worst(given: AnyArray, measured: Measured) -> tuple[int | None, int]:
    """Find the derivative that is farthest from its measured value, if any is too far.

    Returns
    -------
    int or None
        Its place in the flattened arrays.
    int
        How many are wrong.

    Raises
    ------
    Wrong
        If most of them could not be measured.
    """
    expected, tolerance = measured.slope.reshape(-1), measured.tolerance.reshape(-1)
    known = measured.known.reshape(-1)
    if 2 * known.sum() < known.size:
        x = measured.x.reshape(-1)[int(np.argmin(known))]
        raise Wrong(
            f"derivative near x = {number(x)}: it cannot be measured there, nor at "
            f"{known.size - known.sum() - 1} of {known.size - 1} other points, since the values "
            "are not smooth or not finite. A function must compute in the dtype it is given"
        )
    error = np.where(known, abs(given - expected), 0.0)
    bad = known & ~(error <= tolerance)  # a NaN is bad
    if not bad.any():
        return None, 0
    relative = np.where(bad, error / (0.01 + abs(expected)), -1.0)
    return int(np.argmax(np.where(np.isnan(relative), np.inf, relative))), int(bad.sum())


def curve_along(
    label: str,
    x: AnyArray,
    place: tuple[int, ...],
    value: Callable[[AnyArray], float],
    derivative: Callable[[AnyArray], AnyArray],
) -> Curve:
    """Evaluate a number and its derivative along one element of an array."""
    at = float(x[place])
    middle = at if abs(at) > 5 else 0.0
    points = middle + np.linspace(-6.0, 6.0, 71)

    def moved(point: float) -> AnyArray:
        copy = x.copy()
        copy[place] = point
        return copy

    measured = slopes(
        lambda along: np.array([value(moved(point)) for point in along]), points.astype(np.float64)
    )
    return Curve(
        label,
        points.tolist(),
        [float(value(moved(point))) for point in points],
        [float(derivative(moved(point))[place]) for point in points],
        measured.slope.tolist(),
        at,
    )
