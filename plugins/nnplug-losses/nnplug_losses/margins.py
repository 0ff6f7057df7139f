"""Margin losses: of a score and its sign, and of the scores of classes.

The margin v is the score of a target of 1, and minus the score of a target of 0; frameworks
whose targets are -1 and 1 call it y·s.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import sigmoid, softplus

from nnplug_losses._classes import is_label, signed


@nnplug.loss(targets="binary")
def perceptron(logits: Any, target: Any) -> Any:
    """Perceptron loss, max(0, -v) (Rosenblatt, 1958, doi:10.1037/h0042519).

    Differs from Optax: its targets are -1 and 1. The equation was not checked
    against the paper.

    Examples
    --------
    >>> float(perceptron(-2.0, 1.0)), float(perceptron(-2.0, 0.0))
    (2.0, 0.0)
    """
    return np.maximum(-signed(logits, target), 0)


@nnplug.loss(targets="binary")
def soft_margin(logits: Any, target: Any) -> Any:
    """Soft margin or logistic loss, log(1 + exp(-v)) (Friedman, Hastie & Tibshirani, 2000,
    doi:10.1214/aos/1016218223).

    For targets of 0 and 1 it is the binary cross-entropy from logits. Differs
    from PyTorch: its targets are -1 and 1.

    Examples
    --------
    >>> round(float(soft_margin(0.0, 1.0)), 6)
    0.693147
    """
    return softplus(-signed(logits, target))


@nnplug.loss(targets="binary")
def multilabel_soft_margin(logits: Any, target: Any) -> Any:
    """Soft margin loss of several labels: the mean of log(1 + exp(-v)) over a row's labels.

    One error for each row, as in PyTorch.

    Examples
    --------
    >>> multilabel_soft_margin(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.693147]]
    """
    return np.mean(softplus(-signed(logits, target)), axis=-1, keepdims=True)


@nnplug.loss(
    aliases=("adaboost_loss",),
    targets="binary",
    expected_failures={"finite": "it overflows where a margin is below -1419, as exp does"},
)
def exponential_loss(logits: Any, target: Any) -> Any:
    """Exponential loss of AdaBoost, exp(-v/2) (Friedman, Hastie & Tibshirani, 2000,
    doi:10.1214/aos/1016218223, section 4).

    With half the margin the minimum is where the sigmoid of the logits is the
    probability. Differs from scikit-learn: its raw prediction is v/2, half the
    logits. The section was not checked.

    Examples
    --------
    >>> round(float(exponential_loss(2.0, 0.0)), 6)
    2.718282
    """
    return np.exp(-0.5 * signed(logits, target))


@nnplug.loss(targets="binary")
def modified_huber(logits: Any, target: Any) -> Any:
    """Modified Huber loss, max(0, 1 - v)² for v >= -1, else -4v (Zhang, 2004,
    doi:10.1214/aos/1079120130).

    As in scikit-learn's SGDClassifier. Its minimum is at a score of 2p - 1, so
    the sigmoid of the score is not the probability p.

    Examples
    --------
    >>> float(modified_huber(0.0, 1.0)), float(modified_huber(-3.0, 1.0))
    (1.0, 12.0)
    """
    v = signed(logits, target)
    return np.where(v >= -1, np.maximum(1 - v, 0) ** 2, -4 * v)


@nnplug.loss(targets="binary")
def smooth_hinge(logits: Any, target: Any) -> Any:
    """Smooth hinge loss (Rennie & Srebro, 2005, Loss functions for preference levels, eq. 4).

    1/2 - v for v <= 0, (1 - v)²/2 up to 1, and 0 beyond. The equation's number
    was not checked.

    Examples
    --------
    >>> [float(smooth_hinge(v, 1.0)) for v in (-1.0, 0.5, 2.0)]
    [1.5, 0.125, 0.0]
    """
    v = signed(logits, target)
    return np.where(v <= 0, 0.5 - v, 0.5 * np.maximum(1 - v, 0) ** 2)


@nnplug.loss(targets="binary")
def savage(logits: Any, target: Any) -> Any:
    """Savage loss, 1/(1 + exp(v))² (Masnadi-Shirazi & Vasconcelos, 2008, NIPS, On the design of
    loss functions for classification).

    It is at most 1, so that a wrong label does little harm. The equation was not
    checked against the paper.

    Examples
    --------
    >>> float(savage(0.0, 1.0))
    0.25
    """
    return sigmoid(-signed(logits, target)) ** 2


@nnplug.loss(targets="binary")
def tangent(logits: Any, target: Any) -> Any:
    """Tangent loss, (2·arctan(v) - 1)² (Masnadi-Shirazi, Mahadevan & Vasconcelos, 2010,
    doi:10.1109/CVPR.2010.5540136).

    It is bounded, and counts margins that are too large as well. Its minimum is
    at a score of tan(p - 1/2), so the sigmoid of the score is not the probability
    p. The equation was not checked against the paper.

    Examples
    --------
    >>> float(tangent(0.0, 1.0))
    1.0
    """
    return (2 * np.arctan(signed(logits, target)) - 1) ** 2


@nnplug.loss(targets="binary", ranges={"s": "(-inf, 1)"})
def ramp(logits: Any, target: Any, *, s: float = -1.0) -> Any:
    """Ramp loss: max(0, 1 - v), and at most 1 - s (Collobert, Sinz, Weston & Bottou, 2006,
    doi:10.1145/1143844.1143870, eq. 3).

    The hinge without the line that outliers are on. The equation's number was not
    checked.

    Parameters
    ----------
    s : float
        The margin below which the loss is flat.

    Examples
    --------
    >>> float(ramp(0.5, 1.0)), float(ramp(-9.0, 1.0))
    (0.5, 2.0)
    """
    return np.clip(1 - signed(logits, target), 0, 1 - s)


@nnplug.loss(targets="binary")
def unhinged(logits: Any, target: Any) -> Any:
    """Unhinged loss, 1 - v (van Rooyen, Menon & Williamson, 2015, arXiv:1505.07634, section 5).

    Symmetric label noise does not move its minimum. It has none without a penalty
    of the weights, so use weight decay. The section was not checked.

    Examples
    --------
    >>> float(unhinged(3.0, 0.0))
    4.0
    """
    return 1 - signed(logits, target)


@nnplug.loss(targets="binary")
def sigmoid_loss(logits: Any, target: Any) -> Any:
    """Sigmoid loss, 1/(1 + exp(v)) (Ghosh, Manwani & Sastry, 2015,
    doi:10.1016/j.neucom.2014.09.081).

    A smooth number of errors; the losses of the two classes sum to 1. The
    equation was not checked against the paper.

    Examples
    --------
    >>> float(sigmoid_loss(0.0, 1.0))
    0.5
    """
    return sigmoid(-signed(logits, target))


@nnplug.loss
def multiclass_perceptron(logits: Any, labels: Any) -> Any:
    """Multiclass perceptron loss: the largest score minus the label's (Collins, 2002,
    doi:10.3115/1118693.1118694).

    As in Optax. The equation was not checked against the paper.

    Examples
    --------
    >>> multiclass_perceptron(np.array([[3.0, 1.0]]), np.array([[1]])).tolist()
    [[2.0]]
    """
    return np.max(logits, axis=-1, keepdims=True) - np.take_along_axis(logits, labels, axis=-1)


@nnplug.loss(aliases=("weston_watkins",), ranges={"power": "[1, inf)"})
def multi_margin(logits: Any, labels: Any, *, power: int = 1, margin: float = 1.0) -> Any:
    """Multi-class margin loss, Σ max(0, margin - s[label] + s[c])^p / C (Weston & Watkins, 1999,
    ESANN, Support vector machines for multi-class pattern recognition).

    The sum is over the classes other than the label, and divided by the number of
    all classes, as in PyTorch; the paper does not divide.

    Parameters
    ----------
    power : int
        p; PyTorch has 1 and 2.
    margin : float
        How far the label's score should be above the others.

    Examples
    --------
    >>> multi_margin(np.array([[3.0, 1.0]]), np.array([[1]])).tolist()
    [[1.5]]
    """
    short = np.maximum(margin - np.take_along_axis(logits, labels, axis=-1) + logits, 0) ** power
    return np.mean(np.where(is_label(logits, labels), 0.0, short), axis=-1, keepdims=True)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
