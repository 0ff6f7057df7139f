"""Preparation: from a table and what a user asks of it to an encoder and two parts of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, suggest
from nnplug.tables.encoder import Encoder
from nnplug.tables.folds import parts_of
from nnplug.tables.goal import Goal, find_goal, target_names
from nnplug.tables.learning import (
    MOST_TEXTS,
    TOO_MANY_TEXTS,
    candidates,
    check_enough,
    learn_columns,
)
from nnplug.tables.missing import is_usual_mark, refuse_infinite, refuse_missing
from nnplug.tables.notes import skew_notes
from nnplug.tables.options import ReadOptions
from nnplug.tables.reading import read_table, taking
from nnplug.tables.relation import Relation
from nnplug.tables.splitting import Parts, Split
from nnplug.tables.table import KIND_NAMES, BoolArray, Column, Table, Tabular, make_column, stack
from nnplug.tables.wishes import TableOptions, Wishes
from nnplug.tables.wording import column_list, count_of, quote, shell_word, show, some
from nnplug.types import AnyArray

__all__ = [
    "CHUNK",
    "Prepared",
    "learn_encoder",
    "prepare_table",
    "texts_of_many_kinds",
    "weights_of",
    "with_file",
]

CHUNK = 131_072
"""Rows of a relation that are fetched at a time."""


@dataclass(frozen=True)
class Prepared:
    """What was learned from a table, and which of its rows are used for what.

    Attributes
    ----------
    encoder : Encoder
    kept : array of bool of shape (N,), or None
        The rows that are used; all if None.
    parts : Parts
        Row numbers, counted among the rows that are used.
    split : Split
    weights : array of shape (n,), or None
        The weights of the rows that are used.
    notes : tuple of str
        Lines for the user, those of the encoder included.
    """

    encoder: Encoder
    kept: BoolArray | None
    parts: Parts
    split: Split
    weights: npt.NDArray[np.float64] | None
    notes: tuple[str, ...]

    def used(self, table: Table) -> Table:
        """Take the rows that are used."""
        return table if self.kept is None else table.take(np.flatnonzero(self.kept))


def with_file(table: Table, path: str, read: ReadOptions) -> tuple[Table, BoolArray]:
    """Append the rows of another file; return the table and which rows those are, (N,)."""
    # Dates and numbers are read as in the first file, since the second may not show the format.
    known = read.knowing((column.name, column.kind, column.written) for column in table.columns)
    other = read_table(path, taking(path, known))
    held = np.arange(table.rows + other.rows) >= table.rows
    return _join(table, other), held


def _join(first: Table, second: Table) -> Table:
    """Append the rows of a second table to those of a first, columns matched by name.

    Raises
    ------
    DataError
        If one has a column that the other lacks, or of another kind.
    """
    matched = []
    for column in first.columns:
        if column.name not in second.names:
            raise DataError(
                f"{second.source}: there is no column {quote(column.name)}, which "
                f"{first.source} has.{suggest(column.name, second.names)}"
            )
        matched.append(_alike(first, column, second, second.column(column.name)))
    for name in second.names:
        if name not in first.names:
            raise DataError(
                f"{second.source}: column {quote(name)} is not in {first.source}."
                f"{suggest(name, first.names)}"
            )
    ours, theirs = zip(*matched, strict=True)
    return stack([replace(first, columns=ours), replace(second, columns=theirs)])


def _alike(first: Table, one: Column, second: Table, two: Column) -> tuple[Column, Column]:
    """Bring two columns to one kind; a column without values takes the kind of the other."""
    if two.kind != one.kind and not two.present.any():
        two = _blank(one, len(two))
    if two.kind != one.kind and not one.present.any():
        one = _blank(two, len(one))
    if two.kind != one.kind:
        raise DataError(
            f"{second.source}: column {quote(two.name)} holds {KIND_NAMES[two.kind]}, "
            f"and {KIND_NAMES[one.kind]} in {first.source}."
        )
    return one, two


def _blank(like: Column, rows: int) -> Column:
    dtype = {"number": "f8", "boolean": "?", "text": "O", "date": "M8[us]"}[like.kind]
    values: AnyArray = np.full(rows, "" if like.kind == "text" else 0, dtype)
    return make_column(like.name, like.kind, values, np.ones(rows, bool), integer=like.integer)


def prepare_table(table: Tabular, wishes: Wishes, held_out: BoolArray | None = None) -> Prepared:
    """Learn an encoder from the rows for training.

    Parameters
    ----------
    held_out : array of bool of shape (N,), optional
        The rows for validation, if they come from another file.

    Raises
    ------
    DataError, SettingError
        If the table and the wishes do not go together.
    """
    options = wishes.options
    targets = target_names(wishes.target, table.source, table.names)
    for name in targets:
        table.schema.column(name)
    kept = np.ones(table.rows, bool)
    notes: tuple[str, ...] = ()
    if options.drop_missing_targets:
        kept = _complete(table, targets)
        notes += _dropped(~kept, "lack the target")
    encoder, parts, split, inferred = _learn(table, wishes, held_out, kept)
    if options.missing == "drop":
        complete = kept & _complete(table, encoder.used)
        if not np.array_equal(complete, kept):
            notes += _dropped(kept & ~complete, "lack a value of an input")
            kept = complete
            encoder, parts, split, inferred = _learn(table, wishes, held_out, kept)
    weights = None
    if options.weights is not None:
        weights = weights_of(_only(table.fetch([options.weights]), kept), options.weights)
    return Prepared(
        encoder,
        None if kept.all() else kept,
        parts,
        split,
        weights,
        (*inferred, *encoder.notes, *notes, *parts.notes),
    )


def _learn(
    table: Tabular, wishes: Wishes, held_out: BoolArray | None, kept: BoolArray
) -> tuple[Encoder, Parts, Split, tuple[str, ...]]:
    options = wishes.options
    targets = target_names(wishes.target, table.source, table.names)
    # The columns that are needed whole: the targets, and the one that the split goes by.
    named = () if wishes.split is None or wishes.split.column is None else (wishes.split.column,)
    for name in named:
        table.schema.column(name)
    besides = {} if wishes.split is None else wishes.split.left_out
    besides |= texts_of_many_kinds(table, targets, options)
    first = _only(table.fetch([*targets, *named]), kept)
    if not first.rows:
        raise DataError(f"{table.source}: no row is left to learn from.")
    marked = _marks_of_targets(first, targets, options)
    transform = options.target_transform
    if transform == "auto" and wishes.in_units:
        transform = None  # such a loss is of the numbers themselves
    goal = find_goal(first, targets, wishes.task, transform)
    split = wishes.way(goal.task)
    if held_out is not None:
        late = held_out[kept]
        parts = Parts(np.flatnonzero(~late), np.flatnonzero(late))
    else:
        assert split.way != "file"  # its rows are appended: see with_file
        classes = None
        if goal.task in ("binary", "multiclass"):
            column = first.column(targets[0])
            classes = np.unique(column.data, return_inverse=True)[1]
        parts = parts_of(
            first,
            split,
            share=wishes.validation,
            members=wishes.members,
            seed=wishes.seed,
            classes=classes,
            shared=wishes.shared,
        )
    training = np.zeros(table.rows, bool)
    training[np.flatnonzero(kept)[parts.training]] = True
    encoder = learn_encoder(table, wishes, goal, training, kept=kept, besides=besides)
    odd = () if wishes.in_units else skew_notes(first, goal)
    return encoder, parts, split, (*goal.notes, *marked, *odd)


def learn_encoder(
    table: Tabular,
    wishes: Wishes,
    goal: Goal,
    training: BoolArray,
    *,
    kept: BoolArray | None = None,
    besides: Mapping[str, str],
) -> Encoder:
    """Learn how the columns of a table become numbers, chunk by chunk.

    Parameters
    ----------
    training : array of bool of shape (N,)
        The rows to learn from.
    kept : array of bool of shape (N,), optional
        The rows that are used; all if None.
    besides : mapping
        Columns to leave out, with the reason.
    """
    check_enough(table.source, int(np.count_nonzero(training)))
    options = wishes.options
    names = [*candidates(table.schema, goal.target, options), *goal.target]
    names = [name for name in names if name not in besides]
    # Rows in memory are one chunk: means over several chunks differ in the last digit.
    size = table.rows if isinstance(table, Table) else CHUNK

    def chunks() -> Iterator[tuple[Table, BoolArray]]:
        for start, chunk in zip(range(0, table.rows, size), table.chunks(names, size), strict=True):
            here = slice(start, start + size)
            if kept is None:
                yield chunk, training[here]
            else:
                yield _only(chunk, kept[here]), training[here][kept[here]]

    learned = learn_columns(
        goal, table.schema, chunks(), options, besides=besides, in_units=wishes.in_units
    )
    encoder = Encoder.of(goal, learned, options)
    # What was inferred is not kept: the model must be the same if the user states it.
    return replace(encoder, notes=encoder.notes[len(goal.notes) :])


def _marks_of_targets(
    table: Table, targets: Sequence[str], options: TableOptions
) -> tuple[str, ...]:
    """Note which classes look like marks of missing values.

    Raises
    ------
    DataError
        If rows without a target are to be dropped: then the mark is probably one.
    """
    notes: tuple[str, ...] = ()
    for column in (table.column(name) for name in targets if name not in options.categorical):
        marks = [word for word in column.words if is_usual_mark(word)]
        places = [column.words.index(mark) for mark in marks]
        rows = int(np.isin(column.data, places).sum()) if marks else 0
        if not rows:
            continue
        ways = " ".join(f"--read {shell_word(f'na.{column.name}={mark}')}" for mark in marks)
        held = f"target {quote(column.name)} holds {some(marks)} in {count_of(rows, 'row')}"
        if options.drop_missing_targets:
            raise DataError(
                f"{table.source}: {held}, which often stands for a missing value.\nIf so here: "
                f"{ways}\nIf it is a class: --categorical {column_list([column.name])}"
            )
        notes += (
            f"{held}, as a class; if it stands for a missing value: {ways} --drop-missing-targets",
        )
    return notes


def texts_of_many_kinds(
    table: Tabular, targets: Sequence[str], options: TableOptions
) -> dict[str, str]:
    """Find text columns of a relation with too many different texts; they are never fetched."""
    if not isinstance(table, Relation):
        return {}
    return {
        name: TOO_MANY_TEXTS
        for name in candidates(table.schema, targets, options)
        if table.schema.column(name).kind == "text"
        and table.distinct(name, MOST_TEXTS + 1) > MOST_TEXTS
    }


def _only(table: Table, kept: BoolArray) -> Table:
    return table if kept.all() else table.take(np.flatnonzero(kept))


def _complete(table: Tabular, names: Sequence[str]) -> BoolArray:
    """Tell which rows have a value in all of some columns, (N,)."""
    complete = np.ones(table.rows, bool)
    for name in names:  # one by one, since together they may not fit in memory
        complete &= table.fetch([name]).column(name).present
    return complete


def _dropped(dropped: BoolArray, why: str) -> tuple[str, ...]:
    count = int(np.count_nonzero(dropped))
    if not count:
        return ()
    verb = why if count > 1 else why.replace("lack", "lacks")
    are = "is" if count == 1 else "are"
    return (f"{count_of(count, 'row')} of {len(dropped):,} {verb} and {are} left out",)


def weights_of(table: Table, name: str) -> npt.NDArray[np.float64]:
    """Take a column as the weights of the rows, (N,)."""
    column = table.column(name)
    refuse_missing(table.source, column, "weights")
    refuse_infinite(table.source, column, "weights")
    label = f"{table.source}: weights {quote(name)}"
    if column.kind not in ("number", "boolean"):
        raise DataError(
            f"{label}: the column holds {KIND_NAMES[column.kind]}; weights are numbers."
        )
    weights = column.data.astype(np.float64)
    negative = np.flatnonzero(weights < 0)
    if negative.size:
        row = int(negative[0])
        raise DataError(
            f"{label}: row {row + 1} weighs {show(weights[row])}; weights are at least 0."
        )
    if not weights.any():
        raise DataError(f"{label}: all are 0.")
    return weights
