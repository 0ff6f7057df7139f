"""Findings: what looks wrong in a table by itself."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnplug.tables.learning import named_as_identifier
from nnplug.tables.notes import large_note, marks_note, unit_note
from nnplug.tables.preparation import Prepared
from nnplug.tables.table import Column, Table
from nnplug.tables.wishes import Wishes
from nnplug.tables.wording import column_list, count_of, listed, quote, shell_word, show
from nnplug.types import AnyArray

__all__ = [
    "Finding",
    "constant",
    "equal_columns",
    "equal_rows",
    "few_rows",
    "infinite",
    "large_numbers",
    "marks_and_units",
    "missing",
    "outliers",
    "numbers_like_dates",
    "row_hashes",
    "row_numbers",
    "sentinel_dates",
    "spellings",
]

Weight = Literal["problem", "warning", "note"]
"""A problem prevents training; a warning should be checked; a note is good to know."""

FEW_ROWS = 50
OUTLIER = 20.0
"""Deviations from the median, by the spread of the middle half, that make an outlier."""
MOSTLY_MISSING = 0.5
_APART = 0.2  # of the range of all other numbers
_DAYS = (1900_01_01, 2200_01_01)
_SECONDS = (631_152_000, 4_102_444_800)  # since 1970, to 1990 and to 2100
_JUDGED = 20  # below so many rows, a share means nothing

HashArray = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Finding:
    """One thing to tell the user.

    Attributes
    ----------
    weight : str
        `"problem"`, `"warning"` or `"note"`.
    about : str
        The kind of finding, such as `"duplicate rows"`.
    text : str
        A sentence or two, with the way out.
    columns : tuple of str
        The columns concerned.
    """

    weight: Weight
    about: str
    text: str
    columns: tuple[str, ...] = ()


def few_rows(table: Table, prepared: Prepared | None) -> Iterator[Finding]:
    """Warn of too few rows, in all or for the inputs."""
    if table.rows < FEW_ROWS:
        yield Finding(
            "warning",
            "few rows",
            f"{count_of(table.rows, 'row')}: a score on so few held-out rows says little. "
            "Repeat with several seeds.",
        )
    if prepared is None:
        return
    columns, rows = prepared.encoder.columns, len(prepared.parts.of_member(0).training)
    # The bins of a number share what one column says of a row: it counts once.
    texts = {column.name for column in table.columns if column.kind == "text"}
    inputs = sum(len(each.features) if each.name in texts else 1 for each in columns)
    if inputs > rows:
        yield Finding(
            "warning",
            "more inputs than rows",
            f"{inputs:,} inputs and {rows:,} training rows: the network can learn the rows by "
            "heart. Leave columns out, or use --l2 or --dropout.",
        )


def missing(table: Table) -> Iterator[Finding]:
    """Find columns that lack most of their values."""
    for column in table.columns:
        count = len(column) - int(np.count_nonzero(column.present))
        if count == len(column):
            yield Finding("warning", "missing", f"column {quote(column.name)} has no value at all.",
                          (column.name,))  # fmt: skip
        elif count > MOSTLY_MISSING * len(column):
            yield Finding(
                "warning",
                "missing",
                f"column {quote(column.name)} lacks {count / len(column):.0%} of its values.",
                (column.name,),
            )


def infinite(table: Table) -> Iterator[Finding]:
    """Find infinite numbers, which training refuses."""
    for column in table.columns:
        if column.kind == "number" and (places := np.flatnonzero(np.isinf(column.data))).size:
            yield Finding(
                "problem",
                "infinite",
                f"column {quote(column.name)} has {count_of(places.size, 'infinite value')}, the "
                f"first in row {places[0] + 1}. Correct them, or leave the column out: "
                f"--drop {column_list([column.name])}",
                (column.name,),
            )


def sentinel_dates(table: Table) -> Iterator[Finding]:
    """Find dates that usually stand for a missing one: 0001-01-01 and 9999-12-31."""
    for column in table.columns:
        if column.kind != "date":
            continue
        days = column.data[column.present].astype("datetime64[D]")
        for odd in ("0001-01-01", "9999-12-31"):
            count = int(np.count_nonzero(days == np.datetime64(odd)))
            if count:
                yield Finding(
                    "warning",
                    "sentinel dates",
                    f"column {quote(column.name)} holds {odd} {count_of(count, 'time')}. If that "
                    f"stands for a missing date: --read {shell_word(f'na.{column.name}={odd}')}",
                    (column.name,),
                )


def numbers_like_dates(table: Table) -> Iterator[Finding]:
    """Find whole numbers that look like dates: 20240131, and seconds since 1970."""
    for column in table.columns:
        numbers = column.data[column.present] if column.integer else np.empty(0)
        if len(numbers) < _JUDGED:
            continue
        lowest, highest = numbers.min(), numbers.max()
        looks = ""
        if lowest >= _DAYS[0] and highest < _DAYS[1]:
            months, days = np.divmod(numbers % 10_000, 100)
            if ((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all():
                looks = f"dates such as {numbers[0]:.0f}"
        elif lowest >= _SECONDS[0] and highest < _SECONDS[1]:
            looks = f"seconds since 1970, such as {numbers[0]:.0f}"
        if looks and len(np.unique(numbers)) >= _JUDGED:
            yield Finding(
                "note",
                "numbers like dates",
                f"column {quote(column.name)} is taken for numbers and looks like {looks}. "
                "Written as 2024-01-31 they are dates; --sql can write them so.",
                (column.name,),
            )


def marks_and_units(table: Table, used: Collection[str]) -> Iterator[Finding]:
    """Find usual marks of missing values, and numbers with a unit, if training does not."""
    for column in table.columns:
        if column.kind == "text" and column.name not in used:
            found = np.bincount(column.data[column.present], minlength=len(column.words)).tolist()
            counts = {word: n for word, n in zip(column.words, found, strict=True) if n}
            if note := marks_note(column.name, counts):
                yield Finding("note", "marks of missing values", note, (column.name,))
            if note := unit_note(column.name, counts):
                yield Finding("note", "numbers with a unit", note, (column.name,))


def large_numbers(table: Table, used: Collection[str]) -> Iterator[Finding]:
    """Find whole numbers beyond 2^53, except in columns for which training warns of them."""
    for column in table.columns:
        values = column.data[column.present] if column.kind == "number" else np.empty(0)
        values = values[np.isfinite(values)]
        if len(values) and column.name not in used:
            whole = bool((values == np.floor(values)).all())
            lowest, highest = float(values.min()), float(values.max())
            if note := large_note(column.name, lowest, highest, whole=whole):
                yield Finding("warning", "large numbers", note, (column.name,))


def constant(table: Table, target: Collection[str]) -> Iterator[Finding]:
    """Find columns with a single value; of a target, training itself says so."""
    for column in table.columns:
        present = column.data[column.present]
        if column.name not in target and len(present) > 1 and (present == present[0]).all():
            value = column.values[column.present][0]
            where, so = (
                ("", "it tells nothing, and training leaves it out.")
                if column.missing is None
                else (" where it has one", f"--drop {column_list([column.name])}")
            )
            yield Finding(
                "warning",
                "constant",
                f"column {quote(column.name)} has one value only{where}, {show(value)}: {so}",
                (column.name,),
            )


def equal_columns(table: Table) -> Iterator[Finding]:
    """Find columns that are equal in every row."""
    alike: dict[bytes, list[Column]] = defaultdict(list)
    for column in table.columns:
        alike[column.kind.encode() + _hashes(column).tobytes()].append(column)
    for group in alike.values():
        names = [column.name for column in group]
        if len(group) > 1:
            yield Finding(
                "warning",
                "duplicate columns",
                f"columns {listed(map(quote, names))} are equal in every row. "
                f"--drop {column_list(names[1:])}",
                tuple(names),
            )


def spellings(table: Table) -> Iterator[Finding]:
    """Find texts that differ only in case or spaces."""
    for column in table.columns:
        alike: dict[str, list[str]] = defaultdict(list)
        for word in column.words if len(column.words) <= 10_000 else ():
            alike[" ".join(word.split()).casefold()].append(word)
        several = [words for words in alike.values() if len(words) > 1]
        if several:
            shown = listed((" and ".join(map(quote, words)) for words in several), 3)
            yield Finding(
                "warning",
                "spellings",
                f"column {quote(column.name)} has texts that differ only in case or spaces: "
                f"{shown}. They count as different.",
                (column.name,),
            )


def row_numbers(table: Table, wishes: Wishes) -> Iterator[Finding]:
    """Find columns that number the rows."""
    for column in table.columns:
        if column.kind != "number" or column.missing is not None or len(column) < 3:
            continue
        steps = column.data[0] in (0, 1) and (np.diff(column.data) == 1).all()
        if steps and column.name not in wishes.target and not named_as_identifier(column.name):
            yield Finding(
                "warning",
                "row numbers",
                f"column {quote(column.name)} counts the rows. If it is their number, not a "
                f"measurement: --drop {column_list([column.name])}",
                (column.name,),
            )


def outliers(table: Table) -> Iterator[Finding]:
    """Find numbers far from all others, and numbers that stand for missing values."""
    for column in table.columns:
        if column.kind != "number":
            continue
        values = column.data[column.present]
        values = values[np.isfinite(values)]
        if len(values) < _JUDGED:
            continue
        mark = _mark_of_missing(values)
        if mark is not None:
            others = values[values != mark]
            yield Finding(
                "warning",
                "outliers",
                f"column {quote(column.name)} is {show(mark)} in "
                f"{count_of(len(values) - len(others), 'row')}, far from all others "
                f"({others.min():.6g} to {others.max():.6g}). If it stands for a missing value: "
                f"--read {shell_word(f'na.{column.name}={show(mark)}')}",
                (column.name,),
            )
            continue
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
        deviation = (high - low) / 1.349  # of a normal distribution with these quartiles
        if not 0 < deviation < math.inf:
            continue
        away = np.abs(values - median) / deviation
        far = int(np.count_nonzero(away > OUTLIER))
        if far:
            yield Finding(
                "warning",
                "outliers",
                f"column {quote(column.name)} has {count_of(far, 'value')} far from the "
                f"others, the farthest {values[np.argmax(away)]:.6g} (half of them lie between "
                f"{low:.6g} and {high:.6g}). Check them, or take the logarithm.",
                (column.name,),
            )


def _mark_of_missing(values: AnyArray) -> float | None:
    """Find a lowest or highest number like -1 or 999 that occurs often, far from the others."""
    different, counts = np.unique(values, return_counts=True)
    if len(different) < 5:
        return None
    for place, rest in ((0, different[1:]), (-1, different[:-1])):
        value = float(different[place])
        gap = min(abs(value - rest[0]), abs(value - rest[-1]))
        apart = gap > _APART * (rest[-1] - rest[0])
        nines = set(show(abs(value))) == {"9"}
        if counts[place] > 2 and apart and (nines or value in (-1, 0)):
            return value
    return None


def equal_rows(table: Table) -> Iterator[Finding]:
    """Find rows that are equal in every column."""
    _, first = np.unique(row_hashes(table.columns), return_index=True)
    double = table.rows - len(first)
    if double:
        again = np.ones(table.rows, bool)
        again[first] = False
        row = int(np.flatnonzero(again)[0])
        yield Finding(
            "warning",
            "duplicate rows",
            f"{count_of(double, 'row')} of {table.rows:,} {'is' if double == 1 else 'are'} equal "
            f"to an earlier row in every column, the first in row {row + 1}.",
        )


# --- equal cells and equal rows, by hashes -----------------------------------------------


def _hashes(column: Column) -> HashArray:
    """Give equal cells equal numbers, (N,), whatever the column."""
    if column.kind == "number":
        data = column.data + 0.0  # -0 becomes 0
        data = np.where(np.isnan(data), np.nan, data)  # and every NaN the same pattern
        return data.view(np.uint64)
    if column.kind == "date":
        return column.data.view(np.uint64)
    if column.kind == "boolean":
        return (column.data.astype(np.int64) + 2 * ~column.present).view(np.uint64)
    texts = [
        hashlib.blake2b(word.encode("utf-8", "surrogatepass")).digest()[:8] for word in column.words
    ]
    # The code of a missing value, -1, takes the last one.
    return np.frombuffer(b"".join([*texts, bytes(8)]), np.uint64)[column.data]


def row_hashes(columns: Sequence[Column]) -> HashArray:
    """Give rows that are equal in some columns equal numbers, (N,), and others different ones.

    Two different rows get the same number with probability 2**-64.
    """
    total: HashArray = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            total = _mixed(total * np.uint64(0x9E3779B97F4A7C15) + _hashes(column))
    return total


def _mixed(x: HashArray) -> HashArray:
    """Spread the bits by the finaliser of splitmix64 (Steele, Lea & Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
