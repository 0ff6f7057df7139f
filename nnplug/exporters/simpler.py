"""Primitives in simpler ones, for targets that lack them.

Each rule is a formula that does not cancel where the function is small. With
the simplest ones (arithmetic, comparisons, where, sqrt, exp, log, sin, cos,
floor, abs, maximum, minimum, power) every primitive can be written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from operator import is_
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.formulas.graph import Symbol, walk

__all__ = ["in_simpler"]

Rule = Callable[..., Any]


def _negative(x: Any) -> Any:
    """Whether a number has a minus sign; -0.0 has one."""
    return (x < 0) | ((x == 0) & (1 / x < 0))


def _is_nan(x: Any) -> Any:
    # Only a NaN is not equal to itself. A constant is compared here and now, and ~ is not for that.
    return np.logical_not(x == x)  # noqa: PLR0124  # see above


def _log1p(x: Any) -> Any:
    # What rounding took from 1 + x is given back (Kahan; Goldberg, 1991, theorem 4).
    u = 1 + x
    less = np.where(u == 1, 1.0, u - 1)
    return np.where(u == 1, x, np.where(u == x, np.log(u), np.log(u) * (x / less)))


def _expm1(x: Any) -> Any:
    return np.where(abs(x) < 1, np.tanh(x / 2) * (np.exp(x) + 1), np.exp(x) - 1)


def _tanh(x: Any) -> Any:
    # The Taylor series where the quotient of exponentials cancels.
    a = abs(x)
    e = np.exp(-2 * a)
    s = a * a
    series = a * (1 - s / 3 * (1 - s * 2 / 5 * (1 - s * 17 / 42 * (1 - s * 62 / 153))))
    return np.copysign(np.where(a < 0.02, series, (1 - e) / (1 + e)), x)


def _sinh(x: Any) -> Any:
    a = abs(x)
    t = np.expm1(np.minimum(a, 1))
    small = (t + t / (t + 1)) / 2
    # Halves of the exponent, since exp(a) may overflow where sinh does not.
    half = np.exp(a / 2)
    return np.copysign(np.where(a < 1, small, half * (half / 2) - 0.5 / half / half), x)


def _cosh(x: Any) -> Any:
    half = np.exp(abs(x) / 2)
    return half * (half / 2) + 0.5 / half / half


def _arcsinh(x: Any) -> Any:
    a = abs(x)
    near = np.minimum(a, 1e8)
    small = np.log1p(near + near * near / (1 + np.sqrt(near * near + 1)))
    return np.copysign(np.where(a < 1e8, small, np.log(a) + math.log(2)), x)


def _arccosh(x: Any) -> Any:
    t = np.minimum(x, 1e8) - 1
    return np.where(x < 1e8, np.log1p(t + np.sqrt(t) * np.sqrt(t + 2)), np.log(x) + math.log(2))


def _arctanh(x: Any) -> Any:
    a = abs(x)  # below 0 the logarithm would be of a difference from 1
    return np.copysign(np.log1p(2 * a / (1 - a)) / 2, x)


def _arctan(x: Any) -> Any:
    # arctan(x) = 2·arctan(x / (1 + √(1 + x²))), thrice; of 1 / x where x is above 1.
    a = abs(x)
    t = np.where(a > 1, 1 / a, a)
    for _ in range(3):
        t = t / (1 + np.sqrt(1 + t * t))
    s = t * t
    total: Any = 0.0
    for power in range(19, 0, -2):
        total = 1 / power - s * total
    angle = 8 * t * total
    return np.copysign(np.where(a > 1, math.pi / 2 - angle, angle), x)


def _arcsin(x: Any) -> Any:
    return 2 * np.arctan(x / (1 + np.sqrt((1 - x) * (1 + x))))


def _arccos(x: Any) -> Any:
    return np.where(x == -1, math.pi, 2 * np.arctan(np.sqrt((1 - x) / (1 + x))))


def _arctan2(y: Any, x: Any) -> Any:
    largest = np.maximum(abs(y), abs(x))
    # Of equal ones, since the quotient of two infinities is a NaN.
    right = np.arctan(np.where(abs(y) == abs(x), 1.0, abs(y) / abs(x)))
    upright = (x == 0) & np.logical_not(_is_nan(y))
    angle = np.where(largest == 0, 0.0, np.where(upright, math.pi / 2, right))
    return np.copysign(np.where(_negative(x), math.pi - angle, angle), y)


def _hypot(a: Any, b: Any) -> Any:
    large, small = np.maximum(abs(a), abs(b)), np.minimum(abs(a), abs(b))
    ratio = small / np.where(large == 0, 1.0, large)
    infinite = (abs(a) == np.inf) | (abs(b) == np.inf)  # beside a NaN too, as in IEEE 754
    return np.where(infinite, np.inf, large * np.sqrt(1 + ratio * ratio))


def _cbrt(x: Any) -> Any:
    a = abs(x)
    safe = np.where((a == 0) | (a == np.inf), 1.0, a)
    y = np.exp(np.log(safe) / 3)
    y = y - (y - safe / (y * y)) / 3  # a step of Newton's takes back what exp rounded
    return np.copysign(np.where((a == 0) | (a == np.inf), a, y), x)


def _round(x: Any) -> Any:
    low = np.floor(x)
    even = 2 * np.floor((low + 1) / 2)  # a half goes to the even neighbour
    # x + 0.5 would be rounded itself.
    near = np.where(x - low < 0.5, low, np.where(x - low > 0.5, low + 1, even))
    return np.copysign(near, x)


_RULES: dict[str, Rule] = {
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "not_equal": lambda a, b: np.logical_not(a == b),
    "logical_xor": lambda a, b: (a & np.logical_not(b)) | (np.logical_not(a) & b),
    "copysign": lambda a, b: np.where(_negative(b), -abs(a), abs(a)),
    "sign": lambda x: np.where(x > 0, 1.0, np.where(x < 0, -1.0, abs(x))),
    "heaviside": lambda x, at: np.where(
        x > 0, 1.0, np.where(x < 0, 0.0, np.where(x == 0, at, x))
    ),
    "trunc": lambda x: np.where(x < 0, np.ceil(x), np.floor(x)),
    "ceil": lambda x: -np.floor(-x),
    "round": _round,
    "fmax": lambda a, b: np.where((a > b) | _is_nan(b), a, b),
    "fmin": lambda a, b: np.where((a < b) | _is_nan(b), a, b),
    "fmod": lambda a, b: a - np.trunc(a / b) * b,
    "remainder": lambda a, b: a - np.floor(a / b) * b,
    "floor_divide": lambda a, b: np.floor(a / b),
    "exp2": lambda x: np.exp(x * math.log(2)),
    "log2": lambda x: np.log(x) * (1 / math.log(2)),
    "log10": lambda x: np.log(x) * (1 / math.log(10)),
    "expm1": _expm1,
    "log1p": _log1p,
    "tan": lambda x: np.sin(x) / np.cos(x),
    "tanh": _tanh,
    "sinh": _sinh,
    "cosh": _cosh,
    "arcsinh": _arcsinh,
    "arccosh": _arccosh,
    "arctanh": _arctanh,
    "arctan": _arctan,
    "arcsin": _arcsin,
    "arccos": _arccos,
    "arctan2": _arctan2,
    "hypot": _hypot,
    "cbrt": _cbrt,
}  # fmt: skip


_TAKE_TRUTHS = frozenset({
    "logical_and", "logical_or", "logical_xor", "logical_not", "expand_dims", "broadcast_like",
    "column", "columns", "flip", "standardise",
})  # fmt: skip
"""Operations that take truth values as they are; for all others they are 1 and 0."""


def in_simpler(
    outputs: Sequence[Symbol],
    has: Container[str],
    target: str,
    by_row: Container[str] | None = None,
) -> list[Symbol]:
    """Write in simpler primitives what a target does not have.

    Targets that need this also tell truth values from numbers, so 1 and 0 are
    written where a formula counts with truth values.

    Parameters
    ----------
    outputs : sequence of Symbol
    has : container of str
        The operations that the target has.
    target : str
        For the message.
    by_row : container of str, optional
        The arguments that differ from row to row; by default all do. What needs
        none of them is computed before it is written, and stays as it is.

    Raises
    ------
    SettingError
        If there is no simpler form.
    """
    writer = _Simpler(has, target, by_row)
    waiting = list(outputs)
    for symbol in walk(waiting):
        writer.write(symbol)
    return [writer.made[id(symbol)] for symbol in outputs]


class _Simpler:
    def __init__(self, has: Container[str], target: str, by_row: Container[str] | None) -> None:
        self.has, self.target, self.by_row = has, target, by_row
        self.made: dict[int, Symbol] = {}
        self.moving: set[int] = set()
        """By identity, what depends on the row."""

    def write(self, symbol: Symbol) -> None:
        """Write a node whose inputs have been written."""
        made, name = self.made, symbol.operation.name
        inputs = tuple(made[id(child)] for child in symbol.inputs)
        if symbol.is_input and (self.by_row is None or symbol.name in self.by_row):
            self.moving.add(id(symbol))
        if self.moving.isdisjoint(map(id, inputs)):
            made[id(symbol)] = symbol
            return
        self.moving.add(id(symbol))
        given = self._numbers(name, inputs)
        if name in self.has:
            same = all(map(is_, given, symbol.inputs))
            made[id(symbol)] = (
                symbol
                if same
                else symbol.graph.apply(symbol.operation, *given, **dict(symbol.options))
            )
            self.moving.add(id(made[id(symbol)]))
            return
        rule = _RULES.get(name)
        if rule is None:
            raise SettingError(
                f"{self.target} has no {name}: a part of this model cannot be written so."
            )
        result = symbol.graph.symbol(rule(*given))
        # A rule may use what has to be written in simpler primitives too.
        known = {id(child) for child in given}
        made.update((id(child), child) for child in given)
        for inner in walk([result], known):
            if inner.operation is not symbol.operation:
                self.write(inner)
        made[id(symbol)] = made.get(id(result), result)
        self.moving.add(id(made[id(symbol)]))

    def _numbers(self, name: str, inputs: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """Write 1 and 0 for truth values that an operation counts with."""
        truths = [child.dtype_kind == "bool" for child in inputs]
        first = 1 if name == "where" else 0  # its condition is one
        alike = name in ("where", "equal", "not_equal") and all(truths[first:])
        if name in _TAKE_TRUTHS or alike or not any(truths[first:]):
            return inputs
        return (
            *inputs[:first],
            *(self._number(child) if truth else child
              for child, truth in zip(inputs[first:], truths[first:], strict=True)),
        )  # fmt: skip

    def _number(self, truth: Symbol) -> Symbol:
        found: Any = np.where(truth, 1.0, 0.0)
        number: Symbol = truth.graph.symbol(found)
        self.made[id(number)] = number
        if id(truth) in self.moving:
            self.moving.add(id(number))
        return number
