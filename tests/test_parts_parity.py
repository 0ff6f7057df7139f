"""Activations and losses beside PyTorch's, frozen in tests/reference/parts.json.

Those that PyTorch lacks are beside Keras's and Optax's, in more_parts.json.

Each part runs as in training: in a network whose weight is the identity and
whose bias is zero, so that its sums are its inputs, and whose bias after one
step of `sgd` at rate 1 is minus the derivative.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, Steps

REFERENCE = json.loads((Path(__file__).parent / "reference/parts.json").read_text("utf-8"))
MORE = json.loads((Path(__file__).parent / "reference/more_parts.json").read_text("utf-8"))
X = np.array(REFERENCE["x"])
ROWS = np.array(REFERENCE["rows"])

EPSILON = 2.3e-16

# Where the two may differ by more than a few last bits: name, what, where, by
# how much at most, absolute.
KNOWN = [
    # PyTorch returns x itself above 20, with a derivative of 1; nnplug has no such border.
    ("softplus", "value", X > 20, 2.1e-9),
    ("softplus", "derivative", X > 20, 2.1e-9),
    # Both have 1 - y², which cancels where y is nearly 1.
    ("tanh", "derivative", abs(X) > 5, EPSILON),
    # PyTorch's 1 + erf and 1 + tanh cancel for negative x; nnplug has erfc and
    # sigmoid. Both derivatives cancel near their root at -0.75.
    ("gelu", "value", X < 0, EPSILON),
    ("gelu", "derivative", X < 0, EPSILON),
    ("gelu_tanh", "value", X < 0, EPSILON),
    ("gelu_tanh", "derivative", X < 0, 2 * EPSILON),
    # At an upper bound nnplug's derivative is the one from the left, PyTorch's the one beyond.
    ("relu6", "derivative", X == 6, 1.0),
    ("hard_tanh", "derivative", X == 1, 1.0),
    ("hard_sigmoid", "derivative", X == 3, 1 / 6),
    ("hard_swish", "derivative", X == 3, 0.5),
    # PyTorch's sixth is one of float32.
    ("hard_sigmoid", "derivative", abs(X) < 3, 6e-9),
    # Both derivatives cancel near their root at -1.19; PyTorch's tanh loses the left tail.
    ("mish", "derivative", X < 0, 2 * EPSILON),
]


def title(case):
    options = "".join(f"-{key}={value}" for key, value in case.get("options", {}).items())
    return case["name"] + options


@nnplug.loss(reduction="sum")
def weighted(prediction, target):
    """The prediction times the target: its derivative is the target."""
    return prediction * target


def run_step(activation, loss, x, target):
    """Give the outputs, the summed loss and its derivative by the sums, for one row."""
    registry = Registry()
    network = Network(
        len(x), [], len(x), activations=[], output_activation=activation, dtype=np.float64
    )
    network["output.weight"][...] = np.eye(len(x))
    for name, array in activation.arrays.items():
        network[f"output.{name}"][...] = array.start
    sgd = registry.get("optimizer", "sgd:learning_rate=1.0")
    with np.errstate(all="ignore"):  # as the training loop has it
        outputs = Evaluator(network).run(x[None])[0][0]
        steps = Steps(network, loss, sgd, x[None], target[None], None)
        total = steps.run(None)
    return outputs, total, -steps.network["output.bias"]


def assert_same(found, expected, atol=1e-300):
    expected = np.array(expected)
    wrong = ~(np.abs(found - expected) <= atol + 1e-13 * np.abs(expected))
    message = f"{found[wrong]!r}, not {expected[wrong]!r}, at {np.flatnonzero(wrong)}"
    assert not wrong.any(), message


@pytest.mark.parametrize("case", REFERENCE["activations"], ids=title)
def test_elementwise_activation_is_that_of_pytorch(case):
    part = Registry().get("activation", case["name"]).with_options(**case["options"])
    outputs, _, derivative = run_step(part, weighted, X, np.ones_like(X))
    for found, key in ((outputs, "value"), (derivative, "derivative")):
        atol = np.full_like(X, 1e-300)
        for name, what, where, bound in KNOWN:
            if (name, what) == (case["name"], key):
                atol[where] = bound
        assert_same(found, case[key], atol)


@pytest.mark.parametrize("case", REFERENCE["row_wise_activations"], ids=title)
def test_row_wise_activation_is_that_of_pytorch(case):
    part = Registry().get("activation", case["name"])
    for x, value, derivative in zip(ROWS, case["value"], case["derivative"], strict=True):
        found = run_step(part, weighted, x, np.array(REFERENCE["pulled"]))
        assert_same(found[0], value)
        assert_same(found[2], derivative)


@pytest.mark.parametrize("case", REFERENCE["losses"], ids=title)
def test_loss_is_that_of_pytorch(case):
    registry = Registry()
    loss = registry.get("loss", case["name"]).with_options(**case["options"])
    identity = registry.get("activation", "identity")
    x, targets = np.array(REFERENCE["predictions"]), np.array(REFERENCE[case["against"]])
    for at in np.flatnonzero(np.isfinite(case["value"])):
        one = slice(at, at + 1)
        _, total, derivative = run_step(identity, loss, x[one], targets[one])
        # PyTorch's differences cancel where the logit is large and right.
        logits = loss.takes == "logits"
        assert_same(np.array([total]), case["value"][one], EPSILON * abs(x[at]) if logits else 0)
        assert_same(derivative, case["derivative"][one], EPSILON if logits else 0)


@pytest.mark.parametrize("case", REFERENCE["row_losses"], ids=title)
def test_loss_over_rows_is_that_of_pytorch(case):
    registry = Registry()
    loss, identity = registry.get("loss", case["name"]), registry.get("activation", "identity")
    for at, x in enumerate(ROWS):
        _, total, derivative = run_step(identity, loss, x, np.array(REFERENCE["shares"][at]))
        assert_same(np.array([total]), [case["value"][at]], 4 * EPSILON * abs(x).max())
        assert_same(derivative, case["derivative"][at], EPSILON)


@pytest.mark.parametrize("case", REFERENCE["label_losses"], ids=title)
def test_loss_of_labels_is_that_of_pytorch(case):
    registry = Registry()
    loss, identity = registry.get("loss", case["name"]), registry.get("activation", "identity")
    for at, x in enumerate(ROWS):
        label = np.array([REFERENCE["labels"][at]])
        _, total, derivative = run_step(identity, loss, x, label)
        # PyTorch subtracts the row's maximum first, nnplug the label's logit last.
        assert_same(np.array([total]), [case["value"][at]], 2 * EPSILON * abs(x).max())
        assert_same(derivative, case["derivative"][at])


# --- beside Keras and Optax -------------------------------------------------------------

SCORES = np.array(MORE["scores"])


# Keras adds 1e-7 to the mean of a Poisson before it takes the logarithm.
TOLERANCE = {"poisson_nll": (0.3, 0.03)}


def test_exponential_is_that_of_keras():
    part = Registry().get("activation", "exponential")
    outputs, _, derivative = run_step(part, weighted, SCORES, np.ones_like(SCORES))
    assert_same(outputs, MORE["exponential"]["value"])
    assert_same(derivative, MORE["exponential"]["derivative"])


@pytest.mark.parametrize("case", MORE["losses"], ids=lambda case: f"{title(case)}-{case['from']}")
def test_loss_is_that_of_keras_or_optax(case):
    registry = Registry()
    loss = registry.get("loss", case["name"]).with_options(**case["options"])
    identity = registry.get("activation", "identity")
    unit = 100 if case["name"] == "mape" else 1  # Keras gives per cent
    for at in range(len(SCORES)):
        one = slice(at, at + 1)
        _, total, derivative = run_step(
            identity, loss, SCORES[one], np.array(MORE[case["against"]][one])
        )
        value, slope = TOLERANCE.get(case["name"], (1e-15, 1e-15))
        assert_same(np.array([total]), np.array(case["value"][one]) / unit, value)
        assert_same(derivative, np.array(case["derivative"][one]) / unit, slope)


@pytest.mark.parametrize("case", MORE["row_losses"], ids=title)
def test_loss_over_rows_is_that_of_keras_or_optax(case):
    registry = Registry()
    loss, identity = registry.get("loss", case["name"]), registry.get("activation", "identity")
    for at, x in enumerate(MORE["rows"]):
        target = np.array(MORE[case["against"]][at]).reshape(-1)
        _, total, derivative = run_step(identity, loss, np.array(x), target)
        assert_same(np.array([total]), [case["value"][at]], EPSILON)
        assert_same(derivative, case["derivative"][at], EPSILON)


def test_dice_is_that_of_optax():
    registry = Registry()
    loss, sigmoid = registry.get("loss", "dice"), registry.get("activation", "sigmoid")
    for mask, case in zip(MORE["masks"], MORE["dice"], strict=True):
        _, total, derivative = run_step(sigmoid, loss, np.array(MORE["rows"][1]), np.array(mask))
        assert_same(np.array([total]), [case["value"]], EPSILON)
        assert_same(derivative, case["derivative"], EPSILON)


@pytest.mark.parametrize(
    ("kind", "lists", "elsewhere"),
    [
        ("activation", ("activations", "row_wise_activations"), {"exponential"}),
        (
            "loss",
            ("losses", "row_losses", "label_losses"),
            {"log_cosh", "half_mse", "half_mse_sum", "binary_cross_entropy_sum", "dice"},
        ),
    ],
)
def test_every_built_in_part_is_compared(kind, lists, elsewhere):
    compared = {
        case["name"]
        for reference in (REFERENCE, MORE if kind == "loss" else {})
        for each in lists
        for case in reference.get(each, [])
    }
    names = {part.name for part, _ in Registry(allowed=()).parts(kind)}
    assert compared == names - elsewhere
