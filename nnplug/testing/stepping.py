"""An optimizer's steps as its author wrote them: the plain function, on arrays."""

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
    """What a step is given beside the parameter, its gradient and the slots.

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
    """Give an optimizer that holds another one to hold, if it has none."""
    return part.around(adam) if part.holds and part.base is None else part


def as_given(part: Optimizer, array: AnyArray) -> AnyArray:
    """Give an array in the shape in which a formula is given it: a bias may be a column."""
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
    """Call the author's function; no array of ours is given to it."""
    rate = part.learning_rate if learning_rate is None else learning_rate
    given = Given(number, rate, np.zeros_like(grad) if curvature is None else curvature)
    param, *slots = (each.copy() for each in state)
    return _new(part, param, grad.copy(), slots, given)


def call(
    part: Optimizer, slots: Sequence[AnyArray], given: Given
) -> tuple[list[AnyArray], dict[str, Any], State]:
    """Give what a call takes after parameter and gradient.

    Returns
    -------
    list of array
        Its own slots.
    dict
        What it is given by name.
    list of array
        Is given the new slots of the optimizer that it holds, once that is called.
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
    """Say where the gradient is taken that a step is given."""
    moved = part.moved
    if moved is None or moved.point is None:
        return param
    known = inspect.signature(moved.point).parameters
    options = {key: value for key, value in moved.options.items() if key in known}
    flat = moved.point(param.reshape(-1).copy(), grad.reshape(-1).copy(), **options)
    return np.asarray(flat).reshape(param.shape)
