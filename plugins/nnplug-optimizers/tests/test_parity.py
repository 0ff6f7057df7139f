"""Ten steps of each optimizer beside those of other frameworks.

The values are frozen in reference/optimizers.json, which reference/make.py made.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import start, step

REFERENCE = json.loads((Path(__file__).parent / "reference/optimizers.json").read_text("utf-8"))
STEPS = range(1, 11)
Run = dict[str, Any]


def before_correction(options: Run, t: int) -> float:
    """Give the epsilon that, after the bias correction, is the other framework's before it."""
    return float(options["epsilon"] / (1 - options["beta2"] ** t) ** 0.5)


# Where conventions differ, the options that make up for the difference at step t.
CONVENTIONS: dict[str, Callable[[Run, int], Run]] = {
    "koz.DiffGrad": lambda options, t: {"epsilon": before_correction(options, t)},
    "koz.AdaPNM": lambda options, t: {"epsilon": before_correction(options, t)},
    "koz.AdamC": lambda options, t: {"epsilon": before_correction(options, t)},
    "koz.AdaMod": lambda options, t: {"epsilon": before_correction(options, t)},
    "koz.MADGRAD": lambda options, t: {
        "learning_rate": options["learning_rate"] + options["epsilon"]
    },
}


def title(run: Run) -> str:
    return f"{run['optimizer']}-{run['reference'].partition('(')[0]}-{REFERENCE['runs'].index(run)}"


def steps_of(run: Run) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the parameters after each of ten steps, and those to predict with."""
    registry = Registry()
    options = dict(run["options"])
    base, rates = options.pop("base", ""), options.pop("rates", None)
    gradients = REFERENCE[options.pop("gradients", "gradients")]
    part = registry.get("optimizer", run["optimizer"] + (f"[{base}]" if base else ""))
    assert isinstance(part, Optimizer)
    part = part.with_options(**options)
    convention = CONVENTIONS.get(run["reference"].partition("(")[0])
    state = start(part, np.array(REFERENCE["start"]))
    place = 1 + part.slots.index(part.shown) if part.shown else 0
    found, shown = [], []
    for t in STEPS:
        changed = convention(dict(part.options), t) if convention else {}
        rate = changed.pop("learning_rate", rates[t - 1] if rates else None)
        now = part.with_options(**changed)
        state = step(now, state, np.array(gradients[t - 1]), t, learning_rate=rate)
        found.append(state[0])
        shown.append(state[place])
    return found, shown


@pytest.mark.parametrize("run", REFERENCE["runs"], ids=title)
def test_ten_steps_are_those_of_the_other_framework(run: Run) -> None:
    found, shown = steps_of(run)
    expected = np.array(run["parameters"])
    if run["optimizer"] == "optimistic_adam":
        # optax's first update is Adam's, g/(|g| + ε); the paper's is twice that.
        first = np.array(REFERENCE["gradients"][0])
        options = {"learning_rate": 0.001, "epsilon": 1e-8, **run["options"]}
        expected = expected - options["learning_rate"] * first / (abs(first) + options["epsilon"])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    if "shown" in run:
        np.testing.assert_allclose(shown, run["shown"], rtol=1e-10, atol=1e-14)


def test_each_optimizer_moves_every_parameter() -> None:
    for run in REFERENCE["runs"]:
        moved = np.array(run["parameters"]) != np.array(REFERENCE["start"])
        assert moved.any(axis=0).all(), title(run)
