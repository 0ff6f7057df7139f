"""Reverse accumulation over the expression graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from nnplug.formulas.graph import Graph, Symbol, walk
from nnplug.formulas.shapes import Shape

__all__ = ["depending", "differentiate"]


def differentiate(output: Symbol, arguments: Sequence[Symbol], seed: Symbol) -> list[Symbol]:
    """Derive a formula with respect to some of its arguments.

    Parameters
    ----------
    output : Symbol
        The formula's value.
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
    order = walk([output])
    needed = set(map(id, (*arguments, *depending([output], arguments))))
    gradients: dict[int, _Gradient] = {id(output): _plain(_match(graph, seed, output))}
    for symbol in reversed(order):
        gradient = gradients.get(id(symbol))
        rule = symbol.operation.derivative
        if gradient is None or rule is None or id(symbol) not in needed:
            continue
        if not symbol.operation.elementwise:
            gradient = _plain(_total(gradient.values()))
        for mask, selected in _join(gradient).values():
            shares = rule(selected, symbol, *symbol.inputs, **dict(symbol.options))
            for child, share in zip(symbol.inputs, shares, strict=True):
                if share is not None and id(child) in needed:
                    entry = gradients.setdefault(id(child), {})
                    _add(entry, mask, graph.symbol(share), symbol, child)
                    if len(entry) > TERMS:
                        gradients[id(child)] = _join(entry)
    zero = _plain(graph.constant(0.0))
    return [
        _match(graph, _total(gradients.get(id(argument), zero).values()), argument)
        for argument in arguments
    ]


# A gradient that flows back through `where` (or `maximum`, `clip`, ...) is zero
# wherever the condition chose the other branch, even if the derivative of the
# branch not taken is infinite or NaN there. So a gradient is kept as a sum of
# terms, each with the conditions under which it counts, and the selection is
# written last, outside all products: 0 times infinity is never computed.
#
# Each choice may double the number of terms, and add a condition to each of
# them. Where they become too many, they are joined to one term, under one
# condition: that any of their conditions holds. So the work stays proportional
# to the number of operations.
_Mask = tuple[tuple[Symbol, bool], ...]
_Gradient = dict[tuple[tuple[int, bool], ...], tuple[_Mask, Symbol]]
"""Terms by the identity of their conditions (symbols compare as arrays do)."""

TERMS = 3
"""Terms of a gradient, and conditions of a term, that are kept apart."""


def _plain(term: Symbol) -> _Gradient:
    return {(): ((), term)}


def _add(entry: _Gradient, mask: _Mask, share: Symbol, symbol: Symbol, child: Symbol) -> None:
    """Add one term to a gradient, its outermost selections taken off."""
    if symbol.operation.elementwise:
        while (peeled := _peel(share)) is not None:
            condition, taken, share = peeled
            known = [taken is other for met, other in mask if met is condition]
            if not all(known):
                return  # the same choice went the other way further out: never reached
            if not known:
                mask = (*mask, (condition, taken))
    full = symbol.shape if symbol.operation.elementwise else share.shape
    if child.shape != full:
        # A condition that does not vary along the summed dimensions stays outside the sum.
        same = [_fits(condition.shape, child.shape) for condition, _ in mask]
        inside = tuple(term for term, stays in zip(mask, same, strict=True) if not stays)
        share = _reduce_to(_select(inside, share), symbol, child.shape)
        mask = tuple(term for term, stays in zip(mask, same, strict=True) if stays)
    _put(entry, mask, share)


def _fits(shape: Shape, larger: Shape) -> bool:
    """Whether an array has an element for each element of another, by broadcasting."""
    return len(shape) <= len(larger) and all(
        a in (1, b) for a, b in zip(shape[::-1], larger[::-1], strict=False)
    )


def _join(gradient: _Gradient) -> _Gradient:
    """Join terms that differ only in which way one condition went; if there are many, join all.

    The joined term counts on both sides of the condition, so nothing is lost,
    and a chain of choices keeps one term instead of doubling them at each.
    """
    merged = dict(gradient)
    joined = True
    while joined:
        joined = False
        for key, (mask, _) in list(merged.items()):
            for position, (condition, taken) in enumerate(mask):
                other = (*key[:position], (id(condition), not taken), *key[position + 1 :])
                if key in merged and other in merged:
                    # not as listed: another pair may have been added to either since
                    (_, share), (_, rest) = merged[key], merged[other]
                    branches = (share, rest) if taken else (rest, share)
                    del merged[key], merged[other]
                    whole = share.graph.call("where", condition, *branches)
                    _put(merged, (*mask[:position], *mask[position + 1 :]), whole)
                    joined = True
    terms = [
        (mask, share) if len(mask) <= TERMS else (((_holds(mask), True),), share)
        for mask, share in merged.values()
    ]
    if len(terms) > TERMS:
        total = _total(terms)
        every = any(not mask for mask, _ in terms)  # one of them counts everywhere
        live = () if every else ((reduce(_either, [_holds(mask) for mask, _ in terms]), True),)
        terms = [(live, total)]
    few: _Gradient = {}
    for mask, share in terms:
        _put(few, mask, share)
    return few


def _put(entry: _Gradient, mask: _Mask, share: Symbol) -> None:
    """Add a term to those with the same conditions."""
    key = tuple((id(condition), taken) for condition, taken in mask)
    entry[key] = (mask, entry[key][1] + share if key in entry else share)


def _holds(mask: _Mask) -> Symbol:
    """Write that all conditions of a term hold."""
    return reduce(
        lambda a, b: a.graph.call("logical_and", a, b),
        (
            condition if taken else condition.graph.call("logical_not", condition)
            for condition, taken in mask
        ),
    )


def _either(a: Symbol, b: Symbol) -> Symbol:
    return a.graph.call("logical_or", a, b)


def _peel(share: Symbol) -> tuple[Symbol, bool, Symbol] | None:
    """Take `where(c, h, 0)` or `where(c, 0, h)` apart, broadcast or not; None for other nodes."""
    stretched = share.operation.name == "broadcast_like"
    choice = share.inputs[0] if stretched else share
    if choice.operation.name != "where":
        return None
    condition, a, b = choice.inputs
    if not (_is_zero(a) or _is_zero(b)):
        return None
    rest = a if _is_zero(b) else b
    if stretched:
        rest = share.graph.call("broadcast_like", rest, share.inputs[1])
    return condition, _is_zero(b), rest


def _is_zero(symbol: Symbol) -> bool:
    return symbol.is_constant and symbol.value == 0.0


def _select(mask: _Mask, share: Symbol) -> Symbol:
    for condition, taken in reversed(mask):
        branches = (share, 0.0) if taken else (0.0, share)
        share = share.graph.call("where", condition, *branches)
    return share


def _total(terms: Iterable[tuple[_Mask, Symbol]]) -> Symbol:
    total, *rest = (_select(mask, share) for mask, share in terms)
    for term in rest:
        total = total + term
    return total


def depending(outputs: Sequence[Symbol], arguments: Sequence[Symbol]) -> list[Symbol]:
    """List the nodes that depend on one of the arguments, without the arguments."""
    found = {id(argument) for argument in arguments}
    nodes: list[Symbol] = []
    for symbol in walk(outputs):
        if not found.isdisjoint(map(id, symbol.inputs)):
            found.add(id(symbol))
            nodes.append(symbol)
    return nodes


def _match(graph: Graph, gradient: Symbol, like: Symbol) -> Symbol:
    """Broadcast a gradient to its variable's shape, if it has another."""
    if gradient.shape == like.shape:
        return gradient
    return graph.call("broadcast_like", gradient, like)


def _reduce_to(share: Symbol, symbol: Symbol, shape: Shape) -> Symbol:
    """Sum over the dimensions along which an input of `shape` was broadcast."""
    graph = share.graph
    share = _match(graph, share, symbol)
    if len(shape) == 0:
        return graph.call("sum", share)
    while share.ndim > len(shape):
        share = graph.call("sum", share, axis=0)
    for axis in range(-len(shape), 0):
        if shape[axis] == 1 and share.shape[axis] != 1:
            share = graph.call("sum", share, axis=axis, keepdims=True)
    return share
