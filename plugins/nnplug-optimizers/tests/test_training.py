"""Every optimizer trains a network on XOR, at one of five learning rates."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nnplug
import pytest
from nnplug.errors import DivergedError
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
NAMES = list(PROJECT["project"]["entry-points"]["nnplug"])
EPOCHS = {"dadapt_lion": 1000}  # at the default, the rate that it finds is too large for XOR


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_a_network_on_xor(name: str) -> None:
    registry = Registry()
    part = registry.get("optimizer", name)
    assert isinstance(part, Optimizer)
    if part.holds:
        base = registry.get("optimizer", "rmsprop")
        assert isinstance(base, Optimizer)
        part = part.around(base)
    ratios = []
    for factor in (10, 1, 100, 0.1, 0.03):
        try:
            run = nnplug.train(
                "xor",
                optimizer=part,
                learning_rate=factor * part.learning_rate,
                hidden=(16,),
                activation="tanh",
                epochs=EPOCHS.get(name, 150),
                seed=1,
            )
        except DivergedError:
            continue
        ratios.append(run.final.loss / run.history["loss"][0])
        if ratios[-1] < 0.7:
            return
    pytest.fail(f"{name}: the loss, over the first one: {ratios}")
