"""How the numbers of a text column are written, found from all of its cells, and asked about.

"$1,234" is text until the user says what its signs are, and 1.234 beside 999
may be a thousand or a little more than one: only the user knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.diagnosis import mostly
from nnplug.tables.duck import TOGETHER
from nnplug.tables.missing import usual_mark
from nnplug.tables.numerals import PLAIN, Numerals, likeliest, suggested
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import column_list, listed, quote, shell_word, show

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "NumberFit",
    "ask",
    "find_numerals",
    "heads",
    "is_code",
    "may_mix_points",
    "mixes_points",
    "number_error",
    "number_of_text",
    "points_fit",
]

_GROUPED = r"\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*"
_BARE = r"\s*[+-]?\d{1,3}\s*"
_HEAD = 200
"""Rows that are looked at before all are."""
_SIGNS = {",": "comma", ".": "point", "'": "apostrophe", " ": "space", "()": "parentheses"}


@dataclass(frozen=True)
class NumberFit:
    """How the cells of a column can be read as numbers, if the user says so.

    Attributes
    ----------
    stated : Numerals
        What is known of it.
    ways : tuple of Numerals
        They read equally many cells, and some of them as different numbers.
    whole : bool
        Whether they read all cells, but for the usual marks of missing values.
    example : str
        A cell that they read, and where they are several as different numbers.
    """

    stated: Numerals
    ways: tuple[Numerals, ...]
    whole: bool
    example: str


def find_numerals(
    connection: duckdb.DuckDBPyConnection,
    cell: str,
    source: str,
    first: Sequence[str],
    options: ReadOptions,
    name: str,
) -> NumberFit | None:
    """Find how the numbers of a column of text are written, where that is not as stated.

    Parameters
    ----------
    cell, source : str
        The SQL of a text cell, and where it comes from.
    first : sequence of str
        Some of its texts: see `nnplug.tables.date_formats.first_cells`.
    name : str
        The column.

    Returns
    -------
    NumberFit or None
        None if it is as stated, or too few cells are numbers.
    """
    stated = likeliest(options.numerals(name), first)
    fixed = name in options.written_numbers
    ways = suggested(first, stated, decimal=not options.asks_for_decimal(name), fixed=fixed)
    if not ways:
        return None
    numbers = [way.sql("t") for way in ways]
    texts = f"(SELECT {cell} AS t, count(*) AS n FROM {source} WHERE {cell} IS NOT NULL GROUP BY 1)"
    asked = [f"count(*) FILTER ({is_code('t')})", "sum(n)"]
    for number in numbers:
        asked += [f"sum(n) FILTER ({number} IS NOT NULL)", f"count(*) FILTER ({number} IS NULL)"]
    counts = connection.execute(
        f"SELECT {', '.join(asked)} FROM {texts} WHERE NOT {usual_mark('t')}"
    ).fetchone()
    assert counts is not None  # an aggregate always has its row
    codes, filled, *found = (int(each or 0) for each in counts)
    if codes and not options.is_numeric(name):
        return None
    most = max(found[::2])
    best = [i for i, fitting in enumerate(found[::2]) if fitting == most]
    if not filled or not (most == filled or mostly(most, filled, found[1::2][best[0]])):
        return None
    chosen, *others = best
    differ = [f"min(t) FILTER ({numbers[i]} <> {numbers[chosen]})" for i in others]
    examples: Sequence[str | None] = ()
    if differ:
        examples = connection.execute(f"SELECT {', '.join(differ)} FROM {texts}").fetchone() or ()
    pairs = [(ways[i], each) for i, each in zip(others, examples, strict=True) if each is not None]
    way = ways[chosen]
    telling = [each for each in first if stated.read(each) is None and way.read(each)]
    example = pairs[0][1] if pairs else max(telling, key=len, default=first[0])
    return NumberFit(stated, (way, *(each for each, _ in pairs)), most == filled, example)


def is_code(cell: str) -> str:
    """Write the SQL that says whether a cell is like 007: a code, and a number to a cast."""
    return f"({cell} >= '00' AND {cell} < '0:')"


def may_mix_points(cell: str) -> bool:
    """Tell whether a cell is like 999 or 1.234: see `mixes_points`."""
    return re.fullmatch(f"{_GROUPED}|{_BARE}", cell, re.ASCII) is not None


def mixes_points(cell: str) -> str:
    """Write the SQL that says whether a column mixes 999 and 1.234, and nothing else.

    The points may then stand between thousands: an aggregate over text cells,
    of a cell that has a point, or NULL.
    """
    grouped = f"regexp_full_match({cell}, '{_GROUPED}')"
    bare = f"regexp_full_match({cell}, '{_BARE}')"
    example = f"min({cell}) FILTER ({grouped})"
    return f"CASE WHEN bool_and({grouped} OR {bare}) AND bool_or({bare}) THEN {example} END"


def heads(
    connection: duckdb.DuckDBPyConnection, cells: Sequence[str], source: str
) -> list[list[str]]:
    """Give some different texts of each column, of the first rows."""
    found: list[list[str]] = []
    for start in range(0, len(cells), TOGETHER):
        some = cells[start : start + TOGETHER]
        rows = connection.execute(f"SELECT {', '.join(some)} FROM {source} LIMIT {_HEAD}")
        columns = zip(*rows.fetchall(), strict=True)
        texts = [sorted({str(each) for each in column if each is not None}) for column in columns]
        found += texts or [[] for _ in some]
    return found


def number_of_text(
    connection: duckdb.DuckDBPyConnection,
    cell: str,
    source: str,
    first: Sequence[str],
    options: ReadOptions,
    name: str,
) -> tuple[Numerals | None, NumberFit | None]:
    """Find out whether a column that is text by its type holds numbers, as people write them.

    Parameters
    ----------
    first : sequence of str
        Some of its texts: see `heads`.

    Returns
    -------
    Numerals or None
        How they are written, if that is stated and all cells are numbers so,
        not all of them plain ones; or if they must be numbers.
    NumberFit or None
        What may be stated instead.
    """
    way, must = likeliest(options.numerals(name), first), options.is_numeric(name)
    doubtful = way in (PLAIN, Numerals(",", ".")) and name not in options.unused
    if doubtful and first and all(map(may_mix_points, first)):
        mixed = connection.execute(
            f"SELECT {mixes_points('t')} FROM (SELECT {cell} AS t FROM {source}) "
            f"HAVING {must} OR NOT coalesce(bool_or({is_code('t')}), false)"
        ).fetchone()
        if mixed and mixed[0]:
            asks = options.asks_for_decimal(name)
            return (None, points_fit(str(mixed[0]))) if asks else (way, None)
    if way != PLAIN or must:
        found = connection.execute(
            f"SELECT bool_and(t IS NULL OR {way.sql('t')} IS NOT NULL), "
            f"bool_or(TRY_CAST(t AS DOUBLE) IS NULL AND t IS NOT NULL) "
            f"FROM (SELECT {cell} AS t FROM {source})"
        ).fetchone()
        if found and found[0] is not False and (found[1] or must):
            return way, None
    fit = None
    if name not in options.unused:
        fit = find_numerals(connection, cell, source, first, options, name)
    return (way if must else None), (fit if fit is None or fit.whole or not must else None)


def points_fit(example: str) -> NumberFit:
    """Say that the points of a column may stand before decimals, or between thousands."""
    return NumberFit(PLAIN, (Numerals(",", "."), PLAIN), whole=True, example=example)


def ask(
    fits: Sequence[tuple[str, NumberFit]], *, apart: bool = False, point: str | None = None
) -> list[str]:
    """List the ways to read some columns, each with the options that say so.

    Parameters
    ----------
    fits : sequence of (str, NumberFit)
        The columns; all may be read in the same ways.
    apart : bool
        Whether what is said must not hold for other columns.
    point : str, optional
        The sign before the decimals of other columns, if there are any.
    """
    lines = []
    fit = fits[0][1]
    for way in fit.ways:
        names = (
            [f".{name}" for name, _ in fits] if apart or point not in (None, way.decimal) else [""]
        )
        options = [
            f"--read {shell_word(f'{key}{name}={value}')}"
            for name in names
            for key, value in _said(way, fit.stated)
        ]
        lines.append(" ".join(options))
    return lines


def _said(way: Numerals, stated: Numerals) -> list[tuple[str, str]]:
    """List what is to be said of a way beside what is stated: key and value."""
    said = []
    for key in ("unit", "thousands", "negative", "decimal"):
        value = getattr(way, key)
        implied = key == "decimal" and way.thousands == "."
        if value not in ("", getattr(stated, key)) and not implied:
            said.append((key, _SIGNS[value] if value in (" ", "'", "()") else value))
    return said or [("decimal", way.decimal)]


def number_error(
    source: str,
    fits: Sequence[tuple[str, NumberFit]],
    *,
    text: bool,
    apart: bool = False,
    point: str | None = None,
) -> DataError:
    """Ask how the numbers of some columns are written.

    Parameters
    ----------
    text : bool
        Whether the columns may be called text.
    apart, point : bool and str, optional
        See `ask`.
    """
    groups: dict[tuple[Numerals, ...], list[tuple[str, NumberFit]]] = {}
    for name, fit in fits:
        groups.setdefault((fit.stated, *fit.ways), []).append((name, fit))
    said = []
    for group in groups.values():
        names, fit = [name for name, _ in group], group[0][1]
        columns = f"column{'s' * (len(names) > 1)} {listed(map(quote, names))}"
        hold = "hold" if len(names) > 1 else "holds"
        values = [show(way.read(fit.example)) for way in fit.ways]
        rest = (
            f"which is read as {values[0]} if you say so:"
            if len(values) == 1
            else f"and no row tells whether that is\n{' or '.join(values)}. Say which:"
        )
        start = f"{source}: {columns} {hold} numbers such as {quote(fit.example)}, {rest}"
        said += [start, *ask(group, apart=apart or len(groups) > 1, point=point)]
    if text:
        said.append(f"If they are no numbers: --categorical {column_list([n for n, _ in fits])}")
    return DataError("\n".join(said))
