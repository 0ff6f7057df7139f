"""Rules of algebra: the derivatives that take more than a line, and simplification.

`nnplug.formulas.primitives` says what a derivative rule is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.formulas.graph import Graph, Operation, Symbol
from nnplug.formulas.kinds import as_number
from nnplug.formulas.shapes import Shape, broadcast_shapes

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
    "simplify",
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
    # The logarithm counts only where the base is positive; elsewhere the power is
    # not differentiable in its exponent, or is 0 and stays 0.
    safe = np.where(base > 0, base, 1)
    by_base = None
    if not base.is_constant:  # base**0 is 1 everywhere, at 0 too
        by_base = np.where(exponent == 0, 0, g * (exponent * base ** (exponent - 1)))
    return by_base, g * np.where(base > 0, y * np.log(safe), 0)


def hypot_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive the hypotenuse by both legs."""
    length = np.where(y > 0, y, 1)  # at the origin both derivatives are 0
    return g * (a / length), g * (b / length)


def arctan2_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive the angle of a point, without squaring a length, which may overflow."""
    length = np.hypot(a, b)
    length = np.where(length > 0, length, 1)  # at the origin both derivatives are 0
    ratio = g / length
    return ratio * (b / length), -ratio * (a / length)


def remainder_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive the remainder of a division."""
    # (a - y) / b is how often b was taken off: a whole number up to rounding.
    return g, None if b.is_constant else -g * np.round((a - y) / b)


def copysign_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive by the magnitude; by the sign, which is a step, the derivative is 0."""
    return g * (np.sign(as_number(a)) * np.copysign(1, b)), None


def sinc_rule(g: Symbol, y: Symbol, x: Symbol) -> Any:
    """Derive sin(πx) / (πx), near 0 by its series."""
    t = np.pi * x
    u = t * t
    # Near 0 the cosine and the quotient nearly cancel, so the series is used there.
    series: Any = 0.0
    for k in range(8, -1, -1):
        series = series * u + (-1) ** (k + 1) * (2 * k + 2) / math.factorial(2 * k + 3)
    by_t = np.where(u < 1, t * series, (np.cos(t) - y) / np.where(u < 1, 1, t))
    return (g * (np.pi * by_t),)


def choose(condition: Symbol, g: Symbol) -> tuple[Symbol, Symbol]:
    """Pass the gradient on to one of two inputs, by a condition."""
    return np.where(condition, g, 0), np.where(condition, 0, g)  # type: ignore[return-value]  # np.where dispatches to Symbol


def clip_rule(g: Symbol, y: Symbol, x: Symbol, low: Symbol, high: Symbol) -> Any:
    """Derive by the clipped value and by its bounds."""
    inside = np.logical_and(x > low, x <= high)
    # Where the lower bound is above the upper one, the result is the upper one.
    by_low = by_high = None
    if not low.is_constant:
        by_low = np.where(np.logical_and(x <= low, low <= high), g, 0)
    if not high.is_constant:
        by_high = np.where(np.logical_or(x > high, low > high), g, 0)
    return np.where(inside, g, 0), by_low, by_high


def _expand(
    graph: Graph, reduced: Symbol, like: Symbol, axis: int | None, keepdims: bool
) -> Symbol:
    """Broadcast a reduction's output back to the shape that was reduced."""
    if not keepdims and axis is not None and like.ndim > 1:
        reduced = graph.apply(graph.operations["expand_dims"], reduced, axis=axis)
    return graph.call("broadcast_like", reduced, like)


def sum_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Pass the gradient on to every element of the sum."""
    return (_expand(g.graph, g, x, axis, keepdims),)


def extreme_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Pass the gradient on to the elements that reach the extreme, in equal shares."""
    reached = x == _expand(g.graph, y, x, axis, keepdims)
    ties = np.sum(np.where(reached, 1.0, 0.0), axis=axis, keepdims=keepdims)
    return (np.where(reached, _expand(g.graph, g / ties, x, axis, keepdims), 0),)


def norm_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Derive a Euclidean norm."""
    ratio = g / np.where(y > 0, y, 1)  # at the origin the derivative is 0
    return (_expand(g.graph, ratio, x, axis, keepdims) * x,)


def distance(x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Write the distance from the mean, as the formula may have written it, with its `keepdims`."""
    # A mean over the first axis fits its rows without that dimension.
    keep = keepdims or (axis is not None and axis != -x.ndim)
    return x - np.mean(x, axis=axis, keepdims=keep)


def degrees(x: Symbol, axis: int | None, ddof: float) -> Any:
    """Write the degrees of freedom that a variance divides by, at least 0."""
    count = x.graph.size(x.shape if axis is None else (x.shape[axis],))
    return np.maximum(count - ddof, 0) if ddof else count


def var_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    """Derive a variance."""
    # The derivative through the mean is 0: the distances from it add up to 0.
    share = _expand(g.graph, g * (2 / degrees(x, axis, ddof)), x, axis, keepdims)
    return (share * distance(x, axis, keepdims),)


def std_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    """Derive a standard deviation."""
    # Where all elements are equal the derivative is 0, like a norm's at the origin.
    share = g / (np.where(y > 0, y, 1) * degrees(x, axis, ddof))
    return (_expand(g.graph, share, x, axis, keepdims) * distance(x, axis, keepdims),)


def matmul_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    """Derive a matrix product."""
    return g @ b.T, a.T @ g


def gather_rule(g: Symbol, y: Symbol, x: Symbol, indices: Symbol) -> Any:
    """Pass the gradient on to the chosen element of each row."""
    return g * x.graph.call("one_hot", indices, x), None


def columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    """Put the gradient of a block of columns in the block's place."""
    return g.graph.apply(g.graph.operations["place_columns"], g, x, place=place), None


def place_columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    """Take the gradient of the block of columns that was placed."""
    return g.graph.apply(g.graph.operations["columns"], g, x, place=place), None


def flip(x: Any) -> Any:
    """Reverse each row."""
    return np.flip(x, axis=-1)


def along_row(rule: Rule) -> Rule:
    """Give a rule for whole rows a derivative of their full shape."""
    return lambda g, y, *inputs: rule(g.graph.call("broadcast_like", g, y), y, *inputs)


# --- simplification ----------------------------------------------------------------------


def simplify(
    graph: Graph,
    operation: Operation,
    inputs: tuple[Symbol, ...],
    options: dict[str, Any],
    shape: Shape,
) -> Symbol | None:
    """Drop arithmetic that changes no bit: x-0, x*1, x/1, --x, max(x, x), a + -b.

    `0 * x` stays, since it is NaN where x is not finite. Elementwise operations
    are applied before a broadcast, not after it.
    """
    name = operation.name
    if operation.elementwise:
        narrow, like = _strip_broadcasts(inputs, shape)
        if like is not None:
            return graph.call("broadcast_like", graph.apply(operation, *narrow), like)
        if narrow is not inputs:
            return graph.apply(operation, *narrow)
    if name in ("sum", "max", "min", "mean") and not inputs[0].shape:
        return inputs[0]
    if name == "broadcast_like" and inputs[0].shape == shape:
        return inputs[0]
    if name in ("negative", "flip") and inputs[0].operation.name == name:
        return inputs[0].inputs[0]
    if name == "where" and inputs[0].is_constant:
        chosen = inputs[1] if inputs[0].value else inputs[2]
        return chosen if chosen.shape == shape else None
    if name in ("maximum", "minimum", "fmax", "fmin"):
        if inputs[0].is_constant and not inputs[1].is_constant:
            # The number goes second: at a tie, the derivative depends on the order.
            return graph.apply(operation, inputs[1], inputs[0])
        return inputs[0] if inputs[0] is inputs[1] else None
    if any(symbol.dtype_kind == "bool" for symbol in inputs):
        return None  # arithmetic with a number turns a truth value into a number
    simpler = _simplify_signs(graph, name, inputs)
    return simpler if simpler is not None else _simplify_neutral(name, inputs, shape)


def _simplify_neutral(name: str, inputs: tuple[Symbol, ...], shape: Shape) -> Symbol | None:
    if name == "multiply" and inputs[0].is_constant:
        inputs = (inputs[1], inputs[0])
    neutral = {"subtract": 0.0, "multiply": 1.0, "divide": 1.0}
    if name in neutral and inputs[1].is_constant and inputs[0].shape == shape:
        return inputs[0] if inputs[1].value == neutral[name] else None
    return None


def _simplify_signs(graph: Graph, name: str, inputs: tuple[Symbol, ...]) -> Symbol | None:
    """Turn products with -1 and sums of negatives into differences."""
    if name not in ("add", "subtract", "multiply"):
        return None
    a, b = inputs
    if name == "multiply":
        if a.is_constant and a.value == -1.0:
            return graph.call("negative", b)
        return graph.call("negative", a) if b.is_constant and b.value == -1.0 else None
    if b.operation.name == "negative":
        return graph.call("subtract" if name == "add" else "add", a, b.inputs[0])
    if name == "add" and a.operation.name == "negative":
        return graph.call("subtract", b, a.inputs[0])
    if name == "add" and a.operation.name == b.operation.name == "where":
        # The two halves of one choice: where(c, p, 0) + where(c, 0, q).
        (c, p, zero), (d, other, q) = a.inputs, b.inputs
        if c is d and _is_zero(zero) and _is_zero(other):
            return graph.call("where", c, p, q)
        if c is d and _is_zero(p) and _is_zero(q):
            return graph.call("where", c, other, zero)
    return None


def _is_zero(symbol: Symbol) -> bool:
    return symbol.is_constant and symbol.value == 0.0


def _strip_broadcasts(
    inputs: tuple[Symbol, ...], shape: Shape
) -> tuple[tuple[Symbol, ...], Symbol | None]:
    """Take explicit broadcasts off the inputs of an elementwise operation.

    Returns
    -------
    tuple of Symbol
        The inputs without them.
    Symbol or None
        The array that the result must still be broadcast to, if the inputs
        alone no longer give it its shape.
    """
    stretched = [symbol for symbol in inputs if symbol.operation.name == "broadcast_like"]
    if not stretched:
        return inputs, None
    narrow = tuple(
        symbol.inputs[0] if symbol.operation.name == "broadcast_like" else symbol
        for symbol in inputs
    )
    if broadcast_shapes("", *(symbol.shape for symbol in narrow)) == shape:
        return narrow, None
    likes = [symbol.inputs[1] for symbol in stretched if symbol.shape == shape]
    return (narrow, likes[0]) if likes else (inputs, None)
