"""NumPy's functions as a formula calls them, written as primitives.

Most functions are primitives as they stand; here are those with another name,
with options, or with a simpler form for some arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.kinds import as_number
from nnplug.formulas.refusal import refuse
from nnplug.formulas.shapes import shape_text

__all__ = ["CALLS", "SYNONYMS"]

SYNONYMS = {
    "true_divide": "divide",
    "abs": "absolute",
    "amax": "max",
    "amin": "min",
    "around": "round",
    "mod": "remainder",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "fix": "trunc",
    "pow": "power",
}


def _refuse_options(name: str, options: dict[str, Any]) -> None:
    given = [key for key, value in options.items() if value is not None]
    if given:
        raise refuse(
            f"`{name}` is given {', '.join(sorted(given))}",
            "that option cannot be traced",
            "leave it out",
        )


def _reduction(name: str) -> Callable[..., Symbol]:
    def call(graph: Graph, x: Any, axis: Any = None, keepdims: Any = False, **rest: Any) -> Symbol:
        _refuse_options(name, rest)
        return _reduced(graph, name, x, axis, keepdims)

    return call


def _reduced(graph: Graph, name: str, x: Any, axis: Any, keepdims: Any, **options: Any) -> Symbol:
    symbol = graph.symbol(x)
    if axis is not None:
        if not isinstance(axis, int | np.integer):
            raise refuse(
                f"`{name}` over axis={axis!r}",
                "one axis or all can be reduced",
                "use axis=-1 with keepdims=True",
            )
        if not -symbol.ndim <= axis < symbol.ndim:
            raise refuse(
                f"`{name}` over axis={axis} of shape {shape_text(symbol.shape)}",
                "there is no such axis",
                "use axis=-1",
            )
        axis = int(axis) % symbol.ndim - symbol.ndim
    operation = graph.operations[name]
    return graph.apply(operation, symbol, axis=axis, keepdims=bool(keepdims), **options)


def _spread(name: str) -> Callable[..., Symbol]:
    """Take `np.var` and `np.std`, whose third and fourth arguments are dtype and out."""

    def call(
        graph: Graph,
        x: Any,
        axis: Any = None,
        dtype: None = None,
        out: None = None,
        ddof: Any = 0,
        keepdims: Any = False,
        *,
        correction: Any = None,
        **rest: Any,
    ) -> Symbol:
        _refuse_options(name, {"dtype": dtype, "out": out, **rest})
        less = ddof if correction is None else correction
        if not isinstance(less, int | float | np.integer | np.floating):
            raise refuse(
                f"`{name}` with ddof={less!r}", "it must be a number", "use ddof=0 or ddof=1"
            )
        return _reduced(graph, name, x, axis, keepdims, ddof=less)

    return call


def _along_rows(name: str) -> Callable[..., Symbol]:
    """Take a function that keeps the shape and goes along the last axis."""

    def call(graph: Graph, x: Any, axis: Any = "not given", **rest: Any) -> Symbol:
        symbol = graph.symbol(x)
        if name == "sort":  # equal numbers look the same in any order
            rest = {key: rest[key] for key in rest.keys() - {"kind", "stable"}}
        _refuse_options(name, rest)
        if axis == "not given":
            axis = -1 if name == "sort" else None
        # Without an axis, NumPy takes the whole array as one row, or reverses all axes.
        if not symbol.ndim or axis not in (
            (-1, 0, None) if symbol.ndim == 1 else (-1, symbol.ndim - 1)
        ):
            raise refuse(
                f"`{name}` over axis={axis!r} of shape {shape_text(symbol.shape)}",
                "each row stands by itself",
                f"use np.{name}(x, axis=-1)",
            )
        return graph.apply(graph.operations[name], symbol)

    return call


def _round(graph: Graph, x: Any, decimals: int = 0, out: None = None) -> Symbol:
    if decimals != 0:
        raise refuse(
            "`round` to decimals", "only whole numbers can be traced", "scale, round and scale back"
        )
    return graph.apply(graph.operations["round"], x)


def _clip(
    graph: Graph,
    x: Any,
    a_min: Any = None,
    a_max: Any = None,
    *,
    min: Any = None,  # noqa: A002  # NumPy's names
    max: Any = None,  # noqa: A002
) -> Symbol:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None and high is None:
        return graph.symbol(x)
    if low is None:
        return graph.call("minimum", x, high)
    if high is None:
        return graph.call("maximum", x, low)
    return graph.apply(graph.operations["clip"], x, low, high)


def _where(graph: Graph, *args: Any) -> Symbol:
    if len(args) != 3:
        raise refuse(
            "`np.where` with a condition alone",
            "it gives indices, whose number is not known while tracing",
            "use np.where(condition, a, b)",
        )
    condition, a, b = map(graph.symbol, args)
    return graph.apply(graph.operations["where"], _truth(graph, condition), a, b)


def _truth(graph: Graph, condition: Symbol) -> Symbol:
    return condition if condition.dtype_kind == "bool" else graph.call("not_equal", condition, 0)


def _bitwise(name: str) -> Callable[..., Symbol]:
    """Take `&`, `|`, `^` and `~` of truth values as the logical operations."""

    def call(graph: Graph, *args: Any) -> Symbol:
        symbols = [graph.symbol(arg) for arg in args]
        if name == "logical_not" and not symbols[0].shape:
            raise refuse(
                "`~` of a single truth value",
                "Python's is the number -1 or -2, which counts as true",
                "use np.logical_not",
            )
        if any(symbol.dtype_kind != "bool" for symbol in symbols):
            raise refuse(
                "`&`, `|`, `^` or `~` of numbers",
                "they combine truth values",
                f"compare first, as in (x > 0) & (x < 1), or use np.{name}",
            )
        return graph.apply(graph.operations[name], *symbols)

    return call


def _take_along_axis(graph: Graph, x: Any, indices: Any, axis: Any = -1) -> Symbol:
    symbol = graph.symbol(x)
    if axis not in (-1, symbol.ndim - 1):
        raise refuse(f"`take_along_axis` over axis={axis}", "rows are independent", "use axis=-1")
    labels = graph.symbol(indices)
    if labels.shape[-1:] != (1,) or labels.ndim != symbol.ndim:
        raise refuse(
            f"`take_along_axis` with indices of shape {shape_text(labels.shape)}",
            "one element of each row is chosen",
            "give labels of shape (N, 1)",
        )
    return graph.apply(graph.operations["take_along_axis"], symbol, labels)


def _norm(
    graph: Graph,
    x: Any,
    ord: Any = None,  # noqa: A002  # NumPy's name
    axis: Any = None,
    keepdims: bool = False,
) -> Symbol:
    # Of a whole matrix, ord=2 is the largest singular value.
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and graph.symbol(x).ndim > 1):
        raise refuse(
            f"`np.linalg.norm` with ord={ord!r}",
            "only the Euclidean norm is traced",
            "leave ord out, or write the norm with np.sum and np.abs",
        )
    return _reduction("norm")(graph, x, axis, keepdims)


def _transpose(graph: Graph, x: Any, axes: Any = None) -> Symbol:
    if axes is not None:
        raise refuse("`transpose` with axes", "only a matrix is transposed", "use x.T")
    return graph.apply(graph.operations["transpose"], x)


def _power(graph: Graph, base: Any, exponent: Any) -> Symbol:
    """Write x**2, x**0.5, x**1 and x**-1 as their own operations."""
    x, power = graph.symbol(base), graph.symbol(exponent)
    plain = graph.operations["power"]
    if x.dtype_kind == "bool" and power.dtype_kind != "float":
        return graph.apply(plain, x, power)  # this refuses it
    if power.dtype_kind == "float":
        x = _as_float(x)
    special = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}
    if power.is_constant and power.value == 1.0:
        return x
    if power.is_constant and power.value == 0.0:
        return graph.call("ones_like", x)
    if power.is_constant and power.value in special:
        return graph.apply(graph.operations[special[power.value]], x)
    return graph.apply(plain, x, power)


def _float_power(graph: Graph, base: Any, exponent: Any) -> Symbol:
    return _power(graph, *(_as_float(graph.symbol(operand)) for operand in (base, exponent)))


def _as_float(x: Symbol) -> Symbol:
    """Turn whole numbers and truth values into floats."""
    return as_number(x) if x.dtype_kind == "bool" else x if x.dtype_kind == "float" else x * 1.0


def _fabs(graph: Graph, x: Any) -> Symbol:
    symbol = graph.symbol(x)
    if symbol.dtype_kind == "bool":
        raise refuse(
            "`fabs` of truth values",
            "NumPy computes it in floats of 16 bits",
            "turn them into numbers first, with np.where(condition, 1.0, 0.0)",
        )
    return graph.call("absolute", _as_float(symbol))


def _rint(graph: Graph, x: Any) -> Symbol:
    symbol = graph.symbol(x)
    return _round(graph, symbol if symbol.dtype_kind == "bool" else _as_float(symbol))


def _positive(graph: Graph, x: Any) -> Symbol:
    symbol = graph.symbol(x)
    if symbol.dtype_kind == "bool":
        raise refuse("`+` before truth values", "NumPy refuses it", "leave it out")
    return symbol


def _filled_like(number: int) -> Callable[..., Symbol]:
    def call(graph: Graph, x: Any, **options: Any) -> Symbol:
        _refuse_options(f"{'ones' if number else 'zeros'}_like", options)
        like = graph.symbol(x)
        value = {"bool": bool, "int": int, "float": float}[like.dtype_kind](number)
        return graph.call("broadcast_like", value, like)

    return call


CALLS: dict[str, Callable[..., Symbol]] = {
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "var": _spread("var"),
    "std": _spread("std"),
    "sort": _along_rows("sort"),
    "cumsum": _along_rows("cumsum"),
    "flip": _along_rows("flip"),
    "isnan": lambda graph, x: graph.call("not_equal", x, x),
    "isinf": lambda graph, x: graph.call("equal", graph.call("absolute", x), math.inf),
    "isfinite": lambda graph, x: graph.call("less", graph.call("absolute", x), math.inf),
    "amax": _reduction("max"),
    "amin": _reduction("min"),
    "clip": _clip,
    "where": _where,
    "take_along_axis": _take_along_axis,
    "norm": _norm,
    "dot": lambda graph, a, b: graph.call("matmul", a, b),
    "bitwise_and": _bitwise("logical_and"),
    "bitwise_or": _bitwise("logical_or"),
    "bitwise_xor": _bitwise("logical_xor"),
    "invert": _bitwise("logical_not"),
    "transpose": _transpose,
    "power": _power,
    "float_power": _float_power,
    "fabs": _fabs,
    "pow": _power,
    "round": _round,
    "around": _round,
    "rint": _rint,
    "positive": _positive,
    "square": lambda graph, x: graph.apply(graph.operations["square"], x),
    "ones_like": _filled_like(1),
    "zeros_like": _filled_like(0),
}
"""How to apply each function of NumPy, by its name."""
