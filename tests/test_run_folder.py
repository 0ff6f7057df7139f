"""Run folders: nothing is overwritten, one process at a time, names."""

import json
import math
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

import nnplug
from nnplug.errors import ModelFileError, StorageError
from nnplug.runs.folder import RunFolder, auto_name, check_free
from nnplug.training import History
from tests.reliability.disks import (
    ERRNOS,
    CountingDisk,
    FaultyDisk,
    LosingDisk,
    PowerLossError,
    ShortDisk,
    put,
)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StorageError) as caught:
        RunFolder.create(tmp_path, "")
    assert str(caught.value) == (
        f"{tmp_path}: the folder is not empty, and nothing is overwritten.\n"
        "Name another folder, or leave --output out for a new one."
    )
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_that_is_there_is_named_as_one(tmp_path):
    RunFolder.create(tmp_path / "r", "seed = 1\n")
    with pytest.raises(StorageError, match=r"To go on with the run in it: nnplug train --resume "):
        check_free(tmp_path / "r")


def test_a_file_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(StorageError, match="f: is a file; --output takes the name of a new"):
        check_free(tmp_path / "f")


def test_what_a_killed_process_began_is_no_obstacle(tmp_path):
    (tmp_path / "r" / "checkpoints").mkdir(parents=True)
    (tmp_path / "r" / ".nnplug-0123456789ab.tmp").write_text("half")
    folder = RunFolder.create(tmp_path / "r", "")
    folder.tidy()
    assert sorted(each.name for each in folder.path.iterdir()) == ["checkpoints", "config.toml"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(StorageError) as caught:
        RunFolder.create(tmp_path / "f" / "r", "")
    assert str(caught.value) == (
        f"{tmp_path}/f/r: the folder of the run cannot be made: Not a directory.\n"
        "Name another with --output, or keep nothing with --no-output."
    )


def test_a_run_that_is_not_there_gets_the_nearest_name(tmp_path):
    RunFolder.create(tmp_path / "20260131-iris", "")
    with pytest.raises(StorageError) as caught:
        RunFolder.open(tmp_path / "20260131-irsi")
    assert str(caught.value) == (
        f"{tmp_path}/20260131-irsi: there is no such run. Did you mean '20260131-iris'?\n"
        "To list the runs: nnplug runs list"
    )
    with pytest.raises(StorageError, match="is not the folder of a run"):
        RunFolder.open(tmp_path)


def test_one_process_at_a_time(tmp_path):
    folder = RunFolder.create(tmp_path / "r", "")
    assert not folder.is_running
    with folder.locked():
        assert folder.is_running
        code = (
            "import sys; from nnplug.runs.folder import RunFolder\n"
            "with RunFolder(sys.argv[1]).locked(): pass"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "another process is training this run." in done.stderr
    assert not folder.is_running


def test_looking_makes_no_run_fail_and_sees_none(tmp_path):
    folder = RunFolder.create(tmp_path / "r", "")
    with folder.locked():
        pass
    done = threading.Event()
    seen = []

    def look():
        while not done.is_set():
            seen.append(folder.is_running)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for each in lookers:
        each.start()
    try:
        time.sleep(0.2)
        assert not any(seen), "lookers take each other for a run"
        for _ in range(100):
            with folder.locked():
                assert folder.is_running
    finally:
        done.set()
        for each in lookers:
            each.join()


def test_names(tmp_path):
    now = datetime(2026, 1, 31, 15, 45, 0)
    path = auto_name(tmp_path, now, "iris data/ü", "relu", "adam")
    assert path == tmp_path / "20260131-154500-iris-data-ü-relu-adam"
    path.mkdir()
    assert auto_name(tmp_path, now, "iris data/ü", "relu", "adam").name == f"{path.name}-2"
    assert auto_name(tmp_path, now, "../..", "*").name == "20260131-154500"


def test_the_history_is_lines_of_json(tmp_path):
    folder, history = RunFolder.create(tmp_path / "r", ""), History()
    assert folder.history() == []
    for loss in (0.1 + 0.2, math.inf):
        history.add("loss", loss)
        history.add("accuracy", 0.5)
    folder.write_history(history)
    lines = (folder.path / "history.jsonl").read_text().splitlines()
    # JSON has no infinity.
    assert (
        [json.loads(line) for line in lines]
        == folder.history()
        == [
            {"epoch": 0, "loss": 0.1 + 0.2, "accuracy": 0.5},
            {"epoch": 1, "loss": None, "accuracy": 0.5},
        ]
    )


def longer(history, epochs):
    """Add epochs whose numbers tell them apart, one name with what a format string takes."""
    for _ in range(epochs):
        epoch = len(history)
        history.add("loss", epoch / 3 if epoch % 5 else math.nan)
        history.add('100 % "ü"', -float(epoch))
    return history


def expected_lines(history):
    """The lines, by Python's own module."""
    rows = (
        {"epoch": epoch, **{name: column[epoch] for name, column in history.columns.items()}}
        for epoch in range(len(history))
    )
    return "".join(
        json.dumps(row, ensure_ascii=False).replace("NaN", "null") + "\n" for row in rows
    ).encode()


def test_only_new_epochs_are_written(tmp_path):
    class Disk(CountingDisk):
        written = 0

        def write(self, file, data):
            self.written += len(data)
            return super().write(file, data)

    disk = Disk()
    folder, history = RunFolder.create(tmp_path / "r", "", disk=disk), longer(History(), 10_000)
    path = folder.path / "history.jsonl"
    folder.write_history(history)
    assert path.read_bytes() == expected_lines(history)
    disk.calls, disk.written = [], 0
    folder.write_history(longer(history, 2), sync=False)
    folder.write_history(longer(history, 3))
    assert disk.calls == ["extend", "write", "close", "extend", "write", "sync", "close"]
    assert disk.written < 500
    assert path.read_bytes() == expected_lines(history)
    # Another object does not know what is there: it may be of epochs that are trained again.
    again = longer(History(), 7)
    RunFolder(folder.path).write_history(again)
    assert path.read_bytes() == expected_lines(again)


def test_the_last_epoch_is_read_alone(tmp_path):
    folder = RunFolder.create(tmp_path / "r", "")
    assert folder.last_epoch() == (0, {})
    folder.write_history(longer(History(), 3))
    path = folder.path / "history.jsonl"
    path.write_bytes(b"no JSON\n" + path.read_bytes() + b'{"epoch": 3, "lo')
    assert folder.last_epoch() == (4, {"epoch": 2, "loss": 2 / 3, '100 % "ü"': -2.0})
    with pytest.raises(StorageError, match="line 1 is not JSON"):
        folder.history()


def test_a_history_that_somebody_changed_is_written_anew(tmp_path):
    folder, history = RunFolder.create(tmp_path / "r", ""), longer(History(), 3)
    path = folder.path / "history.jsonl"
    folder.write_history(history)
    path.unlink()
    folder.write_history(longer(history, 1))
    assert path.read_bytes() == expected_lines(history)
    path.write_bytes(b"short")
    with pytest.raises(StorageError, match="it is not the file that was written before"):
        folder.write_history(longer(history, 1))
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is a link"):
        folder.write_history(history)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("error", ERRNOS)
def test_an_addition_that_fails_is_made_good_by_the_next(tmp_path, error):
    for k in range(4):
        folder = RunFolder.create(tmp_path / f"r{k}", "")
        history = longer(History(), 3)
        folder.write_history(history)
        folder._history.disk = FaultyDisk(k, error)
        with pytest.raises(StorageError, match=r"history\.jsonl: cannot be written: "):
            folder.write_history(longer(history, 2))
        folder._history.disk = ShortDisk(20, stops_after=2)  # some of it is written
        with pytest.raises(StorageError):
            folder.write_history(longer(history, 2))
        assert len(folder.history()) in (3, 4)  # half a line is none
        folder._history.disk = ShortDisk(20)
        folder.write_history(history)
        assert (folder.path / "history.jsonl").read_bytes() == expected_lines(history)


def test_after_a_loss_of_power_no_epoch_is_lost_that_was_kept(tmp_path):
    wanted = [longer(History(), count) for count in (0, 2, 4, 6)]
    states = 0
    for k in range(100):
        put(tmp_path / "r", {})
        disk = LosingDisk(tmp_path / "r", k)
        folder, kept = RunFolder(tmp_path / "r", disk=disk), 0
        try:
            for history in wanted[1:]:
                folder.write_history(longer(History(), len(history) - 1), sync=False)
                folder.write_history(history)
                kept = len(history)
        except PowerLossError:
            pass
        for state in disk.survivors():
            put(tmp_path / "after", state)
            rows = RunFolder(tmp_path / "after").history()
            assert kept <= len(rows) <= kept + 2
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
            assert expected_lines(wanted[-1]).startswith(lines)
            states += 1
        if kept == 6:
            break
    assert states > 30


def test_a_damaged_record_is_said(tmp_path):
    folder = RunFolder.create(tmp_path / "r", "")
    assert folder.record() == {}
    folder.write("run.json", '{"a": 1, "a": 2}')
    with pytest.raises(ModelFileError, match=r'run.json: its JSON has the key "a" twice'):
        folder.record()


def test_a_diverged_network_is_no_model(tmp_path):
    with pytest.raises(nnplug.errors.DivergedError):
        nnplug.train("xor", loss="mse", hidden=(), output_activation="identity",
                     learning_rate=1e200, output=tmp_path / "r")  # fmt: skip
    names = {each.name for each in (tmp_path / "r").iterdir()}
    assert "diverged.safetensors" in names
    assert "model.safetensors" not in names
    record = RunFolder(tmp_path / "r").record()
    assert record["status"] == "diverged"
    assert record["error"].startswith("Training stopped at epoch 1, step 2")
