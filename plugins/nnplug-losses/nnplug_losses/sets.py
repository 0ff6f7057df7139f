"""Overlap losses: of sets that are predicted by probabilities, over all elements of a batch.

TP, FP and FN are the sums of p·y, p·(1 - y) and (1 - p)·y over all rows and outputs, where p is
the probability and y the target, 0 or 1. For segmentation, the rows of a batch are pixels, or
the outputs of a row are. `epsilon` is added to both sides of a quotient, so that nothing to
find and nothing found give a loss of 0.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import sigmoid, softplus


def _tversky(p: Any, y: Any, alpha: float, beta: float, epsilon: float) -> Any:
    both = np.sum(p * y)
    wrong = alpha * np.sum(p * (1 - y)) + beta * np.sum((1 - p) * y)
    return (both + epsilon) / (both + wrong + epsilon)


@nnplug.loss(
    over="batch",
    targets="binary",
    ranges={"alpha": "[0, inf)", "beta": "[0, inf)", "epsilon": "(0, inf)"},
)
def tversky(
    probabilities: Any,
    target: Any,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    epsilon: float = 1e-7,
) -> Any:
    """Tversky loss, 1 - TP/(TP + α·FP + β·FN) (Salehi, Erdogmus & Gholipour, 2017,
    arXiv:1706.05721, eq. 3).

    Dice for α = β = 0.5, Jaccard for 1. Differs from Keras: there α is the weight
    of FN and β of FP, and ε is added to the denominator alone. The equation's
    number was not checked.

    Parameters
    ----------
    alpha, beta : float
        Weights of FP and of FN.
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[1.0, 0.5]]), np.array([[1.0, 0.0]])
    >>> round(float(tversky(p, y, alpha=2.0)), 6)
    0.5
    """
    return 1 - _tversky(probabilities, target, alpha, beta, epsilon)


@nnplug.loss(
    over="batch",
    targets="binary",
    ranges={
        "alpha": "[0, inf)", "beta": "[0, inf)", "gamma": "(0, inf)", "epsilon": "(0, inf)",
    },
)  # fmt: skip
def focal_tversky(
    probabilities: Any,
    target: Any,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    epsilon: float = 1e-7,
) -> Any:
    """Focal Tversky loss, (1 - TP/(TP + α·FP + β·FN))^(1/γ) (Abraham & Khan, 2019,
    arXiv:1810.07842, eq. 4).

    Differs from pytorch_optimizer, whose exponent is γ and which has
    α = β = 0.5. The equation's number was not checked.

    Parameters
    ----------
    alpha, beta : float
        Weights of FP and of FN.
    gamma : float
        γ; above 1, small objects that are missed count more.
    epsilon : float
        Added to both sides of the quotient, and the least that the power is of,
        since its slope is infinite at 0.

    Examples
    --------
    >>> p, y = np.array([[1.0, 0.5]]), np.array([[1.0, 0.0]])
    >>> round(float(focal_tversky(p, y, alpha=2.0, gamma=0.5)), 6)
    0.25
    """
    loss = 1 - _tversky(probabilities, target, alpha, beta, epsilon)
    return np.maximum(loss, epsilon) ** (1 / gamma)


@nnplug.loss(over="batch", aliases=("soft_iou",), targets="binary", ranges={"epsilon": "(0, inf)"})
def jaccard(probabilities: Any, target: Any, *, epsilon: float = 1e-6) -> Any:
    """Soft Jaccard loss, 1 - TP/(TP + FP + FN) (Rahman & Wang, 2016,
    doi:10.1007/978-3-319-50835-1_22, section 3).

    The equation was not checked against the paper.

    Parameters
    ----------
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])
    >>> round(float(jaccard(p, y)), 5)
    0.5
    """
    return 1 - _tversky(probabilities, target, 1.0, 1.0, epsilon)


@nnplug.loss(over="batch", targets="binary", ranges={"power": "[1, inf)", "epsilon": "(0, inf)"})
def power_jaccard(
    probabilities: Any, target: Any, *, power: float = 2.0, epsilon: float = 1e-6
) -> Any:
    """Power Jaccard loss, 1 - Σpy/Σ(p^r + y^r - py) (Duque-Arias et al., 2021,
    doi:10.5220/0010304005610568, eq. 2).

    As in the authors' code; the equation was not checked against the paper.

    Parameters
    ----------
    power : float
        r; 1 gives `jaccard`.
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[0.5]]), np.array([[1.0]])
    >>> round(float(power_jaccard(p, y)), 5)
    0.33333
    """
    both = np.sum(probabilities * target)
    either = np.sum(probabilities**power + target - probabilities * target)
    return 1 - (both + epsilon) / (either + epsilon)


@nnplug.loss(over="batch", targets="binary", ranges={"beta": "(0, inf)", "epsilon": "(0, inf)"})
def soft_f1(probabilities: Any, target: Any, *, beta: float = 1.0, epsilon: float = 1e-6) -> Any:
    """Soft F score as a loss, 1 - (1 + β²)·TP/((1 + β²)·TP + β²·FN + FP) (van Rijsbergen, 1979,
    chapter 7).

    Differs from pytorch_optimizer, which has ε in precision and recall, and FP in
    the place of FN for a β other than 1. The section was not checked.

    Parameters
    ----------
    beta : float
        β: how much more recall counts than precision.
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])
    >>> round(float(soft_f1(p, y)), 5)
    0.33333
    """
    square = beta**2
    return 1 - _tversky(probabilities, target, 1 / (1 + square), square / (1 + square), epsilon)


@nnplug.loss(over="batch", targets="binary", ranges={"epsilon": "(0, inf)"})
def generalized_dice(probabilities: Any, target: Any, *, epsilon: float = 1e-7) -> Any:
    """Generalised Dice loss (Sudre et al., 2017, arXiv:1707.03237, section 2.1).

    1 - 2·Σ w·Σ py / Σ w·Σ (p + y): the inner sums over the rows, the outer over
    the classes, and w = 1/(Σ y)², so that small classes count as much as large
    ones. A class that is not in the batch has no weight. Differs from Optax,
    which averages the weighted losses of the classes. The section was not
    checked.

    Parameters
    ----------
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> round(float(generalized_dice(p, y)), 6)
    0.333333
    """
    size = np.sum(target, axis=0, keepdims=True)
    weight = np.where(size > 0, 1 / np.maximum(size, 1e-30) ** 2, 0.0)
    both = np.sum(weight * np.sum(probabilities * target, axis=0, keepdims=True))
    total = np.sum(weight * np.sum(probabilities + target, axis=0, keepdims=True))
    return 1 - (2 * both + epsilon) / (total + epsilon)


@nnplug.loss(over="batch", targets="binary", ranges={"epsilon": "(0, inf)"})
def log_cosh_dice(probabilities: Any, target: Any, *, epsilon: float = 1e-7) -> Any:
    """Logarithm of the hyperbolic cosine of the Dice loss (Jadon, 2020, arXiv:2006.14822, section
    II.N).

    The section was not checked.

    Parameters
    ----------
    epsilon : float
        Added to both sides of the quotient.

    Examples
    --------
    >>> p, y = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    >>> round(float(log_cosh_dice(p, y)), 6)  # log(cosh(1))
    0.433781
    """
    loss = 1 - _tversky(probabilities, target, 0.5, 0.5, epsilon)
    return 0.5 * np.log1p(np.sinh(loss) ** 2)


@nnplug.loss(over="batch", targets="binary", ranges={"epsilon": "(0, inf)"})
def matthews(probabilities: Any, target: Any, *, epsilon: float = 1e-7) -> Any:
    """Matthews correlation coefficient as a loss (Abhishek & Hamarneh, 2021, arXiv:2010.13454, eq.
    6).

    1 - (TP·TN - FP·FN)/√((TP + FP)(TP + FN)(TN + FP)(TN + FN)): all four counts
    count. It is 1 where one of the sums is 0. The equation's number was not checked.

    Parameters
    ----------
    epsilon : float
        Added under the root.

    Examples
    --------
    >>> p, y = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    >>> round(float(matthews(p, y)), 6)
    0.0
    """
    p, y = probabilities, target
    tp, fp = np.sum(p * y), np.sum(p * (1 - y))
    fn, tn = np.sum((1 - p) * y), np.sum((1 - p) * (1 - y))
    product = ((tp + fp) * (tp + fn)) * ((tn + fp) * (tn + fn))
    return 1 - (tp * tn - fp * fn) / np.sqrt(product + epsilon)


@nnplug.loss(over="batch", targets="binary", ranges={"weight": "[0, 1]", "epsilon": "(0, inf)"})
def sensitivity_specificity(
    probabilities: Any, target: Any, *, weight: float = 0.05, epsilon: float = 1e-7
) -> Any:
    """Sensitivity-specificity loss (Brosch et al., 2015, doi:10.1007/978-3-319-24574-4_1, eq. 6).

    r·Σ (y - p)²·y/Σ y + (1 - r)·Σ (y - p)²·(1 - y)/Σ (1 - y): the mean squared
    errors of the positives and of the negatives. The equation was not checked
    against the paper.

    Parameters
    ----------
    weight : float
        r, of the positives.
    epsilon : float
        Added to both denominators.

    Examples
    --------
    >>> p, y = np.array([[0.5, 0.0]]), np.array([[1.0, 0.0]])
    >>> round(float(sensitivity_specificity(p, y, weight=0.5)), 5)
    0.125
    """
    square = (target - probabilities) ** 2
    found = np.sum(square * target) / (np.sum(target) + epsilon)
    spared = np.sum(square * (1 - target)) / (np.sum(1 - target) + epsilon)
    return weight * found + (1 - weight) * spared


@nnplug.loss(
    over="batch",
    targets="binary",
    ranges={"alpha": "[0, 1]", "beta": "[0, 1]", "epsilon": "(0, inf)"},
)
def combo(
    logits: Any, target: Any, *, alpha: float = 0.5, beta: float = 0.5, epsilon: float = 1.0
) -> Any:
    """Combo loss, α·cross-entropy - (1 - α)·Dice (Taghanaki et al., 2019, arXiv:1805.02798, eq. 3).

    The cross-entropy is the mean of -β·y·log p - (1 - β)·(1 - y)·log(1 - p), Dice
    is the coefficient, (2·TP + ε)/(2·TP + FP + FN + ε). It takes logits, from
    which the cross-entropy keeps its precision. The equation's number was not
    checked.

    Parameters
    ----------
    alpha : float
        α, the weight of the cross-entropy.
    beta : float
        β, the weight of the positives in it.
    epsilon : float
        Added to both sides of Dice's quotient.

    Examples
    --------
    >>> round(float(combo(np.array([[0.0]]), np.array([[1.0]]), alpha=0.0)), 6)  # -2/2.5
    -0.8
    """
    p = sigmoid(logits)
    entropy = beta * target * softplus(-logits) + (1 - beta) * (1 - target) * softplus(logits)
    dice = (2 * np.sum(p * target) + epsilon) / (np.sum(p) + np.sum(target) + epsilon)
    return alpha * np.mean(entropy) - (1 - alpha) * dice


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
