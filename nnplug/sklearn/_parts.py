"""The parts that scikit-learn's networks are made of and nnplug has otherwise.

What only training needs is used here and nowhere else. A loss and an output
activation are needed to predict too, so those are registered: a saved model
names them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from nnplug.parts import activation, loss, optimizer
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import default_registry

__all__ = [
    "exponential",
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
    """Adam in its quicker order (Kingma & Ba, 2015, arXiv:1412.6980, end of section 2).

    The correction of the bias is in the rate, so that epsilon stands beside
    the uncorrected root, as in scikit-learn; `adam` has it beside the
    corrected one, which makes it up to 1/√(1 - beta2) times smaller.
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = learning_rate * np.sqrt(1 - beta2**step) / (1 - beta1**step)
    return param - rate * m / (np.sqrt(v) + epsilon), m, v


@optimizer
def sklearn_momentum(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 1e-3, momentum: float = 0.9
) -> Any:
    """Gradient descent with momentum, the learning rate within the velocity.

    As in scikit-learn and in Sutskever et al., 2013. A learning rate that
    changes acts on new gradients alone; in `momentum` it acts at once.
    """
    velocity = momentum * velocity - learning_rate * grad
    return param + velocity, velocity


@optimizer
def sklearn_nesterov(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 1e-3, momentum: float = 0.9
) -> Any:
    """Nesterov's accelerated gradient, the learning rate within the velocity."""
    velocity = momentum * velocity - learning_rate * grad
    return param + momentum * velocity - learning_rate * grad, velocity


@activation
def exponential(x: Any) -> Any:
    """Exponential: exp(x), the inverse of the logarithmic link.

    Examples
    --------
    >>> float(exponential(0.0))
    1.0
    """
    return np.exp(x)


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
    """Give the registry of the Python API, with what a saved model may need of these parts."""
    found = default_registry()
    for part in (exponential, half_poisson_deviance):
        if not found.find(f"local/{part.name}", part.kind, load=False):
            found.register(part)
    return found
