"""Layout of text within a given width: lines folded between words, and tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

__all__ = ["GLUE", "cells", "columns", "fold"]

_BREAK = re.compile(r"(?<=[_\-/.,:;=|])(?![_\-/.,:;=|])(?!(?<=\d[.,])\d)(?!(?<=[eE]-)\d)")
"""Where a long word may be broken: after such signs, but not within a number."""

GLUE = "\u00a0"
"""Stands between words that stay on one line, and is printed as a space."""

_GAP = 2
_LEAST = 8
"""The least width of a table's column."""


def cells(text: str) -> int:
    """Count the cells of a terminal that a line takes.

    Examples
    --------
    >>> cells("naïve"), cells("北京")
    (5, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "FW"
        else 1
        for letter in text
    )


def fold(
    text: str,
    width: int,
    *,
    indent: str = "",
    hanging: str | None = None,
    breaking: Literal["none", "names", "all"] = "none",
    size: Callable[[str], int] = cells,
) -> str:
    """Fold a line between its words, so that none of its lines is wider than `width`.

    Parameters
    ----------
    indent : str, optional
        Begins the first line.
    hanging : str, optional
        Begins the other lines; by default `indent`.
    breaking : str, optional
        Which words are broken if they are too long, after a sign such as a
        hyphen if possible: `"none"`, `"names"`, or `"all"`, paths too. Others
        stand on a line of their own.
    size : callable, optional
        Measures a text.

    Examples
    --------
    >>> print(fold("the loss is sparse_categorical_crossentropy", 24, breaking="all"))
    the loss is
    sparse_categorical_
    crossentropy
    """
    hanging = indent if hanging is None else hanging
    lines, line, filled = [], indent, False
    for word in text.split(" "):
        if filled and size(line) + 1 + size(word) > width:
            lines.append(line.rstrip())
            line, filled = hanging, False
        line, filled = (f"{line} {word}" if filled else line + word), True
        breaks = breaking == "all" or (breaking == "names" and "/" not in word)
        while breaks and size(line) > width:
            head, line = _broken(line, len(hanging if lines else indent), width, size)
            lines.append(head)
            line = hanging + line
    return "\n".join([*lines, line.rstrip()]).replace(GLUE, " ")


def _broken(line: str, start: int, width: int, size: Callable[[str], int]) -> tuple[str, str]:
    """Break a line that is one long word, after a sign if there is one that fits."""
    place = start + 1
    while place < len(line) and size(line[: place + 1]) <= width:
        place += 1
    found = [match.start() for match in _BREAK.finditer(line, start + 1) if match.start() <= place]
    between = [end for end in found if line[end - 1] in ",;|/" and end > (start + place) // 2]
    place = (between or found or [place])[-1]
    return line[:place], line[place:]


def columns(
    rows: Sequence[Sequence[str]], width: int, *, right: Sequence[int] = (), indent: str = ""
) -> list[str]:
    r"""Lay out a table: a text for each row, of several lines where a cell is folded.

    The widest columns are narrowed until all fit.

    Parameters
    ----------
    rows : sequence of sequence of str
        The rows, all of one length, the head among them.
    right : sequence of int, optional
        The columns to align to the right, such as those of numbers.

    Examples
    --------
    >>> rows = [("name", "what"), ("binary_cross_entropy", "a loss of two classes")]
    >>> print("\n".join(columns(rows, 28)))
    name           what
    binary_cross_  a loss of two
    entropy        classes
    """
    widths = [max(cells(row[k]) for row in rows) for k in range(len(rows[0]))]
    room = width - len(indent) - _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        widest = max(widths)
        second = max((width for width in widths if width < widest), default=_LEAST)
        many = widths.count(widest)
        spare = -(-(sum(widths) - room) // many)
        least = max(widest - spare, second, _LEAST)
        widths = [least if width == widest else width for width in widths]
    written = []
    for row in rows:
        folded = [
            fold(cell, size, breaking="all").split("\n")
            for cell, size in zip(row, widths, strict=True)
        ]
        lines = []
        for place in range(max(map(len, folded))):
            parts = [lines[place] if place < len(lines) else "" for lines in folded]
            padded = [
                " " * (size - cells(part)) + part
                if k in right
                else part + " " * (size - cells(part))
                for k, (part, size) in enumerate(zip(parts, widths, strict=True))
            ]
            lines.append((indent + (" " * _GAP).join(padded)).rstrip())
        written.append("\n".join(lines))
    return written
