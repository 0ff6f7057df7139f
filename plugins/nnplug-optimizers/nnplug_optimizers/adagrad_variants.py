"""Rates from sums of squared gradients, after Adagrad."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, EPSILON


@nnplug.optimizer(ranges={**EPSILON, **DECAY, "eta": "[0, inf)"})
def kate(
    param: Any,
    grad: Any,
    m: Any,
    b: Any,
    *,
    learning_rate: float = 0.01,
    eta: float = 0.0,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """KATE, Adagrad without the square root (Choudhury et al., 2024, arXiv:2403.02648, Alg. 1).

    √m·g/b, with b = Σg² and m = Σ(η·g² + g²/b). If η is 0, scaling an input
    does not change a linear model's predictions. Checked against
    pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: there epsilon accumulates in b.

    Parameters
    ----------
    eta : float
        At least 0.
    epsilon : float
        At least 0, added to b where it divides.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m, b = kate(1.0, 2.0, 0.0, 0.0, learning_rate=0.5, epsilon=0.0)
    >>> float(param), m, b
    (0.75, 1.0, 4.0)
    """
    square = grad**2
    b = b + square
    m = m + eta * square + square / (b + epsilon)
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * np.sqrt(m) * grad / (b + epsilon), m, b


@nnplug.optimizer(ranges={"xi1": "(0, inf)", "xi2": "(0, inf)"})
def sc_adagrad(
    param: Any,
    grad: Any,
    v: Any,
    *,
    learning_rate: float = 0.01,
    xi1: float = 0.1,
    xi2: float = 0.1,
) -> Any:
    """SC-Adagrad, for strong convexity (Mukkamala & Hein, 2017, arXiv:1706.05507, Algorithm 4).

    Adagrad without the root, and with ξ2·exp(-ξ1·v) for epsilon. The equation
    was not checked against the paper.

    Parameters
    ----------
    xi1, xi2 : float
        Above 0: how fast the addend falls with v, and its size at v = 0.

    Examples
    --------
    >>> param, v = sc_adagrad(1.0, 2.0, 0.0, learning_rate=0.5, xi1=1e3)
    >>> param.item(), v
    (0.75, 4.0)
    """
    v = v + grad**2
    return param - learning_rate * grad / (v + xi2 * np.exp(-xi1 * v)), v


@nnplug.optimizer(ranges={"gamma": "(0, 1]", "xi1": "(0, inf)", "xi2": "(0, inf)"})
def sc_rmsprop(
    param: Any,
    grad: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    gamma: float = 0.9,
    xi1: float = 0.1,
    xi2: float = 0.1,
) -> Any:
    """SC-RMSProp, for strong convexity (Mukkamala & Hein, 2017, arXiv:1706.05507, Algorithm 5).

    The mean square decays by 1 - γ/t; at γ = 1 this is SC-Adagrad. The equation
    was not checked against the paper.

    Parameters
    ----------
    gamma : float
        In (0, 1]: weight of the new square at the first step.
    xi1, xi2 : float
        Above 0: how fast the addend falls with t·v, and its size at v = 0.

    Examples
    --------
    >>> param, v = sc_rmsprop(1.0, 2.0, 0.0, step=2, learning_rate=1.0, gamma=1.0, xi1=1e3)
    >>> param.item(), v
    (0.5, 2.0)
    """
    v = (1 - gamma / step) * v + gamma / step * grad**2
    total = step * v
    return param - learning_rate * grad / (total + xi2 * np.exp(-xi1 * total)), v


@nnplug.optimizer(over="vector", ranges={"b0": "(0, inf)"})
def adagrad_norm(
    param: Any, grad: Any, total: Any, *, learning_rate: float = 1.0, b0: float = 0.1
) -> Any:
    """AdaGrad-Norm, one rate for all (Ward, Wu & Bottou, 2019, arXiv:1806.01811, Algorithm 1).

    learning_rate·g/b with b² = b0² + Σ‖g‖², over all parameters at once. The
    equation was not checked against the paper.

    Parameters
    ----------
    b0 : float
        Above 0: b before the first step.

    Examples
    --------
    >>> param, total = adagrad_norm(np.ones(2), np.array([3.0, 4.0]), np.zeros(2), b0=12.0)
    >>> (1 - param).round(6).tolist(), total.tolist()  # divided by 13
    ([0.230769, 0.307692], [25.0, 25.0])
    """
    total = total + np.sum(grad**2)
    return param - learning_rate * grad / np.sqrt(b0**2 + total), total


@nnplug.optimizer(over="vector", ranges={"b0": "(0, inf)"})
def wngrad(
    param: Any, grad: Any, b: Any, *, step: Any, learning_rate: float = 1.0, b0: float = 1.0
) -> Any:
    """WNGrad, one rate as in weight normalisation (Wu, Ward & Bottou, 2018, arXiv:1803.02865).

    b grows by ‖g‖²/b, over all parameters at once, and learning_rate/b is the
    rate. The equation was not checked against the paper.

    Parameters
    ----------
    b0 : float
        Above 0: b before the first step.

    Examples
    --------
    >>> param, b = wngrad(np.ones(2), np.array([3.0, 4.0]), np.zeros(2), step=1, b0=5.0)
    >>> param.round(6).tolist(), b.tolist()  # b = 5 + 25/5
    ([0.7, 0.6], [10.0, 10.0])
    """
    b = np.where(step == 1, b0, b)
    b = b + np.sum(grad**2) / b
    return param - learning_rate * grad / b, b


@nnplug.optimizer(ranges={**EPSILON, "momentum": "[0, 1)"})
def madgrad(
    param: Any,
    grad: Any,
    s: Any,
    nu: Any,
    start: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    epsilon: float = 1e-6,
) -> Any:
    """MADGRAD, momentumised dual averaging (Defazio & Jelassi, 2021, arXiv:2101.11075, Alg. 1).

    The sums of gradients and of squares weight step t by √t, and the cube root
    divides.

    Checked against pytorch_optimizer, not against the paper.

    Differs from optax and pytorch_optimizer: they add epsilon to the learning
    rate too; optax takes √t in float32.

    Parameters
    ----------
    momentum : float
        In [0, 1): the weight of the last parameters, 1 - c.
    epsilon : float
        At least 0, added to the cube root.

    Examples
    --------
    >>> options = {"learning_rate": 1.0, "momentum": 0.5, "epsilon": 0.0}
    >>> param, *_ = madgrad(1.0, 8.0, 0.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)  # halfway to 1 - 8/∛64
    0.0
    """
    start = np.where(step == 1, param, start)
    weight = learning_rate * step**0.5
    s = s + weight * grad
    nu = nu + weight * grad**2
    z = start - s / np.where(nu == 0, 1, np.cbrt(nu) + epsilon)
    return momentum * param + (1 - momentum) * z, s, nu, start


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (kate, sc_adagrad, sc_rmsprop, adagrad_norm, wngrad, madgrad):
        register(part)
