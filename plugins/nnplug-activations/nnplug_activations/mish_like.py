"""Activations composed like mish: x times a saturating function of a growing one."""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation

# Beyond these exponents tanh(exp(u)) and exp(-exp(u)) no longer change in any dtype.
_SATURATED = 20.0


@nnplug.activation
def lisht(x: Any) -> Any:
    """Linearly scaled tanh, LiSHT: x·tanh(x) (Roy et al., 2019, arXiv:1901.05894).

    Examples
    --------
    >>> lisht(np.array([-100.0, 0.0, 100.0])).tolist()
    [100.0, 0.0, 100.0]
    """
    return x * np.tanh(x)


@nnplug.activation(aliases=("telu",))
def tanhexp(x: Any) -> Any:
    """TanhExp: x·tanh(exp(x)) (Liu & Di, 2020, arXiv:2003.09855).

    The same function is TeLU (Fernandez & Mali, 2024, arXiv:2412.20269).

    Examples
    --------
    >>> float(tanhexp(0.0)), float(tanhexp(100.0))
    (0.0, 100.0)
    """
    return x * np.tanh(np.exp(np.minimum(x, _SATURATED)))


@nnplug.activation
def logish(x: Any) -> Any:
    """Logish: x·log(1 + sigmoid(x)) (Zhu et al., 2021, doi:10.1016/j.neucom.2021.06.067).

    Examples
    --------
    >>> float(logish(0.0)), float((logish(1000.0) / np.log(2.0)).round(9))
    (0.0, 1000.0)
    """
    return x * np.log1p(special.sigmoid(x))


@nnplug.activation
def smish(x: Any, *, alpha: float = 1.0, beta: float = 1.0) -> Any:
    """Smish: alpha·x·tanh(log(1 + sigmoid(beta·x))) (Wang, Ren & Wang, 2022,
    doi:10.3390/electronics11040540).

    With s the sigmoid, the tangent of the logarithm is s(s + 2)/(s(s + 2) + 2).

    Parameters
    ----------
    alpha, beta : float
        1 and 1 were the best in the paper.

    Examples
    --------
    >>> float(smish(0.0)), float(smish(1000.0).round(9))
    (0.0, 600.0)
    """
    s = special.sigmoid(beta * x)
    part = s * (s + 2)
    return alpha * x * (part / (part + 2))


@nnplug.activation
def phish(x: Any) -> Any:
    """Phish: x·tanh(gelu(x)) (Naveen, 2022, doi:10.36227/techrxiv.17283824).

    Examples
    --------
    >>> float(phish(0.0)), float(phish(100.0))
    (0.0, 100.0)
    """
    return x * np.tanh(0.5 * x * special.erfc(x * (-(0.5**0.5))))


@nnplug.activation
def serf(x: Any) -> Any:
    """Serf: x·erf(softplus(x)) (Nag & Bhattacharyya, 2021, arXiv:2108.09598).

    Examples
    --------
    >>> float(serf(0.0)), float(serf(100.0))
    (0.0, 100.0)
    """
    return x * special.erf(special.softplus(x))


@nnplug.activation
def gish(x: Any) -> Any:
    """Gish: x·log(2 - exp(-exp(x))) (Kaytan, Aydilek & Yeroğlu, 2023,
    doi:10.1007/s00521-023-09035-5).

    Examples
    --------
    >>> float(gish(0.0)), float((gish(1000.0) / np.log(2.0)).round(9))
    (0.0, 1000.0)
    """
    return x * np.log1p(-np.expm1(-np.exp(np.minimum(x, _SATURATED))))


@nnplug.activation
def colu(x: Any) -> Any:
    """Collapsing linear unit: x/(1 - x·exp(-(x + exp(x)))) (Vagerwal, 2021, arXiv:2112.12078).

    Below 0 both sides of the quotient are multiplied by exp(x), since exp(-x)
    overflows there.

    Examples
    --------
    >>> float(colu(0.0)), float(colu(100.0)), float(colu(-1000.0))
    (0.0, 100.0, -0.0)
    """
    up, down = np.maximum(x, 0), np.minimum(x, 0)
    right = x / (1 - x * np.exp(-up - np.exp(np.minimum(up, _SATURATED))))
    fall = np.exp(down)
    return np.where(x >= 0, right, x * fall / (fall - down * np.exp(-fall)))


@nnplug.activation(ranges={"delta": "[0, inf)"})
def tanhsoft(
    x: Any, *, alpha: float = 0.0, beta: float = 0.6, gamma: float = 1.0, delta: float = 0.0
) -> Any:
    """TanhSoft: tanh(alpha·x + beta·exp(gamma·x))·log(delta + exp(x)) (Biswas et al., 2020,
    arXiv:2009.03863).

    The defaults give x·tanh(0.6·exp(x)), one of the paper's choices;
    alpha = 0.87, beta = 0, delta = 1 is another.

    Parameters
    ----------
    delta : float
        At least 0; with 0 the second factor is x.

    Examples
    --------
    >>> float(tanhsoft(0.0)), float(tanhsoft(100.0))
    (0.0, 100.0)
    """
    # exp(80) is finite in every dtype, and the tangent is 1 long before
    inner = alpha * x + beta * np.exp(np.minimum(gamma * x, 80))
    growth = np.logaddexp(x, math.log(delta)) if delta else x
    return np.tanh(inner) * growth


@nnplug.activation(
    ranges={"beta": "[0, inf)", "gamma": "[0, inf)", "delta": "[0, inf)", "theta": "[0, inf)"}
)
def eis(
    x: Any,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 1.0,
    delta: float = 0.0,
    theta: float = 1.0,
) -> Any:
    """EIS: x·log(1 + exp(x))^alpha/(√(beta + gamma·x²) + delta·exp(-theta·x)) (Biswas et al., 2020,
    arXiv:2009.13501).

    The name is for exponential, inverse square root and softplus. The
    defaults give x·log(1 + exp(x))/√(1 + x²), one of the paper's choices;
    beta = 0, delta = 1.16 is another. beta and delta must not both be 0.

    Examples
    --------
    >>> float(eis(0.0)), float(eis(1e9))
    (0.0, 1000000000.0)
    """
    root = np.hypot(beta**0.5, gamma**0.5 * x)
    if not delta:
        return x * (special.softplus(x) ** alpha / root)
    fall = np.exp(-theta * abs(x))  # below 0 both sides are multiplied by exp(theta·x)
    gate = np.where(x >= 0, 1.0, fall) / np.where(x >= 0, root + delta * fall, root * fall + delta)
    return x * (special.softplus(x) ** alpha * gate)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
