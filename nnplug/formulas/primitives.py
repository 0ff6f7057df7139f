"""The primitives: every operation that a formula may use, with its derivative.

A derivative rule reads as the chain rule is written: `g` is the derivative of
some number with respect to the output `y`, and the rule returns that number's
derivative with respect to each input. Rules are themselves formulas, traced
on the same symbols, so that they share sub-expressions with the value.

Kinks take the derivative from the left, the one that a small step down would
see: `maximum(x, 0)` has 0 at 0, `minimum(x, 0)` has 1, `clip` has 0 at the
lower and 1 at the upper bound. `absolute` has 0 at 0. Where two symbols tie,
`maximum` passes on to the second and `minimum` to the first. `max` and `min`
over an axis share equally among ties; `sort` keeps them in their order, and
gives each its own share. `hypot`, `arctan2`, `std` and norms have 0 at the origin.
Steps (`sign`, `floor`, `round`, comparisons, `heaviside`, the sign that
`copysign` takes) have 0 everywhere, and so have the jumps of `remainder` and `fmod`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.formulas.calls import CALLS, SYNONYMS
from nnplug.formulas.graph import (
    Graph,
    Operation,
    Shape,
    Symbol,
    broadcast_shapes,
    shape_text,
)
from nnplug.formulas.kinds import as_number, settle
from nnplug.formulas.refusal import refuse
from nnplug.formulas.simplification import simplify
from nnplug.types import AnyArray

__all__ = ["new_graph"]

Rule = Callable[..., Any]


def _ufunc(ufunc: np.ufunc, rule: Rule | None = None, *, lower: Rule | None = None) -> Operation:
    return Operation(ufunc.__name__, ufunc, rule, ufunc=ufunc, lower=lower)


def _predicate(ufunc: np.ufunc) -> Operation:
    return Operation(ufunc.__name__, ufunc, ufunc=ufunc, dtype="bool")


# --- derivative rules longer than a line -----------------------------------------


def _power_rule(g: Symbol, y: Symbol, base: Symbol, exponent: Symbol) -> Any:
    if exponent.is_constant:
        return g * (exponent * base ** (exponent.value - 1)), None
    # log is asked only where the base is positive; elsewhere the power is not
    # differentiable in its exponent, or is 0 and stays 0.
    safe = np.where(base > 0, base, 1)
    by_base = None
    if not base.is_constant:  # base**0 is 1 everywhere, at 0 too
        by_base = np.where(exponent == 0, 0, g * (exponent * base ** (exponent - 1)))
    return by_base, g * np.where(base > 0, y * np.log(safe), 0)


def _hypot_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    length = np.where(y > 0, y, 1)  # at the origin both derivatives are 0
    return g * (a / length), g * (b / length)


def _arctan2_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    length = np.hypot(a, b)
    length = np.where(length > 0, length, 1)  # at the origin both derivatives are 0
    ratio = g / length  # the square of a length may overflow
    return ratio * (b / length), -ratio * (a / length)


def _remainder_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    # How often b was taken off is a whole number, but for the rounding of what is left.
    return g, None if b.is_constant else -g * np.round((a - y) / b)


def _copysign_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    return g * (np.sign(as_number(a)) * np.copysign(1, b)), None


def _sinc_rule(g: Symbol, y: Symbol, x: Symbol) -> Any:
    t = np.pi * x
    u = t * t
    # Near 0 the cosine and the quotient are nearly equal: there by its series.
    series: Any = 0.0
    for k in range(8, -1, -1):
        series = series * u + (-1) ** (k + 1) * (2 * k + 2) / math.factorial(2 * k + 3)
    by_t = np.where(u < 1, t * series, (np.cos(t) - y) / np.where(u < 1, 1, t))
    return (g * (np.pi * by_t),)


def _choose(condition: Symbol, g: Symbol) -> tuple[Symbol, Symbol]:
    return np.where(condition, g, 0), np.where(condition, 0, g)  # type: ignore[return-value]  # np.where dispatches to Symbol


def _clip_rule(g: Symbol, y: Symbol, x: Symbol, low: Symbol, high: Symbol) -> Any:
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


def _sum_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    return (_expand(g.graph, g, x, axis, keepdims),)


def _extreme_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    reached = x == _expand(g.graph, y, x, axis, keepdims)
    ties = np.sum(np.where(reached, 1.0, 0.0), axis=axis, keepdims=keepdims)
    return (np.where(reached, _expand(g.graph, g / ties, x, axis, keepdims), 0),)


def _norm_rule(g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool) -> Any:
    ratio = g / np.where(y > 0, y, 1)  # at the origin the derivative is 0
    return (_expand(g.graph, ratio, x, axis, keepdims) * x,)


def _distance(x: Symbol, axis: int | None, keepdims: bool) -> Any:
    """Write the distance from the mean, which may have been written before as `keepdims` says."""
    # Over the first axis a mean fits its rows without the dimension.
    keep = keepdims or (axis is not None and axis != -x.ndim)
    return x - np.mean(x, axis=axis, keepdims=keep)


def _degrees(x: Symbol, axis: int | None, ddof: float) -> Any:
    count = x.graph.size(x.shape if axis is None else (x.shape[axis],))
    return np.maximum(count - ddof, 0) if ddof else count


def _var_rule(
    g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float
) -> Any:
    # That the mean moves too changes nothing: the distances from it add up to 0.
    share = _expand(g.graph, g * (2 / _degrees(x, axis, ddof)), x, axis, keepdims)
    return (share * _distance(x, axis, keepdims),)


def _std_rule(
    g: Symbol, y: Symbol, x: Symbol, axis: int | None, keepdims: bool, ddof: float
) -> Any:
    # Where all are equal the derivative is 0, as a norm's at the origin.
    share = g / (np.where(y > 0, y, 1) * _degrees(x, axis, ddof))
    return (_expand(g.graph, share, x, axis, keepdims) * _distance(x, axis, keepdims),)


def _matmul_rule(g: Symbol, y: Symbol, a: Symbol, b: Symbol) -> Any:
    return g @ b.T, a.T @ g


def _gather_rule(g: Symbol, y: Symbol, x: Symbol, indices: Symbol) -> Any:
    return g * x.graph.call("one_hot", indices, x), None


def _columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    return g.graph.apply(g.graph.operations["place_columns"], g, x, place=place), None


def _place_columns_rule(g: Symbol, y: Symbol, x: Symbol, like: Symbol, place: int) -> Any:
    return g.graph.apply(g.graph.operations["columns"], g, x, place=place), None


def _flip(x: Any) -> Any:
    return np.flip(x, axis=-1)


def _along_row(rule: Rule) -> Rule:
    """Give a rule for whole rows a derivative of their full shape."""
    return lambda g, y, *inputs: rule(g.graph.call("broadcast_like", g, y), y, *inputs)


# --- shape rules ------------------------------------------------------------------


def _reduced_shape(shape: Shape, axis: int | None, keepdims: bool) -> Shape:
    if axis is None:
        return (1,) * len(shape) if keepdims else ()
    kept: Shape = (1,) if keepdims else ()
    after = shape[axis + 1 :] if axis != -1 else ()
    return (*shape[:axis], *kept, *after)


def _spread_shape(shape: Shape, axis: int | None, keepdims: bool, ddof: float) -> Shape:
    return _reduced_shape(shape, axis, keepdims)


def _first_shape(shape: Shape, *others: Shape) -> Shape:
    return shape


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if len(a) != 2 or len(b) != 2 or a[1] != b[0]:
        raise refuse(
            f"a matrix product of shapes {shape_text(a)} and {shape_text(b)}",
            "the inner dimensions must be equal, and both must be matrices",
            "transpose one with .T; leave vectors out with `if param.ndim < 2`",
        )
    return (a[0], b[1])


def _expand_shape(shape: Shape, axis: int) -> Shape:
    at = len(shape) + 1 + axis
    return (*shape[:at], 1, *shape[at:])


# --- evaluation on arrays of what NumPy has under no single name -------------------


def _one_hot(indices: AnyArray, like: AnyArray) -> AnyArray:
    hot: AnyArray = (indices == np.arange(like.shape[-1])).astype(like.dtype)
    return hot


def _columns(x: AnyArray, like: AnyArray, place: int) -> AnyArray:
    width = like.shape[-1]
    return x[:, place * width : (place + 1) * width]


def _place_columns(x: AnyArray, like: AnyArray, place: int) -> AnyArray:
    placed: AnyArray = np.zeros_like(like, x.dtype)
    placed[:, place * x.shape[-1] : (place + 1) * x.shape[-1]] = x
    return placed


def _reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis, keepdims: function(x, axis=axis, keepdims=keepdims)


def _var(x: AnyArray, axis: int | None, keepdims: bool, ddof: float) -> Any:
    variance = np.var(x, axis=axis, keepdims=keepdims)
    if not ddof:
        return variance
    count = np.size(x) if axis is None else np.shape(x)[axis]
    return variance * (count / np.float64(max(count - ddof, 0)))  # np.var itself warns of a 0


def _std(x: AnyArray, axis: int | None, keepdims: bool, ddof: float) -> Any:
    return np.sqrt(_var(x, axis, keepdims, ddof))


def _order(x: AnyArray) -> AnyArray:
    """Give the places that `np.sort` takes the elements of each row from, ties in their order."""
    return np.argsort(x, axis=-1, kind="stable")


def _sort_as(x: AnyArray, keys: AnyArray) -> AnyArray:
    return np.take_along_axis(x, _order(keys), axis=-1)


def _unsort_as(x: AnyArray, keys: AnyArray) -> AnyArray:
    return np.take_along_axis(x, _order(_order(keys)), axis=-1)


# --- rewriting in simpler primitives ------------------------------------------------


def _lower_logaddexp(a: Symbol, b: Symbol) -> Any:
    # NumPy's own is a scalar loop, 24 ns an element; these are vectorised.
    return np.maximum(a, b) + np.log1p(np.exp(-abs(a - b)))


def _lower_logaddexp2(a: Symbol, b: Symbol) -> Any:
    return np.maximum(a, b) + np.log1p(np.exp(-abs(a - b) * _LN2)) * (1 / _LN2)


def _lower_sinc(x: Symbol) -> Any:
    t = np.pi * np.where(x == 0, 1, x)
    return np.where(x == 0, 1.0, np.sin(t) / t)


def _lower_mean(x: Symbol, axis: int | None, keepdims: bool) -> Any:
    reduced = x.shape if axis is None else (x.shape[axis],)
    return np.sum(x, axis=axis, keepdims=keepdims) / x.graph.size(reduced)


def _lower_norm(x: Symbol, axis: int | None, keepdims: bool) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _lower_var(x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    distance = _distance(x, axis, keepdims)
    return np.sum(distance * distance, axis=axis, keepdims=keepdims) / _degrees(x, axis, ddof)


def _lower_std(x: Symbol, axis: int | None, keepdims: bool, ddof: float) -> Any:
    return np.sqrt(_lower_var(x, axis, keepdims, ddof))


def _lower_power(base: Symbol, exponent: Symbol) -> Any:
    if exponent.is_constant and exponent.value in (3.0, 4.0):
        square = base * base
        return square * base if exponent.value == 3.0 else square * square
    return base.graph.apply(base.graph.operations["power"], base, exponent)


_LN2 = math.log(2)
_LN10 = math.log(10)

_PRIMITIVES: tuple[Operation, ...] = (
    # arithmetic
    _ufunc(np.add, lambda g, y, a, b: (g, g)),
    _ufunc(np.subtract, lambda g, y, a, b: (g, -g)),
    _ufunc(np.multiply, lambda g, y, a, b: (g * b, g * a)),
    _ufunc(np.divide, lambda g, y, a, b: (g / b, -(g / b) * y)),
    _ufunc(np.power, _power_rule, lower=_lower_power),
    _ufunc(np.negative, lambda g, y, x: (-g,)),
    _ufunc(np.reciprocal, lambda g, y, x: (-g * (y * y),)),
    _ufunc(np.square, lambda g, y, x: ((2 * g) * x,)),
    _ufunc(np.sqrt, lambda g, y, x: ((0.5 * g) / y,)),
    _ufunc(np.cbrt, lambda g, y, x: (g / (3 * (y * y)),)),
    _ufunc(np.hypot, _hypot_rule),
    _ufunc(np.remainder, _remainder_rule),
    _ufunc(np.fmod, _remainder_rule),
    # steps and kinks
    _ufunc(np.absolute, lambda g, y, x: (g * np.sign(x),)),
    _ufunc(np.sign),
    _ufunc(np.copysign, _copysign_rule),
    _ufunc(np.floor),
    _ufunc(np.ceil),
    _ufunc(np.trunc),
    _ufunc(np.floor_divide),
    _ufunc(np.heaviside, lambda g, y, x, at: (None, np.where(x == 0, g, 0))),
    Operation("round", np.rint, ufunc=np.rint),
    _ufunc(np.maximum, lambda g, y, a, b: _choose(a > b, g)),
    _ufunc(np.minimum, lambda g, y, a, b: _choose(a <= b, g)),
    _ufunc(np.fmax, lambda g, y, a, b: _choose(a > b, g)),
    _ufunc(np.fmin, lambda g, y, a, b: _choose(a <= b, g)),
    Operation(
        "clip",
        np.clip,
        _clip_rule,
        lower=lambda x, low, high: np.minimum(np.maximum(x, low), high),
    ),
    Operation(
        "where",
        np.where,
        lambda g, y, condition, a, b: (None, *_choose(condition, g)),
        overwrites=(1,),  # NumPy's engine takes several passes, and reads the others in each
    ),
    # exponentials and logarithms
    _ufunc(np.exp, lambda g, y, x: (g * y,)),
    _ufunc(np.exp2, lambda g, y, x: (g * (y * _LN2),)),
    _ufunc(np.expm1, lambda g, y, x: (g * np.exp(x),)),
    _ufunc(np.log, lambda g, y, x: (g / x,)),
    _ufunc(np.log1p, lambda g, y, x: (g / (1 + x),)),
    _ufunc(np.log2, lambda g, y, x: (g / (x * _LN2),)),
    _ufunc(np.log10, lambda g, y, x: (g / (x * _LN10),)),
    _ufunc(
        np.logaddexp,
        lambda g, y, a, b: (g * np.exp(a - y), g * np.exp(b - y)),
        lower=_lower_logaddexp,
    ),
    _ufunc(
        np.logaddexp2,
        lambda g, y, a, b: (g * np.exp2(a - y), g * np.exp2(b - y)),
        lower=_lower_logaddexp2,
    ),
    # trigonometric and hyperbolic
    _ufunc(np.sin, lambda g, y, x: (g * np.cos(x),)),
    _ufunc(np.cos, lambda g, y, x: (-g * np.sin(x),)),
    _ufunc(np.tan, lambda g, y, x: (g * (1 + y * y),)),
    _ufunc(np.arcsin, lambda g, y, x: (g / np.sqrt((1 - x) * (1 + x)),)),
    _ufunc(np.arccos, lambda g, y, x: (-g / np.sqrt((1 - x) * (1 + x)),)),
    _ufunc(np.arctan, lambda g, y, x: (g / (1 + x * x),)),
    _ufunc(np.arctan2, _arctan2_rule),
    Operation("sinc", np.sinc, _sinc_rule, lower=_lower_sinc),
    _ufunc(np.sinh, lambda g, y, x: (g * np.cosh(x),)),
    _ufunc(np.cosh, lambda g, y, x: (g * np.sinh(x),)),
    _ufunc(np.tanh, lambda g, y, x: (g * (1 - y * y),)),
    _ufunc(np.arcsinh, lambda g, y, x: (g / np.hypot(x, 1),)),
    _ufunc(np.arccosh, lambda g, y, x: (g / (np.sqrt(x - 1) * np.sqrt(x + 1)),)),
    _ufunc(np.arctanh, lambda g, y, x: (g / ((1 - x) * (1 + x)),)),
    # truth values
    *map(
        _predicate,
        (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal),
    ),
    *map(_predicate, (np.logical_and, np.logical_or, np.logical_not, np.logical_xor)),
    # reductions, matrices, choice by label
    Operation("sum", _reduce(np.sum), _sum_rule, _reduced_shape),
    Operation(
        "mean",
        _reduce(np.mean),
        lambda g, y, x, axis, keepdims: _sum_rule(
            g / g.graph.size(x.shape if axis is None else (x.shape[axis],)), y, x, axis, keepdims
        ),
        _reduced_shape,
        lower=_lower_mean,
    ),
    Operation("max", _reduce(np.max), _extreme_rule, _reduced_shape),
    Operation("min", _reduce(np.min), _extreme_rule, _reduced_shape),
    Operation("var", _var, _var_rule, _spread_shape, lower=_lower_var),
    Operation("std", _std, _std_rule, _spread_shape, lower=_lower_std),
    Operation("norm", _reduce(np.linalg.norm), _norm_rule, _reduced_shape, lower=_lower_norm),
    Operation("matmul", np.matmul, _matmul_rule, _matmul_shape, ufunc=np.matmul),
    Operation("transpose", np.transpose, lambda g, y, x: (g.T,), lambda shape: shape[::-1]),
    Operation(
        "take_along_axis",
        lambda x, indices: np.take_along_axis(x, indices, axis=-1),
        _gather_rule,
        lambda x, indices: broadcast_shapes("take_along_axis", indices, (*x[:-1], 1)),
    ),
    Operation("one_hot", _one_hot, None, lambda indices, like: like),
    # blocks of columns, as wide as another array: the outputs of a loss that takes several
    Operation("columns", _columns, _columns_rule, lambda x, like, place: like),
    Operation("place_columns", _place_columns, _place_columns_rule, lambda x, like, place: like),
    # along each row
    Operation(
        "cumsum",
        lambda x: np.cumsum(x, axis=-1),
        _along_row(lambda g, y, x: (_flip(np.cumsum(_flip(g), axis=-1)),)),
        _first_shape,
    ),
    Operation(
        "flip", lambda x: np.flip(x, axis=-1), _along_row(lambda g, y, x: (_flip(g),)), _first_shape
    ),
    Operation(
        "sort",
        lambda x: np.sort(x, axis=-1),
        _along_row(lambda g, y, x: (g.graph.call("unsort_as", g, x),)),
        _first_shape,
    ),
    # made by derivative rules
    Operation(  # brings elements into the order that sorts others, their keys
        "sort_as",
        _sort_as,
        _along_row(lambda g, y, x, keys: (g.graph.call("unsort_as", g, keys), None)),
        _first_shape,
    ),
    Operation(  # puts elements back where the sorted ones came from
        "unsort_as",
        _unsort_as,
        _along_row(lambda g, y, x, keys: (g.graph.call("sort_as", g, keys), None)),
        _first_shape,
    ),
    Operation(
        "broadcast_like",
        lambda x, like: np.broadcast_to(x, like.shape),
        lambda g, y, x, like: (g, None),
        lambda x, like: like,
    ),
    Operation(
        "expand_dims",
        np.expand_dims,
        lambda g, y, x, axis: (np.sum(g, axis=axis),),
        _expand_shape,
    ),
)

_OPERATIONS = {operation.name: operation for operation in _PRIMITIVES}


def new_graph() -> Graph:
    """Make an empty graph that knows every primitive."""
    return Graph(_OPERATIONS, CALLS, SYNONYMS, simplify, settle)
