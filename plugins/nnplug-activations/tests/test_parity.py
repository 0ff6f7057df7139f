"""The parts that PyTorch, Keras or JAX have, against what those compute.

The numbers are in reference/parity.json; reference/make.py writes it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from formulas import FORMULAS
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from packaged import PARTS
from sweep import expected

FILE = json.loads((Path(__file__).parent / "reference" / "parity.json").read_text())

# What another framework computes less precisely: then mpmath decides.
INEXACT = {
    ("tanh_shrink", "torch"): "it subtracts tanh(x) from x, which cancels near 0",
    ("tanh_shrink", "keras"): "it subtracts tanh(x) from x, which cancels near 0",
    ("squareplus", "keras"): "it adds √(x² + 4) to x, which cancels below 0",
    ("squareplus", "jax"): "it adds √(x² + 4) to x, which cancels below 0",
    ("sinc", "torch"): "the derivative near 0 is a difference that cancels",
    ("probit", "torch"): "it adds 1 and erf, which cancels for small x",
}


def part_of(registry, text):
    for part in PARTS.values():
        registry.register(part)
    return registry.get("activation", text)


def computed(part, x, weights):
    """Compute the values, and the derivative of their weighted sum."""
    graph = new_graph()
    symbol, weight = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    y = part.value(symbol)
    slope = part.slope(symbol, y)
    by_x = weight * slope if slope is not None else differentiate(y, [symbol], weight)[0]
    return evaluate([y, by_x], {"x": x, "g": weights})


def name_of(case):
    return f"{case['part']}-{case['framework']}"


@pytest.mark.parametrize("case", FILE["one"], ids=name_of)
def test_functions_of_one_number(nnplug_registry, case):
    x = np.array(FILE["points"])
    part = part_of(nnplug_registry, case["part"])
    found = [each[:, 0] for each in computed(part, x[:, None], np.ones((len(x), 1)))]
    theirs = [np.array(case["value"]), np.array(case["gradient"])]
    reason = INEXACT.get((part.name, case["framework"]))
    far = [
        abs(got - other) > 1e-12 * abs(other) + 1e-300
        for got, other in zip(found, theirs, strict=True)
    ]
    assert np.any(far) == bool(reason), reason
    if reason:
        wanted = [
            np.array(each, float) for each in zip(*expected(FORMULAS[part.name], x), strict=True)
        ]
        for got, other, right, wrong in zip(found, theirs, wanted, far, strict=True):
            np.testing.assert_allclose(got, right, rtol=1e-12)
            assert (abs(other - right) >= abs(got - right))[wrong].all()


@pytest.mark.parametrize("case", FILE["row"]["cases"], ids=name_of)
def test_functions_of_a_row(nnplug_registry, case):
    x, weights = np.array(FILE["row"]["x"]), np.array(FILE["row"]["weights"])
    value, slope = computed(part_of(nnplug_registry, case["part"]), x, weights)
    np.testing.assert_allclose(value.sum(axis=1), 1, rtol=1e-15)
    if name_of(case) == "sparsemax-keras":
        # Keras 3.15.1 gives rows that sum to 0, where the paper's sum to 1;
        # test_formulas.py compares ours with a bisection.
        right = np.array(case["value"]).sum(axis=1) > 0.9
        assert 0 < right.sum() < len(right)
        np.testing.assert_array_equal(value[right], np.array(case["value"])[right])
        return
    np.testing.assert_allclose(value, case["value"], rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(slope, case["gradient"], rtol=1e-12, atol=1e-15)
