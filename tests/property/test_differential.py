"""Random activations, losses and optimizers: each engine trains as their functions do by hand.

A case is a small network of random parts, three epochs long. `NNPLUG_CASES` is
the number of cases, 50 unless it is set; 1,000 have 3,000 activations and
losses, and 1,000 optimizers. A case in which roundings decide what comes out
is drawn again. What formulas cannot say is refused, and counted here.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

from nnplug.errors import FormulaError
from nnplug.registry import Registry
from tests.property.cases import SHAPES, TOLERANCE, Case, Parts, Runs, Trained, draw_case, shrink
from tests.property.formulas import draw_activation, draw_loss
from tests.property.plain import slopes

CASES = int(os.environ.get("NNPLUG_CASES", "50"))
SHARES = 5
"""Tests that the cases are divided among, for processes that run at once."""

REFUSED = ("they combine truth values",)
"""Why a formula may be refused, which NumPy would compute."""

REGISTRY = Registry()


def tried(runs: Runs, expected: Trained, engine: str) -> tuple[str, str]:
    """Say what is wrong with an engine's training (nothing: an empty text), and its form."""
    try:
        found = runs.by_engine(engine)
    except FormulaError as error:
        return f"refused: {error}", ""
    except Exception as error:  # whatever it is, it is a fault
        return f"{type(error).__name__}: {error}", ""
    distance = found.distance(expected)
    return "" if distance <= TOLERANCE else f"off: by {distance:.2g}", found.form


def report(case: Case, wrong: str, engine: str) -> str:
    """Say what is wrong, with as little of the case as shows it."""

    def fails(other: Case) -> bool:
        runs = other.runs()
        expected = runs.steady()
        kind = wrong.partition(":")[0]
        return expected is not None and tried(runs, expected, engine)[0].startswith(kind)

    return f"{engine} {wrong}\n{shrink(case, fails).text}"


@pytest.mark.parametrize("share", range(SHARES))
def test_random_parts_train_as_by_hand(share):
    counts: Counter[str] = Counter()
    for number in range(share, CASES, SHARES):
        rng = np.random.default_rng([12, number])
        while (expected := (runs := (case := draw_case(rng)).runs()).steady()) is None:
            counts["drawn again"] += 1
        for engine in ("numpy", "numba"):
            wrong, form = tried(runs, expected, engine)
            if any(reason in wrong for reason in REFUSED):
                counts["refused"] += 1
                break
            assert not wrong, report(case, wrong, engine)
            counts[form] += engine == "numba"
        else:
            counts["activations and losses"] += len(case.formulas) - 1
            counts["optimizers"] += 1
    print(dict(counts))
    assert counts["refused"] <= 1 + 0.02 * CASES / SHARES
    assert counts["drawn again"] <= 2 + 0.2 * CASES / SHARES
    assert min(counts[form] for form in ("one function", "called", "sections")) > 0


@pytest.mark.parametrize("loss", REGISTRY.names("loss"))
@pytest.mark.parametrize("output", REGISTRY.names("activation"))
def test_built_in_parts_train_as_by_hand(loss, output):
    rng = np.random.default_rng([*loss.encode(), *output.encode()])
    shapes = list(SHAPES)
    expected = None
    while expected is None:
        shape = shapes[rng.integers(len(shapes))]
        hidden = rng.choice(REGISTRY.names("activation"), len(shape.widths) - 2)
        parts = Parts(
            tuple(REGISTRY.get("activation", str(name)) for name in (*hidden, output)),
            REGISTRY.get("loss", loss),
            REGISTRY.get("optimizer", str(rng.choice(REGISTRY.names("optimizer")))),
        )
        runs = Runs(parts, shape, int(rng.integers(2**31)), weighted=bool(rng.random() < 0.3))
        expected = runs.steady()
    assert runs.by_engine("numpy").distance(expected) <= TOLERANCE


def test_the_derivatives_by_hand_are_those_of_differences():
    compared = 0
    for number in range(60):
        rng = np.random.default_rng([13, number])
        draw = draw_activation if number % 2 else draw_loss
        part = draw(rng).part()
        x = rng.standard_normal((5, 3))
        labels = getattr(part, "against", "") == "labels"
        other = rng.integers(0, 3, (5, 1)) if labels else rng.standard_normal((5, 3))
        others = () if number % 2 else (other,)

        def value(moved, function=part.function, others=others):
            with np.errstate(all="ignore"):
                found = np.asarray(function(moved, *others), np.float64)
            return found.reshape(len(moved), -1) if found.ndim else np.full_like(moved, found)

        with np.errstate(all="ignore"):
            exact = slopes(part.function, x, *others)
        for column in range(3):
            away = np.zeros_like(x)
            away[:, column] = 1.0
            wide, narrow = (
                (8 * (value(x + h * away) - value(x - h * away))
                 - (value(x + 2 * h * away) - value(x - 2 * h * away))) / (12 * h)
                for h in (1e-3, 4e-4)
            )  # fmt: skip
            smooth = abs(wide - narrow) < 1e-7 * (1 + abs(narrow))  # no kink lies between
            compared += smooth.sum()
            np.testing.assert_allclose(exact[column][smooth], narrow[smooth], rtol=1e-6, atol=1e-6)
    assert compared > 1500
