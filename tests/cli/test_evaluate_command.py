"""`nnplug evaluate`: the loss and the metrics on rows whose target is known."""

import json
import shlex

import pandas as pd
import pytest

import nnplug
from tests.cli.models import IRIS, make_models, nnplug_command, nnplug_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_models(tmp_path_factory.mktemp("models"))


def test_loss_and_metrics_on_stdout_and_the_rows_on_stderr(folder):
    done = nnplug_command("evaluate", "species.safetensors", "iris.csv", folder=folder)
    scores = nnplug.load(folder / "species.safetensors").evaluate(IRIS)
    assert done.returncode == 0
    assert done.stderr == (
        'Warning: iris.csv: columns that training did not have are ignored: "plant"\n'
        "iris.csv: 150 rows\n"
    )
    assert done.stdout == f"Loss: {scores['loss']:.6f}, Accuracy: {scores['accuracy']:.6f}\n"


def test_json_has_the_exact_numbers(folder):
    done = nnplug_here(
        "evaluate", "petals.safetensors", "iris.csv", "--metric", "mae", "--metric", "r2",
        "--json", folder=folder,
    )  # fmt: skip
    scores = nnplug.load(folder / "petals.safetensors").evaluate(IRIS, metrics=["mae", "r2"])
    assert json.loads(done.stdout) == {
        "model": "petals.safetensors", "data": "iris.csv", "rows": 150, **scores,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["species.safetensors", "without.csv"], 'there is no column "species"'),
        (["species.safetensors", "other.csv"], 'target "species" is "rose" in row 1'),
        (["species.safetensors", "iris.csv", "--metric", "acuracy"], "Did you mean 'accuracy'"),
        (["species.safetensors", "iris.csv", "--metric", "r3"], "There is no metric 'r3'."),
        (["xor.safetensors", "iris.csv"], "xor.safetensors was trained on arrays, so no column"),
    ],
)
def test_what_cannot_be_is_said(folder, arguments, message):
    frame = pd.read_csv(IRIS)
    frame.drop(columns="species").to_csv(folder / "without.csv", index=False)
    frame.assign(species="rose").to_csv(folder / "other.csv", index=False)
    done = nnplug_here("evaluate", *arguments, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_way_out_of_missing_targets_can_be_followed(folder, tmp_path):
    frame = pd.read_csv(IRIS).rename(columns={"species": "the species"})
    frame.to_csv(tmp_path / "whole.csv", index=False)
    run = nnplug.train(tmp_path / "whole.csv", target="the species", epochs=2)
    run.save(tmp_path / "m.safetensors")
    frame.loc[[3, 70], "the species"] = None
    frame.to_csv(tmp_path / "some.csv", index=False)
    done = nnplug_here("evaluate", "m.safetensors", "some.csv", folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            'error: some.csv: target "the species" has 2 values that are missing: rows 4, 71.',
            "Fill the values in, or leave these rows out: "
            "--sql 'SELECT * FROM data WHERE \"the species\" IS NOT NULL'",
        ],
    )
    words = shlex.split(done.stderr.splitlines()[1].partition(": ")[2])
    again = nnplug_here("evaluate", "m.safetensors", "some.csv", *words, folder=tmp_path)
    assert again.returncode == 0
    assert "some.csv: 148 rows" in again.stderr
