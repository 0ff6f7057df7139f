"""Notes: what is said about the columns once it is known how they are encoded.

A table may have a thousand columns, so a note that fits many of them names
the first and counts the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnplug.tables.categories import Categories
from nnplug.tables.dates import Dates
from nnplug.tables.missing import Missing
from nnplug.tables.scale import Scale
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.wording import count_of, listed, quote, show

if TYPE_CHECKING:
    from nnplug.tables.encoder import Encoding

__all__ = ["column_notes", "constant_target", "left_out_notes"]

_SHOWN = 10
"""As many columns as one kind of note names."""


def left_out_notes(reasons: Mapping[str, str]) -> list[str]:
    """Say which columns are no inputs, and why."""
    names = list(reasons)
    notes = [f"column {quote(name)} is left out: {reasons[name]}" for name in names[:_SHOWN]]
    rest = names[_SHOWN:]
    if rest:
        notes.append(f"{len(rest):,} more columns are left out: {_some(map(quote, rest))}")
    return notes


def column_notes(
    columns: Sequence[Encoding], summaries: Mapping[str, ColumnSummary], rule: Missing
) -> list[str]:
    """Say which columns have rare categories, are constant, or lack values."""
    return [
        *_rare(columns, summaries),
        *_constant(columns, summaries),
        *_missing(columns, summaries, rule),
    ]


def constant_target(scale: Scale, summary: ColumnSummary) -> list[str]:
    """Say that a target is the same in all rows for training, if it is."""
    if summary.numbers.deviation:
        return []
    value = _value_of_all(scale, summary)
    return [f"target {quote(scale.name)} is constant ({value}) in the rows for training"]


def _rare(columns: Sequence[Encoding], summaries: Mapping[str, ColumnSummary]) -> list[str]:
    notes, rest = [], []
    for each in columns:
        if isinstance(each, Categories) and each.rare:
            counts = summaries[each.name].counts
            rows = sum(counts[text] for text in each.rare)
            notes.append(
                f"column {quote(each.name)} has {len(counts):,} categories: {len(each.rare):,} "
                f"rare ones ({count_of(rows, 'row')}) share one input"
            )
            rest.append(quote(each.name))
    if len(notes) > _SHOWN:
        more = _some(rest[_SHOWN:])
        notes[_SHOWN:] = [f"{len(notes) - _SHOWN:,} more columns have rare categories: {more}"]
    return notes


def _constant(columns: Sequence[Encoding], summaries: Mapping[str, ColumnSummary]) -> list[str]:
    found = [
        f"{quote(each.name)} ({_value_of_all(each, summaries[each.name])})"
        for each in columns
        if _is_constant(summaries[each.name])
    ]
    if not found:
        return []
    who, they_are = (
        (f"column {found[0]} is", "it is kept and tells nothing")
        if len(found) == 1
        else (f"{len(found):,} columns are", f"they are kept and tell nothing: {_some(found)}")
    )
    return [f"{who} constant in the rows for training; {they_are}"]


def _is_constant(summary: ColumnSummary) -> bool:
    """Tell whether all rows for training are equal; a gap tells something."""
    values = summary.numbers
    one = len(summary.counts) == 1 or (values.count > 0 and values.lowest == values.highest)
    return one and not summary.training_missing


def _value_of_all(encoding: Encoding, summary: ColumnSummary) -> str:
    if isinstance(encoding, Categories):
        return show(next(iter(summary.counts)))
    if isinstance(encoding, Dates):
        return "one date"
    return show(np.bool_(encoding.mean) if encoding.kind == "boolean" else summary.numbers.lowest)


def _missing(
    columns: Sequence[Encoding], summaries: Mapping[str, ColumnSummary], rule: Missing
) -> list[str]:
    def lacking(wanted: Callable[[Encoding], bool]) -> list[str]:
        return [
            f"{quote(each.name)} ({summaries[each.name].missing:,})"
            for each in columns
            if summaries[each.name].missing and wanted(each)
        ]

    own = lacking(lambda each: isinstance(each, Categories))
    filled = lacking(lambda each: not isinstance(each, Categories))
    notes = []
    if filled:
        notes.append(
            f"missing values: the {rule} stands for them, and an input says where: {_some(filled)}"
        )
    if own:
        notes.append(f"missing values are a category of their own: {_some(own)}")
    return notes


def _some(items: Iterable[str]) -> str:
    return listed(items, _SHOWN)
