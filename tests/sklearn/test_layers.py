"""Estimators of a network of any layers, said by `layers`."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from scipy.special import erf, expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

import nnplug
from nnplug.builtin.activations import gelu
from nnplug.builtin.layers import dense, residual
from nnplug.parts import parameter, uniform
from nnplug.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = scale(load_wine().data), load_wine().target
TARGET = X[:, 0] * 2 + X[:, 1] ** 2
WHOLE = "dense:8 batch_norm gelu dropout:0.1 residual[dense:6 relu dense:8] swiglu:5 layer_norm"
SMALL = {"layers": WHOLE, "max_iter": 6, "random_state": 0, "engine": "numpy"}


@nnplug.layer
def shifted(x, shift=parameter("D", start=0.5)):
    """A number for each input is added to it."""
    return x + shift


def bits(estimator):
    return estimator.network_.parameters.tobytes()


# --- what it computes -----------------------------------------------------------------


def test_it_predicts_what_the_formulas_on_its_arrays_give():
    estimator = MLPClassifier(**SMALL | {"max_iter": 40, "learning_rate_init": 0.01}).fit(X, Y)
    a = {span.name: estimator.network_[span.name] for span in estimator.network_.spans}
    x = X @ a["hidden1.weight"] + a["hidden1.bias"]
    x = (x - a["batch_norm1.mean"]) / np.sqrt(a["batch_norm1.variance"] + 1e-5)
    x = a["batch_norm1.gain"] * x + a["batch_norm1.shift"]
    x = x * (1 + erf(x / np.sqrt(2))) / 2
    inner = np.maximum(x @ a["residual1.dense1.weight"] + a["residual1.dense1.bias"], 0)
    x = x + inner @ a["residual1.dense2.weight"] + a["residual1.dense2.bias"]
    z = x @ a["swiglu1.weight"] + a["swiglu1.bias"]
    x = z * expit(z) * (x @ a["swiglu1.gate"] + a["swiglu1.gate_bias"])
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    x = a["layer_norm1.gain"] * x + a["layer_norm1.shift"]
    x = softmax(x @ a["output.weight"] + a["output.bias"], axis=1)
    np.testing.assert_allclose(estimator.predict_proba(X), x, rtol=1e-9)
    assert estimator.score(X, Y) > 0.9


def test_dense_layers_learn_the_same_bits_in_either_form():
    given = {"max_iter": 4, "shuffle": False, "warm_start": True, "random_state": 0}
    short = MLPRegressor(hidden_layer_sizes=(8, 5), activation="tanh", **given)
    long = MLPRegressor(layers="dense:8 tanh dense:5 tanh", **given)
    start = clone(short).set_params(max_iter=1).fit(X, TARGET)
    for estimator in (short, long):
        estimator.set_params(max_iter=1).fit(X, TARGET)
        estimator._solver_state = None  # only the weights are gone on from
        estimator.coefs_[:] = [array.copy() for array in start.coefs_]
        estimator.intercepts_[:] = [array.copy() for array in start.intercepts_]
        estimator.set_params(max_iter=4).fit(X, TARGET)
    assert bits(short) == bits(long)


def test_the_weights_start_as_the_layers_say_and_by_the_random_state():
    estimator = MLPRegressor(
        layers="dense:200 batch_norm relu", learning_rate_init=1e-300, max_iter=1, random_state=0
    ).fit(X, TARGET)
    network = estimator.network_
    weight = network["hidden1.weight"]
    bound = np.sqrt(6 / 213)  # glorot_uniform
    assert 0.98 * bound < np.abs(weight).max() <= bound
    assert np.abs(network["hidden1.bias"]).max() < 1e-100
    assert (network["batch_norm1.gain"] == 1).all()
    again, other = (
        clone(estimator).set_params(random_state=seed).fit(X, TARGET) for seed in (0, 1)
    )
    assert bits(again) == bits(estimator)
    assert np.abs(other.network_["hidden1.weight"] - weight).max() > 0.1


def test_a_fit_is_the_same_twice_and_the_same_as_one_in_pieces():
    whole = MLPClassifier(**SMALL).fit(X, Y)
    assert bits(clone(whole).fit(X, Y)) == bits(whole)
    pieces = MLPClassifier(**SMALL | {"warm_start": True, "max_iter": 1})
    for _ in range(6):
        pieces.fit(X, Y)
    assert bits(pieces) == bits(whole)
    assert whole.n_layers_ == 7  # input, dense, batch_norm, residual, swiglu, layer_norm, output


def test_rows_in_parts_are_learned_from_in_any_process():
    one, other = MLPClassifier(**SMALL), MLPClassifier(**SMALL)
    for size in (50, 50, 7):
        one.partial_fit(X[:size], Y[:size], classes=[0, 1, 2])
        other = pickle.loads(pickle.dumps(other))
        other.partial_fit(X[:size], Y[:size], classes=[0, 1, 2])
    assert bits(one) == bits(other)
    assert (one.network_["batch_norm1.mean"] != 0).all()


def test_early_stopping_keeps_the_best_epochs_states_too():
    estimator = MLPClassifier(
        layers="dense:8 batch_norm relu", validation_data=(X[::3], Y[::3]), early_stopping=True,
        learning_rate_init=0.3, max_iter=30, random_state=1,
    ).fit(np.delete(X, slice(None, None, 3), 0), np.delete(Y, slice(None, None, 3)))  # fmt: skip
    best = int(np.argmax(estimator.validation_scores_))
    assert best < len(estimator.validation_scores_) - 1
    loss = -np.log(estimator.predict_proba(X[::3])[np.arange(60), Y[::3]]).mean()
    assert loss == pytest.approx(estimator.validation_loss_curve_[best], rel=1e-9)


def test_a_search_over_layers_in_other_processes():
    choices = ["dense:2 relu", ["dense:8", "layer_norm", gelu], None]
    search = GridSearchCV(
        MLPClassifier(max_iter=30, random_state=0, learning_rate_init=0.01),
        {"layers": choices}, n_jobs=2, cv=2, error_score="raise",
    ).fit(X, Y)  # fmt: skip
    assert search.best_estimator_.get_params()["layers"] in choices
    assert search.best_score_ > 0.9


def test_weights_of_rows_count():
    kept = MLPRegressor(**SMALL | {"layers": "dense:8 layer_norm gelu", "shuffle": False})
    weights = np.r_[np.ones(100), np.zeros(78)]
    some = clone(kept).set_params(batch_size=178).fit(X, TARGET, weights)
    alone = clone(kept).set_params(batch_size=100).fit(X[:100], TARGET[:100])
    np.testing.assert_allclose(some.predict(X), alone.predict(X), rtol=1e-6)


# --- lbfgs ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_finds_a_minimum_of_any_layers(dtype):
    estimator = MLPClassifier(
        layers="dense:8 layer_norm gelu residual[dense:8 tanh] swiglu:4", solver="lbfgs",
        dtype=dtype, random_state=0,
    ).fit(X, Y)  # fmt: skip
    assert estimator.score(X, Y) == 1
    assert estimator.network_.dtype == dtype


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            "dense:8 relu residual[dropout:0.2]",
            "layer 'dropout:0.2' with solver='lbfgs', which needs a loss that is the same each "
            "time: dropout is random in training.\nUse solver='adam' or 'sgd', or leave out "
            "dropout.",
        ),
        (
            "dense:8 batch_norm relu",
            "layer 'batch_norm' with solver='lbfgs', which minimizes a loss of all rows: "
            "batch_norm keeps mean and variance from the batches of training.\nUse solver='adam' "
            "or 'sgd', or a layer without such a state, such as layer_norm.",
        ),
    ],
)
def test_lbfgs_refuses_what_is_not_a_function_of_the_rows(layers, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        MLPClassifier(layers=layers, solver="lbfgs").fit(X, Y)


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"hidden_layer_sizes": (3,)},
            "hidden_layer_sizes=(3,) and layers='dense:8 relu': both say what the network's layers "
            "are.\nLeave hidden_layer_sizes at (100,) and say it in layers, or give layers=None.",
        ),
        ({"activation": "tanh"}, "Leave activation at 'relu'"),
        ({"dropout": 0.1}, "Leave dropout at 0.0"),
        ({"layers": 5}, "layers=5: it must be a text such as 'dense:64 relu'"),
        ({"layers": "dens:3"}, "There is no layer 'dens'. Did you mean 'dense'?"),
        ({"layers": [3]}, "3 is neither a layer nor an activation"),
        ({"layers": "dense:0"}, "layer 'dense:0': units=0: it must be at least 1."),
    ],
)
def test_what_says_the_layers_twice_or_not_at_all_is_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        MLPRegressor(**{"layers": "dense:8 relu", **arguments}).fit(X, TARGET)


def test_scikit_learns_defaults_may_be_written_out_beside_layers():
    MLPRegressor(
        hidden_layer_sizes=[100], activation="relu", layers="dense:8 relu", dropout=0, max_iter=1
    ).fit(X, TARGET)


def test_other_layers_do_not_go_on_with_the_weights_there_are():
    estimator = MLPClassifier(**SMALL | {"warm_start": True, "layers": "dense:8 layer_norm"})
    estimator.fit(X, Y)
    message = (
        "The weights that there are belong to the layers 'dense:8 layer_norm', and the network "
        "needs those of 'dense:4 rms_norm'.\nTo go on with them, keep layers; for other layers fit "
        "anew, with warm_start=False."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.set_params(layers="dense:4 rms_norm").fit(X, Y)
    estimator.set_params(warm_start=False, layers="dense:4 relu").fit(X, Y)
    assert [array.shape for array in estimator.coefs_] == [(13, 4), (4, 3)]
    estimator.set_params(layers="dense:4 rms_norm").fit(X, Y)
    assert not hasattr(estimator, "coefs_")


# --- weights as lists, files, scikit-learn's own ----------------------------------------


def test_only_dense_layers_alone_have_lists_of_weights():
    estimator = MLPClassifier(**SMALL).fit(X, Y)
    message = (
        "coefs_: the network has more than dense layers, one after the other, with an activation "
        "each. Its arrays are network_['hidden1.weight'] and so on; network_.spans has their names."
    )
    with pytest.raises(AttributeError, match=re.escape(message)):
        _ = estimator.coefs_
    assert not hasattr(estimator, "intercepts_")
    plain = clone(estimator).set_params(layers="dense:8 relu dropout:0.2 dense:5 relu").fit(X, Y)
    assert [array.shape for array in plain.coefs_] == [(13, 8), (8, 5), (5, 3)]
    with pytest.raises(AttributeError, match="'MLPClassifier' object has no attribute 'coefs_'"):
        _ = clone(plain).coefs_


def test_a_model_file_gives_the_estimator_back(tmp_path):
    path = tmp_path / "model.safetensors"
    fitted = MLPClassifier(**SMALL).fit(X, Y)
    fitted.save(path)
    loaded = MLPClassifier.load(path)
    assert bits(loaded) == bits(fitted)
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    before = loaded.score(X, Y)
    loaded.set_params(warm_start=True, max_iter=1, learning_rate_init=1e-300).fit(X, Y)
    assert loaded.score(X, Y) == pytest.approx(before, abs=0.05)


def test_a_model_that_was_trained_from_arrays_says_its_layers(tmp_path):
    path = tmp_path / "model.safetensors"
    run = nnplug.train((X, TARGET), layers="dense:6 rms_norm gelu", epochs=2)
    run.save(path)
    loaded = MLPRegressor.load(path)
    assert loaded.layers == "dense:6 rms_norm gelu"
    np.testing.assert_allclose(loaded.predict(X), run.predict(X).ravel(), rtol=1e-6)
    assert clone(loaded).set_params(max_iter=2).fit(X, TARGET).n_layers_ == 4


def test_parts_of_ones_own_stand_in_a_pickle():
    layers = [dense.with_options(units=6), "relu", residual.around([shifted]), shifted]
    estimator = MLPRegressor(layers=layers, max_iter=2, random_state=0).fit(X, TARGET)
    again = pickle.loads(pickle.dumps(estimator))
    assert bits(again) == bits(estimator)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert [placed.part.text for placed in again.network_.placed[:-2]] == [
        "dense:6", "relu", "residual[shifted]", "shifted",
    ]  # fmt: skip


def test_scikit_learn_has_only_dense_layers():
    message = (
        "to_sklearn: scikit-learn's networks are dense layers, one after the other, with an "
        "activation each, and this one has the layers 'dense:8 layer_norm relu'.\n"
        "Save it with `save`: a model file has any part."
    )
    estimator = MLPClassifier(**SMALL | {"layers": "dense:8 layer_norm relu"}).fit(X, Y)
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.to_sklearn()
    plain = estimator.set_params(layers="dense:8 relu dropout:0.2 dense:5 relu").fit(X, Y)
    theirs = plain.to_sklearn()
    assert theirs.hidden_layer_sizes == (8, 5)
    np.testing.assert_allclose(theirs.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_what_diverges_names_the_layer():
    estimator = MLPClassifier(
        layers="dense:8 batch_norm relu", solver="sgd", learning_rate_init=1e300, random_state=0
    )
    with pytest.raises(ValueError, match="the outputs of layer 'batch_norm1' are not finite"):
        estimator.fit(X, Y)


@nnplug.activation
def noisy(x, noise=uniform("N", "C"), *, training):
    """Random below 0 in training."""
    return np.where(x > 0, x, x * noise if training else x / 2)


def test_lbfgs_names_an_activation_that_is_random():
    message = "activation 'noisy' with solver='lbfgs', which needs a loss that is the same each"
    with pytest.raises(ValueError, match=message):
        MLPClassifier((8,), noisy, solver="lbfgs").fit(X, Y)
