"""The training hooks that record a run in MLflow."""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path

import nnplug
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

__all__ = ["Recorder", "Tracker", "tracker"]

URI = "sqlite:///mlflow.db"
"""Where runs are recorded if MLFLOW_TRACKING_URI does not say."""

MOST_AT_ONCE = 1000
"""Metrics that MLflow takes in one batch."""

MOST_PARAMETERS = 100
"""Parameters that MLflow takes in one batch."""

LONGEST = 6000
"""Characters of a parameter's value."""

PAUSE = 2.0
"""Seconds between batches: each is a transaction of the store, or a request to a server."""


class Recorder:
    """Records one run.

    Parameters
    ----------
    run : nnplug.Run
        About to be trained.
    """

    def __init__(self, run: nnplug.Run) -> None:
        self.client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or URI)
        self.waiting: list[Metric] = []
        self.sent = time.monotonic()
        note = None if run.folder is None else Path(run.folder) / "mlflow-run.txt"
        if note is not None and note.is_file() and len(run.history):
            # A run that is resumed goes on in the MLflow run that it has.
            self.id = note.read_text(encoding="utf-8").strip()
            self.client.update_run(self.id, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "nnplug"
        found = self.client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self.client.create_experiment(name)
        title = run.settings.data if run.folder is None else Path(run.folder).name
        self.id = self.client.create_run(experiment, run_name=title).info.run_id
        if note is not None:
            note.write_text(f"{self.id}\n", encoding="utf-8")
        settings = run.settings.to_dict()
        given = [
            Param(name, str(value)[:LONGEST])
            for name, value in settings.items()
            if value is not None and value != {}
        ]
        for start in range(0, len(given), MOST_PARAMETERS):
            self.client.log_batch(self.id, params=given[start : start + MOST_PARAMETERS])
        tags = {"nnplug": nnplug.__version__, "folder": run.folder}
        self.client.log_batch(
            self.id, tags=[RunTag(name, str(value)) for name, value in tags.items() if value]
        )

    def add(self, record: nnplug.EpochRecord) -> None:
        """Note the numbers of an epoch, and send what waits if it is time."""
        numbers = {
            "loss": record.loss,
            "penalty": record.penalty,
            "validation_loss": record.validation_loss,
            "learning_rate": record.learning_rate,
            **record.metrics,
        }
        now = int(1000 * time.time())
        self.waiting += [
            Metric(name, float(value), now, record.epoch)
            for name, value in numbers.items()
            if value is not None
        ]
        if len(self.waiting) >= MOST_AT_ONCE or time.monotonic() > self.sent + PAUSE:
            self.send()

    def send(self) -> None:
        """Send what waits."""
        for start in range(0, len(self.waiting), MOST_AT_ONCE):
            self.client.log_batch(self.id, metrics=self.waiting[start : start + MOST_AT_ONCE])
        self.waiting.clear()
        self.sent = time.monotonic()

    def end(self, status: str) -> None:
        """Send the rest, and say how the run ended."""
        self.send()
        self.client.set_terminated(self.id, status)


class Tracker:
    """Records each run in the store that MLFLOW_TRACKING_URI names, or in mlflow.db."""

    def __init__(self) -> None:
        self._recorders: weakref.WeakKeyDictionary[nnplug.Run, tuple[Recorder, weakref.finalize]]
        self._recorders = weakref.WeakKeyDictionary()

    @nnplug.hookimpl
    def on_train_start(self, run: nnplug.Run) -> None:
        """Make the MLflow run, or find the one to go on with, and record the settings."""
        recorder = Recorder(run)
        # A run that ends by an error or a signal does not reach on_train_end.
        self._recorders[run] = recorder, weakref.finalize(run, recorder.end, "KILLED")

    @nnplug.hookimpl
    def on_epoch_end(self, run: nnplug.Run, record: nnplug.EpochRecord) -> None:
        """Record the numbers of an epoch."""
        self._recorders[run][0].add(record)

    @nnplug.hookimpl
    def on_train_end(self, run: nnplug.Run) -> None:
        """Say that the run is done."""
        recorder, otherwise = self._recorders.pop(run)
        otherwise.detach()
        recorder.end("FINISHED")


tracker = Tracker()
