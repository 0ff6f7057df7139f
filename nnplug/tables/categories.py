"""Text, as an input of 0 or 1 for each category."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.tables.state import names_of, need, text_of
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import Column, kind_error
from nnplug.tables.wording import quote
from nnplug.types import AnyArray

__all__ = ["MOST_CATEGORIES", "Categories"]

MOST_CATEGORIES = 100
"""As many categories of a column have an input each."""


@dataclass(frozen=True)
class Categories:
    """How one text column becomes an input per category, of 0 or 1.

    Attributes
    ----------
    name : str
        The column.
    categories : tuple of str
        Those with an input of their own, sorted.
    rare : tuple of str
        Those of training that share one input with what training did not see,
        sorted. Without any there is no such input, since nothing could be
        learned for it: an unseen text is then 0 in every input.
    missing : bool
        Whether a missing value is a category of its own.
    """

    name: str
    categories: tuple[str, ...]
    rare: tuple[str, ...] = ()
    missing: bool = False

    @classmethod
    def learn(cls, summary: ColumnSummary) -> Categories:
        """Learn it from a column of the rows for training.

        A category that occurs once is rare, and so are those beyond the 100
        that occur most.
        """
        counts = summary.counts
        ranked = sorted(counts, key=lambda text: (-counts[text], text))
        kept = [text for text in ranked[:MOST_CATEGORIES] if counts[text] > 1]
        rare = ranked[len(kept) :]
        if len(rare) == 1 and len(kept) < MOST_CATEGORIES and kept:
            kept, rare = ranked, []  # nothing is gained by hiding its name
        missing = summary.training_missing > 0
        return cls(summary.name, tuple(sorted(kept)), tuple(sorted(rare)), missing)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs it becomes: `"island=Biscoe"`."""
        others = [
            each for each, there in (("(other)", self.rare), ("(missing)", self.missing)) if there
        ]
        return tuple(f"{self.name}={each}" for each in (*self.categories, *others))

    def check(self, column: Column, source: str) -> None:
        """Refuse a column of dates."""
        if column.kind == "date" and column.present.any():
            raise kind_error(source, column, "text")

    def _places(self, words: tuple[str, ...]) -> AnyArray:
        """Give the input of each word, -1 for none, and last that of a missing value."""
        other = len(self.categories) if self.rare else -1
        place = {word: i for i, word in enumerate(self.categories)}
        found = [place.get(word, other) for word in words]
        return np.array([*found, len(self.features) - 1 if self.missing else -1], np.int64)

    def writer(self, column: Column) -> Callable[[slice, AnyArray], None]:
        """Give what writes 1 into the inputs of some rows, (n, features), that are 0."""
        of_code = self._places(column.words)

        def write(rows: slice, out: AnyArray) -> None:
            places = of_code[column.data[rows]]
            known = np.flatnonzero(places >= 0)
            out[known, places[known]] = 1

        return write

    def unseen(self, column: Column) -> tuple[list[str], int, int]:
        """Find what training did not see: texts, in how many rows, and the first row."""
        known = {*self.categories, *self.rare}
        strange = np.array([word not in known for word in column.words] + [False], bool)
        rows = np.flatnonzero(strange[column.data])
        words = [column.words[code] for code in np.unique(column.data[rows]).tolist()]
        return words, rows.size, int(rows[0]) if rows.size else -1

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain values."""
        return {
            "name": self.name,
            "kind": "text",
            "categories": list(self.categories),
            "rare": list(self.rare),
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Categories:
        """Read what `to_dict` wrote, trusting nothing in it."""
        keys = {"name", "kind", "categories", "rare", "missing"}
        need(set(value) == keys, "a text column has other keys")
        name = text_of(value["name"], "a column's name")
        categories = names_of(value["categories"], f"the categories of {quote(name)}")
        rare = names_of(value["rare"], f"the rare categories of {quote(name)}")
        need(isinstance(value["missing"], bool), f"missing of {quote(name)} is no truth value")
        need(bool(categories or rare or value["missing"]), f"{quote(name)} has no categories")
        need(not set(categories) & set(rare), f"{quote(name)} has a category twice")
        for each in (categories, rare):
            need(list(each) == sorted(each), f"{quote(name)} is not sorted")
        return cls(name, categories, rare, value["missing"])
