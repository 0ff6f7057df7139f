"""Adam with another update from its two moments."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.special import sigmoid

from nnplug_optimizers._ranges import BETAS, DECAY, MOMENTS


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def diffgrad(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """DiffGrad, Adam times sigmoid(|gradient's change|) (Dubey et al., 2019, arXiv:1909.11015).

    A gradient that does not change halves the step. Checked against
    pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: it adds epsilon before the bias correction.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, *_ = diffgrad(1.0, 2.0, 0.0, 0.0, 2.0, step=1, learning_rate=0.5, epsilon=0.0)
    >>> round(float(param), 6)  # half of Adam's step
    0.75
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    friction = sigmoid(abs(grad - previous))
    update = friction * m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, v, grad


@nnplug.optimizer(ranges={**MOMENTS, "nu1": "[0, 1]", "nu2": "[0, 1]"})
def qhadam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.995,
    beta2: float = 0.999,
    nu1: float = 0.7,
    nu2: float = 1.0,
    epsilon: float = 1e-8,
) -> Any:
    """Quasi-hyperbolic Adam (Ma & Yarats, 2019, arXiv:1810.06801, Algorithm 2).

    Both corrected moments are mixed with the present gradient.

    Checked against pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: its defaults, ν1 = ν2 = 1, are Adam's; here
    they are those that the paper recommends.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    nu1, nu2 : float
        In [0, 1]: the weights of the means against the present gradient's.
    epsilon : float
        At least 0, added to the root.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "nu1": 0.5, "beta2": 0.0, "epsilon": 0.0}
    >>> param, *_ = qhadam(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)
    0.5
    """
    square = grad**2
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * square
    mean = (1 - nu1) * grad + nu1 * m / (1 - beta1**step)
    root = np.sqrt((1 - nu2) * square + nu2 * v / (1 - beta2**step))
    return param - learning_rate * mean / (root + epsilon), m, v


@nnplug.optimizer(ranges={**MOMENTS, "p": "(0, 0.5]"})
def padam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    largest: Any,
    *,
    learning_rate: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.999,
    p: float = 0.125,
    epsilon: float = 1e-8,
) -> Any:
    """Partially adaptive Adam: m / v^p (Chen et al., 2018, arXiv:1806.06763, Algorithm 1).

    v is AMSGrad's, the largest so far, and no moment is corrected for bias. At
    p = 1/2 that is AMSGrad. The equation was not checked against the paper.

    Differs from pytorch_optimizer: it has Adam's v, the bias correction and
    p = 1/4.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    p : float
        In (0, 1/2].
    epsilon : float
        At least 0, added to the root of v, whose power 2p divides.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "beta1": 0.0, "beta2": 0.0, "p": 0.25, "epsilon": 0.0}
    >>> param, *_ = padam(1.0, 4.0, 0.0, 0.0, 0.0, **options)
    >>> round(float(param), 6)  # 4 over the fourth root of 16
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    largest = np.maximum(largest, v)
    return param - learning_rate * m / (np.sqrt(largest) + epsilon) ** (2 * p), m, v, largest


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def exadam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """EXAdam, corrections that cross the moments (Adly, 2024, arXiv:2412.20302v2, Algorithm 1).

    Checked against pytorch_optimizer, not against the paper. Its first version
    let the learning rate grow, which this has not.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        Above 0, in the corrections and added to the root.
    weight_decay : float
        At least 0, decoupled; not part of the algorithm.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "beta1": 0.0, "beta2": 0.0}
    >>> param, *_ = exadam(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)  # without memory: twice the sign
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    d1 = 1 + v / (v + epsilon) * beta2**step
    d2 = 1 + m**2 / (m**2 + epsilon) * beta1**step
    root = np.sqrt(v / (1 - beta2**step) * d2)
    update = (m + grad) / (1 - beta1**step) * d1 / (root + epsilon)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, v


@nnplug.optimizer(ranges={**BETAS, **DECAY, "a": "(0, inf)", "b": "(0, inf)"})
def adam_atan2(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    a: float = 1.0,
    b: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """Adam-atan2: a·atan2(m, b·√v) for m / (√v + ε) (Everett et al., 2024, arXiv:2407.05872).

    It needs no epsilon, and gradients times any number give the same steps. The
    equation was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    a, b : float
        Above 0: a/b is the slope for a small m, a·π/2 bounds the step.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, *_ = adam_atan2(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.5, a=4 / np.pi)
    >>> round(float(param), 6)  # atan2(2, 2) is π/4
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    angle = np.arctan2(m / (1 - beta1**step), b * np.sqrt(v / (1 - beta2**step)))
    return param * (1 - learning_rate * weight_decay) - learning_rate * a * angle, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def adams(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.95,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdamS, the momentum as its own normaliser (Zhang, Wang & Chen, 2025, arXiv:2505.16363).

    m / √(β2·(last m)² + (1 - β2)·g²), without a bias correction. The equation
    was not checked against the paper.

    Differs from pytorch_optimizer: its `AdamS` is Adam with stable weight decay,
    another algorithm.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the momentum; its weight in the denominator.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.0}
    >>> param, m = adams(1.0, 4.0, 0.0, **options)
    >>> float(param), m  # 2 over the root of 4
    (0.5, 2.0)
    """
    root = np.sqrt(beta2 * m**2 + (1 - beta2) * grad**2)
    m = beta1 * m + (1 - beta1) * grad
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * m / (root + epsilon), m


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (diffgrad, qhadam, padam, exadam, adam_atan2, adams):
        register(part)
