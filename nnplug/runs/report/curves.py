"""The curve of a part and of its derivative: of an activation, a loss or a schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnplug.errors import NnplugError
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Activation, Loss, Part, Schedule
from nnplug.runs.report.svg import INKS, Chart
from nnplug.types import AnyArray

__all__ = ["curve_chart"]

_POINTS = 161
_EPOCHS = 100
_Curve = tuple[str, AnyArray]
"""What the legend says, and the numbers."""


def curve_chart(part: Part) -> str:
    """Draw a part and its derivative, with options as they are.

    Of an activation of whole rows, the first output of the row (x, 0) is drawn;
    one that has learned arrays or noise is drawn as it starts, outside training.
    A loss is drawn over the prediction, for one target.

    Returns
    -------
    str
        A picture and its legend in HTML. Empty for other kinds of part, a loss
        that is not elementwise, and a formula that cannot be traced.
    """
    try:
        if isinstance(part, Activation):
            return _draw(part, "x", *_activation(part))
        if isinstance(part, Loss):
            found = _loss(part)
            return _draw(part, part.takes, *found) if found else ""
        if isinstance(part, Schedule):
            epochs = np.linspace(0, _EPOCHS, _POINTS)
            factors = np.array([part(float(epoch), _EPOCHS) for epoch in epochs])
            return _draw(part, "epoch", epochs, [("factor", factors)])
    except NnplugError:  # the formula's own lines say why
        return ""
    return ""


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
