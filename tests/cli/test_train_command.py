"""`nnplug train`: what a person reads, and the exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner

from nnplug import train
from nnplug.cli import cli
from nnplug.plugins.registry import Registry
from tests.cli.models import nnplug_command
from tests.cli.models import nnplug_here as nnplug

IRIS = str(Path(__file__).parents[2] / "examples" / "iris.csv")


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """Runs on tables are kept in the folder where the command is called."""
    monkeypatch.chdir(tmp_path)


def test_a_table_without_a_recipe():
    done = nnplug_command("train", IRIS, "--target", "species", "--recipe", "none")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    places = [f"Epoch {20 * number}" for number in range(len(lines) - 1)]
    assert [line.partition(",")[0] for line in lines] == [*places, "Final"]
    accuracy = float(lines[-1].rpartition("Accuracy: ")[2])
    assert accuracy >= 0.9
    *said, stopped, best, kept = done.stderr.splitlines()
    last = int(re.fullmatch(r"stopped after epoch (\d+): 20 epochs without .* loss", stopped)[1])
    assert len(places) == last // 20 + 1 < 25
    assert best == f"the weights are those of epoch {last - 20}, the best by validation loss"
    assert re.fullmatch(r"kept in runs/\d{8}-\d{6}-iris-relu-adam", kept)
    assert said == [
        'target "species" has 3 classes: multiclass classification (--task overrides)',
        "iris.csv: 120 rows and 30 for validation (stratified); multiclass",
        "network 4-100-3 (relu; output identity), 803 parameters, float32",
        "loss cross_entropy; optimizer adam at learning rate 0.001; 500 epochs, batches of 32; "
        "seed 0",
        "stops after 20 epochs without a better validation loss",
    ]


def test_who_waits_by_default_and_how_long_a_run_may_be():
    """Patience and epochs, by options; a run that nobody planned has a limit and waits."""
    table = (IRIS, "--target", "species")
    for arguments, expected in (
        (table, (20, 500)),
        ((*table, "--epochs", "300"), (20, 300)),
        ((*table, "--patience", "5"), (5, 500)),
        ((*table, "--patience", "none"), (None, 100)),
        ((*table, "--set", "patience=none"), (None, 100)),
        ((*table, "--validation", "0"), (None, 100)),
        ((*table, "--validation", "0", "--patience", "5"), (5, 100)),
        ((*table, "--schedule", "cosine"), (None, 100)),
        ((*table, "--schedule", "constant"), (20, 500)),
        (("xor",), (None, 10_000)),
        (("xor", "--validation", "0.5", "--hidden", "3"), (None, 10_000)),
    ):
        run = prepared(*arguments)
        assert (run.settings.patience, run.settings.epochs) == expected, arguments


def prepared(*arguments):
    """Give the run that `nnplug train` would train."""
    with mock.patch("nnplug.cli.train._print_plan") as printed:
        done = CliRunner().invoke(cli, ["train", *map(str, arguments), "--plan"])
    assert done.exit_code == 0, done.output
    return printed.call_args.args[0]


def test_every_option_reaches_the_run():
    done = nnplug(
        "train", IRIS, "--target", "petal_width", "--task", "regression", "--hidden", "7,5",
        "--recipe", "none",
        "--activation", "tanh", "--activation", "Leaky-ReLU:slope=0.2", "--output-activation",
        "softplus", "--loss", "huber:delta=0.5", "--optimizer", "adamw:weight_decay=0.1",
        "--learning-rate", "0.02", "--initializer", "he_normal", "--schedule", "cosine:warmup=1",
        "--epochs", "4", "--batch-size", "16", "--validation", "0.1", "--metric", "mae",
        "--metric", "r2", "--seed", "7", "--dtype", "float64", "--log-every", "2", "--json",
        "--no-output",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["settings"] == {
        "data": "iris.csv",
        "task": "regression",
        "hidden": [7, 5],
        "activation": ["tanh", "leaky_relu:slope=0.2"],
        "layers": None,
        "recipe": None,
        "output_activation": "softplus",
        "loss": "huber:delta=0.5",
        "optimizer": "adamw:learning_rate=0.02,weight_decay=0.1",
        "rate": {},
        "decay": {},
        "initializer": "he_normal",
        "schedule": "cosine:warmup=1.0",
        "epochs": 4,
        "batch_size": 16,
        "l2": 0.0,
        "l1": 0.0,
        "dropout": [0.0, 0.0],
        "clip_global_norm": None,
        "class_weight": None,
        "validation": 0.1,
        "split": "random",
        "monitor": "validation_loss",
        "patience": None,
        "min_delta": 0.0,
        "metrics": ["mae", "r2"],
        "members": 1,
        "folds": None,
        "shards": None,
        "seed": 7,
        "dtype": "float64",
        "engine": "numpy",
        "interval": None,
        "increasing": [],
        "decreasing": [],
        "log_every": 2,
        "table": {
            "target": ["petal_width"],
            "columns": None,
            "drop": [],
            "categorical": [],
            "numeric": [],
            "missing": "mean",
            "encoding": {},
            "drop_missing_targets": False,
            "weights": None,
            "target_transform": None,
            "read": {},
            "sql": None,
        },
    }
    assert result["rows"] == {"training": 135, "validation": 15}
    assert result["epochs"] == 4
    assert not result["diverged"]
    assert set(result["history"]) == {"loss", "validation_loss", "learning_rate", "mae", "r2"}
    assert all(len(column) == 4 for column in result["history"].values())
    # The progress lines keep out of the JSON.
    assert [line.partition(",")[0] for line in done.stderr.splitlines()[-2:]] == [
        "Epoch 0",
        "Epoch 2",
    ]


def test_divergence_exits_with_1_and_keeps_the_json():
    done = nnplug("train", "--learning-rate", "1e200", "--loss", "mse", "--hidden", "none",
                  "--output-activation", "identity", "--json")  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["diverged"] is True
    assert "error: Training stopped at epoch 1, step 2: the loss is not finite." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "sigmod"], "There is no activation 'sigmod'. Did you mean 'sigmoid'"),
        (["--loss", "relu"], "'relu' is the name of an activation."),
        (["--optimizer", "adam:beta3=1"], "optimizer 'adam' has no option 'beta3'."),
        (["--optimizer", "adam:beta1=x"], "optimizer 'adam': beta1=x is not a number."),
        (["--optimizer", "adam:beta1"], "the option 'beta1' is not of the form key=value."),
        (
            ["--hidden", "3,x"],
            "'3,x': each must be a whole number, at least 1; write 64 for one hidden layer,",
        ),
        (["--batch-size", "0"], "'0': it must be a whole number, at least 1, or full."),
        (["--learning-rate", "-1"], "'-1': it must be a finite number, above 0."),
        (["--learning-rate", "1e39", "--dtype", "float32"], "finite in float32"),
        (["--validation", "0.9"], "validation=0.9 leaves none of the 4 rows for training."),
        (["--target", "a"], "xor has its own target"),
        (["--task", "regression"], "task='regression': xor is a binary dataset."),
        (["nosuch"], "There is no dataset 'nosuch'."),
        (["nosuch.csv", "--target", "y"], "nosuch.csv: no such file."),
        ([IRIS], "iris.csv: no target is given."),
        ([IRIS, "--target", "spcies"], "Did you mean 'species'?"),
        ([IRIS, "--target", "sepal_width", "--loss", "cross_entropy"], "a regression does not"),
        ([IRIS, "--target", "sepal_width", "--metric", "accuracy"], "Use r2, mse or mae."),
        (
            ["--loss", "bce", "--output-activation", "sigmoid"],
            "the loss takes logits and applies its own sigmoid; it would be applied twice.",
        ),
        (["--activation", "relu", "--activation", "tanh"], "2 activations for 1 hidden layers"),
        (["--epochs", "0"], "'--epochs': '0': it must be a whole number, at least 1."),
        (["--nosuch"], "No such option"),
    ],
)
def test_wrong_input_exits_with_2_and_says_why(arguments, message):
    done = nnplug("train", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback():
    done = nnplug_command("--debug", "train", "--loss", "nosuch")
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "UnknownPartError" in done.stderr


def test_a_wrong_command_suggests_the_right_one():
    done = nnplug("trian")
    assert done.returncode == 2
    assert "Did you mean 'train'?" in done.stderr


def test_help_fits_80_columns_and_has_examples():
    for arguments in (["--help"], ["train", "--help"], ["plugins", "--help"]):
        done = nnplug(*arguments)
        assert done.returncode == 0
        assert "Examples:" in done.stdout or arguments[0] == "plugins"
        assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("data", [[], [IRIS, "--target", "species", "--recipe", "none"]])
def test_the_plan_is_readable_and_trains_nothing(data):
    done = nnplug("train", *data, "--plan")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "hidden1.z" in text
    assert "input @ hidden1.weight" in text
    assert "hidden1.weight.grad" in text
    assert "change places." in text
    assert "Epoch" not in text
    if data:
        assert "take(all inputs, rows)" in text
        assert "32×4" in text


def test_run_with_built_ins_imports_nothing_heavy():
    code = (
        "import sys; from nnplug.cli import main\n"
        "try: main(['train', '--epochs', '5'])\n"
        "except SystemExit: pass\n"
        "heavy = {'duckdb', 'pandas', 'sklearn', 'rich', 'matplotlib', 'numba', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_version_and_help_import_no_numpy(arguments):
    code = (
        "import sys; from nnplug.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'rich', 'pluggy', 'importlib.metadata'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_interrupt_exits_with_130():
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "nnplug", "train", "--epochs", "100000000", "--log-every", "1000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Epoch 0")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors


def test_shell_completion_offers_names_of_parts():
    done = subprocess.run(
        [sys.executable, "-c", "from nnplug.cli import cli; cli(prog_name='nnplug')"],
        env={
            **os.environ, "_NNPLUG_COMPLETE": "bash_complete",
            "COMP_WORDS": "nnplug train --activation Leaky-", "COMP_CWORD": "3",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["plain,leaky_relu"], done.stderr


def test_choices_come_from_the_registry():
    assert {"xor"} <= set(Registry().names("dataset"))
    assert np.all([name == name.lower() for name in Registry().names("activation")])


def test_what_a_hook_prints_stays_out_of_the_json(tmp_path):
    file = tmp_path / "chatty.py"
    file.write_text(
        "import nnplug\n@nnplug.hookimpl\n"
        "def on_epoch_end(record):\n    print('seen', record.epoch)\n"
    )
    done = nnplug("train", "-p", str(file), "--epochs", "2", "--json")
    assert json.loads(done.stdout)["epochs"] == 2
    assert "seen 1" in done.stderr


def test_a_raising_hook_of_a_file_is_named(tmp_path):
    file = tmp_path / "failing.py"
    file.write_text(
        "import nnplug\n@nnplug.hookimpl\ndef on_train_start(run):\n    raise OSError('no disk')\n"
    )
    done = nnplug("train", "-p", str(file), "--epochs", "2")
    assert done.returncode == 2
    assert f"on_train_start failed: {file}:4: OSError: no disk" in done.stderr
    assert "Way out: repair the hook, or leave the file out." in done.stderr


def test_a_trace_shows_the_numbers_of_a_step_within_80_columns():
    """The second row of XOR by hand: 2(y-1)y(1-y) with y = 0.309979 is the output's delta."""
    done = nnplug("train", "--trace", "2")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "    δ1          -0.29518  = (-1.38004) * (0.309979 * (1 - 0.309979))\n" in done.stdout
    assert "    w21'       -0.525907  = (-0.688011) - 1 * (-0.162104)\n" in done.stdout
    assert "Epoch" not in done.stdout + done.stderr
    large = nnplug("train", IRIS, "--target", "species", "--recipe", "none", "--trace", "1")
    assert large.returncode == 0, large.stderr
    assert max(map(len, large.stdout.splitlines())) <= 80
    assert re.search(r"\.\.\. \d+ more of 4 x 100\n", large.stdout)


def test_a_trace_is_json_and_of_a_kept_run(tmp_path):
    kept = ["train", "--optimizer", "adam", "--epochs", "3", "--output", "kept"]
    assert nnplug(*kept).returncode == 0
    done = nnplug("train", "--resume", "kept", "--trace", "2", "--json")
    assert done.returncode == 0, done.stderr
    steps = {step["name"]: step for step in json.loads(done.stdout)["trace"]["steps"]}
    assert steps["step"]["value"] == 4
    expected = train("xor", optimizer="adam", epochs=3).trace(1)
    for name in ("hidden1.delta", "output.weight.m", "output.weight'"):
        np.testing.assert_allclose(steps[name]["value"], expected[name], rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trace", "0"], "--trace 0: rows are counted from 1."),
        (["--trace", "5"], "there are 4 rows."),
        (["--trace", "1", "--plan"], "--plan does not train: leave --trace out."),
        (["--trace", "1", "--plot"], "--trace does not train: leave --plot out."),
    ],
)
def test_a_trace_refuses_what_it_cannot_show(arguments, said):
    done = nnplug("train", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
