"""The plan's gradient against finite differences of the loss that is printed."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import nnplug
from nnplug.engines import Memory, bind
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.plans import plan_step
from nnplug.plugins.registry import Registry

REGISTRY = Registry()
EXAMPLES = int(os.environ.get("NNPLUG_GRADIENT_EXAMPLES", "40"))


def plan_gradient(network, loss, inputs, targets):
    """Run the plan up to the update and give the loss's sum and the gradient."""
    program = plan_step(network, loss, REGISTRY.get("optimizer", "sgd"), len(inputs), gather=False)
    gradient = np.full_like(network.parameters, np.nan)
    arrays = {
        "parameters": network.parameters,
        "gradients": gradient,
        "input": inputs,
        "target": targets,
        "learning_rate": np.array(1.0),
    }
    bound = bind(program, arrays, Memory())
    with np.errstate(over="ignore", under="ignore"):
        for section, calls in bound.sections:
            if not section.title.startswith("update"):
                for call in calls:
                    call()
    return bound.results["loss"].item(), gradient


def printed_loss(network, loss, inputs, targets, parameters):
    """Compute the printed loss with the parts as plain functions."""
    x = inputs
    for layer in network.layers:
        weight = network.span(f"{layer.name}.weight").view(parameters)
        bias = network.span(f"{layer.name}.bias").view(parameters)
        options = {
            name: network.span(f"{layer.name}.{name}").view(parameters)
            for name in layer.activation.arrays
        }
        x = layer.activation(x @ weight + bias, **options)
    each = loss(x, targets)
    return each.sum() if loss.reduction == "sum" else each.mean()


def slope(function, step):
    """The derivative at 0 by the five-point rule."""
    return (8 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))) / (
        12 * step
    )


def check(network, loss, inputs, targets, rng):
    total, gradient = plan_gradient(network, loss, inputs, targets)
    at = network.parameters.copy()
    value = printed_loss(network, loss, inputs, targets, at)
    shown = total if loss.reduction == "sum" else total / np.size(loss(
        np.zeros((len(inputs), network.layers[-1].fan_out)), targets))  # fmt: skip
    assert shown == pytest.approx(value, rel=1e-12)
    scale = np.linalg.norm(gradient)
    compared = 0
    for _ in range(6):
        direction = rng.standard_normal(at.shape)
        direction /= np.linalg.norm(direction)

        def along(t, direction=direction):
            return printed_loss(network, loss, inputs, targets, at + t * direction)

        wide, middle, narrow = (slope(along, step) for step in (1e-3, 4e-4, 1.7e-4))
        if max(abs(wide - narrow), abs(middle - narrow)) > 2e-9 * max(scale, 1e-3):
            continue  # a kink lies between the points of one of them
        compared += 1
        assert abs(gradient @ direction - narrow) <= 1e-7 * max(scale, 1e-3)
    return compared


@st.composite
def networks(draw, activations):
    hidden = draw(st.lists(st.integers(1, 17), max_size=4))
    names = draw(st.lists(st.sampled_from(activations), min_size=len(hidden), max_size=len(hidden)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 6)), draw(st.integers(1, 5))
    return hidden, names, shape, draw(st.integers(0, 2**32 - 1))


# An exponential of exponentials leaves the numbers; a loss over a batch has no error of each row.
ACTIVATIONS = [
    part.name for part, _ in REGISTRY.parts("activation") if "finite" not in part.expected_failures
]
LOSSES = [part.name for part, _ in REGISTRY.parts("loss") if part.over == "row"]


@pytest.mark.parametrize("loss", LOSSES)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@given(drawn=networks(ACTIVATIONS))
def test_plan_gradient_is_that_of_the_printed_loss(loss, drawn):
    hidden, names, (rows, inputs, outputs), seed = drawn
    rng = np.random.default_rng(seed)
    loss = REGISTRY.get("loss", loss)
    network = Network(
        inputs,
        hidden,
        outputs,
        activations=[REGISTRY.get("activation", name) for name in names],
        output_activation=REGISTRY.get("activation", "identity"),
        dtype=np.float64,
    )
    network.parameters[:] = 0.7 * rng.standard_normal(network.size)
    x = rng.standard_normal((rows, inputs))
    if loss.against == "labels":
        targets = rng.integers(0, outputs, (rows, 1))
    else:
        targets = rng.standard_normal((rows, outputs))
        if loss.for_numbers:
            targets = abs(targets) + 0.1
    assume(check(network, loss, x, targets, rng))


@pytest.mark.parametrize("name", REGISTRY.names("activation"))
def test_every_activation_at_the_output(name):
    rng = np.random.default_rng(5)
    activation = REGISTRY.get("activation", name)
    network = Network(
        3, [4], 2, activations=[REGISTRY.get("activation", "tanh")],
        output_activation=activation, dtype=np.float64,
    )  # fmt: skip
    network.parameters[:] = rng.standard_normal(network.size)
    assert check(
        network, REGISTRY.get("loss", "mse"), rng.standard_normal((5, 3)),
        rng.standard_normal((5, 2)), rng,
    )  # fmt: skip


def test_a_trainable_option_gets_its_gradient():
    @nnplug.activation
    def prelu(x, *, slope=nnplug.trainable(0.25)):  # noqa: B008  # a declaration, not a value
        """Parametric rectified linear unit (He et al., 2015, arXiv:1502.01852, eq. 1)."""
        return np.where(x > 0, x, slope * x)

    rng = np.random.default_rng(2)
    network = Network(
        3, [4, 5], 2, activations=[prelu, prelu],
        output_activation=REGISTRY.get("activation", "identity"), dtype=np.float64,
    )  # fmt: skip
    network.initialize(REGISTRY.get("initializer", "he_normal"), 0)
    assert network["hidden2.slope"] == 0.25
    x, y = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    assert check(network, REGISTRY.get("loss", "mse"), x, y, rng)
    _, gradient = plan_gradient(network, REGISTRY.get("loss", "mse"), x, y)
    assert network.span("hidden1.slope").view(gradient) != 0


def test_a_constant_and_a_step_have_no_gradient():
    @nnplug.activation
    def sign(x):
        """Sign."""
        return np.sign(x)

    rng = np.random.default_rng(2)
    network = Network(
        2, [3], 1, activations=[sign], output_activation=REGISTRY.get("activation", "identity"),
        dtype=np.float64,
    )  # fmt: skip
    network.parameters[:] = rng.standard_normal(network.size)
    _, gradient = plan_gradient(
        network, REGISTRY.get("loss", "mse"), rng.standard_normal((4, 2)), np.ones((4, 1))
    )
    assert not network.span("hidden1.weight").view(gradient).any()
    assert network.span("output.bias").view(gradient) != 0


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_targets_of_a_head_fit_every_loss(task):
    labels = np.array([0, 1, 1]) if task == "binary" else np.array([0, 2, 1])
    width = labels.max() + 1
    for name in REGISTRY.names("loss"):
        loss = REGISTRY.get("loss", name)
        if loss.for_numbers:
            continue
        activation = "identity" if loss.takes == "logits" else "softmax"
        head = Head(task, loss, REGISTRY.get("activation", activation), width)
        targets = head.encode(labels, np.dtype(np.float64))
        assert targets.shape == ((3, 1) if loss.against == "labels" else (3, head.outputs))
