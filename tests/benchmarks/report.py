"""The page docs/benchmarks.md and its numbers, docs/benchmarks.json.

Each measured block of the page stands between two comments. A run replaces
the blocks that it measured; the words around them are written by hand.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import metadata
from pathlib import Path
from statistics import median

from tests.benchmarks.processes import DISTURBED, Finished, Settings
from tests.benchmarks.works import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
NUMBERS = PAGE.with_suffix(".json")

Figures = dict[str, dict[str, list[float]]]
"""By contender and by what was measured, a number for each round."""


@dataclass(frozen=True)
class Block:
    """What a block's measurement gave.

    Attributes
    ----------
    text : str
        Markdown.
    figures : Figures
    wrong : tuple of str
        A sentence for each contender that did not compute what nnplug did.
    """

    text: str
    figures: Figures
    wrong: tuple[str, ...] = ()


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> str:
    """Write a table in Markdown; the first columns are text, the others numbers."""
    rules = ["---"] * text + ["---:"] * (len(head) - text)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows))


def conditions(
    settings: Settings,
    packages: Iterable[str],
    finished: Iterable[Finished] = (),
    runs: int | None = None,
) -> str:
    """Say when, on what and with what a block was measured."""
    parts = [date.today().isoformat(), machine()]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in sorted(set(packages)))
    parts.append(f"Python {platform.python_version()}, {versions}")
    parts.append(f"{settings.threads} thread{'s' * (settings.threads > 1)}")
    if runs is not None:
        disturbed = sum(each.others > DISTURBED for each in finished)
        parts.append(
            f"{runs} run{'s' * (runs > 1)} each"
            + (f", {disturbed} of them disturbed by other processes" if disturbed else "")
        )
    if settings.quick:
        parts.append("a tenth of the work, for a look")
    return f"*{'; '.join(parts)}.*"


def machine() -> str:
    """Name the kind of machine: processor, cores, system, and the kernels that BLAS chose."""
    model = platform.processor() or platform.machine()
    known = Path("/proc/cpuinfo")
    if known.exists():
        lines = dict(re.findall(r"^(.+?)\s*:\s*(.+)$", known.read_text("utf-8"), re.MULTILINE))
        model = lines.get("model name", model)
        # A cloud's processors share one name; these two numbers tell their kind.
        if {"cpu family", "model"} <= set(lines):
            model += f" (family {lines['cpu family']}, model {lines['model']})"
    system = f"{platform.system()} {platform.machine()}"
    return f"{model}, {os.cpu_count()} cores, {system}; {kernels()}"


@cache  # the processor and NumPy's BLAS stay the same
def kernels() -> str:
    """Name NumPy's BLAS and its kernels, as found in a process of its own."""
    code = (
        "import numpy, threadpoolctl as t; "
        "[b] = [b for b in t.threadpool_info() if b['user_api'] == 'blas']; "
        "print(f\"{b['internal_api']} {b['version']}, kernels {b.get('architecture', 'unknown')}\")"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Divide round by round, then take the median: neighbours in time met the same machine."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))


def seconds(value: float) -> str:
    """Write a time with three digits, in s, ms or µs."""
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= unit or unit == 1e-6:
            scaled = value / unit
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{scaled:,.{digits}f} {name}"
    raise AssertionError  # the last unit is always taken


def mib(value: float) -> str:
    """Write bytes in MiB."""
    return f"{value / 2**20:,.0f}"


def put(name: str, content: str, page: Path = PAGE) -> bool:
    """Replace the block of that name in the page; False if the page has none."""
    text = page.read_text("utf-8")
    pattern = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = pattern.subn(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)
    page.write_text(changed, "utf-8")
    return bool(count)


def kept_figures(numbers: Path = NUMBERS) -> dict[str, Figures]:
    """Give the numbers of every block as they were last measured."""
    blocks = json.loads(numbers.read_text("utf-8")) if numbers.exists() else {}
    return {name: block["figures"] for name, block in blocks.items()}


def keep(name: str, figures: Figures, how: str, numbers: Path = NUMBERS) -> None:
    """Keep a block's numbers, so that ratios and pictures can be made again."""
    kept = json.loads(numbers.read_text("utf-8")) if numbers.exists() else {}
    rounded: Mapping[str, object] = {
        contender: {
            key: [float(f"{value:.4g}") for value in values] for key, values in each.items()
        }
        for contender, each in figures.items()
    }
    kept[name] = {"measured": how.strip("*."), "figures": rounded}
    text = json.dumps(kept, indent=1, sort_keys=True)
    # A row of numbers on one line: the file is read by people too.
    text = re.sub(r"\[\s+([^\[\]]*?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", text)
    numbers.write_text(text + "\n", "utf-8")
