"""Missing and infinite values: the rules, and how they are refused."""

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
    "refuse_infinite",
    "refuse_missing",
    "usual_mark",
]

_MARKS = (
    "na", "n/a", "#n/a", "n.a.", "<na>", "(na)", "nan", "null", "(null)", "#null!", "none", "nil",
    "nat", "missing", "(missing)", "\\n", "-", "--", "---", "\u2013", "\u2014", "?", "??", ".",
    "..", "...", "#value!", "#div/0!", "#ref!", "#num!", "#name?",
)  # fmt: skip
"""What programs and people write for a missing value, in small letters."""
_ENDLESS = ("infinity", "-infinity")
"""What PostgreSQL writes among dates, for no end or no beginning."""

Missing = Literal["mean", "median", "refuse", "drop"]
"""What is done with rows that lack a value of an input.

`mean` and `median`, of the training rows, stand for a missing number, and an
input of 0 or 1 says where; a missing category is a category of its own, and a
missing date is the mean date. `drop` leaves the rows out, `refuse` is an error.
"""


def check_rule(rule: str) -> Missing:
    """Take the name of a rule."""
    for known in get_args(Missing):
        if rule == known:
            return known  # type: ignore[no-any-return]  # get_args has no type
    raise SettingError(
        f"missing={rule!r} is none of {', '.join(get_args(Missing))}."
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
    """Tell whether a cell often stands for a missing value: NA, n/a, null, -, ?.

    Parameters
    ----------
    date : bool, optional
        Whether it is among dates.
    """
    return cell.strip().casefold() in (*_MARKS, *_ENDLESS * date)


def usual_mark(cell: str, *, date: bool = False) -> str:
    """Write the SQL that says whether a text cell often stands for a missing value."""
    marks = ", ".join(f"'{mark}'" for mark in (*_MARKS, *_ENDLESS * date))
    return f"lower(trim({cell})) IN ({marks})"


def missing_error(
    source: str, name: str, role: Role, rows: list[int], count: int, way_out: str = ""
) -> DataError:
    """Say where values are missing.

    Parameters
    ----------
    rows : list of int
        The first places, counted from 0.
    way_out : str, optional
        Instead of the role's own, which is one of training.
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
    """Refuse a column that lacks a value anywhere; see `missing_error`."""
    if column.missing is not None:
        places = np.flatnonzero(column.missing)
        raise missing_error(source, column.name, role, places[:5].tolist(), places.size, way_out)


def refuse_infinite(source: str, column: Column, role: Role) -> None:
    """Refuse a column of numbers that has an infinite one."""
    if column.kind != "number":
        return
    infinite = np.isinf(column.data)
    if infinite.any():
        places = np.flatnonzero(infinite)
        raise infinite_error(source, column.name, role, int(places[0]), places.size)


def _count(number: int) -> str:
    return "one value that is" if number == 1 else f"{number:,} values that are"
