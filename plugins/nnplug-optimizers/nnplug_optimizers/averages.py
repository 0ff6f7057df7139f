"""Averages and slow copies of the weights, around any other optimizer: `lookahead:k=5[adam]`."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

__all__: list[str] = []


@nnplug.optimizer(ranges={"k": "[1, inf)", "alpha": "[0, 1]"})
def lookahead(
    param: Any, grad: Any, slow: Any, *, base: Any, step: Any, k: int = 5, alpha: float = 0.5
) -> Any:
    """Lookahead (Zhang, Lucas, Hinton & Ba, 2019, arXiv:1907.08610, algorithm 1).

    Every k steps the slow weights go a part of the way to the fast ones, which
    start again from there.

    Parameters
    ----------
    k : int
        Steps of the held optimizer between two of the slow weights.
    alpha : float
        How far the slow weights go, in [0, 1].

    Notes
    -----
    The held optimizer keeps its state, as in the authors' default.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> lookahead.around(sgd).slots
    ('slow',)
    """
    slow = np.where(step == 1, param, slow)
    fast = base(param, grad)
    slow = np.where(step % k == 0, slow + alpha * (fast - slow), slow)
    return np.where(step % k == 0, slow, fast), slow


@nnplug.optimizer(ranges={"k": "[1, inf)", "momentum": "[0, 1)", "outer_rate": "(0, inf)"})
def snoo(
    param: Any,
    grad: Any,
    slow: Any,
    velocity: Any,
    *,
    base: Any,
    step: Any,
    k: int = 20,
    momentum: float = 0.5,
    outer_rate: float = 0.7,
) -> Any:
    """SNOO: Nesterov's momentum for slow weights (Kallusky et al., 2025, arXiv:2510.15830,
    algorithm 1).

    Every k steps, s is what the slow weights lack to the fast ones, b = μb + s,
    and the slow weights move by outer_rate·(μb + s). This is also the outer
    step of DiLoCo with one worker (Douillard et al., 2023, arXiv:2311.08105).

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    k : int
        Steps of the held optimizer between two of the slow weights.
    momentum : float
        μ, in [0, 1); with 0 this is Lookahead.
    outer_rate : float
        The rate of the slow weights.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> snoo.around(sgd).slots
    ('slow', 'velocity')
    """
    slow = np.where(step == 1, param, slow)
    fast = base(param, grad)
    now = step % k == 0
    apart = slow - fast
    velocity = np.where(now, momentum * velocity + apart, velocity)
    slow = np.where(now, slow - outer_rate * (momentum * velocity + apart), slow)
    return np.where(now, slow, fast), slow, velocity


@nnplug.optimizer(ranges={"k": "[1, inf)", "momentum": "[0, 1)", "outer_rate": "(0, inf)"})
def slowmo(
    param: Any,
    grad: Any,
    slow: Any,
    velocity: Any,
    *,
    base: Any,
    step: Any,
    k: int = 12,
    momentum: float = 0.7,
    outer_rate: float = 1.0,
) -> Any:
    """SlowMo: slow momentum (Wang et al., 2020, arXiv:1910.00643, algorithm 1), with one worker.

    Every k steps, the velocity becomes momentum·velocity + (slow - fast), and the slow
    weights move by outer_rate times it.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    k : int
        The paper's τ: steps of the held optimizer between two of the slow weights.
    momentum : float
        In [0, 1).
    outer_rate : float
        The paper's α.

    Notes
    -----
    The velocity is not divided by the held optimizer's learning rate, as it is
    in the paper: that differs only where a schedule changes the rate.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> slowmo.around(sgd).slots
    ('slow', 'velocity')
    """
    slow = np.where(step == 1, param, slow)
    fast = base(param, grad)
    now = step % k == 0
    velocity = np.where(now, momentum * velocity + (slow - fast), velocity)
    slow = np.where(now, slow - outer_rate * velocity, slow)
    return np.where(now, slow, fast), slow, velocity


@nnplug.optimizer(evaluate="average", ranges={"start": "[1, inf)", "every": "[1, inf)"})
def swa(
    param: Any,
    grad: Any,
    average: Any,
    *,
    base: Any,
    step: Any,
    start: int = 1,
    every: int = 1,
) -> Any:
    """Stochastic weight averaging (Izmailov et al., 2018, arXiv:1803.05407, algorithm 1).

    The plain mean of the weights after steps start, start + every, start +
    2·every ..., with which predictions are made; before the first of them, they
    are made with the weights. With the defaults this is Polyak's average
    of all steps (Polyak & Juditsky, 1992).

    Parameters
    ----------
    start : int
        The first step that counts: the paper averages the last quarter of training.
    every : int
        Steps between two that count, such as those of an epoch.

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> swa.around(sgd).shown
    'average'
    """
    new = base(param, grad)
    past = step - start
    counts = (past >= 0) & (past % every == 0)
    known = np.floor(np.maximum(past, 0) / every) + 1.0
    mean = average + (new - average) / known
    return new, np.where(past <= 0, new, np.where(counts, mean, average))


@nnplug.optimizer(evaluate="average", ranges={"k": "[1, inf)", "decay": "[0, 1)"})
def switch_ema(
    param: Any,
    grad: Any,
    average: Any,
    *,
    base: Any,
    step: Any,
    k: int = 100,
    decay: float = 0.99,
) -> Any:
    """Switch EMA (Li et al., 2024, arXiv:2402.09240, algorithm 1).

    A moving average of the weights, from which training goes on every k steps.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    k : int
        Steps between two switches: the paper switches after each epoch.
    decay : float
        In [0, 1).

    Examples
    --------
    >>> from nnplug.builtin.optimizers import sgd
    >>> switch_ema.around(sgd).shown
    'average'
    """
    new = base(param, grad)
    average = np.where(step == 1, new, decay * average + (1 - decay) * new)
    return np.where(step % k == 0, average, new), average


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (lookahead, snoo, slowmo, swa, switch_ema):
        register(part)
