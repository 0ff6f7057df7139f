"""Configurations: complete, read back, and the same model to the byte."""

import inspect
import tomllib
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.errors import NnplugError, SettingError, StorageError
from nnplug.runs.configuration import SETTABLE, Configuration
from nnplug.runs.preparing import default_registry, prepare, prepare_from
from nnplug.runs.settings import ROWS

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"

NOT_KEPT = {"output", "registry", "callbacks", "sample_weight", "start", "on"}
NOT_ARGUMENTS = {"plugins", "packages", "formulas", "given_in_python"}


def test_every_argument_of_train_has_a_key():
    arguments = set(inspect.signature(nnplug.train).parameters)
    assert arguments - NOT_KEPT == SETTABLE - NOT_ARGUMENTS
    assert arguments - NOT_KEPT == set(ROWS)


@pytest.mark.parametrize(
    "given",
    [
        {"data": "xor"},
        {"data": IRIS, "target": "species"},
        {"data": IRIS, "target": ["petal_width"], "task": "regression", "hidden": (),
         "validation": 0.0},
        {"data": IRIS, "target": "species", "hidden": (8, 4), "dropout": (0.1, 0.2),
         "activation": ("tanh", "leaky_relu:slope=0.2"), "patience": 2, "l2": 1e-3,
         "class_weight": {"setosa": 2.0, "virginica": 0.5}, "drop": ["petal_width"],
         "clip_global_norm": 1.5, "metrics": ["accuracy", "f1"], "monitor": "f1",
         "schedule": "cosine:warmup=1", "optimizer": "adamw:weight_decay=0.1",
         "learning_rate": 0.02, "seed": 7, "dtype": "float64", "missing": "median",
         "split": "random", "batch_size": "full", "log_every": 3, "read": {"delimiter": ","}},
        {"data": IRIS, "target": "species", "sql": "select * from data where sepal_width < 3.5"},
        {"data": IRIS, "target": "species", "stream": True, "engine": "numba"},
    ],
    ids=["xor", "table", "regression", "much", "query", "streamed"],
)  # fmt: skip
def test_the_file_gives_the_same_model_to_the_byte(given, tmp_path):
    if given.get("engine") == "numba":
        pytest.importorskip("numba", reason="the engine is an extra")
    given = {"epochs": 4, **given}
    nnplug.train(**given, output=tmp_path / "run")
    configuration = Configuration.read(tmp_path / "run")
    settings = dict(configuration.settings)
    nnplug.train(**settings, output=tmp_path / "again")
    for name in ("model.safetensors", "history.jsonl", "config.toml"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_it_holds_every_setting_and_every_option_of_a_part(tmp_path):
    nnplug.train(IRIS, target="species", epochs=1, output=tmp_path / "run")
    text = (tmp_path / "run" / "config.toml").read_text()
    found = tomllib.loads(text)
    assert found["data"] == str(IRIS)
    assert found["optimizer"] == "adam:learning_rate=0.001,beta1=0.9,beta2=0.999,epsilon=1e-08"
    assert found["patience"] == 20
    assert found["clip_global_norm"] == "none"
    assert found["packages"] == {"nnplug": nnplug.__version__}
    assert "# sql: not set\n" in text
    said = {*found, *(line[2:].partition(":")[0] for line in text.splitlines() if line[:2] == "# ")}
    # Each setting that a recipe gives is there by itself.
    assert SETTABLE - said == {"learning_rate", "given_in_python"}


def test_none_stands_before_a_recipe():
    data = nnplug.Data(np.eye(4), np.array([0.0, 1, 2, 3]).reshape(-1, 1), "regression",
                       recipe={"patience": 3, "epochs": 2, "batch_size": 2})  # fmt: skip
    assert prepare(data).settings.patience == 3
    assert prepare(data, patience="none").settings.patience is None


def test_a_part_of_a_plugin_keeps_its_package(tmp_path):
    @nnplug.activation
    def bent(x, *, bend=1.0):
        """Bent identity."""
        return (np.sqrt(x**2 + 1) - 1) / 2 * bend + x

    registry = nnplug.Registry()
    registry.register(bent)
    nnplug.train("xor", activation="bent:bend=0.5", epochs=2, registry=registry,
                 output=tmp_path / "run")  # fmt: skip
    found = Configuration.read(tmp_path / "run" / "config.toml")
    assert found.settings["activation"] == ["bent:bend=0.5"]
    with pytest.raises(NnplugError, match="There is no activation 'bent'"):
        prepare_from(found, default_registry())


def test_objects_are_asked_for(tmp_path):
    x, y = np.eye(4), np.arange(4.0)
    nnplug.train((x, y), epochs=2, sample_weight=np.ones(4), output=tmp_path / "run")
    found = Configuration.read(tmp_path / "run")
    assert found.given_in_python == ("data", "sample_weight")
    with pytest.raises(SettingError) as caught:
        prepare_from(found, default_registry())
    assert str(caught.value) == (
        "data is not in the configuration: it was an object in Python.\n"
        "Give data=..., on the command line as DATA."
    )
    with pytest.raises(SettingError, match="sample_weight is not in the configuration"):
        prepare_from(found, default_registry(), data=(x, y))
    prepare_from(found, default_registry(), data=(x, y), sample_weight=np.ones(4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 5", "c.toml: there is no setting 'epoch'. Did you mean 'epochs'?"),
        ("alpha = 0.1", "c.toml: there is no setting 'alpha'. The L2 penalty is called 'l2'"),
        ("epochs = 5\nepochs = 6", "c.toml is not valid TOML: Cannot overwrite a value (at"),
        (
            f"epochs = {'9' * 5000}",
            "c.toml is not valid TOML: a whole number in it has too many digits; ",
        ),
        ("epochs = 0", "c.toml: epochs = 0: it must be a whole number, at least 1."),
        (
            "epochs = 0x" + "f" * 5000,
            "c.toml: epochs = a number of thousands of "
            "digits: it must be a whole number, at most 9,007",
        ),
        (
            "seed = 9007199254740993",
            "c.toml: seed = 9007199254740993: it must be a whole number, "
            "at most 9,007,199,254,740,992.",
        ),
        ("patience = 0", "c.toml: patience = 0: it must be a whole number, at least 1, or none."),
        ("engine = 3", "c.toml: engine = 3: it must be auto, or the name of an engine."),
        ("target = 5", "c.toml: target = 5: it must be a text, or a list of texts."),
        ("drop = [1]", "c.toml: drop = [1]: it must be a text, or a list of texts."),
        ("stream = 1", "c.toml: stream = 1: it must be true or false."),
        ("read = 'x'", "c.toml: read = 'x': it must be a table."),
        ("data = 3", "c.toml: data = 3: it must be a text."),
    ],
)
def test_a_wrong_file_is_refused(text, message, tmp_path):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SettingError) as caught:
        Configuration.read(tmp_path / "c.toml")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


@pytest.mark.parametrize(
    "text", ["epochs = '5'", "hidden = 'a'", "seed = -1", "dtype = 'x'", "batch_size = 1.5",
             "optimizer = 3", "class_weight = 3", "metrics = 3", "read = {x = 1}"],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_when_the_run_is_prepared(text, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(f"data = '{IRIS}'\ntarget = 'species'\n{text}\n")
    with pytest.raises(NnplugError):
        prepare_from(Configuration.read(path), default_registry())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match=r"Name a configuration, such as runs/NAME/config.toml"):
        Configuration.read(tmp_path / "c.toml")


def test_a_split_by_a_file_is_the_same_from_any_folder(tmp_path, monkeypatch):
    lines = IRIS.read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:1] + lines[1:140]) + "\n")
    (tmp_path / "b.csv").write_text("\n".join(lines[:1] + lines[100:]) + "\n")
    monkeypatch.chdir(tmp_path)
    nnplug.train("a.csv", target="species", split="file:b.csv", epochs=2, output="run")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    again = prepare_from(Configuration.read(tmp_path / "run"), default_registry())
    assert again.settings.split == "file:b.csv"
    assert (again.settings.data, again.rows.split.name) == ("a.csv", str(tmp_path / "b.csv"))
