"""Optimizers after Adam: with another norm, momentum or bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.parts import optimizer

_DECAYS = {"beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)"}


@optimizer(ranges=_DECAYS)
def adamax(
    param: Any,
    grad: Any,
    m: Any,
    u: Any,
    *,
    step: int,
    learning_rate: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """Adamax, Adam with the infinity norm (Kingma & Ba, 2015, arXiv:1412.6980, Algorithm 2).

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the decay of the running mean, and of the running maximum.
    epsilon : float
        Above 0, added to the size of the gradient, as in PyTorch (Keras adds
        it to the maximum; the paper has none).

    Examples
    --------
    >>> param, *_ = adamax(1.0, -3.0, 0.0, 0.0, step=1, learning_rate=0.5)
    >>> round(float(param), 6)  # 1 + 0.5·3/3
    1.5
    """
    m = beta1 * m + (1 - beta1) * grad
    u = np.maximum(beta2 * u, abs(grad) + epsilon)
    return param - learning_rate * (m / (1 - beta1**step)) / u, m, u


@optimizer(ranges={**_DECAYS, "momentum_decay": "[0, inf)"})
def nadam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    product: Any,
    *,
    step: int,
    learning_rate: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    momentum_decay: float = 4e-3,
) -> Any:
    """NAdam, Adam with Nesterov's momentum (Dozat, 2016, ICLR workshop, Algorithm 2).

    As in PyTorch, the momentum of step t is μ = beta1·(1 - 0.96^(t·momentum_decay) / 2),
    and the running mean decays with beta1, not with μ. Keras has
    momentum_decay = 1; optax has μ = beta1. Differs from PyTorch: it keeps the
    product of all μ in float32, unless float64 is its default. The equation
    was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the decay of the running means of the gradient and of its square.
    epsilon : float
        Above 0, outside the root (Keras has 1e-7).
    momentum_decay : float
        At least 0: how fast μ goes from beta1 / 2 to beta1.

    Examples
    --------
    >>> new, m, v, product = nadam(0.0, 1.0, 0.0, 0.0, 0.0, step=1, beta1=0.5, momentum_decay=0)
    >>> m, float(product)
    (0.5, 0.25)
    """
    now = beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
    then = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    # The same number for every parameter: so the step stays elementwise.
    product = np.where(step == 1, now, product * now)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    ahead = (1 - now) / (1 - product) * grad + then / (1 - product * then) * m
    root = np.sqrt(v / (1 - beta2**step)) + epsilon
    return param - learning_rate * ahead / root, m, v, product


@optimizer(ranges=_DECAYS)
def amsgrad(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    largest: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """AMSGrad, Adam whose denominator never falls (Reddi et al., 2018, arXiv:1904.09237, Alg. 2).

    As in PyTorch and Keras, the largest running mean is kept, and corrected
    for its bias afterwards; the paper corrects none, and optax corrects first.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the decay of the running means of the gradient and of its square.
    epsilon : float
        Above 0, outside the root, after the bias correction, as in PyTorch.

    Examples
    --------
    >>> first, *state = amsgrad(0.0, 4.0, 0.0, 0.0, 0.0, step=1, beta2=0.5)
    >>> float(amsgrad(first, 1.0, *state, step=2, beta2=0.5)[3])  # not (8 + 1) / 2
    8.0
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    largest = np.maximum(largest, v)
    root = np.sqrt(largest / (1 - beta2**step)) + epsilon
    return param - learning_rate * (m / (1 - beta1**step)) / root, m, v, largest


@optimizer(ranges=_DECAYS)
def radam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """RAdam, rectified Adam (Liu et al., 2020, arXiv:1908.03265, Algorithm 2).

    The first steps follow the running mean alone; Adam's begin when the
    squares of enough gradients are known, 5 or more (ρ > 5), as in PyTorch
    and the authors' code. The paper has ρ > 4.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the decay of the running means of the gradient and of its
        square. With beta2 of 2/3 or less, no step is Adam's.
    epsilon : float
        Above 0, outside the root, before the bias correction, as in PyTorch.

    Examples
    --------
    >>> float(radam(0.0, 4.0, 0.0, 0.0, step=1, learning_rate=0.5)[0])  # m / 0.1 = 4
    -2.0
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    limit = 2 / (1 - beta2) - 1
    rho = limit - 2 * step * beta2**step / (1 - beta2**step)
    # Where they are not above 5, any number would do: it is not used.
    known, bound = np.maximum(rho, 5.0), np.maximum(limit, 5.0)
    variance = (known - 4) * (known - 2) * bound / ((bound - 4) * (bound - 2) * known)
    scale = np.sqrt(variance * (1 - beta2**step)) / (np.sqrt(v) + epsilon)
    return param - learning_rate * (m / (1 - beta1**step)) * np.where(rho > 5, scale, 1.0), m, v
