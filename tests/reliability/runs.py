"""Runs of the command that are killed, interrupted and taken up, for the tests of that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

IRIS = Path(__file__).parents[2] / "examples" / "iris.csv"

# Some 0.3 s of training, a few hundred checkpoints, two metrics, dropout, momentum, a schedule.
SETTINGS = (
    str(IRIS), "--target", "species", "--hidden", "12,8", "--optimizer", "adamw", "--dropout",
    "0.1", "--schedule", "cosine", "--batch-size", "7", "--epochs", "150", "--metric", "accuracy",
    "--metric", "f1", "--checkpoint-every", "1", "--engine", "numpy",
)  # fmt: skip

MEMBERS = (*SETTINGS, "--members", "3", "--epochs", "50", "--patience", "20")
"""The same with several networks, which end at epochs of their own."""


def start(*arguments):
    """Start the command, and return while it runs."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "nnplug", "train", *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "80", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


def finish(process):
    """Wait for the end of a process; give its exit code and what it said."""
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def whole(folder, settings=SETTINGS):
    """Train without an interruption; give the model's and the history's bytes, and the seconds."""
    started = time.perf_counter()
    code, errors = finish(start(*settings, "--output", folder))
    assert code == 0, errors
    return results(folder), time.perf_counter() - started


def results(folder):
    """Give what a run left, as bytes."""
    return [(folder / name).read_bytes() for name in ("model.safetensors", "history.jsonl")]
