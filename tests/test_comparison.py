"""Comparisons: the protocol, what is kept, and the report."""

import csv
import io
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.comparison.analysis import analyse
from nnplug.comparison.api import Comparison, run
from nnplug.comparison.bench import Bench, Task, _thinned
from nnplug.comparison.page import write_page
from nnplug.comparison.protocol import perform
from nnplug.comparison.request import DataSet, Request
from nnplug.comparison.results import Results
from nnplug.comparison.text import as_csv, as_latex, as_markdown, as_text
from nnplug.errors import DataError, NnplugError, SettingError, StorageError
from nnplug.parts import split_list

PLUGIN = '''
import numpy as np
import nnplug

@nnplug.activation
def other(x):
    """Relu by another name."""
    return np.maximum(x, 0)

@nnplug.activation
def blows_up(x):
    """Overflows at once."""
    return np.exp(1e4 * np.abs(x) + 1e3)

@nnplug.hookimpl
def register_activations(register):
    register(other)
    register(blows_up)
'''


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "mine.py"
    path.write_text(PLUGIN)
    return str(path)


def made_up(task, *, score, **more):
    """Return what a run might return."""
    return {
        "score": score, "validation": score, "loss": 0.5, "constant": 0.0,
        "diverged": None, "epochs": 4, "best_epoch": 3, "steps": 8, "seconds": 2.0,
        "parameters": 9, "engine": "numpy", "curve": [[1, 0.1], [2, 0.6], [4, score]], **more,
    }  # fmt: skip


@dataclass(frozen=True)
class Pretending(Bench):
    """Scores by a rule, without training."""

    rule: object = None

    def perform(self, task):
        return self.rule(task)


def pretend(rule, arms="relu,tanh", data="moons", **more):
    """Run a comparison of made-up scores."""
    request = Request.of(data, {"activation": arms}, **more)
    bench = Pretending(request, rule=rule)
    return request, perform(bench, Results())


# --- what is asked -------------------------------------------------------------------------


def test_lists_are_split_between_parts_alone():
    assert split_list("relu") == ["relu"]
    assert split_list("dense:4 residual[dense:4,relu],dense:8") == [
        "dense:4 residual[dense:4,relu]", "dense:8",
    ]  # fmt: skip
    assert split_list("moons:noise=0.1,size=50,iris.csv:species") == [
        "moons:noise=0.1,size=50", "iris.csv:species",
    ]  # fmt: skip


def test_data_are_datasets_and_tables_with_a_target(tmp_path):
    assert DataSet.parse("moons:noise=0.1") == DataSet("moons:noise=0.1", "moons:noise=0.1")
    assert DataSet.parse("a/b.csv:y") == DataSet("b.csv", "a/b.csv", "y")
    odd = tmp_path / "a:b.csv"
    odd.write_text("x,y\n1,2\n")
    assert DataSet.parse(str(odd)).target is None
    names = [each.name for each in Request.of("a/t.csv:y,b/t.csv:y", {"loss": "mse,mae"}).data]
    assert names == ["t.csv", "t.csv (2)"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "A comparison varies one of activation, loss, optimizer"),
        ({"activation": "relu"}, "none has several"),
        ({"activation": "relu,tanh", "loss": "mse,mae"}, "of activation and of loss"),
        ({"activation": "relu,relu"}, "activation 'relu' is given twice"),
        ({"activation": "relu,tanh", "baseline": "tahn"}, "Did you mean 'tanh'?"),
        ({"activation": "relu,tanh", "learning_rate": 0.1}, "each arm has its own"),
        ({"activation": "relu,tanh", "epochs": 5}, "give --budget"),
        ({"activation": "relu,tanh", "hiden": 5}, "Did you mean 'hidden'?"),
        ({"activation": "relu,tanh", "seeds": 1}, "seeds=1: it must be a whole number, at least 2"),
        ({"activation": "relu,tanh", "budget": "soon"}, "budget='soon': it must be a number of"),
        ({"activation": "relu,tanh", "rope": 0}, "rope=0: it must be a number above 0"),
        ({"activation": "relu,tanh", "effort": "papr"}, "Did you mean 'paper'?"),
        ({"activation": "relu,tanh", "split": "column:part"}, "draws its own test rows"),
        ({"activation": "relu,tanh", "dropout": 2}, "dropout=2: each must be a finite number"),
        ({"activation": "relu,tnh"}, "There is no activation 'tnh'. Did you mean 'tanh'"),
        ({"activation": "relu,tanh", "on": "dusk://a:1"}, "on='dusk://a:1': write a number of"),
        ({"activation": "relu,tanh", "on": "0"}, "on='0': it must be at least 1"),
        ({"activation": "relu,tanh", "on": "nowhere"}, "joblib knows no backend"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(given, message, monkeypatch):
    monkeypatch.setattr(Bench, "perform", lambda self, task: pytest.fail("it trains"))
    with pytest.raises(NnplugError) as error:
        nnplug.compare("moons", **given)
    assert message in str(error.value)


def test_arms_with_different_tasks_are_refused(tmp_path):
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40) % 3})
    with pytest.raises(SettingError) as error:
        nnplug.compare((frame, "y"), loss="cross_entropy,poisson_nll")
    assert "Arms are compared on one task by one metric" in str(error.value)


def test_several_arms_are_compared_with_the_baseline_that_is_named():
    request = Request.of("moons", {"optimizer": ["sgd", "adam", "rmsprop"]}, baseline="adam")
    assert request.others == ["sgd", "rmsprop"]
    assert Request.from_dict(json.loads(json.dumps(request.to_dict())), "") == request


# --- the protocol -----------------------------------------------------------------------------


def test_the_search_takes_the_best_rate_of_its_own_seeds_and_other_seeds_follow():
    seen = []

    def rule(task):
        seen.append(task)
        # Best at 0.05 in the search; in the runs the lowest rate would be.
        score = -abs(math.log10(task.rate / 0.05)) if task.trial else -math.log10(task.rate)
        return made_up(task, score=score)

    _, (stage,) = pretend(rule, trials=8, seeds=3)
    own = [task for task in seen if task.arm == "relu"]
    assert [task.seed for task in own if task.trial] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [task.seed for task in own if not task.trial] == [3, 4, 5]
    # Of -3.75, -3.25 ... -0.25, the nearest to the logarithm of 0.05 is -1.25.
    assert {task.rate for task in own if not task.trial} == {0.0562}
    assert stage.cells["relu"].widened is None


def test_trials_of_one_score_are_ordered_by_the_loss():
    def rule(task):
        return made_up(task, score=1.0) | {"loss": abs(math.log10(task.rate / 0.05))}

    _, (stage,) = pretend(rule, trials=8, seeds=2)
    assert stage.cells["relu"].rate == 0.0562


def test_a_lucky_trial_beside_bad_ones_is_not_chosen():
    def rule(task):
        if task.rate > 0.1:
            return made_up(task, score=0.99 if task.seed == 0 else 0.1)
        return made_up(task, score=0.9 - 0.3 * abs(math.log10(task.rate / 0.01)))

    _, (stage,) = pretend(rule, trials=16, seeds=2)
    assert 0.005 < stage.cells["relu"].rate < 0.02


@pytest.mark.parametrize("trial", [False, True])
def test_a_trial_never_sees_the_last_rows_of_a_split_by_time(trial, monkeypatch):
    frame = pd.DataFrame({"t": np.arange(100.0), "x": np.sin(np.arange(100.0))})
    frame["y"] = frame["x"] * 2
    request = Request.of((frame, "y"), {"activation": "relu,tanh", "split": "time:t"}, budget=1)
    seen = []
    monkeypatch.setattr(
        "nnplug.comparison.bench._test",
        lambda run, test: seen.append((run, test.column("t").data)) or (0.5, 0.5),
    )
    Bench(request).perform(Task("relu", 0, 0, 0.01, True, trial, ""))
    ((run, times),) = seen
    first, last = (64, 80) if trial else (80, 100)
    assert times.tolist() == list(range(first, last))
    assert len(run.rows.targets) == first


def test_a_range_is_widened_once_and_that_is_said():
    request, stages = pretend(lambda task: made_up(task, score=-task.rate), trials=8, seeds=2)
    cell = stages[0].cells["tanh"]
    assert len(cell.trials) == 10  # a quarter more
    assert cell.widened.high == pytest.approx(1e-4)
    assert cell.rate < 1e-4
    said = analyse(request, stages)["caveats"]
    assert (
        "moons, tanh: the best rate was at the edge of the range, which was widened once (1e-05 to "
        "0.0001); the best is at the edge of that too."
    ) in said


def test_a_run_that_diverged_is_the_worst_and_stays():
    def rule(task):
        lost = task.seed == 4 and task.arm == "tanh"
        found = made_up(task, score=0.9 + 0.01 * task.seed)
        return {**found, "score": None, "diverged": "it blew up"} if lost else found

    request, stages = pretend(rule, trials=0, seeds=6)
    report = analyse(request, stages)
    (data,) = report["data"]
    # The constant predictor's 0 is the worst that is known.
    assert data["worst"] == 0.0
    assert data["arms"]["tanh"]["verdict"]["gain"] == pytest.approx(-0.94 / 6)
    assert data["arms"]["tanh"]["cost"]["diverged"] == 1
    assert "moons, tanh: 1 run diverged, and count as the worst score: seed 4." in report["caveats"]


def test_all_that_diverged_take_the_usual_rate():
    def rule(task):
        found = made_up(task, score=0.5)
        return {**found, "score": None, "diverged": "it blew up"} if task.trial else found

    request, stages = pretend(rule, trials=4, seeds=2)
    assert stages[0].cells["relu"].rate == 0.01
    assert "no rate of the search gave a score" in "\n".join(analyse(request, stages)["caveats"])


def test_arms_without_any_score_are_not_equivalent():
    request, stages = pretend(
        lambda task: {**made_up(task, score=None), "diverged": "it blew up"},
        trials=0, seeds=6, rope=0.1,
    )  # fmt: skip
    (data,) = analyse(request, stages)["data"]
    assert data["arms"]["tanh"]["verdict"]["word"] == "no difference detected"


def test_the_best_epoch_of_a_long_run_stays_in_its_curve():
    """Or else the run would seem to miss the score that it has there."""
    values = [0.1] * 250
    values[142] = 0.9
    curve = _thinned(values, 142)
    assert [143, 0.9] in curve
    assert [len(curve), curve[0][0], curve[-1][0]] == [84 + 1, 1, 250]
    assert _thinned(values, -1)[-1] == [250, 0.1]
    assert _thinned([], -1) == []


@pytest.mark.parametrize(("more", "said"), [({}, True), ({"seeds": 6}, False),
                                            ({"trials": 3}, False)])  # fmt: skip
def test_quick_is_exploratory_unless_seeds_or_trials_are_given(more, said):
    """With enough seeds there are verdicts, which a caveat must not deny."""
    request, stages = pretend(lambda task: made_up(task, score=0.5), effort="quick", **more)
    caveats = "\n".join(analyse(request, stages)["caveats"])
    assert ("Exploratory (--quick)" in caveats) is said


def test_a_target_that_is_missed_stays_as_never():
    def rule(task):
        score = 0.8 if task.arm == "relu" else 0.31 + 0.1 * task.seed
        return made_up(task, score=score)

    request, stages = pretend(rule, trials=0, seeds=4)
    cost = analyse(request, stages)["data"][0]["arms"]
    # relu reaches 0.8 in epoch 4, of 2 steps and half a second each; tanh only with 3 and 4.
    assert cost["relu"]["cost"]["steps_to_target"] == 8
    assert cost["tanh"]["cost"]["times_to_target"] == [None, None, 2.0, 2.0]
    assert cost["tanh"]["cost"]["reached"] == 2
    assert cost["tanh"]["cost"]["seconds_to_target"] is None


def test_scores_over_data_sets_are_normalised():
    """The baseline is 1, the constant predictor 0; a minimum is turned around."""

    def rule(task):
        base = {0: 0.8, 1: 0.4}[task.data]
        return made_up(task, score=base / 2 if task.arm == "tanh" else base, constant=0.2)

    request, stages = pretend(rule, data="moons,spiral", trials=0, seeds=4)
    overall = analyse(request, stages)["overall"]
    # (0.4 - 0.2) / 0.6 = 1/3 and (0.2 - 0.2) / 0.2 = 0.
    assert overall["arms"]["relu"]["iqm"] == pytest.approx(1.0)
    assert overall["arms"]["tanh"]["iqm"] == pytest.approx(1 / 6)
    assert overall["arms"]["tanh"]["gain"] == pytest.approx(-5 / 6)
    assert overall["arms"]["tanh"]["mean_rank"] == 2.0
    assert overall["friedman"] is None

    stages[1].maximize = False
    overall = analyse(request, stages)["overall"]
    assert overall["left_out"] == ["spiral"]  # of a minimum, 0.4 is worse than the constant 0.2
    assert overall["arms"]["tanh"]["mean_rank"] == 1.5


def test_from_five_data_sets_on_ranks_are_tested():
    data = "moons,spiral,circle,gaussians,noisy_xor"
    request, stages = pretend(
        lambda task: made_up(task, score=0.1 * len(task.arm)), data=data, trials=0, seeds=2,
        arms="relu,sigmoid,softplus",
    )  # fmt: skip
    # All five in one order: 12 / (5·3·4) · (5² + 10² + 15²) - 3·5·4 = 10.
    friedman = analyse(request, stages)["overall"]["friedman"]
    assert friedman["statistic"] == pytest.approx(10.0)
    assert friedman["p"] < 0.01


# --- real runs --------------------------------------------------------------------------------


def test_test_rows_are_apart_the_same_for_all_arms_and_others_for_each_seed():
    bench = Bench(Request.of("moons", {"activation": "relu,tanh"}))
    content = bench.content(0)
    content = replace(content, inputs=np.arange(len(content.inputs))[:, None])
    drawn = {}
    for seed in (1, 2):
        for arm in ("relu", "tanh"):
            kept, test = bench._hold_out(content, Task(arm, 0, seed, None, True, False, ""))
            both = np.concatenate([kept.inputs, test.inputs]).ravel()
            assert sorted(both.tolist()) == list(range(200))
            assert len(test.inputs) == 40
            assert np.bincount(test.targets).tolist() == [20, 20]  # stratified
            drawn[seed, arm] = test.inputs.ravel().tolist()
    assert drawn[1, "relu"] == drawn[1, "tanh"]
    assert drawn[1, "relu"] != drawn[2, "relu"]


def test_the_score_is_that_of_the_test_rows_and_of_nnplug_train(tmp_path):
    """By hand: the rows that are split off, a run on the others, and its metric on them."""
    generator = np.random.default_rng(4)
    frame = pd.DataFrame({"a": generator.normal(size=60), "b": generator.normal(size=60)})
    frame["y"] = frame["a"] * 2 - frame["b"]
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    request = Request.of(f"{path}:y", {"activation": "relu,tanh", "hidden": (4,)}, budget=5)
    bench = Bench(request)
    found = bench.perform(Task("tanh", 0, 3, 0.05, True, False, ""))
    _, test = bench._hold_out(bench.content(0), Task("tanh", 0, 3, 0.05, True, False, ""))
    values = {name: test.column(name).data for name in ("a", "b", "y")}
    left = frame.merge(pd.DataFrame(values), how="left", indicator=True)
    kept = frame[(left["_merge"] == "left_only").to_numpy()]
    trained = nnplug.train(
        kept, target="y", hidden=(4,), activation="tanh", learning_rate=0.05, seed=3, epochs=5
    )
    predicted = trained.predict(pd.DataFrame(values)).ravel()
    residual = np.sum((predicted - values["y"]) ** 2)
    r2 = 1 - residual / np.sum((values["y"] - values["y"].mean()) ** 2)
    assert len(values["y"]) == 12
    assert found["score"] == pytest.approx(r2, rel=1e-5)
    # The mean of the training rows, on the test rows.
    mean = kept["y"].to_numpy()[trained.train_rows].mean()
    spread = np.sum((values["y"] - values["y"].mean()) ** 2)
    assert found["constant"] == pytest.approx(
        1 - np.sum((values["y"] - mean) ** 2) / spread, abs=1e-5
    )
    assert found["epochs"] == 5
    assert found["steps"] == 5 * 2


def test_a_part_under_another_name_has_the_same_scores(plugin):
    found = nnplug.compare(
        "moons", activation="relu,other", seeds=6, trials=0, budget=3, plugins=[plugin]
    )
    arms = found.report["data"][0]["arms"]
    scores = [[run["score"] for run in arms[arm]["runs"]] for arm in ("relu", "other")]
    assert scores[0] == scores[1]
    assert len(set(scores[0])) > 1  # the seeds differ
    assert found.verdicts == {"moons": {"other": "no difference detected"}}
    assert arms["other"]["verdict"]["p"] == 1.0


def test_runs_that_really_diverge_are_listed(plugin):
    found = nnplug.compare(
        "moons", activation="relu,blows_up", seeds=6, trials=2, budget=2, plugins=[plugin],
        metrics="log_loss",
    )  # fmt: skip
    arm = found.report["data"][0]["arms"]["blows_up"]
    assert arm["all_diverged"]
    assert arm["cost"]["diverged"] == 6
    assert all(run["score"] is None and run["diverged"] for run in arm["runs"])
    assert found.verdicts == {"moons": {"blows_up": "worse"}}
    assert "NaN" not in json.dumps(found.report)


@pytest.mark.parametrize(
    ("factor", "arms"),
    [
        ("loss", "binary_cross_entropy,binary_focal"),
        ("optimizer", "adam,adam:beta1=0.8,beta2=0.9"),
        ("initializer", "glorot_uniform,he_normal"),
        ("schedule", "constant,cosine"),
        ("layers", ["dense:8 relu", "dense:8 layer_norm relu"]),
        ("recipe", "notebook,scikit_learn"),
    ],
)
def test_every_kind_of_part_can_be_compared(factor, arms):
    found = nnplug.compare("moons", effort="quick", budget=2, **{factor: arms})
    assert list(found.verdicts["moons"].values()) == ["no claim"]
    assert "Exploratory (--quick)" in str(found)


def test_seconds_end_a_run():
    found = nnplug.compare("moons", activation="relu,tanh", effort="quick", budget="0.001s")
    epochs = [run["epochs"] for run in found.report["data"][0]["arms"]["relu"]["runs"]]
    assert max(epochs) < 20
    assert "wall-clock time" in str(found)


def test_a_dataset_that_holds_nothing_out_is_judged_on_its_training_rows():
    found = nnplug.compare("xor", optimizer="sgd,adam", effort="quick", budget=3)
    assert not found.report["data"][0]["held_out"]
    assert "xor: no rows are held out, because of its recipe or validation=0" in str(found).replace(
        "\n  ", " "
    )


def test_parts_and_frames_of_python_can_be_compared():
    @nnplug.activation
    def bent(x):
        """Bent."""
        return np.where(x > 0, x, 0.3 * x)

    frame = pd.DataFrame({"x": np.linspace(-1, 1, 50)})
    frame["y"] = np.abs(frame["x"])
    found = nnplug.compare((frame, "y"), activation=["relu", bent], effort="quick", budget=2)
    assert found.verdicts == {"data": {"bent": "no claim"}}
    assert found.report["request"]["objects"] == ["bent", "data"]
    with pytest.raises(SettingError, match="bent, data was an object in Python"):
        Request.from_dict(found.report["request"], "report.json")


# --- where, and what is kept ---------------------------------------------------------------------


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    monkeypatch.setattr("nnplug.places.dask_cluster.PATIENCE", 0.2)
    with pytest.raises(SettingError, match="no Dask scheduler answers there"):
        nnplug.compare("moons", activation="relu,tanh", effort="quick", on="dask://127.0.0.1:1")


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    done = []
    original = Bench.perform

    def counted(self, task):
        done.append(task.name)
        if len(done) == 5:
            raise KeyboardInterrupt
        return original(self, task)

    monkeypatch.setattr(Bench, "perform", counted)
    asked = {"activation": "relu,tanh", "seeds": 2, "trials": 2, "budget": 2}
    folder = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        nnplug.compare("moons", output=folder, **asked)
    kept = {path.stem for path in (folder / "runs").iterdir()}
    assert kept == set(done[:4])
    done[:] = ["none"] * 9
    results, request = Results.open(folder)
    found = run(Bench(request), results)
    assert not kept & set(done)
    assert found.differences(nnplug.compare("moons", **asked)) == []

    # A damaged file is done again, and nothing else.
    (folder / "runs" / f"{min(kept)}.json").write_text('{"score": "high"}')
    done.clear()
    nnplug.compare("moons", output=folder, **asked)
    assert done == [min(kept)]
    with pytest.raises(StorageError, match="holds another comparison"):
        nnplug.compare("moons", output=folder, **{**asked, "seeds": 3})


def test_an_error_of_the_data_leaves_no_folder(tmp_path):
    with pytest.raises(DataError):
        nnplug.compare([(pd.DataFrame({"x": [1.0, 2.0]}), "y")], activation="relu,tanh",
                       output=tmp_path / "new")  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_a_replay_names_what_has_changed(tmp_path, plugin):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    asked = {"activation": "relu,other", "seeds": 2, "trials": 0, "budget": 2}
    before = nnplug.compare("moons", plugins=[str(path)], output=tmp_path / "one", **asked)
    assert before.differences(tmp_path / "one") == []
    path = tmp_path / "again" / "mine.py"
    path.parent.mkdir()
    path.write_text(PLUGIN.replace("np.maximum(x, 0)", "np.maximum(x, -1)"))
    after = nnplug.compare("moons", plugins=[str(path)], **asked)
    lines = after.differences(tmp_path / "one" / "report.json")
    assert lines[0] == "activation other: its formula has changed"
    assert any(line.startswith("moons, other: other scores for seed 3") for line in lines)
    assert not any("moons, relu" in line for line in lines)


def test_a_report_that_is_none_is_refused(tmp_path):
    found = nnplug.compare("moons", activation="relu,tanh", effort="quick", budget=1)
    path = tmp_path / "report.json"
    for text, message in (
        ("{", "is not the record of a comparison"),
        ("[]", "is not the report of a comparison"),
        ('{"request": {}, "data": [{}], "record": {}, "nnplug": ""}', "is not whole"),
    ):
        path.write_text(text)
        with pytest.raises(SettingError, match=message):
            found.differences(path)
    with pytest.raises(StorageError, match="cannot be read"):
        found.differences(tmp_path / "none.json")


def test_a_report_with_other_runs_is_refused():
    """As one that was edited, or that is of another comparison."""
    asked = {"activation": "relu,tanh", "trials": 0, "budget": 1}
    two, three = (nnplug.compare("moons", seeds=seeds, **asked) for seeds in (2, 3))
    with pytest.raises(SettingError, match="is of another comparison"):
        two.differences(three)


# --- the report --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile():
    """A report whose names come from somebody else."""

    def rule(task):
        return made_up(task, score=0.5 + 0.01 * task.seed + 0.2 * (task.arm == "relu"))

    request, stages = pretend(rule, data="moons,spiral", seeds=6, trials=4)
    report = analyse(request, stages)
    names = {"moons": "=<script>a|b_\x1b[2J&%", "spiral": "plain"}
    for each in report["data"]:
        each["name"] = names[each["name"]]
    return report


def test_names_do_no_harm_in_any_form(hostile):
    page = write_page(hostile)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "\x1b" not in page + as_text(hostile, 80) + as_markdown(hostile) + as_latex(hostile)
    assert r"=\<script\>a\|b\_" in as_markdown(hostile)
    assert r"=\textless{}script\textgreater{}a\textbar{}b\_" in as_latex(hostile)
    rows = list(csv.DictReader(io.StringIO(as_csv(hostile))))
    assert rows[0]["data"].startswith("'=<script>")


def test_the_text_fits_its_width_and_says_the_verdict(hostile):
    assert max(map(len, as_text(hostile, 80).splitlines())) <= 80
    assert "tanh: worse" in as_text(hostile, 80)


def test_the_csv_has_every_run_and_trial(hostile):
    rows = list(csv.DictReader(io.StringIO(as_csv(hostile))))
    runs = [row for row in rows if row["kind"] == "run"]
    assert len(runs) == 2 * 2 * 6
    assert len(rows) - len(runs) == 2 * 2 * 5  # made-up scores are equal: the first is at an edge
    assert float(runs[0]["score"]) == pytest.approx(0.73)


def test_the_page_shows_paired_differences_first(hostile):
    page = write_page(hostile)
    titles = ["Paired differences", "Scores", "Runs", "Learning curves", "Sensitivity to the",
              "Search", "Time to the target", "Cost", "Keep in mind", "What was fixed"]  # fmt: skip
    places = [page.index(f"<h2>{title}") for title in titles]
    assert places == sorted(places)
    assert "performance profile" in page
    assert Comparison(hostile)._repr_html_() in page


def test_tables_of_latex_have_as_many_cells_as_columns(hostile):
    for table in as_latex(hostile).split(r"\begin{tabular}")[1:]:
        columns = len(table[table.index("{l") + 1 : table.index("}")])
        rows = [line for line in table.splitlines() if line.endswith(r" \\")]
        assert {line.count(" & ") + 1 for line in rows} == {columns}
