"""Values and derivatives of a part, and what they should be."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Activation

SIZES = (
    *(1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 0.7, 0.9, 1.1, 1.4, 1.7, 2.3),
    *(3.3, 4.3, 6.1, 8.9, 13.0, 18.7, 27.3, 38.1, 60.3, 99.7, 200.1, 400.3, 700.9, 800.0),
)
POINTS = np.array([*(-size for size in reversed(SIZES)), *SIZES])
"""Where the functions are compared: off their kinks and the roots of their derivatives."""


def found(part: Activation, dtype: Any) -> tuple[Any, Any]:
    """Compute value and derivative: as a function on arrays, and as a traced formula."""
    x = POINTS.astype(dtype)[:, None]
    graph = new_graph()
    symbol = graph.input("x", ("N", "C"))
    y = part.value(symbol)
    slope = part.slope(symbol, y)
    if slope is None:  # over the row, which has one number here
        slope = part.pull_back(symbol, y, graph.constant(1.0))
    (derivative,) = evaluate([slope], {"x": x})
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        value = part(x)
    return np.asarray(value)[:, 0], np.broadcast_to(derivative, x.shape)[:, 0]


def expected(formula: Any, x: Any, *, far: int = 450) -> list[tuple[Any, Any]]:
    """Compute value and derivative of a formula in mpmath.

    Parameters
    ----------
    far : int
        Digits beyond |x| = 30, where a small tail may be the difference of large numbers.
    """
    pairs = []
    for number in x:
        size = abs(float(number))
        with mpmath.workdps(300 if size < 30 else far):
            at, step = mpmath.mpf(float(number)), mpmath.mpf(size) * mpmath.mpf(10) ** -40
            rise = formula(at + step) - formula(at - step)  # its error is of the order of step²
            pairs.append((formula(at), rise / (2 * step)))
    return pairs
