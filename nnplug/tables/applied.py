"""Encodings with the facts of a column that they need, learned or read from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError
from nnplug.parts import ColumnFacts, Encoding
from nnplug.parts.encoding import PLACES
from nnplug.tables.encoding_choice import DEEPEST, Chain, chain_text
from nnplug.tables.summary import NumberSummary
from nnplug.tables.wording import count_of
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_list, take_mapping, take_number

__all__ = ["Applied", "number_facts"]

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
            found.append(number_facts(part, numbers))
        return cls(chain, tuple(found))

    def to_dict(self, place: Callable[[Encoding], int]) -> list[dict[str, Any]]:
        """Return it as plain values.

        Parameters
        ----------
        place : callable
            Gives a part's place in the list of the encoder's parts.
        """
        return [
            {
                "part": place(part),
                "facts": {
                    name: list(fact) if isinstance(fact, tuple) else fact
                    for name, fact in facts.items()
                },
            }
            for part, facts in zip(self.chain, self.facts, strict=True)
        ]

    @classmethod
    def from_dict(
        cls, value: object, parts: Sequence[Encoding], label: str, categories: int
    ) -> Applied:
        """Make it from what `to_dict` returned; every value is checked.

        Parameters
        ----------
        label : str
            What it is, for messages.
        categories : int
            How many categories the column has.

        Raises
        ------
        ModelFileError
        """
        chain, facts = [], []
        for given in take_list(value, label):
            step = take_mapping(given, {"part", "facts"}, label)
            place = step["part"]
            whole = isinstance(place, int) and not isinstance(place, bool)
            need(whole and 0 <= place < len(parts), f"{label} is none of its parts")
            chain.append(parts[place])
            facts.append(_read_facts(parts[place], step["facts"], label, categories))
        need(0 < len(chain) <= DEEPEST, f"{label} has {len(chain)} parts")
        return cls(tuple(chain), tuple(facts))


def number_facts(part: Encoding, numbers: NumberSummary) -> ColumnFacts:
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


def _read_facts(part: Encoding, value: object, label: str, categories: int) -> ColumnFacts:
    """Read the facts of an encoding, trusting nothing."""
    kept = [name for name in part.needs if name not in PLACES]
    state = take_mapping(value, set(kept), f"the facts of {label}")
    facts: dict[str, float | tuple[float, ...]] = {}
    for name in kept:
        what = f"the fact {name} of {label}"
        if name != "counts" and name not in part.declared:
            facts[name] = take_number(state[name], what)
            continue
        numbers = tuple(take_number(number, what) for number in take_list(state[name], what))
        most = categories if name == "counts" else part.shares(name) + 1
        exact = name == "counts" or not part.declared[name].distinct
        fits = len(numbers) == most if exact else 2 <= len(numbers) <= most
        need(fits, f"{what} has {count_of(len(numbers), 'number')}")
        need(name == "counts" or list(numbers) == sorted(numbers), f"{what} is not in order")
        facts[name] = numbers
    return facts
