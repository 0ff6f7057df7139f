"""Activations with noise, with a number for each unit, and with a sort."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug
from nnplug import parameter, uniform


@nnplug.activation
def rrelu(
    x: Any,
    noise: Any = uniform("N", "C"),
    *,
    training: bool,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
) -> Any:
    """Randomized leaky ReLU (Xu, Wang, Chen & Li, 2015, arXiv:1505.00853, section 2.4).

    Below 0 the slope is drawn from [lower, upper) in each training step, and
    is the middle of the two outside training. The paper divides by numbers
    from 3 to 8; the bounds here multiply, as PyTorch's.

    Examples
    --------
    >>> float(rrelu(-24.0))
    -5.5
    """
    slope = lower + (upper - lower) * noise if training else (lower + upper) / 2
    return np.where(x >= 0, x, slope * x)


@nnplug.activation
def unit_snake(x: Any, a: Any = parameter("C", start=1.0)) -> Any:
    """Snake with a frequency for each unit, x + sin²(ax)/a (Ziyin, Hartwig & Ueda, 2020,
    arXiv:2006.08195, eq. 3).

    Examples
    --------
    >>> unit_snake(np.array([0.0, np.pi])).round(12).tolist()
    [0.0, 3.14159265359]
    """
    return x + np.sin(a * x) ** 2 / a


@nnplug.activation(gives="probabilities")
def sparsemax(x: Any) -> Any:
    """Sparsemax, the projection on shares (Martins & Astudillo, 2016, arXiv:1602.02068,
    algorithm 1).

    Examples
    --------
    >>> sparsemax(np.array([[1.0, 0.5, -1.0]])).tolist()
    [[0.75, 0.25, 0.0]]
    """
    ordered = -np.sort(-x, axis=-1)
    k = np.cumsum(np.ones_like(x), axis=-1)
    totals = np.cumsum(ordered, axis=-1)
    support = np.sum(1 + k * ordered > totals, axis=-1, keepdims=True)
    tau = (np.sum(np.where(k == support, totals, 0), axis=-1, keepdims=True) - 1) / support
    return np.maximum(x - tau, 0)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register the activations."""
    register(rrelu)
    register(unit_snake)
    register(sparsemax)
