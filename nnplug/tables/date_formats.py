"""How the dates of a text column are written, found from all of its cells.

ISO 8601 is known to DuckDB. Of the other ways the cells themselves must tell:
05/06/2024 is in May or in June, and only a day beyond 12 in some row says
which. Where no row does, the user is asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.duck import literal
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import column_list, quote, shell_word

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "Fit",
    "ambiguous_error",
    "as_instant",
    "candidates",
    "check_formats",
    "find_formats",
    "is_dated",
]

_NUMBERS = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{4}|\d{1,2})")
_DAY_NAMED = re.compile(r"\d{1,2}([ ./-])([A-Za-z]{3,9})\1(\d{4}|\d\d)")
_NAMED_DAY = re.compile(r"([A-Za-z]{3,9}) \d{1,2}, \d{4}")
_TIME = re.compile(r"(,? |T)\d{1,2}:\d\d(:\d\d)?(?:( ?)[AaPp][Mm])?")
_FIRST = 100
"""Cells that are looked at before all are."""


def candidates(cell: str) -> tuple[str, ...]:
    """List the ways in which one cell may be read as a date, as for `strftime`.

    Parameters
    ----------
    cell : str
        The likelier of two ways comes first; ISO 8601 is among them.
    """
    cell = cell.strip()
    for pattern, ways in ((_NUMBERS, _numeric), (_DAY_NAMED, _day_named), (_NAMED_DAY, _named_day)):
        found = pattern.match(cell)
        if found is not None:
            time = _time(cell[found.end() :])
            return () if time is None else tuple(way + time for way in ways(found))
    return ()


def _numeric(found: re.Match[str]) -> tuple[str, ...]:
    first, sign, _, last = found.groups()
    if len(first) == 4:
        return (f"%Y{sign}%m{sign}%d",) if len(last) <= 2 else ()
    if len(first) == 3 or len(last) == 1:
        return ()
    year = "%Y" if len(last) == 4 else "%y"
    ways = [f"%d{sign}%m{sign}{year}", f"%m{sign}%d{sign}{year}"]
    if year == "%y" and len(first) == 2 and sign != ".":
        ways.append(f"%y{sign}%m{sign}%d")
    return tuple(ways)


def _day_named(found: re.Match[str]) -> tuple[str, ...]:
    sign, month, year = found.groups()
    last = "%Y" if len(year) == 4 else "%y"
    return tuple(f"%d{sign}{each}{sign}{last}" for each in _months(month))


def _named_day(found: re.Match[str]) -> tuple[str, ...]:
    return tuple(f"{each} %d, %Y" for each in _months(found[1]))


def _months(month: str) -> tuple[str, ...]:
    """Tell whether a month's name is short; May is both."""
    return ("%b", "%B") if len(month) == 3 else ("%B",)


def _time(rest: str) -> str | None:
    """Write a cell's time of day, empty if there is none; None if it is something else."""
    found = _TIME.fullmatch(rest)
    if found is None:
        return None if rest else ""
    sign, seconds, gap = found.groups()
    return f"{sign}{'%H' if gap is None else '%I'}:%M{':%S' if seconds else ''}" + (
        "" if gap is None else f"{gap}%p"
    )


def as_instant(cell: str, written: str) -> str:
    """Write the SQL of a text cell as an instant; NULL if it is not written so."""
    return f"try_strptime({cell}, {literal(written)})"


def is_dated(cell: str, written: str) -> str:
    """Write the SQL that says whether a text cell is a date that is written so."""
    # %Y takes 20 for the year 20.
    return f"coalesce({as_instant(cell, written)} >= TIMESTAMP '1000-01-01', false)"


def check_formats(connection: duckdb.DuckDBPyConnection, options: ReadOptions) -> None:
    """Refuse what is stated and is no way to write dates.

    Raises
    ------
    DataError
        If a code such as `%Q` is unknown.
    """
    import duckdb  # noqa: PLC0415  # see connect

    stated = {f"dates.{name}": way for name, way in options.dates_of}
    if options.dates:
        stated["dates"] = options.dates
    for key, way in stated.items():
        try:
            connection.execute(f"SELECT {as_instant(literal(''), way)}")
        except duckdb.Error:
            raise DataError(
                f"read: {key}={way}: dates are not written so. Python's codes say how, such as\n"
                "%d.%m.%Y or %m/%d/%Y %I:%M %p."
            ) from None


@dataclass(frozen=True)
class Fit:
    """How the cells of a column can be read as dates.

    Attributes
    ----------
    ways : tuple of str
        Each reads all cells. They are several if the cells do not tell, and
        the dates would differ; none if the column is something else.
    usual : str
        The way that reads most cells.
    fitting, filled : int
        How many these are, and how many cells there are.
    example : str
        A cell that two of `ways` read as different dates.
    """

    ways: tuple[str, ...]
    usual: str
    fitting: int
    filled: int
    example: str = ""


def find_formats(
    connection: duckdb.DuckDBPyConnection,
    cell: str,
    source: str,
    stated: Sequence[str] = (),
) -> Fit | None:
    """Find how the dates of a column of text are written.

    Parameters
    ----------
    cell, source : str
        The SQL of a text cell, and where it comes from.
    stated : sequence of str
        Ways that the user, or a model, states: the first that fits is alone.

    Returns
    -------
    Fit or None
        None if its first cells are no dates.
    """
    wanted = f"FROM {source} WHERE {cell} IS NOT NULL"
    rows = connection.execute(
        f"SELECT DISTINCT cell FROM (SELECT {cell} AS cell {wanted} LIMIT {_FIRST}) ORDER BY cell"
    ).fetchall()
    guessed = itertools.chain.from_iterable(candidates(str(row[0])) for row in rows)
    ways = tuple(dict.fromkeys((*stated, *guessed)))
    if not (rows and ways):
        return None
    fitting = [f"count(*) FILTER ({is_dated(cell, way)})" for way in ways]
    counts = connection.execute(f"SELECT count(*), {', '.join(fitting)} {wanted}").fetchone()
    assert counts is not None  # an aggregate always has its row
    filled, most = int(counts[0]), int(max(counts[1:]))
    usual = ways[counts.index(most, 1) - 1]
    if most < filled:
        return Fit((), usual, most, filled)
    others = [way for way, count in zip(ways, counts[1:], strict=True) if count == most][1:]
    # With points the day comes first wherever dates are written so.
    if usual in stated or usual[2] == "." or not others:
        return Fit((usual,), usual, most, filled)
    differ = [
        f"min({cell}) FILTER ({as_instant(cell, usual)} <> {as_instant(cell, way)})"
        for way in others
    ]
    examples = connection.execute(f"SELECT {', '.join(differ)} {wanted}").fetchone()
    assert examples is not None  # an aggregate always has its row
    pairs = [(way, each) for way, each in zip(others, examples, strict=True) if each is not None]
    example = pairs[0][1] if pairs else ""
    return Fit((usual, *(way for way, _ in pairs)), usual, most, filled, example)


def ambiguous_error(source: str, column: str, fit: Fit) -> DataError:
    """Say that a column's dates can be read in several ways."""
    options = [f"--read {shell_word(f'dates.{column}={way}')}" for way in fit.ways]
    return DataError(
        f"{source}: column {quote(column)} holds dates such as {quote(fit.example)}, and no row "
        f"tells whether they are\nwritten {' or '.join(fit.ways)}. Say which:\n"
        + "\n".join(options)
        + f"\nIf they are no dates: --categorical {column_list([column])}"
    )
