"""Reverse accumulation: sharing, broadcasting, and choices that keep NaN out."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import walk
from nnplug.formulas.primitives import new_graph


def slope(formula, at, seed=1.0):
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    (by_x,) = differentiate(formula(x), [x], graph.constant(seed))
    return evaluate([by_x], {"x": np.atleast_2d(np.asarray(at, float))})[0][0].tolist()


def choice_of_a_row(x):
    total = np.sum(x, axis=-1, keepdims=True)
    return np.where(total > 0, np.sqrt(total), x)


# Each derivative of the branch not taken is infinite or NaN.
@pytest.mark.parametrize(
    ("formula", "at", "expected"),
    [
        (lambda x: np.where(x > 0, np.log(x), 0), [-1.0, 0.0, 2.0], [0, 0, 0.5]),
        (lambda x: np.where(x > 0, x * np.log(x), 0), [-1.0, 0.0, 1.0], [0, 0, 1]),
        (lambda x: np.where(x > 0, np.sqrt(x), 3 * x), [-1.0, 0.0, 4.0], [3, 3, 0.25]),
        (lambda x: np.where(x < 1, np.exp(1000 * x), x), [2.0, 0.0], [1, 1000]),
        (lambda x: np.where(x > 0, 1 / x, 1), [0.0, 2.0], [0, -0.25]),
        (lambda x: 5 * np.where(x > 0, np.log(x) ** 2, 0) + x, [0.0, 1.0], [1, 1]),
        (lambda x: np.exp(np.where(x > 0, np.log(x), 0)), [-1.0, 3.0], [0, 1]),
        (lambda x: np.tanh(np.where(x != 0, np.sin(x) / x, 1)), [0.0], [0]),
        (
            lambda x: np.where(x > 0, np.where(x > 1, np.log(x - 1), 0), x),
            [0.5, -1, 3],
            [0, 1, 0.5],
        ),
        (
            lambda x: np.sum(np.where(x > 0, np.log(x), 0), axis=-1, keepdims=True) * 2,
            [-1.0, 0.0, 2.0],
            [0, 0, 1],
        ),
        (lambda x: np.maximum(np.where(x > 0, np.sqrt(x), 0), 0.5), [0.0, 1.0], [0, 0.5]),
        (lambda x: np.clip(np.where(x > 0, x**0.5, 0), -1, 9), [0.0, 4.0], [0, 0.25]),
        (choice_of_a_row, [-3.0, 1.0], [1, 1]),
        (choice_of_a_row, [1.0, 3.0], [0.5, 0.5]),
    ],
)
def test_the_branch_not_taken_may_be_anything(formula, at, expected):
    assert slope(formula, at) == pytest.approx(expected, rel=1e-14)


def test_terms_of_nested_choices_are_all_kept():
    # On the chosen branch it is a²x/a = ax. Its five terms in a are joined in pairs, and a
    # pair is added to a term that is joined later.
    def formula(x, a):
        small = abs(a) < 0.5
        safe = np.where(small, 1.0, a)
        return np.where(small, a * x, np.where(a < 0, a * x / safe, a * a * x / safe))

    graph = new_graph()
    x, a = graph.input("x", ("N", "C")), graph.input("a")
    by_a = differentiate(formula(x, a), [a], graph.constant(1.0))
    at = np.array([[3.0, 4.0]])
    found = [float(evaluate(by_a, {"x": at, "a": value})[0]) for value in (-2.0, 0.25, 2.0)]
    assert found == [0.0, 7.0, 7.0]  # of x, ax and ax, summed


def test_one_choice_made_twice():
    # The inner condition is the outer one: its other side is never reached.
    def formula(x):
        c = x > 0
        return np.where(c, np.where(c, x**2, np.log(x)), np.where(c, np.log(-x), 3 * x))

    assert slope(formula, [-2.0, 2.0]) == [3.0, 4.0]


def test_a_chain_of_choices_stays_short():
    graph = new_graph()
    x = graph.input("x", ("N",))
    y = x
    for _ in range(12):
        y = np.where(y > 0, 0.9 * y, 1.1 * y)
    (by_x,) = differentiate(y, [x], graph.constant(1.0))  # doubling at each would make 4096
    assert len(walk([by_x])) < 100
    got = evaluate([by_x], {"x": np.array([2.0, -2.0])})[0]
    np.testing.assert_allclose(got, [0.9**12, 1.1**12], rtol=1e-13)


def test_value_and_derivative_share_their_nodes():
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = np.tanh(np.exp(x))
    (by_x,) = differentiate(y, [x], graph.constant(1.0))
    for name in ("tanh", "exp"):
        assert sum(node.operation.name == name for node in walk([y, by_x])) == 1


def test_shape_of_a_derivative_is_that_of_its_variable():
    graph = new_graph()
    shapes = {"a": ("N", "C"), "b": ("C",), "c": ("N", 1), "d": (), "e": (1, 1), "f": (1, "C")}
    symbols = {name: graph.input(name, shape) for name, shape in shapes.items()}
    total = symbols["a"]
    for name in "bcdef":
        total = total * symbols[name] + symbols[name]
    gradients = differentiate(total, list(symbols.values()), graph.constant(1.0))
    generator = np.random.default_rng(0)
    sizes = {"N": 3, "C": 4, 1: 1}
    arrays = {n: generator.normal(size=[sizes[d] for d in s]) for n, s in shapes.items()}

    def number(**values):
        total = values["a"]
        for name in "bcdef":
            total = total * values[name] + values[name]
        return np.sum(total)

    for (name, shape), gradient in zip(shapes.items(), evaluate(gradients, arrays), strict=True):
        assert gradients[list(shapes).index(name)].shape == shape
        assert gradient.shape == arrays[name].shape
        for place in np.ndindex(gradient.shape):
            moved = {n: a.astype(complex) for n, a in arrays.items()}
            moved[name][place] += 1e-150j
            assert gradient[place] == pytest.approx(number(**moved).imag / 1e-150, rel=1e-12)


def test_what_does_not_depend_has_derivative_0():
    graph = new_graph()
    x, y = graph.input("x", ("N", "C")), graph.input("y", ("N", "C"))
    by_y, by_x = differentiate(np.sign(x) + 2 * y, [y, x], graph.constant(1.0))
    got = evaluate([by_y, by_x], {"x": np.ones((2, 3)), "y": np.ones((2, 3))})
    assert (got[0] == 2).all()
    assert (got[1] == 0).all()
    assert got[0].shape == got[1].shape == (2, 3)


def test_second_derivative():
    graph = new_graph()
    x = graph.input("x", ("N",))
    (first,) = differentiate(np.sin(x) * x, [x], graph.constant(1.0))
    (second,) = differentiate(first, [x], graph.constant(1.0))
    at = np.linspace(-2, 2, 5)
    np.testing.assert_allclose(
        evaluate([second], {"x": at})[0], 2 * np.cos(at) - at * np.sin(at), rtol=1e-14, atol=1e-15
    )


def test_of_the_seed():
    assert slope(lambda x: x**2, [3.0], seed=-2.0) == [-12.0]
