"""The primitives: every operation that a formula may use, with its derivative.

A derivative rule is the chain rule: `g` is the derivative of some number with
respect to the output `y`, and the rule returns that number's derivative with
respect to each input. Rules are formulas themselves, traced on the same
symbols, so that they share sub-expressions with the value.

At a kink the derivative is the one from the left: `maximum(x, 0)` has 0 at 0,
`minimum(x, 0)` has 1, `clip` has 0 at the lower bound and 1 at the upper. At 0,
`absolute` has 0. Where two symbols tie, `maximum` passes the gradient on to the
second and `minimum` to the first. `max` and `min` over an axis share it equally
among ties; `sort` keeps ties in their order, and gives each its own. `hypot`,
`arctan2`, `std` and norms have 0 at the origin. Steps (`sign`, `floor`, `round`,
comparisons, `heaviside`, the sign that `copysign` takes) have 0 everywhere, and
so have the jumps of `remainder` and `fmod`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.formulas.calls import CALLS, SYNONYMS
from nnplug.formulas.graph import Graph, Operation, Symbol
from nnplug.formulas.kinds import settle
from nnplug.formulas.refusal import refuse
from nnplug.formulas.rules import (
    along_row,
    arctan2_rule,
    choose,
    clip_rule,
    columns_rule,
    copysign_rule,
    degrees,
    distance,
    extreme_rule,
    flip,
    gather_rule,
    hypot_rule,
    matmul_rule,
    norm_rule,
    place_columns_rule,
    power_rule,
    remainder_rule,
    simplify,
    sinc_rule,
    std_rule,
    sum_rule,
    var_rule,
)
from nnplug.formulas.shapes import Shape, broadcast_shapes, shape_text
from nnplug.types import AnyArray

__all__ = ["new_graph"]

Rule = Callable[..., Any]


def _ufunc(ufunc: np.ufunc, rule: Rule | None = None, *, lower: Rule | None = None) -> Operation:
    return Operation(ufunc.__name__, ufunc, rule, ufunc=ufunc, lower=lower)


def _predicate(ufunc: np.ufunc) -> Operation:
    return Operation(ufunc.__name__, ufunc, ufunc=ufunc, dtype="bool")


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


# --- evaluation on arrays, where NumPy has no single function ----------------------


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
    return variance * (count / np.float64(max(count - ddof, 0)))  # np.var would warn of a 0


def _std(x: AnyArray, axis: int | None, keepdims: bool, ddof: float) -> Any:
    return np.sqrt(_var(x, axis, keepdims, ddof))


def _order(x: AnyArray) -> AnyArray:
    """Give where `np.sort` takes the elements of each row from, ties in their order."""
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
    away = distance(x, axis, keepdims)
    return np.sum(away * away, axis=axis, keepdims=keepdims) / degrees(x, axis, ddof)


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
    _ufunc(np.power, power_rule, lower=_lower_power),
    _ufunc(np.negative, lambda g, y, x: (-g,)),
    _ufunc(np.reciprocal, lambda g, y, x: (-g * (y * y),)),
    _ufunc(np.square, lambda g, y, x: ((2 * g) * x,)),
    _ufunc(np.sqrt, lambda g, y, x: ((0.5 * g) / y,)),
    _ufunc(np.cbrt, lambda g, y, x: (g / (3 * (y * y)),)),
    _ufunc(np.hypot, hypot_rule),
    _ufunc(np.remainder, remainder_rule),
    _ufunc(np.fmod, remainder_rule),
    # steps and kinks
    _ufunc(np.absolute, lambda g, y, x: (g * np.sign(x),)),
    _ufunc(np.sign),
    _ufunc(np.copysign, copysign_rule),
    _ufunc(np.floor),
    _ufunc(np.ceil),
    _ufunc(np.trunc),
    _ufunc(np.floor_divide),
    _ufunc(np.heaviside, lambda g, y, x, at: (None, np.where(x == 0, g, 0))),
    Operation("round", np.rint, ufunc=np.rint),
    _ufunc(np.maximum, lambda g, y, a, b: choose(a > b, g)),
    _ufunc(np.minimum, lambda g, y, a, b: choose(a <= b, g)),
    _ufunc(np.fmax, lambda g, y, a, b: choose(a > b, g)),
    _ufunc(np.fmin, lambda g, y, a, b: choose(a <= b, g)),
    Operation(
        "clip",
        np.clip,
        clip_rule,
        lower=lambda x, low, high: np.minimum(np.maximum(x, low), high),
    ),
    Operation(
        "where",
        np.where,
        lambda g, y, condition, a, b: (None, *choose(condition, g)),
        overwrites=(1,),  # the NumPy engine takes several passes, each of which reads the others
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
    _ufunc(np.arctan2, arctan2_rule),
    Operation("sinc", np.sinc, sinc_rule, lower=_lower_sinc),
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
    Operation("sum", _reduce(np.sum), sum_rule, _reduced_shape),
    Operation(
        "mean",
        _reduce(np.mean),
        lambda g, y, x, axis, keepdims: sum_rule(
            g / g.graph.size(x.shape if axis is None else (x.shape[axis],)), y, x, axis, keepdims
        ),
        _reduced_shape,
        lower=_lower_mean,
    ),
    Operation("max", _reduce(np.max), extreme_rule, _reduced_shape),
    Operation("min", _reduce(np.min), extreme_rule, _reduced_shape),
    Operation("var", _var, var_rule, _spread_shape, lower=_lower_var),
    Operation("std", _std, std_rule, _spread_shape, lower=_lower_std),
    Operation("norm", _reduce(np.linalg.norm), norm_rule, _reduced_shape, lower=_lower_norm),
    Operation("matmul", np.matmul, matmul_rule, _matmul_shape, ufunc=np.matmul),
    Operation("transpose", np.transpose, lambda g, y, x: (g.T,), lambda shape: shape[::-1]),
    Operation(
        "take_along_axis",
        lambda x, indices: np.take_along_axis(x, indices, axis=-1),
        gather_rule,
        lambda x, indices: broadcast_shapes("take_along_axis", indices, (*x[:-1], 1)),
    ),
    Operation("one_hot", _one_hot, None, lambda indices, like: like),
    # blocks of columns, as wide as another array: for losses that take several outputs
    Operation("columns", _columns, columns_rule, lambda x, like, place: like),
    Operation("place_columns", _place_columns, place_columns_rule, lambda x, like, place: like),
    # along each row
    Operation(
        "cumsum",
        lambda x: np.cumsum(x, axis=-1),
        along_row(lambda g, y, x: (flip(np.cumsum(flip(g), axis=-1)),)),
        _first_shape,
    ),
    Operation(
        "flip", lambda x: np.flip(x, axis=-1), along_row(lambda g, y, x: (flip(g),)), _first_shape
    ),
    Operation(
        "sort",
        lambda x: np.sort(x, axis=-1),
        along_row(lambda g, y, x: (g.graph.call("unsort_as", g, x),)),
        _first_shape,
    ),
    # used by derivative rules
    Operation(  # puts elements into the order that sorts others, their keys
        "sort_as",
        _sort_as,
        along_row(lambda g, y, x, keys: (g.graph.call("unsort_as", g, keys), None)),
        _first_shape,
    ),
    Operation(  # puts elements back where the sorted ones came from
        "unsort_as",
        _unsort_as,
        along_row(lambda g, y, x, keys: (g.graph.call("sort_as", g, keys), None)),
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
