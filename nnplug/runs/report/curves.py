"""The curve of a part and of its derivative: of an activation, a loss or a schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnplug.errors import NnplugError
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Activation, Loss, Part, Schedule
from nnplug.picture import Picture
from nnplug.runs.report.notebook import boxed
from nnplug.runs.report.svg import INKS, Chart, number
from nnplug.runs.report.terminal import curves
from nnplug.types import AnyArray

__all__ = ["curve_chart", "curve_picture", "curves_of"]

_POINTS = 161
_EPOCHS = 100
_Curve = tuple[str, AnyArray]
"""What the legend says, and the numbers."""


def curves_of(part: Part) -> tuple[str, AnyArray, list[_Curve]] | None:
    """Compute a part and its derivative, with options as they are.

    Of an activation of whole rows, the first output of the row (x, 0) is drawn;
    one that has learned arrays or noise is drawn as it starts, outside training.
    A loss is drawn over the prediction, for one target.

    Returns
    -------
    tuple of str, array and list, or None
        What it is drawn over, evenly spaced numbers of that, and the curves.
        None for other kinds of part, a loss that is not elementwise, and a
        formula that cannot be traced.
    """
    try:
        if isinstance(part, Activation):
            return "x", *_activation(part)
        if isinstance(part, Loss):
            found = _loss(part)
            return (part.takes, *found) if found else None
        if isinstance(part, Schedule):
            epochs = np.linspace(0, _EPOCHS, _POINTS)
            factors = np.array([part(float(epoch), _EPOCHS) for epoch in epochs])
            return "epoch", epochs, [("factor", factors)]
    except NnplugError:  # the formula's own lines say why
        return None
    return None


def curve_chart(part: Part) -> str:
    """Draw a part and its derivative in HTML, with a legend; see `curves_of`."""
    found = curves_of(part)
    return _draw(part, *found) if found else ""


def curve_picture(part: Part) -> Picture | None:
    """Make the picture of a part and its derivative; None where `curves_of` has none."""
    found = curves_of(part)
    if found is None:
        return None
    label, across, drawn = found
    ends = f"{label} = {number(float(across[0]))}", number(float(across[-1]))
    columns = {name: values.tolist() for name, values in drawn}
    return Picture(boxed([_draw(part, *found)]), curves(columns, ends=ends))


def _activation(part: Activation) -> tuple[AnyArray, list[_Curve]]:
    graph = new_graph()
    x, given = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    y = part.value(x)
    of_rows = part.slope(x, y) is None
    across = np.linspace(-4, 4, _POINTS)
    # A row is two wide, not one: a formula may split it into halves.
    rows = np.stack([across, np.zeros_like(across)], axis=1)
    first = np.broadcast_to([1.0, 0.0], rows.shape)
    found = evaluate([y, part.pull_back(x, y, given)], {"x": rows, "g": first})
    value, slope = (np.broadcast_to(each, rows.shape)[:, 0] for each in found)
    of = ", the first of the row (x, 0)" if of_rows else ""
    return across, [(f"y{of}", value), (f"dy/dx{of}", slope)]


_ONE_TARGET = {"real": 0.0, "distribution": None}
"""The target for which a loss is drawn; 1 for all other kinds of target."""


def _loss(part: Loss) -> tuple[AnyArray, list[_Curve]] | None:
    target = _ONE_TARGET.get(part.targets, 1.0)
    if part.heads or part.over == "batch" or part.against == "labels" or target is None:
        return None
    graph = new_graph()
    inputs = part.inputs(graph)
    loss = part.value(*inputs)
    if loss.shape != ("N", "C"):
        return None
    (slope,) = differentiate(loss, inputs[:1], graph.constant(1.0))
    low, high = (0.0, 1.0) if part.takes == "probabilities" else (-4.0, 4.0)
    if part.for_numbers and part.link == "identity":
        low = 0.0
    across = np.linspace(low, high, _POINTS)
    given = {part.takes: across[:, None], part.against: np.full((_POINTS, 1), target)}
    found = [np.broadcast_to(each, (_POINTS, 1))[:, 0] for each in evaluate([loss, slope], given)]
    names = ("loss", f"dloss/d{part.takes}")
    return across, [
        (f"{name} for the target {target:g}", each) for name, each in zip(names, found, strict=True)
    ]


def _draw(part: Part, label: str, across: AnyArray, curves: Sequence[_Curve]) -> str:
    numbers = np.concatenate([values for _, values in curves])
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return ""
    low, high = float(numbers.min()), float(numbers.max())
    most = float(np.quantile(np.abs(numbers), 0.95))
    if max(-low, high) > 20 * most > 0:  # near a pole nothing else would be seen
        low, high = max(low, -2 * most), min(high, 2 * most)
    room = 0.05 * (high - low)
    ends = float(across[0]), float(across[-1])
    chart = Chart(ends, (low - room, high + room), (label, ""), height=240)
    for ink, (name, values) in zip(INKS, curves, strict=False):
        shown = np.where((values >= low - room) & (values <= high + room), values, np.nan)
        chart.line(_corners(across, shown), ink)
        chart.key(ink, name)
    return chart.to_html(f"{part.name} and its derivative" if len(curves) > 1 else part.name)


def _corners(x: AnyArray, y: AnyArray) -> list[tuple[float, float]]:
    """Leave out the points on a straight line between their neighbours."""
    bend = np.abs(np.diff(y, n=2))
    kept = np.concatenate([[True], ~(bend <= 1e-9 * np.nanmax(np.abs(y), initial=1e-300)), [True]])
    return list(zip(x[kept].tolist(), y[kept].tolist(), strict=True))
