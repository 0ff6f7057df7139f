"""Momentum in other forms: mixed, aggregated, controlled, optimistic."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import MOMENTS


@nnplug.optimizer(ranges={"momentum": "[0, 1)"})
def heavy_ball(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 0.01, momentum: float = 0.9
) -> Any:
    """Heavy ball (Polyak, 1964, doi:10.1016/0041-5553(64)90137-5).

    param + momentum·(param - previous) - learning_rate·grad: the learning rate
    is inside the velocity, as in Keras. The built-in `momentum` is PyTorch's,
    with the learning rate outside; the two differ only under a schedule.

    Checked against Keras, not against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1).

    Examples
    --------
    >>> heavy_ball(1.0, 2.0, 0.5, learning_rate=0.25, momentum=0.5)
    (0.75, -0.25)
    """
    velocity = momentum * velocity - learning_rate * grad
    return param + velocity, velocity


@nnplug.optimizer(ranges={"momentum": "[0, 1)", "nu": "[0, 1]"})
def qhm(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 1.0,
    momentum: float = 0.999,
    nu: float = 0.7,
) -> Any:
    """Quasi-hyperbolic momentum (Ma & Yarats, 2019, arXiv:1810.06801, Algorithm 1).

    Checked against pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: its defaults, momentum = 0 and ν = 1, are
    plain gradient descent; here they are those that the paper recommends.

    Parameters
    ----------
    momentum : float
        In [0, 1), the paper's β: decay of the running mean of gradients.
    nu : float
        In [0, 1], ν: the weight of the mean; 0 is gradient descent.

    Examples
    --------
    >>> qhm(1.0, 4.0, 0.0, learning_rate=0.5, momentum=0.75, nu=0.5)
    (-0.25, 1.0)
    """
    m = momentum * m + (1 - momentum) * grad
    return param - learning_rate * ((1 - nu) * grad + nu * m), m


@nnplug.optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "beta3": "[0, 1)"})
def aggmo(
    param: Any,
    grad: Any,
    v1: Any,
    v2: Any,
    v3: Any,
    *,
    learning_rate: float = 0.1,
    beta1: float = 0.0,
    beta2: float = 0.9,
    beta3: float = 0.99,
) -> Any:
    """Aggregated momentum with three velocities (Lucas et al., 2019, arXiv:1804.00325, eq. 2).

    The paper allows any number of velocities; its default is these three.

    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1, beta2, beta3 : float
        In [0, 1): the decay of each velocity.

    Examples
    --------
    >>> aggmo(1.0, 2.0, 0.0, 10.0, 0.0, learning_rate=0.25, beta2=0.5)[0]
    0.0833333333...
    """
    v1 = beta1 * v1 + grad
    v2 = beta2 * v2 + grad
    v3 = beta3 * v3 + grad
    return param - learning_rate / 3 * (v1 + v2 + v3), v1, v2, v3


@nnplug.optimizer(ranges={"momentum": "[0, 1)"})
def pid(
    param: Any,
    grad: Any,
    integral: Any,
    change: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    momentum: float = 0.9,
    ki: float = 5.0,
    kd: float = 10.0,
) -> Any:
    """Gradient descent as a PID controller (An et al., 2018, CVPR).

    g + ki·I + kd·D: I is the velocity of momentum, D the running mean of the
    gradient's change. Checked against pytorch_optimizer, not against the paper.

    Differs from pytorch_optimizer: its momentum is 0 by default, which leaves
    I and D out.

    Parameters
    ----------
    momentum : float
        In [0, 1): decay of I and D.
    ki, kd : float
        The gains of the integral and of the derivative.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "momentum": 0.5, "ki": 1.0, "kd": 2.0}
    >>> param, integral, change, previous = pid(1.0, 4.0, 2.0, 0.0, 2.0, step=2, **options)
    >>> float(param), integral, float(change), previous  # 1 - 0.5·(4 + 5 + 2·1)
    (-4.5, 5.0, 1.0, 4.0)
    """
    integral = momentum * integral + grad
    change = momentum * change + (1 - momentum) * np.where(step == 1, 0, grad - previous)
    update = grad + ki * integral + kd * change
    return param - learning_rate * update, integral, change, grad


@nnplug.optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, inf)", "weight_decay": "[0, inf)"})
def pnm(
    param: Any,
    grad: Any,
    odd: Any,
    even: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """Positive-negative momentum (Xie et al., 2021, arXiv:2103.17182, Algorithm 1).

    Two momenta take the gradients of odd and of even steps; the older one is
    subtracted, which makes the gradient's noise larger. Checked against
    pytorch_optimizer, not against the paper.

    Parameters
    ----------
    beta1 : float
        In [0, 1): each momentum decays by β1² at its own steps.
    beta2 : float
        At least 0: the weight of the negative momentum.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> param, odd, even = pnm(1.0, 4.0, 0.0, 0.0, step=1, learning_rate=1.0, beta1=0.5, beta2=0.0)
    >>> float(param), float(odd), float(even)
    (-2.0, 3.0, 0.0)
    """
    is_odd = step % 2 == 1
    new = beta1**2 * np.where(is_odd, odd, even) + (1 - beta1**2) * grad
    old = np.where(is_odd, even, odd)
    scale = ((1 + beta2) ** 2 + beta2**2) ** 0.5
    shrunk = param * (1 - learning_rate * weight_decay)
    param = shrunk - learning_rate / scale * ((1 + beta2) * new - beta2 * old)
    return param, np.where(is_odd, new, odd), np.where(is_odd, even, new)


@nnplug.optimizer(aliases=("ogd",))
def optimistic_gradient_descent(
    param: Any,
    grad: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Any:
    """Optimistic gradient descent, generalised (Mokhtari et al., 2020, arXiv:1901.08511).

    param - learning_rate·((α + β)·g - β·previous g); the first step has α·g.
    Checked against optax, not against the paper.

    Parameters
    ----------
    alpha : float
        Weight of the gradient.
    beta : float
        Weight of its change since the last step.

    Examples
    --------
    >>> param, previous = optimistic_gradient_descent(1.0, 4.0, 3.0, step=2, learning_rate=0.5)
    >>> float(param), previous
    (-1.5, 4.0)
    """
    change = np.where(step == 1, 0, grad - previous)
    return param - learning_rate * (alpha * grad + beta * change), grad


@nnplug.optimizer(ranges=MOMENTS)
def optimistic_adam(
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
) -> Any:
    """Optimistic Adam (Daskalakis et al., 2018, arXiv:1711.00141, Algorithm 1).

    Twice Adam's update less the last one.

    Checked against optax, not against the paper.

    Differs from optax: `optimistic_adam_v2` has a Nesterov momentum in Adam by
    default, and takes the last update of the first step as equal to the first;
    the paper takes it as 0.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root.

    Examples
    --------
    >>> param, *_ = optimistic_adam(1.0, 4.0, 0.0, 0.0, 0.0, step=1, learning_rate=0.25)
    >>> round(float(param), 6)
    0.5
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    update = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return param - learning_rate * (2 * update - previous), m, v, update


@nnplug.optimizer(ranges={"alpha": "[0, 1)", "lamb": "[0, inf)"})
def grokfast(
    param: Any,
    grad: Any,
    slow: Any,
    *,
    base: Any,
    step: Any,
    alpha: float = 0.98,
    lamb: float = 2.0,
) -> Any:
    """Grokfast, with the slow gradients amplified (Lee et al., 2024, arXiv:2405.20233).

    The optimizer in brackets, as in `grokfast[adamw]`, gets g + λ·(running mean
    of g), the paper's Grokfast-EMA. The mean starts at the first gradient.

    Differs from pytorch_optimizer: `GrokFastAdamW` also divides the learning
    rate by 1 + λ. The equation was not checked against the paper.

    Parameters
    ----------
    alpha : float
        In [0, 1): decay of the running mean of gradients.
    lamb : float
        At least 0, λ: the weight of the mean.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> run = nnplug.train("xor", optimizer=grokfast.around(sgd), epochs=2)
    >>> run.optimizer.text
    'grokfast[sgd]'
    """
    slow = np.where(step == 1, grad, alpha * slow + (1 - alpha) * grad)
    return base(param, grad + lamb * slow), slow


@nnplug.optimizer(ranges={"momentum": "[0, 1)", "steps": "[1, inf)"})
def demon(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    steps: int = 10_000,
) -> Any:
    """Decaying momentum, Demon (Chen et al., 2019, arXiv:1910.04952).

    momentum·r / (1 - momentum + momentum·r), with r = 1 - t/steps for t from 0:
    what a gradient adds up to falls in a straight line. The equation was not
    checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1): at the first step.
    steps : int
        At least 1: the step at which no momentum is left; a run's number of steps.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "momentum": 0.5, "steps": 4}
    >>> param, velocity = demon(1.0, 2.0, 3.0, step=3, **options)
    >>> float(param), float(velocity)  # the momentum is 0.25/0.75
    (-0.5, 3.0)
    """
    left = np.maximum(1 - (step - 1) / steps, 0)
    now = momentum * left / (1 - momentum + momentum * left)
    velocity = now * velocity + grad
    return param - learning_rate * velocity, velocity


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (
        heavy_ball, qhm, aggmo, pid, pnm, demon, optimistic_gradient_descent, optimistic_adam,
        grokfast,
    ):  # fmt: skip
        register(part)
