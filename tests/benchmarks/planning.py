"""The block of getting ready: tracing the formulas, planning the steps, compiling them.

    python -m tests.benchmarks.planning CONTENDER

measures one contender on each network in a process of its own and prints a
line of JSON. The same formulas come again in later networks, as in one
program that trains several.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.measure import Clock, versions
from tests.benchmarks.processes import Finished, Settings, in_turns, module, run, run_undisturbed
from tests.benchmarks.report import Block, Figures
from tests.benchmarks.works import DIGITS, WORKS, Work, noise

TAKING_PART = ("nnplug_numpy", "nnplug_numba", "jax_jit")


def _network(name: str, widths: tuple[int, ...]) -> Work:
    return replace(
        DIGITS,
        name=name,
        title="-".join(map(str, widths)),
        widths=widths,
        make=partial(noise, 150, widths[0], widths[-1]),
        batch_size=100,  # and a last one of 50: two sizes are planned
        epochs=1,
    )


NETWORKS = (
    replace(WORKS["xor"], title="2-2-1", epochs=10),
    _network("small", (64, 100, 10)),
    _network("wide", (784, 512, 512, 10)),
    replace(_network("deep", (32,) * 21 + (10,)), title="20 layers of 32"),
)


def measure_planning(settings: Settings) -> Block:
    """Measure every contender that gets ready in a way worth a clock."""
    taking_part = {
        name: one
        for name, one in contenders().items()
        if name in TAKING_PART and one.supports(DIGITS)
    }
    finished: dict[str, list[Finished]] = {}
    titles = {}
    for name, one in taking_part.items():
        titles[name] = one.TITLE
        if getattr(one, "KEEPS_COMPILED", False):
            titles[name] += ", compiled before"
            titles[f"{name}, cold"] = f"{one.TITLE}, nothing compiled before"
            with tempfile.TemporaryDirectory() as folder:
                empty = replace(settings, cache=Path(folder))
                finished[f"{name}, cold"] = [run_undisturbed(module("planning", name), empty)]
        run(module("planning", name), settings)
    finished |= in_turns({name: module("planning", name) for name in taking_part}, settings)
    results = {name: [json.loads(each.output) for each in all_] for name, all_ in finished.items()}
    figures: Figures = {
        name: {work.title: [one["seconds"][work.title] for one in several] for work in NETWORKS}
        for name, several in results.items()
    }
    rows = [
        [title, *(report.seconds(median(figures[name][work.title])) for work in NETWORKS)]
        for name, title in titles.items()
    ]
    head = ["contender", *(work.title for work in NETWORKS)]
    packages = {name for each in results.values() for name in each[0]["versions"]}
    everyone = [each for several in finished.values() for each in several]
    text = (
        report.table(head, rows)
        + "\n\n"
        + report.conditions(settings, packages, everyone, settings.runs)
    )
    return Block(text, figures)


def main() -> None:
    """Measure one contender."""
    contender = import_module(f"tests.benchmarks.contenders.{sys.argv[1]}")
    first = _network("first", (7, 5, 3))  # for what comes once in a process
    contender.run(first, first.prepare(), Clock())
    seconds = {}
    for work in NETWORKS:
        clock = Clock()
        contender.run(work, work.prepare(), clock)
        seconds[work.title] = clock.seconds["trace"]
    packages = versions(("numpy", *contender.PACKAGES))
    print(json.dumps({"seconds": seconds, "versions": packages}))


if __name__ == "__main__":
    main()
