"""Functions that formulas need and NumPy lacks: sigmoid, softmax, erf and kin.

Each works on arrays as a NumPy function does, keeps their dtype, and may
stand in a formula, where it is one node with its own stable derivative. Its
body is itself a formula in NumPy: the engines run the body.

Relative error bounds are against 60-digit arithmetic, as multiples of the
dtype's epsilon (2.2e-16 in float64, 1.2e-7 in float32), wherever the true
value is a normal number; a test holds them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.formulas.graph import Operation, Shape, Symbol
from nnplug.lazy import no_attribute

__all__ = [
    "erf",
    "erfc",
    "log_sigmoid",
    "log_softmax",
    "log_sum_exp",
    "sigmoid",
    "softmax",
    "softplus",
]

Function = Callable[[Any], Any]

if not TYPE_CHECKING:  # a type checker knows by itself what there is not

    def __getattr__(name: str) -> Any:
        raise no_attribute(__name__, name, __all__)


def _special(
    derivative: Callable[..., Any], shape: Callable[[Shape], Shape] | None = None
) -> Callable[[Function], Function]:
    """Make a body written in NumPy a primitive with a derivative of its own."""

    def decorate(body: Function) -> Function:
        def on_arrays(x: Any) -> Any:
            # An overflow on the way, to a right value of 0 or infinity, is no news;
            # nor is a NaN out where a NaN came in.
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                return body(x)

        operation = Operation(body.__name__, on_arrays, derivative, shape, lower=body)

        @wraps(body)
        def function(x: Any) -> Any:
            if isinstance(x, Symbol):
                return x.graph.apply(operation, x)
            return on_arrays(x)

        return function

    return decorate


def _same(shape: Shape) -> Shape:
    return shape


def _row(shape: Shape) -> Shape:
    return (*shape[:-1], 1)


def _row_sum(x: Any) -> Any:
    return np.sum(x, axis=-1, keepdims=True)


@_special(lambda g, y, x: (g * (y * (1 - y)),))
def sigmoid(x: Any) -> Any:
    """Logistic function, 1 / (1 + exp(-x)), in (0, 1).

    exp(-x) overflows to infinity below -709 (float64) or -88 (float32), and
    the quotient is then 0, the right value: no clipping, no branch. Relative
    error at most 4 epsilon. Derivative: y·(1 - y).

    Examples
    --------
    >>> float(sigmoid(0.0))
    0.5
    """
    return 1 / (1 + np.exp(-x))


@_special(lambda g, y, x: (g * sigmoid(x),))
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), as logaddexp(x, 0); relative error at most 4 epsilon.

    Derivative: sigmoid(x).

    Examples
    --------
    >>> float(softplus(0.0)) == float(np.log(2.0))
    True
    """
    return np.logaddexp(x, 0)


@_special(lambda g, y, x: (g * sigmoid(-x),))
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), as -softplus(-x); relative error at most 4 epsilon.

    Derivative: sigmoid(-x).

    Examples
    --------
    >>> float(log_sigmoid(-1000.0))
    -1000.0
    """
    return -np.logaddexp(-x, 0)


@_special(lambda g, y, x: (g * softmax(x),), _row)
def log_sum_exp(x: Any) -> Any:
    """Logarithm of the sum of exp(x) over the last axis, which is kept as 1.

    Shifted by the row's maximum, so that nothing overflows. Absolute error
    at most 4 epsilon times max(1, the largest magnitude in the row).
    Derivative: softmax(x).

    Examples
    --------
    >>> float(log_sum_exp(np.array([[1000.0, 1000.0]]))[0, 0].round(6))
    1000.693147
    """
    top = np.max(x, axis=-1, keepdims=True)
    return top + np.log(_row_sum(np.exp(x - top)))


@_special(lambda g, y, x: (y * (g - _row_sum(g * y)),), _same)
def softmax(x: Any) -> Any:
    """exp(x) divided by its sum over the last axis: probabilities of a row.

    Shifted by the row's maximum. Relative error at most 4 epsilon plus
    epsilon times the distance to the row's maximum. The derivative is the
    Jacobian's product, y·(g - sum(g·y)).

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / _row_sum(powers)


@_special(lambda g, y, x: (g - np.exp(y) * _row_sum(g),), _same)
def log_softmax(x: Any) -> Any:
    """log(softmax(x)) over the last axis, without the log of a rounded 0.

    Absolute error at most 4 epsilon times max(1, the spread of the row).

    Examples
    --------
    >>> log_softmax(np.array([[0.0, -1000.0]])).tolist()
    [[0.0, -1000.0]]
    """
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(_row_sum(np.exp(shifted)))


# erf and erfc. Both polynomials are Chebyshev interpolants of our own, computed
# with 60 digits and rounded once; their own error is below 2e-17, relative.

# (1 + 2z)·exp(z²)·erfc(z) for 0 <= z <= 30, in powers of t = (z - 4) / (z + 4).
_ERFC_SCALED = (
    1.2329951186255526, -0.13962111684056297, 0.015379652102619096, 0.06809705425474474,
    -0.10103906603625823, 0.09373283499658858, -0.06633036581362493, 0.03716751556478163,
    -0.016197734035255776, 0.005031969745805351, -0.000757773497472992, -0.00019925551394407002,
    0.0001506228613986954, -2.4402926768088295e-05, -1.1226273850900822e-05, 5.716863399718592e-06,
    3.0341048080790324e-07, -8.331095351357999e-07, 6.134535445255906e-08, 1.1328383984545245e-07,
    -7.6601180376728e-09, -1.2831958655164255e-08, -1.5424337244069104e-09,
)  # fmt: skip

# erf(x) / x for |x| <= 1, in powers of x².
_ERF_NEAR_0 = (
    1.1283791670955126, -0.37612638903183543, 0.1128379167094513, -0.026866170643256995,
    0.005223977607269946, -0.0008548325982543225, 0.00012055295112667001, -1.4924740785377576e-05,
    1.6447471190594618e-06, -1.6208829856810202e-07, 1.3721520406351094e-08, -7.798543850549947e-10,
)  # fmt: skip

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def _polynomial(coefficients: tuple[float, ...], t: Any) -> Any:
    """Horner's scheme; the constant term comes first in the tuple."""
    total = coefficients[-1] * t + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        total = total * t + coefficient
    return total


def _erfc_of_magnitude(x: Any) -> Any:
    z = np.minimum(abs(x), 30)  # erfc(30) is 1e-393, zero in every dtype
    scaled = _polynomial(_ERFC_SCALED, (z - 4) / (z + 4))
    return np.exp(-(z * z)) * scaled / (1 + 2 * z)


def _bell(x: Any) -> Any:
    """Derive erf: 2/√π · exp(-x²), with no overflow of x²."""
    near = np.clip(x, -30, 30)
    return _TWO_OVER_SQRT_PI * np.exp(-(near * near))


@_special(lambda g, y, x: (-g * _bell(x),))
def erfc(x: Any) -> Any:
    """Complementary error function, 1 - erf(x), exact in the right tail too.

    Relative error at most 8 epsilon for x below 1, growing with the rounding
    of x² to 4·(1 + x²) epsilon in the far right tail.

    Examples
    --------
    >>> float(erfc(0.0))
    1.0
    """
    tail = _erfc_of_magnitude(x)
    return np.where(x < 0, 2 - tail, tail)


@_special(lambda g, y, x: (g * _bell(x),))
def erf(x: Any) -> Any:
    """Error function, 2/√π times the integral of exp(-t²) from 0 to x.

    Relative error at most 8 epsilon.

    Examples
    --------
    >>> float(erf(30.0))
    1.0
    """
    square = np.minimum(x * x, 1)
    near = x * _polynomial(_ERF_NEAR_0, square)
    return np.where(abs(x) < 1, near, np.sign(x) * (1 - _erfc_of_magnitude(x)))
