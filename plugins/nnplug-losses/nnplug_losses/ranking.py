"""Ranking losses: the order of the scores is to be that of the targets, their relevance.

A list is the batch, and a row is one of its items; with several outputs, a row's score and
relevance are the sums of them. Only in `ranking_softmax` and `listnet` each row is a list, and
its outputs are the items.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import log_softmax, log_sum_exp, sigmoid, softmax, softplus

from nnplug_losses._classes import LOWEST
from nnplug_losses._pairs import others

_ORDER_ALONE = "scores in the order of the targets are right, whatever their size"


def _item(values: Any) -> Any:
    return np.sum(values, axis=-1, keepdims=True)


def _mean(pairs: Any, values: Any) -> Any:
    """Average over all pairs of the batch; 0 if there is none."""
    return np.sum(np.where(pairs, values, 0.0)) / np.maximum(np.sum(np.where(pairs, 1.0, 0.0)), 1)


@nnplug.loss(over="batch", ranges={"margin": "[0, inf)"})
def margin_ranking(prediction: Any, target: Any, *, margin: float = 0.0) -> Any:
    """Margin ranking loss: the mean of max(0, m - (s[i] - s[j])) over pairs with y[i] > y[j]
    (Herbrich, Graepel & Obermayer, 1999, doi:10.1049/cp:19991091).

    Differs from PyTorch: it takes two scores and 1 or -1; here the targets say
    which of a pair comes first.

    Parameters
    ----------
    margin : float
        m.

    Examples
    --------
    >>> float(margin_ranking(np.array([[1.0], [3.0]]), np.array([[1.0], [0.0]])))
    2.0
    """
    s, y = _item(prediction), _item(target)
    return _mean(y > y.T, np.maximum(margin - (s - s.T), 0))


@nnplug.loss(
    over="batch",
    aliases=("bpr",),
    ranges={"sigma": "(0, inf)"},
    expected_failures={"minimum": _ORDER_ALONE},
)
def ranknet(prediction: Any, target: Any, *, sigma: float = 1.0) -> Any:
    """RankNet: the mean of log(1 + exp(-σ·(s[i] - s[j]))) over pairs with y[i] > y[j] (Burges et
    al., 2005, doi:10.1145/1102351.1102363, eq. 3).

    With targets of 0 and 1 it is Bayesian personalised ranking (Rendle et al.,
    2009, arXiv:1205.2618). The equation's number was not checked.

    Parameters
    ----------
    sigma : float
        σ.

    Examples
    --------
    >>> round(float(ranknet(np.array([[1.0], [1.0]]), np.array([[1.0], [0.0]]))), 6)
    0.693147
    """
    s, y = _item(prediction), _item(target)
    return _mean(y > y.T, softplus(-sigma * (s - s.T)))


@nnplug.loss(over="batch", aliases=("plackett_luce",), expected_failures={"minimum": _ORDER_ALONE})
def listmle(prediction: Any, target: Any) -> Any:
    """ListMLE: the negative log-likelihood of the right order (Xia et al., 2008,
    doi:10.1145/1390156.1390306, eq. 8).

    An item's error is log Σ exp(s[j]) - s[i], over the items j with y[j] <= y[i]:
    the probability of drawing it first of those that are left (Plackett, 1975).
    The equation's number was not checked.

    Examples
    --------
    >>> listmle(np.array([[0.0], [0.0]]), np.array([[1.0], [0.0]])).round(6).tolist()
    [[0.693147], [0.0]]
    """
    s, y = _item(prediction), _item(target)
    return log_sum_exp(np.where(y.T <= y, 0 * s + s.T, LOWEST)) - s


def _ideal(gain: Any) -> Any:
    """Give the discounted gain of the right order; 1 if nothing is relevant."""
    ordered = -np.sort(-gain.T, axis=-1)
    place = np.cumsum(np.ones_like(ordered), axis=-1)
    best = np.sum(ordered / np.log1p(place))
    return np.where(best > 0, best, 1.0)


@nnplug.loss(
    over="batch",
    targets="nonnegative",
    ranges={"alpha": "(0, inf)"},
    expected_failures={"minimum": _ORDER_ALONE},
)
def approx_ndcg(prediction: Any, target: Any, *, alpha: float = 10.0) -> Any:
    """Approximate NDCG as a loss (Qin, Liu & Li, 2010, doi:10.1007/s10791-009-9124-x, eq. 12).

    1 - Σ (2^y - 1)/log2(1 + rank) over the same sum in the right order, with
    rank[i] = 1 + Σ sigmoid(-α·(s[i] - s[j])) over the other items. The equation's
    number was not checked.

    Parameters
    ----------
    alpha : float
        α: the larger, the nearer to the ranks, and the smaller the gradient.

    Examples
    --------
    >>> s, y = np.array([[9.0], [0.0]]), np.array([[1.0], [0.0]])
    >>> round(float(approx_ndcg(s, y)), 6), round(float(approx_ndcg(-s, y)), 6)
    (0.0, 0.36907)
    """
    s = _item(prediction)
    gain = np.exp2(_item(target)) - 1
    behind = np.where(others(s), sigmoid(-alpha * (s - s.T)), 0.0)
    rank = 1 + np.sum(behind, axis=-1, keepdims=True)
    return 1 - np.sum(gain / np.log1p(rank)) / _ideal(gain)


@nnplug.loss(
    over="batch",
    targets="nonnegative",
    ranges={"sigma": "(0, inf)"},
    expected_failures={"minimum": _ORDER_ALONE},
)
def lambda_rank(prediction: Any, target: Any, *, sigma: float = 1.0) -> Any:
    """LambdaRank: RankNet's pairs, weighted by what exchanging them does to NDCG (Burges, Ragno &
    Le, 2006, NIPS; as a loss: Wang et al., 2018, doi:10.1145/3269206.3271784).

    Σ |ΔNDCG|·log(1 + exp(-σ·(s[i] - s[j]))) over pairs with y[i] > y[j]. The ranks,
    and with them the weights, are those of the present scores and have no
    derivative.

    Parameters
    ----------
    sigma : float
        σ.

    Examples
    --------
    >>> s, y = np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]])
    >>> round(float(lambda_rank(s, y)), 6)
    0.115616
    """
    s, y = _item(prediction), _item(target)
    gain = np.exp2(y) - 1
    rank = 1 + np.sum(np.where(s.T > s, 1.0, 0.0), axis=-1, keepdims=True)
    discount = 1 / np.log1p(rank)
    change = abs((gain - gain.T) * (discount - discount.T)) / _ideal(gain)
    return np.sum(np.where(y > y.T, change * softplus(-sigma * (s - s.T)), 0.0))


@nnplug.loss(targets="nonnegative", expected_failures={"minimum": _ORDER_ALONE})
def ranking_softmax(prediction: Any, target: Any) -> Any:
    """Ranking softmax loss, -Σ y·log softmax(s) over the items of a row (Pasumarthi et al., 2019,
    arXiv:1812.00073).

    The relevance need not sum to 1. As in Optax. The equation was not checked
    against the paper.

    Examples
    --------
    >>> ranking_softmax(np.array([[0.0, 0.0]]), np.array([[1.0, 2.0]])).round(6).tolist()
    [[2.079442]]
    """
    return -np.sum(target * log_softmax(prediction), axis=-1, keepdims=True)


@nnplug.loss
def listnet(prediction: Any, target: Any) -> Any:
    """ListNet: the cross-entropy of softmax(y) and softmax(s) over the items of a row (Cao et al.,
    2007, doi:10.1145/1273496.1273513, section 4.3).

    The probability of each item to be the first. The section was not checked.

    Examples
    --------
    >>> listnet(np.array([[0.0, 0.0]]), np.array([[1.0, 2.0]])).round(6).tolist()
    [[0.693147]]
    """
    return -np.sum(softmax(target) * log_softmax(prediction), axis=-1, keepdims=True)


@nnplug.loss(over="batch", targets="binary", ranges={"margin": "(0, inf)"})
def auc_square(logits: Any, target: Any, *, margin: float = 1.0) -> Any:
    """Squared surrogate of the area under the ROC curve (Gao, Jin, Zhu & Zhou, 2013,
    arXiv:1305.1363, eq. 1).

    The mean of (m - (s[i] - s[j]))² over the pairs of a positive i and a negative
    j, for each output, then over the outputs. By means and variances, it takes a
    time that grows with the rows, not with the pairs. It is 0 for an output that
    lacks one of the two. The paper has half of it. The equation's number was not
    checked.

    Parameters
    ----------
    margin : float
        m.

    Examples
    --------
    >>> float(auc_square(np.array([[2.0], [0.0]]), np.array([[1.0], [0.0]])))
    1.0
    """
    present, absent = np.sum(target, axis=0), np.sum(1 - target, axis=0)
    more, less = np.maximum(present, 1), np.maximum(absent, 1)
    high = np.sum(target * logits, axis=0) / more
    low = np.sum((1 - target) * logits, axis=0) / less
    spread = np.sum(target * (logits - high) ** 2, axis=0) / more
    spread = spread + np.sum((1 - target) * (logits - low) ** 2, axis=0) / less
    both = np.logical_and(present > 0, absent > 0)
    return np.mean(np.where(both, (margin - (high - low)) ** 2 + spread, 0.0))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
