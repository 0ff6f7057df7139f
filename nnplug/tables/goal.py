"""Goals: what is predicted of a table, and as what."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError, suggest
from nnplug.parts import Task
from nnplug.tables.missing import refuse_infinite, refuse_missing
from nnplug.tables.table import Column, Table, kind_error, make_column
from nnplug.tables.transforms import AskedTransform, Transform, less_skewed_as_log, refuse_outside
from nnplug.tables.wording import quote, show, some
from nnplug.types import AnyArray
from nnplug.untrusted import is_number, need

__all__ = [
    "MOST_NUMBER_CLASSES",
    "Goal",
    "Label",
    "as_label",
    "check_classes",
    "class_indices",
    "find_goal",
    "target_names",
]

Float64Array = npt.NDArray[np.float64]

Label = str | bool | int | float
"""A class, as a table has it."""

_ANSWERS = {"yes": True, "no": False, "y": True, "n": False, "true": True, "false": False}

MOST_NUMBER_CLASSES = 20
"""A target of whole numbers with more different values is a regression."""


@dataclass(frozen=True)
class Goal:
    """What is predicted.

    Attributes
    ----------
    task : str
    target : tuple of str
        The columns, K of them.
    classes : tuple
        As the table has them (text, truth values or numbers), sorted; for
        several labels the names of the targets; empty for a regression.
    notes : tuple of str
        What was inferred.
    transform : str, optional
        What is learned instead of the numbers of a regression themselves.
    """

    task: Task
    target: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    transform: Transform | None = None


def target_names(
    target: str | Sequence[str], source: str, columns: Sequence[str]
) -> tuple[str, ...]:
    """Split the names of targets: `a,b` are two, unless a column has that name.

    Raises
    ------
    DataError
        If no target is named, or one is named twice.
    """
    given = (target,) if isinstance(target, str) else tuple(target)
    targets: tuple[str, ...] = ()
    for name in given:
        parts = name.split(",")
        targets += tuple(parts) if name not in columns and {*parts} <= {*columns} else (name,)
    if not targets:
        raise DataError(f"{source}: no target is named. Name the column to be predicted.")
    double = next((name for name in targets if targets.count(name) > 1), None)
    if double is not None:
        raise DataError(f"{source}: the target {quote(double)} is named twice.")
    return targets


def find_goal(
    table: Table,
    target: str | Sequence[str],
    task: Task | None = None,
    transform: AskedTransform | None = None,
) -> Goal:
    """Infer or check the task by all rows, and list the classes.

    Without `task`, text and truth values are classes (two: binary), and so
    are whole numbers with at most 20 different values. Several targets of
    truth values, or of 0 and 1, are labels. Everything else is regression,
    and so is a target with a transform.

    Raises
    ------
    DataError
        If a target is not there, lacks values or does not fit the task or the
        transform.
    SettingError
        If the task does not exist, or does not go with a transform.
    """
    if transform is None:
        return _find_goal(table, target, task)
    if transform == "auto":
        goal = _find_goal(table, target, task)
        if goal.task != "regression" or not less_skewed_as_log(table, goal.target):
            return goal
        names = ", ".join(map(quote, goal.target))
        note = (
            f"target {names}: its logarithm is less skewed and is learned; predictions and metrics "
            "are in its own unit (--target-transform none)"
        )
        return replace(goal, notes=(*goal.notes, note), transform="log")
    if task not in (None, "regression"):
        raise SettingError(
            f"target_transform={transform!r}: task={task} predicts classes, and only numbers can "
            "be transformed.\nLeave one of the two out."
        )
    for name in target_names(target, table.source, table.names):
        column = table.column(name)
        if column.kind not in ("number", "boolean"):
            raise SettingError(
                f"target_transform={transform!r}: target {quote(name)} of {table.source} holds "
                f"{'text' if column.kind == 'text' else 'dates'}.\nOnly numbers can be "
                "transformed: leave target_transform (--target-transform) out."
            )
    goal = _find_goal(table, target, "regression")
    for name in goal.target:
        refuse_outside(table.source, table.column(name), transform)
    what = {"log": "its logarithm", "asinh": "its inverse hyperbolic sine"}[transform]
    names = ", ".join(map(quote, goal.target))
    note = f"target {names}: regression of {what}; predictions and metrics are in its own unit"
    return replace(goal, notes=(note,), transform=transform)


def _find_goal(table: Table, target: str | Sequence[str], task: Task | None) -> Goal:
    targets = target_names(target, table.source, table.names)
    if task is not None and task not in get_args(Task):
        raise SettingError(
            f"task={task!r} is none of {', '.join(get_args(Task))}."
            f"{suggest(str(task), get_args(Task))}"
        )
    wanted = [table.column(name) for name in targets]
    if len(wanted) > 1 or task == "multilabel":
        wanted = list(map(as_label, wanted))
    for column in wanted:
        refuse_missing(table.source, column, "target")
        refuse_infinite(table.source, column, "target")
    if len(wanted) > 1 and task in ("binary", "multiclass"):
        raise DataError(
            f"{table.source}: task={task} takes one target, not {len(wanted)} "
            f"({some(targets)}). Name one of them, or use task=multilabel."
        )
    if task == "multilabel" or (task is None and len(wanted) > 1 and all(map(_is_label, wanted))):
        notes = (
            f"{len(wanted)} targets of yes or no: multilabel classification (--task overrides)",
        )
        for column in wanted:
            _check_label(table, column)
        return Goal("multilabel", targets, targets, notes if task is None else ())
    if len(wanted) > 1 or task == "regression":
        for column in wanted:
            _check_quantity(table, column, alone=len(wanted) == 1)
        notes = (f"{len(wanted)} targets: regression",)
        return Goal("regression", targets, (), notes if task is None else ())
    return _one_target(table, wanted[0], task)


def _one_target(table: Table, column: Column, task: Task | None) -> Goal:
    """Decide whether a single target holds classes or quantities."""
    label = f"target {quote(column.name)}"
    target = (column.name,)
    if column.kind == "date":
        _check_quantity(table, column, alone=True)
    if task is None and column.kind == "number" and not column.integer:
        note = f"{label} is a number: regression (--task overrides)"
        return Goal("regression", target, (), (note,))
    distinct = _distinct(column)
    count = len(distinct)
    if task is None and column.kind == "number" and count > MOST_NUMBER_CLASSES:
        note = f"{label} has {count} different whole numbers: regression (--task overrides)"
        return Goal("regression", target, (), (note,))
    if column.kind == "number":
        _check_whole_numbers(table, column)
        distinct = list(map(int, distinct))
    if count == 1:
        raise DataError(
            f"{table.source}: {label} has one class only, {show(distinct[0])}. "
            "Classification needs at least two."
            + ("\nIf it is a quantity, use task=regression." if column.kind == "number" else "")
        )
    if task == "binary" and count != 2:
        raise DataError(
            f"{table.source}: {label} has {count} classes ({some(distinct)}), and task=binary "
            "takes two.\nUse task=multiclass."
        )
    notes: tuple[str, ...] = ()
    if task is None:
        task = "binary" if count == 2 else "multiclass"
        notes = (f"{label} has {count} classes: {task} classification (--task overrides)",)
    return Goal(task, target, tuple(distinct), notes)


def _distinct(column: Column) -> list[Label]:
    """List the different values, sorted, as Python objects."""
    if column.kind == "text":
        there = np.bincount(column.data, minlength=len(column.words))
        return [word for word, count in zip(column.words, there, strict=True) if count]
    return list(np.unique(column.data).tolist())


def as_label(column: Column) -> Column:
    """Turn a column of yes and no into truth values; any other stays as it is."""
    if column.kind != "text":
        return column
    answers = [_ANSWERS.get(word.casefold()) for word in column.words]
    there = np.bincount(column.data[column.present], minlength=len(answers))
    if any(answer is None for answer, count in zip(answers, there, strict=True) if count):
        return column
    truths = np.array([*map(bool, answers), False])[column.data]  # code -1 picks the last
    return make_column(column.name, "boolean", truths, column.missing)


def _is_label(column: Column) -> bool:
    """Tell whether a column holds truth values, or whole numbers that are all 0 or 1."""
    if column.kind == "boolean":
        return True
    return column.kind == "number" and column.integer and bool(np.isin(column.data, (0, 1)).all())


def _check_label(table: Table, column: Column) -> None:
    """Refuse a label with values other than yes and no."""
    if column.kind == "boolean":
        return
    if column.kind == "number":
        wrong = np.flatnonzero(~np.isin(column.data, (0, 1)))
        if not wrong.size:
            return
        row = int(wrong[0])
        holds = f"{show(column.data[row])} in row {row + 1}"
    else:
        holds = f"{show(column.values[0])} in row 1"
    raise DataError(
        f"{table.source}: target {quote(column.name)} holds {holds}, and each target of "
        "task=multilabel is true or false, yes or no, 1 or 0."
    )


def _check_quantity(table: Table, column: Column, *, alone: bool) -> None:
    """Refuse a target of a regression that is not a quantity."""
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
    fractions = np.flatnonzero(column.data != np.floor(column.data))
    if fractions.size:
        row = int(fractions[0])
        raise DataError(
            f"{table.source}: target {quote(column.name)} holds {show(column.data[row])} in row "
            f"{row + 1}, and only whole numbers can be classes.\nUse task=regression."
        )


def class_indices(
    table: Table, column: Column, classes: tuple[Label, ...]
) -> npt.NDArray[np.int64]:
    """Find the index of the class of each row, (N,).

    Raises
    ------
    DataError
        If the column is of another kind, or holds another class.
    """
    before = {str: "text", bool: "boolean"}.get(type(classes[0]), "number")
    if (before == "text") != (column.kind == "text") or column.kind == "date":
        raise kind_error(table.source, column, before)  # type: ignore[arg-type]  # the dict's values are kinds
    if before == "text":
        place = {word: i for i, word in enumerate(classes)}
        places = np.array([place.get(word, -1) for word in column.words], np.int64)
        indices: AnyArray = places[column.data]
        unseen = indices < 0
    else:
        # False and True are equal to 0 and 1, whether in the table or among the classes.
        known = np.array(classes, np.float64)
        values = column.data.astype(np.float64, copy=False)
        indices = np.minimum(np.searchsorted(known, values), len(known) - 1)
        unseen = known[indices] != values
    if unseen.any():
        row = int(np.flatnonzero(unseen)[0])
        raise DataError(
            f"{table.source}: target {quote(column.name)} is {show(column.values[row])} in row "
            f"{row + 1}, which is not among the classes of the rows for training "
            f"({some(classes)}).\nTrain on rows that hold every class."
        )
    return indices.astype(np.int64, copy=False)


def check_classes(
    task: Task, target: tuple[str, ...], classes: tuple[Any, ...], scales: tuple[str, ...]
) -> None:
    """Refuse what a file has for another task, with a `ModelFileError`."""
    if task == "regression":
        need(not classes, "a regression has classes")
        need(scales == target, "the scales do not fit the targets")
    elif task == "multilabel":
        need(not scales and classes == target, "the classes do not fit the targets")
    else:
        need(not scales and len(target) == 1, "a classification has scales or targets")
        fits = len(classes) == 2 if task == "binary" else len(classes) >= 2
        need(fits, f"{len(classes)} classes do not fit the task {task}")
        need(_is_class_list(classes), "classes are not sorted, of one kind and distinct")


def _is_class_list(classes: tuple[Any, ...]) -> bool:
    one_kind = (
        all(isinstance(label, str) for label in classes)
        or all(isinstance(label, bool) for label in classes)
        or all(is_number(label) and isinstance(label, int) for label in classes)
    )
    return one_kind and all(a < b for a, b in itertools.pairwise(classes))
