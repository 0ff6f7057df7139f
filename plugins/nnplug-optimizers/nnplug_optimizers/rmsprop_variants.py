"""Gradients divided by the root of a mean square, after RMSProp."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers._ranges import DECAY, EPSILON


@nnplug.optimizer(ranges={**EPSILON, "decay": "[0, 1)", "momentum": "[0, 1)"})
def rmsprop_graves(
    param: Any,
    grad: Any,
    n: Any,
    mean: Any,
    move: Any,
    *,
    learning_rate: float = 1e-4,
    decay: float = 0.95,
    momentum: float = 0.9,
    epsilon: float = 1e-4,
) -> Any:
    """Centred RMSProp with momentum (Graves, 2013, arXiv:1308.0850, eq. 38 to 45).

    The divisor is an estimate of the gradient's standard deviation. Checked
    against Keras and Chainer, not against the paper.

    Differs from PyTorch: its `RMSprop` with `centered` has epsilon outside the
    root and the learning rate outside the momentum.

    Parameters
    ----------
    decay : float
        In [0, 1): of the means of the square and of the gradient.
    momentum : float
        In [0, 1).
    epsilon : float
        At least 0, added inside the root.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "decay": 0.5, "momentum": 0.5, "epsilon": 0.0}
    >>> param, *_ = rmsprop_graves(1.0, 2.0, 0.0, 0.0, 0.5, **options)
    >>> float(param)  # 2/√(2 - 1²): a move of 0.5·0.5 - 0.5·2
    0.25
    """
    n = decay * n + (1 - decay) * grad**2
    mean = decay * mean + (1 - decay) * grad
    # Rounding may make the variance of equal gradients less than 0.
    spread = np.maximum(n - mean**2, 0) + epsilon
    move = momentum * move - learning_rate * grad / np.sqrt(np.where(spread == 0, 1, spread))
    return param + move, n, mean, move


@nnplug.optimizer(ranges=EPSILON)
def smorms3(
    param: Any,
    grad: Any,
    memory: Any,
    mean: Any,
    square: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    epsilon: float = 1e-16,
) -> Any:
    """SMORMS3, squared mean over root mean square cubed (Funk, 2015, sifter.org/~simon/journal).

    A noisy gradient, whose squared mean is far below its mean square, has a
    small rate and a long memory. Checked against Chainer's source.

    Parameters
    ----------
    learning_rate : float
        The largest rate.
    epsilon : float
        At least 0, added to the mean square and to its root.

    Examples
    --------
    >>> param, memory, mean, square = smorms3(1.0, 2.0, 0.0, 0.0, 0.0, step=1, learning_rate=9.0)
    >>> round(float(param), 6), float(memory), float(mean), float(square)  # 1 - 2·0.5/√2
    (0.292893, 1.5, 1.0, 2.0)
    """
    memory = np.where(step == 1, 1, memory)
    weight = 1 / (memory + 1)
    mean = (1 - weight) * mean + weight * grad
    square = (1 - weight) * square + weight * grad**2
    signal = mean**2 / np.where(square + epsilon == 0, 1, square + epsilon)
    root = np.sqrt(square) + epsilon
    rate = np.minimum(learning_rate, signal) / np.where(root == 0, 1, root)
    return param - rate * grad, 1 + memory * (1 - signal), mean, square


@nnplug.optimizer(ranges={**EPSILON, **DECAY, "beta": "[0, 1)"})
def bcos(
    param: Any,
    grad: Any,
    m: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    beta: float = 0.9,
    epsilon: float = 1e-6,
    weight_decay: float = 0.1,
) -> Any:
    """BCOS, optimal steps by coordinate, with one moment (Jiang & Xiao, 2025, arXiv:2507.08963).

    BCOSW-c: the expected square of m, given the last m, divides it. m starts at
    the first gradient. The equation was not checked against the paper.

    Differs from pytorch_optimizer: there the new m takes the place of the last
    one in that square.

    Parameters
    ----------
    beta : float
        In [0, 1): decay of the momentum m.
    epsilon : float
        At least 0, added to the root.
    weight_decay : float
        At least 0, decoupled.

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "beta": 0.5, "epsilon": 0.0, "weight_decay": 0.0}
    >>> param, m = bcos(1.0, 4.0, 0.0, step=2, **options)
    >>> float(param), float(m)  # 2 over the root of 0.75·0 + 0.25·16
    (0.5, 2.0)
    """
    last = np.where(step == 1, grad, m)
    m = beta * last + (1 - beta) * grad
    square = (1 - (1 - beta) ** 2) * last**2 + (1 - beta) ** 2 * grad**2
    root = np.sqrt(square) + epsilon
    update = m / np.where(root == 0, 1, root)
    return param * (1 - learning_rate * weight_decay) - learning_rate * update, m


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (rmsprop_graves, smorms3, bcos):
        register(part)
