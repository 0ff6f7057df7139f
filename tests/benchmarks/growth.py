"""The block of how cost grows: the time of a step by width, by depth and by batch.

    python -m tests.benchmarks.growth CONTENDER

measures one contender at every point in a process of its own and prints a
line of JSON. The picture is drawn by `picture`.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import pairwise
from statistics import median

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.measure import Clock, versions
from tests.benchmarks.processes import Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures
from tests.benchmarks.works import DIGITS, Work, noise

TAKING_PART = ("nnplug_numpy", "nnplug_numba", "torch_fused", "products")
AIM = 2e9
"""Multiplications that the steps of one point take together, about."""

SETTLED = 0.3
"""Seconds until all threads of earlier work sleep."""

STEPS = (2, 60)
"""The fewest and the most steps of a point."""


@dataclass(frozen=True)
class Sweep:
    """A series of networks that differ in one number.

    Attributes
    ----------
    name : str
    title : str
        What is the same for all.
    values : tuple of int
    """

    name: str
    title: str
    values: tuple[int, ...]

    def shape(self, value: int) -> tuple[tuple[int, ...], int]:
        """Give the widths and the batch size of one point."""
        if self.name == "width":
            return (64, value, value, 10), 128
        if self.name == "depth":
            return (64, *(128,) * value, 10), 128
        return (64, 256, 256, 10), value


SWEEPS = (
    Sweep("width", "two hidden layers, batches of 128", (64, 128, 256, 512, 1024, 2048, 4096)),
    Sweep("depth", "hidden layers of 128 units, batches of 128", (1, 2, 4, 8, 16, 32, 64)),
    Sweep("batch", "64-256-256-10", (1, 4, 16, 64, 256, 1024, 4096)),
)


def work_of(widths: tuple[int, ...], batch: int) -> tuple[Work, int]:
    """Make the work of one point, an epoch of as many steps as take a while."""
    products = batch * sum(a * b for a, b in pairwise(widths))
    parameters = products // batch
    # An optimizer's pass over a parameter costs about as much as 30 multiplications.
    steps = round(min(max(AIM / (3 * products + 30 * parameters), STEPS[0]), STEPS[1]))
    make = partial(noise, steps * batch, widths[0])
    return replace(DIGITS, widths=widths, batch_size=batch, make=make, epochs=1), steps


def measure_growth(settings: Settings) -> Block:
    """Measure every point with every contender."""
    taking_part = {
        name: one
        for name, one in contenders().items()
        if name in TAKING_PART and one.supports(DIGITS)
    }
    commands = {name: module("growth", name) for name in taking_part}
    for name, one in taking_part.items():
        if getattr(one, "KEEPS_COMPILED", False):
            run(commands[name], settings)
    finished = in_turns(commands, settings)
    results = {name: [json.loads(each.output) for each in all_] for name, all_ in finished.items()}
    figures: Figures = {
        name: {
            point: [each["seconds"][point] for each in several] for point in several[0]["seconds"]
        }
        for name, several in results.items()
    }
    packages = {name for each in results.values() for name in each[0]["versions"]}
    everyone = [each for several in finished.values() for each in several]
    parts = ["![Time of a step by width, depth and batch](benchmarks-growth.svg)"]
    for sweep in SWEEPS:
        head = [sweep.name, *(one.TITLE for one in taking_part.values())]
        rows = [
            [
                f"{value:,}",
                *(report.seconds(median(figures[name][f"{sweep.name} {value}"]))
                  for name in taking_part),
            ]
            for value in sweep.values
        ]  # fmt: skip
        parts += [f"By {sweep.name}; {sweep.title}:", report.table(head, rows)]
    parts.append(report.conditions(settings, packages, everyone, settings.runs))
    return Block("\n\n".join(parts), figures)


def main() -> None:
    """Measure one contender."""
    contender = import_module(f"tests.benchmarks.contenders.{sys.argv[1]}")
    seconds: dict[str, float] = {}
    for sweep in SWEEPS:
        for value in sweep.values:
            work, steps = work_of(*sweep.shape(value))
            arrays = work.prepare()
            few = {
                name: arrays[name][: STEPS[0] * work.batch_size] for name in ("inputs", "targets")
            }
            contender.run(work, arrays | few, Clock())  # memory is mapped
            # BLAS's threads wait for more in a loop, up to a fifth of a second,
            # after the product that the data is made with.
            time.sleep(SETTLED)
            clock = Clock()
            loss = contender.run(work, arrays, clock)
            assert sys.argv[1] == "products" or math.isfinite(loss), (sweep, value, loss)
            seconds[f"{sweep.name} {value}"] = clock.seconds["loop"] / steps
    packages = versions(("numpy", *contender.PACKAGES))
    print(json.dumps({"seconds": seconds, "versions": packages}))


if __name__ == "__main__":
    main()
