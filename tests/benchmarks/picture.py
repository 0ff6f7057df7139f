"""Draw how cost grows, from the numbers in docs/benchmarks.json.

    python -m tests.benchmarks.picture

The background is left out and every colour is of middle lightness, so that
the one file is legible on light and on dark pages.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.contenders import contenders
from tests.benchmarks.growth import SWEEPS

PICTURE = report.PAGE.with_name("benchmarks-growth.svg")
INK = "#7d7d7d"
LINES = {
    "nnplug_numpy": ("#2f8fd8", "o", "-"),
    "nnplug_numba": ("#2ea36b", "s", "-"),
    "torch_fused": ("#e0662f", "^", "-"),
    "products": (INK, "", "--"),
}
"""Colour, marker and style; told apart by the marker too, for those who see no colours."""


def draw(figures: report.Figures, place: Path) -> None:
    """Draw the three sweeps side by side."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    settings: dict[str, Any] = {
        "font.family": "sans-serif", "font.size": 10, "svg.fonttype": "none",
        # The same numbers give the same file.
        "svg.hashsalt": "nnplug",
        "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK,
        "xtick.color": INK, "ytick.color": INK,
        "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9.6, 4.0), layout="constrained")
        axes = figure.subplots(1, len(SWEEPS), sharey=True)
        for sweep, axis in zip(SWEEPS, axes, strict=True):
            for name, (colour, marker, style) in LINES.items():
                if name not in figures:
                    continue
                times = [median(figures[name][f"{sweep.name} {value}"]) for value in sweep.values]
                axis.plot(
                    sweep.values, times, color=colour, marker=marker, linestyle=style,
                    linewidth=1.8, markersize=5, label=contenders()[name].TITLE.strip("()"),
                )  # fmt: skip
            axis.set(xscale="log", yscale="log", xlabel=f"{sweep.name}\n({sweep.title})")
            axis.set_xticks(sweep.values[::2], [f"{value:,}" for value in sweep.values[::2]])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.yaxis.set_minor_locator(NullLocator())
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _time(value)))
            axis.grid(color=INK, alpha=0.25, linewidth=0.6)
        axes[0].set_ylabel("time of a step")
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(LINES),
            frameon=False,
        )  # fmt: skip
        figure.savefig(place, transparent=True, metadata={"Date": None})


def _time(value: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= unit * 0.999:
            return f"{value / unit:g} {name}"
    return f"{value:g} s"


def main() -> None:
    """Draw the picture of the docs."""
    kept = json.loads(report.NUMBERS.read_text("utf-8"))
    draw(kept["growth"]["figures"], PICTURE)


if __name__ == "__main__":
    main()
