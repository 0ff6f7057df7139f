"""Run folders and configurations of strangers: refused at once, never written through links."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nnplug import resume, train
from nnplug.cli import main
from nnplug.durable import write_file
from nnplug.errors import ModelFileError, SettingError, StorageError
from nnplug.runs.configuration import LARGEST, Configuration
from nnplug.runs.folder import RunFolder
from nnplug.untrusted import fits, read_small

RECORD = {
    "status": "done", "started": "2026-01-01T00:00:00+00:00", "resumed": [], "changes": [],
    "command": "nnplug train", "epochs": 3, "best_epoch": None, "final": {"loss": 0.5},
    "seconds": 0.1, "parameters": 9, "task": "binary", "versions": {"numpy": "2"},
    "data": {"name": "xor", "training": 4, "validation": 0}, "identity": {"packages": {}},
}  # fmt: skip


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs, of which the second is to be damaged."""
    monkeypatch.chdir(tmp_path)
    for name in ("good", "bad"):
        train("xor", epochs=3, output=f"runs/{name}", engine="numpy")
    return tmp_path / "runs"


def command(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


# --- files that are none ------------------------------------------------------------------


def pipe(path):
    os.mkfifo(path)


def zeros(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def huge(path):
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes nor devices among files")
@pytest.mark.parametrize("make", [pipe, zeros, folder, huge])
def test_what_is_no_small_file_is_refused_at_once(make, tmp_path):
    path = tmp_path / "config.toml"
    make(path)
    started = time.monotonic()
    with pytest.raises(StorageError, match=r"config\.toml: cannot be read: ") as error:
        Configuration.read(path)
    assert time.monotonic() - started < 1
    words = {"pipe": "regular", "zeros": "regular", "folder": "irectory", "huge": "1,048,577 bytes"}
    assert words[make.__name__] in str(error.value) or make is folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "{a=" * 100_000, "nested too deeply"),
        ("epochs = " + "9" * 5_000, "is not valid TOML"),
        ("a" + ".a" * 50_000 + " = 1", "line 1 has a key of more than 100 parts"),
        ("\n[a" + ".a" * 50_000 + "]", "line 2 has a key of more than 100 parts"),
        ("\0", "is not valid TOML"),
        ("epochs = 1\nepochs = 2", "is not valid TOML"),
    ],
)
def test_a_configuration_that_is_hard_to_read_is_refused_at_once(text, said, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(text)
    started = time.monotonic()
    with pytest.raises(SettingError, match=r"config\.toml") as error:
        Configuration.read(path)
    assert time.monotonic() - started < 1
    assert said in str(error.value)
    assert len(str(error.value)) < 300


def test_a_link_is_followed_where_a_user_names_it(tmp_path):
    (tmp_path / "real").write_bytes(b"text")
    (tmp_path / "link").symlink_to("real")
    assert read_small(tmp_path / "link", 4) == b"text"
    with pytest.raises(OSError, match="it is a link"):
        read_small(tmp_path / "link", 4, follow=False)
    with pytest.raises(OSError, match="it has 4 bytes; 3 are the most"):
        read_small(tmp_path / "real", 3)


# --- run folders --------------------------------------------------------------------------


def test_a_whole_record_fits(runs):
    found = RunFolder(runs / "good").record()
    assert found["status"] == "done"
    assert len(RunFolder(runs / "good").history()) == 3


DAMAGED = [
    '{"versions": 3, "identity": "x"}', "[]", "3", '"x"', "", "{", "[" * 100_000,
    '{"identity": {"packages": 3}}', '{"data": {"training": "x"}}', '{"final": {"loss": "x"}}',
    '{"final": [1]}', '{"epochs": "3"}', '{"epochs": true}', '{"resumed": 3}', '{"resumed": [3]}',
    '{"status": 3}', '{"started": 3}', '{"seconds": "1"}', '{"best_epoch": "1"}', '{"data": 3}',
    '{"error": 3}', '{"command": {}}', '{"changes": "x"}', '{"parameters": []}',
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_refused_and_one_line_in_the_list(text, runs, capsys):
    (runs / "bad" / "run.json").write_text(text)
    with pytest.raises(ModelFileError, match=r"bad/run\.json"):
        RunFolder(runs / "bad").record()
    assert command("runs", "list") == 0
    listed = capsys.readouterr().out
    assert "damaged" in next(line for line in listed.splitlines() if line.startswith("bad"))
    assert "done" in next(line for line in listed.splitlines() if line.startswith("good"))
    for words in (["runs", "show", "bad"], ["runs", "compare", "bad", "good"],
                  ["train", "--resume", "runs/bad"]):  # fmt: skip
        assert command(*words) in (0, 2)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        assert "run.json" in printed.out + printed.err or words[1] == "compare"


def test_a_run_without_its_configuration_is_damaged(runs, capsys):
    (runs / "bad" / "config.toml").unlink()
    assert command("runs", "list") == 0
    (line,) = (each for each in capsys.readouterr().out.splitlines() if each.startswith("bad"))
    assert "damaged" in line
    assert command("runs", "show", "bad") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "damaged" in shown
    assert "config.toml is missing" in shown
    assert command("train", "--resume", "runs/bad") == 2
    wanted = f"{Path('runs/bad')}: the run is damaged: its config.toml is missing.\nPut it back"
    assert wanted in capsys.readouterr().err
    with pytest.raises(StorageError, match="the run is damaged"):
        resume("runs/bad")
    assert command("train", "xor", "--output", "runs/bad") == 2
    assert "--resume" not in capsys.readouterr().err


@pytest.mark.parametrize("key", sorted(RECORD))
@pytest.mark.parametrize("value", [None, True, 7, 1.5, "text", [], [1], {}, {"*": 1}, {"a": {}}])
def test_any_value_in_a_record_is_read_or_refused(key, value, runs, capsys):
    (runs / "bad" / "run.json").write_text(json.dumps({**RECORD, key: value}))
    assert command("runs", "list") == 0
    assert command("runs", "show", "bad") == 0
    assert command("runs", "show", "bad", "--json") == 0
    assert command("runs", "compare", "good", "bad") == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["3", "[]", "{", '{"loss": "x"}', '{"loss": true}', "[" * 100_000,
                                  '{"loss": ' + "9" * 5000 + "}"])  # fmt: skip
def test_a_damaged_history_is_refused(line, runs, capsys):
    path = runs / "bad" / "history.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(StorageError, match=r"history\.jsonl: line 4"):
        RunFolder(runs / "bad").history()
    (runs / "bad" / "run.json").write_text("{}")
    assert command("runs", "list") == 0
    assert "damaged" in capsys.readouterr().out


# --- links and devices --------------------------------------------------------------------

OURS = ("run.json", "history.jsonl", "config.toml", "model.safetensors", "report.html")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there that few users have")
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("target", ["outside", "nowhere", "/dev/null"])
def test_a_resumed_run_writes_through_no_link(name, target, runs, tmp_path):
    (tmp_path / "outside").write_text("somebody else's")
    path = runs / "bad" / name
    before = path.read_bytes()
    path.unlink()
    path.symlink_to(target if target.startswith("/") else tmp_path / target)
    command("train", "--resume", "runs/bad", "--set", "epochs=5", "--allow-changes")
    folder = RunFolder(runs / "bad")
    with pytest.raises(StorageError, match="is a link"):
        folder.write(name, before.decode("latin-1"))
    assert path.is_symlink()
    assert (tmp_path / "outside").read_text() == "somebody else's"
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path.parent / "null").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes nor devices among files")
def test_what_is_no_regular_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link"):
        with pytest.raises(StorageError, match="is a device, a pipe or the like"):
            write_file(path, b"x", overwrite=True)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there that few users have")
def test_a_linked_folder_of_checkpoints_is_refused(runs, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    checkpoints = runs / "bad" / "checkpoints"
    for each in checkpoints.iterdir():
        each.unlink()
    checkpoints.rmdir()
    checkpoints.symlink_to(outside)
    with pytest.raises(StorageError, match="checkpoints: is a link"):
        RunFolder.open(runs / "bad")
    assert list(outside.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need a right there that few users have")
@pytest.mark.parametrize("make", [pipe, zeros, lambda path: path.symlink_to("../../nowhere")])
def test_a_lock_that_is_no_file_is_refused_at_once(make, runs, tmp_path, capsys):
    path = runs / "bad" / ".lock"
    path.unlink(missing_ok=True)
    make(path)
    folder, started = RunFolder(runs / "bad"), time.monotonic()
    with pytest.raises(StorageError, match=r"is a link|is not a regular file"), folder.locked():
        pass
    assert not folder.is_running
    assert command("runs", "list") == 0
    assert time.monotonic() - started < 2
    assert not (tmp_path / "nowhere").exists()


def test_shapes():
    assert fits({"a": [1, "x"]}, {"a": [int]}) == "a[1]"
    assert fits({"a": {"b": True}}, {"a": {"*": int}}) == "a.b"
    assert fits(True, bool) == ""
    assert fits(1, float) == ""
    assert fits([], {}) == "the whole"
    assert fits({"unknown": object()}, {"a": int}) == ""


@pytest.mark.parametrize("lacks", ["ended", "identity", "resumed", "versions"])
def test_a_record_that_lacks_something_can_be_resumed(runs, lacks):
    path = runs / "bad" / "run.json"
    record = json.loads(path.read_text())
    del record[lacks]
    path.write_text(json.dumps(record))
    assert command("train", "--resume", str(runs / "bad")) == 0


def test_a_record_whose_identity_lacks_something_can_be_resumed(runs):
    for each in (runs / "bad" / "checkpoints").iterdir():
        each.unlink()
    path = runs / "bad" / "run.json"
    record = json.loads(path.read_text())
    for key in ("settings", "data", "formulas"):
        del record["identity"][key]
    path.write_text(json.dumps({**record, "status": "killed"}))
    assert command("train", "--resume", str(runs / "bad")) == 0
