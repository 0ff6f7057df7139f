from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from nnplug.plugins.registry import Registry

from nnplug_example.l1_batch_norm import l1_batch_norm
from nnplug_example.pinball import pinball
from nnplug_example.squareplus import squareplus
from nnplug_example.tiger import tiger


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("activation", "squareplus"),
        ("layer", "l1_batch_norm:momentum=0.5"),
        ("loss", "pinball"),
        ("loss", "quantile:quantile=0.9"),
        ("optimizer", "tiger"),
    ],
)
def test_each_part_is_found_by_name_and_names_this_package(kind, name):
    registry = Registry()
    part = registry.get(kind, name)
    assert registry.provider(part).package == "nnplug-example"
    assert registry.warnings == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("x", [-1e4, -600.0, -3.0, -0.5, 0.0, 0.5, 3.0, 600.0, 1e4])
def test_squareplus_is_precise_and_silent_far_from_zero(x, dtype):
    with np.errstate(all="raise"):
        y = squareplus(np.array([x], dtype))
    expected = (Decimal(x) + (Decimal(x) ** 2 + 4).sqrt()) / 2  # 28 digits: no cancellation
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [float(expected)], rtol=4 * np.finfo(dtype).eps)


def test_l1_batch_norm_normalises_a_batch_and_remembers_it():
    # Column 0: mean 3, deviation 2; column 1: mean 0, deviation 4.
    x = np.array([[1.0, -4.0], [5.0, 4.0]])
    given = (x, np.array([1.0, 2.0]), np.array([0.0, 1.0]), np.zeros(2), np.ones(2))
    y, mean, deviation = l1_batch_norm(*given, training=True, momentum=0.5, epsilon=0.0)
    assert y.tolist() == [[-1.0, -1.0], [1.0, 3.0]]
    assert (mean.tolist(), deviation.tolist()) == ([1.5, 0.0], [1.5, 2.5])
    y, *same = l1_batch_norm(x[:1], *given[1:3], mean, deviation, training=False, epsilon=0.0)
    np.testing.assert_allclose(y, [[-0.5 / 1.5, 2 * -4 / 2.5 + 1]])
    assert all(new is old for new, old in zip(same, (mean, deviation), strict=True))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_pinball_is_smallest_at_the_quantile(quantile):
    target = np.arange(1.0, 102.0)  # the q-quantile is 1 + 100·q
    candidates = np.arange(1.0, 102.0)
    means = [
        pinball(np.full_like(target, each), target, quantile=quantile).mean() for each in candidates
    ]
    assert candidates[int(np.argmin(means))] == 1 + 100 * quantile


def test_pinball_keeps_float32_and_is_silent_far_from_zero():
    prediction = np.array([[1e4, -1e4]], np.float32)
    with np.errstate(all="raise"):
        errors = pinball(prediction, -prediction, quantile=0.75)
    assert errors.dtype == np.float32
    assert errors.tolist() == [[5000.0, 15000.0]]


def test_tiger_by_hand():
    # Two steps from param 1, m 0, gradients 2 and -0.5, rate 0.1, beta 0.75, decay 0.5.
    # m = 0.25·2 = 0.5 > 0: param = 1 - 0.1·(1 + 0.5·1) = 0.85.
    # m = 0.75·0.5 - 0.25·0.5 = 0.25 > 0: param = 0.85 - 0.1·(1 + 0.425) = 0.7075.
    options = {"learning_rate": 0.1, "beta": 0.75, "weight_decay": 0.5}
    param, m = tiger(1.0, 2.0, 0.0, **options)
    assert math.isclose(param, 0.85)
    assert math.isclose(m, 0.5)
    param, m = tiger(param, -0.5, m, **options)
    assert math.isclose(param, 0.7075)
    assert math.isclose(m, 0.25)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e4, 1e30])
def test_tiger_moves_by_the_rate_whatever_the_gradient(size):
    grad = np.array([size, -size, 0.0], np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        given = {"learning_rate": 0.5, "beta": 0.0}
        param, m = tiger(np.zeros(3, np.float32), grad, np.zeros(3, np.float32), **given)
    assert param.tolist() == [-0.5, 0.5, 0.0]
    assert param.dtype == m.dtype == np.float32
