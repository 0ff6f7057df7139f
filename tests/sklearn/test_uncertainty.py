"""Intervals, sets and calibrated probabilities of the estimators."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris

from nnplug.sklearn import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = X[:, 0] + 0.3 * RNG.normal(size=300)
FEW = {"max_iter": 10, "random_state": 0, "n_iter_no_change": 100, "engine": "numpy"}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.fixture(scope="module")
def regressor():
    held_out = X[:100], Y[:100]
    return MLPRegressor(validation_data=held_out, **FEW).fit(X[100:], Y[100:])


@pytest.fixture(scope="module")
def classifier():
    x, labels = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[labels]
    return MLPClassifier(early_stopping=True, validation_fraction=0.4, **FEW).fit(x, names), x


def test_the_interval_reaches_as_far_as_a_residual_of_the_validation_rows(regressor):
    residuals = np.sort(abs(Y[:100] - regressor.predict(X[:100])))
    lower, upper = regressor.predict_interval(X, level=0.8)
    assert lower.shape == upper.shape == (300,)
    wanted = residuals[int(np.ceil(101 * 0.8)) - 1]
    np.testing.assert_allclose(upper - regressor.predict(X), wanted, rtol=1e-9)
    np.testing.assert_allclose(regressor.predict(X) - lower, wanted, rtol=1e-9)


def test_several_outputs_have_an_interval_each():
    both = np.stack([Y, 10 * X[:, 1]], axis=1)
    held_out = X[:100], both[:100]
    fitted = MLPRegressor(validation_data=held_out, **FEW).fit(X[100:], both[100:])
    lower, upper = fitted.predict_interval(X)
    assert lower.shape == (300, 2)
    widths = upper - lower
    np.testing.assert_allclose(widths, np.broadcast_to(widths[0], widths.shape), rtol=1e-9)
    assert widths[0, 1] > widths[0, 0]


def test_sets_are_those_of_the_probabilities(classifier):
    fitted, x = classifier
    shares, sets = fitted.predict_proba(x), fitted.predict_set(x, level=0.95)
    assert sets.shape == (150, 3)
    # The classes of a set are those above one threshold, and always the most probable.
    inside = shares[sets & (shares < shares.max(axis=1, keepdims=True))]
    assert inside.min(initial=1) >= shares[~sets].max(initial=0)
    assert sets[np.arange(150), shares.argmax(axis=1)].all()


def test_probabilities_are_calibrated_only_if_asked(classifier):
    fitted, x = classifier
    before = fitted.predict_proba(x)
    temperature = fitted._calibration.temperature
    power = before ** (1 / temperature)
    np.testing.assert_allclose(
        fitted.predict_proba(x, calibrated=True), power / power.sum(1, keepdims=True), rtol=1e-9
    )
    np.testing.assert_array_equal(fitted.predict_proba(x), before)


def test_files_and_pickles_keep_it(regressor, classifier, tmp_path):
    fitted, x = classifier
    for number, (estimator, rows, give) in enumerate(
        [(regressor, X, "predict_interval"), (fitted, x, "predict_set")]
    ):
        estimator.save(tmp_path / str(number))
        wanted = getattr(estimator, give)(rows)
        for again in (
            type(estimator).load(tmp_path / str(number)),
            pickle.loads(pickle.dumps(estimator)),
        ):
            np.testing.assert_array_equal(getattr(again, give)(rows), wanted)


def test_without_validation_rows_it_says_so():
    fitted = MLPRegressor(**FEW).fit(X, Y)
    with pytest.raises(ValueError, match="MLPRegressor does not know how sure it is") as caught:
        fitted.predict_interval(X)
    assert str(caught.value).endswith(
        "\nFit it with early_stopping=True, or with validation_data=(X, y)."
    )


def test_what_was_learned_of_other_weights_is_forgotten(regressor):
    again = pickle.loads(pickle.dumps(regressor)).set_params(validation_data=None)
    again.partial_fit(X, Y)
    with pytest.raises(ValueError, match="does not know how sure it is"):
        again.predict_interval(X)


@pytest.mark.parametrize(("level", "message"), [(1.5, "above 0 and below 1"), (0.999, "at least")])
def test_a_level_that_cannot_be_given_is_a_value_error(regressor, level, message):
    with pytest.raises(ValueError, match=message):
        regressor.predict_interval(X, level=level)
