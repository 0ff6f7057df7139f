"""A network with each part learns XOR, which no linear one does."""

from __future__ import annotations

import nnplug
import pytest
from packaged import PARTS

# With their defaults these are 0, or linear, for the small sums of so small a network.
OPTIONS = {
    "thresholded_relu": {"theta": 0.1},
    "shrink": {"lambd": 0.1, "bias": 0.1},
    "hard_sigmoid_02": {"slope": 1.0},
    "k_sparse": {"k": 2},
}


# The slope of hard_shrink is a line's where it is not 0, and no gradient shows its jumps.
@pytest.mark.parametrize("name", [name for name in PARTS if name != "hard_shrink"])
def test_it_learns_xor(nnplug_registry, name):
    part = PARTS[name].with_options(**OPTIONS.get(name, {}))
    given = {"optimizer": "adam", "learning_rate": 0.05, "engine": "numpy"}
    run = nnplug.train("xor", activation=part, hidden=8, epochs=400, seed=1, **given)
    assert run.final.loss < 0.2  # always answering 0.5 gives 0.25
