"""Optimizers that predict with an average of their steps instead of lowering the rate."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, EPSILON

_BETA = {"beta": "[0, 1)"}


def _averaged(y: Any, z: Any, x: Any, c: Any, beta: float) -> tuple[Any, Any, Any]:
    """Return the next y, x and z for the new z, whose weight in x is c."""
    x = (1 - c) * x + c * z
    return (1 - beta) * z + beta * x, x, z


def _weight(learning_rate: Any, largest: Any, total: Any) -> tuple[Any, Any, Any]:
    """Return a step's weight in the average, the largest rate so far and the sum of weights."""
    largest = np.maximum(largest, learning_rate)
    total = total + largest**2
    return largest**2 / np.where(total == 0, 1, total), largest, total


@nnplug.optimizer(evaluate="x", ranges={**_BETA, **DECAY})
def schedule_free_sgd(
    param: Any,
    grad: Any,
    x: Any,
    z: Any,
    largest: Any,
    total: Any,
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta: float = 0.9,
    weight_decay: float = 0.0,
) -> Any:
    """Schedule-free SGD (Defazio et al., 2024, arXiv:2405.15682, eq. 3 to 5).

    The parameters are y, where the gradient is taken; predictions are made with
    the average x, in which a step counts by the square of the largest learning
    rate so far, as in the authors' code.

    Checked against optax, not against the paper.

    Parameters
    ----------
    beta : float
        In [0, 1): how far y is from z towards x.
    weight_decay : float
        At least 0, of y: added to the gradient.

    Examples
    --------
    >>> y, x, z, *_ = schedule_free_sgd(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, step=1, learning_rate=0.25)
    >>> float(y), float(x), float(z)
    (0.5, 0.5, 0.5)
    """
    x, z = np.where(step == 1, param, x), np.where(step == 1, param, z)
    c, largest, total = _weight(learning_rate, largest, total)
    z = z - learning_rate * (grad + weight_decay * param)
    return *_averaged(param, z, x, c, beta), largest, total


@nnplug.optimizer(
    evaluate="x",
    ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", **EPSILON, **DECAY},
    aliases=("schedule_free_adam",),
)
def schedule_free_adamw(
    param: Any,
    grad: Any,
    x: Any,
    z: Any,
    v: Any,
    largest: Any,
    total: Any,
    *,
    step: Any,
    learning_rate: float = 0.0025,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Schedule-free AdamW (Defazio et al., 2024, arXiv:2405.15682, Algorithm 1).

    As `schedule_free_sgd`, with Adam's denominator. Checked against optax and
    Keras, not against the paper. Warm-up is left to a schedule.

    Differs from Keras: there every step counts alike in the average.

    Parameters
    ----------
    beta1 : float
        In [0, 1): how far y is from z towards x.
    beta2 : float
        In [0, 1): decay of the mean square.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, of y.

    Examples
    --------
    >>> y, x, z, *_ = schedule_free_adamw(
    ...     1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, step=1, learning_rate=0.25, epsilon=0.0
    ... )
    >>> round(float(z), 6)
    0.75
    """
    x, z = np.where(step == 1, param, x), np.where(step == 1, param, z)
    c, largest, total = _weight(learning_rate, largest, total)
    v = beta2 * v + (1 - beta2) * grad**2
    update = grad / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    z = z - learning_rate * (update + weight_decay * param)
    y, x, z = _averaged(param, z, x, c, beta1)
    return y, x, z, v, largest, total


@nnplug.optimizer(evaluate="x", ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", **EPSILON, **DECAY})
def schedule_free_radam(
    param: Any,
    grad: Any,
    x: Any,
    z: Any,
    v: Any,
    largest: Any,
    total: Any,
    *,
    step: Any,
    learning_rate: float = 0.0025,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Schedule-free RAdam (Defazio et al., 2024, arXiv:2405.15682, in the authors' code).

    RAdam's rectification (Liu et al., 2019, arXiv:1908.03265) stands for the
    warm-up: until its length ρ is above 4, parameters stay where they are.
    Checked against pytorch_optimizer, not against a paper.

    Parameters
    ----------
    beta1 : float
        In [0, 1): how far y is from z towards x.
    beta2 : float
        In [0, 1): decay of the mean square.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, of y.

    Examples
    --------
    >>> y, x, z, *_ = schedule_free_radam(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, step=1)
    >>> float(y), float(x), float(z)
    (1.0, 1.0, 1.0)
    """
    x, z = np.where(step == 1, param, x), np.where(step == 1, param, z)
    v = beta2 * v + (1 - beta2) * grad**2
    left = 1 - beta2**step
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / left
    factor = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    rate = np.where(length > 4, learning_rate * np.maximum(factor, 0) ** 0.5, 0)
    c, largest, total = _weight(rate, largest, total)
    update = grad / (np.sqrt(v / left) + epsilon)
    z = z - rate * (update + weight_decay * param)
    y, x, z = _averaged(param, z, x, c, beta1)
    return y, x, z, v, largest, total


@nnplug.optimizer(evaluate="x", ranges={"beta": "[0, 1)"})
def schedule_free(
    param: Any, grad: Any, x: Any, z: Any, *, base: Any, step: Any, beta: float = 0.9
) -> Any:
    """Schedule-free form of another optimizer (Defazio et al., 2024, arXiv:2405.15682, eq. 3 to 5).

    The optimizer in brackets, as in `schedule_free[rmsprop]`, moves z by the
    gradient at y; all steps count alike in the average x. Use one without
    momentum, of which the average takes the place.

    Checked against optax, not against the paper.

    Differs from optax: a decay of weights in the brackets is of z, there of y.

    Parameters
    ----------
    beta : float
        In [0, 1): how far y is from z towards x.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import rmsprop
    >>> run = nnplug.train("xor", optimizer=schedule_free.around(rmsprop), epochs=2)
    >>> run.optimizer.text
    'schedule_free[rmsprop]'
    """
    x, z = np.where(step == 1, param, x), np.where(step == 1, param, z)
    return _averaged(param, base(z, grad), x, 1 / step, beta)


@nnplug.optimizer(
    evaluate="average",
    ranges={"lambd": "[0, inf)", "alpha": "[0, inf)", "t0": "[0, inf)"},
    aliases=("averaged_sgd",),
)
def asgd(
    param: Any,
    grad: Any,
    average: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
) -> Any:
    """Averaged SGD (Polyak & Juditsky, 1992, doi:10.1137/0330046), as in PyTorch.

    The learning rate falls by (1 + λ·learning_rate·t)^α, weights decay by λ, and
    predictions are made with the average of the steps after t0.

    Checked against PyTorch, not against the paper.

    Differs from pytorch_optimizer: its `ASGD` is another algorithm, see `adgd`.

    Parameters
    ----------
    lambd : float
        At least 0, λ.
    alpha : float
        At least 0: how fast the learning rate falls.
    t0 : float
        At least 0: the step after which averaging starts; until then the
        average is the parameters.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "lambd": 1.0, "alpha": 1.0, "t0": 0.0}
    >>> param, average = asgd(1.0, 0.5, 1.0, step=3, **options)
    >>> float(param), float(average)  # the rate is 0.5/(1 + 1)
    (0.625, 0.8125)
    """
    rate = learning_rate / (1 + lambd * learning_rate * (step - 1)) ** alpha
    param = param * (1 - lambd * rate) - rate * grad
    weight = 1 / np.maximum(1, step - 1 - t0)
    return param, np.where(weight == 1, param, average + weight * (param - average))


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (
        schedule_free_sgd, schedule_free_adamw, schedule_free_radam, schedule_free, asgd,
    ):  # fmt: skip
        register(part)
