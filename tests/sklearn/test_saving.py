"""Estimators in model files and out of them, and scikit-learn's networks taken over."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from sklearn.datasets import load_wine, make_multilabel_classification
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import scale

import nnplug
from nnplug.builtin.activations import exponential
from nnplug.errors import ModelFileError, NnplugError, NnplugWarning, StorageError
from nnplug.sklearn import MLPClassifier, MLPRegressor
from nnplug.sklearn._parts import registry
from tests.sklearn.versions import skip_without

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = scale(load_wine().data), load_wine().target
NAMES = np.array(["barolo", "grignolino", "barbera"])[Y]
COUNTS = np.round(np.exp(X[:, 0]))
LABELS = make_multilabel_classification(80, n_features=13, random_state=0)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 0}

FITTED = {
    "names": (MLPClassifier, {}, (X, NAMES)),
    "numbers of classes": (MLPClassifier, {"solver": "lbfgs"}, (X, Y)),
    "truth": (MLPClassifier, {"early_stopping": True}, (X, Y > 0)),
    "labels": (MLPClassifier, {}, LABELS),
    "parts": (
        MLPClassifier,
        {"activation": ["leaky_relu:slope=0.3"], "solver": "adamw", "metrics": ["accuracy"]},
        (X, Y),
    ),
    "regression": (MLPRegressor, {"loss": "huber", "dtype": "float32"}, (X, X[:, 0])),
    "several outputs": (MLPRegressor, {}, (X, X[:, :3])),
    "poisson": (MLPRegressor, {"loss": "poisson"}, (X, COUNTS)),
}

ALONE = """
import json, runpy, sys
sys.modules["nnplug"] = None  # an import would fail
answer = runpy.run_path(sys.argv[1])["predict"](json.load(sys.stdin))
json.dump([column.tolist() for column in answer.values()], sys.stdout)
"""


@pytest.mark.parametrize("name", FITTED)
def test_what_is_loaded_predicts_the_same_bits(name, tmp_path):
    kind, arguments, data = FITTED[name]
    estimator = kind(**SMALL | arguments).fit(*data)
    path = tmp_path / "model.safetensors"
    estimator.save(path)
    loaded = kind.load(path)
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    if kind is MLPClassifier:
        np.testing.assert_array_equal(loaded.predict_proba(X), estimator.predict_proba(X))
        np.testing.assert_array_equal(loaded.classes_, estimator.classes_)
    for attribute in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(loaded, attribute) == getattr(estimator, attribute), attribute
    assert repr(loaded).replace("(", "[").replace(",)", "]").replace(")", "]") == repr(
        estimator
    ).replace("(", "[").replace(",)", "]").replace(")", "]")
    loaded.fit(*data)  # it is an estimator like any other
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))


def test_another_process_and_the_command_read_it(tmp_path):
    frame = pd.DataFrame(X, columns=load_wine().feature_names)
    estimator = MLPClassifier(**SMALL).fit(frame, NAMES)
    estimator.save(tmp_path / "wine.safetensors")
    frame.to_csv(tmp_path / "wine.csv", index=False)
    expected = estimator.predict(frame).tolist()
    assert nnplug.load(tmp_path / "wine.safetensors").predict(frame).tolist() == expected
    finished = subprocess.run(
        [sys.executable, "-m", "nnplug", "predict", "wine.safetensors", "wine.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert finished.stdout.split()[1:] == expected
    code = (
        "from nnplug.sklearn import MLPClassifier; import pandas;"
        "e = MLPClassifier.load('wine.safetensors');"
        "print(*e.predict(pandas.read_csv('wine.csv')), sep='\\n')"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == expected


def test_a_network_that_was_trained_on_arrays_can_be_loaded(tmp_path):
    run = nnplug.train((X, X[:, 0] + X[:, 1]), epochs=3, hidden=5)
    run.save(tmp_path / "run.safetensors")
    loaded = MLPRegressor.load(tmp_path / "run.safetensors")
    assert loaded.hidden_layer_sizes == (5,)
    np.testing.assert_allclose(loaded.predict(X), run.predict(X)[:, 0])


@pytest.mark.parametrize("name", FITTED)
def test_what_is_exported_predicts_the_same_without_nnplug(name, tmp_path):
    kind, arguments, data = FITTED[name]
    estimator = kind(**SMALL | arguments).fit(*data)
    estimator.coefs_ = [weight / 2 for weight in estimator.coefs_]  # what is there now counts
    (path,) = estimator.export("numpy", tmp_path / "net.py")
    with pytest.raises(NnplugError, match=r"net\.py: the file exists"):
        estimator.export("numpy", path)
    alone = subprocess.run(
        [sys.executable, "-c", ALONE, path], capture_output=True, text=True, check=True,
        input=json.dumps({f"x{number}": column.tolist() for number, column in enumerate(X.T)}),
    )  # fmt: skip
    answer = json.loads(alone.stdout)
    numbers = [column for column in answer if column and not isinstance(column[0], bool | str)]
    if kind is MLPRegressor:
        wanted = estimator.predict(X).reshape(len(X), -1)
    else:
        wanted = estimator.predict_proba(X)
        if wanted.ndim == 2 and len(answer) != wanted.shape[1] * 2:
            assert answer[0] == estimator.predict(X).tolist()
            numbers = answer[1:]
    np.testing.assert_allclose(np.transpose(numbers), wanted, rtol=1e-5, atol=1e-7)


def test_messages(tmp_path):
    path = tmp_path / "model.safetensors"
    MLPClassifier(**SMALL).fit(X, Y).save(path)
    with pytest.raises(
        ModelFileError, match="a model for multiclass, which is not a task of MLPReg"
    ):
        MLPRegressor.load(path)
    with pytest.raises(StorageError):
        MLPClassifier(**SMALL).fit(X, Y).save(path)
    MLPClassifier(**SMALL).fit(X, Y).save(path, overwrite=True)
    with pytest.raises(ValueError, match="MLPClassifier was fitted on a single class"):
        MLPClassifier(**SMALL).fit(X, np.zeros(178, int)).save(tmp_path / "one.safetensors")
    with pytest.raises(ValueError, match="MLPClassifier was fitted on a single class"):
        MLPClassifier(**SMALL).fit(X, np.zeros(178, int)).export("c", tmp_path / "one.c")
    table = tmp_path / "wine.csv"
    pd.DataFrame(X).add_prefix("x").assign(y=NAMES).to_csv(table, index=False)
    nnplug.train(table, target="y", epochs=1).save(tmp_path / "table.safetensors")
    with pytest.raises(ModelFileError, match=r"Load it with nnplug\.load"):
        MLPClassifier.load(tmp_path / "table.safetensors")


def test_what_a_file_says_of_arguments_is_no_more_than_plain_values(tmp_path):
    estimator = MLPClassifier(**SMALL, callbacks=[], validation_data=(X, Y), tol=np.float64(0.1))
    estimator.fit(X, Y).save(tmp_path / "model.safetensors")
    loaded = MLPClassifier.load(tmp_path / "model.safetensors")
    assert loaded.validation_data is None
    assert loaded.tol == 0.1
    assert type(loaded.tol) is float


# --- from scikit-learn ----------------------------------------------------------------

THEIRS = {
    "classes": ("MLPClassifier", {}, (X, NAMES)),
    "two": ("MLPClassifier", {"activation": "tanh"}, (X, NAMES == "barolo")),
    "labels": ("MLPClassifier", {}, LABELS),
    "float32": ("MLPClassifier", {}, (X.astype(np.float32), Y)),
    "lbfgs": ("MLPClassifier", {"solver": "lbfgs"}, (X, Y)),
    "early": ("MLPRegressor", {"early_stopping": True, "solver": "sgd"}, (X, X[:, 0])),
    "several": ("MLPRegressor", {"activation": "logistic"}, (X, X[:, :2])),
    "deep": ("MLPRegressor", {"hidden_layer_sizes": (7, 5, 3)}, (X, X[:, 0])),
    "poisson": ("MLPRegressor", {"loss": "poisson"}, (X, COUNTS)),
}


@pytest.mark.parametrize("name", THEIRS)
def test_taken_over_with_equal_predictions(name, tmp_path):
    kind, arguments, data = THEIRS[name]
    skip_without(kind, arguments)
    fitted = getattr(theirs, kind)(**SMALL | arguments).fit(*data)
    ours = getattr(nnplug.sklearn, kind).from_sklearn(fitted)
    if kind == "MLPClassifier":
        np.testing.assert_array_equal(ours.predict(data[0]), fitted.predict(data[0]))
        rtol = 1e-5 if name == "float32" else 1e-12
        a, b = (each.predict_proba(data[0]) for each in (ours, fitted))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_allclose(ours.predict(data[0]), fitted.predict(data[0]), rtol=1e-12)
    assert ours.score(*data) == pytest.approx(fitted.score(*data))
    for attribute in ("n_iter_", "t_", "loss_", "out_activation_", "n_features_in_"):
        assert getattr(ours, attribute) == getattr(fitted, attribute)
    assert getattr(ours, "loss_curve_", None) == getattr(fitted, "loss_curve_", None)
    known = set(fitted.get_params())
    assert {k: v for k, v in ours.get_params().items() if k in known} == fitted.get_params()
    ours.save(tmp_path / "model.safetensors")
    assert np.array_equal(
        type(ours).load(tmp_path / "model.safetensors").predict(data[0]), ours.predict(data[0])
    )
    fitted.coefs_[0][...] = 0  # nothing is shared
    if fitted.solver != "lbfgs":
        ours.set_params(early_stopping=False).partial_fit(*data)
        assert ours.t_ == fitted.t_ + len(data[0])


def test_only_scikit_learns_own_is_taken_over():
    class Mine(theirs.MLPClassifier):
        pass

    fitted = Mine(**SMALL).fit(X, Y)
    taken = MLPClassifier.from_sklearn(fitted)
    np.testing.assert_array_equal(taken.predict(X), fitted.predict(X))
    with pytest.raises(NnplugError, match="MLPRegressor is not scikit-learn's MLPClassifier"):
        MLPClassifier.from_sklearn(theirs.MLPRegressor(**SMALL).fit(X, Y))
    with pytest.raises(NnplugError, match="LinearRegression is not scikit-learn's MLPRegressor"):
        MLPRegressor.from_sklearn(LinearRegression().fit(X, Y))
    with pytest.raises(ValueError, match="not fitted yet"):
        MLPClassifier.from_sklearn(theirs.MLPClassifier())


def test_a_formula_that_has_changed_since_is_warned_of(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    estimator = MLPRegressor(**SMALL).fit(X, X[:, 0])
    relu = registry().get("activation", "relu")
    with monkeypatch.context() as patch:
        patch.setitem(vars(relu), "digest", "1:" + "0" * 32)  # where it is kept once taken
        estimator.save(path)
    with pytest.warns(NnplugWarning) as caught:
        MLPRegressor.load(path)
    assert {each.filename for each in caught} == {__file__}
    assert f"{path}: activation relu: its formula in nnplug" in str(caught[0].message)


# --- to scikit-learn ------------------------------------------------------------------


@pytest.mark.parametrize("name", [*THEIRS, "sparse", "adamw", "huber", "linear"])
def test_given_back_with_equal_predictions(name):
    kind, arguments, data = THEIRS.get(name, THEIRS["classes"])
    if name == "sparse":
        data = LABELS[0], scipy.sparse.csr_matrix(LABELS[1])
    elif name == "adamw":
        arguments = {"solver": "adamw:weight_decay=0.1", "dropout": 0.2}
    elif name == "huber":
        kind, arguments, data = "MLPRegressor", {"loss": "huber:delta=0.5"}, (X, X[:, 0])
    elif name == "linear":
        arguments = {"hidden_layer_sizes": (), "activation": "gelu"}
    if arguments.get("loss") == "poisson":
        skip_without(kind, arguments)
    fitted = getattr(nnplug.sklearn, kind)(**SMALL | arguments).fit(*data)
    back = fitted.to_sklearn()
    assert type(back) is getattr(theirs, kind)
    if kind == "MLPClassifier":
        found = back.predict(data[0]), fitted.predict(data[0])
        assert type(found[0]) is type(found[1])
        assert (found[0] != found[1]).sum() == 0
        rtol = 1e-5 if name == "float32" else 1e-12
        a, b = (each.predict_proba(data[0]) for each in (back, fitted))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_allclose(back.predict(data[0]), fitted.predict(data[0]), rtol=1e-12)
    assert back.score(*data) == pytest.approx(fitted.score(*data))
    for attribute in ("n_iter_", "t_", "loss_", "out_activation_", "n_features_in_", "n_layers_"):
        assert getattr(back, attribute) == getattr(fitted, attribute)
    assert hasattr(back, "loss_curve_") == hasattr(fitted, "loss_curve_")
    back.coefs_[0][...] = 0  # nothing is shared
    assert fitted.coefs_[0].any()
    # It is one of theirs in all: it is taken over, fitted again, goes on, is printed.
    again = type(fitted).from_sklearn(fitted.to_sklearn())
    np.testing.assert_array_equal(again.coefs_[0], fitted.coefs_[0])
    assert type(back).__name__ in repr(back)
    if back.solver != "lbfgs" and not back.early_stopping:
        back.partial_fit(*data)
        assert back.t_ == fitted.t_ + data[0].shape[0]
    back.set_params(warm_start=True).fit(*data)


@nnplug.activation
def relu(x):
    """No rectifier: another one of the same name."""
    return np.maximum(x, 0.1 * x)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("MLPClassifier", {"activation": "gelu"}, "have no activation 'gelu'"),
        ("MLPClassifier", {"activation": "leaky_relu"}, "have no activation 'leaky_relu'"),
        ("MLPClassifier", {"activation": relu}, "have no activation 'relu'"),
        (
            "MLPClassifier",
            {"activation": ["relu", "tanh"], "hidden_layer_sizes": (3, 3)},
            "the hidden layers have the activations relu, tanh; scikit-learn's networks have one",
        ),
        ("MLPRegressor", {"output_activation": "tanh"}, "no activation 'tanh', which gives tanh"),
        (
            "MLPRegressor",
            {"loss": "huber", "output_activation": exponential},
            "no loss 'huber' with exp at the output",
        ),
    ],
    ids=str,
)
def test_what_scikit_learn_cannot_say_is_named(kind, arguments, message):
    fitted = getattr(nnplug.sklearn, kind)(**SMALL | arguments).fit(X, Y)
    with pytest.raises(ValueError, match="to_sklearn: ") as caught:
        fitted.to_sklearn()
    assert message in str(caught.value)
    with pytest.raises(ValueError, match="not fitted yet"):
        getattr(nnplug.sklearn, kind)().to_sklearn()
