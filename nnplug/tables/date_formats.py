"""How the dates of a text column are written, found from all of its cells.

05/06/2024 is in May or in June, and only a row with a day above 12 tells
which. If no row does, the user is asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.duck import literal
from nnplug.tables.missing import mostly, usual_mark
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
    "is_dated",
    "stray_dates",
]

ISO = "ISO 8601"
"""The way in which 2024-12-31 is written, also with a time of day; others are `strftime` codes."""

# These patterns are for Python and for RE2, which has no back references.
# No clock is further from UTC than 15:59 hours.
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


def candidates(cell: str) -> tuple[str, ...]:
    """List the ways in which a cell may be read as a date, the likeliest first."""
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
    return tuple(f"%d{sign}{code}{sign}{last}" for code in _months(month))


def _named_day(found: re.Match[str]) -> tuple[str, ...]:
    return tuple(f"{code} %d, %Y" for code in _months(found[1]))


def _months(month: str) -> tuple[str, ...]:
    """Return the codes for a month's name, short or full; May is taken for short."""
    return ("%b", "%B") if len(month) == 3 else ("%B",)


def _time(rest: str) -> str | None:
    """Return the codes for a time of day, empty if there is none; None for other text."""
    found = _TIME.fullmatch(rest)
    if found is None:
        return None if rest else ""
    sign, seconds, gap = found.groups()
    return f"{sign}{'%H' if gap is None else '%I'}:%M{':%S' if seconds else ''}" + (
        "" if gap is None else f"{gap}%p"
    )


def as_instant(cell: str, way: str) -> str:
    """Write the SQL for a text cell as an instant; NULL if it is not written in this way.

    With a way that has a time of day, cells may lack the time.
    """
    if way == ISO:
        # A cast to TIMESTAMP drops an offset; the cast that keeps it is slower.
        close = rf"regexp_replace({cell}, '\s([+-])', '\1')"
        # DuckDB 1.2 needs the seconds.
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
    """Write the SQL that tells whether a text cell is a date written in this way."""
    # DuckDB takes 20 for the year 20, 5 for a year of two digits, and three words
    # (infinity, -infinity, epoch) for instants, whatever the format.
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
    """Refuse a stated format that is not one of dates.

    Raises
    ------
    DataError
        If it has an unknown code such as `%Q`, or no year.
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
                f"read: {key}={way}: this is not a format of dates. Use Python's codes, such as\n"
                "%d.%m.%Y or %m/%d/%Y %I:%M %p."
            )


@dataclass(frozen=True)
class Fit:
    """How the cells of a column can be read as dates.

    Attributes
    ----------
    ways : tuple of str
        The ways that read all cells. Several, if they give different dates
        and no cell tells which is right; none, if some cells are not dates.
    usual : str
        The first of `ways`; without any, the required way, or the one that
        reads the most cells.
    fitting, filled : int
        The cells that `usual` reads, and all cells.
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
    """Find how the dates of a text column are written.

    Parameters
    ----------
    cell, source : str
        The SQL of a text cell, and of the table it comes from.
    first : sequence of str
        Some of its texts: see `nnplug.tables.duck.first_cells`.
    must : str
        The only way that is allowed beside ISO 8601; empty if any is.
    hint : str
        A way to try before those that the texts suggest; or empty.

    Returns
    -------
    Fit or None
        None if no text suggests a date.
    """
    guessed = itertools.chain.from_iterable(map(candidates, first))
    ways = (must, ISO) if must else tuple(dict.fromkeys(filter(None, (hint, *guessed))))
    if not (first and ways):
        return None
    # A format that does not fit is slow to try, so all cells are tried only with
    # those that fit the first ones.
    cells = f"unnest([{', '.join(map(literal, first))}])"
    checks = ", ".join(f"bool_and({is_dated('t', way)})" for way in ways)
    answers = connection.execute(f"SELECT {checks} FROM (SELECT {cells} AS t)").fetchone() or ()
    ways = tuple(way for way, answer in zip(ways, answers, strict=True) if answer) or ways
    # Many rows share a day, so each different text is tried once; few share an instant.
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
    # Where dates are written with points, the day comes first. A year of two digits
    # comes last if it can: all dates of one year may seem to begin with it.
    sure = whole[0] in (must, hint, ISO) or whole[0][2] == "."
    others = [] if sure else [way for way in whole[1:] if not way.startswith("%y")]
    differ = [
        f"min(t) FILTER ({as_instant('t', whole[0])} <> {as_instant('t', way)})" for way in others
    ]
    examples: Sequence[str | None] = ()
    if others:
        examples = connection.execute(f"SELECT {', '.join(differ)} FROM {texts}").fetchone() or ()
    pairs = [(way, text) for way, text in zip(others, examples, strict=True) if text is not None]
    ways = (whole[0], *(way for way, _ in pairs))
    return Fit(ways, whole[0], filled, filled, pairs[0][1] if pairs else "")


def stray_dates(
    connection: duckdb.DuckDBPyConnection, cell: str, source: str, fit: Fit, *, must: bool
) -> frozenset[str]:
    """Find the cells of a column of dates that are not dates.

    Parameters
    ----------
    cell, source
        As for `find_format`.
    must : bool
        Whether the column must hold dates. Otherwise it does if most of its
        cells are dates: none is found if it does not.
    """
    strays = f"FROM {source} WHERE {cell} IS NOT NULL AND NOT {is_dated(cell, fit.usual)}"
    mark = usual_mark(cell, date=True)
    found = connection.execute(
        f"SELECT count(DISTINCT {cell}), count(*) FILTER ({mark}), "
        f"count(DISTINCT {cell}) FILTER ({mark}) {strays}"
    ).fetchone()
    assert found is not None  # an aggregate always has its row
    spellings, marks, marked = map(int, found)
    if not (must or mostly(fit.fitting, fit.filled, spellings, marks, marked)):
        return frozenset()
    rows = connection.execute(f"SELECT DISTINCT {cell} {strays}").fetchall()
    return frozenset(str(row[0]) for row in rows)


def ambiguous_error(source: str, column: str, fit: Fit) -> DataError:
    """Ask how a column's dates are written, which can be read in several ways."""
    options = [f"--read {shell_word(f'dates.{column}={way}')}" for way in fit.ways]
    return DataError(
        f"{source}: column {quote(column)} holds dates such as {quote(fit.example)}, and no row "
        f"tells whether they are\nwritten {' or '.join(fit.ways)}. Say which:\n"
        + "\n".join(options)
        + f"\nIf they are not dates: --categorical {column_list([column])}"
    )
