"""Interval arithmetic over an expression graph: bounds that hold for every input of a box.

Every bound is rounded outwards, so what follows from it is proved (Moore, Kearfott
& Cloud, 2009, "Introduction to Interval Analysis", chapters 2 and 4). What no rule
knows is unbounded: a proof may fail, but it cannot be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnplug.formulas.graph import Symbol, walk

__all__ = ["BoolArray", "Bounds", "Float64Array", "bounds_of"]

Float64Array = npt.NDArray[np.float64]

BoolArray = npt.NDArray[np.bool_]

_ULPS = 8
"""By how many units in the last place NumPy's exp and its like may be off; 4 are promised."""


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value on each box; truth values are 0 and 1."""

    low: Float64Array
    high: Float64Array

    @property
    def sorted_out(self) -> Bounds:
        """The same, unbounded where a bound is not a number."""
        wrong = np.isnan(self.low) | np.isnan(self.high)
        return Bounds(np.where(wrong, -np.inf, self.low), np.where(wrong, np.inf, self.high))


def _down(x: Any, ulps: int = 1) -> Any:
    for _ in range(ulps):
        x = np.nextafter(x, -np.inf)
    return x


def _up(x: Any, ulps: int = 1) -> Any:
    for _ in range(ulps):
        x = np.nextafter(x, np.inf)
    return x


# --- arithmetic -----------------------------------------------------------------------


def _sum(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Add with both roundings: Knuth's two-sum tells which way the result was rounded."""
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    known = np.isfinite(error)
    low = np.where(known & (error >= 0), total, _down(total))
    high = np.where(known & (error <= 0), total, _up(total))
    return low, high


def _add(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(_sum(a.low, b.low)[0], _sum(a.high, b.high)[1])


def _negative(a: Bounds) -> Bounds:
    return Bounds(-a.high, -a.low)


def _product(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Multiply with both roundings. Bounds are of finite numbers, so 0 times infinity is 0."""
    zero = (a == 0) | (b == 0)
    exact = zero | (abs(a) == 1) | (abs(b) == 1)
    found = np.where(zero, 0.0, a * b)
    below = np.where((found == 0) & (np.sign(a) == np.sign(b)), 0.0, _down(found))
    above = np.where((found == 0) & (np.sign(a) != np.sign(b)), 0.0, _up(found))
    return np.where(exact, found, below), np.where(exact, found, above)


def _multiply(a: Bounds, b: Bounds) -> Bounds:
    ends = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Bounds(
        np.minimum.reduce([low for low, _ in ends]), np.maximum.reduce([high for _, high in ends])
    )


def _reciprocal(a: Bounds) -> Bounds:
    through = (a.low <= 0) & (a.high >= 0)
    one = (a.low == a.high) & (abs(a.low) == 1)
    # Of 1 over the largest numbers 0 is the bound.
    low = np.where(one, a.low, _down(1 / a.high))
    high = np.where(one, a.low, _up(1 / a.low))
    low = np.where(a.high == 1, 1.0, np.where(a.low > 0, np.maximum(low, 0.0), low))
    high = np.where(a.low == 1, 1.0, np.where(a.high < 0, np.minimum(high, 0.0), high))
    return Bounds(np.where(through, -np.inf, low), np.where(through, np.inf, high))


def _divide(a: Bounds, b: Bounds) -> Bounds:
    return _multiply(a, _reciprocal(b))


def _absolute(a: Bounds) -> Bounds:
    low = np.where(a.low > 0, a.low, np.where(a.high < 0, -a.high, 0.0))
    return Bounds(low, np.maximum(abs(a.low), abs(a.high)))


def _square(a: Bounds) -> Bounds:
    size = _absolute(a)
    return Bounds(_product(size.low, size.low)[0], _product(size.high, size.high)[1])


def _power(a: Bounds, b: Bounds) -> Bounds:
    """Raise to a whole number written in the formula; else only the sign is known."""
    exponents = np.unique(np.concatenate([b.low.ravel(), b.high.ravel()]))
    if len(exponents) == 1 and exponents[0] in (1.0, 2.0, 3.0, 4.0):
        even = {2.0: _square(a), 4.0: _square(_square(a))}
        odd = {1.0: a, 3.0: _multiply(_square(a), a)}
        return {**even, **odd}[float(exponents[0])]
    positive = a.low >= 0
    return Bounds(np.where(positive, 0.0, -np.inf), np.full_like(a.high, np.inf))


# --- functions ------------------------------------------------------------------------


def _rising(
    function: Callable[[Any], Any],
    least: float = -np.inf,
    greatest: float = np.inf,
    at: tuple[float, float] | None = None,
) -> Callable[[Bounds], Bounds]:
    """Make the rule of a function that never falls.

    Parameters
    ----------
    least, greatest : float
        Its range.
    at : tuple of float, optional
        A point where its value is exact; bounds do not cross it.
    """

    def rule(a: Bounds) -> Bounds:
        low = np.maximum(_down(function(a.low), _ULPS), least)
        high = np.minimum(_up(function(a.high), _ULPS), greatest)
        if at is not None:
            low = np.where(a.low >= at[0], np.maximum(low, at[1]), low)
            high = np.where(a.high <= at[0], np.minimum(high, at[1]), high)
        return Bounds(low, high)

    return rule


def _within(least: float, greatest: float) -> Callable[..., Bounds]:
    """Make the rule of a function of which only the range is known."""

    def rule(a: Bounds, *_: Bounds) -> Bounds:
        return Bounds(np.full_like(a.low, least), np.full_like(a.high, greatest))

    return rule


def _wave(function: Callable[[Any], Any], peak: float) -> Callable[[Bounds], Bounds]:
    """Make the rule of sin or cos, whose peaks are at `peak` + 2πk."""

    def rule(a: Bounds) -> Bounds:
        ends = function(a.low), function(a.high)
        low = _down(np.minimum(*ends), _ULPS)
        high = _up(np.maximum(*ends), _ULPS)
        # A little wider, for the rounding of the places themselves.
        first, last = (a.low - peak) / np.pi - 1e-6, (a.high - peak) / np.pi + 1e-6
        far = ~(np.maximum(abs(first), abs(last)) < 1e6)
        # Even multiples of π from the peak are peaks, odd ones are troughs.
        has_peak = far | (np.floor(last / 2) >= np.ceil(first / 2))
        has_trough = far | (np.floor((last - 1) / 2) >= np.ceil((first - 1) / 2))
        return Bounds(
            np.where(has_trough, -1.0, np.maximum(low, -1.0)),
            np.where(has_peak, 1.0, np.minimum(high, 1.0)),
        )

    return rule


def _hypot(a: Bounds, b: Bounds) -> Bounds:
    a, b = _absolute(a), _absolute(b)
    low, high = np.hypot(a.low, b.low), np.hypot(a.high, b.high)
    return Bounds(
        np.maximum.reduce([_down(low, _ULPS), a.low, b.low]), _up(high, _ULPS)
    )  # fmt: skip


# --- choices --------------------------------------------------------------------------


def _truth(low: Any, high: Any) -> Bounds:
    return Bounds(np.asarray(low, np.float64), np.asarray(high, np.float64))


def _where(condition: Bounds, a: Bounds, b: Bounds) -> Bounds:
    always, never = condition.low > 0, condition.high < 1
    low = np.where(always, a.low, np.where(never, b.low, np.minimum(a.low, b.low)))
    high = np.where(always, a.high, np.where(never, b.high, np.maximum(a.high, b.high)))
    return Bounds(low, high)


def _equal(a: Bounds, b: Bounds) -> Bounds:
    one = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    return _truth(one, (a.low <= b.high) & (b.low <= a.high))


def _not(a: Bounds) -> Bounds:
    return Bounds(1 - a.high, 1 - a.low)


_RULES: Mapping[str, Callable[..., Bounds]] = {
    "add": _add,
    "subtract": lambda a, b: _add(a, _negative(b)),
    "multiply": _multiply,
    "divide": _divide,
    "reciprocal": _reciprocal,
    "negative": _negative,
    "square": _square,
    "power": _power,
    "absolute": _absolute,
    "hypot": _hypot,
    "sign": _rising(np.sign, -1, 1, (0.0, 0.0)),
    "maximum": lambda a, b: Bounds(np.maximum(a.low, b.low), np.maximum(a.high, b.high)),
    "minimum": lambda a, b: Bounds(np.minimum(a.low, b.low), np.minimum(a.high, b.high)),
    "exp": _rising(np.exp, 0.0, at=(0.0, 1.0)),
    "exp2": _rising(np.exp2, 0.0, at=(0.0, 1.0)),
    "expm1": _rising(np.expm1, -1.0, at=(0.0, 0.0)),
    "log": _rising(np.log, at=(1.0, 0.0)),
    "log1p": _rising(np.log1p, at=(0.0, 0.0)),
    "sqrt": _rising(np.sqrt, 0.0, at=(1.0, 1.0)),
    "cbrt": _rising(np.cbrt, at=(0.0, 0.0)),
    "sinh": _rising(np.sinh, at=(0.0, 0.0)),
    "arcsinh": _rising(np.arcsinh, at=(0.0, 0.0)),
    "tanh": _rising(np.tanh, -1.0, 1.0, (0.0, 0.0)),
    "arctan": _rising(np.arctan, -math.pi / 2 - 1e-15, math.pi / 2 + 1e-15, (0.0, 0.0)),
    "arctan2": _within(-4.0, 4.0),
    "cosh": lambda a: _rising(np.cosh, 1.0)(_absolute(a)),
    "sin": _wave(np.sin, math.pi / 2),
    "cos": _wave(np.cos, 0.0),
    "where": _where,
    "greater": lambda a, b: _truth(a.low > b.high, a.high > b.low),
    "greater_equal": lambda a, b: _truth(a.low >= b.high, a.high >= b.low),
    "less": lambda a, b: _truth(a.high < b.low, a.low < b.high),
    "less_equal": lambda a, b: _truth(a.high <= b.low, a.low <= b.high),
    "equal": _equal,
    "not_equal": lambda a, b: _not(_equal(a, b)),
    "logical_and": lambda a, b: Bounds(np.minimum(a.low, b.low), np.minimum(a.high, b.high)),
    "logical_or": lambda a, b: Bounds(np.maximum(a.low, b.low), np.maximum(a.high, b.high)),
    "logical_not": _not,
    "broadcast_like": lambda a, _: a,
}


_PREDICATES = frozenset(
    ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
     "logical_and", "logical_or", "logical_not")
)  # fmt: skip
_DOMAINS = {"log": 0.0, "log1p": -1.0, "sqrt": -5e-324}
_CONTINUOUS = frozenset(
    ("add", "subtract", "multiply", "negative", "square", "absolute", "hypot", "maximum",
     "minimum", "exp", "exp2", "expm1", "cbrt", "sinh", "arcsinh", "tanh", "arctan", "cosh",
     "sin", "cos", "broadcast_like")
)  # fmt: skip


def bounds_of(output: Symbol, arguments: Mapping[str, Bounds]) -> tuple[Bounds, BoolArray]:
    """Bound a formula on boxes, and tell on which of them it is continuous.

    Parameters
    ----------
    output : Symbol
        Elementwise, and lowered.
    arguments : mapping of str to Bounds
        The arguments by name, each on the same boxes; others are unbounded.

    Returns
    -------
    tuple of Bounds and array of bool
        The array says where it is known to be continuous.
    """
    (shape,) = {bounds.low.shape for bounds in arguments.values()}
    nothing = Bounds(np.full(shape, -np.inf), np.full(shape, np.inf))
    found: dict[int, Bounds] = {}
    smooth: dict[int, BoolArray] = {}
    with np.errstate(all="ignore"):
        for symbol in walk([output]):
            if symbol.is_constant:
                number = np.full(shape, symbol.value)
                bounds, even = Bounds(number, number), np.ones(shape, bool)
            elif symbol.is_input:
                bounds, even = arguments.get(symbol.name, nothing), np.ones(shape, bool)
            else:
                inputs = [found[id(child)] for child in symbol.inputs]
                name = symbol.operation.name
                if name == "multiply" and symbol.inputs[0] is symbol.inputs[1]:
                    bounds = _square(inputs[0])
                elif name in _RULES:
                    bounds = _RULES[name](*inputs)
                else:
                    bounds = nothing
                even = _continuous(name, inputs, [smooth[id(child)] for child in symbol.inputs])
            found[id(symbol)], smooth[id(symbol)] = bounds.sorted_out, even
    return found[id(output)], smooth[id(output)]


def _continuous(name: str, inputs: Sequence[Bounds], smooth: Sequence[BoolArray]) -> BoolArray:
    """Tell on which boxes an operation on such inputs is continuous."""
    first, last = inputs[0], inputs[-1]
    even: BoolArray = np.logical_and.reduce(list(smooth))
    if name == "where":
        # Of a choice that is made one way alone, the other branch does not matter.
        taken = np.where(first.low > 0, smooth[1], smooth[2])
        even = (first.low == first.high) & taken
    elif name in _PREDICATES:
        even = np.ones_like(even)  # whoever chooses by it looks whether it is decided
    elif name in ("divide", "reciprocal", "sign"):
        even = even & ((last.low > 0) | (last.high < 0))
    elif name in _DOMAINS:
        even = even & (first.low > _DOMAINS[name])
    elif name == "power":
        whole = (last.low == last.high) & np.isin(last.low, (1, 2, 3, 4))
        even = even & (whole | (first.low > 0))
    elif name not in _CONTINUOUS:
        even = np.zeros_like(even)
    return even
