"""Optimizers with state of their own shapes, with curvature, with other weights to predict with."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug
from nnplug import state


@nnplug.optimizer
def adafactor(
    param: Any,
    grad: Any,
    row: Any = state("R", 1),
    column: Any = state(1, "C"),
    *,
    step: Any,
    learning_rate: float = 0.01,
    epsilon1: float = 1e-30,
    epsilon2: float = 1e-3,
    d: float = 1.0,
    decay: float = 0.8,
) -> Any:
    """Adafactor (Shazeer & Stern, 2018, arXiv:1804.04235, algorithm 4 with those of section 9).

    The second moment of a matrix is kept as the means of its rows and of its
    columns. For a bias that is all of it.

    Parameters
    ----------
    learning_rate : float
        The largest relative step, ρ.
    epsilon1, epsilon2 : float
        Added to the squares; the smallest size that a parameter's step is relative to.
    d : float
        The root mean square that an update is clipped to.
    decay : float
        The second moment's decay at step t is 1 - t^-decay.
    """
    beta2 = 1 - step**-decay
    square = grad**2 + epsilon1
    row = beta2 * row + (1 - beta2) * np.mean(square, axis=1, keepdims=True)
    column = beta2 * column + (1 - beta2) * np.mean(square, axis=0, keepdims=True)
    # Each factor by itself: their product may be too small a number.
    update = grad / np.sqrt(row / np.mean(row)) / np.sqrt(column)
    clipped = update / np.maximum(1.0, _rms(update) / d)
    relative = np.minimum(learning_rate, 1 / np.sqrt(step))
    return param - np.maximum(epsilon2, _rms(param)) * relative * clipped, row, column


def _rms(x: Any) -> Any:
    return np.sqrt(np.mean(x**2))


@nnplug.optimizer
def shampoo(
    param: Any,
    grad: Any,
    left: Any = state("R", "R", start="identity"),
    right: Any = state("C", "C", start="identity"),
    one: Any = state("R", "R", start="identity"),
    other: Any = state("C", "C", start="identity"),
    *,
    step: Any,
    learning_rate: float = 0.1,
    epsilon: float = 1.0,
) -> Any:
    """Shampoo for matrices (Gupta, Koren & Singer, 2018, arXiv:1802.09568, algorithm 1).

    W - η·L^(-1/4)·G·R^(-1/4), with L = εI + ΣGGᵀ and R = εI + ΣGᵀG. A bias
    is a matrix of one column. The roots are 20 coupled Newton steps of matrix
    products (Anil et al., 2020, arXiv:2002.09018), which suffice for
    condition numbers up to a million; above it they are too small.

    Parameters
    ----------
    epsilon : float
        What both preconditioners start from, times the unit matrix.
    """
    left = np.where(step == 1, epsilon * left, left) + grad @ grad.T
    right = np.where(step == 1, epsilon * right, right) + grad.T @ grad
    update = _inverse_root(left, one) @ grad @ _inverse_root(right, other)
    return param - learning_rate * update, left, right, one, other


def _inverse_root(matrix: Any, one: Any, p: int = 4, iterations: int = 20) -> Any:
    """Compute matrix^(-1/p) of a positive definite matrix, by the coupled Newton method."""
    z = (1 + p) / (2 * np.max(np.sum(np.abs(matrix), axis=1)))
    root, rest = z ** (1 / p) * one, z * matrix
    for _ in range(iterations):
        turn = ((p + 1) * one - rest) / p
        twice = turn @ turn
        root, rest = root @ turn, twice @ twice @ rest
    return root


@nnplug.optimizer(evaluate="x")
def schedule_free(
    param: Any,
    grad: Any,
    x: Any,
    z: Any,
    total: Any = state(1, 1),
    *,
    step: Any,
    learning_rate: float = 1.0,
    beta: float = 0.9,
) -> Any:
    """Schedule-free SGD (Defazio et al., 2024, arXiv:2405.15682, eq. 3 to 5).

    The parameters are y, where the gradient is taken; predictions are made
    with the average x, in which a step counts by its learning rate's square,
    as in the authors' code.

    Parameters
    ----------
    beta : float
        How far y is from z towards x.
    """
    x, z = np.where(step == 1, param, x), np.where(step == 1, param, z)
    total = total + learning_rate**2
    c = learning_rate**2 / total
    z = z - learning_rate * grad
    x = (1 - c) * x + c * z
    return (1 - beta) * z + beta * x, x, z, total


@nnplug.optimizer
def sophia(
    param: Any,
    grad: Any,
    m: Any,
    h: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 0.01,
    beta1: float = 0.96,
    beta2: float = 0.99,
    gamma: float = 0.01,
    epsilon: float = 1e-12,
    weight_decay: float = 0.0,
    k: int = 10,
) -> Any:
    """Sophia-H (Liu et al., 2023, arXiv:2305.14342, algorithm 3 with Hutchinson's estimator).

    Parameters
    ----------
    gamma : float
        The curvature's factor; what is left is clipped to 1.
    k : int
        The curvature is taken in at steps 1, k + 1, 2k + 1 ...
    """
    m = beta1 * m + (1 - beta1) * grad
    now = step - 1 - k * np.floor((step - 1) / k) == 0
    h = np.where(now, beta2 * h + (1 - beta2) * curvature, h)
    param = param - learning_rate * weight_decay * param
    return param - learning_rate * np.clip(m / np.maximum(gamma * h, epsilon), -1, 1), m, h


@nnplug.optimizer
def adahessian(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    curvature: Any,
    step: Any,
    learning_rate: float = 0.15,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """AdaHessian (Yao et al., 2021, arXiv:2006.00719, algorithm 1), with blocks of one weight."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * curvature**2
    rate = learning_rate / (1 - beta1**step)
    return param - rate * m / (np.sqrt(v / (1 - beta2**step)) + epsilon), m, v


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for optimizer in (adafactor, shampoo, schedule_free, sophia, adahessian):
        register(optimizer)
