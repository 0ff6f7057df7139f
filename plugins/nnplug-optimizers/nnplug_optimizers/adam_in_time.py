"""Adam whose rule changes in the course of training."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, EPSILON, MOMENTS


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "largest_rate": "(0, inf)"})
def adamc(
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
    weight_decay: float = 0.01,
    largest_rate: float = 0.001,
) -> Any:
    """AdamC, AdamW with the decay scaled by the schedule (Defazio, 2025, arXiv:2506.02285).

    A step shrinks by weight_decay·learning_rate²/largest_rate. The paper does so
    for the weights before a normalisation only; here it is all of them. At the
    largest rate it is AdamW. Checked against pytorch_optimizer, not against the
    paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.
    largest_rate : float
        Above 0: the largest learning rate of the schedule.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "largest_rate": 1.0, "weight_decay": 1.0, "epsilon": 0.0}
    >>> param, *_ = adamc(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)
    0.25
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    update = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    shrunk = param * (1 - learning_rate**2 / largest_rate * weight_decay)
    return shrunk - learning_rate * update, m, v


@nnplug.optimizer(ranges={**EPSILON, **DECAY, "beta1": "[0, 1)", "beta2": "(0, 1)"})
def adamnx(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.99,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdamNX, a second moment that changes ever less (Zhu, Xiao & Min, 2025, arXiv:2511.13465).

    Its decay at step t is (1 - b^(t - 1)) / (1 - b^t) with b = β2^(1 - β2),
    which tends to 1, so that in the end this is SGD with momentum. Checked
    against a description of the method, not against the paper.

    Parameters
    ----------
    beta1 : float
        In [0, 1): decay of the mean gradient.
    beta2 : float
        Above 0 and below 1: sets the decays of the mean square.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, *_ = adamnx(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.5, epsilon=0.0)
    >>> round(float(param), 6)
    0.5
    """
    decay1 = (beta1 - beta1**step) / (1 - beta1**step)
    b = beta2 ** (1 - beta2)
    decay2 = (1 - b ** (step - 1)) / (1 - b**step)
    m = decay1 * m + (1 - decay1) * grad
    v = decay2 * v + (1 - decay2) * grad**2
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * m / (np.sqrt(v) + epsilon), m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "switch_rate": "[0, 1]"})
def dualadam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    switch_rate: float = 0.01,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """DualAdam, from inverse Adam, m·√v, to Adam, m/√v (Shi et al., 2026, arXiv:2603.07122).

    The inverse's weight falls from 1 to 0 by the switch rate at each step.
    Checked against pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: there epsilon is added to the root of the
    inverse too.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    switch_rate : float
        In [0, 1]; with 1 it is Adam.
    epsilon : float
        At least 0, added to Adam's root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "switch_rate": 0.5, "epsilon": 0.0}
    >>> param, *_ = dualadam(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)  # half of 2·2 and half of 2/2
    0.375
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    inverse = np.maximum(1 - switch_rate * step, 0)
    root = np.sqrt(v / (1 - beta2**step))
    factor = inverse * root + (1 - inverse) / (root + epsilon)
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * factor * m / (1 - beta1**step), m, v


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (adamc, adamnx, dualadam):
        register(part)
