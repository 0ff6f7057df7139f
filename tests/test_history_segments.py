"""Long histories: a checkpoint holds the last epochs, files beside it those before."""

import numpy as np
import pytest

import nnplug
from nnplug.errors import NnplugError
from nnplug.models.container import read_container
from nnplug.runs import history_segments
from nnplug.runs.api import train


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(history_segments, "LENGTH", 8)


def whole(folder):
    return [(folder / name).read_bytes() for name in ("model.safetensors", "history.jsonl")]


def files(folder):
    return sorted(path.name for path in (folder / "checkpoints").glob("history-*"))


def newest(folder, before=0):
    paths = sorted((folder / "checkpoints").glob("checkpoint-*"))
    return read_container(paths[-1 - before], "checkpoint")


@pytest.mark.parametrize("more", [{}, {"batch_size": 2}], ids=["full", "batches"])
def test_a_resumed_run_has_its_whole_history(tmp_path, more):
    settings = {"epochs": 45, "checkpoint_every": 5, "metrics": ["accuracy"], **more}
    once = train("xor", output=tmp_path / "once", **settings)
    train("xor", output=tmp_path / "twice", **{**settings, "epochs": 21})
    assert files(tmp_path / "twice") == [f"history-{n:08d}.safetensors" for n in range(2)]
    kept = newest(tmp_path / "twice")
    assert kept.content["segments"] == 2
    assert {len(kept.arrays[f"history.{name}"]) for name in kept.content["trainer"]["columns"]} == {
        21 - 16
    }
    again = nnplug.resume(tmp_path / "twice", epochs=45)
    assert again.history.columns == once.history.columns
    assert whole(tmp_path / "twice") == whole(tmp_path / "once")
    assert len(files(tmp_path / "twice")) == 45 // 8


def test_after_an_older_checkpoint_they_are_written_again(tmp_path):
    folder = tmp_path / "run"
    train("xor", output=folder, epochs=17, checkpoint_every=7)
    max((folder / "checkpoints").glob("checkpoint-*")).write_bytes(b"damaged")
    assert newest(folder, before=1).content["trainer"]["epoch"] < 16
    # The checkpoint before it does not rely on the segment of epochs 8 to 15.
    second = folder / "checkpoints" / "history-00000001.safetensors"
    second.write_bytes(b"damaged too")
    run = nnplug.resume(folder)
    once = train("xor", epochs=17)
    assert run.history.columns == once.history.columns
    assert read_container(second, "history").arrays["loss"].tolist() == once.history["loss"][8:16]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "history-00000000.safetensors"),
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "this history file cannot be used"),
        (
            lambda path: path.write_bytes(
                history_segments.pack("history", {"first": 0}, {"other": np.zeros(8)})
            ),
            "history-00000000.safetensors: it does not belong to checkpoint-00000001.safetensors.\n"
            "Restore the whole folder of the run from a copy, or start it anew.",
        ),
    ],
    ids=["gone", "cut", "another"],
)
def test_one_that_is_missing_or_damaged_is_named(tmp_path, spoil, message):
    train("xor", output=tmp_path / "run", epochs=10)
    spoil(tmp_path / "run" / "checkpoints" / "history-00000000.safetensors")
    with pytest.raises(NnplugError) as caught:
        nnplug.resume(tmp_path / "run", epochs=12)
    assert message in str(caught.value)


def test_a_checkpoint_without_segments_is_that_of_an_earlier_version(tmp_path, monkeypatch):
    monkeypatch.setattr(history_segments, "LENGTH", 10**6)
    folder = tmp_path / "run"
    train("xor", output=folder, epochs=20)
    (path,) = (folder / "checkpoints").glob("checkpoint-*")
    kept = read_container(path, "checkpoint")
    del kept.content["segments"]
    path.write_bytes(history_segments.pack("checkpoint", kept.content, kept.arrays))
    monkeypatch.setattr(history_segments, "LENGTH", 8)
    run = nnplug.resume(folder, epochs=30)
    assert run.history.columns == train("xor", epochs=30).history.columns
    assert len(files(folder)) == 3
