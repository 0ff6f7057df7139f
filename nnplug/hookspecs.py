"""The hooks that a plugin may implement.

A plugin is a module (or any object) named by an entry point of the group
`nnplug`. It implements hooks with `@nnplug.hookimpl`; the built-in parts are
plugins too. A `register_*` hook gets a function, `register`, which it calls once
for each part or tool, and returns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from nnplug.parts import (
        Activation,
        Dataset,
        Encoding,
        Initializer,
        Layer,
        Loss,
        Metric,
        Optimizer,
        Part,
        Recipe,
        Schedule,
    )
    from nnplug.tool import Exporter, Tool

__all__ = ["HOOKS", "REGISTER_HOOKS", "TOOL_HOOKS", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("nnplug")
hookimpl = pluggy.HookimplMarker("nnplug")


@hookspec
def register_activations(register: Callable[[Activation], None]) -> None:
    """Register activations, made with `@nnplug.activation`."""


@hookspec
def register_layers(register: Callable[[Layer], None]) -> None:
    """Register layers, made with `@nnplug.layer`."""


@hookspec
def register_losses(register: Callable[[Loss], None]) -> None:
    """Register losses, made with `@nnplug.loss`."""


@hookspec
def register_optimizers(register: Callable[[Optimizer], None]) -> None:
    """Register optimizers, made with `@nnplug.optimizer`."""


@hookspec
def register_initializers(register: Callable[[Initializer], None]) -> None:
    """Register initializers, made with `@nnplug.initializer`."""


@hookspec
def register_schedules(register: Callable[[Schedule], None]) -> None:
    """Register schedules, made with `@nnplug.schedule`."""


@hookspec
def register_metrics(register: Callable[[Metric], None]) -> None:
    """Register metrics, made with `@nnplug.metric`."""


@hookspec
def register_datasets(register: Callable[[Dataset], None]) -> None:
    """Register datasets, made with `@nnplug.dataset`."""


@hookspec
def register_recipes(register: Callable[[Recipe], None]) -> None:
    """Register recipes, made with `@nnplug.recipe`."""


@hookspec
def register_encodings(register: Callable[[Encoding], None]) -> None:
    """Register encodings, made with `@nnplug.encoding`."""


@hookspec
def register_engines(register: Callable[[Tool], None]) -> None:
    """Register engines, made with `nnplug.Engine`."""


@hookspec
def register_exporters(register: Callable[[Exporter], None]) -> None:
    """Register exporters, made with `nnplug.Exporter`."""


@hookspec
def find_part(kind: str, name: str) -> Part | None:
    """Give the part that `package/name` stands for if none is registered by that name."""


# `run` and `record` are Any, since this module may not import from the floors above it.


@hookspec
def on_train_start(run: Any) -> None:
    """Look at a run before its first step; `run` is its `nnplug.Run`.

    Its folder is known, and of a resumed run the epochs that it has already.
    """


@hookspec
def on_batch_end(run: Any, record: Any) -> bool | None:
    """Look at a run after each step; return True to end it after that epoch.

    `record` is the step's `nnplug.BatchRecord`: its loss and learning rate.
    """


@hookspec
def on_epoch_end(run: Any, record: Any) -> bool | None:
    """Look at a run after each epoch; return True to end it there.

    `record` is the epoch's `nnplug.EpochRecord`: its losses and metrics.
    """


@hookspec
def on_train_end(run: Any) -> None:
    """Look at a run after its last step."""


HOOKS: dict[str, str] = {
    "register_activations": "activation",
    "register_layers": "layer",
    "register_losses": "loss",
    "register_optimizers": "optimizer",
    "register_initializers": "initializer",
    "register_schedules": "schedule",
    "register_metrics": "metric",
    "register_datasets": "dataset",
    "register_recipes": "recipe",
    "register_encodings": "encoding",
}
"""The hooks that register parts, with the kind that each takes."""

TOOL_HOOKS: dict[str, str] = {
    "register_engines": "engine",
    "register_exporters": "exporter",
}
"""The hooks that register tools, with the kind that each takes."""

REGISTER_HOOKS: dict[str, str] = HOOKS | TOOL_HOOKS
"""Every registration hook, with the kind that it takes."""
