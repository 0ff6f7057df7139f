"""The report of a run as one HTML page, which loads and runs nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from nnplug import __version__
from nnplug.models.calibration import USUAL_LEVEL
from nnplug.models.records import kind_of
from nnplug.network.drawing import draw_network
from nnplug.runs.report.charts import (
    class_charts,
    confusion_table,
    loss_chart,
    metric_chart,
    plane_chart,
    residual_charts,
)
from nnplug.runs.report.facts import Facts, ended_as, errors
from nnplug.runs.report.importances import importance_table
from nnplug.runs.report.layers import STYLE as LAYERS
from nnplug.runs.report.layers import network_drawing
from nnplug.runs.report.svg import DARK, INKS, LIGHT, STYLE, clean, folding, number
from nnplug.runs.settings import SHORT_FORM
from nnplug.tables.dates import Dates
from nnplug.tables.encoded import plain_of
from nnplug.tables.encodings import Categories
from nnplug.training.history import member_column

__all__ = ["DARK_PAGE", "LIGHT_PAGE", "frame", "table", "write_page"]

LIGHT_PAGE = (
    "--text: #222; --soft: #555; --line: #ccc; --faint: #e4e4e4; --frame: #999; --paper: #fff; "
    "--block: #f4f4f4;"
)
DARK_PAGE = (
    "--text: #e4e6ea; --soft: #a8adb5; --line: #4a4f57; --faint: #2f333a; --frame: #7d838c; "
    "--paper: #16181c; --block: #23262c;"
)
"""The colours of a page, as declarations."""

_MOST_COLUMNS = 200
_MOST_LAYERS = 8
"""The weights of a deeper network would be too small to see."""
_STYLE = f"""{STYLE}{LAYERS}
:root {{ color-scheme: light dark; {LIGHT_PAGE} {LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ {DARK_PAGE} {DARK} }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper);
       max-width: 64rem; margin: 2rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.5rem; margin-bottom: 0; }}
h2 {{ font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }}
h3 {{ font-size: 1rem; margin-bottom: .3rem; }}
h1, h2, h3, p, li {{ overflow-wrap: break-word; }}
p.lead {{ color: var(--soft); margin-top: .2rem; }}
div.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }}
th, td {{ padding: .15rem .7rem; text-align: left; vertical-align: top;
         border-bottom: 1px solid var(--faint); }}
th:first-child, td:first-child {{ padding-left: 0; }}
table.confusion :is(td, th + th), .number {{ text-align: right; }}
td.number {{ white-space: nowrap; }}
table.confusion td {{ padding: .15rem .7rem; }}
pre {{ background: var(--block); padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
.side {{ display: grid; gap: .5rem 2rem;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }}
.side > div {{ min-width: 0; }}
@media (max-width: 40rem) {{ body {{ margin: 1rem auto; padding: 0 .75rem; }}
                            th, td {{ padding: .15rem .45rem; }}
                            table.confusion {{ font-size: .85rem; }}
                            table.confusion :is(th, td) {{ padding: .15rem .25rem; }}
                            ul.keys {{ padding-left: .5rem; }} }}
@media print {{ body {{ margin: 0; max-width: none; }} h2, h3 {{ break-after: avoid; }}
               svg, table.confusion {{ break-inside: avoid; }} }}
"""


@np.errstate(over="ignore", invalid="ignore")  # squares of targets beyond 1e154
def write_page(facts: Facts) -> str:
    """Write the report."""
    settings = facts.settings
    title = f"{settings['data']}: {facts.model.task}"
    body = [
        f"<h1>{folding(title)}</h1>",
        f"<p class='lead'>{folding(_lead(facts))}</p>",
        *_section("Results", _results(facts)),
        *_section("Learning", _learning(facts)),
        *_section(f"On the {facts.part} rows", _judged(facts)),
        *_section(
            "What the model looks at",
            () if facts.importance is None else importance_table(facts.importance),
        ),
        *_section("How sure it is", _sureness(facts)),
        *_section("The data", _data(facts)),
        *_section("The network", _network(facts)),
        *_section("Settings", [table(("setting", "value"), _settings(settings))]),
        *_section("Parts and versions", [table(("part", "what", "from"), _parts(facts))]),
    ]
    if facts.command is not None:
        body += _section("To run it again", [f"<pre>{clean(facts.command)}</pre>"])
    return frame(title, body)


def frame(title: str, body: Iterable[str], style: str = "") -> str:
    """Write a whole page around its body, which is HTML; it loads and runs nothing.

    Parameters
    ----------
    style : str, optional
        More rules of CSS.
    """
    # Whatever a name in the page might smuggle in, a browser neither loads nor runs it.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{clean(title)}</title>",
            f"<style>{_STYLE}{style}</style>",
            "</head>",
            "<body>",
            *body,
            f"<p class='lead'>Written by nnplug {clean(__version__)}.</p>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _section(title: str, parts: Iterable[str]) -> list[str]:
    found = [part for part in parts if part]
    return [f"<h2>{clean(title)}</h2>", *found] if found else []


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table in HTML; numbers are on the right."""
    rows = list(rows)
    # A heading stands above its numbers, which are aligned on the right.
    numeric = [any(_is_number(value) for value in column) for column in zip(*rows, strict=True)]
    heads = "".join(
        f"<th class='number'>{folding(name)}</th>" if right else f"<th>{folding(name)}</th>"
        for name, right in itertools.zip_longest(head, numeric)
    )
    # A table that is wider than a narrow screen is moved within its own box.
    lines = ["<div class='wide'><table>", f"<tr>{heads}</tr>"]
    for row in rows:
        cells = [
            f"<td class='number'>{clean(_written(value))}</td>"
            if _is_number(value)
            else f"<td>{folding(value)}</td>"
            for value in row
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def _lead(facts: Facts) -> str:
    network, history = facts.model.network, facts.history
    training, validation = facts.rows
    ended = ended_as(facts.ended)
    seconds = f"{history.seconds:.{2 if history.seconds < 10 else 0}f}"
    rows = f"{training:,} rows for training, {validation:,} for validation"
    what, members = f"network {network.form}, {network.learned:,} parameters", facts.model.networks
    if len(members) > 1:
        what = f"{len(members)} networks {network.form}, {network.learned:,} parameters each"
    if facts.folds:
        rows = f"{training:,} rows, each held out by one network"
    return f"{what}; {rows}; {len(history):,} epochs in {seconds} s, {ended}"


def _results(facts: Facts) -> Iterator[str]:
    history = facts.history
    if not len(history):
        return
    places = {"last epoch": len(history) - 1}
    if history.best is not None:
        places = {f"best epoch, {history.best} (these weights are kept)": history.best, **places}
    columns = history.overall
    if history.scores is not None:
        yield from _results_of_members(facts, history.scores)
        return
    yield table(
        ("", *places),
        [
            (name.replace("_", " "), *(column[place] for place in places.values()))
            for name, column in columns.items()
        ],
    )


def _results_of_members(facts: Facts, scores: Mapping[str, float]) -> Iterator[str]:
    """Write the numbers of all members together, and of each at its own epoch."""
    history = facts.history
    heads = [f"member {number}, epoch {epoch}" for number, epoch in enumerate(history.ends, 1)]
    rows = []
    for name, value in scores.items():
        columns = [
            history.columns.get(member_column(member, name), history.columns[name])
            for member in range(len(history.ends))
        ]
        each = [column[epoch] for column, epoch in zip(columns, history.ends, strict=True)]
        rows.append((name.replace("_", " "), value, *each))
    yield table(("", "together", *heads), rows)
    if facts.folds:
        yield (
            "<p>Together, the loss is the mean of the members'. The other numbers are out of fold: "
            "each row is predicted by the one network that was not trained on it. New rows are "
            "predicted by the mean of all.</p>"
        )


def _learning(facts: Facts) -> Iterator[str]:
    charts = [chart for chart in (loss_chart(facts.history), metric_chart(facts.history)) if chart]
    if charts:
        yield f"<div class='side'>{''.join(f'<div>{chart}</div>' for chart in charts)}</div>"


def _judged(facts: Facts) -> Iterator[str]:
    measured = [(name, errors(true, found)) for name, found, true in facts.answers()]
    if measured:
        yield table(
            ("target", "R²", "mean absolute error", "root mean squared error"),
            [
                (name, "–" if math.isnan(found.r2) else found.r2, *found[1:])
                for name, found in measured[:_MOST_COLUMNS]
            ],
        )
        units = "the unit of the target" if len(measured) == 1 else "the unit of each target"
        yield f"<p>Both errors are in {units}.</p>"
    matrix = confusion_table(facts)
    if matrix is not None:
        yield f"<h3>Confusion matrix</h3><div class='wide'>{matrix}</div>"
    boundary = plane_chart(facts)
    charts = [*([boundary] if boundary else []), *class_charts(facts), *residual_charts(facts)]
    if charts:
        figures = [f"<div><h3>{folding(title)}</h3>{picture}</div>" for title, picture in charts]
        yield f"<div class='side'>{''.join(figures)}</div>"


def _sureness(facts: Facts) -> Iterator[str]:
    known = facts.model.calibration
    if known is None or not known.rows:
        return
    level = known.level or USUAL_LEVEL
    if known.sizes and known.quality:
        yield table(("sets of classes", "classes on average"), [(f"at {level:g}", known.sizes[0])])
    elif known.sizes:
        rows = list(zip(facts.model.targets, known.sizes, strict=True))
        yield table(("target", f"mean width of the intervals at {level:g}"), rows[:_MOST_COLUMNS])
    if known.quality:
        plain, calibrated = known.quality
        rows_of = [("as the network gives them", *plain)]
        if known.temperature != 1:
            rows_of.append((f"calibrated, at temperature {known.temperature:.3g}", *calibrated))
        yield table(("probabilities", "log loss", "expected calibration error"), rows_of)
    what = "A set" if known.quality else "An interval"
    promise = (
        f" {what} of level {level:g} holds the truth of that share of new rows, if they are like "
        "these."
    )
    yield (
        f"<p>From {known.rows:,} rows that were held out in training."
        f"{promise if known.sizes else ''}</p>"
    )


def _data(facts: Facts) -> Iterator[str]:
    model = facts.model
    if facts.notes:
        yield "<ul>" + "".join(f"<li>{folding(note)}</li>" for note in facts.notes) + "</ul>"
    if model.encoder is None:
        yield f"<p>{len(model.features):,} inputs, taken as they are.</p>"
    else:
        columns = model.encoder.columns
        yield table(
            ("column", "read as", "in the training rows"),
            map(_column, map(plain_of, columns[:_MOST_COLUMNS])),
        )
        if len(columns) > _MOST_COLUMNS:
            yield f"<p>and {len(columns) - _MOST_COLUMNS:,} more</p>"
        if model.encoder.scales:
            yield table(("target", "read as", "in the training rows"),
                         map(_column, model.encoder.scales))  # fmt: skip
    if facts.targets is not None and model.task in ("binary", "multiclass"):
        counts = np.bincount(facts.targets.reshape(-1), minlength=len(model.classes))
        ranked = sorted(zip(model.classes, counts.tolist(), strict=True), key=lambda pair: -pair[1])
        yield table(("class", f"{facts.part} rows"), ranked[:_MOST_COLUMNS])


def _network(facts: Facts) -> Iterator[str]:
    network = facts.model.network
    yield network_drawing(network)
    if len(network.widths) <= _MOST_LAYERS:
        colours = f"var(--{INKS[0]})", f"var(--{INKS[1]})"  # those of a light and a dark screen
        drawing = draw_network(network.placed, network.inputs, network.arrays, colours)
        yield f"<div class='wide'>{drawing}</div>"
        yield "<p>Lines are weights: blue positive, orange negative, wide where large.</p>"


def _column(encoding: Any) -> tuple[str, str, str]:
    """Describe a column: its name, how it is read, and what was seen in it."""
    if isinstance(encoding, Categories):
        names = ", ".join(encoding.categories[:8])
        more = f", … ({len(encoding.categories)})" if len(encoding.categories) > 8 else ""
        rare = f"; {len(encoding.rare)} rare ones together" if encoding.rare else ""
        return encoding.name, "categories", f"{names}{more}{rare}"
    if isinstance(encoding, Dates):
        year = 1970 + encoding.mean
        cycles = f"; cycles: {', '.join(encoding.cycles)}" if encoding.cycles else ""
        return encoding.name, "dates", f"about {year:.1f} ± {number(encoding.scale)} years{cycles}"
    kind = "truth value" if encoding.kind == "boolean" else "number"
    kind = encoding.transform or kind
    missing = "; missing values have an input of their own" if encoding.indicator else ""
    return encoding.name, kind, f"{number(encoding.mean)} ± {number(encoding.scale)}{missing}"


def _settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    in_short = settings.get("layers") is None
    for name, value in settings.items():
        if name == "layers" if in_short else name in SHORT_FORM:
            continue
        if isinstance(value, Mapping):
            yield from _settings(value, f"{prefix}{name}.")
        else:
            listed = isinstance(value, list | tuple)
            text = ", ".join(map(str, value)) or "none" if listed else str(value)
            yield prefix + name, "not set" if value is None else text


def _parts(facts: Facts) -> Iterator[tuple[str, str, str]]:
    for role, records in facts.model.info.parts.items():
        shown = role.replace("_", " ")
        yield from dict.fromkeys(
            (kind_of(role, part) if role == "layers" else shown, part.text, part.label)
            for part in records
        )
