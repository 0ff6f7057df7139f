"""Judging a run by rows that it has never seen: taking them out, and scoring the others."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nnplug.parts import Data
from nnplug.runs.run import Run
from nnplug.tables import Table
from nnplug.types import AnyArray

__all__ = ["classes_of", "count_rows", "score_on", "take_rows"]


def count_rows(content: Table | Data) -> int:
    """Count the rows of a table or of arrays."""
    return len(content.inputs) if isinstance(content, Data) else content.rows


def take_rows(content: Table | Data, rows: AnyArray) -> Table | Data:
    """Take some rows, by their places (N,)."""
    if isinstance(content, Table):
        return content.take(rows)
    return replace(content, inputs=content.inputs[rows], targets=np.asarray(content.targets)[rows])


def classes_of(content: Table | Data, target: str | None) -> AnyArray | None:
    """Return the class of each row, (N,), by which a split can be stratified."""
    if isinstance(content, Data):
        return np.asarray(content.targets) if content.task in ("binary", "multiclass") else None
    if target is None or target not in content.names:
        return None
    column = content.column(target)
    found, codes = np.unique(column.data, return_inverse=True)
    few = len(found) <= max(2, math.isqrt(content.rows))
    return codes if few and column.missing is None else None


def score_on(run: Run, test: Table | Data) -> dict[str, float]:
    """Compute the loss of a trained run and its metrics, by their columns, on other rows.

    Raises
    ------
    NotFiniteError
        If a row has no finite prediction.
    """
    if isinstance(test, Table):
        scores = run.model.evaluate(test, metrics=run.metrics)
    else:
        rows = [(run.model.inputs(test.inputs), np.asarray(test.targets))]
        scores = run.model.evaluate_parts(rows, metrics=run.metrics)
    return {name: float(value) for name, value in scores.items()}
