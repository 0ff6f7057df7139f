"""Which part can be exported where: a page from `exported.tsv`, which a test holds.

`python -m tests.exporters.record` writes that file, from running every part in every target.
"""

from __future__ import annotations

import csv
from pathlib import Path

__all__ = ["FILE", "page"]

FILE = Path(__file__).parent / "exported.tsv"
_TARGETS = {
    "numpy": "NumPy", "gcc": "C, gcc", "clang": "C, clang", "js": "Node.js",
    "onnx": "ONNX Runtime", "duckdb": "DuckDB", "sqlite": "SQLite", "postgresql": "PostgreSQL",
}  # fmt: skip
_PLURALS = {"activation": "activations", "layer": "layers", "loss": "losses"}


def page() -> str:
    """Write the page."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    named = [(*row.pop("part").split(" "), row) for row in rows]
    shown = [row for row in named if row[0] != "tests"]
    complete = sum(set(row.values()) == {"yes"} for *_, row in shown)
    lines = [
        "# What can be exported where", "",
        f"{complete} of {len(shown)} parts are exported to all of these targets, and answer there "
        "as in nnplug, on ordinary, missing and extreme numbers (PostgreSQL ends a statement in "
        "which a number overflows, so there none is beyond 100 or nearer to 0 than 1e-8); of a "
        "loss, the answer of its head for each task that it fits. So does every built-in encoding, "
        "in models of tables with missing, unseen and extreme cells. "
        "[One formula, every target](../../explanation/exporting.md) "
        "says how they are compared.",
    ]  # fmt: skip
    for package, kind in dict.fromkeys((package, kind) for package, kind, *_ in shown):
        lines += ["", f"## {_PLURALS[kind].capitalize()} of {package}", ""]
        lines += [f"| | {' | '.join(_TARGETS.values())} |", "|---" * (len(_TARGETS) + 1) + "|"]
        for its, of, name, row in shown:
            if (its, of) == (package, kind):
                lines.append(f"| `{name}` | {' | '.join(row[target] for target in _TARGETS)} |")
    return "\n".join(lines) + "\n"
