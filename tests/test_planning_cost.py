"""The cost of planning grows with the number of operations, not faster.

What is counted is calls of functions, which is the same on every machine; one
test measures time, and generously. Compiling is left out: every loop gets the
same function, which does nothing.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

import nnplug
from nnplug import special as special_functions
from nnplug.engines.numba.compiler import Compiler, compiler
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import walk
from nnplug.formulas.mathml import to_mathml
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Steps
from tests.engines import ENGINES

PARTS = Registry()
IDENTITY, TANH = (PARTS.get("activation", name) for name in ("identity", "tanh"))
MSE, SGD = PARTS.get("loss", "mse"), PARTS.get("optimizer", "sgd")


def logistic_map(y, i, x):
    return 3.2 * y * (1 - y)


def sine(y, i, x):
    return np.sin(y + 0.01 * i) + 0.5 * x


def choices(y, i, x):
    return np.maximum(y - 0.01 * i, 0) + np.where(x > y, x, 0.1 * y)


def special(y, i, x):
    return special_functions.log_sigmoid(y) + 0.01 * i * special_functions.softplus(y)


def rows(y, i, x):
    return y * np.mean(y, axis=-1, keepdims=True) + 0.01 * i


def squared(y, i, x):
    """Two ways lead from each step to the one before: a tree of them would be 2^n large."""
    return y * y


GROWTH = 5.5
"""The limit: with the square of the operations it would be 16."""

STEPS = [logistic_map, sine, choices, special, rows, squared]


def activation(step, operations):
    @nnplug.activation(name=step.__name__)
    def part(x):
        """Iterate."""
        y = x
        for count in range(0, operations, OPERATIONS[step]):
            y = step(y, count, x)
        return y + 0 * x

    return part


def loss(step, operations):
    part = activation(step, operations)

    @nnplug.loss(name=step.__name__)
    def error(prediction, target):
        """Iterate on the prediction."""
        return (part.function(prediction) - target) ** 2

    return error


def optimizer(step, operations):
    part = activation(step, operations)

    @nnplug.optimizer(name=step.__name__)
    def method(param, grad, m, *, learning_rate=0.1):
        """Iterate on the state."""
        m = part.function(m + grad)
        return param - learning_rate * m, m

    return method


def _operations(step):
    graph = new_graph()
    x, y = graph.input("x", ("N", "C")), graph.input("y", ("N", "C"))
    return sum(bool(node.inputs) for node in walk([step(y, 7, x)]))


OPERATIONS = {step: _operations(step) for step in STEPS}


@pytest.fixture
def uncompiled(monkeypatch):
    """Plan and bind in the Numba engine without compiling: its loops do nothing."""
    source = "def function(table):\n    return 0\n"
    function = compiler().functions([source])[source]
    monkeypatch.setattr(
        Compiler, "functions", lambda self, sources: dict.fromkeys(sources, function)
    )


def plan(engine, *, activation=TANH, loss=MSE, optimizer=SGD):
    """Trace, derive, plan and bind a training step, as a run does."""
    network = Network(2, (3,), 1, activations=[activation], output_activation=IDENTITY, dtype=float)
    Steps(network, loss, optimizer, np.zeros((8, 2)), np.zeros((8, 1)), 4, engine=ENGINES[engine])


def calls(function):
    """Count the calls of functions, Python's and C's."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [activation, loss, optimizer], ids=lambda make: make.__name__)
def test_four_times_the_operations_cost_four_times_as_much(engine, step, make, uncompiled):
    plan(engine)  # what is done once
    few, many = (
        calls(lambda size=size: plan(engine, **{make.__name__: make(step, size)}))
        for size in (80, 320)
    )
    assert many < GROWTH * few


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_four_times_the_formula_is_four_times_as_long_to_print(step):
    def printed(size):
        graph = new_graph()
        x = graph.input("x", ("N", "C"))
        y = activation(step, size).value(x)
        nodes = [y, *differentiate(y, [x], graph.constant(1.0))]

        def write():
            for write in (to_text, to_mathml):
                write(nodes, ["y", "slope"])

        return calls(write)

    assert printed(400) < GROWTH * printed(100)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_iterated_map_costs_no_more_than_a_chain_written_out(engine, uncompiled):
    plan(engine)
    iterated = calls(lambda: plan(engine, activation=activation(logistic_map, 75)))
    chain = calls(lambda: plan(engine, activation=activation(sine, 75)))
    assert iterated < 2 * chain


@pytest.mark.parametrize("engine", ENGINES)
def test_four_hundred_operations_are_planned_in_a_moment(engine, uncompiled):
    plan(engine)
    part = activation(sine, 400)
    began = time.process_time()
    plan(engine, activation=part)
    # A tenth of a second on a machine of 2024; 31 seconds were seen.
    assert time.process_time() - began < 1.5
