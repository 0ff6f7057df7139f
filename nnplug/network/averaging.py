"""The outputs of several networks as those of one, whose predictions are the mean of theirs.

Probabilities are averaged as probabilities, and numbers in the unit of the
target. The result is brought back to the form in which one network gives its
outputs, so that whatever reads outputs reads these. It is computed from
logarithms where the form is one, so that it is finite if they are.

All functions take arrays and symbols.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, Protocol

import numpy as np

from nnplug.network.tasks import Head
from nnplug.special import log_sigmoid, log_softmax

__all__ = ["log_mean_exp", "mean", "mean_output", "mean_transformed"]


class Scaled(Protocol):
    """How a target is learned: as its transform, less `mean`, by `scale`."""

    @property
    def mean(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def transform(self) -> str | None: ...


def mean(terms: Sequence[Any]) -> Any:
    """Average arrays.

    Examples
    --------
    >>> mean([np.array([1.0]), np.array([2.0])]).tolist()
    [1.5]
    """
    return reduce(lambda a, b: a + b, terms) / float(len(terms))


def log_mean_exp(terms: Sequence[Any]) -> Any:
    """Give the logarithm of the mean of numbers whose logarithms are given.

    Examples
    --------
    >>> log_mean_exp([np.log([1.0]), np.log([3.0])]).round(12).tolist() == [round(np.log(2), 12)]
    True
    """
    return reduce(np.logaddexp, terms) - math.log(len(terms))


def mean_output(head: Head, outputs: Sequence[Any]) -> Any:
    """Average the outputs of networks with the same head.

    A loss with several outputs for a target has no form for a mixture of what
    they stand for; each of its outputs is averaged as it is.

    Parameters
    ----------
    head : Head
    outputs : sequence of array
        Of each network, (N, C).

    Returns
    -------
    array
        (N, C).

    Examples
    --------
    The mean of the probabilities 0.9 and 0.5 is 0.7.

    >>> from nnplug.builtin.activations import identity
    >>> from nnplug.builtin.class_losses import binary_cross_entropy
    >>> head = Head("binary", binary_cross_entropy, identity, 2)
    >>> logits = [np.array([[np.log(9.0)]]), np.array([[0.0]])]
    >>> head.probabilities(mean_output(head, logits)).round(6).tolist()
    [[0.3, 0.7]]
    """
    link = head.loss.link
    if head.loss.heads:
        return mean(outputs)
    if link == "softmax":
        return log_mean_exp([log_softmax(z) for z in outputs])
    if link == "logit":
        above, below = (
            log_mean_exp([log_sigmoid(sign * z) for z in outputs]) for sign in (1.0, -1.0)
        )
        return above - below
    if link == "log" or head.activation.gives == "log_probabilities":
        return log_mean_exp(outputs)
    return mean(outputs)


def mean_transformed(learned: Scaled, values: Sequence[Any]) -> Any:
    """Average predictions of a target in its own unit, and return the mean as it is learned.

    Parameters
    ----------
    learned : Scaled
    values : sequence of array
        (N,), as they are learned.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> log = SimpleNamespace(mean=0.0, scale=1.0, transform="log")
    >>> np.exp(mean_transformed(log, [np.log([1.0]), np.log([3.0])])).round(12).tolist()
    [2.0]
    """
    wide = [value * learned.scale + learned.mean for value in values]
    if learned.transform == "log":
        found = log_mean_exp(wide)
    elif learned.transform == "asinh":
        found = np.arcsinh(mean([np.sinh(value) for value in wide]))
    else:
        found = mean(wide)
    return (found - learned.mean) / learned.scale
