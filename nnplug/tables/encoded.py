"""Columns that are encoded by formulas: any of the parts of the kind encoding.

Letters: N rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.parts import ColumnFacts, Encoding
from nnplug.parts.encoding import PLACES
from nnplug.tables.dates import Dates, place_in
from nnplug.tables.encoding_choice import Chain, chain_text
from nnplug.tables.encodings import Categories, Plain, Scale, read_plain
from nnplug.tables.summary import ColumnSummary, NumberSummary, years
from nnplug.tables.table import Column, Kind
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray
from nnplug.untrusted import is_number, need, take_list, take_mapping

__all__ = ["Applied", "ColumnEncoding", "Encoded", "is_default", "plain_of", "read_encoding"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Applied:
    """Encodings of one another, with the facts that each needs.

    Attributes
    ----------
    chain : tuple of Encoding
        The first is of the column, each other one of the input of the one before.
    facts : tuple of mapping
        Those of each, by name: numbers, or tuples of numbers.
    """

    chain: Chain
    facts: tuple[ColumnFacts, ...]

    @property
    def text(self) -> str:
        """Its text form."""
        return chain_text(self.chain)

    @property
    def name(self) -> str:
        """Its text form without options."""
        outer = self.chain[-1].name
        inner = [part.name for part in reversed(self.chain[:-1])]
        return "[".join([outer, *inner]) + "]" * len(inner)

    @cached_property
    def width(self) -> int:
        """How many inputs it makes."""
        nothing = dict.fromkeys(PLACES, np.zeros(1))
        return len(self.columns(np.zeros(1), nothing))

    def columns(self, x: AnyArray, places: Mapping[str, AnyArray]) -> list[AnyArray]:
        """Encode the values of some rows; see `Encoding.columns`."""
        for part, facts in zip(self.chain[:-1], self.facts, strict=False):
            (x,) = part.columns(x, {**facts, **places})
        return self.chain[-1].columns(x, {**self.facts[-1], **places})

    def trace(self, x: Any, places: Mapping[str, Any]) -> list[Any]:
        """Trace the formula; see `Encoding.trace`."""
        for part, facts in zip(self.chain[:-1], self.facts, strict=False):
            (x,) = part.trace(x, {**facts, **places})
        return self.chain[-1].trace(x, {**self.facts[-1], **places})

    @classmethod
    def learn(cls, chain: Chain, facts: Callable[[Encoding], ColumnFacts],
              sample: Float64Array) -> Applied:  # fmt: skip
        """Find the facts that encodings need.

        Parameters
        ----------
        facts : callable
            Gives those of the column.
        sample : array
            (n,), values of the column.

        Raises
        ------
        SettingError
            If an encoding that another takes does not make one input.
        """
        found = [facts(chain[0])]
        for number, part in enumerate(chain[1:], start=1):
            inner = cls(chain[:number], tuple(found))
            if "date" in [each.takes for each in inner.chain] or inner.width != 1:
                raise SettingError(
                    f"encoding {part.name!r} takes one input, and {inner.text} makes "
                    f"{inner.width}.\nPut them side by side: '{inner.text} {part.text}'."
                )
            (sample,) = inner.columns(sample, {})
            numbers = NumberSummary()
            numbers.add(sample)
            found.append(_number_facts(part, numbers))
        return cls(chain, tuple(found))


def _number_facts(part: Encoding, numbers: NumberSummary) -> ColumnFacts:
    """Find the facts of numbers that an encoding needs."""
    quarters = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}
    known = {
        "mean": numbers.mean,
        "deviation": numbers.deviation or 1.0,
        "minimum": numbers.lowest,
        "maximum": numbers.highest,
        "count": float(numbers.count),
    }
    facts: dict[str, float | tuple[float, ...]] = {}
    for name in part.facts:
        if name in known:
            facts[name] = known[name]
        elif name in quarters:
            (facts[name],) = numbers.quantiles([quarters[name]])
    for name, asked in part.declared.items():
        shares = part.shares(name)
        edges = numbers.quantiles(np.arange(shares + 1) / shares)
        if asked.distinct:
            edges = sorted(set(edges))
            edges += [edges[0] + max(1.0, abs(edges[0]))] * (len(edges) == 1)
        facts[name] = tuple(edges)
    return facts


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
            return _number_facts(part, summary.numbers)

        sample = summary.numbers.sample
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
                for inputs in applied.columns(x, places):
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
            "encodings": [
                [
                    {"part": place(part), "facts": {name: _plain(facts[name]) for name in facts}}
                    for part, facts in zip(applied.chain, applied.facts, strict=True)
                ]
                for applied in self.encodings
            ],
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
        label = f"an encoding of {quote(plain.name)}"
        applied = []
        for chain in take_list(state["encodings"], f"the encodings of {quote(plain.name)}"):
            steps = [
                take_mapping(step, {"part", "facts"}, label) for step in take_list(chain, label)
            ]
            need(0 < len(steps) <= 4, f"{label} has {len(steps)} parts")
            for step in steps:
                place = step["part"]
                whole = isinstance(place, int) and not isinstance(place, bool)
                need(whole and 0 <= place < len(parts), f"{label} is none of its parts")
            found = [parts[step["part"]] for step in steps]
            facts = [_read_facts(part, step["facts"], label, plain)
                     for part, step in zip(found, steps, strict=True)]  # fmt: skip
            applied.append(Applied(tuple(found), tuple(facts)))
        need(bool(applied), f"{quote(plain.name)} has no encodings")
        return cls(plain, tuple(applied))


def _plain(fact: float | tuple[float, ...]) -> float | list[float]:
    return list(fact) if isinstance(fact, tuple) else fact


_MOST_NUMBERS = 100_000


def _read_facts(part: Encoding, value: object, label: str, plain: Plain) -> ColumnFacts:
    """Read the facts of an encoding, trusting nothing."""
    kept = {name for name in part.needs if name not in PLACES}
    state = take_mapping(value, kept, f"the facts of {label}")
    facts: dict[str, float | tuple[float, ...]] = {}
    for name in kept:
        given = state[name]
        several = name == "counts" or name in part.declared
        numbers = given if isinstance(given, list) and several else [given]
        need(
            0 < len(numbers) <= _MOST_NUMBERS
            and all(is_number(number) and np.isfinite(number) for number in numbers),
            f"the fact {name} of {label} is not made of finite numbers",
        )
        if several:
            need(isinstance(given, list), f"the fact {name} of {label} is not a list")
        facts[name] = tuple(map(float, numbers)) if several else float(given)
    if "counts" in kept and isinstance(plain, Categories):
        need(
            len(state["counts"]) == len(plain.features),
            f"the counts of {label} are not one for each category",
        )
    return facts


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


def plain_of(column: ColumnEncoding) -> Plain:
    """Return what is known of a column without formulas."""
    return column.plain if isinstance(column, Encoded) else column


def read_encoding(value: object, parts: Sequence[Encoding]) -> ColumnEncoding:
    """Make an encoding from what its `to_dict` returned; every value is checked."""
    if isinstance(value, dict) and "encodings" in value:
        return Encoded.from_dict(value, parts)
    return read_plain(value)
