"""Every part runs in both engines, to the same numbers within rounding, compiled as a whole.

Each is compiled in float64, some of them in float32 too, or all (`NNPLUG_COMPILED=1`).
"""

from __future__ import annotations

import numpy as np

from nnplug.engines.numba.fusion import Fused, pieces
from nnplug.formulas.primitives import new_graph
from nnplug.network.network import Network
from nnplug.plans import plan_step
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, Steps
from tests.engines import ENGINES, chosen

ROWS, BATCH = 100, 64
WIDTHS = (17, 33, 5)

PRODUCTS = {"dot", "dot_left", "dot_right"}
# Functions that stay with NumPy: it vectorises them, and hardly any formula has them.
NUMPYS = {"arcsinh", "arctan", "cos", "cosh", "exp2", "hypot", "log10", "log2", "power", "sin"}
NUMPYS |= {"sinh", "tan", "fmax", "fmin"}


def network(dtype, activation="tanh", output="identity"):
    registry = Registry()
    hidden, last = (registry.get("activation", each) for each in (activation, output))
    made = Network(
        WIDTHS[0],
        WIDTHS[1:-1],
        WIDTHS[-1],
        activations=[hidden],
        output_activation=last,
        dtype=dtype,
    )
    made.initialize(registry.get("initializer", "glorot_uniform"), 0)
    return made


def data(loss, dtype):
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(ROWS, WIDTHS[0])).astype(dtype)
    if loss.against == "labels":
        return inputs, generator.integers(0, WIDTHS[-1], (ROWS, 1))
    return inputs, generator.uniform(0.1, 0.9, (ROWS, WIDTHS[-1])).astype(dtype)


def trained(made, loss, optimizer, engine):
    """Losses of three steps, all state after them, and an evaluation."""
    inputs, targets = data(loss, made.dtype)
    steps = Steps(made, loss, optimizer, inputs, targets, BATCH, engine=ENGINES[engine])
    order = np.random.default_rng(2).permutation(ROWS)
    losses = [steps.run(order[start : start + BATCH]) for start in (0, 36, 10)]
    outputs, value = Evaluator(made, loss, ENGINES[engine]).run(inputs, targets)
    return [np.array(losses), outputs, np.array(value), *steps.copy_state().values()]


def assert_alike(tested, make, loss, optimizer):
    for dtype in ("float32", "float64") if chosen(tested.name) else ("float64",):
        with np.errstate(all="ignore"):
            pairs = zip(
                trained(make(dtype), loss, optimizer, "numpy"),
                trained(make(dtype), loss, optimizer, "numba"),
                strict=True,
            )
        tolerance = 300 * np.finfo(dtype).eps
        for wanted, found in pairs:
            scale = max(1e-3, float(np.abs(wanted).max()))
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)


def left_to_numpy(make, loss, optimizer):
    program = plan_step(make("float32"), loss, optimizer, BATCH)
    parts = [part for section in program.sections for part in pieces(section, BATCH)]
    return {part.operation.name for part in parts if not isinstance(part, Fused)} - PRODUCTS


def part(kind, name):
    return Registry().get(kind, name)


def test_an_activation(activation):
    def make(dtype):
        return network(dtype, activation.text)

    loss, optimizer = part("loss", "mse"), part("optimizer", "sgd")
    assert_alike(activation, make, loss, optimizer)
    assert left_to_numpy(make, loss, optimizer) <= NUMPYS


def test_a_loss(loss):
    output = {"probabilities": "softmax", "logits": "identity"}.get(loss.takes, "identity")

    def make(dtype):
        return network(dtype, output=output)

    assert_alike(loss, make, loss, part("optimizer", "sgd"))
    over_batch = {"sum"} if loss.over == "batch" else set()
    assert left_to_numpy(make, loss, part("optimizer", "sgd")) <= NUMPYS | over_batch


def test_an_optimizer(optimizer):
    assert_alike(optimizer, network, part("loss", "mse"), optimizer)
    if optimizer.update(new_graph()).elementwise:
        assert left_to_numpy(network, part("loss", "mse"), optimizer) <= NUMPYS
