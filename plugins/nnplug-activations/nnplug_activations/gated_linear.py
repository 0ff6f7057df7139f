"""Gated linear activations: x times a gate that rises with x from 0 to 1."""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation(aliases=("gelu_sigmoid", "gelu_fast_approx"))
def quick_gelu(x: Any) -> Any:
    """GELU by a sigmoid: x·sigmoid(1.702·x) (Hendrycks & Gimpel, 2016, arXiv:1606.08415).

    It differs from `gelu` by at most 0.0203.

    Examples
    --------
    >>> float(quick_gelu(0.0)), float(quick_gelu(100.0))
    (0.0, 100.0)
    """
    return x * special.sigmoid(1.702 * x)


@nnplug.activation
def swish_beta(x: Any, *, beta: float = 1.0) -> Any:
    """Swish: x·sigmoid(beta·x) (Ramachandran, Zoph & Le, 2017, arXiv:1710.05941).

    Here beta is fixed; `learned_swish` learns one for each unit.

    Parameters
    ----------
    beta : float
        1 gives silu; the larger, the nearer to relu.

    Examples
    --------
    >>> float(swish_beta(np.log(3.0)) / np.log(3.0))
    0.75
    """
    return x * special.sigmoid(beta * x)


@nnplug.activation
def eswish(x: Any, *, beta: float = 1.375) -> Any:
    """E-swish: beta·x·sigmoid(x) (Alcaide, 2018, arXiv:1801.07145).

    Parameters
    ----------
    beta : float
        Between 1 and 2 in the paper.

    Examples
    --------
    >>> float(eswish(np.log(3.0), beta=2.0) / np.log(3.0))
    1.5
    """
    return beta * x * special.sigmoid(x)


@nnplug.activation
def elish(x: Any) -> Any:
    """Exponential linear sigmoid squashing, ELiSH (Basirat & Roth, 2018, arXiv:1808.00783).

    x·sigmoid(x) for x >= 0, else (exp(x) - 1)·sigmoid(x).

    Examples
    --------
    >>> float(elish(0.0)), float(elish(-np.log(3.0)).round(12))
    (0.0, -0.166666666667)
    """
    return np.where(x >= 0, x, np.expm1(np.minimum(x, 0))) * special.sigmoid(x)


@nnplug.activation
def hard_elish(x: Any) -> Any:
    """Hard ELiSH (Basirat & Roth, 2018, arXiv:1808.00783).

    `elish` with max(0, min(1, (x + 1)/2)) in place of the sigmoid. The
    derivative is 0 at -1.

    Examples
    --------
    >>> hard_elish(np.array([-2.0, 0.0, 0.5, 3.0])).tolist()
    [-0.0, 0.0, 0.375, 3.0]
    """
    return np.where(x >= 0, x, np.expm1(np.minimum(x, 0))) * np.clip(0.5 * (x + 1), 0, 1)


@nnplug.activation
def flatten_t_swish(x: Any, *, t: float = -0.2) -> Any:
    """Flatten-T swish: max(x, 0)·sigmoid(x) + T (Chieng et al., 2018, arXiv:1812.06247).

    The derivative at 0 is 0 from below; that from above is 1/2.

    Parameters
    ----------
    t : float
        T, the value for all x below 0; -0.2 was the best in the paper.

    Examples
    --------
    >>> flatten_t_swish(np.array([-3.0, 100.0])).tolist()
    [-0.2, 99.8]
    """
    return np.maximum(x, 0) * special.sigmoid(x) + t


@nnplug.activation(ranges={"alpha": "(0, inf)", "beta": "(0, inf)"})
def aria2(x: Any, *, alpha: float = 1.5, beta: float = 2.0) -> Any:
    """ARiA2: x·(1 + exp(-beta·x))^(-alpha) (Patwardhan, Ingalhalikar & Walambe, 2018,
    arXiv:1805.08878).

    A gate of Richards' growth curve; alpha = beta = 1 gives silu. Its
    logarithm is -alpha·softplus(-beta·x), which does not overflow.

    Examples
    --------
    >>> float(aria2(np.log(3.0), alpha=2.0, beta=1.0).round(12)) == round(math.log(3) * 9 / 16, 12)
    True
    """
    return x * np.exp(-alpha * special.softplus(-beta * x))


@nnplug.activation(aliases=("gelu_10",))
def clipped_gelu(x: Any, *, low: float = -10.0, high: float = 10.0) -> Any:
    """Clipped GELU: gelu(x), limited to [low, high] (Wu et al., 2020, arXiv:2004.09602).

    Examples
    --------
    >>> clipped_gelu(np.array([-100.0, 0.0, 100.0])).tolist()
    [-0.0, 0.0, 10.0]
    """
    return np.clip(0.5 * x * special.erfc(x * (-(0.5**0.5))), low, high)


@nnplug.activation
def sgelu(x: Any, *, alpha: float = 1.0) -> Any:
    """Symmetrical GELU: alpha·x·erf(x/√2) (Yu & Su, 2019, arXiv:1911.03925).

    An even function.

    Examples
    --------
    >>> sgelu(np.array([-100.0, 0.0, 100.0])).tolist()
    [100.0, 0.0, 100.0]
    """
    return alpha * x * special.erf(x * 0.5**0.5)


@nnplug.activation(aliases=("calu",))
def atlu(x: Any) -> Any:
    """Arctangent linear unit: x·(arctan(x)/π + 1/2) (Huang, 2024, arXiv:2405.20768).

    The gate is the angle of the point (-x, 1) over π, which keeps its precision
    for large negative x, where the sum cancels. It falls like 1/|x|, so that
    the limit at minus infinity is -1/π. `xatlu` learns the gate's range.

    Examples
    --------
    >>> float(atlu(0.0)), float(atlu(1.0))
    (0.0, 0.75)
    """
    return x * (np.arctan2(1.0, -x) * (1 / math.pi))


@nnplug.activation
def golu(x: Any, *, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0) -> Any:
    """Gompertz linear unit: x·alpha·exp(-beta·exp(-gamma·x)) (Das et al., 2025,
    arXiv:2502.03654).

    Parameters
    ----------
    alpha, beta, gamma : float
        Height, shift and growth rate of the Gompertz curve: all 1 in the paper.

    Examples
    --------
    >>> float(golu(0.0)), float(golu(100.0))
    (0.0, 100.0)
    """
    # exp(-exp(80)) is 0 in every dtype
    return x * (alpha * np.exp(-beta * np.exp(np.minimum(-gamma * x, 80))))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
