"""`nnplug explain`: which columns a model looks at, and why it predicts what it predicts."""

import json
import re

import pandas as pd
import pytest

import nnplug
from nnplug.cli.bars import bar_table
from tests.cli.models import IRIS, make_models, nnplug_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_models(tmp_path_factory.mktemp("models"))


def explain(folder, *arguments):
    return nnplug_here("explain", *arguments, folder=folder)


def test_importances_as_bars(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = explain(folder, "species.safetensors", "iris.csv")
    assert done.returncode == 0
    assert done.stderr == "iris.csv: 150 rows; each column is shuffled 5 times\n"
    title, head, *lines = done.stdout.splitlines()
    found = nnplug.load(folder / "species.safetensors").importance(IRIS)
    assert title == f"What Accuracy loses when a column is shuffled; now {found.score:.6g}:"
    assert head.split() == ["column", "importance"]
    names = [line.split()[0] for line in lines]
    assert names == [found.columns[k] for k in found.order]
    signed = [line.count("█") * (-1 if "█│" in line else 1) for line in lines]
    assert signed == sorted(signed, reverse=True)
    assert signed[0] > 10
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_importances_as_json(folder):
    done = explain(
        folder, "petals.safetensors", "iris.csv", "--metric", "mae", "--repeats", "2",
        "--seed", "4", "--json",
    )  # fmt: skip
    model = nnplug.load(folder / "petals.safetensors")
    found = model.importance(IRIS, metric="mae", repeats=2, seed=4)
    assert json.loads(done.stdout) == {
        "model": "petals.safetensors", "data": "iris.csv", **found.to_dict(),
    }  # fmt: skip


def test_a_row_s_contributions_sum_to_what_is_printed(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = explain(folder, "species.safetensors", "iris.csv", "--row", "101", "--class", "setosa")
    assert (done.returncode, done.stderr) == (0, "")
    row, title, head, *lines = done.stdout.splitlines()
    assert row == "Row 101 of iris.csv"
    said = re.fullmatch(r"probability of species=setosa: (\S+); baseline: (\S+)", title)
    assert head.split() == ["column", "row", "baseline", "contribution"]
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert [row[0] for row in cells[-1:]] == ["together"]
    row = pd.read_csv(IRIS).iloc[100]
    assert {name: float(value) for name, value, *_ in cells[:-1]} == {
        name: row[name] for name in ("sepal_length", "sepal_width", "petal_length", "petal_width")
    }
    total = float(said[1]) - float(said[2])
    assert float(cells[-1][1]) == pytest.approx(total, abs=1e-4)
    assert sum(float(row[3]) for row in cells[:-1]) == pytest.approx(total, abs=5e-4)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_several_targets_of_several_rows_each_have_a_table(folder):
    done = explain(folder, "petals.safetensors", "iris.csv", "--row", "2", "--row", "1")
    titles = re.findall(r"(Row \d) of iris.csv\n(\w+): ", done.stdout)
    assert titles == [
        ("Row 2", "petal_length"), ("Row 2", "petal_width"),
        ("Row 1", "petal_length"), ("Row 1", "petal_width"),
    ]  # fmt: skip


def test_rows_as_json_and_with_a_baseline(folder):
    (folder / "one.csv").write_text("\n".join(IRIS.read_text().splitlines()[:2]))
    done = explain(
        folder, "species.safetensors", "iris.csv", "--row", "7", "--baseline", "one.csv", "--json"
    )
    model = nnplug.load(folder / "species.safetensors")
    found = model.explain(IRIS, rows=[6], baseline=folder / "one.csv")
    assert json.loads(done.stdout) == {
        "model": "species.safetensors", "data": "iris.csv", **found.to_dict(first=1),
    }  # fmt: skip
    assert found.baseline["sepal_length"] == "5.1"


def test_every_row_to_a_table(folder):
    done = explain(folder, "species.safetensors", "iris.csv", "--rows", "why.csv")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "why.csv written\n"
    frame = pd.read_csv(folder / "why.csv")
    assert list(frame.row) == list(range(1, 151))
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    assert list(frame.columns) == ["row", "answer", "prediction", "baseline", *columns]
    wanted = frame.prediction - frame.baseline
    assert (frame[columns].sum(axis=1) - wanted).abs().max() < 1e-10
    again = explain(folder, "species.safetensors", "iris.csv", "--rows", "why.csv")
    assert again.returncode == 2
    assert "there is such a file already" in again.stderr


def test_a_column_called_row_keeps_its_name(folder):
    frame = pd.read_csv(IRIS).rename(columns={"sepal_width": "row"})
    frame.to_csv(folder / "named.csv", index=False)
    nnplug.train(frame, target="species", epochs=2).save(folder / "named.safetensors")
    done = explain(folder, "named.safetensors", "named.csv", "--rows", "named-why.csv")
    assert done.returncode == 0
    assert list(pd.read_csv(folder / "named-why.csv").columns)[:4] == [
        "row_", "answer", "prediction", "baseline",
    ]  # fmt: skip


def test_a_picture(folder):
    done = explain(folder, "species.safetensors", "iris.csv", "--plot", "importance.svg")
    assert done.stderr.endswith("importance.svg written\n")
    done = explain(folder, "species.safetensors", "iris.csv", "--row", "3", "--plot", "row.png")
    assert done.returncode == 0
    assert (folder / "row.png").read_bytes()[:4] == b"\x89PNG"


def test_a_model_of_arrays_is_explained_by_row(folder):
    (folder / "xor.csv").write_text("a,b\n0,1\n1,1\n")
    done = explain(folder, "xor.safetensors", "xor.csv", "--row", "1")
    assert done.returncode == 0
    assert "probability of prediction=1" in done.stdout
    refused = explain(folder, "xor.safetensors", "xor.csv")
    assert refused.returncode == 2
    assert "Name a row with --row" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--row", "151"], "There is no row 151: the data has 150 rows, counted from 1."),
        (["--row", "0"], "Invalid value for '--row'"),
        (["--repeats", "0"], "Invalid value for '--repeats'"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--row", "1", "--class", "rose"], "error: --class rose: the classes are setosa, "),
        (["--class", "setosa"], "--class is for a row's prediction: name one with --row."),
        (["--baseline", "iris.csv"], "--baseline is for a row's prediction"),
        (["--metric", "acuracy"], "Did you mean 'accuracy'"),
        (["--rows", "why.txt"], "must end in .csv, .tsv, .parquet"),
        (["--plot", "why.jpg"], "must end in .svg, .png, .pdf"),
    ],
)
def test_what_cannot_be_is_said(folder, arguments, message):
    done = explain(folder, "species.safetensors", "iris.csv", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_a_terminal_would_obey_is_escaped(folder):
    name = "a\x1b[2J\u202eb"
    frame = pd.read_csv(IRIS).rename(columns={"sepal_width": name})
    nnplug.train(frame, target="species", epochs=2).save(folder / "odd.safetensors")
    frame.to_csv(folder / "odd.csv", index=False)
    for arguments in ([], ["--row", "1"], ["--row", "1", "--json"]):
        done = explain(folder, "odd.safetensors", "odd.csv", *arguments)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout


def test_bars_are_plain_signs_where_the_encoding_has_no_blocks(folder, monkeypatch):
    monkeypatch.setattr("nnplug.cli.bars._signs", lambda: ("#", "|"))
    done = explain(folder, "species.safetensors", "iris.csv", "--row", "120")
    assert "|####" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize("high", [0.0107, 0.45, 1.0, 2.013])
def test_bars_on_both_sides_of_the_axis_fit_on_their_line(high):
    rows, values = [("a", "-1.000"), ("b", "+1.000")], [-1.0, high]
    for room in range(34, 80):  # the texts, their gaps and the shortest bar take 34
        lines = bar_table(("column", "contribution"), rows, values, room)
        assert (len(lines), max(map(len, lines)) <= room) == (3, True)


# --- monotone ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def petals(tmp_path_factory):
    """A run whose petals get no narrower where they, or the sepals, are longer."""
    folder = tmp_path_factory.mktemp("monotone")
    (folder / "iris.csv").write_text(IRIS.read_text())
    done = nnplug_here(
        "train", "iris.csv", "--target", "petal_width", "--increasing",
        "petal_length,sepal_length", "--decreasing", "sepal_width", "--epochs", "5",
        "--hidden", "8", folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_proof_is_printed(petals):
    done = explain(petals, "latest", "--monotone")
    assert done.returncode == 0
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert rows == [
        ["column", "petal_width"], ["sepal_length", "increasing"],
        ["sepal_width", "decreasing"], ["petal_length", "increasing"],
    ]  # fmt: skip


def test_the_proof_as_json_and_in_the_record(petals):
    said = json.loads(explain(petals, "latest", "--monotone", "--json").stdout)
    assert said["columns"]["sepal_width"] == {"petal_width": "decreasing"}
    (run,) = (petals / "runs").iterdir()
    text = (run / "config.toml").read_text()
    assert 'increasing = ["petal_length", "sepal_length"]' in text
    assert 'decreasing = ["sepal_width"]' in text
    again = nnplug_here("train", "--config", run / "config.toml", "--output", "again",
                        folder=petals)  # fmt: skip
    assert again.returncode == 0, again.stderr
    shown = nnplug_here("info", "again", folder=petals).stdout
    assert "increasing with petal_length, increasing with sepal_length, decreasing" in " ".join(
        shown.split()
    )


def test_what_was_asked_for_and_is_not_proved_exits_with_1(petals):
    (run,) = (petals / "runs").iterdir()
    model = nnplug.load(run / "model.safetensors")
    model.network["hidden1.sign"][...] = 0
    model.network["hidden1.weight"][...] = (
        [[1.0, -1.0] * 4] * 2 + [[1.0] * 8] * 1 + [[-1.0, 1.0] * 4] * (model.network.inputs - 3)
    )
    model.save(petals / "broken.safetensors")
    done = explain(petals, "broken.safetensors", "--monotone")
    assert done.returncode == 1
    assert "The model was trained with decreasing=sepal_width, which is not proved." in done.stderr


def test_of_classes_nothing_is_proved_and_the_reason_is_given(folder):
    done = explain(folder, "species.safetensors", "--monotone")
    assert done.returncode == 0
    assert "Not proved: the predictions do not come from one output each" in done.stdout


def test_the_proof_takes_no_data_and_all_else_does(folder):
    done = explain(folder, "species.safetensors", "iris.csv", "--monotone")
    assert (done.returncode, "leave DATA out" in done.stderr) == (2, True)
    done = explain(folder, "species.safetensors")
    assert (done.returncode, "Missing argument 'DATA'" in done.stderr) == (2, True)
