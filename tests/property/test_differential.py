"""Random activations, losses and optimizers: each engine trains as their functions do by hand.

A case is a small network of random parts, three epochs long. `NNPLUG_CASES` is
the number of cases, 24 unless it is set; 1,000 have 3,000 activations and
losses, and 1,000 optimizers. A case in which roundings decide what comes out
is drawn again. What formulas cannot say is refused, and counted here.

So is what overflows: in tanh(where(x > -8, x, exp(-300 * x))) at x = -9 the
slope of tanh is 0 and that of exp infinite, and 0 times infinity is not a
number. It would be 0 if exp(2700) were one, which decides: the engine's own
plan, on long doubles, must train as the functions do by hand.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

import nnplug
from nnplug.errors import DivergedError, FormulaError
from nnplug.plugins.registry import Registry
from tests.property.cases import (
    SHAPES,
    TOLERANCE,
    Case,
    Parts,
    Runs,
    Shape,
    Trained,
    draw_case,
    shrink,
)
from tests.property.formulas import draw_activation, draw_loss
from tests.property.plain import slopes

CASES = int(os.environ.get("NNPLUG_CASES", "24"))
SHARES = 2
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


def not_finite(wrong: str) -> bool:
    """Whether what is wrong is that a number is not finite."""
    return wrong.startswith("DivergedError") or wrong == "off: by inf"


def overflowed(runs: Runs, expected: Trained) -> bool:
    """Whether the range of float64 is all that is wrong.

    A number must be too large for it in the functions as they are called, the
    NumPy engine must find one that is not finite, and its plan must come to
    what is expected where the range is wider.
    """
    if not (runs.overflows() and not_finite(tried(runs, expected, "numpy")[0])):
        return False
    try:
        return runs.in_wider_range().distance(expected) <= TOLERANCE
    except DivergedError:
        return False


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
            if not_finite(wrong) and overflowed(runs, expected):
                counts["overflowed"] += 1
                break
            assert not wrong, report(case, wrong, engine)
            counts[form] += engine == "numba"
        else:
            counts["activations and losses"] += len(case.formulas) - 1
            counts["optimizers"] += 1
    print(dict(counts))
    assert counts["overflowed"] <= 1 + 0.005 * CASES / SHARES
    assert counts["refused"] <= 1 + 0.02 * CASES / SHARES
    assert counts["drawn again"] <= 2 + 0.2 * CASES / SHARES
    assert min(counts[form] for form in ("one function", "called", "sections")) > 0


def far(x):
    """Tanh, of what is larger than any number below -8."""
    return np.tanh(np.where(x > -8, x, np.exp(-300 * x)))


def slope_of_far(x, y):
    return (1 - y**2) * np.where(x > -8, 1, -300 * np.exp(-300 * x))


@pytest.mark.parametrize(
    ("derivative", "excused"),
    [
        (None, True),
        (slope_of_far, True),
        (lambda x, y: slope_of_far(x, y) * 1.001, False),  # off where all is finite
        (lambda x, y: slope_of_far(x, y) + np.where(x < -8, 0.001, 0), False),  # off there
        (lambda x, y: slope_of_far(x, y) / (1 + np.sign(x + 8)), False),  # not a number
        (lambda x, y: slope_of_far(x, y) + 0 * np.exp(300 * x**2), False),  # too large for both
    ],
)
def test_an_overflow_is_told_from_a_fault(derivative, excused):
    part = nnplug.activation(derivative=derivative)(far) if derivative else nnplug.activation(far)
    parts = Parts((part,), REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", "sgd"))
    runs = Runs(parts, Shape((3, 2), 8, 4), 0)
    runs.x *= 8
    runs.start[:] = np.abs(runs.start)
    expected = runs.steady()
    assert expected is not None
    for engine in ("numpy", "numba") if derivative is None else ("numpy",):
        assert not_finite(tried(runs, expected, engine)[0])
    assert overflowed(runs, expected) == excused


def test_what_does_not_overflow_is_no_overflow():
    def bent(x):
        """Tanh."""
        return np.tanh(x)

    nan = nnplug.activation(derivative=lambda x, y: (x - x) / (x - x))(bent)
    parts = Parts((nan,), REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", "sgd"))
    runs = Runs(parts, Shape((3, 2), 8, 4), 0)
    expected = runs.steady()
    assert expected is not None
    assert not_finite(tried(runs, expected, "numpy")[0])
    assert not runs.overflows()
    assert not overflowed(runs, expected)


# Training by hand knows no arrays of an activation, and no loss over a batch.
ACTIVATIONS = [part.name for part, _ in REGISTRY.parts("activation") if not part.declared]
LOSSES = [part.name for part, _ in REGISTRY.parts("loss") if part.over == "row"]
PAIRS = [
    (loss, output)
    for i, loss in enumerate(LOSSES)
    for j, output in enumerate(ACTIVATIONS)
    if (i + j) % 4 == 0
]
"""Every loss with a fourth of the output activations, every one of these with a fourth of them."""


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_built_in_parts_train_as_by_hand(loss, output):
    rng = np.random.default_rng([*loss.encode(), *output.encode()])
    shapes = list(SHAPES)
    expected = None
    while expected is None:
        shape = shapes[rng.integers(len(shapes))]
        hidden = rng.choice(ACTIVATIONS, len(shape.widths) - 2)
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
