"""Folds: every row is held out by exactly one of several networks.

With K folds (Stone, 1974, section 3) each network learns from K - 1 of them, and
is judged by the one that it has not seen; together they judge every row.
"""

from __future__ import annotations

import numpy as np

from nnplug.errors import DataError
from nnplug.randomness import derive_generator
from nnplug.tables.splitting import DRAWN, IntArray, Parts, Split, split_column, split_rows
from nnplug.tables.table import Table
from nnplug.tables.wording import count_of, quote
from nnplug.types import AnyArray

__all__ = ["parts_of"]


def parts_of(
    table: Table | int,
    split: Split,
    *,
    share: float,
    members: int,
    seed: int,
    classes: AnyArray | None = None,
) -> Parts:
    """Choose the rows of each part, for one network or for the members of a model.

    Several members hold out a fold each, if there are validation rows and the
    way of splitting draws them. Later rows, marked rows and those of another
    file are held out by all members: a network must not learn from the rows
    after those that it is judged by, or from rows that were set aside.

    Parameters
    ----------
    table, split, share, seed, classes
        See `split_rows`.
    members : int

    Raises
    ------
    DataError, SettingError
        See `split_rows`; and if there are fewer rows, or groups, than members.
    """
    if members == 1 or not share or split.way not in DRAWN:
        return split_rows(table, split, share=share, seed=seed, classes=classes)
    rows = table if isinstance(table, int) else table.rows
    if rows < members:
        raise DataError(
            f"members={members}: each member holds out rows of its own, and there are only "
            f"{count_of(rows, 'row')}.\nAsk for fewer members."
        )
    order = derive_generator(seed, "split").permutation(rows)
    notes: tuple[str, ...] = ()
    if split.way == "group":
        assert isinstance(table, Table)
        folds, notes = _by_group(table, split, members, seed)
    else:
        if split.way == "stratified" and classes is not None:
            order = order[np.argsort(classes[order], kind="stable")]
        # Dealt like cards, class after class: the folds differ by one row at most, of each class
        # and in all.
        folds = np.empty(rows, np.int64)
        folds[order] = np.arange(rows) % members
    everything = np.arange(rows)
    return Parts(everything, everything, notes, folds)


def _by_group(
    table: Table, split: Split, members: int, seed: int
) -> tuple[IntArray, tuple[str, ...]]:
    """Give each fold whole groups: the largest first, each to the fold with the fewest rows."""
    column = split_column(table, split)
    groups, codes = np.unique(column.data, return_inverse=True)
    if len(groups) < members:
        raise DataError(
            f"{table.source}: --split group:{column.name}: the column has "
            f"{count_of(len(groups), 'group')}, and each of {members} members holds out some.\n"
            "Ask for fewer members, or another split."
        )
    sizes = np.bincount(codes)
    drawn = derive_generator(seed, "split groups").permutation(len(groups))
    fold_of, rows = np.empty(len(groups), np.int64), np.zeros(members, np.int64)
    for group in drawn[np.argsort(-sizes[drawn], kind="stable")].tolist():
        fold_of[group] = np.argmin(rows)
        rows[fold_of[group]] += sizes[group]
    note = (
        f"split by group: the members hold out {rows.min():,} to {rows.max():,} rows, whole groups "
        f"of column {quote(column.name)}"
    )
    return fold_of[codes], (note,)
