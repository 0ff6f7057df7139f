"""`nnplug runs`: what was trained, with what, and how well."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import nnplug
from nnplug.runs.folder import RunFolder
from tests.cli.models import IRIS, nnplug_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs that are done, and one that a signal has ended."""

    class Stop:
        def on_epoch_end(self, run, record):
            if record.epoch == 3:
                signal.raise_signal(signal.SIGINT)

    root = tmp_path_factory.mktemp("runs-command")
    runs = root / "runs"
    given = {"target": "species", "epochs": 6, "hidden": 5}
    nnplug.train(IRIS, **given, output=runs / "20260101-100000-iris-relu-adam")
    nnplug.train(IRIS, **given, activation="gelu", patience=2,
                 output=runs / "20260102-100000-iris-gelu-adam")  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        nnplug.train("xor", epochs=10, log_every=1, output=runs / "20260103-100000-xor",
                     callbacks=[Stop()])  # fmt: skip
    for number, run in enumerate(sorted(runs.iterdir())):
        record = RunFolder(run).record()
        record["started"] = f"2026-01-0{number + 1}T10:00:00+00:00"
        RunFolder(run).write_record(record)
    (runs / "notes").mkdir()
    return root


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def command(folder, *arguments, code=0):
    done = nnplug_here("runs", *arguments, folder=folder)
    assert done.returncode == code, done.stderr
    return done


def test_the_list_has_the_latest_first_and_fits_a_terminal(folder):
    lines = command(folder, "list").stdout.splitlines()
    assert lines[0].split() == ["run", "status", "epochs", "loss", "metric"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["20260103-100000-xor", "interrupted", "4"],
        ["20260102-100000-iris-gelu-adam", "done", "6"],
        ["20260101-100000-iris-relu-adam", "done", "6"],
    ]
    assert all(len(line) <= 80 for line in lines)
    assert "accuracy 0." in lines[2]


def test_a_long_name_gives_way(tmp_path):
    nnplug.train("xor", epochs=2, output=tmp_path / "runs" / ("n" * 90))
    lines = command(tmp_path, "list").stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "".join(line.split()[0] for line in lines[1:]) == "n" * 90


def test_a_folder_without_runs(tmp_path):
    done = command(tmp_path, "list")
    assert done.stdout == ""
    assert done.stderr == "no runs in runs; nnplug train on a table keeps its run there\n"
    assert json.loads(command(tmp_path, "list", "--json").stdout) == []


def test_one_run_is_shown_by_its_name_or_a_part_of_it(folder):
    name = "20260102-100000-iris-gelu-adam"
    shown = command(folder, "show", name).stdout
    assert command(folder, "show", "20260102").stdout == shown
    assert command(folder, "show", f"runs/{name}").stdout == shown
    lines = shown.splitlines()
    assert lines[0] == f"runs/{name}"
    assert lines[1] == "status                done"
    assert lines[2] == "started               2026-01-02 10:00:00"
    assert "data                  iris.csv: 120 rows and 30 for validation; multiclass" in lines
    assert "activation            gelu" in lines
    assert "patience              2" in lines
    assert all(len(line) <= 80 for line in lines)


def test_an_interrupted_run_says_how_to_go_on(folder):
    lines = command(folder, "show", "latest").stdout.splitlines()
    assert lines[0] == "runs/20260103-100000-xor"
    assert lines[1].split(maxsplit=1)[1].startswith("interrupted; continue with: nnplug train")


def test_json_holds_all_of_it(folder):
    found = json.loads(command(folder, "show", "20260101", "--json").stdout)
    assert found["settings"]["optimizer"].startswith("adam:learning_rate=0.001,")
    assert found["packages"] == {"nnplug": nnplug.__version__}
    assert len(found["history"]) == found["epochs"] == 6
    listed = json.loads(command(folder, "list", "--json").stdout)
    assert [each["status"] for each in listed] == ["interrupted", "done", "done"]


def test_what_differs_stands_side_by_side(folder):
    done = command(folder, "compare", "20260101", "20260102")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["1  20260101-100000-iris-relu-adam", "2  20260102-100000-iris-gelu-adam"]
    rows = {line.split("  ")[0].strip(): line.split() for line in lines[4:]}
    assert rows["activation"] == ["activation", "relu", "gelu"]
    assert rows["patience"] == ["patience", "20", "2"]
    assert "seed" not in rows
    assert rows["epochs"] == ["epochs", "6", "6"]
    final = RunFolder(folder / "runs" / "20260101-100000-iris-relu-adam").record()["final"]
    assert rows["accuracy"][1] == f"{final['accuracy']:.5g}"
    assert all(len(line) <= 80 for line in lines)
    found = json.loads(command(folder, "compare", "20260101", "20260102", "--json").stdout)
    assert [each["epochs"] for each in found] == [6, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "20260102-100000-iris-glu-adam"], "Did you mean '20260102-100000-iris-gelu-ad"),
        (
            ["show", "2026"],
            "error: 2026: the names of 3 runs begin like this:\n  20260103-100000-xor\n",
        ),
        (["show", "nothing"], "error: nothing: there is no such run.\n"),
        (["compare", "20260101"], "error: Name at least two runs.\n"),
    ],
)
def test_what_cannot_be_found(folder, arguments, message):
    assert message in command(folder, *arguments, code=2).stderr


def test_a_damaged_run_is_listed_all_the_same(tmp_path):
    path = tmp_path / "runs" / "a"
    nnplug.train("xor", epochs=2, output=path)
    (path / "run.json").write_text("{")
    (path / "config.toml").write_text("=")
    assert command(tmp_path, "list").stdout.splitlines()[1].split()[:2] == ["a", "damaged"]
    command(tmp_path, "show", "a")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_is_running_or_was_killed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "nnplug", "train", "--epochs", "100000000", "--output", "runs/a"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "NNPLUG_PLUGINS": ""},
    )  # fmt: skip
    try:
        for _ in range(200):
            if (tmp_path / "runs" / "a" / "run.json").exists():
                break
            time.sleep(0.05)
        assert command(tmp_path, "list").stdout.splitlines()[1].split()[1] == "running"
        done = nnplug_here("train", "--resume", "runs/a", folder=tmp_path)
        assert done.returncode == 2
        assert "runs/a: another process is training this run." in done.stderr
    finally:
        process.kill()
        process.wait()
    assert command(tmp_path, "list").stdout.splitlines()[1].split()[1] == "killed"
