"""What every activation keeps, and reference values for those whose formula is known."""

from __future__ import annotations

from xml.etree import ElementTree

import mpmath
import numpy as np
import pytest

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.mathml import to_mathml
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tracing import lower
from nnplug.parts.written import formulas
from nnplug.plugins.registry import Registry
from tests import oracles

DTYPES = [np.float32, np.float64]
EXTREMES = [-1e4, -800.0, -90.0, -1.0, 0.0, 1.0, 90.0, 800.0, 1e4]


def traced(part):
    graph = new_graph()
    x, g = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    y = part.value(x)
    return [y, part.pull_back(x, y, g)]


def forms(part):
    nodes = traced(part)
    return {"as written": nodes, "lowered": lower(nodes)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_finite_and_without_warning_at_any_magnitude(activation, dtype):
    if "finite" in activation.expected_failures:
        pytest.skip(activation.expected_failures["finite"])
    x = np.array(EXTREMES, dtype).reshape(-1, 1) * np.array([[1, 0.5]], dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        direct = activation(x)
    assert np.isfinite(direct).all()
    for nodes in forms(activation).values():
        value, slope = evaluate(nodes, {"x": x, "g": np.ones_like(x)})
        np.testing.assert_allclose(value, direct, rtol=3e-5 if dtype == np.float32 else 1e-12)
        assert np.isfinite(slope).all()


def test_print_is_the_formula(activation):
    nodes = traced(activation)
    arrays = {
        "x": np.random.default_rng(0).normal(size=(4, 3)) * 2,
        "g": np.random.default_rng(1).normal(size=(4, 3)),
    }
    found = oracles.run_text(to_text(nodes, ["y", "by_x"]), arrays)
    value, slope = evaluate(nodes, arrays)
    np.testing.assert_array_equal(found["y"], value)
    np.testing.assert_array_equal(np.broadcast_to(found["by_x"], slope.shape), slope)
    ElementTree.fromstring(to_mathml(nodes, ["y", "by_x"]).replace("&#160;", " "))  # well-formed


def test_what_is_shown_is_the_formula_and_its_derivative(activation):
    nodes, names = formulas(activation)
    x = np.array([*np.random.default_rng(0).normal(size=5) * 2, -800.0, 800.0, 0.0]).reshape(-1, 2)
    arrays = {"x": x, **{key: float(value) for key, value in activation.options.items()}}
    graph = nodes[0].graph
    at, learned = activation.arguments(graph)
    arrays |= {name: np.full(2, array.start) for name, array in activation.arrays.items()}
    wanted = [activation.value(at, learned)]
    if names[1] == "dy/dx":
        wanted.append(activation.slope(at, wanted[0]))
    else:
        arrays["dL/dy"] = np.cos(np.arange(8.0)).reshape(-1, 2)
        given = graph.input("dL/dy", ("N", "C"))
        wanted += differentiate(wanted[0], [at, *learned.values()], given)
    titles = ["y", "slope", *(f"by_{name}" for name in learned)]
    text = to_text(nodes, titles).replace("dL/dy", "given")
    found = oracles.run_text(text, {key.replace("dL/dy", "given"): arrays[key] for key in arrays})
    for name, result in zip(titles, evaluate(wanted, arrays), strict=True):
        shape = np.shape(result) or x.shape
        np.testing.assert_allclose(
            np.broadcast_to(found[name], shape), np.broadcast_to(result, shape),
            rtol=1e-13, atol=1e-16,
        )  # fmt: skip


def test_a_source_and_an_example_are_given(activation):
    assert activation.summary
    assert ">>> " in activation.doc


# --- values from the definitions, with 60 digits --------------------------------------


def _phi(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


SCALE, ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"
DEFINITIONS = {
    "identity": lambda x: x,
    "exponential": mpmath.exp,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "hard_sigmoid": lambda x: min(max((x + 3) / 6, 0), 1),
    "tanh": mpmath.tanh,
    "hard_tanh": lambda x: min(max(x, -1), 1),
    "softsign": lambda x: x / (1 + abs(x)),
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: min(max(x, 0), 6),
    "prelu": lambda x: x if x > 0 else x / 4,
    "celu": lambda x: x if x > 0 else mpmath.expm1(x),
    "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.01) * x,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "selu": lambda x: mpmath.mpf(SCALE) * (x if x > 0 else mpmath.mpf(ALPHA) * mpmath.expm1(x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "hard_swish": lambda x: x * min(max((x + 3) / 6, 0), 1),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "gelu": lambda x: x * _phi(x),
    "gelu_tanh": lambda x: (
        x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))) / 2
    ),
}
POINTS = np.concatenate(
    [s * np.array([1e-12, 1e-6, 1e-3, 0.1, 0.7, 1.5, 4, 9, 20]) for s in (-1, 1)]
)


def activation_called(name):
    return Registry(allowed=()).get("activation", name)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_value_and_slope_by_definition(name):
    part = activation_called(name)
    x = POINTS.reshape(-1, 1)
    value, slope = evaluate(traced(part), {"x": x, "g": np.ones_like(x)})
    with mpmath.workdps(320):  # 1 + tanh cancels 261 of them at -20
        for point, got, got_slope in zip(POINTS, value[:, 0], slope[:, 0], strict=True):
            at = mpmath.mpf(float(point))
            true = DEFINITIONS[name](at)
            # The far tails too are right to the last digits, relatively.
            assert abs(got - true) <= 2e-15 * (1 + point**2) * abs(true), point
            by_x = mpmath.diff(DEFINITIONS[name], at, h=mpmath.mpf("1e-100"))
            assert abs(got_slope - by_x) <= 1e-15 * (1 + point**2) * max(abs(by_x), 1), point


def test_tails_of_gelu_are_not_lost():
    from nnplug.builtin.activations import gelu

    with mpmath.workdps(60):
        for x in (-5.0, -10.0, -20.0, -35.0):
            true = x * _phi(mpmath.mpf(x))
            assert abs(float(gelu(x)) / true - 1) < 4e-16 * (1 + x * x)
    assert float(gelu(-5.0)) == pytest.approx(-1.4332578859e-06, rel=1e-9)  # 1 + erf gives 8 digits


# (name, x, slope at x): the side that each docstring promises.
SLOPES_AT_0 = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0, "sigmoid": 0.25, "tanh": 1.0}
SLOPES_AT_0 |= {"softplus": 0.5, "silu": 0.5, "gelu": 0.5, "gelu_tanh": 0.5, "identity": 1.0}
SLOPES_AT_0 |= {"selu": float(SCALE) * float(ALPHA), "exponential": 1.0, "log_sigmoid": 0.5}
SLOPES_AT_0 |= {"hard_sigmoid": 1 / 6, "hard_tanh": 1.0, "softsign": 1.0, "relu6": 0.0}
SLOPES_AT_0 |= {"prelu": 0.25, "celu": 1.0, "hard_swish": 0.5, "mish": 0.6}


def test_slope_at_0(activation):
    if activation.name not in SLOPES_AT_0:
        pytest.skip("its docstring promises none")
    zero = np.zeros((1, 1))
    _, slope = evaluate(traced(activation), {"x": zero, "g": zero + 1})
    assert slope[0, 0] == pytest.approx(SLOPES_AT_0[activation.name], rel=1e-15)


@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [
        ("relu6", 6.0, 1.0), ("hard_tanh", -1.0, 0.0), ("hard_tanh", 1.0, 1.0),
        ("hard_sigmoid", -3.0, 0.0), ("hard_sigmoid", 3.0, 1 / 6),
        ("hard_swish", -3.0, 0.0), ("hard_swish", 3.0, 1.5),
    ],
)  # fmt: skip
def test_slope_at_a_kink_is_the_one_from_the_left(name, at, slope):
    point = np.array([[at]])
    _, found = evaluate(traced(activation_called(name)), {"x": point, "g": np.ones((1, 1))})
    assert found[0, 0] == slope


def test_softsign_keeps_its_slope_far_from_0():
    x = np.array([[-1e4, -800.0, 800.0, 1e4]])
    for dtype in DTYPES:
        arrays = {"x": x.astype(dtype), "g": np.ones((1, 4), dtype)}
        _, slope = evaluate(traced(activation_called("softsign")), arrays)
        np.testing.assert_allclose(slope, 1 / (1 + abs(x)) ** 2, rtol=4 * np.finfo(dtype).eps)


def test_celu_has_slope_1_at_0_for_any_alpha():
    part = activation_called("celu").with_options(alpha=0.25)
    x = np.array([[0.0, -1e-9, -0.25]])
    value, slope = evaluate(traced(part), {"x": x, "g": np.ones_like(x)})
    np.testing.assert_allclose(slope[0], [1.0, 1.0, 0.36787944117144233], rtol=1e-8)
    assert value[0, 2] == pytest.approx(0.25 * (0.36787944117144233 - 1), rel=1e-15)


def test_prelu_learns_a_slope_for_each_unit():
    graph = new_graph()
    x, g, a = (
        graph.input(name, shape)
        for name, shape in {"x": ("N", "C"), "g": ("N", "C"), "a": ("C",)}.items()
    )
    y = activation_called("prelu").value(x, {"slope": a})
    found = evaluate(
        [y, *differentiate(y, [a], g)],
        {
            "x": np.array([[-2.0, 3.0], [-1.0, -4.0]]),
            "g": np.array([[1.0, 10.0], [0.5, 0.25]]),
            "a": np.array([0.25, 2.0]),
        },
    )
    # By hand: of the first unit -2·1 - 1·0.5, of the second -4·0.25, the sums below 0.
    np.testing.assert_array_equal(found[0], [[-0.5, 3.0], [-0.25, -8.0]])
    np.testing.assert_array_equal(found[1], [-2.5, -1.0])


def test_probabilities_sum_to_1(activation):
    x = np.random.default_rng(0).normal(size=(5, 4)) * 30
    if activation.gives == "log_probabilities":
        assert (activation(x) <= 0).all()
        if activation.name == "log_softmax":
            np.testing.assert_allclose(np.exp(activation(x)).sum(axis=1), 1, rtol=1e-13)
    elif activation.gives == "probabilities":
        assert ((activation(x) >= 0) & (activation(x) <= 1)).all()
        if activation.name == "softmax":
            np.testing.assert_allclose(activation(x).sum(axis=1), 1, rtol=1e-14)
