"""The built-in losses of classes, labels and shares; `nnplug.builtin.losses` registers them.

Those that take logits take scores that may be any numbers. Where those are
margins, as for the hinges, the probabilities of a prediction are sigmoids or
softmaxes of scores: they are in the right order, but not calibrated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug import special
from nnplug.parts import loss

# --- likelihoods -----------------------------------------------------------------------


@loss(
    aliases=("bce", "bce_with_logits", "binary_crossentropy", "log_loss"),
    ranges={"smoothing": "[0, 1)"},
)
def binary_cross_entropy(logits: Any, target: Any, *, smoothing: float = 0.0) -> Any:
    """Binary cross-entropy from logits, in nats: -y·log(p) - (1 - y)·log(1 - p), p = sigmoid(z).

    Computed from log_sigmoid, without p, so it does not saturate or take the
    logarithm of 0, and a small loss keeps its precision. The target is 0, 1 or a
    probability. Its derivative is p - y.

    Parameters
    ----------
    smoothing : float
        In [0, 1): the target is moved to 1/2 by this share of its distance (Szegedy et
        al., 2016, arXiv:1512.00567, section 7).

    Examples
    --------
    >>> float(binary_cross_entropy(1000.0, 0.0))
    1000.0
    """
    if smoothing:
        target = (1 - smoothing) * target + smoothing / 2
    wrong = (1 - target) * special.log_sigmoid(-logits)
    return -(target * special.log_sigmoid(logits) + wrong)


@loss
def binary_cross_entropy_sum(logits: Any, target: Any) -> Any:
    """Binary cross-entropy of several labels, in nats: summed over each row, averaged over rows.

    It is `binary_cross_entropy` times the number of outputs, so that the weight
    of a label does not depend on how many others there are. scikit-learn's log
    loss for several labels.

    Examples
    --------
    >>> binary_cross_entropy_sum(np.array([[0.0, 1000.0]]), np.array([[1.0, 0.0]])).round(4)
    array([[1000.6931]])
    """
    wrong = (1 - target) * special.log_sigmoid(-logits)
    return -np.sum(target * special.log_sigmoid(logits) + wrong, axis=-1, keepdims=True)


@loss(
    aliases=("binary_focal_crossentropy", "sigmoid_focal", "focal_binary"),
    targets="binary",
    ranges={"gamma": "[0, inf)", "alpha": "[0, 1]"},
)
def binary_focal(logits: Any, target: Any, *, gamma: float = 2.0, alpha: float = 0.25) -> Any:
    """Focal loss for two classes (Lin et al., 2017, arXiv:1708.02002, eq. 5).

    -w·(1 - p)^gamma·log(p), with p the probability of the right class: rows
    that are already right count less. The power is exp(gamma·log(1 - p)), the
    logarithms from log_sigmoid, so that both keep their precision.

    Parameters
    ----------
    gamma : float
        At least 0; with 0 it is a weighted `binary_cross_entropy`.
    alpha : float
        The weight of class 1; class 0 has 1 - alpha. Differs from Keras and
        Optax, which by default weigh both by 1: twice this with alpha 0.5.

    Examples
    --------
    >>> float(binary_focal(0.0, 1.0, alpha=1.0).round(6))  # log(2) / 4
    0.173287
    """
    margin = (2 * target - 1) * logits  # p = sigmoid(margin)
    weight = alpha * target + (1 - alpha) * (1 - target)
    wrong = np.exp(gamma * special.log_sigmoid(-margin))
    return -weight * wrong * special.log_sigmoid(margin)


@loss(
    aliases=("ce", "crossentropy", "sparse_categorical_crossentropy", "nll"),
    ranges={"smoothing": "[0, 1)"},
)
def cross_entropy(logits: Any, labels: Any, *, smoothing: float = 0.0) -> Any:
    """Cross-entropy from logits and class labels, in nats: log Σexp(z) - z[label].

    The labels are class indices. Its derivative is softmax(z) - onehot(label).

    It is PyTorch's `nll_loss` too, which takes the outputs of a log-softmax:
    that of log-probabilities is those again. Here the loss applies it, and the
    network has no output activation.

    Parameters
    ----------
    smoothing : float
        In [0, 1): this share of each label is spread evenly over all classes (Szegedy et
        al., 2016, arXiv:1512.00567, section 7), as PyTorch's `label_smoothing`.

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    score = np.take_along_axis(logits, labels, axis=-1)
    if smoothing:
        even = np.mean(logits, axis=-1, keepdims=True)
        score = (1 - smoothing) * score + smoothing * even
    return special.log_sum_exp(logits) - score


@loss(aliases=("categorical_crossentropy", "softmax_cross_entropy"), link="softmax")
def categorical_cross_entropy(logits: Any, target: Any) -> Any:
    """Cross-entropy from logits and a share for each class, in nats: -Σ y·log(softmax(z)).

    For classes that are known in shares, such as soft labels, and for columns
    that sum to 1 in each row. With one share of 1 it is `cross_entropy`, which
    takes less memory. Its derivative is softmax(z) - y. Differs from Keras,
    whose default takes probabilities.

    Examples
    --------
    >>> logits, shares = np.array([[0.0, 0.0]]), np.array([[0.5, 0.5]])
    >>> categorical_cross_entropy(logits, shares).round(6).tolist()
    [[0.693147]]
    """
    return -np.sum(target * special.log_softmax(logits), axis=-1, keepdims=True)


@loss(aliases=("kl_divergence",), link="softmax")
def kl_div(logits: Any, target: Any) -> Any:
    """Kullback-Leibler divergence of shares from the softmax of logits, in nats.

    Σ y·log(y / softmax(z)) (Kullback & Leibler, 1951, doi:10.1214/aoms/1177729694,
    eq. 2.4), where 0·log(0) is 0. It is `categorical_cross_entropy` less the
    entropy of the target: 0 at best, and with the same derivative.

    Differs from PyTorch and Optax, which take log-probabilities, and from
    Keras, which takes probabilities and clips them. PyTorch's `mean` also
    divides by the number of classes; its `batchmean` is the mean here.

    Examples
    --------
    >>> kl_div(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.693147]]
    """
    information = target * np.log(np.where(target > 0, target, 1))
    return np.sum(information - target * special.log_softmax(logits), axis=-1, keepdims=True)


# --- margins ---------------------------------------------------------------------------


@loss(targets="binary")
def hinge(logits: Any, target: Any) -> Any:
    """Hinge loss: max(0, 1 - t·z), where t is -1 for class 0 and 1 for class 1.

    The derivative at the kink is 0. Differs from Optax, whose target is t.
    Keras takes both.

    Examples
    --------
    >>> hinge(np.array([[0.5, 0.5, 3.0]]), np.array([[1.0, 0.0, 1.0]])).tolist()
    [[0.5, 1.5, 0.0]]
    """
    return np.maximum(1 - (2 * target - 1) * logits, 0)


@loss(targets="binary")
def squared_hinge(logits: Any, target: Any) -> Any:
    """Squared hinge loss: max(0, 1 - t·z)² (Tang, 2013, arXiv:1306.0239).

    t is -1 for class 0 and 1 for class 1. The equation was not checked against
    the paper. Smooth, unlike `hinge`.

    Examples
    --------
    >>> squared_hinge(np.array([[0.5, 0.5, 3.0]]), np.array([[1.0, 0.0, 1.0]])).tolist()
    [[0.25, 2.25, 0.0]]
    """
    return np.maximum(1 - (2 * target - 1) * logits, 0) ** 2


@loss(aliases=("crammer_singer",), link="softmax")
def multiclass_hinge(logits: Any, target: Any) -> Any:
    """Hinge loss for several classes (Crammer & Singer, 2001, JMLR 2, section 3).

    max(z[c] + 1 for the wrong classes c, z[right]) - z[right]: 0 where the
    right class leads by 1. The target is 1 for the right class and 0 for the
    others; Optax takes its index. Classes that tie share the derivative.

    Examples
    --------
    >>> multiclass_hinge(np.array([[0.5, 2.0, 1.5]]), np.array([[0.0, 1.0, 0.0]])).tolist()
    [[0.5]]
    """
    ahead = np.max(logits + (1 - target), axis=-1, keepdims=True)
    return ahead - np.sum(target * logits, axis=-1, keepdims=True)


@loss(link="softmax")
def categorical_hinge(logits: Any, target: Any) -> Any:
    """Keras's hinge loss for several classes: max(0, 1 + most - z[right]).

    `most` is the largest score of a wrong class, or 0 if that is larger. So
    it differs from `multiclass_hinge` where all wrong scores are below 0, and
    the right one must be above 1. The target is 1 for the right class and 0 for
    the others. No paper is known for it.

    Examples
    --------
    >>> categorical_hinge(np.array([[0.5, -2.0, -1.5]]), np.array([[1.0, 0.0, 0.0]])).tolist()
    [[0.5]]
    """
    most = np.max((1 - target) * logits, axis=-1, keepdims=True)
    return np.maximum(1 + most - np.sum(target * logits, axis=-1, keepdims=True), 0)


# --- overlap ---------------------------------------------------------------------------


@loss(over="batch", targets="binary", ranges={"smooth": "(0, inf)"})
def dice(probabilities: Any, target: Any, *, smooth: float = 1.0) -> Any:
    """Dice loss over all rows and outputs of a batch: 1 - 2·Σpy / (Σp + Σy).

    Soft Dice as in Optax and Keras, with sums. Differs from V-Net (Milletari,
    Navab & Ahmadi, 2016, arXiv:1606.04797, section 3), which has the sums of
    squares, Σp² + Σy², below.

    Parameters
    ----------
    smooth : float
        Above 0, added to both sides of the quotient, so that nothing to find and
        nothing found give 0. Differs from Keras, which adds 1e-7 below alone.

    Examples
    --------
    >>> round(float(dice(np.array([[0.5], [0.5]]), np.array([[1.0], [0.0]]))), 6)
    0.333333
    """
    both, either = np.sum(probabilities * target), np.sum(probabilities) + np.sum(target)
    return 1 - (2 * both + smooth) / (either + smooth)
