"""The encoder: the columns of a table as numbers for a network, and back.

Everything that is learned from data (means, scales, categories) comes from
the rows for training alone, so that no other row leaks into it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.parts import Task
from nnplug.tables.categories import Categories
from nnplug.tables.dates import Dates
from nnplug.tables.duck import identifier
from nnplug.tables.goal import Goal, as_label, class_indices, find_goal
from nnplug.tables.missing import Missing, infinite_error, missing_error, refuse_missing
from nnplug.tables.notes import column_notes, left_out_notes
from nnplug.tables.options import ReadOptions, TableOptions
from nnplug.tables.parallel import parallel_map
from nnplug.tables.remarks import Remarks
from nnplug.tables.roles import candidates, reason_to_leave_out, value_of_all
from nnplug.tables.scale import Scale
from nnplug.tables.state import is_number, list_of, names_of, need
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import BoolArray, Column, Kind, Table, as_text
from nnplug.tables.transforms import forward, refuse_outside
from nnplug.tables.wording import count_of, quote, shell_word, show, some
from nnplug.types import AnyArray, FloatArray

__all__ = ["Encoder", "Encoding", "Unknown", "check_enough"]

Encoding = Scale | Categories | Dates
"""How one column becomes inputs."""

Unknown = Literal["bucket", "error"]
"""What is done with a category that training did not see."""

Float64Array = npt.NDArray[np.float64]
_BLOCK = 8192
"""Rows encoded at a time: their inputs stay in the cache."""


@dataclass(frozen=True, repr=False)
class Encoder:
    """What turns the rows of a table into arrays for a network.

    Made by `Encoder.fit`; two encoders with equal statistics are equal.

    Attributes
    ----------
    task : str
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`.
    target : tuple of str
        The columns to be predicted, K of them.
    columns : tuple of Scale, Categories or Dates
        The columns to predict from, in the table's order.
    classes : tuple
        The classes as the table has them (text, truth values or numbers),
        sorted; for several labels the targets' names; empty for regression.
    scales : tuple of Scale
        How each target is standardised; empty for classification.
    left_out : tuple of str
        The columns that are not used, such as identifiers.
    notes : tuple of str
        What was inferred, left out or is odd, each a line for the user.
    missing : str
        What is done where an input lacks a value.
    na, na_of : tuple
        The marks of missing values in training, as in `ReadOptions`. They mean
        the same in files with rows to predict.
    """

    task: Task
    target: tuple[str, ...]
    columns: tuple[Encoding, ...]
    classes: tuple[Any, ...] = ()
    scales: tuple[Scale, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: Missing = "mean"
    na: tuple[str, ...] = ()
    na_of: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return (
            f"<encoder of {len(self.columns):,} columns, for {', '.join(self.target)}: {self.task}>"
        )

    # --- learning -----------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        table: Table,
        *,
        target: str | Sequence[str],
        task: Task | None = None,
        rows: AnyArray | None = None,
        options: TableOptions | None = None,
    ) -> Encoder:
        """Learn an encoder from the rows for training.

        Numbers and truth values are standardised to mean 0 and standard
        deviation 1 (of the population, dividing by N). Text becomes one input
        per category. Dates become numbers: see `Dates`. Left out, with a
        note, are identifiers, free text and what is the same in all rows: from
        a constant nothing is learned, and another value in new rows would
        meet weights that were never trained.

        Parameters
        ----------
        target : str or sequence of str
            The column to be predicted, or several.
        task : str, optional
            Instead of the inferred one.
        rows : array of int, optional
            The rows for training, counted from 0, or a mask of shape (N,);
            by default all.
        options : TableOptions, optional

        Raises
        ------
        DataError
            If a target is not there or does not fit the task, a used column
            has infinite values anywhere in the table, or nothing is left to
            learn from.
        """
        options = options or TableOptions()
        goal = find_goal(table, target, task, options.target_transform)
        training = _mask(table, rows)
        return cls.learn(goal, table, [(table, training)], options)

    @classmethod
    def learn(
        cls,
        goal: Goal,
        table: Table,
        chunks: Iterable[tuple[Table, BoolArray | None]],
        options: TableOptions,
        *,
        besides: Mapping[str, str] | None = None,
        in_units: bool = False,
    ) -> Encoder:
        """Learn an encoder from a table that comes in chunks.

        Parameters
        ----------
        goal : Goal
        table : Table
            For names and kinds of the columns; its rows are not looked at.
        chunks : iterable of (Table, array of bool or None)
            The rows, chunk by chunk, and which of them are for training; all if None.
        besides : mapping, optional
            Columns that are left out, each with its reason.
        in_units : bool, optional
            Whether the targets of a regression stay in their units, and are
            not standardised.
        """
        besides = besides or {}
        wanted = candidates(table, goal.target, options)
        used = [*wanted, *goal.target]
        summaries = {
            column.name: ColumnSummary(
                column.name, _kind(column, options), column.integer, written=column.written
            )
            for column in table.columns
            if column.name in used and column.name not in besides
        }
        for chunk, chosen in chunks:
            _summarize(summaries, chunk, chosen, options, goal)
        notes = list(goal.notes)
        scales = []
        if goal.task == "regression":
            for name in goal.target:
                scale = Scale.learn(summaries[name], table.source, "target")
                scale = replace(scale, transform=goal.transform)
                scales.append(replace(scale, mean=0.0, scale=1.0) if in_units else scale)
                if value_of_all(summaries[name]):
                    value = show(scale.decode(np.zeros(1)).item())
                    notes.append(f"target {quote(name)}: all rows for training have {value}")
        columns: list[Encoding] = []
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
        kept = {each.name for each in columns}
        left_out = tuple(
            each for each in table.names if each not in kept and each not in goal.target
        )
        return cls(
            goal.task,
            goal.target,
            tuple(columns),
            goal.classes,
            tuple(scales),
            left_out,
            (*notes, *unused, *column_notes(columns, summaries, options.missing)),
            options.missing,
        )

    # --- names ----------------------------------------------------------------------------

    @property
    def features(self) -> tuple[str, ...]:
        """The name of each of the D inputs: `"age"`, `"island=Biscoe"`."""
        return tuple(itertools.chain.from_iterable(each.features for each in self.columns))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that are text, for `read_table(path, text=...)`.

        Another file's rows may look otherwise: codes of which some have
        letters are text, and a file that holds only the others has numbers.
        """
        return tuple(each.name for each in self.columns if isinstance(each, Categories))

    def read_options(self, given: ReadOptions | None = None) -> ReadOptions:
        """Say how files with rows to predict are read: each column as it was in training."""
        given = given or ReadOptions()
        texts = [*self.text_columns]
        numbers = [
            each.name for each in self.columns if isinstance(each, Scale) and each.kind == "number"
        ]
        if self.classes and isinstance(self.classes[0], str) and self.task != "multilabel":
            texts += self.target
        known = given.adding(text=texts, numeric=numbers, na=self.na, na_of=self.na_of)
        wanted = [
            each for each in (*self.columns, *self.scales) if not isinstance(each, Categories)
        ]
        columns = [
            (each.name, "date" if isinstance(each, Dates) else each.kind, each.written)
            for each in wanted
        ]
        used = (*(each.name for each in self.columns), *self.target)
        return replace(known.knowing(columns), only=used)

    # --- encoding -------------------------------------------------------------------------

    def inputs(
        self,
        table: Table,
        dtype: npt.DTypeLike = np.float64,
        *,
        unknown: Unknown = "bucket",
        out: FloatArray | None = None,
    ) -> FloatArray:
        """Encode the columns to predict from.

        Columns are matched by name, whatever their order; others are
        ignored: see `remarks`.

        Parameters
        ----------
        dtype : dtype
            float32 or float64; the arithmetic is in float64 all the same.
        unknown : str
            With `"bucket"`, a category that training did not see counts as a
            rare one; where training had none, it is 0 in each of its column's
            inputs. With `"error"` it is refused.
        out : array of shape (N, D), optional
            Where to write them.

        Returns
        -------
        array of shape (N, D)
            C-contiguous; standard deviations for numbers, 0 or 1 for text.

        Raises
        ------
        DataError
            If a column is not there, is of another kind, or has infinite or
            overflowing values, or missing ones that the rule refuses.
        """
        dtype = np.dtype(dtype if out is None else out.dtype)
        if dtype.kind != "f":
            raise DataError(f"inputs cannot be {dtype}; they are float32 or float64.")
        if unknown not in get_args(Unknown):
            raise SettingError(f"unknown={unknown!r} is none of {', '.join(get_args(Unknown))}.")
        pairs = [(each, self._column(table, each)) for each in self.columns]
        for each, column in pairs:
            each.check(column, table.source)
            if self.missing in ("refuse", "drop"):
                refuse_missing(table.source, column, "column")
            if unknown == "error" and isinstance(each, Categories):
                _refuse_unseen(table.source, each, column)
        inputs = np.empty((table.rows, len(self.features)), dtype) if out is None else out
        writers = [
            each.writer(column, table.source) if isinstance(each, Scale) else each.writer(column)
            for each, column in pairs
        ]
        ends = np.cumsum([len(each.features) for each in self.columns]).tolist()

        def write(first: int) -> None:
            rows = slice(first, min(first + _BLOCK, table.rows))
            inputs[rows] = 0  # while it is in the cache
            start = 0
            for write_column, stop in zip(writers, ends, strict=True):
                write_column(rows, inputs[rows, start:stop])
                start = stop

        parallel_map(write, range(0, table.rows, _BLOCK))
        return inputs

    @staticmethod
    def _column(table: Table, encoding: Encoding) -> Column:
        column = table.column(encoding.name)
        return as_text(column) if isinstance(encoding, Categories) else column

    def targets(self, table: Table) -> AnyArray:
        """Encode the columns to be predicted.

        Returns
        -------
        array
            For classification the index of each row's class, int64 of shape
            (N,); for several labels 0 or 1, int64 of shape (N, K); for
            regression, in standard deviations, float64 of shape (N, K).

        Raises
        ------
        DataError
            If a column is not there, is of another kind or lacks values, and
            for a class that was not there in training.
        """
        wanted = [table.column(name) for name in self.target]
        for column in wanted:
            query = f"SELECT * FROM data WHERE {identifier(column.name)} IS NOT NULL"
            way_out = f"Fill the values in, or leave these rows out: --sql {shell_word(query)}"
            refuse_missing(table.source, column, "target", way_out)
        if self.task == "multilabel":
            labels = [class_indices(table, as_label(column), (False, True)) for column in wanted]
            return np.stack(labels, axis=1)
        if self.task != "regression":
            return class_indices(table, wanted[0], self.classes)
        targets = np.zeros((table.rows, len(wanted)))
        rows = slice(0, table.rows)
        for k, (column, scale) in enumerate(zip(wanted, self.scales, strict=True)):
            scale.check(column, table.source)
            refuse_outside(table.source, column, scale.transform)
            scale.writer(column, table.source, bent=False)(rows, targets[:, k : k + 1])
        return targets

    def decode(self, prediction: AnyArray) -> Float64Array:
        """Bring predictions of a regression back to the targets' units.

        Parameters
        ----------
        prediction : array of shape (N, K)
            In standard deviations.

        Returns
        -------
        array of float64 of shape (N, K)
            In the units of the table.

        Raises
        ------
        DataError
            If the task is no regression, or the shape is another.
        """
        if self.task != "regression":
            raise DataError(f"the task is {self.task}: its predictions have no unit to go back to.")
        prediction = np.asarray(prediction, np.float64)
        if prediction.ndim != 2 or prediction.shape[1] != len(self.scales):
            raise DataError(
                f"predictions of shape {prediction.shape} do not fit {len(self.scales)} targets: "
                f"the shape must be (N, {len(self.scales)})."
            )
        decoded = [each.decode(prediction[:, k]) for k, each in enumerate(self.scales)]
        return np.stack(decoded, axis=1)

    def remarks(self, table: Table) -> tuple[str, ...]:
        """Say what `inputs` passes over in a table: unseen categories, other columns.

        Returns
        -------
        tuple of str
            Each a line for the user, with counts.
        """
        remarks = Remarks(self, table.names)
        remarks.add(table)
        return remarks.lines()

    # --- keeping --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Write the encoder as numbers, text, lists and dicts, fit for JSON."""
        return {
            "task": self.task,
            "target": list(self.target),
            "classes": list(self.classes),
            "columns": [each.to_dict() for each in self.columns],
            "scales": [each.to_dict() for each in self.scales],
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "missing": self.missing,
            "na": list(self.na),
            "na_of": [list(each) for each in self.na_of],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Encoder:
        """Read what `to_dict` wrote, trusting nothing in it.

        Raises
        ------
        DataError
            If it is not what `to_dict` writes.
        """
        need(isinstance(state, Mapping), "it is no mapping")
        keys = {each.name for each in fields(cls)}
        need(set(state) == keys, f"its keys are not {', '.join(sorted(keys))}")
        task = state["task"]
        need(isinstance(task, str) and task in get_args(Task), "task is none that exists")
        target = names_of(state["target"], "target")
        need(bool(target), "target is empty")
        columns = tuple(_read_encoding(each) for each in list_of(state["columns"], "columns"))
        scales = tuple(Scale.from_dict(each) for each in list_of(state["scales"], "scales"))
        used = [*target, *(each.name for each in columns)]
        need(len(set(used)) == len(used), "a column is listed twice")
        need(bool(columns), "columns is empty")
        missing = state["missing"]
        need(isinstance(missing, str) and missing in get_args(Missing), "missing is no rule")
        classes = tuple(list_of(state["classes"], "classes"))
        if task == "regression":
            need(not classes, "a regression has classes")
            need(tuple(s.name for s in scales) == target, "scales do not fit target")
        elif task == "multilabel":
            need(not scales and classes == target, "classes do not fit target")
        else:
            need(not scales and len(target) == 1, "a classification has scales or targets")
            fits = len(classes) == 2 if task == "binary" else len(classes) >= 2
            need(fits, f"{len(classes)} classes do not fit the task {task}")
            need(_is_class_list(classes), "classes are not sorted, of one kind and distinct")
        return cls(
            cast(Task, task),
            target,
            columns,
            classes,
            scales,
            names_of(state["left_out"], "left_out"),
            names_of(state["notes"], "notes", distinct=False),
            cast(Missing, missing),
            names_of(state["na"], "na"),
            tuple(_mark_of(each) for each in list_of(state["na_of"], "na_of")),
        )


def _mask(table: Table, rows: AnyArray | None) -> BoolArray | None:
    """Bring the rows for training to a mask, or None if they are all."""
    count = table.rows
    mask: BoolArray | None = None
    if rows is not None:
        array = np.asarray(rows)
        if array.dtype == bool and array.shape == (table.rows,):
            array = np.flatnonzero(array)
        if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
            raise DataError(
                f"rows has dtype {array.dtype} and shape {array.shape}; it lists rows as whole "
                f"numbers, or is a mask of shape ({table.rows},)."
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
    """Refuse fewer rows for training than there must be."""
    if rows < 2:
        raise DataError(
            f"{source}: {'no row is' if rows == 0 else 'one row is all that is'} there to "
            "learn from. Learning needs at least two."
        )


def _kind(column: Column, options: TableOptions) -> Kind:
    return "text" if column.name in options.categorical else column.kind


def _encoding(summary: ColumnSummary, source: str, options: TableOptions) -> Encoding:
    """Learn how a column is encoded."""
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
    chosen: BoolArray | None,
    options: TableOptions,
    goal: Goal,
) -> None:
    """Take note of the next rows, column by column."""

    def add(column: Column) -> None:
        as_asked = as_text(column) if column.name in options.categorical else column
        if goal.transform is not None and column.name in goal.target:
            numbers = as_asked.data.astype(np.float64, copy=False)
            as_asked = replace(as_asked, data=forward(goal.transform, numbers))
        summaries[column.name].add(as_asked, chosen)

    columns = [each for each in chunk.columns if each.name in summaries]
    if chunk.rows > _BLOCK:  # else threads cost more than they give
        parallel_map(add, columns)
    else:
        for each in columns:
            add(each)


def _refuse_unseen(source: str, encoding: Categories, column: Column) -> None:
    words, count, row = encoding.unseen(column)
    if count:
        raise DataError(
            f"{source}: column {quote(encoding.name)} has categories that training did not see, in "
            f"{count_of(count, 'row')}, the first in row {row + 1}: {some(words)}.\nTrain on rows "
            "that hold them, or let them count as rare ones: --unknown bucket"
        )


def _read_encoding(value: object) -> Encoding:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if kind == "text":
        return Categories.from_dict(cast("Mapping[str, Any]", value))
    if kind == "date":
        return Dates.from_dict(cast("Mapping[str, Any]", value))
    return Scale.from_dict(value)


def _mark_of(value: object) -> tuple[str, str]:
    pair = names_of(value, "a mark of na_of", distinct=False)
    need(len(pair) == 2, "a mark of na_of is no column and cell")
    return pair[0], pair[1]


def _is_class_list(classes: tuple[Any, ...]) -> bool:
    one_kind = (
        all(isinstance(each, str) for each in classes)
        or all(isinstance(each, bool) for each in classes)
        or all(is_number(each) and isinstance(each, int) for each in classes)
    )
    return one_kind and all(a < b for a, b in itertools.pairwise(classes))
