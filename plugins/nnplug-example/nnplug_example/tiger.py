"""The optimizer Tiger."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.optimizer(ranges={"beta": "[0, 1)", "weight_decay": "[0, inf)"})
def tiger(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 1e-3,
    beta: float = 0.965,
    weight_decay: float = 0.01,
) -> Any:
    """Tiger: a tight-fisted optimizer (Su, 2023, github.com/bojone/tiger).

    Every parameter moves by the learning rate, whatever the gradient's size, so
    use a rate three to ten times smaller than Adam's. It is Lion with one beta.
    The source's other rates for some kinds of layers are left out.

    Parameters
    ----------
    beta : float
        Decay of the running mean of the gradients.
    weight_decay : float
        Decoupled: a step shrinks each parameter by the fraction
        learning_rate·weight_decay.

    Examples
    --------
    >>> given = {"learning_rate": 0.5, "beta": 0.75, "weight_decay": 0.5}
    >>> param, m = tiger(np.array([1.0]), np.array([8.0]), np.array([0.0]), **given)
    >>> param.tolist(), m.tolist()
    ([0.25], [2.0])
    """
    m = beta * m + (1 - beta) * grad
    return param - learning_rate * (np.sign(m) + weight_decay * param), m


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizer."""
    register(tiger)
