"""Losses of a whole batch of predictions against its targets: correlation and distribution."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part

from nnplug_losses._pairs import squares


@nnplug.loss(over="batch", aliases=("ccc",), ranges={"epsilon": "(0, inf)"})
def concordance(prediction: Any, target: Any, *, epsilon: float = 1e-8) -> Any:
    """Lin's concordance correlation coefficient as a loss (Lin, 1989, doi:10.2307/2532051).

    1 - 2·cov/(var p + var y + (mean p - mean y)²), with the variances of the
    batch divided by N, averaged over the outputs. The equation was not checked
    against the paper.

    Parameters
    ----------
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> y = np.array([[0.0], [2.0]])
    >>> round(float(concordance(y + 1, y)), 6)
    0.333333
    """
    p, y = np.mean(prediction, axis=0), np.mean(target, axis=0)
    together = np.mean((prediction - p) * (target - y), axis=0)
    spread = np.mean((prediction - p) ** 2, axis=0) + np.mean((target - y) ** 2, axis=0)
    return np.mean(1 - (2 * together + epsilon) / (spread + (p - y) ** 2 + epsilon))


@nnplug.loss(over="batch", ranges={"epsilon": "(0, inf)"})
def pearson(prediction: Any, target: Any, *, epsilon: float = 1e-8) -> Any:
    """Pearson's correlation as a loss, 1 - cov/√(var p·var y) (Pearson, 1895,
    doi:10.1098/rspl.1895.0041), averaged over the outputs.

    Scale and mean of the prediction do not count.

    Parameters
    ----------
    epsilon : float
        Added to the product of the variances.

    Examples
    --------
    >>> y = np.array([[0.0], [2.0]])
    >>> round(float(pearson(3 * y, y)), 6), round(float(pearson(-y, y)), 6)
    (0.0, 2.0)
    """
    p = prediction - np.mean(prediction, axis=0)
    y = target - np.mean(target, axis=0)
    product = np.mean(p**2, axis=0) * np.mean(y**2, axis=0)
    return np.mean(1 - np.mean(p * y, axis=0) / np.sqrt(product + epsilon))


@nnplug.loss(over="batch", aliases=("maximum_mean_discrepancy",), ranges={"bandwidth": "(0, inf)"})
def mmd(prediction: Any, target: Any, *, bandwidth: float = 1.0) -> Any:
    """Squared maximum mean discrepancy of predictions and targets (Gretton et al., 2012, JMLR
    13:723-773, eq. 5).

    The mean of k(p, p') + k(y, y') - 2·k(p, y) over all pairs of rows, with the
    kernel k = exp(-d²/(2σ²)): it compares distributions, and the order of the
    rows does not count. Used to train generators by Li, Swersky & Zemel (2015,
    arXiv:1502.02761). The equation's number was not checked.

    Parameters
    ----------
    bandwidth : float
        σ, in the target's units.

    Examples
    --------
    >>> y = np.array([[0.0], [2.0]])
    >>> float(mmd(2 - y, y))
    0.0
    """

    def kernel(a: Any, b: Any) -> Any:
        return np.mean(np.exp(squares(a, b) * (-0.5 / bandwidth**2)))

    alone = kernel(prediction, prediction) + kernel(target, target)
    return alone - 2 * kernel(prediction, target)


@nnplug.loss(over="batch")
def wasserstein_1d(prediction: Any, target: Any) -> Any:
    """Wasserstein distance of predictions and targets, for each output (Villani, 2003,
    doi:10.1090/gsm/058, section 2.2).

    The mean absolute difference of the sorted predictions and the sorted targets
    of the batch: it compares distributions, and the order of the rows does not
    count. The section was not checked.

    Examples
    --------
    >>> y = np.array([[0.0], [2.0]])
    >>> float(wasserstein_1d(2 - y, y)), float(wasserstein_1d(3 - y, y))
    (0.0, 1.0)
    """
    return np.mean(abs(np.sort(prediction.T, axis=-1) - np.sort(target.T, axis=-1)))


@nnplug.loss(over="batch", aliases=("deep_coral",))
def coral(prediction: Any, target: Any) -> Any:
    """Correlation alignment, ‖C(p) - C(y)‖²/(4d²) (Sun & Saenko, 2016, arXiv:1607.01719, eq. 1).

    C is the covariance matrix of the batch, divided by N - 1, and d the number of
    outputs. The equation's number was not checked.

    Examples
    --------
    >>> y = np.array([[0.0], [2.0]])
    >>> float(coral(2 * y, y))  # variances of 8 and 2
    9.0
    """
    rows = np.sum(np.ones_like(np.sum(prediction, axis=-1)))

    def covariance(x: Any) -> Any:
        away = x - np.mean(x, axis=0)
        return (away.T @ away) / np.maximum(rows - 1, 1)

    return 0.25 * np.mean((covariance(prediction) - covariance(target)) ** 2)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
