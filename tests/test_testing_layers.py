"""The kit's trials of layers, and what layers declare, in the words that an author reads."""

from __future__ import annotations

import numpy as np
import pytest

import nnplug
from nnplug import testing
from nnplug.builtin.layers import dense, residual
from nnplug.engines import NUMPY
from nnplug.errors import FormulaError, PartError
from nnplug.network.network import Network
from nnplug.testing.engine import reveal, unchanged, weighted
from nnplug.testing.layer_trials import EngineTrial, Trial
from nnplug.training import Steps


@nnplug.layer
def noisy(x, noise=nnplug.normal("N", "D"), *, training, size=0.1):
    """Gaussian noise in training."""
    return x + size * noise if training else x


@nnplug.layer
def drop_connect(
    x, weight=nnplug.parameter("D", "units"), noise=nnplug.uniform("D", "units"), *,
    training, units=3, rate=0.5,
):  # fmt: skip
    """DropConnect: some weights are 0 (Wan et al., 2013, ICML)."""
    if not training:
        return x @ weight
    return x @ (weight * np.where(noise >= rate, 1 / (1 - rate), 0.0))


def drawn(part, rows):
    """Take two steps, and give the noise of each."""
    network = Network.of(2, [part], 3, output_activation=unchanged, dtype=np.float64)
    inputs, targets = np.ones((rows, 2)), np.ones((rows, 3))
    steps = Steps(network, weighted, reveal, inputs, targets, None, seed=5)
    found = []
    for _ in range(2):
        steps.run(None)
        found += [noise.copy() for noise in steps.noise.values()]
    return found


def test_noise_follows_its_law():
    first, second = drawn(noisy, 20_000)
    assert first.shape == (20_000, 2)
    assert abs(first.mean()) < 0.03
    assert abs(first.var() - 1) < 0.03
    assert first.min() < -2
    assert not np.array_equal(first, second)


def test_noise_without_rows_is_one_for_the_whole_batch():
    first, second = drawn(drop_connect, 7)
    assert first.shape == (2, 3)
    assert 0 <= first.min() <= first.max() < 1
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("part", [noisy, drop_connect, drop_connect.with_options(units=1)])
def test_layers_with_either_noise_pass_the_kit(part):
    report = testing.run(part, engine="numpy")
    assert report.passed, str(report)


def test_a_layer_around_layers_is_tried_with_those_it_holds():
    trial = Trial(residual, (3, 4), inner=(dense.with_options(units=4),))
    x, given = trial.x, trial.given
    expected = x + x @ given["residual1.dense1.weight"] + given["residual1.dense1.bias"]
    np.testing.assert_allclose(trial.plain(training=True).value, expected, rtol=1e-12)
    np.testing.assert_allclose(
        EngineTrial(trial, np.float64, NUMPY).trained().value, expected, rtol=1e-12
    )


def with_two_arguments():
    @nnplug.layer
    def odd(x, weight):
        return x @ weight


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (
            with_two_arguments,
            "layer 'odd': 'weight' declares nothing; write weight=parameter(...), or state, "
            "uniform or normal. A layer takes (x) and the arrays that it declares, not (x, "
            "weight).",
        ),
        (
            lambda: nnplug.uniform("D", "N"),
            "uniform: 'N' cannot be a dimension here: rows come first.",
        ),
        (
            lambda: nnplug.state("N"),
            "state: 'N' cannot be a dimension here: it is one array for all batches.",
        ),
    ],
)
def test_what_cannot_be_declared_is_refused(declare, says):
    with pytest.raises(PartError) as error:
        declare()
    assert says in str(error.value)


def test_a_width_that_is_the_number_of_rows_is_refused():
    @nnplug.layer
    def rows_by_rows(x):
        return x @ x.T

    with pytest.raises(FormulaError) as error:
        list(nnplug.parts.place(3, [rows_by_rows]))
    assert "its result has shape (N, N)." in str(error.value)
    assert 'return a row of numbers for each row of x, ("N", ...)' in str(error.value)


def test_declarations_are_told_in_words():
    told = {name: each.about for name, each in drop_connect.declared.items()}
    assert told == {
        "weight": "parameter (D, units), drawn, with decay",
        "noise": "noise (D, units), uniform, drawn before each training step",
    }
    assert nnplug.state(start=2).about == "state, a number, starts at 2"
    square = nnplug.state("D", "D", start="identity")
    assert square.about == "state (D, D), starts at 1 on the diagonal, 0 beside it"
