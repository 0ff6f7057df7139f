"""The checks of an optimizer."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnplug.engines import Engine
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.parts import Optimizer
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
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

State = list[AnyArray]
"""The parameter, then the slots."""


def _start(part: Optimizer, param: AnyArray) -> State:
    return [param.copy(), *(np.zeros_like(param) for _ in part.slots)]


def _step(part: Optimizer, state: State, grad: AnyArray, step: int, **given: float) -> State:
    """Call the author's function; no array of ours is given to it."""
    options = {**given, "step": step} if part.uses_step else given
    param, *slots = (each.copy() for each in state)
    result = part(param, grad.copy(), *slots, **options)
    return [np.asarray(each) for each in (result if isinstance(result, tuple) else (result,))]


def _gradients(count: int, shape: tuple[int, ...]) -> list[AnyArray]:
    """Draw gradients that grow from 1e-4 to 100."""
    generator = random(5)
    return [generator.normal(size=shape) * scale for scale in np.geomspace(1e-4, 1e2, count)]


def formula(part: Optimizer) -> None:
    """Ten steps of the traced formula, as written and lowered, are the function's."""
    for labels, size in ((("P",), (7,)), (("R", "C"), (2, 3))):
        update = part.update(new_graph(), labels)
        for form, outputs in (
            ("traced", update.outputs), ("traced and lowered", lower(update.outputs)),
        ):  # fmt: skip
            state = expected = _start(part, random(4).normal(size=size))
            for step, grad in enumerate(_gradients(10, size), start=1):
                given: dict[str, Any] = {
                    **dict(zip(("param", *part.slots), state, strict=True)),
                    "grad": grad,
                    "learning_rate": part.learning_rate,
                    "step": step,
                }
                state = [np.broadcast_to(each, size) for each in evaluate(outputs, given)]
                expected = _step(part, expected, grad, step)
                _compare(part, state, expected, f"after step {step} of the formula, {form}")


def _compare(part: Optimizer, state: State, expected: State, when: str) -> None:
    for name, one, other in zip(("param", *part.slots), state, expected, strict=True):
        said = different(one, other)
        if said:
            raise Wrong(f"{name} {when}, {said}")


def step_count(part: Optimizer, engine: Engine) -> None:
    """Training's steps are the function's, with finite numbers and `step` from 1."""
    weight = random(4).normal(size=(3, 2))
    steps, network = steps_of(part, weight, engine)
    pieces = {
        "output.weight": _start(part, weight), "output.bias": _start(part, np.zeros(2)),
    }  # fmt: skip
    if part.over == "vector":
        pieces = {"": _start(part, network.parameters)}
    for step, grad in enumerate(_gradients(3, weight.shape), start=1):
        steps.targets[...] = grad
        steps.run(None)
        grads = {"output.weight": grad, "output.bias": grad.sum(axis=0)}
        if part.over == "vector":
            grads = {"": np.concatenate([each.reshape(-1) for each in grads.values()])}
        for name, before in pieces.items():
            span = network.span(name) if name else None
            got = [
                span.view(each) if span else each
                for each in (network.parameters, *steps.slots.values())
            ]
            expected = _step(part, before, grads[name], step)
            for each, array in zip(("param", *part.slots), expected, strict=True):
                if not np.isfinite(array).all():
                    raise Wrong(
                        f"{each} after step {step} is not finite; step counts from 1, so that "
                        "1 - beta**step is above 0"
                    )
            _compare(part, got, expected, f"after step {step} of training")
            pieces[name] = expected


def resumes(part: Optimizer, engine: Engine) -> None:
    """Ten steps are the same, to the bit, after a save and load at step five."""
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
                f"{name} after ten steps with a save and load at step five, {said}; all of an "
                "optimizer's state must be in its slots"
            )


def descends(part: Optimizer) -> None:
    """It makes a quadratic and Rosenbrock's function smaller, at some learning rate.

    From a hundred times its default down to a thousandth, in 300 steps each.
    """
    curvature = np.array([[1.0, 0.3], [2.0, 0.7], [0.1, 1.4]])
    _descend(
        part,
        "a quadratic",
        np.array([[1.5, -2.0], [0.5, 1.0], [-3.0, 0.7]]),
        lambda p: float(0.5 * np.sum(curvature * p * p)),
        lambda p: curvature * p,
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
    )


def _descend(
    part: Optimizer,
    name: str,
    start: AnyArray,
    value: Callable[[AnyArray], float],
    slope: Callable[[AnyArray], AnyArray],
) -> None:
    first, ends = value(start), {}
    for factor in (1.0, 10.0, 100.0, 0.1, 0.01, 0.001):
        rate = part.learning_rate * factor
        state = _start(part, start)
        for step in range(1, 301):
            state = _step(part, state, slope(state[0]), step, learning_rate=rate)
            if not np.isfinite(state[0]).all():
                break
        ends[rate] = value(state[0])
        if ends[rate] < 0.9 * first:
            return
    listed = ", ".join(f"{number(end)} at {number(rate)}" for rate, end in ends.items())
    raise Wrong(
        f"on {name}, from {number(first)}, 300 steps end no lower at any learning rate: {listed}"
    )


def finite(part: Optimizer, engine: Engine) -> None:
    """Gradients of 0, 1e-12 and 1e6 give finite numbers, in both dtypes."""
    for dtype in (np.float64, np.float32):
        weight = random(4).normal(size=(3, 2)).astype(dtype)
        steps, network = steps_of(part, weight, engine)
        for size in (0.0, 1e-12, 1e6):
            fill(network, weight)
            for slot in steps.slots.values():
                slot[...] = 0
            steps.targets[...] = size
            for step in (1, 2, 3, 1000):
                steps.count[...] = step - 1
                new = steps.vectors[1 - steps.turn]
                total = steps.run(None)
                when = f"after step {step} with gradients of {number(size)} in {np.dtype(dtype)}"
                arrays = {"param": new, **steps.slots}
                for name, array in arrays.items():
                    wrong = array[~np.isfinite(array)]
                    if len(wrong):
                        raise Wrong(
                            f"{name} {when}: the part gives {wrong[0]}, expected a finite number"
                        )
                if np.isnan(total):
                    raise Wrong(f"{when}: training refuses the step, as one that is not finite")


def dtype(part: Optimizer) -> None:
    """float32 in, float32 out, for the parameter and every slot; shapes are kept."""
    names = ("param", *part.slots)
    for kind in (np.float32, np.float64):
        for labels, size in ((("P",), (1,)), (("P",), (5,)), (("R", "C"), (3, 2))):
            state = _start(part, random(4).normal(size=size).astype(kind))
            grad = np.ones(size, kind)
            given = {**dict(zip(names, state, strict=True)), "grad": grad, "step": 1}
            given["learning_rate"] = part.learning_rate
            outputs = part.update(new_graph(), labels).outputs
            for found, traced in (
                (_step(part, state, grad, 1), False), (evaluate(outputs, given), True),
            ):  # fmt: skip
                for name, array in zip(names, found, strict=True):
                    what = f"new {name}"
                    if array.shape != size and not (traced and array.shape == ()):
                        raise Wrong(f"{what} of shape {size}: the part gives shape {array.shape}")
                    check_dtype(part, what, kind, array, traced=traced, size=f" of shape {size}")


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
