"""`nnplug train --members`, as a person and a program read it, and what is said of such a model."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_train_command import IRIS, nnplug

TRAIN = (
    *("train", IRIS, "--target", "species", "--recipe", "none"),
    *("--members", "3", "--learning-rate", "0.05"),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members") / "run"
    done = nnplug(*TRAIN, "--epochs", "40", "--patience", "3", "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_it_says_that_the_score_is_out_of_fold(kept):
    folder, done = kept
    said = done.stderr.splitlines()
    assert said[1:3] == [
        "iris.csv: 150 rows, each held out by one of 3 members (stratified); multiclass",
        "3 networks 4-100-3 (relu; output identity), 803 parameters each, float32",
    ]
    assert said[4] == "each stops after 3 epochs without a better validation loss"
    record = json.loads((folder / "run.json").read_text())
    ends = ", ".join(map(str, record["member_epochs"]))
    assert said[-2] == (
        f"the members' weights are those of epochs {ends}, each its best by validation loss"
    )
    final = record["final"]
    assert done.stdout.splitlines()[-1] == (
        f"Out of fold, all 150 rows, Validation loss: {final['validation_loss']:.6f}, "
        f"Accuracy: {final['accuracy']:.6f}"
    )
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    best = [
        min((line[f"member{k}.validation_loss"], line["epoch"])
            for line in lines if line[f"member{k}.validation_loss"] is not None)[1]
        for k in (1, 2, 3)
    ]  # fmt: skip
    assert record["member_epochs"] == best
    assert len({*best}) > 1


def test_info_runs_and_the_card_know_of_it(kept):
    folder, _ = kept
    info = nnplug("info", folder).stdout
    assert re.search(r"^  members +3 such networks; a prediction is the mean of all$", info, re.M)
    shown = nnplug("runs", "show", folder).stdout
    assert "150 rows, each held out by one of 3 members" in shown
    assert re.search(r"^parameters +2,409$", shown, re.M)
    card = nnplug("info", folder, "--card").stdout
    assert "The mean of 3 neural networks, 4-100-3, 803 parameters each, float32" in card
    assert "- each row was held out by one of 3 members" in card
    assert "each predicted by the one member that was not trained on it" in card


def test_the_commands_take_such_a_model(kept, tmp_path):
    folder, _ = kept
    table = tmp_path / "predicted.csv"
    done = nnplug("predict", folder, IRIS, "--output", table)
    assert done.returncode == 0, done.stderr
    found = table.read_text().splitlines()[1:]
    rows = Path(IRIS).read_text().splitlines()[1:]
    right = np.mean([a == b.rpartition(",")[2] for a, b in zip(found, rows, strict=True)])
    assert f"Accuracy: {right:.6f}" in nnplug("evaluate", folder, IRIS).stdout
    assert "150 rows, each held out by one network" in (folder / "report.html").read_text()


def test_a_program_reads_the_numbers_of_all():
    done = nnplug(*TRAIN, "--epochs", "2", "--json", "--no-output")
    result = json.loads(done.stdout)
    assert result["settings"]["members"] == 3
    assert result["member_epochs"] == [1, 1, 1]
    assert set(result["final"]) == {"loss", "validation_loss", "learning_rate", "accuracy"}
    assert {"member1.loss", "member3.accuracy"} <= set(result["history"])
    assert result["rows"] == {"training": 150, "validation": 150}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--members", "0"), "must be a whole number, at least 1"),
        (("--members", "151"), "members=151: each member holds out rows of its own, and there are"),
    ],
)
def test_what_cannot_be_is_refused(more, message):
    done = nnplug(*TRAIN, *more, "--no-output")
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
