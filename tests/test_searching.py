"""Searches: what is proposed, what is learned, what is kept."""

import csv
import json

import pytest

import nnplug
from nnplug.errors import NnplugError, StorageError
from nnplug.plugins.registry import Registry
from nnplug.searching.api import Request
from nnplug.searching.space import Range, Space
from nnplug.searching.text import ordered
from nnplug.searching.trials import Trials
from tests.cli.models import IRIS, nnplug_here

optuna = pytest.importorskip("optuna", reason="the extra search is not installed")

FEW = {"epochs": 2, "hidden": 4}
PLAIN = {"search": {"learning_rate": "1e-3..1e-1"}, "trials": 3, **FEW}


class Chosen:
    """Stands in for a trial of Optuna: notes what it is asked, and answers by a rule."""

    def __init__(self, place):
        self.place, self.asked = place, {}

    def suggest_categorical(self, name, choices):
        self.asked[name] = choices
        return choices[-1]

    def suggest_float(self, name, low, high, *, log):
        self.asked[name] = ("float", low, high, log)
        return low + (high - low) * self.place

    def suggest_int(self, name, low, high, *, log):
        self.asked[name] = ("int", low, high, log)
        return round(low + (high - low) * self.place)


def made_up(rule):
    """Give results by a rule instead of training."""

    def perform(self, trial):
        found = {"score": None, "loss": 0.5, "sd": None, "epochs": 1, "failed": None, "seconds": 1}
        return {**found, **rule(trial)}

    return perform


def test_ranges_are_logarithmic_over_a_decade_and_whole_between_whole_numbers():
    space = Space.of(
        {
            "learning_rate": "1e-4..1e-1", "dropout": "0..0.5", "hidden": "16..256",
            "batch_size": "16..64", "optimizer": "adam,adamw:weight_decay=0.01..0.05",
        },
        Registry(),
    )  # fmt: skip
    trial = Chosen(1.0)
    found = space.suggest(trial)
    assert trial.asked == {
        "learning_rate": ("float", 1e-4, 0.1, True),
        "dropout": ("float", 0, 0.5, False),
        "hidden": ("int", 16, 256, True),
        "batch_size": ("int", 16, 64, False),
        "optimizer": ["adam", "adamw:weight_decay=0.01..0.05"],
        "optimizer adamw:weight_decay=0.01..0.05 1": ("float", 0.01, 0.05, False),
    }
    assert space.values(found) == {
        "learning_rate": 0.1, "dropout": (0.5,), "hidden": (256,), "batch_size": 64,
        "optimizer": "adamw:weight_decay=0.05",
    }  # fmt: skip


def test_numbers_are_short_and_stay_inside():
    assert Range(0.0, 1.0).written(0.123456) == "0.1235"
    assert Range(0.12344, 1.0).written(0.12344) == "0.12344"  # 0.1234 would be below
    assert Range(1, 9).written(4.0) == "4"


def test_a_small_space_is_counted_and_listed():
    space = Space.of({"activation": "relu,tanh", "hidden": "2..4,[8,8]"}, Registry())
    assert space.size == 8
    assert len({tuple(sorted(each.items())) for each in space.everything()}) == 8
    assert Space.of({"learning_rate": "0.1..0.2"}, Registry()).size == float("inf")


def test_layers_and_parts_of_python_can_be_searched():
    @nnplug.activation
    def cubed(x):
        """x³."""
        return x**3

    layers = "dense:2..8 relu dense:2..8,dense:4"
    space = Space.of({"activation": ["relu", cubed], "layers": layers}, Registry())
    assert space.values({"activation": "cubed", "layers": "dense:3 relu dense:4"}) == {
        "activation": cubed, "layers": "dense:3 relu dense:4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("search", "more", "message"),
    [
        ({}, {}, "There is nothing to search"),
        ({"learning_rate": "0.1"}, {}, "there is nothing to choose from"),
        ({"learnin_rate": "1..2"}, {}, "Did you mean 'learning_rate'?"),
        ({"seed": "1,2"}, {}, "search seed=1,2: it is not searched.\nSettings that can be"),
        ({"learning_rate": "2..1"}, {}, "2..1: the first number must be the smaller one"),
        ({"learning_rate": "-1..1"}, {}, "'-1': it must be a finite number, above 0"),
        ({"activation": "relu,rleu"}, {}, "Did you mean 'relu' or"),
        ({"optimizer": "sgdw:momentum=0.1..2"}, {}, "momentum=2"),
        ({"layers": "dense:2..4,dens:3"}, {}, "dens"),
        ({"activation": "relu,tanh"}, {"activation": "gelu"}, "is given, and searched too"),
        ({"activation": "relu,tanh"}, {"validation": 0.0}, "moons: no rows are held out"),
        ({"activation": "relu,tanh"}, {"budget": "5"}, "it must be a time for the whole search"),
        ({"activation": "relu,tanh"}, {"trials": 0}, "trials=0: it must be a whole number, at"),
        ({"activation": "relu,tanh"}, {"hiden": 3}, "Did you mean 'hidden'?"),
        ({"activation": "relu,tanh"}, {"shards": 2}, "a search trains in memory"),
    ],
)
def test_what_cannot_be_searched_is_said_before_anything_is_trained(
    search, more, message, monkeypatch
):
    monkeypatch.setattr(Trials, "perform", lambda self, trial: pytest.fail("it trains"))
    with pytest.raises(NnplugError) as error:
        nnplug.search("moons", search=search, **more)
    assert message in str(error.value)


def test_the_best_trial_is_that_of_nnplug_train_on_the_same_rows():
    found = nnplug.search(IRIS, target="species", **PLAIN)
    run = nnplug.train(IRIS, target="species", **FEW, **found.best)
    assert run.final.metrics["accuracy"] == found.score
    assert run.final.validation_loss == found.trials[0]["loss"]
    assert len(found.trials) == 3
    usual = nnplug.train(IRIS, target="species", **FEW).final
    assert found.report["usual"]["loss"] == usual.validation_loss
    assert repr(found).startswith("<search of 3 trials; best score ")


def test_with_folds_the_mean_over_them_judges():
    more = {"search": {"activation": ["relu", "tanh"]}, "folds": 2, **FEW}
    found = nnplug.search(IRIS, target="species", **more)
    run = nnplug.train(IRIS, target="species", folds=2, **FEW, **found.best)
    assert found.score == pytest.approx(run.cross_validation.mean["accuracy"])
    assert found.trials[0]["sd"] == pytest.approx(run.cross_validation.sd["accuracy"])


def test_the_sampler_learns_and_goes_to_where_scores_are_high(monkeypatch):
    def rule(trial):
        rate = float(trial.texts.get("learning_rate", 1))
        return {"score": -abs(rate - 0.3)}

    monkeypatch.setattr(Trials, "perform", made_up(rule))
    search = {"learning_rate": "0.0001..1", "activation": "relu,tanh"}
    found = nnplug.search("moons", search=search, trials=40)
    rates = [float(each["settings"]["learning_rate"]) for each in found.report["trials"]]
    # Of draws at random, a sixth lies in this third of a decade or so of four.
    assert sum(0.1 < rate < 0.9 for rate in rates[20:]) >= 10
    assert abs(found.best["learning_rate"] - 0.3) < 0.1


def test_all_of_a_small_space_is_tried_once(monkeypatch):
    monkeypatch.setattr(Trials, "perform", made_up(lambda trial: {"score": 1.0}))
    found = nnplug.search("moons", search={"activation": "relu,tanh", "hidden": "2..4"}, trials=30)
    assert len(found.trials) == 6
    assert len({json.dumps(each["settings"]) for each in found.trials}) == 6
    few = nnplug.search("moons", search={"activation": "relu,tanh", "hidden": "2..9"}, trials=6)
    assert len({json.dumps(each["settings"]) for each in few.trials}) == 6  # none twice


def test_a_trial_that_fails_is_last_and_equal_scores_go_by_the_loss(monkeypatch):
    def rule(trial):
        if trial.number == 1:
            return {"score": None, "failed": "it diverged"}
        return {"score": 0.5, "loss": 1.0 / (1 + trial.number)}

    monkeypatch.setattr(Trials, "perform", made_up(rule))
    found = nnplug.search("moons", search={"learning_rate": "0.1..0.2"}, trials=4)
    assert [each["number"] for each in found.trials] == [4, 3, 2, 1]
    assert "1 failed; the first: it diverged" in str(found)
    monkeypatch.setattr(Trials, "perform", made_up(lambda trial: {"failed": "it diverged"}))
    with pytest.raises(NnplugError, match="No trial has a score: it diverged"):
        nnplug.search("moons", search={"learning_rate": "0.1..0.2"}, trials=2)


def test_a_loss_that_is_minimized_orders_the_other_way():
    trials = [{"number": number, "score": score, "loss": 0.0} for number, score in ((1, 3), (2, 1))]
    report = {"goal": "minimize", "trials": trials}
    assert [each["number"] for each in ordered(report)] == [2, 1]


def test_settings_that_do_not_go_together_are_a_failed_trial():
    search = {"hidden": ["4", "4,4"], "dropout": ["0.1,0.1", "0.2"]}
    found = nnplug.search(IRIS, target="species", search=search, epochs=1)
    failed = [each["settings"]["hidden"] for each in found.trials if each["failed"]]
    assert failed == ["4"]
    assert "2 values for 1 hidden layers" in str(found)


def test_settings_that_do_not_go_with_the_rows_are_a_failed_trial():
    """There are more members than rows."""
    data = {"x": [1.0, 2.0, 3.0, 4.0], "y": [0.5, 1.5, 2.5, 3.0]}
    found = nnplug.search(data, target="y", search={"members": "2,5"}, epochs=1)
    assert [each["settings"]["members"] for each in found.trials if each["failed"]] == ["5"]
    assert found.best == {"members": 2}


@pytest.mark.parametrize(("given", "told"), [({}, True), ({"validation": 0.25}, False)])
def test_it_is_told_if_other_rows_judge(given, told):
    data = {"x": [float(row) for row in range(8)], "y": [row**2 / 2 for row in range(8)]}
    found = nnplug.search(data, target="y", search={"members": "1,3"}, epochs=1, **given)
    assert ("Scores of 2 and of 8 rows can hardly be compared" in str(found)) is told


def test_after_an_interrupt_the_same_trials_follow(tmp_path, monkeypatch):
    def rule(trial):
        return {"score": float(trial.texts.get("learning_rate", 0))}

    more = {"search": {"learning_rate": "0.001..1"}, "trials": 14}
    monkeypatch.setattr(Trials, "perform", made_up(rule))
    whole = nnplug.search("moons", output=tmp_path / "whole", **more).report

    def interrupt(trial):
        if trial.number == 12:
            raise KeyboardInterrupt
        return rule(trial)

    monkeypatch.setattr(Trials, "perform", made_up(interrupt))
    with pytest.raises(KeyboardInterrupt):
        nnplug.search("moons", output=tmp_path / "cut", **more)
    done = []
    monkeypatch.setattr(
        Trials, "perform", made_up(lambda trial: done.append(trial.number) or rule(trial))
    )
    assert nnplug.search("moons", output=tmp_path / "cut", **more).report == whole
    assert done == [12, 13, 14]
    with pytest.raises(StorageError, match="holds another search"):
        nnplug.search("moons", output=tmp_path / "cut", search=more["search"], trials=2)
    with pytest.raises(StorageError, match="no search to resume"):
        Request.read(tmp_path)


def test_no_trial_begins_after_the_budget(monkeypatch):
    monkeypatch.setattr(Trials, "perform", made_up(lambda trial: {"score": 1.0}))
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("nnplug.searching.study.time.monotonic", lambda: float(next(clock)))
    found = nnplug.search("moons", search={"learning_rate": "0.1..0.2"}, budget="60s")
    assert 1 <= len(found.trials) < 8


# --- the command -----------------------------------------------------------------------------


def test_the_command_prints_a_table_and_a_command_that_gives_the_best(tmp_path):
    asked = ("--search", "learning-rate=1e-3..1e-1", "--search", "activation=relu,tanh")
    more = ("--epochs", "2", "--hidden", "4", "--trials", "2", "--metric", "log_loss")
    done = nnplug_here("search", IRIS, "--target", "species", *asked, *more, "--output", "out",
                       folder=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == ("2 trials, judged on the validation rows (log_loss, lower is better)")
    assert lines[1].split() == ["trial", "learning", "rate", "activation", "log_loss", "loss",
                                "epochs", "seconds"]  # fmt: skip
    assert lines[4].startswith("usual")
    best = lines[2].split()[3]
    for command in (lines[-1].split()[1:], ["train", "--config", "out/best.toml"]):
        again = nnplug_here(*command, "--no-output", "--json", folder=tmp_path)
        assert again.returncode == 0, again.stderr
        assert f"{json.loads(again.stdout)['final']['log_loss']:.4g}" == best
    rows = list(csv.DictReader((tmp_path / "out" / "trials.csv").read_text().splitlines()))
    assert [row["trial"] for row in rows] == ["1", "2"]

    done = nnplug_here("search", "--resume", "out", "--trials", "3", "--json", folder=tmp_path)
    found = json.loads(done.stdout)
    assert [trial["number"] for trial in found["trials"]] == [1, 2, 3]
    assert found["command"].startswith("nnplug train ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search", "activation=relu,tanh"], "Name the data"),
        (["moons", "--search", "activation"], "--search activation: write NAME=VALUES"),
        (["moons", "--search", "hidden=2,3", "--search", "hidden=4,5"], "is searched twice"),
        (["moons", "--resume", "x"], "--resume takes everything from x: leave DATA out"),
        (["--resume", "nowhere"], "nowhere: there is no search to resume"),
        (["moons", "--search", "hidden=2,3", "--on", "dusk://x"], "write a number of processes"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left_behind(tmp_path, arguments, message):
    done = nnplug_here("search", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_optuna_the_command_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    done = nnplug_here("search", "moons", "--search", "hidden=2,3", folder=tmp_path)
    assert done.returncode == 2
    assert "nnplug search needs Optuna.\nInstall it: pip install optuna" in done.stderr
