"""Every primitive, as an author spells it: value by NumPy, derivative by complex step."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import _OPERATIONS, new_graph
from nnplug.formulas.tracing import lower
from tests import oracles

SHAPES = {
    "x": ("N", "C"),
    "y": ("N", "C"),
    "p": ("N", "C"),
    "r": ("N", 1),
    "s": (),
    "w": ("C", "C"),
}
SIZES = {"N": 3, "C": 4}

# The operations each formula is there for; x and y take both signs, p is positive.
ELEMENTWISE = {
    "add": lambda np, x, y: x + y,
    "add constant": lambda np, x: 3 + x,
    "add row": lambda np, x, r: x + r,
    "add scalar": lambda np, x, s: s + x * r_free(x),
    "subtract": lambda np, x, y: x - 2 * y,
    "subtract from constant": lambda np, x: 1 - x,
    "subtract row": lambda np, x, r: r - x,
    "multiply": lambda np, x, y: x * y * x,
    "multiply row": lambda np, x, r: r * x * r,
    "multiply scalar": lambda np, x, s: np.multiply(s, x) * s,
    "multiply by -1": lambda np, x, y: -1 * x * y - y * -1,
    "divide": lambda np, x, p: x / p,
    "divide row": lambda np, r, p: r / p,
    "divide constant": lambda np, p: 2 / p,
    "power 2": lambda np, x: x**2,
    "power 3": lambda np, x: x**3,
    "power 4": lambda np, x: x**4 + x**1 + x**0,
    "power 5": lambda np, x: x**5,
    "power -1": lambda np, p: p**-1,
    "power -2": lambda np, p: p**-2.0,
    "power 0.5": lambda np, p: p**0.5,
    "power 1.7": lambda np, p: np.power(p, 1.7),
    "power of symbol": lambda np, p, x: p**x,
    "power of 2": lambda np, x: 2.0**x,
    "negative": lambda np, x: -x,
    "positive": lambda np, x: +x * x,
    "reciprocal": lambda np, p: np.reciprocal(p),
    "square": lambda np, x: np.square(x),
    "sqrt": lambda np, p: np.sqrt(p),
    "cbrt": lambda np, x: np.cbrt(x),
    "remainder": lambda np, x, y: np.remainder(x, y),
    "remainder by a number": lambda np, x: np.mod(x, 0.7) * x,
    "fmod": lambda np, x, y: np.fmod(3 * x, y),
    "floor_divide": lambda np, x, p: np.floor_divide(3 * x, p) * x,
    "copysign": lambda np, x, y: np.copysign(x * x, y),
    "hypot": lambda np, x, y: np.hypot(x, y),
    "absolute": lambda np, x: np.abs(x) * x,
    "sign": lambda np, x: np.sign(x) * x,
    "floor": lambda np, x: np.floor(x) * x,
    "ceil": lambda np, x: np.ceil(x) * x,
    "trunc": lambda np, x: np.trunc(3 * x) * x,
    "heaviside": lambda np, x, y: np.heaviside(x, 0.5) * y + np.heaviside(x - x, y * y),
    "round": lambda np, x: np.round(x) * x,
    "maximum": lambda np, x, y: np.maximum(x, y),
    "maximum 0": lambda np, x: np.maximum(0, x) + np.maximum(x, 0.5) ** 2,
    "minimum": lambda np, x, y: np.minimum(x, y),
    "minimum 0": lambda np, x: np.minimum(0, x) * x,
    "fmax": lambda np, x, y: np.fmax(x, y),
    "fmin": lambda np, x, y: np.fmin(x, y),
    "clip": lambda np, x: np.clip(x, -0.8, 0.9) * x,
    "clip by symbols": lambda np, x, r, p: np.clip(x, r, r + p),
    "clip by bounds that cross": lambda np, x, y, r: np.clip(x, y, r),
    "where": lambda np, x, y: np.where(np.greater(x, y), x * x, 3 * y),
    "where row": lambda np, x, r: np.where(np.greater(x, 0), r, x * r),
    "where scalar": lambda np, x, s: np.where(np.greater(x, 0), s, 0) * x,
    "where nested": lambda np, x, y: np.where(
        np.greater(x, 0), np.where(np.greater(y, 0), x * y, y), np.where(np.greater(y, 0), x, 0)
    ),
    "mask": lambda np, x, y: x * np.greater(x, 0) + x * np.greater(x, y),
    "sum of masks": lambda np, x, y: np.greater(x, 0) * 1.0 + np.greater(y, 0) * 1.0 + 0 * x,
    "exp": lambda np, x: np.exp(x),
    "exp2": lambda np, x: np.exp2(x),
    "expm1": lambda np, x: np.expm1(x),
    "log": lambda np, p: np.log(p),
    "log1p": lambda np, p: np.log1p(p),
    "log2": lambda np, p: np.log2(p),
    "log10": lambda np, p: np.log10(p),
    "logaddexp": lambda np, x, y: np.logaddexp(x, y),
    "logaddexp2": lambda np, x, y: np.logaddexp2(x, y),
    "logaddexp 0": lambda np, x: np.logaddexp(0, x),
    "sin": lambda np, x: np.sin(x),
    "cos": lambda np, x: np.cos(x),
    "tan": lambda np, x: np.tan(x),
    "arctan": lambda np, x: np.arctan(x),
    "arcsin": lambda np, x: np.arcsin(x / 2),
    "arccos": lambda np, x: np.arccos(x / 2),
    "arctan2": lambda np, x, y: np.arctan2(x, y),
    "arctan2 of a number": lambda np, x: np.arctan2(-1, x) * np.arctan2(x, -1),
    "sinc": lambda np, x: np.sinc(x) * np.sinc(x / 4),
    "sinh": lambda np, x: np.sinh(x),
    "cosh": lambda np, x: np.cosh(x),
    "tanh": lambda np, x: np.tanh(x),
    "arcsinh": lambda np, x: np.arcsinh(x),
    "arccosh": lambda np, p: np.arccosh(1 + p),
    "arctanh": lambda np, x: np.arctanh(x / 2),
    "ones_like": lambda np, x: np.ones_like(x) * x * x + np.zeros_like(x),
}
OVER_AXES = {
    "sum": lambda np, x: np.sum(x * x),
    "sum rows": lambda np, x: np.sum(x * x, axis=-1, keepdims=True) * x,
    "sum axis 1": lambda np, x: np.sum(x * x, axis=1) ** 2,
    "sum axis 0": lambda np, x: np.sum(x * x, axis=0) ** 2,
    "sum axis 0 kept": lambda np, x: np.sum(x**3, axis=0, keepdims=True) * x,
    "sum all kept": lambda np, x: np.sum(x**3, keepdims=True) * x,
    "sum of a constant": lambda np, x: np.sum(np.ones_like(x)) * x,
    "method": lambda np, x: (x * x).sum(axis=-1, keepdims=True) * x.mean() + x.sum(),
    "mean": lambda np, x: np.mean(x * x) * x,
    "mean rows": lambda np, x: x - np.mean(x, axis=-1, keepdims=True),
    "mean axis 0": lambda np, x: np.mean(x**2, axis=0) ** 2,
    "max": lambda np, x: np.max(x) * x,
    "max rows": lambda np, x: np.max(x * x, axis=-1, keepdims=True) * x,
    "max axis 1": lambda np, x: np.max(x, axis=1) ** 2,
    "amax axis 0": lambda np, x: np.max(x, axis=0) ** 2,
    "min": lambda np, x: np.min(x) * x,
    "min rows": lambda np, x: np.min(x * x, axis=-1, keepdims=True) * x,
    "var": lambda np, x: np.var(x) * x,
    "var rows": lambda np, x: np.var(x, axis=-1, keepdims=True, ddof=1) * x,
    "var axis 0": lambda np, x: (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0)),
    "var axis 0 kept": lambda np, x: np.var(x * x, axis=0, keepdims=True) * x,
    "var axis 1": lambda np, x: np.var(x * x, axis=1, ddof=-1.5) ** 2,
    "std": lambda np, x: np.std(x * x) * x,
    "std rows": lambda np, x: x / np.std(x, axis=-1, keepdims=True),
    "std axis 0": lambda np, x: np.std(x, axis=0, ddof=2),
    "cumsum": lambda np, x, y: np.cumsum(x * x, axis=-1) * y,
    "cumsum twice": lambda np, x: np.cumsum(np.cumsum(x, axis=1) ** 2, axis=-1),
    "flip": lambda np, x, y: np.flip(x * y, axis=-1) * x,
    "sort": lambda np, x, y: np.sort(x * x, axis=-1) * y,
    "sort by row": lambda np, x, r: np.cumsum(np.sort(x + r, axis=-1) ** 2, axis=-1),
    "order of a sort": lambda np, x, y: np.sum(np.sort(x, axis=-1) * y, axis=-1, keepdims=True) * x,
    "norm": lambda np, x: np.linalg.norm(x) * x,
    "norm rows": lambda np, x: x / np.linalg.norm(x, axis=-1, keepdims=True),
    "norm axis 1": lambda np, x: np.linalg.norm(x, axis=1) ** 3,
    "matmul": lambda np, x, w: x @ w,
    "matmul twice": lambda np, x, w: np.dot(x, w) @ w.T * x,
    "transpose": lambda np, x, y: (x.T @ y) ** 2,
    "np.transpose": lambda np, x: np.transpose(x) @ x,
    "softmax": lambda np, x, y: (
        np.exp(x - np.max(x, axis=-1, keepdims=True))
        / np.sum(np.exp(x - np.max(x, axis=-1, keepdims=True)), axis=-1, keepdims=True)
    ),
    "through a row": lambda np, x, r: (
        np.where(np.greater(r, 0), np.sum(x, axis=-1, keepdims=True), r) * x
    ),
}


def r_free(x):
    return x


def arrays(names, seed=0):
    generator = np.random.default_rng(seed)
    made = {}
    for name in names:
        shape = [SIZES.get(dim, dim) for dim in SHAPES[name]]
        values = generator.uniform(0.2, 1.6, shape)
        # Both signs, and kept away from 0, from each other and from whole numbers.
        made[name] = values if name == "p" else values * generator.choice([-1, 1], shape)
    return made


def trace(formula):
    names = formula.__code__.co_varnames[1 : formula.__code__.co_argcount]
    graph = new_graph()
    symbols = {name: graph.input(name, SHAPES[name]) for name in names}
    value = formula(np, **symbols)
    seed = graph.input("seed", value.shape)
    return value, differentiate(value, list(symbols.values()), seed), arrays(names)


@pytest.mark.parametrize("name", [*ELEMENTWISE, *OVER_AXES])
@pytest.mark.parametrize("form", ["as written", "lowered"])
def test_value_and_derivative(name, form):
    formula = {**ELEMENTWISE, **OVER_AXES}[name]
    value, gradients, given = trace(formula)
    expected = formula(np, **given)
    seed = np.random.default_rng(1).normal(size=np.shape(expected))
    nodes = [value, *gradients]
    if form == "lowered":
        nodes = lower(nodes)
    before = {key: array.copy() for key, array in given.items()}
    got, *slopes = evaluate(nodes, {**given, "seed": seed})
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    for argument, slope in zip(given, slopes, strict=True):
        assert slope.shape == given[argument].shape
        oracle = oracles.gradient(formula, given, argument, seed)
        np.testing.assert_allclose(slope, oracle, rtol=1e-10, atol=1e-12, err_msg=argument)
        np.testing.assert_array_equal(given[argument], before[argument])


@pytest.mark.parametrize("name", [*ELEMENTWISE, *OVER_AXES])
def test_float32_stays_float32(name):
    value, gradients, given = trace({**ELEMENTWISE, **OVER_AXES}[name])
    given = {key: array.astype(np.float32) for key, array in given.items()}
    shape = evaluate([value], given)[0].shape
    for node in ([value, *gradients], lower([value, *gradients])):
        for result in evaluate(node, {**given, "seed": np.ones(shape, np.float32)}):
            assert result.dtype == np.float32


def test_no_primitive_is_left_out():
    seen = {"greater_equal", "less", "less_equal", "equal", "not_equal"}  # test_comparisons
    seen |= {"logical_and", "logical_or", "logical_not", "logical_xor", "one_hot"}
    seen |= {"take_along_axis", "sort_as", "columns", "place_columns"}  # below, too
    pending = [trace(formula) for formula in (*ELEMENTWISE.values(), *OVER_AXES.values())]
    for value, gradients, _ in pending:
        stack = [value, *gradients]
        while stack:
            node = stack.pop()
            seen.add(node.operation.name)
            stack.extend(node.inputs)
    assert set(_OPERATIONS) <= seen


@pytest.mark.parametrize(
    "condition",
    [
        lambda a, b: a > b,
        lambda a, b: a >= b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a == b,
        lambda a, b: a != b,
        lambda a, b: np.logical_and(a > 0, b > 0),
        lambda a, b: np.logical_or(a > 0, b > 0),
        lambda a, b: np.logical_xor(a > 0, b > 0),
        lambda a, b: np.logical_not(a > b),
        lambda a, b: (a > 0) & (b > 0) | ~(a > b),
        lambda a, b: (a > 0) ^ (b > 0),
        lambda a, b: a,  # true where it is not 0
    ],
)
def test_comparisons(condition):
    points = np.array([-1.0, 0.0, 1.0])
    a, b = (each.copy() for each in np.meshgrid(points, points))
    graph = new_graph()
    x, y = graph.input("x", ("N", "C")), graph.input("y", ("N", "C"))
    chosen = np.where(condition(x, y), 2 * x + 3, 5 * y)
    by_x, by_y = differentiate(chosen, [x, y], graph.constant(1.0))
    got = evaluate([chosen, by_x, by_y], {"x": a, "y": b})
    truth = np.asarray(condition(a, b), dtype=bool)
    assert truth.any()
    assert not truth.all()
    np.testing.assert_array_equal(got[0], np.where(truth, 2 * a + 3, 5 * b))
    np.testing.assert_array_equal(got[1], np.where(truth, 2.0, 0.0))
    np.testing.assert_array_equal(got[2], np.where(truth, 0.0, 5.0))


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_take_along_axis(classes):
    graph = new_graph()
    x, labels = graph.input("x", ("N", "C")), graph.input("labels", ("N", 1), "int")
    chosen = np.take_along_axis(x, labels, axis=-1) ** 2
    (by_x,) = differentiate(chosen, [x], graph.input("seed", ("N", 1)))
    a = np.random.default_rng(0).normal(size=(4, classes))
    which = np.array([[0], [classes - 1], [0], [classes // 2]])
    seed = np.array([[1.0], [2.0], [3.0], [4.0]])
    value, slope = evaluate([chosen, by_x], {"x": a, "labels": which, "seed": seed})
    expected = np.zeros_like(a)
    for row in range(4):
        assert value[row, 0] == a[row, which[row, 0]] ** 2
        expected[row, which[row, 0]] = 2 * seed[row, 0] * a[row, which[row, 0]]
    np.testing.assert_array_equal(slope, expected)


# The side that the docstring of nnplug.formulas.primitives promises at each kink.
KINKS = [
    (lambda x: np.maximum(x, 0), 0.0, 0.0),
    (lambda x: np.maximum(0, x), 0.0, 0.0),
    (lambda x: np.minimum(x, 0), 0.0, 1.0),
    (lambda x: np.minimum(0, x), 0.0, 1.0),
    (lambda x: np.fmax(x, 0), 0.0, 0.0),
    (lambda x: np.fmin(x, 0), 0.0, 1.0),
    (lambda x: np.clip(x, 0, 6), 0.0, 0.0),
    (lambda x: np.clip(x, 0, 6), 6.0, 1.0),
    (abs, 0.0, 0.0),
    (np.sign, 0.0, 0.0),
    (np.floor, 1.0, 0.0),
    (np.round, 0.5, 0.0),
    (lambda x: np.where(x > 0, x, 7 * x), 0.0, 7.0),
    (np.ceil, 1.0, 0.0),
    (np.trunc, 1.0, 0.0),
    (lambda x: x // 1, 1.0, 0.0),
    (lambda x: x % 1, 1.0, 1.0),
    (lambda x: np.fmod(x, 1), 1.0, 1.0),
    (lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
    (lambda x: np.heaviside(x, 0.5 * x), 0.0, 0.5),
    (lambda x: np.copysign(x, -1), 0.0, 0.0),
    (lambda x: np.copysign(1, x), 0.0, 0.0),
    (lambda x: np.arctan2(x, x), 0.0, 0.0),
    (lambda x: np.hypot(x, x), 0.0, 0.0),
    (np.sinc, 0.0, 0.0),
    (lambda x: np.std(x, axis=-1, keepdims=True), 3.0, 0.0),
    (np.std, 3.0, 0.0),
    (lambda x: np.linalg.norm(x, axis=-1, keepdims=True), 0.0, 0.0),
    (lambda x: x ** (x + 0.0), 1.0, 1.0),
]


# Their convention at the origin is that of the operation, which is derived before it is lowered.
ROOTS = ("norm", "std", "sinc")


@pytest.mark.parametrize(("formula", "at", "slope"), KINKS)
@pytest.mark.parametrize("form", ["as written", "lowered first"])
def test_kinks(formula, at, slope, form):
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    value = formula(x)
    if form == "lowered first" and value.operation.name not in ROOTS:
        (value,) = lower([value])
    (by_x,) = differentiate(value, [x], graph.constant(1.0))
    got = evaluate([by_x], {"x": np.full((1, 1), at)})[0]
    assert got.tolist() == [[slope]]


def test_ties():
    graph = new_graph()
    x, y = graph.input("x", ("N", "C")), graph.input("y", ("N", "C"))
    one = {"x": np.ones((1, 2)), "y": np.ones((1, 2))}
    for formula, shares in ((np.maximum, (0, 1)), (np.minimum, (1, 0))):
        both = differentiate(formula(x, y), [x, y], graph.constant(1.0))
        assert tuple(each[0, 0] for each in evaluate(both, one)) == shares
    rows = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    (by_x,) = differentiate(np.max(x, axis=-1, keepdims=True), [x], graph.constant(1.0))
    thirds = [1 / 3] * 3
    assert evaluate([by_x], {"x": rows})[0].tolist() == [[0.0, 0.5, 0.5], thirds]


def test_blocks_of_columns():
    graph = new_graph()
    x, t = graph.input("x", ("N", "C2")), graph.input("t", ("N", "C"))
    seed = graph.input("g", ("N", "C"))
    block = graph.apply(graph.operations["columns"], x, t, place=1)
    (by_x,) = differentiate(block * block, [x], seed)
    (by_seed,) = differentiate(by_x, [seed], x)
    a, g = np.arange(12.0).reshape(3, 4), np.array([[1.0, 2.0]] * 3)
    given = {"x": a, "t": np.zeros((3, 2)), "g": g}
    value, slope, back = evaluate([block, by_x, by_seed], given)
    assert value.tolist() == a[:, 2:].tolist()
    assert slope.tolist() == np.hstack([np.zeros((3, 2)), 2 * a[:, 2:] * g]).tolist()
    assert back.tolist() == (2 * a[:, 2:] ** 2).tolist()


def test_ties_of_a_sort_keep_their_order():
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    weights = graph.input("w", ("N", "C"))
    ordered = np.sort(x, axis=-1)
    (by_x,) = differentiate(ordered, [x], weights)
    rows = np.array([[2.0, 1.0, 2.0, 1.0, np.inf], [5.0, 4.0, 3.0, -np.inf, 1.0]])
    w = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]] * 2)
    value, slope = evaluate([ordered, by_x], {"x": rows, "w": w})
    assert value.tolist() == [[1, 1, 2, 2, np.inf], [-np.inf, 1, 3, 4, 5]]
    assert slope.tolist() == [[3, 1, 4, 2, 5], [5, 4, 3, 1, 2]]
    # The derivative of the derivative by what was passed on: back into the order.
    (by_w,) = differentiate(by_x, [weights], x)
    assert evaluate([by_w], {"x": rows, "w": w})[0].tolist() == value.tolist()


def test_a_number_passed_on_to_whole_rows():
    """What is passed on may be one number for all elements."""
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    for formula, wanted in (
        (lambda x: np.cumsum(x, axis=-1), [3.0, 2.0, 1.0]),
        (lambda x: np.sort(x, axis=-1), [1.0, 1.0, 1.0]),
        (lambda x: np.where(x > 0, np.cumsum(np.where(x > 0, x, 0), axis=-1), 0), [3, 2, 1]),
        (lambda x: np.flip(np.flip(x, axis=-1), axis=-1), [1.0, 1.0, 1.0]),
    ):
        for value in (formula(x), lower([formula(x)])[0]):
            (by_x,) = differentiate(value, [x], graph.constant(1.0))
            assert evaluate([by_x], {"x": np.array([[1.0, 2.0, 3.0]])})[0].tolist() == [wanted]


def test_sinc_near_0():
    """Its slope there is -π²x / 3; the quotient would have lost every digit."""
    graph = new_graph()
    x = graph.input("x", ("N",))
    at = np.concatenate([np.geomspace(1e-12, 3, 60), [0.3183, 0.3184]])
    slope = evaluate(differentiate(np.sinc(x), [x], graph.constant(1.0)), {"x": at})[0]
    wanted = [float(mpmath.diff(mpmath.sincpi, t)) for t in map(mpmath.mpf, at)]
    np.testing.assert_allclose(slope, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("ddof", [0, 1, 3, 4])
def test_a_spread_of_too_few(ddof):
    """Of n numbers, with ddof n or more, it is infinite or no number, as NumPy's."""
    rows = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]])
    for name in ("var", "std"):
        x = new_graph().input("x", ("N", "C"))
        value = getattr(np, name)(x, axis=-1, ddof=ddof, keepdims=True)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            wanted = getattr(np, name)(rows, axis=-1, ddof=ddof, keepdims=True)
        for form in ([value], lower([value])):
            np.testing.assert_allclose(evaluate(form, {"x": rows})[0], wanted, rtol=1e-15)


def test_arguments_of_a_spread_by_place_and_by_name():
    x = new_graph().input("x", ("N", "C"))
    plain = np.var(x, axis=-1, ddof=1, keepdims=True)
    assert np.var(x, -1, None, None, 1, True) is plain
    assert np.var(x, -1, correction=1, keepdims=True) is plain
    assert x.var(-1, ddof=1, keepdims=True) is plain
    assert x.std() is np.std(x)
    assert x.cumsum(axis=-1) is np.cumsum(x, axis=1)
    assert np.sort(x) is np.sort(x, axis=1, kind="stable")
    vector = new_graph().input("v", ("P",))
    assert np.cumsum(vector) is np.cumsum(vector, axis=0)


@pytest.mark.parametrize("base", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_power_at_the_boundary_of_its_domain(base, exponent):
    graph = new_graph()
    b, e = graph.input("b", ("N",)), graph.input("e", ("N",))
    got = evaluate(
        differentiate(b**e, [b, e], graph.constant(1.0)),
        {"b": np.array([base]), "e": np.array([exponent])},
    )
    by_base = {0.0: 0.0, 1.0: 1.0, 2.0: 2 * base}[exponent]
    by_exponent = base**exponent * np.log(base) if base else 0.0
    np.testing.assert_allclose([each[0] for each in got], [by_base, by_exponent], rtol=1e-15)
