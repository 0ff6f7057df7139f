"""Beside scikit-learn: the same curves where it means the same, and where it does not, how not.

Both draw initial weights, the order of rows and the validation split from
`random_state` alike, so nothing needs to be passed from one to the other.
"""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.datasets import (
    load_diabetes,
    load_iris,
    load_wine,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

import nnplug.sklearn as ours
from tests.sklearn.versions import skip_text_with_early_stopping, skip_without

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_iris(return_X_y=True)
WINE = (scale(load_wine().data), load_wine().target)
TWO = (WINE[0], np.array(["no", "yes"])[(WINE[1] > 0).astype(int)])
LABELS = make_multilabel_classification(150, n_features=12, random_state=0)
DIABETES = (load_diabetes().data, load_diabetes().target / 100)
COUNTS = (DIABETES[0], np.round(load_diabetes().target / 30))

DATA = {
    "classes": ("MLPClassifier", IRIS, {}),
    "two": ("MLPClassifier", TWO, {}),
    "labels": ("MLPClassifier", LABELS, {}),
    "numbers": ("MLPRegressor", DIABETES, {}),
    "counts": ("MLPRegressor", COUNTS, {"loss": "poisson"}),
}
ARGUMENTS = [
    {"solver": "adam"},
    {"solver": "adam", "batch_size": 32},
    {"solver": "adam", "batch_size": 50, "learning_rate": "invscaling"},
    {"solver": "adam", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 3},
    {"solver": "adam", "batch_size": 32, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"solver": "adam", "batch_size": 16, "shuffle": False},
    {"solver": "adam", "batch_size": 32, "early_stopping": True, "n_iter_no_change": 4},
    {"solver": "adam", "hidden_layer_sizes": (9, 5), "activation": "logistic", "batch_size": 50},
    {"solver": "adam", "hidden_layer_sizes": (9, 5), "activation": "tanh", "batch_size": 50},
    {"solver": "sgd"},
    {"solver": "sgd", "batch_size": 32, "momentum": 0},
    {"solver": "sgd", "batch_size": 32, "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05, "batch_size": 32},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2, "nesterovs_momentum": False},
    # The rate is lowered while the velocity still holds what the higher one gave.
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 3},
    {
        "solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1,
        "nesterovs_momentum": False, "batch_size": 40,
    },
]  # fmt: skip


def both(kind, data, **arguments):
    skip_without(kind, arguments)
    arguments = {"random_state": 3, "alpha": 0, "max_iter": 40} | arguments
    return [getattr(each, kind)(**arguments).fit(*data) for each in (theirs, ours)]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda each: "-".join(map(str, each.values())))
@pytest.mark.parametrize("name", DATA)
def test_loss_curve_and_all_that_follows(name, arguments):
    kind, data, own = DATA[name]
    if data is TWO and arguments.get("early_stopping"):
        skip_text_with_early_stopping()
    a, b = both(kind, data, **arguments, **own)
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-10)
    for mine, other in zip([*b.coefs_, *b.intercepts_], [*a.coefs_, *a.intercepts_], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(b, attribute) == getattr(a, attribute), attribute
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-10)
    if arguments.get("early_stopping"):
        assert b.best_loss_ is a.best_loss_ is None
        np.testing.assert_allclose(b.validation_scores_, a.validation_scores_, rtol=1e-10)
        assert b.best_validation_score_ == pytest.approx(a.best_validation_score_, rel=1e-10)
    else:
        assert b.best_loss_ == pytest.approx(a.best_loss_, rel=1e-10)
        assert b.validation_scores_ is a.validation_scores_ is None


def test_an_adaptive_rate_was_lowered_above():
    a, b = both("MLPClassifier", IRIS, **ARGUMENTS[-1])
    assert a._optimizer.learning_rate == b._optimizer.learning_rate <= 0.001 / 25
    rates = b.history_["learning_rate"]
    assert rates[0] == 0.001
    assert 0.0002 in rates


@pytest.mark.parametrize("name", ["classes", "two", "labels", "numbers", "counts"])
def test_probabilities_and_predictions(name):
    kind, data, own = DATA[name]
    a, b = both(kind, data, **own)
    if kind == "MLPRegressor":
        np.testing.assert_allclose(b.predict(data[0]), a.predict(data[0]), rtol=1e-10)
    else:
        np.testing.assert_array_equal(b.classes_, a.classes_)
        np.testing.assert_array_equal(b.predict(data[0]), a.predict(data[0]))
        assert b.predict(data[0]).dtype.kind == a.predict(data[0]).dtype.kind
        for method in ("predict_proba", "predict_log_proba"):
            mine, other = (getattr(each, method)(data[0]) for each in (b, a))
            np.testing.assert_allclose(mine, other, rtol=1e-9)
    assert b.score(*data) == pytest.approx(a.score(*data), rel=1e-10)


@pytest.mark.parametrize("name", ["classes", "two", "numbers"])
def test_lbfgs(name):
    kind, data, own = DATA[name]
    a, b = both(kind, data, solver="lbfgs", max_iter=12, **own)
    assert 9 < b.n_iter_ == a.n_iter_ <= 12
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-7)  # rounding grows with each line search
    assert b.loss_curve_[-1] == pytest.approx(a.loss_, rel=1e-7)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_goes_on_alike_in_full_batches(solver):
    a, b = (
        each.MLPClassifier((8,), solver=solver, alpha=0, random_state=0, max_iter=15)
        .set_params(warm_start=True).fit(*IRIS).set_params(max_iter=10).fit(*IRIS)
        for each in (theirs, ours)
    )  # fmt: skip
    assert len(b.loss_curve_) == 25
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_sample_weights_in_full_batches(solver):
    weights = np.random.default_rng(0).uniform(0, 2, len(WINE[1]))
    a, b = (
        each.MLPClassifier((8,), solver=solver, alpha=0, random_state=0, max_iter=15)
        for each in (theirs, ours)
    )
    if "sample_weight" not in a.get_metadata_routing().fit.requests:
        pytest.skip("this scikit-learn's networks take no weights")
    a.fit(*WINE, sample_weight=weights)
    b.fit(*WINE, sample_weight=weights)
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-7 if solver == "lbfgs" else 1e-10)


# --- where they differ by design ------------------------------------------------------


def test_the_penalty_does_not_depend_on_the_batch_size():
    """Request 6780: theirs is alpha / batch size."""
    X, y = WINE[0][:160], WINE[1][:160]
    for size in (20, 80, 160):
        a = theirs.MLPClassifier((8,), alpha=0.5, batch_size=size, random_state=0, max_iter=20)
        b = ours.MLPClassifier((8,), alpha=0.5 / size, batch_size=size, random_state=0, max_iter=20)
        np.testing.assert_allclose(b.fit(X, y).loss_curve_, a.fit(X, y).loss_curve_, rtol=1e-10)
    # The first number of a curve is taken before any step where the batch is all rows: the loss
    # and the penalty of the same weights.
    first = {
        (each, size): each.MLPClassifier(
            (8,), alpha=0.5, batch_size=size, random_state=0, max_iter=1, learning_rate_init=1e-12
        ).fit(X, y).loss_curve_[0]
        for each in (theirs, ours) for size in (20, 160)
    }  # fmt: skip
    assert first[ours, 20] == pytest.approx(first[ours, 160], rel=1e-9)
    assert first[theirs, 20] > first[theirs, 160] + 0.1


def test_the_gradient_of_several_outputs_is_that_of_the_loss():
    """Request 8349: theirs is K times the derivative of the loss, for K outputs."""
    X, y = make_regression(60, 5, n_targets=4, random_state=0)
    data = X, y / 50
    slow = {
        "solver": "sgd",
        "max_iter": 1,
        "batch_size": 60,
        "momentum": 0,
        "hidden_layer_sizes": 6,
    }
    for each, times in ((ours, 1), (theirs, 4)):
        fall = []
        for rate in (0, 1e-6):
            estimator = each.MLPRegressor(
                alpha=0, random_state=0, learning_rate_init=rate or 1e-300, **slow
            )
            estimator.fit(*data)
            fall.append(estimator)
        before, after = (
            np.concatenate([w.ravel() for w in e.coefs_ + e.intercepts_]) for e in fall
        )
        gradient = (before - after) / 1e-6
        # How the loss changes along the step, by the loss of the two networks.
        loss = [0.5 * np.mean((e.predict(X) - data[1]) ** 2) for e in fall]
        slope = (loss[0] - loss[1]) / 1e-6
        assert gradient @ gradient / slope == pytest.approx(times, rel=1e-3)


def test_a_learning_rate_that_gives_scikit_learns_steps_for_several_outputs():
    X, y = make_regression(60, 5, n_targets=4, random_state=0)
    arguments = {"solver": "sgd", "batch_size": 20, "random_state": 0, "max_iter": 20}
    a = theirs.MLPRegressor(learning_rate_init=1e-3, alpha=1, **arguments).fit(X, y / 50)
    b = ours.MLPRegressor(learning_rate_init=4e-3, alpha=1 / 80, **arguments).fit(X, y / 50)
    for mine, other in zip(b.coefs_, a.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)


def test_calls_of_partial_fit_shuffle_unlike_each_other():
    """Theirs begins with the seed in each call, so that calls 2 and 3 shuffle alike."""
    orders = {}
    for each in (theirs, ours):
        estimator = each.MLPClassifier((8,), batch_size=10, alpha=0, random_state=0, max_iter=4)
        fitted = estimator.fit(*IRIS).loss_curve_
        parts = each.MLPClassifier((8,), batch_size=10, alpha=0, random_state=0)
        for _ in range(4):
            parts.partial_fit(*IRIS, classes=[0, 1, 2])
        orders[each] = fitted, parts.loss_curve_
    assert orders[ours][0] == orders[ours][1]
    np.testing.assert_allclose(orders[ours][0], orders[theirs][0], rtol=1e-10)
    assert orders[theirs][1][:1] == orders[theirs][0][:1]
    assert abs(orders[theirs][1][2] / orders[theirs][0][2] - 1) > 1e-6


def test_the_loss_does_not_saturate():
    """Theirs clips probabilities, so that a wrong answer costs 36 nats at most."""
    X, y = np.array([[-1.0], [1.0]]), [0, 1]
    found = []
    for each in (theirs, ours):
        estimator = each.MLPClassifier(1, "identity", alpha=0, max_iter=1, random_state=0,
                                       solver="sgd", learning_rate_init=1e-300)  # fmt: skip
        estimator.fit(X, y)
        estimator.coefs_[0][...], estimator.coefs_[1][...] = -100, 10
        for bias in estimator.intercepts_:
            bias[...] = 0
        estimator.warm_start = True
        found.append(estimator.fit(X, y).loss_)
    assert found[1] == pytest.approx(1000)
    assert found[0] == pytest.approx(-np.log(np.finfo(float).eps))


def test_a_diverging_run_ends_at_once_with_finite_weights():
    X, y = IRIS[0], IRIS[1].astype(float)
    arguments = {"solver": "sgd", "activation": "identity", "learning_rate_init": 1.0}
    with pytest.raises(ValueError, match="Solver produced non-finite") as caught:
        ours.MLPRegressor(random_state=0, **arguments).fit(X, y)
    assert "Training stopped at epoch" in str(caught.value)
    assert "learning rate that is too large: it is 1; try 0.1" in str(caught.value)
    with pytest.warns(ConvergenceWarning, match="The weights are the best by the validation score"):
        kept = ours.MLPRegressor(random_state=0, early_stopping=True, **arguments).fit(X, y)
    assert kept.n_iter_ < 200
    assert np.isnan(kept.validation_scores_[-1])
    assert np.isfinite(kept.predict(X)).all()


def test_the_loss_is_that_of_the_metric():
    _, b = both("MLPClassifier", WINE, batch_size=178, learning_rate_init=1e-300, max_iter=1)
    assert b.loss_ == pytest.approx(log_loss(WINE[1], b.predict_proba(WINE[0])), rel=1e-12)
