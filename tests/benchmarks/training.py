"""A work's block: every contender trains it, and their losses are compared."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.processes import Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures
from tests.benchmarks.works import Work

OURS = "nnplug_numpy"
AGREES = 1e-9
"""How closely two losses in float64 agree after a few steps, relative to one of them."""


def measure_work(work: Work, settings: Settings) -> Block:
    """Measure every contender that supports a work."""
    taking_part = {name: one for name, one in contenders().items() if one.supports(work)}
    epochs = settings.share_of(work.epochs)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "work.npz"
        run(module("works", work.name, place), settings)
        commands = {name: module("measure", name, work.name, place, epochs) for name in taking_part}
        cold = {}
        for name, one in taking_part.items():
            if getattr(one, "KEEPS_COMPILED", False):
                compiling = run(module("measure", name, work.name, place, 1), settings)
                cold[name] = json.loads(compiling.output)["seconds"]["plan"]
        checking = {name: (*command, "check") for name, command in commands.items()}
        finished = in_turns(commands, settings, first=checking)
    results = {
        name: [json.loads(each.output) for each in several] for name, several in finished.items()
    }
    wrong = disagreements(
        work, taking_part, {name: several[0] for name, several in results.items()}
    )
    figures = _figures(results)
    for name, plan in cold.items():
        figures[name]["plan, cold"] = [plan]
    rows = [
        _row(one.TITLE, figures[name], figures[OURS], results[name][0]["loss"], wrong.get(name))
        for name, one in taking_part.items()
    ]
    head = [
        "contender", "loop, s", "fastest to slowest", "ratio to nnplug", "import, s",
        "data and plan, s", "peak memory, MiB", "final loss",
    ]  # fmt: skip
    packages = {name for each in results.values() for name in each[0]["versions"]}
    everyone = [each for several in finished.values() for each in several]
    epochs_text = f"{epochs:,} epoch{'s' * (epochs > 1)}"
    text = "\n\n".join(
        [
            f"{work.title}; {epochs_text}:",
            report.table(head, rows),
            report.conditions(settings, packages, everyone, settings.runs),
        ]
    )
    return Block(text, figures, tuple(wrong.values()))


def disagreements(
    work: Work,
    taking_part: Mapping[str, ModuleType],
    losses: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """Say of each contender whose losses are not nnplug's what they are.

    In float64 after a few steps the losses agree to many digits. After the
    whole run in float32 they agree roughly, by the work's tolerance.
    """
    found = {}
    for name, contender in taking_part.items():
        for key, where, tolerance in (
            ("check", "after a few steps in float64", getattr(contender, "AGREES", AGREES)),
            ("loss", "at the end of the run", work.tolerance),
        ):
            ours, theirs = losses[OURS][key], losses[name][key]
            if math.isnan(theirs) and name == "products":
                continue  # it has no loss
            if not abs(theirs - ours) <= tolerance * abs(ours):
                found[name] = (
                    f"{work.name}: {contender.TITLE} does not compute what nnplug does: its loss "
                    f"{where} is {theirs:.12g}, nnplug's is {ours:.12g}; allowed is a difference "
                    f"of {tolerance:g} of it."
                )
                break
    return found


def _figures(results: Mapping[str, list[dict[str, Any]]]) -> Figures:
    figures: Figures = {}
    for name, several in results.items():
        figures[name] = {
            key: [each["seconds"].get(key, 0.0) for each in several]
            for key in ("import", "data", "plan", "loop")
        }
        figures[name]["peak"] = [float(each["peak"]) for each in several]
        for key, parts in (("libraries", ("import", "compiler")), ("compiler", ("compiler",))):
            figures[name][key] = [
                float(sum(each["grown"].get(part, 0) for part in parts)) for each in several
            ]
    return figures


def _row(
    title: str,
    one: Mapping[str, list[float]],
    ours: Mapping[str, list[float]],
    loss: float,
    wrong: str | None,
) -> list[str]:
    ready = f"{median(one['data']) + median(one['plan']):.3f}"
    if "plan, cold" in one:
        ready += f" ({one['plan, cold'][0]:.1f} the first time)"
    shown = "" if math.isnan(loss) else f"{loss:.6f}"
    return [
        title,
        f"{median(one['loop']):.3f}",
        f"{min(one['loop']):.3g} to {max(one['loop']):.3g}",
        f"{report.ratio(one['loop'], ours['loop']):.2f}",
        f"{median(one['import']):.2f}",
        ready,
        report.mib(median(one["peak"])),
        f"{shown} **not the same work**" if wrong else shown,
    ]


def memory_block(figures: Figures, conditions: str) -> Block:
    """Make the table of memory from what a work's measurement gave."""
    rows = []
    for name, one in figures.items():
        peak, libraries = median(one["peak"]), median(one["libraries"])
        rows.append(
            [
                contenders()[name].TITLE,
                report.mib(peak),
                report.mib(libraries),
                report.mib(peak - libraries),
                f"{report.ratio(one['peak'], figures[OURS]['peak']):.2f}",
            ]
        )
    head = [
        "contender", "peak memory, MiB", "of it libraries", "all else", "ratio to nnplug",
    ]  # fmt: skip
    return Block(f"{report.table(head, rows)}\n\n{conditions}", {})
