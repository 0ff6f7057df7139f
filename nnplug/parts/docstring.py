"""A part's docstring, taken apart for pages and tables about parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Docstring", "read_docstring"]

_HEADING = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)
_YEAR = re.compile(r"\b(1[89]|20)\d\d\b")


@dataclass(frozen=True)
class Docstring:
    """The pieces of a NumPy docstring.

    Attributes
    ----------
    text : str
        Everything before the first section.
    about : str
        The first paragraph on one line, without its source and full stop.
    source : str
        Authors, year, identifier and equation: the brackets of the first
        paragraph that hold a year. Empty if there are none.
    parameters : dict of str to str
        What each option means.
    examples : str
    """

    text: str
    about: str
    source: str
    parameters: dict[str, str]
    examples: str


def read_docstring(doc: str) -> Docstring:
    """Take a docstring apart.

    Examples
    --------
    >>> found = read_docstring("Squareplus: (x + √(x² + b)) / 2 (Barron, 2021, eq. 1).")
    >>> found.about, found.source
    ('Squareplus: (x + √(x² + b)) / 2', 'Barron, 2021, eq. 1')
    """
    text, *sections = _HEADING.split(doc)
    by_name = dict(zip(sections[::2], sections[1::2], strict=True))
    parameters: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", by_name.get("Parameters", "").strip()):
        head, _, body = entry.partition("\n")
        for name in head.partition(":")[0].split(","):
            parameters[name.strip()] = " ".join(body.split())
    first = " ".join(text.partition("\n\n")[0].split())
    about, source = _without_source(first)
    return Docstring(text.strip(), about, source, parameters, by_name.get("Examples", "").strip())


def _without_source(line: str) -> tuple[str, str]:
    """Split a line into what it says and its last brackets with a year, which may hold others."""
    depth, begin, source = 0, 0, (0, 0)
    for place, letter in enumerate(line):
        if letter == "(":
            begin = begin if depth else place
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
            if not depth and _YEAR.search(line, begin, place):
                source = begin, place
    first, last = source
    if not last:
        return line.removesuffix("."), ""
    rest = line[last + 1 :].removesuffix(".")
    return f"{line[:first].rstrip()}{rest}", line[first + 1 : last]
