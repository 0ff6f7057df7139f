"""Functions that formulas need and NumPy lacks: sigmoid, softmax, erf, lgamma and others.

Each works on arrays like a NumPy function, keeps their dtype, and may be used in a
formula, where it is one node with its own stable derivative. Its body is a
formula in NumPy, too, which the engines run.

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

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Operation, Symbol
from nnplug.formulas.shapes import Shape
from nnplug.lazy import no_attribute

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "lgamma",
    "log_sigmoid",
    "log_softmax",
    "log_sum_exp",
    "sigmoid",
    "softmax",
    "softplus",
    "stop_gradient",
    "trigamma",
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
            # Nobody needs a warning of an overflow on the way to a correct 0 or infinity,
            # of a NaN for a NaN, or of a pole.
            with np.errstate(all="ignore"):
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


@_special(lambda g, y, x: (None,))
def stop_gradient(x: Any) -> Any:
    """x, which counts as a constant when the formula is differentiated.

    `x + stop_gradient(np.round(x) - x)` is x rounded, with the derivative of x:
    the straight-through estimator (Bengio, Léonard & Courville, 2013,
    arXiv:1308.3432). Of such a formula the conformance kit's check `derivative`
    fails, as it must: declare it in `expected_failures`.

    Examples
    --------
    >>> stop_gradient(np.array([3.0]))
    array([3.])
    """
    return x * 1.0


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


# The logarithm of the gamma function and its derivatives, for x > 0; NaN below 0. The
# polynomials are Chebyshev interpolants of our own, computed with 60 digits and rounded
# once; their own error is below 4e-17, relative. Below 1 they are evaluated at x + 1.

# lgamma(y) / ((y - 1)(y - 2)) for 1 <= y <= 3, in powers of (y - √3) / (y + √3).
_LGAMMA_NEAR = (
    0.4522983645115129, -0.4194972324433305, 0.12726680089541742, -0.14479693984185096,
    0.08421552335804793, -0.09019166197218437, 0.06316879975283424, -0.06592236150453136,
    0.050494349914156626, -0.05203235230291179, 0.042030853138451306, -0.04300090237593675,
    0.036099528273146754, -0.0367641263245381, 0.030086922008383764, -0.03055224720392228,
    0.03767806807335833, -0.03814846855048757,
)  # fmt: skip

# x·(lgamma(x) - (x - 1/2)·log(x) + x - log(2π) / 2) for x >= 3, in powers of 1 - 6 / x.
_LGAMMA_FAR = (
    0.08325677293842448, 0.00015194427326147884, -7.366478344641498e-05, -2.2191764306093e-06,
    4.5060222267986193e-07, 5.4699615859995595e-08, -3.45236569424975e-09, -1.7024754250691855e-09,
    -1.2412948816488453e-10, 4.474061907379286e-11, 1.4162115964558356e-11, 6.389689465421886e-13,
    -7.035120248481997e-13, -1.8173646899279566e-13,
)  # fmt: skip

# digamma(y) / (y - root) for 1 <= y <= 3, in powers of (y - √3) / (y + √3).
_DIGAMMA_NEAR = (
    0.864090324695878, -1.1499970951022551, 0.7896715506632821, -0.8283154153205479,
    0.7788247368818092, -0.8008230456764038, 0.7832567195026241, -0.7953239695126745,
    0.7859528161847951, -0.793266403926829, 0.7873582305171912, -0.792229997598407,
    0.7878750340213513, -0.791348879551274, 0.793639846373733, -0.7962500544339295,
    0.7314278215421202, -0.7333579783452846, 1.1414915276282511, -1.1436756591999777,
)  # fmt: skip

# x²·(log(x) - 1 / (2x) - digamma(x)) for x >= 3, in powers of 1 - 6 / x.
_DIGAMMA_FAR = (
    0.08310482866516301, 0.00045121811341574384, -0.0002143368210476179, -1.0679114611300308e-05,
    1.97951304140982e-06, 3.4891186455706276e-07, -1.2249299684362351e-08, -1.2626619244360774e-08,
    -1.5195701351849378e-09, 3.0533456870415023e-10, 1.482749843562586e-10, 1.6828547722738707e-11,
    -6.3643880502157675e-12, -3.1166380131708697e-12, -1.3942892104044966e-13,
    1.7894782660304441e-13,
)  # fmt: skip

# y·trigamma(y) for y >= 1, in powers of 1 - 4 / (y + 1).
_TRIGAMMA = (
    1.1848022005446794, -0.2696294084373571, 0.11909534485951603, -0.04663497941315978,
    0.016516372218841512, -0.005517189993755685, 0.0018241852196595294, -0.0006092964833121847,
    0.0002035368922998572, -6.768445253497275e-05, 2.257272545860056e-05, -7.533833909430382e-06,
    2.507543112875427e-06, -8.365205837959737e-07, 2.778819454921217e-07, -9.244401153681736e-08,
    3.228918563298785e-08, -1.0756383892135012e-08, 2.5248636603257124e-09, -8.483171097390896e-10,
    7.245506274638237e-10, -2.4078770419089935e-10,
)  # fmt: skip

# Where digamma is 0, in two parts, the first of which float32 has too.
_ROOT, _ROOT_REST = 1.4616321325302124, 1.2438149938918909e-08


def _within(y: Any) -> Any:
    """Map 1 <= y <= 3 to ±0.27, and numbers below 0 far away."""
    return (y - math.sqrt(3)) / (y + math.sqrt(3))


@_special(lambda g, y, x: (g * digamma(x),))
def lgamma(x: Any) -> Any:
    """Logarithm of the gamma function for x > 0, as `math.lgamma`; infinite at 0, NaN below it.

    Relative error at most 8 epsilon, beside the roots at 1 and 2 too. In a
    difference of two, as in log(beta), the rounding of each stays: of large
    arguments little is left. Derivative: digamma(x).

    Examples
    --------
    >>> bool(np.isclose(lgamma(5.0), np.log(24.0)))
    True
    """
    log = np.log(x)
    below = x < 1
    from_1 = np.where(below, x, x - 1)
    near = from_1 * (from_1 - 1) * _polynomial(_LGAMMA_NEAR, _within(from_1 + 1))
    part = 1 / x
    rest = part * _polynomial(_LGAMMA_FAR, 1 - 6 * part)
    far = (x - 0.5) * (log - 1) + (0.5 * math.log(2 * math.pi) - 0.5 + rest)
    return np.where(x < 3, near - np.where(below, log, 0.0), far)


@_special(lambda g, y, x: (g * trigamma(x),))
def digamma(x: Any) -> Any:
    """Digamma, ψ: the derivative of lgamma for x > 0; minus infinity at 0, NaN below it.

    Relative error at most 8 epsilon, beside the root at 1.4616 too.
    Derivative: trigamma(x).

    Examples
    --------
    >>> bool(np.isclose(digamma(1.0), -np.euler_gamma))
    True
    """
    part = 1 / x
    below = x < 1
    y = np.where(below, x + 1, x)
    near = ((y - _ROOT) - _ROOT_REST) * _polynomial(_DIGAMMA_NEAR, _within(y))
    far = np.log(x) - part * (0.5 + part * _polynomial(_DIGAMMA_FAR, 1 - 6 * part))
    value = np.where(x < 3, near - np.where(below, part, 0.0), far)
    return np.where(x < 0, math.nan, value)


def _by_its_body(g: Symbol, y: Symbol, x: Symbol) -> Any:
    (derivative,) = differentiate(_trigamma(x), [x], g)
    return (derivative,)


def _trigamma(x: Any) -> Any:
    part = 1 / x
    below = x < 1
    y = np.where(below, x + 1, x)
    value = _polynomial(_TRIGAMMA, 1 - 4 / (y + 1)) / y + np.where(below, part * part, 0.0)
    return np.where(x < 0, math.nan, value)


@_special(_by_its_body)
def trigamma(x: Any) -> Any:
    """Trigamma: the derivative of digamma for x > 0; infinite at 0, NaN below it.

    SciPy has it as polygamma(1, x). Relative error at most 8 epsilon. Its own
    derivative is that of the polynomial behind it; its relative error is at
    most 1e-13 in float64.

    Examples
    --------
    >>> bool(np.isclose(trigamma(1.0), np.pi**2 / 6))
    True
    """
    return _trigamma(x)
