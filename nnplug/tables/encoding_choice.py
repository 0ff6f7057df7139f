"""Which encodings a user chooses for the columns of a table, by their text form.

`piecewise_linear:bins=16 robust_clip` puts the inputs of two encodings side by side.
`robust_clip[log]` is one encoding of another, as a function of a function: what stands in
the brackets comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from nnplug.errors import NnplugError, SettingError, suggest
from nnplug.parts import Encoding, LayerText, Part, parse_layers
from nnplug.plugins.registry import Registry
from nnplug.tables.table import KIND_NAMES, Kind
from nnplug.tables.wording import listed, quote

__all__ = ["ALL", "DEEPEST", "Chain", "EncodingChoice", "chain_text", "find_encodings"]

ALL = "*"
"""Stands for all columns that are not named."""

DEEPEST = 4
"""How many encodings may be of one another."""

Chain = tuple[Encoding, ...]
"""Encodings of one another, the first to be computed first."""

_TAKEN = {"number": ("number", "boolean", "date"), "category": ("text",), "date": ("date",)}
"""The kinds of columns that an encoding may be named for, by what it takes."""


@dataclass(frozen=True)
class EncodingChoice:
    """The encodings that are chosen for the columns of a table.

    Attributes
    ----------
    columns : mapping of str to tuple of Chain
        By the name of the column; those of `ALL` are for all other columns of
        the kinds that they take.
    standard : frozenset of str
        Columns that those of `ALL` are not for.
    """

    columns: Mapping[str, tuple[Chain, ...]] = field(default_factory=dict)
    standard: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.columns)

    @property
    def parts(self) -> Iterator[Encoding]:
        """Every encoding that is chosen."""
        return (part for chains in self.columns.values() for chain in chains for part in chain)

    def check(self, names: Iterable[str], source: str) -> None:
        """Refuse encodings of columns that are not inputs.

        Raises
        ------
        SettingError
        """
        known = list(names)
        for name in self.columns:
            if name != ALL and name not in known:
                raise SettingError(
                    f"{source}: encoding: there is no column {quote(name)} to predict from."
                    f"{suggest(name, known)}\nThere are {listed(map(quote, known))}."
                )

    def of(self, name: str, kind: Kind) -> tuple[Chain, ...]:
        """Give the encodings of a column; empty for the usual one.

        Raises
        ------
        SettingError
            If one that is named for the column takes columns of another kind.
        """
        if name not in self.columns:
            # All others: the numbers of a table, its categories or its dates.
            own = {"number": "number", "text": "category", "date": "date"}.get(kind)
            if name in self.standard:
                return ()
            return tuple(chain for chain in self.columns.get(ALL, ()) if chain[0].takes == own)
        for chain in self.columns[name]:
            if kind not in _TAKEN[chain[0].takes]:
                raise SettingError(
                    f"column {quote(name)} holds {KIND_NAMES[kind]}, and encoding "
                    f"{chain[0].name!r} takes {_PLURALS[chain[0].takes]}.\n"
                    "nnplug plugins list --kind encoding lists the others."
                )
        return self.columns[name]


_PLURALS = {"number": "numbers", "category": "categories", "date": "dates"}


def chain_text(chain: Iterable[Part]) -> str:
    """Write encodings of one another: `robust_clip[log]`."""
    text = ""
    for part in chain:
        text = f"{part.text}[{text}]" if text else part.text
    return text


def find_encodings(asked: Mapping[str, str | Encoding], registry: Registry) -> EncodingChoice:
    """Find the encodings that are named.

    Parameters
    ----------
    asked : mapping of str to str or Encoding
        The text form of the encodings of each column, and of `ALL` others.

    Raises
    ------
    NnplugError
        If there is no such encoding, a text is malformed, or one encoding cannot
        be that of another.
    """
    found: dict[str, tuple[Chain, ...]] = {}
    for column, given in asked.items():
        where = "encoding" if column == ALL else f"encoding of column {quote(column)}"
        if isinstance(given, Part):
            found[column] = ((cast(Encoding, registry.get("encoding", given)),),)
            continue
        try:
            texts = parse_layers(given)
            if not texts:
                raise SettingError("it is empty.\nName one, such as robust_clip.")
            found[column] = tuple(_chain(text, registry, where) for text in texts)
        except NnplugError as error:
            hint = ""
            if "," in given.partition(":")[0]:
                hint = (
                    "\nWrite encodings side by side with a space between, 'log robust_clip', and "
                    "one of another in brackets: 'robust_clip[log]'."
                )
            raise type(error)(f"{where} = {given!r}: {error}{hint}") from None
    return EncodingChoice(found)


def _chain(text: LayerText, registry: Registry, where: str) -> Chain:
    """Find an encoding, and those that it holds."""
    outer, inner = text, text.inner
    chain = [cast(Encoding, registry.get("encoding", outer.text))]
    while inner is not None:
        if len(inner) != 1 or len(chain) == DEEPEST:
            raise SettingError(
                f"{outer.text!r} holds {len(inner)} encodings; it takes the one input of another."
                if len(inner) != 1
                else f"encodings of one another are more than {DEEPEST} deep."
            )
        if chain[-1].takes != "number":
            raise SettingError(
                f"{chain[-1].name!r} takes {_PLURALS[chain[-1].takes]}, not the input of another "
                "encoding."
            )
        (outer,) = inner
        chain.append(cast(Encoding, registry.get("encoding", outer.text)))
        inner = outer.inner
    return tuple(reversed(chain))
