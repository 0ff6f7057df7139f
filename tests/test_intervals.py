"""Interval arithmetic over graphs, and what it proves of formulas on the whole line."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnplug.formulas.boxes import find_jumps, sign_everywhere
from nnplug.formulas.intervals import Bounds, bounds_of
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower

NUMBERS = st.floats(-1e300, 1e300) | st.floats(-4, 4) | st.sampled_from([0.0, 1.0, -1.0, 5e-324])

EXACT = {
    "add": lambda a, b: Fraction(a) + Fraction(b),
    "subtract": lambda a, b: Fraction(a) - Fraction(b),
    "multiply": lambda a, b: Fraction(a) * Fraction(b),
    "divide": lambda a, b: Fraction(a) / Fraction(b) if b else None,
    "maximum": lambda a, b: max(Fraction(a), Fraction(b)),
    "minimum": lambda a, b: min(Fraction(a), Fraction(b)),
}

FUNCTIONS = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt, "cbrt": mpmath.cbrt, "sinh": mpmath.sinh, "cosh": mpmath.cosh,
    "tanh": mpmath.tanh, "arctan": mpmath.atan, "arcsinh": mpmath.asinh, "sin": mpmath.sin,
    "cos": mpmath.cos, "absolute": abs, "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x, "exp2": lambda x: mpmath.mpf(2) ** x,
}  # fmt: skip


def box(low, high):
    return Bounds(np.array([low]), np.array([high]))


def rule(name, *boxes):
    graph = new_graph()
    inputs = [graph.input(f"x{k}", ("N",)) for k in range(len(boxes))]
    # Applied as it is: a call by name might be simplified.
    symbol = graph.apply(graph.operations[name], *inputs)
    found, _ = bounds_of(symbol, {f"x{k}": bounds for k, bounds in enumerate(boxes)})
    return found.low[0], found.high[0]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(sorted(EXACT)))
def test_arithmetic_encloses_the_exact_result(data, name):
    ends = [sorted((data.draw(NUMBERS), data.draw(NUMBERS))) for _ in "ab"]
    points = [
        min(max(low + data.draw(st.floats(0, 1)) * (high - low), low), high)
        if np.isfinite(high - low) else low
        for low, high in ends
    ]  # fmt: skip
    exact = EXACT[name](*points)
    low, high = rule(name, *(box(*pair) for pair in ends))
    if exact is not None:
        assert low == -np.inf or Fraction(low) <= exact
        assert high == np.inf or exact <= Fraction(high)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(sorted(FUNCTIONS)))
def test_functions_enclose_the_exact_result(data, name):
    numbers = st.floats(1e-9, 700) if name in ("log", "sqrt") else st.floats(-30, 30)
    if name == "log1p":
        numbers = st.floats(-0.999, 50)
    low, high = sorted((data.draw(numbers), data.draw(numbers)))
    point = min(max(low + data.draw(st.floats(0, 1)) * (high - low), low), high)
    if name == "reciprocal" and point == 0:
        return
    with mpmath.workdps(40):
        root = name == "cbrt" and point < 0  # mpmath takes the complex root
        exact = -mpmath.cbrt(-mpmath.mpf(point)) if root else FUNCTIONS[name](mpmath.mpf(point))
        found = rule(name, box(low, high))
        assert found[0] <= exact <= found[1]


def test_what_no_rule_knows_is_unbounded():
    assert rule("floor", box(1.0, 1.5)) == (-np.inf, np.inf)


def test_bounds_are_tight_where_the_result_is_exact():
    assert rule("add", box(1.0, 2.0), box(3.0, 4.0)) == (4.0, 6.0)
    assert rule("multiply", box(0.0, 1.0), box(0.0, 1.0)) == (0.0, 1.0)
    assert rule("tanh", box(-1e3, 1e3)) == (-1.0, 1.0)
    assert rule("exp", box(-1e4, 0.0)) == (0.0, 1.0)
    assert rule("divide", box(1.0, 1.0), box(1.0, np.inf)) == (0.0, 1.0)
    # 1 + 1e-300 rounds down to 1, so 1 is a bound from below and not from above.
    assert rule("add", box(1.0, 1.0), box(1e-300, 1e-300)) == (1.0, np.nextafter(1, 2))


# --- on the whole line -------------------------------------------------------------------


def proved(formula):
    graph = new_graph()
    x = graph.input("x", ("N",))
    (symbol,) = lower([graph.symbol(formula(x))])
    return sign_everywhere(symbol, "x", {})[0]


@pytest.mark.parametrize(
    ("formula", "sign"),
    [
        (lambda x: x * x, "never negative"),
        (lambda x: x * x * x * x - 0.0, "never negative"),
        (lambda x: 1 - np.tanh(x) * np.tanh(x), "never negative"),
        (lambda x: np.exp(x) / (1 + np.exp(x)) ** 2, "never negative"),
        (lambda x: np.where(x > 0.3, x - 0.3, 0), "never negative"),
        (lambda x: x, "sometimes negative"),
        (lambda x: np.where(x > 1e200, -1.0, 1.0), "sometimes negative"),
        (lambda x: x * x - 1e-9, "sometimes negative"),
        (np.floor, "unknown"),
    ],
)
def test_signs(formula, sign):
    assert proved(formula) == sign


def jumps(formula):
    graph = new_graph()
    x = graph.input("x", ("N",))
    (symbol,) = lower([graph.symbol(formula(x))])
    return find_jumps(symbol, "x", {})


@pytest.mark.parametrize(
    ("formula", "places"),
    [
        (lambda x: np.maximum(x, 0) + abs(x) + np.clip(x, -1, 1), []),
        (lambda x: np.where(x > 0.3, 1.0, 0.0), [0.3]),
        (lambda x: 1 / (x - 3), [3.0]),
        (lambda x: np.sign(x + 2), [-2.0]),
        (lambda x: np.where(x > 0, 1 / np.where(x > 0, x + 1, 1), 0), [0.0]),
        (lambda x: 1 / (1 + x * x), []),
    ],
)
def test_jumps_are_enclosed(formula, places):
    low, high = jumps(formula)
    for place in places:
        assert ((low <= place) & (place <= high)).any()
    near = [place for place in low.tolist() if not any(abs(place - at) < 1e-12 for at in places)]
    assert near == []


def test_jumps_without_end_are_not_enclosed():
    assert jumps(np.floor) is None
