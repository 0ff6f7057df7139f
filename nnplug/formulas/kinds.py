"""Truth values, whole numbers and floats: a formula means what NumPy computes on arrays.

Engines hold truth values as such, and all numbers as floats. NumPy's
arithmetic depends on the dtype: the sum of two truth values is `or`, a whole
number to the power -1 is an error, and the exponential of a truth value has 16
bits. So each operation on symbols is replaced by one that means the same on
floats, or is refused.
"""

from __future__ import annotations

from typing import Any

from nnplug.formulas.graph import Graph, Kind, Operation, Symbol
from nnplug.formulas.refusal import refuse

__all__ = ["as_number", "float_by_numbers", "settle"]

_KINDS: tuple[Kind, ...] = ("bool", "int", "float")

# What NumPy computes where all operands are truth values.
_OF_TRUTHS = {
    "add": "logical_or", "maximum": "logical_or", "fmax": "logical_or",
    "multiply": "logical_and", "minimum": "logical_and", "fmin": "logical_and",
}  # fmt: skip
_UNCHANGED = {"absolute", "floor", "ceil", "trunc"}
_COUNTING = {"sum", "mean", "var", "std", "norm", "cumsum", "divide"}
_EXTREMES = {"max", "min"}
_ERRORS = {"subtract": "xor", "negative": "not", "sign": ""}

# Operations that give whole numbers for whole numbers; the others give floats.
_WHOLE = {
    "add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "negative", "absolute",
    "sign", "floor", "ceil", "trunc", "round", "square", "power", "clip", "where", "sum", "max",
    "min", "matmul", "cumsum", "remainder", "fmod", "floor_divide",
}  # fmt: skip
# Operations whose result is of the kind of their first input.
_PASSING = {"broadcast_like", "expand_dims", "transpose", "take_along_axis", "sort", "flip"}
_DIVIDING = {"remainder", "fmod", "floor_divide"}

_TO_NUMBERS = "turn them into numbers first, with np.where(condition, 1.0, 0.0)"


def settle(
    graph: Graph, operation: Operation, inputs: tuple[Symbol, ...], options: dict[str, Any]
) -> Symbol | tuple[tuple[Symbol, ...], Kind]:
    """Find the inputs for which an operation gives the same in an engine as in NumPy.

    Returns
    -------
    Symbol, or tuple of inputs and str
        The result, if another operation gives it; otherwise the inputs to apply
        this one to, and the kind of its result.

    Raises
    ------
    FormulaError
        If NumPy refuses it, or computes something that its author cannot mean.
    """
    name, kinds = operation.name, [symbol.dtype_kind for symbol in inputs]
    if name in _PASSING:
        return _check_index(name, inputs), inputs[0].dtype_kind
    if operation.dtype == "bool":
        return _floats(inputs), "bool"
    if name == "where":
        kind = _widest(kinds[1:])
        branches = inputs[1:] if kind == "bool" else _numbers(inputs[1:], kind)
        return (inputs[0], *(_floats(branches) if kind == "float" else branches)), kind
    if set(kinds) == {"bool"}:
        settled = _settle_truths(graph, operation, inputs, options)
        if isinstance(settled, Symbol):
            return settled
        inputs = settled
    elif name in ("matmul", "clip"):
        inputs = _numbers(inputs, _widest(kinds))
    whole = name in _WHOLE and all(symbol.dtype_kind != "float" for symbol in inputs)
    if whole and name == "power":
        _check_power(*inputs)
    if whole and name in _DIVIDING:
        _check_divisor(name, inputs[1])
    if name == "reciprocal" and kinds == ["int"]:
        raise refuse(
            "the reciprocal of whole numbers",
            "NumPy's is a whole number too, so 0 for all above 1, and the power -1 is an error",
            "divide, as in 1 / x, or use x**-1.0",
        )
    return (inputs, "int") if whole else (_floats(inputs), "float")


def as_number(symbol: Symbol, kind: Kind = "float") -> Symbol:
    """Write a truth value as 1 or 0, and leave numbers as they are."""
    if symbol.dtype_kind != "bool":
        return symbol
    one, zero = (1.0, 0.0) if kind == "float" else (1, 0)
    return symbol.graph.call("where", symbol, one, zero)


def float_by_numbers(symbol: Symbol) -> bool:
    """Whether only a number in the formula makes a result a float, as in 2.0 ** labels."""
    inputs = symbol.inputs[1:] if symbol.operation.name == "where" else symbol.inputs
    return (
        symbol.dtype_kind == "float"
        and symbol.operation.name in _WHOLE
        and all(given.is_constant or given.dtype_kind != "float" for given in inputs)
    )


def _settle_truths(
    graph: Graph, operation: Operation, inputs: tuple[Symbol, ...], options: dict[str, Any]
) -> Symbol | tuple[Symbol, ...]:
    """Find what an operation means if all its inputs are truth values."""
    name = operation.name
    if name == "add" and not any(symbol.shape for symbol in inputs):
        raise refuse(
            "the sum of two single truth values",
            "Python's is 2, NumPy's is True",
            f"use np.logical_or, or {_TO_NUMBERS}",
        )
    if name in _OF_TRUTHS:
        return graph.apply(graph.operations[_OF_TRUTHS[name]], *inputs)
    if name in _UNCHANGED:
        return inputs[0]
    if name in _COUNTING:
        return _numbers(inputs, "int" if name in ("sum", "cumsum") else "float")
    if name in _EXTREMES:
        extreme = graph.apply(operation, *_numbers(inputs, "float"), **options)
        return graph.call("not_equal", extreme, 0.0)
    if name == "clip":
        x, low, high = inputs
        return graph.call("minimum", graph.call("maximum", x, low), high)
    if name in _ERRORS:
        other = _ERRORS[name]
        instead = f"use np.logical_{other}, or " if other else ""
        raise refuse(f"`{name}` of truth values", "NumPy refuses it", f"{instead}{_TO_NUMBERS}")
    if name == "matmul":
        reason = "NumPy's is `or` where a sum is meant"
    elif name in ("square", "power", "reciprocal", *_DIVIDING):
        reason = "NumPy computes it in whole numbers of 8 bits"
    elif operation.ufunc is not None:
        reason = "NumPy computes it in floats of 16 bits"
    else:
        reason = "it is a function of numbers"
    raise refuse(f"`{name}` of truth values", reason, _TO_NUMBERS)


def _widest(kinds: list[Kind]) -> Kind:
    return max(kinds, key=_KINDS.index)


def _numbers(inputs: tuple[Symbol, ...], kind: Kind) -> tuple[Symbol, ...]:
    return tuple([as_number(symbol, kind) for symbol in inputs])


def _floats(inputs: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Write 2 as 2.0 where the result is the same, so that equal nodes stay one node."""
    return tuple(
        [
            symbol.graph.constant(symbol.value)
            if symbol.is_constant and symbol.dtype_kind == "int"
            else symbol
            for symbol in inputs
        ]
    )


def _check_index(name: str, inputs: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    index = inputs[1] if name == "take_along_axis" else None
    if index is not None and not (index.is_input and index.dtype_kind == "int"):
        raise refuse(
            "`take_along_axis` by computed indices",
            "only labels are sure to be whole numbers in range",
            "choose by the argument `labels` itself, or use np.where",
        )
    return inputs


def _check_power(base: Symbol, exponent: Symbol) -> None:
    """Refuse powers of whole numbers that NumPy refuses for some exponents, or that overflow."""
    if base.dtype_kind == "bool" or not (exponent.is_constant and exponent.value >= 0):
        raise refuse(
            "a power of whole numbers",
            "NumPy refuses negative exponents there, and gives no fractions",
            "use a float: 2.0 ** n, x ** -2.0, or 1.0 * x",
        )


def _check_divisor(name: str, divisor: Symbol) -> None:
    if not (divisor.is_constant and divisor.value):
        raise refuse(
            f"`{name}` of whole numbers, by something that may be 0",
            "NumPy gives 0 where whole numbers are divided by 0",
            "use a float, as in a % (1.0 * b)",
        )
