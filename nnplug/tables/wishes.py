"""What a user asks of a table: what to predict, from which columns, with which rows held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnplug.errors import SettingError
from nnplug.parts import Task
from nnplug.plugins.registry import Registry
from nnplug.tables.encoding_choice import EncodingChoice, find_encodings
from nnplug.tables.folds import AskedMembers
from nnplug.tables.missing import Missing, check_rule
from nnplug.tables.options import as_names
from nnplug.tables.splitting import Split
from nnplug.tables.transforms import AskedTransform, check_transform

__all__ = ["TableOptions", "Wishes"]

_SEVERAL = ("columns", "drop", "categorical", "numeric")
"""Options that take a list of columns."""


@dataclass(frozen=True)
class TableOptions:
    """How the columns of a table are used.

    Attributes
    ----------
    columns : tuple of str, optional
        The columns to predict from, instead of all.
    drop : tuple of str
        Columns that are not used.
    categorical, numeric : tuple of str
        Columns to treat as categories, or as numbers, whatever they look like.
    missing : str
        What happens where an input lacks a value: see
        `nnplug.tables.missing.Missing`.
    drop_missing_targets : bool
        Whether rows without a target are left out; otherwise they are an error.
    weights : str, optional
        The column that holds the weight of each row.
    target_transform : str, optional
        The function of a regression's target that is learned: see
        `nnplug.tables.transforms.AskedTransform`.
    encoding : EncodingChoice
        How columns become inputs, where not as usual.
    """

    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    missing: Missing = "mean"
    drop_missing_targets: bool = False
    weights: str | None = None
    target_transform: AskedTransform | None = None
    encoding: EncodingChoice = field(default_factory=EncodingChoice)

    def __post_init__(self) -> None:
        check_rule(self.missing)
        for name in self.columns or ():
            if name in self.drop:
                raise SettingError(f"column {name!r} is named in columns and in drop.")

    @classmethod
    def of(cls, given: Mapping[str, Any], registry: Registry) -> TableOptions:
        """Make options from values by name; None is the default, one text a list of one."""
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is None or (name in _SEVERAL and not value and name != "columns"):
                continue
            values[name] = as_names(value) if name in _SEVERAL else value
        values["target_transform"] = check_transform(values.get("target_transform"))
        values["encoding"] = find_encodings(values.get("encoding", {}), registry)
        return cls(**values)


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a table.

    Attributes
    ----------
    target : str or sequence of str
        The columns to predict.
    task : str, optional
        Overrides the inferred task.
    split : Split, optional
        By default stratified for classes, otherwise random.
    validation : float
        The fraction of the rows that is held out for validation.
    shared : bool
        Whether the user asks for that fraction, so that all members hold out
        the same rows.
    members : int or "auto"
        The networks that are trained; several hold out a part of the rows each.
    seed : int
    options : TableOptions
    in_units : bool
        Whether the targets of a regression keep their units instead of being
        standardised.
    """

    target: str | Sequence[str]
    task: Task | None = None
    split: Split | None = None
    validation: float = 0.0
    shared: bool = False
    members: AskedMembers = 1
    seed: int = 0
    options: TableOptions = field(default_factory=TableOptions)
    in_units: bool = False

    def way(self, task: Task) -> Split:
        """Choose how to split the rows of a task."""
        if self.split is not None:
            return self.split
        return Split("stratified" if task in ("binary", "multiclass") else "random")
