"""Reverse accumulation over the expression graph."""

from __future__ import annotations

from collections.abc import Sequence

from nnplug.formulas.graph import Graph, Shape, Symbol, walk

__all__ = ["differentiate"]


def differentiate(output: Symbol, arguments: Sequence[Symbol], seed: Symbol) -> list[Symbol]:
    """Derive a formula with respect to some of its arguments.

    Parameters
    ----------
    output : Symbol
        What the formula returns.
    arguments : sequence of Symbol
        The arguments to derive by.
    seed : Symbol
        The derivative of some number with respect to `output`; broadcast to
        its shape.

    Returns
    -------
    list of Symbol
        The derivative of that number with respect to each argument, of the
        argument's shape. Nodes that the value already has are shared.
    """
    graph = output.graph
    zero = graph.constant(0.0)
    gradients: dict[int, Symbol] = {id(output): _match(graph, seed, output)}
    order = walk([output])
    needed = _depending(order, arguments)
    for symbol in reversed(order):
        gradient = gradients.get(id(symbol))
        rule = symbol.operation.derivative
        if gradient is None or rule is None or id(symbol) not in needed:
            continue
        parts = rule(gradient, symbol, *symbol.inputs, **dict(symbol.options))
        for child, part in zip(symbol.inputs, parts, strict=True):
            if part is None or id(child) not in needed:
                continue
            share = _reduce_to(graph, graph.symbol(part), symbol.shape, child.shape)
            sofar = gradients.get(id(child))
            gradients[id(child)] = share if sofar is None else sofar + share
    return [_match(graph, gradients.get(id(argument), zero), argument) for argument in arguments]


def _depending(order: list[Symbol], arguments: Sequence[Symbol]) -> set[int]:
    """Find the nodes whose value changes with one of the arguments."""
    found = {id(argument) for argument in arguments}
    for symbol in order:
        if any(id(child) in found for child in symbol.inputs):
            found.add(id(symbol))
    return found


def _match(graph: Graph, gradient: Symbol, like: Symbol) -> Symbol:
    """Note that a gradient has its variable's shape, if it does not show it."""
    if gradient.shape == like.shape:
        return gradient
    return graph.call("broadcast_like", gradient, like)


def _reduce_to(graph: Graph, share: Symbol, full: Shape, shape: Shape) -> Symbol:
    """Sum over the dimensions along which an input was broadcast.

    `full` is the output's shape and `shape` the input's; a share that is
    itself still narrower than `full` stands for its broadcast.
    """
    if share.shape == shape or full == shape:
        return share
    if len(shape) == 0:
        return graph.call("sum", _widen(graph, share, full))
    share = _widen(graph, share, full)
    while share.ndim > len(shape):
        share = graph.call("sum", share, axis=0)
    for axis in range(-len(shape), 0):
        if shape[axis] == 1 and share.shape[axis] != 1:
            share = graph.call("sum", share, axis=axis, keepdims=True)
    return share


def _widen(graph: Graph, share: Symbol, full: Shape) -> Symbol:
    if share.shape == full:
        return share
    return graph.call("broadcast_like", share, graph.input("·".join(map(str, full)), full))
