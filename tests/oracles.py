"""Derivatives by complex step: an oracle that knows no derivative rule.

f(x + ih) has the imaginary part h·f'(x), to full precision for a tiny h, if f
is computed with analytic functions. NumPy's abs, sign, hypot and some others
are not (of a complex number they are something else), so a formula under
test takes its NumPy as an argument and is given `ComplexNumpy` here.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np

STEP = 1e-150
NEAR = 1e-6


def _slope(value: Any, slope: Any, x: Any) -> Any:
    return value + 1j * np.imag(x) * slope if np.iscomplexobj(x) else value


def arctan2(a: Any, b: Any) -> Any:
    value = np.arctan2(np.real(a), np.real(b))
    square = np.real(a) ** 2 + np.real(b) ** 2
    moved = np.imag(a) * np.real(b) - np.real(a) * np.imag(b)
    return value + 1j * (moved / square) if np.iscomplexobj(a) or np.iscomplexobj(b) else value


def _less(name: str) -> Any:
    """a less what NumPy takes off it: a multiple of b, by a whole number that does not move."""

    def function(a: Any, b: Any) -> Any:
        rest = getattr(np, name)(np.real(a), np.real(b))
        moved = np.imag(a) - np.imag(b) * np.rint((np.real(a) - rest) / np.real(b))
        return rest + 1j * moved if np.iscomplexobj(a) or np.iscomplexobj(b) else rest

    return function


def copysign(a: Any, b: Any) -> Any:
    return np.where(np.signbit(np.real(a)) == np.signbit(np.real(b)), a, -a)


def heaviside(x: Any, at: Any) -> Any:
    return np.where(np.real(x) == 0, at, np.real(x) > 0)


def logaddexp2(a: Any, b: Any) -> Any:
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return np.logaddexp2(a, b)
    swap = np.real(a) < np.real(b)
    large, small = np.where(swap, b, a), np.where(swap, a, b)
    return large + np.log1p(np.exp((small - large) * np.log(2))) / np.log(2)


def cbrt(x: Any) -> Any:
    root = np.cbrt(np.real(x))
    with np.errstate(all="ignore"):
        return _slope(root, 1 / (3 * root**2), x)


def sinc(x: Any) -> Any:
    if not np.iscomplexobj(x):
        return np.sinc(x)
    slope = [0 if t == 0 else (math.cos(math.pi * t) - np.sinc(t)) / t for t in np.real(x).flat]
    return _slope(np.sinc(np.real(x)), np.reshape(slope, np.shape(x)), x)


def var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    away = x - np.mean(x, axis=axis, keepdims=True)
    count = np.size(x) if axis is None else np.shape(x)[axis]
    return np.sum(away * away, axis=axis, keepdims=keepdims) / (count - ddof)


def std(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    return np.sqrt(var(x, axis, ddof, keepdims))


def sort(x: Any, axis: int = -1) -> Any:
    return np.take_along_axis(x, np.argsort(np.real(x), axis=axis, kind="stable"), axis)


def gamma(name: str, x: Any) -> Any:
    """lgamma, digamma or trigamma, by mpmath."""
    order = ["lgamma", "digamma", "trigamma"].index(name) - 1

    def at(t: float, order: int) -> float:
        if not 0 < t < math.inf:
            return math.nan
        return float(mpmath.loggamma(t) if order < 0 else mpmath.psi(order, t))

    values, slopes = (
        np.reshape([at(t, each) for t in np.ravel(np.real(x))], np.shape(x))
        for each in (order, order + 1)
    )
    return _slope(values, slopes, x)


ANALYTIC = {
    "arctan2": arctan2, "remainder": _less("remainder"), "fmod": _less("fmod"), "cbrt": cbrt,
    "copysign": copysign, "heaviside": heaviside, "logaddexp2": logaddexp2, "sinc": sinc,
    "var": var, "std": std, "sort": sort,
    **{
        ufunc.__name__: lambda *inputs, f=ufunc: f(*map(np.real, inputs))
        for ufunc in (np.ceil, np.trunc, np.floor_divide, np.isnan, np.isinf, np.isfinite)
    },
}  # fmt: skip
"""Of NumPy's functions, those whose complex form is another one or none: real, or nearly so."""


class ComplexNumpy:
    """NumPy for complex step; `kinked` tells whether it came near a kink or a step."""

    def __init__(self) -> None:
        self.kinked = False
        self.linalg = SimpleNamespace(norm=self.norm)

    def __getattr__(self, name: str) -> Any:
        return ANALYTIC.get(name) or getattr(np, name)

    def _stepped(self, name: str, a: Any, b: Any) -> Any:
        quotient = np.real(a) / np.real(b)
        self._watch(quotient, np.rint(quotient))
        return ANALYTIC[name](a, b)

    def remainder(self, a: Any, b: Any) -> Any:
        return self._stepped("remainder", a, b)

    mod = remainder

    def fmod(self, a: Any, b: Any) -> Any:
        return self._stepped("fmod", a, b)

    def floor_divide(self, a: Any, b: Any) -> Any:
        return self._stepped("floor_divide", a, b)

    def ceil(self, x: Any) -> Any:
        return -self.floor(-x)

    def trunc(self, x: Any) -> Any:
        self._watch(x, np.rint(np.real(x)))
        return np.trunc(np.real(x))

    def copysign(self, a: Any, b: Any) -> Any:
        self._watch(a, 0)
        self._watch(b, 0)
        return copysign(a, b)

    def heaviside(self, x: Any, at: Any) -> Any:
        self._watch(x, 0)
        return heaviside(x, at)

    def sort(self, x: Any, axis: int = -1) -> Any:
        self.kinked |= bool(np.any(np.diff(np.sort(np.real(x), axis=axis), axis=axis) < NEAR))
        return sort(x, axis)

    def _watch(self, a: Any, b: Any) -> None:
        # Identical operands choose alike whatever happens to them.
        difference = np.asarray(a) - np.asarray(b)
        self.kinked |= bool(np.any((abs(difference.real) < NEAR) & (difference != 0)))
        self.kinked |= bool(np.any(np.isnan(difference)))

    def absolute(self, x: Any) -> Any:
        self._watch(x, 0)
        return np.where(np.real(x) < 0, -x, x)

    abs = absolute

    def sign(self, x: Any) -> Any:
        self._watch(x, 0)
        return np.sign(np.real(x))

    def floor(self, x: Any) -> Any:
        self._watch(x, np.rint(np.real(x)))
        return np.floor(np.real(x))

    def round(self, x: Any) -> Any:
        self._watch(x, np.floor(np.real(x)) + 0.5)
        return np.rint(np.real(x))

    def greater(self, a: Any, b: Any) -> Any:
        self._watch(a, b)
        return np.real(a) > np.real(b)

    def less_equal(self, a: Any, b: Any) -> Any:
        return ~self.greater(a, b)

    def maximum(self, a: Any, b: Any) -> Any:
        return np.where(self.greater(a, b), a, b)

    def minimum(self, a: Any, b: Any) -> Any:
        return np.where(self.greater(a, b), b, a)

    fmax, fmin = maximum, minimum

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return self.minimum(self.maximum(x, low), high)

    def max(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        if axis is None:
            x, axis = np.reshape(x, (1, -1) if keepdims else -1), -1
        top = np.take_along_axis(x, np.argmax(x.real, axis=axis, keepdims=True), axis)
        others = np.partition(x.real, -2, axis=axis) if x.shape[axis] > 1 else None
        if others is not None:
            ordered = np.sort(x.real, axis=axis)
            gap = np.take(ordered, -1, axis) - np.take(ordered, -2, axis)
            self.kinked |= bool(np.any(~(gap > NEAR)))
        return top if keepdims else np.squeeze(top, axis)

    def min(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return -self.max(-x, axis=axis, keepdims=keepdims)

    def hypot(self, a: Any, b: Any) -> Any:
        return np.sqrt(a * a + b * b)

    def exp2(self, x: Any) -> Any:
        return np.exp(x * np.log(2))

    def log1p(self, x: Any) -> Any:
        return np.log1p(np.real(x)) + 1j * np.imag(x) / (1 + np.real(x))

    def expm1(self, x: Any) -> Any:
        return np.expm1(np.real(x)) + 1j * np.imag(x) * np.exp(np.real(x))

    def logaddexp(self, a: Any, b: Any) -> Any:
        swap = np.real(a) < np.real(b)
        large, small = np.where(swap, b, a), np.where(swap, a, b)
        return large + self.log1p(np.exp(small - large))

    def norm(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def along(function: Any, arguments: dict[str, Any], direction: dict[str, Any]) -> tuple[Any, Any]:
    """Value and directional derivative of `function(np, **arguments)` and whether it is kinked."""
    numpy = ComplexNumpy()
    moved = {
        name: value + 1j * STEP * direction[name] if name in direction else value
        for name, value in arguments.items()
    }
    with np.errstate(all="ignore"):
        return np.imag(function(numpy, **moved)) / STEP, numpy.kinked


def gradient(function: Any, arguments: dict[str, Any], by: str, seed: Any) -> Any:
    """The gradient of sum(seed · f) by one argument, element by element."""
    result = np.zeros(np.shape(arguments[by]))
    for place in np.ndindex(result.shape):
        unit = np.zeros_like(result)
        unit[place] = 1.0
        slope, kinked = along(function, arguments, {by: unit})
        assert not kinked, "the point is too near a kink to be tested"
        result[place] = np.sum(seed * slope)
    return result


def five_point(function: Any, x: Any, step: float = 1e-3) -> Any:
    """The gradient of a number by an array, by central differences of fourth order."""
    x = np.array(x, dtype=np.float64)
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        total = 0.0
        for shift, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = x.copy()
            moved[place] += shift * step
            total += weight * float(function(moved))
        result[place] = total / (12 * step)
    return result


def run_text(text: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Evaluate a printed formula line by line, as Python with NumPy's names in scope."""
    from nnplug import special

    scope: dict[str, Any] = {
        **vars(np),
        **{name: getattr(special, name) for name in special.__all__},
    }
    scope["one_hot"] = lambda labels, x: (labels == np.arange(x.shape[-1])).astype(x.dtype)
    scope["norm"] = np.linalg.norm
    scope.update(abs=abs, round=np.round, **arguments)
    for array in arguments.values():
        if np.ndim(array) == 2:
            scope["N"], scope["C"] = (
                float(size)
                for size in max(np.shape(each) for each in arguments.values() if np.ndim(each) == 2)
            )
    found: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for line in text.splitlines():
            left, right = line.split(" = ", 1)
            scope[left] = found[left] = eval(right, {"__builtins__": {}}, scope)
    return found
