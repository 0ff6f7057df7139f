"""Columns that are encoded by formulas: any of the parts of the kind encoding.

Letters: N rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.parts import ColumnFacts, Encoding
from nnplug.parts.encoding import PLACES
from nnplug.tables.applied import Applied, number_facts
from nnplug.tables.dates import Dates, place_in
from nnplug.tables.encoding_choice import Chain
from nnplug.tables.encodings import Categories, Plain, Scale, read_plain
from nnplug.tables.sample import SAMPLE
from nnplug.tables.summary import ColumnSummary, years
from nnplug.tables.table import Column, Kind, Table, as_text
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_list, take_mapping

__all__ = [
    "ColumnEncoding",
    "Encoded",
    "column_of",
    "columns_to_dicts",
    "formulas_of",
    "is_default",
    "kinds_of",
    "plain_of",
    "read_encoding",
]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Encoded:
    """How a column becomes inputs by formulas.

    Missing numbers are filled and then encoded; where a date is missing, all inputs are 0.
    Either has another input that tells where. A missing category is one of the
    categories.

    Attributes
    ----------
    plain : Scale, Categories or Dates
        What is known of the column without the formulas: its name and kind, its
        categories, and what replaces a missing value.
    encodings : tuple of Applied
        Whose inputs stand side by side.
    """

    plain: Plain
    encodings: tuple[Applied, ...]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.plain.name)

    @classmethod
    def learn(cls, plain: Plain, chains: Sequence[Chain], summary: ColumnSummary) -> Encoded:
        """Learn the facts of a column from the rows for training.

        Raises
        ------
        DataError
            If a formula gives no finite numbers for the values of the column.
        SettingError
            If an encoding cannot be that of another.
        """

        def facts(part: Encoding) -> ColumnFacts:
            if isinstance(plain, Categories):
                counts = plain.counts(summary)
                known: dict[str, Any] = {"counts": counts, "count": sum(counts)}
                return {name: known[name] for name in part.facts}
            return number_facts(part, summary.numbers)

        sample = summary.numbers.sample
        if isinstance(plain, Categories):
            sample = _places_sample(np.array(plain.counts(summary)))
        return cls(plain, tuple(Applied.learn(chain, facts, sample) for chain in chains))

    # --- as the plain encodings ---------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """The kind of the column."""
        return self.plain.kind

    @property
    def written(self) -> str:
        """How the file with the rows for training wrote it."""
        return self.plain.written

    @property
    def expects_missing(self) -> bool:
        """Whether values were missing in training."""
        return self.plain.expects_missing

    @property
    def stand_in(self) -> str:
        """What a missing value counts as, for messages."""
        return self.plain.stand_in

    @property
    def indicator(self) -> bool:
        """Whether the last input tells where values are missing."""
        return not isinstance(self.plain, Categories) and self.plain.indicator

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of its inputs: `"age.robust_clip"`, `"age.piecewise_linear1"`."""
        names = Counter(applied.name for applied in self.encodings)
        found: list[str] = []
        for applied in self.encodings:
            label = applied.name if names[applied.name] == 1 else applied.text
            if len(self.encodings) == 1 and applied.width == len(self.plain.features) > 1:
                found += self.plain.features  # an input for each category
            elif applied.width == 1:
                found.append(f"{self.name}.{label}")
            else:
                found += [f"{self.name}.{label}{place + 1}" for place in range(applied.width)]
        return (*found, *([f"{self.name}=(missing)"] if self.indicator else []))

    def check(self, column: Column, source: str) -> None:
        """Refuse a column of another kind, or with infinite numbers."""
        self.plain.check(column, source)

    def refuse_unseen(self, column: Column, source: str) -> None:
        """Refuse a column with categories that training did not see."""
        if isinstance(self.plain, Categories):
            self.plain.refuse_unseen(column, source)

    def writer(self, column: Column, source: str) -> Callable[[slice, AnyArray], None]:
        """Make a function that writes the inputs of some rows, (n, features), over zeros."""
        values = _values(self.plain, column)

        def write(rows: slice, out: AnyArray) -> None:
            x, places, missing = values(rows, len(out))
            place = 0
            for applied in self.encodings:
                for inputs in applied.columns(x.copy(), places):
                    if not np.isfinite(inputs).all():
                        row = int(np.flatnonzero(~np.isfinite(inputs))[0])
                        raise self._not_finite(applied, column, rows, row, source)
                    out[:, place] = inputs
                    place += 1
            if isinstance(self.plain, Dates) and missing is not None:
                out[missing] = 0
            if self.indicator and missing is not None:
                out[:, -1] = missing

        return write

    def _not_finite(
        self, applied: Applied, column: Column, rows: slice, row: int, source: str
    ) -> DataError:
        row += rows.start or 0
        part = applied.chain[-1]
        return DataError(
            f"{source}: column {quote(self.name)} holds {show(column.values[row])} in row "
            f"{row + 1}, for which encoding {applied.text!r} ({part.place}) gives no finite "
            "number.\nChoose another encoding for the column, or mend its formula."
        )

    # --- keeping ------------------------------------------------------------------------

    def to_dict(self, place: Callable[[Encoding], int]) -> dict[str, Any]:
        """Return it as plain values.

        Parameters
        ----------
        place : callable
            Gives a part's place in the list of the encoder's parts.
        """
        return {
            "plain": self.plain.to_dict(),
            "encodings": [applied.to_dict(place) for applied in self.encodings],
        }

    @classmethod
    def from_dict(cls, value: object, parts: Sequence[Encoding]) -> Encoded:
        """Make it from what `to_dict` returned; every value is checked.

        Raises
        ------
        ModelFileError
        """
        state = take_mapping(value, {"plain", "encodings"}, "an encoded column")
        plain = read_plain(state["plain"])
        label, categories = f"an encoding of {quote(plain.name)}", len(plain.features)
        applied = [
            Applied.from_dict(chain, parts, label, categories)
            for chain in take_list(state["encodings"], f"the encodings of {quote(plain.name)}")
        ]
        need(bool(applied), f"{quote(plain.name)} has no encodings")
        return cls(plain, tuple(applied))


def is_default(plain: Plain, chains: Sequence[Chain]) -> bool:
    """Tell whether the encodings that are chosen for a column are what it has by default."""
    if not chains:
        return True
    from nnplug.builtin import encodings  # noqa: PLC0415  # few runs choose encodings

    part, usual = chains[0][-1], encodings.standard
    if isinstance(plain, Categories):
        usual = encodings.one_hot
    elif isinstance(plain, Dates):
        if len(plain.cycles) < len(PLACES):  # those that the rows do not cover are left out
            return False
        usual = encodings.date_parts
    same = part.function is usual.function and part.options == usual.options
    return same and len(chains) == len(chains[0]) == 1


def _places_sample(counts: Float64Array) -> Float64Array:
    """List the places of categories, each as often as it occurs; in proportion if too often."""
    thinner = max(1.0, float(counts.sum()) / SAMPLE)
    return np.repeat(
        np.arange(len(counts), dtype=np.float64), np.ceil(counts / thinner).astype(int)
    )


_Values = tuple[AnyArray, dict[str, AnyArray], AnyArray | None]


def _values(plain: Plain, column: Column) -> Callable[[slice, int], _Values]:
    """Make a function that gives x, (n,), its places in cycles, and where it is missing."""
    if isinstance(plain, Categories):
        of_code = plain.places(column.words)
        return lambda rows, count: (of_code[column.data[rows]].astype(np.float64), {}, None)

    def numbers(rows: slice, count: int) -> _Values:
        missing = None if column.missing is None else column.missing[rows]
        fits = ("date",) if isinstance(plain, Dates) else ("number", "boolean")
        if column.kind not in fits:  # it has no values: see check
            missing = np.ones(count, bool)
        fill = plain.fill if isinstance(plain, Scale) else plain.mean
        if missing is not None and missing.all():
            nowhere = dict.fromkeys(PLACES, np.zeros(count))
            return np.full(count, fill), nowhere, missing
        if isinstance(plain, Scale):
            x = column.data[rows].astype(np.float64, copy=False)
            return (x if missing is None else np.where(missing, fill, x)), {}, missing
        instants = column.data[rows]
        if missing is not None:
            instants = np.where(missing, np.datetime64(0, "us"), instants)
        places = {cycle: place_in(instants, cycle) for cycle in PLACES}
        x = years(instants)
        return (x if missing is None else np.where(missing, fill, x)), places, missing

    return numbers


ColumnEncoding = Plain | Encoded
"""How one column becomes inputs."""


def column_of(table: Table, encoding: ColumnEncoding) -> Column:
    """Take the column of an encoding; numbers become text if they were text in training."""
    column = table.column(encoding.name)
    return as_text(column) if encoding.kind == "text" else column


def formulas_of(columns: Sequence[ColumnEncoding]) -> tuple[Encoding, ...]:
    """List the formulas that encode columns, each once, in the order of their use."""
    found: dict[Hashable, Encoding] = {}
    for column in columns:
        for applied in column.encodings if isinstance(column, Encoded) else ():
            for part in applied.chain:
                found.setdefault(_key(part), part)
    return tuple(found.values())


def columns_to_dicts(columns: Sequence[ColumnEncoding]) -> list[dict[str, Any]]:
    """Return columns as plain values; formulas are places in `formulas_of`."""
    places = {_key(part): place for place, part in enumerate(formulas_of(columns))}
    return [
        column.to_dict(lambda part: places[_key(part)])
        if isinstance(column, Encoded)
        else column.to_dict()
        for column in columns
    ]


def _key(part: Encoding) -> Hashable:
    """Return what two parts of the same formula and options have in common."""
    return part.function, tuple(sorted(part.options.items()))


def plain_of(column: ColumnEncoding) -> Plain:
    """Return what is known of a column without formulas."""
    return column.plain if isinstance(column, Encoded) else column


_Kind = Literal["number", "category", "other"]


def kinds_of(column: ColumnEncoding) -> list[_Kind]:
    """Say what each input of a column is; see `InputColumn`."""
    plain, count = plain_of(column), len(column.features)
    first: _Kind = "other" if plain.kind == "boolean" else "number"
    if isinstance(plain, Categories):
        return ["category"] * count
    # Of a date: time is a number, and its places in cycles are between -1 and 1 already.
    numbers = 1 if isinstance(column, Dates) else count - int(plain.indicator)
    marks: list[_Kind] = ["other"] * (count - numbers)
    return [first] * numbers + marks


def read_encoding(value: object, parts: Sequence[Encoding]) -> ColumnEncoding:
    """Make an encoding from what its `to_dict` returned; every value is checked."""
    if isinstance(value, dict) and "encodings" in value:
        return Encoded.from_dict(value, parts)
    return read_plain(value)
