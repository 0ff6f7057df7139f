"""The loss and gradient that lbfgs is given, where the rows are more than one stretch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from nnplug.engines import NUMPY
from nnplug.network.network import Network
from nnplug.sklearn import MLPRegressor
from nnplug.sklearn._choices import choose
from nnplug.sklearn._lbfgs import Objective
from nnplug.sklearn._rows import Rows

ROWS = 9_000
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 3)) * (RNG.random((ROWS, 3)) < 0.5)
Y = RNG.normal(size=(ROWS, 2)) + np.arange(ROWS)[:, None] / ROWS  # no two stretches are alike
WEIGHTS = np.linspace(0, 3, ROWS)[:, None]
VECTOR = RNG.normal(size=8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", ["array", "sparse", "float32"])
@pytest.mark.parametrize("loss", ["squared_error", "half_sse"])
def test_of_a_linear_network_by_hand(loss, form, weighted):
    arguments = {"alpha": 0.3, "l2": 0.1}
    choices = choose(MLPRegressor(loss, hidden_layer_sizes=(), **arguments), "regression")
    network = Network(
        3, (), 2, activations=(), output_activation=choices.output_activation, dtype=np.float64
    )
    inputs = {
        "array": X, "sparse": scipy.sparse.csr_matrix(X), "float32": X.astype(np.float32)
    }[form]  # fmt: skip
    weights = WEIGHTS if weighted else None
    objective = Objective(network, choices, Rows(inputs, Y, weights), NUMPY)
    found = objective(VECTOR)

    weight, bias = VECTOR[:6].reshape(3, 2), VECTOR[6:]
    by_row = WEIGHTS if weighted else np.ones((ROWS, 1))
    error = X @ weight + bias - Y
    # Half the squared error, summed over outputs and averaged over rows; or summed altogether.
    share = 1 / by_row.sum() if loss == "squared_error" else 1
    factor = share * (0.3 + 0.1 * by_row.sum())  # alpha beside the sum, l2 beside a row
    value = 0.5 * share * (by_row * error**2).sum() + 0.5 * factor * (weight**2).sum()
    delta = share * by_row * error
    gradient = [*(X.T @ delta + factor * weight).ravel(), *delta.sum(axis=0)]
    rtol = 1e-6 if form == "float32" else 1e-11
    assert found[0] == pytest.approx(value, rel=rtol)
    np.testing.assert_allclose(found[1], gradient, rtol=rtol)


def test_the_validation_loss_of_rows_of_which_a_stretch_weighs_nothing():
    weights = np.ones(ROWS)
    weights[:4096] = 0
    given = (X, Y, weights)
    losses = []
    for solver in ("lbfgs", "adam"):
        estimator = MLPRegressor(
            hidden_layer_sizes=(), solver=solver, validation_data=given, max_iter=2, random_state=0
        )
        with pytest.warns(ConvergenceWarning):
            estimator.fit(X[:500], Y[:500])
        kept = weights > 0
        expected = 0.5 * ((estimator.predict(X[kept]) - Y[kept]) ** 2).sum(axis=1).mean()
        losses.append((estimator.history_["validation_loss"][-1], expected))
    for found, expected in losses:
        assert found == pytest.approx(expected, rel=1e-12)
