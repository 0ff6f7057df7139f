"""Training by hand: the parts' own functions on arrays, and a loop that shares no code with nnplug.

Derivatives are taken by complex step: f(x + ih) has the imaginary part
h·f'(x), to full precision for a tiny h. The function that the author wrote is
called on `Along`, which hands each of NumPy's functions on to complex numbers,
or to its analytic form where NumPy's complex function is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tests import oracles

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]

STEP = 1e-150


class Along(NDArrayOperatorsMixin):
    """An array that moves along x + ih; truth values and whole numbers stay what they are."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)
        self.ndim = self.value.ndim

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        assert method == "__call__"
        assert not kwargs
        return Along(_ANALYTIC.get(ufunc.__name__, ufunc)(*map(_bare, inputs)))

    def __array_function__(self, function: Function, types: Any, args: Any, kwargs: Any) -> Any:
        function = _ANALYTIC.get(function.__name__, function)
        return Along(function(*map(_bare, args), **kwargs))

    def __getattr__(self, name: str) -> Any:
        if name not in ("sum", "mean", "max", "min", "clip"):
            raise AttributeError(name)
        return lambda *args, **kwargs: getattr(np, name)(self, *args, **kwargs)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Along) else value


def _by_real_parts(function: Function) -> Function:
    return lambda *inputs: function(*map(np.real, inputs))


def _absolute(x: Any) -> Any:
    return np.where(x.real < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)


def _maximum(a: Any, b: Any) -> Any:
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return np.maximum(a, b)
    return np.where(np.real(a) > np.real(b), a, b)


def _minimum(a: Any, b: Any) -> Any:
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return np.minimum(a, b)
    return np.where(np.real(a) < np.real(b), a, b)


def _clip(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else _maximum(x, low)
    return x if high is None else _minimum(x, high)


def _power(base: Any, exponent: Any) -> Any:
    if not (np.iscomplexobj(base) or np.iscomplexobj(exponent)):
        return np.power(base, exponent)
    if np.ndim(exponent) == 0 and not np.iscomplexobj(exponent) and exponent in (2, 3, 4):
        return np.prod([base] * int(exponent), axis=0)
    return np.exp(exponent * np.log(base))  # of positive numbers


def _logaddexp(a: Any, b: Any) -> Any:
    swap = np.real(a) < np.real(b)
    large, small = np.where(swap, b, a), np.where(swap, a, b)
    return large + np.log1p(np.exp(small - large))


_ANALYTIC: dict[str, Function] = {
    **oracles.ANALYTIC,
    **{
        ufunc.__name__: _by_real_parts(ufunc)
        for ufunc in (
            np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
            np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
            np.sign, np.floor, np.rint, np.round,
        )
    },
    "absolute": _absolute,
    "fabs": _absolute,
    "maximum": _maximum,
    "minimum": _minimum,
    "fmax": _maximum,
    "fmin": _minimum,
    "clip": _clip,
    "power": _power,
    "hypot": lambda a, b: np.sqrt(a * a + b * b),
    "exp2": lambda x: np.exp(x * np.log(2)),
    "logaddexp": _logaddexp,
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(x * x, axis, keepdims=keepdims)),
}  # fmt: skip


def slopes(function: Function, x: Array, *others: Any, **options: float) -> Array:
    """Derive a function of (N, C), row by row, by each column: (C, N, what a row gives)."""
    columns = []
    for column in range(x.shape[1]):
        moved = x.astype(complex)
        moved[:, column] += 1j * STEP
        found = _imaginary(function(Along(moved), *others, **options))
        columns.append(found.reshape(len(x), -1) if found.ndim else np.zeros(x.shape))
    return np.stack(columns)


def slope_by_option(function: Function, x: Array, name: str, options: dict[str, float]) -> Array:
    """Derive a function by one of its options."""
    return _imaginary(function(x, **{**options, name: Along(options[name] + 1j * STEP)}))


def _imaginary(result: Any) -> Array:
    return np.asarray(np.imag(_bare(result)) / STEP)


@dataclass
class Layer:
    """A layer's activation and arrays."""

    function: Function
    weight: Array
    bias: Array
    options: dict[str, Array]  # those that are learned, each of shape (1,)
    fixed: dict[str, Any]  # the others

    @property
    def arrays(self) -> list[Array]:
        return [self.weight, self.bias, *self.options.values()]

    def numbers(self) -> dict[str, Any]:
        return self.fixed | {name: float(array[0]) for name, array in self.options.items()}


@dataclass
class Training:
    """A training run by hand.

    Attributes
    ----------
    layers : list of Layer
    loss : callable
        `loss(output, target)`.
    summed : bool
        Whether it is summed, not averaged.
    optimizer : callable
        `optimizer(param, grad, *slots, **numbers)`.
    slots : int
        How many it has.
    whole : bool
        Whether it is given all parameters as one vector.
    counts : bool
        Whether it is given the step's number.
    numbers : dict
        What else it is given by name.
    noise : numpy.random.Generator or None
        Moves every sum and gradient by a few roundings: what that changes,
        other ways to compute the same may change too.
    """

    layers: list[Layer]
    loss: Function
    summed: bool
    optimizer: Function
    slots: int
    whole: bool
    counts: bool
    numbers: dict[str, Any]
    noise: np.random.Generator | None = None

    def __post_init__(self) -> None:
        arrays = [array for layer in self.layers for array in layer.arrays]
        if self.whole:
            arrays = [_joined(arrays)]
        self.state = [[np.zeros_like(array) for _ in range(self.slots)] for array in arrays]
        self.step = 0
        self.slopes: list[Array] = []  # of the loss by outputs and sums, at every step

    def run(
        self, x: Array, target: Array, weight: Array | None, epochs: Sequence[Sequence[Any]]
    ) -> list[float]:
        """Take the batches of each epoch, given by their rows; give each epoch's loss."""
        losses = []
        for batches in epochs:
            total = count = 0.0
            for rows in batches:
                w = None if weight is None else weight[rows]
                value, size = self.take(x[rows], target[rows], w)
                total, count = total + value, count + size
            losses.append(total if self.summed else total / count)
        return losses

    def take(self, x: Array, target: Array, weight: Array | None) -> tuple[float, float]:
        """Take one step; give the sum of its errors, and the weight of them all."""
        inputs, sums = [x], []
        for layer in self.layers:
            z = self.moved(inputs[-1] @ layer.weight + layer.bias, 1.0)
            y = np.asarray(layer.function(z, **layer.numbers()), np.float64)
            sums.append(z)
            inputs.append(np.broadcast_to(y, z.shape).copy())
        output = self.moved(inputs.pop(), 1.0)
        errors = np.asarray(self.loss(output, target), np.float64).reshape(len(x), -1)
        by_row = np.ones((len(x), 1)) if weight is None else weight
        count = float(by_row.sum()) * errors.shape[1]
        share = by_row if self.summed else by_row / count if count else 0 * by_row

        gradient = np.einsum("cnk,n->nc", slopes(self.loss, output, target), share[:, 0])
        self.slopes.append(gradient)
        gradients: list[Array] = []
        for layer, before, z in zip(self.layers[::-1], inputs[::-1], sums[::-1], strict=True):
            numbers = layer.numbers()
            by_options = [
                np.sum(gradient * slope_by_option(layer.function, z, name, numbers)).reshape(1)
                for name in layer.options
            ]
            gradient = np.einsum("cnk,nk->nc", slopes(layer.function, z, **numbers), gradient)
            self.slopes.append(gradient)
            gradients = [before.T @ gradient, gradient.sum(axis=0), *by_options, *gradients]
            gradient = gradient @ layer.weight.T
        self.update([self.moved(each) for each in gradients])
        return float((errors * by_row).sum()), count

    def update(self, gradients: list[Array]) -> None:
        """Apply the optimizer to each array, or to all of them as one."""
        arrays = [array for layer in self.layers for array in layer.arrays]
        self.step += 1
        numbers = self.numbers | ({"step": self.step} if self.counts else {})
        if self.whole:
            param, gradient = _joined(arrays), _joined(gradients)
            self.apply(param, gradient, self.state[0], numbers)
            edges = np.cumsum([array.size for array in arrays])[:-1]
            for array, part in zip(arrays, np.split(param, edges), strict=True):
                array[...] = part.reshape(array.shape)
            return
        for array, gradient, slots in zip(arrays, gradients, self.state, strict=True):
            self.apply(array, gradient, slots, numbers)

    def apply(
        self, param: Array, gradient: Array, slots: list[Array], numbers: dict[str, Any]
    ) -> None:
        """Put what the function gives for one array in the place of what it was given."""
        given = [param.copy(), gradient, *(slot.copy() for slot in slots)]
        results = self.optimizer(*given, **numbers)
        results = results if isinstance(results, tuple) else (results,)
        for place, result in zip([param, *slots], results, strict=True):
            place[...] = result

    def moved(self, array: Array, least: float = 0.0) -> Array:
        """Move an array by a few roundings of its numbers, of its largest, and of `least`."""
        if self.noise is None:
            return array
        scale = 1e-15 * (np.abs(array) + np.abs(array).max(initial=least))
        return array + scale * self.noise.uniform(-1, 1, array.shape)


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays])
