"""Steps whose size needs no learning rate: distances from the start, and bets."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import BETAS


@nnplug.optimizer(over="vector", ranges={"distance": "(0, inf)", "epsilon": "[0, inf)"})
def dog(
    param: Any,
    grad: Any,
    start: Any,
    far: Any,
    total: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    distance: float = 1e-6,
    epsilon: float = 1e-8,
) -> Any:
    """DoG, distance over gradients (Ivgi, Hinder & Carmon, 2023, arXiv:2302.12022, eq. 1).

    The rate is the largest distance from the start so far, over √(Σ‖g‖²), for
    all parameters. The paper predicts with an average of the steps, this with
    the last. Checked against optax, not against the paper.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    distance : float
        Above 0; the first distance is this times 1 + ‖start‖.
    epsilon : float
        At least 0, added to the sum of squares.

    Examples
    --------
    >>> param, *_ = dog(np.zeros(2), np.array([3.0, 4.0]), *np.zeros((3, 2)), step=1, distance=5.0)
    >>> param.round(6).tolist()
    [-3.0, -4.0]
    """
    start = np.where(step == 1, param, start)
    far = np.where(step == 1, distance * (1 + np.sqrt(np.sum(param**2))), far)
    far = np.maximum(far, np.sqrt(np.sum((param - start) ** 2)))
    total = total + np.sum(grad**2)
    # Without a gradient yet there is nothing to divide, and nothing to move.
    root = np.sqrt(np.where(total + epsilon == 0, 1, total + epsilon))
    return param - learning_rate * far / root * grad, start, far, total


@nnplug.optimizer(over="vector", ranges={"distance": "(0, inf)", "epsilon": "(0, inf)"})
def dowg(
    param: Any,
    grad: Any,
    start: Any,
    far: Any,
    total: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    distance: float = 0.01,
    epsilon: float = 1e-4,
) -> Any:
    """DoWG, distance over weighted gradients (Khaled et al., 2023, arXiv:2305.16284, Algorithm 1).

    As DoG, with the squares of gradients weighted by the squared distances.
    Checked against optax, not against the paper.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    distance : float
        Above 0: the first distance.
    epsilon : float
        Above 0, added to the root.

    Examples
    --------
    >>> param, *_ = dowg(
    ...     np.zeros(2), np.array([3.0, 4.0]), *np.zeros((3, 2)), step=1, distance=5.0, epsilon=1e-9
    ... )
    >>> param.round(6).tolist()
    [-3.0, -4.0]
    """
    start = np.where(step == 1, param, start)
    far = np.where(step == 1, distance**2, far)  # the square of the distance
    far = np.maximum(far, np.sum((param - start) ** 2))
    total = total + far * np.sum(grad**2)
    rate = learning_rate * far / (np.sqrt(total) + epsilon)
    return param - rate * grad, start, far, total


@nnplug.optimizer(ranges={"alpha": "(0, inf)", "epsilon": "(0, inf)"})
def cocob(
    param: Any,
    grad: Any,
    start: Any,
    total: Any,
    largest: Any,
    size: Any,
    reward: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    alpha: float = 100.0,
    epsilon: float = 1e-8,
) -> Any:
    """COCOB-Backprop, coin betting (Orabona & Tommasi, 2017, arXiv:1705.07795, Algorithm 2).

    Each parameter bets a fraction of what it has won on its next gradient's
    sign. Scaling the gradients does not change a step. Checked against optax,
    not against the paper.

    Differs from optax: its learning rate scales the gradients, which does
    nothing.

    Parameters
    ----------
    learning_rate : float
        A factor on the distance from the start; 1 is the algorithm.
    alpha : float
        Above 0: the first bets are a 1/α of the wealth.
    epsilon : float
        Above 0: the largest gradient before the first step.

    Examples
    --------
    >>> param, *_ = cocob(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, step=1, alpha=4.0)
    >>> float(param)  # 1 - 2/(2·8)·2
    0.75
    """
    start = np.where(step == 1, param, start)
    largest = np.maximum(np.where(step == 1, epsilon, largest), abs(grad))
    size = size + abs(grad)
    reward = np.maximum(reward - (param - start) * grad, 0)
    total = total - grad
    fraction = total / (largest * np.maximum(size + largest, alpha * largest))
    return (
        start + learning_rate * fraction * (largest + reward),
        start,
        total,
        largest,
        size,
        reward,
    )


@nnplug.optimizer(ranges={**BETAS, "beta3": "[0, 1)", "p": "(0, inf)", "q": "(0, 1)"})
def adamg(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    r: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta1: float = 0.95,
    beta2: float = 0.999,
    beta3: float = 0.95,
    p: float = 0.2,
    q: float = 0.24,
    epsilon: float = 1e-8,
) -> Any:
    """AdamG, Adam with a golden step size (Pang et al., 2024, arXiv:2405.04376).

    The momentum is that of r·g, with r the running mean of p·v^q; the learning
    rate is at most 1/√step. Checked against pytorch_optimizer, not against the
    paper.

    Parameters
    ----------
    learning_rate : float
        Its largest value; 1 is usual.
    beta1, beta2, beta3 : float
        In [0, 1): decay of the means of r·g, of g² and of r.
    p, q : float
        Above 0; q below 1.
    epsilon : float
        At least 0, added to the root.

    Examples
    --------
    >>> options = {"step": 1, "beta2": 0.0, "beta3": 0.0, "p": 0.5, "q": 0.25, "epsilon": 0.0}
    >>> param, *_ = adamg(1.0, 4.0, 0.0, 0.0, 0.0, **options)
    >>> round(float(param), 6)  # r is half the fourth root of 16
    0.0
    """
    v = beta2 * v + (1 - beta2) * grad**2
    r = beta3 * r + (1 - beta3) * p * v**q
    m = beta1 * m + (1 - beta1) * r * grad
    rate = np.minimum(learning_rate, step**-0.5) / (1 - beta1**step)
    return param - rate * m / (np.sqrt(v / (1 - beta2**step)) + epsilon), m, v, r


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (dog, dowg, cocob, adamg):
        register(part)
