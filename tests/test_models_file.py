"""What is saved comes back: equal to the bit, from equal bytes, in another process."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

import nnplug
from nnplug.errors import DataError, ModelFileError, SettingError, StorageError
from nnplug.models import ModelInfo, PartRecord, load_model, read_info
from nnplug.models.container import read_container
from nnplug.models.selection import find_parts
from nnplug.plugins.registry import Registry
from nnplug.tables import table_of
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`
from tests.reliability.disks import CountingDisk

ROOT = Path(__file__).parents[1]
IRIS = ROOT / "examples" / "iris.csv"
FRAME = pd.read_csv(IRIS)
X = np.random.default_rng(0).standard_normal((60, 3))

RUNS = {
    "multiclass": ((IRIS,), {"target": "species", "hidden": (7, 5)}),
    "binary": ((FRAME[:100],), {"target": "species", "loss": "mse"}),
    "regression": ((IRIS,), {"target": "petal_length", "dtype": "float64"}),
    "two targets": ((FRAME,), {"target": ["petal_length", "petal_width"]}),
    "no hidden layer": ((IRIS,), {"target": "species", "hidden": ()}),
    "options": (
        (IRIS,),
        {"target": "petal_width", "activation": "leaky_relu:slope=0.3", "loss": "huber:delta=0.5",
         "output_activation": "softplus"},
    ),
    "arrays": (((X, X[:, 0] > 0),), {}),
    "arrays of numbers": (((X, X @ [1, 2, 3]),), {}),
    "whole numbers for classes": (((X, np.arange(60) % 3),), {}),
    "labels": (((X, (X[:, :2] > 0).astype(int)),), {"task": "multilabel"}),
    "a dataset": (("xor",), {}),
}  # fmt: skip


def rows_of(data):
    """Rows to predict, of what a run was trained on."""
    if isinstance(data, str):
        return np.eye(2)
    return data[0] if isinstance(data, tuple) else data


@pytest.fixture(scope="module")
def trained():
    return {
        name: nnplug.train(*data, epochs=3, **settings) for name, (data, settings) in RUNS.items()
    }


@pytest.mark.parametrize("name", RUNS)
def test_a_loaded_model_predicts_as_the_run_does_to_the_bit(name, trained, tmp_path):
    run, path = trained[name], tmp_path / "model.safetensors"
    (data,), _ = RUNS[name]
    run.save(path)
    model = nnplug.load(path)
    rows = rows_of(data)
    assert model.outputs(rows).tobytes() == run.outputs(rows).tobytes()
    assert model.predict(rows).tolist() == run.predict(rows).tolist()
    if model.task != "regression":
        assert model.probabilities(rows).tobytes() == run.probabilities(rows).tobytes()
        assert model.classes == run.rows.classes
    assert model.info.to_dict() == json.loads(json.dumps(run.model.info.to_dict()))
    assert model.notes == ()
    for layer, wanted in zip(model.network.layers, run.network.layers, strict=True):
        assert layer.activation.text == wanted.activation.text
    assert model.loss.text == run.loss.text
    # Saved again, it is the same file.
    model.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_the_same_training_gives_the_same_bytes_in_any_process(tmp_path):
    code = (
        "import sys, nnplug; nnplug.train(sys.argv[1], target='species', epochs=1)"
        ".save(sys.argv[2])"
    )
    for number in range(3):
        path = tmp_path / f"{number}.safetensors"
        subprocess.run(
            [sys.executable, "-c", code, str(IRIS), str(path)],
            env={**os.environ, "PYTHONHASHSEED": str(number)}, check=True,
        )  # fmt: skip
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_any_program_reads_the_weights_by_name(trained, tmp_path):
    run = trained["multiclass"]
    run.save(tmp_path / "m.safetensors")
    weights = load_file(tmp_path / "m.safetensors")
    assert set(weights) == {span.name for span in run.network.spans}
    for name, array in weights.items():
        assert array.tobytes() == run.network[name].tobytes()
    # The recurrences written out, from the file alone.
    rows = run.model.inputs(IRIS)
    hidden = np.maximum(rows @ weights["hidden1.weight"] + weights["hidden1.bias"], 0)
    hidden = np.maximum(hidden @ weights["hidden2.weight"] + weights["hidden2.bias"], 0)
    outputs = hidden @ weights["output.weight"] + weights["output.bias"]
    np.testing.assert_allclose(outputs, run.outputs(IRIS), rtol=1e-4, atol=1e-5)


LEARNED = nnplug.trainable(0.25)


def test_what_is_learned_of_an_option_is_kept(tmp_path):
    @nnplug.activation
    def sloped(x, *, slope=LEARNED):
        """Leaky relu with a slope of its own."""
        return np.where(x > 0, x, slope * x)

    registry = Registry()
    registry.register(sloped)
    run = nnplug.train("xor", activation="sloped", epochs=50, registry=registry)
    assert run.network["hidden1.slope"] != 0.25
    run.save(tmp_path / "m.safetensors")
    model = nnplug.load(tmp_path / "m.safetensors", registry=registry)
    assert model.network["hidden1.slope"] == run.network["hidden1.slope"]
    assert model.outputs(np.eye(2)).tobytes() == run.outputs(np.eye(2)).tobytes()
    _, record = model.info.parts["layers"]
    assert record == PartRecord("sloped", "local", "", {"slope": 0.25}, sloped.digest, "activation")


def test_a_part_of_python_code_that_is_built_in_by_now_is_that_one_if_it_is_the_same(tmp_path):
    def recorded(factor):
        @nnplug.activation
        def mosh(x):
            """What was called mish when nnplug had none."""
            return factor * x * np.tanh(nnplug.special.softplus(x))

        record = PartRecord("mish", "local", "", {}, mosh.digest, "activation")
        return replace(info, parts={"layers": (record,)})

    path = tmp_path / "m.safetensors"
    nnplug.train("xor", epochs=1).save(path)
    info = read_info(path)
    found, notes = find_parts(recorded(1.0), ("layers",), Registry())
    (part,) = found["layers"]
    assert (part.function, notes) == (Registry().get("activation", "mish").function, ())
    with pytest.raises(ModelFileError, match="activation mish is not from a package"):
        find_parts(recorded(1.5), ("layers",), Registry())


def test_a_part_of_python_code_must_be_given_again(tmp_path):
    @nnplug.activation
    def cube(x):
        """The cube."""
        return x**3

    path = tmp_path / "m.safetensors"
    nnplug.train("xor", activation=cube, epochs=2).save(path)
    with pytest.raises(ModelFileError) as caught:
        nnplug.load(path)
    assert str(caught.value) == (
        f"{path}: this model file cannot be used: activation cube is not from a package "
        "but from a file or from Python code, which a model file does not hold.\n"
        "Give it again: -p ./FILE.py on the command line, in Python registry.register(cube) and "
        "load(..., registry=registry)."
    )


def test_a_class_that_json_has_not_is_refused_before_anything_is_written(tmp_path):
    data = nnplug.Data(np.eye(2), [0, 1], "binary", (complex(1), complex(2)))
    run = nnplug.train(data, epochs=1, validation=0)
    with pytest.raises(SettingError) as caught:
        run.save(tmp_path / "m")
    assert str(caught.value) == (
        "The class (1+0j) cannot be saved: a model file holds texts, numbers and truth values."
    )
    assert not list(tmp_path.iterdir())


def test_saving_goes_through_the_durable_writer_and_overwrites_only_if_asked(trained, tmp_path):
    path, model = tmp_path / "m.safetensors", trained["a dataset"].model
    disk = CountingDisk()
    model.save(path, disk=disk)
    assert disk.calls == ["create", "write", "sync", "close", "replace", "sync_folder"]
    with pytest.raises(StorageError, match="there is such a file already"):
        trained["multiclass"].save(path)
    assert nnplug.load(path).info.inputs == 2
    trained["multiclass"].save(path, overwrite=True)
    assert nnplug.load(path).info.inputs == 4


def test_what_was_there_is_saved_when_training_has_gone_on(tmp_path):
    """The network's vector changes place at each step; the model must follow."""
    run = nnplug.train("xor", epochs=7)
    assert run.model.network is run.network
    run.save(tmp_path / "m.safetensors")
    weights = load_file(tmp_path / "m.safetensors")
    assert weights["output.weight"].tobytes() == run.network["output.weight"].tobytes()


# --- info ----------------------------------------------------------------------------


def test_info_needs_neither_parts_nor_numpy_nor_the_library(trained, tmp_path):
    path = tmp_path / "m.safetensors"
    trained["options"].save(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the weights are not read
    path.write_bytes(data)
    info = read_info(path)
    assert isinstance(info, ModelInfo)
    assert (info.task, info.inputs, info.hidden, info.outputs) == ("regression", 6, (100,), 1)
    assert info.parts["layers"][1].options == {"slope": 0.3}
    assert info.parts["optimizer"][0].name == "adam"
    assert info.target == ("petal_width",)
    assert info.settings["epochs"] == 3
    assert info.nnplug == nnplug.__version__
    assert info.parameters == 801
    code = (
        "import sys; from nnplug.models import read_info; read_info(sys.argv[1]);"
        "heavy = {'safetensors', 'duckdb', 'rich', 'nnplug.builtin.activations'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_arrays_of_a_file_cannot_be_changed(trained, tmp_path):
    path = tmp_path / "m.safetensors"
    next(iter(trained.values())).save(path)
    for array in read_container(path, "model").arrays.values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


# --- packages ---------------------------------------------------------------------------

DOUBLE = '''
import nnplug

@nnplug.activation(aliases=("twofold",))
def double(x, *, by={by}):
    """Doubled."""
    return x * by

@nnplug.hookimpl
def register_activations(register):
    register(double)
'''


def train_double(path, **settings):
    run = nnplug.train(
        IRIS, target="species", activation="double", epochs=1, registry=Registry(), **settings
    )
    run.save(path)
    return run


def reinstalled(site, **options):
    """Take a package away, and put another version in its place."""
    for each in [*site.folder.glob("*.dist-info/*"), *site.folder.glob("*.py")]:
        each.unlink()
    for each in site.folder.glob("*.dist-info"):
        each.rmdir()
    for name in site.imported():
        del sys.modules[name]
    if options:
        site.install(**options)


def test_packages_and_versions_are_recorded(site, tmp_path):
    site.install("Nnplug_Double", DOUBLE.format(by=2.0), version="1.4.2")
    train_double(tmp_path / "m")
    info = read_info(tmp_path / "m")
    record = info.parts["layers"][1]
    assert record == replace(record, name="double", package="Nnplug_Double", version="1.4.2")
    assert record.options == {"by": 2.0}
    assert info.packages == {"Nnplug_Double": "1.4.2"}


def test_an_absent_package_is_named_with_what_to_install(site, tmp_path):
    site.install("nnplug-double", DOUBLE.format(by=2.0), version="1.4.2")
    train_double(tmp_path / "m")
    reinstalled(site)
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / "m", Registry())
    assert str(caught.value) == (
        f"{tmp_path}/m: this model file cannot be used: a plugin that it needs is not installed.\n"
        "activation double is from nnplug-double 1.4.2.\n"
        "Install it, if you trust it: pip install nnplug-double==1.4.2"
    )
    assert not site.imported()


def test_a_default_that_changed_does_not_change_the_model(site, tmp_path):
    site.install("nnplug-double", DOUBLE.format(by=2.0), version="1.4.2")
    run = train_double(tmp_path / "m")
    before = run.outputs(IRIS).tobytes()
    reinstalled(site, package="nnplug-double", code=DOUBLE.format(by=5.0), version="1.9")
    model = load_model(tmp_path / "m", Registry())
    assert model.outputs(IRIS).tobytes() == before
    assert model.notes == (
        "activation double: made with nnplug-double 1.4.2, and 1.9 is installed",
    )


@pytest.mark.parametrize("version", ["2.0", "0.9", "1!1.4.2"])
def test_another_major_version_is_refused_unless_allowed(site, tmp_path, version):
    site.install("nnplug-double", DOUBLE.format(by=2.0), version="1.4.2")
    train_double(tmp_path / "m")
    reinstalled(site, package="nnplug-double", code=DOUBLE.format(by=2.0), version=version)
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / "m", Registry())
    assert str(caught.value) == (
        f"{tmp_path}/m: this model file cannot be used: it needs another major version of a "
        "package.\n"
        f"nnplug-double is installed as {version}; the model was made with 1.4.2.\n"
        "Install that one: pip install nnplug-double==1.4.2\n"
        "Or allow the other: allow_other_versions=True, on the command line "
        "--allow-other-versions; the predictions may then differ."
    )
    assert not site.imported()
    assert load_model(tmp_path / "m", Registry(), allow_other_versions=True).notes


def test_nnplugs_own_major_version_counts_too(trained, tmp_path, monkeypatch):
    trained["multiclass"].save(tmp_path / "m")
    monkeypatch.setattr(nnplug, "__version__", "1.0")
    with pytest.raises(ModelFileError, match=r"nnplug is installed as 1\.0; the model was made"):
        load_model(tmp_path / "m", Registry())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            DOUBLE.format(by=2.0).replace("double", "triple"),
            "nnplug-double 1.5, which is installed, has no activation double; the model was made "
            "with 1.4.2.\nInstall that one: pip install nnplug-double==1.4.2",
        ),
        (
            DOUBLE.format(by=2.0).replace("by", "times"),
            "activation double has no option by; the model was made with nnplug-double 1.4.2.",
        ),
        (
            DOUBLE.format(by="'2'").replace("x * by", "x * float(by)"),
            'activation double: its option by is "2.0", which is not of the type of its default,'
            " '2'.",
        ),
    ],
)
def test_a_version_without_the_part_or_its_option_says_so(site, tmp_path, code, message):
    site.install("nnplug-double", DOUBLE.format(by=2.0), version="1.4.2")
    train_double(tmp_path / "m")
    reinstalled(site, package="nnplug-double", code=code, version="1.5")
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / "m", Registry())
    assert message in str(caught.value)


def test_a_package_that_is_left_out_or_broken_says_so(site, tmp_path):
    site.install("nnplug-double", DOUBLE.format(by=2.0), version="1.4.2")
    train_double(tmp_path / "m")
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / "m", Registry(blocked=["nnplug-double"]))
    assert "is from nnplug-double 1.4.2, which is left out (blocked by -p no:nnplug" in str(
        caught.value
    )
    reinstalled(site, package="nnplug-double", code="1/0", version="1.4.2")
    with pytest.raises(nnplug.errors.PluginError, match=r"nnplug-double 1\.4\.2"):
        load_model(tmp_path / "m", Registry())


def test_only_the_package_that_is_named_is_imported(site, tmp_path):
    site.install("nnplug-double", DOUBLE.format(by=2.0))
    site.install("nnplug-other", DOUBLE.format(by=3.0), entry_points={"double": "nnplug_other"})
    run = nnplug.train(
        IRIS, target="species", activation="nnplug-double/double", epochs=1, registry=Registry()
    )
    run.save(tmp_path / "m")
    for name in site.imported():
        del sys.modules[name]
    model = load_model(tmp_path / "m", Registry())
    assert site.imported() == ["nnplug_double"]
    assert model.info.parts["layers"][1].label == "nnplug-double 1.0"


def test_what_training_alone_used_need_not_be_installed(site, tmp_path):
    code = '''
import nnplug

@nnplug.optimizer
def downhill(param, grad, *, learning_rate=0.1):
    """Down."""
    return param - learning_rate * grad

@nnplug.metric
def spread(prediction, target):
    """Largest error."""
    return abs(prediction - target).max()

@nnplug.hookimpl
def register_optimizers(register):
    register(downhill)

@nnplug.hookimpl
def register_metrics(register):
    register(spread)
'''
    site.install("nnplug-downhill", code)
    settings = {"optimizer": "downhill", "metrics": ["spread", "r2"]}
    nnplug.train(IRIS, target="petal_width", epochs=1, registry=Registry(), **settings).save(
        tmp_path / "m"
    )
    reinstalled(site)
    model = load_model(tmp_path / "m", Registry())
    assert model.predict(IRIS).shape == (150, 1)
    assert set(model.evaluate(IRIS, metrics=["r2"])) == {"loss", "r2"}
    with pytest.raises(ModelFileError, match=r"spread is from nnplug-downhill 1\.0"):
        model.evaluate(IRIS)


# --- how good it is ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["multiclass", "regression", "two targets"])
def test_evaluate_gives_what_training_reported(name, tmp_path):
    (data,), settings = RUNS[name]
    run = nnplug.train(data, epochs=3, **settings)
    held = FRAME.iloc[run.validation_rows]
    run.save(tmp_path / "m")
    scores = nnplug.load(tmp_path / "m").evaluate(held)
    assert scores.pop("loss") == pytest.approx(run.history["validation_loss"][-1], rel=1e-6)
    assert scores == pytest.approx(run.final.metrics, rel=1e-6)


def test_evaluate_over_parts_is_evaluate_over_all(trained):
    for name in ("multiclass", "regression"):
        model = trained[name].model
        whole = model.evaluate(FRAME)
        tables = [table_of(each) for each in (FRAME[:10], FRAME[10:97], FRAME[97:])]
        parts = [(model.inputs(each), model.encoder.targets(each)) for each in tables]
        assert model.evaluate_parts(parts) == pytest.approx(whole, rel=1e-5)


def test_evaluate_takes_a_pair_of_arrays(trained):
    model = trained["arrays"].model
    scores = model.evaluate((X, X[:, 0] > 0))
    right = model.predict(X) == (X[:, 0] > 0)
    assert scores["accuracy"] == pytest.approx(right.mean())
    with pytest.raises(DataError, match="trained on arrays: give \\(inputs, targets\\)"):
        model.evaluate(X)
    with pytest.raises(
        DataError, match="The target of row 1 is 7, which is not one of the classes"
    ):
        trained["whole numbers for classes"].model.evaluate((X[:2], np.array([0, 7])))


def test_a_model_of_arrays_takes_a_table_by_the_names_of_its_features(trained):
    model = trained["arrays"].model
    names = model.info.features
    frame = pd.DataFrame(X, columns=list(names))
    assert model.predict(frame[list(reversed(names))]).tolist() == model.predict(X).tolist()
    assert model.predict(frame.set_axis(["a", "b", "c"], axis=1)).tolist() == (
        model.predict(X).tolist()  # other names: an array like any other
    )
    with pytest.raises(DataError, match="there is no column"):
        model.predict({names[0]: X[:, 0]})
    with pytest.raises(DataError, match=f'column "{names[0]}" does not hold numbers'):
        model.predict(frame.assign(**{names[0]: "a"}))
