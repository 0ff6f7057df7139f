"""Two generations: after whatever happens, one of them can be read."""

import errno
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from nnplug import durable
from nnplug.durable import is_temporary
from nnplug.errors import ModelFileError, StorageError
from nnplug.models import Checkpoints, checkpoint
from tests.reliability.disks import (
    ERRNOS,
    CountingDisk,
    FaultyDisk,
    LosingDisk,
    PowerLossError,
    ShortDisk,
    put,
)

KILLS = int(os.environ.get("NNPLUG_KILLS", "8"))


def state(epoch):
    """A state whose arrays and numbers tell the epoch."""
    arrays = {
        "parameters": np.full(50, epoch, np.float32),
        "order": np.arange(epoch),
        "best": np.array(epoch / 3),
        "stopped": np.array([epoch > 2]),
    }
    return arrays, {"epoch": epoch, "loss": [0.1 * epoch, 1e-300], "name": "é"}


def epoch_of(checkpoint):
    """The epoch of a checkpoint, once its parts agree."""
    arrays, numbers = state(checkpoint.numbers["epoch"])
    assert checkpoint.numbers == numbers
    assert set(checkpoint.arrays) == set(arrays)
    for name, array in arrays.items():
        assert checkpoint.arrays[name].dtype == array.dtype
        assert checkpoint.arrays[name].shape == array.shape
        assert checkpoint.arrays[name].tobytes() == array.tobytes()
    return numbers["epoch"]


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_the_newest_comes_back_to_the_bit_and_two_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load() is None
    for epoch in range(5):
        checkpoints.save(*state(epoch))
        loaded = Checkpoints(tmp_path).load()
        assert epoch_of(loaded) == epoch
        assert loaded.warnings == ()
    assert names(tmp_path) == ["checkpoint-00000004.safetensors", "checkpoint-00000005.safetensors"]


def test_numbers_that_json_has_not_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range float values"):
        Checkpoints(tmp_path).save({}, {"loss": float("nan")})
    with pytest.raises(ValueError, match="'a' holds complex128, which the format does not have"):
        Checkpoints(tmp_path).save({"a": np.zeros(1, complex)}, {})
    assert names(tmp_path) == []


def test_arrays_may_hold_what_is_not_finite(tmp_path):
    values = np.array([np.nan, np.inf, -0.0, 5e-324])
    Checkpoints(tmp_path).save({"a": values}, {})
    assert Checkpoints(tmp_path).load().arrays["a"].tobytes() == values.tobytes()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_one_is_passed_over_with_a_warning(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path)
    for epoch in range(3):
        checkpoints.save(*state(epoch))
    older, newest = sorted(tmp_path.iterdir())
    data = bytearray(newest.read_bytes())
    if damage == "cut":
        del data[-10:]
    elif damage == "flipped":
        data[-100] ^= 4
    newest.write_bytes({"empty": b"", "other": b"\x80\x05K\x01."}.get(damage, bytes(data)))
    again = Checkpoints(tmp_path)
    loaded = again.load()
    assert epoch_of(loaded) == 1
    (warning,) = loaded.warnings
    assert warning.startswith(f"{newest}: this checkpoint file cannot be used: it")
    assert warning.endswith(f" Going on from the one before it, {older.name}.")
    # The good one is kept beside the next, and the damaged one goes.
    again.save(*state(7))
    assert names(tmp_path) == [older.name, "checkpoint-00000004.safetensors"]


def test_if_none_can_be_used_each_is_named(tmp_path):
    for number in (1, 2):
        (tmp_path / f"checkpoint-0000000{number}.safetensors").write_bytes(b"x" * number)
    with pytest.raises(ModelFileError) as caught:
        Checkpoints(tmp_path).load()
    assert str(caught.value).splitlines() == [
        "No checkpoint can be used:",
        f"{tmp_path}/checkpoint-00000002.safetensors: this checkpoint file cannot be used: it ends "
        "after 2 bytes, before its header does.",
        f"{tmp_path}/checkpoint-00000001.safetensors: this checkpoint file cannot be used: it ends "
        "after 1 bytes, before its header does.",
        "Start the run anew.",
    ]


def test_what_a_killed_process_left_is_not_read_and_is_cleared_away(tmp_path):
    left = tmp_path / ".nnplug-0123456789ab.tmp"
    left.write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load() is None
    checkpoints.save(*state(1))
    assert names(tmp_path) == ["checkpoint-00000001.safetensors", "notes.txt"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="missing: cannot be read: No such file or directory"):
        Checkpoints(tmp_path / "missing").load()


# --- an error at any call -------------------------------------------------------------


def calls_of_a_save(folder):
    disk = CountingDisk()
    checkpoints = Checkpoints(folder, disk=disk)
    checkpoints.load()
    checkpoints.save(*state(9))
    return disk.calls


@pytest.mark.parametrize("error", ERRNOS, ids=errno.errorcode.get)
def test_an_error_at_any_call_leaves_one_that_can_be_read(tmp_path, error):
    put(tmp_path / "start", {})
    for epoch in (1, 2):
        Checkpoints(tmp_path / "start").save(*state(epoch))
    start = {path.name: path.read_bytes() for path in (tmp_path / "start").iterdir()}
    put(tmp_path / "folder", start)
    wanted = calls_of_a_save(tmp_path / "folder")
    assert wanted == ["create", "write", "sync", "close", "replace", "sync_folder", "remove"]
    for k, name in enumerate(wanted):
        put(tmp_path / "folder", start)
        checkpoints = Checkpoints(tmp_path / "folder", disk=FaultyDisk(k, error))
        checkpoints.load()
        with pytest.raises(StorageError) as caught:
            checkpoints.save(*state(9))
        assert str(tmp_path / "folder") in str(caught.value)
        assert os.strerror(error) in str(caught.value)
        loaded = Checkpoints(tmp_path / "folder").load()
        renamed = wanted.index("replace") < k
        assert epoch_of(loaded) == (9 if renamed else 2), name
        assert loaded.warnings == ()
        left = [path for path in (tmp_path / "folder").iterdir() if is_temporary(path)]
        assert not left
        # Whatever is newest, the one before is as it was.
        assert set(start.items()) <= {
            (path.name, path.read_bytes()) for path in (tmp_path / "folder").iterdir()
        }


def test_a_device_that_takes_nothing_more(tmp_path):
    Checkpoints(tmp_path).save(*state(1))
    with pytest.raises(StorageError, match="EIO"):
        Checkpoints(tmp_path, disk=ShortDisk(64, stops_after=3)).save(*state(2))
    assert epoch_of(Checkpoints(tmp_path).load()) == 1
    Checkpoints(tmp_path, disk=ShortDisk(64)).save(*state(3))
    assert epoch_of(Checkpoints(tmp_path).load()) == 3


# --- loss of power --------------------------------------------------------------------


def after_power_loss(folder, make=Checkpoints):
    """Save six times and lose power at each call; give what a reader finds, and should."""
    for k in range(1000):
        put(folder, {})
        disk = LosingDisk(folder, k)
        checkpoints = make(folder, disk=disk)
        returned = 0
        try:
            for epoch in range(1, 7):
                checkpoints.save(*state(epoch))
                returned = epoch
        except PowerLossError:
            pass
        for left in disk.survivors():
            yield returned, left
        if returned == 6:
            return
    raise AssertionError


def readable(folder, left):
    put(folder, left)
    try:
        loaded = Checkpoints(folder).load()
    except ModelFileError:
        return None
    return 0 if loaded is None else epoch_of(loaded)


def test_after_a_loss_of_power_the_last_or_the_one_being_written_is_read(tmp_path):
    states = 0
    for returned, left in after_power_loss(tmp_path / "folder"):
        assert readable(tmp_path / "found", left) in (returned, returned + 1)
        states += 1
    assert states > 100


WRITE = "with NewFile(path, disk=self.disk) as file:"


@pytest.mark.parametrize(
    ("mutated", "line", "instead"),
    [
        (durable, "self.disk.sync(file)", "pass"),
        (durable, "self.disk.sync_folder(self._target.parent)", "pass"),
        (durable, "self.disk.replace(self.temporary, self._target)", "pass"),
        (checkpoint, WRITE, f"self._remove([each for _, each in there])\n        {WRITE}"),
    ],
    ids=["no sync", "no sync of the folder", "no rename", "removed before it is written"],
)
def test_without_any_of_its_steps_a_loss_of_power_is_seen(
    tmp_path, monkeypatch, mutated, line, instead
):
    source = Path(mutated.__file__).read_text(encoding="utf-8")
    assert source.count(f" {line}\n") == 1
    mutant = types.ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)  # where dataclasses look
    exec(compile(source.replace(line, instead), "mutant.py", "exec"), vars(mutant))
    if mutated is durable:
        monkeypatch.setattr(checkpoint, "NewFile", mutant.NewFile)
    make = getattr(mutant, "Checkpoints", Checkpoints)
    assert any(
        readable(tmp_path / "found", left) not in (returned, returned + 1)
        for returned, left in after_power_loss(tmp_path / "folder", make)
    )


# --- kill -9 --------------------------------------------------------------------------

SAVES = """
import itertools, sys
import numpy as np
from nnplug.models import Checkpoints
from tests.test_models_checkpoint import state
checkpoints = Checkpoints(sys.argv[1])
found = checkpoints.load()
print("ready", flush=True)
for epoch in itertools.count(found.numbers["epoch"] + 1 if found else 1):
    checkpoints.save(*state(epoch))
    print(epoch, flush=True)
"""


@pytest.mark.slow
def test_kills_at_random_instants_leave_the_last_that_was_said_or_the_next(tmp_path):
    rng = np.random.default_rng(0)
    last = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", SAVES, str(tmp_path)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        ) as process:  # fmt: skip
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
            said = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        loaded = Checkpoints(tmp_path).load()
        last = said[-1] if said else last
        found = epoch_of(loaded) if loaded else 0
        assert found in (last, last + 1)
        assert not loaded or loaded.warnings == ()
        last = found
    assert last > KILLS, "too few checkpoints were written between the kills to tell anything"
