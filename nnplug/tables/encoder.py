"""The encoder: the columns of a table as numbers for a network, and back."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.parts import Encoding as EncodingPart
from nnplug.parts import Task
from nnplug.tables.duck import identifier
from nnplug.tables.encoded import (
    ColumnEncoding,
    Encoded,
    column_of,
    columns_to_dicts,
    formulas_of,
    read_encoding,
)
from nnplug.tables.encodings import Categories, Scale
from nnplug.tables.goal import (
    Goal,
    Label,
    as_label,
    check_classes,
    class_indices,
    find_goal,
    refuse_outside,
)
from nnplug.tables.learning import Learned, learn_columns, training_mask
from nnplug.tables.missing import Missing, refuse_missing
from nnplug.tables.notes import Remarks
from nnplug.tables.options import ReadOptions
from nnplug.tables.parallel import parallel_map
from nnplug.tables.table import Table
from nnplug.tables.wishes import TableOptions
from nnplug.tables.wording import shell_word
from nnplug.types import AnyArray, FloatArray
from nnplug.untrusted import need, take_list, take_mapping, take_names

__all__ = ["Encoder", "Unknown"]

Unknown = Literal["bucket", "error"]
"""What is done with a category that training did not see."""

Float64Array = npt.NDArray[np.float64]
_BLOCK = 8192  # rows encoded at a time, so that their inputs stay in the cache


@dataclass(frozen=True, repr=False)
class Encoder:
    """Turns the rows of a table into arrays for a network.

    `Encoder.fit` makes one. Two encoders with equal statistics are equal.

    Attributes
    ----------
    task : str
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`.
    target : tuple of str
        The K columns to predict.
    columns : tuple of Scale, Categories, Dates or Encoded
        The columns to predict from, in the table's order.
    classes : tuple
        The classes as the table has them (text, truth values or numbers),
        sorted; for several labels the names of the targets; empty for regression.
    scales : tuple of Scale
        How each target is standardised; empty for classification.
    left_out : tuple of str
        The columns that are not used, such as identifiers.
    notes : tuple of str
        What was inferred, left out or looks odd, one line for the user per note.
    missing : str
        What is done about missing values of inputs.
    na, na_of : tuple
        The marks of missing values in training, as in `ReadOptions`. They
        apply to files with rows to predict as well.
    """

    task: Task
    target: tuple[str, ...]
    columns: tuple[ColumnEncoding, ...]
    classes: tuple[Label, ...] = ()
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
        per category. Dates become numbers: see `Dates`. Identifiers, free text and
        constant columns are left out, with a note: nothing is learned from a
        constant, and another value in new rows would meet weights that were
        never trained.

        Parameters
        ----------
        target : str or sequence of str
            The column to predict, or several.
        task : str, optional
            By default it is inferred from the target.
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
        training = training_mask(table, rows)
        return cls.of(goal, learn_columns(goal, table, [(table, training)], options), options)

    @classmethod
    def of(cls, goal: Goal, learned: Learned, options: TableOptions) -> Encoder:
        """Make an encoder from what was learned."""
        return cls(
            goal.task,
            goal.target,
            learned.columns,
            goal.classes,
            learned.scales,
            learned.left_out,
            learned.notes,
            options.missing,
        )

    # --- names ----------------------------------------------------------------------------

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the D inputs: `"age"`, `"island=Biscoe"`."""
        return tuple(itertools.chain.from_iterable(column.features for column in self.columns))

    @property
    def parts(self) -> tuple[EncodingPart, ...]:
        """The formulas that encode its columns, each once, in the order of their use."""
        return formulas_of(self.columns)

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the columns to predict from."""
        return tuple(column.name for column in self.columns)

    def read_options(self, given: ReadOptions | None = None) -> ReadOptions:
        """Make the options to read rows to predict with: every column as it was in training.

        Left to itself, a file may be read otherwise: codes are text if some
        have letters, and numbers in a file that happens to hold only the others.
        """
        given = given or ReadOptions()
        by_kind = {
            kind: tuple(column.name for column in self.columns if column.kind == kind)
            for kind in ("text", "number")
        }
        texts = by_kind["text"]
        if self.classes and isinstance(self.classes[0], str) and self.task != "multilabel":
            texts += self.target
        known = given.adding(text=texts, numeric=by_kind["number"], na=self.na, na_of=self.na_of)
        written = [
            (column.name, column.kind, column.written)
            for column in (*self.columns, *self.scales)
            if column.kind != "text"
        ]
        return replace(known.knowing(written), only=(*self.used, *self.target))

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

        Columns are matched by name, in any order. Other columns are ignored:
        see `remarks`.

        Parameters
        ----------
        dtype : dtype
            float32 or float64; computed in float64 either way.
        unknown : str
            With `"bucket"`, a category that training did not see counts as a
            rare one; if training had none, all inputs of its column are 0.
            With `"error"` it is refused.
        out : array of shape (N, D), optional
            Array to write them to.

        Returns
        -------
        array of shape (N, D)
            C-contiguous; numbers in standard deviations, text as 0 or 1.

        Raises
        ------
        DataError
            If a column is not there, is of another kind, has infinite or
            overflowing values, or lacks values and the rule refuses that.
        """
        dtype = np.dtype(dtype if out is None else out.dtype)
        if dtype.kind != "f":
            raise DataError(f"dtype={dtype}: inputs are float32 or float64.")
        if unknown not in get_args(Unknown):
            raise SettingError(f"unknown={unknown!r} is none of {', '.join(get_args(Unknown))}.")
        pairs = [(encoding, column_of(table, encoding)) for encoding in self.columns]
        for encoding, column in pairs:
            encoding.check(column, table.source)
            if self.missing in ("refuse", "drop"):
                refuse_missing(table.source, column, "column")
            if unknown == "error" and isinstance(encoding, Categories | Encoded):
                encoding.refuse_unseen(column, table.source)
        inputs = np.empty((table.rows, len(self.features)), dtype) if out is None else out
        writers = [encoding.writer(column, table.source) for encoding, column in pairs]
        ends = np.cumsum([len(encoding.features) for encoding in self.columns]).tolist()

        def write(first: int) -> None:
            rows = slice(first, min(first + _BLOCK, table.rows))
            inputs[rows] = 0  # while it is in the cache
            start = 0
            for write_column, stop in zip(writers, ends, strict=True):
                write_column(rows, inputs[rows, start:stop])
                start = stop

        parallel_map(write, range(0, table.rows, _BLOCK))
        return inputs

    def targets(self, table: Table) -> AnyArray:
        """Encode the columns to predict.

        Returns
        -------
        array
            For classification the index of each row's class, int64 of shape
            (N,); for several labels 0 or 1, int64 of shape (N, K); for
            regression, in standard deviations, float64 of shape (N, K).

        Raises
        ------
        DataError
            If a column is not there, is of another kind or lacks values, or has
            a class that was not there in training.
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
        """Convert predictions of a regression back to the units of the targets.

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
            If the task is not a regression, or the shape is another.
        """
        if self.task != "regression":
            raise DataError(f"the task is {self.task}: its predictions have no unit to return to.")
        prediction = np.asarray(prediction, np.float64)
        if prediction.ndim != 2 or prediction.shape[1] != len(self.scales):
            raise DataError(
                f"predictions have shape {prediction.shape}; it must be (N, {len(self.scales)}), "
                f"for {len(self.scales)} targets."
            )
        decoded = [scale.decode(prediction[:, k]) for k, scale in enumerate(self.scales)]
        return np.stack(decoded, axis=1)

    def remarks(self, names: Sequence[str], besides: Collection[str] = ()) -> Remarks:
        """Make a counter of what `inputs` ignores in rows with these columns.

        Parameters
        ----------
        names : sequence of str
            All columns of the data.
        besides : collection of str, optional
            Columns that are used for something else, such as identifiers.
        """
        known = {*self.target, *self.left_out, *self.used, *besides}
        return Remarks(self.columns, [name for name in names if name not in known])

    # --- keeping --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain values for JSON; formulas are places in `parts`."""
        return {
            "task": self.task,
            "target": list(self.target),
            "classes": list(self.classes),
            "columns": columns_to_dicts(self.columns),
            "scales": [scale.to_dict() for scale in self.scales],
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "missing": self.missing,
            "na": list(self.na),
            "na_of": [list(pair) for pair in self.na_of],
        }

    @classmethod
    def from_dict(cls, value: object, parts: Sequence[EncodingPart] = ()) -> Encoder:
        """Make an encoder from what `to_dict` returned; every value is checked.

        `parts` are what the property returned.

        Raises
        ------
        ModelFileError
            If it is not what `to_dict` returns.
        """
        keys = {field.name for field in fields(cls)}
        state = take_mapping(value, keys, "its encoder")
        task = state["task"]
        need(isinstance(task, str) and task in get_args(Task), "the task of its encoder is unknown")
        target = take_names(state["target"], "the targets of its encoder")
        need(bool(target), "its encoder has no target")
        listed = take_list(state["columns"], "the columns")
        columns = tuple(read_encoding(column, parts) for column in listed)
        scales = tuple(map(Scale.from_dict, take_list(state["scales"], "the scales")))
        used = [*target, *(column.name for column in columns)]
        need(len(set(used)) == len(used), "a column is listed twice")
        need(bool(columns), "its encoder has no columns")
        missing = state["missing"]
        known = isinstance(missing, str) and missing in get_args(Missing)
        need(known, "the rule for missing values is unknown")
        classes = tuple(take_list(state["classes"], "the classes"))
        check_classes(cast(Task, task), target, classes, tuple(scale.name for scale in scales))
        return cls(
            cast(Task, task),
            target,
            columns,
            classes,
            scales,
            take_names(state["left_out"], "the columns left out"),
            take_names(state["notes"], "the notes", distinct=False),
            cast(Missing, missing),
            take_names(state["na"], "the marks of missing values"),
            tuple(map(_read_mark, take_list(state["na_of"], "the marks of columns"))),
        )


def _read_mark(value: object) -> tuple[str, str]:
    pair = take_names(value, "the column and the cell of a mark", distinct=False)
    need(len(pair) == 2, "a mark of a column is not a column and a cell")
    return pair[0], pair[1]
