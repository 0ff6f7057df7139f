"""The block of training one network on two processes, and the process that trains.

    mpiexec -n 2 python -m tests.benchmarks.shards sharded 8192 4

takes steps of one batch size and writes what they took, as JSON. The ways:

- `whole`: one process, the batch in one piece
- `sharded`: the batch in 16 shards, which the processes share
- `allreduce`: a shard for each process, and MPI's Allreduce adds their gradients
  up, in whatever order it likes
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.processes import Settings, in_turns, module
from tests.benchmarks.report import Block, Figures

BATCHES = {512: 64, 2048: 16, 8192: 4}
"""Steps of each batch size, over the same rows."""

WIDTHS = (784, 512, 512, 10)
"""670,000 parameters."""

COUNT = 16
ROWS = 16_384
AGREES = 0.02
"""As for other contenders: in float32 the last bits differ, and Adam makes differences grow."""
WAYS = {
    "one process": ("whole", 1),
    "one process, 16 shards": ("sharded", 1),
    "two processes, 16 shards": ("sharded", 2),
    "two processes, Allreduce": ("allreduce", 2),
}


def measure_shards(settings: Settings) -> Block:
    """Measure each way with each batch size, with one thread for each process."""
    from tests.test_shards import MPIEXEC

    alone = replace(settings, threads=1)
    commands = {}
    for batch, steps in BATCHES.items():
        for title, (way, processes) in WAYS.items():
            command = module("shards", way, batch, settings.share_of(steps))
            if processes > 1:
                assert MPIEXEC is not None, "there is no mpiexec: pip install mpich"
                command = (MPIEXEC, "-n", str(processes), *command)
            commands[f"{batch}/{title}"] = command
    finished = in_turns(commands, alone)
    said = {name: [json.loads(one.output) for one in each] for name, each in finished.items()}
    figures: Figures = {
        name: {key: [one[key] for one in each] for key in ("step", "cpu", "together")}
        for name, each in said.items()
    }
    rows, wrong = [], []
    for batch in BATCHES:
        one = figures[f"{batch}/one process"]
        expected = said[f"{batch}/one process"][0]["loss"]
        for title, (_, processes) in WAYS.items():
            name = f"{batch}/{title}"
            ours, loss = figures[name], said[name][0]["loss"]
            if not abs(loss - expected) <= AGREES * expected:
                wrong.append(f"shards: {name} ends at a loss of {loss:.6g}, not {expected:.6g}.")
            gain = report.ratio(one["step"], ours["step"])
            rows.append(
                [
                    f"{batch:,}",
                    title,
                    report.seconds(median(ours["step"])),
                    report.seconds(median(ours["cpu"])),
                    f"{gain:.2f} ×" if processes > 1 or title != "one process" else "",
                    f"{gain / processes:.0%}" if processes > 1 else "",
                    f"{report.ratio(ours['together'], ours['step']):.0%}" if processes > 1 else "",
                ]
            )
    head = ["rows of a batch", "way", "step", "CPU of rank 0", "speed", "of ideal", "communicating"]
    everyone = [one for each in finished.values() for one in each]
    text = report.table(head, rows, text=2)
    text += "\n\n" + report.conditions(
        alone, ("nnplug", "numpy", "mpi4py"), everyone, settings.runs
    )
    return Block(text, figures, tuple(wrong))


def train(way: str, batch: int, steps: int) -> dict[str, Any]:
    """Take some steps; return the seconds of one, and those of adding up over the processes."""
    from nnplug.runs.preparing import prepare
    from nnplug.training.ranks import Ranks
    from nnplug.training.shards import ShardedSteps, Shards

    rng = np.random.default_rng(3)
    x = rng.standard_normal((ROWS, WIDTHS[0]), dtype=np.float32)
    labels = (x[:, :10] + 0.3 * x[:, 10:20]).argmax(axis=1)
    settings: dict[str, Any] = {"hidden": WIDTHS[1:-1], "batch_size": batch, "validation": 0.0}
    run = prepare((x, labels), engine="numpy", shards=None if way == "whole" else COUNT, **settings)
    taken = run.trainer().steps
    together = [0.0]
    if isinstance(taken, ShardedSteps):
        ranks = taken.shards.ranks
        if way == "allreduce":
            ranks = _plain()
            taken.shards = Shards(ranks.count, ranks)
        adding = ranks.sum

        def clocked(vector: Any) -> None:
            start = time.perf_counter()
            adding(vector)
            together[0] += time.perf_counter() - start

        ranks.sum = clocked  # type: ignore[method-assign]  # for its time
        ranks.any(False)  # all have begun
    else:
        ranks = Ranks()
    order = np.concatenate([rng.permutation(ROWS) for _ in range(-(-batch * (steps + 1) // ROWS))])
    losses, rates = np.zeros(steps), np.full(steps, 1e-3)
    taken.run(order[:batch])  # the first step plans
    together[0] = 0.0
    start, cpu = time.perf_counter(), time.process_time()
    assert taken.run_many(order[batch : batch * (steps + 1)], rates, losses) == steps
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "rank": ranks.rank, "step": seconds / steps, "cpu": cpu / steps,
        "together": together[0] / steps, "loss": float(losses[-1]) / batch,
    }  # fmt: skip


def _plain() -> Any:
    """Make ranks that add up by MPI's own Allreduce."""
    from mpi4py import MPI

    from nnplug.training.ranks import MPIRanks

    class Plain(MPIRanks):
        def sum(self, vector: Any) -> None:
            MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, vector)

    return Plain()


if __name__ == "__main__":
    found = train(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    if found.pop("rank") == 0:
        print(json.dumps(found))
