"""Roles: which columns a network predicts from, and why others are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from nnplug.errors import DataError, suggest
from nnplug.tables.options import TableOptions
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import Table
from nnplug.tables.wording import column_list, listed, quote, show

__all__ = [
    "MOST_TEXTS",
    "TOO_MANY_TEXTS",
    "candidates",
    "named_as_identifier",
    "reason_to_leave_out",
    "value_of_all",
]

MOST_TEXTS = 10_000
"""A column with more different texts is left out."""
TOO_MANY_TEXTS = f"it has more than {MOST_TEXTS:,} different texts"
"""Why it is."""
_FEW_TEXTS = 20
"""So many different texts may be categories, whatever the column is called."""
_FREE_TEXT_WORDS = 4.0
"""From so many words on, on average, text is sentences and no category."""
_IDENTIFIER = re.compile(
    r"(?i:(?:^|[_\-. ])(?:id|ids|uid|uuid|guid)$|^row(?:id|names|number)?$|^index$)"
    r"|(?<=[a-z])(?:Id|ID)$"
)
"""Names such as `id`, `customer_id`, `PassengerId`, `rowid`."""


def candidates(table: Table, target: Sequence[str], options: TableOptions) -> list[str]:
    """List the columns that may be inputs: all but the target, or as the user says.

    Raises
    ------
    DataError
        If a column that the user names is not there, or is the target.
    """
    for option in ("columns", "drop", "categorical", "numeric"):
        for name in getattr(options, option) or ():
            if name not in table.names:
                raise DataError(
                    f"{table.source}: --{option}: there is no column {quote(name)}."
                    f"{suggest(name, table.names)}\n"
                    f"Its columns are {listed(map(quote, table.names))}."
                )
            if name in target and option in ("columns", "drop"):
                raise DataError(f"{table.source}: --{option}: column {quote(name)} is the target.")
    if options.weights is not None:
        table.column(options.weights)
        if options.weights in target:
            raise DataError(f"{table.source}: column {quote(options.weights)} is the target.")
    return [
        name
        for name in table.names
        if name not in target
        and name not in options.drop
        and name != options.weights
        and (options.columns is None or name in options.columns)
    ]


def named_as_identifier(name: str) -> bool:
    """Tell whether a column's name says that it is an identifier."""
    return _IDENTIFIER.search(name) is not None


def reason_to_leave_out(summary: ColumnSummary, options: TableOptions) -> str:
    """Say why a column is no input; empty if it is one."""
    asked = summary.name in (*options.categorical, *options.numeric)
    present = summary.numbers.count or sum(summary.counts.values())
    if not present:
        return "it has no value in the rows for training"
    if summary.kind == "number":
        if named_as_identifier(summary.name) and summary.numbers.whole and not asked:
            return _identifier_unless("--numeric", summary.name)
        return ""
    if summary.kind != "text":
        return ""
    return _reason_of_text(summary, present, asked)


def value_of_all(summary: ColumnSummary) -> str:
    """Write the value that all rows for training have; empty if they differ.

    A missing value among others is a difference.
    """
    numbers = summary.numbers
    if summary.training_missing or summary.infinite:  # the latter is an error of its own
        return ""
    if len(summary.counts) == 1:
        return show(next(iter(summary.counts)))
    if not numbers.count or numbers.lowest != numbers.highest:
        return ""
    if summary.kind == "date":
        return "one date"
    return show(np.bool_(numbers.lowest) if summary.kind == "boolean" else numbers.lowest)


def _reason_of_text(summary: ColumnSummary, present: int, asked: bool) -> str:
    different = len(summary.counts)
    if different > MOST_TEXTS:
        return TOO_MANY_TEXTS
    if different == present and different > 1:
        return "each row has a text of its own, as identifiers do"
    if asked:
        return ""
    if named_as_identifier(summary.name) and different > _FEW_TEXTS:
        return _identifier_unless("--categorical", summary.name)
    once = sum(count for count in summary.counts.values() if count == 1)
    words = sum(len(text.split()) * count for text, count in summary.counts.items()) / present
    if words >= _FREE_TEXT_WORDS and different > present / 4:
        return f"it holds free text, {words:.0f} words on average"
    if once > present / 2 and different > _FEW_TEXTS:
        return f"{once:,} of its {present:,} texts occur once, as in identifiers and free text"
    return ""


def _identifier_unless(option: str, name: str) -> str:
    return f"its name says that it is an identifier ({option} {column_list([name])} keeps it)"
