"""What losses over the pairs of a batch share: which rows are paired, and their distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug.special import log_sum_exp

from nnplug_losses._classes import LOWEST


def others(rows: Any) -> Any:
    """Tell for each pair of rows, (N, N), whether they are two; `rows` is (N, 1)."""
    place = np.cumsum(np.ones_like(rows.T), axis=-1)
    return place.T != place


def alike(labels: Any) -> Any:
    """Tell for each pair whether they are two rows of one class."""
    return np.logical_and(labels == labels.T, others(labels))


def cosines(embeddings: Any) -> Any:
    """Give the cosine of each pair, (N, N); an embedding of 0 has a cosine of 0 with all."""
    norm = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    unit = embeddings / np.where(norm > 0, norm, 1.0)
    return unit @ unit.T


def squares(a: Any, b: Any) -> Any:
    """Give the squared distance of each row of one array from each row of another, (N, N)."""
    lengths = np.sum(a**2, axis=-1, keepdims=True) + np.sum(b**2, axis=-1, keepdims=True).T
    return np.maximum(lengths - 2 * (a @ b.T), 0)


def distances(embeddings: Any) -> Any:
    """Give the distance of each pair, (N, N); its derivative is 0 where it is 0."""
    square = squares(embeddings, embeddings)
    apart = np.logical_and(others(np.sum(embeddings, axis=-1, keepdims=True)), square > 1e-12)
    return np.where(apart, np.sqrt(np.where(apart, square, 1.0)), 0.0)


def count(pairs: Any) -> Any:
    """Count the pairs of each row, (N, 1)."""
    return np.sum(np.where(pairs, 1.0, 0.0), axis=-1, keepdims=True)


def mean_over(pairs: Any, values: Any) -> Any:
    """Average over the pairs of each row, (N, 1); 0 for a row that has none."""
    total = np.sum(np.where(pairs, values, 0.0), axis=-1, keepdims=True)
    return total / np.maximum(count(pairs), 1)


def log_sum_over(pairs: Any, values: Any) -> Any:
    """Give log Σ exp over the pairs of each row, (N, 1); very low for a row that has none."""
    return log_sum_exp(np.where(pairs, values, LOWEST))
