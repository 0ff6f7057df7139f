"""An optimizer's steps as its author wrote them: the plain function on arrays."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.builtin.optimizers import adam
from nnplug.parts import Optimizer
from nnplug.types import AnyArray

__all__ = ["Given", "State", "as_given", "call", "point_of", "start", "step", "whole"]

State = list[AnyArray]
"""The parameter, then the slots."""


@dataclass(frozen=True)
class Given:
    """What a step is given besides the parameter, its gradient and the slots.

    Attributes
    ----------
    step : int
    learning_rate : float
    curvature : array
        For an optimizer that asks for it.
    """

    step: int
    learning_rate: float
    curvature: AnyArray


def whole(part: Optimizer) -> Optimizer:
    """Complete an optimizer that wraps another: if it has none, it gets Adam."""
    return part.around(adam) if part.holds and part.base is None else part


def as_given(part: Optimizer, array: AnyArray) -> AnyArray:
    """Return an array in the shape in which the formula gets it: a bias may be a column."""
    return array.reshape((*array.shape, 1, 1)[:2]) if part.states else array


def start(part: Optimizer, param: AnyArray) -> State:
    """Make the state before the first step."""
    param = as_given(part, param.copy())
    state = [param]
    for slot in part.slots:
        shape = tuple(int(size) for size in part.slot_shape(slot, param.shape))
        array = np.zeros(shape, param.dtype)
        if slot in part.states:
            part.states[slot].fill(array)
        state.append(array)
    return state


def step(
    part: Optimizer,
    state: Sequence[AnyArray],
    grad: AnyArray,
    number: int,
    *,
    learning_rate: float | None = None,
    curvature: AnyArray | None = None,
) -> State:
    """Call the author's function on copies of the arrays."""
    rate = part.learning_rate if learning_rate is None else learning_rate
    given = Given(number, rate, np.zeros_like(grad) if curvature is None else curvature)
    param, *slots = (array.copy() for array in state)
    return _new(part, param, grad.copy(), slots, given)


def call(
    part: Optimizer, slots: Sequence[AnyArray], given: Given
) -> tuple[list[AnyArray], dict[str, Any], State]:
    """Return what a call takes after the parameter and the gradient.

    Returns
    -------
    list of array
        The optimizer's own slots.
    dict
        The keyword arguments.
    list of array
        Filled with the new slots of the wrapped optimizer, once that is called.
    """
    own = list(slots[: len(part.own_slots)])
    named: dict[str, Any] = {}
    inner: State = []
    if "learning_rate" in part.defaults:
        named["learning_rate"] = given.learning_rate
    if part.uses_step:
        named["step"] = given.step
    if part.uses_curvature:
        named["curvature"] = given.curvature.copy()
    if part.holds:
        held = part.base
        assert held is not None

        def base(param: AnyArray, grad: AnyArray) -> AnyArray:
            new, *inner[:] = _new(held, param, grad, slots[len(own) :], given)
            return new

        named["base"] = base
    return own, named, inner


def _new(
    part: Optimizer, param: AnyArray, grad: AnyArray, slots: Sequence[AnyArray], given: Given
) -> State:
    own, named, inner = call(part, slots, given)
    result = part(param, grad, *own, **named)
    new = result if isinstance(result, tuple) else (result,)
    return [*map(np.asarray, new), *inner]


def point_of(part: Optimizer, param: AnyArray, grad: AnyArray) -> AnyArray:
    """Return the point where the step's gradient is to be computed."""
    moved = part.moved
    if moved is None or moved.point is None:
        return param
    known = inspect.signature(moved.point).parameters
    options = {key: value for key, value in moved.options.items() if key in known}
    flat = moved.point(param.reshape(-1).copy(), grad.reshape(-1).copy(), **options)
    return np.asarray(flat).reshape(param.shape)
