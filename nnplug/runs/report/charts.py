"""The charts of a report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from nnplug.models import Model
from nnplug.runs.report.facts import Facts, calibration, confusion, roc
from nnplug.runs.report.plane import Plane, plane
from nnplug.runs.report.svg import INKS, PALE, Chart, folding, number
from nnplug.training import OWN_COLUMNS, History
from nnplug.types import AnyArray

__all__ = [
    "class_areas",
    "class_charts",
    "confusion_table",
    "loss_chart",
    "loss_curves",
    "metric_chart",
    "plane_chart",
    "plane_points",
    "residual_charts",
]

MOST_CLASSES = 30
"""Nobody reads a confusion matrix of more."""
_ACROSS, _DOWN = 75, 50
_FEWEST_ROWS = 10
"""A curve of fewer rows is a few steps, and tells nothing."""
_MOST_CURVES = 8
_MOST_DOTS = 1000
_MOST_POINTS = 600
_MOST_TARGETS = 4


def loss_chart(history: History) -> str:
    """Draw the losses by epoch."""
    chart = loss_curves(history)
    return "" if chart is None else chart.to_html("loss by epoch")


def loss_curves(history: History) -> Chart | None:
    """Draw the losses by epoch into a chart; None if none is finite."""
    return _curves(history, ("loss", "validation_loss", "penalty"), "loss")


def metric_chart(history: History) -> str | None:
    """Draw the metrics by epoch; None if there are none."""
    names = [name for name in history.overall if name not in OWN_COLUMNS]
    chart = _curves(history, names[:_MOST_CURVES], "metric")
    return None if chart is None else chart.to_html("metric by epoch")


def _curves(history: History, names: Sequence[str], label: str) -> Chart | None:
    columns = {name: history.columns[name] for name in names if history.columns.get(name)}
    values = [v for column in columns.values() for v in column if math.isfinite(v)]
    if not values:
        return None
    low, high = min(values), max(values)
    log = label == "loss" and low > 0 and high > 100 * low
    # A curve along the frame would not be seen.
    room = (high / low) ** 0.04 if log else (high - low) * 0.04
    low, high = (low / room, high * room) if log else (low - room, high + room)
    length = max(map(len, columns.values()))
    axis = f"{label} (logarithmic)" if log else label
    chart = Chart((0, max(length - 1, 1)), (low, high), ("epoch", axis), log=log)
    for ink, (name, column) in zip(INKS, columns.items(), strict=False):
        # Of a long history, one epoch in so many, and always the last.
        step = max(1, len(column) // _MOST_POINTS)
        places = [*range(0, len(column), step), len(column) - 1]
        chart.line([(p, column[p]) for p in places], ink)
        chart.key(ink, name.replace("_", " "))
    if history.best is not None:
        chart.line([(history.best, low), (history.best, high)], INKS[-1], dash="4 3")
        chart.key(INKS[-1], "best epoch")
    return chart


# --- classes ---------------------------------------------------------------------------


def confusion_table(facts: Facts) -> str | None:
    """Write the confusion matrix as a table; None if there is none, or it is too large."""
    model, outputs, targets = facts.model, facts.outputs, facts.targets
    if outputs is None or targets is None or model.task not in ("binary", "multiclass"):
        return None
    names = [folding(label) for label in model.classes]
    if len(names) > MOST_CLASSES:
        return None
    counts = confusion(targets.reshape(-1), model.head.classes(outputs), len(names))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    lines = ["<table class='confusion'>",
             "<tr><th>true \\ predicted</th>" + "".join(f"<th>{name}</th>" for name in names)
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


def plane_chart(facts: Facts) -> tuple[str, str] | None:
    """Draw which class is where, with the rows; None unless there are two inputs.

    Returns
    -------
    tuple of str, or None
        The title, and the chart.
    """
    if facts.inputs is None or facts.targets is None:
        return None
    found = plane(facts.model, facts.inputs, facts.targets, _ACROSS, _DOWN, most=_MOST_DOTS)
    if found is None:
        return None
    names = facts.model.features
    chart = Chart(found.x, found.y, (str(names[0]), str(names[1])))
    class_areas(chart, found)
    plane_points(chart, found, facts.model)
    shown = len(found.points)
    part = f" ({shown:,} of {found.rows:,} rows)" if shown < found.rows else ""
    return f"Decision boundary{part}", chart.to_html("decision boundary")


def class_areas(chart: Chart, found: Plane) -> None:
    """Colour a chart by the class that the network answers at each place."""
    down, across = found.classes.shape
    x = np.linspace(*found.x, across + 1).tolist()
    y = np.linspace(*found.y[::-1], down + 1).tolist()
    areas: dict[int, list[tuple[float, float, float, float]]] = {}
    for row, codes in enumerate(found.classes.tolist()):
        start = 0
        for code, run in itertools.groupby(codes):
            end = start + len(list(run))
            if code is not None:
                areas.setdefault(code, []).append((x[start], x[end], y[row + 1], y[row]))
            start = end
    for code, pieces in areas.items():
        chart.area(pieces, INKS[code % len(INKS)])


def plane_points(chart: Chart, found: Plane, model: Model) -> None:
    """Draw the rows in the colours of their classes, with a legend."""
    for code, name in enumerate(model.classes):
        ink = INKS[code % len(INKS)]
        chart.dots(found.points[found.labels == code].tolist(), ink, size=3, opacity=0.9)
        chart.key(ink, str(name))


def class_charts(facts: Facts) -> Iterator[tuple[str, str]]:
    """Draw ROC and calibration, with their titles, if there are rows enough for a curve."""
    if facts.outputs is None or len(facts.outputs) < _FEWEST_ROWS:
        return
    # Of very many classes, only the first: a class takes a pass over all rows.
    found = list(itertools.islice(_by_class(facts), _MOST_CURVES))
    curves = [(name, roc(wanted, score)) for name, wanted, score in found]
    drawn = [(name, curve) for name, curve in curves if curve is not None]
    if drawn:
        chart = Chart((0, 1), (0, 1), ("false positive rate", "true positive rate"))
        chart.line([(0, 0), (1, 1)], PALE, dash="4 3")
        for ink, (name, (false, true, area)) in zip(INKS, drawn, strict=False):
            step = max(1, len(false) // _MOST_POINTS)
            points = [*zip(false[::step].tolist(), true[::step].tolist(), strict=True), (1.0, 1.0)]
            chart.line(points, ink)
            chart.key(ink, f"{name}: area {area:.4f}")
        rest = len(facts.model.classes) - _MOST_CURVES
        if rest > 0:
            chart.key(PALE, f"and {rest} more")
        title = "ROC, each class against the others"
        yield title, chart.to_html("receiver operating characteristic")
    if found:
        chart = Chart((0, 1), (0, 1), ("predicted probability", "observed share"))
        chart.line([(0, 0), (1, 1)], PALE, dash="4 3")
        for ink, (name, wanted, score) in zip(INKS, found, strict=False):
            bins = calibration(wanted, score)
            chart.line([(x, y) for x, y, _ in bins], ink)
            chart.dots([(x, y) for x, y, _ in bins], ink, size=4)
            chart.key(ink, name)
        yield "Calibration, in bins of a tenth", chart.to_html("calibration")


def _by_class(facts: Facts) -> Iterator[tuple[str, AnyArray, AnyArray]]:
    """List, class by class, which rows are of it and how probable it is for each row."""
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


# --- numbers ---------------------------------------------------------------------------


def residual_charts(facts: Facts) -> Iterator[tuple[str, str]]:
    """Draw predictions against true values, and the residuals, for each target."""
    for name, found, wanted in itertools.islice(facts.answers(), _MOST_TARGETS):
        low = float(min(found.min(), wanted.min()))
        high = float(max(found.max(), wanted.max()))
        room = 0.04 * (high - low)  # of a dot on the frame, half would be seen
        low, high = low - room, high + room
        chart = Chart((low, high), (low, high), (f"true {name}", "predicted"))
        chart.line([(low, low), (high, high)], PALE, dash="4 3")
        step = max(1, -(-len(found) // _MOST_DOTS))
        pairs = zip(wanted[::step].tolist(), found[::step].tolist(), strict=True)
        shown = len(found[::step])
        few = shown < 100
        chart.dots(pairs, INKS[0], size=3 if few else 2.2, opacity=0.8 if few else 0.45)
        part = f" ({shown:,} of {len(found):,} rows)" if step > 1 else ""
        yield f"{name}: predicted against true{part}", chart.to_html(f"predictions of {name}")
        left = wanted - found
        try:
            counts, edges = np.histogram(left, bins=min(30, 4 + math.isqrt(2 * len(left))))
        except ValueError:  # their range is infinite, or too small beside them to be divided
            continue
        chart = Chart(
            (float(edges[0]), float(edges[-1])),
            (0, 1.05 * float(counts.max())),
            (f"true {name} − predicted", "rows"),
        )
        for count, start, end in zip(counts, edges[:-1], edges[1:], strict=True):
            chart.bar((float(start), float(end)), float(count), INKS[0])
        middle, spread = float(np.mean(left)), float(np.std(left))
        title = f"{name}: residuals, mean {number(middle)}, standard deviation {number(spread)}"
        yield title, chart.to_html(f"residuals of {name}")
