"""How the numbers of a text column are written, found from all of its cells.

"$1,234" is text until the user says what its signs mean, and 1.234 beside 999
may be a thousand or a little more than one: only the user knows. So the user
is asked, with the options that answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.missing import mostly, usual_mark
from nnplug.tables.numerals import (
    PLAIN,
    Numerals,
    is_code,
    likeliest,
    may_mix_points,
    mixes_points,
    suggested,
)
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import column_list, listed, quote, shell_word, show

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "NumberFit",
    "ask",
    "find_numerals",
    "number_error",
    "number_of_text",
    "points_fit",
    "stray_number_error",
]

_SIGNS = {",": "comma", ".": "point", "'": "apostrophe", " ": "space", "()": "parentheses"}


@dataclass(frozen=True)
class NumberFit:
    """How the cells of a column can be read as numbers, if the user says so.

    Attributes
    ----------
    stated : Numerals
        What is known about the column.
    ways : tuple of Numerals
        They read equally many cells, and some cells as different numbers.
    whole : bool
        Whether they read all cells, except the usual marks of missing values.
    example : str
        A cell that they read; if there are several ways, as different numbers.
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
    """Find how the numbers of a text column are written, if not as stated.

    Parameters
    ----------
    cell, source : str
        The SQL of a text cell, and of the table it comes from.
    first : sequence of str
        Some of its texts: see `nnplug.tables.duck.first_cells`.
    name : str
        The column.

    Returns
    -------
    NumberFit or None
        None if they are written as stated, or too few cells are numbers.
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
    codes, filled, *found = (int(count or 0) for count in counts)
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
    pairs = [(ways[i], text) for i, text in zip(others, examples, strict=True) if text is not None]
    way = ways[chosen]
    telling = [text for text in first if stated.read(text) is None and way.read(text)]
    example = pairs[0][1] if pairs else max(telling, key=len, default=first[0])
    return NumberFit(stated, (way, *(other for other, _ in pairs)), most == filled, example)


def number_of_text(
    connection: duckdb.DuckDBPyConnection,
    cell: str,
    source: str,
    first: Sequence[str],
    options: ReadOptions,
    name: str,
) -> tuple[Numerals | None, NumberFit | None]:
    """Find out whether a text column holds numbers, as people write them.

    Parameters
    ----------
    cell, source, first, name
        As for `find_numerals`.

    Returns
    -------
    Numerals or None
        How they are written, if the column must be numbers, or if all cells
        are written as stated and some of them are not plain numbers.
    NumberFit or None
        What the user could state instead.
    """
    way, must = likeliest(options.numerals(name), first), options.is_numeric(name)
    doubtful = way in (PLAIN, Numerals(",", ".")) and not options.is_unused(name)
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
    if not options.is_unused(name):
        fit = find_numerals(connection, cell, source, first, options, name)
    return (way if must else None), (fit if fit is None or fit.whole or not must else None)


def stray_number_error(
    source: str, name: str, cell: str, options: ReadOptions, row: int | None = None
) -> DataError:
    """Say that a cell of a column that must be numbers is not a number.

    Parameters
    ----------
    row : int, optional
        The row, counted from 1, where rows have an order.
    """
    where = "" if row is None else f" in row {row}"
    # With rows to predict, the trained model says what the column is.
    text = f", or call the column text: --categorical {column_list([name])}"
    return DataError(
        f"{source}: column {quote(name)}: cannot read {quote(cell)}{where} as a number.\n"
        f"Correct the value{'.' if options.lenient else text}"
    )


def points_fit(example: str) -> NumberFit:
    """Offer both meanings of the points in a column: before decimals, or between thousands."""
    return NumberFit(PLAIN, (Numerals(",", "."), PLAIN), whole=True, example=example)


def ask(
    fits: Sequence[tuple[str, NumberFit]], *, apart: bool = False, point: str | None = None
) -> list[str]:
    """List the ways to read some columns, each as the options that state it.

    Parameters
    ----------
    fits : sequence of (str, NumberFit)
        The columns, which can all be read in the same ways.
    apart : bool
        Whether the options must name the columns, so that others are read as before.
    point : str, optional
        The sign before the decimals of other columns, if they have decimals.
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
            for key, value in _to_state(way, fit.stated)
        ]
        lines.append(" ".join(options))
    return lines


def _to_state(way: Numerals, stated: Numerals) -> list[tuple[str, str]]:
    """List the options, as key and value, that a way needs beyond what is stated."""
    needed = []
    for key in ("unit", "thousands", "negative", "decimal"):
        value = getattr(way, key)
        implied = key == "decimal" and way.thousands == "."
        if value not in ("", getattr(stated, key)) and not implied:
            needed.append((key, _SIGNS[value] if value in (" ", "'", "()") else value))
    return needed or [("decimal", way.decimal)]


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
        As for `ask`.
    """
    groups: dict[tuple[Numerals, ...], list[tuple[str, NumberFit]]] = {}
    for name, fit in fits:
        groups.setdefault((fit.stated, *fit.ways), []).append((name, fit))
    lines = []
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
        lines.append(f"{source}: {columns} {hold} numbers such as {quote(fit.example)}, {rest}")
        lines += ask(group, apart=apart or len(groups) > 1, point=point)
    if text:
        names = [name for name, _ in fits]
        lines.append(f"If they are not numbers: --categorical {column_list(names)}")
    return DataError("\n".join(lines))
