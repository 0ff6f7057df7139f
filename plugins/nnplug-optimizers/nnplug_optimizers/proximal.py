"""Proximal steps and dual averaging: weights that a penalty sets to exactly 0."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

_PENALTIES = {"l1": "[0, inf)", "l2": "[0, inf)"}


@nnplug.optimizer(
    aliases=("ftrl_proximal",), ranges={**_PENALTIES, "beta": "[0, inf)", "initial": "[0, inf)"}
)
def ftrl(
    param: Any,
    grad: Any,
    z: Any,
    n: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    beta: float = 1.0,
    l1: float = 0.0,
    l2: float = 0.0,
    initial: float = 0.0,
) -> Any:
    """FTRL-Proximal (McMahan et al., 2013, doi:10.1145/2487575.2488200, Algorithm 1).

    The parameters are not moved but computed anew, from z and n: those that a
    run starts from count little after the first steps.

    Checked against Keras and pytorch_optimizer, not against the paper.

    Differs from Keras: its l2 counts twice as much, its beta is 0 and its n
    starts at 0.1 (`initial`). Differs from pytorch_optimizer: its beta is 0.

    Parameters
    ----------
    beta : float
        At least 0: a rate is learning_rate/(β + √n).
    l1, l2 : float
        At least 0: λ1, which sets parameters to 0, and λ2.
    initial : float
        At least 0: the sum of squares before the first step.

    Examples
    --------
    >>> param, z, n = ftrl(0.0, 3.0, 0.0, 0.0, step=1, learning_rate=0.5, l1=1.0)
    >>> float(param), float(z), float(n)  # -(3 - 1) / ((1 + 3)/0.5)
    (-0.25, 3.0, 9.0)
    """
    old = np.sqrt(np.where(step == 1, initial, n))
    n = old**2 + grad**2
    root = np.sqrt(n)
    z = z + grad - (root - old) / learning_rate * param
    small = abs(z) <= l1
    divisor = np.where(small, 1, (beta + root) / learning_rate + l2)
    return np.where(small, 0, -(z - np.sign(z) * l1) / divisor), z, n


@nnplug.optimizer(aliases=("fobos",), ranges=_PENALTIES)
def proximal_sgd(
    param: Any, grad: Any, *, learning_rate: float = 0.01, l1: float = 0.0, l2: float = 0.0
) -> Any:
    """Forward-backward splitting, FOBOS (Duchi & Singer, 2009, JMLR 10, 2899-2934, section 5).

    A step of gradient descent, then the exact minimum of the penalty plus the
    squared distance. The equation was not checked against the paper.

    Parameters
    ----------
    l1, l2 : float
        At least 0: the penalty is l1·|w| + l2·w²/2.

    Examples
    --------
    >>> proximal_sgd(np.array([3.0, 1.0]), 2.0, learning_rate=0.5, l1=1.0, l2=2.0).tolist()
    [0.75, 0.0]
    """
    moved = param - learning_rate * grad
    shrunk = np.sign(moved) * np.maximum(abs(moved) - learning_rate * l1, 0)
    return shrunk / (1 + learning_rate * l2)


@nnplug.optimizer(ranges={**_PENALTIES, "initial": "(0, inf)"})
def proximal_adagrad(
    param: Any,
    grad: Any,
    total: Any,
    *,
    learning_rate: float = 0.01,
    l1: float = 0.0,
    l2: float = 0.0,
    initial: float = 0.1,
) -> Any:
    """Proximal Adagrad (Duchi, Hazan & Singer, 2011, JMLR 12, mirror descent).

    As `proximal_sgd`, each parameter with Adagrad's rate. The equation was not
    checked against the paper.

    Parameters
    ----------
    l1, l2 : float
        At least 0: the penalty is l1·|w| + l2·w²/2.
    initial : float
        Above 0: the sum of squares before the first step; TensorFlow's default.

    Examples
    --------
    >>> param, total = proximal_adagrad(3.0, 2.0, 5.0, learning_rate=1.5, l1=2.0, initial=1e-9)
    >>> round(float(param), 6), total  # the rate is 0.5
    (1.0, 9.0)
    """
    total = total + grad**2
    rate = learning_rate / np.sqrt(total + initial)
    moved = param - rate * grad
    return np.sign(moved) * np.maximum(abs(moved) - rate * l1, 0) / (1 + rate * l2), total


@nnplug.optimizer
def dual_averaging(
    param: Any, grad: Any, start: Any, total: Any, *, step: Any, learning_rate: float = 0.1
) -> Any:
    """Dual averaging (Nesterov, 2009, doi:10.1007/s10107-007-0149-x; Xiao, 2010, JMLR 11).

    start - learning_rate/√step·Σg: all gradients count alike. Xiao's starts
    from 0, which would leave the units of a network all alike. The equation was
    not checked against the paper.

    Examples
    --------
    >>> param, start, total = dual_averaging(0.0, 2.0, 1.0, 2.0, step=4, learning_rate=0.5)
    >>> float(param), float(start), total
    (0.0, 1.0, 4.0)
    """
    start = np.where(step == 1, param, start)
    total = total + grad
    return start - learning_rate / step**0.5 * total, start, total


@nnplug.optimizer(ranges={"initial": "(0, inf)"})
def adagrad_da(
    param: Any,
    grad: Any,
    start: Any,
    total: Any,
    squares: Any,
    *,
    step: Any,
    learning_rate: float = 0.1,
    initial: float = 0.1,
) -> Any:
    """Adagrad's dual averaging (Duchi, Hazan & Singer, 2011, JMLR 12, eq. 3).

    start - learning_rate·Σg/√(initial + Σg²): the rate of the last step counts
    for all gradients. TensorFlow's starts from 0, which would leave the units of
    a network all alike. The equation was not checked against the paper.

    Parameters
    ----------
    initial : float
        Above 0, added to the sum of squares.

    Examples
    --------
    >>> param, *_ = adagrad_da(0.0, 2.0, 1.0, 2.0, 5.0, step=2, learning_rate=0.75, initial=1e-9)
    >>> round(float(param), 6)
    0.0
    """
    start = np.where(step == 1, param, start)
    total = total + grad
    squares = squares + grad**2
    return start - learning_rate * total / np.sqrt(squares + initial), start, total, squares


@nnplug.optimizer(evaluate="x", ranges={"l1": "[0, inf)"})
def fista(
    param: Any,
    grad: Any,
    x: Any,
    t: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    l1: float = 0.0,
) -> Any:
    """FISTA, proximal steps with Nesterov's acceleration (Beck & Teboulle, 2009).

    Source: doi:10.1137/080716542, eq. 4.1 to 4.3. The parameters are y, where
    the gradient is taken; predictions are made with x, which the penalty sets to
    0. The equation was not checked against the paper.

    Parameters
    ----------
    learning_rate : float
        1/L for the largest curvature L.
    l1 : float
        At least 0: the penalty is l1·|w|.

    Examples
    --------
    >>> param, x, t = fista(1.0, 2.0, 0.5, 2.0, step=2, learning_rate=0.25, l1=1.0)
    >>> float(x), round(float(t), 4), round(float(param), 4)  # 0.25 + 1/2.5616·(0.25 - 0.5)
    (0.25, 2.5616, 0.1524)
    """
    before, t = np.where(step == 1, param, x), np.where(step == 1, 1, t)
    moved = param - learning_rate * grad
    x = np.sign(moved) * np.maximum(abs(moved) - learning_rate * l1, 0)
    after = (1 + np.sqrt(1 + 4 * t**2)) / 2
    return x + (t - 1) / after * (x - before), x, after


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (ftrl, proximal_sgd, proximal_adagrad, dual_averaging, adagrad_da, fista):
        register(part)
