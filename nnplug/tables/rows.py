"""Rows as arrays, with their weights and parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.parts import InputColumn, Task
from nnplug.parts.arranging import numbers
from nnplug.tables.encoded import kinds_of
from nnplug.tables.folds import AskedMembers, members_of
from nnplug.tables.splitting import Parts, Split
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.tables.dealt import DealtRows
    from nnplug.tables.encoder import Encoder
    from nnplug.tables.streaming import RowsOnDisk

__all__ = ["Rows", "matrix", "row_weights"]


@dataclass(frozen=True, repr=False)
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
        The names of the inputs.
    parts : Parts
        Which rows are for training, and which for validation.
    split : Split
        How they were chosen.
    weights : array or None
        (N, 1), the weight of each row in the loss.
    encoder : Encoder or None
        What encoded them, if they are from a table.
    notes : tuple of str
        What was inferred or left out, one line for the user per note.
    disk : RowsOnDisk or None
        Where the inputs are if not in memory; `inputs` is then (0, D). If they are
        dealt out, see `DealtRows`, `targets` and `weights` are those of the validation
        rows alone.
    """

    inputs: AnyArray
    targets: AnyArray
    task: Task
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    parts: Parts
    split: Split
    weights: AnyArray | None = None
    encoder: Encoder | None = None
    notes: tuple[str, ...] = ()
    disk: RowsOnDisk | None = None

    @property
    def columns(self) -> tuple[InputColumn, ...]:
        """What each input is; without a table all are numbers."""
        if self.encoder is None:
            return numbers(self.inputs.shape[1])
        return tuple(
            InputColumn(kind, place)
            for place, column in enumerate(self.encoder.columns)
            for kind in kinds_of(column)
        )

    def first_inputs(self, count: int) -> AnyArray:
        """Take the inputs of the first training rows, `count` at most: (n, D)."""
        if self.disk is None:
            return self.inputs[self.parts.training[:count]]
        return self.disk.first_inputs(count)

    def members(self, asked: AskedMembers) -> int:
        """Return how many networks are trained on the rows: one if they are dealt out."""
        if self.dealt is not None:
            return 1
        return self.parts.members or members_of(asked, len(self.targets))

    def class_counts(self) -> AnyArray:
        """Count the training rows of each class, (C,)."""
        if self.dealt is not None:
            return self.dealt.class_counts
        return np.bincount(self.targets[self.parts.training], minlength=len(self.classes))

    @property
    def dealt(self) -> DealtRows | None:
        """The rows on disk if each of several processes may have some of them."""
        if self.disk is None:
            return None
        from nnplug.tables.dealt import DealtRows  # noqa: PLC0415  # few tables are so large

        return self.disk if isinstance(self.disk, DealtRows) else None

    def __repr__(self) -> str:
        return f"<{len(self.targets):,} rows of {len(self.features):,} inputs: {self.task}>"


def matrix(data: npt.ArrayLike, what: str) -> AnyArray:
    """Turn an array-like into a matrix of finite numbers, without copying floats.

    Raises
    ------
    DataError
        If it is not a matrix of numbers, with the first number that is not finite.
    """
    x = np.asarray(data)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "iufb":
        raise DataError(
            f"{what}: an array of shape {x.shape} of {x.dtype}; it must hold numbers, in the shape "
            "(rows, columns)."
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{what}: row {row}, column {column} is {x[row, column]}. Remove or fill it."
        )
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def row_weights(given: npt.ArrayLike | None, rows: int) -> AnyArray | None:
    """Turn the weights of rows into an array of shape (N, 1).

    Raises
    ------
    SettingError
        If there is not one number for each row, a number is negative or not
        finite, or all are 0.
    """
    if given is None:
        return None
    weights = np.asarray(given, np.float64)
    if weights.shape != (rows,):
        raise SettingError(
            f"sample_weight has shape {weights.shape}; it must have one number per row, ({rows},)."
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong) or not weights.any():
        where = f"row {wrong[0]} weighs {weights[wrong[0]]:g}" if len(wrong) else "all are 0"
        raise SettingError(f"sample_weight: {where}; weights are finite, at least 0, not all 0.")
    return weights.reshape(-1, 1)
