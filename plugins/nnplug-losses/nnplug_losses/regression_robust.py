"""Robust losses: an outlier counts less than its square, or no more than a constant.

In each formula e = prediction - target. `c` is the scale, in the target's units:
how large an error may be before it is taken for an outlier.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part


@nnplug.loss(ranges={"epsilon": "(0, inf)"})
def charbonnier(prediction: Any, target: Any, *, epsilon: float = 1e-3) -> Any:
    """Charbonnier's loss, √(e² + ε²) (Charbonnier et al., 1994, doi:10.1109/ICIP.1994.413553).

    The absolute error with a rounded corner, in the form of Lai et al. (2017,
    arXiv:1704.03915, section 3.3). The equation was not checked against the papers.

    Parameters
    ----------
    epsilon : float
        How round the corner is, in the target's units; the loss of no error.

    Examples
    --------
    >>> float(charbonnier(4.0, 1.0, epsilon=4.0))
    5.0
    """
    return np.hypot(prediction - target, epsilon)


@nnplug.loss(ranges={"delta": "(0, inf)"})
def pseudo_huber(prediction: Any, target: Any, *, delta: float = 1.0) -> Any:
    """Pseudo-Huber loss, δ²·(√(1 + (e/δ)²) - 1) (Hartley & Zisserman, 2003, appendix 6.8).

    Huber's loss with all derivatives: e²/2 near 0 and δ·|e| far from it. It is
    evaluated without the difference, which would cancel near 0. The equation was
    not checked against the book.

    Parameters
    ----------
    delta : float
        Where the square turns into a line, in the target's units.

    Examples
    --------
    >>> round(float(pseudo_huber(3.0**0.5, 0.0)), 12)
    1.0
    """
    square = ((prediction - target) / delta) ** 2
    return delta**2 * (square / (1 + np.sqrt(1 + square)))


@nnplug.loss(aliases=("lorentzian",), ranges={"c": "(0, inf)"})
def cauchy(prediction: Any, target: Any, *, c: float = 1.0) -> Any:
    """Cauchy or Lorentzian loss, log(1 + (e/c)²/2) (Black & Anandan, 1996,
    doi:10.1006/cviu.1996.0006; Barron, 2019, arXiv:1701.03077, eq. 8).

    The equation's number was not checked.

    Parameters
    ----------
    c : float
        The scale, in the target's units.

    Examples
    --------
    >>> round(float(cauchy(2.0, 0.0)), 6)
    1.098612
    """
    return np.log1p(0.5 * ((prediction - target) / c) ** 2)


@nnplug.loss(ranges={"c": "(0, inf)"})
def geman_mcclure(prediction: Any, target: Any, *, c: float = 1.0) -> Any:
    """Geman & McClure's loss, 2·(e/c)²/((e/c)² + 4) (Geman & McClure, 1985; in the scale of
    Barron, 2019, arXiv:1701.03077, eq. 8 with α = -2).

    It is at most 2. Beyond (e/c)² = 4 it is evaluated as 2 minus a fraction,
    whose derivative does not cancel. The equation's number was not checked.

    Parameters
    ----------
    c : float
        The scale, in the target's units.

    Examples
    --------
    >>> float(geman_mcclure(2.0, 0.0))
    1.0
    """
    square = ((prediction - target) / c) ** 2
    return np.where(square < 4, 2 * square / (square + 4), 2 - 8 / (square + 4))


@nnplug.loss(aliases=("leclerc", "correntropy"), ranges={"c": "(0, inf)"})
def welsch(prediction: Any, target: Any, *, c: float = 1.0) -> Any:
    """Welsch's loss, 1 - exp(-(e/c)²/2) (Dennis & Welsch, 1978, doi:10.1080/03610917808812083;
    Barron, 2019, arXiv:1701.03077, eq. 8 with α = -∞).

    It is at most 1, and far outliers have no gradient at all. The equation's
    number was not checked.

    Parameters
    ----------
    c : float
        The scale, in the target's units.

    Examples
    --------
    >>> round(float(welsch(1.0, 0.0)), 6)
    0.393469
    """
    return -np.expm1(-0.5 * ((prediction - target) / c) ** 2)


@nnplug.loss(aliases=("barron",), ranges={"c": "(0, inf)"})
def general_robust(prediction: Any, target: Any, *, alpha: float = 1.0, c: float = 1.0) -> Any:
    """General and adaptive robust loss (Barron, 2019, arXiv:1701.03077, eq. 8).

    |α - 2|/α · (((e/c)²/|α - 2| + 1)^(α/2) - 1), and its limits: half the square
    at α = 2, `cauchy` at 0, and `geman_mcclure` at -2; α = 1 is `pseudo_huber`
    with δ = 1. The power is evaluated by expm1 and log1p, which keep its
    precision near 0. The equation's number was not checked.

    Parameters
    ----------
    alpha : float
        α: the smaller, the less an outlier counts.
    c : float
        The scale, in the target's units.

    Examples
    --------
    >>> float(general_robust(2.0, 0.0, alpha=2.0))
    2.0
    >>> round(float(general_robust(2.0, 0.0, alpha=-2.0)), 12)
    1.0
    """
    square = ((prediction - target) / c) ** 2
    if alpha == 2:
        return 0.5 * square
    if alpha == 0:
        return np.log1p(0.5 * square)
    b = abs(alpha - 2)
    return (b / alpha) * np.expm1(0.5 * alpha * np.log1p(square / b))


@nnplug.loss(aliases=("tukey", "biweight"), ranges={"c": "(0, inf)"})
def tukey_biweight(prediction: Any, target: Any, *, c: float = 4.685) -> Any:
    """Tukey's biweight, c²/6·(1 - (1 - (e/c)²)³), and c²/6 for |e| > c (Beaton & Tukey, 1974,
    doi:10.1080/00401706.1974.10489171).

    The equation was not checked against the paper.

    Parameters
    ----------
    c : float
        In the target's units: larger errors have no gradient. 4.685 has 95 % of
        the efficiency of least squares for normal errors of variance 1.

    Examples
    --------
    >>> float(tukey_biweight(9.0, 0.0, c=6.0)), float(tukey_biweight(3.0, 0.0, c=6.0))
    (6.0, 3.46875)
    """
    square = np.minimum(((prediction - target) / c) ** 2, 1)
    # Each form where it does not cancel: the first near 0, the derivative of the second near 1.
    near = square * (3 - 3 * square + square**2)
    return (c**2 / 6) * np.where(square < 0.5, near, 1 - (1 - square) ** 3)


@nnplug.loss(aliases=("andrews",), ranges={"c": "(0, inf)"})
def andrews_wave(prediction: Any, target: Any, *, c: float = 1.339) -> Any:
    """Andrews's wave, c²·(1 - cos(e/c)), and 2c² for |e| > πc (Andrews, 1974,
    doi:10.1080/00401706.1974.10489233).

    Evaluated as 2c²·sin²(e/2c), which keeps its precision at 0. The equation was
    not checked against the paper.

    Parameters
    ----------
    c : float
        In the target's units: errors beyond πc have no gradient. 1.339 has 95 %
        of the efficiency of least squares for normal errors of variance 1.

    Examples
    --------
    >>> float(andrews_wave(9.0, 0.0, c=1.0))
    2.0
    >>> round(float(andrews_wave(np.pi / 2, 0.0, c=1.0)), 12)
    1.0
    """
    size = abs(prediction - target) / (2 * c)
    inside = np.sin(np.minimum(size, math.pi / 2)) ** 2
    return 2 * c**2 * np.where(size < math.pi / 2, inside, 1.0)


@nnplug.loss(ranges={"a": "(0, inf)", "b": "(0, inf)", "c": "(0, inf)"})
def hampel(prediction: Any, target: Any, *, a: float = 2.0, b: float = 4.0, c: float = 8.0) -> Any:
    """Hampel's three-part loss (Hampel, 1974, doi:10.1080/01621459.1974.10482962).

    e²/2 up to a, then a·|e| - a²/2 up to b, then a parabola that is flat from c
    on, where the loss is a·(b - a + c)/2. The equation was not checked against
    the paper.

    Parameters
    ----------
    a, b, c : float
        In the target's units, a <= b < c.

    Examples
    --------
    >>> [float(hampel(e, 0.0)) for e in (1.0, 3.0, 6.0, 9.0)]
    [0.5, 4.0, 9.0, 10.0]
    """
    size = abs(prediction - target)
    line = a * size - 0.5 * a**2
    bend = a * (b - a + c) / 2 - (a / 2) * (c - np.minimum(size, c)) ** 2 / (c - b)
    return np.where(size <= a, 0.5 * size**2, np.where(size <= b, line, bend))


@nnplug.loss(aliases=("truncated_squares",), ranges={"c": "(0, inf)"})
def talwar(prediction: Any, target: Any, *, c: float = 2.795) -> Any:
    """Talwar's truncated squares, min(e², c²)/2 (Hinich & Talwar, 1975,
    doi:10.1080/01621459.1975.10480271).

    The equation was not checked against the paper.

    Parameters
    ----------
    c : float
        In the target's units: larger errors have no gradient. 2.795 has 95 % of
        the efficiency of least squares for normal errors of variance 1.

    Examples
    --------
    >>> float(talwar(1.0, 0.0, c=2.0)), float(talwar(9.0, 0.0, c=2.0))
    (0.5, 2.0)
    """
    size = np.minimum(abs(prediction - target), c)
    return 0.5 * size**2


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
