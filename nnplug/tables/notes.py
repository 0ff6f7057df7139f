"""Notes: what is said about the columns in training, and in rows to predict.

A table may have a thousand columns, so a note about many of them names the
first and counts the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from nnplug.tables.encoded import ColumnEncoding, plain_of
from nnplug.tables.encodings import Categories
from nnplug.tables.goal import Goal
from nnplug.tables.missing import Missing, is_usual_mark
from nnplug.tables.numerals import unit_behind
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import Table, as_text
from nnplug.tables.wording import column_list, count_of, listed, quote, shell_word, some
from nnplug.types import AnyArray

__all__ = [
    "Remarks",
    "column_notes",
    "large_note",
    "left_out_notes",
    "marks_note",
    "skew_notes",
    "unit_note",
]

_EXACT = 2.0**53
"""Beyond this, not every whole number is a float64."""

_SHOWN = 10
"""The most columns that one kind of note names."""

SKEWED = 2.0
"""A target that is more skewed than this is noted."""

_SKEW_ROWS = 30
"""Fewer rows say little about skewness."""

_SKEW_LOOKED_AT = 100_000
"""At most so many rows are looked at, evenly spaced."""


def left_out_notes(reasons: Mapping[str, str], constant: Mapping[str, str]) -> list[str]:
    """Say which columns are not inputs, and why.

    Parameters
    ----------
    reasons : mapping
        From the column to the reason.
    constant : mapping
        From the column to the one value that it has.
    """
    names = list(reasons)
    notes = [f"column {quote(name)} is left out: {reasons[name]}" for name in names[:_SHOWN]]
    rest = names[_SHOWN:]
    if rest:
        notes.append(f"{len(rest):,} more columns are left out: {_names(map(quote, rest))}")
    if len(constant) == 1:
        ((name, value),) = constant.items()
        notes.append(f"column {quote(name)} is left out: all rows for training have {value}")
    elif constant:
        shown = _names(f"{quote(name)} ({value})" for name, value in constant.items())
        notes.append(
            f"{len(constant):,} columns are left out, each the same in all rows for training: "
            f"{shown}"
        )
    return notes


def column_notes(
    columns: Sequence[ColumnEncoding], summaries: Mapping[str, ColumnSummary], rule: Missing
) -> list[str]:
    """Say which columns have rare categories or missing values, or may have them unnoticed."""
    return [
        *_rare(columns, summaries),
        *_missing(columns, summaries, rule),
        *_marks(columns, summaries),
        *_few([unit_note(name, summary.counts) for name, summary in summaries.items()]),
        *_large(summaries),
    ]


def marks_note(name: str, counts: Mapping[str, int]) -> str:
    """Say which texts of a column look like marks of missing values; empty if none does."""
    marks = [text for text in counts if is_usual_mark(text)]
    if not marks:
        return ""
    rows = count_of(sum(counts[mark] for mark in marks), "row")
    ways = " ".join(f"--read {shell_word(f'na.{name}={mark}')}" for mark in sorted(marks))
    return (
        f"column {quote(name)}: {_names(map(quote, sorted(marks)))} in {rows} counts as a "
        f"category; if it stands for a missing value: {ways}"
    )


def unit_note(name: str, counts: Mapping[str, int]) -> str:
    """Say that the texts of a column are numbers with a unit; empty if they are not."""
    unit = unit_behind(counts) if counts else ""
    option = shell_word(f"unit.{name}={unit}")
    return (
        f"column {quote(name)} is text; without {quote(unit)} it is numbers: --read {option}"
        if unit
        else ""
    )


def large_note(name: str, lowest: float, highest: float, *, whole: bool) -> str:
    """Say that a float64 cannot tell whole numbers of a column apart; empty if it can."""
    if not whole or max(abs(lowest), abs(highest)) < _EXACT:
        return ""
    largest = max(lowest, highest, key=abs)
    return (
        f"column {quote(name)} has whole numbers such as {largest:.22g}: beyond 2^53, a 64-bit "
        "float does not tell neighbours apart. If they are codes: "
        f"--categorical {column_list([name])}"
    )


def _marks(columns: Sequence[ColumnEncoding], summaries: Mapping[str, ColumnSummary]) -> list[str]:
    named = [column.name for column in columns if isinstance(plain_of(column), Categories)]
    return _few([marks_note(name, summaries[name].counts) for name in named])


def _large(summaries: Mapping[str, ColumnSummary]) -> list[str]:
    columns = {name: found.numbers for name, found in summaries.items() if found.kind == "number"}
    return _few([
        large_note(name, numbers.lowest, numbers.highest, whole=numbers.whole)
        for name, numbers in columns.items()
        if numbers.count
    ])  # fmt: skip


def _few(notes: list[str]) -> list[str]:
    """Keep the first of many notes, without empty ones."""
    notes = [note for note in notes if note]
    rest = len(notes) - _SHOWN
    return [*notes[:_SHOWN], *([f"the same goes for {rest:,} more columns"] if rest > 0 else [])]


def _rare(columns: Sequence[ColumnEncoding], summaries: Mapping[str, ColumnSummary]) -> list[str]:
    notes, rest = [], []
    for column in map(plain_of, columns):
        if isinstance(column, Categories) and column.rare:
            counts = summaries[column.name].counts
            rows = sum(counts[text] for text in column.rare)
            notes.append(
                f"column {quote(column.name)} has {len(counts):,} categories: "
                f"{len(column.rare):,} rare ones ({count_of(rows, 'row')}) share one input"
            )
            rest.append(quote(column.name))
    if len(notes) > _SHOWN:
        more = _names(rest[_SHOWN:])
        notes[_SHOWN:] = [f"{len(notes) - _SHOWN:,} more columns have rare categories: {more}"]
    return notes


def _missing(
    columns: Sequence[ColumnEncoding], summaries: Mapping[str, ColumnSummary], rule: Missing
) -> list[str]:
    def lacking(wanted: Callable[[ColumnEncoding], bool]) -> list[str]:
        return [
            f"{quote(column.name)} ({summaries[column.name].missing:,})"
            for column in columns
            if summaries[column.name].missing and wanted(column)
        ]

    own = lacking(lambda column: isinstance(plain_of(column), Categories))
    filled = lacking(lambda column: not isinstance(plain_of(column), Categories))
    notes = []
    if filled:
        notes.append(
            f"missing values: the {rule} replaces them, and an input tells where: {_names(filled)}"
        )
    if own:
        notes.append(f"missing values are a category of their own: {_names(own)}")
    return notes


def _names(items: Iterable[str]) -> str:
    return listed(items, _SHOWN)


def skew_notes(targets: Table, goal: Goal) -> tuple[str, ...]:
    """Say which targets are better learned as logarithms, one line per target.

    They are above 0 and far more skewed than their logarithm, so that a few
    large values dominate a squared error.
    """
    if goal.task != "regression" or goal.transform is not None or targets.rows < _SKEW_ROWS:
        return ()
    notes = []
    for name in goal.target:
        column = targets.column(name)
        numbers = column.data.astype(np.float64, copy=False)
        if column.kind != "number" or not numbers.min() > 0:
            continue
        numbers = numbers[:: -(-len(numbers) // _SKEW_LOOKED_AT)]
        skewness = _skewness(numbers)
        if skewness > SKEWED and abs(_skewness(np.log(numbers))) < skewness / 3:
            notes.append(
                f"target {quote(name)} is skewed: half are below {np.median(numbers):.4g}, the "
                f"largest is {numbers.max():.4g}. If errors count by ratio: --target-transform log"
            )
    return tuple(notes)


def _skewness(numbers: AnyArray) -> float:
    """Compute the third standardised moment; 0 if the numbers are constant or too large."""
    with np.errstate(all="ignore"):
        away = numbers - numbers.mean()
        away /= away.std()
        skewness = float(np.mean(away * away * away))
    return skewness if np.isfinite(skewness) else 0.0


# --- rows to predict --------------------------------------------------------------------


class Remarks:
    """Counts unseen categories and unexpected gaps in rows that come in chunks.

    Parameters
    ----------
    columns : sequence of Scale, Categories, Dates or Encoded
        What the encoder predicts from.
    others : sequence of str
        Columns of the data that training did not have.
    """

    def __init__(self, columns: Sequence[ColumnEncoding], others: Sequence[str]) -> None:
        self.columns, self.others = columns, others
        self.rows = 0
        self.source = ""
        self._words: dict[str, set[str]] = {}
        self._unseen: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()

    def add(self, table: Table) -> None:
        """Count the next rows."""
        self.rows += table.rows
        self.source = table.source
        for encoding in map(plain_of, self.columns):
            column = table.column(encoding.name)
            if isinstance(encoding, Categories):
                column = as_text(column)
                words, count, _ = encoding.unseen(column)
                if count:
                    self._words.setdefault(encoding.name, set()).update(words)
                    self._unseen[encoding.name] += count
            if column.missing is not None and not encoding.expects_missing:
                self._missing[encoding.name] += int(np.count_nonzero(column.missing))

    def lines(self) -> tuple[str, ...]:
        """Say what was counted, in lines for the user."""
        lines = []
        for encoding in map(plain_of, self.columns):
            name = encoding.name
            label = f"{self.source}: column {quote(name)}"
            if isinstance(encoding, Categories) and name in self._unseen:
                what = "rare ones" if encoding.rare else "none of the known ones"
                lines.append(
                    f"{label} has categories that training did not see, in "
                    f"{self._unseen[name]:,} of {count_of(self.rows, 'row')}: "
                    f"{some(sorted(self._words[name]))}; they count as {what}"
                )
            if name in self._missing:
                lines.append(
                    f"{label} lacks values, in {self._missing[name]:,} of "
                    f"{count_of(self.rows, 'row')}, and lacked none in training; "
                    f"{encoding.stand_in}"
                )
        if self.others:
            lines.append(
                f"{self.source}: columns that training did not have are ignored: "
                f"{some(self.others)}"
            )
        return tuple(lines)
