"""A derivative as a textbook writes it: one number in front, powers, one fraction.

The chain rule leaves the factors of a product in the order in which it met
them, with numbers in between: `-t * (1.128 * exp(-(u * u))) * -0.707`. Here
that becomes `0.798 * t * exp(-u**2)`. It is used for printing only: a run
computes what the rules of differentiation wrote. Both give the same numbers
up to rounding.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnplug.formulas.graph import Symbol, reapply, walk

__all__ = ["tidy"]

_SHORT = 6
"""A quotient of numbers is written as a decimal up to this length: 0.0625, not 1 / 16."""


@dataclass(frozen=True)
class _Product:
    """A number, kept as a quotient, times symbols, divided by symbols."""

    above: float
    below: float = 1.0
    factors: tuple[Symbol, ...] = ()
    divisors: tuple[Symbol, ...] = ()

    def __mul__(self, other: _Product) -> _Product:
        return _Product(
            self.above * other.above,
            self.below * other.below,
            self.factors + other.factors,
            self.divisors + other.divisors,
        )

    def __neg__(self) -> _Product:
        return _Product(-self.above, self.below, self.factors, self.divisors)

    def inverse(self) -> _Product:
        """Exchange the factors and the divisors."""
        return _Product(self.below, self.above, self.divisors, self.factors)

    @property
    def number(self) -> float:
        """The number that the symbols are multiplied by."""
        return self.above / self.below if self.below else math.nan

    @property
    def is_plain(self) -> bool:
        """Whether it is a number times at most one symbol, which needs no name of its own."""
        return len(self.factors) <= 1 and not self.divisors

    @property
    def symbols(self) -> tuple[list[int], list[int]]:
        """The factors and the divisors, in a fixed order and without the number."""
        return sorted(map(id, self.factors)), sorted(map(id, self.divisors))


def tidy(outputs: Sequence[Symbol], written: Sequence[Symbol] = ()) -> list[Symbol]:
    """Rewrite formulas for reading.

    Parameters
    ----------
    outputs : sequence of Symbol
        Derivatives.
    written : sequence of Symbol, optional
        The author's formulas. The outputs go on using their sub-expressions, so
        that each is printed once, as the author wrote it.

    Returns
    -------
    list of Symbol
        One per output, equal to it up to rounding.
    """
    # Twice: a node that equal terms shared may now be used once only.
    return _pass(_pass(outputs, written), written)


def _pass(outputs: Sequence[Symbol], written: Sequence[Symbol]) -> list[Symbol]:
    own = set(map(id, walk(written)))
    order = walk([*written, *outputs])
    users: defaultdict[int, set[int]] = defaultdict(set)
    for symbol in order:
        for child in symbol.inputs:
            users[id(child)].add(id(symbol))
    ends = set(map(id, outputs))
    done: dict[int, Symbol] = {}
    products: dict[int, _Product] = {}
    for symbol in order:
        given = [products[id(child)] for child in symbol.inputs]
        product = _product(symbol, given)
        if id(symbol) in own:
            done[id(symbol)] = symbol
            if product is None or not product.is_plain:
                product = _Product(1.0, factors=(symbol,))
        elif product is None:
            new = _sum(symbol, given)
            if new is None or new.shape != symbol.shape:
                new = reapply(symbol, [done[id(child)] for child in symbol.inputs])
            done[id(symbol)], product = new, _Product(1.0, factors=(new,))
        else:
            if not product.is_plain and len(users[id(symbol)]) + (id(symbol) in ends) > 1:
                # It is named and written once, but its number still folds with others.
                rest = _write(symbol, replace(product, above=1.0, below=1.0))
                product = _Product(product.above, product.below, (rest,))
            done[id(symbol)] = _write(symbol, product)
        products[id(symbol)] = product
    return [done[id(output)] for output in outputs]


def _is_arithmetic(symbol: Symbol) -> bool:
    """Whether a node computes floats from floats: arithmetic on truth values and labels differs.

    Whole numbers in a formula count as floats where a float is computed from them.
    """
    return symbol.dtype_kind == "float" and all(
        child.dtype_kind == "float" or (child.is_constant and child.dtype_kind == "int")
        for child in symbol.inputs
    )


def _product(symbol: Symbol, given: Sequence[_Product]) -> _Product | None:
    """Split a product into its number and the rest; None for other nodes and for kept numbers."""
    if symbol.is_constant:
        found = _Product(symbol.value)
    elif not _is_arithmetic(symbol):
        return None
    else:
        match symbol.operation.name:
            case "multiply":
                found = given[0] * given[1]
            case "divide":
                found = given[0] * given[1].inverse()
            case "negative":
                found = -given[0]
            case "square":
                found = given[0] * given[0]
            case "reciprocal":
                found = given[0].inverse()
            case "add" if given[0].symbols == given[1].symbols:
                found = replace(given[0], above=given[0].number + given[1].number, below=1.0)
            case "subtract" if given[0].symbols == given[1].symbols:
                found = replace(given[0], above=given[0].number - given[1].number, below=1.0)
            case _:
                return None
    return found if 0 < abs(found.number) < math.inf else None


def _sum(symbol: Symbol, given: Sequence[_Product]) -> Symbol | None:
    """Write a sum or difference without two signs in a row; None if it is neither."""
    name = symbol.operation.name
    if name not in ("add", "subtract") or not _is_arithmetic(symbol):
        return None
    first, second = given[0], -given[1] if name == "subtract" else given[1]
    if second.number < 0:
        return symbol.graph.call("subtract", _write(symbol, first), _write(symbol, -second))
    if first.number < 0:
        return symbol.graph.call("subtract", _write(symbol, second), _write(symbol, -first))
    return symbol.graph.call("add", _write(symbol, first), _write(symbol, second))


def _write(symbol: Symbol, product: _Product) -> Symbol:
    """Write a product: the number, then named numbers, then arrays; all over one divisor."""
    graph = symbol.graph
    number, divisor = _quotient(product.above, product.below)
    factors, divisors = _powers(product.factors), _powers(product.divisors)
    if number == -1.0 and factors:
        factors[0] = graph.call("negative", factors[0])
    elif number != 1.0 or not factors:
        factors.insert(0, graph.constant(number))
    if divisor != 1.0:
        divisors.insert(0, graph.constant(divisor))
    top = _multiply(factors)
    return graph.call("divide", top, _multiply(divisors)) if divisors else top


def _quotient(above: float, below: float) -> tuple[float, float]:
    """Write a quotient of numbers as one number, or as a fraction that is shorter to read."""
    if below < 0:
        above, below = -above, -below
    value = above / below
    if len(repr(abs(value))) <= _SHORT:
        return value, 1.0
    if above.is_integer() and below.is_integer():
        common = math.gcd(int(above), int(below))
        return above / common, below / common
    return (above, below) if abs(above) == 1.0 else (value, 1.0)


def _powers(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Write repeated symbols as powers, numbers before arrays."""
    counts = Counter(map(id, symbols))
    by_id = {id(symbol): symbol for symbol in symbols}
    found: list[Symbol] = []
    for key, count in counts.items():
        base = by_id[key]
        found.append(base if count == 1 else base.graph.call("power", base, float(count)))
    return sorted(found, key=lambda symbol: bool(symbol.shape))


def _multiply(factors: Sequence[Symbol]) -> Symbol:
    total, *rest = factors
    for factor in rest:
        total = total.graph.call("multiply", total, factor)
    return total
