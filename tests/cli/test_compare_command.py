"""`nnplug compare`: what it prints, what it keeps, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.models import nnplug_command, nnplug_here

IRIS = Path(__file__).parents[2] / "examples" / "iris.csv"
QUICK = ("--activation", "relu,tanh", "--data", "moons", "--quick", "--budget", "2")
PART = '''
import numpy as np
import nnplug

@nnplug.activation
def mine(x):
    """Leaky."""
    return np.where(x > 0, x, 0.1 * x)

@nnplug.hookimpl
def register_activations(register):
    register(mine)
'''


def test_the_table_is_on_stdout_and_the_folder_has_all_forms(tmp_path):
    done = nnplug_here(*QUICK_OUT, folder=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "activation: tanh against relu"
    assert "  tanh: no claim: too few seeds (n = 3)" in lines
    assert "- Exploratory (--quick): no search of the learning rate, and no claim." in lines
    assert max(map(len, lines)) <= 80
    start, claim, *between, kept = done.stderr.splitlines()
    assert start == (
        "activation: tanh against relu on moons; 6 runs: 0 trials and 3 seeds for each"
    )
    assert claim == "With 3 seeds nothing can be claimed: 2 parts need at least 6."
    assert between[-1] == "6 of 6 runs, about 0 s left"
    assert kept == "kept in out: report.html, .md, .tex, .json and runs.csv"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.json", "report.html", "report.json", "report.md", "report.tex", "runs",
        "runs.csv",
    ]  # fmt: skip


QUICK_OUT = ("compare", *QUICK, "--output", "out")


def test_without_output_a_new_folder_is_made_and_json_is_the_report(tmp_path):
    done = nnplug_here("compare", *QUICK, "--json", folder=tmp_path)
    (folder,) = (tmp_path / "comparisons").iterdir()
    assert folder.name.endswith("-activation-moons")
    report = json.loads(done.stdout)
    assert report == json.loads((folder / "report.json").read_text())
    assert report["data"][0]["arms"]["tanh"]["verdict"]["word"] == "no claim"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "relu,tanh"], "Name the data to compare on, such as --data iris.csv"),
        (["--activation", "relu", "--data", "moons"], "Give several values to exactly one"),
        ([*QUICK, "--paper"], "--paper and --quick exclude each other."),
        ([*QUICK, "--resume", "x"], "--resume takes everything from x: leave --activation out."),
        (["--resume", "x", "--replay", "y"], "--resume and --replay exclude each other."),
        (["--resume", "x", "--output", "y"], "leave --output out."),
        (["--resume", "x"], "x: there is no comparison to resume"),
        (["--replay", "x.json"], "x.json: cannot be read: No such file"),
        ([*QUICK, "--output", "full"], "full: the folder is not empty"),
        ([*QUICK, "--budget", "soon"], "it must be a number of epochs, as 10, or a time"),
        ([*QUICK, "--on", "dusk://here"], "write a number of processes, dask://HOST:PORT"),
        ([*QUICK[:3], "t.csv:y"], "t.csv"),
        ([*QUICK[:3], str(IRIS)], f"Name the column to predict, such as {IRIS}:species."),
        ([*QUICK, "--epochs", "3"], "No such option '--epochs'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left_behind(tmp_path, arguments, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    done = nnplug_here("compare", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_under_mpiexec_the_processes_would_write_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("nnplug.cli.compare.launched", lambda: (0, 4))
    done = nnplug_here("compare", *QUICK, folder=tmp_path)
    assert done.returncode == 2
    assert "leave mpiexec out, and give --on 4." in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_report_that_is_not_whole_is_refused_before_any_run(tmp_path):
    assert nnplug_here("compare", *QUICK, "--output", "out", folder=tmp_path).returncode == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    del report["data"][0]["arms"]["tanh"]["rate"]
    (tmp_path / "broken.json").write_text(json.dumps(report))
    done = nnplug_here("compare", "--replay", "broken.json", "--output", "new", folder=tmp_path)
    assert done.returncode == 2
    assert "The earlier report is not whole" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_replay_gives_the_same_and_names_what_a_changed_plugin_changes(tmp_path):
    part = tmp_path / "part.py"
    part.write_text(PART)
    asked = ("--activation", "relu,mine", "--data", "moons", "--seeds", "2", "--trials", "0")
    more = ("--budget", "3", "--metric", "log_loss", "--output", "out", "-p", "./part.py")
    assert nnplug_command("compare", *asked, *more, folder=tmp_path).returncode == 0
    again = ("compare", "--replay", "out/report.json")

    # The report does not choose what code is loaded.
    done = nnplug_command(*again, folder=tmp_path)
    assert done.returncode == 2
    assert f"it was made with -p {part}.\nGive the same again" in done.stderr

    done = nnplug_command(*again, "-p", "./part.py", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "the same: every rate, score and verdict\n")

    part.write_text(PART.replace("0.1", "0.2"))
    done = nnplug_command(*again, "-p", "./part.py", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "activation mine: its formula has changed",
        "moons, mine: other scores for seed 3, 4",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("on", ["1", "2"])
def test_ctrl_c_keeps_what_is_done(tmp_path, on):
    if on == "2":
        pytest.importorskip("joblib", reason="the extra compare is not installed")
    runs = tmp_path / "out" / "runs"
    asked = ("--activation", "relu,tanh", "--data", "moons", "--seeds", "6", "--trials", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "nnplug", "compare", *asked, "--output", "out", "--on", on],
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not (runs.is_dir() and len(list(runs.glob("*.json"))) > 1):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "To continue: nnplug compare --resume out" in said
    assert "Traceback" not in said
    kept = {path.name: path.stat().st_mtime_ns for path in runs.glob("*.json")}
    assert 2 <= len(kept) < 12

    done = nnplug_here("compare", "--resume", "out", folder=tmp_path)
    assert done.returncode == 0
    now = {path.name: path.stat().st_mtime_ns for path in runs.glob("*.json")}
    assert len(now) == 12
    assert {name: now[name] for name in kept} == kept


def test_a_comparison_that_is_done_is_resumed_at_once(tmp_path):
    nnplug_here(*QUICK_OUT, folder=tmp_path)
    before = (tmp_path / "out" / "report.md").read_text()
    done = nnplug_here("compare", "--resume", "out", folder=tmp_path)
    assert done.returncode == 0
    assert "runs, about" not in done.stderr
    assert (tmp_path / "out" / "report.md").read_text() == before
