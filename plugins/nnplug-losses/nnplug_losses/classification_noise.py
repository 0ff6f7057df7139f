"""Losses of classes some of whose labels are wrong; p is the softmax probability of the label.

A wrong label has a small p, where cross-entropy has its largest gradient; these losses are
bounded there, or pull less. p and 1 - p are both computed from the odds of the label, so that
neither cancels.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import log_sigmoid, log_softmax, log_sum_exp, sigmoid, softplus

from nnplug_losses._classes import log_odds


@nnplug.loss(aliases=("gce", "tsallis"), ranges={"q": "(0, 1]"})
def generalized_ce(logits: Any, labels: Any, *, q: float = 0.7) -> Any:
    """Generalised cross-entropy, (1 - p^q)/q (Zhang & Sabuncu, 2018, arXiv:1805.07836, eq. 6).

    Cross-entropy as q goes to 0, and 1 - p at q = 1. Differs from Keras: it takes
    probabilities, and its default of q is 0.5; 0.7 is the paper's. The equation's
    number was not checked.

    Parameters
    ----------
    q : float
        The larger, the less a wrong label counts.

    Examples
    --------
    >>> generalized_ce(np.array([[0.0, 0.0]]), np.array([[1]]), q=1.0).tolist()
    [[0.5]]
    """
    return -np.expm1(q * log_sigmoid(log_odds(logits, labels))) / q


@nnplug.loss(aliases=("sce",), ranges={"alpha": "[0, inf)", "beta": "[0, inf)", "a": "(-inf, 0)"})
def symmetric_ce(
    logits: Any, labels: Any, *, alpha: float = 0.1, beta: float = 1.0, a: float = -4.0
) -> Any:
    """Symmetric cross-entropy, -α·log p - β·A·(1 - p) (Wang et al., 2019, arXiv:1908.06112, eqs. 5
    to 8).

    The second term is the reverse cross-entropy, with A in place of the logarithm
    of 0. The numbers of the equations were not checked.

    Parameters
    ----------
    alpha, beta : float
        Weights of the cross-entropy and of the reverse one. The defaults are the
        paper's for CIFAR-10.
    a : float
        A.

    Examples
    --------
    >>> symmetric_ce(np.array([[0.0, 0.0]]), np.array([[1]]), alpha=0.0).tolist()
    [[2.0]]
    """
    odds = log_odds(logits, labels)
    return alpha * softplus(-odds) - beta * a * sigmoid(-odds)


@nnplug.loss(ranges={"order": "[1, inf)"})
def taylor_ce(logits: Any, labels: Any, *, order: int = 2) -> Any:
    """Taylor cross-entropy, Σ (1 - p)^k/k for k up to the order (Feng et al., 2020,
    doi:10.24963/ijcai.2020/305, eq. 4).

    1 - p at order 1, and cross-entropy as the order grows. The equation's number
    was not checked.

    Parameters
    ----------
    order : int
        The number of terms.

    Examples
    --------
    >>> taylor_ce(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[0.625]]
    """
    wrong = sigmoid(-log_odds(logits, labels))
    total = wrong
    power = wrong
    for k in range(2, order + 1):
        power = power * wrong
        total = total + power / k
    return total


@nnplug.loss
def mae_ce(logits: Any, labels: Any) -> Any:
    """Mean absolute error of the probabilities, Σ|p - y| = 2·(1 - p) (Ghosh, Kumar & Sastry, 2017,
    arXiv:1712.09482, section 3).

    Its minimum does not move under symmetric label noise, but it is slow to
    train. The section was not checked.

    Examples
    --------
    >>> mae_ce(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[1.0]]
    """
    return 2 * sigmoid(-log_odds(logits, labels))


def _normalized(logits: Any, labels: Any) -> Any:
    log_p = log_softmax(logits)
    total = np.sum(log_p, axis=-1, keepdims=True)
    share = np.take_along_axis(log_p, labels, axis=-1) / np.where(total < 0, total, 1.0)
    return np.where(total < 0, share, 0.0)  # of a single class, both are 0


@nnplug.loss
def normalized_ce(logits: Any, labels: Any) -> Any:
    """Normalised cross-entropy, log p / Σ log p[c] over all classes (Ma et al., 2020,
    arXiv:2006.13554, eq. 2).

    From 0 to 1, and robust to label noise. The equation's number was not checked.

    Examples
    --------
    >>> normalized_ce(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[0.5]]
    """
    return _normalized(logits, labels)


@nnplug.loss(ranges={"alpha": "[0, inf)", "beta": "[0, inf)", "a": "(-inf, 0)"})
def active_passive(
    logits: Any, labels: Any, *, alpha: float = 1.0, beta: float = 1.0, a: float = -4.0
) -> Any:
    """Active passive loss: α·normalised + β·reverse cross-entropy (Ma et al., 2020,
    arXiv:2006.13554, section 4, NCE + RCE).

    The first raises the label's probability, the second lowers the others'. The
    section was not checked.

    Parameters
    ----------
    alpha, beta : float
        The two weights.
    a : float
        In place of the logarithm of 0 in the reverse cross-entropy.

    Examples
    --------
    >>> active_passive(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[2.5]]
    """
    reverse = -a * sigmoid(-log_odds(logits, labels))
    return alpha * _normalized(logits, labels) + beta * reverse


@nnplug.loss(aliases=("js_loss",), ranges={"weight": "(0, 1)"})
def jensen_shannon(logits: Any, labels: Any, *, weight: float = 0.5) -> Any:
    """Scaled Jensen-Shannon divergence from the label (Englesson & Azizpour, 2021,
    arXiv:2105.04522, eqs. 3 to 5).

    With m = π·y + (1 - π)·p: (π·KL(y, m) + (1 - π)·KL(p, m)) / (-(1 - π)·log(1 - π)).
    Cross-entropy as π goes to 0, half of `mae_ce` as it goes to 1. The equations'
    numbers were not checked.

    Parameters
    ----------
    weight : float
        π, of the label.

    Examples
    --------
    >>> jensen_shannon(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.622556]]
    """
    odds = log_odds(logits, labels)
    log_p, p, wrong = log_sigmoid(odds), sigmoid(odds), sigmoid(-odds)
    log_m = np.log1p((weight - 1) * wrong)
    rest = 1 - weight
    own = rest * (p * (log_p - log_m) - wrong * math.log(rest))
    return (own - weight * log_m) / (-rest * math.log(rest))


@nnplug.loss(aliases=("poly_loss",), ranges={"epsilon": "(-inf, inf)"})
def poly_ce(logits: Any, labels: Any, *, epsilon: float = 2.0) -> Any:
    """Poly-1 cross-entropy, -log p + ε·(1 - p) (Leng et al., 2022, arXiv:2204.12511, eq. 6).

    Differs from Optax: it takes probabilities of the classes in place of labels.
    The equation's number was not checked.

    Parameters
    ----------
    epsilon : float
        ε, added to the coefficient of the first term of -log p in powers of 1 - p.

    Examples
    --------
    >>> poly_ce(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[1.693147]]
    """
    odds = log_odds(logits, labels)
    return softplus(-odds) + epsilon * sigmoid(-odds)


@nnplug.loss(ranges={"beta": "[0, 1]"})
def soft_bootstrap(logits: Any, labels: Any, *, beta: float = 0.95) -> Any:
    """Soft bootstrapping, -Σ (β·y + (1 - β)·p)·log p (Reed et al., 2015, arXiv:1412.6596, eq. 6).

    Cross-entropy with the label, and with the network's own answer. The
    equation's number was not checked.

    Parameters
    ----------
    beta : float
        β, the weight of the label.

    Examples
    --------
    >>> soft_bootstrap(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    log_p = log_softmax(logits)
    entropy = -np.sum(np.exp(log_p) * log_p, axis=-1, keepdims=True)
    return beta * softplus(-log_odds(logits, labels)) + (1 - beta) * entropy


@nnplug.loss(ranges={"beta": "[0, 1]"})
def hard_bootstrap(logits: Any, labels: Any, *, beta: float = 0.8) -> Any:
    """Hard bootstrapping: cross-entropy with β of the label and 1 - β of the likeliest class
    (Reed et al., 2015, arXiv:1412.6596, eq. 7).

    The equation's number was not checked.

    Parameters
    ----------
    beta : float
        β, the weight of the label.

    Examples
    --------
    >>> hard_bootstrap(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    likeliest = log_sum_exp(logits) - np.max(logits, axis=-1, keepdims=True)
    return beta * softplus(-log_odds(logits, labels)) + (1 - beta) * likeliest


@nnplug.loss(ranges={"beta": "[0, inf)"})
def confidence_penalty(logits: Any, labels: Any, *, beta: float = 0.1) -> Any:
    """Cross-entropy less β times the entropy of the answer (Pereyra et al., 2017,
    arXiv:1701.06548, section 3).

    The section was not checked.

    Parameters
    ----------
    beta : float
        β.

    Examples
    --------
    >>> confidence_penalty(np.array([[0.0, 0.0]]), np.array([[1]]), beta=1.0).round(9).tolist()
    [[0.0]]
    """
    log_p = log_softmax(logits)
    entropy = -np.sum(np.exp(log_p) * log_p, axis=-1, keepdims=True)
    return softplus(-log_odds(logits, labels)) - beta * entropy


@nnplug.loss(aliases=("label_smoothing",), ranges={"smoothing": "[0, 1]"})
def smoothed_ce(logits: Any, labels: Any, *, smoothing: float = 0.1) -> Any:
    """Cross-entropy with smoothed labels, (1 - s)·(-log p) + s·mean(-log p[c]) (Szegedy et al.,
    2016, arXiv:1512.00567, section 7).

    PyTorch's cross_entropy with label_smoothing. The section was not checked.

    Parameters
    ----------
    smoothing : float
        s, spread evenly over all classes.

    Examples
    --------
    >>> smoothed_ce(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    evenly = log_sum_exp(logits) - np.mean(logits, axis=-1, keepdims=True)
    return (1 - smoothing) * softplus(-log_odds(logits, labels)) + smoothing * evenly


@nnplug.loss(aliases=("phuber_ce",), ranges={"tau": "(1, inf)"})
def partially_huberised_ce(logits: Any, labels: Any, *, tau: float = 10.0) -> Any:
    """Partially Huberised cross-entropy (Menon et al., 2020, ICLR, Can gradient clipping mitigate
    label noise?, eq. 9).

    -log p for p > 1/τ, else the tangent there, 1 + log τ - τ·p: the derivative by
    p is at most τ. The equation's number was not checked.

    Parameters
    ----------
    tau : float
        τ.

    Examples
    --------
    >>> partially_huberised_ce(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    odds = log_odds(logits, labels)
    line = 1 + math.log(tau) - tau * sigmoid(odds)
    return np.where(odds > -math.log(tau - 1), softplus(-odds), line)


@nnplug.loss(ranges={"t": "(0, inf)"})
def logit_norm(logits: Any, labels: Any, *, t: float = 0.04) -> Any:
    """Cross-entropy of normalised logits, z/(τ·(‖z‖ + 1e-7)) (Wei et al., 2022, arXiv:2205.09310,
    eq. 6).

    Only the direction of the logits is trained, which keeps a network from being
    too sure. The equation's number was not checked.

    Parameters
    ----------
    t : float
        τ, the temperature.

    Examples
    --------
    >>> logit_norm(np.array([[3.0, 4.0]]), np.array([[1]]), t=0.2).round(6).tolist()
    [[0.313262]]
    """
    norm = np.linalg.norm(logits, axis=-1, keepdims=True) + 1e-7
    return softplus(-log_odds(logits / (t * norm), labels))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
