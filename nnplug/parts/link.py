"""Links: how what a loss takes stands to the mean of the target that is predicted.

A network's outputs may be any numbers, and the mean of counts may not. So a
loss for counts takes the logarithm of the mean, and a prediction is the
exponential of an output (McCullagh & Nelder, 1989, section 2.2).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from nnplug.special import sigmoid, softmax

__all__ = ["LINKS", "Link", "linked", "mean_of"]

Link = Literal["identity", "log", "logit", "softmax"]

LINKS: tuple[str, ...] = get_args(Link)


def mean_of(link: Link, outputs: Any) -> Any:
    """Turn what a loss takes into the mean: the inverse of the link.

    Parameters
    ----------
    outputs : array of shape (N, C)

    Examples
    --------
    >>> mean_of("log", np.array([[0.0]])).tolist()
    [[1.0]]
    >>> mean_of("softmax", np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    with np.errstate(over="ignore"):
        if link == "log":
            return np.exp(outputs)
        if link == "logit":
            return sigmoid(outputs)
        return softmax(outputs) if link == "softmax" else outputs


def linked(link: Link, mean: Any) -> Any:
    """Turn a mean into what a loss takes; of a softmax, what sums to 0 in each row.

    Examples
    --------
    >>> linked("log", np.array([[1.0]])).tolist()
    [[0.0]]
    """
    if link == "identity":
        return mean
    scores = np.log(mean)
    if link == "logit":
        return scores - np.log1p(-mean)
    return scores - scores.mean(axis=-1, keepdims=True) if link == "softmax" else scores
