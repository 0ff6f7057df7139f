"""Temperature scaling: one number that makes probabilities as sure as they are right.

Guo et al., 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, section 4.2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnplug.types import AnyArray

__all__ = ["BINS", "Quality", "fit_temperature", "quality", "tempered"]

Float64Array = npt.NDArray[np.float64]

BINS = 15
"""The bins of the expected calibration error, as Guo et al. have them."""

HOTTEST = 100.0
"""The temperature is at most this, and at least 1 divided by this."""


class Quality(NamedTuple):
    """How good probabilities are."""

    log_loss: float
    """In nats for each row, or each label of a row."""
    calibration_error: float
    """Expected calibration error: see `quality`."""


def tempered(log_probabilities: AnyArray, temperature: float) -> Float64Array:
    """Divide log-probabilities, (..., C), by a temperature, and make them sum to 1 again.

    Examples
    --------
    >>> tempered(np.log([[0.8, 0.2]]), 2.0).round(4).tolist()  # 2 : 1 instead of 4 : 1
    [[-0.4055, -1.0986]]
    """
    scaled = log_probabilities / temperature
    top = scaled.max(axis=-1, keepdims=True)
    total = np.log(np.exp(scaled - top).sum(axis=-1, keepdims=True))
    result: Float64Array = scaled - top - total
    return result


def fit_temperature(log_probabilities: AnyArray, labels: AnyArray) -> float:
    """Find the temperature that minimises the log loss.

    As in Platt (1999), the true class counts (n + 1) / (n + C) and each other
    class 1 / (n + C), so that a few rows which are all right do not make the
    network sure of everything.

    Parameters
    ----------
    log_probabilities : array
        (N, C).
    labels : array of int
        (N,).

    Returns
    -------
    float
        From 0.01 to 100.
    """
    z: Any = log_probabilities
    rows, classes = z.shape
    true = float(np.take_along_axis(z, labels.reshape(-1, 1), axis=1).mean())
    wanted = (rows * true + float(z.sum(axis=1).mean())) / (rows + classes)
    # The loss is convex in the inverse temperature, and its slope is the mean of the
    # log-probabilities that are expected, less that of those which came true.
    low, high, inverse = 1 / HOTTEST, HOTTEST, 1.0
    for _ in range(60):
        shares = np.exp(tempered(z, 1 / inverse))
        expected = (shares * z).sum(axis=1)
        slope = float(expected.mean()) - wanted
        curvature = float(((shares * z**2).sum(axis=1) - expected**2).mean())
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        step = inverse - slope / curvature if curvature > 0 else 0.0
        step = step if low < step < high else float(np.sqrt(low * high))
        if abs(step - inverse) <= 1e-7 * inverse:
            break
        inverse = step
    return 1 / inverse


def quality(log_probabilities: AnyArray, labels: AnyArray) -> Quality:
    """Compute the log loss and the expected calibration error.

    Each row goes into one of 15 bins of equal width by its confidence, the
    probability of the most probable class. In a bin, accuracy is the share of
    rows for which that is the true class. The error is the mean over rows of
    the distance between the accuracy and the mean confidence of the row's bin
    (Guo et al., 2017, eq. 3). A label of a multilabel task counts as a row of
    two classes.

    Parameters
    ----------
    log_probabilities : array
        (N, C).
    labels : array of int
        (N,).

    Examples
    --------
    >>> found = quality(np.log([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1]))
    >>> round(found.log_loss, 4), round(found.calibration_error, 4)  # right in 1 of 2
    (0.9163, 0.3)
    """
    true = np.take_along_axis(log_probabilities, labels.reshape(-1, 1), axis=1)
    confidence = np.exp(log_probabilities.max(axis=1))
    right = log_probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(place, right - confidence, BINS)
    return Quality(float(-true.mean()), float(np.abs(gaps).sum() / len(labels)))
