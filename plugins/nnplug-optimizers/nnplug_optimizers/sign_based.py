"""Optimizers that move by the sign of the gradient or of its momentum."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import BETAS, DECAY, MOMENTS


@nnplug.optimizer(aliases=("sign_sgd",))
def signsgd(param: Any, grad: Any, *, learning_rate: float = 0.001) -> Any:
    """Sign descent, signSGD (Bernstein et al., 2018, arXiv:1802.04434, Algorithm 1).

    Every parameter moves by the learning rate; one whose gradient is 0 stays.

    Checked against optax, not against the paper.

    Examples
    --------
    >>> signsgd(np.array([1.0, 1.0]), np.array([8.0, 0.0]), learning_rate=0.5).tolist()
    [0.5, 1.0]
    """
    return param - learning_rate * np.sign(grad)


@nnplug.optimizer(ranges={"beta": "[0, 1)", "weight_decay": "[0, inf)"})
def signum(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.001,
    beta: float = 0.9,
    weight_decay: float = 0.0,
) -> Any:
    """Sign descent with momentum, Signum (Bernstein et al., 2018, arXiv:1802.04434, Algorithm 2).

    Checked against optax and pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the running mean of gradients.
    weight_decay : float
        At least 0, decoupled: a step shrinks each parameter by the fraction
        learning_rate·weight_decay. Not part of Algorithm 2.

    Examples
    --------
    >>> param, m = signum(1.0, 8.0, -1.0, learning_rate=0.5, beta=0.75)
    >>> float(param), m
    (0.5, 1.25)
    """
    m = beta * m + (1 - beta) * grad
    return param - learning_rate * (np.sign(m) + weight_decay * param), m


@nnplug.optimizer(ranges={"beta": "[0, 1)", "weight_decay": "[0, inf)"})
def tiger(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.001,
    beta: float = 0.965,
    weight_decay: float = 0.01,
) -> Any:
    """Tiger, a tight-fisted optimizer (Su, 2023, github.com/bojone/tiger).

    Lion with equal betas, which makes it Signum with decoupled weight decay.
    The source's rules for the size of a step in each kind of layer are left
    out: here the learning rate is the same for all parameters.

    Checked against pytorch_optimizer, not against the source.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the running mean of gradients.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m = tiger(1.0, 8.0, 0.0, learning_rate=0.5, beta=0.75, weight_decay=0.5)
    >>> float(param), m
    (0.25, 2.0)
    """
    m = beta * m + (1 - beta) * grad
    return param - learning_rate * (np.sign(m) + weight_decay * param), m


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def ano(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-4,
    beta1: float = 0.92,
    beta2: float = 0.99,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Ano (Kegreisz, 2025, arXiv:2508.18258, Algorithm 1).

    The direction is the sign of the momentum, the size that of the present
    gradient. The second moment is Yogi's, with a decay of its own.

    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the momentum and of the second moment.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, m, v = ano(1.0, 2.0, -3.0, 0.0, step=1, learning_rate=0.5, beta1=0.5, epsilon=0.0)
    >>> float(param), m, round(float(v), 3)
    (1.5, -0.5, 0.04)
    """
    m = beta1 * m + (1 - beta1) * grad
    square = grad**2
    v = beta2 * v + (1 - beta2) * np.sign(square - v) * square
    denominator = np.sqrt(v / (1 - beta2**step)) + epsilon
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * abs(grad) * np.sign(m) / denominator, m, v


@nnplug.optimizer(ranges={**MOMENTS, **DECAY})
def grams(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """Grams, Adam's step size in the gradient's direction (Cao et al., 2024, arXiv:2412.17107).

    Checked against pytorch_optimizer, not against the paper.

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
    >>> param, m, v = grams(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.5, epsilon=0.0)
    >>> round(float(param), 9)
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    size = abs(m) / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * np.sign(grad) * size, m, v


@nnplug.optimizer(ranges={**BETAS, **DECAY, "gamma": "[0, inf)"})
def focus(
    param: Any,
    grad: Any,
    m: Any,
    average: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    gamma: float = 0.1,
    weight_decay: float = 0.0,
) -> Any:
    """FOCUS, Signum drawn to the path's mean (Liu, Liu & Gore, 2025, arXiv:2501.12243).

    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of the parameters.
    gamma : float
        At least 0: the size of the pull towards the mean, in learning rates.
    weight_decay : float
        At least 0; it pulls the parameters by their mean.

    Examples
    --------
    >>> param, m, average = focus(3.0, 8.0, 0.0, 1.0, step=2, learning_rate=0.5, beta2=0.5)
    >>> round(float(param), 9), average
    (2.45, 2.0)
    """
    m = beta1 * m + (1 - beta1) * grad
    average = beta2 * average + (1 - beta2) * param
    mean = average / (1 - beta2**step)
    param = param - learning_rate * weight_decay * mean
    return param - learning_rate * (np.sign(m) + gamma * np.sign(param - mean)), m, average


@nnplug.optimizer(ranges={"beta": "[0, 1)", "alpha": "[0, inf)"})
def powersign(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.1,
    beta: float = 0.9,
    alpha: float = 1.0,
) -> Any:
    """PowerSign: exp(α·sign(g)·sign(m))·g (Bello et al., 2017, arXiv:1709.07417, section 5).

    A gradient that agrees with its running mean counts e^α times, one that
    disagrees e^-α times. The equation was not checked against the paper.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the running mean of gradients.
    alpha : float
        At least 0; the paper's base e means 1.

    Examples
    --------
    >>> param, m = powersign(1.0, 2.0, -4.0, learning_rate=0.5, beta=0.75, alpha=float(np.log(2)))
    >>> float(param), m
    (0.5, -2.5)
    """
    m = beta * m + (1 - beta) * grad
    return param - learning_rate * np.exp(alpha * np.sign(grad) * np.sign(m)) * grad, m


@nnplug.optimizer(ranges={"beta": "[0, 1)", "alpha": "[0, inf)"})
def addsign(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.1,
    beta: float = 0.9,
    alpha: float = 1.0,
) -> Any:
    """AddSign: (α + sign(g)·sign(m))·g (Bello et al., 2017, arXiv:1709.07417, section 5).

    With α = 1 a gradient that agrees with its running mean counts twice, one
    that disagrees not at all. The equation was not checked against the paper.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the running mean of gradients.
    alpha : float
        At least 0.

    Examples
    --------
    >>> param, m = addsign(1.0, 2.0, 0.0, learning_rate=0.25, beta=0.75)
    >>> float(param), m
    (0.0, 0.5)
    """
    m = beta * m + (1 - beta) * grad
    return param - learning_rate * (alpha + np.sign(grad) * np.sign(m)) * grad, m


@nnplug.optimizer(aliases=("powerball",), ranges={"gamma": "[0, 1]"})
def pbsgd(param: Any, grad: Any, *, learning_rate: float = 0.01, gamma: float = 0.6) -> Any:
    """Powerball SGD: sign(g)·|g|^γ (Zhou et al., 2020, IJCAI; Yuan et al., 2016, arXiv:1603.07421).

    The equation was not checked against the paper.

    Parameters
    ----------
    gamma : float
        In [0, 1]: 1 is gradient descent, 0 sign descent.

    Examples
    --------
    >>> float(pbsgd(1.0, -4.0, learning_rate=0.5, gamma=0.5))
    2.0
    """
    return param - learning_rate * np.sign(grad) * abs(grad) ** gamma


@nnplug.optimizer(ranges={"gamma": "[0, 1]", "momentum": "[0, 1)"})
def pbsgdm(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    gamma: float = 0.6,
) -> Any:
    """Powerball SGD with momentum (Zhou et al., 2020, IJCAI).

    The equation was not checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1): decay of the sum of powers.
    gamma : float
        In [0, 1]: the power of each gradient's size.

    Examples
    --------
    >>> param, velocity = pbsgdm(1.0, -4.0, 2.0, learning_rate=0.5, momentum=0.5, gamma=0.5)
    >>> float(param), float(velocity)
    (1.5, -1.0)
    """
    velocity = momentum * velocity + np.sign(grad) * abs(grad) ** gamma
    return param - learning_rate * velocity, velocity


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (signsgd, signum, tiger, ano, grams, focus, powersign, addsign, pbsgd, pbsgdm):
        register(part)
