"""Curves and decision boundaries as text, for a terminal of any kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nnplug.models import Model
from nnplug.models.strict_json import printable
from nnplug.report.svg import number
from nnplug.tables.scale import Scale
from nnplug.training import History
from nnplug.types import AnyArray

__all__ = ["boundary", "boundary_grid", "curves", "loss_columns"]

_SIGNS = ("*", "o")
_BOTH = "@"
_CLASS_SIGNS = ".#o+x%=*"
_LABEL = 10


def loss_columns(history: History) -> dict[str, list[float]]:
    """Give the losses that are drawn, by name."""
    names = ("loss", "validation_loss")
    return {name: history.columns[name] for name in names if history.columns.get(name)}


def curves(columns: Mapping[str, Sequence[float]], *, width: int = 80, height: int = 16) -> str:
    """Draw one or two columns of a history by epoch, told apart by their signs.

    Examples
    --------
    >>> print(curves({"loss": [4, 3, 2, 1, 0]}, width=30, height=5))
             4 |***
             3 |   ***
             2 |      *****
             1 |           ****
             0 |               ***
               +------------------
                0                4
    * loss
    """
    finite = [v for column in columns.values() for v in column if math.isfinite(v)]
    if not finite:
        return "no loss is finite: there is nothing to draw"
    low, high = min(finite), max(finite)
    log = low > 0 and high > 100 * low
    inner, length = width - _LABEL - 2, max(map(len, columns.values()))
    cells = [[" "] * inner for _ in range(height)]
    bottom, top = (math.log10(low), math.log10(high)) if log else (low, high)
    span = (top - bottom) or 1.0
    for sign, column in zip(_SIGNS, columns.values(), strict=False):
        for across, value in _spread(column, length, inner):
            if not math.isfinite(value) or (log and value <= 0):
                continue
            up = ((math.log10(value) if log else value) - bottom) / span
            row = height - 1 - min(height - 1, max(0, round(up * (height - 1))))
            here = cells[row][across]
            cells[row][across] = sign if here in (" ", sign) else _BOTH
    lines = []
    every = 4 if height > 8 else 1
    for row, line in enumerate(cells):
        level = top - (top - bottom) * row / (height - 1)
        marked = row % every == 0 or row == height - 1
        label = number(10**level if log else level) if marked else ""
        lines.append(f"{label:>{_LABEL}} |{''.join(line).rstrip()}")
    lines.append(" " * (_LABEL + 1) + "+" + "-" * inner)
    last = f"{length - 1:,}"
    lines.append(" " * (_LABEL + 2) + "0" + f"{last:>{inner - 1}}")
    key = [f"{sign} {name.replace('_', ' ')}" for sign, name in zip(_SIGNS, columns, strict=False)]
    if len(columns) > 1:
        key.append(f"{_BOTH} both")
    return "\n".join([*lines, "   ".join([*key, *(["logarithmic"] if log else [])])])


def _spread(column: Sequence[float], length: int, places: int) -> list[tuple[int, float]]:
    """Give each place of a line its value: of the epochs that fall on it, or between them."""
    if length == 1:
        return [(0, column[0])]
    sums: dict[int, list[float]] = {}
    for epoch, value in enumerate(column):
        if math.isfinite(value):
            sums.setdefault(epoch * (places - 1) // (length - 1), []).append(value)
    if not sums:
        return []
    known = {place: sum(values) / len(values) for place, values in sums.items()}
    across = np.arange(min(known), max(known) + 1)
    values = np.interp(across, list(known), list(known.values()))
    return list(zip(across.tolist(), values.tolist(), strict=True))


def boundary_grid(
    model: Model, inputs: AnyArray, across: int, down: int
) -> tuple[AnyArray, tuple[tuple[float, float], tuple[float, float]]] | None:
    """Classify a grid over the plane of two inputs.

    Parameters
    ----------
    inputs : array
        (N, 2), which the grid spans.

    Returns
    -------
    tuple or None
        The class of each point, (down, across), from the top, and the ranges
        of both axes, in the columns' units. None if there are not two inputs
        that are numbers, or no classes.
    """
    if model.info.inputs != 2 or model.task not in ("binary", "multiclass"):
        return None
    scales: list[tuple[float, float]] = [(0.0, 1.0), (0.0, 1.0)]
    if model.encoder is not None:
        columns = model.encoder.columns
        if len(columns) != 2:
            return None
        scales = [(each.mean, each.scale) for each in columns if isinstance(each, Scale)]
        if len(scales) != 2:
            return None
    if len(inputs):
        low, high = inputs.min(axis=0).astype(float), inputs.max(axis=0).astype(float)
    else:
        low, high = np.full(2, -3.0), np.full(2, 3.0)
    room = np.where(high > low, (high - low) * 0.1, 1.0)
    low, high = low - room, high + room
    x = np.linspace(low[0], high[0], across)
    y = np.linspace(high[1], low[1], down)
    points = np.stack([each.reshape(-1) for each in np.meshgrid(x, y)], axis=1)
    outputs = model.run(points.astype(model.network.dtype))
    finite = np.isfinite(outputs).all(axis=1)
    # Masked where the network gives no numbers.
    classes = np.ma.MaskedArray(np.zeros(len(points), np.int64), ~finite)
    classes[finite] = model.head.classes(outputs[finite])
    first, second = (
        (float(low[k] * scale + mean), float(high[k] * scale + mean))
        for k, (mean, scale) in enumerate(scales)
    )
    return classes.reshape(down, across), (first, second)


def _sign(code: int | None) -> str:
    return " " if code is None else _CLASS_SIGNS[code]


def boundary(model: Model, inputs: AnyArray, *, width: int = 80, height: int = 20) -> str | None:
    """Draw which class the network gives where, for two inputs; None where that is no plane."""
    inner = width - _LABEL - 2
    found = boundary_grid(model, inputs, inner, height)
    if found is None or len(model.classes) > len(_CLASS_SIGNS):
        return None
    classes, (x, y) = found
    lines = []
    for row, codes in enumerate(classes.tolist()):
        label = {0: number(y[1]), height - 1: number(y[0])}.get(row, "")
        lines.append(f"{label:>{_LABEL}} |{''.join(map(_sign, codes))}")
    lines.append(" " * (_LABEL + 1) + "+" + "-" * inner)
    left, right = number(x[0]), number(x[1])
    lines.append(" " * (_LABEL + 2) + left + f"{right:>{inner - len(left)}}")
    names = [printable(str(each), 20) for each in model.info.features]
    key = "   ".join(
        f"{sign} {printable(str(each), 20)}"
        for sign, each in zip(_CLASS_SIGNS, model.classes, strict=False)
    )
    return "\n".join([*lines, f"{key}   ({names[0]} across, {names[1]} up)"])
