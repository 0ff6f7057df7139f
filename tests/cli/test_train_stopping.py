"""`nnplug train`: patience, penalties, dropout, clipping, class weights, as a person reads them."""

import json
import re

import pytest

from tests.cli.test_train_command import IRIS, nnplug

IRIS_SPECIES = ("train", IRIS, "--target", "species", "--no-output")


def test_patience_says_what_it_did():
    done = nnplug(*IRIS_SPECIES, "--learning-rate", "0.05", "--epochs", "300", "--patience", "4",
                  "--l2", "0.001", "--log-every", "1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    header, stopped, weights = done.stderr.splitlines()[-3:]
    assert header == "l2 0.001; stops after 4 epochs without a better validation loss"
    lines = done.stdout.splitlines()
    losses = [float(re.search(r"Validation loss: ([\d.]+)", line)[1]) for line in lines[:-1]]
    best = losses.index(min(losses))
    last = len(losses) - 1
    assert last < 299
    assert stopped == f"stopped after epoch {last}: 4 epochs without a better validation loss"
    assert weights == f"the weights are those of epoch {best}, the best by validation loss"
    # The last line has the numbers of these weights, the penalty beside the loss.
    assert lines[-1] == lines[best].replace(f"Epoch {best}", "Final")
    assert re.match(r"Final, Loss: \S+, Penalty: \S+, Validation loss: \S+, Acc", lines[-1])


def test_all_of_it_is_on_one_line_before_the_run():
    done = nnplug(*IRIS_SPECIES, "--epochs", "2", "--hidden", "8,6", "--l2", "1e-4", "--l1",
                  "0.01", "--dropout", "0.2,0.1", "--clip-global-norm", "1", "--class-weight",
                  "setosa=2,virginica=0.5", "--patience", "1", "--monitor", "accuracy")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[4] == (
        "l2 0.0001; l1 0.01; dropout 0.2, 0.1; gradients clipped to global norm 1; class weights "
        "setosa 2, virginica 0.5; stops after 1 epoch without a better accuracy"
    )


def test_the_settings_are_in_the_json_and_the_best_epoch():
    done = nnplug(*IRIS_SPECIES, "--epochs", "300", "--learning-rate", "0.05", "--hidden", "8",
                  "--dropout", "0.1", "--clip-global-norm", "2", "--class-weight", "balanced",
                  "--patience", "3", "--min-delta", "0.01", "--json")  # fmt: skip
    result = json.loads(done.stdout)
    wanted = {
        "l2": 0.0, "l1": 0.0, "dropout": [0.1], "clip_global_norm": 2.0,
        "class_weight": "balanced", "monitor": "validation_loss", "patience": 3, "min_delta": 0.01,
    }  # fmt: skip
    assert {name: result["settings"][name] for name in wanted} == wanted
    losses = result["history"]["validation_loss"]
    assert result["ended"] == "patience"
    assert result["best_epoch"] == losses.index(min(losses))
    assert result["final"]["validation_loss"] == min(losses)


def test_without_a_validation_part_and_patience_the_last_weights_stay():
    done = nnplug("train", "--epochs", "3", "--json")
    result = json.loads(done.stdout)
    assert (result["ended"], result["best_epoch"]) == ("epochs", None)
    assert result["settings"]["monitor"] is None
    done = nnplug("train", "--epochs", "3", "--patience", "9", "--json")
    assert json.loads(done.stdout)["settings"]["monitor"] == "loss"


def test_the_plan_shows_penalty_dropout_and_clipping():
    done = nnplug(*IRIS_SPECIES, "--plan", "--l2", "0.1", "--dropout", "0.5",
                  "--clip-global-norm", "1", "--class-weight", "balanced")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in (
        "penalty: hidden1.weight",
        "hidden1.kept 32×100  = hidden1.a * hidden1.t",
        "clip: global norm 1",
        "weight  32×1  = take(all weights, rows)",
    ):
        assert re.search(re.escape(line).replace(r"\ ", " +"), done.stdout), line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--l2", "-1"], "'--l2': '-1': it must be a finite number, at least 0."),
        (["--l1", "nan"], "'--l1': 'nan': it must be a finite number, at least 0."),
        (["--clip-global-norm", "0"], "'0': it must be a finite number, above 0, or none."),
        (["--dropout", "1"], "'1': each must be a finite number, at least 0 and below 1; write "
         "0.5 for all hidden layers, 0.2,0.5 for two."),
        (["--dropout", "x"], "'x': each must be a finite number, at least 0 and below 1"),
        (["--dropout", "0.1,0.2"], "dropout=(0.1, 0.2): 2 values for 1 hidden layers; give one,"),
        (["--patience", "0"], "'0': it must be a whole number, at least 1, or none."),
        (["--min-delta", "0.1", "--validation", "0"],
         "min_delta=0.1: without patience, nothing waits"),
        (["--min-delta", "-1", "--patience", "2"], "'-1': it must be a finite number"),
        (["--monitor", "acuracy"], "monitor='acuracy': it must be one of loss, validation_loss, "
         "accuracy. Did you mean 'accuracy'?"),
        (["--monitor", "f1"], "To follow another metric, add it to metrics."),
        (["--monitor", "validation-loss", "--validation", "0"],
         "monitor='validation-loss': it must be one of loss, accuracy. "
         "No rows are held out for validation: validation is 0."),
        (["--class-weight", "even"], "'even': it must be balanced, or a weight for each class, as "
         "yes=5,no=1, or none."),
        (["--class-weight", "setosa=x"], "'setosa=x': it must be balanced, or a weight"),
        (["--class-weight", "setosaa=2"], "class_weight: there is no class 'setosaa'. Did you mean "
         "'setosa'? The classes are setosa, versicolor, virginica."),
        (["--class-weight", "setosa=-1"], "class 'setosa' weighs -1.0; a weight is a finite"),
    ],
)  # fmt: skip
def test_wrong_values_exit_with_2_and_say_why(arguments, message):
    done = nnplug(*IRIS_SPECIES, *arguments)
    assert done.returncode == 2, done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_class_weights_are_for_classes():
    done = nnplug("train", IRIS, "--target", "sepal_width", "--class-weight", "balanced")
    assert done.returncode == 2
    assert (
        "class_weight='balanced': a row of a regression task does not have one class.\n"
        "Give weights of rows instead: sample_weight." in done.stderr
    )
