"""Fenchel-Young losses: of sparse probabilities, which are 0 for classes that are far off.

Blondel, Martins & Niculae, 2020, arXiv:1901.02324: the loss of scores z is
max over p of (p·z + H(p)), minus the label's score, for an entropy H.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part

from nnplug_losses._classes import signed


@nnplug.loss(targets="binary")
def sparsemax_binary(logits: Any, target: Any) -> Any:
    """Binary sparsemax loss: 0 for v >= 1, -v for v <= -1, else (1 - v)²/4 (Blondel, Martins &
    Niculae, 2020, arXiv:1901.02324, section 4.4).

    v is the score, or minus the score where the target is 0. Its minimum is at a
    score of 2p - 1, so the sigmoid of the score is not the probability p. As in
    Optax. The section was not checked.

    Examples
    --------
    >>> [float(sparsemax_binary(v, 1.0)) for v in (-3.0, 0.0, 2.0)]
    [3.0, 0.25, 0.0]
    """
    v = signed(logits, target)
    return np.where(v <= -1, -v, 0.25 * np.maximum(1 - v, 0) ** 2)


@nnplug.loss
def sparsemax_loss(logits: Any, labels: Any) -> Any:
    """Sparsemax loss (Martins & Astudillo, 2016, arXiv:1602.02068, eq. 14).

    p·(z - z[label]) + (1 - p·p)/2, where p is the sparsemax of z. It is 0 as soon
    as the label's score is 1 above all others. Optax calls it
    multiclass_sparsemax_loss. The equation's number was not checked.

    Examples
    --------
    >>> sparsemax_loss(np.array([[0.0, 0.0]]), np.array([[1]])).tolist()
    [[0.25]]
    """
    z = logits - np.max(logits, axis=-1, keepdims=True)
    ordered = -np.sort(-z, axis=-1)
    place = np.cumsum(np.ones_like(z), axis=-1)
    totals = np.cumsum(ordered, axis=-1)
    count = np.sum(np.where(1 + place * ordered > totals, 1.0, 0.0), axis=-1, keepdims=True)
    threshold = (np.sum(np.where(place == count, totals, 0), axis=-1, keepdims=True) - 1) / count
    p = np.maximum(z - threshold, 0)
    apart = z - np.take_along_axis(z, labels, axis=-1)
    return np.sum(p * apart - 0.5 * p**2, axis=-1, keepdims=True) + 0.5


@nnplug.loss
def entmax15_loss(logits: Any, labels: Any) -> Any:
    """Loss of 1.5-entmax (Peters, Niculae & Martins, 2019, arXiv:1905.05702, eqs. 5 and 12,
    algorithm 2).

    p·(z - z[label]) + 4/3·Σ(p - p^1.5), where p is the 1.5-entmax of z: between
    cross-entropy, which is dense, and `sparsemax_loss`. The equations' numbers
    were not checked.

    Examples
    --------
    >>> entmax15_loss(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.390524]]
    """
    z = 0.5 * (logits - np.max(logits, axis=-1, keepdims=True))
    ordered = -np.sort(-z, axis=-1)
    place = np.cumsum(np.ones_like(z), axis=-1)
    mean = np.cumsum(ordered, axis=-1) / place
    spread = np.cumsum(ordered**2, axis=-1) - place * mean**2
    thresholds = mean - np.sqrt(np.maximum((1 - spread) / place, 0))
    count = np.sum(np.where(thresholds <= ordered, 1.0, 0.0), axis=-1, keepdims=True)
    threshold = np.sum(np.where(place == count, thresholds, 0.0), axis=-1, keepdims=True)
    root = np.maximum(z - threshold, 0)
    p = root**2
    apart = 2 * (z - np.take_along_axis(z, labels, axis=-1))
    return np.sum(p * apart + 4 / 3 * (p - p * root), axis=-1, keepdims=True)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
