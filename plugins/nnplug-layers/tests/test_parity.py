"""Values and derivatives against PyTorch's and Keras's; reference/make.py wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nnplug.parts import Noise, parse_part
from nnplug.testing.layer_trials import Trial
from parts import PARTS

CASES = json.loads((Path(__file__).parent / "reference" / "layers.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{number}-{case['layer']}" for number, case in enumerate(CASES)]
)
def test_parity(case: dict[str, Any]) -> None:
    name = parse_part(case["layer"].partition(":")[0]).name
    part = PARTS[name]
    part = part.with_options(**parse_part(case["layer"], part.bare_option).options)
    x = np.array(case["x"])
    trial = Trial(part, x.shape)
    trial.x, trial.g = x, np.array(case["g"])
    for array in trial.placed.arrays:
        own = array.name.rpartition(".")[2]
        noise = isinstance(array.declared, Noise)
        given = np.array(case["noise"] if noise else case["arrays"][own])
        trial.given[array.name] = given
    plain, traced = trial.plain(training=True), trial.traced(training=True)
    near = 1e-6 if case["source"].startswith("keras") else 1e-12  # Keras's is of float32
    close = {"rtol": near, "atol": near * abs(np.array(case["value"])).max()}
    np.testing.assert_allclose(plain.value, case["value"], **close)
    np.testing.assert_allclose(traced.value, case["value"], **close)
    for name, expected in case["slopes"].items():
        found = traced.slopes["x" if name == "x" else f"{trial.placed.name}.{name}"]
        scale = abs(np.array(expected)).max()
        np.testing.assert_allclose(found, expected, rtol=near, atol=near * scale)
    for name, expected in case.get("new", {}).items():
        found = traced.states[f"{trial.placed.name}.{name}"]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
