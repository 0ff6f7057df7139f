"""What TensorBoard's own reader finds in the event files of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nnplug
import numpy as np
import pytest

from nnplug_tensorboard.tracker import Tracker

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="its reader is the oracle: pip install tensorboard",
)


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    reader = accumulator.EventAccumulator(str(folder), {accumulator.SCALARS: 0})
    reader.Reload()
    return {
        tag: {event.step: event.value for event in reader.Scalars(tag)}
        for tag in reader.Tags()["scalars"]
    }


def test_each_number_of_each_epoch_is_there(tmp_path: Path) -> None:
    run = nnplug.train(
        "xor",
        epochs=30,
        l2=0.1,
        metrics=["accuracy"],
        callbacks=[Tracker()],
        output=tmp_path / "run",
    )
    found = scalars(tmp_path / "run" / "tensorboard")
    columns = {name: column for name, column in run.history.columns.items() if column}
    assert found.keys() == columns.keys() == {"loss", "penalty", "accuracy", "learning_rate"}
    for name, column in columns.items():
        assert list(found[name]) == list(range(30))
        np.testing.assert_allclose(list(found[name].values()), column, rtol=1e-7)


def test_a_resumed_run_has_each_epoch_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    nnplug.train("xor", epochs=5, callbacks=[Tracker()], output=folder)
    run = nnplug.resume(folder, epochs=9, callbacks=[Tracker()])
    found = scalars(folder / "tensorboard")["loss"]
    assert list(found) == list(range(9))
    np.testing.assert_allclose(list(found.values()), run.history["loss"], rtol=1e-7)


def test_the_command_names_it_and_an_error_loses_no_epoch(tmp_path: Path) -> None:
    (tmp_path / "stop.py").write_text(
        "import nnplug\n@nnplug.hookimpl\ndef on_epoch_end(record):\n"
        "    if record.epoch == 6:\n        raise OSError('enough')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", "train", "xor", "-p", "nnplug-tensorboard", "-p",
         "./stop.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip
    assert "OSError: enough" in done.stderr
    (folder,) = (tmp_path / "tensorboard").iterdir()
    assert folder.name.endswith("-xor")
    assert list(scalars(folder)["loss"]) == list(range(7))
