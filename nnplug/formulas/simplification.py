"""Simplification of an expression while it is noted, without changing a bit."""

from __future__ import annotations

from typing import Any

from nnplug.formulas.graph import Graph, Operation, Shape, Symbol

__all__ = ["simplify"]


def simplify(
    graph: Graph,
    operation: Operation,
    inputs: tuple[Symbol, ...],
    options: dict[str, Any],
    shape: Shape,
) -> Symbol | None:
    """Drop arithmetic that changes no bit: x-0, x*1, x/1, --x, max(x, x), a + -b.

    `0 * x` stays, since it is NaN where x is not finite.
    """
    name = operation.name
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
            # The number goes second: which operand the derivative prefers at a tie
            # depends on the order.
            return graph.apply(operation, inputs[1], inputs[0])
        return inputs[0] if inputs[0] is inputs[1] else None
    if any(symbol.dtype_kind == "bool" for symbol in inputs):
        return None  # arithmetic with a number is what turns a truth value into one
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
        # Two halves of one choice: where(c, p, 0) + where(c, 0, q).
        (c, p, zero), (d, other, q) = a.inputs, b.inputs
        if c is d and _is_zero(zero) and _is_zero(other):
            return graph.call("where", c, p, q)
        if c is d and _is_zero(p) and _is_zero(q):
            return graph.call("where", c, other, zero)
    return None


def _is_zero(symbol: Symbol) -> bool:
    return symbol.is_constant and symbol.value == 0.0
