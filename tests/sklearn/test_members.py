"""Estimators of several networks: folds, means, scores, files and pickles."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, r2_score

import nnplug
from nnplug.randomness import member_seed
from nnplug.sklearn import MLPClassifier, MLPRegressor
from nnplug.sklearn._errors import ArgumentError, EstimatorError

X, Y = load_iris(return_X_y=True)


def classifier(**more):
    arguments = {
        "hidden_layer_sizes": (8,), "members": 3, "early_stopping": True, "max_iter": 12,
        "learning_rate_init": 0.02, "n_iter_no_change": 100, "random_state": 0, **more,
    }  # fmt: skip
    return MLPClassifier(**arguments)


@pytest.fixture(scope="module")
def fitted():
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return classifier().fit(X, Y)


def test_probabilities_are_the_mean(fitted):
    each = [member.predict_proba(X) for member in fitted.estimators_]
    assert np.std(each, axis=0).max() > 0.01
    np.testing.assert_allclose(fitted.predict_proba(X), np.mean(each, axis=0), rtol=1e-10)
    assert (fitted.predict(X) == np.mean(each, axis=0).argmax(axis=1)).all()
    sparse = fitted.predict_proba(scipy.sparse.csr_matrix(X))
    np.testing.assert_allclose(sparse, fitted.predict_proba(X), rtol=1e-10)


def test_members_hold_out_folds_that_score_all_rows(fitted):
    held = [member._fold[1] for member in fitted.estimators_]
    assert sorted(np.concatenate(held).tolist()) == list(range(150))
    found = np.empty(150, int)
    for member, rows in zip(fitted.estimators_, held, strict=True):
        assert set(member._fold[0]) == set(range(150)) - set(rows.tolist())
        assert np.bincount(Y[rows]).max() - np.bincount(Y[rows]).min() <= 1
        found[rows] = member.predict(X[rows])
        assert member.best_validation_score_ == accuracy_score(Y[rows], member.predict(X[rows]))
    assert fitted.out_of_fold_score_ == accuracy_score(Y, found)


def test_a_member_is_an_estimator_of_its_own_seed():
    settings = {"early_stopping": False, "max_iter": 3}
    with pytest.warns(UserWarning, match="Maximum iterations"):
        both = classifier(members=2, **settings).fit(X, Y)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        alone = classifier(members=1, random_state=member_seed(0, 1), **settings).fit(X, Y)
    assert (both.estimators_[1].predict_proba(X) == alone.predict_proba(X)).all()
    assert (both.coefs_[0] == both.estimators_[0].coefs_[0]).all()
    assert not hasattr(both, "out_of_fold_score_")
    assert both.set_params(members=1) is both
    with pytest.warns(UserWarning, match="Maximum iterations"):
        both.fit(X, Y)
    assert not hasattr(both, "estimators_")


def test_numbers_are_averaged():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    y = x @ np.array([1.0, -1.0, 2.0])
    with pytest.warns(UserWarning, match="Maximum iterations"):
        regressor = MLPRegressor(
            hidden_layer_sizes=(6,),
            members=4,
            early_stopping=True,
            max_iter=9,
            random_state=np.random.RandomState(3),
        ).fit(x, y)
    each = [member.predict(x) for member in regressor.estimators_]
    np.testing.assert_allclose(regressor.predict(x), np.mean(each, axis=0), rtol=1e-9)
    found = np.empty(80)
    for member in regressor.estimators_:
        found[member._fold[1]] = member.predict(x[member._fold[1]])
    assert regressor.out_of_fold_score_ == pytest.approx(r2_score(y, found), rel=1e-9)


def test_a_file_and_a_pickle_hold_all(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    wanted = fitted.predict_proba(X)
    loaded = MLPClassifier.load(path)
    assert (len(loaded.estimators_), loaded.members) == (3, 3)
    assert (loaded.predict_proba(X) == wanted).all()
    assert (nnplug.load(path).probabilities(X) == wanted).all()
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(X) == wanted).all()
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.parametrize("members", [0, 2.5, "3", None])
def test_members_is_a_whole_number(members):
    with pytest.raises(ArgumentError, match=f"members={members!r}: it must be a whole number"):
        classifier(members=members).fit(X, Y)


def test_what_is_for_one_network_is_refused(fitted):
    with pytest.raises(EstimatorError, match="partial_fit with members=3: it is for one network"):
        classifier(early_stopping=False).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(EstimatorError, match="warm_start=True with members=3"):
        classifier(warm_start=True).fit(X, Y)
    with pytest.raises(EstimatorError, match="scikit-learn's estimators have one network, and"):
        fitted.to_sklearn()
