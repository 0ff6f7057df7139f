"""Which model and which run a command takes: by a file, a folder, a name, `latest`."""

import json
import shutil

import pytest

import nnplug
from tests.cli.models import IRIS, nnplug_here

FIRST, LAST = "20260101-100000-iris-relu", "20260102-100000-iris-tanh"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("find-run")
    for name, activation in ((FIRST, "relu"), (LAST, "tanh")):
        nnplug.train(IRIS, target="species", epochs=2, hidden=4, activation=activation,
                     output=root / "runs" / name)  # fmt: skip
        record = root / "runs" / name / "run.json"
        record.write_text(record.read_text().replace('"started": "20', f'"started": "{name[:8]}'))
    shutil.copy(IRIS, root / "iris.csv")
    shutil.copy(root / "runs" / FIRST / "model.safetensors", root / "iris.safetensors")
    return root


@pytest.mark.parametrize("named", ["latest", LAST, LAST[:8], f"runs/{LAST}"])
def test_a_model_is_named_as_a_run_is(folder, named):
    said = json.loads(nnplug_here("info", named, "--json", folder=folder).stdout)
    assert said["file"] == f"runs/{LAST}/model.safetensors"
    by_file = nnplug_here("predict", said["file"], "iris.csv", folder=folder).stdout
    assert nnplug_here("predict", named, "iris.csv", folder=folder).stdout == by_file
    done = nnplug_here("evaluate", named, "iris.csv", "--json", folder=folder)
    assert json.loads(done.stdout)["model"] == said["file"]


def test_what_is_there_comes_before_a_name_of_a_run(folder, tmp_path):
    shutil.copytree(folder / "runs", tmp_path / "runs")
    shutil.copy(folder / "iris.safetensors", tmp_path / "latest")
    assert "activation   relu" in nnplug_here("info", "latest", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("2026", f"error: 2026: the names of 2 runs begin like this:\n  {LAST}\n  {FIRST}\n"),
        ("lates", "error: lates: there is no such model file or run. Did you mean 'latest'?\n"
         "To list the runs: nnplug runs list\n"),
        ("iris", "error: iris: there is no such model file or run. Did you mean "
         "'iris.safetensors'?\nTo list the runs: nnplug runs list\n"),
        ("iris.safetensor", "error: iris.safetensor: no such file. Did you mean "
         "'iris.safetensors'?\n"),
        ("runs/x", "error: runs/x: no such file.\n"),
        ("runs", "error: runs: a folder without model.safetensors. Name a model file or a "
         "run.\n"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_is(folder, named, message):
    done = nnplug_here("info", named, folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize(
    "command", [("info",), ("predict", "x.csv"), ("evaluate", "x.csv"), ("runs", "show")]
)
def test_latest_without_runs(tmp_path, command):
    arguments = ["runs", "show", "latest"] if command[0] == "runs" else [
        command[0], "latest", *command[1:]]  # fmt: skip
    done = nnplug_here(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: latest: there are no runs in the folder runs. nnplug train on a table keeps its "
        "run there.\n"
    )


def test_a_run_without_a_model(folder, tmp_path):
    shutil.copytree(folder / "runs", tmp_path / "runs")
    (tmp_path / "runs" / LAST / "model.safetensors").unlink()
    done = nnplug_here("info", "latest", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: runs/{LAST}: this run has no model: it did not finish, or it diverged.\n"
        f"What happened: nnplug runs show {LAST}\n"
    )
    assert nnplug_here("runs", "show", LAST, folder=tmp_path).returncode == 0


# --- --plan ------------------------------------------------------------------------------


def test_a_plan_as_json(tmp_path):
    printed = nnplug_here("train", "--plan", folder=tmp_path).stdout.splitlines()
    done = nnplug_here("train", "--plan", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["network"] == {"parameters": 9, "states": 0, "layers": [2, 1]}
    assert said["settings"]["loss"] == "mse"
    assert [each["title"] for each in said["plan"]["sections"]] == [
        line for line in printed if line and line[0].islower() and " = " not in line
        and not line.startswith("param'")
    ]  # fmt: skip
    first = said["plan"]["sections"][0]["operations"][0]
    assert first == {
        "output": "hidden1.t1", "shape": [4, 2], "expression": "input @ hidden1.weight",
        "operation": "dot", "inputs": ["input", "hidden1.weight"], "runs_in": "numpy",
    }  # fmt: skip
    assert said["plan"]["memory"] == {"vectors": 144, "working_arrays": 264}
    operations = sum(len(each["operations"]) for each in said["plan"]["sections"])
    assert f"{operations} operations; 9 parameters" in " ".join(printed)


@pytest.mark.parametrize("option", [["--plot-file", "x.png"], ["--plot"], ["--output", "there"]])
def test_a_plan_refuses_what_only_training_gives(tmp_path, option):
    done = nnplug_here("train", "--plan", *option, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: --plan does not train: leave {option[0]} out.\n"
        "For usage, see: nnplug train --help\n"
    )
    assert not any(tmp_path.iterdir())
