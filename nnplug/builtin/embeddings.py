"""The built-in layers that look at what the inputs are; `nnplug.builtin.layers` registers them.

Letters: N rows, D inputs, K inputs that are numbers, F frequencies, E outputs for each number,
H outputs in all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nnplug.parts import Arrangement, InputColumn, drawn, layer, parameter, state


def _arrange_periodic(columns: Sequence[InputColumn], options: Mapping[str, Any]) -> Arrangement:
    """Place the waves of each number, and then its outputs, behind the inputs that are kept."""
    found = [place for place, column in enumerate(columns) if column.kind == "number"]
    kept = [place for place, column in enumerate(columns)
            if options["itself"] or column.kind != "number"]  # fmt: skip
    # Without a number there is one that is never reached: an array has at least one element.
    count, each, many = max(1, len(found)), options["frequencies"], options["outputs"]
    waves, units = count * each, len(kept) + count * many
    pick, keep = np.zeros((len(columns), waves)), np.zeros((len(columns), units))
    block, own = np.zeros((waves, units)), np.zeros((count, units))
    repeat = np.zeros((many, units))
    keep[kept, range(len(kept))] = 1
    repeat[:, len(kept) :] = np.tile(np.eye(many), count)
    for number, place in enumerate(found):
        ours = slice(number * each, (number + 1) * each)
        made = slice(len(kept) + number * many, len(kept) + (number + 1) * many)
        pick[place, ours] = block[ours, made] = own[number, made] = 1
    return Arrangement(
        (*(columns[place] for place in kept),
         *(InputColumn("other", columns[place].column) for place in found or [0]
           for _ in range(many))),
        {"numbers": count, "waves": waves, "units": units},
        {"pick": pick, "keep": keep, "block": block, "own": own, "repeat": repeat},
    )  # fmt: skip


@layer(
    arrange=_arrange_periodic,
    aliases=("pbld",),
    ranges={"frequencies": "[1, 1000]", "outputs": "[1, 1000]", "sigma": "(0, inf)"},
)
def periodic_embedding(
    x: Any,
    frequency: Any = parameter("waves", start=drawn("normal", "sigma")),
    phase: Any = parameter("waves", start=drawn("uniform", math.pi)),
    mix: Any = parameter("waves", "outputs", start=drawn("uniform", "frequencies", -0.5)),
    bias: Any = parameter("numbers", "outputs", start=drawn("uniform", "frequencies", -0.5)),
    pick: Any = state("D", "waves"), keep: Any = state("D", "units"),
    block: Any = state("waves", "units"), own: Any = state("numbers", "units"),
    repeat: Any = state("outputs", "units"),
    *, frequencies: int = 16, outputs: int = 3, sigma: float = 0.1, relu: bool = False,
    itself: bool = True, numbers: int = 1, waves: int = 1, units: int = 1,
) -> Any:  # fmt: skip
    """Periodic embedding of numbers: cos(2π·w·x + b) of learned frequencies, mixed for each number.

    Each input that is a number becomes `outputs` of its own, linear in F cosines whose
    frequencies w and phases b are learned, and stays beside them as it is. Other inputs,
    such as those of categories, are passed on. This is PBLD of RealMLP (Holzmüller,
    Grinsztajn & Steinwart, 2024, arXiv:2407.04491), after PLR (Gorishniy, Rubachev &
    Babenko, 2022, arXiv:2203.05556). The formulas were compared with pytabkit 1.7.3, not
    with the papers.

    With `relu=true,itself=false` it is PLR, but for the cosines: PLR has pairs of sine and
    cosine without a phase.

    The states say which input is a number, and where its outputs are; training does not
    change them.

    Parameters
    ----------
    frequencies, outputs : int
        For each number.
    sigma : float
        The deviation of the frequencies at the start.
    relu : bool
        Whether the outputs go through a relu.
    itself : bool
        Whether a number stays beside its outputs.
    numbers, waves, units : int
        K, K·F and H; they follow from the inputs.
    """
    wave = np.cos(2 * np.pi * (x @ pick) * frequency + phase)
    made = wave @ ((mix @ repeat) * block) + np.sum((bias @ repeat) * own, axis=0)
    if relu:
        made = np.maximum(made, 0)
    return x @ keep + made, pick, keep, block, own, repeat


def _arrange_embedding(columns: Sequence[InputColumn], options: Mapping[str, Any]) -> Arrangement:
    """Place the inputs that are kept and the vector of each column with many categories."""
    size = options["size"]
    pieces: list[tuple[list[int], bool]] = []
    place = 0
    for (_, kind), group in groupby(columns, lambda each: (each.column, each.kind)):
        count = len(list(group))
        pieces.append((
            list(range(place, place + count)), kind == "category" and count >= options["least"]
        ))  # fmt: skip
        place += count
    units = sum(size if many else len(places) for places, many in pieces)
    keep, learned = np.zeros((2, len(columns), units))
    spread, found = np.zeros((size, units)), []
    at = 0
    for places, many in pieces:
        if many:
            learned[places, at : at + size] = 1
            spread[:, at : at + size] = np.eye(size)
            found += [InputColumn("other", columns[places[0]].column)] * size
        else:
            keep[places, range(at, at + len(places))] = 1
            found += [columns[place] for place in places]
        at = len(found)
    return Arrangement(
        tuple(found), {"units": units}, {"keep": keep, "learned": learned, "spread": spread}
    )


@layer(
    arrange=_arrange_embedding,
    ranges={"size": "[1, 10000]", "least": "[2, inf)"},
    expected_failures={
        "used": "a table is learned for categories of many levels, and all inputs of the check "
        "are numbers"
    },
)
def embedding(
    x: Any, table: Any = parameter("D", "size", start=drawn("normal", 1.0)),
    keep: Any = state("D", "units"), learned: Any = state("D", "units"),
    spread: Any = state("size", "units"), *, size: int = 8, least: int = 9, units: int = 1,
) -> Any:  # fmt: skip
    """Embedding: a learned vector for each category, in place of its column's one-hot inputs.

    Of columns with at least `least` categories; other inputs are passed on. A category
    that training did not see, and that has no input, gets zeros. The vectors are drawn
    from the standard normal distribution. It is the product of the one-hot inputs with a
    table.

    The states say which inputs are of such a column, and where its vector is; training
    does not change them.

    Parameters
    ----------
    size : int
        Numbers in a vector.
    least : int
        The fewest categories of a column that has vectors, a shared one for rare
        categories and one for missing ones counted.
    units : int
        H; it follows from the inputs.
    """
    return x @ (keep + learned * (table @ spread)), keep, learned, spread
