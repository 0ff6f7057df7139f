"""Runs that are kept: checkpoints in time, disks that fail, and going on to the bit."""

import contextlib
import errno
import itertools
import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.errors import NnplugError, PluginError, SettingError, StorageError
from nnplug.runs.configuration import fingerprint_of
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.folder import RunFolder
from nnplug.runs.keeping import Keeper, keep_on
from nnplug.runs.preparing import default_registry, prepare
from nnplug.runs.settings import ROWS
from tests.reliability.disks import ERRNOS, CountingDisk, FaultyDisk

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
GIVEN = {
    "target": "species", "epochs": 6, "hidden": (5,), "batch_size": 7, "optimizer": "adamw",
    "dropout": 0.1, "engine": "numpy", "schedule": "cosine", "metrics": ("accuracy", "f1"),
}  # fmt: skip


class Interrupt:
    """Sends this process a signal after an epoch, as Ctrl+C does."""

    def __init__(self, epoch, number=signal.SIGINT):
        self.epoch, self.number = epoch, number

    def on_epoch_end(self, run, record):
        if record.epoch == self.epoch:
            signal.raise_signal(self.number)


class Watch:
    """Notes the epochs that are trained."""

    def __init__(self):
        self.epochs = []

    def on_epoch_end(self, run, record):
        self.epochs.append(record.epoch)


def left(folder):
    return [(folder / name).read_bytes() for name in ("model.safetensors", "history.jsonl")]


def record(folder):
    return json.loads((folder / "run.json").read_text())


# --- how often ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "every"),
    [("10", ("epochs", 10)), (3, ("epochs", 3)), ("30s", ("seconds", 30.0)),
     ("0.5 m", ("seconds", 30.0)), ("2H", ("seconds", 7200.0))],
)  # fmt: skip
def test_how_often(text, every):
    row = ROWS["checkpoint_every"]
    assert row.takes.split(row.check(text)) == every


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "0s", "5 days", "s", "nan", "1e3"])
def test_how_often_is_refused(text, tmp_path):
    with pytest.raises(SettingError) as caught:
        nnplug.train("xor", epochs=1, output=tmp_path / "r", checkpoint_every=text)
    assert str(caught.value) == (
        f"checkpoint_every={text!r}: it must be a number of epochs, as 10, or a time, as 30s, 5m "
        "or 1h."
    )
    assert not (tmp_path / "r").exists()


def kept(folder, *, disk=None, every="60s", clock=None, say=None, **given):
    run = prepare(IRIS, **{**GIVEN, **given})
    configuration = run.configuration(checkpoint_every=every)
    made = RunFolder.create(folder, configuration.to_toml())
    made = RunFolder(folder, disk=disk)
    options = {} if clock is None else {"clock": clock}
    begun = {"status": "running"}  # so that the first call of the disk is in training
    keeper = Keeper(run, made, configuration, record=begun, say=say, **options)
    return run, keeper


def train(run, keeper):
    with keeper:
        fit(run, Callbacks(default_registry().plugins, run.parts), keeper=keeper)


def saves(keeper):
    """Note the epoch of each checkpoint that is written."""
    epochs, save = [], keeper.folder.checkpoints.save

    def noting(arrays, content):
        epochs.append(content["trainer"]["epoch"])
        return save(arrays, content)

    keeper.folder.checkpoints.save = noting
    return epochs


def test_a_signal_finds_little_left_to_write_however_long_the_history_is(tmp_path):
    class Disk(CountingDisk):
        added = 0

        def write(self, file, data):
            self.added += len(data) * (self.calls[-1] == "extend")
            return super().write(file, data)

    disk, seconds = Disk(), itertools.count()
    run, keeper = kept(
        tmp_path / "r", disk=disk, every="10000s", clock=lambda: next(seconds), epochs=400,
        batch_size="full",
    )  # fmt: skip
    lines, write = [], keeper.folder.write_history

    def noting(history, sync=True):
        write(history, sync=sync)
        lines.append((len(history), disk.added))

    keeper.folder.write_history = noting
    train(run, keeper)
    assert len(lines) > 10, "they are written while it trains"
    assert lines[-1][0] == 400
    whole = (tmp_path / "r" / "history.jsonl").read_bytes()
    assert disk.added < len(whole), "and none is written twice"


def test_a_checkpoint_every_two_epochs_and_after_the_last(tmp_path):
    run, keeper = kept(tmp_path / "r", every="2", epochs=5)
    epochs = saves(keeper)
    train(run, keeper)
    assert epochs == [2, 4, 5]


def test_a_checkpoint_when_time_is_up(tmp_path):
    now = iter(range(0, 10_000, 11))  # at each look it is time
    run, keeper = kept(tmp_path / "r", every="10s", clock=lambda: next(now))
    epochs = saves(keeper)
    train(run, keeper)
    assert epochs[-1] == 6
    assert set(epochs) >= {1, 2, 3, 4, 5}


# --- disks that fail ------------------------------------------------------------------


def test_an_error_at_any_call_ends_no_training(tmp_path, monkeypatch):
    # Lines that time alone has written would make the calls others than those that were counted.
    monkeypatch.setattr("nnplug.runs.keeping._LINES", 3600.0)
    counting = CountingDisk()
    run, keeper = kept(tmp_path / "counted", disk=counting, every="2")
    train(run, keeper)
    wanted = left(tmp_path / "counted")
    calls = counting.calls
    assert len(calls) > 50
    tried = range(0, len(calls), 5)
    for k in tried:
        folder, said = tmp_path / f"r{k}", []
        disk = FaultyDisk(k, ERRNOS[k % len(ERRNOS)])
        run, keeper = kept(folder, disk=disk, every="2", say=said.append)
        train(run, keeper)
        assert run.ended == "epochs"
        name = errno.errorcode[disk.error]
        assert len(said) <= 1, said
        # Whatever could not be written was said, unless a temporary file was being cleared away.
        assert said or calls[k] in ("close", "remove"), (k, calls[k])
        assert all(f"({name})" in line or "cannot be removed" in line for line in said)
        if keeper.failed is None:
            assert left(folder) == wanted
        # What a run began can be ended: with the disk well again, it is the same run.
        nnplug.resume(folder)
        assert left(folder) == wanted, (k, calls[k])


class FullDisk(CountingDisk):
    """Full from some call on."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def before(self, name):
        super().before(name)
        if len(self.calls) > self.after and name == "write":
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_at_each_checkpoint_and_remembered(tmp_path):
    said = []
    run, keeper = kept(tmp_path / "r", disk=FullDisk(5), every="2", say=said.append)
    train(run, keeper)
    assert [line.partition(" could")[0] for line in said] == [
        "the checkpoint after 2 epochs",
        "the checkpoint after 4 epochs",
        "the checkpoint after 6 epochs",
        "the results",
    ]
    assert said[0] == (
        f"the checkpoint after 2 epochs could not be kept: {tmp_path}/r/checkpoints/"
        "checkpoint-00000001.safetensors: cannot be written: No space left on device (ENOSPC), "
        "while writing."
    )
    assert keeper.failed == said[-1]
    assert run.ended == "epochs"
    assert run.predict(IRIS).shape == (150,)  # what was learned is not lost


def test_in_python_it_is_a_warning(tmp_path, monkeypatch):
    def full(self, history):
        raise StorageError("full")

    monkeypatch.setattr(RunFolder, "write_history", full)
    with pytest.warns(UserWarning, match="could not be kept: full"):
        run = nnplug.train("xor", epochs=3, output=tmp_path / "r")
    assert run.ended == "epochs"


# --- going on -------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("more", [{}, {"stream": True}, {"patience": 2}, {"batch_size": "full"}],
                         ids=["memory", "stream", "patience", "full"])  # fmt: skip
def test_a_run_that_was_interrupted_is_the_same_run(number, more, tmp_path):
    given = {**GIVEN, **more}
    nnplug.train(IRIS, **given, output=tmp_path / "whole")
    ends = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    with pytest.raises(ends):
        nnplug.train(IRIS, **given, output=tmp_path / "r", callbacks=[Interrupt(2, number)])
    assert record(tmp_path / "r")["status"] == "interrupted"
    assert not (tmp_path / "r" / "model.safetensors").exists()
    watch = Watch()
    run = nnplug.resume(tmp_path / "r", callbacks=[watch])
    # Nothing that was done is done again, but an epoch that was begun.
    assert watch.epochs[0] == 3
    assert left(tmp_path / "r") == left(tmp_path / "whole")
    assert run.ended == "epochs" if more != {"patience": 2} else True
    assert record(tmp_path / "r")["status"] == "done"
    assert len(record(tmp_path / "r")["resumed"]) == 1


def test_what_killed_processes_left_half_written_goes_when_the_run_is_done(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(IRIS, **GIVEN, output=tmp_path / "r", callbacks=[Interrupt(2)])
    half = [tmp_path / "r" / part / ".nnplug-0123456789ab.tmp" for part in ("", "checkpoints")]
    for path in half:
        path.write_text("half")
    nnplug.resume(tmp_path / "r")
    assert not any(path.exists() for path in half)


def test_a_run_without_a_checkpoint_begins_anew(tmp_path):
    nnplug.train(IRIS, **GIVEN, output=tmp_path / "whole")
    run, keeper = kept(tmp_path / "r")
    assert keeper.take_up() == ("there is no checkpoint yet: starting from the beginning",)
    nnplug.resume(tmp_path / "r")
    assert left(tmp_path / "r") == left(tmp_path / "whole")
    del run


def test_a_run_that_is_done_is_left_as_it_is(tmp_path):
    first = nnplug.train(IRIS, **GIVEN, output=tmp_path / "r")
    before = {each.name: each.read_bytes() for each in (tmp_path / "r").glob("*.*")}
    again = nnplug.resume(tmp_path / "r")
    assert {each.name: each.read_bytes() for each in (tmp_path / "r").glob("*.*")} == before
    assert again.ended == "epochs"
    np.testing.assert_array_equal(again.outputs(IRIS), first.outputs(IRIS))


def test_a_run_that_a_callback_ended_stays_ended(tmp_path):
    class Enough:
        def on_epoch_end(self, run, record):
            return record.epoch == 2

    first = nnplug.train(IRIS, **GIVEN, output=tmp_path / "r", callbacks=[Enough()])
    again = nnplug.resume(tmp_path / "r")
    assert (again.ended, len(again.history)) == ("asked", 3)
    np.testing.assert_array_equal(again.outputs(IRIS), first.outputs(IRIS))


def test_a_run_that_patience_ended_stays_ended(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 4))
    y = (x[:, 0] + 0.3 * rng.normal(size=120) > 0).astype(int)
    # The last checkpoint that is due by itself comes before the epoch that is the last.
    first = nnplug.train((x, y), patience=3, epochs=500, learning_rate=0.05,
                         checkpoint_every=7, output=tmp_path / "r")  # fmt: skip
    assert len(first.history) % 7
    watch = Watch()
    again = nnplug.resume(tmp_path / "r", data=(x, y), callbacks=[watch])
    assert (again.ended, watch.epochs) == (first.ended, []) == ("patience", [])
    assert again.history.columns == first.history.columns
    np.testing.assert_array_equal(again.network.parameters, first.network.parameters)


def test_a_hook_that_fails_leaves_a_run_to_go_on_with(tmp_path):
    class Broken:
        def on_epoch_end(self, run, record):
            if record.epoch == 3:
                raise ValueError("no")

    nnplug.train(IRIS, **GIVEN, output=tmp_path / "whole")
    with pytest.raises(PluginError):
        nnplug.train(IRIS, **GIVEN, checkpoint_every=1, output=tmp_path / "r",
                     callbacks=[Broken()])  # fmt: skip
    assert record(tmp_path / "r")["status"] == "failed"
    nnplug.resume(tmp_path / "r")
    assert left(tmp_path / "r") == left(tmp_path / "whole")


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    nnplug.train(IRIS, **GIVEN, output=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(IRIS, **GIVEN, checkpoint_every=1, output=tmp_path / "r",
                     callbacks=[Interrupt(3)])  # fmt: skip
    *_, newest = sorted((tmp_path / "r" / "checkpoints").iterdir())
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    run, keeper = kept(tmp_path / "other")
    keeper.folder = RunFolder(tmp_path / "r")
    warning, place = keeper.take_up()
    assert f"{newest}: this checkpoint file cannot be used" in warning
    assert "Going on from the one before it" in warning
    assert place.startswith("going on after epoch 2")
    nnplug.resume(tmp_path / "r")
    assert left(tmp_path / "r") == left(tmp_path / "whole")
    del run


# --- not the same run -----------------------------------------------------------------


@pytest.fixture
def interrupted(tmp_path):
    (tmp_path / "iris.csv").write_text(IRIS.read_text())
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(tmp_path / "iris.csv", **GIVEN, output=tmp_path / "r",
                     callbacks=[Interrupt(2)])  # fmt: skip
    return tmp_path / "r"


def test_other_settings_are_refused(interrupted):
    with pytest.raises(SettingError) as caught:
        nnplug.resume(interrupted, epochs=9, seed=4)
    assert str(caught.value).splitlines() == [
        f"{interrupted}: the run cannot be resumed, because it has changed:",
        "  epochs was 6 and is 9",
        "  seed was 0 and is 4",
        "  the data has changed: its rows, or what was learned of its columns",
        "Undo the changes, or resume with --allow-changes (allow_changes=True); the result is "
        "then that of neither run alone.",
    ]


def test_an_edited_configuration_is_refused(interrupted):
    path = interrupted / "config.toml"
    path.write_text(path.read_text().replace("adamw:learning_rate=0.001", "adamw:learning_rate=1"))
    with pytest.raises(SettingError, match=r'optimizer was "adamw:learning_rate=0.001,.* and is'):
        nnplug.resume(interrupted)


@pytest.mark.parametrize("old", ["5.1,3.5,1.4,0.2,setosa", "virginica"])
def test_other_data_is_refused(old, interrupted):
    data = interrupted.parent / "iris.csv"
    assert old in data.read_text()
    new = "5.2,3.5,1.4,0.2,setosa" if "," in old else "virginia"
    data.write_text(data.read_text().replace(old, new))
    with pytest.raises(SettingError, match="the data has changed"):
        nnplug.resume(interrupted)


def test_the_digest_of_data_is_the_one_that_kept_runs_have():
    run = prepare("xor", validation=0.25)
    assert fingerprint_of(run.rows, run.weights) == "94107a3cf7d1491345fd239961917239"


def test_data_that_lies_elsewhere_is_the_same(interrupted):
    moved = (interrupted.parent / "iris.csv").rename(interrupted.parent / "moved.csv")
    with pytest.raises(NnplugError, match=r"iris\.csv"):
        nnplug.resume(interrupted)
    assert nnplug.resume(interrupted, data=moved).ended == "epochs"


def test_another_version_is_refused_and_can_be_allowed(interrupted, monkeypatch):
    monkeypatch.setattr("nnplug.runs.configuration.__version__", "0.2.0")
    with pytest.raises(SettingError, match=r"\n  nnplug was 0\.1\.0 and is 0\.2\.0\n"):
        nnplug.resume(interrupted)
    assert nnplug.resume(interrupted, allow_changes=True).ended == "epochs"
    assert record(interrupted)["changes"] == ["nnplug was 0.1.0 and is 0.2.0"]
    # The earlier configuration is kept beside the new one.
    assert 'nnplug = "0.1.0"' in (interrupted / "config-until-epoch-3.toml").read_text()
    assert 'nnplug = "0.2.0"' in (interrupted / "config.toml").read_text()


def test_a_part_of_ones_own_that_was_edited_is_refused(tmp_path):
    def registry(slope):
        names = {"nnplug": nnplug}
        path = tmp_path / "part.py"
        path.write_text(
            f"import nnplug\n\n@nnplug.activation\ndef mine(x):\n    '''Mine.'''\n"
            f"    return x * {slope}\n"
        )
        exec(compile(path.read_text(), str(path), "exec"), names)
        found = nnplug.Registry()
        found.register(names["mine"])
        return found

    given = {"epochs": 6, "activation": "mine", "output": tmp_path / "r"}
    with pytest.raises(KeyboardInterrupt):
        nnplug.train("xor", **given, registry=registry(2), log_every=1, callbacks=[Interrupt(2)])
    with pytest.raises(SettingError, match="activation mine: its formula has changed"):
        nnplug.resume(tmp_path / "r", registry=registry(3))
    assert nnplug.resume(tmp_path / "r", registry=registry(2)).ended == "epochs"


@pytest.mark.parametrize("done", [True, False], ids=["done", "interrupted"])
def test_more_epochs_are_those_of_the_longer_run_to_the_bit(done, tmp_path):
    given = {**GIVEN, "schedule": "constant"}
    longer = nnplug.train(IRIS, **{**given, "epochs": 8})
    callbacks = () if done else (Interrupt(2),)
    with contextlib.nullcontext() if done else pytest.raises(KeyboardInterrupt):
        nnplug.train(IRIS, **given, output=tmp_path / "r", callbacks=callbacks)
    run = nnplug.resume(tmp_path / "r", epochs=8)
    assert run.network.parameters.tobytes() == longer.network.parameters.tobytes()
    assert run.history.columns == longer.history.columns
    assert record(tmp_path / "r")["changes"] == ["epochs was 6 and is 8"]
    assert "epochs = 8" in (tmp_path / "r" / "config.toml").read_text()
    assert "epochs = 6" in next((tmp_path / "r").glob("config-until-epoch-*.toml")).read_text()
    assert nnplug.resume(tmp_path / "r").ended == "epochs"  # it is the run now, and done


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({}, {"epochs": 5}),  # fewer
        ({}, {"epochs": 8, "clip_global_norm": 1.0}),
        ({"schedule": "exponential"}, {"epochs": 8}),
    ],
    ids=["fewer", "besides", "schedule"],
)
def test_what_is_not_only_more_epochs_is_refused(given, changes, tmp_path):
    nnplug.train(IRIS, **{**GIVEN, "schedule": "constant", **given}, output=tmp_path / "r")
    with pytest.raises(SettingError, match=f"\n  epochs was 6 and is {changes['epochs']}\n"):
        nnplug.resume(tmp_path / "r", **changes)
    assert "changes" not in record(tmp_path / "r") or record(tmp_path / "r")["changes"] == []
    assert nnplug.resume(tmp_path / "r", **changes, allow_changes=True).ended == "epochs"


def test_more_epochs_do_not_outlast_patience_and_that_is_said(tmp_path):
    run = nnplug.train(IRIS, target="species", patience=1, monitor="accuracy", epochs=50,
                       output=tmp_path / "r")  # fmt: skip
    assert run.ended == "patience"
    taken = len(run.history)
    prepared = prepare(IRIS, target="species", patience=1, monitor="accuracy", epochs=90,
                       log_every=run.settings.log_every)  # fmt: skip
    with keep_on(prepared, RunFolder(tmp_path / "r"), prepared.configuration()) as keeper:
        assert keeper.take_up()[-1] == (
            "patience ran out after 1 epochs without a better one, so more epochs alone change "
            "nothing; to go on: --patience none --allow-changes"
        )
    assert len(nnplug.resume(tmp_path / "r", epochs=90).history) == taken
    more = nnplug.resume(tmp_path / "r", epochs=90, patience="none", allow_changes=True)
    assert len(more.history) == 90
