"""No training: only the matrix products of the steps, as NumPy takes them.

What any program that leaves its products to the same BLAS needs at least.
"""

from __future__ import annotations

import math
from typing import Any

TITLE = "(its matrix products alone)"
RANK = 7
PACKAGES = ()


def supports(work: Any) -> bool:
    """Take works whose products are large enough to be the bulk."""
    return work.batch_size is not None


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Multiply arrays of the steps' shapes; there is no loss."""
    import numpy as np

    rows, size = len(arrays["inputs"]), work.batch_size
    with clock("plan"):
        weights = [arrays[f"weight{number}"] for number in range(len(work.widths) - 1)]
        gradients = [np.zeros_like(weight) for weight in weights]
        # Two arrays (N, H) for each layer: its outputs, and the derivative by them.
        pairs = [
            (np.ones((size, width), work.dtype), np.ones((size, width), work.dtype))
            for width in work.widths
        ]
    with clock("loop"):
        for _ in range(work.epochs):
            for start in range(0, rows, size):
                n = min(size, rows - start)
                for number, weight in enumerate(weights):
                    np.dot(pairs[number][0][:n], weight, pairs[number + 1][0][:n])
                for number in reversed(range(len(weights))):
                    delta = pairs[number + 1][1][:n]
                    np.dot(pairs[number][0][:n].T, delta, gradients[number])
                    if number:
                        np.dot(delta, weights[number].T, pairs[number][1][:n])
    return math.nan
