"""The built-in encodings."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, encoding, quantiles
from nnplug.types import AnyArray

# --- numbers --------------------------------------------------------------------------


@encoding(aliases=("z_score",), ranges={"far": "(0, inf)"})
def standard(x: AnyArray, mean: float, deviation: float, *, far: float = 10.0) -> Any:
    """Standard scale: z = (x - mean) / deviation, bent where it is far out.

    For |z| > `far`, z is ±(far + log(1 + |z| - far)) instead. That keeps the order, and one
    value far from all others, often an error, does not outweigh them in a sum. This is
    how a column of numbers is encoded by default.

    Parameters
    ----------
    far : float
        Above 0, in standard deviations.

    Examples
    --------
    >>> float(standard(7.0, 5.0, 2.0))
    1.0
    """
    z = (x - mean) / deviation
    away = np.abs(z)
    bent = far + np.log1p(np.maximum(away - far, 0.0))
    return np.where(away > far, np.copysign(bent, z), z)


@encoding(ranges={"limit": "(0, inf)"})
def robust_clip(
    x: AnyArray,
    median: float,
    lower_quartile: float,
    upper_quartile: float,
    minimum: float,
    maximum: float,
    *,
    limit: float = 3.0,
) -> Any:
    """Robust scale and smooth clip: z / √(1 + (z/limit)²), z in quartile ranges from the median.

    As in RealMLP (Holzmüller, Grinsztajn & Steinwart, 2024, arXiv:2407.04491). Values
    beyond `limit` approach it, so no row is far outside of what training saw. Where both
    quartiles are equal, the unit is half the range.

    Parameters
    ----------
    limit : float
        Above 0, in quartile ranges.

    Examples
    --------
    >>> round(float(robust_clip(8.0, 2.0, 1.0, 3.0, 0.0, 9.0)), 4)  # z = 3
    2.1213
    """
    quartiles = upper_quartile - lower_quartile
    spread = np.where(quartiles > 0, quartiles, (maximum - minimum) / 2)
    z = (x - median) / np.where(spread > 0, spread, 1.0)
    return z / np.hypot(1.0, z / limit)  # hypot does not overflow for a large z


@encoding(aliases=("ple",), ranges={"bins": "[1, 1000]"})
def piecewise_linear(
    x: AnyArray, edges: tuple[float, ...] = quantiles("bins"), *, bins: int = 16
) -> Any:
    """Piecewise-linear encoding by quantile bins (Gorishniy et al., 2022, arXiv:2203.05556, eq. 1).

    Each bin has an input: 0 below it, 1 above it, and the share of the bin that x has
    passed within it. So a linear layer can bend at each edge. Equal quantiles are one
    edge, so a column with few values has fewer inputs.

    Differs from the paper, where the first and the last bin are not cut off: an x outside of
    the range of the training rows is encoded like the nearest end of it.

    Parameters
    ----------
    bins : int
        At least 1.

    Examples
    --------
    >>> [float(share) for share in piecewise_linear(3.0, (0.0, 2.0, 6.0, 9.0))]
    [1.0, 0.25, 0.0]
    """
    return tuple(
        np.clip((x - low) / (high - low), 0.0, 1.0) for low, high in itertools.pairwise(edges)
    )


@encoding(ranges={"shares": "[1, 1000]"})
def quantile(
    x: AnyArray,
    edges: tuple[float, ...] = quantiles("shares", distinct=False),
    *,
    shares: int = 32,
) -> Any:
    """To a normal distribution by quantiles: the normal score of the rank of x.

    The quantiles of the rows become those of the standard normal distribution; between two
    of them x is interpolated. Ends are at the ranks 1/2 and n - 1/2 of n = `shares` + 1.

    Parameters
    ----------
    shares : int
        How many parts of equally many rows the quantiles bound; at least 1.

    Examples
    --------
    >>> [round(float(quantile(x, (0.0, 1.0, 9.0))), 4) for x in (-5.0, 1.0, 9.0)]
    [-0.9674, 0.0, 0.9674]
    """
    scores = _normal_scores(len(edges))
    # Where two quantiles are equal, the score jumps.
    steps = [
        (after - before)
        * np.where(
            high > low,
            np.clip((x - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0),
            np.where(x >= low, 1.0, 0.0),
        )
        for (low, high), (before, after) in zip(
            itertools.pairwise(edges), itertools.pairwise(scores), strict=True
        )
    ]
    return sum(steps[1:], scores[0] + steps[0])


def _normal_scores(count: int) -> list[float]:
    from statistics import NormalDist  # noqa: PLC0415  # few runs need it

    return [NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)]


@encoding(ranges={"unit": "(0, inf)"})
def log(
    x: AnyArray,
    median: float,
    lower_quartile: float,
    upper_quartile: float,
    minimum: float,
    maximum: float,
    *,
    unit: float = 1.0,
) -> Any:
    """Logarithm of both signs: ±log(1 + |x|/unit), in quartile ranges from its median.

    For amounts of many orders of magnitude. Near 0 it is linear, so zeros and negative
    numbers are allowed.

    Parameters
    ----------
    unit : float
        Above 0; the size, in the unit of the column, below which it is about linear.

    Examples
    --------
    >>> round(float(log(999.0, 9.0, 0.0, 99.0, 0.0, 999.0)), 4)  # (3 - 1) / 2, in powers of ten
    1.0
    """

    def size(value: Any) -> Any:
        return np.copysign(np.log1p(np.abs(value) / unit), value)

    quartiles = size(upper_quartile) - size(lower_quartile)
    spread = np.where(quartiles > 0, quartiles, size(maximum) - size(minimum))
    return (size(x) - size(median)) / np.where(spread > 0, spread, 1.0)


# --- categories -----------------------------------------------------------------------


@encoding(takes="category")
def one_hot(x: AnyArray, counts: tuple[float, ...]) -> Any:
    """One-hot: an input of 0 or 1 for each category.

    This is how a column of text is encoded by default. In a category that training did not
    see, all are 0.

    Examples
    --------
    >>> [float(hit) for hit in one_hot(1, (40, 30, 30))]
    [0.0, 1.0, 0.0]
    """
    return tuple(np.where(x == place, 1.0, 0.0) for place in range(len(counts)))


@encoding(takes="category", ranges={"limit": "(0, inf)", "most": "[0, inf)"})
def robust_one_hot(
    x: AnyArray, counts: tuple[float, ...], *, limit: float = 3.0, most: int = 8
) -> Any:
    """One-hot, with each input centred and scaled as `robust_clip` does it with numbers.

    An input is 0 where more than half of the rows have it, and all the others are away from 0
    by 1 or 2 quartile ranges, smoothly clipped. Two categories are one input. A column of
    more than `most` categories has 0 and 1, as `one_hot`. As in RealMLP (Holzmüller,
    Grinsztajn & Steinwart, 2024, arXiv:2407.04491), compared with pytabkit 1.7.3, not with
    the paper.

    Parameters
    ----------
    limit : float
        Above 0, in quartile ranges.
    most : int
        The most categories that are scaled.

    Examples
    --------
    >>> [round(float(part), 4) for part in robust_one_hot(0, (10, 60, 30))]
    [1.6641, -0.9487, 0.0]
    """
    if len(counts) > most:
        return tuple(np.where(x == place, 1.0, 0.0) for place in range(len(counts)))
    total = np.maximum(sum(counts), 1.0)
    shares = [count / total for count in counts]
    if len(shares) == 2:
        signed = np.where(x == 1, 1.0, np.where(x == 0, -1.0, 0.0))
        return _robust(signed, -1.0, 1.0, shares[1], limit)
    return tuple(
        _robust(np.where(x == place, 1.0, 0.0), 0.0, 1.0, share, limit)
        for place, share in enumerate(shares)
    )


def _robust(x: Any, low: float, high: float, share: Any, limit: float) -> Any:
    """Scale what is `high` in a share of the rows, and `low` in the others."""
    median = np.where(share > 0.5, high, low)
    # If three quarters of the rows are equal, the quartiles are, and half the range counts.
    spread = np.where((share > 0.25) & (share < 0.75), high - low, (high - low) / 2)
    z = (x - median) / spread
    return z / np.hypot(1.0, z / limit)


@encoding(takes="category")
def ordinal(x: AnyArray, counts: tuple[float, ...]) -> Any:
    """Ordinal: one input, which goes from -1 to 1 through the categories in alphabetical order.

    For categories whose names are in order, such as "1 low", "2 medium" and "3 high". One
    that training did not see is 0, in the middle.

    Examples
    --------
    >>> [float(ordinal(place, (40, 30, 30))) for place in (0, 1, 2, -1)]
    [-1.0, 0.0, 1.0, 0.0]
    """
    last = max(1, len(counts) - 1)
    return np.where(x < 0, 0.0, 2.0 * x / last - 1.0)


# --- dates ----------------------------------------------------------------------------


@encoding(takes="date")
def date_parts(
    x: AnyArray,
    mean: float,
    deviation: float,
    year: AnyArray,
    week: AnyArray,
    day: AnyArray,
    *,
    yearly: bool = True,
    weekly: bool = True,
    daily: bool = True,
) -> Any:
    """Date parts: the time in standard deviations, and sine and cosine of its place in cycles.

    This is how a column of dates is encoded by default, with the cycles that the rows for
    training cover.

    Parameters
    ----------
    yearly, weekly, daily : bool
        Whether there are inputs for the place in the calendar year, in the week (from Monday)
        and in the day (from midnight).

    Examples
    --------
    >>> parts = date_parts(56.0, 54.0, 2.0, 0.25, 0.0, 0.5, weekly=False)
    >>> [round(float(part), 6) + 0.0 for part in parts]
    [1.0, 1.0, 0.0, 0.0, -1.0]
    """
    cycles = [place for place, kept in ((year, yearly), (week, weekly), (day, daily)) if kept]
    angles = [2 * np.pi * place for place in cycles]
    return (
        (x - mean) / deviation,
        *(wave for angle in angles for wave in (np.sin(angle), np.cos(angle))),
    )


@hookimpl
def register_encodings(register: object) -> None:
    """Register every encoding of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
