"""What losses of classes share: the classes of a row, and the odds of the right one."""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug.special import log_sum_exp

LOWEST = -1e30
"""Stands for minus infinity in a maximum or a sum of exponentials, in float32 too."""


def is_label(scores: Any, labels: Any) -> Any:
    """Tell for each class of a row, (N, C), whether it is the label."""
    return np.cumsum(np.ones_like(scores), axis=-1) - 1 == labels


def log_odds(logits: Any, labels: Any) -> Any:
    """Give log(p/(1 - p)) of the label's probability, (N, 1), however near p is to 0 or 1."""
    others = np.where(is_label(logits, labels), LOWEST, logits)
    return np.take_along_axis(logits, labels, axis=-1) - log_sum_exp(others)


def signed(logits: Any, target: Any) -> Any:
    """Give the margin: the score, with the sign turned where the target is 0."""
    return (2 * target - 1) * logits
