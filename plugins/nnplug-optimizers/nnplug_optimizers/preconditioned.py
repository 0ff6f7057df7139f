"""Optimizers that precondition a weight's gradient with matrices."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import state

from nnplug_optimizers.arithmetic import inverse_root

__all__: list[str] = []


@nnplug.optimizer(ranges={"epsilon": "(0, inf)", "momentum": "[0, 1)", "rounds": "[1, inf)"})
def shampoo(
    param: Any,
    grad: Any,
    velocity: Any,
    left: Any = state("R", "R", start="identity"),
    right: Any = state("C", "C", start="identity"),
    one_left: Any = state("R", "R", start="identity"),
    one_right: Any = state("C", "C", start="identity"),
    *,
    step: Any,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    epsilon: float = 1e-2,
    rounds: int = 25,
) -> Any:
    """Shampoo for matrices (Gupta, Koren & Singer, 2018, arXiv:1802.09568, algorithm 1).

    W - η·L^(-1/4)·G·R^(-1/4), with L = εI + ΣGGᵀ and R = εI + ΣGᵀG. A bias is
    a matrix of one column, so its L has as many rows and columns as the bias.

    Parameters
    ----------
    momentum : float
        In [0, 1): velocity = momentum·velocity + the preconditioned gradient.
    epsilon : float
        What both preconditioners start from, times the unit matrix.
    rounds : int
        Coupled Newton steps of a root (Anil et al., 2020, arXiv:2002.09018): matrix
        products in place of eigenvectors. 25 suffice for condition numbers
        up to a million.

    Notes
    -----
    The slots one_left and one_right hold unit matrices and do not change.
    Differs from pytorch_optimizer, which takes the root -1/2 of each matrix.

    Examples
    --------
    L = R = 7 + 9 = 16, and 16^(-1/4) = 1/2.

    >>> one = np.eye(1)
    >>> new, velocity, left, *rest = shampoo(np.zeros((1, 1)), np.array([[3.0]]),
    ...     np.zeros((1, 1)), one, one, one, one, step=1, learning_rate=1.0, epsilon=7.0)
    >>> new.round(6).tolist(), left.tolist()
    ([[-0.75]], [[16.0]])
    """
    left = np.where(step == 1, epsilon * left, left) + grad @ grad.T
    right = np.where(step == 1, epsilon * right, right) + grad.T @ grad
    left_root = inverse_root(left, one_left, 4, rounds)
    right_root = inverse_root(right, one_right, 4, rounds)
    velocity = momentum * velocity + left_root @ grad @ right_root
    return param - learning_rate * velocity, velocity, left, right, one_left, one_right


@nnplug.optimizer(ranges={"epsilon": "(0, inf)", "rounds": "[1, inf)"})
def asgo(
    param: Any,
    grad: Any,
    left: Any = state("R", "R", start="identity"),
    one: Any = state("R", "R", start="identity"),
    *,
    step: Any,
    learning_rate: float = 0.1,
    epsilon: float = 1e-2,
    rounds: int = 25,
) -> Any:
    """ASGO: Shampoo with one side (An et al., 2025, arXiv:2503.20762, algorithm 1).

    W - η·V^(-1/2)·G with V = εI + ΣGGᵀ, over a weight's inputs. A bias is a
    matrix of one column.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    epsilon : float
        What V starts from, times the unit matrix.
    rounds : int
        Coupled Newton steps of the root: matrix products in place of
        eigenvectors.

    Notes
    -----
    Differs from the algorithm, which starts V from 0 and adds ε to its root.

    Examples
    --------
    >>> new, left, one = asgo(np.zeros((1, 1)), np.array([[3.0]]), np.eye(1), np.eye(1), step=1,
    ...                       learning_rate=1.0, epsilon=16.0)
    >>> new.round(6).tolist()
    [[-0.6]]
    """
    left = np.where(step == 1, epsilon * left, left) + grad @ grad.T
    return param - learning_rate * inverse_root(left, one, 2, rounds) @ grad, left, one


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (shampoo, asgo):
        register(part)
