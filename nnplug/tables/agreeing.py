"""Agreeing: what is learned from a whole table, once for all processes that share its rows.

Letters: N rows of the table.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnplug.tables.encoder import Encoder
from nnplug.tables.goal import find_goal, target_names
from nnplug.tables.missing import refuse_infinite, refuse_missing
from nnplug.tables.notes import skew_notes
from nnplug.tables.preparation import CHUNK, learn_encoder, prepare_table, texts_of_many_kinds
from nnplug.tables.splitting import Split, draw_rows
from nnplug.tables.table import Table, Tabular, stack
from nnplug.tables.wishes import Wishes
from nnplug.training.ranks import Ranks

__all__ = ["TRAINING", "VALIDATION", "Agreed", "agree", "learn", "learn_leanly"]

TRAINING, VALIDATION = 1, 2
"""What a row is for; 0: it is not used."""

_LOOKED_AT = 1_000_000
"""Rows whose targets are looked at to choose the task, besides those with a new whole number."""


@dataclass(frozen=True)
class Agreed:
    """What rank 0 learns from the whole table.

    Attributes
    ----------
    use : array of int8 of shape (N,)
        0 for a row that is not used, 1 for training, 2 for validation.
    """

    encoder: Encoder
    split: Split
    notes: tuple[str, ...]
    use: npt.NDArray[np.int8]


def agree(table: Tabular, wishes: Wishes, ranks: Ranks) -> Agreed:
    """Learn on rank 0, and tell the others."""
    if ranks.count == 1:
        return learn(table, wishes)
    learned = learn(table, wishes) if ranks.rank == 0 else None
    sent = None
    if learned is not None:
        # An encoding of a local plugin belongs to no module, so it cannot be sent.
        with suppress(pickle.PicklingError, AttributeError, TypeError):
            sent = pickle.dumps((learned.encoder, learned.split, learned.notes))
    ranks.meet()  # rank 0 has read the whole table by now
    sent = ranks.of_first(sent)
    if sent is None:
        return learned or learn(table, wishes)
    use = ranks.of_first(None if learned is None else learned.use)
    encoder, split, notes = pickle.loads(sent)  # from rank 0 of this run
    return learned or Agreed(encoder, split, notes, use)


def learn(table: Tabular, wishes: Wishes) -> Agreed:
    """Learn how columns become numbers, and choose the part of each row."""
    found = learn_leanly(table, wishes)
    if found is not None:
        return found
    prepared = prepare_table(table, wishes)
    use = np.zeros(table.rows, np.int8)
    used = np.arange(table.rows) if prepared.kept is None else np.flatnonzero(prepared.kept)
    use[used[prepared.parts.training]] = TRAINING
    use[used[prepared.parts.validation]] = VALIDATION
    return Agreed(prepared.encoder, prepared.split, prepared.notes, use)


def learn_leanly(table: Tabular, wishes: Wishes) -> Agreed | None:
    """Learn the same with a few bytes per row: of a regression with rows drawn at random.

    None if it is another task, or rows are left out or weighed: that needs
    columns whole.
    """
    options = wishes.options
    if options.drop_missing_targets or options.missing == "drop" or options.weights is not None:
        return None
    if wishes.split is not None and wishes.split.way != "random":
        return None
    targets = target_names(wishes.target, table.source, table.names)
    for name in targets:
        table.schema.column(name)
    if any(table.schema.column(name).kind != "number" for name in targets):
        return None
    besides = texts_of_many_kinds(table, targets, options)
    some = _looked_at(table, targets)
    transform = options.target_transform
    if transform == "auto" and wishes.in_units:
        transform = None  # such a loss is of the numbers themselves
    goal = find_goal(some, targets, wishes.task, transform)
    if goal.task != "regression":
        return None
    held = draw_rows(table.rows, wishes.validation, wishes.seed)
    encoder = learn_encoder(table, wishes, goal, ~held, besides=besides)
    use = np.where(held, np.int8(VALIDATION), np.int8(TRAINING))
    odd = () if wishes.in_units else skew_notes(some, goal)
    return Agreed(encoder, Split("random"), (*goal.notes, *odd, *encoder.notes), use)


def _looked_at(table: Tabular, targets: Sequence[str]) -> Table:
    """Take the targets of rows that are evenly spaced, and of all with a new whole number."""
    every = -(-table.rows // _LOOKED_AT)
    seen = {name: np.zeros(0) for name in targets}
    parts = []
    for start in range(0, table.rows, CHUNK):
        chunk = table.fetch(targets, start, start + CHUNK)
        looked = np.arange(-start % every, chunk.rows, every)
        for column in chunk.columns:
            if column.missing is not None or np.isinf(column.data).any():
                whole = table.fetch([column.name]).column(column.name)
                refuse_missing(table.source, whole, "target")
                refuse_infinite(table.source, whole, "target")
            if column.integer and len(seen[column.name]) < _LOOKED_AT:
                values, first = np.unique(column.data, return_index=True)
                new = ~np.isin(values, seen[column.name])
                seen[column.name] = np.concatenate([seen[column.name], values[new]])
                looked = np.union1d(looked, first[new])
        parts.append(chunk.take(looked))
    return stack(parts)
