"""Writes names.json: the public parts of PyTorch, Keras, JAX with Optax, and scikit-learn.

Run it with an interpreter that has them:

    KERAS_BACKEND=jax python -m tests.reference.make_names
"""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import jax
import keras
import optax
import optax.contrib
import sklearn
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network import _base as mlp
from torch.optim import lr_scheduler

from tests.reference.writing import write_json

# Public functions that serve as a part of a kind, but stand elsewhere than in its list.
BESIDE = {
    "torch.activations": ("nn.Identity", "nn.functional.gumbel_softmax", "exp", "heaviside"),
    "torch.losses": ("nn.AdaptiveLogSoftmaxWithLoss", "nn.functional.linear_cross_entropy"),
    "torch.optimizers": (
        "optim.swa_utils.AveragedModel", "nn.utils.clip_grad_norm_", "nn.utils.clip_grad_value_",
    ),
    "torch.initializers": ("nn.Linear.reset_parameters",),
    "torch.schedules": ("optim.swa_utils.SWALR",),
    "keras.activations": ("layers.PReLU",),
    "keras.schedules": ("callbacks.LearningRateScheduler", "callbacks.ReduceLROnPlateau"),
    "optax.optimizers": (
        "lookahead", "ema", "clip", "clip_by_global_norm", "adaptive_grad_clip", "centralize",
    ),
    "optax.schedules": ("contrib.reduce_on_plateau",),
}  # fmt: skip


def public(module: Any, test: Any = callable) -> list[str]:
    """List the public names of a module that something holds of."""
    return [
        name
        for name, value in inspect.getmembers(module)
        if not name.startswith("_") and test(value) and not inspect.ismodule(value)
    ]


def subclasses(module: Any, base: type) -> list[str]:
    """List the classes of a module that derive from a base."""
    return public(module, lambda each: inspect.isclass(each) and issubclass(each, base))


def keras_functions(module: Any) -> list[str]:
    """List a module's functions without the three that read names and settings."""
    helpers = {"deserialize", "get", "serialize"}
    return [name for name in public(module, inspect.isfunction) if name not in helpers]


def optax_optimizers() -> list[str]:
    """List Optax's aliases, and what its contributed package makes updates with."""

    def is_alias(value: Any) -> bool:
        function = value.func if isinstance(value, partial) else value
        return getattr(function, "__module__", "") == "optax._src.alias"

    aliases = public(optax, is_alias)
    contributed = [f"contrib.{name}" for name in public(optax.contrib, inspect.isfunction)]
    return [*aliases, *contributed]


def lists() -> dict[str, list[str]]:
    """Collect every list."""
    constraints = MLPClassifier._parameter_constraints
    found = {
        "torch.activations": torch.nn.modules.activation.__all__,
        "torch.losses": torch.nn.modules.loss.__all__,
        "torch.optimizers": subclasses(torch.optim, torch.optim.Optimizer),
        "torch.initializers": [
            name
            for name in public(torch.nn.init, inspect.isfunction)
            if name.endswith("_") or name == "calculate_gain"
        ],
        "torch.schedules": subclasses(lr_scheduler, lr_scheduler.LRScheduler),
        "keras.activations": keras_functions(keras.activations),
        "keras.losses": keras_functions(keras.losses) + subclasses(keras.losses, keras.losses.Loss),
        "keras.optimizers": subclasses(keras.optimizers, keras.optimizers.Optimizer),
        "keras.initializers": subclasses(keras.initializers, keras.initializers.Initializer),
        "keras.schedules": subclasses(
            keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule
        ),
        "jax.activations": public(jax.nn),
        "jax.initializers": public(jax.nn.initializers),
        "optax.losses": public(optax.losses),
        "optax.optimizers": optax_optimizers(),
        "optax.schedules": public(optax.schedules, inspect.isfunction),
        "sklearn.activations": list(mlp.ACTIVATIONS),
        "sklearn.losses": list(mlp.LOSS_FUNCTIONS),
        "sklearn.optimizers": sorted(constraints["solver"][0].options),
        "sklearn.schedules": sorted(constraints["learning_rate"][0].options),
    }
    roots = {"torch": torch, "keras": keras, "optax": optax}
    for name, others in BESIDE.items():
        for path in others:
            value: Any = roots[name.partition(".")[0]]
            for step in path.split("."):
                value = getattr(value, step)
        found[name] = [*found[name], *others]
    return {name: sorted(set(names)) for name, names in found.items()}


if __name__ == "__main__":
    versions = {each.__name__: each.__version__ for each in (torch, keras, jax, optax, sklearn)}
    made = {"versions": versions, "lists": lists()}
    write_json(Path(__file__).with_name("names.json"), made)
