"""Gathering the numbers of a product, so that arrays are multiplied once.

`learning_rate * (m / c)` is two passes over the vector; with the numbers
taken together it is one: `m * (learning_rate / c)`. The numbers themselves
are computed once a step, in float64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nnplug.formulas.graph import Symbol, reapply, walk

__all__ = ["gather_factors"]


def gather_factors(outputs: Sequence[Symbol]) -> list[Symbol]:
    """Rewrite products and quotients of one array with several numbers as one product.

    A number is what depends on no array: constants, the learning rate, the
    step. Only an array that is used once is rewritten, so nothing is computed
    twice; a single factor stays as it was written, to the bit, but for a
    quotient by a number that changes with the step, which becomes a product.

    Parameters
    ----------
    outputs : sequence of Symbol
        Lowered.

    Returns
    -------
    list of Symbol
    """
    order = walk(outputs)
    numbers: set[int] = set()
    for symbol in order:
        if not symbol.shape and (
            symbol.is_constant
            or symbol.is_input
            or all(id(child) in numbers for child in symbol.inputs)
        ):
            numbers.add(id(symbol))
    uses = Counter(id(child) for symbol in order for child in symbol.inputs)
    uses.update(map(id, outputs))
    done: dict[int, Symbol] = {}
    # What a product was made of: the array, the products of the numbers that
    # multiply and that divide it, and how many those are.
    products: dict[int, tuple[Symbol, Symbol, Symbol, int]] = {}
    for symbol in order:
        product = None if id(symbol) in numbers else _split(symbol, numbers)
        if product is None:
            done[id(symbol)] = reapply(symbol, [done[id(child)] for child in symbol.inputs])
            continue
        array, number, inverse = product
        one = symbol.graph.constant(1.0)
        base, above, below, count = done[id(array)], one, one, 0
        if id(array) in products and uses[id(array)] == 1:
            base, above, below, count = products[id(array)]
        extra = done[id(number)]
        above, below = (above, below * extra) if inverse else (above * extra, below)
        products[id(symbol)] = (base, above, below, count + 1)
        if count == 0 and not (inverse and not number.is_constant):
            done[id(symbol)] = reapply(symbol, [done[id(child)] for child in symbol.inputs])
        else:
            done[id(symbol)] = base * (above / below)
    return [done[id(symbol)] for symbol in outputs]


def _split(symbol: Symbol, numbers: set[int]) -> tuple[Symbol, Symbol, bool] | None:
    """See an array times a number, or divided by one (True)."""
    name = symbol.operation.name
    if name not in ("multiply", "divide") or not symbol.shape:
        return None
    a, b = symbol.inputs
    if id(b) in numbers and a.shape:
        return a, b, name == "divide"
    if id(a) in numbers and b.shape and name == "multiply":
        return b, a, False
    return None
