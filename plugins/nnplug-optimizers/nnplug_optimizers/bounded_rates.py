"""Adam whose rates are bounded, or given up for gradient descent's."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, MOMENTS

_BOUNDS = {"final_rate": "(0, inf)", "gamma": "(0, inf)"}


def _bounded(rate: Any, step: Any, final_rate: float, gamma: float) -> Any:
    """Clip rates to bounds that both tend to the final rate."""
    low = final_rate * (1 - 1 / (gamma * step + 1))
    return np.clip(rate, low, final_rate * (1 + 1 / (gamma * step)))


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, **_BOUNDS})
def adabound(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    final_rate: float = 0.1,
    gamma: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdaBound, from Adam to SGD by bounds on the rates (Luo et al., 2019, arXiv:1902.09843).

    As in the authors' code, Algorithm 2 with Adam's bias correction and without
    its division of the rates by √step. Checked against pytorch_optimizer, not
    against the paper.

    Differs from pytorch_optimizer: there a schedule scales the final rate too.

    Parameters
    ----------
    final_rate : float
        Above 0: the rate of SGD that both bounds tend to.
    gamma : float
        Above 0: how fast they do.
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root before its bias correction.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"step": 1, "final_rate": 0.25, "gamma": 1.0, "beta1": 0.0, "beta2": 0.0}
    >>> param, *_ = adabound(1.0, 0.5, 0.0, 0.0, learning_rate=9.0, **options)
    >>> float(param)  # the largest rate is 0.25·(1 + 1)
    0.75
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = learning_rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    bounded = _bounded(rate / (np.sqrt(v) + epsilon), step, final_rate, gamma)
    return param * (1 - learning_rate * weight_decay) - bounded * m, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, **_BOUNDS})
def amsbound(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    largest: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    final_rate: float = 0.1,
    gamma: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AMSBound, AdaBound with the largest second moment (Luo et al., 2019, arXiv:1902.09843).

    As `adabound`, with AMSGrad's second moment. Checked against
    pytorch_optimizer, not against the paper.

    Parameters
    ----------
    final_rate : float
        Above 0: the rate of SGD that both bounds tend to.
    gamma : float
        Above 0: how fast they do.
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root before its bias correction.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"step": 1, "final_rate": 9.0, "gamma": 1e9, "beta1": 0.0, "beta2": 0.0}
    >>> param, *_ = amsbound(1.0, 0.5, 0.0, 0.0, 4.0, learning_rate=9.0, **options)
    >>> round(float(param), 6)  # the lowest rate is almost 9
    -3.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    largest = np.maximum(largest, v)
    rate = learning_rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    bounded = _bounded(rate / (np.sqrt(largest) + epsilon), step, final_rate, gamma)
    return param * (1 - learning_rate * weight_decay) - bounded * m, m, v, largest


@nnplug.optimizer(ranges={**MOMENTS, **DECAY, "beta3": "[0, 1)"})
def adamod(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    mean_rate: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """AdaMod, rates below their own running mean (Ding et al., 2019, arXiv:1910.12249, Alg. 1).

    Checked against quotations of the equations, not against the paper.

    Differs from pytorch_optimizer: there the rate includes the bias correction
    of the first moment, which its running mean then keeps.

    Parameters
    ----------
    beta1, beta2, beta3 : float
        In [0, 1): decay of the means of the gradient, of its square, of the rate.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"step": 1, "learning_rate": 0.5, "beta3": 0.5, "epsilon": 0.0}
    >>> param, *_ = adamod(1.0, 2.0, 0.0, 0.0, 0.0, **options)
    >>> round(float(param), 6)  # half of the rate 0.5/2
    0.75
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = learning_rate / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    mean_rate = beta3 * mean_rate + (1 - beta3) * rate
    update = np.minimum(rate, mean_rate) * m / (1 - beta1**step)
    return param * (1 - learning_rate * weight_decay) - update, m, v, mean_rate


@nnplug.optimizer(over="vector", ranges=MOMENTS)
def swats(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    mean_rate: Any,
    sgd_rate: Any,
    velocity: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-9,
) -> Any:
    """SWATS, from Adam to SGD at one step (Keskar & Socher, 2017, arXiv:1712.07628, Algorithm 1).

    The rate with which SGD would have moved as far along Adam's step p is
    p·p/(-p·g), over all parameters. When its running mean agrees with it, SGD
    with momentum goes on with that mean, whatever the learning rate.

    The equation was not checked against the paper. Differs from
    pytorch_optimizer: it estimates a rate for each tensor, and all take that of
    the last one that agrees, to a relative tolerance.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square; β1 is
        the momentum of SGD, β2 the decay of its rate's mean.
    epsilon : float
        At least 0, added to the root; also how close rate and mean must be.

    Examples
    --------
    >>> options = {"step": 1, "learning_rate": 0.5, "epsilon": 0.0}
    >>> zero = np.zeros(1)
    >>> param, *_ = swats(np.ones(1), 2 * np.ones(1), zero, zero, zero, zero, zero, **options)
    >>> param.round(6).tolist()  # Adam's step
    [0.5]
    >>> param, *_ = swats(np.ones(1), np.ones(1), zero, zero, zero, zero + 1, zero, **options)
    >>> param.round(6).tolist()  # the switch is made: the momentum 1, times 1 - 0.9
    [0.9]
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = learning_rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    move = -rate * m / np.where(v == 0, 1, np.sqrt(v) + epsilon)
    along = -np.sum(move * grad)
    own = np.sum(move**2) / np.where(along == 0, 1, along)
    mean_rate = np.where(along == 0, mean_rate, beta2 * mean_rate + (1 - beta2) * own)
    mean = mean_rate / (1 - beta2**step)
    agrees = (along != 0) & (step > 1) & (abs(mean - own) < epsilon) & (mean > 0)
    switched = sgd_rate > 0
    velocity = np.where(switched, beta1 * velocity + grad, 0)
    descent = -(1 - beta1) * sgd_rate * velocity
    sgd_rate = np.where(switched, sgd_rate, np.where(agrees, mean, 0))
    return param + np.where(switched, descent, move), m, v, mean_rate, sgd_rate, velocity


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (adabound, amsbound, adamod, swats):
        register(part)
