"""Rectified and polynomial activations with learned numbers, per unit or per layer."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation
def star_relu(
    x: Any,
    *,
    scale: float = nnplug.trainable(0.8944),
    bias: float = nnplug.trainable(-0.4472),
) -> Any:
    """StarReLU: scale·max(x, 0)² + bias (Yu et al., 2022, arXiv:2210.13452).

    Parameters
    ----------
    scale, bias : float
        Learned, one of each for a layer. They start where a standard normal x
        gives the mean 0 and the variance 1: at 2/√5 and -1/√5.

    Examples
    --------
    >>> star_relu(np.array([-2.0, 10.0])).round(4).tolist()
    [-0.4472, 88.9928]
    """
    return scale * np.maximum(x, 0) ** 2 + bias


@nnplug.activation
def frelu(x: Any, b: Any = nnplug.parameter("C", start=0.0)) -> Any:
    """Flexible ReLU: max(x, 0) + b, with a b learned for each unit (Qiu, Xu & Cai, 2017,
    arXiv:1706.08098).

    Not the funnel activation, which is called FReLU as well.

    Examples
    --------
    >>> frelu(np.array([-2.0, 3.0]), -0.5).tolist()
    [-0.5, 2.5]
    """
    return np.maximum(x, 0) + b


@nnplug.activation
def shilu(
    x: Any,
    alpha: Any = nnplug.parameter("C", start=1.0),
    beta: Any = nnplug.parameter("C", start=0.0),
) -> Any:
    """Shifted rectified linear unit, ShiLU: alpha·max(x, 0) + beta, learned for each unit
    (Pishchik, 2023, doi:10.20944/preprints202301.0463.v1).

    Examples
    --------
    >>> shilu(np.array([-2.0, 3.0]), 2.0, 1.0).tolist()
    [1.0, 7.0]
    """
    return alpha * np.maximum(x, 0) + beta


@nnplug.activation
def arelu(
    x: Any, *, alpha: float = nnplug.trainable(0.9), beta: float = nnplug.trainable(2.0)
) -> Any:
    """Attention-based ReLU (Chen, Li & Xu, 2020, arXiv:2006.13858).

    (1 + sigmoid(beta))·x for x >= 0, else alpha·x, alpha held between 0.01 and 0.99.

    Parameters
    ----------
    alpha, beta : float
        Learned, one of each for a layer.

    Examples
    --------
    >>> arelu(np.array([-2.0, 3.0]), beta=0.0).tolist()
    [-1.8, 4.5]
    """
    return np.where(x >= 0, 1 + special.sigmoid(beta), np.clip(alpha, 0.01, 0.99)) * x


@nnplug.activation
def lelelu(x: Any, alpha: Any = nnplug.parameter("C", start=1.0)) -> Any:
    """Leaky learnable ReLU: alpha·x for x >= 0, else alpha·x/100, alpha learned for each unit
    (Maniatopoulos & Mitianoudis, 2021, doi:10.3390/info12120513).

    Examples
    --------
    >>> lelelu(np.array([-2.0, 3.0]), 2.0).tolist()
    [-0.04, 6.0]
    """
    return alpha * np.where(x >= 0, x, 0.01 * x)


@nnplug.activation
def srelu(
    x: Any,
    t_left: Any = nnplug.parameter("C", start=0.0),
    a_left: Any = nnplug.parameter("C", start=0.2),
    t_right: Any = nnplug.parameter("C", start=1.0),
    a_right: Any = nnplug.parameter("C", start=1.0),
) -> Any:
    """S-shaped ReLU (Jin et al., 2015, arXiv:1512.07030).

    Three lines for each unit: x between the learned knees t_left and t_right, and
    the learned slopes a_left and a_right beyond them. It starts as leaky relu with
    the slope 0.2. The paper sets t_right from the data after some epochs; here
    it starts at 1 and is learned from the beginning.

    Examples
    --------
    >>> srelu(np.array([-5.0, 0.5, 3.0]), 0.0, 0.2, 1.0, 2.0).tolist()
    [-1.0, 0.5, 5.0]
    """
    right = np.where(x >= t_right, t_right + a_right * (x - t_right), x)
    return np.where(x <= t_left, t_left + a_left * (x - t_left), right)


@nnplug.activation
def apl(
    x: Any,
    a: Any = nnplug.parameter("C", start=0.2),
    b: Any = nnplug.parameter("C", start=0.0),
) -> Any:
    """Adaptive piecewise linear unit: max(0, x) + a·max(0, b - x) (Agostinelli et al., 2014,
    arXiv:1412.6830, eq. 1).

    a and b are learned for each unit. The paper adds S such hinges; this has one.

    Examples
    --------
    >>> apl(np.array([-2.0, 3.0]), 0.5, 1.0).tolist()
    [1.5, 3.0]
    """
    return np.maximum(x, 0) + a * np.maximum(b - x, 0)


@nnplug.activation
def slaf(
    x: Any,
    c0: Any = nnplug.parameter("C", start=0.0),
    c1: Any = nnplug.parameter("C", start=1.0),
    c2: Any = nnplug.parameter("C", start=0.0),
) -> Any:
    """Self-learnable activation: c0 + c1·x + c2·x², learned for each unit (Goyal, Goyal & Lall,
    2019, arXiv:1906.09529).

    The paper has any degree. It starts as the identity; that start is ours.

    Examples
    --------
    >>> slaf(np.array([-2.0, 3.0]), 1.0, 2.0, 3.0).tolist()
    [9.0, 34.0]
    """
    return c0 + x * (c1 + x * c2)


@nnplug.activation
def pade(
    x: Any,
    *,
    a0: float = nnplug.trainable(0.02996348),
    a1: float = nnplug.trainable(0.61690165),
    a2: float = nnplug.trainable(2.37539147),
    a3: float = nnplug.trainable(3.06608078),
    a4: float = nnplug.trainable(1.52474449),
    a5: float = nnplug.trainable(0.25281987),
    b1: float = nnplug.trainable(1.19160814),
    b2: float = nnplug.trainable(4.40811795),
    b3: float = nnplug.trainable(0.91111034),
    b4: float = nnplug.trainable(0.34885983),
) -> Any:
    """Padé activation unit, the safe form (Molina, Schramowski & Kersting, 2019, arXiv:1907.06732).

    (a0 + a1·x + ... + a5·x⁵)/(1 + |b1·x + ... + b4·x⁴|), all ten numbers learned
    for each layer. They start near leaky relu, where the authors' code starts.

    Examples
    --------
    >>> float(pade(0.0)), round(pade(1e6) / 1e6, 3)
    (0.02996348, 0.725)
    """
    above = a0 + x * (a1 + x * (a2 + x * (a3 + x * (a4 + x * a5))))
    below = 1 + abs(x * (b1 + x * (b2 + x * (b3 + x * b4))))
    return above / below


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
