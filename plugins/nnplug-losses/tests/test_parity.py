"""Values and gradients of other frameworks: frozen numbers, see `reference/make.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from losses_at_hand import LOSSES, errors_and_slope

CASES = json.loads((Path(__file__).parent / "reference" / "frameworks.json").read_text("utf-8"))[
    "cases"
]

LESS: dict[str, float] = {
    "it adds 1e-10 inside a logarithm": 1e-8,
    "it adds 1e-7 to the denominator": 1e-6,
    "it adds 1e-12 to squared norms": 1e-11,
    "its margins are float32": 1e-8,
    "it counts in float32": 1e-6,
}
"""The relative difference that a framework's constant makes, by the note of the case."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['loss']}-{case['by']}")
def test_value_and_gradient_are_the_frameworks(case: dict[str, Any]) -> None:
    loss = LOSSES[case["loss"]].with_options(**case["options"])
    errors, slope = errors_and_slope(loss, case["outputs"], case["targets"])
    bound = LESS.get(case["note"], 1e-12)
    np.testing.assert_allclose(np.mean(errors), case["value"], rtol=bound)
    np.testing.assert_allclose(slope / errors.size, case["slope"], rtol=bound, atol=1e-3 * bound)
