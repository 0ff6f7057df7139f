"""Runs on several processes that are killed at random: restarted on others, they are the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.test_shards import ENVIRONMENT, several, start, write_table

KILLS = int(os.environ.get("NNPLUG_SHARD_KILLS", "3"))
PROCESSES = (1, 2, 2, 4, 4, 8) if KILLS > 10 else (1, 2, 4)
TRAIN = (
    "table.csv", "--target", "y", "--recipe", "fast",
    "--shards", "8", "--batch-size", "160", "--dropout", "0.1",
    "--hidden", "12,8", "--epochs", "80", "--patience", "none", "--engine", "numpy",
    "--checkpoint-every", "1", "--log-every", "80",
)  # fmt: skip


@several
@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
def test_kills_at_random_instants(tmp_path, stream):
    write_table(tmp_path, 2000)
    arguments = (*TRAIN, "--stream") if stream else TRAIN
    whole = tmp_path / "whole"
    alone = [sys.executable, "-m", "nnplug", "train", *arguments, "--output", str(whole)]
    subprocess.run(alone, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
    rng = random.Random(17 + stream)
    kills = trained = runs = 0
    most = -(-KILLS // 2)
    while kills < most:
        folder = tmp_path / f"run{runs}"
        runs += 1
        while True:
            begun = (folder / "config.toml").exists()
            again = ("--resume", str(folder)) if begun else (*arguments, "--output", str(folder))
            count = rng.choice(PROCESSES)
            job = start(count, "-m", "nnplug", "train", *again, cwd=tmp_path)
            if kills < most:
                _wait_for_training(job, folder, rng)
                if _kill_one(job, folder, rng):
                    kills += 1
                    trained += bool(_newest(folder))
            _, errors = job.communicate(timeout=300)
            if job.returncode == 0:
                break
            assert "Traceback" not in errors, errors
        for name in ("model.safetensors", "history.jsonl"):
            assert (folder / name).read_bytes() == (whole / name).read_bytes(), (runs, name)
    print(f"{kills} kills, {trained} of them after a checkpoint, {runs} runs")
    assert trained > 0, "no kill hit the training"


def _wait_for_training(job, folder, rng):
    """Wait for a new checkpoint, most times, and a random while more."""
    before = _newest(folder)
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0, 3))  # perhaps while it starts or reads
        return
    while job.poll() is None and _newest(folder) == before:
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.3))


def _newest(folder):
    return max((path.name for path in (folder / "checkpoints").glob("checkpoint-*")), default="")


def _kill_one(job, folder, rng):
    """Kill one of the ranks, and tell whether there was one."""
    found = subprocess.run(
        ["pgrep", "-f", f"{sys.executable}.*{folder}"], capture_output=True, text=True, check=False
    )
    ranks = [int(pid) for pid in found.stdout.split() if int(pid) != job.pid]
    if job.poll() is not None or not ranks:
        return False
    try:
        os.kill(rng.choice(ranks), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
