"""Losses of several outputs, over a batch, and of shares."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

import nnplug
from nnplug.special import log_softmax


def _interval(mean: Any, log_variance: Any, level: float) -> tuple[Any, Any]:
    reach = NormalDist().inv_cdf((1 + level) / 2) * np.exp(log_variance / 2)
    return mean - reach, mean + reach


@nnplug.loss(interval=_interval)
def gaussian_nll(mean: Any, log_variance: Any, target: Any) -> Any:
    """Gaussian negative log-likelihood (Nix & Weigend, 1994, ICNN, doi:10.1109/ICNN.1994.374138).

    Half of log σ² + (y - μ)²/σ², without the constant log(2π)/2. The network
    gives the logarithm of the variance, which may be any number.

    Examples
    --------
    >>> gaussian_nll(np.array([[1.0]]), np.array([[0.0]]), np.array([[3.0]])).tolist()
    [[2.0]]
    """
    return 0.5 * (log_variance + (target - mean) ** 2 * np.exp(-log_variance))


@nnplug.loss(over="batch")
def batch_hard(prediction: Any, labels: Any, *, margin: float = 0.3) -> Any:
    """Triplet loss, batch hard (Hermans, Beyer & Leibe, 2017, arXiv:1703.07737, eq. 5).

    For each row max(0, m + farthest of its class - nearest of another). A row
    whose class, or no other class, is in the batch has an error of 0. The
    derivative of a distance is taken as 0 where the distance is.
    """
    square = np.sum(prediction**2, axis=-1, keepdims=True)
    squares = square + square.T - 2 * (prediction @ prediction.T)
    apart = squares > 1e-12
    distance = np.where(apart, np.sqrt(np.where(apart, squares, 1.0)), 0.0)
    same = labels == labels.T
    farthest = np.max(np.where(same, distance, 0.0), axis=-1, keepdims=True)
    nearest = np.min(np.where(same, np.inf, distance), axis=-1, keepdims=True)
    return np.maximum(margin + farthest - nearest, 0.0)


@nnplug.loss(over="batch", targets="binary")
def batch_dice(probabilities: Any, target: Any, *, smooth: float = 1.0) -> Any:
    """Soft Dice loss of all rows of a batch together (Milletari, Navab & Ahmadi, 2016,
    arXiv:1606.04797, section 3), with the sum in place of the squares.

    Parameters
    ----------
    smooth : float
        Added to both sides of the quotient, so that nothing to find and
        nothing found give 0.
    """
    both = np.sum(probabilities * target)
    return 1 - (2 * both + smooth) / (np.sum(probabilities) + np.sum(target) + smooth)


@nnplug.loss(link="softmax")
def soft_cross_entropy(logits: Any, target: Any) -> Any:
    """Cross-entropy of shares, -Σ p log q (Szegedy et al., 2016, arXiv:1512.00567, section 7)."""
    return -np.sum(target * log_softmax(logits), axis=-1, keepdims=True)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register the losses."""
    for loss in (gaussian_nll, batch_hard, batch_dice, soft_cross_entropy):
        register(loss)
