"""How one column of a table becomes inputs of a network by default.

Numbers and truth values are standardised (`Scale`), text becomes an input of 0
or 1 for each category (`Categories`), and dates become numbers (`Dates`). These are
the encodings `standard`, `one_hot` and `date_parts`; all others are formulas: see `encoded`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.tables.dates import Dates
from nnplug.tables.goal import Transform, back, forward
from nnplug.tables.missing import refuse_infinite
from nnplug.tables.numerals import Numerals
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import Column, Kind, kind_error
from nnplug.tables.wording import count_of, quote, show, some
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_flag, take_mapping, take_names, take_number, take_text

__all__ = ["FAR", "Categories", "Plain", "Scale", "read_plain"]

Float64Array = npt.NDArray[np.float64]

FAR = 10.0
"""Standard deviations from the mean beyond which an input grows like a logarithm."""

MOST_CATEGORIES = 100
"""The most categories of one column that have an input of their own."""


@dataclass(frozen=True)
class Scale:
    """How a column of numbers or truth values is standardised.

    Attributes
    ----------
    name : str
        The column.
    kind : str
        `"number"` or `"boolean"`; a truth value counts as 0 or 1.
    mean, scale : float
        In the unit of the column. The network sees `z = (x - mean) / scale`.
        For inputs with `|z| > FAR` it is `±(FAR + log(1 + |z| - FAR))`
        instead, which keeps the order, so that one value far from all others,
        often an error, does not outweigh them in a sum.
    fill : float
        The number that replaces a missing value, in the unit of the column.
    indicator : bool
        Whether a second input, 0 or 1, tells where values are missing.
    transform : str, optional
        What a target goes through before it is standardised; mean and scale
        are those of the result.
    written : str
        How the file with the rows for training wrote the numbers, as
        `Numerals.written`; files with rows to predict are read the same way.
        Empty for plain numbers.
    """

    name: str
    kind: Literal["number", "boolean"]
    mean: float
    scale: float
    fill: float
    indicator: bool = False
    transform: Transform | None = None
    written: str = ""

    @classmethod
    def learn(
        cls, summary: ColumnSummary, source: str, role: str, *, median: bool = False
    ) -> Scale:
        """Learn the scale of a column from the rows for training.

        A constant column keeps its unit.

        Raises
        ------
        DataError
            If the numbers are too large for a mean and a standard deviation.
        """
        kind: Literal["number", "boolean"] = "boolean" if summary.kind == "boolean" else "number"
        numbers = summary.numbers
        if not (np.isfinite(numbers.mean) and np.isfinite(numbers.deviation)):
            raise DataError(
                f"{source}: {role} {quote(summary.name)} has numbers from {numbers.lowest:g} to "
                f"{numbers.highest:g}, too large for a mean and a standard deviation.\n"
                "Use a larger unit, or take the column out of the table."
            )
        fill = numbers.median if median else numbers.mean
        indicator = role == "column" and summary.training_missing > 0
        scale = numbers.deviation or 1.0
        return cls(
            summary.name,
            kind,
            numbers.mean,
            scale,
            fill,
            indicator,
            written=summary.written if kind == "number" else "",
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its inputs: `"age"`, and perhaps `"age=(missing)"`."""
        return (self.name, f"{self.name}=(missing)") if self.indicator else (self.name,)

    @property
    def expects_missing(self) -> bool:
        """Whether values were missing in training."""
        return self.indicator

    @property
    def stand_in(self) -> str:
        """What a missing value counts as, for messages."""
        return f"{show(self.fill)} replaces them"

    def check(self, column: Column, source: str) -> None:
        """Refuse a column that cannot be standardised.

        Raises
        ------
        DataError
            If it is of another kind, or has infinite numbers.
        """
        if column.kind not in ("number", "boolean") and column.present.any():
            raise kind_error(source, column, self.kind)
        refuse_infinite(source, column, "column")
        if self.kind == "boolean" and column.kind == "number":
            wrong = np.flatnonzero((column.data != 0) & (column.data != 1) & column.present)
            if wrong.size:
                raise DataError(
                    f"{source}: column {quote(column.name)} holds {show(column.data[wrong[0]])} "
                    f"in row {wrong[0] + 1}, and was a truth value in training: true or false, 1 "
                    "or 0."
                )

    def writer(
        self, column: Column, source: str, *, bent: bool = True
    ) -> Callable[[slice, AnyArray], None]:
        """Make a function that writes standardised values of some rows, (n, 1 or 2), over zeros.

        That function raises a `DataError` for a number that overflows.

        Parameters
        ----------
        bent : bool
            Whether values beyond `FAR` are bent to a logarithm. Those of a target
            are not, so that a prediction can be converted back.
        """

        def write(rows: slice, out: AnyArray) -> None:
            if column.kind not in ("number", "boolean"):  # it has no values: see check
                values = np.full(len(out), self.fill)
            else:
                values = column.data[rows].astype(np.float64, copy=False)
            if column.missing is not None:
                missing = column.missing[rows]
                values = np.where(missing, self.fill, values)
                if self.indicator:
                    out[:, 1] = missing
            values = forward(self.transform, values)
            with np.errstate(over="ignore", under="ignore"):
                standard = values - self.mean
                standard /= self.scale
                # Two cheap passes first, since few columns have a value that is far.
                if not (standard.max(initial=0) <= FAR and standard.min(initial=0) >= -FAR):
                    self._settle_far(standard, column, rows, source, bent=bent)
                out[:, 0] = standard

        return write

    def _settle_far(
        self, standard: Float64Array, column: Column, rows: slice, source: str, *, bent: bool
    ) -> None:
        """Bend values beyond `FAR` to a logarithm, in place; refuse those that overflowed."""
        far = np.flatnonzero(~(np.abs(standard) <= FAR))
        away = standard[far]
        finite = np.isfinite(away)
        if not finite.all():
            row = int(far[~finite][0]) + (rows.start or 0)
            raise DataError(
                f"{source}: column {quote(column.name)} holds {show(column.data[row])} in row "
                f"{row + 1}, which is too far from the training data's mean {self.mean:g} for "
                "float64."
            )
        if bent:
            standard[far] = np.copysign(FAR + np.log1p(np.abs(away) - FAR), away)

    def decode(self, standard: Float64Array) -> Float64Array:
        """Convert standardised values, (N,), back to the unit of the column."""
        with np.errstate(over="ignore", invalid="ignore"):  # as in the network itself
            return back(self.transform, standard * self.scale + self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "mean": self.mean,
            "scale": self.scale,
            "fill": self.fill,
            "indicator": self.indicator,
            **({} if self.transform is None else {"transform": self.transform}),
            **({"written": self.written} if self.written else {}),
        }

    @classmethod
    def from_dict(cls, value: object) -> Scale:
        """Make it from what `to_dict` returned; every value is checked."""
        keys = {"name", "kind", "mean", "scale", "fill", "indicator"}
        more = frozenset({"transform", "written"})
        state = take_mapping(value, keys, "a scale", may_have=more)
        name = take_text(state["name"], "the name of a scale")
        need(state["kind"] in ("number", "boolean"), f"the kind of {quote(name)} is unknown")
        mean, scale, fill = (
            take_number(state[key], f"the {key} of {quote(name)}")
            for key in ("mean", "scale", "fill")
        )
        need(scale > 0, f"the scale of {quote(name)} is not positive")
        indicator = take_flag(state["indicator"], f"the indicator of {quote(name)}")
        transform = state.get("transform")
        need(
            transform in (None, *get_args(Transform)), f"the transform of {quote(name)} is unknown"
        )
        written = take_text(state.get("written", ""), f"how {quote(name)} is written")
        need(Numerals.of(written) is not None, f"how {quote(name)} is written is unknown")
        return cls(name, state["kind"], mean, scale, fill, indicator, transform, written)


@dataclass(frozen=True)
class Categories:
    """How a text column becomes one input of 0 or 1 per category.

    Attributes
    ----------
    name : str
        The column.
    categories : tuple of str
        Those with an input of their own, sorted.
    rare : tuple of str
        The categories of training that share one input with those that
        training did not see, sorted. Without any there is no such input, since
        nothing could be learned for it: an unseen text is then 0 in every input.
    missing : bool
        Whether there is a category for missing values.
    """

    kind: ClassVar[Kind] = "text"
    written: ClassVar[str] = ""

    name: str
    categories: tuple[str, ...]
    rare: tuple[str, ...] = ()
    missing: bool = False

    @classmethod
    def learn(cls, summary: ColumnSummary) -> Categories:
        """Learn the categories of a column from the rows for training.

        Categories that occur once are rare, and so are all but the 100 most
        frequent ones.
        """
        counts = summary.counts
        ranked = sorted(counts, key=lambda text: (-counts[text], text))
        kept = [text for text in ranked[:MOST_CATEGORIES] if counts[text] > 1]
        rare = ranked[len(kept) :]
        if len(rare) == 1 and len(kept) < MOST_CATEGORIES and kept:
            kept, rare = ranked, []  # a shared input of one category would only hide its name
        missing = summary.training_missing > 0
        return cls(summary.name, tuple(sorted(kept)), tuple(sorted(rare)), missing)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its inputs: `"island=Biscoe"`."""
        others = (*(["(other)"] if self.rare else ()), *(["(missing)"] if self.missing else ()))
        return tuple(f"{self.name}={text}" for text in (*self.categories, *others))

    @property
    def expects_missing(self) -> bool:
        """Whether values were missing in training."""
        return self.missing

    @property
    def stand_in(self) -> str:
        """What a missing value counts as, for messages."""
        return "they count as none of the categories"

    def check(self, column: Column, source: str) -> None:
        """Refuse a column of dates."""
        if column.kind == "date" and column.present.any():
            raise kind_error(source, column, "text")

    def counts(self, summary: ColumnSummary) -> tuple[float, ...]:
        """Count the rows for training of each input."""
        of = summary.counts
        found = [of[text] for text in self.categories]
        found += [sum(of[text] for text in self.rare)] * bool(self.rare)
        found += [summary.training_missing] * self.missing
        return tuple(map(float, found))

    def places(self, words: tuple[str, ...]) -> AnyArray:
        """Find the input of each word, or -1, followed by that of a missing value."""
        other = len(self.categories) if self.rare else -1
        place = {word: i for i, word in enumerate(self.categories)}
        found = [place.get(word, other) for word in words]
        return np.array([*found, len(self.features) - 1 if self.missing else -1], np.int64)

    def writer(self, column: Column, source: str) -> Callable[[slice, AnyArray], None]:
        """Make a function that writes 1 into the inputs of some rows, (n, features), all 0."""
        of_code = self.places(column.words)

        def write(rows: slice, out: AnyArray) -> None:
            places = of_code[column.data[rows]]
            known = np.flatnonzero(places >= 0)
            out[known, places[known]] = 1

        return write

    def unseen(self, column: Column) -> tuple[list[str], int, int]:
        """Find texts that training did not see: which, in how many rows, and the first row."""
        known = {*self.categories, *self.rare}
        strange = np.array([word not in known for word in column.words] + [False], bool)
        rows = np.flatnonzero(strange[column.data])
        words = [column.words[code] for code in np.unique(column.data[rows]).tolist()]
        return words, rows.size, int(rows[0]) if rows.size else -1

    def refuse_unseen(self, column: Column, source: str) -> None:
        """Refuse a column with texts that training did not see.

        Raises
        ------
        DataError
        """
        words, count, row = self.unseen(column)
        if count:
            raise DataError(
                f"{source}: column {quote(self.name)} has categories that training did not see, "
                f"in {count_of(count, 'row')}, the first in row {row + 1}: {some(words)}.\n"
                "Train on rows that hold them, or let them count as rare ones: --unknown bucket"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "kind": "text",
            "categories": list(self.categories),
            "rare": list(self.rare),
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, value: object) -> Categories:
        """Make it from what `to_dict` returned; every value is checked."""
        keys = {"name", "kind", "categories", "rare", "missing"}
        state = take_mapping(value, keys, "a text column")
        name = take_text(state["name"], "the name of a text column")
        categories = take_names(state["categories"], f"the categories of {quote(name)}")
        rare = take_names(state["rare"], f"the rare categories of {quote(name)}")
        missing = take_flag(state["missing"], f"whether {quote(name)} may be missing")
        need(bool(categories or rare or missing), f"{quote(name)} has no categories")
        need(not set(categories) & set(rare), f"{quote(name)} has a category twice")
        for texts in (categories, rare):
            need(list(texts) == sorted(texts), f"the categories of {quote(name)} are not sorted")
        return cls(name, categories, rare, missing)


Plain = Scale | Categories | Dates
"""How one column becomes inputs by default."""


def read_plain(value: object) -> Plain:
    """Make an encoding from what its `to_dict` returned; every value is checked."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "text":
        return Categories.from_dict(value)
    if kind == "date":
        return Dates.from_dict(value)
    return Scale.from_dict(value)
