"""Optimizers with a number that all parameters together determine: a norm, a mean, a distance."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

__all__: list[str] = []

BETAS = {
    "beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)", "weight_decay": "[0, inf)",
}  # fmt: skip


@nnplug.optimizer(over="vector", ranges={"beta0": "(0, inf)", "beta2": "[0, 1)"})
def adai(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    product: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    beta0: float = 0.1,
    beta2: float = 0.99,
    epsilon: float = 1e-3,
    weight_decay: float = 0.0,
) -> Any:
    """Adai: adaptive inertia (Xie et al., 2022, arXiv:2006.15815, algorithm 2).

    The learning rate is one for all; the momentum is each parameter's own:
    1 - beta0·v̂/mean(v̂), between 0 and 1 - epsilon, with the mean over all
    parameters.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta0 : float
        How fast momentum falls with the gradient's size.
    beta2 : float
        Decay of the mean of squared gradients, in [0, 1).
    epsilon : float
        The momentum is at most 1 - epsilon.
    weight_decay : float
        Decoupled, as in the paper's AdaiW: a step shrinks each parameter by
        learning_rate·weight_decay of itself.

    Notes
    -----
    Differs from pytorch_optimizer, where the mean is at least epsilon.

    Examples
    --------
    The squares 1 and 9 have the mean 5, so the momenta are 1 - 1/5 and 1 - 9/5, below 0, so 0;
    the first step is the gradient, whatever they are.

    >>> new, m, v, product = adai(np.zeros(2), np.array([1.0, 3.0]), *np.zeros((3, 2)), step=1,
    ...                           learning_rate=1.0, beta0=1.0)
    >>> new.round(6).tolist(), product.round(6).tolist()
    ([-1.0, -3.0], [0.8, 0.0])
    """
    product = np.where(step == 1, 1.0, product)
    v = beta2 * v + (1 - beta2) * grad**2
    mean = np.mean(v)
    inertia = np.clip(1 - beta0 * v / np.where(mean > 0, mean, 1.0), 0.0, 1 - epsilon)
    product = product * inertia
    m = inertia * m + (1 - inertia) * grad
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * m / (1 - product), m, v, product


@nnplug.optimizer(over="vector", ranges=BETAS)
def adam_swd(
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
    weight_decay: float = 1e-4,
) -> Any:
    """Adam with stable weight decay, the authors' AdamS (Xie et al., 2023,
    arXiv:2011.11152, algorithm 4).

    AdamW whose decay is divided by the root of the second moment's mean over
    all parameters, as the step itself is divided by each one's own.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the roots.
    weight_decay : float
        A step shrinks each parameter by learning_rate·weight_decay/√mean(v̂) of itself.

    Examples
    --------
    The mean of 9 and 16 is 12.5: the decay is 0.1·√12.5/√12.5 of the parameter.

    >>> new, m, v = adam_swd(np.ones(2), np.array([3.0, 4.0]), np.zeros(2), np.zeros(2), step=1,
    ...                   learning_rate=0.1, weight_decay=12.5**0.5)
    >>> new.round(6).tolist()
    [0.8, 0.8]
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    seen = v / (1 - beta2**step)
    shrink = learning_rate * weight_decay / (np.sqrt(np.mean(seen)) + epsilon)
    # With gradients of 0 the quotient is huge: no decay takes more than all of a parameter.
    kept = (1 - np.minimum(shrink, 1.0)) * param
    return kept - learning_rate * (m / (1 - beta1**step)) / (np.sqrt(seen) + epsilon), m, v


@nnplug.optimizer(over="vector", ranges=BETAS)
def avagrad(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    learning_rate: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 0.1,
    weight_decay: float = 0.0,
) -> Any:
    """AvaGrad (Savarese et al., 2021, arXiv:1912.01823, algorithm 2).

    Adam's rates 1/(√v + epsilon), from the second moment before this gradient,
    divided by their root mean square over all parameters, so that epsilon
    changes how different they are, and not their size.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Notes
    -----
    The moments are not corrected for their start at 0, as in the algorithm.
    Differs from pytorch_optimizer, which corrects them and scales a step
    by the rates of the step before.

    Examples
    --------
    The rates are 1/2 and 1/4, so relative to their root mean square √(5/32), 1.265 and 0.632.

    >>> new, m, v = avagrad(np.zeros(2), np.ones(2), np.ones(2), np.array([1.0, 9.0]),
    ...                     learning_rate=1.0, epsilon=1.0)
    >>> new.round(4).tolist()
    [-1.2649, -0.6325]
    """
    m = beta1 * m + (1 - beta1) * grad
    rate = 1 / (np.sqrt(v) + epsilon)
    rate = rate / np.sqrt(np.mean(rate**2))
    v = beta2 * v + (1 - beta2) * grad**2
    return (1 - learning_rate * weight_decay) * param - learning_rate * rate * m, m, v


@nnplug.optimizer(over="vector", aliases=("nsgdm",), ranges={"momentum": "[0, 1)"})
def normalized_sgd(
    param: Any, grad: Any, m: Any, *, learning_rate: float = 0.01, momentum: float = 0.9
) -> Any:
    """Normalised gradient descent with momentum (Cutkosky & Mehta, 2020, arXiv:2002.03305,
    algorithm 1).

    m = momentum·m + (1 - momentum)·g; a step has the length of the learning
    rate, over all parameters. Without momentum this is Nesterov's normalised
    gradient (1984).

    Parameters
    ----------
    momentum : float
        In [0, 1).

    Examples
    --------
    >>> new, m = normalized_sgd(np.zeros(2), np.array([3.0, 4.0]), np.zeros(2), learning_rate=0.5)
    >>> new.round(6).tolist()
    [-0.3, -0.4]
    """
    m = momentum * m + (1 - momentum) * grad
    size = np.linalg.norm(m)
    return param - learning_rate * m / np.where(size > 0, size, 1.0), m


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (adai, adam_swd, avagrad, normalized_sgd):
        register(part)
