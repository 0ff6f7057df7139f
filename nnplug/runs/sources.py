"""Where rows come from: a dataset's name, a table, or arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnplug import tables
from nnplug.errors import DataError, SettingError, UnknownPartError
from nnplug.network.labels import label_matrix
from nnplug.parts import Data, Dataset, Part, Recipe, Task
from nnplug.plugins.registry import Registry
from nnplug.runs.choices import TABLE_SETTINGS, asked_split, given_before_rows, table_choices
from nnplug.runs.settings import ROWS
from nnplug.tables import (
    ReadOptions,
    Rows,
    TableOptions,
    Wishes,
    is_pattern,
    matrix,
    parts_of,
    row_weights,
)
from nnplug.tables.encoding_choice import ALL
from nnplug.tables.formats import KNOWN, is_known
from nnplug.tables.goal import MOST_NUMBER_CLASSES
from nnplug.tables.options import as_names
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.tables import Encoder, Table
    from nnplug.tables.encoding_choice import EncodingChoice
    from nnplug.training.shards import Shards

__all__ = ["Source", "asked_of_table", "find_data", "find_source", "is_path",
           "is_table"]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Rows as the user gave them: a table, or arrays.

    Attributes
    ----------
    name : str
        Its name in messages and in the record of the run.
    content : Table, Data or path
    recipe : mapping
        Settings that come with the data.
    dataset : Dataset or None
        The part that made it.
    """

    name: str
    content: Table | Data | os.PathLike[str]
    recipe: Mapping[str, Any]
    dataset: Dataset | None = None

    def rows(
        self,
        wishes: Wishes,
        dtype: np.dtype[Any],
        *,
        read: ReadOptions | None = None,
        sample_weight: Any = None,
        stream: bool | None = None,
        shards: int | None = None,
    ) -> Rows:
        """Turn the rows into arrays, or into files if they are too large.

        Parameters
        ----------
        dtype : numpy.dtype
            The type of a table's inputs.
        read : ReadOptions, optional
            How to read the file of a split.
        sample_weight : array, optional
            (N,), what each row counts for.
        stream : bool, optional
            Whether to train on a table's rows from disk; by default if they
            would take more than a quarter of the machine's memory.
        shards : int, optional
            The shards of a batch: then rows from disk are dealt out to the processes.

        Raises
        ------
        DataError, SettingError
            If the target, the task and the data do not go together.
        """
        if isinstance(self.content, Data):
            if stream:
                raise SettingError(
                    f"stream=True: {self.name} is in memory already.\nLeave stream out."
                )
            return self._of_arrays(self.content, wishes, sample_weight)
        return tables.load_rows(
            self.content,
            wishes,
            dtype,
            read=read or ReadOptions(),
            sample_weight=sample_weight,
            stream=stream,
            shards=_shards(shards),
        )

    def _of_arrays(self, data: Data, wishes: Wishes, weight: Any) -> Rows:
        if wishes.options.target_transform is not None:
            raise SettingError(
                f"target_transform={wishes.options.target_transform!r}: the targets of "
                f"{self.name} are used as they are.\nTransform them first, or train on a table."
            )
        if wishes.options != TableOptions():
            raise SettingError(f"{self.name} has no named columns to choose or to encode.")
        if wishes.task is not None and wishes.task != data.task:
            raise SettingError(f"task={wishes.task!r}: {self.name} is a {data.task} dataset.")
        wanted = {"regression": 0, "binary": 2}.get(data.task, max(2, len(data.classes)))
        if len(data.classes) != wanted:
            raise DataError(
                f"{self.name}: {len(data.classes)} classes, {data.classes}, for the task "
                f"{data.task!r}, which takes {wanted or 'none'}."
            )
        split = wishes.way(data.task)
        if split.name:
            raise SettingError(f"split={split.text!r}: {self.name} has no named columns.")
        inputs = matrix(data.inputs, f"{self.name}: inputs")
        names = data.features or tuple(f"x{number}" for number in range(inputs.shape[1]))
        targets = self._targets(data)
        parts = parts_of(
            len(inputs),
            split,
            share=wishes.validation,
            members=wishes.members,
            seed=wishes.seed,
            classes=targets if data.task in ("binary", "multiclass") else None,
            shared=wishes.shared,
        )
        weights = row_weights(weight, len(inputs))
        return Rows(
            inputs,
            targets,
            data.task,
            tuple(data.classes),
            names,
            parts,
            split,
            weights,
        )

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


def _shards(count: int | None) -> Shards | None:
    if count is None:
        return None
    from nnplug.training.shards import connect  # noqa: PLC0415  # few runs are cut

    return connect(count, dealt=True)


def asked_of_table(
    encoder: Encoder, options: TableOptions, read: ReadOptions, registry: Registry
) -> dict[str, Any]:
    """Return what was asked of a table as plain values, by the names of `nnplug.train`."""
    return {
        "target": list(encoder.target),
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(options).items()
        },
        "encoding": _encodings(options.encoding, registry),
        # What "auto" chose: a run is repeated as it was, whatever the rows.
        **(
            {"target_transform": encoder.scales[0].transform if encoder.scales else None}
            if options.target_transform == "auto"
            else {}
        ),
        "read": read.to_dict(),
        "sql": read.sql,
    }


def _encodings(choice: EncodingChoice, registry: Registry) -> dict[str, str]:
    """Write the encodings that are chosen with their packages and all options."""
    if not choice:
        return {}
    from nnplug.models import PartRecord  # noqa: PLC0415  # few runs choose encodings

    def written(chain: Sequence[Part]) -> str:
        text: tuple[str, ...] = ()
        for part in chain:
            text = (PartRecord.of(part, registry.provider(part)).written(text, qualified=True),)
        return text[0]

    texts = {name: " ".join(map(written, chains)) for name, chains in choice.columns.items()}
    return {**dict.fromkeys(sorted(choice.standard), "standard"), **texts}


def find_data(
    data: Any,
    target: str | Sequence[str] | None,
    task: Task | None,
    given: dict[str, Any],
    recipe: Recipe | None,
    registry: Registry,
) -> tuple[Source, ReadOptions, TableOptions, dict[str, Any]]:
    """Find the data and how it is read, and take what is for tables out of what is given.

    What a recipe gives for tables says nothing of arrays. The last result is what the
    recipe says of any data before its rows are read.
    """
    early, of_tables = given_before_rows(recipe)
    asked = {name: given.pop(name) for name in TABLE_SETTINGS if name in given}
    asked = {name: value for name, value in asked.items() if value is not None}
    split = asked_split(given.get("split"))
    if not is_table(data):
        of_tables = {}
    read, options = table_choices(asked, target, split, registry, of_tables)
    own = asked.get("encoding") is not None and ALL in ROWS["encoding"].check(asked["encoding"])
    if "encoding" in of_tables and not own:
        # Only by its standard encoding is a network built to rise or fall with a column.
        signed = [*as_names(given.get("increasing") or ())]
        signed += as_names(given.get("decreasing") or ())
        options = replace(options, encoding=replace(options.encoding, standard=frozenset(signed)))
    return find_source(data, target, task, registry, read), read, options, early


def find_source(
    data: Any,
    target: str | Sequence[str] | None,
    task: Task | None,
    registry: Registry,
    read: ReadOptions | None = None,
) -> Source:
    """Find the data that a user names or gives.

    Parameters
    ----------
    data : str, path, pair of arrays, Data, Dataset, DataFrame or mapping
        See `nnplug.train`.
    read : ReadOptions, optional
        How to read a table's file.

    Raises
    ------
    UnknownPartError
        If it is neither the name of a dataset nor the path of a table.
    DataError
        If the arrays do not fit together.
    SettingError
        If a target is given, and the data has its own.
    """
    if is_table(data):
        return _table(data, read or ReadOptions())
    if isinstance(data, Data):
        source = Source("data", data, data.recipe)
    elif isinstance(data, tuple):
        if len(data) != 2:
            raise DataError(f"data is a tuple of {len(data)} items: give (inputs, targets).")
        source = Source("arrays", _from_arrays(*data, task), {})
    else:
        source = _dataset(data, registry)
    if target:
        raise SettingError(
            f"target={target!r}: {source.name} has its own target.\nLeave target out."
        )
    if read is not None and replace(read, unused=(), used=None) != ReadOptions():
        raise SettingError(f"read, sql: {source.name} is not read from a file.\nLeave them out.")
    return source


def _table(data: Any, read: ReadOptions) -> Source:
    """Take the path of a table, or a table in memory, with columns of the kinds asked for."""
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return Source(path.name, path, {})
    if replace(read, text=(), numeric=(), unused=(), used=None) != ReadOptions():
        raise SettingError("read, sql: the table is in memory already.\nLeave them out.")
    table = tables.as_kinds(tables.table_of(data), text=read.text, numeric=read.numeric)
    return Source(table.source, table, {})


def is_table(data: Any) -> bool:
    """Tell whether data has named columns: a file, or a table in memory; no arrays, no dataset."""
    if isinstance(data, str):
        return is_path(data)
    return not isinstance(data, Dataset | Data | tuple)


def is_path(data: str) -> bool:
    """Tell whether a text names a table's file, and not a dataset."""
    path = Path(data)
    return is_known(path) or os.sep in data or path.is_file() or is_pattern(data)


def _dataset(name: str | Dataset, registry: Registry) -> Source:
    try:
        dataset = cast(Dataset, registry.get("dataset", name))
    except UnknownPartError as error:
        raise UnknownPartError(
            f"{error}\nA table is given by its path, which ends in {KNOWN}."
        ) from None
    made = dataset()
    if not isinstance(made, Data):
        raise DataError(f"dataset {dataset.name!r} ({dataset.place}) did not return nnplug.Data.")
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
    """Tell quantities from classes by the rule for a table's columns.

    Several columns of whole numbers or truth values are labels if all are 0 or 1.
    """
    if distinct is None and y.dtype.kind in "biu" and ((y == 0) | (y == 1)).all():
        return "multilabel"
    if distinct is None or y.dtype.kind == "f":
        return "regression"
    if y.dtype.kind in "iu" and len(distinct) > MOST_NUMBER_CLASSES:
        return "regression"
    return "binary" if len(distinct) == 2 else "multiclass"
