"""A plugin whose parts are the arithmetic of built-in ones, under other names.

What a part costs for coming from a plugin is the time of its twin beside that
of the built-in part: `-p tests/benchmarks/twins.py`, `--activation twin_gelu`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug


@nnplug.activation
def twin_relu(x: Any) -> Any:
    """The built-in relu's arithmetic: the larger of x and 0."""
    return np.maximum(x, 0)


@nnplug.activation
def twin_gelu(x: Any) -> Any:
    """The built-in gelu's arithmetic: x·Φ(x) by the complementary error function."""
    return 0.5 * x * nnplug.special.erfc(x * (-1 / 2**0.5))


@nnplug.optimizer
def twin_adam(
    param: Any,
    grad: Any,
    mean: Any,
    square: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """The built-in adam's arithmetic."""
    mean = beta1 * mean + (1 - beta1) * grad
    square = beta2 * square + (1 - beta2) * grad**2
    root = np.sqrt(square / (1 - beta2**step))
    return param - learning_rate * (mean / (1 - beta1**step)) / (root + epsilon), mean, square


@nnplug.optimizer
def twin_adamw(
    param: Any,
    grad: Any,
    mean: Any,
    square: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Any:
    """The built-in adamw's arithmetic."""
    mean = beta1 * mean + (1 - beta1) * grad
    square = beta2 * square + (1 - beta2) * grad**2
    root = np.sqrt(square / (1 - beta2**step))
    kept = param * (1 - learning_rate * weight_decay)
    return kept - learning_rate * (mean / (1 - beta1**step)) / (root + epsilon), mean, square


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register the activations."""
    register(twin_relu)
    register(twin_gelu)


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    register(twin_adam)
    register(twin_adamw)
