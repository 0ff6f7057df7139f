"""The checks of encodings."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.parts import Encoding
from nnplug.parts.encoding import PLACES
from nnplug.runs.preparing import prepare
from nnplug.tables.applied import number_facts
from nnplug.tables.summary import NumberSummary
from nnplug.testing.examples import Suite, options, random
from nnplug.testing.failure import Wrong, different, number
from nnplug.types import AnyArray

__all__ = ["ENCODINGS"]

Columns = dict[str, tuple[AnyArray, AnyArray]]
"""By what a column is: its values in training, and others to encode, (n,) each."""


def _columns(part: Encoding) -> Columns:
    """Make columns of many kinds."""
    if part.takes == "category":
        return {
            "categories": (np.repeat([0.0, 1, 2], [50, 9, 1]), np.arange(-1.0, 3)),
            "one category": (np.zeros(5), np.array([-1.0, 0])),
        }
    generator = random(7)
    if part.takes == "date":
        years = generator.uniform(48, 56, 200)
        return {
            "dates": (years, np.array([-70.0, 0, 47.9, 52, 60, 8000])),
            "one date": (np.full(9, 50.5), np.array([50.5, 0])),
        }
    far = np.array([-1e9, -1e3, -1, 0, 1e-300, 1, 1e3, 1e9])
    numbers = generator.normal(3, 2, 200)
    skewed = np.exp(3 * generator.normal(size=200))
    return {
        "normal numbers": (numbers, np.concatenate([far, numbers[:20]])),
        "skewed numbers": (skewed, np.concatenate([far, skewed[:20]])),
        "whole numbers with many zeros": (np.repeat([0.0, 1, 7], [90, 9, 1]), far),
        "two values": (np.repeat([0.0, 1], 30), np.array([0.0, 1, -5, 5])),
        "one value": (np.full(9, 4.0), np.array([4.0, 0, 1e9])),
        "large numbers": (numbers * 1e150, numbers * 1e150),
        "small numbers": (numbers * 1e-150, numbers * 1e-150),
    }


def _facts(part: Encoding, training: AnyArray, x: AnyArray) -> dict[str, Any]:
    """Find the facts of a column that an encoding needs, and the places of its dates."""
    if part.takes == "category":
        counts = tuple(map(float, np.bincount(training.astype(np.int64))))
        return {"counts": counts, "count": float(len(training))}
    numbers = NumberSummary()
    numbers.add(training)
    cycles = np.abs(np.sin(np.arange(len(x)) + 1.0))
    places = {name: (cycles * (1 + place)) % 1 for place, name in enumerate(PLACES)}
    return {**number_facts(part, numbers), **places}


def _encoded(part: Encoding, training: AnyArray, x: AnyArray) -> list[AnyArray]:
    return part.columns(x, _facts(part, training, x))


def formula(part: Encoding) -> None:
    """The formula can be traced, row by row, and as traced is the function."""
    part.formula_texts()  # with symbols for the facts, as it is printed and compared
    for what, (training, x) in _columns(part).items():
        facts = _facts(part, training, x)
        graph = new_graph()
        given = {"x": x.copy(), **{name: facts[name] for name in PLACES if name in facts}}
        symbols = {name: graph.input(name, ("N",)) for name in given}
        inputs = part.trace(symbols["x"], {**facts, **symbols})
        wanted = part.columns(x, facts)
        if len(inputs) != len(wanted):
            raise Wrong(f"{what}: traced it makes {len(inputs)} inputs, called {len(wanted)}")
        for place, (found, own) in enumerate(zip(evaluate(lower(inputs), given), wanted,
                                                 strict=True)):  # fmt: skip
            if said := different(found, own, rtol=1e-9, atol=1e-12):
                raise Wrong(f"{what}, input {place + 1}: as traced {said}")


def finite(part: Encoding) -> None:
    """The inputs are finite: for a constant column, numbers of any size and unseen values."""
    for what, (training, x) in _columns(part).items():
        for values in (training, x):
            for place, made in enumerate(_encoded(part, training, values)):
                wrong = np.flatnonzero(~np.isfinite(made))
                if wrong.size:
                    raise Wrong(
                        f"{what}: input {place + 1} is {made[wrong[0]]} at "
                        f"x = {number(values[wrong[0]])}, expected a finite number"
                    )


def width(part: Encoding) -> None:
    """It makes at least one input, and as many for any rows of the same column."""
    for what, (training, x) in _columns(part).items():
        whole, one = len(_encoded(part, training, x)), len(_encoded(part, training, x[:1]))
        if not whole or whole != one:
            raise Wrong(f"{what}: it makes {whole} inputs for {len(x)} rows and {one} for one")


def tells_apart(part: Encoding) -> None:
    """Its inputs differ between rows of a column that differ."""
    for what, (training, _) in _columns(part).items():
        if training.min() == training.max():
            continue
        made = _encoded(part, training, training)
        if all(one.min() == one.max() for one in made):
            raise Wrong(f"{what}: every row gets the same inputs, so nothing can be learned")


def moderate(part: Encoding) -> None:
    """The inputs of the training rows are of moderate size, whatever the unit of the column."""
    for what, (training, _) in _columns(part).items():
        if training.min() == training.max():
            continue
        for place, made in enumerate(_encoded(part, training, training)):
            size = float(np.median(np.abs(made)))
            if 100 < size < np.inf:  # infinite ones are found by another check
                raise Wrong(
                    f"{what}: half of input {place + 1} is beyond {number(size)}, too large for a "
                    "network; divide by a fact, such as deviation"
                )


def same_inputs(part: Encoding) -> None:
    """The same column gives the same inputs, and is not written into."""
    for what, (training, x) in _columns(part).items():
        before = x.copy()
        first, second = (_encoded(part, training, x) for _ in range(2))
        if different(x, before, rtol=0, atol=0):
            raise Wrong(f"{what}: it writes into its argument 'x'; return new values")
        for one, two in zip(first, second, strict=False):
            if said := different(two, one, rtol=0, atol=0):
                raise Wrong(f"{what}: called twice, the second time {said}")


def prepares(part: Encoding) -> None:
    """A run can be prepared with it, on a table with missing values."""
    rows = np.arange(80)
    column: Any = [None if row % 9 == 4 else float(np.sin(row) * row) for row in rows]
    if part.takes == "category":
        column = [None if row % 9 == 4 else "abc"[row % 3] for row in rows]
    elif part.takes == "date":
        column = np.datetime64("2020-02-28T06:00:00", "us") + rows * np.timedelta64(31, "h")
    table = {"given": column, "wanted": np.cos(rows)}
    try:
        inputs = prepare(table, target="wanted", encoding={"given": part}).rows.inputs
    except NnplugError as error:
        raise Wrong(f"on a table: {error}") from None
    if not np.isfinite(inputs).all():
        raise Wrong("on a table with missing values: an input is not finite")


ENCODINGS: Suite = {
    "formula": formula,
    "finite": finite,
    "width": width,
    "tells-apart": tells_apart,
    "moderate": moderate,
    "deterministic": same_inputs,
    "prepares": prepares,
    "options": options,
}
