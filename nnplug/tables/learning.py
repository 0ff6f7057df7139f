"""Learning: which columns of a table are inputs, and how each is encoded.

Everything that is learned from data (means, scales, categories) comes from
the rows for training alone, so that no other row leaks into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nnplug.errors import DataError, suggest
from nnplug.tables.dates import Dates
from nnplug.tables.encoded import ColumnEncoding, Encoded, is_default
from nnplug.tables.encodings import Categories, Plain, Scale
from nnplug.tables.goal import Goal, forward
from nnplug.tables.missing import infinite_error, missing_error
from nnplug.tables.notes import column_notes, left_out_notes
from nnplug.tables.parallel import parallel_map
from nnplug.tables.summary import ColumnSummary, NumberSummary
from nnplug.tables.table import BoolArray, Column, Kind, Table, as_text
from nnplug.tables.wishes import TableOptions
from nnplug.tables.wording import column_list, listed, quote, show
from nnplug.types import AnyArray

__all__ = [
    "MOST_TEXTS",
    "TOO_MANY_TEXTS",
    "Learned",
    "candidates",
    "check_enough",
    "learn_columns",
    "named_as_identifier",
    "training_mask",
]

MOST_TEXTS = 10_000
"""A column with more different texts is left out."""

TOO_MANY_TEXTS = f"it has more than {MOST_TEXTS:,} different texts"
"""The reason for that."""

_FEW_TEXTS = 20
"""So many different texts may be categories even if the name of the column says identifier."""

_FREE_TEXT_WORDS = 4.0
"""Texts with so many words on average are sentences, not categories."""

_FEW_ROWS = 8192
"""Up to so many rows, one thread sums up the columns: several cost more than they save."""

_IDENTIFIER = re.compile(
    r"(?i:(?:^|[_\-. ])(?:id|ids|uid|uuid|guid)$|^row(?:id|names|number)?$|^index$)"
    r"|(?<=[a-z])(?:Id|ID)$"
)
"""Names such as `id`, `customer_id`, `PassengerId`, `rowid`."""


def candidates(table: Table, target: Sequence[str], options: TableOptions) -> list[str]:
    """List the columns that may be inputs: all but the target, or those the user names.

    Raises
    ------
    DataError
        If a column that the user names is not there, or is the target.
    """
    for option in ("columns", "drop", "categorical", "numeric"):
        for name in getattr(options, option) or ():
            if name not in table.names:
                raise DataError(
                    f"{table.source}: --{option}: there is no column {quote(name)}."
                    f"{suggest(name, table.names)}\n"
                    f"Its columns are {listed(map(quote, table.names))}."
                )
            if name in target and option in ("columns", "drop"):
                raise DataError(f"{table.source}: --{option}: column {quote(name)} is the target.")
    if options.weights is not None:
        table.column(options.weights)
        if options.weights in target:
            raise DataError(f"{table.source}: column {quote(options.weights)} is the target.")
    return [
        name
        for name in table.names
        if name not in target
        and name not in options.drop
        and name != options.weights
        and (options.columns is None or name in options.columns)
    ]


def named_as_identifier(name: str) -> bool:
    """Tell whether a name is that of an identifier."""
    return _IDENTIFIER.search(name) is not None


def reason_to_leave_out(summary: ColumnSummary, options: TableOptions) -> str:
    """Say why a column is not an input; empty if it is one."""
    asked = summary.name in (*options.categorical, *options.numeric)
    present = summary.numbers.count or sum(summary.counts.values())
    if not present:
        return "it has no value in the rows for training"
    if summary.kind == "number":
        if named_as_identifier(summary.name) and summary.numbers.whole and not asked:
            return _identifier_unless("--numeric", summary.name)
        return ""
    if summary.kind != "text":
        return ""
    return _reason_of_text(summary, present, asked)


def value_of_all(summary: ColumnSummary) -> str:
    """Write the value that all rows for training have; empty if they differ.

    Values and missing values count as different.
    """
    numbers = summary.numbers
    if summary.training_missing or summary.infinite:  # the latter is an error of its own
        return ""
    if len(summary.counts) == 1:
        return show(next(iter(summary.counts)))
    if not numbers.count or numbers.lowest != numbers.highest:
        return ""
    if summary.kind == "date":
        return "one date"
    return show(np.bool_(numbers.lowest) if summary.kind == "boolean" else numbers.lowest)


def _reason_of_text(summary: ColumnSummary, present: int, asked: bool) -> str:
    different = len(summary.counts)
    if different > MOST_TEXTS:
        return TOO_MANY_TEXTS
    if different == present and different > 1:
        return "every row has a different text, as with identifiers"
    if asked:
        return ""
    if named_as_identifier(summary.name) and different > _FEW_TEXTS:
        return _identifier_unless("--categorical", summary.name)
    once = sum(count for count in summary.counts.values() if count == 1)
    words = sum(len(text.split()) * count for text, count in summary.counts.items()) / present
    if words >= _FREE_TEXT_WORDS and different > present / 4:
        return f"it holds free text, {words:.0f} words on average"
    if once > present / 2 and different > _FEW_TEXTS:
        return f"{once:,} of its {present:,} texts occur once, as in identifiers and free text"
    return ""


def _identifier_unless(option: str, name: str) -> str:
    return f"its name looks like an identifier ({option} {column_list([name])} keeps it)"


@dataclass(frozen=True)
class Learned:
    """What is learned from the columns of a table.

    Attributes
    ----------
    columns : tuple of Scale, Categories, Dates or Encoded
        The columns to predict from, in the table's order.
    scales : tuple of Scale
        How each target is standardised; empty for classification.
    left_out : tuple of str
        The columns that are not used, such as identifiers.
    notes : tuple of str
        What was inferred, left out or looks odd, one line for the user per note.
    """

    columns: tuple[ColumnEncoding, ...]
    scales: tuple[Scale, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def learn_columns(
    goal: Goal,
    table: Table,
    chunks: Iterable[tuple[Table, BoolArray | None]],
    options: TableOptions,
    *,
    besides: Mapping[str, str] | None = None,
    in_units: bool = False,
) -> Learned:
    """Learn how to encode the columns of a table that comes in chunks.

    Parameters
    ----------
    goal : Goal
    table : Table
        For the names and kinds of the columns; its rows are not looked at.
    chunks : iterable of (Table, array of bool or None)
        The rows, chunk by chunk, and which of them are for training; all if None.
    besides : mapping, optional
        Columns to leave out, with the reason.
    in_units : bool, optional
        Whether the targets of a regression stay in their units instead of
        being standardised.

    Raises
    ------
    DataError
        If a column cannot be encoded, or none is left to predict from.
    """
    besides = besides or {}
    wanted = candidates(table, goal.target, options)
    options.encoding.check(wanted, table.source)
    used = [*wanted, *goal.target]
    summaries = {
        column.name: _summary(column, options, is_input=column.name in wanted)
        for column in table.columns
        if column.name in used and column.name not in besides
    }
    for chunk, training in chunks:
        _summarize(summaries, chunk, training, options, goal)
    scales, target_notes = _learn_targets(goal, summaries, table.source, in_units=in_units)
    columns: list[ColumnEncoding] = []
    reasons: dict[str, str] = {}
    constant: dict[str, str] = {}
    for name in wanted:
        if reason := besides.get(name) or reason_to_leave_out(summaries[name], options):
            reasons[name] = reason
        elif value := value_of_all(summaries[name]):
            constant[name] = value
        else:
            columns.append(_encoding(summaries[name], table.source, options))
    unused = left_out_notes(reasons, constant)
    if not columns:
        first = f"{table.source}: no column is left to predict {quote(goal.target[0])} from."
        raise DataError("\n".join([first, *unused]))
    kept = {*(column.name for column in columns), *goal.target}
    return Learned(
        tuple(columns),
        scales,
        tuple(name for name in table.names if name not in kept),
        (
            *goal.notes,
            *target_notes,
            *unused,
            *column_notes(columns, summaries, options.missing),
        ),
    )


def _learn_targets(
    goal: Goal, summaries: Mapping[str, ColumnSummary], source: str, *, in_units: bool
) -> tuple[tuple[Scale, ...], list[str]]:
    """Learn how the targets of a regression are standardised, and note the constant ones."""
    scales: list[Scale] = []
    notes = []
    for name in goal.target if goal.task == "regression" else ():
        scale = Scale.learn(summaries[name], source, "target")
        scale = replace(scale, transform=goal.transform)
        scales.append(replace(scale, mean=0.0, scale=1.0) if in_units else scale)
        if value_of_all(summaries[name]):
            value = show(scale.decode(np.zeros(1)).item())
            notes.append(f"target {quote(name)}: all rows for training have {value}")
    return tuple(scales), notes


def training_mask(table: Table, rows: AnyArray | None) -> BoolArray | None:
    """Turn the rows for training into a mask (N,); None if they are all."""
    count = table.rows
    mask: BoolArray | None = None
    if rows is not None:
        array = np.asarray(rows)
        if array.dtype == bool and array.shape == (table.rows,):
            array = np.flatnonzero(array)
        if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
            raise DataError(
                f"rows has dtype {array.dtype} and shape {array.shape}; it must list rows as whole "
                f"numbers, or be a mask of shape ({table.rows},)."
            )
        wrong = array[(array < 0) | (array >= table.rows)]
        if wrong.size:
            raise DataError(
                f"{table.source}: there is no row {wrong[0]}; rows count from 0 to "
                f"{table.rows - 1}."
            )
        mask = np.zeros(table.rows, bool)
        mask[array.astype(np.int64)] = True
        count = int(np.count_nonzero(mask))
    check_enough(table.source, count)
    return mask


def check_enough(source: str, rows: int) -> None:
    """Refuse fewer rows for training than learning needs."""
    if rows < 2:
        raise DataError(
            f"{source}: there {'are no rows' if rows == 0 else 'is only one row'} to learn from. "
            "Learning needs at least two."
        )


def _kind(column: Column, options: TableOptions) -> Kind:
    return "text" if column.name in options.categorical else column.kind


def _summary(column: Column, options: TableOptions, *, is_input: bool) -> ColumnSummary:
    """Begin the summary of a column; its numbers are kept only where quantiles are needed."""
    kind = _kind(column, options)
    chosen = is_input and bool(options.encoding.of(column.name, kind))
    numbers = NumberSummary(sampled=chosen or options.missing == "median")
    return ColumnSummary(column.name, kind, numbers=numbers, written=column.written)


def _encoding(summary: ColumnSummary, source: str, options: TableOptions) -> ColumnEncoding:
    """Learn the encoding of a column: the one that is chosen, or the default."""
    plain = _plain(summary, source, options)
    chains = options.encoding.of(summary.name, summary.kind)
    return plain if is_default(plain, chains) else Encoded.learn(plain, chains, summary)


def _plain(summary: ColumnSummary, source: str, options: TableOptions) -> Plain:
    """Learn the default encoding of a column."""
    if summary.infinite:
        raise infinite_error(source, summary.name, "column", summary.infinite_row, summary.infinite)
    if summary.missing and options.missing == "refuse":
        raise missing_error(source, summary.name, "column", summary.missing_rows, summary.missing)
    if summary.kind == "date":
        return Dates.learn(summary)
    if summary.kind == "text":
        return Categories.learn(summary)
    return Scale.learn(summary, source, "column", median=options.missing == "median")


def _summarize(
    summaries: Mapping[str, ColumnSummary],
    chunk: Table,
    training: BoolArray | None,
    options: TableOptions,
    goal: Goal,
) -> None:
    """Sum up the next rows, column by column."""

    def add(column: Column) -> None:
        as_asked = as_text(column) if column.name in options.categorical else column
        if goal.transform is not None and column.name in goal.target:
            numbers = as_asked.data.astype(np.float64, copy=False)
            as_asked = replace(as_asked, data=forward(goal.transform, numbers))
        summaries[column.name].add(as_asked, training)

    columns = [column for column in chunk.columns if column.name in summaries]
    if chunk.rows > _FEW_ROWS:
        parallel_map(add, columns)
    else:
        for column in columns:
            add(column)
