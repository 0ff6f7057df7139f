"""Losses for numbers that are neither robust nor of a quantile; e = prediction - target."""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part


@nnplug.loss(ranges={"w": "(0, inf)", "epsilon": "(0, inf)"})
def wing(prediction: Any, target: Any, *, w: float = 10.0, epsilon: float = 2.0) -> Any:
    """Wing loss (Feng et al., 2018, arXiv:1711.06753, eq. 5).

    w·log(1 + |e|/ε) for |e| < w, else |e| - C, where C = w - w·log(1 + w/ε) joins
    the two. Small errors count more than in the absolute error. The equation's
    number was not checked.

    Parameters
    ----------
    w : float
        Where the logarithm turns into a line, in the target's units.
    epsilon : float
        ε, the curvature of the logarithm, in the target's units.

    Examples
    --------
    >>> round(float(wing(2.0, 0.0)), 6), round(float(wing(20.0, 0.0)), 6)
    (6.931472, 27.917595)
    """
    size = abs(prediction - target)
    joint = w - w * math.log1p(w / epsilon)
    return np.where(size < w, w * np.log1p(size / epsilon), size - joint)


@nnplug.loss(
    targets="unit",
    ranges={"omega": "(0, inf)", "theta": "(0, inf)", "epsilon": "(0, inf)", "alpha": "(2, inf)"},
)
def adaptive_wing(
    prediction: Any,
    target: Any,
    *,
    omega: float = 14.0,
    theta: float = 0.5,
    epsilon: float = 1.0,
    alpha: float = 2.1,
) -> Any:
    """Adaptive wing loss for heatmaps (Wang, Bo & Fuxin, 2019, arXiv:1904.07399, eq. 3).

    ω·log(1 + |e/ε|^(α - y)) for |e| < θ, else A·|e| - C, where A and C make value
    and slope continuous; y is the target, from 0 to 1. The equation's number was
    not checked.

    Parameters
    ----------
    omega : float
        ω, the height of the logarithm.
    theta : float
        θ, where the logarithm turns into a line.
    epsilon : float
        ε, the curvature of the logarithm.
    alpha : float
        α, above 2, so that the curve is flat at 0 for a target of 1 too.

    Examples
    --------
    >>> round(float(adaptive_wing(0.25, 0.0, alpha=3.0)), 6)
    0.217059
    """
    power = alpha - target
    size = abs(prediction - target)
    ratio = (theta / epsilon) ** power
    slope = omega * power * ratio / theta / (1 + ratio)
    curve = omega * np.log1p((np.minimum(size, theta) / epsilon) ** power)
    return np.where(size < theta, curve, slope * (size - theta) + omega * np.log1p(ratio))


@nnplug.loss(aliases=("reverse_huber",), ranges={"c": "(0, inf)"})
def berhu(prediction: Any, target: Any, *, c: float = 1.0) -> Any:
    """Reverse Huber loss, |e| for |e| <= c, else (e² + c²)/(2c) (Laina et al., 2016,
    arXiv:1606.00373, eq. 2).

    The paper sets c to a fifth of the batch's largest error in each step; here it
    is an option. The equation's number was not checked.

    Parameters
    ----------
    c : float
        Where the line turns into a square, in the target's units.

    Examples
    --------
    >>> float(berhu(0.5, 0.0)), float(berhu(3.0, 0.0))
    (0.5, 5.0)
    """
    size = abs(prediction - target)
    return np.where(size <= c, size, (size**2 + c**2) / (2 * c))


@nnplug.loss(ranges={"epsilon": "[0, inf)"})
def epsilon_insensitive(prediction: Any, target: Any, *, epsilon: float = 0.1) -> Any:
    """ε-insensitive loss, max(0, |e| - ε) (Vapnik, 1995, doi:10.1007/978-1-4757-2440-0).

    The loss of support vector regression and of scikit-learn's SGDRegressor.

    Parameters
    ----------
    epsilon : float
        ε, in the target's units: smaller errors do not count.

    Examples
    --------
    >>> float(epsilon_insensitive(3.0, 0.0, epsilon=1.0))
    2.0
    """
    return np.maximum(abs(prediction - target) - epsilon, 0)


@nnplug.loss(ranges={"epsilon": "[0, inf)"})
def squared_epsilon_insensitive(prediction: Any, target: Any, *, epsilon: float = 0.1) -> Any:
    """Squared ε-insensitive loss, max(0, |e| - ε)², as in scikit-learn's SGDRegressor.

    Parameters
    ----------
    epsilon : float
        ε, in the target's units: smaller errors do not count.

    Examples
    --------
    >>> float(squared_epsilon_insensitive(3.0, 0.0, epsilon=1.0))
    4.0
    """
    return np.maximum(abs(prediction - target) - epsilon, 0) ** 2


@nnplug.loss(ranges={"power": "[1, inf)"})
def minkowski(prediction: Any, target: Any, *, power: float = 1.5) -> Any:
    """Minkowski error, |e|^r/r (Hanson & Burr, 1987, NIPS, Minkowski-r back-propagation).

    The equation was not checked against the paper.

    Parameters
    ----------
    power : float
        r: 2 gives half the square, 1 the absolute error.

    Examples
    --------
    >>> round(float(minkowski(4.0, 0.0, power=1.5)), 6)
    5.333333
    """
    return abs(prediction - target) ** power / power


@nnplug.loss(link="log", targets="positive", ranges={"weight": "[0, 1]"})
def scale_invariant_log(prediction: Any, target: Any, *, weight: float = 0.5) -> Any:
    """Scale-invariant error of a row's logarithms (Eigen, Puhrsch & Fergus, 2014,
    arXiv:1406.2283, eq. 4).

    mean(d²) - λ·mean(d)², where d = log ŷ - log y over the outputs of a row. The
    prediction is log ŷ. With λ = 1, a factor common to the whole row does not
    count. The equation's number was not checked.

    Parameters
    ----------
    weight : float
        λ, how far the common factor is left out.

    Examples
    --------
    >>> scale_invariant_log(np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]])).tolist()
    [[1.5]]
    """
    d = prediction - np.log(target)
    mean = np.mean(d, axis=-1, keepdims=True)
    return np.mean(d**2, axis=-1, keepdims=True) - weight * mean**2


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
