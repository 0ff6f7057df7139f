"""What the targets of a loss may be."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["TARGETS", "Targets", "outside"]

Targets = Literal[
    "real", "nonnegative", "positive", "count", "unit", "binary", "distribution", "labels"
]

TARGETS: dict[str, str] = {
    "real": "numbers",
    "nonnegative": "numbers that are at least 0",
    "positive": "numbers above 0",
    "count": "whole numbers that are at least 0",
    "unit": "numbers from 0 to 1",
    "binary": "0 and 1",
    "distribution": "numbers from 0 to 1 that sum to 1 in each row",
    "labels": "classes",
}
"""The kinds of targets, each with what they are."""


def outside(kind: Targets, targets: Any) -> npt.NDArray[np.bool_]:
    """Find the targets, (N, C), that a loss of this kind is not for.

    Examples
    --------
    >>> outside("count", np.array([[0.0, 2.5, -1.0]])).tolist()
    [[False, True, True]]
    """
    y = np.asarray(targets)
    inside: Any = np.isfinite(y)
    if kind in ("nonnegative", "count"):
        inside &= y >= 0
    elif kind == "positive":
        inside &= y > 0
    elif kind in ("unit", "distribution"):
        inside &= (y >= 0) & (y <= 1)
    elif kind == "binary":
        inside &= (y == 0) | (y == 1)
    if kind == "count":
        inside &= y == np.floor(y)
    if kind == "distribution":
        # As exactly as float32 adds a row's shares.
        inside &= abs(y.sum(axis=-1, keepdims=True) - 1) <= 1e-4
    wrong: npt.NDArray[np.bool_] = ~inside
    return wrong
