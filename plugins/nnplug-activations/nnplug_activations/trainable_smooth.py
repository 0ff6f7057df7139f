"""Smooth activations with learned numbers, per unit or per layer."""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation
def learned_swish(x: Any, beta: Any = nnplug.parameter("C", start=1.0)) -> Any:
    """Swish with a beta learned for each unit: x·sigmoid(beta·x) (Ramachandran, Zoph & Le, 2017,
    arXiv:1710.05941).

    Examples
    --------
    >>> float(learned_swish(np.log(3.0), 1.0) / np.log(3.0))
    0.75
    """
    return x * special.sigmoid(beta * x)


@nnplug.activation
def learned_snake(x: Any, a: Any = nnplug.parameter("C", start=1.0)) -> Any:
    """Snake with a frequency learned for each unit: x + sin²(a·x)/a (Ziyin, Hartwig & Ueda, 2020,
    arXiv:2006.08195, eq. 3).

    a must not become 0.

    Examples
    --------
    >>> float(learned_snake(np.pi / 2, 1.0) - np.pi / 2)
    1.0
    """
    return x + np.sin(a * x) ** 2 / a


@nnplug.activation
def acon_c(
    x: Any,
    p1: Any = nnplug.parameter("C", start=1.0),
    p2: Any = nnplug.parameter("C", start=0.0),
    beta: Any = nnplug.parameter("C", start=1.0),
) -> Any:
    """ACON-C: (p1 - p2)·x·sigmoid(beta·(p1 - p2)·x) + p2·x (Ma et al., 2020, arXiv:2009.04759).

    All three are learned for each unit: a smooth maximum of p1·x and p2·x, the
    sharper the larger beta. It starts as silu; the authors' code draws p1 and p2.

    Examples
    --------
    >>> acon_c(np.array([-100.0, 100.0]), 2.0, 0.5, 1.0).tolist()
    [-50.0, 200.0]
    """
    turned = (p1 - p2) * x
    return turned * special.sigmoid(beta * turned) + p2 * x


@nnplug.activation
def smu(x: Any, *, alpha: float = 0.25, mu: float = nnplug.trainable(1.0)) -> Any:
    """Smooth maximum unit: ((1 + α)x + (1 - α)x·erf(μ(1 - α)x))/2 (Biswas et al., 2021,
    arXiv:2111.04682).

    A smooth maximum of x and α·x; for large μ it is leaky relu. The start of μ is ours.

    Parameters
    ----------
    alpha : float
        Slope far below 0.
    mu : float
        Learned, one for each layer.

    Examples
    --------
    >>> smu(np.array([-100.0, 100.0])).tolist()
    [-25.0, 100.0]
    """
    return 0.5 * x * ((1 + alpha) + (1 - alpha) * special.erf(mu * (1 - alpha) * x))


@nnplug.activation
def smu1(x: Any, *, alpha: float = 0.25, mu: float = nnplug.trainable(1.0)) -> Any:
    """Smooth maximum unit by a root: ((1 + α)x + √((1 - α)²x² + μ²))/2 (Biswas et al., 2021,
    arXiv:2111.04682).

    A smooth maximum of x and α·x from above; the start of μ is ours.

    Parameters
    ----------
    alpha : float
        Slope far below 0.
    mu : float
        Learned, one for each layer.

    Examples
    --------
    >>> float(smu1(0.0)), float(smu1(1e9))
    (0.5, 1000000000.0)
    """
    return 0.5 * ((1 + alpha) * x + np.hypot((1 - alpha) * x, mu))


@nnplug.activation
def xatlu(x: Any, *, alpha: float = nnplug.trainable(0.0)) -> Any:
    """Expanded arctangent linear unit (Huang, 2024, arXiv:2405.20768).

    x·(g·(1 + 2·alpha) - alpha) with the gate g = arctan(x)/π + 1/2, whose range
    becomes (-alpha, 1 + alpha). It starts as `atlu`.

    Parameters
    ----------
    alpha : float
        Learned, one for each layer.

    Examples
    --------
    >>> float(xatlu(1.0)), float(xatlu(1.0, alpha=1.0))
    (0.75, 1.25)
    """
    gate = np.arctan2(1.0, -x) * (1 / math.pi)
    return x * (gate * (1 + 2 * alpha) - alpha)


@nnplug.activation
def xgelu(x: Any, *, alpha: float = nnplug.trainable(0.0)) -> Any:
    """Expanded GELU: x·(Φ(x)·(1 + 2·alpha) - alpha) (Huang, 2024, arXiv:2405.20768).

    See `xatlu`; it starts as gelu.

    Examples
    --------
    >>> float(xgelu(100.0)), float(xgelu(-100.0, alpha=1.0))
    (100.0, 100.0)
    """
    gate = 0.5 * special.erfc(x * (-(0.5**0.5)))
    return x * (gate * (1 + 2 * alpha) - alpha)


@nnplug.activation
def xsilu(x: Any, *, alpha: float = nnplug.trainable(0.0)) -> Any:
    """Expanded silu: x·(sigmoid(x)·(1 + 2·alpha) - alpha) (Huang, 2024, arXiv:2405.20768).

    See `xatlu`; it starts as silu.

    Examples
    --------
    >>> float(xsilu(100.0)), float(xsilu(-100.0, alpha=1.0))
    (100.0, 100.0)
    """
    return x * (special.sigmoid(x) * (1 + 2 * alpha) - alpha)


@nnplug.activation
def sinlu(x: Any, *, a: float = nnplug.trainable(1.0), b: float = nnplug.trainable(1.0)) -> Any:
    """Sinu-sigmoidal linear unit: (x + a·sin(b·x))·sigmoid(x) (Paul et al., 2022,
    doi:10.3390/math10030337).

    Parameters
    ----------
    a, b : float
        Learned, one of each for a layer.

    Examples
    --------
    >>> float(sinlu(0.0)), float(sinlu(100 * np.pi) / np.pi)
    (0.0, 100.0)
    """
    return (x + a * np.sin(b * x)) * special.sigmoid(x)


@nnplug.activation
def erfact(
    x: Any, *, alpha: float = nnplug.trainable(0.75), beta: float = nnplug.trainable(0.75)
) -> Any:
    """ErfAct: x·erf(alpha·exp(beta·x)) (Biswas et al., 2021, arXiv:2109.04386).

    Where the numbers start was not checked against the paper.

    Parameters
    ----------
    alpha, beta : float
        Learned, one of each for a layer.

    Examples
    --------
    >>> float(erfact(0.0)), float(erfact(100.0))
    (0.0, 100.0)
    """
    return x * special.erf(alpha * np.exp(np.minimum(beta * x, 40)))  # exp(40): far beyond 1


@nnplug.activation
def pserf(
    x: Any, *, gamma: float = nnplug.trainable(1.25), delta: float = nnplug.trainable(0.85)
) -> Any:
    """Parametric serf: x·erf(gamma·softplus(delta·x)) (Biswas et al., 2021, arXiv:2109.04386).

    Where the numbers start was not checked against the paper.

    Parameters
    ----------
    gamma, delta : float
        Learned, one of each for a layer.

    Examples
    --------
    >>> float(pserf(0.0)), float(pserf(100.0))
    (0.0, 100.0)
    """
    return x * special.erf(gamma * special.softplus(delta * x))


def _srs_derivative(x: Any, y: Any, *, alpha: Any, beta: Any) -> Any:
    # exp(-x/beta)·(1 + x/beta)/(x/alpha + exp(-x/beta))²
    up, fall = np.exp(-np.maximum(x, 0) / beta), np.exp(np.minimum(x, 0) / beta)
    below = np.where(x >= 0, x / alpha + up, x * fall / alpha + 1)
    return np.where(x >= 0, up, fall) * (1 + x / beta) / (below * below)


@nnplug.activation(derivative=_srs_derivative)
def srs(
    x: Any, *, alpha: float = nnplug.trainable(2.0), beta: float = nnplug.trainable(3.0)
) -> Any:
    """Soft-root-sign: x/(x/alpha + exp(-x/beta)) (Zhou et al., 2020, arXiv:2003.00547).

    Below 0 both sides of the quotient are multiplied by exp(x/beta).

    Parameters
    ----------
    alpha, beta : float
        Learned, one of each for a layer; above 0. The limit at infinity is
        alpha; there is no pole while alpha·e > beta.

    Examples
    --------
    >>> float(srs(0.0)), float(srs(1e9))
    (0.0, 2.0)
    """
    up, down = np.maximum(x, 0), np.minimum(x, 0)
    fall = np.exp(down / beta)
    return np.where(
        x >= 0, up / (up / alpha + np.exp(-up / beta)), down * fall / (down * fall / alpha + 1)
    )


@nnplug.activation
def cauchy(
    x: Any,
    *,
    lambda1: float = nnplug.trainable(1.0),
    lambda2: float = nnplug.trainable(1.0),
    d: float = nnplug.trainable(1.0),
) -> Any:
    """Cauchy activation: (lambda1·x + lambda2)/(x² + d²) (Li, Xia & Zhang, 2024, arXiv:2409.19221).

    Parameters
    ----------
    lambda1, lambda2, d : float
        Learned, one of each for a layer; d must not become 0.

    Examples
    --------
    >>> cauchy(np.array([0.0, 3.0])).tolist()
    [1.0, 0.4]
    """
    return (lambda1 * x + lambda2) / (x * x + d * d)


def _dyt_derivative(x: Any, y: Any, *, gamma: Any, beta: Any, alpha: Any) -> Any:
    fall = np.exp(-2 * abs(alpha * x))  # 1 - tanh² would lose its digits
    return gamma * alpha * (4 * fall / (1 + fall) ** 2)


@nnplug.activation(derivative=_dyt_derivative)
def dyt(
    x: Any,
    gamma: Any = nnplug.parameter("C", start=1.0),
    beta: Any = nnplug.parameter("C", start=0.0),
    *,
    alpha: float = nnplug.trainable(0.5),
) -> Any:
    """Dynamic tanh, DyT: gamma·tanh(alpha·x) + beta (Zhu et al., 2025, arXiv:2503.10622).

    In place of a normalisation. gamma and beta are learned for each unit.

    Parameters
    ----------
    alpha : float
        Learned, one for each layer.

    Examples
    --------
    >>> dyt(np.array([-100.0, 0.0]), 2.0, 1.0).tolist()
    [-1.0, 1.0]
    """
    return gamma * np.tanh(alpha * x) + beta


@nnplug.activation
def derf(
    x: Any,
    gamma: Any = nnplug.parameter("C", start=1.0),
    beta: Any = nnplug.parameter("C", start=0.0),
    *,
    alpha: float = nnplug.trainable(0.5),
    shift: float = nnplug.trainable(0.0),
) -> Any:
    """Dynamic erf, Derf: gamma·erf(alpha·x + shift) + beta (Chen et al., 2025, arXiv:2512.10938).

    In place of a normalisation. gamma and beta are learned for each unit.

    Parameters
    ----------
    alpha, shift : float
        Learned, one of each for a layer.

    Examples
    --------
    >>> derf(np.array([-100.0, 0.0]), 2.0, 1.0).tolist()
    [-1.0, 1.0]
    """
    return gamma * special.erf(alpha * x + shift) + beta


def _apa(x: Any, lam: Any, kappa: Any) -> Any:
    lam = np.maximum(lam, 1e-4)
    return np.exp(-special.softplus(np.log(lam) - kappa * x) / lam)


@nnplug.activation(gives="probabilities")
def apa(x: Any, *, lam: float = nnplug.trainable(1.0), kappa: float = nnplug.trainable(1.0)) -> Any:
    """Adaptive parametric activation: (lambda·exp(-kappa·x) + 1)^(-1/lambda) (Alexandridis et al.,
    2024, arXiv:2407.08567).

    Computed by its logarithm. It starts as the sigmoid; the authors' code draws
    both numbers from [0, 1).

    Parameters
    ----------
    lam : float
        Learned, and held at 1e-4 or above: at 0 lies Gumbel's distribution.
    kappa : float
        Learned: the slope.

    Examples
    --------
    >>> float(apa(0.0).round(12)), float(apa(1.5, lam=2.0, kappa=0.0).round(6))
    (0.5, 0.57735)
    """
    return _apa(x, lam, kappa)


@nnplug.activation
def aglu(
    x: Any, *, lam: float = nnplug.trainable(1.0), kappa: float = nnplug.trainable(1.0)
) -> Any:
    """Adaptive generalised linear unit: x times `apa` (Alexandridis et al., 2024,
    arXiv:2407.08567).

    It starts as silu.

    Examples
    --------
    >>> float(aglu(0.0)), float(aglu(100.0))
    (0.0, 100.0)
    """
    return x * _apa(x, lam, kappa)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
