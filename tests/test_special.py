"""Special functions against 60-digit arithmetic, over the whole range of their argument."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from nnplug import special
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower

DTYPES = [np.float32, np.float64]
MAGNITUDES = np.concatenate([np.geomspace(1e-12, 800, 150), np.linspace(0.01, 30, 100)])
POINTS = np.concatenate([-MAGNITUDES, [0.0], MAGNITUDES])

REFERENCE = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
}
GAMMAS = {
    "lgamma": mpmath.loggamma,
    "digamma": mpmath.digamma,
    "trigamma": lambda x: mpmath.psi(1, x),
}
DERIVATIVE = {
    "sigmoid": lambda x: mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2,
    "softplus": REFERENCE["sigmoid"],
    "log_sigmoid": lambda x: 1 / (1 + mpmath.exp(x)),
    "erf": lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
    "erfc": lambda x: -2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
}
GAMMA_DERIVATIVE = {
    "lgamma": mpmath.digamma,
    "digamma": GAMMAS["trigamma"],
    "trigamma": lambda x: mpmath.psi(2, x),
}
# Over the whole range, and beside 1, 2, 3 and the root of digamma.
EDGES = [
    at + way * near
    for at in (1, 2, 3, 1.4616321449683623)
    for way in (-1, 1)
    for near in np.geomspace(1e-7, 0.3, 30)
]
POSITIVE = np.concatenate([np.geomspace(1e-8, 1e8, 200), np.geomspace(1e-30, 1e30, 40), EDGES])
# In multiples of epsilon, as the docstrings state them.
BOUND = {
    "sigmoid": lambda x: 4,
    "softplus": lambda x: 4,
    "log_sigmoid": lambda x: 4,
    "erf": lambda x: 8,
    "erfc": lambda x: 8 if x < 1 else 4 * (1 + x * x),
}


def relative_errors(points, values, reference, bound, smallest):
    """The errors in multiples of epsilon over their bound, where the true value is normal."""
    epsilon = float(np.finfo(values.dtype).eps)
    worst = 0.0
    with mpmath.workdps(60):
        for x, value in zip(points, values, strict=True):
            true = reference(mpmath.mpf(float(x)))
            if abs(true) < smallest:
                assert abs(value) <= 2 * smallest
                continue
            error = abs(mpmath.mpf(float(value)) / true - 1) / epsilon if true else abs(value)
            worst = max(worst, float(error) / bound(float(x)))
    return worst


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("form", ["direct", "lowered"])
def test_relative_error_is_within_the_stated_bound(name, dtype, form):
    points = POINTS.astype(dtype)
    function = getattr(special, name)
    if form == "direct":
        values = function(points)
    else:
        graph = new_graph()
        (values,) = evaluate(lower([function(graph.input("x", ("N",)))]), {"x": points})
    assert values.dtype == dtype
    smallest = float(np.finfo(dtype).tiny)
    assert relative_errors(points, values, REFERENCE[name], BOUND[name], smallest) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GAMMAS)
@pytest.mark.parametrize("form", ["direct", "lowered", "derivative"])
def test_gamma_functions_are_within_the_stated_bound(name, dtype, form):
    points = POSITIVE.astype(dtype)
    function, reference, bound = getattr(special, name), GAMMAS[name], 8
    graph = new_graph()
    x = graph.input("x", ("N",))
    if form == "direct":
        values = function(points)
    elif form == "lowered":
        (values,) = evaluate(lower([function(x)]), {"x": points})
    else:
        reference = GAMMA_DERIVATIVE[name]
        bound = 450 if name == "trigamma" and dtype == np.float64 else 8  # 1e-13
        (values,) = evaluate(differentiate(function(x), [x], graph.constant(1.0)), {"x": points})
    assert values.dtype == dtype
    info = np.finfo(dtype)
    with mpmath.workdps(40):
        true = [reference(mpmath.mpf(float(point))) for point in points]
    normal = [float(info.tiny) < abs(each) < float(info.max) for each in true]
    assert sum(normal) > 0.9 * len(points)
    worst = relative_errors(
        points[normal], values[normal], dict(zip(map(float, points), true, strict=True)).get,
        lambda x: bound, float(info.tiny),
    )  # fmt: skip
    assert worst <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_gamma_functions_at_the_ends_of_their_range(dtype):
    x = np.array([0, np.inf, -0.5, -1, -30, -np.inf, np.nan], dtype)
    with np.errstate(all="raise"):
        found = {name: getattr(special, name)(x) for name in GAMMAS}
    nan = [np.nan] * 5
    np.testing.assert_array_equal(found["lgamma"], [np.inf, np.inf, *nan])
    np.testing.assert_array_equal(found["digamma"], [-np.inf, np.inf, *nan])
    np.testing.assert_array_equal(found["trigamma"], [np.inf, 0, *nan])
    assert special.lgamma(np.array(np.finfo(dtype).tiny)) > 80
    # The largest whose value is finite, by a root of the true function.
    largest = 2.5e305 if dtype == np.float64 else 4.0e36
    assert np.isfinite(special.lgamma(np.array(largest, dtype)))
    assert special.lgamma(1) == special.lgamma(2) == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REFERENCE)
def test_derivative(name, dtype):
    points = POINTS.astype(dtype)
    graph = new_graph()
    x = graph.input("x", ("N",))
    (by_x,) = differentiate(getattr(special, name)(x), [x], graph.constant(1.0))
    (slopes,) = evaluate([by_x], {"x": points})
    assert slopes.dtype == dtype
    epsilon = float(np.finfo(dtype).eps)
    with mpmath.workdps(60):
        for point, slope in zip(points, slopes, strict=True):
            true = DERIVATIVE[name](mpmath.mpf(float(point)))
            # y·(1 - y) loses digits where it is small beside 1: absolute, not relative.
            relative = name != "sigmoid" or point < 0
            scale = abs(true) * (1 + float(point) ** 2) if relative else 1
            assert abs(slope - true) <= 8 * epsilon * scale + np.finfo(dtype).tiny


@pytest.mark.parametrize("name", [*REFERENCE, *GAMMAS])
def test_numbers_and_dtypes(name):
    function = getattr(special, name)
    with mpmath.workdps(30):
        true = float({**REFERENCE, **GAMMAS}[name](mpmath.mpf("0.75")))
    for number in (0.75, np.float64(0.75), np.array(0.75), np.float32(0.75), np.array(0.75, "f4")):
        value = function(number)
        assert np.ndim(value) == 0
        assert float(value) == pytest.approx(true, rel=1e-6)
        wanted = getattr(number, "dtype", np.dtype(float))
        assert np.asarray(value).dtype == wanted
    assert float(function(1)) == float(function(1.0))
    assert function(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert np.isnan(function(np.nan))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", special.__all__)
def test_no_warning_and_no_change_of_the_input(name, dtype):
    function = getattr(special, name)
    x = np.array([[-1e4, -800.0, -1.0, 0.0], [1.0, 90.0, 800.0, 1e4]], dtype)
    x = abs(x) + 1e-3 if name in GAMMAS else x
    before = x.copy()
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        value = function(x)
    assert value.dtype == dtype
    assert np.isfinite(value).all()
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0, 500.0])
@pytest.mark.parametrize("columns", [1, 2, 7])
def test_functions_of_rows(dtype, spread, columns):
    generator = np.random.default_rng(columns)
    x = (generator.normal(size=(20, columns)) * spread).astype(dtype)
    epsilon, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    log_sum, share, log_share = (
        function(x) for function in (special.log_sum_exp, special.softmax, special.log_softmax)
    )
    assert log_sum.shape == (20, 1)
    assert log_sum.dtype == share.dtype == log_share.dtype == dtype
    with mpmath.workdps(60):
        for row in range(20):
            numbers = [mpmath.mpf(float(each)) for each in x[row]]
            total = mpmath.log(mpmath.fsum(map(mpmath.exp, numbers)))
            reach = max(1, *map(abs, numbers))
            assert abs(log_sum[row, 0] - total) <= 4 * epsilon * reach
            width = max(1, max(numbers) - min(numbers))
            for column, number in enumerate(numbers):
                true = mpmath.exp(number - total)
                away = max(numbers) - number
                assert abs(share[row, column] - true) <= epsilon * (4 + away) * true + tiny
                assert abs(log_share[row, column] - (number - total)) <= 4 * epsilon * width


@pytest.mark.parametrize("name", ["log_sum_exp", "softmax", "log_softmax"])
def test_derivative_of_rows(name):
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = getattr(special, name)(x)
    (by_x,) = differentiate(y, [x], graph.input("g", y.shape))
    (lowered,) = differentiate(lower([y])[0], [x], graph.input("g", y.shape))
    a = np.random.default_rng(0).normal(size=(3, 4))
    g = np.random.default_rng(1).normal(size=(3, 1 if name == "log_sum_exp" else 4))
    p = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    identity = np.eye(4)
    for row in range(3):
        jacobian = {
            "log_sum_exp": p[row][None, :],
            "softmax": p[row][:, None] * (identity - p[row][None, :]),
            "log_softmax": identity - p[row][None, :],
        }[name]
        for node in (by_x, lowered):
            slope = evaluate([node], {"x": a, "g": g})[0][row]
            np.testing.assert_allclose(slope, g[row] @ jacobian, rtol=1e-12, atol=1e-14)
