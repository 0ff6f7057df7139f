"""What an nnplug wrote that knew hidden layers alone: models load, and a run goes on."""

import json
import shutil

import numpy as np
import pytest

import nnplug
from nnplug.models import load_model, read_info
from nnplug.sklearn import MLPRegressor
from tests.reference.make_old_models import IRIS, PLACE, ROWS, registry

WANTED = json.loads((PLACE / "wanted.json").read_text())


def test_a_classifier_gives_the_outputs_it_gave():
    model = load_model(PLACE / "classes.safetensors", registry())
    assert model.notes == ()
    found = model.probabilities(IRIS)[:5]
    np.testing.assert_allclose(found, WANTED["classes"], rtol=1e-5)
    assert repr(model) == "<model of multiclass: 4-6-5-3, 84 parameters, float32>"


def test_a_regression_gives_the_outputs_it_gave():
    model = load_model(PLACE / "numbers.safetensors", registry())
    np.testing.assert_allclose(model.predict(IRIS)[:5], WANTED["numbers"], rtol=1e-12)


def test_an_estimator_is_what_it_was():
    estimator = MLPRegressor.load(PLACE / "estimator.safetensors")
    np.testing.assert_allclose(estimator.predict(ROWS), WANTED["estimator"], rtol=1e-12)
    assert (estimator.hidden_layer_sizes, estimator.activation) == ((4, 2), "tanh")
    assert (estimator.dropout, estimator.layers) == (0.2, None)


def test_what_is_saved_anew_is_the_same_model(tmp_path):
    model = load_model(PLACE / "classes.safetensors", registry())
    model.save(tmp_path / "new.safetensors")
    again = load_model(tmp_path / "new.safetensors", registry())
    np.testing.assert_array_equal(again.probabilities(IRIS), model.probabilities(IRIS))
    old, new = (
        read_info(path) for path in (PLACE / "classes.safetensors", tmp_path / "new.safetensors")
    )
    assert old.hidden == new.hidden == (6, 5)
    assert [each.text for each in old.parts["layers"]] == [
        "dense:units=6", "bent_slope:slope=0.25", "dense:units=5", "tanh",
    ]  # fmt: skip


@pytest.mark.parametrize("where", ["a checkpoint", "its end"])
def test_a_run_goes_on_as_it_would_have(where, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(PLACE / "run", folder)
    if where == "its end":
        run = nnplug.resume(folder, registry=registry())
        assert len(run.history) == 5
    run = nnplug.resume(folder, registry=registry(), epochs=9)
    assert len(run.history) == 9
    for name, column in WANTED["history"].items():
        np.testing.assert_allclose(run.history[name], column, rtol=1e-9, err_msg=name)
