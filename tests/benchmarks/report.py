"""The page docs/benchmarks.md: each measured block stands between two comments.

A run replaces the blocks that it measured; the words around them are written
by hand.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown; the first column is text, the others numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions(
    runs: int | None, threads: int, versions: Mapping[str, str], disturbed: int = 0
) -> str:
    """Say when, on what and with what a block was measured."""
    count = "" if runs is None else f"; {runs} run{'s' if runs > 1 else ''} each"
    if disturbed:
        count += f", {disturbed} of them disturbed by other processes"
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return (
        f"*{date.today().isoformat()}; {machine()}; Python {platform.python_version()}, "
        f"{packages}; {threads} threads{count}.*"
    )


def machine() -> str:
    """Name the kind of machine: processor, cores, system."""
    model = platform.processor() or platform.machine()
    known = Path("/proc/cpuinfo")
    if known.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", known.read_text("utf-8"), re.MULTILINE)
        model = found.group(1) if found else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def put(name: str, content: str) -> bool:
    """Replace the block of that name in the page; False if the page has none."""
    text = PAGE.read_text("utf-8")
    pattern = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = pattern.subn(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)
    PAGE.write_text(changed, "utf-8")
    return bool(count)
