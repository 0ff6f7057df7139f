"""Primitives in simpler ones, against NumPy's own over all magnitudes."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.errors import SettingError
from nnplug.exporters.simpler import in_simpler
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import walk
from nnplug.formulas.primitives import new_graph

SIMPLEST = {
    "add", "subtract", "multiply", "divide", "negative", "greater", "greater_equal", "less",
    "less_equal", "equal", "where", "logical_and", "logical_or", "logical_not", "sqrt", "exp",
    "log", "sin", "cos", "floor", "absolute", "maximum", "minimum", "power",
}  # fmt: skip

_WHOLE = np.arange(0.0, 40.0)
_MAGNITUDES = np.concatenate(
    [np.geomspace(1e-300, 1e300, 601), np.geomspace(1e-3, 1e3, 400), _WHOLE + 0.5, _WHOLE,
     [np.inf, 1 - 1e-9, 1 + 1e-9, 1e8, 0.02, 709.0, 710.2,
      0.49999999999999994, 2.0**52 + 1, 2.0**53 - 1]]
)  # fmt: skip
POINTS = np.concatenate([-_MAGNITUDES, [-0.0, np.nan], _MAGNITUDES])

SUBNORMAL = 1e-322
"""Numbers below 1e-308 have fewer digits: so much is 20 of their steps."""

UNARY = (
    np.reciprocal, np.square, np.sign, np.trunc, np.ceil, np.rint, np.exp2, np.log2, np.log10,
    np.expm1, np.log1p, np.tanh, np.sinh, np.cosh, np.arcsinh, np.arccosh, np.arctanh, np.arctan,
    np.arcsin, np.arccos, np.cbrt,
)  # fmt: skip
PAIRS = (np.copysign, np.heaviside, np.fmax, np.fmin, np.arctan2, np.hypot, np.not_equal)
REMAINDERS = (np.fmod, np.remainder, np.floor_divide)


def simplest(function, *values):
    """Compute a function in the simplest primitives."""
    graph = new_graph()
    inputs = [graph.input(name, ("N",)) for name in "ab"[: len(values)]]
    written = in_simpler([function(*inputs)], SIMPLEST, "nothing")
    used = {symbol.operation.name for symbol in walk(written) if symbol.inputs}
    assert used <= SIMPLEST
    with np.errstate(all="ignore"):
        return evaluate(written, dict(zip("ab", values, strict=False)))[0]


def own(function, *values):
    """Compute it as NumPy does."""
    with np.errstate(all="ignore"):
        return function(*values)


def differing(found, wanted, points):
    """List the points where two functions differ, with both values."""
    with np.errstate(invalid="ignore", over="ignore"):
        near = abs(found - wanted) <= 1e-13 * abs(wanted) + SUBNORMAL
    near |= (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    near &= ~((wanted == 0) & (np.signbit(found) != np.signbit(wanted)))  # -0.0 is not 0.0
    return [(*(p[k] for p in points), found[k], wanted[k]) for k in np.flatnonzero(~near)[:10]]


@pytest.mark.parametrize("function", UNARY, ids=lambda each: each.__name__)
def test_functions_of_one_number(function):
    found, wanted = simplest(function, POINTS), own(function, POINTS)
    assert differing(found, wanted, [POINTS]) == []


@pytest.mark.parametrize("function", PAIRS, ids=lambda each: each.__name__)
def test_functions_of_two_numbers(function):
    few = POINTS[:: 7 if POINTS.size % 7 else 8]
    some = np.concatenate([few, [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0]])
    a, b = (each.ravel() for each in np.meshgrid(some, some))
    found, wanted = simplest(function, a, b), own(function, a, b)
    assert differing(found.astype(float), wanted.astype(float), [a, b]) == []


def test_tangent():
    # Beyond, the sine and the cosine of this processor's library decide.
    points = np.linspace(-30, 30, 3001)
    assert differing(simplest(np.tan, points), np.tan(points), [points]) == []


@pytest.mark.parametrize("function", REMAINDERS, ids=lambda each: each.__name__)
def test_remainders_of_moderate_quotients(function):
    # Whole eighths divide without rounding, so that both sides are exact.
    some = np.arange(-96, 97) / 8
    a, b = (each.ravel() for each in np.meshgrid(some, some[some != 0]))
    found, wanted = simplest(function, a, b), own(function, a, b)
    found, wanted = found + 0.0, wanted + 0.0  # which zero it is does not matter
    assert differing(found, wanted, [a, b]) == []


def test_truth_values():
    graph = new_graph()
    a, b = (graph.input(name, ("N",), "bool") for name in "ab")
    (written,) = in_simpler([np.logical_xor(a, b)], SIMPLEST, "nothing")
    values = {"a": np.array([True, True, False, False]), "b": np.array([True, False] * 2)}
    assert evaluate([written], values)[0].tolist() == [False, True, True, False]


def test_what_a_target_has_stays_as_it_is():
    graph = new_graph()
    x = graph.input("x", ("N",))
    y = np.tanh(x) + np.expm1(x)
    (same,) = in_simpler([y], {*SIMPLEST, "tanh", "expm1"}, "all")
    assert same is y
    (written,) = in_simpler([y], {*SIMPLEST, "tanh"}, "SQL")
    names = {symbol.operation.name for symbol in walk([written])}
    assert "tanh" in names
    assert "expm1" not in names


def test_what_cannot_be_written_is_named():
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    with pytest.raises(SettingError) as caught:
        in_simpler([np.sort(x)], SIMPLEST, "SQL for duckdb")
    assert str(caught.value) == (
        "SQL for duckdb has no sort: a part of this model cannot be written so."
    )


def test_what_does_not_depend_on_the_row_stays_as_it_is():
    graph = new_graph()
    x, weights = graph.input("x", ("N", 3)), graph.input("weights", (2, 3))
    (written,) = in_simpler([np.tanh(x @ weights.T)], {*SIMPLEST, "matmul"}, "SQL", ["x"])
    names = {symbol.operation.name for symbol in walk([written])}
    assert "transpose" in names
    assert "tanh" not in names


def test_1_and_0_are_written_where_a_formula_counts_with_truth_values():
    graph = new_graph()
    x = graph.input("x", ("N",))
    above = x > 1
    (written,) = in_simpler([graph.apply(graph.operations["multiply"], x, above)], SIMPLEST, "SQL")
    (product,) = (each for each in walk([written]) if each.operation.name == "multiply")
    assert [child.dtype_kind for child in product.inputs] == ["float", "float"]
    assert evaluate([written], {"x": np.array([0.5, 2.0])})[0].tolist() == [0, 2]
