"""Notes: what is said about the columns once it is known how they are encoded.

A table may have a thousand columns, so a note that fits many of them names
the first and counts the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from nnplug.tables.categories import Categories
from nnplug.tables.missing import Missing
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.wording import count_of, listed, quote

if TYPE_CHECKING:
    from nnplug.tables.encoder import Encoding

__all__ = ["column_notes", "left_out_notes"]

_SHOWN = 10
"""As many columns as one kind of note names."""


def left_out_notes(reasons: Mapping[str, str], constant: Mapping[str, str]) -> list[str]:
    """Say which columns are no inputs, and why.

    Parameters
    ----------
    reasons : mapping
        From column to reason.
    constant : mapping
        From column to the value of all of its rows.
    """
    names = list(reasons)
    notes = [f"column {quote(name)} is left out: {reasons[name]}" for name in names[:_SHOWN]]
    rest = names[_SHOWN:]
    if rest:
        notes.append(f"{len(rest):,} more columns are left out: {_some(map(quote, rest))}")
    if len(constant) == 1:
        ((name, value),) = constant.items()
        notes.append(f"column {quote(name)} is left out: all rows for training have {value}")
    elif constant:
        shown = _some(f"{quote(name)} ({value})" for name, value in constant.items())
        notes.append(
            f"{len(constant):,} columns are left out, each the same in all rows for training: "
            f"{shown}"
        )
    return notes


def column_notes(
    columns: Sequence[Encoding], summaries: Mapping[str, ColumnSummary], rule: Missing
) -> list[str]:
    """Say which columns have rare categories or lack values."""
    return [*_rare(columns, summaries), *_missing(columns, summaries, rule)]


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
