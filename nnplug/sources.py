"""Where rows come from: a dataset's name, a table, or arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnplug.errors import DataError, SettingError, UnknownPartError
from nnplug.parts import Data, Dataset, Task
from nnplug.registry import Registry
from nnplug.tables import SUFFIXES, Encoder, Table, matrix, table_of
from nnplug.tasks import label_matrix
from nnplug.types import AnyArray

__all__ = ["Rows", "Source", "find_source"]

CLASS_LIMIT = 20
"""Whole numbers with more distinct values than this are quantities, not classes."""


@dataclass(frozen=True)
class Rows:
    """Rows as arrays, ready for a network.

    Attributes
    ----------
    inputs : array
        (N, D).
    targets : array
        Numbers (N, K), standardised if they come from a table, class
        indices (N,), or 0 and 1 for each label, (N, K).
    task : str
    classes : tuple
        As the user knows them; empty for regression.
    features : tuple of str
        A name for each input.
    encoder : Encoder or None
        What made them from a table.
    notes : tuple of str
        What was inferred or left out, in sentences.
    """

    inputs: AnyArray
    targets: AnyArray
    task: Task
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    encoder: Encoder | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Rows as the user gave them: a table, or arrays.

    Attributes
    ----------
    name : str
        For messages and the record of the run.
    content : Table or Data
    dataset : Dataset or None
        The part that gave it.
    recipe : mapping
        Settings that the data brings along.
    """

    name: str
    content: Table | Data
    recipe: Mapping[str, Any]
    dataset: Dataset | None = None

    @property
    def rows(self) -> int:
        """The number of rows, N."""
        return self.content.rows if isinstance(self.content, Table) else len(self.content.inputs)

    def encode(
        self,
        target: str | Sequence[str] | None,
        task: Task | None,
        training: AnyArray,
        dtype: np.dtype[Any],
    ) -> Rows:
        """Turn the rows into arrays.

        Parameters
        ----------
        training : array of int
            The rows from which means, scales and categories are learned.

        Raises
        ------
        DataError, SettingError
            If the target, the task and the data do not go together.
        """
        if isinstance(self.content, Table):
            assert target
            encoder = Encoder.fit(self.content, target=target, task=task, rows=training)
            return Rows(
                encoder.inputs(self.content, dtype=dtype),
                encoder.targets(self.content),
                encoder.task,
                encoder.classes,
                encoder.features,
                encoder,
                encoder.notes,
            )
        data = self.content
        if task is not None and task != data.task:
            raise SettingError(f"task={task!r}: {self.name} is a {data.task} dataset.")
        wanted = {"regression": 0, "binary": 2}.get(data.task, max(2, len(data.classes)))
        if len(data.classes) != wanted:
            raise DataError(
                f"{self.name}: {len(data.classes)} classes, {data.classes}, for the task "
                f"{data.task!r}, which takes {wanted or 'none'}."
            )
        inputs = matrix(data.inputs, f"{self.name}: inputs")
        names = data.features or tuple(f"x{number}" for number in range(inputs.shape[1]))
        return Rows(inputs, self._targets(data), data.task, tuple(data.classes), names)

    def _targets(self, data: Data) -> AnyArray:
        """Take a dataset's targets as numbers (N, K), class indices (N,), or labels (N, K)."""
        targets, rows = np.asarray(data.targets), len(data.inputs)
        if len(targets) != rows:
            raise DataError(f"{self.name}: {rows} rows of inputs and {len(targets)} of targets.")
        if data.task == "regression":
            return matrix(targets.reshape(rows, -1), f"{self.name}: targets")
        if data.task == "multilabel":
            return label_matrix(targets, f"{self.name}: targets", len(data.classes))
        known = np.arange(len(data.classes))
        if targets.shape != (rows,) or not np.isin(targets, known).all():
            raise DataError(
                f"{self.name}: targets of shape {targets.shape}; needed is the index of a class "
                f"for each row, 0 to {len(known) - 1}, of shape ({rows},)."
            )
        return targets


def find_source(
    data: Any, target: str | Sequence[str] | None, task: Task | None, registry: Registry
) -> Source:
    """Find the rows that a user means.

    Parameters
    ----------
    data : str, path, pair of arrays, Data, Dataset, DataFrame or mapping
        See `nnplug.train`.

    Raises
    ------
    UnknownPartError
        If it is neither a dataset's name nor a table's path.
    DataError
        If the arrays do not fit each other, or no target is given.
    SettingError
        If a target is given for data that has its own.
    """
    if isinstance(data, Dataset) or (isinstance(data, str) and not _is_path(data)):
        source = _dataset(data, registry)
    elif isinstance(data, Data):
        source = Source("data", data, data.recipe)
    elif isinstance(data, tuple):
        if len(data) != 2:
            raise DataError(f"data is a tuple of {len(data)}: give (inputs, targets).")
        source = Source("arrays", _from_arrays(*data, task), {})
    else:
        table = table_of(data)
        if not target:
            last = table.columns[-1].name
            listed = ", ".join(column.name for column in table.columns)
            raise DataError(
                f"{table.source}: which column is to be predicted? Give target, for example "
                f"--target {last}.\nIts columns: {listed}."
            )
        return Source(table.source, table, {})
    if target:
        raise SettingError(f"{source.name} has its own target; leave target={target!r} out.")
    return source


def _is_path(data: str) -> bool:
    return Path(data).suffix.lower() in SUFFIXES or os.sep in data or Path(data).is_file()


def _dataset(name: str | Dataset, registry: Registry) -> Source:
    try:
        dataset = cast(Dataset, registry.get("dataset", name))
    except UnknownPartError as error:
        raise UnknownPartError(
            f"{error}\nA table is given by its path, ending in {', '.join(SUFFIXES)}."
        ) from None
    made = dataset()
    if not isinstance(made, Data):
        raise DataError(f"dataset {dataset.name!r} ({dataset.place}) returned no nnplug.Data.")
    return Source(dataset.text, made, made.recipe, dataset)


def _from_arrays(inputs: Any, targets: Any, task: Task | None) -> Data:
    x, y = matrix(inputs, "inputs"), np.asarray(targets)
    if y.ndim not in (1, 2) or len(y) != len(x):
        raise DataError(
            f"inputs have shape {x.shape} and targets {y.shape}: both need a value for each row."
        )
    several = y.ndim == 2 and y.shape[1] > 1
    distinct = None if several else np.unique(y)
    if task is None:
        task = _infer_task(y, distinct)
    if task == "regression":
        return Data(x, matrix(y.reshape(len(y), -1), "targets"), task)
    if task == "multilabel":
        labels = label_matrix(y, "targets")
        return Data(x, labels, task, tuple(range(labels.shape[1])))
    if distinct is None:
        raise DataError(
            f"targets of shape {y.shape} for the task {task!r}: give one class for each row, (N,)."
        )
    labels = np.searchsorted(distinct, y.reshape(-1))
    return Data(x, labels, task, tuple(distinct.tolist()))


def _infer_task(y: AnyArray, distinct: AnyArray | None) -> Task:
    """Tell quantities from classes, by the rule for a table's columns.

    Several columns of whole numbers or truth values that are all 0 or 1 are labels.
    """
    if distinct is None and y.dtype.kind in "biu" and ((y == 0) | (y == 1)).all():
        return "multilabel"
    if distinct is None or y.dtype.kind == "f":
        return "regression"
    if y.dtype.kind in "iu" and len(distinct) > CLASS_LIMIT:
        return "regression"
    return "binary" if len(distinct) == 2 else "multiclass"
