"""Adam with other moments: Nesterov's, of beliefs, of differences, of two lengths."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, MOMENTS


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "momentum_decay": "[0, inf)"})
def nadamw(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    product: Any,
    *,
    step: Any,
    learning_rate: float = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    momentum_decay: float = 0.004,
    weight_decay: float = 1e-4,
) -> Any:
    """NAdam (Dozat, 2016, ICLR workshop) with decoupled decay (Loshchilov & Hutter, 2019).

    Sources: Incorporating Nesterov momentum into Adam, and arXiv:1711.05101. The
    momentum is β1·(1 - 0.5·0.96^(ψt)), as in PyTorch's `NAdam` with
    `decoupled_weight_decay`.

    Checked against PyTorch, not against the paper.

    Differs from optax: `nadamw` has the constant momentum β1, and a bias
    correction for that.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root.
    momentum_decay : float
        At least 0, ψ; 1/250 in the paper.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "epsilon": 0.0, "weight_decay": 0.5, "beta1": 0.0}
    >>> param, *_ = nadamw(1.0, 2.0, 0.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)
    0.25
    """
    now = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * step))
    after = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * (step + 1)))
    product = np.where(step == 1, now, product * now)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    ahead = (1 - now) / (1 - product) * grad + after / (1 - product * after) * m
    shrunk = param * (1 - learning_rate * weight_decay)
    update = ahead / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return shrunk - learning_rate * update, m, v, product


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def adamaxw(
    param: Any,
    grad: Any,
    m: Any,
    u: Any,
    *,
    step: Any,
    learning_rate: float = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 1e-4,
) -> Any:
    """AdaMax (Kingma & Ba, 2015, arXiv:1412.6980, Algorithm 2) with decoupled weight decay.

    Checked against optax, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the mean gradient and of the largest one.
    epsilon : float
        At least 0, added to |g| inside the maximum, as in PyTorch and optax.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "epsilon": 0.0, "weight_decay": 0.0}
    >>> param, m, u = adamaxw(1.0, 2.0, 0.0, 4.0, step=1, beta2=0.5, **options)
    >>> round(float(param), 6), float(u)
    (0.75, 2.0)
    """
    m = beta1 * m + (1 - beta1) * grad
    u = np.maximum(beta2 * u, abs(grad) + epsilon)
    update = m / (1 - beta1**step) / u
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, u


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def adabelief(
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
    weight_decay: float = 0.0,
) -> Any:
    """AdaBelief (Zhuang et al., 2020, arXiv:2010.07468, Algorithm 2).

    The second moment is that of the gradient's distance from its mean.

    Checked against optax and pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of the squared distance.
    epsilon : float
        At least 0, added to s at each step, where it accumulates, and to the
        root. Of `1e-16` nothing is left in float32 beside an s above 1e-9.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m, s = adabelief(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.25, beta1=0.5)
    >>> round(float(param), 6)  # the distance 2 - 1 has the square 1
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * (grad - m) ** 2 + epsilon
    update = m / (1 - beta1**step) / (np.sqrt(s / (1 - beta2**step)) + epsilon)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, s


@nnplug.optimizer(ranges={**MOMENTS, "initial": "[0, inf)"})
def yogi(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-3,
    initial: float = 1e-6,
) -> Any:
    """Yogi (Zaheer et al., 2018, NeurIPS, Algorithm 2), with Adam's bias correction.

    The second moment moves by at most (1 - β2)·g². Both moments start at
    `initial` and are corrected for bias, as in optax; checked against it, not
    against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the mean gradient; 1 - β2 is the second moment's rate.
    epsilon : float
        At least 0, added to the root.
    initial : float
        At least 0: both moments before the first step.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "epsilon": 0.0, "initial": 0.0}
    >>> param, m, v = yogi(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6), round(float(v), 6)
    (0.75, 0.004)
    """
    square = grad**2
    m = beta1 * np.where(step == 1, initial, m) + (1 - beta1) * grad
    v = np.where(step == 1, initial, v)
    v = v - (1 - beta2) * np.sign(v - square) * square
    update = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return param - learning_rate * update, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "beta3": "[0, 1)"})
def adan(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    n: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.98,
    beta2: float = 0.92,
    beta3: float = 0.99,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Adan, adaptive Nesterov momentum (Xie et al., 2022, arXiv:2208.06677, Algorithm 1).

    The betas are decays, 1 minus the paper's, and the moments are corrected for
    bias, both as in the authors' code.

    Checked against pytorch_optimizer, not against the paper.

    Differs from optax: it weights the differences with 1 - β2 where the paper's
    factor is β2 in this notation, and adds 1e-8 inside the root too.

    Parameters
    ----------
    beta1, beta2, beta3 : float
        In [0, 1): decay of the mean gradient, of the mean difference from the
        last gradient, and of the square of what the step is made of.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, by division: param / (1 + learning_rate·weight_decay).

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "epsilon": 0.0, "weight_decay": 2.0}
    >>> param, *_ = adan(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)
    0.5
    """
    change = np.where(step == 1, 0, grad - previous)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * change
    n = beta3 * n + (1 - beta3) * (grad + beta2 * change) ** 2
    ahead = m / (1 - beta1**step) + beta2 * v / (1 - beta2**step)
    update = ahead / (np.sqrt(n / (1 - beta3**step)) + epsilon)
    return (param - learning_rate * update) / (1 + learning_rate * weight_decay), m, v, n, grad


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def adopt(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.9999,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """ADOPT (Taniguchi et al., 2024, arXiv:2411.02853, Algorithm 2).

    The gradient is divided by the root of the second moment before it, clipped
    to ±t^(1/4), and then averaged. The first step only fills the second moment.

    Checked against optax, not against the paper.

    Differs from pytorch_optimizer: it moves at the first step already.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the divided gradient and of the square.
    epsilon : float
        At least 0: the smallest root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> adopt(1.0, 2.0, 0.0, 0.0, step=1)[0].item()
    1.0
    >>> param, m, v = adopt(1.0, 2.0, 0.0, 4.0, step=2, learning_rate=0.5, beta1=0.5)
    >>> param.item()
    0.75
    """
    first = step == 1
    clip = np.maximum(step - 1, 1) ** 0.25
    divided = np.clip(grad / np.maximum(np.sqrt(v), epsilon), -clip, clip)
    m = np.where(first, 0, beta1 * m + (1 - beta1) * divided)
    v = np.where(first, grad**2, beta2 * v + (1 - beta2) * grad**2)
    return param * (1 - learning_rate * weight_decay) - learning_rate * m, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "beta3": "[0, 1)", "alpha": "[0, inf)"})
def ademamix(
    param: Any,
    grad: Any,
    m: Any,
    slow: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 0.9999,
    alpha: float = 5.0,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdEMAMix, Adam with a second, slow momentum (Pagliardini et al., 2024, arXiv:2409.03137).

    α and β3 are constant; the paper's schedules for them are left out.

    Checked against optax and pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2, beta3 : float
        In [0, 1): decay of the fast mean, of the mean square, of the slow mean.
    alpha : float
        At least 0: the weight of the slow mean, which has no bias correction.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "epsilon": 0.0, "alpha": 2.0, "beta3": 0.5}
    >>> param, *_ = ademamix(1.0, 2.0, 0.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)  # 2 and twice the slow mean, 1, over the root 2
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    slow = beta3 * slow + (1 - beta3) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    root = np.sqrt(v / (1 - beta2**step)) + epsilon
    update = (m / (1 - beta1**step) + alpha * slow) / root
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, slow, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "alpha": "[0, inf)"})
def simplified_ademamix(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-4,
    beta1: float = 0.99,
    beta2: float = 0.95,
    alpha: float = 0.0,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Simplified AdEMAMix, one momentum and the gradient (Morwani et al., 2025, arXiv:2502.02431).

    The momentum is a sum, not a mean: m = β1·m + g. Checked against optax, not
    against the paper. Differs from pytorch_optimizer, whose momentum is a mean.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the sum and of the mean square.
    alpha : float
        At least 0: the weight of the gradient beside the momentum.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.25, "epsilon": 0.0, "alpha": 1.0}
    >>> param, *_ = simplified_ademamix(1.0, 2.0, 0.0, 0.0, step=1, **options)
    >>> round(float(param), 6)
    0.5
    """
    m = beta1 * m + grad
    v = beta2 * v + (1 - beta2) * grad**2
    update = (m + alpha * grad) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m, v


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (
        nadamw, adamaxw, adabelief, yogi, adan, adopt, ademamix, simplified_ademamix,
    ):  # fmt: skip
        register(part)
