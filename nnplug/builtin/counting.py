"""Counts of answers against the truth, from which classification metrics are computed.

Letters as in `nnplug.builtin.metrics`: N rows, C classes, K labels.
"""

from __future__ import annotations

import numpy as np

from nnplug.errors import OptionError
from nnplug.types import AnyArray

__all__ = ["against_the_rest", "averaged", "by_label", "confusion", "counted", "paired"]


def by_label(classes: AnyArray, labels: AnyArray) -> list[tuple[AnyArray, AnyArray]]:
    """Give answers and truth for each label; one pair if there is one class for each row."""
    return [(classes, labels)] if labels.ndim == 1 else list(zip(classes.T, labels.T, strict=True))


def confusion(classes: AnyArray, labels: AnyArray) -> AnyArray:
    """Count the rows of each class (down) by the answer (across)."""
    count = 1 + int(max(classes.max(), labels.max()))
    return np.bincount(labels * count + classes, minlength=count**2).reshape(count, -1) * 1.0


def counted(probabilities: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Count for each class: the hits, the rows predicted to be of it, the rows that are."""
    if labels.ndim == 2:
        chosen, true = probabilities > 0.5, labels > 0.5
    else:
        indices = np.arange(probabilities.shape[1])
        chosen = probabilities.argmax(axis=1).reshape(-1, 1) == indices
        true = labels.reshape(-1, 1) == indices
    counts = [rows.sum(axis=0, dtype=np.float64) for rows in (chosen & true, chosen, true)]
    return counts[0], counts[1], counts[2]


def averaged(
    above: AnyArray, said: AnyArray, actual: AnyArray, below: AnyArray, how: str, labels: AnyArray
) -> float:
    """Average the ratios of the classes."""
    two = labels.ndim == 1 and len(above) == 2
    how = ("binary" if two else "macro") if how == "auto" else how
    if how not in ("binary", "macro", "weighted", "micro") or (how == "binary" and not two):
        also = "; binary is for two classes" if how == "binary" else ""
        raise OptionError(
            f"metric option average={how}: there are auto, binary, macro, weighted and micro{also}."
        )
    if how == "micro":
        above, below = above.sum(keepdims=True), below.sum(keepdims=True)
    ratios = np.where(below > 0, above, 0) / np.where(below > 0, below, 1)
    if how in ("micro", "binary"):
        return float(ratios[-1])
    if how == "weighted":
        return float(ratios @ actual / max(actual.sum(), 1))
    return float(ratios[(said + actual > 0) | (labels.ndim == 2)].mean())


def paired(probabilities: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Give probabilities, in float64, and whether each is for the true class."""
    true = labels > 0.5 if labels.ndim == 2 else (
        labels.reshape(-1, 1) == np.arange(probabilities.shape[1])
    )  # fmt: skip
    return probabilities.astype(np.float64), true


def against_the_rest(probabilities: AnyArray, labels: AnyArray) -> list[tuple[AnyArray, AnyArray]]:
    """Give probabilities and truth for each class or label; of two classes, the second."""
    chances, true = paired(probabilities, labels)
    first = 1 if labels.ndim == 1 and chances.shape[1] == 2 else 0
    return [(chances[:, k], true[:, k]) for k in range(first, chances.shape[1])]
