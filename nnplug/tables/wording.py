"""How messages show the content of a table: quoted, on one line, shortened."""

from __future__ import annotations

import json
import numbers
from collections import Counter
from collections.abc import Iterable

import numpy as np

from nnplug.untrusted import escaped

__all__ = [
    "SHOWN",
    "column_list",
    "count_of",
    "fault_lines",
    "place_of",
    "listed",
    "quote",
    "shell_word",
    "show",
    "some",
]

SHOWN = 20
"""A message lists up to so many faults or names, and counts the others."""
_SOME = 10
_ALSO = 4
"""So many further lines with the same fault are named, and the others counted."""


def quote(text: object, most: int = 60) -> str:
    """Quote text from a table, escaped so that no terminal obeys it."""
    text = str(text)
    shortened = text if len(text) <= most else text[: most - 3] + "..."
    quoted = json.dumps(shortened, ensure_ascii=False)
    # JSON keeps the signs that turn the direction of writing, and the C1 controls.
    return escaped(quoted)


def show(value: object) -> str:
    """Write a value of any kind for a message: text quoted, 2.0 as 2."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, numbers.Real):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    if isinstance(value, np.datetime64):
        return str(value).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")
    return quote(value)


def listed(items: Iterable[str], most: int = SHOWN) -> str:
    """Join items with commas, up to `most`, and count the others."""
    texts = list(items)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def place_of(source: str, line: int, unit: str = "") -> str:
    """Write a place in a file: `t.csv:3`, or `t.xlsx: row 3`."""
    return f"{source}: {unit} {line}" if unit else f"{source}:{line}"


def fault_lines(source: str, faults: Iterable[tuple[int, str]], unit: str = "") -> str:
    """List the faults of a file, each once with the lines that have it.

    Parameters
    ----------
    faults : iterable of (int, str)
        A line, and what is wrong with it.
    unit : str
        What the numbers count, if not lines.
    """
    places: dict[str, list[int]] = {}
    counts: Counter[str] = Counter()
    others = 0
    for line, fault in faults:
        if fault not in places and len(places) == SHOWN:
            others += 1
            continue
        counts[fault] += 1
        if len(places.setdefault(fault, [])) <= _ALSO:
            places[fault].append(line)
    texts = []
    for fault, (line, *rest) in places.items():
        hidden = counts[fault] - 1 - len(rest)
        more = f" and {hidden:,} more" if hidden else ""
        also = (
            f" (also {unit or 'line'}{'s' * (counts[fault] > 2)} {', '.join(map(str, rest))}{more})"
        )
        texts.append(f"{place_of(source, line, unit)}: {fault}{also if rest else ''}")
    return "\n".join([*texts, *([f"and {others:,} more"] if others else [])])


def some(values: Iterable[object]) -> str:
    """List a handful of values."""
    return listed(map(show, values), _SOME)


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun: "1 row", "2 rows", "no rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else f"no {noun}s"


def shell_word(text: str) -> str:
    """Write text as one word of a command line."""
    plain = text and all(sign.isalnum() or sign in "_-./,=:@%+" for sign in text)
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


def column_list(names: Iterable[str]) -> str:
    """Write the names of columns as the value of an option such as `--drop`."""
    return shell_word(",".join(name.replace(",", "\\,") for name in names))
