"""What a user asks of a table, before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nnplug.parts import Task
from nnplug.tables.options import TableOptions
from nnplug.tables.splitting import Split

__all__ = ["Wishes"]


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a table.

    Attributes
    ----------
    target : str or sequence of str
    task : str, optional
        Instead of the inferred one.
    split : Split, optional
        By default stratified for classes, else random.
    validation : float
        The share of the rows for validation.
    seed : int
    options : TableOptions
    in_units : bool
        Whether the targets of a regression stay in their units, and are not
        standardised.
    """

    target: str | Sequence[str]
    task: Task | None = None
    split: Split | None = None
    validation: float = 0.0
    seed: int = 0
    options: TableOptions = field(default_factory=TableOptions)
    in_units: bool = False

    def way(self, task: Task) -> Split:
        """Choose how to split the rows of a task."""
        if self.split is not None:
            return self.split
        return Split("stratified" if task in ("binary", "multiclass") else "random")
