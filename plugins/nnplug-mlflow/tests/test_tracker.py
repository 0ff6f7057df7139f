"""What MLflow's own client finds in the store after a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nnplug
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from nnplug_mlflow.tracker import Tracker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def store(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> MlflowClient:
    """One database for all tests, since it takes seconds to make; each has its experiment."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def only_run(client: MlflowClient) -> Run:
    found = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    (run,) = client.search_runs([found.experiment_id])
    return run


def history(client: MlflowClient, run: Run, name: str) -> dict[int, float]:
    return {
        metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, name)
    }


def test_settings_numbers_and_the_end_are_recorded(store: MlflowClient, tmp_path: Path) -> None:
    trained = nnplug.train(
        "xor", epochs=400, l2=0.1, metrics=["accuracy"], callbacks=[Tracker()],
        output=tmp_path / "run",
    )  # fmt: skip
    run = only_run(store)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run")
    assert run.data.params["activation"] == "('sigmoid',)"
    assert run.data.params["l2"] == "0.1"
    assert run.data.tags["nnplug"] == nnplug.__version__
    for name, column in trained.history.columns.items():
        if column:
            assert history(store, run, name) == dict(enumerate(column))


def test_a_resumed_run_goes_on_in_the_same_one(store: MlflowClient, tmp_path: Path) -> None:
    nnplug.train("xor", epochs=5, callbacks=[Tracker()], output=tmp_path / "run")
    trained = nnplug.resume(tmp_path / "run", epochs=9, callbacks=[Tracker()])
    run = only_run(store)
    assert run.info.status == "FINISHED"
    assert history(store, run, "loss") == dict(enumerate(trained.history["loss"]))


def test_the_command_names_it_and_a_failed_run_is_marked(store: MlflowClient, folder: Path) -> None:
    (folder / "stop.py").write_text(
        "import nnplug\n@nnplug.hookimpl\ndef on_epoch_end(record):\n"
        "    if record.epoch == 6:\n        raise OSError('enough')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", "train", "xor", "-p", "nnplug-mlflow", "-p", "./stop.py"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "OSError: enough" in done.stderr
    run = only_run(store)
    assert (run.info.status, run.info.run_name) == ("KILLED", "xor")
    assert list(history(store, run, "loss")) == list(range(7))
