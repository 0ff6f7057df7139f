"""Every loss: the number that is printed is the number that is differentiated."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from nnplug.builtin import class_losses
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tracing import lower
from nnplug.parts.targets import linked
from nnplug.parts.written import formulas
from nnplug.plugins.registry import Registry
from nnplug.testing.examples import loss_arguments
from tests import oracles


def traced(part):
    """The errors, the number that is printed and its derivative."""
    graph = new_graph()
    output, target = part.inputs(graph)
    errors = part.value(output, target)
    number = np.mean(errors) if part.reduction == "mean" else np.sum(errors)
    return [errors, number, *differentiate(number, [output], graph.constant(1.0))]


def data(part, rows, columns, dtype=np.float64, seed=0):
    return loss_arguments(part, rows, columns, dtype, seed)


def named(part, output, target):
    return {part.takes: output, part.against: target}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_finite_and_without_warning_at_any_magnitude(loss, dtype, sign):
    if loss.takes == "probabilities":
        pytest.skip("probabilities have no magnitude")
    size = sign * (30 if loss.link == "log" else 1e4)
    output, target = data(loss, 4, 3, dtype)
    output[0] = size
    output[1] = [size, -size, 0]
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert np.isfinite(loss(output, target)).all()
    for form in (traced(loss), lower(traced(loss))):
        for result in evaluate(form, named(loss, output, target)):
            assert np.isfinite(result).all()


def test_regression_is_best_at_the_target(loss):
    if loss.takes != "prediction":
        pytest.skip("not a loss of predictions")
    _, target = data(loss, 3, 4)
    if loss.link == "log":
        target = np.maximum(target, 0.1)  # the logarithm of 0 is no prediction
    at_best = linked(loss.link, target)
    _, best, slope = evaluate(traced(loss), named(loss, at_best.copy(), target))
    if loss.link == "identity":
        assert best == 0
    np.testing.assert_allclose(slope, 0, atol=0 if loss.link == "identity" else 1e-15)
    for seed in range(5):
        away = at_best + np.random.default_rng(seed).normal(size=target.shape) * 10.0**-seed
        _, worse, _ = evaluate(traced(loss), named(loss, away, target))
        assert worse > best


def test_no_row_looks_at_another(loss):
    if loss.over == "batch":
        pytest.skip("it is over all rows of a batch")
    output, target = data(loss, 5, 3)
    errors, _, _ = evaluate(traced(loss), named(loss, output, target))
    for row in range(5):
        alone = loss(output[row : row + 1], target[row : row + 1])
        np.testing.assert_allclose(alone, errors[row : row + 1], rtol=1e-13)


def test_print_is_the_formula(loss):
    output, target = data(loss, 5, 3)
    arrays = named(loss, output, target)
    nodes = traced(loss)
    found = oracles.run_text(to_text(nodes, ["errors", "number", "slope"]), arrays)
    for name, result in zip(("errors", "number", "slope"), evaluate(nodes, arrays), strict=True):
        # NumPy's norm and the lowered one differ in the last digit.
        np.testing.assert_allclose(
            np.broadcast_to(found[name], np.shape(result)), result, rtol=1e-14, atol=1e-15
        )


def test_what_is_shown_is_the_formula_and_its_derivative(loss):
    output, target = data(loss, 5, 3)
    nodes, _ = formulas(loss)
    arrays = {**named(loss, output, target), **loss.options}
    found = oracles.run_text(to_text(nodes, ["loss", "slope"]), arrays)
    graph = nodes[0].graph
    given, against = loss.inputs(graph)
    value = loss.value(given, against)
    wanted = [value, *differentiate(value, [given], graph.constant(1.0))]
    for name, result in zip(("loss", "slope"), evaluate(wanted, arrays), strict=True):
        np.testing.assert_allclose(
            np.broadcast_to(found[name], result.shape), result, rtol=1e-13, atol=1e-15
        )


def part(name):
    return Registry(allowed=()).get("loss", name)


# Worked by hand: (loss, output, target, number, slope).
BY_HAND = [
    ("mse", [[3.0, 1.0]], [[1.0, 2.0]], 2.5, [[2.0, -1.0]]),
    ("half_sse", [[3.0], [1.0]], [[1.0], [2.0]], 2.5, [[2.0], [-1.0]]),
    ("mae", [[3.0, 1.0], [0.0, 5.0]], [[1.0, 2.0], [0.0, 4.0]], 1.0, [[0.25, -0.25], [0.0, 0.25]]),
    ("huber", [[3.0, 0.5]], [[0.0, 0.0]], 1.3125, [[0.5, 0.25]]),
    ("half_mse", [[3.0, 1.0]], [[1.0, 2.0]], 1.25, [[1.0, -0.5]]),
    ("half_mse_sum", [[3.0, 1.0], [1.0, 1.0]], [[1.0, 2.0]] * 2, 1.5, [[1.0, -0.5], [0.0, -0.5]]),
    ("binary_cross_entropy", [[0.0, 0.0]], [[1.0, 0.0]], math.log(2), [[-0.25, 0.25]]),
    ("binary_cross_entropy_sum", [[0.0, 0.0]], [[1.0, 0.0]], 2 * math.log(2), [[-0.5, 0.5]]),
    (
        "cross_entropy",
        [[0.0, 0.0], [0.0, 0.0]],
        [[0], [1]],
        math.log(2),
        [[-0.25, 0.25], [0.25, -0.25]],
    ),
    ("smooth_l1:beta=2", [[3.0, 1.0]], [[0.0, 0.0]], 1.125, [[0.5, 0.25]]),
    ("mape", [[9.0, 3.0]], [[10.0, 2.0]], 0.3, [[-0.05, 0.25]]),
    ("msle", [[0.0]], [[3.0]], math.log(2) ** 2, [[-math.log(2)]]),
    ("poisson_nll", [[0.0, 0.0]], [[3.0, 0.0]], 1.0, [[-1.0, 0.5]]),
    (
        "cosine_distance",
        [[3.0, 4.0], [0.0, 0.0]],
        [[4.0, 3.0], [0.0, 2.0]],
        0.27,
        [[-0.0224, 0.0168], [0.0, -0.5]],
    ),
    (
        "binary_focal:alpha=0.5,gamma=1",
        [[0.0]],
        [[1.0]],
        math.log(2) / 4,
        [[-(1 + math.log(2)) / 8]],
    ),
    ("categorical_cross_entropy", [[0.0, 0.0]], [[0.25, 0.75]], math.log(2), [[0.25, -0.25]]),
    (
        "kl_div",
        [[0.0, 0.0], [0.0, 0.0]],
        [[1.0, 0.0], [0.5, 0.5]],
        math.log(2) / 2,
        [[-0.25, 0.25], [0.0, 0.0]],
    ),
    ("hinge", [[0.5, 0.5, 3.0, 1.0]], [[1.0, 0.0, 1.0, 1.0]], 0.5, [[-0.25, 0.25, 0.0, 0.0]]),
    ("squared_hinge", [[0.5, 0.5]], [[1.0, 0.0]], 1.25, [[-0.5, 1.5]]),
    (
        "multiclass_hinge",
        [[0.5, 2.0, 1.5], [-3.0, -5.0, 0.0]],
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        2.25,
        [[0.0, -0.5, 0.5], [-0.5, 0.0, 0.5]],
    ),
    (
        "categorical_hinge",
        [[0.5, -2.0, -1.5], [3.0, 2.5, 0.0]],
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
        0.5,
        [[-0.5, 0.0, 0.0], [-0.5, 0.5, 0.0]],
    ),
    ("dice", [[0.5], [0.5]], [[1.0], [0.0]], 1 / 3, [[-4 / 9], [2 / 9]]),
    ("log_cosh", [[0.0], [1e4]], [[0.0], [0.0]], (1e4 - math.log(2)) / 2, [[0.0], [0.5]]),
]


@pytest.mark.parametrize(("name", "output", "target", "number", "slope"), BY_HAND)
def test_by_hand(name, output, target, number, slope):
    _, got, by_output = evaluate(
        traced(part(name)), named(part(name), np.array(output), np.array(target))
    )
    assert float(got) == pytest.approx(number, rel=2e-15)
    np.testing.assert_allclose(by_output, slope, rtol=2e-15, atol=1e-17)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_cross_entropy_descends_softmax_minus_one_hot(columns):
    logits, labels = data(part("cross_entropy"), 6, columns)
    _, _, slope = evaluate(traced(part("cross_entropy")), {"logits": logits, "labels": labels})
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(slope, (shares - np.eye(columns)[labels[:, 0]]) / 6, atol=1e-15)


def test_binary_cross_entropy_does_not_saturate():
    loss = part("binary_cross_entropy")
    z = np.array([[-1e4, -40.0, 40.0, 1e4]])
    _, _, slope = evaluate(traced(loss), {"logits": z, "target": np.zeros_like(z)})
    np.testing.assert_allclose(slope[0] * 4, [0.0, math.exp(-40.0), 1.0, 1.0], rtol=1e-12)
    np.testing.assert_allclose(loss(z, 0 * z)[0], [0, math.exp(-40.0), 40.0, 1e4], rtol=1e-12)


@pytest.mark.parametrize("error", [0.0, 1e-160, 1e-9, 1e-4, 0.3, 0.999, 1.0, 1.001, 5.0, 50.0, 1e4])
def test_log_cosh_keeps_its_precision(error):
    nodes = traced(part("log_cosh"))
    arrays = {"prediction": np.array([[error]]), "target": np.zeros((1, 1))}
    errors, _, slope = evaluate(nodes, arrays)
    with mpmath.workdps(60):
        true, by_error = mpmath.log(mpmath.cosh(error)), mpmath.tanh(error)
    if true > 1e-300:
        assert abs(errors[0, 0] - true) <= 1e-15 * true
    assert abs(slope[0, 0] - by_error) <= 1e-15 * abs(by_error)


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_huber_is_smooth_at_delta(delta):
    nodes = traced(part("huber").with_options(delta=delta))
    at = np.nextafter(delta, [0.0, 10.0]).reshape(2, 1)
    errors, _, slope = evaluate(nodes, {"prediction": at, "target": np.zeros((2, 1))})
    np.testing.assert_allclose(errors, delta**2 / 2, rtol=1e-15)
    np.testing.assert_allclose(slope * 2, delta, rtol=1e-15)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
def test_binary_cross_entropy_keeps_small_losses_and_gradients_precise(target):
    # 400 digits decide here, since exp(-700) beside 1 needs 304.
    # PyTorch's own values lose these digits to cancellation.
    loss = class_losses.binary_cross_entropy
    graph = new_graph()
    logits, against = loss.inputs(graph)
    value = loss.value(logits, against)
    (slope,) = differentiate(value, [logits], graph.constant(1.0))
    points = np.array([-700.0, -40.0, -20.1, -1.5, -1e-3, 0.0, 1e-3, 1.5, 20.1, 40.0, 700.0])
    z = points.reshape(-1, 1)
    found = evaluate(lower([value, slope]), {"logits": z, "target": np.full_like(z, target)})
    epsilon = np.finfo(np.float64).eps
    with mpmath.workdps(400):
        for at, point in enumerate(points):
            x, y = mpmath.mpf(point), mpmath.mpf(target)
            right = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
            by_logit = 1 / (1 + mpmath.exp(-x)) - y
            assert abs(found[0][at, 0] - right) <= 4 * epsilon * abs(right)
            # Between the classes the gradient crosses 0, where no digit is left to keep.
            scale = abs(by_logit) if target in (0.0, 1.0) else 1
            assert abs(found[1][at, 0] - by_logit) <= 4 * epsilon * scale


def errors_and_slope(part, output, target):
    """Errors and the derivative of their sum, as the engines run them."""
    graph = new_graph()
    given, against = part.inputs(graph)
    errors = part.value(given, against)
    nodes = [errors, *differentiate(errors, [given], graph.constant(1.0))]
    return evaluate(lower(nodes), named(part, output, target))


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("options", ["", ":gamma=0.5,alpha=0.9", ":gamma=0"])
def test_binary_focal_keeps_its_precision(options, label):
    focal = part(f"binary_focal{options}")
    points = np.array([-700.0, -40.0, -1.5, -1e-9, 0.0, 1e-9, 1.5, 40.0, 300.0])
    z = points.reshape(-1, 1)
    errors, slope = errors_and_slope(focal, z, np.full_like(z, label))
    gamma, alpha = (mpmath.mpf(focal.options[name]) for name in ("gamma", "alpha"))

    def right(z):
        p = 1 / (1 + mpmath.exp(-z if label else z))
        return -(alpha if label else 1 - alpha) * (1 - p) ** gamma * mpmath.log(p)

    with mpmath.workdps(700):
        for at, point in enumerate(points):
            x = mpmath.mpf(point)
            true, by_logit = right(x), mpmath.diff(right, x, h=mpmath.mpf("1e-200"))
            # exp(gamma·log(1 - p)) has the error of its argument.
            bound = 8 * np.finfo(np.float64).eps * (1 + abs(gamma * x))
            if abs(true) > 1e-300:
                assert abs(errors[at, 0] - true) <= bound * abs(true), point
            assert abs(slope[at, 0] - by_logit) <= bound * abs(by_logit) + 1e-300, point


@pytest.mark.parametrize("name", ["msle", "poisson_nll"])
@pytest.mark.parametrize("target", [0.0, 1e-9, 0.5, 40.0])
def test_losses_with_a_log_link_by_definition(name, target):
    points = np.array([-700.0, -30.0, -1.5, -1e-9, 0.0, 1e-9, 1.5, 30.0, 300.0])
    z = points.reshape(-1, 1)
    errors, slope = errors_and_slope(part(name), z, np.full_like(z, target))

    def right(z):
        mean = mpmath.exp(z)
        if name == "poisson_nll":
            return mean - target * z
        return (mpmath.log1p(mean) - mpmath.log1p(mpmath.mpf(target))) ** 2

    with mpmath.workdps(700):
        for at, point in enumerate(points):
            x = mpmath.mpf(point)
            true, by_log = right(x), mpmath.diff(right, x, h=mpmath.mpf("1e-200"))
            # Where the prediction meets the target, both cancel.
            size = max(1, target) if target else 0
            for found, exact in ((errors[at, 0], true), (slope[at, 0], by_log)):
                assert abs(found - exact) <= 2e-15 * max(abs(exact), size) + 1e-300, point


@pytest.mark.parametrize("angle", [1e-9, 1e-4, 0.5, 3.0])
def test_cosine_distance_keeps_small_angles(angle):
    turned = 2.5 * np.array([[np.cos(angle), np.sin(angle)]])
    errors, _ = errors_and_slope(part("cosine_distance"), turned, np.array([[3.0, 0.0]]))
    # The turned vector has an angle of its own, rounded like its two numbers.
    with mpmath.workdps(60):
        own = mpmath.atan2(mpmath.mpf(turned[0, 1]), mpmath.mpf(turned[0, 0]))
        assert abs(errors[0, 0] - (1 - mpmath.cos(own))) <= 1e-15 * errors[0, 0]


def test_a_loss_of_shares_is_that_of_classes_for_one_hot_shares():
    generator = np.random.default_rng(2)
    logits, labels = generator.normal(size=(6, 4)) * 3, generator.integers(0, 4, (6, 1))
    wanted = errors_and_slope(part("cross_entropy"), logits, labels)
    for name in ("categorical_cross_entropy", "kl_div"):
        found = errors_and_slope(part(name), logits, np.eye(4)[labels[:, 0]])
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14, atol=1e-15)
