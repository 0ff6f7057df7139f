"""Measure nnplug beside others and write docs/benchmarks.md.

    python -m tests.benchmarks                      # everything
    python -m tests.benchmarks --work digits        # one block; may be repeated
    python -m tests.benchmarks --quick --noisy      # a look, nothing is written

Each measurement has a process of its own. The contenders take turns, and
each round begins with another of them. Exit code 1 says that a contender did
not compute what nnplug did, 2 that a process failed; that block is then not
written, and the others are.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.coverage import measure_coverage
from tests.benchmarks.exports import measure_exports
from tests.benchmarks.goals import GOALS, goals_table
from tests.benchmarks.growth import measure_growth
from tests.benchmarks.planning import measure_planning
from tests.benchmarks.plugin_cost import measure_plugin_cost
from tests.benchmarks.prediction import measure_prediction
from tests.benchmarks.processes import FailedError, Settings, module, run
from tests.benchmarks.quality.measuring import measure_quality
from tests.benchmarks.reading import measure_reading
from tests.benchmarks.real_tables import measure_real_tables
from tests.benchmarks.report import Block
from tests.benchmarks.shards import measure_shards
from tests.benchmarks.sklearn_cv import measure_cross_validation
from tests.benchmarks.startup import measure_commands, measure_imports
from tests.benchmarks.training import measure_work, memory_block
from tests.benchmarks.works import WORKS

MEMORY = "wide-512"
"""The work whose memory has a table of its own."""


def measure_scores(settings: Settings) -> Block:
    """Score on held-out rows; see the module `tables`."""
    seeds = 2 if settings.quick else 5
    text = run(module("tables", "--seeds", seeds), settings).output.strip()
    how = report.conditions(settings, ("nnplug", "numpy", "scikit-learn"))
    return Block(f"{text}\n\n{how}", {})


BLOCKS: dict[str, Callable[[Settings], Block]] = {
    **{name: partial(measure_work, work) for name, work in WORKS.items()},
    "plugin": measure_plugin_cost,
    "prediction": measure_prediction,
    "commands": measure_commands,
    "imports": measure_imports,
    "planning": measure_planning,
    "growth": measure_growth,
    "tables": measure_scores,
    "reading": measure_reading,
    "real-tables": measure_real_tables,
    "coverage": measure_coverage,
    "table-quality": measure_quality,
    "cross-validation": measure_cross_validation,
    "shards": measure_shards,
    "exports": measure_exports,
}
"""What each block of the page is measured by; `memory` and `goals` follow from others."""

FOLLOWING = ("memory", "goals")


def measure(names: list[str], settings: Settings, write: Callable[[str, Block], None]) -> int:
    """Measure blocks, one after the other; give the exit code."""
    figures: dict[str, report.Figures] = {}
    wrong: list[str] = []
    failed: list[str] = []
    for name in names:
        start = time.monotonic()
        print(f"{name}:", file=sys.stderr, flush=True)
        try:
            block = BLOCKS[name](settings)
        except FailedError as error:
            failed.append(f"{name} could not be measured: {error}")
            print(f"  {failed[-1]}", file=sys.stderr, flush=True)
            continue
        print(f"## {name}\n\n{block.text}", end="\n\n", flush=True)
        wrong += block.wrong
        if not block.wrong:
            figures[name] = block.figures
            write(name, block)
        if name == MEMORY and not block.wrong:
            memory = memory_block(block.figures, block.text.rpartition("\n\n")[2])
            print(f"## memory\n\n{memory.text}", end="\n\n", flush=True)
            write("memory", memory)
        print(f"  {time.monotonic() - start:.0f} s in all", file=sys.stderr, flush=True)
    goals = Block(goals_table(figures), {})
    if any(goal.block in figures for goal in GOALS):
        print(f"## goals\n\n{goals.text}", flush=True)
    # Both sides of a goal stand in one block, so they were measured in one run.
    write("goals", Block(goals_table({**report.kept_figures(), **figures}), {}))
    for sentence in (*failed, *wrong):
        print(f"Error: {sentence}", file=sys.stderr)
    return 2 if failed else 1 if wrong else 0


def write_block(name: str, block: Block) -> None:
    """Put a block into the page, its numbers beside it, and draw its picture."""
    if block.figures:
        report.keep(name, block.figures, block.text.rpartition("\n\n")[2])
    if name == "growth":
        run(module("picture"), Settings(Path(tempfile.gettempdir())))
    if not report.put(name, block.text):
        print(f"docs/benchmarks.md has no block {name!r}", file=sys.stderr)


def main() -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--work", action="append", choices=list(BLOCKS), metavar="NAME",
        help=f"one block, and no other; may be repeated: {', '.join(BLOCKS)}",
    )  # fmt: skip
    parser.add_argument("--runs", type=int, default=5, help="of each contender (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="of every library (default: 2)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work; not written")
    parser.add_argument(
        "--noisy", action="store_true", help="do not wait for a quiet machine; not written"
    )
    parser.add_argument(
        "--final", action="store_true", help="table-quality: the tables that are set aside, too"
    )
    arguments = parser.parse_args()
    for name in ("runs", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: give at least 1")
    names = arguments.work or list(BLOCKS)
    look = arguments.quick or arguments.noisy
    needed = ["sklearn"] + ["matplotlib"] * ("growth" in names and not look)
    needed += ["pandas", "pyarrow"] * ("reading" in names)
    needed += ["emlearn", "m2cgen", "onnx", "onnxruntime", "pandas"] * ("exports" in names)
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        parser.error(f'{", ".join(missing)} is not installed; pip install -e ".[bench]"')
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(
            Path(cache), arguments.runs, arguments.threads, arguments.quick, arguments.noisy,
            arguments.final,
        )  # fmt: skip
        return measure(names, settings, (lambda *_: None) if look else write_block)


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        print("Interrupted; the blocks measured before are written.", file=sys.stderr)
        code = 130
    sys.exit(code)
