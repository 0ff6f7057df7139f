"""Rates that are learned on the way, for each parameter or for all at once."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import MOMENTS

_LARGE = {
    "descends": "On Rosenbrock's function the gradient starts at 230, and the rate grows by β "
    "times its square, too much for any β that is of use where gradients are about 1."
}


@nnplug.optimizer(
    ranges={
        "shrink": "(0, 1)", "grow": "(1, inf)", "smallest": "(0, inf)", "largest": "(0, inf)",
    }
)  # fmt: skip
def rprop_plus(
    param: Any,
    grad: Any,
    size: Any,
    move: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    shrink: float = 0.5,
    grow: float = 1.2,
    smallest: float = 1e-6,
    largest: float = 50.0,
) -> Any:
    """Rprop with weight backtracking (Riedmiller & Braun, 1993, doi:10.1109/ICNN.1993.298623).

    The first version, Rprop+ (Igel & Hüsken, 2000): where the gradient changes
    its sign, the last move is taken back. For full batches. The equation was
    not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The size of the first moves; a schedule has no effect.
    shrink, grow : float
        Below and above 1: factors on a move's size if the sign changes or stays.
    smallest, largest : float
        Above 0: bounds of the sizes.

    Examples
    --------
    >>> param, size, move, _ = rprop_plus(1.0, 2.0, 0.5, -0.5, 3.0, step=2)
    >>> round(float(param), 6), round(float(size), 6)  # the same sign
    (0.4, 0.6)
    >>> param, size, *_ = rprop_plus(1.0, -2.0, 0.5, -0.5, 3.0, step=2)
    >>> float(param), float(size)  # another sign: one move back
    (1.5, 0.25)
    """
    size = np.where(step == 1, learning_rate, size)
    turn = np.sign(grad) * np.sign(previous)
    size = np.where(turn > 0, np.minimum(grow * size, largest), size)
    size = np.where(turn < 0, np.maximum(shrink * size, smallest), size)
    move = np.where(turn < 0, -move, -np.sign(grad) * size)
    return param + move, size, move, np.where(turn < 0, 0, grad)


@nnplug.optimizer(ranges={"kappa": "[0, inf)", "phi": "[0, 1)", "theta": "[0, 1)"})
def delta_bar_delta(
    param: Any,
    grad: Any,
    rate: Any,
    mean: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    kappa: float = 1e-4,
    phi: float = 0.1,
    theta: float = 0.7,
) -> Any:
    """Delta-bar-delta (Jacobs, 1988, doi:10.1016/0893-6080(88)90003-2).

    A rate grows by κ where the gradient agrees in sign with the mean of those
    before it, and shrinks by the fraction φ where it does not. The equation was
    not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The first rate of all parameters; a schedule has no effect.
    kappa : float
        At least 0.
    phi : float
        In [0, 1).
    theta : float
        In [0, 1): decay of the mean.

    Examples
    --------
    >>> options = {"step": 2, "kappa": 0.25, "phi": 0.5, "theta": 0.5}
    >>> param, rate, mean = delta_bar_delta(1.0, 2.0, 0.25, 4.0, **options)
    >>> float(param), float(rate), mean
    (0.0, 0.5, 3.0)
    """
    rate = np.where(step == 1, learning_rate, rate)
    agrees = np.sign(grad) * np.sign(mean)
    rate = np.where(agrees > 0, rate + kappa, np.where(agrees < 0, (1 - phi) * rate, rate))
    return param - rate * grad, rate, theta * mean + (1 - theta) * grad


@nnplug.optimizer(over="vector", ranges={"beta": "[0, inf)"}, expected_failures=_LARGE)
def sgd_hd(
    param: Any,
    grad: Any,
    rate: Any,
    previous: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta: float = 1e-4,
) -> Any:
    """SGD with hypergradient descent on its rate (Baydin et al., 2018, arXiv:1703.04782, Alg. 4).

    The rate grows by β·(g · last g), over all parameters. The equation was not
    checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The first rate; a schedule has no effect.
    beta : float
        At least 0: the rate of the rate.

    Examples
    --------
    >>> param, rate, _ = sgd_hd(1.0, 2.0, 0.25, 1.0, step=2, beta=0.125)
    >>> float(param), float(rate)
    (0.0, 0.5)
    """
    rate = np.where(step == 1, learning_rate, rate)
    rate = rate + beta * np.sum(grad * previous)
    return param - rate * grad, rate, grad


@nnplug.optimizer(
    over="vector",
    ranges={"beta": "[0, inf)", "momentum": "[0, 1)"},
    expected_failures=_LARGE,
)
def nesterov_hd(
    param: Any,
    grad: Any,
    velocity: Any,
    rate: Any,
    direction: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    momentum: float = 0.9,
    beta: float = 1e-4,
) -> Any:
    """Nesterov momentum with hypergradient descent on its rate (Baydin et al., 2018, Alg. 5).

    Source: arXiv:1703.04782. The rate grows by β·(g · last direction). The
    equation was not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The first rate; a schedule has no effect.
    momentum : float
        In [0, 1).
    beta : float
        At least 0: the rate of the rate.

    Examples
    --------
    >>> options = {"step": 2, "beta": 0.125, "momentum": 0.5}
    >>> param, velocity, rate, direction = nesterov_hd(1.0, 2.0, 0.0, 0.25, 1.0, **options)
    >>> float(param), velocity, float(rate), direction
    (-0.5, 2.0, 0.5, 3.0)
    """
    rate = np.where(step == 1, learning_rate, rate)
    rate = rate + beta * np.sum(grad * direction)
    velocity = momentum * velocity + grad
    direction = grad + momentum * velocity
    return param - rate * direction, velocity, rate, direction


@nnplug.optimizer(over="vector", ranges={**MOMENTS, "beta": "[0, inf)"})
def adam_hd(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    rate: Any,
    direction: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta: float = 1e-7,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """Adam with hypergradient descent on its rate (Baydin et al., 2018, arXiv:1703.04782, Alg. 6).

    The rate grows by β·(g · last direction), over all parameters. The equation
    was not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The first rate; a schedule has no effect.
    beta : float
        At least 0: the rate of the rate.
    beta1, beta2 : float
        In [0, 1): decay of the means of the gradient and of its square.
    epsilon : float
        At least 0, added to the root.

    Examples
    --------
    >>> param, *_ = adam_hd(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, step=1, learning_rate=0.5)
    >>> round(float(param), 6)
    0.5
    """
    rate = np.where(step == 1, learning_rate, rate)
    rate = rate + beta * np.sum(grad * direction)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return param - rate * direction, m, v, rate, direction


@nnplug.optimizer(over="vector")
def adgd(
    param: Any,
    grad: Any,
    before: Any,
    previous: Any,
    rate: Any,
    growth: Any,
    *,
    step: Any,
    learning_rate: float = 1e-6,
) -> Any:
    """Adaptive gradient descent without descent (Malitsky & Mishchenko, 2020, arXiv:1910.09529).

    Algorithm 1: the rate is ‖x - last x‖ / (2·‖g - last g‖), but at most
    √(1 + θ) times the last, θ being its last growth. For full batches. The
    equation was not checked against the paper.

    Differs from pytorch_optimizer: its `ASGD` takes the difference of the norms,
    which is not the norm of the difference.

    Parameters
    ----------
    learning_rate : float
        The first rate; a schedule has no effect.

    Examples
    --------
    >>> param, *_ = adgd(3.0, 6.0, 4.0, 8.0, 0.125, 1.0, step=3)
    >>> round(float(param), 6)  # 1/(2·2) is above 0.125·√2, which it may be at most
    1.93934
    """
    distance = np.sqrt(np.sum((param - before) ** 2))
    change = np.sqrt(np.sum((grad - previous) ** 2))
    grown = np.sqrt(1 + growth) * rate
    local = np.where(change == 0, grown, distance / np.where(change == 0, 1, 2 * change))
    # Before the second step no growth is known, and the paper's θ is infinite.
    new = np.where(step == 2, local, np.minimum(grown, local))
    new = np.where(step == 1, learning_rate, new)
    growth = np.where(step == 1, 0, new / np.where(rate == 0, 1, rate))
    return param - new * grad, param, grad, new, growth


@nnplug.optimizer(over="vector", aliases=("bb",))
def barzilai_borwein(
    param: Any,
    grad: Any,
    before: Any,
    previous: Any,
    rate: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
) -> Any:
    """Barzilai and Borwein's method, the long rate (1988, doi:10.1093/imanum/8.1.141).

    The rate is s·s/(s·y), with s and y the changes of the parameters and of the
    gradient; where s·y is not above 0, the last rate stays. For full batches.
    The equation was not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        The first rate; a schedule has no effect.

    Examples
    --------
    >>> param, *_ = barzilai_borwein(3.0, 6.0, 4.0, 8.0, 0.125, step=2)
    >>> float(param)  # the gradient is 2·param: the rate 1/2 ends the search
    0.0
    """
    s, y = param - before, grad - previous
    curvature = np.sum(s * y)
    new = np.sum(s**2) / np.where(curvature > 0, curvature, 1)
    rate = np.where(step == 1, learning_rate, np.where(curvature > 0, new, rate))
    return param - rate * grad, param, grad, rate


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (
        rprop_plus, delta_bar_delta, sgd_hd, nesterov_hd, adam_hd, adgd, barzilai_borwein,
    ):  # fmt: skip
        register(part)
