"""Curves and decision boundaries as text, for any terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nnplug.models import Model
from nnplug.runs.report.plane import plane
from nnplug.runs.report.svg import number
from nnplug.training import History
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["boundary", "curves", "loss_columns"]

_SIGNS = ("*", "o")
_BOTH = "@"
_CLASS_SIGNS = ".=#-+:%~"
_ROWS = "ABCDEFGH"
"""The letters of the rows of a class, drawn over the signs above."""
_MIXED = "*"
_MOST_POINTS = 200
_LABEL = 10


def loss_columns(history: History) -> dict[str, list[float]]:
    """Return the losses to draw, by name."""
    names = ("loss", "validation_loss")
    return {name: history.columns[name] for name in names if history.columns.get(name)}


def curves(
    columns: Mapping[str, Sequence[float]],
    *,
    width: int = 80,
    height: int = 16,
    ends: tuple[str, str] | None = None,
) -> str:
    """Draw one or two columns of a history by epoch, with a sign for each.

    Parameters
    ----------
    ends : tuple of str, optional
        What stands at the ends of the lower axis in place of epochs, for curves
        that are not of a history; their scale is not logarithmic.

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
        what = "loss" if ends is None else "number"
        return f"no {what} is finite: there is nothing to draw"
    low, high = min(finite), max(finite)
    log = ends is None and low > 0 and high > 100 * low
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
    first, last = ends or ("0", f"{length - 1:,}")
    lines.append(" " * (_LABEL + 2) + first + f"{last:>{inner - len(first)}}")
    key = [f"{sign} {name.replace('_', ' ')}" for sign, name in zip(_SIGNS, columns, strict=False)]
    if len(columns) > 1:
        key.append(f"{_BOTH} both")
    return "\n".join([*lines, "   ".join([*key, *(["logarithmic"] if log else [])])])


def _spread(column: Sequence[float], length: int, places: int) -> list[tuple[int, float]]:
    """Compute the value at each place of a line: the mean of its epochs, or interpolated."""
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


def boundary(
    model: Model, inputs: AnyArray, targets: AnyArray, *, width: int = 80, height: int = 20
) -> str | None:
    """Draw which class the network answers where, and the rows as letters, for two inputs.

    Returns
    -------
    str or None
        None if there is no such plane, or there are more classes than signs.
    """
    inner = width - _LABEL - 2
    found = plane(model, inputs, targets, inner, height, most=_MOST_POINTS)
    if found is None or len(model.classes) > len(_CLASS_SIGNS):
        return None
    cells = [
        [" " if code is None else _CLASS_SIGNS[code] for code in codes]
        for codes in found.classes.tolist()
    ]
    for (x, y), code in zip(found.points.tolist(), found.labels.tolist(), strict=True):
        across = round((x - found.x[0]) / (found.x[1] - found.x[0]) * (inner - 1))
        up = round((y - found.y[0]) / (found.y[1] - found.y[0]) * (height - 1))
        row = cells[height - 1 - up]
        # Where rows of several classes fall on one place, no class is shown alone.
        row[across] = _ROWS[code] if row[across] in (*_CLASS_SIGNS, " ", _ROWS[code]) else _MIXED
    lines = []
    for place, signs in enumerate(cells):
        label = {0: number(found.y[1]), height - 1: number(found.y[0])}.get(place, "")
        lines.append(f"{label:>{_LABEL}} |{''.join(signs)}")
    lines.append(" " * (_LABEL + 1) + "+" + "-" * inner)
    left, right = number(found.x[0]), number(found.x[1])
    lines.append(" " * (_LABEL + 2) + left + f"{right:>{inner - len(left)}}")
    names = [printable(str(name), 20) for name in model.features]
    key = "   ".join(
        f"{sign} {printable(str(name), 20)}"
        for sign, name in zip(_CLASS_SIGNS, model.classes, strict=False)
    )
    lines.append(f"{key}   ({names[0]} across, {names[1]} up)")
    shown = len(found.points)
    if shown:
        some = f" ({shown:,} of {found.rows:,})" if shown < found.rows else ""
        mixed = f"; {_MIXED} rows of several" if any(_MIXED in row for row in cells) else ""
        lines.append(f"{', '.join(_ROWS[: len(model.classes)])} their rows{some}{mixed}")
    return "\n".join(lines)
