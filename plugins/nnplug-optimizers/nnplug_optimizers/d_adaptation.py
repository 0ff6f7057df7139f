"""Rates from an estimate d of the distance to the solution: D-Adaptation and Prodigy.

Each takes its norms and inner products over all parameters. The slots d and r
hold one number, repeated for each parameter.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import BETAS, DECAY

_D0 = {"d0": "(0, inf)"}
_ADAM = {**BETAS, **DECAY, **_D0, "epsilon": "(0, inf)"}


def _quotient(a: Any, b: Any) -> Any:
    """Divide, with 0 for a division by 0, as long as all gradients are 0."""
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))


@nnplug.optimizer(over="vector", ranges={**_D0, "momentum": "[0, 1)"})
def dadapt_sgd(
    param: Any,
    grad: Any,
    start: Any,
    s: Any,
    d: Any,
    r: Any,
    first_norm: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    momentum: float = 0.9,
    d0: float = 1e-6,
) -> Any:
    """D-Adapted SGD (Defazio & Mishchenko, 2023, arXiv:2301.07733).

    With the momentum of the authors' code. Checked against pytorch_optimizer,
    not against the paper.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    momentum : float
        In [0, 1): the weight of the last parameters.
    d0 : float
        Above 0: the first estimate of the distance, to be below the true one.

    Examples
    --------
    >>> param, _, s, d, *_ = dadapt_sgd(
    ...     np.zeros(1), np.full(1, 4.0), *np.zeros((5, 1)), step=1, momentum=0.0, d0=0.5
    ... )
    >>> param.tolist(), s.tolist(), d.tolist()
    ([-0.5], [0.5], [0.5])
    """
    start, d = np.where(step == 1, param, start), np.where(step == 1, d0, d)
    first_norm = np.where(step == 1, np.sqrt(np.sum(grad**2)), first_norm)
    rate = _quotient(d * learning_rate, first_norm)
    r = r + rate * np.sum(grad * s)
    s = s + rate * grad
    d = np.maximum(d, _quotient(2 * r, np.sqrt(np.sum(s**2))))
    return momentum * param + (1 - momentum) * (start - s), start, s, d, r, first_norm


@nnplug.optimizer(over="vector", ranges={**_D0, "momentum": "[0, 1)", "initial": "(0, inf)"})
def dadapt_adagrad(
    param: Any,
    grad: Any,
    start: Any,
    s: Any,
    total: Any,
    d: Any,
    r: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    momentum: float = 0.0,
    d0: float = 1e-6,
    initial: float = 1e-6,
) -> Any:
    """D-Adapted Adagrad (Defazio & Mishchenko, 2023, arXiv:2301.07733).

    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    momentum : float
        In [0, 1): the weight of the last parameters.
    d0 : float
        Above 0: the first estimate of the distance, to be below the true one.
    initial : float
        Above 0: the sum of squares before the first step.

    Examples
    --------
    >>> param, _, s, total, *_ = dadapt_adagrad(
    ...     np.zeros(1), np.full(1, 4.0), *np.zeros((5, 1)), step=1, d0=0.5, initial=9.0
    ... )
    >>> param.tolist(), s.tolist(), total.tolist()  # 0.5·4/√25
    ([-0.4], [2.0], [25.0])
    """
    start, d = np.where(step == 1, param, start), np.where(step == 1, d0, d)
    total = np.where(step == 1, initial, total) + grad**2
    root = np.sqrt(total)
    rate = d * learning_rate
    s = s + rate * grad
    r = r + rate**2 * np.sum(grad**2 / root)
    found = _quotient(np.sum(s**2 / root) - r, np.sum(abs(s)))
    moved = momentum * param + (1 - momentum) * (start - s / root)
    return moved, start, s, total, np.maximum(d, found), r


@nnplug.optimizer(over="vector", ranges=_ADAM, aliases=("dadapt_adamw",))
def dadapt_adam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    s: Any,
    d: Any,
    r: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    d0: float = 1e-6,
    bias_correction: bool = False,
    weight_decay: float = 0.0,
) -> Any:
    """D-Adapted Adam (Defazio & Mishchenko, 2023, arXiv:2301.07733).

    Checked against pytorch_optimizer and optax, not against the paper.

    Differs from optax: it always corrects the rate for bias.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        Above 0, added to the root.
    d0 : float
        Above 0: the first estimate of the distance, to be below the true one.
    bias_correction : bool
        Whether Adam's bias correction is a factor of the rate.
    weight_decay : float
        At least 0, decoupled: times d and the learning rate.

    Examples
    --------
    >>> param, *_ = dadapt_adam(
    ...     np.zeros(1), np.full(1, 4.0), *np.zeros((5, 1)), step=1, d0=0.5, beta1=0.5, beta2=0.75
    ... )
    >>> param.round(6).tolist()  # 0.5·(0.5·4)/√(0.25·16)
    [-0.5]
    """
    d = np.where(step == 1, d0, d)
    root_beta = beta2**0.5
    rate = d * learning_rate
    if bias_correction:
        rate = rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    r = root_beta * r + (1 - root_beta) * rate * np.sum(grad * s / (np.sqrt(v) + epsilon))
    m = beta1 * m + (1 - beta1) * rate * grad
    v = beta2 * v + (1 - beta2) * grad**2
    s = root_beta * s + (1 - root_beta) * rate * grad
    found = _quotient(r, (1 - root_beta) * np.sum(abs(s)))
    shrunk = param * (1 - rate * weight_decay)
    return shrunk - m / (np.sqrt(v) + epsilon), m, v, s, np.maximum(d, found), r


@nnplug.optimizer(over="vector", ranges={**BETAS, **_D0})
def dadapt_lion(
    param: Any,
    grad: Any,
    m: Any,
    s: Any,
    d: Any,
    r: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    d0: float = 1e-6,
) -> Any:
    """D-Adapted Lion (after Defazio & Mishchenko, 2023, arXiv:2301.07733, in their code).

    Checked against pytorch_optimizer; the paper does not have it.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    beta1, beta2 : float
        In [0, 1): weight of the momentum inside the sign; its decay.
    d0 : float
        Above 0: the first estimate of the distance, to be below the true one.

    Examples
    --------
    >>> param, m, *_ = dadapt_lion(
    ...     np.zeros(1), np.full(1, 4.0), *np.zeros((4, 1)), step=1, d0=0.5, beta2=0.5
    ... )
    >>> param.tolist(), m.tolist()
    ([-0.5], [1.0])
    """
    d = np.where(step == 1, d0, d)
    rate = d * learning_rate
    root_beta = beta2**0.5
    direction = np.sign(beta1 * m + (1 - beta1) * grad)
    m = beta2 * m + (1 - beta2) * rate * grad
    r = root_beta * r + (1 - root_beta) * rate * np.sum(direction * s)
    s = root_beta * s + (1 - root_beta) * rate * direction
    found = _quotient(r, (1 - root_beta) * np.sum(abs(s)))
    return param - rate * direction, m, s, np.maximum(d, found), r


@nnplug.optimizer(over="vector", ranges={**_ADAM, "growth": "(0, inf)"})
def prodigy(
    param: Any,
    grad: Any,
    start: Any,
    m: Any,
    v: Any,
    s: Any,
    d: Any,
    r: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    d0: float = 1e-6,
    growth: float = 1.0,
    bias_correction: bool = False,
    weight_decay: float = 0.0,
) -> Any:
    """Prodigy (Mishchenko & Defazio, 2023, arXiv:2306.06101, the version for Adam).

    Checked against pytorch_optimizer and optax, not against the paper. The sums
    are divided by d0, as in the authors' code, for float32's sake.

    Differs from optax: it always corrects the rate for bias.

    Parameters
    ----------
    learning_rate : float
        A factor on the rate that is found; 1 is usual.
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        Above 0; times d, added to the root.
    d0 : float
        Above 0: the first estimate of the distance, to be below the true one.
    growth : float
        Above 0: a factor on each new estimate (`d_coef`).
    bias_correction : bool
        Whether Adam's bias correction is a factor of the rate.
    weight_decay : float
        At least 0, decoupled: times d and the learning rate.

    Examples
    --------
    >>> param, *_ = prodigy(
    ...     np.zeros(1), np.full(1, 4.0), *np.zeros((6, 1)), step=1, d0=0.5, beta1=0.5, beta2=0.75
    ... )
    >>> param.round(6).tolist()  # 0.5·(0.5·0.5·4)/√(0.25·0.25·16)
    [-0.5]
    """
    start, d = np.where(step == 1, param, start), np.where(step == 1, d0, d)
    rate = d * learning_rate
    if bias_correction:
        rate = rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    beta3 = beta2**0.5
    weight = d / d0 * rate
    r = beta3 * r + weight * np.sum(grad * (start - param))
    s = beta3 * s + weight * grad
    m = beta1 * m + (1 - beta1) * d * grad
    v = beta2 * v + (1 - beta2) * d**2 * grad**2
    d = np.maximum(d, _quotient(growth * r, np.sum(abs(s))))
    shrunk = param * (1 - rate * weight_decay)
    return shrunk - rate * m / (np.sqrt(v) + d * epsilon), start, m, v, s, d, r


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (dadapt_sgd, dadapt_adagrad, dadapt_adam, dadapt_lion, prodigy):
        register(part)
