"""The optimizer Lion."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.optimizer
def lion(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> Any:
    """Lion: evolved sign momentum (Chen et al., 2023, arXiv:2302.06675, Algorithm 2).

    Every parameter moves by the learning rate, whatever the gradient's size, so
    use a rate three to ten times smaller than Adam's.

    Parameters
    ----------
    beta1 : float
        Weight of the momentum, against the gradient's, inside the sign.
    beta2 : float
        Decay of the momentum itself.
    weight_decay : float
        Decoupled: a step shrinks each parameter by the fraction
        learning_rate·weight_decay.

    Examples
    --------
    >>> param, m = lion(np.array([1.0]), np.array([-8.0]), np.array([0.0]), learning_rate=0.5)
    >>> param.tolist(), m.round(2).tolist()
    ([1.5], [-0.08])
    """
    direction = np.sign(beta1 * m + (1 - beta1) * grad)
    m = beta2 * m + (1 - beta2) * grad
    return param - learning_rate * (direction + weight_decay * param), m


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizer."""
    register(lion)
