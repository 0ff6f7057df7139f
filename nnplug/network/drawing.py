"""A network as a drawing: its units as circles, its weights as lines.

A line is as wide as its weight is large, compared to the largest of its layer,
and its colour says the sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nnplug.parts import Placed
from nnplug.picture import Picture
from nnplug.types import AnyArray
from nnplug.untrusted import clean

__all__ = ["draw_network", "network_picture"]

MOST = 12
"""The most units of a layer that are drawn; of more, the first ones, and how many are left."""

COLUMN, UNIT, RADIUS, MARGIN = 150, 34, 11, 58
"""Distances in the drawing's own units."""

WIDEST, NARROWEST = 5.0, 0.4

POSITIVE, NEGATIVE = "#2f76c4", "#d9641c"
"""Blue and orange can be told apart on light and dark paper, and by people who confuse colours."""


@dataclass(frozen=True)
class _Column:
    """The units of a layer.

    Attributes
    ----------
    title, below : str
        Its name, and the parts that follow it.
    width : int
    weight : array or None
        (fan_in, fan_out), from the column before; None if other layers are between.
    name : str
        The weight's.
    """

    title: str
    below: str
    width: int
    weight: AnyArray | None = None
    name: str = ""


def network_picture(
    placed: Sequence[Placed], inputs: int, arrays: Mapping[str, AnyArray], text: str
) -> Picture:
    """Make the picture of a network, which is printed as a text; see `draw_network`."""
    svg = draw_network(placed, inputs, arrays)
    alone = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return Picture(f"<div>{svg}</div>", text, alone)


def draw_network(
    placed: Sequence[Placed],
    inputs: int,
    arrays: Mapping[str, AnyArray],
    colours: tuple[str, str] = (POSITIVE, NEGATIVE),
) -> str:
    """Draw layers as SVG.

    Parameters
    ----------
    placed : sequence of Placed
    inputs : int
        The width of the data.
    arrays : mapping of str to array
        The parameters by name.
    colours : tuple of str, optional
        Of positive and of negative weights, in CSS.
    """
    columns = _columns(placed, inputs, arrays)
    tallest = max(len(_places(column.width)) for column in columns)
    width = COLUMN * (len(columns) - 1) + 2 * MARGIN
    height = UNIT * tallest + 64
    middle = 26 + UNIT * tallest / 2
    parts = [
        f'<svg viewBox="0 0 {width} {height}" '
        f'width="{width}" style="max-width: 100%; height: auto" role="img" '
        f'aria-label="the network: {clean(_said(columns))}" font-family="system-ui, sans-serif" '
        'font-size="12" text-anchor="middle" fill="currentColor">'
    ]
    for number, column in enumerate(columns):
        if number and column.weight is not None:
            parts += _lines(number, columns[number - 1], column, middle, colours)
    for number, column in enumerate(columns):
        parts += _units(number, column, middle, height)
    return "\n".join([*parts, "</svg>"])


def _columns(
    placed: Sequence[Placed], inputs: int, arrays: Mapping[str, AnyArray]
) -> list[_Column]:
    columns = [_Column("inputs", "", inputs)]
    between: list[str] = []
    for layer in placed:
        if layer.part.kind == "layer" and layer.part.name == "dense":
            columns[-1] = _with(columns[-1], between)
            name = f"{layer.name}.weight"
            weight = arrays.get(name)
            # What stands between may mix the units, or change their number.
            if weight is None or len(weight) != columns[-1].width:
                weight = None
            columns.append(_Column(layer.name, "", layer.outputs, weight, name))
            between = []
        else:
            between.append(layer.part.text.partition("[")[0])
    columns[-1] = _with(columns[-1], between)
    return columns


def _with(column: _Column, below: Sequence[str]) -> _Column:
    shown = " ".join(below)
    shown = shown if len(shown) <= 24 else f"{shown[:23]}…"
    return _Column(column.title, shown, column.width, column.weight, column.name)


def _said(columns: Sequence[_Column]) -> str:
    return ", ".join(f"{column.width} {column.title}" for column in columns)


def _places(width: int) -> range:
    """List the units that are drawn, and one place more for those that are left out."""
    return range(width if width <= MOST else MOST + 1)


def _at(number: int, unit: int, count: int, middle: float) -> tuple[float, float]:
    return MARGIN + COLUMN * number, middle + UNIT * (unit - (count - 1) / 2)


def _lines(
    number: int, before: _Column, column: _Column, middle: float, colours: tuple[str, str]
) -> Iterator[str]:
    assert column.weight is not None
    weight = np.asarray(column.weight, float)[:MOST, :MOST]
    finite = np.abs(weight[np.isfinite(weight)])
    largest = float(finite.max(initial=0.0)) or 1.0
    counts = len(_places(before.width)), len(_places(column.width))
    order = np.argsort(np.abs(np.nan_to_num(weight)), axis=None, kind="stable")
    for place in order.tolist():  # the largest are drawn last, above the others
        i, j = divmod(place, weight.shape[1])
        value = float(weight[i, j])
        x1, y1 = _at(number - 1, i, counts[0], middle)
        x2, y2 = _at(number, j, counts[1], middle)
        share = abs(value) / largest if np.isfinite(value) else 1.0
        yield (
            f"<g><title>{clean(column.name)}[{i + 1}, {j + 1}] = {value:.4g}</title>"
            f'<line x1="{x1 + RADIUS:.1f}" y1="{y1:.1f}" x2="{x2 - RADIUS:.1f}" y2="{y2:.1f}" '
            f'style="stroke: {colours[not value >= 0]}" '
            f'stroke-width="{max(NARROWEST, WIDEST * share):.2f}" '
            f'stroke-opacity="{0.25 + 0.65 * share:.2f}"/></g>'
        )


def _units(number: int, column: _Column, middle: float, height: int) -> Iterator[str]:
    places = _places(column.width)
    for unit in places:
        x, y = _at(number, unit, len(places), middle)
        if unit == MOST:
            yield f'<text x="{x:.1f}" y="{y + 4:.1f}">+ {column.width - MOST:,}</text>'
        else:
            yield (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="none" '
                'stroke="currentColor" stroke-width="1.4"/>'
            )
    x, _ = _at(number, 0, 1, middle)
    yield f'<text x="{x:.1f}" y="16" font-weight="600">{clean(column.title)}</text>'
    if column.below:
        yield f'<text x="{x:.1f}" y="{height - 10}">{clean(column.below)}</text>'
