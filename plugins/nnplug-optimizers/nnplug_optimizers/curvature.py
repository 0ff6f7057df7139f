"""Optimizers that use the diagonal of the loss's Hessian, as Hutchinson's estimate gives it."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

__all__: list[str] = []


@nnplug.optimizer(
    ranges={
        "beta1": "[0, 1)", "beta2": "[0, 1)", "gamma": "(0, inf)", "clip": "(0, inf)",
        "epsilon": "(0, inf)", "weight_decay": "[0, inf)", "k": "[1, inf)",
    }
)  # fmt: skip
def sophia(
    param: Any,
    grad: Any,
    m: Any,
    h: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.965,
    beta2: float = 0.99,
    gamma: float = 0.01,
    clip: float = 1.0,
    epsilon: float = 1e-12,
    weight_decay: float = 0.0,
    k: int = 10,
) -> Any:
    """Sophia-H (Liu et al., 2024, arXiv:2305.14342, algorithm 3 with that of Hutchinson).

    The momentum over the running mean of the curvature, clipped element by
    element: where the curvature is small or negative, a step is the sign's.

    Parameters
    ----------
    beta1, beta2 : float
        Of the momentum and of the curvature, in [0, 1).
    gamma : float
        The curvature's factor: with a smaller one, more steps are clipped.
    clip : float
        The largest quotient.
    epsilon : float
        The smallest divisor.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.
    k : int
        The curvature is taken in at steps 1, k + 1, 2k + 1 ...; it is estimated
        at every step all the same, so a step costs two gradients.

    Notes
    -----
    The formula is that of the published version, m/max(γ·h, ε). Differs from
    optax, which draws its own signs.

    Examples
    --------
    m = 0.5·g = (0.5, 2), h = (2, 2): the quotients are 0.25 and 1, then clipped to 0.5.

    >>> new, m, h = sophia(np.zeros(2), np.array([1.0, 4.0]), np.zeros(2), np.zeros(2),
    ...     curvature=np.full(2, 4.0), step=1, learning_rate=1.0, beta1=0.5, beta2=0.5, gamma=1.0,
    ...     clip=0.5)
    >>> new.tolist(), h.tolist()
    ([-0.25, -0.5], [2.0, 2.0])
    """
    m = beta1 * m + (1 - beta1) * grad
    h = np.where((step - 1) % k == 0, beta2 * h + (1 - beta2) * curvature, h)
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * np.clip(m / np.maximum(gamma * h, epsilon), -clip, clip), m, h


@nnplug.optimizer(
    ranges={
        "beta1": "[0, 1)", "beta2": "[0, 1)", "power": "[0, 1]", "epsilon": "(0, inf)",
        "weight_decay": "[0, inf)",
    }
)  # fmt: skip
def adahessian(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.999,
    power: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdaHessian (Yao et al., 2021, arXiv:2006.00719, algorithm 1), with blocks of one weight.

    Adam with the curvature in place of the gradient, in the second moment.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    power : float
        The paper's k: the root of the second moment is taken to this power, 1
        for the algorithm's own form.
    epsilon : float
        Outside the root.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Examples
    --------
    >>> new, m, v = adahessian(np.zeros(2), np.array([1.0, 1.0]), np.zeros(2), np.zeros(2),
    ...     curvature=np.array([2.0, -4.0]), step=1, learning_rate=1.0, power=1.0)
    >>> new.round(6).tolist()
    [-0.5, -0.25]
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * curvature**2
    below = np.sqrt(v / (1 - beta2**step)) ** power + epsilon
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * (m / (1 - beta1**step)) / below, m, v


@nnplug.optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "smallest": "(0, inf)"})
def oasis(
    param: Any,
    grad: Any,
    m: Any,
    d: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.99,
    smallest: float = 0.01,
) -> Any:
    """OASIS with a fixed rate and momentum (Jahani et al., 2022, arXiv:2109.05198, eq. 4 to 6).

    The momentum over the absolute value of the running mean of the curvature.

    The equations' numbers were not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        Of the momentum and of the curvature, in [0, 1).
    smallest : float
        The paper's α: the smallest divisor.

    Notes
    -----
    The curvature's mean starts from its first estimate. The paper's own rate,
    from the change of the gradient on one batch, needs a second gradient on it,
    and is left out.

    Examples
    --------
    >>> new, m, d = oasis(np.zeros(2), np.array([1.0, 1.0]), np.zeros(2), np.zeros(2),
    ...     curvature=np.array([-4.0, 0.0]), step=1, learning_rate=1.0, beta1=0.0, smallest=0.5)
    >>> new.tolist(), d.tolist()
    ([-0.25, -2.0], [-4.0, 0.0])
    """
    m = beta1 * m + (1 - beta1) * grad
    d = np.where(step == 1, curvature, beta2 * d + (1 - beta2) * curvature)
    return param - learning_rate * m / np.maximum(np.abs(d), smallest), m, d


@nnplug.optimizer(ranges={"damping": "(0, inf)"})
def esgd(
    param: Any,
    grad: Any,
    d: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 0.01,
    damping: float = 1e-4,
) -> Any:
    """ESGD: equilibrated gradient descent (Dauphin, de Vries & Bengio, 2015, arXiv:1502.04390,
    algorithm 1).

    The gradient over the root of the mean of (H·z)², which estimates the norms
    of the Hessian's rows.

    Parameters
    ----------
    damping : float
        Added to the root.

    Notes
    -----
    z has random signs, whose squares are 1: (z·(H·z))² is (H·z)². The paper
    draws z from a normal distribution, with the same mean, and estimates only
    every 20 steps.

    Examples
    --------
    The mean of 9 and 25 - 9 = 16 is 12.5.

    >>> new, d = esgd(np.zeros(1), np.array([1.0]), np.array([9.0]), curvature=np.array([-4.0]),
    ...               step=2, learning_rate=1.0)
    >>> new.round(3).tolist(), d.tolist()
    ([-0.283], [25.0])
    """
    d = d + curvature**2
    return param - learning_rate * grad / (np.sqrt(d / step) + damping), d


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (sophia, adahessian, oasis, esgd):
        register(part)
