"""Derivative rules longer than a line; `nnplug.formulas.primitives` says what a rule is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.kinds import as_number

__all__ = [
    "along_row",
    "arctan2_rule",
    "choose",
    "clip_rule",
    "columns_rule",
    "copysign_rule",
    "degrees",
    "distance",
    "extreme_rule",
    "flip",
    "gather_rule",
    "hypot_rule",
    "matmul_rule",
    "norm_rule",
    "place_columns_rule",
    "power_rule",
    "remainder_rule",
    "sinc_rule",
    "std_rule",
    "sum_rule",
    "var_rule",
]

Rule = Callable[..., Any]


def power_rule(g: Symbol, y: Symbol, base: Symbol, exponent: Symbol) -> Any:
    """Derive a power by its base and by its exponent."""
    if exponent.is_constant:
        return g * (exponent * base ** (exponent.value - 1)), None
    # log is asked only where the base is positive; elsewhere the power is not
    # differentiable in its exponent, or is 0 and stays 0.
    safe = np.where(base > 0, base, 1)
    by_base = None
    if not base.is_constant:  # base**0 is 1 everywhere, at 0 too
        by_base = np.where(exponent == 0, 0, g * (exponent * base ** (exponent - 1)))
    return by_base, g * np.where(base > 0, y * np.log(safe), 0)


def hypot_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive the length of two sides."""
    length = np.where(y > 0, y, 1)  # at the origin both derivatives are 0
    return g * (a / length), g * (b / length)


def arctan2_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive the angle of a point, without the square of a length."""
    length = np.hypot(a, b)
    length = np.where(length > 0, length, 1)  # at the origin both derivatives are 0
    ratio = g / length  # the square of a length may overflow
    return ratio * (b / length), -ratio * (a / length)


def remainder_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive what is left of a after whole multiples of b."""
    # How often b was taken off is a whole number, but for the rounding of what is left.
    return g, None if b.is_constant else -g * np.round((a - y) / b)


def copysign_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive by the magnitude; the sign that is taken is a step."""
    return g * (np.sign(as_number(a)) * np.copysign(1, b)), None


def sinc_rule(g: Symbol, y: Symbol, x: Symbol) -> Any:
    """Derive sin(πx) / (πx), near 0 by its series."""
    t = np.pi * x
    u = t * t
    # Near 0 the cosine and the quotient are nearly equal: there by its series.
    series: Any = 0.0
    for k in range(8, -1, -1):
        series = series * u + (-1) ** (k + 1) * (2 * k + 2) / math.factorial(2 * k + 3)
    by_t = np.where(u < 1, t * series, (np.cos(t) - y) / np.where(u < 1, 1, t))
    return (g * (np.pi * by_t),)


def choose(condition: Symbol, g: Symbol) -> tuple[Symbol, Symbol]:
    """Pass on to one of two, by a condition."""
    return np.where(condition, g, 0), np.where(condition, 0, g)  # type: ignore[return-value]  # np.where dispatches to Symbol


def clip_rule(g: Symbol, y: Symbol, x: Symbol, low: Symbol, high: Symbol) -> Any:
    """Derive by what is clipped and by its bounds."""
    inside = np.logical_and(x > low, x <= high)
    # Where the bounds cross, the result is the upper one.
    by_low = by_high = None
    if not low.is_constant:
        by_low = np.where(np.logical_and(x <= low, low <= high), g, 0)
    if not high.is_constant:
        by_high = np.where(np.logical_or(x > high, low > high), g, 0)
    return np.where(inside, g, 0), by_low, by_high


def _expand(
    graph: Graph, reduced: Symbol, like: Symbol, axis: int | None, keepdims: bool
) -> Symbol:
    """Bring a reduction's output back to the shape that was reduced."""
    if not keepdims and axis is not None and like.ndim > 1:
        reduced = graph.apply(graph.operations["expand_dims"], reduced, axis=axis)
    return graph.call("broadcast_like", reduced, like)


def sum_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Pass on to all that were added up."""
    return (_expand(g.graph, g, x, axis, keepdims),)


def extreme_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Pass on to those that reach the extreme, in equal shares."""
    reached = x == _expand(g.graph, y, x, axis, keepdims)
    ties = np.sum(np.where(reached, 1.0, 0.0), axis=axis, keepdims=keepdims)
    return (np.where(reached, _expand(g.graph, g / ties, x, axis, keepdims), 0),)


def norm_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Derive a Euclidean norm."""
    ratio = g / np.where(y > 0, y, 1)  # at the origin the derivative is 0
    return (_expand(g.graph, ratio, x, axis, keepdims) * x,)


def distance(x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Write the distance from the mean, which may have been written before as `keepdims` says."""
    # Over the first axis a mean fits its rows without the dimension.
    keep = keepdims or (axis is not None and axis != -x.ndim)
    return x - np.mean(x, axis=axis, keepdims=keep)


def degrees(x: Symbol, axis: int | None, ddof: float) -> Any:
    """Write what a variance divides by: no less than 0."""
    count = x.graph.size(x.shape if axis is None else (x.shape[axis],))
    return np.maximum(count - ddof, 0) if ddof else count


def var_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    """Derive a variance."""
    # That the mean moves too changes nothing: the distances from it add up to 0.
    share = _expand(g.graph, g * (2 / degrees(x, axis, ddof)), x, axis, keepdims)
    return (share * distance(x, axis, keepdims),)


def std_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    """Derive a standard deviation."""
    # Where all are equal the derivative is 0, as a norm's at the origin.
    share = g / (np.where(y > 0, y, 1) * degrees(x, axis, ddof))
    return (_expand(g.graph, share, x, axis, keepdims) * distance(x, axis, keepdims),)


def matmul_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive a product of matrices."""
    return g @ b.T, a.T @ g


def gather_rule(g: Symbol, y: Symbol, x: Symbol, indices: Symbol) -> Any:
    """Pass on to the chosen element of each row."""
    return g * x.graph.call("one_hot", indices, x), None


def columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    """Put what belongs to a block of columns back in its place."""
    return g.graph.apply(g.graph.operations["place_columns"], g, x, place=place), None


def place_columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    """Take the block of columns that was placed."""
    return g.graph.apply(g.graph.operations["columns"], g, x, place=place), None


def flip(x: Any) -> Any:
    """Turn each row around."""
    return np.flip(x, axis=-1)


def along_row(rule: Rule) -> Rule:
    """Give a rule for whole rows a derivative of their full shape."""
    return lambda g, y, *inputs: rule(g.graph.call("broadcast_like", g, y), y, *inputs)
