"""Accelerated gradient methods, after Nesterov."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.optimizer(ranges={"kappa": "(0, inf)", "xi": "(0, inf)", "constant": "(0, 1]"})
def accsgd(
    param: Any,
    grad: Any,
    long: Any,
    *,
    step: Any,
    learning_rate: float = 0.001,
    kappa: float = 1000.0,
    xi: float = 10.0,
    constant: float = 0.7,
) -> Any:
    """Accelerated SGD (Jain et al., 2018, arXiv:1704.08227; Kidambi et al., 2018).

    A long and a short step are mixed; the form is that of arXiv:1803.05591.
    Checked against pytorch_optimizer, not against the paper.

    Parameters
    ----------
    kappa : float
        Above 0: the ratio of the long to the short step.
    xi : float
        Above 0, at most √κ: the advantage in statistics.
    constant : float
        In (0, 1].

    Examples
    --------
    >>> options = {"learning_rate": 0.5, "kappa": 2.0, "xi": 1.0, "constant": 1.0}
    >>> param, long = accsgd(1.0, 2.0, 0.0, step=1, **options)
    >>> float(param), float(long)  # both steps reach 0
    (0.0, 0.0)
    """
    alpha = 1 - xi * constant**2 / kappa
    long = np.where(step == 1, param, long)
    far = param - learning_rate * kappa / constant * grad
    long = alpha * long + (1 - alpha) * far
    zeta = constant / (constant + 1 - alpha)
    return zeta * (param - learning_rate * grad) + (1 - zeta) * long, long


@nnplug.optimizer
def nesterov_convex(
    param: Any, grad: Any, short: Any, *, step: Any, learning_rate: float = 0.01
) -> Any:
    """Nesterov's method for convex functions, momentum (t - 1)/(t + 2) (Su et al., 2016, eq. 1).

    Source: Su, Boyd & Candès, 2016, arXiv:1503.01243, after Nesterov, 1983. The
    parameters are the points y where the gradient is taken. The equation was
    not checked against the paper.

    Examples
    --------
    >>> nesterov_convex(1.0, 2.0, 2.0, step=4, learning_rate=0.25)
    (-0.25, 0.5)
    """
    previous, short = short, param - learning_rate * grad
    # At the first step, where there is no previous one, the factor is 0.
    return short + (step - 1) / (step + 2) * (short - previous), short


@nnplug.optimizer(ranges={"restart": "[1, inf)"})
def srsgd(
    param: Any, grad: Any, short: Any, *, step: Any, learning_rate: float = 0.1, restart: int = 40
) -> Any:
    """Scheduled restart SGD (Wang et al., 2020, arXiv:2002.10583, eq. 10 and 11).

    Nesterov's growing momentum, t/(t + 3) with t from 0, begins again at fixed
    intervals. The equation was not checked against the paper.

    Parameters
    ----------
    restart : int
        At least 1: the steps from one restart to the next.

    Examples
    --------
    >>> srsgd(1.0, 2.0, 2.0, step=4, learning_rate=0.25)
    (-0.25, 0.5)
    """
    t = (step - 1) % restart
    previous, short = short, param - learning_rate * grad
    return short + t / (t + 3) * (short - previous), short


@nnplug.optimizer(over="vector")
def nesterov_restart(
    param: Any, grad: Any, short: Any, count: Any, *, step: Any, learning_rate: float = 0.01
) -> Any:
    """Nesterov's method with adaptive restart (O'Donoghue & Candès, 2015, arXiv:1204.3982).

    The gradient scheme: where the gradient points along the last step, over all
    parameters, the momentum k/(k + 3) begins again with k = 0. The equation was
    not checked against the paper.

    Examples
    --------
    >>> param, short, count = nesterov_restart(1.0, 2.0, 2.0, 3.0, step=4, learning_rate=0.25)
    >>> float(param), float(short), float(count)  # as nesterov_convex at its fourth step
    (-0.25, 0.5, 4.0)
    >>> param, short, count = nesterov_restart(1.0, 2.0, 0.0, 3.0, step=4, learning_rate=0.25)
    >>> float(param), float(short), float(count)  # from 0 to 0.5, where the loss grows: anew
    (0.5, 0.5, 1.0)
    """
    move = param - learning_rate * grad - short
    turned = np.sum(grad * move) > 0
    count = np.where((step == 1) | turned, 0, count)
    return short + move + count / (count + 3) * move, short + move, count + 1


@nnplug.optimizer(evaluate="x", ranges={"kappa": "[1, inf)"})
def triple_momentum(
    param: Any,
    grad: Any,
    now: Any,
    x: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    kappa: float = 100.0,
) -> Any:
    """Triple momentum, for strong convexity (Van Scoy, Freeman & Lynch, 2018).

    Source: doi:10.1109/LCSYS.2017.2722406, eq. 4. Its error shrinks by
    ρ = 1 - 1/√κ a step, faster than Nesterov's, if the learning rate is 1/L.
    Predictions are made with the paper's x. The equation was not checked
    against the paper.

    Parameters
    ----------
    learning_rate : float
        1/L for the largest curvature L.
    kappa : float
        At least 1, κ: the largest curvature over the smallest.

    Examples
    --------
    >>> param, now, x = triple_momentum(1.0, 2.0, 0.0, 0.0, step=1, learning_rate=0.5, kappa=1.0)
    >>> float(param), float(now), float(x)  # without momentum: a step to 0
    (0.0, 0.0, 0.0)
    """
    rho = 1 - kappa**-0.5
    beta, gamma = rho**2 / (2 - rho), rho**2 / ((1 + rho) * (2 - rho))
    delta = rho**2 / (1 - rho**2)
    now = np.where(step == 1, param, now)
    # The parameters are y = ξ + γ·(ξ - last ξ).
    change = (param - now) / np.where(gamma == 0, 1, gamma)
    move = beta * change - learning_rate * (1 + rho) * grad
    now = now + move
    return now + gamma * move, now, now + delta * move


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (accsgd, nesterov_convex, srsgd, nesterov_restart, triple_momentum):
        register(part)
