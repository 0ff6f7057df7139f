"""What is said of a run, once, with the option to copy; of a good run nothing."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli import cli
from nnplug.runs import advice
from nnplug.runs.preparing import prepare

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def hints(*arguments):
    """Run a command, and give what it says as a colleague would."""
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return [line for line in done.stderr.splitlines() if line.startswith("hint: ")]


def write(name, columns, rows):
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return name


def rare(rows=1000, positive=500):
    """One positive among a thousand, and inputs that tell nothing."""
    rng = np.random.default_rng(0)
    return write("rare.csv", ["a", "b", "y"], (
        [f"{a:.3f}", f"{b:.3f}", "yes" if row == positive else "no"]
        for row, (a, b) in enumerate(rng.standard_normal((rows, 2)))
    ))  # fmt: skip


# --- what is said, as it is typed ------------------------------------------------------


def test_a_learning_rate_that_kills_every_unit_of_xor():
    assert hints("train", "xor", "--activation", "relu", "--learning-rate", "1e9") == [
        "hint: all 2 units of hidden1 are dead: relu gives 0 for every row; the learning rate "
        "1e+09 is the likely cause: --learning-rate 1"
    ]
    assert hints("train", "xor", "--activation", "relu", "--learning-rate", "1") == []


@pytest.mark.parametrize("more", [(), ("--stream",)], ids=["memory", "stream"])
def test_a_model_that_always_answers_the_larger_class(more):
    table = rare()
    asked = ("train", table, "--target", "y", "--output", "run", "--epochs", "12", *more)
    (line,) = hints(*asked)
    assert line == (
        f'hint: the model answers "no" for every row, as {"99.87" if more else "99.9"} % of the '
        "rows are: --class-weight balanced --metric balanced_accuracy"
    )  # a stream is judged by its 800 rows for training
    page = re.sub("<.*?>|\u200b", "", Path("run/report.html").read_text())
    assert "as 99.9 % of the rows are" in page or more
    done = CliRunner().invoke(cli, ["evaluate", "run/model.safetensors", table])
    assert done.stdout.endswith("Accuracy: 0.999000\n")
    assert done.stderr.splitlines()[-1] == (
        'hint: the model answers "no" for every row, as 99.9 % of the rows are: --metric '
        "balanced_accuracy weights all classes equally"
    )
    # The option that it names can be given, and is not named again.
    asked = (*asked[:4], "--epochs", "12", "--no-output", *more)
    said = hints(*asked, "--class-weight", "balanced", "--metric", "balanced_accuracy")
    assert not any("--class-weight" in line for line in said)


def test_rows_of_one_class_alone_are_no_fault_of_the_model():
    hints("train", rare(), "--target", "y", "--output", "run", "--epochs", "12")
    rows = [["0.1", "0.2", "no"]] * 9
    assert hints("evaluate", "run/model.safetensors", write("no.csv", ["a", "b", "y"], rows)) == []


def test_the_last_epoch_was_the_best_and_the_command_goes_on():
    (line,) = hints("train", IRIS, "--target", "species", "--epochs", "20", "--output", "a run")
    assert line == (
        "hint: the last epoch, 19, was the best; more may be better: nnplug train --resume "
        "'a run' --epochs 40"
    )
    hints("train", "--resume", "a run", "--epochs", "40")
    assert json.loads(Path("a run/run.json").read_text())["epochs"] == 40
    (line,) = hints("train", IRIS, "--target", "species", "--epochs", "20", "--no-output")
    assert line.endswith("more may be better: --epochs 40")


def test_a_look_or_a_plan_is_not_judged_by_its_last_epoch():
    iris = ("train", IRIS, "--target", "species", "--no-output")
    assert hints(*iris, "--epochs", "9") == []
    assert hints(*iris, "--epochs", "20", "--schedule", "cosine") == []


def test_a_regression_that_predicts_one_number():
    rng = np.random.default_rng(0)
    table = write("t.csv", ["x", "y"], rng.standard_normal((60, 2)).round(3).tolist())
    asked = ("train", table, "--target", "y", "--no-output", "--epochs", "12", "--seed", "1")
    (line,) = hints(*asked, "--learning-rate", "1e9", "--activation", "tanh")
    assert line == (
        "hint: all 100 units of hidden1 are dead: tanh gives the same for every row; the learning "
        "rate 1e+09 is the likely cause: --learning-rate 0.001"
    ) or line.startswith("hint: the loss does not fall: ")
    (line,) = hints(*asked, "--learning-rate", "1e-9", "--validation", "0")
    assert line.startswith("hint: the loss does not fall: it was ")
    assert line.endswith("; the learning rate 1e-09 is small: --learning-rate 0.001")


def test_it_is_in_the_json_and_in_python():
    done = CliRunner().invoke(cli, ["train", "xor", "--activation", "relu", "--learning-rate",
                                    "1e9", "--epochs", "50", "--json"])  # fmt: skip
    said = json.loads(done.stdout)["advice"]
    run = nnplug.train("xor", activation="relu", learning_rate=1e9, epochs=50)
    assert list(run.advice) == said
    assert "dead" in said[0]
    assert nnplug.train("xor", epochs=50).advice == ()


def test_steps_by_the_million_are_spoken_of_before_they_are_taken():
    run = prepare((np.zeros((400_000, 1), np.float32), np.arange(400_000) % 7))
    assert advice.before(run) == (
        "320,000 rows in batches of 32 are 10,000 steps an epoch, up to 5,000,000: "
        "--batch-size 128",
    )
    wide = prepare((np.zeros((400_000, 1), np.float32), np.arange(400_000) % 7), batch_size=128)
    assert advice.before(wide) == ()
    assert advice.before(prepare("xor")) == ()


def test_a_skewed_target_is_spoken_of_before_training_and_by_data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(300)
    table = write("p.csv", ["x", "price"],
                  zip(x.round(3), np.exp(2 * x).round(5), strict=True))  # fmt: skip
    median, largest = f"{np.median(np.exp(2 * x)):.4g}", f"{np.exp(2 * x).max():.4g}"
    note = (
        f'target "price" is skewed: half are below {median}, the largest is {largest}. If errors '
        "count by ratio: --target-transform log"
    )
    assert note in prepare(table, target="price").rows.notes
    said = CliRunner().invoke(cli, ["data", table, "--target", "price"]).stdout
    assert note in " ".join(said.split())
    assert note not in prepare(table, target="price", target_transform="log").rows.notes
    # One with a number of 0 or below, and one that no logarithm straightens.
    for numbers in (np.exp(2 * x) - 0.5, 1 + 1000 * (x > 2)):
        table = write("q.csv", ["x", "price"], zip(x, numbers, strict=True))
        assert not any("skewed" in line for line in prepare(table, target="price").rows.notes)


# --- good runs -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_a_good_run_is_left_alone(name):
    datasets = pytest.importorskip("sklearn.datasets", reason="the tables are scikit-learn's")
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    target = list(data.target.columns) if name == "linnerud" else "target"
    run = nnplug.train(data.frame, target=target, engine="numpy")
    assert run.advice == ()
    assert advice.before(run) == ()
    assert not any("skewed" in line for line in run.rows.notes)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "gelu"])
def test_xor_as_the_notebook_has_it_is_left_alone(activation):
    assert nnplug.train("xor", activation=activation).advice == ()


# --- rules by hand ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("followed", "best", "ended", "said"),
    [
        ([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0.5], 9, "epochs", True),
        ([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0.5], 9, "patience", False),
        ([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 1.5], 8, "epochs", False),
        ([9.0, 8, 7, 6, 5, 4, 3, 2, 1], 8, "epochs", False),  # a look
        ([9.0, 1, 1, 1, 1, 1, 1, 1, 1, 0.99], 9, "epochs", False),  # nothing to gain
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9], 9, "epochs", True),  # a metric
        ([float("nan")] * 10, None, "epochs", False),
    ],
)
def test_when_more_epochs_may_be_better(followed, best, ended, said):
    assert (advice.last_was_best(followed, best, ended) is not None) is said


def test_shares_near_all_do_not_look_like_all():
    for positive, share in ((1, "99.9 %"), (4, "99.6 %"), (20, "98 %")):
        targets = np.zeros(1000, int)
        targets[:positive] = 1
        line = advice.one_class(np.zeros(1000, int), targets, (False, True))
        assert line == f"the model answers false for every row, as {share} of the rows are"
    targets = np.zeros(1_000_000, int)
    targets[0] = 1
    assert "as 99.99 % of" in advice.one_class(np.zeros(1_000_000, int), targets, (0, 1))


def test_one_living_unit_is_enough():
    outputs = np.zeros((5, 3))
    assert advice.dead_layer([("hidden1", "relu", outputs)]) is not None
    outputs[4, 2] = 1e-30
    assert advice.dead_layer([("hidden1", "relu", outputs)]) is None
    dead = ("hidden2", "relu", np.zeros((5, 1)))
    assert advice.dead_layer([("hidden1", "relu", outputs), dead]) == (
        "its unit is dead: relu gives 0 for every row"
    )


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ([0.5] * 10, True),
        ([0.5, *[0.6] * 9], True),
        ([0.5, *[0.6] * 8, 0.49], False),
        ([-1.0, *[-0.9] * 9], True),
        ([-1.0, *[-1.1] * 9], False),
        ([0.5] * 9, False),
    ],
)
def test_when_a_loss_is_stuck(loss, said):
    assert (advice.stuck(loss) is not None) is said
