"""Losses of embeddings: rows of a class are to lie together, and apart from other classes.

The outputs of the network are the embedding. Its width is the number of classes, unless layers
are named; the output activation should be the identity, since softmax is the default for
classes. A pair is two different rows of the batch, and d their Euclidean distance; a row
without a pair has an error of 0. Losses of class centres take the axes as the centres, so that
logits / ‖logits‖ are the cosines, and the predicted class is the nearest axis.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import softplus

from nnplug_losses._classes import is_label, log_odds
from nnplug_losses._pairs import (
    alike,
    cosines,
    count,
    distances,
    log_sum_over,
    mean_over,
    others,
    squares,
)


@nnplug.loss(over="batch", aliases=("siamese",), ranges={"margin": "(0, inf)"})
def contrastive(prediction: Any, labels: Any, *, margin: float = 1.0) -> Any:
    """Contrastive loss (Hadsell, Chopra & LeCun, 2006, doi:10.1109/CVPR.2006.100, eq. 4).

    d²/2 for a pair of one class, max(0, m - d)²/2 for one of two, averaged over a
    row's pairs. Differs from TensorFlow Addons: it takes distances, and has no
    factor of 1/2. The equation's number was not checked.

    Parameters
    ----------
    margin : float
        m: pairs of two classes that are farther apart do not count.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0]])
    >>> contrastive(x, np.array([[0], [0]])).tolist()
    [[2.0], [2.0]]
    """
    d = distances(prediction)
    value = np.where(alike(labels), 0.5 * d**2, 0.5 * np.maximum(margin - d, 0) ** 2)
    return mean_over(others(labels), value)


@nnplug.loss(over="batch", ranges={"margin": "[-1, 1]"})
def cosine_embedding(prediction: Any, labels: Any, *, margin: float = 0.0) -> Any:
    """Cosine embedding loss: 1 - cos for a pair of one class, else max(0, cos - m).

    Averaged over a row's pairs. Differs from PyTorch: it takes two embeddings and
    1 or -1; here the labels say which pairs are alike.

    Parameters
    ----------
    margin : float
        m: pairs of two classes with a smaller cosine do not count.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> cosine_embedding(x, np.array([[0], [0]])).tolist()
    [[1.0], [1.0]]
    """
    cosine = cosines(prediction)
    value = np.where(alike(labels), 1 - cosine, np.maximum(cosine - margin, 0))
    return mean_over(others(labels), value)


@nnplug.loss(over="batch", ranges={"margin": "(0, inf)"})
def hinge_embedding(prediction: Any, labels: Any, *, margin: float = 1.0) -> Any:
    """Hinge embedding loss: d for a pair of one class, else max(0, m - d).

    Averaged over a row's pairs. Differs from PyTorch: it takes distances and 1 or
    -1; here the distance is that of the embeddings, and the labels say which
    pairs are alike.

    Parameters
    ----------
    margin : float
        m: pairs of two classes that are farther apart do not count.

    Examples
    --------
    >>> x = np.array([[0.0], [0.25]])
    >>> hinge_embedding(x, np.array([[0], [1]])).tolist()
    [[0.75], [0.75]]
    """
    d = distances(prediction)
    return mean_over(others(labels), np.where(alike(labels), d, np.maximum(margin - d, 0)))


@nnplug.loss(over="batch", ranges={"margin": "[0, inf)"})
def triplet_hard(prediction: Any, labels: Any, *, margin: float = 1.0, soft: bool = False) -> Any:
    """Triplet loss of the hardest pairs (Hermans, Beyer & Leibe, 2017, arXiv:1703.07737, eq. 5).

    max(0, m + farthest of the row's class - nearest of another). A row whose
    class, or no other class, is in the batch has an error of 0. The equation's
    number was not checked.

    Parameters
    ----------
    margin : float
        m, in units of the embedding.
    soft : bool
        Take softplus of farthest - nearest in place of the hinge (section 2).

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [3.0]])
    >>> triplet_hard(x, np.array([[0], [0], [1]])).tolist()
    [[0.0], [0.0], [0.0]]
    >>> triplet_hard(x, np.array([[0], [0], [1]]), margin=2.0).tolist()
    [[0.0], [1.0], [0.0]]
    """
    d = distances(prediction)
    same, different = alike(labels), labels != labels.T
    farthest = np.max(np.where(same, d, 0.0), axis=-1, keepdims=True)
    nearest = np.min(np.where(different, d, 1e30), axis=-1, keepdims=True)
    apart = farthest - nearest
    value = softplus(apart) if soft else np.maximum(margin + apart, 0)
    complete = np.logical_and(count(same) > 0, count(different) > 0)
    return np.where(complete, value, 0.0)


@nnplug.loss(over="batch", aliases=("supcon",), ranges={"temperature": "(0, inf)"})
def supervised_contrastive(prediction: Any, labels: Any, *, temperature: float = 0.1) -> Any:
    """Supervised contrastive loss (Khosla et al., 2020, arXiv:2004.11362, eq. 2).

    The mean over a row's pairs of one class of -log(exp(cos/τ) / Σ exp(cos/τ)
    over all other rows). The equation's number was not checked.

    Parameters
    ----------
    temperature : float
        τ.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    >>> supervised_contrastive(x, np.array([[0], [0], [1]])).round(6).tolist()
    [[0.693147], [0.693147], [0.0]]
    """
    score = cosines(prediction) / temperature
    everyone = log_sum_over(others(labels), score)
    return mean_over(alike(labels), everyone - score)


@nnplug.loss(over="batch", aliases=("nt_xent", "info_nce"), ranges={"temperature": "(0, inf)"})
def ntxent(prediction: Any, labels: Any, *, temperature: float = 0.07) -> Any:
    """Normalised temperature-scaled cross-entropy (Chen et al., 2020, arXiv:2002.05709, eq. 1).

    For each pair of one class -log(exp(cos/τ) / (exp(cos/τ) + Σ exp(cos/τ) of the
    row's pairs of two classes)), averaged over those pairs, as in Optax. With the
    number of the picture as its label, the pairs are two views of it. The
    equation's number was not checked.

    Parameters
    ----------
    temperature : float
        τ.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    >>> round(float(ntxent(x, np.array([[0], [0], [1]]))), 6)
    0.693147
    """
    score = cosines(prediction) / temperature
    same = alike(labels)
    negatives = log_sum_over(labels != labels.T, score)
    total = np.sum(np.where(same, softplus(negatives - score), 0.0))
    return total / np.maximum(np.sum(count(same)), 1)


@nnplug.loss(over="batch", ranges={"gamma": "(0, inf)", "margin": "[0, 1]"})
def circle(prediction: Any, labels: Any, *, gamma: float = 80.0, margin: float = 0.4) -> Any:
    """Circle loss (Sun et al., 2020, arXiv:2002.10857, eqs. 6 to 9).

    softplus of log Σ exp(-γ·[1 + m - s]₊·(s - 1 + m)) over a row's pairs of one
    class plus log Σ exp(γ·[s + m]₊·(s - m)) over those of two; s is the cosine.
    Differs from Keras, which does not normalise the embeddings. As there, the
    weights in brackets are differentiated too. The numbers of the equations were
    not checked.

    Parameters
    ----------
    gamma : float
        γ, the scale.
    margin : float
        m: a cosine of 1 - m is enough for a class, and m for two.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> circle(x, np.array([[0], [1]])).tolist()
    [[0.0], [0.0]]
    """
    s = cosines(prediction)
    positive = -gamma * np.maximum(1 + margin - s, 0) * (s - 1 + margin)
    negative = gamma * np.maximum(s + margin, 0) * (s - margin)
    return softplus(
        log_sum_over(alike(labels), positive) + log_sum_over(labels != labels.T, negative)
    )


@nnplug.loss(over="batch", ranges={"alpha": "(0, inf)", "beta": "(0, inf)"})
def multi_similarity(
    prediction: Any, labels: Any, *, alpha: float = 2.0, beta: float = 50.0, threshold: float = 1.0
) -> Any:
    """Multi-similarity loss (Wang et al., 2019, arXiv:1904.06627, eq. 15), without its mining.

    log(1 + Σ exp(-α·(s - λ)))/α over a row's pairs of one class, plus
    log(1 + Σ exp(β·(s - λ)))/β over those of two; s is the cosine. The equation's
    number was not checked.

    Parameters
    ----------
    alpha, beta : float
        How much the hardest pairs of one class and of two count.
    threshold : float
        λ.

    Examples
    --------
    >>> x = np.array([[1.0], [1.0]])
    >>> multi_similarity(x, np.array([[0], [0]])).round(6).tolist()  # log(2)/2
    [[0.346574], [0.346574]]
    """
    s = cosines(prediction) - threshold
    near = softplus(log_sum_over(alike(labels), -alpha * s)) / alpha
    return near + softplus(log_sum_over(labels != labels.T, beta * s)) / beta


@nnplug.loss(over="batch", ranges={"margin": "[0, inf)"})
def lifted_structure(prediction: Any, labels: Any, *, margin: float = 1.0) -> Any:
    """Lifted structured loss (Oh Song et al., 2016, arXiv:1511.06452, eqs. 4 and 5).

    For each pair of one class J = log(Σ exp(m - d) over the pairs of two classes
    of both rows) + d; the loss is Σ max(0, J)² over twice their number. The
    equations' numbers were not checked.

    Parameters
    ----------
    margin : float
        m, in units of the embedding.

    Examples
    --------
    >>> x = np.array([[0.0], [0.0], [1.0]])
    >>> round(float(lifted_structure(x, np.array([[0], [0], [1]]))), 6)  # log(2)²/2
    0.240227
    """
    d = distances(prediction)
    same = alike(labels)
    negatives = log_sum_over(labels != labels.T, margin - d)
    j = np.logaddexp(negatives, negatives.T) + d
    total = np.sum(np.where(same, np.maximum(j, 0) ** 2, 0.0))
    return total / (2 * np.maximum(np.sum(count(same)), 1))


@nnplug.loss(over="batch", aliases=("nca",), ranges={"temperature": "(0, inf)"})
def soft_nearest_neighbor(prediction: Any, labels: Any, *, temperature: float = 1.0) -> Any:
    """Soft nearest neighbour loss (Frosst, Papernot & Hinton, 2019, arXiv:1902.01889, eq. 1).

    -log(Σ exp(-d²/T) over a row's pairs of one class / the same over all): the
    probability that a neighbour drawn by its distance has the row's class. The
    equation's number was not checked.

    Parameters
    ----------
    temperature : float
        T.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [-1.0]])
    >>> soft_nearest_neighbor(x, np.array([[0], [0], [1]])).round(6).tolist()[0]
    [0.693147]
    """
    score = -squares(prediction, prediction) / temperature
    same = alike(labels)
    apart = log_sum_over(others(labels), score) - log_sum_over(same, score)
    return np.where(count(same) > 0, apart, 0.0)


def _unit(logits: Any) -> tuple[Any, Any]:
    """Give the cosines with the axes, and the norms."""
    norm = np.linalg.norm(logits, axis=-1, keepdims=True)
    norm = np.where(norm > 0, norm, 1.0)
    return logits / norm, norm


@nnplug.loss(ranges={"scale": "(0, inf)"})
def normface(logits: Any, labels: Any, *, scale: float = 16.0) -> Any:
    """NormFace: cross-entropy of s·cos θ (Wang et al., 2017, arXiv:1704.06369, eq. 6), with the
    axes as class centres.

    The equation's number was not checked.

    Parameters
    ----------
    scale : float
        s.

    Examples
    --------
    >>> normface(np.array([[5.0, 0.0]]), np.array([[0]]), scale=1.0).round(6).tolist()
    [[0.313262]]
    """
    return softplus(-log_odds(scale * _unit(logits)[0], labels))


@nnplug.loss(aliases=("am_softmax",), ranges={"scale": "(0, inf)", "margin": "[0, 1]"})
def cosface(logits: Any, labels: Any, *, scale: float = 30.0, margin: float = 0.35) -> Any:
    """CosFace: cross-entropy of s·cos θ, and of s·(cos θ - m) for the label (Wang et al., 2018,
    arXiv:1801.09414, eq. 4), with the axes as class centres.

    The equation's number was not checked.

    Parameters
    ----------
    scale : float
        s.
    margin : float
        m, subtracted from the cosine of the label.

    Examples
    --------
    >>> cosface(np.array([[5.0, 0.0]]), np.array([[0]]), scale=1.0, margin=1.0).round(6).tolist()
    [[0.693147]]
    """
    cosine, _ = _unit(logits)
    lowered = cosine - np.where(is_label(logits, labels), margin, 0.0)
    return softplus(-log_odds(scale * lowered, labels))


@nnplug.loss(ranges={"scale": "(0, inf)", "margin": "[0, 1.5]"})
def arcface(logits: Any, labels: Any, *, scale: float = 64.0, margin: float = 0.5) -> Any:
    """ArcFace: cross-entropy of s·cos θ, and of s·cos(θ + m) for the label (Deng et al., 2019,
    arXiv:1801.07698, eq. 3), with the axes as class centres.

    Where θ + m is above π, the label's is s·(cos θ - m·sin m), as in the authors'
    code: it still falls with θ. The equation's number was not checked.

    Parameters
    ----------
    scale : float
        s.
    margin : float
        m, in radians, added to the angle of the label.

    Examples
    --------
    >>> arcface(np.array([[5.0, 0.0]]), np.array([[0]]), scale=1.0, margin=0.0).round(6).tolist()
    [[0.313262]]
    """
    cosine, norm = _unit(logits)
    hits = is_label(logits, labels)
    own = np.take_along_axis(cosine, labels, axis=-1)
    sine = np.linalg.norm(np.where(hits, 0.0, logits), axis=-1, keepdims=True) / norm
    turned = own * math.cos(margin) - sine * math.sin(margin)
    turned = np.where(own > -math.cos(margin), turned, own - margin * math.sin(margin))
    return softplus(-log_odds(scale * np.where(hits, turned, cosine), labels))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
