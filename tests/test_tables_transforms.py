"""`target_transform`: the logarithm of a target is learned, and everything else is in its unit."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli import cli
from nnplug.errors import DataError, ModelFileError, SettingError
from nnplug.runs.preparing import prepare
from nnplug.tables import Encoder, TableOptions, table_of

ROWS = 200


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Prices that grow as a power of the area, over four orders of magnitude."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    area = rng.uniform(1, 100, ROWS)
    price = np.exp(0.08 * area + 0.1 * rng.standard_normal(ROWS))
    with Path("prices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "price"])
        writer.writerows(zip(area.round(3).tolist(), price.round(3).tolist(), strict=True))
    return tmp_path / "prices.csv"


def column(path, name):
    with Path(path).open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def command(*arguments, code=0):
    done = CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=True)
    if code:
        assert done.exception is not None, done.output
        return str(done.exception)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_the_standardised_logarithm_is_learned_and_decoded(path):
    """Against Python's own math, number by number."""
    run = prepare(path, target="price", target_transform="log", seed=3)
    prices = [math.log(float(each)) for each in column(path, "price")]
    chosen = [prices[row] for row in run.train_rows]
    mean = math.fsum(chosen) / len(chosen)
    scale = math.sqrt(math.fsum((each - mean) ** 2 for each in chosen) / len(chosen))
    expected = [(each - mean) / scale for each in prices]
    assert run.rows.targets[:, 0].tolist() == pytest.approx(expected, rel=1e-9)
    decoded = run.model.in_units(run.rows.targets)[:, 0]
    assert decoded.tolist() == pytest.approx([float(each) for each in column(path, "price")])
    assert run.rows.notes == (
        'target "price": regression of its logarithm; predictions and metrics are in its own unit',
    )
    assert run.settings.task == "regression"


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"sql": "select * from data"}],
                         ids=["memory", "stream", "query"])  # fmt: skip
def test_predictions_metrics_and_the_model_file_are_in_the_unit(path, more, tmp_path):
    run = nnplug.train(path, target="price", target_transform="log", metrics=["r2", "mae"],
                       learning_rate=0.01, output=tmp_path / "run", **more)  # fmt: skip
    answers = run.predict(path)[:, 0]
    truth = np.array([float(each) for each in column(path, "price")])
    assert np.median(np.abs(np.log(answers / truth))) < 0.2  # a network of the numbers fails here
    model = nnplug.load(tmp_path / "run" / "model.safetensors")
    assert model.predict(path)[:, 0].tobytes() == answers.tobytes()
    found = model.evaluate(path)
    assert found["mae"] == pytest.approx(np.abs(answers - truth).mean(), rel=1e-6)
    # The loss is that of the standardised logarithm.
    scale = model.encoder.scales[0].scale
    assert found["loss"] == pytest.approx(np.mean((np.log(answers / truth) / scale) ** 2), rel=1e-4)
    again = nnplug.train(**nnplug.runs.configuration.Configuration.read(tmp_path / "run").settings)
    assert again.predict(path).tobytes() == run.predict(path).tobytes()


def test_the_commands_say_it(path):
    command("train", path, "--target", "price", "--target-transform", "log", "--epochs", "3",
            "--output", "run")  # fmt: skip
    assert "predicts     price (learned as log)" in command("info", "run/model.safetensors")
    assert 'target_transform = "log"' in Path("run/config.toml").read_text()
    assert "<td>log</td>" in Path("run/report.html").read_text()
    said = command("data", path, "--target", "price", "--target-transform", "log")
    assert "regression of its logarithm" in said
    found = json.loads(command("evaluate", "run/model.safetensors", path, "--json"))
    model = nnplug.load("run/model.safetensors")
    assert found["r2"] == pytest.approx(model.evaluate(path)["r2"])
    # "none" stands before a file.
    command("train", "--config", "run/config.toml", "--target-transform", "none", "--output", "new")
    assert 'target_transform = "none"' in Path("new/config.toml").read_text()
    assert nnplug.load("new/model.safetensors").encoder.scales[0].transform is None


@pytest.mark.parametrize("more", [(), ("--stream",), ("--sql", "select * from data")])
def test_what_has_no_logarithm_is_refused_with_the_row_and_a_way_out(path, more):
    lines = path.read_text().splitlines()
    lines[151] = "5,0"
    lines[181] = "5,-3.25"
    path.write_text("\n".join(lines) + "\n")
    asked = ("train", path, "--target", "price", *more, "--no-output", "--epochs", "2")
    message = command(*asked, "--target-transform", "log", code=2)
    assert re.sub(r".*(?=: target)", "", message) == (
        ': target "price" is 0 or below in 2 rows, the first in row 151: 0. It has no logarithm.\n'
        "Correct the values, or train with --target-transform asinh, which takes any number."
    )
    command(*asked, "--target-transform", "asinh")


def test_new_rows_without_a_logarithm_are_refused_too(path):
    run = nnplug.train(path, target="price", target_transform="log", epochs=1)
    with pytest.raises(DataError, match=r'target "price" is 0 or below in 1 row, the first in '
                                        r"row 2: -1\."):  # fmt: skip
        run.model.evaluate({"area": [1.0, 2.0], "price": [3.0, -1.0]})
    assert run.predict({"area": [1.0]}).shape == (1, 1)


def test_asinh_takes_any_number():
    data = {"x": [0.0, 1.0, 2.0, 3.0], "y": [-1000.0, 0.0, 0.5, 1e6]}
    options = TableOptions(target_transform="asinh")
    encoder = Encoder.fit(table_of(data), target="y", options=options)
    logs = [math.asinh(each) for each in data["y"]]
    mean = math.fsum(logs) / 4
    assert encoder.scales[0].mean == pytest.approx(mean)
    targets = encoder.targets(table_of(data))
    assert encoder.decode(targets)[:, 0].tolist() == pytest.approx(data["y"])
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


def test_a_saved_transform_is_not_trusted():
    encoder = Encoder.fit(table_of({"x": [0.0, 1.0], "y": [1.5, 2.5]}), target="y",
                          options=TableOptions(target_transform="log"))  # fmt: skip
    for wrong in ("exp", 3, ["log"], {}):
        state = encoder.to_dict()
        state["scales"][0]["transform"] = wrong
        with pytest.raises(ModelFileError, match='the transform of "y" is unknown'):
            Encoder.from_dict(state)


def test_without_a_transform_nothing_of_it_is_kept():
    encoder = Encoder.fit(table_of({"x": [0.0, 1.0], "y": [1.5, 2.5]}), target="y")
    assert "transform" not in encoder.to_dict()["scales"][0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target_transform": "lok"}, r"target_transform='lok' is none of log, asinh, auto, none\. "
         r"Did you mean 'log'\?"),
        ({"target_transform": "log", "task": "binary"}, r"target_transform='log': task=binary "
         r"predicts classes, and only numbers can be transformed\.\nLeave one of the two out\."),
        ({"target_transform": "log", "loss": "poisson"}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_transformed_says_so(given, message, path):
    if given.get("loss"):

        @nnplug.loss(link="log", targets="count")
        def poisson(prediction, target):
            """Poisson's deviance, but for a constant."""
            return prediction - target * np.log(prediction)

        given["loss"] = poisson
        message = r"target_transform='log': loss 'poisson' is for targets in their own units\."
    with pytest.raises(SettingError, match=message):
        prepare(path, target="price", **given)


def test_arrays_are_used_as_they_are():
    with pytest.raises(SettingError, match="target_transform='log': the targets of arrays are "
                                           "used as they are"):  # fmt: skip
        prepare((np.ones((4, 2)), np.arange(4.0)), target_transform="log")


def test_a_few_whole_numbers_are_a_quantity_if_they_are_to_be_transformed():
    run = prepare({"x": [1.0, 2.0, 3.0, 4.0], "y": [1, 10, 100, 1000]}, target="y",
                  target_transform="log", validation=0)  # fmt: skip
    assert run.settings.task == "regression"
    assert np.diff(run.rows.targets[:, 0]).tolist() == pytest.approx([0.894427191] * 3)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([1.0, 10.0, 100.0, 1000.0], "log"),  # evenly spaced as logarithms
        ([1.0, 2.0, 3.0, 4.0], None),  # evenly spaced as they are
        ([-1.0, 10.0, 100.0, 1000.0], None),  # one has no logarithm
        ([0.0, 10.0, 100.0, 1000.0], None),
        ([5.0, 5.0, 5.0, 5.0], None),
    ],
)
def test_auto_is_the_logarithm_where_it_is_less_skewed(targets, expected):
    data = {"x": [0.0, 1.0, 2.0, 3.0], "y": targets}
    options = TableOptions(target_transform="auto")
    encoder = Encoder.fit(table_of(data), target="y", task="regression", options=options)
    assert encoder.scales[0].transform == expected


def test_auto_leaves_classes_alone():
    data = {"x": [0.0, 1.0, 2.0, 3.0], "y": ["a", "b", "a", "b"]}
    options = TableOptions(target_transform="auto")
    assert Encoder.fit(table_of(data), target="y", options=options).classes == ("a", "b")


def test_auto_says_what_it_chose(path):
    asked = ["train", path, "--target", "price", "--target-transform", "auto"]
    done = CliRunner().invoke(cli, [*map(str, asked), "--no-output", "--epochs", "1"])
    assert 'target "price": its logarithm is less skewed and is learned' in done.stderr


@pytest.mark.parametrize(
    ("values", "held"),
    [(["a", "b", "a"], "text"), (np.array(["2024-01-01"] * 3, "datetime64[D]"), "dates")],
)
def test_only_numbers_are_transformed(values, held):
    data = {"x": [1.0, 2.0, 3.0], "y": values}
    with pytest.raises(SettingError, match=f"='log': target \"y\" of .* holds {held}.\nOnly numb"):
        nnplug.train(data, target="y", target_transform="log")
