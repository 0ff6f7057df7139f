"""Folds: every row is held out by exactly one of several networks.

With K folds (Stone, 1974, section 3) each network learns from K - 1 of them, and
is judged by the one that it has not seen; together they judge every row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from nnplug.errors import DataError
from nnplug.randomness import derive_generator
from nnplug.tables.splitting import DRAWN, IntArray, Parts, Split, split_column, split_rows
from nnplug.tables.table import Table
from nnplug.tables.wording import count_of, quote
from nnplug.types import AnyArray

__all__ = ["AskedMembers", "members_of", "parts_of"]

AskedMembers = int | Literal["auto"]
"""How many networks are asked for: a number, or as many as suit the number of rows."""

MOST_MEMBERS = 8
MOST_ROWS = 160_000
"""Rows that all members together visit in an epoch at most, unless one has more."""


def members_of(asked: AskedMembers, rows: int) -> int:
    """Decide how many networks are trained.

    `"auto"` stands for 8 of 16 to 20,000 rows. Of fewer, each still holds out two
    rows. Of more, there are as many as together visit at most 160,000 rows in an
    epoch, so that a large table takes hardly more time than one of 20,000 rows; from
    80,001 rows on it is one.

    Examples
    --------
    >>> [members_of("auto", rows) for rows in (3, 5, 1_000, 20_000, 50_000, 1_000_000)]
    [1, 2, 8, 8, 3, 1]
    """
    if asked != "auto":
        return asked
    return max(1, min(MOST_MEMBERS, rows // 2, MOST_ROWS // max(rows, 1)))


def parts_of(
    table: Table | int,
    split: Split,
    *,
    share: float,
    members: AskedMembers,
    seed: int,
    classes: AnyArray | None = None,
    shared: bool = False,
) -> Parts:
    """Choose the rows of each part, for one network or for the members of a model.

    Several members hold out a fold each, if there are validation rows and the
    way of splitting draws them, unless another share than theirs is asked for:
    then all hold out the same rows. Later rows, marked rows and those of another
    file are held out by all members: a network must not learn from the rows
    after those that it is judged by, or from rows that were set aside.

    Parameters
    ----------
    table, split, share, seed, classes
        See `split_rows`.
    members : int or "auto"
        See `members_of`; of groups there are at most as many as groups.
    shared : bool
        Whether the user asks for `share`.

    Raises
    ------
    DataError, SettingError
        See `split_rows`; and if there are fewer rows, or groups, than members.
    """
    rows = table if isinstance(table, int) else table.rows
    count = members_of(members, rows)
    if split.way == "group" and members == "auto":
        assert isinstance(table, Table)
        count = min(count, len(np.unique(split_column(table, split).data)))
    own = share and split.way in DRAWN and not (shared and share != 1 / count)
    if count == 1 or not own:
        return split_rows(table, split, share=share, seed=seed, classes=classes)
    members = count
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
    least, most = rows.min(), rows.max()
    held = f"{least:,} to {most:,} rows" if least < most else f"{count_of(int(most), 'row')} each"
    note = (
        f"split by group: the members hold out {held}, whole groups of column {quote(column.name)}"
    )
    return fold_of[codes], (note,)
