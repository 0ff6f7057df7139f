"""Derivatives by complex step: an oracle that knows no derivative rule.

f(x + ih) has the imaginary part h·f'(x), to full precision for a tiny h, if f
is computed with analytic functions. NumPy's abs, sign, hypot and some others
are not (of a complex number they are something else), so a formula under
test takes its NumPy as an argument and is given `ComplexNumpy` here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

STEP = 1e-150
NEAR = 1e-6


class ComplexNumpy:
    """NumPy for complex step; `kinked` tells whether it came near a kink or a step."""

    def __init__(self) -> None:
        self.kinked = False
        self.linalg = SimpleNamespace(norm=self.norm)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

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
