"""Every optimizer: the traced step is the written step, and acts on each number by itself."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.testing import stepping
from tests import oracles
from tests.contract.conftest import every_part


def plain_step(part, state, grad, step):
    """Call the author's function as it stands."""
    return stepping.step(part, state, grad, step)


def given(part, state, grad, step):
    values = dict(zip(("param", *part.slots), state, strict=True), grad=grad)
    return {**values, "learning_rate": part.learning_rate, "step": step}


def gradients(count, shape, dtype=np.float64):
    generator = np.random.default_rng(5)
    scale = np.geomspace(1e-4, 1e2, count)
    return [(generator.normal(size=shape) * each).astype(dtype) for each in scale]


def start(part, shape, dtype=np.float64):
    param = np.random.default_rng(4).normal(size=shape).astype(dtype)
    return [param, *(np.zeros(shape, dtype) for _ in part.slots)]


def test_every_number_by_itself(optimizer):
    update = optimizer.update(new_graph())
    if not update.elementwise:
        pytest.skip("spans a tensor")
    state = start(optimizer, (6,))
    for step, grad in enumerate(gradients(3, (6,)), start=1):
        for each in range(6):
            alone = [array[each : each + 1] for array in state]
            one = evaluate(update.outputs, given(optimizer, alone, grad[each : each + 1], step))
            both = evaluate(update.outputs, given(optimizer, state, grad, step))
            for got, wanted in zip(one, both, strict=True):
                np.testing.assert_allclose(got, wanted[each : each + 1], rtol=1e-14)
        state = both


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e6])
def test_finite_for_any_gradient(optimizer, dtype, size):
    state = start(optimizer, (3,), dtype)
    for step in (1, 2, 3, 1000):
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            state = plain_step(optimizer, state, np.full(3, size, dtype), step)
        assert all(np.isfinite(each).all() for each in state)


def test_print_is_the_formula(optimizer):
    update = optimizer.update(new_graph())
    names = [f"new_{name}" for name in ("param", *optimizer.slots)]
    state = [abs(each) + 0.1 for each in start(optimizer, (5,))]
    (grad,) = gradients(1, (5,))
    arrays = given(optimizer, state, grad, 3)
    expected = evaluate(update.outputs, arrays)
    text = to_text(update.outputs, names)
    if optimizer.base is not None:  # a slot of the held optimizer's is no name in Python
        held = f"{optimizer.base.name}."
        text = text.replace(held, "held_")
        names = [name.replace(held, "held_") for name in names]
        arrays = {name.replace(held, "held_"): array for name, array in arrays.items()}
    found = oracles.run_text(text, arrays)
    for name, result in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], result, rtol=1e-14)


# The first two steps from param 1 with gradients 2 then -1, worked by hand.
BY_HAND = {
    "sgd:learning_rate=0.5": (0.0, 0.5),
    "momentum:learning_rate=0.5,momentum=0.5": (0.0, 0.0),
    "nesterov:learning_rate=0.5,momentum=0.5": (-0.5, 0.0),
    "adagrad:learning_rate=0.5,epsilon=0": (0.5, 0.5 + 0.5 / 5**0.5),
    "rmsprop:learning_rate=0.5,decay=0.5,epsilon=0": (
        1 - 0.5 / 0.5**0.5,
        1 - 0.5 / 0.5**0.5 + 0.5 / 1.5**0.5,
    ),
    # m: 1, 0 (bias-corrected 2, 0); v: 2, 1.5 (corrected 4, 2)
    "adam:learning_rate=0.5,beta1=0.5,beta2=0.5,epsilon=0": (0.5, 0.5),
    "adam:learning_rate=0.5,beta1=0.5,beta2=0.5,epsilon=2": (0.75, 0.75),
    "adamw:learning_rate=0.5,beta1=0.5,beta2=0.5,epsilon=0,weight_decay=0.1": (0.45, 0.4275),
    # 0.95 - 0.5·2, then velocity 0: 0.95 of that.
    "sgdw:learning_rate=0.5,momentum=0.5,weight_decay=0.1": (-0.05, -0.0475),
    # squares 2 and 1.5, steps √1/√3·2, then √(2/3 + 1)/√2.5·-1
    "adadelta:decay=0.5,epsilon=1": (1 - 2 / 3**0.5, 1 - 2 / 3**0.5 + (5 / 3 / 2.5) ** 0.5),
    # mean and variance of 0, 2 (half of each): 1, 1; then of those and -1 (distance 2): 0, 1.5
    "centered_rmsprop:learning_rate=0.5,decay=0.5,epsilon=1": (0.5, 0.5 + 0.5 / (1.5**0.5 + 1)),
    "rprop:learning_rate=0.5": (0.5, 0.5),  # the sign has changed: it rests
    # m: 1, 0; u: 2.5, 1.5
    "adamax:learning_rate=0.5,beta1=0.5,beta2=0.5,epsilon=0.5": (0.6, 0.6),
    # μ = 0.25: products 1/4, 1/16; m: 1, 0; v corrected: 4, 2. First step
    # 0.75/0.75·2 + 0.25/(15/16)·1 = 34/15, over 2; then 0.75/(15/16)·-1, over √2.
    "nadam:learning_rate=0.5,beta1=0.5,beta2=0.5,epsilon=1e-300,momentum_decay=0": (
        1 - 0.5 * 34 / 15 / 2,
        1 - 0.5 * 34 / 15 / 2 + 0.5 * 0.8 / 2**0.5,
    ),
    # as adam, but v stays 2: corrected 2 / 0.75; m is 0 in the second step
    "amsgrad:learning_rate=0.5,beta1=0.25,beta2=0.5,epsilon=1e-300": (
        0.5,
        0.5 + 0.5 * (0.375 / 0.9375) / (2 / 0.75) ** 0.5,
    ),
    # too few gradients: -0.5·m corrected, 2 and then 0
    "radam:learning_rate=0.5,beta1=0.5": (0.0, 0.0),
    # directions sign(1) and sign(0.5·1.8 - 0.5)
    "lion:learning_rate=0.5,beta1=0.5,beta2=0.1,weight_decay=0.5": (0.25, -0.3125),
}


@pytest.mark.parametrize("text", BY_HAND)
def test_two_steps_by_hand(text):
    from nnplug.parts import parse_part

    said = parse_part(text)
    part = next(p for p in every_part() if p.kind == "optimizer" and p.name == said.name)
    part = part.with_options(**said.options)
    state = [np.array([1.0]), *(np.zeros(1) for _ in part.slots)]
    seen = []
    for step, grad in enumerate((2.0, -1.0), start=1):
        state = plain_step(part, state, np.array([grad]), step)
        seen.append(float(state[0][0]))
    assert seen == pytest.approx(BY_HAND[text], rel=1e-14, abs=1e-15)
