"""Values that are missing, infinite, or unlike the others of their column."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from nnplug.errors import DataError, SettingError, suggest
from nnplug.tables.table import Column
from nnplug.tables.wording import quote

__all__ = [
    "Missing",
    "check_rule",
    "infinite_error",
    "is_usual_mark",
    "missing_error",
    "mostly",
    "refuse_infinite",
    "refuse_missing",
    "usual_mark",
]

_MARKS = (
    "na", "n/a", "#n/a", "n.a.", "<na>", "(na)", "nan", "null", "(null)", "#null!", "none", "nil",
    "nat", "missing", "(missing)", "\\n", "-", "--", "---", "\u2013", "\u2014", "?", "??", ".",
    "..", "...", "#value!", "#div/0!", "#ref!", "#num!", "#name?",
)  # fmt: skip
"""What programs and people write for a missing value, in lower case."""
_ENDLESS = ("infinity", "-infinity")
"""What PostgreSQL writes for a date without an end or a beginning."""

Missing = Literal["mean", "median", "refuse", "drop"]
"""What happens to rows that lack the value of an input.

`mean` and `median` replace a missing number by that of the training rows, and
add an input that is 1 where one was missing; a missing category is a category
of its own, and a missing date is the mean date. `drop` leaves such rows out,
`refuse` raises an error.
"""


def check_rule(rule: str) -> Missing:
    """Check the name of a rule.

    Raises
    ------
    SettingError
        If there is no such rule.
    """
    for known in get_args(Missing):
        if rule == known:
            return known  # type: ignore[no-any-return]  # get_args has no type
    raise SettingError(
        f"missing={rule!r} is not one of {', '.join(get_args(Missing))}."
        f"{suggest(str(rule), get_args(Missing))}"
    )


Role = Literal["column", "target", "weights"]
_WAYS_OUT: dict[Role, str] = {
    "column": "Fill the values in, use --missing mean, median or drop, or leave the column out: "
    "--drop {name}",
    "target": "Fill the values in, or leave these rows out: --drop-missing-targets",
    "weights": "Fill the values in.",
}


def is_usual_mark(cell: str, *, date: bool = False) -> bool:
    """Tell whether a cell usually stands for a missing value, as NA, n/a, null, - and ? do.

    Parameters
    ----------
    date : bool, optional
        Whether the column holds dates.
    """
    return cell.strip().casefold() in (*_MARKS, *_ENDLESS * date)


def usual_mark(cell: str, *, date: bool = False) -> str:
    """Write the SQL that tells whether a text cell usually stands for a missing value."""
    marks = ", ".join(f"'{mark}'" for mark in (*_MARKS, *_ENDLESS * date))
    return f"lower(trim({cell})) IN ({marks})"


def mostly(fitting: int, filled: int, spellings: int, marks: int = 0, marked: int = 0) -> bool:
    """Tell whether all cells of a column but a few are of one kind.

    Parameters
    ----------
    fitting, filled : int
        The cells of that kind, and all cells that are not empty.
    spellings : int
        The different cells that are not of that kind.
    marks, marked : int
        How many of those cells are usual marks of missing values, which do
        not count, and how many different ones there are.
    """
    filled, spellings = filled - marks, spellings - marked
    few = spellings <= 3 or (filled - fitting) * 10 <= filled
    return filled / 2 < fitting < filled + marks and few


def missing_error(
    source: str, name: str, role: Role, rows: list[int], count: int, way_out: str = ""
) -> DataError:
    """Say where values are missing.

    Parameters
    ----------
    rows : list of int
        The first rows that lack one, counted from 0.
    way_out : str, optional
        By default what helps in training.
    """
    first = ", ".join(str(row + 1) for row in rows[:5])
    more = f" and {count - 5:,} more" if count > 5 else ""
    where = f"row{'s' if count > 1 else ''} {first}{more}"
    way_out = way_out or _WAYS_OUT[role].format(name=name)
    return DataError(
        f"{source}: {role} {quote(name)} has {_count(count)} missing: {where}.\n{way_out}"
    )


def infinite_error(source: str, name: str, role: Role, row: int, count: int) -> DataError:
    """Say where values are infinite."""
    return DataError(
        f"{source}: {role} {quote(name)} has {_count(count)} infinite "
        f"or too large for a 64-bit number, the first in row {row + 1}.\n"
        "Correct the values, or take the rows or the column out of the table."
    )


def refuse_missing(source: str, column: Column, role: Role, way_out: str = "") -> None:
    """Refuse a column that lacks a value: see `missing_error`."""
    if column.missing is not None:
        places = np.flatnonzero(column.missing)
        raise missing_error(source, column.name, role, places[:5].tolist(), places.size, way_out)


def refuse_infinite(source: str, column: Column, role: Role) -> None:
    """Refuse a column of numbers that holds an infinite one."""
    if column.kind != "number":
        return
    infinite = np.isinf(column.data)
    if infinite.any():
        places = np.flatnonzero(infinite)
        raise infinite_error(source, column.name, role, int(places[0]), places.size)


def _count(number: int) -> str:
    return "one value that is" if number == 1 else f"{number:,} values that are"
