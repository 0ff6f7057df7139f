"""The report of a comparison as one HTML page, which loads and runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nnplug.comparison import pictures
from nnplug.comparison.text import Grid, grids, headline, legend
from nnplug.runs.report.page import frame, table
from nnplug.runs.report.svg import clean, folding

__all__ = ["body", "write_page"]

_FIXED = ("hidden", "activation", "layers", "output_activation", "initializer", "dropout", "dtype",
          "loss", "optimizer", "schedule", "epochs", "batch_size", "l2", "l1", "clip_global_norm",
          "class_weight", "validation", "split", "monitor", "patience", "engine")  # fmt: skip
_Picture = Callable[[Mapping[str, Any]], "str | None"]


def write_page(report: Mapping[str, Any]) -> str:
    """Write the page."""
    style = "ul.verdicts { padding-left: 1.2rem; } th.number { white-space: nowrap; }"
    return frame(f"nnplug compare: {headline(report)}", body(report), style)


def body(report: Mapping[str, Any]) -> Iterator[str]:
    """Write what stands on the page, in HTML."""
    data, tables = report["data"], grids(report)
    yield f"<h1>{folding(headline(report))}</h1>"
    yield f"<p class='lead'>{folding(_lead(report))}</p>"
    yield "<ul class='verdicts'>"
    for each in data:
        for arm, found in each["arms"].items():
            if found["verdict"] is not None:
                said = f"{arm} on {each['name']}: {found['verdict']['sentence']}"
                yield f"<li>{folding(said)}</li>"
    yield "</ul>"
    yield from _drawn(
        "Paired differences",
        "Large dots: the mean difference to the baseline with the same seeds, with its 95 % "
        "interval. Small dots: the pairs. Right of the line, the arm is better.",
        data,
        pictures.forest,
    )
    yield "<h2>Scores</h2>"
    yield f"<p>{folding(legend(report))}.</p>"
    for grid in tables[: len(data)]:
        yield from _table(grid)
    for grid in tables[len(data) : -len(data)]:  # over all data sets, if there are several
        yield from _table(grid)
        yield "".join(f"<p>{folding(line)}</p>" for line in grid.below)
    if report["overall"] is not None and (drawn := pictures.profiles(report["overall"])):
        yield f"<div class='side'><div><h3>Performance profile</h3>{drawn}</div></div>"
    yield from _drawn(
        "Runs", "A dot is a run. Boxes: quartiles; lines: medians.", data, pictures.strips
    )
    yield from _drawn(
        "Learning curves",
        "The median run, with a band of the quartiles. A run that has ended keeps its last value.",
        data,
        pictures.curves,
    )
    yield from _drawn(
        "Sensitivity to the learning rate",
        "Small dots: the trials, on rows that were held out. Line: the mean of each rate and its "
        "two neighbours, by which it is judged. Large dot: the rate that was chosen. Scores far "
        "worse than the others are drawn at the edge.",
        data,
        pictures.sensitivity,
    )
    yield from _drawn("Search", "The best score after each trial.", data, pictures.best_so_far)
    yield from _drawn(
        "Time to the target",
        "The target is the score that half of the baseline's runs reach on the validation rows. "
        "Runs that never reach it count in the share.",
        data,
        pictures.times_to_target,
    )
    yield "<h2>Cost</h2>"
    yield (
        "<p>The target is the score that half of the baseline's runs reach on the validation "
        "rows; steps and seconds are counted until it is reached.</p>"
    )
    for grid in tables[-len(data) :]:
        yield from _table(grid)
    yield "<h2>Keep in mind</h2>"
    yield "<ul>" + "".join(f"<li>{folding(line)}</li>" for line in report["caveats"]) + "</ul>"
    yield "<h2>What was fixed</h2>"
    yield table(("setting", *(each["name"] for each in data)), _fixed(report))
    yield "<h2>Versions</h2>"
    yield table(("what", "which"), _versions(report["record"]))
    yield "<p>To repeat the comparison and see what differs:</p>"
    yield "<pre>nnplug compare --replay report.json</pre>"


def _lead(report: Mapping[str, Any]) -> str:
    asked = report["request"]
    names = ", ".join(each["name"] for each in report["data"])
    return (
        f"on {names}; {asked['seeds']} seeds, {asked['trials']} trials of the learning rate; "
        f"{report['record']['runs']:,} runs"
    )


def _drawn(title: str, about: str, data: list[Mapping[str, Any]], draw: _Picture) -> Iterator[str]:
    drawn = [(each["name"], picture) for each in data if (picture := draw(each)) is not None]
    if drawn:
        yield f"<h2>{clean(title)}</h2><p>{clean(about)}</p>"
        figures = (f"<div><h3>{folding(name)}</h3>{picture}</div>" for name, picture in drawn)
        yield f"<div class='side'>{''.join(figures)}</div>"


def _table(grid: Grid) -> Iterator[str]:
    yield f"<h3>{folding(grid.title)}</h3>"
    yield "<div class='wide'><table>"
    for tag, row in (("th", grid.head), *(("td", row) for row in grid.rows)):
        first, *numbers = row
        cells = "".join(f"<{tag} class='number'>{clean(cell)}</{tag}>" for cell in numbers)
        yield f"<tr><{tag}>{folding(first)}</{tag}>{cells}</tr>"
    yield "</table></div>"


def _fixed(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """List the settings that all arms have in common, by data set."""
    every = [
        [found["identity"]["settings"] for found in each["arms"].values()]
        for each in report["data"]
    ]
    for name in _FIXED:
        cells = []
        for arms in every:
            values = [settings.get(name) for settings in arms]
            cells.append(_written(values[0]) if all(v == values[0] for v in values) else "by arm")
        if any(cell != "not set" for cell in cells):
            yield (name, *cells)


def _written(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _versions(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from sorted(record["packages"].items())
    for key in ("python", "numpy", "machine"):
        yield key, str(record[key])
    for name, digest in sorted(record["formulas"].items()):
        yield f"formula of {name}", digest
