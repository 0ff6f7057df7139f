"""The block of predictions: the class of one row, of a thousand, of a million.

    python -m tests.benchmarks.prediction CONTENDER SIZE ...

measures one contender in a process of its own and prints a line of JSON: the
seconds of a call for each number of rows, after a first call that is not
timed. Rows go in and classes come out as NumPy arrays.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from statistics import median
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.measure import Clock, peak, versions
from tests.benchmarks.processes import Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures
from tests.benchmarks.works import DIGITS

SIZES = (1, 1_000, 1_000_000)
OURS = "nnplug_numpy"
COMPARED = 1_000
"""Rows whose classes are compared; one of them may lie on a boundary."""

ENOUGH = 0.2
"""Seconds that the timed calls take together, about."""

CALLS = (3, 5_000)
"""The fewest and the most calls."""


def measure_prediction(settings: Settings) -> Block:
    """Measure every contender that predicts."""
    taking_part = {
        name: one
        for name, one in contenders().items()
        if hasattr(one, "predictor") and one.supports(DIGITS)
    }
    sizes = tuple(settings.share_of(size) if size > COMPARED else size for size in SIZES)
    commands = {name: module("prediction", name, *sizes) for name in taking_part}
    if any(getattr(one, "KEEPS_COMPILED", False) for one in taking_part.values()):
        for name in taking_part:
            run(module("prediction", name, *SIZES[:1]), settings)
    finished = in_turns(commands, settings)
    results = {name: [json.loads(each.output) for each in all_] for name, all_ in finished.items()}
    figures: Figures = {
        name: {
            **{
                str(size): [each["seconds"][str(actual)] for each in several]
                for size, actual in zip(SIZES, sizes, strict=True)
            },
            "peak": [float(each["peak"]) for each in several],
        }
        for name, several in results.items()
    }
    wrong = differing({name: several[0]["classes"] for name, several in results.items()})
    rows = []
    for name, one in figures.items():
        cells = [taking_part[name].TITLE + (" **not the same work**" if name in wrong else "")]
        for size in map(str, SIZES):
            cells.append(report.seconds(median(one[size])))
            cells.append(f"{report.ratio(one[size], figures[OURS][size]):.2f}")
        rows.append([*cells, report.mib(median(one["peak"]))])
    head = ["contender"]
    for size in sizes:
        head += [f"{size:,} row{'s' * (size > 1)}", "ratio"]
    packages = {name for each in results.values() for name in each[0]["versions"]}
    everyone = [each for several in finished.values() for each in several]
    text = (
        report.table([*head, "peak memory, MiB"], rows)
        + "\n\n"
        + report.conditions(settings, packages, everyone, settings.runs)
    )
    return Block(text, figures, tuple(wrong.values()))


def differing(classes: Mapping[str, list[int]]) -> dict[str, str]:
    """Say of each contender that predicts other classes than nnplug for how many rows."""
    found = {}
    for name, theirs in classes.items():
        count = sum(a != b for a, b in zip(classes[OURS], theirs, strict=True))
        if count > 1:
            found[name] = (
                f"predictions: {contenders()[name].TITLE} gives another class than nnplug for "
                f"{count} of {len(theirs):,} rows."
            )
    return found


def time_call(predict: Any, inputs: Any) -> float:
    """Give the seconds of one call, the mean over as many as take a while."""
    predict(inputs)
    start = time.perf_counter()
    predict(inputs)
    once = time.perf_counter() - start
    calls = int(min(max(ENOUGH / once, CALLS[0]), CALLS[1]))
    start = time.perf_counter()
    for _ in range(calls):
        predict(inputs)
    return (time.perf_counter() - start) / calls


def main() -> None:
    """Measure one contender."""
    import numpy as np

    contender = import_module(f"tests.benchmarks.contenders.{sys.argv[1]}")
    sizes = [int(size) for size in sys.argv[2:]]
    predict = contender.predictor(DIGITS, DIGITS.prepare(), Clock())
    columns = DIGITS.widths[0]
    inputs = np.random.default_rng(0).random((max(*sizes, COMPARED), columns), np.float32)
    result = {
        "seconds": {size: time_call(predict, inputs[:size]) for size in sizes},
        "classes": np.asarray(predict(inputs[:COMPARED])).tolist(),
        "peak": peak(),
        "versions": versions(("numpy", *contender.PACKAGES)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
