"""`nnplug train` with a folder: configurations, resuming, disks that are full, pictures."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nnplug.runs.configuration import Configuration
from tests.cli.models import IRIS, nnplug_here

SPECIES = (
    "train",
    IRIS,
    "--target",
    "species",
    "--epochs",
    "6",
    "--hidden",
    "5",
    "--recipe",
    "none",
)


@pytest.fixture
def command(tmp_path):
    """Run the command in a folder of its own."""

    def run(*arguments, code=0):
        done = nnplug_here(*arguments, folder=tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def model(folder):
    return (folder / "model.safetensors").read_bytes()


# --- what is kept, and where ----------------------------------------------------------


def test_a_table_leaves_a_run_and_a_dataset_leaves_nothing(command, tmp_path):
    done = command(*SPECIES)
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}-iris-relu-adam", run.name)
    assert done.stderr.splitlines()[-1] == f"kept in runs/{run.name}"
    assert sorted(each.name for each in run.iterdir() if each.name[0] != ".") == [
        "checkpoints", "config.toml", "history.jsonl", "model.safetensors", "report.html",
        "run.json",
    ]  # fmt: skip
    assert command("info", run.relative_to(tmp_path)).stdout.startswith(f"runs/{run.name}/model")
    command("train", "--epochs", "3")
    command(*SPECIES, "--no-output")
    assert len(list(tmp_path.rglob("run.json"))) == 1


def test_the_readme_command_keeps_a_run_where_it_is_told_to(command, tmp_path):
    done = command("train", "--epochs", "20", "--output", "xor")
    assert done.stderr.endswith("kept in xor\n")
    assert json.loads((tmp_path / "xor" / "run.json").read_text())["command"] is not None


def test_the_configuration_gives_the_same_model(command, tmp_path):
    command(*SPECIES, "--output", "a", "--dropout", "0.1", "--learning-rate", "0.02")
    (tmp_path / "elsewhere").mkdir()
    done = nnplug_here("train", "--config", tmp_path / "a" / "config.toml", "--output", "b",
                       folder=tmp_path / "elsewhere")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert model(tmp_path / "elsewhere" / "b") == model(tmp_path / "a")


def test_what_is_said_of_single_columns_is_in_the_configuration(command, tmp_path):
    rows = [f"{i % 12 + 1}/{i % 12 + 1}/2024,{i % 5},{i}" for i in range(40)]
    rows[3] = "3/2/2024,-9,1"  # no row tells which is the month
    (tmp_path / "t.csv").write_text("\n".join(["the day,a,y", *rows, ""]))
    done = command("train", "t.csv", "--target", "y", code=2)
    assert "--read 'dates.the day=%m/%d/%Y'\n" in done.stderr
    said = ("--read", "dates.the day=%m/%d/%Y", "--read", "na.a=-9")
    command("train", "t.csv", "--target", "y", "--epochs", "2", *said, "--output", "a")
    written = (tmp_path / "a" / "config.toml").read_text()
    assert 'dates_of = {"the day" = "%m/%d/%Y"}\nna_of = {a = ["-9"]}\n' in written
    command("train", "--config", "a/config.toml", "--output", "b")
    assert model(tmp_path / "a") == model(tmp_path / "b")
    # Neither need be said again.
    (tmp_path / "new.csv").write_text("the day,a\n3/2/2024,-9\n")
    (tmp_path / "clear.csv").write_text("the day,a\n2024-03-02,\n")
    for name in ("new", "clear"):
        command("predict", "a", f"{name}.csv", "-o", f"{name}-y.csv")
    assert (tmp_path / "new-y.csv").read_text() == (tmp_path / "clear-y.csv").read_text()


def test_json_names_the_folder(command):
    assert json.loads(command(*SPECIES, "--json", "--output", "a").stdout)["run"] == "a"
    assert json.loads(command("train", "--epochs", "2", "--json").stdout)["run"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "full"], "error: full: the folder is not empty, and nothing"),
        (["--output", "a", "--no-output"], "--output and --no-output exclude each other."),
        (["--allow-changes"], "--allow-changes is for --resume."),
        (["--resume", "full"], "error: full: is not the folder of a run."),
        (["--resume", "full", "--output", "b"], "continues in the run's folder: leave --output"),
        (["--config", "no.toml"], "error: no.toml: cannot be read: No such file or directory."),
        (["--checkpoint-every", "soon"], "'--checkpoint-every': 'soon': it must be a number of"),
        (["--set", "epoch=3"], "error: --set: there is no setting 'epoch'. Did you mean 'epochs'?"),
        (["--set", "epochs"], "--set epochs: write key=value, such as epochs=20."),
        (
            ["--set", "epochs=many"],
            "Invalid value for '--epochs': 'many': it must be a whole number",
        ),
        (["--set", "seed=1", "--set", "seed=2"], "--set seed=2: seed is given twice."),
        (["--set", "epochs=3", "--epochs", "4"], "--set epochs=3: epochs is given twice."),
        (
            ["--set", f"epochs={'9' * 5000}"],
            "--set epochs: a whole number in it has too many digits",
        ),
        (["--set", "plugins=x"], "--set plugins=x: use -p instead."),
        (
            ["--plot-file", "a.bmp"],
            "error: a.bmp: the name of a picture must end in .png, .pdf, .svg.",
        ),
        (["--plot-file", "there.png"], "there.png: there is such a file already"),
    ],
)
def test_what_is_refused(command, tmp_path, arguments, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "there.png").write_text("mine")
    twice = "--epochs" in arguments
    given = [*SPECIES[:4], *([] if twice else ["--hidden", "5"])]
    output = [] if {"--output", "--resume"} & set(arguments) else ["--output", "new"]
    done = command(*given, *output, *arguments, code=2)
    assert message in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "there.png").read_text() == "mine"


def test_set_stands_before_the_file_and_options_beside_it(command, tmp_path):
    command(*SPECIES, "--output", "a", "--seed", "3")
    command("train", "--config", "a", "--output", "b", "--set", "hidden=8,4", "--set",
            "activation=['tanh', 'relu']", "--set", "dropout=0.25", "--set", "patience=2",
            "--set", "drop=sepal_width,sepal_length", "--set", "checkpoint-every=2", "--set",
            "class_weight=setosa=2", "--set", "clip_global_norm=none", "--epochs", "2")  # fmt: skip
    found = Configuration.read(tmp_path / "b")
    chosen = {key: found.settings[key] for key in (
        "hidden", "activation", "dropout", "patience", "drop", "class_weight", "epochs", "seed",
        "clip_global_norm",
    )}  # fmt: skip
    assert chosen == {
        "hidden": [8, 4], "activation": ["tanh", "relu"], "dropout": 0.25, "patience": 2,
        "drop": ["sepal_width", "sepal_length"], "class_weight": {"setosa": 2.0}, "epochs": 2,
        "seed": 3, "clip_global_norm": "none",
    }  # fmt: skip
    assert found.checkpoint_every == "2"


def test_a_plugin_of_the_configuration_is_loaded_and_named(command, tmp_path):
    (tmp_path / "bent.py").write_text(
        "import numpy as np\nimport nnplug\n\n@nnplug.activation\ndef bent(x):\n"
        '    """Bent identity."""\n    return (np.sqrt(x**2 + 1) - 1) / 2 + x\n\n'
        "@nnplug.hookimpl\ndef register_activations(register):\n    register(bent)\n"
    )
    command(*SPECIES, "-p", "./bent.py", "--activation", "bent", "--output", "a")
    done = command("train", "--config", "a/config.toml", "--output", "b")
    assert f"plugins of a/config.toml: {tmp_path}/bent.py" in done.stderr
    assert model(tmp_path / "a") == model(tmp_path / "b")


# --- going on -------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_run_and_says_how_to_go_on(command, tmp_path, number, code):
    arguments = [sys.executable, "-m", "nnplug", *map(str, SPECIES[:4]), "--epochs", "1000000",
                 "--hidden", "5", "--recipe", "none", "--output", "a", "--log-every", "1",
                 "--engine", "numpy"]  # fmt: skip
    process = subprocess.Popen(
        arguments, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()  # the first epoch is done
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert re.search(
        r"^stopped after [\d,]+ epochs?\. Continue with: nnplug train --resume a$", errors, re.M
    )
    assert "Traceback" not in errors
    record = json.loads((tmp_path / "a" / "run.json").read_text())
    assert record["status"] == "interrupted"
    done = command("train", "--resume", "a", "--epochs", str(record["epochs"] + 1), code=2)
    assert "  epochs was 1000000 and is " in done.stderr
    done = command("train", "--resume", "a", "--epochs", str(record["epochs"] + 1),
                   "--allow-changes")  # fmt: skip
    assert f"going on after epoch {record['epochs'] - 1}" in done.stderr
    assert "changed: epochs was 1000000 and is" in done.stderr
    assert done.stderr.endswith("kept in a\n")


def test_a_run_is_named_as_everywhere_and_its_data_may_have_moved(command, tmp_path):
    data = tmp_path / "flowers.csv"
    data.write_text(IRIS.read_text())
    command("train", data, *SPECIES[2:])
    (run,) = (tmp_path / "runs").iterdir()
    data.rename(tmp_path / "moved.csv")
    done = command("train", "--resume", "latest", code=2)
    assert f"error: {data}: " in done.stderr
    for name in ("latest", run.name, run.name[:15], f"runs/{run.name}"):
        done = command("train", "moved.csv", "--resume", name)
        assert done.stderr.endswith(f"kept in runs/{run.name}\n")


def test_a_run_that_is_done_says_so_and_exits_with_0(command):
    first = command(*SPECIES, "--output", "a")
    again = command("train", "--resume", "a")
    assert "the run is done: there is nothing left to train" in again.stderr
    assert again.stdout.splitlines() == first.stdout.splitlines()[-1:]


def test_a_disk_that_is_full_is_said_each_time_and_the_exit_is_2(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    done = subprocess.run(
        [sys.executable, "-m", "nnplug", *map(str, SPECIES), "--output", "a",
         "--checkpoint-every", "2"],
        cwd=tmp_path, text=True, capture_output=True, check=False, preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Final, Loss" in done.stdout
    said = [line for line in done.stderr.splitlines() if line.startswith("Warning: ")]
    assert len(said) == 4
    assert said[0].startswith("Warning: the checkpoint after 2 epochs could not be kept: a/check")
    assert "File too large (EFBIG)" in said[0]
    assert "error: a: the results could not be kept: " in done.stderr
    assert "continue with: nnplug train --resume a" in done.stderr.replace("\n", " ")


# --- pictures -------------------------------------------------------------------------


def test_the_losses_are_drawn_in_the_terminal(command):
    done = command(*SPECIES, "--plot", "--no-output")
    picture = done.stdout.partition("Final, ")[2].splitlines()[1:]
    assert picture[-1] == "* loss   o validation loss   @ both"
    assert max(map(len, picture)) <= 80
    assert "\x1b" not in done.stdout


def test_two_inputs_have_a_boundary(command):
    done = command("train", "--activation", "tanh", "--plot")
    assert done.stdout.endswith(". 0   = 1   (a across, b up)\nA, B their rows\n")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_is_written(command, tmp_path, suffix):
    pytest.importorskip("matplotlib", reason="it is an extra")
    done = command("train", "--epochs", "50", "--plot-file", f"a{suffix}")
    assert f"drawn in a{suffix}" in done.stderr
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert Path(tmp_path / f"a{suffix}").read_bytes().startswith(begins)


def test_a_penalty_that_comes_and_goes_leaves_gaps_in_the_history(command, tmp_path):
    def penalised(*arguments):
        command("train", *arguments)
        lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
        return [json.loads(line).get("penalty") is not None for line in lines]

    assert penalised("xor", "--epochs", "2", "--output", "run") == [False] * 2
    again = ("--resume", "run", "--allow-changes")
    assert penalised(*again, "--epochs", "4", "--l2", "0.1") == [False] * 2 + [True] * 2
    assert penalised(*again, "--epochs", "5", "--l2", "0") == [False, False, True, True, False]
    command("runs", "show", "run")


def test_a_reader_who_leaves_is_told_how_to_go_on(command, tmp_path):
    """As `nnplug train ... | head` leaves."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", *SPECIES, "--output", "run"],
        cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert "Continue with: nnplug train --resume run\n" in done.stderr
    assert "Traceback" not in done.stderr
    command("train", "--resume", "run")
    assert len(model(tmp_path / "run")) > 0
