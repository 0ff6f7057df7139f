"""The cells of a row, and how they become the inputs of a network: formulas of an encoder.

Letters: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from nnplug.formulas.graph import Graph, Operation, Symbol
from nnplug.parts.encoding import PLACES
from nnplug.tables.dates import Dates
from nnplug.tables.encoded import Encoded
from nnplug.tables.encoder import Encoder
from nnplug.tables.encodings import FAR, Categories, Scale
from nnplug.types import AnyArray

__all__ = ["COLUMN", "STACK", "TO_FLOAT64", "TO_NETWORK", "Cell", "Cells", "encode"]

Fact = Literal["number", "truth", "missing", "equals", "known", "years", "year", "week", "day"]


@dataclass(frozen=True)
class Cell:
    """What is asked of a row's cell: a leaf of the graph, of shape (N,).

    Attributes
    ----------
    column : str
    fact : str
        `"number"`: its value as a float64; `"truth"`: 0 or 1, a float64 too;
        anything where it is missing. `"missing"`: whether it has no value. `"equals"`:
        whether it is the text in `texts`. `"known"`: whether it is one of
        those. `"years"`: the time of a date in years of 365.2425 days since
        1970. `"year"`, `"week"`, `"day"`: the place of
        a date in that cycle, from 0 to below 1.
    texts : tuple of str
    """

    column: str
    fact: Fact
    texts: tuple[str, ...] = ()

    @property
    def is_truth(self) -> bool:
        """Whether it is a truth value."""
        return self.fact in ("missing", "equals", "known")


class Cells:
    """Makes the leaves of a graph, none of them twice.

    Attributes
    ----------
    found : dict of str to Cell
        By the names of the graph's arguments.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: dict[str, Cell] = {}
        self._names: dict[Cell, str] = {}

    def __call__(self, column: str, fact: Fact, *texts: str) -> Symbol:
        """Give the leaf for a question about a column."""
        cell = Cell(column, fact, texts)
        name = self._names.setdefault(cell, f"cell{len(self._names) + 1}")
        self.found[name] = cell
        return self.graph.input(name, ("N",), "bool" if cell.is_truth else "float")


def _bend(value: Symbol, missing: Symbol, mean: float, scale: float, fill: float) -> Any:
    z = (np.where(missing, fill, value) - mean) / scale
    far = abs(z)
    beyond = FAR + np.log1p(np.maximum(far - FAR, 0))
    return np.where(far > FAR, np.copysign(beyond, z), z)


STANDARDISE = Operation("standardise", _bend, shape=lambda shape, *_, **__: shape, lower=_bend)
"""Numbers (N,) in standard deviations, growing as a logarithm where they are far out."""


def _stack(*columns: AnyArray) -> AnyArray:
    return np.stack(columns, axis=-1)


STACK = Operation("stack", _stack, shape=lambda *shapes: (shapes[0][0], len(shapes)))
"""Columns (N,) side by side: (N, D)."""

COLUMN = Operation(
    "column", lambda x, place: x[:, place], shape=lambda shape, place: shape[:1]
)  # fmt: skip
"""One column of (N, C): (N,)."""

TO_NETWORK = Operation("to_network", lambda x: x, shape=lambda shape: shape)
"""Round to the network's dtype."""

TO_FLOAT64 = Operation("to_float64", lambda x: x.astype(np.float64), shape=lambda shape: shape)
"""Go on in float64."""


def encode(encoder: Encoder, cells: Cells) -> list[Symbol]:
    """Write the D inputs of a network, (N,) each, as formulas of the cells."""
    columns: list[Symbol] = []
    for encoding in encoder.columns:
        if isinstance(encoding, Encoded):
            found = _formulas(encoding, cells)
        elif isinstance(encoding, Scale):
            found = _numbers(encoding, cells)
        elif isinstance(encoding, Categories):
            found = _categories(encoding, cells)
        else:
            found = _dates(encoding, cells)
        columns += found
    return columns


def _numbers(encoding: Scale, cells: Cells) -> list[Any]:
    missing = cells(encoding.name, "missing")
    value = cells(encoding.name, "truth" if encoding.kind == "boolean" else "number")
    options = {"mean": encoding.mean, "scale": encoding.scale, "fill": encoding.fill}
    z = value.graph.apply(STANDARDISE, value, missing, **options)
    return [z, _share(missing)] if encoding.indicator else [z]


def _categories(encoding: Categories, cells: Cells) -> list[Any]:
    name, texts = encoding.name, encoding.categories
    hits = [cells(name, "equals", text) for text in texts]
    missing = cells(name, "missing")
    if encoding.rare:
        seen: Any = cells(name, "known", *texts) | missing if texts else missing
        hits.append(~seen)
    if encoding.missing:
        hits.append(missing)
    return [_share(hit) for hit in hits]


def _dates(encoding: Dates, cells: Cells) -> list[Any]:
    missing = cells(encoding.name, "missing")
    found: list[Any] = [(cells(encoding.name, "years") - encoding.mean) / encoding.scale]
    for cycle in encoding.cycles:
        angle = 2 * np.pi * cells(encoding.name, cast(Fact, cycle))
        found += [np.sin(angle), np.cos(angle)]
    found = [np.where(missing, 0.0, symbol) for symbol in found]
    return [*found, _share(missing)] if encoding.indicator else found


def _formulas(encoding: Encoded, cells: Cells) -> list[Any]:
    """Write the inputs of formulas, side by side."""
    plain, name = encoding.plain, encoding.name
    missing: Any = cells(name, "missing")
    places: dict[str, Any] = {}
    if isinstance(plain, Categories):
        # A category's place among the known ones; -1 if it is not known.
        x: Any = -1.0
        for place, text in enumerate(plain.categories):
            x = np.where(cells(name, "equals", text), float(place), x)
        if plain.rare:
            texts = plain.categories
            seen: Any = cells(name, "known", *texts) | missing if texts else missing
            x = np.where(seen, x, float(len(texts)))
        if plain.missing:
            x = np.where(missing, float(len(plain.features) - 1), x)
    elif isinstance(plain, Dates):
        x = np.where(missing, plain.mean, cells(name, "years"))
        places = {cycle: cells(name, cast(Fact, cycle)) for cycle in PLACES}
    else:
        value = cells(name, "truth" if plain.kind == "boolean" else "number")
        x = np.where(missing, plain.fill, value)
    found = [made for applied in encoding.encodings for made in applied.trace(x, places)]
    if isinstance(plain, Dates):
        found = [np.where(missing, 0.0, symbol) for symbol in found]
    return [*found, _share(missing)] if encoding.indicator else found


def _share(truth: Any) -> Any:
    """Write a truth value as 0 or 1."""
    return np.where(truth, 1.0, 0.0)
