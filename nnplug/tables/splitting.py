"""Splits: which rows are for training, and which are held out for validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError, suggest
from nnplug.randomness import derive_generator
from nnplug.tables.missing import missing_error
from nnplug.tables.table import KIND_NAMES, Column, Table
from nnplug.tables.wording import count_of, quote, show, some
from nnplug.types import AnyArray

__all__ = ["DRAWN", "Parts", "Split", "draw_rows", "split_column", "split_rows"]

Way = Literal["random", "stratified", "time", "group", "column", "file"]
_TAKES = {"time": "COLUMN", "group": "COLUMN", "column": "COLUMN", "file": "PATH"}
DRAWN: tuple[Way, ...] = ("random", "stratified", "group")
"""The ways that draw rows or groups, so that any may be held out. The others name those rows."""
_TRAINING = ("train", "training", "fit")
_VALIDATION = ("validation", "valid", "val", "dev")
_ELSEWHERE = ("test", "testing", "holdout")

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """How the rows for validation are chosen.

    Attributes
    ----------
    way : str
        `"random"`: all rows are equally likely. `"stratified"`: the same, with
        every class in proportion. `"time"`: the last ones by a column, rows of
        the same time on the same side. `"group"`: whole groups, of equal
        values of a column. `"column"`: those that a column marks. `"file"`:
        those of another file.
    name : str
        The name of the column or file.
    """

    way: Way
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Split:
        """Read the text form: `random`, `stratified`, `time:COLUMN`, `group:COLUMN` ...

        Raises
        ------
        SettingError
            If there is no such way, or its column or file is not given.
        """
        given, colon, name = text.partition(":")
        forms = [f"{way}:{_TAKES[way]}" if way in _TAKES else way for way in get_args(Way)]
        for known in get_args(Way):
            if given.strip().lower() == known:
                if bool(name) != (known in _TAKES) or bool(colon) != bool(name):
                    raise SettingError(
                        f"split={text!r}: write {forms[get_args(Way).index(known)]}."
                    )
                return cls(known, name)
        raise SettingError(
            f"split={text!r} is none of {', '.join(forms)}.{suggest(given, get_args(Way))}"
        )

    @property
    def text(self) -> str:
        """The text form."""
        return f"{self.way}:{self.name}" if self.name else self.way

    @property
    def column(self) -> str | None:
        """The column that the split goes by, if any."""
        return self.name if self.way in ("time", "group", "column") else None

    @property
    def left_out(self) -> dict[str, str]:
        """The column that must not be an input because of the split, with the reason."""
        if self.way == "group":
            return {self.name: "the split goes by its groups, and new rows have other groups"}
        if self.way == "column":
            return {self.name: "it marks the rows for validation"}
        return {}


@dataclass(frozen=True)
class Parts:
    """The rows of each part, counted from 0, in the table's order.

    Attributes
    ----------
    training, validation : array of int64
        With folds, both are all rows.
    notes : tuple of str
        Lines for the user.
    folds : array of int64 of shape (N,), or None
        For members of one model: the number of the one that holds the row out.
    """

    training: IntArray
    validation: IntArray
    notes: tuple[str, ...] = ()
    folds: IntArray | None = None

    @property
    def members(self) -> int:
        """How many members hold out a fold each; 0 if none does."""
        return 0 if self.folds is None else int(self.folds.max()) + 1

    def of_member(self, member: int) -> Parts:
        """Return the parts for one member of a model: without folds, the same for all."""
        if self.folds is None:
            return self
        return Parts(np.flatnonzero(self.folds != member), np.flatnonzero(self.folds == member))


def split_rows(
    table: Table | int, split: Split, *, share: float, seed: int, classes: AnyArray | None = None
) -> Parts:
    """Choose the rows of each part.

    The same table, split, share and seed give the same parts. The way `file`
    is not handled here: the rows of another file are appended to the table.

    Parameters
    ----------
    table : Table or int
        With the column that the split goes by; if there is none, the number of
        rows will do.
    share : float
        The share of the rows for validation, at least 0 and below 1. `time` and
        `group` come as near to it as they can; `column` ignores it.
    classes : array of int of shape (N,), optional
        The classes for `stratified`, which without them is like `random`.

    Raises
    ------
    DataError, SettingError
        If a column is not there or lacks values, or a part would be empty.
    """
    rows = table if isinstance(table, int) else table.rows
    held = _count(share, rows)
    order = derive_generator(seed, "split").permutation(rows)
    if split.way == "stratified" and classes is not None:
        return _stratified(classes, order, held)
    if split.column is None or (share == 0 and split.way != "column"):
        return _parts(order[held:], order[:held])
    assert isinstance(table, Table)
    column = split_column(table, split)
    ways: dict[str, Callable[[Table, Column, IntArray, int, int], Parts]] = {
        "time": _by_time,
        "group": _by_group,
        "column": _by_column,
    }
    return ways[split.way](table, column, order, held, seed)


def _count(share: float, rows: int) -> int:
    held = round(share * rows)
    if held >= rows and rows:
        raise SettingError(f"validation={share:g} leaves none of the {rows} rows for training.")
    return held


def draw_rows(rows: int, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Tell which rows the way `random` holds out, (N,), with a quarter of the memory."""
    # Shuffled, numbers of any width come in the order of `permutation`.
    order = np.arange(rows, dtype=np.uint32 if rows < 2**32 else np.uint64)
    derive_generator(seed, "split").shuffle(order)
    held = np.zeros(rows, bool)
    held[order[: _count(share, rows)]] = True
    return held


def split_column(table: Table, split: Split) -> Column:
    """Take the column that a split goes by.

    Raises
    ------
    DataError
        If it is not there, or lacks values.
    """
    column = table.column(split.name)
    if column.missing is not None:
        places = np.flatnonzero(column.missing)
        raise missing_error(table.source, column.name, "column", places[:5].tolist(), places.size)
    return column


def _parts(training: AnyArray, validation: AnyArray, notes: tuple[str, ...] = ()) -> Parts:
    return Parts(np.sort(training), np.sort(validation), notes)


def _stratified(labels: AnyArray, order: IntArray, held: int) -> Parts:
    """Hold out `held` rows, with every class in proportion, as far as whole rows allow."""
    sizes = np.bincount(labels)
    exact = sizes * (held / len(labels))
    taken = np.floor(exact).astype(np.int64)
    # The largest remainders get the rest (Hamilton's method), but the last row
    # of a class stays in the training part, which cannot do without it.
    left = held - int(taken.sum())
    for label in np.argsort(taken - exact, kind="stable").tolist():
        if left and sizes[label] > taken[label] + 1:
            taken[label] += 1
            left -= 1
    by_class = labels[order]
    validation = [order[by_class == label][:count] for label, count in enumerate(taken.tolist())]
    held_out = np.concatenate(validation) if validation else order[:0]
    mask = np.ones(len(labels), bool)
    mask[held_out] = False
    return _parts(np.flatnonzero(mask), held_out)


def _by_time(table: Table, column: Column, order: IntArray, held: int, seed: int) -> Parts:
    """Hold out the last rows by a date or number; rows of the same time stay together."""
    label = f"{table.source}: --split time:{column.name}: the column"
    if column.kind not in ("date", "number"):
        raise DataError(
            f"{label} holds {KIND_NAMES[column.kind]}, which has no order in time.\n"
            "Name a column of dates or numbers."
        )
    times, counts = np.unique(column.data, return_counts=True)
    if len(times) < 2:
        raise DataError(f"{label} has only one time, {show(times[0])}, so no row is later.")
    after = np.cumsum(counts[::-1])[::-1]  # rows at each time or later
    first = 1 + int(np.argmin(np.abs(after[1:] - held)))
    late = column.data >= times[first]
    note = (
        f"split by time: validation begins at {show(times[first])}, the last "
        f"{count_of(int(after[first]), 'row')} by column {quote(column.name)}"
    )
    return _parts(np.flatnonzero(~late), np.flatnonzero(late), (note,))


def _by_group(table: Table, column: Column, order: IntArray, held: int, seed: int) -> Parts:
    """Hold out whole groups, drawn at random until their rows are nearest to the share."""
    groups, codes = np.unique(column.data, return_inverse=True)
    if len(groups) < 2:
        raise DataError(
            f"{table.source}: --split group:{column.name}: the column has only one group, so "
            "no group can be held out."
        )
    sizes = np.bincount(codes)
    drawn = derive_generator(seed, "split groups").permutation(len(groups))
    before = np.cumsum(sizes[drawn])  # rows in the first 1, 2, ... groups
    count = 1 + int(np.argmin(np.abs(before[:-1] - held)))
    chosen = np.zeros(len(groups), bool)
    chosen[drawn[:count]] = True
    late = chosen[codes]
    note = (
        f"split by group: {count:,} of {count_of(len(groups), 'group')} of column "
        f"{quote(column.name)} are for validation"
    )
    return _parts(np.flatnonzero(~late), np.flatnonzero(late), (note,))


def _by_column(table: Table, column: Column, order: IntArray, held: int, seed: int) -> Parts:
    """Hold out the rows that a column marks for validation."""
    label = f"{table.source}: --split column:{column.name}: the column"
    wrong = column.data
    if column.kind == "number":
        wrong = wrong[~np.isin(wrong, (0, 1))]
    if column.kind in ("date", "number") and len(wrong):
        raise DataError(
            f"{label} holds {show(wrong[0])}. It must mark training rows as train, false or "
            "0, and validation rows as validation, true or 1."
        )
    notes: tuple[str, ...] = ()
    if column.kind == "text":
        words = [word.strip().lower() for word in column.words]
        known = (*_TRAINING, *_VALIDATION, *_ELSEWHERE)
        there = np.bincount(column.data, minlength=len(words)) > 0
        strange = [column.words[i] for i in np.flatnonzero(there).tolist() if words[i] not in known]
        if strange:
            raise DataError(
                f"{label} holds {some(strange)}. It may hold only train, validation and test."
            )
        late = np.array([word in _VALIDATION for word in words])[column.data]
        early = np.array([word in _TRAINING for word in words])[column.data]
        elsewhere = int(np.count_nonzero(~late & ~early))
        if elsewhere:
            notes = (
                f"column {quote(column.name)} marks {count_of(elsewhere, 'row')} as test: not used",
            )
    else:
        late = column.data == 1
        early = ~late
    for part, name in ((early, "training"), (late, "validation")):
        if not part.any():
            raise DataError(f"{label} marks no row as {name}.")
    return _parts(np.flatnonzero(early), np.flatnonzero(late), notes)
