"""How the dates of a text column are written, found from all of its cells.

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
from nnplug.tables.duck import TOGETHER, literal
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import column_list, quote, shell_word

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "ISO",
    "Fit",
    "ambiguous_error",
    "as_instant",
    "candidates",
    "check_formats",
    "find_format",
    "first_cells",
    "is_dated",
]

ISO = "ISO 8601"
"""The way to write 2024-12-31, also with a time of day; the others are as for `strftime`."""

# For Python and for RE2, which has no references to a group.
# No clock anywhere is further from UTC than 15:59 hours.
_OFFSET = r"\s?[+-](0\d|1[0-5])(:?[0-5]\d)?"
_ISO = (
    r"\s*\d{4}(-\d{1,2}-|/\d{1,2}/)\d{1,2}"
    rf"([ T]\d{{1,2}}:\d\d(:\d\d(\.\d+)?)?(Z|{_OFFSET})?)?\s*"
)
_NUMBERS = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{4}|\d\d)")
_DAY_NAMED = re.compile(r"\d{1,2}([ ./-])([A-Za-z]{3,9})\1(\d{4}|\d\d)")
_NAMED_DAY = re.compile(r"([A-Za-z]{3,9}) \d{1,2}, \d{4}")
_TIME = re.compile(r"(,? |T)\d{1,2}:\d\d(:\d\d)?(?:( ?)[AaPp][Mm])?")
_TIME_CODES = re.compile(r"(,? |T)%[HI].*")
_DIGITS = {"%d": r"\d{1,2}", "%m": r"\d{1,2}", "%y": r"\d{2}", "%Y": r"\d{4}"}
_FIRST = 100
"""Cells that are looked at before all are."""


def candidates(cell: str) -> tuple[str, ...]:
    """List the ways in which one cell may be read as a date, the likeliest first."""
    if re.fullmatch(_ISO, cell):
        return (ISO,)
    cell = cell.strip()
    for pattern, ways in ((_NUMBERS, _numeric), (_DAY_NAMED, _day_named), (_NAMED_DAY, _named_day)):
        found = pattern.match(cell)
        if found is not None:
            time = _time(cell[found.end() :])
            return () if time is None else tuple(way + time for way in ways(found))
    return ()


def _numeric(found: re.Match[str]) -> tuple[str, ...]:
    first, sign, second, last = found.groups()
    if len(first) == 4 or len(last) == 4:
        if len(first) == len(last) or len(first) == 3:
            return ()
        if len(first) == 4:
            return (f"%Y{sign}%m{sign}%d",)
        return (f"%d{sign}%m{sign}%Y", f"%m{sign}%d{sign}%Y")
    if len(first) == 3:
        return ()
    if sign == ".":  # 1.2.10 is a version, and 10.30.15 a time
        return ("%d.%m.%y",) if len(first) == len(second) == 2 else ()
    ways = (f"%d{sign}%m{sign}%y", f"%m{sign}%d{sign}%y")
    return (*ways, f"%y{sign}%m{sign}%d") if len(first) == 2 else ways


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


def as_instant(cell: str, way: str) -> str:
    """Write the SQL of a text cell as an instant; NULL if it is not written so.

    Where there is a time of day, cells may be without one.
    """
    if way == ISO:
        # A cast to TIMESTAMP drops an offset; the other way is slower.
        close = rf"regexp_replace({cell}, '\s([+-])', '\1')"
        # DuckDB 1.2 wants the seconds.
        whole = rf"regexp_replace({close}, '([ T]\d+:\d\d)([+-])', '\1:00\2')"
        zoned = f"CAST(TRY_CAST({whole} AS TIMESTAMPTZ) AS TIMESTAMP)"
        behind = literal(rf":\d\d(\.\d+)?{_OFFSET}\s*$")
        return (
            f"CASE WHEN regexp_matches({cell}, {behind}) THEN {zoned} "
            f"ELSE TRY_CAST({cell} AS TIMESTAMP) END"
        )
    day = _TIME_CODES.sub("", way)
    ways = literal(way) if day == way else f"[{literal(way)}, {literal(day)}]"
    return f"try_strptime({cell}, {ways})"


def is_dated(cell: str, way: str) -> str:
    """Write the SQL that says whether a text cell is a date that is written so."""
    # DuckDB takes 20 for the year 20, 5 for a year of two digits, and three
    # words (infinity, -infinity, epoch) for instants however they are written.
    checks = [f"{as_instant(cell, way)} >= TIMESTAMP '1000-01-01'"]
    if way == ISO:
        checks.append(f"regexp_full_match({cell}, {literal(_ISO)})")
    elif "%y" in way:
        codes = re.split(r"(%.)", _TIME_CODES.sub("", way))
        shape = "".join(_DIGITS.get(c, ".*" if "%" in c else re.escape(c)) for c in codes)
        whole = rf"^\s*{shape}(\D|$)"
        checks.append(f"regexp_matches({cell}, {literal(whole)})")
    elif way.startswith("%") and way[:2] in _DIGITS:
        checks.append(f"({cell} < '-' OR {cell} >= '0' AND {cell} < ':')")
    else:
        checks.append(f"regexp_matches({cell}, '[0-9]')")
    return f"coalesce({' AND '.join(checks)}, false)"


def check_formats(connection: duckdb.DuckDBPyConnection, options: ReadOptions) -> None:
    """Refuse what is stated and is no way to write dates.

    Raises
    ------
    DataError
        If a code such as `%Q` is unknown, or there is no year.
    """
    import duckdb  # noqa: PLC0415  # see connect

    stated = {f"dates.{name}": way for name, way in (*options.known_dates, *options.dates_of)}
    if options.dates:
        stated["dates"] = options.dates
    for key, way in stated.items():
        fits = "%Y" in way or "%y" in way
        try:
            connection.execute(f"SELECT {as_instant(literal(''), way)}")
        except duckdb.Error:
            fits = False
        if not fits:
            raise DataError(
                f"read: {key}={way}: dates are not written so. Python's codes say how, such as\n"
                "%d.%m.%Y or %m/%d/%Y %I:%M %p."
            )


def first_cells(
    connection: duckdb.DuckDBPyConnection, cells: Sequence[str], source: str
) -> list[tuple[str, ...]]:
    """Give some different texts of each column: of the first rows, and the outermost.

    Parameters
    ----------
    cells : sequence of str
        The SQL of a text cell of each column.
    source : str
        Where they come from.
    """
    if len(cells) > TOGETHER:
        some = first_cells(connection, cells[:TOGETHER], source)
        return some + first_cells(connection, cells[TOGETHER:], source)
    if not cells:
        return []
    found: list[set[str]] = [set() for _ in cells]
    heads = f"SELECT {', '.join(cells)} FROM {source} LIMIT {_FIRST}"
    ends = f"SELECT {', '.join(f'min({cell}), max({cell})' for cell in cells)} FROM {source}"
    rows = connection.execute(heads).fetchall()
    outermost = connection.execute(ends).fetchone() or ()
    for row in (*rows, outermost[::2], outermost[1::2]):
        for texts, cell in zip(found, row, strict=True):
            if cell is not None:
                texts.add(str(cell))
    return [tuple(sorted(each)) for each in found]


@dataclass(frozen=True)
class Fit:
    """How the cells of a column can be read as dates.

    Attributes
    ----------
    ways : tuple of str
        Each reads all cells. They are several if the cells do not tell, and
        the dates would differ; none if some cells are no dates.
    usual : str
        The first of them; else the way that must be, or that reads most cells.
    fitting, filled : int
        How many it reads, and how many cells there are.
    example : str
        A cell that two of `ways` read as different dates.
    """

    ways: tuple[str, ...]
    usual: str
    fitting: int
    filled: int
    example: str = ""


def find_format(
    connection: duckdb.DuckDBPyConnection,
    cell: str,
    source: str,
    first: Sequence[str],
    *,
    must: str = "",
    hint: str = "",
) -> Fit | None:
    """Find how the dates of a column of text are written.

    Parameters
    ----------
    cell, source : str
        The SQL of a text cell, and where it comes from.
    first : sequence of str
        Some of its texts: see `first_cells`.
    must : str
        The only way that may be, beside ISO 8601; empty if any may.
    hint : str
        A way that comes before those that the texts suggest; or empty.

    Returns
    -------
    Fit or None
        None if no text suggests a date.
    """
    guessed = itertools.chain.from_iterable(map(candidates, first))
    ways = (must, ISO) if must else tuple(dict.fromkeys(each for each in (hint, *guessed) if each))
    if not (first and ways):
        return None
    # To fail is slow, so that all cells are asked only about what the first may be.
    cells = f"unnest([{', '.join(map(literal, first))}])"
    checks = ", ".join(f"bool_and({is_dated('t', way)})" for way in ways)
    answers = connection.execute(f"SELECT {checks} FROM (SELECT {cells} AS t)").fetchone() or ()
    ways = tuple(way for way, answer in zip(ways, answers, strict=True) if answer) or ways
    # Many rows have each day, and few the same instant.
    days = not any(_TIME_CODES.search(way) for way in ways)
    texts = f"(SELECT {cell} AS t, {'count(*)' if days else '1'} AS n FROM {source} "
    texts += f"WHERE {cell} IS NOT NULL{' GROUP BY 1' if days else ''})"
    fitting = [f"coalesce(sum(n) FILTER ({is_dated('t', way)}), 0)" for way in ways]
    counts = connection.execute(f"SELECT sum(n), {', '.join(fitting)} FROM {texts}").fetchone()
    assert counts is not None  # an aggregate always has its row
    filled, *found = map(int, counts)
    whole = [way for way, count in zip(ways, found, strict=True) if count == filled]
    if not whole:
        usual = must or ways[found.index(max(found))]
        return Fit((), usual, found[ways.index(usual)], filled)
    # With points the day comes first wherever dates are written so; and a year
    # of two digits comes last if it can: of one year's dates, each may begin with it.
    sure = whole[0] in (must, hint, ISO) or whole[0][2] == "."
    others = [] if sure else [way for way in whole[1:] if not way.startswith("%y")]
    differ = [
        f"min(t) FILTER ({as_instant('t', whole[0])} <> {as_instant('t', way)})" for way in others
    ]
    examples: Sequence[str | None] = ()
    if others:
        examples = connection.execute(f"SELECT {', '.join(differ)} FROM {texts}").fetchone() or ()
    pairs = [(way, each) for way, each in zip(others, examples, strict=True) if each is not None]
    ways = (whole[0], *(way for way, _ in pairs))
    return Fit(ways, whole[0], filled, filled, pairs[0][1] if pairs else "")


def ambiguous_error(source: str, column: str, fit: Fit) -> DataError:
    """Say that a column's dates can be read in several ways."""
    options = [f"--read {shell_word(f'dates.{column}={way}')}" for way in fit.ways]
    return DataError(
        f"{source}: column {quote(column)} holds dates such as {quote(fit.example)}, and no row "
        f"tells whether they are\nwritten {' or '.join(fit.ways)}. Say which:\n"
        + "\n".join(options)
        + f"\nIf they are no dates: --categorical {column_list([column])}"
    )
