"""Scores of predicted probabilities other than their logarithm, for ordered classes too."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import log_softmax, log_sum_exp, softmax

from nnplug_losses._classes import is_label


@nnplug.loss(aliases=("brier_score",))
def brier(logits: Any, labels: Any) -> Any:
    """Brier score, Σ (p - y)² over the classes (Brier, 1950,
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, eq. 2).

    p is the softmax of the logits, y is 1 for the label and 0 for the others. The
    equation's number was not checked.

    Examples
    --------
    >>> brier(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[0.5]]
    """
    away = softmax(logits) - np.where(is_label(logits, labels), 1.0, 0.0)
    return np.sum(away**2, axis=-1, keepdims=True)


@nnplug.loss
def spherical_score(logits: Any, labels: Any) -> Any:
    """Spherical score as a loss, 1 - p[label]/√Σp² (Gneiting & Raftery, 2007,
    doi:10.1198/016214506000001437, example 2).

    Evaluated from logarithms, so that nothing underflows.

    Examples
    --------
    >>> spherical_score(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.292893]]
    """
    log_p = log_softmax(logits)
    norm = 0.5 * log_sum_exp(2 * log_p)
    return -np.expm1(np.take_along_axis(log_p, labels, axis=-1) - norm)


@nnplug.loss(aliases=("ranked_probability_score",))
def squared_emd(logits: Any, labels: Any) -> Any:
    """Squared earth mover's distance of ordered classes (Hou, Yu & Samaras, 2016,
    arXiv:1611.05916, eq. 6).

    The sum over the classes of the squared difference of the two cumulative
    distributions: the further the wrong class is from the right one, the larger.
    The equation's number was not checked.

    Examples
    --------
    >>> squared_emd(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[0.25]]
    """
    away = softmax(logits) - np.where(is_label(logits, labels), 1.0, 0.0)
    return np.sum(np.cumsum(away, axis=-1) ** 2, axis=-1, keepdims=True)


@nnplug.loss(over="batch", ranges={"epsilon": "(0, inf)"})
def weighted_kappa(logits: Any, labels: Any, *, epsilon: float = 1e-6) -> Any:
    """Weighted kappa loss of ordered classes (de la Torre, Puig & Valls, 2018,
    doi:10.1016/j.patrec.2017.05.018, eq. 11).

    The logarithm of the squared distance between predicted and right class,
    summed over the batch, over the same for predictions in any other order.
    Differs from TensorFlow Addons: ε is added to both sides of the quotient, not
    to the quotient. The equation was not checked against the paper.

    Parameters
    ----------
    epsilon : float
        Keeps the logarithm finite where all is right.

    Examples
    --------
    >>> scores = np.array([[9.0, -9.0], [-9.0, 9.0]])
    >>> float(weighted_kappa(scores, np.array([[0], [1]]))) < -10
    True
    """
    p = softmax(logits)
    place = np.cumsum(np.ones_like(logits), axis=-1) - 1
    label = 1.0 * labels
    observed = np.sum(p * (place - label) ** 2)
    mean, square = np.mean(np.sum(p * place, axis=-1)), np.sum(p * place**2)
    expected = square - 2 * mean * np.sum(label) + np.sum(label**2)
    return np.log((observed + epsilon) / (expected + epsilon))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
