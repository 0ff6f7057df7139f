"""The built-in initializers: bounds, moments, and the geometry that some promise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from nnplug.errors import OptionError
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry

REGISTRY = Registry()
FANS = (300, 500)


def draw(text, fans=FANS, seed=3, inputs=None):
    return REGISTRY.get("initializer", text).draw(np.random.default_rng(seed), *fans, inputs)


# Each with SciPy's distribution of it.
LAWS = {
    "lecun_uniform": scipy.stats.uniform(-0.1, 0.2),
    "torch_linear": scipy.stats.uniform(-1 / np.sqrt(300), 2 / np.sqrt(300)),
    "normal:mean=2,std=0.5": scipy.stats.norm(2, 0.5),
    "truncated_normal:mean=1,std=0.5": scipy.stats.truncnorm(-2, 2, 1, 0.5),
    "truncated_normal:cut=0.5": scipy.stats.truncnorm(-0.5, 0.5, 0, 0.05),
    "variance_scaling:scale=3,distribution=uniform": scipy.stats.uniform(
        -np.sqrt(3 / 100), 2 * np.sqrt(3 / 100)
    ),
    "variance_scaling:scale=5,mode=fan_out,distribution=normal": scipy.stats.norm(0, 0.1),
    "variance_scaling:scale=4,mode=fan_avg,distribution=normal": scipy.stats.norm(0, 0.1),
    "variance_scaling:mode=fan_geo_avg,distribution=normal": scipy.stats.norm(0, 1 / 150000**0.25),
    # Cut at two of its own deviations, of which 0.05 is what is left.
    "variance_scaling:scale=0.75": scipy.stats.truncnorm(
        -2, 2, 0, 0.05 / scipy.stats.truncnorm(-2, 2).std()
    ),
}


@pytest.mark.parametrize("text", LAWS)
def test_weights_follow_the_distribution(text):
    weight = draw(text)
    assert weight.shape == FANS
    assert scipy.stats.kstest(weight.ravel(), LAWS[text].cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("variance_scaling:distribution=uniform", "lecun_uniform"),
        ("variance_scaling:distribution=normal", "lecun_normal"),
        ("variance_scaling:scale=2,distribution=uniform", "he_uniform"),
        ("variance_scaling:scale=2,distribution=normal", "he_normal"),
        ("variance_scaling:mode=fan_avg,distribution=uniform", "glorot_uniform"),
        ("variance_scaling:mode=fan_avg,distribution=normal", "glorot_normal"),
    ],
)
def test_variance_scaling_is_the_family_of_the_others(text, member):
    np.testing.assert_allclose(draw(text), draw(member), rtol=1e-14)


@pytest.mark.parametrize("option", ["mode=fan_sum", "distribution=cauchy"])
def test_variance_scaling_names_what_it_knows(option):
    with pytest.raises(OptionError, match=rf"'variance_scaling': {option}: there are \w+, \w+"):
        draw(f"variance_scaling:{option}")


@pytest.mark.parametrize("fans", [(7, 3), (3, 7), (5, 5), (1, 4)])
def test_orthogonal_weights_keep_lengths(fans):
    weight = draw("orthogonal:gain=2", fans)
    short = weight.T @ weight if fans[0] >= fans[1] else weight @ weight.T
    np.testing.assert_allclose(short, 4 * np.eye(min(fans)), atol=1e-14)


def test_orthogonal_matrices_are_as_likely_in_every_direction():
    # By Haar's measure: every element has mean 0 and variance 1/3, and half of the
    # determinants are 1. A factor R with a positive diagonal makes it so; LAPACK's is negative.
    many = np.array([draw("orthogonal", (3, 3), seed) for seed in range(4000)])
    np.testing.assert_allclose(many.mean(axis=0), 0, atol=0.04)
    np.testing.assert_allclose(many.var(axis=0), 1 / 3, atol=0.03)
    assert abs(np.linalg.det(many).mean()) < 0.05


def test_sparse_weights_have_the_same_number_of_zeros_for_each_unit():
    weight = draw("sparse:sparsity=0.35,std=2", (10, 400))
    assert (weight == 0).sum(axis=0).tolist() == [4] * 400  # 3.5, rounded up
    # Each input is left out by about 160 units; and the others are normal.
    assert 110 < (weight == 0).sum(axis=1).min() <= (weight == 0).sum(axis=1).max() < 210
    assert scipy.stats.kstest(weight[weight != 0], scipy.stats.norm(0, 2).cdf).pvalue > 0.01


def test_fixed_patterns():
    assert draw("identity:gain=3", (2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]
    assert draw("constant:value=0.5", (2, 1)).tolist() == [[0.5], [0.5]]
    assert draw("ones", (1, 2)).tolist() == [[1, 1]]


def test_lsuv_makes_every_layer_of_unit_variance_from_orthonormal_weights():
    inputs = np.random.default_rng(0).normal(3, 2, size=(300, 5))
    layers = [REGISTRY.get("layer", "dense:40"), REGISTRY.get("activation", "relu"),
              REGISTRY.get("layer", "dense:8"), REGISTRY.get("activation", "tanh")]  # fmt: skip
    identity = REGISTRY.get("activation", "identity")
    net = Network.of(5, layers, 2, output_activation=identity, dtype=np.float64)
    net.initialize(REGISTRY.get("initializer", "lsuv"), 3, inputs)
    x = inputs
    for name, after in (
        ("hidden1", lambda x: np.maximum(x, 0)),
        ("hidden2", np.tanh),
        ("output", None),
    ):
        weight = net[f"{name}.weight"]
        sums = x @ weight
        assert np.std(sums) == pytest.approx(1, rel=1e-12)
        product = weight.T @ weight if weight.shape[0] >= weight.shape[1] else weight @ weight.T
        np.testing.assert_allclose(product, product[0, 0] * np.eye(len(product)), atol=1e-12)
        x = sums if after is None else after(sums)
