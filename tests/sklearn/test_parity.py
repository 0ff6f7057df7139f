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
    load_digits,
    load_iris,
    load_wine,
    make_circles,
    make_moons,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import nnplug.sklearn as ours
from nnplug.sklearn._fitting import Fitting
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
    {"solver": "adam", "alpha": 1.0},
    {"solver": "adam", "alpha": 20.0, "batch_size": 48},
    {"solver": "adam", "alpha": 0.0, "batch_size": 48},
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
    arguments = {"random_state": 3, "max_iter": 40} | arguments
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
    assert b.t_ == a.t_ == 0
    assert hasattr(b, "loss_curve_") == hasattr(a, "loss_curve_") == False  # noqa: E712  # both
    assert len(b.history_) == b.n_iter_


@pytest.mark.parametrize("batch_size", ["auto", 50])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_sample_weights(solver, batch_size):
    weights = np.random.default_rng(0).uniform(0, 2, len(WINE[1]))
    weights[::5] = 0
    a, b = (
        each.MLPClassifier(
            (8,), solver=solver, alpha=0.5, random_state=0, max_iter=15, batch_size=batch_size
        )
        for each in (theirs, ours)
    )
    if "sample_weight" not in a.get_metadata_routing().fit.requests:
        pytest.skip("this scikit-learn's networks take no weights")
    a.fit(*WINE, sample_weight=weights)
    b.fit(*WINE, sample_weight=weights)
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-7 if solver == "lbfgs" else 1e-10)
    if solver != "lbfgs":
        np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-10)


SEVERAL = (DIABETES[0], np.stack([DIABETES[1], DIABETES[0][:, 2] * 30, DIABETES[1] ** 2], axis=1))


@pytest.mark.parametrize(
    "arguments",
    [
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2},
        {"solver": "sgd", "alpha": 5.0, "tol": 0.02, "n_iter_no_change": 3, "batch_size": 60},
        {"solver": "adam", "tol": 0.02, "n_iter_no_change": 3, "learning_rate_init": 0.01},
    ],
    ids=str,
)
def test_several_outputs(arguments):
    """Request 8349: the same steps, and the same end; what is printed is what is descended."""
    a, b = both("MLPRegressor", SEVERAL, **{"max_iter": 60} | arguments)
    assert b.n_iter_ == a.n_iter_
    for mine, other in zip([*b.coefs_, *b.intercepts_], [*a.coefs_, *a.intercepts_], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)
    penalty = np.array(b.history_.columns.get("penalty", 0.0))
    assert b.loss_curve_ == (np.array(b.history_["loss"]) + penalty).tolist()
    np.testing.assert_allclose(
        np.array(b.history_["loss"]) / 3 + penalty, a.loss_curve_, rtol=1e-10
    )
    assert b.best_loss_ == min(b.loss_curve_)


def test_what_is_printed_for_several_outputs_is_what_is_descended():
    slow = {"solver": "sgd", "max_iter": 1, "batch_size": 442, "momentum": 0, "random_state": 0}
    still, moved = (
        ours.MLPRegressor(hidden_layer_sizes=6, alpha=3, learning_rate_init=rate, **slow).fit(
            *SEVERAL
        )
        for rate in (1e-300, 1e-6)
    )
    before, after = (
        np.concatenate([w.ravel() for w in e.coefs_ + e.intercepts_]) for e in (still, moved)
    )
    gradient = (before - after) / 1e-6
    at_after = moved.set_params(warm_start=True, learning_rate_init=1e-300).fit(*SEVERAL).loss_
    assert gradient @ gradient / ((still.loss_ - at_after) / 1e-6) == pytest.approx(1, rel=1e-3)


# --- the random stream ----------------------------------------------------------------

STREAMS = [
    {"batch_size": "auto"},
    {"batch_size": 50},
    {"batch_size": 50, "shuffle": False},
    {"early_stopping": True, "batch_size": 50},
    {"early_stopping": True},
    {"solver": "lbfgs"},
    {"solver": "sgd", "hidden_layer_sizes": (4, 3)},
]


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("arguments", STREAMS, ids=str)
def test_a_shared_generator_is_left_as_there(arguments, epochs):
    drawn = []
    for each in (theirs, ours):
        stream = np.random.RandomState(5)
        arguments = {"hidden_layer_sizes": (8,), "max_iter": epochs} | arguments
        for kind, data in (("MLPClassifier", IRIS), ("MLPRegressor", DIABETES)):
            getattr(each, kind)(random_state=stream, **arguments).fit(*data)
        drawn.append(stream.randint(10**6))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("stream", ["shared", "global"])
def test_fits_that_follow_each_other_are_those_there(stream):
    losses = []
    for each in (theirs, ours):
        np.random.seed(0)  # noqa: NPY002  # what random_state=None takes
        state = np.random.RandomState(0) if stream == "shared" else None
        fits = [
            each.MLPClassifier((8,), max_iter=20, batch_size=batch_size, random_state=state).fit(
                *IRIS
            )
            for batch_size in ("auto", 40, "auto")
        ]
        losses.append([curve for fit in fits for curve in fit.loss_curve_])
        losses[-1].append((state or np.random).uniform())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-10)
    assert losses[1][0] != losses[1][40]


@pytest.mark.parametrize("batch_size", ["auto", 10])
@pytest.mark.parametrize("seed", ["number", "stream", "global"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_calls_of_partial_fit(solver, seed, batch_size):
    """scikit-learn begins with a seed in every call, so that calls shuffle alike; so does ours."""
    curves, X, y = [], *IRIS
    for each in (theirs, ours):
        np.random.seed(1)  # noqa: NPY002  # what random_state=None takes
        state = {"number": 7, "stream": np.random.RandomState(7), "global": None}[seed]
        estimator = each.MLPClassifier(
            (8,), solver=solver, batch_size=batch_size, random_state=state, learning_rate_init=0.01
        )
        for _ in range(2):
            for rows in (slice(None), slice(0, None, 2), slice(0, None, 2), slice(0, None, 3)):
                estimator.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        estimator.set_params(warm_start=False, max_iter=5).fit(*IRIS)
        after = estimator.loss_curve_[:]
        estimator.partial_fit(*IRIS).partial_fit(X[::2], y[::2])
        drawn = np.random.uniform(size=3)  # noqa: NPY002  # what random_state=None took from
        curves.append([*after, *estimator.loss_curve_[-2:], *drawn])
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-10)


@pytest.mark.parametrize("seed", ["number", "stream"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"batch_size": 20},
        {"batch_size": 20, "solver": "sgd"},
        {"batch_size": 20, "solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
        {"batch_size": 20, "solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1,
         "tol": 0.1},
        {"batch_size": 20, "dropout": 0.2, "solver": "adamw"},
    ],
    ids=str,
)  # fmt: skip
def test_ten_fits_with_warm_start_are_one(arguments, seed):
    """Issue 6091: in scikit-learn they are not."""
    found = []
    for fits in (1, 10):
        state = 3 if seed == "number" else np.random.RandomState(3)
        estimator = ours.MLPClassifier(
            (8,), warm_start=True, max_iter=10 // fits, random_state=state, **arguments
        )
        for _ in range(fits):
            estimator.fit(*IRIS)
        found.append((estimator.loss_curve_, estimator.coefs_[0].tolist(), estimator.t_))
        if seed == "stream":
            found[-1] += (state.randint(10**6),)
    assert found[0] == found[1]


@pytest.mark.parametrize("early", [False, True])
def test_fits_with_warm_start_take_as_much_of_a_shared_generator_as_there(early):
    drawn = []
    for each in (theirs, ours):
        stream = np.random.RandomState(5)
        estimator = each.MLPClassifier(
            (8,), warm_start=True, max_iter=3, random_state=stream, early_stopping=early
        )
        for _ in range(3):
            estimator.fit(*IRIS)
            drawn.append(stream.randint(10**6))
    assert drawn[:3] == drawn[3:]


def test_warm_start_with_a_seed_keeps_the_rows_that_are_held_out(monkeypatch):
    held = []
    kept = Fitting.split
    monkeypatch.setattr(
        Fitting, "split", lambda self, *rest: held.append(kept(self, *rest)) or held[-1]
    )
    estimator = ours.MLPClassifier(
        (8,), warm_start=True, early_stopping=True, random_state=0, max_iter=2
    )
    for rows in (slice(None), slice(None), slice(10, None)):
        estimator.fit(WINE[0][rows], WINE[1][rows])
    assert held[0][1].chosen.tolist() == held[1][1].chosen.tolist()
    assert len(held[2][0]) == 151
    estimator.set_params(random_state=1).fit(*WINE)
    assert held[3][1].chosen.tolist() != held[0][1].chosen.tolist()


# --- the classifier comparison, which everybody copies ---------------------------------


@pytest.mark.parametrize("name", ["moons", "circles", "digits"])
def test_the_classifier_comparison(name):
    X, y = {
        "moons": lambda: make_moons(noise=0.3, random_state=0),
        "circles": lambda: make_circles(noise=0.2, factor=0.5, random_state=1),
        "digits": lambda: load_digits(return_X_y=True),
    }[name]()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=42)
    a, b = (
        make_pipeline(
            StandardScaler(), each.MLPClassifier(alpha=1, max_iter=1000, random_state=42)
        ).fit(X, y)
        for each in (theirs, ours)
    )
    assert b.score(X_test, y_test) == a.score(X_test, y_test) >= 0.85
    # Hundreds of epochs: what is rounded otherwise grows from one to the next.
    np.testing.assert_allclose(b[-1].loss_curve_, a[-1].loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(b.predict_proba(X_test), a.predict_proba(X_test), atol=1e-3)


# --- where they differ by design ------------------------------------------------------


def test_l2_does_not_depend_on_the_batch_size():
    """Request 6780: alpha is divided by the rows of the batch, here as there."""
    X, y = WINE[0][:160], WINE[1][:160]
    fixed = {"random_state": 0, "max_iter": 20}
    for size in (20, 80, 160):
        a = theirs.MLPClassifier((8,), alpha=0.5, batch_size=size, **fixed).fit(X, y)
        b = ours.MLPClassifier((8,), alpha=0, l2=0.5 / size, batch_size=size, **fixed).fit(X, y)
        np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-10)
    first = {
        (name, size): ours.MLPClassifier(
            (8,), batch_size=size, random_state=0, max_iter=1, learning_rate_init=1e-12,
            **{"alpha": 0.0, name: 0.5},
        ).fit(X, y).history_["penalty"][0]
        for name in ("alpha", "l2") for size in (20, 160)
    }  # fmt: skip
    assert first["l2", 20] == pytest.approx(first["l2", 160], rel=1e-9)
    assert first["alpha", 20] == pytest.approx(8 * first["alpha", 160], rel=1e-9)


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
    _, b = both("MLPClassifier", WINE, alpha=0, learning_rate_init=1e-300, max_iter=1)
    assert b.loss_ == pytest.approx(log_loss(WINE[1], b.predict_proba(WINE[0])), rel=1e-12)
