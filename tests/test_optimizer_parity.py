"""Ten steps of each optimizer beside others', frozen in tests/reference/optimizers.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Steps

REFERENCE = json.loads((Path(__file__).parent / "reference/optimizers.json").read_text("utf-8"))


def title(run):
    options = "options" if run["options"] else "defaults"
    return f"{run['optimizer']}-{options}-{run['batches']}-{run['library']}"


def steps_for(run, batch_size):
    registry = Registry()
    network = Network(
        3,
        [4],
        2,
        activations=[registry.get("activation", "tanh")],
        output_activation=registry.get("activation", "identity"),
        dtype=np.float64,
    )
    network.parameters[:] = REFERENCE["initial"]
    optimizer = registry.get("optimizer", run["optimizer"]).with_options(**run["options"])
    inputs, targets = np.array(REFERENCE["inputs"]), np.array(REFERENCE["targets"])
    return Steps(network, registry.get("loss", "mse"), optimizer, inputs, targets, batch_size)


@pytest.mark.parametrize("run", REFERENCE["runs"], ids=title)
def test_ten_steps_are_those_of_others(run):
    full = run["batches"] == "full"
    steps = steps_for(run, None if full else 3)
    batches = REFERENCE["sequences"][run["batches"]]
    assert len(batches) == len(run["parameters"]) == 10
    shown = run.get("shown", [None] * 10)
    for batch, loss, after, average in zip(
        batches, run["losses"], run["parameters"], shown, strict=True
    ):
        total = steps.run(None if full else np.array(batch))
        assert total / (len(batch) * 2) == pytest.approx(loss, rel=1e-10, abs=0)
        np.testing.assert_allclose(steps.network.parameters, after, rtol=1e-10, atol=0)
        if average is not None:
            steps.show()
            np.testing.assert_allclose(steps.network.parameters, average, rtol=1e-10, atol=0)
            steps.hide()


def test_every_built_in_optimizer_is_compared_with_and_without_options():
    compared = {
        (run["optimizer"].partition("[")[0], bool(run["options"])) for run in REFERENCE["runs"]
    }
    for name in Registry(allowed=()).names("optimizer"):
        assert {(name, False), (name, True)} <= compared
