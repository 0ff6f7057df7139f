"""Values and gradients against arithmetic that shares nothing with the formulas."""

from __future__ import annotations

import doctest
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from nnplug.testing.layer_trials import Trial
from parts import PARTS

GENERATOR = np.random.default_rng


@pytest.mark.parametrize("name", PARTS)
def test_the_example_in_the_docstring_holds(name: str) -> None:
    part = PARTS[name]
    names = {**part.function.__globals__}
    example = doctest.DocTestParser().get_doctest(part.doc, names, name, part.place, 0)
    assert example.examples, "it has no example"
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert failed == 0


# --- derivatives by complex steps ----------------------------------------------------------

SMOOTH = (
    "bilinear_glu", "gated_tanh", "context_gate", "mixture_of_experts", "dynamic_tanh",
    "pixel_norm", "rms_norm_shift", "mean_only_batch_norm",
    "gaussian_noise", "gaussian_dropout", "alpha_dropout", "column_dropout", "dropconnect",
    "noisy_dense", "low_rank", "weight_norm", "weight_standardized", "ntk_dense", "cross",
    "cross_v2", "cross_low_rank", "factorization_machine", "bi_interaction", "quadratic", "nac",
    "fast_kan", "chebyshev_kan", "fourier_kan", "periodic", "fourier_features", "siren", "rbf",
)  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_those_by_complex_steps(name: str) -> None:
    small = {key: 3 for key, value in PARTS[name].options.items() if type(value) is int}
    part = PARTS[name].with_options(**small)
    trial = Trial(part, (4, 3))
    found = trial.traced(training=True).slopes
    prefix = f"{trial.placed.name}."
    worst = 0.0
    for key, slope in found.items():
        measured = np.empty(np.shape(slope))
        for place in np.ndindex(measured.shape):
            given = {array: value.astype(complex) for array, value in trial.given.items()}
            x = trial.x.astype(complex)
            moved = x if key == "x" else given[key]
            moved[place] += 1e-30j
            own = {array.removeprefix(prefix): value for array, value in given.items()}
            arguments: dict[str, Any] = part.grouped(own)
            if part.branches:
                arguments["training"] = True
            value = part.function(x, **arguments, **part.options)
            value = value[0] if isinstance(value, tuple) else value
            measured[place] = np.sum(trial.g * value).imag / 1e-30
        scale = max(1.0, float(abs(measured).max(initial=0)))
        worst = max(worst, float(abs(slope - measured).max(initial=0)) / scale)
    assert worst < 2e-13


# --- values --------------------------------------------------------------------------------


def _drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    generator = GENERATOR(seed)
    return [generator.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 7.0])
@pytest.mark.parametrize("size", [1e-200, 1e-6, 1.0, 1e200])
def test_lp_norm_neither_overflows_nor_underflows(p: float, size: float) -> None:
    x = np.array([[3.0, -4.0, 0.5]]) * size
    with mpmath.workdps(50):
        length = sum(mpmath.mpf(abs(one)) ** p for one in x[0].tolist()) ** (1 / mpmath.mpf(p))
        expected = [float(one / length) for one in x[0].tolist()]
    y = PARTS["lp_norm"](x, p=p, epsilon=1e-300)
    np.testing.assert_allclose(y[0], expected, rtol=1e-14)


def test_geglu_is_precise_in_the_tail() -> None:
    one, zero = np.ones((1, 1)), np.zeros(1)
    for z in (-20.0, -3.0, 0.5, 8.0):
        with mpmath.workdps(50):
            expected = float(mpmath.mpf(z) * mpmath.ncdf(z))
        found = PARTS["geglu"](one, z * one, zero, one, zero)
        assert math.isclose(found[0, 0], expected, rel_tol=1e-12)


def test_group_norm_normalises_each_group() -> None:
    (x,) = _drawn((5, 6))
    y = PARTS["group_norm"](x, 1.0, 0.0, groups=3, epsilon=1e-300)
    parts = x.reshape(5, 3, 2)
    expected = (parts - parts.mean(-1, keepdims=True)) / parts.std(-1, keepdims=True)
    np.testing.assert_allclose(y, expected.reshape(5, 6), rtol=1e-12)
    y = PARTS["group_norm"](x[:, :5], 1.0, 0.0, groups=2, epsilon=1e-300)  # 3 and 2 of 5
    np.testing.assert_allclose(y[:, :3].std(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(y[:, 3:].std(axis=1), 1, rtol=1e-12)


def test_sparse_mask_projects_on_the_simplex() -> None:
    x, weight, bias = _drawn((20, 5), (5, 5), (5,))
    y = PARTS["sparse_mask"](x, weight, bias)
    z = x @ weight + bias
    low, high = z.min(axis=1) - 1, z.max(axis=1)
    for _ in range(200):  # the threshold, by halving
        middle = (low + high) / 2
        above = np.maximum(z - middle[:, None], 0).sum(axis=1) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    np.testing.assert_allclose(y, x * np.maximum(z - low[:, None], 0), atol=1e-13)
    assert (y == 0).any()


def test_factorization_machine_is_the_sum_over_pairs() -> None:
    x, factors, weight, bias = _drawn((4, 5), (5, 3), (5, 1), (1,))
    expected = []
    for row in x:
        pairs = sum(
            float(factors[i] @ factors[j]) * row[i] * row[j] for i in range(5) for j in range(i)
        )
        expected.append([float(bias[0]) + float(row @ weight[:, 0]) + pairs])
    found = PARTS["factorization_machine"](x, factors, weight, bias)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(
        PARTS["bi_interaction"](x, factors).sum(axis=1, keepdims=True),
        found - x @ weight - bias,
        rtol=1e-11,
    )


def test_mixture_of_experts_weighs_by_softmax() -> None:
    x, gates = _drawn((6, 4), (4, 3))
    weights, biases = GENERATOR(1).normal(size=(3, 4, 2)), GENERATOR(2).normal(size=(3, 2))
    each = [gates[:, k : k + 1] for k in range(3)]
    found = PARTS["mixture_of_experts"](x, each, list(weights), list(biases))
    for row, y in zip(x, found, strict=True):
        powers = [math.exp(one) for one in row @ gates]
        shares = [one / math.fsum(powers) for one in powers]
        expected = sum(
            share * (row @ weight + bias)
            for share, weight, bias in zip(shares, weights, biases, strict=True)
        )
        np.testing.assert_allclose(y, expected, rtol=1e-12)
    huge = PARTS["mixture_of_experts"](1e4 * x, each, list(weights), list(biases))
    assert np.isfinite(huge).all()


def test_chebyshev_kan_has_chebyshevs_polynomials() -> None:
    x, bias = _drawn((5, 2), (3,))
    weights = GENERATOR(3).normal(size=(4, 2, 3))
    found = PARTS["chebyshev_kan"](x, list(weights), bias)
    for h in range(3):
        terms = [
            np.polynomial.chebyshev.chebval(np.tanh(x[:, d]), [0, *weights[:, d, h]])
            for d in range(2)
        ]
        np.testing.assert_allclose(found[:, h], sum(terms) + bias[h], rtol=1e-12)


def test_fast_kan_is_a_sum_of_bumps() -> None:
    x, weight, bias = _drawn((3, 4), (4, 2), (2,))
    bumps = GENERATOR(4).normal(size=(5, 4, 2))
    found = PARTS["fast_kan"](x, list(bumps), weight, bias, grid=5)
    centres = np.linspace(-2, 2, 5)
    for n, row in enumerate(x):
        u = (row - row.mean()) / math.sqrt(row.var() + 1e-5)
        for h in range(2):
            expected = bias[h] + sum(
                math.exp(-(float(u[d] - c) ** 2)) * bumps[i, d, h]
                for i, c in enumerate(centres)
                for d in range(4)
            )
            expected += sum(row[d] / (1 + math.exp(-row[d])) * weight[d, h] for d in range(4))
            assert math.isclose(found[n, h], expected, rel_tol=1e-12)


def test_nalu_multiplies_and_adds() -> None:
    x = np.array([[3.0, 5.0]])
    large = np.full((2, 1), 40.0)  # tanh and sigmoid are 1
    product = PARTS["nalu"](x, large, large, np.full((2, 1), -100.0))
    assert math.isclose(product[0, 0], 15, rel_tol=1e-6)
    total = PARTS["nalu"](x, large, large, np.full((2, 1), 100.0))
    assert math.isclose(total[0, 0], 8, rel_tol=1e-12)
    assert PARTS["nac"](x, large, large)[0, 0] == 8


def test_cross_layers_are_polynomials_of_the_next_degree() -> None:
    x, *weights = _drawn((4, 3), (3, 1), (3, 1))
    found = PARTS["cross"](x, weights, [np.zeros(3)] * 2)
    for row, y in zip(x, found, strict=True):
        first = row * float(row @ weights[0][:, 0]) + row
        second = row * float(first @ weights[1][:, 0]) + first
        np.testing.assert_allclose(y, second, rtol=1e-12)
    up, down = _drawn((3, 2), (2, 3), seed=5)
    low = PARTS["cross_low_rank"](x, [up], [down], [np.ones(3)])
    np.testing.assert_allclose(low, PARTS["cross_v2"](x, [up @ down], [np.ones(3)]), rtol=1e-12)


def test_spectral_norm_divides_by_the_largest_singular_value() -> None:
    x, weight = _drawn((3, 4), (4, 5))
    u = np.ones((5, 1))
    for _ in range(300):
        y, u = PARTS["spectral_norm"](x, weight, np.zeros(5), u)
    largest = np.linalg.svd(weight, compute_uv=False)[0]
    np.testing.assert_allclose(y, x @ weight / largest, rtol=1e-12)


def test_weights_are_normalised_by_unit() -> None:
    x, weight = _drawn((3, 4), (4, 5))
    y = PARTS["weight_norm"](x, weight, np.arange(1.0, 6), np.zeros(5))
    np.testing.assert_allclose(
        y, x @ (weight / np.linalg.norm(weight, axis=0) * np.arange(1.0, 6)), rtol=1e-12
    )
    y = PARTS["weight_standardized"](x, weight, np.zeros(5), epsilon=1e-300)
    np.testing.assert_allclose(y, x @ ((weight - weight.mean(0)) / weight.std(0)), rtol=1e-12)
    y = PARTS["cosine_dense"](x, weight)
    for n in range(3):
        for h in range(5):
            angle = x[n] @ weight[:, h] / np.linalg.norm(x[n]) / np.linalg.norm(weight[:, h])
            assert math.isclose(y[n, h], angle, rel_tol=1e-12)


def _stages(name: str, weight: Any) -> tuple[Any, Any]:
    """Give the weights that a layer multiplies with, and its derivative by the real ones."""
    part = PARTS[name].with_options(units=weight.shape[1])
    trial = Trial(part, (len(weight), len(weight)))
    trial.x = np.eye(len(weight))
    trial.given[f"{trial.placed.name}.weight"] = weight
    trial.given[f"{trial.placed.name}.bias"] = np.zeros(weight.shape[1])
    found = trial.traced(training=True)
    return found.value, found.slopes[f"{trial.placed.name}.weight"] / trial.g


def test_weights_of_few_values_pass_the_derivative_on() -> None:
    weight = np.array([[0.2, -3.0], [-0.7, 1.5]])
    value, slope = _stages("binary_dense", weight)
    assert value.tolist() == [[1, -1], [-1, 1]]
    np.testing.assert_allclose(slope, [[1, 0], [1, 0]], rtol=1e-12)
    # Sizes 0.2, 3, 0.7, 1.5: their mean is 1.35, and 0.7 of it 0.945.
    value, slope = _stages("ternary_dense", weight)
    np.testing.assert_allclose(value, [[0, -2.25], [0, 2.25]], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slope, np.ones((2, 2)), rtol=1e-12)


def test_dorefa_dense_rounds_to_levels() -> None:
    (weight,) = _drawn((6, 4), seed=6)
    value, slope = _stages("dorefa_dense", weight)
    levels = (value + 1) / 2 * 15
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-12)
    bent = np.tanh(weight)
    assert abs(value - bent / abs(bent).max()).max() <= 1 / 15 + 1e-12
    # Away from the largest weight the derivative is that of tanh(w) / max|tanh(w)|.
    largest = abs(bent) == abs(bent).max()
    expected = (1 - bent**2) / abs(bent).max()
    np.testing.assert_allclose(slope[~largest], expected[~largest], rtol=1e-12)


def test_batch_renorm_is_the_running_normalisation_within_its_limits() -> None:
    (x,) = _drawn((8, 2), seed=7)
    mean, deviation = np.array([0.2, -0.1]), np.array([0.9, 1.2])
    part = PARTS["batch_renorm"]
    y, new_mean, new_deviation = part(
        x, 2.0, 1.0, mean, deviation, training=True, momentum=0.5, epsilon=1e-300
    )
    np.testing.assert_allclose(y, 2 * (x - mean) / deviation + 1, rtol=1e-12)
    np.testing.assert_allclose(new_mean, (mean + x.mean(0)) / 2)
    np.testing.assert_allclose(new_deviation, (deviation + x.std(0)) / 2)
    y, *_ = part(x, 2.0, 1.0, mean, deviation, training=True, r_max=1.0, d_max=0.0, epsilon=1e-300)
    np.testing.assert_allclose(y, 2 * (x - x.mean(0)) / x.std(0) + 1, rtol=1e-12)


def test_the_derivative_of_batch_renorm_is_that_of_batch_norm_times_r() -> None:
    trial = Trial(PARTS["batch_renorm"], (6, 2))
    name = trial.placed.name
    slope = trial.traced(training=True).slopes["x"]
    x, g, gain = trial.x, trial.g, trial.given[f"{name}.gain"]
    spread = np.sqrt(x.var(0) + 1e-3)
    r = np.clip(spread / trial.given[f"{name}.deviation"], 1 / 3, 3)
    hat = (x - x.mean(0)) / spread
    upstream = g * gain * r
    expected = (upstream - upstream.mean(0) - hat * (upstream * hat).mean(0)) / spread
    np.testing.assert_allclose(slope, expected, rtol=1e-10)


def test_noise_has_the_moments_that_it_should() -> None:
    generator = GENERATOR(8)
    x = generator.normal(size=(200_000, 1))
    normal, uniform = generator.normal(size=x.shape), generator.random(x.shape)
    y = PARTS["alpha_dropout"](x, uniform, training=True, rate=0.3)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.01
    ones = np.ones_like(x)
    for name, noise in (("gaussian_dropout", normal), ("column_dropout", uniform)):
        y = PARTS[name](ones, noise, training=True, rate=0.2)
        assert abs(y.mean() - 1) < 0.01
        assert abs(y.var() - 0.25) < 0.01  # rate / (1 - rate), of both laws


def test_residual_layers_by_hand() -> None:
    x = np.array([[1.0, 2.0]])

    def inner(rows: Any) -> Any:
        return 10 * rows

    assert PARTS["rezero"](x, 0.0, inner=inner).tolist() == [[1, 2]]
    assert PARTS["layer_scale"](x, np.array([1.0, 2.0]), inner=inner).tolist() == [[2, 6]]
    for noise, expected in ((0.1, [[1, 2]]), (0.5, [[11, 22]])):
        y = PARTS["stochastic_depth"](x, np.array([noise]), inner=inner, training=True)
        assert y.tolist() == expected
    y = PARTS["drop_path"](x, np.array([[0.9]]), inner=inner, training=True, rate=0.5)
    assert y.tolist() == [[21, 42]]
    y = PARTS["highway_around"](x, np.zeros((2, 2)), np.zeros(2), inner=inner)
    assert y.tolist() == [[5.5, 11]]


def test_networks_of_these_layers_learn_xor(tmp_path: Any) -> None:
    import nnplug

    generator = GENERATOR(0)
    signs = generator.choice([-1.0, 1.0], size=(400, 2))
    rows = (signs + 0.2 * generator.normal(size=signs.shape)).tolist()
    answers = ["same" if a * b > 0 else "other" for a, b in signs]
    table = {"a": [row[0] for row in rows], "b": [row[1] for row in rows], "answer": answers}
    for layers in (
        "geglu:8", "dense:8 fast_kan:8", "cross_v2 batch_renorm dense:8 tanh", "periodic:8 tanh",
        "dense:8 tanh deep_norm[mixture_of_experts:8 tanh]", "quadratic:4 spectral_norm:4",
    ):  # fmt: skip
        run = nnplug.train(table, target="answer", recipe="none", layers=layers, epochs=60, seed=1)
        assert run.history["accuracy"][-1] > 0.95, layers
