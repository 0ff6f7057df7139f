"""What an encoder passes over in rows to predict, counted over all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnplug.tables.categories import Categories
from nnplug.tables.scale import Scale
from nnplug.tables.table import Table, as_text
from nnplug.tables.wording import count_of, quote, show, some

if TYPE_CHECKING:
    from nnplug.tables.encoder import Encoder, Encoding

__all__ = ["Remarks"]


class Remarks:
    """Counts unseen categories and unexpected gaps in rows that come in stretches.

    Parameters
    ----------
    encoder : Encoder
    names : sequence of str
        All columns of the data.
    besides : collection of str, optional
        Columns that are used otherwise, such as identifiers.
    """

    def __init__(
        self, encoder: Encoder, names: Sequence[str], besides: Collection[str] = ()
    ) -> None:
        self.encoder = encoder
        used = {each.name for each in encoder.columns}
        known = {*encoder.target, *encoder.left_out, *used, *besides}
        self.others = [name for name in names if name not in known]
        self.rows = 0
        self.source = ""
        self._words: dict[str, set[str]] = {}
        self._unseen: dict[str, int] = {}
        self._missing: dict[str, int] = {}

    def add(self, table: Table) -> None:
        """Count a stretch of rows."""
        self.rows += table.rows
        self.source = table.source
        for each in self.encoder.columns:
            column = table.column(each.name)
            if isinstance(each, Categories):
                column = as_text(column)
                words, count, _ = each.unseen(column)
                if count:
                    self._words.setdefault(each.name, set()).update(words)
                    self._unseen[each.name] = self._unseen.get(each.name, 0) + count
            if column.missing is not None and not _expects_missing(each):
                count = int(np.count_nonzero(column.missing))
                self._missing[each.name] = self._missing.get(each.name, 0) + count

    def lines(self) -> tuple[str, ...]:
        """Say it, each a line for the user."""
        lines = []
        for each in self.encoder.columns:
            label = f"{self.source}: column {quote(each.name)}"
            if isinstance(each, Categories) and each.name in self._unseen:
                what = "rare ones" if each.rare else "none of the known ones"
                lines.append(
                    f"{label} has categories that training did not see, in "
                    f"{self._unseen[each.name]:,} of {count_of(self.rows, 'row')}: "
                    f"{some(sorted(self._words[each.name]))}; they count as {what}"
                )
            if each.name in self._missing:
                lines.append(
                    f"{label} lacks values, in {self._missing[each.name]:,} of "
                    f"{count_of(self.rows, 'row')}, and lacked none in training; {_stand_in(each)}"
                )
        if self.others:
            lines.append(
                f"{self.source}: columns that training did not have are ignored: "
                f"{some(self.others)}"
            )
        return tuple(lines)


def _expects_missing(encoding: Encoding) -> bool:
    return encoding.missing if isinstance(encoding, Categories) else encoding.indicator


def _stand_in(encoding: Encoding) -> str:
    if isinstance(encoding, Categories):
        return "they count as none of the categories"
    if isinstance(encoding, Scale):
        return f"{show(encoding.fill)} stands for each"
    return "the mean date stands for each"
