"""What nnplug's estimators have beside scikit-learn's arguments, and how they fit in."""

from __future__ import annotations

import copy
import pickle
import re
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, load_wine, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # what it is imported for
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils._param_validation import InvalidParameterError

import nnplug
import nnplug.sklearn
from nnplug.builtin.activations import relu
from nnplug.errors import NnplugError
from nnplug.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = scale(load_wine().data), load_wine().target
TARGET = X[:, 0] * 2 + X[:, 1] ** 2
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0}


@nnplug.activation
def bent(x):
    """Bent identity."""
    return (np.sqrt(x**2 + 1) - 1) / 2 + x


@nnplug.activation
def learned(x, *, slope=nnplug.trainable(0.25)):  # noqa: B008  # how it is declared
    """A rectifier whose slope below 0 is learned."""
    return np.where(x > 0, x, slope * x)


@nnplug.loss
def fourth(prediction, target):
    """The fourth power of the error."""
    return (prediction - target) ** 4


@nnplug.optimizer
def half_sign(param, grad, *, learning_rate=0.01):
    """Half a step by the sign."""
    return param - 0.5 * learning_rate * np.sign(grad)


# --- parts ----------------------------------------------------------------------------


def forward(estimator, X, *functions):
    """The network by hand, from its weights."""
    for weight, bias, function in zip(
        estimator.coefs_, estimator.intercepts_, functions, strict=True
    ):
        X = function(X @ weight + bias)
    return X


def same(x):
    return x


def test_an_activation_of_ones_own_and_one_for_each_layer():
    one = MLPRegressor(activation=bent, **SMALL).fit(X, TARGET)
    expected = forward(one, X, lambda x: (np.sqrt(x**2 + 1) - 1) / 2 + x, same)[:, 0]
    np.testing.assert_allclose(one.predict(X), expected, rtol=1e-12)
    assert one.loss_curve_[-1] < one.loss_curve_[0]
    several = MLPRegressor(
        hidden_layer_sizes=(8, 6), activation=["tanh", "leaky_relu:slope=0.3"], max_iter=5
    ).fit(X, TARGET)
    expected = forward(several, X, np.tanh, lambda x: np.where(x > 0, x, 0.3 * x), same)[:, 0]
    np.testing.assert_allclose(several.predict(X), expected, rtol=1e-12)


def test_a_learned_option_is_learned_and_kept():
    @nnplug.activation
    def prelu(x, *, slope=nnplug.trainable(0.25)):  # noqa: B008  # it declares
        return np.where(x > 0, x, slope * x)

    estimator = MLPRegressor(activation=prelu, **SMALL).fit(X, TARGET)
    slope = float(estimator.network_["hidden1.slope"])
    assert slope != 0.25
    expected = forward(estimator, X, lambda x: np.where(x > 0, x, slope * x), same)[:, 0]
    np.testing.assert_allclose(estimator.predict(X), expected, rtol=1e-12)
    before = estimator.loss_
    estimator.set_params(warm_start=True, max_iter=1).fit(X, TARGET)
    assert estimator.loss_ < before
    assert abs(float(estimator.network_["hidden1.slope"]) - slope) < 0.01


def test_a_loss_of_ones_own_and_installed_ones():
    estimator = MLPRegressor(fourth, alpha=0, learning_rate_init=1e-300, **SMALL).fit(X, TARGET)
    assert estimator.loss_ == pytest.approx(np.mean((estimator.predict(X) - TARGET) ** 4))
    huber = MLPRegressor("huber:delta=0.1", alpha=0, learning_rate_init=1e-300, **SMALL)
    error = abs(huber.fit(X, TARGET).predict(X) - TARGET)
    expected = np.where(error <= 0.1, error**2 / 2, 0.1 * (error - 0.05)).mean()
    assert huber.loss_ == pytest.approx(expected)


def test_a_solver_of_ones_own_and_installed_ones():
    one = MLPClassifier(solver=half_sign, alpha=0, **SMALL | {"max_iter": 1}).fit(X, Y)
    start = MLPClassifier(learning_rate_init=1e-300, **SMALL | {"max_iter": 1}).fit(X, Y)
    steps = np.abs(one.coefs_[0] - start.coefs_[0])
    np.testing.assert_allclose(steps, 0.0005, rtol=1e-9)  # learning_rate_init is 0.001
    decayed, plain = (
        MLPClassifier(solver=solver, alpha=0, **SMALL).fit(X, Y)
        for solver in ("adamw:weight_decay=10", "nnplug/adam")
    )
    assert np.abs(decayed.coefs_[0]).sum() < 0.95 * np.abs(plain.coefs_[0]).sum()
    own = MLPClassifier(solver="adamw:learning_rate=0.02", **SMALL).fit(X, Y)
    assert own.history_["learning_rate"] == [0.02] * 15


def test_the_output_activation_and_probabilities():
    @nnplug.loss
    def brier(probabilities, target):
        return (probabilities - target) ** 2

    estimator = MLPClassifier(loss=brier, **SMALL).fit(X, Y)
    assert estimator.out_activation_ == "softmax"
    np.testing.assert_allclose(estimator.predict_proba(X).sum(axis=1), 1)
    regressor = MLPRegressor(output_activation="softplus", **SMALL).fit(X, TARGET)
    assert regressor.predict(X).min() > 0
    assert regressor.out_activation_ == "softplus"


def test_a_schedule_and_a_mode_are_multiplied():
    estimator = MLPClassifier(schedule="linear", **SMALL).fit(X, Y)
    expected = 0.001 * (1 - np.arange(15) / 15)
    np.testing.assert_allclose(estimator.history_["learning_rate"], expected, rtol=1e-12)
    both = MLPClassifier(
        schedule="linear", solver="sgd", learning_rate="invscaling", power_t=1, **SMALL
    ).fit(X, Y)
    seen = 178 * np.arange(15)
    np.testing.assert_allclose(both.history_["learning_rate"], expected / (seen + 1), rtol=1e-12)


def test_the_penalty_is_apart_in_the_history():
    estimator = MLPClassifier(alpha=0.1, learning_rate_init=1e-300, **SMALL).fit(X, Y)
    penalty = 0.05 * sum((weight**2).sum() for weight in estimator.coefs_) / 178
    assert estimator.history_["penalty"][-1] == pytest.approx(penalty)
    loss = log_loss(Y, estimator.predict_proba(X))
    assert estimator.history_["loss"][-1] == pytest.approx(loss)
    assert estimator.loss_ == pytest.approx(loss + penalty)


def test_dropout_acts_in_training_alone():
    wide = {"hidden_layer_sizes": (2000,), "learning_rate_init": 1e-300, "random_state": 0}
    without = MLPRegressor(alpha=0, max_iter=2, **wide).fit(X, TARGET)
    with_it = MLPRegressor(alpha=0, max_iter=2, dropout=0.5, **wide).fit(X, TARGET)
    np.testing.assert_array_equal(with_it.predict(X), without.predict(X))
    assert with_it.loss_curve_[0] != with_it.loss_curve_[1] != without.loss_curve_[1]
    again = clone(with_it).fit(X, TARGET)
    assert again.loss_curve_ == with_it.loss_curve_


def test_clipping():
    loose, tight = (
        MLPRegressor(solver="sgd", momentum=0, clip_global_norm=clip, learning_rate_init=1.0,
                     **SMALL | {"max_iter": 1}).fit(X, 1000 * TARGET)
        for clip in (1e9, 0.25)
    )  # fmt: skip
    start = MLPRegressor(learning_rate_init=1e-300, **SMALL | {"max_iter": 1}).fit(X, TARGET)

    def length(estimator):
        mine, other = ([*e.coefs_, *e.intercepts_] for e in (estimator, start))
        return np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(mine, other, strict=True)))

    assert length(tight) == pytest.approx(0.25)
    assert length(loose) > 100


def test_class_weights_are_weights_of_rows():
    by_hand = np.array([1.0, 5.0, 0.5])
    a = MLPClassifier(class_weight={1: 5, 2: 0.5}, **SMALL).fit(X, Y)
    b = MLPClassifier(**SMALL).fit(X, Y, sample_weight=by_hand[Y])
    assert a.loss_curve_ == b.loss_curve_
    balanced = MLPClassifier(class_weight="balanced", **SMALL).fit(X, Y)
    c = MLPClassifier(**SMALL).fit(X, Y, sample_weight=178 / (3 * np.bincount(Y)[Y]))
    np.testing.assert_allclose(balanced.loss_curve_, c.loss_curve_, rtol=1e-12)
    names = np.array(["a", "b", "c"])[Y]
    d = MLPClassifier(class_weight={"b": 5, "c": 0.5}, **SMALL).fit(X, names)
    assert d.loss_curve_ == a.loss_curve_
    rows = np.random.default_rng(0).uniform(1, 2, 178)
    e = MLPClassifier(class_weight={1: 5, 2: 0.5}, **SMALL).fit(X, Y, sample_weight=rows)
    f = MLPClassifier(**SMALL).fit(X, Y, sample_weight=by_hand[Y] * rows)
    assert e.loss_curve_ == f.loss_curve_


def test_metrics_and_the_loss_of_validation_rows():
    estimator = MLPClassifier(
        validation_data=(X[::3], Y[::3]), metrics=["accuracy", "roc_auc"], **SMALL
    ).fit(X[1::3], Y[1::3])
    expected = log_loss(Y[::3], estimator.predict_proba(X[::3]))
    assert estimator.validation_loss_curve_[-1] == pytest.approx(expected)
    assert len(estimator.validation_loss_curve_) == len(estimator.loss_curve_) == 15
    assert estimator.validation_scores_[-1] == estimator.score(X[::3], Y[::3])
    assert estimator.history_["accuracy"] == estimator.validation_scores_
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    assert len(estimator.history_["roc_auc"]) == 15
    # Of the training rows before each step.
    alone = MLPRegressor(metrics="mae", learning_rate_init=1e-300, **SMALL).fit(X, TARGET)
    assert alone.history_["mae"][-1] == pytest.approx(abs(alone.predict(X) - TARGET).mean())
    assert alone.validation_scores_ is None
    slow = MLPRegressor(
        solver="lbfgs", metrics="mae", validation_data=(X, TARGET, np.ones(178)), **SMALL
    ).fit(X, TARGET)
    assert slow.history_["mae"][-1] == pytest.approx(abs(slow.predict(X) - TARGET).mean())
    assert slow.validation_scores_[-1] == pytest.approx(slow.score(X, TARGET))
    assert len(slow.history_) == slow.n_iter_


def test_early_stopping_keeps_the_best_weights():
    arguments = {"learning_rate_init": 0.05, "max_iter": 200, "random_state": 0}
    estimator = MLPRegressor(
        early_stopping=True, validation_data=(X[::3], TARGET[::3]), **arguments
    ).fit(X[1::3], TARGET[1::3])
    assert estimator.n_iter_ < 200
    assert estimator.score(X[::3], TARGET[::3]) == pytest.approx(estimator.best_validation_score_)
    assert estimator.validation_scores_[-1] < estimator.best_validation_score_


def test_partial_fit_with_early_stopping():
    estimator = MLPClassifier(
        (8,), learning_rate_init=0.1, early_stopping=True, n_iter_no_change=3, random_state=0,
        validation_data=(X[::3], Y[::3]),
    )  # fmt: skip
    for calls in range(1, 200):
        estimator.partial_fit(X[1::3], Y[1::3], classes=[0, 1, 2])
        assert len(estimator.validation_scores_) == calls
        if estimator.stopped_:
            break
    assert 4 < calls < 199
    assert estimator.score(X[::3], Y[::3]) == estimator.best_validation_score_
    estimator.partial_fit(X[1::3], Y[1::3])
    assert not estimator.stopped_


def test_partial_fit_after_a_fit_that_stopped_early():
    estimator = MLPClassifier((8,), early_stopping=True, random_state=0, max_iter=20).fit(X, Y)
    kept = copy.deepcopy(estimator)
    with pytest.raises(ValueError, match="does not support early_stopping=True without validation"):
        estimator.partial_fit(X, Y)
    estimator.set_params(early_stopping=False).partial_fit(X, Y)
    assert estimator.n_iter_ == 1
    assert estimator.best_loss_ == estimator.loss_
    assert np.abs(estimator.coefs_[0] - kept.coefs_[0]).max() > 0


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch", [{}, {"batch_size": 50, "shuffle": False}])
def test_fit_is_as_many_calls_of_partial_fit(batch, sparse):
    inputs = scipy.sparse.csr_matrix(X) if sparse else X
    arguments = SMALL | batch | {"dropout": 0.1}
    whole = MLPClassifier(**arguments).fit(inputs, Y)
    parts = MLPClassifier(**arguments)
    for _ in range(15):
        parts.partial_fit(inputs, Y, classes=np.unique(Y))
    assert parts.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    # And both go on alike, and so does one that was pickled between two calls.
    again = pickle.loads(pickle.dumps(parts))
    for each in (whole, parts, again):
        each.partial_fit(inputs, Y)
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    np.testing.assert_array_equal(parts.coefs_[0], again.coefs_[0])


def test_partial_fit_of_chunks_of_many_sizes():
    estimator, by_one = MLPRegressor(**SMALL), MLPRegressor(**SMALL)
    for size in (50, 50, 7, 50, 178):
        estimator.partial_fit(X[:size], TARGET[:size])
        # Another process each time.
        by_one = pickle.loads(pickle.dumps(by_one)).partial_fit(X[:size], TARGET[:size])
    np.testing.assert_array_equal(estimator.coefs_[0], by_one.coefs_[0])
    assert estimator.t_ == 50 * 3 + 7 + 178


def test_weights_that_are_put_in_place_are_used():
    estimator = MLPRegressor(**SMALL).fit(X, TARGET)
    estimator.coefs_[1] = np.zeros((8, 1))
    estimator.intercepts_[1] = np.array([3.0])
    np.testing.assert_array_equal(estimator.predict(X), 3.0)
    estimator.intercepts_[1][...] = 4
    np.testing.assert_array_equal(estimator.predict(X), 4.0)
    estimator.partial_fit(X, TARGET)
    assert estimator.predict(X).mean() == pytest.approx(4, abs=0.1)
    estimator.intercepts_[1] = np.array([30.0])  # the steps are bound already
    estimator.partial_fit(X, TARGET)
    assert estimator.predict(X).mean() == pytest.approx(30, abs=0.1)
    estimator.coefs_[0] = np.zeros((3, 8))
    with pytest.raises(ValueError, match=r"the network needs \[\(13, 8\)"):
        estimator.predict(X)


def test_what_partial_fit_gave_before_is_left_as_it_was():
    estimator = MLPRegressor(**SMALL).partial_fit(X, TARGET)
    before = estimator.predict(X)
    kept = clone(estimator).partial_fit(X, TARGET)
    estimator.partial_fit(X, TARGET)
    np.testing.assert_array_equal(kept.predict(X), before)


# --- what there is in scikit-learn ----------------------------------------------------


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_are_dense_rows(kind, solver):
    target = Y if kind is MLPClassifier else TARGET
    inputs = np.where(np.abs(X) > 1, X, 0)
    arguments = {"solver": solver, "batch_size": 30, "max_iter": 5, "random_state": 0}
    arguments |= {} if solver == "lbfgs" else {"early_stopping": True, "metrics": "mse"}
    dense = kind(**arguments).fit(inputs, target)
    for form in (scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, scipy.sparse.csr_array):
        sparse = kind(**arguments).fit(form(inputs), target)
        np.testing.assert_allclose(sparse.history_["loss"], dense.history_["loss"], rtol=1e-9)
        np.testing.assert_allclose(sparse.predict(form(inputs)), dense.predict(inputs), rtol=1e-6)


def peak(function):
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_rows_are_not_copied():
    many = np.random.default_rng(0).normal(size=(100_000, 40))
    target = many[:, 0]
    estimator = MLPRegressor(hidden_layer_sizes=(4,), batch_size=1000, max_iter=1)
    assert peak(lambda: estimator.fit(many, target)) < many.nbytes / 4
    assert peak(lambda: estimator.predict(many)) < many.nbytes / 4
    sparse = scipy.sparse.random(20_000, 500, density=0.01, format="csr", random_state=0)
    dense_bytes = 20_000 * 500 * 8
    assert peak(lambda: estimator.fit(sparse, target[:20_000])) < dense_bytes / 4
    search = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2)
    assert peak(lambda: search.fit(sparse, target[:20_000])) < dense_bytes / 2


def test_float32_stays_float32():
    estimator = MLPClassifier(**SMALL).fit(X.astype(np.float32), Y)
    assert {array.dtype for array in estimator.coefs_} == {np.dtype(np.float32)}
    assert estimator.predict_proba(X.astype(np.float32)).dtype == np.float32
    narrow = MLPRegressor(dtype="float32", **SMALL).fit(X, TARGET)
    assert narrow.coefs_[0].dtype == np.float32
    search = MLPRegressor(solver="lbfgs", **SMALL).fit(X.astype(np.float32), TARGET)
    assert search.coefs_[0].dtype == np.float32
    assert search.score(X, TARGET) > 0.7


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_both_engines_give_the_same(solver):
    a, b = (
        MLPClassifier(solver=solver, engine=engine, batch_size=60, **SMALL).fit(X, Y)
        for engine in ("numpy", "numba")
    )
    np.testing.assert_allclose(a.history_["loss"], b.history_["loss"], rtol=1e-8)


def test_weights_that_vanish_are_warned_of():
    fits = {"max_iter": 300, "random_state": 0, "learning_rate_init": 0.01}
    for kind, y in ((MLPClassifier, Y), (MLPRegressor, TARGET)):
        for arguments, cause in (
            ({"alpha": 178 * 3.0}, "The likely cause is the penalty: alpha=534; try 53.4."),
            ({"l2": 3.0}, "The likely cause is the penalty: l2=3; try 0.3."),
            ({"l2": 3.0, "solver": "lbfgs"}, "l2=3; try 0.3."),
        ):
            with pytest.warns(ConvergenceWarning, match="All weights are near 0") as caught:
                kind(**fits | arguments).fit(X, y)
            assert str(caught[-1].message).endswith(cause)
            assert caught[-1].filename == __file__
    for arguments in ({}, {"alpha": 1}, {"hidden_layer_sizes": (20, 10)}, {"solver": "lbfgs"}):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            MLPClassifier(**fits | arguments).fit(X / 1000, Y)
            MLPRegressor(**fits | arguments).fit(X * 1000, TARGET / 1000)
        assert not [each for each in caught if "near 0" in str(each.message)], arguments


def test_several_labels():
    inputs, labels = make_multilabel_classification(120, random_state=0)
    estimator = MLPClassifier(max_iter=100, random_state=0).fit(inputs, labels)
    assert estimator.predict(inputs).shape == labels.shape
    assert estimator.out_activation_ == "logistic"
    weighted = MLPClassifier(class_weight="balanced", **SMALL).fit(inputs, labels)
    assert weighted.loss_curve_[0] != estimator.loss_curve_[0]
    sparse = [
        each.MLPClassifier(max_iter=100, random_state=0)
        .fit(inputs, scipy.sparse.csr_matrix(labels))
        .predict(inputs)
        for each in (nnplug.sklearn, sklearn.neural_network)
    ]
    assert type(sparse[0]) is type(sparse[1])
    assert sparse[0].dtype == sparse[1].dtype
    np.testing.assert_array_equal(sparse[0].toarray(), estimator.predict(inputs))


def test_data_frames():
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    estimator = MLPRegressor(**SMALL).fit(frame, pd.DataFrame({"p": TARGET, "q": -TARGET}))
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    assert estimator.predict(frame).shape == (178, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[["b", "a", "c"]])
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).set_output(transform="pandas")
    pipe.fit(frame, pd.Series(Y, dtype="category"))
    assert pipe[-1].feature_names_in_.tolist() == ["a", "b", "c"]


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X[:, :3], schema=["a", "b", "c"])
    estimator = MLPClassifier(**SMALL).fit(frame, polars.Series(Y))
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    plain = MLPClassifier(**SMALL).fit(X[:, :3], Y)
    np.testing.assert_array_equal(estimator.predict_proba(frame), plain.predict_proba(X[:, :3]))


def test_searching_over_names_of_parts():
    grid = {
        "mlpclassifier__activation": ["relu", "gelu", "tanh"],
        "mlpclassifier__solver": ["adam", "adamw:weight_decay=0.1"],
    }
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**SMALL | {"learning_rate_init": 0.01}))
    search = GridSearchCV(pipe, grid, cv=2).fit(X, Y)
    assert search.best_score_ > 0.85
    assert len(search.cv_results_["params"]) == 6
    halving = HalvingGridSearchCV(
        MLPClassifier(random_state=0),
        {"activation": ["relu", "gelu", bent], "hidden_layer_sizes": [(4,), (16,)]},
        resource="max_iter", min_resources=2, max_resources=18, cv=2, random_state=0,
    ).fit(X, Y)  # fmt: skip
    assert halving.n_iterations_ == 2


def test_other_processes_take_parts_of_ones_own():
    pytest.importorskip("joblib")
    search = GridSearchCV(
        MLPClassifier(**SMALL), {"activation": [relu, "gelu"]}, cv=2, n_jobs=2
    ).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_calibration_and_importance():
    calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    estimator = MLPRegressor(**SMALL | {"learning_rate_init": 0.02}).fit(X, TARGET)
    importance = permutation_importance(estimator, X, TARGET, n_repeats=2, random_state=0)
    assert set(importance.importances_mean.argsort()[-2:]) == {0, 1}


def test_metadata_routing():
    weights = np.random.default_rng(0).uniform(0, 2, len(Y))
    with config_context(enable_metadata_routing=True):
        estimator = MLPClassifier(**SMALL).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, estimator)
        found = cross_validate(pipe, X, Y, cv=2, scoring=scorer, params={"sample_weight": weights})
        assert len(found["test_score"]) == 2
        MLPClassifier().set_partial_fit_request(classes=True, sample_weight=True)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_what_is_not_fitted_says_so(kind):
    for use in (lambda each: each.predict(X), lambda each: each.score(X, Y)):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            use(kind())


def test_clone_keeps_the_parts():
    estimator = MLPClassifier(activation=[bent], solver=half_sign, **SMALL)
    again = clone(estimator)
    assert again.activation[0].function is bent.function
    assert clone(estimator.fit(X, Y)).get_params(deep=False).keys() == estimator.get_params().keys()
    with pytest.raises(NotFittedError):
        again.predict(X)


def test_pickling():
    estimator = MLPClassifier(activation=bent, early_stopping=True, **SMALL).fit(X, Y)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert again.history_.columns == estimator.history_.columns
    again.coefs_[0][...] = 0  # it is a view of the network again
    assert not np.array_equal(again.predict_proba(X), estimator.predict_proba(X))


def types_in(value):
    """Every type that a pickle of a value has to name."""
    if isinstance(value, dict):
        return set().union({dict}, *map(types_in, value), *map(types_in, value.values()))
    if isinstance(value, list | tuple):
        return set().union({type(value)}, *map(types_in, value))
    return {type(value)}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"early_stopping": True, "solver": "sgd", "learning_rate": "adaptive"},
        {"activation": ["prelu", "gelu"], "hidden_layer_sizes": (4, 4), "warm_start": True},
        {"activation": "leaky_relu:slope=0.3", "solver": "adamw", "schedule": "cosine"},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("incremental", [False, True])
def test_a_pickle_holds_plain_values_and_arrays(arguments, incremental):
    """Whoever checks types, as skops does, is asked to trust the estimator's class alone."""
    if arguments.get("activation", [""])[0] == "prelu":
        arguments = arguments | {"activation": [learned, "gelu"]}
    if (incremental and "early_stopping" in arguments) or arguments.get("solver") == "lbfgs":
        arguments = arguments | {"validation_data": (X, Y)}
    estimator = MLPClassifier(**SMALL | arguments)
    if incremental and arguments.get("solver") != "lbfgs":
        estimator.partial_fit(X, Y, classes=[0, 1, 2])
    else:
        estimator.fit(X, Y)
    found = types_in(estimator.__getstate__())
    if "activation" in arguments and arguments["activation"][0] is learned:
        found.remove(type(learned))  # one's own part is named by its module, as a function is
    assert {kind.__module__.partition(".")[0] for kind in found} <= {"builtins", "numpy"}
    again = pickle.loads(pickle.dumps(estimator))
    fitted = [{n for n in vars(each) if n.endswith("_")} for each in (again, estimator)]
    assert fitted[0] == fitted[1]
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    if arguments.get("solver") != "lbfgs" and not arguments.get("early_stopping"):
        for each in (estimator, again):
            each.partial_fit(X, Y)
            each.set_params(warm_start=True).fit(X, Y)
        np.testing.assert_array_equal(again.coefs_[0], estimator.coefs_[0])


def test_a_pickle_leaves_the_rows_for_validation_out():
    many = np.random.default_rng(0).normal(size=(20_000, 4))
    given = {"validation_data": (many, many[:, 0])}
    estimator = MLPRegressor(hidden_layer_sizes=4, max_iter=1, random_state=0, **given)
    before = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(before.validation_data[0], many)  # to learn with elsewhere
    estimator.fit(many[:50], many[:50, 0])
    # The rows alone take 800 kB; what was learned of the error keeps 500 numbers.
    assert len(pickle.dumps(estimator)) < 20_000
    assert pickle.loads(pickle.dumps(estimator)).validation_data is None
    assert estimator.validation_data[0] is many
    assert clone(estimator).validation_data is not None


def test_the_arguments_are_scikit_learns_and_more():
    import inspect

    import sklearn.neural_network

    for kind in (MLPClassifier, MLPRegressor):
        other = inspect.signature(getattr(sklearn.neural_network, kind.__name__)).parameters
        mine = inspect.signature(kind).parameters
        for name, parameter in other.items():
            assert (mine[name].default, mine[name].kind) == (parameter.default, parameter.kind), (
                name
            )
        # From scikit-learn 1.7 on, `loss` is the first argument of the regressor.
        for name in mine.keys() - other.keys() - {"loss"}:
            assert mine[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert set(mine) <= set(inspect.getdoc(kind).replace(",", " ").split())


# --- callbacks, verbose ---------------------------------------------------------------


class Watcher:
    """Notes what it is told, and ends the training after some epochs."""

    seen = None

    def __init__(self, epochs):
        self.epochs = epochs
        type(self).seen = []

    def on_train_start(self, run):
        self.seen.append(("start", type(run.estimator).__name__, len(run.history)))

    def on_epoch_end(self, run, record):
        self.seen.append((record.epoch, record.loss, run.predict(X[:2]).shape))
        return record.epoch == self.epochs - 1

    def on_train_end(self, run):
        self.seen.append(("end", run.network.size, len(run.history)))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks(solver):
    estimator = MLPClassifier(solver=solver, callbacks=[Watcher(3)], **SMALL).fit(X, Y)
    assert estimator.n_iter_ == 3
    assert Watcher.seen[0] == ("start", "MLPClassifier", 0)
    assert [each[0] for each in Watcher.seen[1:-1]] == [0, 1, 2]
    assert Watcher.seen[2][1] == estimator.history_["loss"][1]
    assert Watcher.seen[-1] == ("end", estimator.network_.size, 3)


def test_verbose_prints_scikit_learns_lines(capsys):
    arguments = {"max_iter": 300, "tol": 0.1, "random_state": 0, "verbose": True}
    estimator = MLPClassifier((8,), early_stopping=True, n_iter_no_change=2, **arguments).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {estimator.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {estimator.validation_scores_[0]:f}"
    assert lines[-1] == (
        "Validation score did not improve more than tol=0.100000 for 2 consecutive epochs. "
        "Stopping."
    )
    MLPClassifier(
        (8,), solver="sgd", learning_rate="adaptive", n_iter_no_change=1, **arguments
    ).fit(X, Y)
    out = capsys.readouterr().out
    assert "for 1 consecutive epochs. Setting learning rate to 0.000200\n" in out
    assert out.endswith("for 1 consecutive epochs. Learning rate too small. Stopping.\n")
    MLPClassifier((8,), solver="lbfgs", **arguments | {"max_iter": 2}).fit(X, Y)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


def test_an_interrupt_leaves_a_fitted_estimator():
    class Interrupt:
        def on_epoch_end(self, record):
            if record.epoch == 2:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator = MLPClassifier(callbacks=[Interrupt()], **SMALL).fit(X, Y)
    assert estimator.n_iter_ == 3
    assert estimator.predict(X).shape == (178,)


# --- messages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (MLPClassifier, {"activation": "gelo"}, "There is no activation 'gelo'. Did you mean"),
        (MLPClassifier, {"activation": ["relu", "tanh"]}, "2 activations for 1 hidden layers"),
        (MLPClassifier, {"solver": "adan"}, "There is no optimizer 'adan' here. Did you mean"),
        (MLPClassifier, {"solver": "lbgfs"}, r"Of scikit-learn: 'lbfgs'\. Did you mean 'lbfgs'"),
        (MLPClassifier, {"loss": "logloss"}, r"Of scikit-learn: 'log_loss'\. Did you mean 'log_l"),
        (MLPRegressor, {"loss": "squared"}, r"Of scikit-learn: 'squared_error', 'poisson'\."),
        (MLPClassifier, {"shuffle": "yes"}, "shuffle='yes': it must be True or False"),
        (MLPClassifier, {"callbacks": print}, "callbacks=<built-in function print>: give a list"),
        (
            MLPClassifier,
            {"early_stopping": True, "validation_fraction": 0},
            "with validation_fraction=0: there is nothing to score",
        ),
        (MLPClassifier, {"validation_data": (X[:, :2], Y)}, "validation_data: X has 2 features"),
        (MLPClassifier, {"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3"),
        (MLPClassifier, {"hidden_layer_sizes": 2.5}, r"hidden_layer_sizes=2.5: it is the number"),
        (MLPClassifier, {"alpha": -1}, r"alpha=-1: it must be a number in \[0, inf\)"),
        (MLPClassifier, {"max_iter": 2.5}, r"max_iter=2.5: it must be a whole number in \[1"),
        (MLPClassifier, {"momentum": 1.1}, r"momentum=1.1: it must be a number in \[0, 1\]"),
        (MLPClassifier, {"batch_size": 0}, "batch_size=0: it must be 'auto', or a whole number"),
        (MLPClassifier, {"n_iter_no_change": 0}, "n_iter_no_change=0: it must be a whole number"),
        (MLPClassifier, {"learning_rate": 0.1}, "The rate itself is learning_rate_init"),
        (
            MLPClassifier,
            {"clip_global_norm": 0},
            "clip_global_norm=0: it must be a finite number, above 0",
        ),
        (
            MLPClassifier,
            {"dropout": 1.0},
            "dropout=1.0: each must be a finite number, at least 0 and below",
        ),
        (MLPClassifier, {"dtype": "float16"}, "dtype='float16': use 'float32', 'float64', or None"),
        (MLPClassifier, {"engine": "cuda"}, "There is no engine 'cuda'"),
        (MLPClassifier, {"class_weight": {7: 2}}, "there is no class '7'"),
        (MLPClassifier, {"output_activation": "softmax"}, "it would be applied twice"),
        (MLPClassifier, {"validation_data": X}, r"give the tuple \(X, y\), or \(X, y, sample_w"),
        (MLPClassifier, {"validation_data": (X, Y + 5)}, "which are not in classes_"),
        (MLPClassifier, {"callbacks": [object()]}, "has none of the methods on_train_start"),
        (MLPClassifier, {"solver": "lbfgs", "dropout": 0.5}, "dropout=0.5 with solver='lbfgs'"),
        (
            MLPClassifier,
            {"solver": "lbfgs", "schedule": "cosine"},
            "schedule='cosine' with solver=",
        ),
        (MLPRegressor, {"loss": (100,)}, "it looks like hidden_layer_sizes"),
        (MLPRegressor, {"loss": "log_loss"}, "which a regression does not have"),
        (MLPRegressor, {"loss": "poisson"}, "loss='poisson': the target -.* is below 0"),
        (MLPRegressor, {"metrics": "accuracy"}, "metric 'accuracy' compares classes with labels"),
    ],
)
def test_messages(kind, arguments, message):
    target = Y if kind is MLPClassifier else TARGET
    with pytest.raises(ValueError, match=message) as caught:
        kind(**arguments).fit(X, target)
    assert isinstance(caught.value, NnplugError)
    if not re.search("2 features|not in classes_|is below 0", message):  # about rows, not arguments
        assert isinstance(caught.value, InvalidParameterError)
        assert isinstance(caught.value, TypeError)


def test_messages_about_rows():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, Y)
    fitted = MLPClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on the last call"):
        fitted.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes not in `self.classes_`"):
        fitted.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match="class_weight='balanced' in partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="a weight is -1; a row counts for 0 or more"):
        MLPClassifier().fit(X, Y, sample_weight=-np.ones(178))
    with pytest.raises(ValueError, match="To go on with them, keep hidden_layer_sizes"):
        fitted.set_params(warm_start=True, hidden_layer_sizes=(9,)).fit(X, Y)
    several = MLPRegressor(**SMALL).partial_fit(X, X[:, :2])
    with pytest.raises(ValueError, match="y has 1 columns, and the network was fitted with 2 out"):
        several.partial_fit(X, TARGET)
    with pytest.raises(ValueError, match="Unknown label type"):
        MLPClassifier().fit(X, TARGET)
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size"):
        MLPClassifier(batch_size=1000, **SMALL).fit(X, Y)


def test_one_class_alone():
    estimator = MLPClassifier(**SMALL).fit(X, np.full(178, "only"))
    assert set(estimator.predict(X)) == {"only"}
    np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((178, 1)))


def test_no_hidden_layer_is_a_linear_model():
    estimator = MLPRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-9, random_state=0
    )
    estimator.fit(X, X @ np.arange(13.0) + 2)
    np.testing.assert_allclose(estimator.coefs_[0][:, 0], np.arange(13.0), atol=1e-3)


REQUESTS = {
    "custom-activation": (14807, 16827, 11952, 30199),
    "losses": (14571, 29270, 6094),
    "dropout": (6175, 7407),
    "class-weights": (9113,),
    "validation-loss": (18507,),
    "partial-fit": (25693,),
    "several-outputs": (8349,),
    "penalty": (6780,),
}


@pytest.mark.parametrize("page", REQUESTS)
def test_each_request_has_a_page(page):
    """The examples on it are run by tests/project/test_docs.py."""
    text = (Path(__file__).parents[2] / f"docs/how-to/sklearn-{page}.md").read_text()
    assert "```python" in text
    for number in REQUESTS[page]:
        assert str(number) in text


def test_it_is_not_scikit_learn_that_is_shadowed():
    assert load_iris.__module__.startswith("sklearn.")
