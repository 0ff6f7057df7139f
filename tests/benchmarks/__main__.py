"""Measure every contender on every work and write docs/benchmarks.md.

    python -m tests.benchmarks                      # everything
    python -m tests.benchmarks --work digits        # one block; may be repeated
    python -m tests.benchmarks --quick              # a look, nothing is written

Each measurement has a process of its own. The contenders take turns, and
each round begins with another of them, so that whatever else the machine
does meets all alike.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.processes import DISTURBED, Finished, module, run, run_undisturbed
from tests.benchmarks.startup import PAIRS
from tests.benchmarks.works import WORKS, Work

MIB = 2**20
OTHERS = ("startup", "tables")
NOTEBOOK_SHARE = 0.75
"""Of the notebook's own time, what nnplug's loop may take at most on XOR."""


def rounds(names: list[str], runs: int) -> list[str]:
    """Give the order of all measurements, each round begun by the next name."""
    return [names[(turn + at) % len(names)] for turn in range(runs) for at in range(len(names))]


def spread(values: list[float]) -> str:
    """Write the fastest and slowest of some seconds."""
    return f"{min(values):.3g} to {max(values):.3g}"


def measure_work(work: Work, runs: int, threads: int, epochs: int) -> tuple[str, dict[str, Any]]:
    """Measure a work; give its table and the medians by contender."""
    taking_part = {
        name: contender for name, contender in contenders().items() if contender.supports(work)
    }
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in taking_part}
    disturbed = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "work.npz"
        run(module("works", work.name, place), threads)
        for name in rounds(list(taking_part), runs):
            finished = run_undisturbed(module("measure", name, work.name, place, epochs), threads)
            results[name].append(json.loads(finished.output))
            disturbed += finished.others > DISTURBED
            seconds = results[name][-1]["seconds"]["loop"]
            print(f"  {taking_part[name].TITLE}: {seconds:.3f} s", file=sys.stderr, flush=True)
    lines, middles = [], {}
    ours = [each["seconds"]["loop"] for each in results["nnplug_numpy"]]
    for name, each in results.items():
        loops = [one["seconds"]["loop"] for one in each]
        middle = {
            key: median(one["seconds"].get(key, 0.0) for one in each)
            for key in ("import", "data", "plan", "loop")
        }
        # Round by round, then the median: neighbours in time met the same machine.
        ratio = median(theirs / mine for theirs, mine in zip(loops, ours, strict=True))
        middles[name] = {**middle, "ratio": ratio}
        loss = each[0]["loss"]
        lines.append(
            [
                taking_part[name].TITLE,
                f"{middle['loop']:.3f}",
                spread(loops),
                f"{ratio:.2f}",
                f"{middle['import']:.2f}",
                f"{middle['data'] + middle['plan']:.3f}",
                f"{median(one['peak'] for one in each) / MIB:.0f}",
                "" if math.isnan(loss) else f"{loss:.6f}",
            ]
        )
    head = [
        "contender", "loop, s", "fastest to slowest", "ratio to nnplug", "import, s",
        "data and plan, s", "peak memory, MiB", "final loss",
    ]  # fmt: skip
    versions = {k: v for each in results.values() for k, v in each[0]["versions"].items()}
    text = (
        report.table(head, lines) + "\n\n" + report.conditions(runs, threads, versions, disturbed)
    )
    if work.name == "xor":
        planned = [
            (mine["seconds"]["loop"] + mine["seconds"]["plan"]) / theirs["seconds"]["loop"]
            for mine, theirs in zip(results["nnplug_numpy"], results["notebook"], strict=True)
        ]
        share = 1 / middles["notebook"]["ratio"]
        text += (
            f"\n\nRequired: at most {NOTEBOOK_SHARE} of the notebook's loop. Found: {share:.2f}, "
            f"and {median(planned):.2f} with nnplug's planning counted in"
            f" ({'met' if max(share, median(planned)) <= NOTEBOOK_SHARE else '**not met**'})."
        )
    return text, middles


def measure_startup(runs: int, threads: int) -> str:
    """Measure whole commands, each pair in turns."""
    lines, disturbed = [], 0
    for pair in PAIRS:
        run(pair.ours, threads)  # what Python compiles once is there from now on
        run(pair.theirs, threads)
        found: dict[str, list[Finished]] = {"ours": [], "theirs": []}
        for side in rounds(["ours", "theirs"], runs):
            found[side].append(run_undisturbed(getattr(pair, side), threads))
            disturbed += found[side][-1].others > DISTURBED
        seconds = {side: [one.seconds for one in each] for side, each in found.items()}
        peaks = {side: median(one.peak for one in each) / MIB for side, each in found.items()}
        ratio = median(a / b for a, b in zip(seconds["ours"], seconds["theirs"], strict=True))
        required = ""
        if pair.most is not None:
            required = f"{pair.most} ({'met' if ratio <= pair.most else '**not met**'})"
        lines.append(
            [
                f"{pair.title} against {pair.against}",
                *(f"{median(seconds[side]) * 1000:.0f}" for side in ("ours", "theirs")),
                f"{ratio:.2f}",
                required,
                *(f"{peaks[side]:.0f}" for side in ("ours", "theirs")),
            ]
        )
        print(f"  {pair.title}: {ratio:.2f}", file=sys.stderr, flush=True)
    head = [
        "command", "ms", "against, ms", "ratio", "at most", "peak memory, MiB", "against, MiB",
    ]  # fmt: skip
    versions = installed("nnplug", "numpy", "click")
    return f"{report.table(head, lines)}\n\n" + report.conditions(
        runs, threads, versions, disturbed
    )


def measure_tables(threads: int) -> str:
    """Score on held-out rows; see the module `tables`."""
    text = run(module("tables"), threads).output.strip()
    versions = installed("nnplug", "numpy", "scikit-learn")
    return f"{text}\n\n{report.conditions(None, threads, versions)}"


def installed(*names: str) -> dict[str, str]:
    """Give the versions of installed distributions."""
    return {name: metadata.version(name) for name in names}


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--work", action="append", choices=[*WORKS, *OTHERS])
    parser.add_argument("--runs", type=int, default=5, help="of each contender (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="of BLAS and PyTorch (default: 2)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the epochs; not written")
    arguments = parser.parse_args()
    for name in arguments.work or [*WORKS, *OTHERS]:
        print(f"{name}:", file=sys.stderr, flush=True)
        if name == "startup":
            text = measure_startup(3 * arguments.runs, arguments.threads)
        elif name == "tables":
            text = measure_tables(arguments.threads)
        else:
            work = WORKS[name]
            epochs = max(1, work.epochs // 10) if arguments.quick else work.epochs
            text, _ = measure_work(work, arguments.runs, arguments.threads, epochs)
        print(text, end="\n\n", flush=True)
        if not arguments.quick and not report.put(name, text):
            print(f"docs/benchmarks.md has no block {name!r}", file=sys.stderr)


if __name__ == "__main__":
    main()
