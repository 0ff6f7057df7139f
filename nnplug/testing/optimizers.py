"""The checks of an optimizer."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.engines import Engine
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.parts import Optimizer
from nnplug.plans import slot_layouts
from nnplug.testing.engine import fill, steps_of
from nnplug.testing.examples import (
    Suite,
    check_dtype,
    deterministic,
    inputs_unchanged,
    options,
    random,
)
from nnplug.testing.failure import Wrong, different, number
from nnplug.testing.stepping import State, as_given, point_of, start, step, whole
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

Shapes = tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]


def _shapes(part: Optimizer) -> Shapes:
    """Return labels and sizes of parameters, as the formula gets them."""
    if part.states:
        return ((("R", "C"), (7, 1)), (("R", "C"), (2, 3)))
    return ((("P",), (7,)), (("R", "C"), (2, 3)))


def _gradients(count: int, shape: tuple[int, ...]) -> list[AnyArray]:
    """Draw gradients that grow from 1e-4 to 100."""
    generator = random(5)
    return [generator.normal(size=shape) * scale for scale in np.geomspace(1e-4, 1e2, count)]


def formula(part: Optimizer) -> None:
    """Ten steps of the traced formula, as written and lowered, are the function's."""
    part = whole(part)
    for labels, size in _shapes(part):
        update = part.update(new_graph(), labels)
        for form, outputs in (
            ("traced", update.outputs), ("traced and lowered", lower(update.outputs)),
        ):  # fmt: skip
            state = expected = start(part, random(4).normal(size=size))
            for number_, grad in enumerate(_gradients(10, size), start=1):
                curvature = random(number_).normal(size=size)
                given: dict[str, Any] = {
                    **dict(zip(("param", *part.slots), state, strict=True)),
                    "grad": grad,
                    "curvature": curvature,
                    "learning_rate": part.learning_rate,
                    "step": number_,
                }
                state = [
                    np.broadcast_to(new, old.shape)
                    for new, old in zip(evaluate(outputs, given), state, strict=True)
                ]
                expected = step(part, expected, grad, number_, curvature=curvature)
                _compare(part, state, expected, f"after step {number_} of the formula, {form}")


def _compare(part: Optimizer, state: State, expected: State, when: str) -> None:
    for name, one, other in zip(("param", *part.slots), state, expected, strict=True):
        said = different(one, other)
        if said:
            raise Wrong(f"{name} {when}, {said}")


def step_count(part: Optimizer, engine: Engine) -> None:
    """Training's steps are the function's, with finite numbers and `step` from 1."""
    part = whole(part)
    weight = random(4).normal(size=(3, 2))
    steps, network = steps_of(part, weight, engine)
    at_once = part.over == "vector" and not part.states
    pieces = {
        "output.weight": start(part, weight), "output.bias": start(part, np.zeros(2)),
    }  # fmt: skip
    if at_once:
        pieces = {"": start(part, network.parameters)}
    layouts = slot_layouts(network, part)
    for number_, grad in enumerate(_gradients(3, weight.shape), start=1):
        steps.targets[...] = grad
        steps.run(None)
        grads = {"output.weight": grad, "output.bias": grad.sum(axis=0)}
        if at_once:
            grads = {"": np.concatenate([own.reshape(-1) for own in grads.values()])}
        for name, before in pieces.items():
            got = [network.parameters, *steps.slots.values()]
            if name:
                got = [as_given(part, network.span(name).view(network.parameters))]
                for slot, array in steps.slots.items():
                    first, shape = layouts[slot].places[name]
                    got.append(array[first : first + math.prod(shape)].reshape(shape))
            expected = step(part, before, as_given(part, grads[name]), number_)
            for slot, array in zip(("param", *part.slots), expected, strict=True):
                if not np.isfinite(array).all():
                    raise Wrong(
                        f"{slot} after step {number_} is not finite; step counts from 1, so that "
                        "1 - beta**step is above 0"
                    )
            _compare(part, got, expected, f"after step {number_} of training")
            pieces[name] = expected


def resumes(part: Optimizer, engine: Engine) -> None:
    """Ten steps are the same to the bit if the state is saved and loaded at step five."""
    part = whole(part)
    weight = random(4).normal(size=(3, 2))
    grads = _gradients(10, weight.shape)
    steps, network = steps_of(part, weight, engine)
    saved: dict[str, AnyArray] = {}
    for number_, grad in enumerate(grads):
        if number_ == 5:
            saved = {name: slot.copy() for name, slot in steps.slots.items()}
            saved |= {"parameters": network.parameters.copy(), "count": steps.count.copy()}
        steps.targets[...] = grad
        steps.run(None)
    expected = [network.parameters, *steps.slots.values()]
    again, other = steps_of(part, weight, engine)
    other.parameters[...] = saved["parameters"]
    again.count[...] = saved["count"]
    for name, slot in again.slots.items():
        slot[...] = saved[name]
    for grad in grads[5:]:
        again.targets[...] = grad
        again.run(None)
    found = [other.parameters, *again.slots.values()]
    for name, one, two in zip(("param", *part.slots), found, expected, strict=True):
        said = different(one, two, rtol=0, atol=0)
        if said:
            raise Wrong(
                f"{name} after ten steps with a save and load at step five, {said}; an "
                "optimizer must keep all of its state in its slots"
            )


def descends(part: Optimizer) -> None:
    """It makes a quadratic and Rosenbrock's function smaller, at some learning rate.

    From a hundred times its default down to a thousandth, with 300 steps each;
    at the weights that it predicts with, and with the exact second derivatives
    if it asks for them.
    """
    part = whole(part)
    curvature = np.array([[1.0, 0.3], [2.0, 0.7], [0.1, 1.4]])
    _descend(
        part,
        "a quadratic",
        np.array([[1.5, -2.0], [0.5, 1.0], [-3.0, 0.7]]),
        lambda p: float(0.5 * np.sum(curvature * p * p)),
        lambda p: curvature * p,
        lambda p: curvature,
    )
    _descend(
        part,
        "Rosenbrock's function",
        np.array([-1.2, 1.0]),
        lambda p: float((1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2),
        lambda p: np.array(
            [
                -2 * (1 - p[0]) - 400 * p[0] * (p[1] - p[0] ** 2),
                200 * (p[1] - p[0] ** 2),
            ]
        ),
        lambda p: np.array([2 - 400 * p[1] + 1200 * p[0] ** 2, 200.0]),
    )


def _descend(
    part: Optimizer,
    name: str,
    begin: AnyArray,
    value: Callable[[AnyArray], float],
    slope: Callable[[AnyArray], AnyArray],
    second: Callable[[AnyArray], AnyArray],
) -> None:
    first, ends = value(begin), {}
    shown = 1 + part.slots.index(part.shown) if part.shown else 0
    for factor in (1.0, 10.0, 100.0, 0.1, 0.01, 0.001):
        rate = part.learning_rate * factor
        state = start(part, begin)
        for number_ in range(1, 301):
            at = state[0].reshape(begin.shape)
            grad = slope(point_of(part, at, slope(at)))
            state = step(
                part, state, as_given(part, grad), number_, learning_rate=rate,
                curvature=as_given(part, second(at)),
            )  # fmt: skip
            if not np.isfinite(state[0]).all():
                break
        ends[rate] = value(state[shown].reshape(begin.shape))
        if ends[rate] < 0.9 * first:
            return
    listed = ", ".join(f"{number(end)} at {number(rate)}" for rate, end in ends.items())
    raise Wrong(
        f"on {name}, from {number(first)}, 300 steps do not end lower at any learning rate: "
        f"{listed}"
    )


def finite(part: Optimizer, engine: Engine) -> None:
    """Gradients of 0, 1e-12 and 1e6 give finite numbers, in both dtypes."""
    part = whole(part)
    for dtype in (np.float64, np.float32):
        weight = random(4).normal(size=(3, 2)).astype(dtype)
        steps, network = steps_of(part, weight, engine)
        before = steps.copy_state()
        for size in (0.0, 1e-12, 1e6):
            steps.set_state(before)
            fill(network, weight)
            steps.targets[...] = size
            for number_ in (1, 2, 3, 1000):
                steps.count[...] = number_ - 1
                new = steps.vectors[1 - steps.turn]
                total = steps.run(None)
                when = f"after step {number_} with gradients of {number(size)} in {np.dtype(dtype)}"
                arrays = {"param": new, **steps.slots}
                for name, array in arrays.items():
                    wrong = array[~np.isfinite(array)]
                    if len(wrong):
                        raise Wrong(
                            f"{name} {when}: the part gives {wrong[0]}, expected a finite number"
                        )
                if np.isnan(total):
                    raise Wrong(f"{when}: training refuses the step, since it is not finite")


def dtype(part: Optimizer) -> None:
    """float32 in, float32 out, for the parameter and every slot; shapes are kept."""
    part = whole(part)
    names = ("param", *part.slots)
    for kind in (np.float32, np.float64):
        column = ((("R", "C"), (5, 1)),) if part.states else ((("P",), (1,)), (("P",), (5,)))
        for labels, size in (*column, (("R", "C"), (3, 2))):
            state = start(part, random(4).normal(size=size).astype(kind))
            grad = np.ones(size, kind)
            given = {**dict(zip(names, state, strict=True)), "grad": grad, "step": 1}
            given |= {"learning_rate": part.learning_rate, "curvature": grad}
            outputs = part.update(new_graph(), labels).outputs
            for found, traced in (
                (step(part, state, grad, 1, curvature=grad), False),
                (evaluate(outputs, given), True),
            ):
                for name, old, array in zip(names, state, found, strict=True):
                    what = f"new {name}"
                    if array.shape != old.shape and not (traced and array.shape == ()):
                        raise Wrong(
                            f"{what} of shape {old.shape}: the part gives shape {array.shape}"
                        )
                    shape = f" of shape {old.shape}"
                    check_dtype(part, what, kind, array, traced=traced, size=shape)


CHECKS: Suite = {
    "formula": formula,
    "step-count": step_count,
    "resumes": resumes,
    "descends": descends,
    "finite": finite,
    "dtype": dtype,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "options": options,
}
