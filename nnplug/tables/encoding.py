"""Encoding: the columns of a table as numbers for a network, and back.

Everything that is learned from data (means, scales, categories, classes)
comes from the rows for training alone, so that no other row leaks into it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.parts import Task
from nnplug.tables.reading import Column, Table, quote, show
from nnplug.types import AnyArray, FloatArray

__all__ = ["Categories", "Encoder", "Scale"]

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_CATEGORIES = 100
"""A text column with more distinct values is left out."""

MOST_NUMBER_CLASSES = 20
"""A target of whole numbers with more distinct values is a regression."""

_LISTED = 10


@dataclass(frozen=True)
class Scale:
    """How one column of numbers or truth values is standardised.

    Attributes
    ----------
    name : str
        The column.
    kind : str
        `"number"` or `"boolean"`; a truth value counts as 0 or 1.
    mean, scale : float
        In the column's unit; `(x - mean) / scale` is what the network sees.
    """

    name: str
    kind: Literal["number", "boolean"]
    mean: float
    scale: float

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs it becomes: one."""
        return (self.name,)


@dataclass(frozen=True)
class Categories:
    """How one text column becomes an input per category, of 0 or 1.

    Attributes
    ----------
    name : str
        The column.
    categories : tuple of str
        Sorted. A text that is not among them is 0 in every input.
    """

    name: str
    categories: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs it becomes: `"island=Biscoe"`."""
        return tuple(f"{self.name}={category}" for category in self.categories)


@dataclass(frozen=True)
class Encoder:
    """What turns the rows of a table into arrays for a network.

    Made by `Encoder.fit`; two encoders with equal statistics are equal.

    Attributes
    ----------
    task : str
        `"regression"`, `"binary"` or `"multiclass"`.
    target : tuple of str
        The columns to be predicted, K of them.
    columns : tuple of Scale or Categories
        The columns to predict from, in the table's order.
    classes : tuple
        The classes as the table has them (text, truth values or numbers),
        sorted; empty for regression.
    scales : tuple of Scale
        How each target is standardised; empty for classification.
    left_out : tuple of str
        The columns that are not used, such as identifiers and dates.
    notes : tuple of str
        What was inferred, left out or is odd, each a line for the user.
    """

    task: Task
    target: tuple[str, ...]
    columns: tuple[Scale | Categories, ...]
    classes: tuple[Any, ...] = ()
    scales: tuple[Scale, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        table: Table,
        *,
        target: str | Sequence[str],
        task: Task | None = None,
        rows: AnyArray | None = None,
    ) -> Encoder:
        """Learn an encoder from the rows for training.

        Numbers and truth values are standardised to mean 0 and standard
        deviation 1 (of the population, dividing by N); a constant column
        keeps its unit. Text becomes one input per category. Left out, each
        with a note, are dates, and text with more than 100 categories or as
        many as there are rows.

        Without `task`, text and truth values are classes (two: binary), and
        so are whole numbers with at most 20 distinct values; all else, and
        several targets, are regression.

        Parameters
        ----------
        target : str or sequence of str
            The column to be predicted; several for regression.
        task : str, optional
            Instead of the inferred one.
        rows : array of int, optional
            The rows for training, counted from 0, or a mask of shape (N,);
            by default all.

        Raises
        ------
        DataError
            If a target is not there or does not fit the task, a used column
            has missing or infinite values anywhere in the table, or nothing
            is left to learn from.
        """
        targets = (target,) if isinstance(target, str) else tuple(target)
        if not targets:
            raise DataError(f"{table.source}: no target is named. Name the column to be predicted.")
        double = next((name for name in targets if targets.count(name) > 1), None)
        if double is not None:
            raise DataError(f"{table.source}: the target {quote(double)} is named twice.")
        if task is not None and task not in get_args(Task):
            raise DataError(f"task={task!r} is none of {', '.join(get_args(Task))}.")
        wanted = [table.column(name) for name in targets]
        chosen = _chosen(table, rows)
        notes: list[str] = []
        for column in wanted:
            _check_whole(table, column, "target")
        task, classes = _task(table, wanted, task, chosen, notes)
        scales: tuple[Scale, ...] = ()
        if task == "regression":
            scales = tuple(_scale(table, column, chosen, notes, "target") for column in wanted)
        columns: list[Scale | Categories] = []
        left_out: list[str] = []
        for column in table.columns:
            if column.name in targets:
                continue
            encoded, reason = _encoding(table, column, chosen, notes)
            if encoded is None:
                left_out.append(column.name)
                notes.append(f"column {quote(column.name)} is left out: {reason}")
            else:
                columns.append(encoded)
        if not columns:
            reasons = "".join(f"\n{note}" for note in notes if "left out" in note)
            raise DataError(
                f"{table.source}: no column is left to predict {quote(targets[0])} from.{reasons}"
            )
        return cls(task, targets, tuple(columns), classes, scales, tuple(left_out), tuple(notes))

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

    def inputs(self, table: Table, dtype: npt.DTypeLike = np.float64) -> FloatArray:
        """Encode the columns to predict from.

        Columns are matched by name, whatever their order; others are
        ignored. A category that was not there in training is 0 in each of
        its column's inputs: see `remarks`.

        Parameters
        ----------
        dtype : dtype
            float32 or float64; the arithmetic is in float64 all the same.

        Returns
        -------
        array of shape (N, D)
            C-contiguous; standard deviations for numbers, 0 or 1 for text.

        Raises
        ------
        DataError
            If a column is not there, is of another kind, or has missing,
            infinite or overflowing values.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise DataError(f"inputs cannot be {dtype}; they are float32 or float64.")
        inputs = np.zeros((table.rows, len(self.features)), dtype)
        start = 0
        for each in self.columns:
            column = table.column(each.name)
            _check_whole(table, column, "column")
            if isinstance(each, Scale):
                _standardised(table, column, each, out=inputs[:, start])
            else:
                codes = _codes(table, column, each)
                seen = np.flatnonzero(codes >= 0)
                inputs[seen, start + codes[seen]] = 1
            start += len(each.features)
        return inputs

    def targets(self, table: Table) -> AnyArray:
        """Encode the columns to be predicted.

        Returns
        -------
        array
            For classification the index of each row's class, int64 of shape
            (N,); for regression, in standard deviations, float64 of shape
            (N, K).

        Raises
        ------
        DataError
            As `inputs` does, and for a class that was not there in training.
        """
        wanted = [table.column(name) for name in self.target]
        for column in wanted:
            _check_whole(table, column, "target")
        if self.task != "regression":
            return _class_indices(table, wanted[0], self.classes)
        targets = np.empty((table.rows, len(wanted)))
        for k, (column, scale) in enumerate(zip(wanted, self.scales, strict=True)):
            _standardised(table, column, scale, out=targets[:, k])
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
        # (N, K) * (K,) + (K,)
        scale = np.array([each.scale for each in self.scales])
        mean = np.array([each.mean for each in self.scales])
        decoded: Float64Array = prediction * scale + mean
        return decoded

    def remarks(self, table: Table) -> tuple[str, ...]:
        """Say what `inputs` passes over in a table: unseen categories, other columns.

        Returns
        -------
        tuple of str
            Each a line for the user, with counts.
        """
        remarks = []
        for each in self.columns:
            if not isinstance(each, Categories):
                continue
            column = table.column(each.name)
            codes = _codes(table, column, each)
            unseen = codes < 0
            if unseen.any():
                names = sorted(set(column.values[unseen].tolist()))
                remarks.append(
                    f"{table.source}: column {quote(each.name)} has categories that training did "
                    f"not see, in {int(unseen.sum())} of {table.rows} rows: {_some(names)}; "
                    "they are encoded as zeros"
                )
        known = {*self.target, *self.left_out, *(each.name for each in self.columns)}
        others = [name for name in table.names if name not in known]
        if others:
            remarks.append(
                f"{table.source}: columns that training did not have are ignored: {_some(others)}"
            )
        return tuple(remarks)

    def to_dict(self) -> dict[str, Any]:
        """Write the encoder as numbers, text, lists and dicts, fit for JSON."""
        return {
            "task": self.task,
            "target": list(self.target),
            "classes": list(self.classes),
            "columns": [
                asdict(each)
                if isinstance(each, Scale)
                else {"name": each.name, "kind": "text", "categories": list(each.categories)}
                for each in self.columns
            ],
            "scales": [asdict(each) for each in self.scales],
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Encoder:
        """Read what `to_dict` wrote, trusting nothing in it.

        Raises
        ------
        DataError
            If it is not what `to_dict` writes.
        """
        _need(isinstance(state, Mapping), "it is no mapping")
        keys = {"task", "target", "classes", "columns", "scales", "left_out", "notes"}
        _need(set(state) == keys, f"its keys are not {', '.join(sorted(keys))}")
        task = state["task"]
        _need(isinstance(task, str) and task in get_args(Task), "task is none that exists")
        target = _names(state["target"], "target")
        _need(bool(target), "target is empty")
        columns = tuple(_read_column(each) for each in _list(state["columns"], "columns"))
        scales = tuple(_read_scale(each) for each in _list(state["scales"], "scales"))
        used = [*target, *(each.name for each in columns)]
        _need(len(set(used)) == len(used), "a column is listed twice")
        _need(bool(columns), "columns is empty")
        classes = tuple(_list(state["classes"], "classes"))
        if task == "regression":
            _need(not classes, "a regression has classes")
            _need(tuple(s.name for s in scales) == target, "scales do not fit target")
        else:
            _need(not scales and len(target) == 1, "a classification has scales or targets")
            fits = len(classes) == 2 if task == "binary" else len(classes) >= 2
            _need(fits, f"{len(classes)} classes do not fit the task {task}")
            _need(_is_class_list(classes), "classes are not sorted, of one kind and distinct")
        return cls(
            task,
            target,
            columns,
            classes,
            scales,
            _names(state["left_out"], "left_out"),
            _names(state["notes"], "notes", distinct=False),
        )


def _some(names: Sequence[Any]) -> str:
    """List values for a message, up to a bound and then a count."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(show, names[:_LISTED])) + more


# -------------------------------------------------------------------- fitting


def _chosen(table: Table, rows: AnyArray | None) -> IntArray | slice:
    """Bring the rows for training to indices, or a slice if they are all."""
    if rows is None:
        chosen: IntArray | slice = slice(None)
        count = table.rows
    else:
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
        chosen = array.astype(np.int64)
        count = array.size
    if count < 2:
        raise DataError(
            f"{table.source}: {'no row is' if count == 0 else 'one row is all that is'} there to "
            "learn from. Learning needs at least two."
        )
    return chosen


def _check_whole(table: Table, column: Column, role: Literal["column", "target"]) -> None:
    """Refuse missing and infinite values."""
    if column.missing is not None:
        places = np.flatnonzero(column.missing)
        way_out = (
            "Take the column out of the table or fill the values in."
            if role == "column"
            else "Take these rows out of the table or fill the values in."
        )
        raise DataError(
            f"{table.source}: {role} {quote(column.name)} has {_count(places.size)} missing, the "
            f"first in row {places[0] + 1}.\n{way_out}"
        )
    if column.kind == "number":
        finite = np.isfinite(column.values)
        if not finite.all():
            places = np.flatnonzero(~finite)
            raise DataError(
                f"{table.source}: {role} {quote(column.name)} has {_count(places.size)} infinite "
                f"or too large for a 64-bit number, the first in row {places[0] + 1}.\n"
                "Correct the values, or take the rows or the column out of the table."
            )


def _count(number: int) -> str:
    return "one value that is" if number == 1 else f"{number} values that are"


def _task(
    table: Table,
    wanted: Sequence[Column],
    task: Task | None,
    chosen: IntArray | slice,
    notes: list[str],
) -> tuple[Task, tuple[Any, ...]]:
    """Infer or check the task, and list the classes."""
    if len(wanted) > 1 and task in ("binary", "multiclass"):
        raise DataError(
            f"{table.source}: task={task} takes one target, not {len(wanted)} "
            f"({_some([column.name for column in wanted])}). Name one of them."
        )
    if len(wanted) > 1 or task == "regression":
        for column in wanted:
            _check_quantity(table, column, alone=len(wanted) == 1)
        if task is None:
            notes.append(f"{len(wanted)} targets: regression")
        return "regression", ()
    column = wanted[0]
    label = f"target {quote(column.name)}"
    if column.kind == "date":
        _check_quantity(table, column, alone=True)
    if task is None and column.kind == "number" and not column.integer:
        notes.append(f"{label} is a number: regression (--task overrides)")
        return "regression", ()
    # All rows: a rare class may fall into the validation part alone.
    distinct = _distinct(column.values)
    count = len(distinct)
    if task is None and column.kind == "number" and count > MOST_NUMBER_CLASSES:
        notes.append(f"{label} has {count} different whole numbers: regression (--task overrides)")
        return "regression", ()
    if column.kind == "number":
        _check_whole_numbers(table, column)
        distinct = [int(each) for each in distinct]
    if count == 1:
        raise DataError(
            f"{table.source}: {label} has one class only, {show(distinct[0])}. "
            "Classification needs at least two."
            + ("\nIf it is a quantity, use task=regression." if column.kind == "number" else "")
        )
    if task == "binary" and count != 2:
        raise DataError(
            f"{table.source}: {label} has {count} classes ({_some(distinct)}), and task=binary "
            "takes two.\nUse task=multiclass."
        )
    if task is None:
        task = "binary" if count == 2 else "multiclass"
        notes.append(f"{label} has {count} classes: {task} classification (--task overrides)")
    return task, tuple(distinct)


def _check_quantity(table: Table, column: Column, *, alone: bool) -> None:
    """Refuse a regression's target that is no quantity."""
    label = f"{table.source}: target {quote(column.name)}"
    if column.kind == "date":
        raise DataError(
            f"{label} holds dates, which cannot be predicted.\n"
            "Convert it to a number, such as days since a first day."
        )
    if column.kind == "text":
        raise DataError(
            f"{label} holds text such as {show(column.values[0])}, and regression predicts "
            + (
                "numbers.\nFor classes, use task=binary or task=multiclass."
                if alone
                else "numbers; several targets are regression.\nFor classes, name it alone."
            )
        )


def _check_whole_numbers(table: Table, column: Column) -> None:
    """Refuse fractions as classes."""
    fractions = np.flatnonzero(column.values != np.floor(column.values))
    if fractions.size:
        row = int(fractions[0])
        raise DataError(
            f"{table.source}: target {quote(column.name)} holds {show(column.values[row])} in row "
            f"{row + 1}, and only whole numbers can be classes.\nUse task=regression."
        )


def _distinct(values: AnyArray) -> list[Any]:
    """List the different values, sorted, as Python's own."""
    # For text a set is many times faster than np.unique, which would sort
    # every row.
    return sorted(set(values.tolist())) if values.dtype == object else np.unique(values).tolist()


def _encoding(
    table: Table, column: Column, chosen: IntArray | slice, notes: list[str]
) -> tuple[Scale | Categories | None, str]:
    """Learn how a column is encoded; without, say why it is left out."""
    if column.kind == "date":
        return None, "it holds dates"
    if column.kind != "text":
        _check_whole(table, column, "column")
        return _scale(table, column, chosen, notes, "column"), ""
    values = column.values[chosen]
    present = values if column.missing is None else values[~column.missing[chosen]]
    categories = _distinct(present)
    if len(categories) > MOST_CATEGORIES:
        return None, (
            f"it has {len(categories)} different texts, more than the {MOST_CATEGORIES} that "
            "are encoded as categories"
        )
    if categories and len(categories) == len(present):
        return None, "each row has a text of its own, as identifiers do"
    _check_whole(table, column, "column")
    if len(categories) == 1:
        notes.append(
            f"column {quote(column.name)} is constant ({show(categories[0])}); it is kept and "
            "tells nothing"
        )
    return Categories(column.name, tuple(categories)), ""


def _scale(
    table: Table,
    column: Column,
    chosen: IntArray | slice,
    notes: list[str],
    role: Literal["column", "target"],
) -> Scale:
    """Learn the mean and the standard deviation of a column."""
    kind: Literal["number", "boolean"] = "boolean" if column.kind == "boolean" else "number"
    values = column.values[chosen].astype(np.float64, copy=False)
    lowest, highest = float(values.min()), float(values.max())
    if lowest == highest:
        shown = show(bool(lowest) if kind == "boolean" else lowest)
        notes.append(
            f"{role} {quote(column.name)} is constant ({shown}) in the rows for training; it is "
            "kept, with scale 1"
        )
        return Scale(column.name, kind, lowest, 1.0)
    with np.errstate(all="ignore"):
        mean = float(values.mean())
        deviation = values - mean
        # In units of the largest deviation no square overflows or vanishes.
        largest = float(np.abs(deviation).max())
        scale = largest * math.sqrt(float(np.mean((deviation / largest) ** 2)))
    if not (math.isfinite(mean) and math.isfinite(scale)):
        raise DataError(
            f"{table.source}: {role} {quote(column.name)} has numbers from {lowest:g} to "
            f"{highest:g}, too large for a mean and a standard deviation.\n"
            "Use a larger unit, or take the column out of the table."
        )
    # Of subnormal numbers the deviation may round to zero.
    return Scale(column.name, kind, mean, scale or largest)


# ------------------------------------------------------------------- encoding


def _standardised(table: Table, column: Column, scale: Scale, *, out: AnyArray) -> None:
    """Write a column's standardised values, (N,), into a column of an array."""
    values = column.values
    if column.kind not in ("number", "boolean"):
        raise _other_kind(table, column, scale.kind)
    if scale.kind == "boolean" and column.kind == "number":
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            raise DataError(
                f"{table.source}: column {quote(column.name)} holds {show(values[wrong[0]])} in "
                f"row {wrong[0] + 1}, and was a truth value in training: true or false, 1 or 0."
            )
    with np.errstate(over="ignore", under="ignore"):
        out[:] = (values.astype(np.float64, copy=False) - scale.mean) / scale.scale
    finite = np.isfinite(out)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise DataError(
            f"{table.source}: column {quote(column.name)} holds {show(values[row])} in row "
            f"{row + 1}, which is too far from the training data's mean {scale.mean:g} for "
            f"{out.dtype}."
        )


def _other_kind(table: Table, column: Column, before: str) -> DataError:
    names = {"number": "numbers", "boolean": "truth values", "text": "text", "date": "dates"}
    way_out = (
        f"\nRead it as text: read_table(path, text=[{quote(column.name)}])."
        if before == "text" and column.kind != "date"
        else ""
    )
    return DataError(
        f"{table.source}: column {quote(column.name)} holds {names[column.kind]} such as "
        f"{show(column.values[0])}, and held {names[before]} in training.{way_out}"
    )


def _lookup(values: AnyArray, known: Iterable[Any]) -> IntArray:
    """Give the index of each text, or -1 where it is not known: (N,)."""
    find: Callable[[str, int], int] = {each: i for i, each in enumerate(known)}.get
    # map over a dict's own method runs in C, faster than a sort of the rows.
    return np.fromiter(map(find, values, itertools.repeat(-1)), np.int64, len(values))


def _codes(table: Table, column: Column, encoding: Categories) -> IntArray:
    """Give the index of each row's category, or -1 where it is unseen: (N,)."""
    if column.kind != "text":
        raise _other_kind(table, column, "text")
    return _lookup(column.values, encoding.categories)


def _class_indices(table: Table, column: Column, classes: tuple[Any, ...]) -> IntArray:
    """Give the index of each row's class: (N,)."""
    before = (
        "text"
        if isinstance(classes[0], str)
        else "boolean"
        if isinstance(classes[0], bool)
        else "number"
    )
    if (before == "text") != (column.kind == "text") or column.kind == "date":
        raise _other_kind(table, column, before)
    if before == "text":
        indices = _lookup(column.values, classes)
        unseen = indices < 0
    else:
        # False and True count as 0 and 1, in a file or after it.
        known = np.array(classes, np.float64)
        values = column.values.astype(np.float64, copy=False)
        indices = np.minimum(np.searchsorted(known, values), len(known) - 1)
        unseen = known[indices] != values
    if unseen.any():
        row = int(np.flatnonzero(unseen)[0])
        raise DataError(
            f"{table.source}: target {quote(column.name)} is {show(column.values[row])} in row "
            f"{row + 1}, which is not among the classes of the rows for training "
            f"({_some(classes)}).\nTrain on rows that hold every class."
        )
    return indices


# -------------------------------------------------------------- reading state


def _need(condition: bool, otherwise: str) -> None:
    """Refuse a saved encoder."""
    if not condition:
        raise DataError(f"this is not a saved encoder: {otherwise}.")


def _list(value: object, key: str) -> list[Any]:
    _need(isinstance(value, list), f"{key} is no list")
    assert isinstance(value, list)  # for the type checker
    return value


def _names(value: object, key: str, *, distinct: bool = True) -> tuple[str, ...]:
    every = _list(value, key)
    _need(all(isinstance(each, str) for each in every), f"{key} holds more than text")
    _need(not distinct or len(set(every)) == len(every), f"{key} holds a text twice")
    return tuple(every)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _read_scale(value: object) -> Scale:
    _need(isinstance(value, Mapping), "a scale is no mapping")
    assert isinstance(value, Mapping)  # for the type checker
    _need(set(value) == {"name", "kind", "mean", "scale"}, "a scale has other keys")
    _need(isinstance(value["name"], str), "a scale's name is no text")
    _need(value["kind"] in ("number", "boolean"), "a scale's kind is unknown")
    for key in ("mean", "scale"):
        _need(_is_number(value[key]), f"the {key} of {quote(value['name'])} is no finite number")
    _need(value["scale"] > 0, f"the scale of {quote(value['name'])} is not positive")
    return Scale(value["name"], value["kind"], float(value["mean"]), float(value["scale"]))


def _read_column(value: object) -> Scale | Categories:
    if not (isinstance(value, Mapping) and value.get("kind") == "text"):
        return _read_scale(value)
    _need(set(value) == {"name", "kind", "categories"}, "a text column has other keys")
    _need(isinstance(value["name"], str), "a column's name is no text")
    categories = _names(value["categories"], f"the categories of {quote(value['name'])}")
    _need(bool(categories), f"{quote(value['name'])} has no categories")
    _need(list(categories) == sorted(categories), f"{quote(value['name'])} is not sorted")
    return Categories(value["name"], categories)


def _is_class_list(classes: tuple[Any, ...]) -> bool:
    one_kind = (
        all(isinstance(each, str) for each in classes)
        or all(isinstance(each, bool) for each in classes)
        or all(_is_number(each) and isinstance(each, int) for each in classes)
    )
    return one_kind and all(a < b for a, b in itertools.pairwise(classes))
