"""Parts of scikit-learn's networks that nnplug lacks or defines differently.

The optimizers are only used by the estimators. The loss is registered as well:
a saved model names it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from nnplug.parts import loss, optimizer
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import default_registry

__all__ = [
    "half_poisson_deviance",
    "registry",
    "sklearn_adam",
    "sklearn_momentum",
    "sklearn_nesterov",
]


@optimizer
def sklearn_adam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """Adam in its faster form (Kingma & Ba, 2015, arXiv:1412.6980, end of section 2).

    The bias correction is part of the rate, so epsilon is added to the
    uncorrected root, as in scikit-learn. `adam` adds it to the corrected root,
    where it weighs up to 1/√(1 - beta2) times less.
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = learning_rate * np.sqrt(1 - beta2**step) / (1 - beta1**step)
    return param - rate * m / (np.sqrt(v) + epsilon), m, v


@optimizer
def sklearn_momentum(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 1e-3, momentum: float = 0.9
) -> Any:
    """Gradient descent with momentum, with the learning rate inside the velocity.

    As in scikit-learn and in Sutskever et al., 2013. A change of the learning
    rate only affects new gradients; in `momentum` it takes effect at once.
    """
    velocity = momentum * velocity - learning_rate * grad
    return param + velocity, velocity


@optimizer
def sklearn_nesterov(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 1e-3, momentum: float = 0.9
) -> Any:
    """Nesterov's accelerated gradient, with the learning rate inside the velocity."""
    velocity = momentum * velocity - learning_rate * grad
    return param + momentum * velocity - learning_rate * grad, velocity


@loss
def half_poisson_deviance(prediction: Any, target: Any) -> Any:
    """Half the Poisson deviance: y·log(y/p) - y + p, summed over a row's outputs.

    The prediction is above 0 and the target at least 0; y·log(y/p) is 0
    where y is.

    Examples
    --------
    >>> half_poisson_deviance(np.array([[2.0, 3.0]]), np.array([[2.0, 0.0]])).tolist()
    [[3.0]]
    """
    counted = target > 0
    ratio = np.where(counted, target, prediction) / prediction
    errors = np.where(counted, target * np.log(ratio), 0) - target + prediction
    return np.sum(errors, axis=-1, keepdims=True)


@cache
def registry() -> Registry:
    """Return the registry of the Python API, with the loss above, which saved models may need."""
    found = default_registry()
    part = half_poisson_deviance
    if not found.find(f"local/{part.name}", part.kind, load=False):
        found.register(part)
    return found
