"""Predictions of rows that were held out: the right rows, from networks that did not see them."""

import numpy as np

import nnplug
from nnplug.runs.held_out import held_out


def numbers(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    return x, x @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * rng.normal(size=(rows, 1))


def test_one_network_gives_its_validation_rows():
    x, y = numbers()
    weights = np.arange(1.0, 61.0)
    run = nnplug.train((x, y), epochs=3, dtype="float64", sample_weight=weights)
    found = held_out(run)
    assert len(found) == 12
    assert (found.rows == run.validation_rows).all()
    np.testing.assert_allclose(found.outputs, run.predict(x)[found.rows], rtol=1e-12)
    assert (found.targets == y[found.rows]).all()
    assert (found.weights.reshape(-1) == weights[found.rows]).all()


def test_a_run_without_validation_rows_has_none():
    found = held_out(nnplug.train(numbers(), epochs=1, validation=0))
    assert (len(found), found.outputs.shape, found.weights) == (0, (0, 1), None)
