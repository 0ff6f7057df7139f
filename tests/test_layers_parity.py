"""Ten steps of networks of layers beside PyTorch's, frozen in tests/reference/layers.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnplug.engines.numba import binder
from nnplug.network.layers import find_layers, flat
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, Steps
from tests.engines import ENGINES

REFERENCE = json.loads((Path(__file__).parent / "reference/layers.json").read_text("utf-8"))
INPUTS, TARGETS = np.array(REFERENCE["inputs"]), np.array(REFERENCE["targets"])
REGISTRY = Registry()


def title(run):
    text = f"{run['layers']} {run['optimizer'].partition(':')[0]}"
    return text.translate(str.maketrans("[] ", "()-"))


def network_of(run):
    network = Network.of(
        INPUTS.shape[1],
        find_layers(run["layers"], REGISTRY),
        TARGETS.shape[1],
        output_activation=REGISTRY.get("activation", "identity"),
        dtype=np.float64,
    )
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    learned = [span for span in network.spans if not span.is_state]
    for span, start in zip(learned, run["initial"], strict=True):
        assert span.shape == np.shape(start)
        network[span.name][...] = start
    return network


@pytest.mark.parametrize("run", REFERENCE["runs"], ids=title)
def test_ten_steps_are_those_of_pytorch(run):
    check(run, "numpy")


# It compiles for seconds: all layers in two networks, in each form that a step may have.
@pytest.mark.parametrize(
    ("number", "instructions", "form"),
    [(15, 200, "one function"), (-3, 0, "called"), (-2, 0, "sections"), (-1, 0, "sections")],
)
def test_ten_steps_of_the_numba_engine_are_those_of_pytorch(
    number, instructions, form, monkeypatch
):
    monkeypatch.setattr(binder, "SMALL_PROGRAM", instructions)
    steps = check(REFERENCE["runs"][number], "numba")
    small = binder.is_small(steps.program)
    whole = steps.bound(steps.batch_size).many is not None
    assert form == ("sections" if not whole else "one function" if small else "called")


def check(run, engine):
    engine = ENGINES[engine]
    network, full = network_of(run), run["batches"] == "full"
    steps = Steps(
        network, REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", run["optimizer"]),
        INPUTS, TARGETS, None if full else 5, seed=REFERENCE["seed"], engine=engine,
    )  # fmt: skip
    batches = REFERENCE["sequences"][run["batches"]]
    assert len(batches) == len(run["losses"]) == 10
    for batch, loss in zip(batches, run["losses"], strict=True):
        total = steps.run(None if full else np.array(batch))
        assert total / (len(batch) * TARGETS.shape[1]) == pytest.approx(loss, rel=1e-10, abs=0)
    for states, key in ((False, "parameters"), (True, "states")):
        spans = [span for span in network.spans if span.is_state == states]
        for span, expected in zip(spans, run[key], strict=True):
            np.testing.assert_allclose(
                network[span.name], expected, rtol=1e-10, atol=1e-10, err_msg=span.name
            )
    outputs, _ = Evaluator(network, engine=engine).run(INPUTS)
    np.testing.assert_allclose(outputs, run["outputs"], rtol=1e-10, atol=1e-10)
    return steps


def test_every_built_in_layer_is_compared():
    compared = {
        part.name
        for run in REFERENCE["runs"][-4:]
        for part in flat([placed.part for placed in network_of(run).placed])
        if part.kind == "layer"
    }
    # PyTorch has no layers like these; test_monotone.py and test_embeddings.py compare them.
    others = {"monotone_dense", "periodic_embedding", "embedding", "parametric"}
    assert compared == {part.name for part, _ in REGISTRY.parts("layer")} - others
