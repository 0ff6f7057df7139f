"""The charts of a report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from nnplug.report.facts import Facts, calibration, confusion, roc
from nnplug.report.svg import COLORS, Chart, clean, number
from nnplug.training import OWN_COLUMNS, History
from nnplug.types import AnyArray

__all__ = ["class_charts", "confusion_table", "loss_chart", "metric_chart", "residual_charts"]

MOST_CLASSES = 30
"""A confusion matrix of more is not read by anybody."""
_MOST_CURVES = 8
_MOST_DOTS = 1000
_MOST_POINTS = 600
_MOST_TARGETS = 4


def loss_chart(history: History) -> str:
    """Draw the losses by epoch."""
    return _curves(history, ("loss", "validation_loss", "penalty"), "loss") or ""


def metric_chart(history: History) -> str | None:
    """Draw the metrics by epoch; None if there are none."""
    names = [name for name in history.columns if name not in OWN_COLUMNS]
    return _curves(history, names[:_MOST_CURVES], "metric")


def _curves(history: History, names: Sequence[str], label: str) -> str | None:
    columns = {name: history.columns[name] for name in names if history.columns.get(name)}
    values = [v for column in columns.values() for v in column if math.isfinite(v)]
    if not values:
        return None
    low, high = min(values), max(values)
    log = label == "loss" and low > 0 and high > 100 * low
    # A curve that runs along the frame is not seen.
    room = (high / low) ** 0.04 if log else (high - low) * 0.04
    low, high = (low / room, high * room) if log else (low - room, high + room)
    length = max(map(len, columns.values()))
    chart = Chart((0, max(length - 1, 1)), (low, high), ("epoch", label), log=log, width=620)
    for color, (name, column) in zip(COLORS, columns.items(), strict=False):
        # Of a long history every so many epochs, and always the last.
        step = max(1, len(column) // _MOST_POINTS)
        places = [*range(0, len(column), step), len(column) - 1]
        chart.line([(p, column[p]) for p in places], color, name.replace("_", " "))
    if history.best is not None:
        chart.line([(history.best, low), (history.best, high)], "#555555", "best epoch", dash="4 3")
    return chart.to_svg(f"{label} by epoch")


# --- classes ---------------------------------------------------------------------------


def confusion_table(facts: Facts) -> str | None:
    """Write the confusion matrix as a table; None where there is none, or it is too large."""
    model, outputs, targets = facts.model, facts.outputs, facts.targets
    if outputs is None or targets is None or model.task not in ("binary", "multiclass"):
        return None
    names = [clean(each) for each in model.classes]
    if len(names) > MOST_CLASSES:
        return None
    counts = confusion(targets.reshape(-1), model.head.classes(outputs), len(names))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    lines = ["<table class='confusion'>",
             "<tr><th>true \\ predicted</th>" + "".join(f"<th>{each}</th>" for each in names)
             + "<th>right</th></tr>"]  # fmt: skip
    for row, name in enumerate(names):
        cells = []
        for column in range(len(names)):
            color = "31,95,168" if row == column else "194,65,12"
            shade = f"rgba({color},{0.08 + 0.5 * shares[row, column]:.2f})"
            style = f" style='background:{shade}'" if counts[row, column] else ""
            cells.append(f"<td{style}>{counts[row, column]:,}</td>")
        share = f"{shares[row, row]:.1%}" if counts[row].sum() else "–"
        lines.append(f"<tr><th>{name}</th>{''.join(cells)}<td>{share}</td></tr>")
    return "\n".join([*lines, "</table>"])


def class_charts(facts: Facts) -> Iterator[tuple[str, str]]:
    """Draw ROC and calibration, each with its title."""
    # Of very many classes, the first ones: each is a pass over all rows.
    found = list(itertools.islice(_by_class(facts), _MOST_CURVES))
    curves = [(name, roc(wanted, score)) for name, wanted, score in found]
    drawn = [(name, curve) for name, curve in curves if curve is not None]
    if drawn:
        chart = Chart((0, 1), (0, 1), ("false positive rate", "true positive rate"), height=360)
        chart.line([(0, 0), (1, 1)], "#999999", dash="4 3")
        areas = []
        for color, (name, (false, true, area)) in zip(COLORS, drawn, strict=False):
            step = max(1, len(false) // _MOST_POINTS)
            points = [*zip(false[::step].tolist(), true[::step].tolist(), strict=True), (1.0, 1.0)]
            chart.line(points, color)
            areas.append(_key(color, f"{name}: area {area:.4f}"))
        rest = len(facts.model.classes) - _MOST_CURVES
        if rest > 0:
            areas.append(f"<li>and {rest} more</li>")
        yield (
            "ROC, each class against the others",
            (
                chart.to_svg("receiver operating characteristic")
                + f"<ul class='keys'>{''.join(areas)}</ul>"
            ),
        )
    if found:
        chart = Chart((0, 1), (0, 1), ("predicted probability", "share that is so"), height=360)
        chart.line([(0, 0), (1, 1)], "#999999", dash="4 3")
        keys = []
        for color, (name, wanted, score) in zip(COLORS, found, strict=False):
            bins = calibration(wanted, score)
            chart.line([(x, y) for x, y, _ in bins], color)
            chart.dots([(x, y) for x, y, _ in bins], color, size=4)
            keys.append(_key(color, name))
        yield (
            "Calibration, in bins of a tenth",
            (chart.to_svg("calibration") + f"<ul class='keys'>{''.join(keys)}</ul>"),
        )


def _by_class(facts: Facts) -> Iterator[tuple[str, AnyArray, AnyArray]]:
    """Give, class by class, which rows are of it and how likely each is held to be."""
    model, outputs, targets = facts.model, facts.outputs, facts.targets
    if outputs is None or targets is None or model.task == "regression":
        return
    scores = model.head.probabilities(outputs).astype(np.float64)
    for place, name in enumerate(model.classes):
        if model.task == "binary" and place == 0:
            continue
        if model.task == "multilabel":
            wanted = targets[:, place] == 1
        else:
            wanted = targets.reshape(-1) == place
        yield str(name), wanted, scores[:, place]


def _key(color: str, text: str) -> str:
    return f"<li><span style='background:{color}'></span>{clean(text)}</li>"


# --- numbers ---------------------------------------------------------------------------


def residual_charts(facts: Facts) -> Iterator[tuple[str, str]]:
    """Draw predictions against true values, and what is left, for each target."""
    model, outputs, targets = facts.model, facts.outputs, facts.targets
    if outputs is None or targets is None or model.task != "regression":
        return
    predicted = model.decode(outputs).astype(np.float64)
    true = model.in_units(targets.reshape(len(outputs), -1)).astype(np.float64)
    for place, name in enumerate(model.targets[:_MOST_TARGETS]):
        found, wanted = predicted[:, place], true[:, place]
        finite = np.isfinite(found) & np.isfinite(wanted)
        found, wanted = found[finite], wanted[finite]
        if not len(found):
            continue
        low = float(min(found.min(), wanted.min()))
        high = float(max(found.max(), wanted.max()))
        chart = Chart((low, high), (low, high), (f"true {name}", "predicted"), height=360)
        chart.line([(low, low), (high, high)], "#999999", dash="4 3")
        step = max(1, -(-len(found) // _MOST_DOTS))
        pairs = zip(wanted[::step].tolist(), found[::step].tolist(), strict=True)
        chart.dots(pairs, COLORS[0])
        shown = len(found[::step])
        said = f" ({shown:,} of {len(found):,} rows)" if step > 1 else ""
        yield f"{name}: predicted against true{said}", chart.to_svg(f"predictions of {name}")
        left = wanted - found
        counts, edges = np.histogram(left, bins=30)
        chart = Chart(
            (float(edges[0]), float(edges[-1])),
            (0, 1.05 * float(counts.max())),
            (f"true {name} − predicted", "rows"),
            height=360,
        )
        for count, start, end in zip(counts, edges[:-1], edges[1:], strict=True):
            chart.bar((float(start), float(end)), float(count), COLORS[0])
        middle, spread = float(np.mean(left)), float(np.std(left))
        title = f"{name}: residuals, mean {number(middle)}, standard deviation {number(spread)}"
        yield title, chart.to_svg(f"residuals of {name}")
