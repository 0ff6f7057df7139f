"""The activation squareplus."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.activation
def squareplus(x: Any, *, b: float = 4.0) -> Any:
    """Squareplus: (x + √(x² + b)) / 2 (Barron, 2021, arXiv:2112.11687, eq. 1).

    Like softplus, but without a transcendental function. Below 0, where the sum
    cancels, it is evaluated in the equal form b / (2·(√(x² + b) - x)).

    Parameters
    ----------
    b : float
        Above 0: how round the corner is. 4, as in the paper, gives 1 at x = 0.

    Examples
    --------
    >>> squareplus(np.array([-1.5, 0.0, 1.5])).tolist()
    [0.5, 1.0, 2.0]
    """
    root = np.hypot(x, b**0.5)
    # min(x, 0): above 0 the difference would cancel to 0 and divide by it
    return np.where(x >= 0, 0.5 * (x + root), 0.5 * b / (root - np.minimum(x, 0)))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register the activation."""
    register(squareplus)
