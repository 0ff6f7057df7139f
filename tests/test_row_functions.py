"""Parts that need the order of a row, running sums and gamma functions: written, and trained.

Their oracles: loops over rows in plain Python, sums of a distribution, SciPy, differences.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import nnplug
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Steps
from tests import oracles
from tests.engines import ENGINES


@nnplug.activation
def sparsemax(x):
    """Sparsemax (Martins & Astudillo, 2016, arXiv:1602.02068, algorithm 1)."""
    z = np.flip(np.sort(x, axis=-1), axis=-1)
    sums = np.cumsum(z, axis=-1)
    rank = np.cumsum(np.ones_like(x), axis=-1)
    held = 1 + rank * z > sums
    size = np.sum(1.0 * held, axis=-1, keepdims=True)
    threshold = (np.sum(np.where(held, z, 0), axis=-1, keepdims=True) - 1) / size
    return np.maximum(x - threshold, 0)


@nnplug.loss(link="log", targets="count")
def negative_binomial(prediction, target, *, dispersion=0.5):
    """Negative log-likelihood of counts with variance m + dispersion·m² (Hilbe, 2011, eq. 8.6)."""
    shape = 1 / dispersion
    constant = (
        nnplug.special.lgamma(target + shape)
        - nnplug.special.lgamma(target + 1)
        - nnplug.special.lgamma(shape)
    )
    part = np.logaddexp(0, prediction - np.log(shape))  # log(1 + m / shape)
    return (shape + target) * part - target * (prediction - np.log(shape)) - constant


@nnplug.loss(link="logit")
def beta_regression(prediction, target, *, precision=5.0):
    """Negative log-likelihood of shares (Ferrari & Cribari-Neto, 2004, equation 4)."""
    lgamma = nnplug.special.lgamma
    mean = nnplug.special.sigmoid(prediction)
    a, b = mean * precision, (1 - mean) * precision
    powers = (a - 1) * np.log(target) + (b - 1) * np.log1p(-target)
    return lgamma(a) + lgamma(b) - lgamma(0 * a + precision) - powers


def projected(row):
    """The nearest point of the simplex: the largest number of entries that stay above 0."""
    for size in range(len(row), 0, -1):
        held = sorted(row)[-size:]
        threshold = (sum(held) - 1) / size
        if held[0] > threshold:
            return [max(each - threshold, 0.0) for each in row]
    raise AssertionError


@pytest.mark.parametrize("form", ["as written", "lowered"])
def test_sparsemax_and_its_derivative_by_hand(form):
    generator = np.random.default_rng(0)
    points, seeds = generator.normal(size=(40, 5)) * 1.5, generator.normal(size=(40, 5))
    graph = new_graph()
    x, g = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    value = sparsemax.value(x)
    nodes = [value, *differentiate(value, [x], g)]
    nodes = lower(nodes) if form == "lowered" else nodes
    found, slope = evaluate(nodes, {"x": points, "g": seeds})
    np.testing.assert_allclose(found, [projected(row) for row in points], atol=1e-15)
    assert (np.sum(found > 0, axis=1) < 5).any()
    # The product of the Jacobian: within the support, less its mean there (equation 14).
    for row, seed, got in zip(found, seeds, slope, strict=True):
        held = row > 0
        wanted = np.where(held, seed - seed[held].mean(), 0)
        np.testing.assert_allclose(got, wanted, atol=1e-14)


def steps(loss, hidden, output, x, y, engine, dtype):
    """Train a small network for some steps: the losses, and the parameters after them."""
    registry = Registry()
    given = [registry.get("activation", output)]
    network = Network(
        x.shape[1], (6,), y.shape[1], activations=[hidden], output_activation=given[0],
        dtype=np.dtype(dtype),
    )  # fmt: skip
    network.initialize(registry.get("initializer", "glorot_uniform"), 0)
    optimizer = registry.get("optimizer", "sgd:learning_rate=0.05")
    x, y = x.astype(dtype), y.astype(dtype)
    taken = Steps(network, loss, optimizer, x, y, None, engine=ENGINES[engine])
    return [taken.run(None) for _ in range(20)], network.parameters.copy()


CASES = {
    "sparsemax": ("mse", sparsemax, lambda rng, size: rng.normal(size=size)),
    "negative binomial": (negative_binomial, "tanh", lambda rng, size: rng.poisson(3.0, size)),
    "beta": (beta_regression, "tanh", lambda rng, size: rng.uniform(0.1, 0.9, size)),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("sparsemax", "float32"),
        ("sparsemax", "float64"),
        ("negative binomial", "float32"),
        ("beta", "float64"),
    ],
)
def test_they_train_in_both_engines(name, dtype):
    loss, hidden, targets = CASES[name]
    registry = Registry()
    loss = registry.get("loss", loss) if isinstance(loss, str) else loss
    hidden = registry.get("activation", hidden) if isinstance(hidden, str) else hidden
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(30, 4)), targets(generator, (30, 2))
    (losses, one), (others, two) = (
        steps(loss, hidden, "identity", x, y, engine, dtype) for engine in ("numpy", "numba")
    )
    assert losses[-1] < losses[0]
    tolerance = 1e3 * np.finfo(dtype).eps
    np.testing.assert_allclose(losses, others, rtol=tolerance)
    np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)


def test_the_losses_are_those_of_the_distributions():
    z = np.linspace(-2, 2, 9)[:, None]
    mean, counts = np.exp(z), np.arange(9.0)[:, None]
    wanted = -scipy.stats.nbinom.logpmf(counts, 2, 2 / (2 + mean))
    np.testing.assert_allclose(negative_binomial.function(z, counts), wanted, rtol=1e-13)
    share = np.linspace(0.1, 0.9, 9)[:, None]
    mean = 1 / (1 + np.exp(-z))
    wanted = -scipy.stats.beta.logpdf(share, 5 * mean, 5 * (1 - mean))
    np.testing.assert_allclose(beta_regression.function(z, share), wanted, rtol=1e-12, atol=1e-14)
    graph = new_graph()
    p, t = graph.input("p", ("N", "C")), graph.input("t", ("N", "C"))
    for part, target in ((negative_binomial, counts), (beta_regression, share)):
        slopes = differentiate(part.value(p, t), [p], graph.constant(1.0))
        (found,) = evaluate(slopes, {"p": z, "t": target})
        numbers = oracles.five_point(lambda z, f=part.function, t=target: f(z, t).sum(), z)
        np.testing.assert_allclose(found, numbers, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_weighted_loss_of_one_number_for_each_row(engine):
    """Of shape (N,) it is what it is of shape (N, 1)."""

    def flat(prediction, target):
        """Sum of squares."""
        return np.sum((prediction - target) ** 2, axis=-1)

    def kept(prediction, target):
        """Sum of squares."""
        return np.sum((prediction - target) ** 2, axis=-1, keepdims=True)

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(6, 2)), generator.normal(size=(6, 2))
    weights = generator.uniform(1, 2, (6, 1))
    found = []
    for function in (flat, kept):
        identity = Registry().get("activation", "identity")
        network = Network(
            2, (), 2, activations=(), output_activation=identity, dtype=np.dtype("float64")
        )
        optimizer = Registry().get("optimizer", "sgd")
        made = Steps(
            network, nnplug.loss(function), optimizer, x, y, None, weights, engine=ENGINES[engine]
        )
        by_hand = np.sum(weights[:, 0] * np.sum(y**2, axis=1))  # the mean is taken afterwards
        np.testing.assert_allclose(made.run(None), by_hand, rtol=1e-14)
        found.append(network.parameters.copy())
    np.testing.assert_allclose(*found, rtol=1e-14)


@nnplug.optimizer
def every_third(param, grad, kept, *, step, learning_rate=0.1):
    """Step with what three gradients add up to; trim the largest of each row."""
    kept = kept + np.sort(grad, axis=-1)
    return param - learning_rate * np.where(step % 3 == 0, kept, 0 * grad), np.where(
        np.fmod(step, 3) == 0, 0 * kept, kept
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_an_optimizer_that_sorts_and_counts(engine):
    from tests.test_places import check_update

    check_update(every_third, engine, "float64", steps=7)
