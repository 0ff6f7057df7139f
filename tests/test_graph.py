"""The expression graph: sharing, folding, and simplification that changes no number."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.errors import FormulaError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import broadcast_shapes
from nnplug.formulas.tracing import alike


@pytest.fixture
def graph():
    return new_graph()


@pytest.fixture
def x(graph):
    return graph.input("x", ("N", "C"))


def test_equal_nodes_are_one(graph, x):
    assert np.exp(x) is np.exp(graph.input("x", ("N", "C")))
    assert x * 2 is x * 2.0
    assert np.sum(x, axis=-1) is x.sum(axis=1)
    assert np.sum(x, axis=-1) is not np.sum(x, axis=-1, keepdims=True)
    assert x - 1 is not 1 - x


def test_constants_are_told_apart(graph):
    assert graph.constant(0.0) is not graph.constant(-0.0)
    assert graph.constant(float("nan")) is graph.constant(float("nan"))
    assert graph.constant(True) is not graph.constant(1.0)
    assert graph.constant(np.float32(0.5)) is graph.constant(0.5)


def test_numbers_are_computed_while_tracing(graph, x):
    folded = x * np.sqrt(graph.constant(2.0) + 7)
    assert [node.operation.name for node in walk([folded])] == ["input", "constant", "multiply"]
    assert folded.inputs[1].value == 3.0


@pytest.mark.parametrize(
    "neutral",
    [
        lambda x: x - 0,
        lambda x: x * 1,
        lambda x: 1 * x,
        lambda x: x / 1,
        lambda x: np.negative(-x),
        lambda x: x**1,
        lambda x: np.maximum(x, x),
        lambda x: np.where(True, x, 0),
        lambda x: np.clip(x, None, None),
        lambda x: +x,
    ],
)
def test_what_changes_nothing_is_dropped(x, neutral):
    assert neutral(x) is x


@pytest.mark.parametrize(
    "kept", [lambda x: x * 0, lambda x: x + 0, lambda x: 0 / x, lambda x: x**0 * x, lambda x: x / x]
)
def test_what_changes_something_is_kept(x, kept):
    a = np.array([[np.nan, np.inf, -0.0, 2.0]])
    with np.errstate(all="ignore"):
        expected = kept(a)
    np.testing.assert_array_equal(evaluate([kept(x)], {"x": a})[0], expected)


# A truth value takes part in arithmetic as 0 or 1, and becomes a number by it.
@pytest.mark.parametrize(
    "masks",
    [
        lambda x: (x > 0) * 1.0 + (x > 1) * 1.0,
        lambda x: ((x > 0) - 0.0) + ((x > 1) / 1.0),
        lambda x: -1 * (x > 0),
        lambda x: (x > 0) * -1.0 - (x > 1) * -1.0,
        lambda x: 2.0 - (x > 0),
        lambda x: x * (x > 0) + (x <= 0) * 0.1 * x,
        lambda x: np.sum(x > 0, axis=-1, keepdims=True) / 4,
        lambda x: np.mean((x > 0) * 1.0, axis=-1, keepdims=True) * x,
    ],
)
def test_arithmetic_with_masks(x, masks):
    a = np.array([[-1.0, 0.5, 2.0, 3.0]])
    (got,) = evaluate([masks(x)], {"x": a})
    np.testing.assert_array_equal(got, masks(a))
    assert got.dtype == np.float64


@pytest.mark.parametrize(
    "signs",
    [
        lambda x, y: x + -y,
        lambda x, y: -x + y,
        lambda x, y: x - -y,
        lambda x, y: -x - y,
        lambda x, y: -1 * x - y * -1,
        lambda x, y: np.where(x > 0, x, 0) + np.where(x > 0, 0, y),
        lambda x, y: np.where(x > 0, 0, x) + np.where(x > 0, y, 0),
        lambda x, y: np.where(x > 0, x, 0) + np.where(y > 0, 0, y),
        lambda x, y: np.where(x > 0, x, 0) + np.where(x > 0, y, 0),
    ],
)
def test_signs_and_choices(graph, x, signs):
    y = graph.input("y", ("N", "C"))
    a, b = np.random.default_rng(0).normal(size=(2, 5, 4))
    (got,) = evaluate([signs(x, y)], {"x": a, "y": b})
    np.testing.assert_array_equal(got, signs(a, b))


def test_shapes():
    assert broadcast_shapes("add", ("N", "C"), (), ("N", 1)) == ("N", "C")
    assert broadcast_shapes("add", ("C",), ("N", 1)) == ("N", "C")
    assert broadcast_shapes("add") == ()
    with pytest.raises(FormulaError, match=r"`add` of shapes \(N, C\) and \(N\)"):
        broadcast_shapes("add", ("N", "C"), ("N",))


def test_shapes_while_tracing(x):
    assert x.ndim == 2
    assert x.T.shape == ("C", "N")
    assert (x @ x.T).shape == ("N", "N")
    assert np.sum(x).shape == ()
    assert np.sum(x, keepdims=True).shape == (1, 1)
    assert np.sum(x, axis=0).shape == ("C",)
    assert np.sum(x, axis=-1, keepdims=True).shape == ("N", 1)
    assert np.linalg.norm(x, axis=1).shape == ("N",)
    assert np.ones_like(x).shape == ("N", "C")


def test_the_order_of_a_walk_and_its_depth(x):
    y = x
    for _ in range(5000):  # beyond Python's recursion limit
        y = np.sin(y)
    order = walk([y, x])
    assert order[0] is x
    assert order[-1] is y
    assert len(order) == 5001


def test_formulas_that_are_alike():
    def formula(shape, option=0.5, name="x", axis=-1):
        other = new_graph()
        x, y = other.input(name, shape), other.input("y", shape)
        return [np.exp(x) * option, np.exp(x) - y, np.sum(x, axis=axis) * option]

    matrix = formula(("R", "C"))
    assert alike(matrix, formula(("A", "B")))
    assert alike(matrix[:2], formula(("P",))[:2])
    assert not alike(matrix, formula(("R", "C"), option=-0.5))
    assert not alike(matrix, formula(("R", "C"), name="z"))
    assert not alike(matrix, formula(("R", "C"), axis=0))
    assert not alike(matrix, matrix[:2])
    assert not alike(matrix, [matrix[1], matrix[0], matrix[2]])
    zero, minus = formula(("P",), option=0.0), formula(("P",), option=-0.0)
    assert not alike(zero, minus)
    swapped = new_graph()
    x, y = swapped.input("x", ("P",)), swapped.input("y", ("P",))
    assert not alike([x - y], [y - x])
    assert alike([x - y], [x - y])


def test_an_array_may_bear_the_name_of_a_dimension(graph):
    slot = graph.input("P", ("P",))
    from nnplug.formulas.tracing import lower

    (mean,) = evaluate(lower([np.mean(slot)]), {"P": np.array([1.0, 2.0, 6.0])})
    assert mean == 3.0


def test_symbols_of_two_graphs_do_not_mix(x):
    with pytest.raises(AssertionError):
        x + new_graph().input("x", ("N", "C"))
