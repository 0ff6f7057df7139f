"""Numbers as bars in a terminal."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence

from nnplug.cli.terminal import echo, style
from nnplug.layout import GLUE, cells, columns
from nnplug.untrusted import printable

__all__ = ["bar_table", "decimals", "show_bars", "written"]

_MOST_NAME = 40
_BAR = (10, 32)
"""The least and the most cells of the longest bar."""


def decimals(values: Sequence[float]) -> int | None:
    """Choose decimals by which the largest number has four digits; None for a power of ten.

    Examples
    --------
    >>> decimals([0.0312, -0.4]), decimals([12345.6]), decimals([1e-9])
    (4, 0, None)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0:
        return 1
    digits = 3 - math.floor(math.log10(largest))
    return max(0, digits) if -6 <= digits <= 8 else None


def written(value: float, places: int | None, sign: str = "+") -> str:
    """Write a number with its sign, and so many decimals."""
    return f"{value:{sign}.3e}" if places is None else f"{value:{sign},.{places}f}"


def bar_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], values: Sequence[float], room: int
) -> list[str]:
    """Lay out a table whose last column is a bar for each value.

    Parameters
    ----------
    head : sequence of str
        Of the texts; the last one is above numbers.
    rows : sequence of sequence of str
        The texts, before the bars.
    values : sequence of float
        As many as rows; with negative ones, bars go both ways from an axis.
    room : int
        The width of the table.
    """
    texts = [list(map(_short, row)) for row in (head, *rows)]
    taken = sum(max(cells(row[k]) for row in texts) + 2 for k in range(len(head)))
    least, most = _BAR
    length = min(most, max(least, room - taken - 2))
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
    # Beside the axis; on either side up to half a cell more may be taken.
    around = length - 1 - (low < 0 < high)
    scale = around / ((high - low) or 1.0)
    left = math.ceil(-low * scale)
    block, axis = _signs()
    bars = [""]
    for value in values:
        size = round(abs(value) * scale) if math.isfinite(value) else 0
        if value < 0:
            bars.append(GLUE * (left - size) + block * size + axis)
        else:
            bars.append(GLUE * left + axis + block * size)
    lines = [[*row, bar] for row, bar in zip(texts, bars, strict=True)]
    return columns(lines, room, right=(len(head) - 1,), indent="  ")


def show_bars(lines: Sequence[str]) -> None:
    """Print a table with bars, those below zero in red."""
    block, axis = map(re.escape, _signs())
    for line in lines:
        below = re.sub(rf"({block}+)({axis})$", lambda f: style(f[1], fg="red") + f[2], line)
        echo(re.sub(rf"({axis})({block}+)$", lambda f: f[1] + style(f[2], fg="blue"), below))


def _signs() -> tuple[str, str]:
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return ("█", "│") if unicode else ("#", "|")


def _short(text: str) -> str:
    return printable(text, _MOST_NAME)
