"""Values and derivatives against the papers' formulas in mpmath, from |x| = 1e-12 to 800."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special
from formulas import BY_ERF, FORMULAS
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from packaged import PARTS
from sweep import POINTS, expected, found

ROWS = {
    *("softmin", "hardmax", "sparsemax", "entmax", "taylor_softmax", "spherical_softmax"),
    *("sigsoftmax", "softmax_plus_one", "k_sparse", "gumbel_softmax"),
}

# Where a form cannot have 1e-12, how far it may be off, relatively, and why.
LOOSE = {
    "finer": (
        lambda x: 1e-12 + 1e-14 * x**2,
        "the argument of the sine, x·(|x| + 1), is rounded",
    ),
    "atlu": (
        lambda x: 1e-15 * x**2 * (x < 0) + 1e-12,
        "the derivative is what is left of two summands that cancel like 1/x²",
    ),
    "gumbel_sigmoid": (
        lambda x: 1e-15 * np.exp(np.minimum(x, 700)) * (x > 0) + 1e-12,
        "nnplug's own sigmoid has the derivative y·(1 - y), and y is rounded to 1",
    ),
}
LOOSE["xatlu"] = LOOSE["atlu"]


def relative(got, wanted):
    """Compute how far a number is off; where the right one underflows, 0 is right."""
    if abs(wanted) < 1e-300:
        return 0.0 if abs(got) < 1e-299 else np.inf
    return float(abs(mpmath.mpf(float(got)) - wanted) / abs(wanted))


def test_every_part_is_compared():
    assert set(FORMULAS) | ROWS == set(PARTS)
    assert not set(FORMULAS) & ROWS


@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_derivative_are_those_of_the_paper(name):
    value, slope = found(PARTS[name], np.float64)
    wanted = expected(FORMULAS[name], POINTS, far=120 if name in BY_ERF else 450)
    allowed, _ = LOOSE.get(name, (lambda x: 1e-12 + 0 * x, ""))
    for what, given, place in (("value", value, 0), ("derivative", slope, 1)):
        errors = [relative(got, pair[place]) for got, pair in zip(given, wanted, strict=True)]
        over = np.array(errors) - allowed(POINTS)
        worst = int(np.argmax(over))
        assert over[worst] <= 0, (
            f"{what} at {POINTS[worst]}: {given[worst]}, not {mpmath.nstr(wanted[worst][place])}: "
            f"off by {errors[worst]:.1e}"
        )


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "finer"])
def test_float32_is_near_float64_and_silent(name):
    # `found` raises where NumPy would warn.
    for single, double in zip(
        found(PARTS[name], np.float32), found(PARTS[name], np.float64), strict=True
    ):
        assert np.isfinite(single).all()
        size = np.maximum(abs(double), 1e-30)
        assert (abs(single - double) <= 3e-4 * size + 1e-6 * (name in LOOSE)).all()


# --- over a row ---------------------------------------------------------------------------

GENERATOR = np.random.default_rng(5)
X = GENERATOR.normal(size=(6, 5)) * 2


def jacobian_product(part, x, g):
    """Compute Σ g·y's derivative by x, from the traced formula."""
    graph = new_graph()
    symbol, weight = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    (slope,) = differentiate(part.value(symbol), [symbol], weight)
    return evaluate([slope], {"x": x, "g": g})[0]


def shares_of(function):
    return lambda x: function(x) / np.sum(function(x), axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("softmin", lambda x: scipy.special.softmax(-x, axis=-1)),
        ("taylor_softmax", shares_of(lambda x: 1 + x + x**2 / 2)),
        ("spherical_softmax", shares_of(lambda x: x**2 + 1e-6)),
        ("sigsoftmax", shares_of(lambda x: np.exp(x) * scipy.special.expit(x))),
        (
            "softmax_plus_one",
            lambda x: np.exp(x) / (1 + np.sum(np.exp(x), axis=-1, keepdims=True)),
        ),
        ("gumbel_softmax", lambda x: scipy.special.softmax(x, axis=-1)),
    ],
)
def test_shares_follow_their_formula(name, formula):
    np.testing.assert_allclose(PARTS[name](X), formula(X), rtol=1e-13)
    far = X * 300
    assert np.isfinite(PARTS[name](far)).all()


def test_hardmax_marks_the_first_largest():
    marked = PARTS["hardmax"](np.array([[2.0, 5.0, 5.0], [7.0, 7.0, 7.0], [-3.0, -2.0, -9.0]]))
    assert marked.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_k_sparse_keeps_the_largest():
    part = PARTS["k_sparse"].with_options(k=2)
    assert part(np.array([[1.0, 4.0, -2.0, 3.0]])).tolist() == [[0, 4, 0, 3]]
    assert PARTS["k_sparse"](X).tolist() == X.tolist()  # ten of five


def nearest_shares(row, alpha):
    """Solve for entmax by bisection on its threshold, in mpmath."""
    with mpmath.workdps(40):
        z = [(mpmath.mpf(alpha) - 1) * mpmath.mpf(float(number)) for number in row]
        low, high, power = max(z) - 1, max(z), 1 / (mpmath.mpf(alpha) - 1)
        for _ in range(120):
            middle = (low + high) / 2
            above = sum(max(number - middle, mpmath.mpf(0)) ** power for number in z) > 1
            low, high = (middle, high) if above else (low, middle)
        return [float(max(number - low, mpmath.mpf(0)) ** power) for number in z]


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.9, 2.0])
def test_entmax_solves_its_equation(alpha):
    x = np.concatenate([X, X * 0.1, X * 100, np.zeros((1, 5)), [[3, 3, 3, -1, 0]]])
    wanted = [nearest_shares(row, alpha) for row in x]
    got = PARTS["entmax"].with_options(alpha=alpha)(x)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("units", [2, 100, 2000])
@pytest.mark.parametrize("alpha", [1.1, 1.5, 2.0])
def test_entmax_converges_for_many_units(alpha, units):
    x = np.concatenate([np.zeros((1, units)), GENERATOR.normal(size=(8, units)) * 3])
    np.testing.assert_allclose(PARTS["entmax"].with_options(alpha=alpha)(x).sum(axis=1), 1, 1e-12)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    x = np.concatenate([X, X * 0.1, X * 100, np.zeros((1, 5)), [[3, 3, 3, -1, 0]]])
    wanted = [nearest_shares(row, 2.0) for row in x]
    np.testing.assert_allclose(PARTS["sparsemax"](x), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["sparsemax", "entmax"])
def test_shares_change_with_the_row_but_not_with_a_common_shift(name):
    g = GENERATOR.normal(size=X.shape)
    slope = jacobian_product(PARTS[name], X, g)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-12)
    # The Jacobian on the support is diag(s) - ssᵀ/Σs, s = y^(2 - alpha).
    y = PARTS[name](X)
    s = (y > 0) * 1.0 if name == "sparsemax" else np.sqrt(y)
    wanted = s * (g - np.sum(s * g, axis=1, keepdims=True) / np.sum(s, axis=1, keepdims=True))
    np.testing.assert_allclose(slope, wanted, atol=1e-12)


@pytest.mark.parametrize("x", [-1.9, -0.5, 0.0, 0.3, 1.5, 1.9])
def test_entmoid_is_entmax_of_two(x):
    two = PARTS["entmax"](np.array([[x, 0.0]]))[0, 0]
    np.testing.assert_allclose(PARTS["entmoid15"](x), two, rtol=1e-12)


def test_bipolar_relu_takes_turns():
    x = np.array([[-1.0, -1.0, 2.0, 2.0, -3.0]])
    assert PARTS["bipolar_relu"](x).tolist() == [[0, -1, 2, 0, 0]]
    slope = jacobian_product(PARTS["bipolar_relu"], x, np.ones_like(x))
    assert slope.tolist() == [[0, 1, 1, 0, 0]]


# --- with options and numbers other than the defaults ----------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "wanted"),
    [
        ("threshold:threshold=1,value=-3", [0.5, 2.0], [-3, 2]),
        ("shrink:lambd=1,bias=1", [-3.0, 0.5, 3.0], [-2, 0, 2]),
        ("firm_shrink:lower=1,upper=2", [-3.0, 0.5, 1.5], [-3, 0, 1]),
        ("step:threshold=2", [1.0, 2.0, 3.0], [0, 1, 1]),
        ("hard_sigmoid_02:slope=0.5,offset=0.25", [-9.0, 0.5, 9.0], [0, 0.5, 1]),
        ("tanhsoft:alpha=0,beta=0,delta=1", [3.0], [0]),
        ("tanhsoft:alpha=0.87,beta=0,delta=1", [2.0], [np.tanh(1.74) * np.log1p(np.exp(2))]),
        ("eis:beta=0,delta=1.16", [2.0], [2 * np.log1p(np.exp(2)) / (2 + 1.16 * np.exp(-2))]),
        ("eis:beta=0,delta=1.16", [-2.0], [-2 * np.log1p(np.exp(-2)) / (2 + 1.16 * np.exp(2))]),
        ("golu:alpha=2,beta=3,gamma=0.5", [2.0], [4 * np.exp(-3 * np.exp(-1))]),
        ("aria2:alpha=2,beta=1", [2.0], [2 / (1 + np.exp(-2)) ** 2]),
        ("polu:n=1", [-3.0], [-0.75]),
        ("squareplus:b=9", [0.0, 4.0, -4.0], [1.5, 4.5, 0.5]),
        ("isru:alpha=4", [0.375], [0.3]),
        ("isrlu:alpha=4", [-0.375, 7.0], [-0.3, 7]),
        ("snake:a=2", [1.0], [1 + np.sin(2) ** 2 / 2]),
        ("sine:omega=30", [0.1], [np.sin(3)]),
        ("sinc:omega=2", [1.0], [np.sin(2) / 2]),
        ("laplacian:a=2", [-2.0], [np.exp(-1)]),
        ("super_gaussian:a=2,b=3", [2.0], [np.exp(-1.5)]),
        ("inverse_quadratic:a=2", [0.5], [0.5]),
        ("soft_clipping:alpha=200", [0.25, 0.75], [0.25, 0.75]),
        ("smooth_step:gamma=2", [0.5], [0.84375]),
        ("laplace:mu=1,sigma=2", [3.0], [scipy.special.ndtr(1.0)]),
        ("soft_exponential:alpha=0.5", [2.0], [(np.e - 1) / 0.5 + 0.5]),
        ("soft_exponential:alpha=-0.5", [2.0], [2 * np.log(1.75)]),
        ("apa:lam=2,kappa=3", [0.5], [(2 * np.exp(-1.5) + 1) ** -0.5]),
        ("aglu:lam=2,kappa=3", [0.5], [0.5 * (2 * np.exp(-1.5) + 1) ** -0.5]),
        ("xgelu:alpha=0.5", [1.0], [2 * scipy.special.ndtr(1.0) - 0.5]),
        ("xsilu:alpha=0.5", [1.0], [2 * scipy.special.expit(1.0) - 0.5]),
        ("cauchy:lambda1=2,lambda2=3,d=2", [1.0], [1]),
    ],
)
def test_options(nnplug_registry, text, x, wanted):
    for part in PARTS.values():
        nnplug_registry.register(part)
    part = nnplug_registry.get("activation", text)
    np.testing.assert_allclose(part(np.array(x)), wanted, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "numbers", "x", "wanted"),
    [
        ("mpelu", (0.25, 2.0), [-1.0, 3.0], [0.25 * (np.exp(-2) - 1), 3]),
        ("pelu", (2.0, 4.0), [-4.0, 3.0], [2 * (np.exp(-1) - 1), 1.5]),
        ("pelu", (-5.0, 0.05), [3.0], [3]),  # both are held at 0.1
        ("ptelu", (0.5, 2.0), [-1.0, 3.0], [-0.5 * np.tanh(2), 3]),
        ("acon_c", (1.5, 0.5, 2.0), [1.0], [scipy.special.expit(2) + 0.5]),
        ("srelu", (-1.0, 0.5, 1.0, 2.0), [-3.0, 0.5, 3.0], [-2, 0.5, 5]),
        ("apl", (0.5, 1.0), [-1.0, 0.5, 2.0], [1, 0.75, 2]),
        ("learned_snake", (2.0,), [1.0], [1 + np.sin(2) ** 2 / 2]),
        ("learned_swish", (3.0,), [1.0], [scipy.special.expit(3)]),
        ("dyt", (2.0, 1.0), [4.0], [2 * np.tanh(2) + 1]),
        ("derf", (2.0, 1.0), [4.0], [2 * scipy.special.erf(2) + 1]),
    ],
)
def test_numbers_that_each_unit_learns(name, numbers, x, wanted):
    np.testing.assert_allclose(PARTS[name](np.array(x), *numbers), wanted, rtol=1e-12)


# --- noise ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "noise", "wanted"),
    [
        ("rrelu", [-8.0, 8.0], [0.0, 0.5], [-1, 8]),
        ("elastic_relu", [-8.0, 10.0], [0.5, 0.75], [0, 11]),
        ("noisy_relu", [0.0, 0.0], [1.0, -1.0], [0.5**0.5, 0]),
        ("rt_relu", [1.0, 1.0], [2.0, -2.0], [2.5, 0]),
        ("gumbel_sigmoid", [0.0], [0.75], [0.75]),
        ("gumbel_softmax", [0.0, 0.0], [np.exp(-1), np.exp(-3)], [0.75, 0.25]),
    ],
)
def test_in_training_the_noise_counts(name, x, noise, wanted):
    got = PARTS[name](np.array([x]), np.array([noise]), training=True)
    np.testing.assert_allclose(got, [wanted], rtol=1e-12)


def test_probact_learns_how_much_noise():
    got = PARTS["probact"](np.array([[-1.0, 3.0]]), np.array([[2.0, -2.0]]), training=True, sigma=2)
    assert got.tolist() == [[4, -1]]


def test_a_hard_gumbel_softmax_has_the_derivative_of_the_soft_one():
    soft, hard = PARTS["gumbel_softmax"], PARTS["gumbel_softmax"].with_options(hard=True)
    g = GENERATOR.normal(size=X.shape)
    np.testing.assert_allclose(hard(X), PARTS["hardmax"](X), atol=1e-15)
    np.testing.assert_array_equal(jacobian_product(hard, X, g), jacobian_product(soft, X, g))


@pytest.mark.parametrize("name", ["gumbel_sigmoid", "gumbel_softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_noise_stays_finite(name, dtype):
    noise = np.array([[0.0, 1e-300, 1 - 2.0**-24]], dtype)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        got = PARTS[name](np.zeros((1, 3), dtype), noise, training=True)
    assert np.isfinite(got).all()
