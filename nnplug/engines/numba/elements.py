"""How operations on one element, numbers and truth values are written in a loop's source."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from nnplug.engines.numba.mathematics import NAMES
from nnplug.plans.program import Value

__all__ = [
    "COMPARES", "ELEMENT", "NUMBER", "REDUCE", "ROW", "TRUTHS", "WHOLE", "literal", "loaded",
    "name_of", "stored",
]  # fmt: skip

# Each operation on one element. `{0}` is the first operand, `T` the output's dtype.
ELEMENT = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "reciprocal": "T(1) / {0}",
    "square": "{0} * {0}",
    "sqrt": "np.sqrt({0})",
    "absolute": "abs({0})",
    "sign": "(T(1) if {0} > 0 else (T(-1) if {0} < 0 else {0}))",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "trunc": "np.trunc({0})",
    "heaviside": "({1} if {0} == 0 else (T(1) if {0} > 0 else (T(0) if {0} < 0 else {0})))",
    # NaN must stay NaN. Comparisons with NaN are false: a NaN in the first operand
    # is the last choice, and `{1} != {1}` finds one in the second.
    "maximum": "({1} if {1} > {0} or {1} != {1} else {0})",
    "minimum": "({1} if {1} < {0} or {1} != {1} else {0})",
    "where": "({1} if {0} else {2})",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} and {1}",
    "logical_or": "{0} or {1}",
    "logical_not": "not {0}",
    "logical_xor": "{0} != {1}",
    "copy": "{0}",
    "cast": "{0}",
    "broadcast_like": "{0}",
    "expand_dims": "{0}",
    **{name: f"{name}_T({{0}})" for name in NAMES},
}

TRUTHS = {"logical_and", "logical_or", "logical_not", "logical_xor"}
COMPARES = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}

# Reductions: the start, and the next total from the total `{0}` and the element `{1}`.
REDUCE = {
    "sum": ("T(0)", "{0} + {1}"),
    "max": ("T(-math.inf)", "({1} if {1} > {0} or {1} != {1} else {0})"),
    "min": ("T(math.inf)", "({1} if {1} < {0} or {1} != {1} else {0})"),
}

# For numbers only: on arrays, NumPy computes several elements at once, and is faster.
NUMBER = {
    "power": "{0} ** {1}",
    "remainder": "{0} % {1}",
    "fmod": "np.fmod({0}, {1})",
    **{name: f"math.{name}({{0}})" for name in ("sin", "cos")},
}

# Sums over all rows, and choices of a column by the row's label.
WHOLE = {"sum_rows", "total", "squares"}
ROW = {"take_along_axis", "one_hot"}


@cache  # NumPy takes 5 µs to make the name of a dtype
def name_of(dtype: np.dtype[Any]) -> str:
    """Give the name of a dtype in the sources."""
    return dtype.name


def stored(text: str, value: Value) -> str:
    """Write a value as it is stored in memory, where truth values are bytes."""
    return f"uint8({text})" if value.dtype.kind == "b" else text


def loaded(text: str, value: Value) -> str:
    """Write a stored value as the loop uses it, where bytes are truth values."""
    return f"{text} != 0" if value.dtype.kind == "b" else text


def literal(number: float, dtype: np.dtype[Any]) -> str:
    """Write a number of a formula in the source."""
    if dtype.kind == "b":
        return str(bool(number))
    if math.isnan(number):
        return f"{name_of(dtype)}(math.nan)"
    if math.isinf(number):
        return f"{name_of(dtype)}({'-' * (number < 0)}math.inf)"
    return f"{name_of(dtype)}({number!r})"
