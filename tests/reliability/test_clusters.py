"""Comparisons on processes, on Dask and on Ray, whose workers are killed at random.

`NNPLUG_CLUSTER_KILLS=50` compares six activations on four tables with ten seeds, and kills
so many workers at each place.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nnplug.comparison.api import run
from nnplug.comparison.bench import Bench
from nnplug.comparison.request import Request
from nnplug.comparison.results import Results

KILLS = int(os.environ.get("NNPLUG_CLUSTER_KILLS", "1"))
WHOLE = KILLS > 2
ARMS = "mine,relu,tanh,gelu,elu,silu" if WHOLE else "mine,tanh"
SEEDS = 10 if WHOLE else 2

# A note of a run that is being trained lies in a folder, by the process that trains it.
PLUGIN = '''
import os, time
from pathlib import Path
import numpy as np
import nnplug

@nnplug.activation
def mine(x):
    """Bent relu."""
    return np.maximum(x, 0.1 * x)

@nnplug.hookimpl
def register_activations(register):
    register(mine)

NOTES = Path({folder!r})

@nnplug.hookimpl
def on_train_start(run):
    (NOTES / str(os.getpid())).touch()
    time.sleep(0.05)

@nnplug.hookimpl
def on_train_end(run):
    (NOTES / str(os.getpid())).unlink(missing_ok=True)
'''

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL"),
    # Dask and Ray leave sockets and files to the end of the process.
    pytest.mark.filterwarnings("ignore"),
]


class Killer(threading.Thread):
    """Ends processes that train, at random, until so many were ended."""

    def __init__(self, notes: Path, kills: int, done: list):
        super().__init__(daemon=True)
        self.notes, self.left, self.done, self.killed = notes, kills, done, 0
        self.draw, self.over = random.Random(KILLS), threading.Event()

    def run(self):
        seen = -1
        while self.left and not self.over.wait(self.draw.uniform(0.0, 0.15)):
            training = [int(path.name) for path in self.notes.iterdir()]
            # Something is done between two kills, as where machines are lost now and then.
            if not training or len(self.done) == seen:
                continue
            chosen, seen = self.draw.choice(training), len(self.done)
            (self.notes / str(chosen)).unlink(missing_ok=True)
            try:
                os.kill(chosen, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.left, self.killed = self.left - 1, self.killed + 1


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Four small tables: numbers, two classes, three classes, and one with a category."""
    folder = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    asked = []
    for number in range(4 if WHOLE else 1):
        a, b = draw.normal(size=(2, 60))
        target = [a * b, a > b, np.digitize(a + b, [-1, 1]), np.sin(a)][number]
        words = [["no", "yes"][int(v)] if number == 1 else f"{v:.6g}" for v in target]
        if number == 2:
            words = [f"class {v}" for v in target]
        lines = [f"{x:.6g},{y:.6g},{'uvw'[i % 3]},{w}" for i, (x, y, w) in
                 enumerate(zip(a, b, words, strict=True))]  # fmt: skip
        path = folder / f"table{number}.csv"
        path.write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
        asked.append(f"{path}:y")
    return asked


@pytest.fixture(scope="module")
def bench(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "notes").mkdir()
    (folder / "mine.py").write_text(PLUGIN.format(folder=str(folder / "notes")))
    request = Request.of(
        ",".join(tables), {"activation": ARMS, "hidden": (6,)}, seeds=SEEDS, trials=0,
        budget=4, plugins=(str(folder / "mine.py"),),
    )  # fmt: skip
    return Bench(request), folder / "notes"


@pytest.fixture(scope="module")
def here(bench):
    return run(bench[0], Results())


@pytest.fixture
def place(request, monkeypatch):
    """Start a place with two workers, and end it."""
    if request.param == "2":
        pytest.importorskip("joblib", reason="the extra compare is not installed")
        yield "2"
    elif request.param == "dask":
        distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**options) as cluster:
            cluster.adapt(minimum=2, maximum=2)  # replaces one that did not start again in time
            yield f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"
    else:
        ray = pytest.importorskip("ray", reason="the extra ray is not installed")
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        options = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}
        options |= {"object_store_memory": 80_000_000, "logging_level": "error"}
        for attempt in range(3):
            try:
                ray.init("local", **options)  # not what may run on this machine
                break
            except Exception:  # it gives itself 30 s, too few where much else runs
                ray.shutdown()
                if attempt == 2:
                    raise
        try:
            yield "ray://auto"
        finally:
            ray.shutdown()


@pytest.mark.parametrize("place", ["2", "dask", "ray"], indirect=True)
def test_the_numbers_are_the_same_and_no_run_is_lost_or_done_twice(bench, here, place, tmp_path):
    bench, notes = bench
    for path in notes.iterdir():
        path.unlink()
    done = []
    killer = Killer(notes, KILLS, done)
    killer.start()
    started = time.monotonic()
    results = Results.begin(tmp_path / "out", bench.request)
    there = run(bench, results, on=place, progress=lambda *said: done.append(said[0]))
    killer.over.set()
    killer.join()
    wanted = len(bench.request.arms) * len(bench.request.data) * SEEDS
    assert done == list(range(1, wanted + 1))
    assert len(list((tmp_path / "out" / "runs").iterdir())) == wanted
    assert there.differences(here) == []
    assert killer.killed == KILLS
    print(f"{place}: {wanted} runs, {killer.killed} kills, {time.monotonic() - started:.0f} s")
