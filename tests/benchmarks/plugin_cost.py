"""The block of what a part costs for coming from a plugin.

A work with built-in parts, and the same work with their twins: a plugin's
parts of the same arithmetic. The times of one engine are compared.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.processes import Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures
from tests.benchmarks.training import AGREES
from tests.benchmarks.works import WORKS, twin_of

PAIRS = ("digits", "gelu")
ENGINES = ("nnplug_numpy", "nnplug_numba")
MORE = 2
"""Times as many runs as elsewhere: a few percent are to be told from noise."""


def measure_plugin_cost(settings: Settings) -> Block:
    """Measure each work and its twin with each engine."""
    works = [work for name in PAIRS for work in (WORKS[name], twin_of(WORKS[name]))]
    taking_part = {
        name: one
        for name, one in contenders().items()
        if name in ENGINES and one.supports(WORKS[PAIRS[0]])
    }
    with tempfile.TemporaryDirectory() as folder:
        commands, losses = {}, {}
        for work in works:
            place = Path(folder) / f"{work.name}.npz"
            run(module("works", work.name, place), settings)
            for name in taking_part:
                command = module("measure", name, work.name, place)
                first = run((*command, "1", "check"), settings)
                losses[name, work.name] = json.loads(first.output)["check"]
                commands[f"{name}/{work.name}"] = (*command, str(settings.share_of(work.epochs)))
        runs = MORE * settings.runs
        finished = in_turns(commands, settings, runs=runs)
    figures: Figures = {
        name: {"loop": [json.loads(each.output)["seconds"]["loop"] for each in several]}
        for name, several in finished.items()
    }
    rows, wrong = [], []
    for name, one in taking_part.items():
        for pair in PAIRS:
            work, twin = WORKS[pair], twin_of(WORKS[pair])
            ours, built_in = (figures[f"{name}/{each.name}"]["loop"] for each in (twin, work))
            own, expected = losses[name, twin.name], losses[name, work.name]
            if not abs(own - expected) <= AGREES * abs(expected):
                wrong.append(
                    f"plugin: {twin.name} with {one.TITLE} does not compute what {work.name} "
                    f"does: its loss is {own:.12g}, not {expected:.12g}."
                )
            rows.append(
                [
                    f"{one.TITLE}: {work.title}",
                    f"{work.hidden}, {work.optimizer}",
                    report.seconds(median(built_in)),
                    report.seconds(median(ours)),
                    f"{report.ratio(ours, built_in):.3f}",
                ]
            )
    head = ["engine and work", "parts", "built in", "from a plugin", "ratio"]
    everyone = [each for several in finished.values() for each in several]
    packages = {"numpy", *(package for one in taking_part.values() for package in one.PACKAGES)}
    text = (
        report.table(head, rows, text=2)
        + "\n\n"
        + report.conditions(settings, packages, everyone, runs)
    )
    return Block(text, figures, tuple(wrong))
