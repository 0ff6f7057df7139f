"""Kin of Adam and momentum that look at each array as a whole."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import state

from nnplug_optimizers.arithmetic import rms, rows

__all__: list[str] = []

BETAS = {
    "beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)", "weight_decay": "[0, inf)",
}  # fmt: skip


@nnplug.optimizer(ranges=BETAS)
def stableadamw(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.99,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Any:
    """StableAdamW: AdamW with Adafactor's clipping (Wortsman et al., 2023, arXiv:2304.13013,
    algorithm 2).

    The rate of an array is divided by max(1, RMS), with RMS the root mean
    square of the gradient over the root of its second moment. The betas change
    with the step, which removes the bias.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root; the second moment inside the RMS is at least its square.
    weight_decay : float
        Decoupled, times the divided rate.

    Examples
    --------
    >>> new, m, v = stableadamw(np.zeros(2), np.array([2.0, -3.0]), np.zeros(2), np.zeros(2),
    ...                         step=1, learning_rate=0.5)
    >>> new.round(6).tolist(), v.tolist()
    ([-0.5, 0.5], [4.0, 9.0])
    """
    old1 = beta1 * (1 - beta1 ** (step - 1.0)) / (1 - beta1**step)
    old2 = beta2 * (1 - beta2 ** (step - 1.0)) / (1 - beta2**step)
    m = old1 * m + (1 - old1) * grad
    v = old2 * v + (1 - old2) * grad**2
    ratio = np.sqrt(np.mean(grad**2 / np.maximum(v, epsilon**2)))
    rate = learning_rate / np.maximum(1.0, ratio)
    return (1 - rate * weight_decay) * param - rate * m / (np.sqrt(v) + epsilon), m, v


@nnplug.optimizer(ranges={**BETAS, "gamma": "[0, 1)"})
def adanorm(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    size: Any = state(1, 1),
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.99,
    gamma: float = 0.95,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdaNorm: Adam with corrected norms (Dubey et al., 2023, arXiv:2210.06364, algorithm 2).

    A gradient whose norm is below the running mean of the norms is scaled up to
    it, for the first moment.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    gamma : float
        Decay of the running mean of the norms, in [0, 1).
    epsilon : float
        Outside the root.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Examples
    --------
    The mean of the norms is 0.5·9 + 0.5·5 = 7, so the gradient is taken times 7/5.

    >>> new, m, v, size = adanorm(np.zeros((2, 1)), np.array([[3.0], [4.0]]), np.zeros((2, 1)),
    ...     np.zeros((2, 1)), np.array([[9.0]]), step=1, gamma=0.5)
    >>> m.round(6).T.tolist(), size.tolist()
    ([[0.42, 0.56]], [[7.0]])
    """
    norm = np.linalg.norm(grad)
    size = gamma * size + (1 - gamma) * norm
    scaled = grad * np.where((size > norm) & (norm > 0), size / np.where(norm > 0, norm, 1.0), 1.0)
    m = beta1 * m + (1 - beta1) * scaled
    v = beta2 * v + (1 - beta2) * grad**2
    below = np.sqrt(v / (1 - beta2**step)) + epsilon
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * (m / (1 - beta1**step)) / below, m, v, size


@nnplug.optimizer(ranges={"momentum": "[0, 1)", "weight_decay": "[0, inf)"})
def sgdsai(
    param: Any,
    grad: Any,
    m: Any,
    ratio: Any = state(1, 1),
    *,
    step: Any,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    epsilon: float = 1e-8,
) -> Any:
    """SGD-SaI: rates that the first gradient sets (Xu et al., 2024, arXiv:2412.11768, algorithm 1).

    An array's rate is multiplied by ‖g‖ over the deviation of g's elements,
    both of the first step.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1): m = momentum·m + (1 - momentum)·g.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.
    epsilon : float
        Added to the deviation.

    Notes
    -----
    The deviation divides by the number of elements. Differs from
    pytorch_optimizer, which divides by one less, and takes the norm alone for biases.
    Where all elements are equal, as in an array of one element, the ratio is
    ‖g‖, as there.

    Examples
    --------
    ‖(1, 7)‖ = √50 and the deviation is 3.

    >>> new, m, ratio = sgdsai(np.zeros((2, 1)), np.array([[1.0], [7.0]]), np.zeros((2, 1)),
    ...                        np.zeros((1, 1)), step=1)
    >>> ratio.round(4).tolist()
    [[2.357]]
    """
    norm, deviation = np.linalg.norm(grad), np.std(grad)
    # Rounding gives equal elements a tiny deviation.
    equal = deviation <= 1e-6 * norm
    first = np.where(equal, norm, norm / (np.where(equal, 1.0, deviation) + epsilon))
    ratio = np.where(step == 1, first, ratio)
    m = momentum * m + (1 - momentum) * grad
    return (1 - learning_rate * weight_decay) * param - learning_rate * ratio * m, m, ratio


@nnplug.optimizer(ranges={"beta": "[0, 1)", "epsilon": "(0, inf)"})
def amos(
    param: Any,
    grad: Any,
    v: Any,
    decay: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta: float = 0.999,
    bias_scale: float = 0.5,
    c: float = 0.25,
    d: float = 0.25,
    epsilon: float = 1e-18,
) -> Any:
    """Amos (Tian & Parikh, 2022, arXiv:2210.11693, algorithm 1).

    Adam's normalisation with one second moment for each array, a weight decay
    that it finds itself, and a learning rate that falls with the decay so far.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The paper's global rate, ξ.
    beta : float
        Decay of the mean of squared gradients, in [0, 1).
    bias_scale : float
        The expected size η of biases; that of weights is √(2/inputs).
    c, d : float
        How fast the decay and the rate fall.
    epsilon : float
        Added to the second moment.

    Examples
    --------
    The first step of a bias at 0 is ξ·η along the gradient over its root mean square.

    >>> new, v, decay = amos(np.zeros(2), np.array([3.0, -3.0]), np.zeros(2), np.zeros(2), step=1,
    ...                      learning_rate=0.1)
    >>> new.round(6).tolist(), decay.round(6).tolist()
    ([-0.05, 0.05], [0.01, 0.01])
    """
    scale: Any = bias_scale if param.ndim < 2 else np.sqrt(2 / rows(param))
    square = np.mean(grad**2)
    v = beta * v + (1 - beta) * square
    seen = (1 - beta**step) / (v + epsilon)
    rate = learning_rate * scale
    shrink = learning_rate**2 * seen * square / np.sqrt(1 + c * np.sqrt(learning_rate) * decay)
    update = (rate * np.sqrt(seen) * grad + shrink * param / 2) / (1 + d * np.sqrt(rate) * decay)
    return param - update, v, (1 + shrink) * decay + shrink


@nnplug.optimizer(ranges={**BETAS, "clip": "(0, inf)"})
def fadam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.1,
    clip: float = 1.0,
) -> Any:
    """FAdam: Adam as natural gradients (Hwang, 2024, arXiv:2405.12807, algorithm 1).

    The gradient is divided by the root of its second moment before the momentum
    is taken, and so is the decay; the root mean square of each is clipped.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root, but at most a hundredth of the gradient's root mean square.
    weight_decay : float
        Divided as the gradient is.
    clip : float
        The largest root mean square of an array's direction.

    Examples
    --------
    >>> new, m, v = fadam(np.zeros(2), np.array([3.0, -3.0]), np.zeros(2), np.zeros(2), step=1,
    ...                   beta1=0.5)
    >>> m.round(6).tolist(), v.tolist()
    ([0.5, -0.5], [9.0, 9.0])
    """
    old = beta2 * (1 - beta2 ** (step - 1.0)) / (1 - beta2**step)
    v = old * v + (1 - old) * grad**2
    size = rms(grad)
    small = np.where((size > 0) & (0.01 * size < epsilon), 0.01 * size, epsilon)
    below = np.sqrt(v) + small
    natural = grad / below
    m = beta1 * m + (1 - beta1) * natural / np.maximum(1.0, rms(natural) / clip)
    decay = param / below
    decay = decay / np.maximum(1.0, rms(decay) / clip)
    return param - learning_rate * (m + weight_decay * decay), m, v


@nnplug.optimizer(ranges={**BETAS, "alpha": "[0, 1]", "k": "[1, inf)"})
def ranger(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    slow: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.95,
    beta2: float = 0.999,
    epsilon: float = 1e-5,
    weight_decay: float = 0.0,
    alpha: float = 0.5,
    k: int = 6,
) -> Any:
    """Ranger: RAdam, Lookahead and gradient centralisation in one (Wright, 2019; RAdam is
    Liu et al., 2020, arXiv:1908.03265, Lookahead Zhang et al., 2019, arXiv:1907.08610,
    centralisation Yong et al., 2020, arXiv:2004.01461).

    Ranger has no paper. This is what its author's code does, in the notation of
    those of its three pieces.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root, before the correction for the start at 0.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.
    alpha : float
        How far the slow weights go towards the fast ones.
    k : int
        Steps between two of the slow weights.

    Examples
    --------
    The first steps of RAdam, while the variance is unknown, are momentum's.

    >>> new, m, v, slow = ranger(np.zeros(2), np.array([3.0, 4.0]), *np.zeros((3, 2)), step=1,
    ...                          learning_rate=0.1)
    >>> new.round(6).tolist()
    [-0.3, -0.4]
    """
    slow = np.where(step == 1, param, slow)
    if param.ndim > 1:
        grad = grad - np.mean(grad, axis=0, keepdims=True)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    known = length > 5
    long = np.where(known, length, 5.0)
    rectified = np.sqrt((long - 4) * (long - 2) * longest / ((longest - 4) * (longest - 2) * long))
    m_hat = m / (1 - beta1**step)
    normalised = rectified * np.sqrt(1 - beta2**step) * m_hat / (np.sqrt(v) + epsilon)
    shrunk = (1 - learning_rate * weight_decay) * param
    fast = shrunk - learning_rate * np.where(known, normalised, m_hat)
    slow = np.where(step % k == 0, slow + alpha * (fast - slow), slow)
    return np.where(step % k == 0, slow, fast), m, v, slow


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (stableadamw, adanorm, sgdsai, amos, fadam, ranger):
        register(part)
