"""Moments that are centred, delayed, split by sign or kept for some parameters only."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, EPSILON, MOMENTS


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "epsilon_root": "[0, inf)"})
def acprop(
    param: Any,
    grad: Any,
    m: Any,
    s: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-16,
    epsilon_root: float = 1e-16,
    weight_decay: float = 0.0,
) -> Any:
    """ACProp, centred and asynchronous (Zhuang et al., 2021, arXiv:2110.05454).

    The gradient is divided by the root of the second moment before it, which is
    that of its distance from the mean before it; at the first step by 1. Checked
    against optax, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of the squared distance.
    epsilon, epsilon_root : float
        At least 0: added to the root, and to s at each step.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m, s = acprop(1.0, 2.0, 0.0, 0.004, step=2, learning_rate=0.25, beta2=0.5)
    >>> round(float(param), 4), round(s, 3)  # s is corrected by 1 - β2 to 0.008
    (-4.5902, 2.002)
    """
    before = np.where(step == 1, 1, s / (1 - beta2 ** np.maximum(step - 1, 1)))
    s = beta2 * s + (1 - beta2) * (grad - m) ** 2 + epsilon_root
    m = beta1 * m + (1 - beta1) * grad
    update = grad / (np.sqrt(before) + epsilon)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, s


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def laprop(
    param: Any,
    grad: Any,
    m: Any,
    n: Any,
    *,
    step: Any,
    learning_rate: float = 4e-4,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-15,
    weight_decay: float = 0.0,
) -> Any:
    """LaProp, the momentum of divided gradients (Ziyin et al., 2020, arXiv:2002.04839, Alg. 1).

    The learning rate is inside the momentum. Checked against pytorch_optimizer,
    not against the paper. Differs from pytorch_optimizer: it decays weights
    after the step.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the momentum and of the mean square (μ and ν).
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m, n = laprop(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.5)
    >>> round(float(param), 6), round(float(m), 6)
    (0.5, 0.05)
    """
    n = beta2 * n + (1 - beta2) * grad**2
    divided = grad / (np.sqrt(n / (1 - beta2**step)) + epsilon)
    m = beta1 * m + (1 - beta1) * learning_rate * divided
    return param * (1 - learning_rate * weight_decay) - m / (1 - beta1**step), m, n


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "beta3": "[0, inf)"})
def adapnm(
    param: Any,
    grad: Any,
    odd: Any,
    even: Any,
    v: Any,
    largest: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 1.0,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdaPNM, AMSGrad with positive-negative momentum (Xie et al., 2021, arXiv:2103.17182).

    Checked against pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: it adds epsilon before the bias correction.

    Parameters
    ----------
    beta1 : float
        In [0, 1): each of the two momenta decays by β1² at its own steps.
    beta2 : float
        In [0, 1): decay of the mean square.
    beta3 : float
        At least 0: the weight of the negative momentum.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "beta1": 0.5, "beta3": 0.0, "epsilon": 0.0}
    >>> param, *_ = adapnm(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)  # 0.75 times the gradient, corrected by 0.5
    0.25
    """
    is_odd = step % 2 == 1
    new = beta1**2 * np.where(is_odd, odd, even) + (1 - beta1**2) * grad
    old = np.where(is_odd, even, odd)
    v = beta2 * v + (1 - beta2) * grad**2
    largest = np.maximum(largest, v)
    scale = ((1 + beta3) ** 2 + beta3**2) ** 0.5
    mean = ((1 + beta3) * new - beta3 * old) / scale / (1 - beta1**step)
    update = mean / (np.sqrt(largest / (1 - beta2**step)) + epsilon)
    shrunk = param * (1 - learning_rate * weight_decay)
    odd, even = np.where(is_odd, new, odd), np.where(is_odd, even, new)
    return shrunk - learning_rate * update, odd, even, v, largest


@nnplug.optimizer(aliases=("lazy_adam",), ranges=MOMENTS)
def sparse_adam(
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
) -> Any:
    """Lazy Adam: parameters and moments change only where the gradient is not 0.

    After PyTorch's `SparseAdam`, for the entries that a sparse gradient has. The
    moments are Adam's (Kingma & Ba, 2015, arXiv:1412.6980).

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root before its bias correction, as in PyTorch.

    Examples
    --------
    >>> options = {"step": 1, "learning_rate": 0.5, "epsilon": 0.0}
    >>> param, m, v = sparse_adam(np.ones(2), np.array([2.0, 0.0]), 0.0, np.ones(2), **options)
    >>> param[1], m[1], v[1]
    (np.float64(1.0), np.float64(0.0), np.float64(1.0))
    """
    present = grad != 0
    m = np.where(present, beta1 * m + (1 - beta1) * grad, m)
    v = np.where(present, beta2 * v + (1 - beta2) * grad**2, v)
    rate = learning_rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    return np.where(present, param - rate * m / (np.sqrt(v) + epsilon), param), m, v


@nnplug.optimizer(ranges={"beta": "[0, 1)"})
def msvag(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta: float = 0.9,
) -> Any:
    """M-SVAG, momentum scaled by its estimated variance (Balles & Hennig, 2018, arXiv:1705.07774).

    The factor m²/(m² + ρs) has s, the variance of the gradient, and ρ, what is
    left of it in m. Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the means of the gradient and of its square.

    Examples
    --------
    >>> param, m, v = msvag(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.25)
    >>> round(float(param), 6)  # one gradient has no variance
    0.5
    """
    m = beta * m + (1 - beta) * grad
    v = beta * v + (1 - beta) * grad**2
    left = 1 - beta**step
    mean = m / left
    rho = (1 - beta) * (1 + beta**step) / ((1 + beta) * left)
    # ρ is 1 at the first step, where the variance is 0.
    spread = np.maximum(v / left - mean**2, 0) * (rho / (1 - np.minimum(rho, 0.9999)))
    factor = np.where(mean == 0, 0, 1 / (1 + spread / np.where(mean == 0, 1, mean) ** 2))
    return param - learning_rate * factor * mean, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def adasmooth(
    param: Any,
    grad: Any,
    before: Any,
    way: Any,
    length: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.5,
    beta2: float = 0.99,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """AdaSmooth, RMSProp that forgets where the path is straight (Lu, 2022, arXiv:2204.00825).

    The mean square takes in the new square by the square of
    (β2 - β1)·|way|/length + 1 - β2, for the way and the length of the path so
    far. Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the fast and the slow decay.
    epsilon : float
        At least 0, added inside the root and to the length.
    weight_decay : float
        At least 0, added to the gradient.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "beta2": 0.5, "epsilon": 0.0, "beta1": 0.0}
    >>> param, *_ = adasmooth(2.0, 2.0, 1.0, 0.0, 0.0, 0.0, step=2, **options)
    >>> round(float(param), 6)  # a straight path: the square's weight is 1
    1.5
    """
    grad = grad + weight_decay * param
    moved = np.where(step == 1, 0, param - before)
    way, length = way + moved, length + abs(moved)
    straight = abs(way) / np.where(length + epsilon == 0, 1, length + epsilon)
    weight = ((beta2 - beta1) * straight + 1 - beta2) ** 2
    v = (1 - weight) * v + weight * grad**2
    return param - learning_rate * grad / np.sqrt(v + epsilon), param, way, length, v


@nnplug.optimizer(ranges={**EPSILON, "tau1": "(0, 1]", "tau2": "(0, 1]", "ratio": "(0, inf)"})
def vsgd(
    param: Any,
    grad: Any,
    mean: Any,
    b_true: Any,
    b_seen: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    ratio: float = 30.0,
    strength: float = 1e-8,
    tau1: float = 0.81,
    tau2: float = 0.9,
    epsilon: float = 1e-8,
) -> Any:
    """Variational SGD, with an inferred gradient (Chen et al., 2024, arXiv:2404.06549).

    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    ratio : float
        Above 0, K: the variance of what is seen over the true one, at first.
    strength : float
        Above 0, γ: of the priors.
    tau1, tau2 : float
        In (0, 1]: how fast the variances' rates step^-τ fall.
    epsilon : float
        At least 0, added to the root.

    Examples
    --------
    >>> param, mean, *_ = vsgd(1.0, 31.0, 0.0, 0.0, 0.0, step=1, learning_rate=0.5, strength=0.5)
    >>> round(float(mean), 6)  # a part in 1 + K of the first gradient
    1.0
    """
    a = 2 * strength + 1 + 1e-4  # the last term as in the code of the authors
    prior_true, prior_seen = 2 * strength, 2 * ratio * strength
    true = np.where(step == 1, prior_true / (a - 1), b_true / a)
    seen = np.where(step == 1, prior_seen / (a - 1), b_seen / a)
    new = (seen * mean + true * grad) / (true + seen)
    square = new**2 + true * seen / (true + seen)
    b1 = prior_true + square - 2 * new * mean + mean**2
    b2 = prior_seen + square - 2 * grad * new + grad**2
    rate1, rate2 = step**-tau1, step**-tau2
    b_true = (1 - rate1) * np.where(step == 1, prior_true, b_true) + rate1 * b1
    b_seen = (1 - rate2) * np.where(step == 1, prior_seen, b_seen) + rate2 * b2
    return param - learning_rate * new / (np.sqrt(square) + epsilon), new, b_true, b_seen


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (acprop, laprop, adapnm, sparse_adam, msvag, adasmooth, vsgd):
        register(part)
