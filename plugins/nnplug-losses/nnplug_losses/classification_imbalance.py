"""Losses of classes or labels some of which are rare, or most of which are easy.

Losses that need the number of rows of a class count them in the batch. In a full batch those
are the counts of the training set, which the papers use.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import log_sigmoid, log_sum_exp, sigmoid, softplus

from nnplug_losses._classes import LOWEST, is_label, log_odds


@nnplug.loss(aliases=("focal_loss",), ranges={"gamma": "[0, inf)", "alpha": "(0, inf)"})
def focal_categorical(logits: Any, labels: Any, *, gamma: float = 2.0, alpha: float = 0.25) -> Any:
    """Focal loss of classes, -α·(1 - p)^γ·log p (Lin et al., 2017, arXiv:1708.02002, eq. 5).

    p is the softmax probability of the label. Rows that are right already count
    little. 1 - p is computed from the odds, so it does not cancel. Differs from
    Keras: it takes probabilities, and clips them to 1e-7 and 1 - 1e-7. The
    equation's number was not checked.

    Parameters
    ----------
    gamma : float
        γ; 0 gives cross-entropy.
    alpha : float
        α, a factor of all classes.

    Examples
    --------
    >>> focal_categorical(np.array([[0.0, 0.0]]), np.array([[1]]), alpha=1.0).round(6).tolist()
    [[0.173287]]
    """
    odds = log_odds(logits, labels)
    return alpha * np.exp(gamma * log_sigmoid(-odds)) * softplus(-odds)


@nnplug.loss(
    aliases=("asl",),
    targets="binary",
    ranges={"gamma_neg": "[1, inf)", "gamma_pos": "[0, inf)", "clip": "(0, 1)"},
)
def asymmetric_multilabel(
    logits: Any, target: Any, *, gamma_neg: float = 4.0, gamma_pos: float = 1.0, clip: float = 0.05
) -> Any:
    """Asymmetric loss of several labels (Ridnik et al., 2021, arXiv:2009.14119, eqs. 4 to 7).

    -(1 - p)^γ+·log p where the target is 1, else -q^γ-·log(1 - q), where q =
    max(p - m, 0): absent labels that are easy do not count at all. Differs from
    timm: it sums over all labels and rows; nnplug averages. The numbers of the
    equations were not checked.

    Parameters
    ----------
    gamma_neg, gamma_pos : float
        γ- and γ+, for a target of 0 and of 1.
    clip : float
        m: an absent label with a smaller probability does not count.

    Examples
    --------
    >>> round(float(asymmetric_multilabel(0.0, 1.0)), 6), float(asymmetric_multilabel(-4.0, 0.0))
    (0.346574, 0.0)
    """
    present = np.exp(gamma_pos * log_sigmoid(-logits)) * softplus(-logits)
    shifted = np.maximum(sigmoid(logits) - clip, 0)
    absent = -(shifted**gamma_neg) * np.log1p(-shifted)
    return target * present + (1 - target) * absent


@nnplug.loss(aliases=("bce_pos_weight",), ranges={"pos_weight": "(0, inf)"})
def weighted_binary_cross_entropy(logits: Any, target: Any, *, pos_weight: float = 1.0) -> Any:
    """Binary cross-entropy with a weight of the positives, -w·y·log p - (1 - y)·log(1 - p).

    PyTorch's binary_cross_entropy_with_logits with pos_weight.

    Parameters
    ----------
    pos_weight : float
        w; the number of negatives over that of positives balances the two.

    Examples
    --------
    >>> round(float(weighted_binary_cross_entropy(0.0, 1.0, pos_weight=2.0)), 6)
    1.386294
    """
    return pos_weight * target * softplus(-logits) + (1 - target) * softplus(logits)


@nnplug.loss(ranges={"alpha": "[0, inf)", "gamma": "[0, inf)"})
def varifocal(logits: Any, target: Any, *, alpha: float = 0.75, gamma: float = 2.0) -> Any:
    """Varifocal loss (Zhang et al., 2021, arXiv:2008.13367, eq. 2).

    -q·(q·log p + (1 - q)·log(1 - p)) for a target q above 0, else -α·p^γ·log(1 -
    p). The target is a quality from 0 to 1, such as the overlap of a box. The
    equation's number was not checked.

    Parameters
    ----------
    alpha : float
        α, the weight of targets of 0.
    gamma : float
        γ, how much less of those that are easy count.

    Examples
    --------
    >>> round(float(varifocal(0.0, 1.0)), 6), round(float(varifocal(0.0, 0.0)), 6)
    (0.693147, 0.129965)
    """
    found = target * (target * softplus(-logits) + (1 - target) * softplus(logits))
    empty = alpha * np.exp(gamma * log_sigmoid(logits)) * softplus(logits)
    return np.where(target > 0, found, empty)


@nnplug.loss(ranges={"beta": "[1, inf)"})
def quality_focal(logits: Any, target: Any, *, beta: float = 2.0) -> Any:
    """Quality focal loss, -|y - p|^β·((1 - y)·log(1 - p) + y·log p) (Li et al., 2020,
    arXiv:2006.04388, eq. 3).

    The focal loss of targets from 0 to 1. The equation's number was not checked.

    Parameters
    ----------
    beta : float
        β, how much less the rows that are nearly right count.

    Examples
    --------
    >>> round(float(quality_focal(0.0, 1.0)), 6)
    0.173287
    """
    away = target * sigmoid(-logits) - (1 - target) * sigmoid(logits)  # y - p
    return abs(away) ** beta * (target * softplus(-logits) + (1 - target) * softplus(logits))


@nnplug.loss(targets="binary")
def zlpr(logits: Any, target: Any) -> Any:
    """Zero-bounded log-sum-exp and pairwise rank loss (Su et al., 2022, arXiv:2208.02955, eq. 7).

    log(1 + Σ exp(-s) over the labels present) + log(1 + Σ exp(s) over the others):
    the scores of present labels rise above 0 and above those of absent ones. The
    equation's number was not checked.

    Examples
    --------
    >>> zlpr(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[1.386294]]
    """
    present = np.where(target > 0, -logits, LOWEST)
    absent = np.where(target > 0, LOWEST, logits)
    return softplus(log_sum_exp(present)) + softplus(log_sum_exp(absent))


def _counts(hits: Any) -> Any:
    """Count the rows of each class in the batch, (1, C)."""
    return np.sum(np.where(hits, 1.0, 0.0), axis=0, keepdims=True)


@nnplug.loss(over="batch", aliases=("balanced_softmax",), ranges={"tau": "[0, inf)"})
def logit_adjusted(logits: Any, labels: Any, *, tau: float = 1.0) -> Any:
    """Logit-adjusted cross-entropy: of the logits plus τ·log π (Menon et al., 2021,
    arXiv:2007.07314, eq. 10).

    π is the share of each class in the batch. Predictions use the plain logits,
    which then are for classes that are equally frequent. With τ = 1 it is the
    balanced softmax (Ren et al., 2020, arXiv:2007.10740, eq. 4). A class without
    rows in the batch is left out. The equation's number was not checked.

    Parameters
    ----------
    tau : float
        τ; 0 gives cross-entropy.

    Examples
    --------
    >>> logits, labels = np.zeros((4, 2)), np.array([[0], [0], [0], [1]])
    >>> logit_adjusted(logits, labels).round(6).tolist()[3]  # log 4
    [1.386294]
    """
    counts = _counts(is_label(logits, labels))
    frequency = np.log(np.where(counts > 0, counts, 1.0)) - np.log(np.sum(counts))
    adjusted = np.where(counts > 0, logits + tau * frequency, LOWEST)
    return softplus(-log_odds(adjusted, labels))


@nnplug.loss(over="batch", ranges={"max_margin": "[0, inf)", "scale": "(0, inf)"})
def ldam(logits: Any, labels: Any, *, max_margin: float = 0.5, scale: float = 30.0) -> Any:
    """Label-distribution-aware margin loss (Cao et al., 2019, arXiv:1906.07413, eq. 13).

    Cross-entropy of the logits, times the scale, after a margin was taken from
    the label's: proportional to n^(-1/4) for a class with n rows in the batch,
    and the largest for the rarest class. The authors' code has the scale, and
    logits that are cosines. The equation's number was not checked.

    Parameters
    ----------
    max_margin : float
        The margin of the rarest class.
    scale : float
        A factor of all logits.

    Examples
    --------
    >>> logits, labels = np.zeros((2, 2)), np.array([[0], [1]])
    >>> ldam(logits, labels, max_margin=1.0, scale=1.0).round(6).tolist()  # log(1 + e)
    [[1.313262], [1.313262]]
    """
    hits = is_label(logits, labels)
    counts = _counts(hits)
    margins = np.where(counts > 0, np.where(counts > 0, counts, 1.0) ** -0.25, 0.0)
    lowered = logits - np.where(hits, max_margin * margins / np.max(margins), 0.0)
    return softplus(-log_odds(scale * lowered, labels))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
