"""Optimizers that keep less than one second moment for each weight."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import state

from nnplug_optimizers.arithmetic import columns, rms

__all__: list[str] = []


@nnplug.optimizer(
    ranges={"decay": "(0, 1]", "d": "(0, inf)", "epsilon1": "(0, inf)", "epsilon2": "[0, inf)"}
)
def adafactor(
    param: Any,
    grad: Any,
    row: Any = state("R", 1),
    column: Any = state(1, "C"),
    *,
    step: Any,
    learning_rate: float = 0.01,
    decay: float = 0.8,
    d: float = 1.0,
    epsilon1: float = 1e-30,
    epsilon2: float = 1e-3,
    weight_decay: float = 0.0,
) -> Any:
    """Adafactor (Shazeer & Stern, 2018, arXiv:1804.04235, algorithms 4 and 5).

    The second moment of a matrix is kept as the means of its rows and of its
    columns; for a bias, a matrix of one column, that is all of it.

    Parameters
    ----------
    learning_rate : float
        The largest relative step: ρ = min(learning_rate, 1/√step).
    decay : float
        The second moment's decay at step t is 1 - t^-decay.
    d : float
        The root mean square that an update is clipped to.
    epsilon1 : float
        Added to the squared gradients.
    epsilon2 : float
        The smallest root mean square that a parameter's step is relative to.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Notes
    -----
    Differs from PyTorch, where epsilon1 is the smallest product of the means.
    Differs from optax, which factors arrays from 128 rows and columns on, by
    default. Differs from Keras, whose clip and epsilon are the same, but whose
    learning rate replaces ρ if `relative_step` is off.

    Examples
    --------
    One row: the means of the columns are all, and the update is the gradient's sign.

    >>> new, row, column = adafactor(np.array([[2.0, 2.0]]), np.array([[3.0, -5.0]]),
    ...     np.zeros((1, 1)), np.zeros((1, 2)), step=1, learning_rate=0.1)
    >>> new.round(6).tolist(), column.tolist()
    ([[1.8, 2.2]], [[9.0, 25.0]])
    """
    beta2 = 1 - step**-decay
    square = grad**2 + epsilon1
    row = beta2 * row + (1 - beta2) * np.mean(square, axis=1, keepdims=True)
    column = beta2 * column + (1 - beta2) * np.mean(square, axis=0, keepdims=True)
    # Each factor by itself: their product may be too small a number.
    update = grad / np.sqrt(row / np.mean(row)) / np.sqrt(column)
    clipped = update / np.maximum(1.0, rms(update) / d)
    relative = np.minimum(learning_rate, 1 / np.sqrt(step)) * np.maximum(epsilon2, rms(param))
    return (1 - learning_rate * weight_decay) * param - relative * clipped, row, column


@nnplug.optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "beta3": "[0, 1)", "d": "(0, inf)"})
def came(
    param: Any,
    grad: Any,
    m: Any,
    row: Any = state("R", 1),
    column: Any = state(1, "C"),
    row_doubt: Any = state("R", 1),
    column_doubt: Any = state(1, "C"),
    *,
    learning_rate: float = 2e-4,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 0.9999,
    d: float = 1.0,
    epsilon1: float = 1e-30,
    epsilon2: float = 1e-16,
    weight_decay: float = 0.0,
) -> Any:
    """CAME: confidence-guided Adafactor (Luo et al., 2023, arXiv:2307.02047, algorithm 2).

    The momentum of Adafactor's update is divided by the root of a second
    factored moment: that of the update's distance from its momentum. A matrix
    of one column, as a bias is, takes the momentum alone.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2, beta3 : float
        In [0, 1): of the momentum, of the squared gradients, of the distances.
    d : float
        The root mean square that an update is clipped to.
    epsilon1, epsilon2 : float
        Added to the squared gradients, and to the squared distances.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Examples
    --------
    >>> new, m, *rest = came(np.zeros((1, 1)), np.array([[5.0]]), *np.zeros((5, 1, 1)),
    ...                      learning_rate=1.0, beta2=0.0)
    >>> new.round(6).tolist(), m.round(6).tolist()
    ([[-0.1]], [[0.1]])
    """
    square = grad**2 + epsilon1
    row = beta2 * row + (1 - beta2) * np.mean(square, axis=1, keepdims=True)
    column = beta2 * column + (1 - beta2) * np.mean(square, axis=0, keepdims=True)
    update = grad / np.sqrt(row / np.mean(row)) / np.sqrt(column)
    update = update / np.maximum(1.0, rms(update) / d)
    m = beta1 * m + (1 - beta1) * update
    doubt = (update - m) ** 2 + epsilon2
    row_doubt = beta3 * row_doubt + (1 - beta3) * np.mean(doubt, axis=1, keepdims=True)
    column_doubt = beta3 * column_doubt + (1 - beta3) * np.mean(doubt, axis=0, keepdims=True)
    sure = m / np.sqrt(row_doubt / np.mean(row_doubt)) / np.sqrt(column_doubt)
    move = np.where(columns(param) > 1, sure, m)
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * move, m, row, column, row_doubt, column_doubt


@nnplug.optimizer(ranges={"momentum": "[0, 1)"})
def sm3(
    param: Any,
    grad: Any,
    m: Any,
    row: Any = state("R", 1),
    column: Any = state(1, "C"),
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
) -> Any:
    """SM3-II (Anil et al., 2019, arXiv:1901.11150, algorithm SM3-II).

    Adagrad with bounds in place of sums: ν = min(row, column) + g², and the
    largest ν of each row and column is kept. 0/0 is 0.

    Parameters
    ----------
    momentum : float
        In [0, 1): m = momentum·m + (1 - momentum)·g/√ν.

    Examples
    --------
    >>> new, *rest = sm3(np.zeros((1, 2)), np.array([[3.0, 0.0]]), np.zeros((1, 2)),
    ...     np.zeros((1, 1)), np.zeros((1, 2)), learning_rate=1.0, momentum=0.0)
    >>> new.tolist(), rest[1].tolist(), rest[2].tolist()
    ([[-1.0, 0.0]], [[9.0]], [[9.0, 0.0]])
    """
    bound = np.minimum(row, column) + grad**2
    update = np.where(bound > 0, grad / np.sqrt(np.where(bound > 0, bound, 1.0)), 0.0)
    m = momentum * m + (1 - momentum) * update
    row = np.max(bound, axis=1, keepdims=True)
    return param - learning_rate * m, m, row, np.max(bound, axis=0, keepdims=True)


@nnplug.optimizer(
    ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)", "weight_decay": "[0, inf)"}
)
def adam_mini(
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
    weight_decay: float = 0.0,
) -> Any:
    """Adam-mini (Zhang et al., 2024, arXiv:2406.16793, algorithm 1, with blocks by neuron).

    The weights of an output neuron, a column, share one second moment: that of
    the mean of their squared gradients. A bias is one block.

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
    The second moment of a column is kept at each of its weights, so this
    version saves no memory. Differs from pytorch_optimizer, where each array
    other than attention and embeddings is one block.

    Examples
    --------
    >>> new, m, v = adam_mini(np.zeros((2, 1)), np.array([[1.0], [7.0]]), np.zeros((2, 1)),
    ...                       np.zeros((2, 1)), step=1, learning_rate=1.0)
    >>> (-new).round(6).T.tolist(), v.round(6).T.tolist()
    ([[0.2, 1.4]], [[0.025, 0.025]])
    """
    m = beta1 * m + (1 - beta1) * grad
    if param.ndim < 2:
        v = beta2 * v + (1 - beta2) * np.mean(grad**2)
    else:
        v = beta2 * v + (1 - beta2) * np.mean(grad**2, axis=0, keepdims=True)
    below = np.sqrt(v / (1 - beta2**step)) + epsilon
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * (m / (1 - beta1**step)) / below, m, v


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (adafactor, came, sm3, adam_mini):
        register(part)
