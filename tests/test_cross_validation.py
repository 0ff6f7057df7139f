"""Cross-validation: what the folds are, what their scores are of, and where they are kept."""

import json
import math
import statistics

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import DataError, SettingError
from nnplug.runs.cross_validation import Folds
from nnplug.runs.fold_scores import CrossValidation
from nnplug.runs.preparing import default_registry
from tests.cli.models import IRIS, nnplug_here

FEW = {"hidden": 4, "epochs": 3}


def dealt(data, given, folds):
    return Folds.of(data, given, folds, registry=default_registry())


def test_every_row_is_in_one_fold_with_the_classes_in_proportion():
    folds = dealt(IRIS, {"target": "species"}, 5)
    classes = folds.content.column("species").data
    counts = [np.bincount(classes[folds.fold_of == fold]).tolist() for fold in range(5)]
    assert counts == [[10, 10, 10]] * 5


def test_groups_stay_whole():
    frame = pd.DataFrame({"g": np.arange(30) // 5, "x": np.arange(30.0), "y": np.arange(30.0)})
    folds = dealt(frame, {"target": "y", "split": "group:g"}, 3)
    where = [set(folds.fold_of[np.arange(30) // 5 == group].tolist()) for group in range(6)]
    assert all(len(each) == 1 for each in where)


def test_there_must_be_groups_for_all_folds():
    frame = pd.DataFrame({"g": np.arange(30) // 10, "x": np.arange(30.0), "y": np.arange(30.0)})
    with pytest.raises(DataError) as found:
        dealt(frame, {"target": "y", "split": "group:g"}, 5)
    assert 'folds=5: column "g" of ' in str(found.value)
    assert "has 3 groups, and each fold holds out some.\nAsk for fewer folds" in str(found.value)


def test_a_score_is_that_of_a_network_that_has_not_seen_the_fold():
    """By hand: a network trained on the other rows, and its metric on the fold."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"a": draw.normal(size=40), "b": draw.normal(size=40)})
    frame["y"] = frame["a"] - 2 * frame["b"]
    run = nnplug.train(frame, target="y", folds=4, seed=2, **FEW)
    folds = dealt(frame, {"target": "y", "seed": 2}, 4)
    for fold, found in enumerate(run.cross_validation.folds):
        inside = folds.fold_of == fold
        other = nnplug.train(frame[~inside], target="y", seed=2, **FEW)
        predicted, truth = other.predict(frame[inside]).ravel(), frame["y"][inside]
        r2 = 1 - ((predicted - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        assert found["rows"] == 10
        assert found["scores"]["r2"] == pytest.approx(r2, rel=1e-5)
    scores = run.cross_validation.scores["r2"]
    assert run.cross_validation.mean["r2"] == pytest.approx(np.mean(scores))
    assert run.cross_validation.sd["r2"] == pytest.approx(np.std(scores, ddof=1))
    # The run itself is that without folds.
    plain = nnplug.train(frame, target="y", seed=2, **FEW)
    assert np.array_equal(run.network.parameters, plain.network.parameters)


def test_weights_go_with_their_rows():
    x = np.arange(20.0).reshape(-1, 1) / 20
    weight = np.where(np.arange(20) < 10, 1.0, 0.0)
    # Steps of adam would hardly depend on the size of a gradient.
    more = {"validation": 0.0, "optimizer": "sgd", "learning_rate": 0.5, **FEW}
    kept = nnplug.train((x, x), folds=2, sample_weight=weight, **more)
    folds = Folds.of((x, x), {}, 2, registry=default_registry(), sample_weight=weight)
    inside = folds.fold_of == 0
    alone = nnplug.train((x[~inside], x[~inside]), sample_weight=weight[~inside], **more)
    loss = alone.model.evaluate((x[inside], x[inside]))["loss"]
    assert kept.cross_validation.folds[0]["scores"]["loss"] == pytest.approx(loss, rel=1e-5)


def test_a_fold_that_diverged_is_said_and_leaves_no_mean():
    found = CrossValidation((
        {"fold": 0, "scores": {"loss": 1.0}, "diverged": None},
        {"fold": 1, "scores": {}, "diverged": "loss is not finite"},
    ))  # fmt: skip
    assert math.isnan(found.mean["loss"])
    assert math.isnan(found.sd["loss"])
    assert found.to_dict()["mean"] == {"loss": None}
    run = nnplug.train("moons", folds=2, epochs=2)
    again = CrossValidation.from_dict(json.loads(json.dumps(run.cross_validation.to_dict())))
    assert again == run.cross_validation
    assert CrossValidation.from_dict({"folds": [1]}) is None


@pytest.mark.parametrize(
    ("data", "given", "error", "message"),
    [
        ("moons", {"folds": 1}, SettingError, "folds=1: it must be a whole number, at least 2"),
        ("xor", {"folds": 5}, DataError, "folds=5: xor has only 4 rows.\nAsk for fewer folds."),
        (IRIS, {"folds": 2, "split": "time:sepal_width"}, SettingError, "each fold holds out"),
        (IRIS, {"folds": 2, "stream": True}, SettingError, "folds are trained in memory"),
        ("moons", {"folds": 2, "on": "dusk://a"}, SettingError, "write a number of processes"),
    ],
)
def test_what_does_not_go_with_folds_is_refused(data, given, error, message):
    target = "species" if data is IRIS else None
    with pytest.raises(error) as found:
        nnplug.train(data, target=target, epochs=1, **given)
    assert message in str(found.value)


def test_the_command_prints_and_keeps_the_scores(tmp_path):
    asked = ("train", IRIS, "--target", "species", "--hidden", "4", "--epochs", "3")
    done = nnplug_here(*asked, "--folds", "3", "--output", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(",")[0] for line in lines[:4]] == ["Fold 1", "Fold 2", "Fold 3",
                                                          "Mean of 3 folds"]  # fmt: skip
    values = [float(line.rpartition(" ")[2]) for line in lines[:3]]
    mean, sd = statistics.fmean(values), statistics.stdev(values)
    assert f"Accuracy: {mean:.6f} ± " in lines[3]
    assert float(lines[3].rpartition(" ")[2]) == pytest.approx(sd, abs=2e-6)
    assert "folds = 3\n" in (tmp_path / "run" / "config.toml").read_text()
    shown = nnplug_here("runs", "show", "run", folder=tmp_path).stdout
    assert f"accuracy {mean:.4g} ± {sd:.2g}" in " ".join(shown.split())
    # A run that is resumed has its scores.
    more = nnplug_here("train", "--resume", "run", "--epochs", "4", "--json", folder=tmp_path)
    late = nnplug_here("train", "--resume", "run", "--folds", "4", folder=tmp_path)
    assert late.returncode == 2
    assert "folds come before training, and the run in run has begun" in late.stderr
    found = json.loads(more.stdout)["cross_validation"]
    assert "Fold" not in more.stderr
    assert found["mean"]["accuracy"] == pytest.approx(mean, abs=1e-6)
    assert nnplug.resume(tmp_path / "run").cross_validation.mean == found["mean"]
    with pytest.raises(SettingError, match="folds=4: folds come before training, and the run in"):
        nnplug.resume(tmp_path / "run", folds=4)


def test_on_is_for_folds(tmp_path):
    done = nnplug_here("train", "moons", "--on", "2", folder=tmp_path)
    assert done.returncode == 2
    assert "--on 2: one network is trained in this process. --on is for the" in done.stderr
