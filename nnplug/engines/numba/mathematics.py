"""Exponentials and logarithms in plain arithmetic, which a compiler can vectorise.

A compiled loop that calls the C library for each element takes ten times as
long as one that computes several elements at once; these functions have no
branch and no call. They are written for one number of one dtype, so that they
run as they stand on NumPy's scalars too.

Each is within 4 units in the last place of the true value, subnormal numbers,
infinities and NaN included; a test holds them against 60-digit arithmetic.
The polynomials are Chebyshev interpolants, computed with 60 digits and
rounded once; their own relative error is below 1e-8 (float32) and 2e-17.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["NAMES", "Bits", "functions"]

NAMES = ("exp", "expm1", "log", "log1p", "tanh")

# (expm1(r) - r) / r² for |r| <= log(2) / 2, in powers of r.
_EXP: Mapping[str, tuple[float, ...]] = {
    "float32": (0.5, 0.16666576666119928, 0.04166655421298415, 0.008363232883682618,
                0.0013926250831497611),
    "float64": (0.5, 0.16666666666666669, 0.041666666666623824, 0.008333333333330039,
                0.0013888888917367081, 0.00019841269863171557, 2.4801521057868204e-05,
                2.7557268276905696e-06, 2.7620201591031547e-07, 2.5100472505694996e-08),
}  # fmt: skip

# (log((1 + s) / (1 - s)) - 2s) / s³ for 1/√2 <= (1 + s) / (1 - s) <= √2, in powers of s².
_LOG: Mapping[str, tuple[float, ...]] = {
    "float32": (0.6666666655358554, 0.40000122584584097, 0.285507364053582, 0.23332761807741403),
    "float64": (0.666666666666667, 0.3999999999989827, 0.28571428626533335, 0.22222211043822487,
                0.18182895746801428, 0.1533150172120742, 0.1461916477718642),
}  # fmt: skip

# log(2) in two parts, the first so short that its product with any exponent is exact.
_LN2 = {
    "float32": (0.693145751953125, 1.4286068203094173e-06),
    "float64": (0.6931471805598903, 5.497923018708371e-14),
}


@dataclass(frozen=True)
class Bits:
    """How to see a number as the integer of the same bits, and back."""

    of: Callable[[Any], Any]
    number: Callable[[Any], Any]


def functions(dtype: str, bits: Bits, compiled: Callable[[Any], Any]) -> dict[str, Any]:
    """Define the functions of `NAMES` for one dtype.

    Parameters
    ----------
    dtype : str
        `"float32"` or `"float64"`.
    bits : Bits
    compiled : callable
        Applied to each function as it is made; the identity leaves Python functions.

    Returns
    -------
    dict of str to callable
    """
    single = dtype == "float32"
    real: Any = np.float32 if single else np.float64
    whole: Any = np.int32 if single else np.int64
    digits, bias = (whole(23), whole(127)) if single else (whole(52), whole(1023))
    bits_of, number_of = bits.of, bits.number
    exp_terms = tuple(map(real, _EXP[dtype][::-1]))
    log_terms = tuple(map(real, _LOG[dtype][::-1]))
    ln2, ln2_rest = map(real, _LN2[dtype])
    per_ln2 = real(1 / math.log(2))
    zero, half, one, two = map(real, (0, 0.5, 1, 2))
    infinity, nan = real(math.inf), real(math.nan)
    # Adding 1.5·2^digits rounds to a whole number and leaves it in the low bits of the sum.
    shift = real(1.5 * 2.0 ** int(digits))
    shift_bits = whole(shift.view(whole))
    root_half_bits = whole(real(math.sqrt(0.5)).view(whole))
    # Beyond these, exp is 0 or infinite, expm1 is -1 and tanh is 1.
    lowest, highest = (real(-104), real(89)) if single else (real(-746), real(710))
    minus_one, saturated = (real(-20), real(10)) if single else (real(-40), real(20))
    smallest_normal, magnify = real(2.0 ** (1 - int(bias))), real(2.0 ** int(digits))
    magnified, large = real(int(digits)), real(2.0 ** (int(digits) + 2))

    @compiled
    def power_of_two(k: Any) -> Any:
        return number_of(whole(whole(k + bias) << digits))

    @compiled
    def reduced_expm1(x: Any) -> Any:
        """Split x = k·log(2) + r; give k and expm1(r)."""
        t = x * per_ln2 + shift
        n = t - shift
        r = (x - n * ln2) - n * ln2_rest
        total = zero
        for term in exp_terms:
            total = total * r + term
        return whole(bits_of(t) - shift_bits), r + (r * r) * total

    @compiled
    def exp(x: Any) -> Any:
        bounded = highest if x > highest else x
        bounded = lowest if bounded < lowest else bounded
        k, q = reduced_expm1(bounded)
        # In two factors: a subnormal result is rounded once, and 2^k may overflow alone.
        first = whole(k >> whole(1))
        return ((one + q) * power_of_two(first)) * power_of_two(whole(k - first))

    @compiled
    def expm1(x: Any) -> Any:
        bounded = highest if x > highest else x
        bounded = minus_one if bounded < minus_one else bounded
        k, q = reduced_expm1(bounded)
        scale = power_of_two(whole(k - whole(1)))  # halved, since 2^k may overflow alone
        return two * (scale * q + (scale - half))

    @compiled
    def log(x: Any) -> Any:
        small = x < smallest_normal
        y = x * magnify if small else x
        k = whole(whole(bits_of(y) - root_half_bits) >> digits)
        m = number_of(whole(bits_of(y) - whole(k << digits)))
        s = (m - one) / (m + one)
        z = s * s
        total = zero
        for term in log_terms:
            total = total * z + term
        n = real(k) - magnified if small else real(k)
        result = n * ln2 + (two * s + (s * (z * total) + n * ln2_rest))
        result = x if x == infinity else result
        result = -infinity if x == zero else result
        return result if x >= zero else nan

    @compiled
    def log1p(x: Any) -> Any:
        w = one + x
        lost = w - one  # what of x survived the sum: log(w) belongs to that
        result = log(w)
        corrected = result * (x / (one if lost == zero else lost))
        corrected = x if lost == zero else corrected
        return result if x > large else corrected

    @compiled
    def tanh(x: Any) -> Any:
        size = abs(x)
        size = saturated if size > saturated else size
        q = expm1(two * size)
        result = q / (q + two)
        return result if x >= zero else -result

    return {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh}
