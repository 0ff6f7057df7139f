"""The numbers of a training step as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np

from nnplug.layout import columns, fold
from nnplug.microscope.step import Element, Step
from nnplug.types import AnyArray

__all__ = ["first_elements", "title_of", "write_tables"]

FEW = 9
"""The most numbers of an array whose formulas are all written."""

LINE, SQUARE = 6, 3
"""Of a longer array, so many of a row, or of the rows and columns each."""

HEAD, CELL, ROWS = 22, 13, 6
"""Of an array that is shown without formulas: the widths of its name and of a number, and the
most rows."""

NAME, VALUE = 6, 12
"""The widths of the columns of names and values."""

TITLES = {"start": "before the step", "loss": "loss"}


def write_tables(
    steps: Sequence[Step], width: int = 80, *, heading: Callable[[str], str] = str
) -> str:
    """Write a trace: for each array its formula, then a line for each of its numbers.

    Parameters
    ----------
    width : int, optional
        The width in columns.
    heading : callable, optional
        Gives a heading its style.
    """
    lines: list[str] = []
    for title, together in groupby(steps, title_of):
        lines += ["", heading(title)]
        for step in together:
            lines += ["", *_lines(step, width)] if step.formula else _start(step, width)
    return "\n".join(lines[1:])


def title_of(step: Step) -> str:
    """Write the heading of a step: its phase and its layer."""
    owner = "" if step.phase in TITLES else step.layer
    return TITLES.get(step.phase, step.phase) + (f": {owner}" if owner else "")


def _start(step: Step, width: int) -> list[str]:
    """Write a name and its numbers side by side."""
    room = max(width - HEAD, 2 * CELL)
    lines = columns(_matrix(step.value, room), room, right=range(room))
    name = f"  {step.name}"
    if len(name) > HEAD - 2:
        return [name, *(" " * HEAD + line for line in lines)]
    heads = [name, *[""] * (len(lines) - 1)]
    return [f"{head:{HEAD}}{line}" for head, line in zip(heads, lines, strict=True)]


def _matrix(array: AnyArray, room: int) -> list[list[str]]:
    """Write the first rows and columns of an array, and how many more there are."""
    if array.size > ROWS and (array == array.flat[0]).all():
        return [[f"{_number(array.flat[0])} in all {' x '.join(map(str, array.shape))} places"]]
    table = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    most = room // CELL
    most -= table.shape[1] > most
    rows = [[_number(number) for number in row[:most]] for row in table[:ROWS]]
    more = table.shape[1] - most
    if more > 0:
        rows = [[*row, f"{more} more" if at == 0 else ""] for at, row in enumerate(rows)]
    if len(table) > ROWS:
        rows.append([f"{len(table) - ROWS} more", *[""] * (len(rows[0]) - 1)])
    return rows


def _lines(step: Step, width: int) -> Iterator[str]:
    for line in step.formula.split("\n"):
        yield fold(line, width, indent="  ", hanging="      ", breaking="all")
    shown = list(first_elements(step))
    rows: list[tuple[str, str, str]] = []
    if shown and shown[0].formula != shown[0].numbers:
        rows += [_row(line) for line in shown[0].formula.split("\n")]
    for element in shown:
        *lines, last = element.numbers.split("\n")
        rows += [*map(_row, lines), _row(last, _number(element.value))]
    room = width - NAME - VALUE - 8
    for name, value, formula in rows:
        first, *others = fold(formula, room, hanging="  ", breaking="all").split("\n")
        yield f"    {name:<{NAME}}  {value:>{VALUE}}  {first}"
        yield from (" " * (NAME + VALUE + 8) + line for line in others)
    left = step.value.size - len(shown)
    if left:
        yield f"    ... {left:,} more of {' x '.join(map(str, step.value.shape))}"


def first_elements(step: Step) -> Iterator[Element]:
    """Choose the elements that are shown of a long array."""
    shape = step.value.shape
    long = [size for size in shape if size > 1]
    most = LINE if len(long) < 2 else SQUARE
    for element in step.elements:
        if step.value.size <= FEW or all(at < most for at in element.index):
            yield element


def _row(line: str, value: str = "") -> tuple[str, str, str]:
    """Divide a line into its name, its value and its formula."""
    name, _, formula = line.partition(" = ")
    return name, value, f"= {formula}"


def _number(number: float | np.generic) -> str:
    return f"{float(number) + 0.0:.6g}"
