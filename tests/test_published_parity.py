"""Published parts beside PyTorch's and pytorch_optimizer's, frozen in reference/published.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnplug.engines import NUMPY
from nnplug.network.network import Network
from nnplug.parts import Initializer
from nnplug.testing.engine import printed_loss, reveal, weighted
from nnplug.training import Evaluator, Steps
from tests.engines import ENGINES
from tests.plugins.parts_of import published, registry_of_published

REFERENCE = json.loads((Path(__file__).parent / "reference/published.json").read_text("utf-8"))
REGISTRY = registry_of_published()
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


class Drawn:
    """Stands for the generator of a step, and gives what it was made with."""

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers)

    def random(self, *, out, dtype):
        out[...] = self.numbers


def network(layers, outputs, width=3):
    identity = REGISTRY.get("activation", "identity")
    return Network.of(width, layers, outputs, output_activation=identity, dtype=np.float64)


COMPILED = ("shampoo:", "schedule_free:learning_rate=0.2", "adahessian", "lookahead:k=2[sam")
"""Optimizers, one for each mechanism, that are tried in the engine that compiles, too."""

RUNS = [
    pytest.param(run, engine, id=f"{run['optimizer']}-{engine.name}")
    for run in REFERENCE["optimizers"]
    for engine in ENGINES.values()
    if engine is NUMPY or run["optimizer"].startswith(COMPILED)
]


@pytest.mark.parametrize(("run", "engine"), RUNS)
def test_ten_steps_of_an_optimizer_are_those_of_others(run, engine, monkeypatch):
    monkeypatch.setattr(
        "nnplug.training.steps.derive_generator",
        lambda seed, purpose, step: Drawn(np.array(REFERENCE["signs"][step - 1]) > 0),
    )
    dense, tanh = REGISTRY.get("layer", "dense:4"), REGISTRY.get("activation", "tanh")
    net = network([dense, tanh], 2)
    net.parameters[:] = REFERENCE["initial"]
    inputs, targets = np.array(REFERENCE["inputs"]), np.array(REFERENCE["targets"])
    optimizer = REGISTRY.get("optimizer", run["optimizer"])
    loss = REGISTRY.get("loss", "mse")
    steps = Steps(net, loss, optimizer, inputs, targets, None, engine=engine)
    for number, after in enumerate(run["parameters"]):
        steps.run(None)
        np.testing.assert_allclose(steps.parameters, after, rtol=1e-10, atol=1e-13)
        if "shown" in run:
            steps.show()
            np.testing.assert_allclose(net.parameters, run["shown"][number], rtol=1e-10, atol=1e-13)
            steps.hide()


@pytest.mark.parametrize(
    ("case", "engine"),
    [
        pytest.param(case, engine, id=f"{case['loss']}-{name}")
        for case in REFERENCE["losses"]
        for name, engine in ENGINES.items()
        if engine is NUMPY or case["loss"].startswith(("gaussian_nll", "batch_hard"))
    ],
)
def test_a_loss_and_its_derivative_are_pytorchs(case, engine):
    loss = REGISTRY.get("loss", case["loss"])
    outputs, target = np.array(case["outputs"]), np.array(case["target"])
    evaluated, trained, gradient = printed_loss(loss, outputs, target, engine=engine)
    assert [evaluated, trained] == pytest.approx([case["value"]] * 2, rel=1e-12)
    np.testing.assert_allclose(gradient, case["gradient"], rtol=1e-10, atol=1e-13)


def test_the_interval_of_a_normal_distribution_holds_its_share():
    loss = published()["gaussian_nll"]
    lower, upper = loss.bounds(np.array([[2.0, np.log(9.0)]]), 0.95)  # mean 2, deviation 3
    assert [lower.item(), upper.item()] == pytest.approx([2 - 3 * 1.959963984540054, 7.87989195])


class OneLayer:
    """A layer or an activation on the reference's rows, in a network that changes nothing else."""

    def __init__(self, part, width, engine):
        self.x, self.g = (np.array(REFERENCE["activations"][name]) for name in "xg")
        self.net = network([REGISTRY.get("layer", "dense:4"), part], width, width=6)
        self.net.parameters[:] = 0
        self.net["hidden1.weight"][...], self.net["output.weight"][...] = self.x, np.eye(width)
        self.engine = engine

    def trained(self, monkeypatch, noise=0.0):
        """Give the outputs in training, and the derivative by each array."""
        monkeypatch.setattr("nnplug.training.steps.derive_generator", lambda *_, **__: Drawn(noise))
        g = np.ascontiguousarray(self.g[:, : self.net.outputs])
        steps = Steps(
            self.net, weighted, reveal, np.eye(6), g, None, keep_outputs=True, engine=self.engine
        )
        outputs = np.empty(g.shape)
        steps.run(None, outputs)
        return outputs, {span.name: span.view(steps.parameters) for span in self.net.spans}


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


@engines
def test_rrelu_is_pytorchs_in_training_and_outside(engine, monkeypatch):
    case = REFERENCE["activations"]["rrelu"]
    layer = OneLayer(REGISTRY.get("activation", "rrelu:lower=0.1,upper=0.6"), 4, engine)
    close(Evaluator(layer.net, engine=engine).run(np.eye(6))[0], case["evaluated"])
    outputs, gradients = layer.trained(monkeypatch, case["noise"])
    close(outputs, case["value"])
    close(gradients["hidden1.weight"], case["gradient"])


@engines
def test_snake_has_a_frequency_for_each_unit(engine, monkeypatch):
    case = REFERENCE["activations"]["unit_snake"]
    layer = OneLayer(REGISTRY.get("activation", "unit_snake"), 4, engine)
    name = next(span.name for span in layer.net.spans if span.name.endswith(".a"))
    layer.net[name][...] = case["a"]
    outputs, gradients = layer.trained(monkeypatch)
    close(outputs, case["value"])
    close(gradients["hidden1.weight"], case["gradient"])
    close(gradients[name], case["gradient_a"])


@engines
def test_sparsemax_is_the_projection_on_shares(engine, monkeypatch):
    case = REFERENCE["activations"]["sparsemax"]
    outputs, gradients = OneLayer(REGISTRY.get("activation", "sparsemax"), 4, engine).trained(
        monkeypatch
    )
    close(outputs, case["value"])
    close(gradients["hidden1.weight"], case["gradient"])


@engines
def test_swiglu_as_its_paper_spells_it(engine, monkeypatch):
    case = REFERENCE["activations"]["gated_swish"]
    layer = OneLayer(REGISTRY.get("layer", "gated_swish:3"), 3, engine)
    names = {span.name.rpartition(".")[2]: span.name for span in layer.net.spans}
    for name, array in case["arrays"].items():
        layer.net[names[name]][...] = array
    outputs, gradients = layer.trained(monkeypatch)
    close(outputs, case["value"])
    for name, gradient in case["gradients"].items():
        close(gradients[names[name]], gradient)


def test_within_layer_gives_every_unit_unit_variance():
    inputs = np.random.default_rng(0).normal(3, 2, size=(300, 5))
    layers = [REGISTRY.get("layer", "dense:40"), REGISTRY.get("activation", "relu")]
    net = network(layers, 2, width=5)
    within_layer = REGISTRY.get("initializer", "within_layer")
    assert isinstance(within_layer, Initializer)
    net.initialize(within_layer, 3, inputs)
    sums = inputs @ net["hidden1.weight"]
    np.testing.assert_allclose(np.std(sums, axis=0), 1, rtol=1e-12)
    sums = np.maximum(sums, 0) @ net["output.weight"]
    np.testing.assert_allclose(np.std(sums, axis=0), 1, rtol=1e-12)


def test_every_published_part_is_compared():
    said = {run["optimizer"] for run in REFERENCE["optimizers"]}
    said |= (
        {case["loss"] for case in REFERENCE["losses"]}
        | {*REFERENCE["activations"]}
        | {"within_layer"}
    )
    names = {text.partition("[")[0].partition(":")[0] for text in said} - {"x", "g"}
    assert names == {*published()}
