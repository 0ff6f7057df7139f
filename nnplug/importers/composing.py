"""From a foreign network's steps to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from nnplug.errors import NnplugError, SettingError
from nnplug.importers.steps import Step, UnfitError, refuse
from nnplug.models import Model, ModelInfo
from nnplug.network.network import Network
from nnplug.network.tasks import DEFAULT_LOSS, Head
from nnplug.parts import Activation, Layer, Loss, Task
from nnplug.plugins.registry import Registry

__all__ = ["compose"]

_TASKS = ("regression", "binary", "multiclass", "multilabel")


def compose(
    steps: Sequence[Step],
    registry: Registry,
    *,
    whole: str,
    source: str,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
) -> Model:
    """Make a model of steps.

    Parameters
    ----------
    whole : str
        What the network is called in messages.
    source : str
        Where it is from, for a model file.
    task, classes : optional
        See `from_torch`.

    Raises
    ------
    SettingError
        If the steps are not a network that can be trained on here.
    """
    steps = [step for step in steps if step.part != "identity"]
    dtype, inputs, outputs = _check_arrays(steps, whole)
    parts = [_part(step, registry) for step in steps]
    activation = cast(Activation, registry.get("activation", "identity"))
    if isinstance(last_part := parts[-1], Activation):
        activation = last_part
        parts.pop()
    if not parts or parts[-1].name != "dense":
        last = steps[len(parts) - 1] if parts else steps[-1]
        raise refuse(
            last.where,
            "the last layer must be a dense one, and at most one activation may follow it",
            "Leave out what follows the last dense layer, or put a dense layer behind it.",
        )
    hidden = parts[:-1]
    head = _head(activation, outputs, registry, whole=whole, task=task, classes=classes)
    names = _class_names(head, classes, whole)
    network = Network.of(inputs, hidden, outputs, output_activation=head.activation, dtype=dtype)
    # Every step stands for one part in order; activations without arrays have nothing to fill.
    for placed, step in zip(network.placed, steps, strict=False):
        for array in placed.own_arrays:
            name = array.name.rpartition(".")[2]
            if name in step.arrays:
                network[array.name][...] = step.arrays[name]
    roles = {
        "layers": hidden,
        "output_activation": (head.activation,),
        "loss": (head.loss,),
    }
    features = tuple(f"x{k}" for k in range(inputs))

    def describe() -> ModelInfo:
        return ModelInfo.of(
            network,
            roles,
            registry.provider,
            task=head.task,
            classes=names,
            features=features,
            encoder=None,
            settings={"data": source},
        )

    return Model(
        network=network,
        head=head,
        encoder=None,
        classes=names,
        features=features,
        registry=registry,
        describe=describe,
    )


def _part(step: Step, registry: Registry) -> Activation | Layer:
    kind = "layer" if step.arrays or step.part == "dropout" else "activation"
    try:
        part = registry.get(kind, step.part).with_options(**step.options)
    except NnplugError as error:
        raise UnfitError(f"{step.where}: {error}") from None
    return cast("Activation | Layer", part)


def _check_arrays(steps: Sequence[Step], whole: str) -> tuple[np.dtype[Any], int, int]:
    """Check that the arrays fit one another; give their dtype, D and C."""
    dtype: np.dtype[Any] | None = None
    inputs = width = 0
    for step in steps:
        for name, array in step.arrays.items():
            if array.dtype not in (np.float32, np.float64):
                raise refuse(
                    step.where,
                    f"its {name} has elements of type {array.dtype}",
                    "Networks here are float32 or float64: convert it first, as with "
                    "module.float().",
                )
            if dtype not in (None, array.dtype):
                raise refuse(
                    step.where,
                    f"its {name} is {array.dtype}, and arrays before it are {dtype}",
                    "Bring the network to one of them first, as with module.float().",
                )
            dtype = array.dtype
            if not np.isfinite(array).all():
                raise refuse(
                    step.where,
                    f"its {name} holds a number that is not finite",
                    "Nothing could be predicted with it: use the weights of an earlier epoch.",
                )
            if not array.size:
                raise refuse(step.where, f"its {name} is empty", "Every layer needs a unit.")
            if width and array.shape[0] != width and not (
                step.part == "dense" and name == "bias"
            ):  # fmt: skip
                raise refuse(
                    step.where,
                    f"it takes {array.shape[0]:,} inputs, and what is before it gives {width:,}",
                    "Such layers cannot follow one another; look at how the network was put "
                    "together.",
                )
            inputs = inputs or array.shape[0]
            width = width or inputs
        if step.part == "dense":
            width = step.arrays["weight"].shape[1]
    if dtype is None or not any(step.part == "dense" for step in steps):
        raise refuse(
            whole,
            "it has no dense layer",
            "What can be taken in are networks of dense layers: Linear of PyTorch; Gemm, or MatMul "
            "with Add, of ONNX.",
        )
    return dtype, inputs, width


# --- what the outputs mean -----------------------------------------------------------


def _head(
    activation: Activation,
    outputs: int,
    registry: Registry,
    *,
    whole: str,
    task: Task | None,
    classes: Sequence[Any] | None,
) -> Head:
    """Choose how outputs are read; the loss for logits has the last sigmoid or softmax itself."""
    if task not in (None, *_TASKS):
        raise SettingError(f"task={task!r}: it must be {', '.join(_TASKS)}.")
    sigmoid, gives = activation.name == "sigmoid", activation.gives
    if task is None:
        if outputs == 1:
            task = "binary" if sigmoid or classes is not None else "regression"
        elif sigmoid:
            task = "multilabel"
        else:
            task = "multiclass" if gives or classes is not None else "regression"
    if task == "multiclass" and outputs == 2:
        task = "binary"
    name = DEFAULT_LOSS[task]
    if task == "binary" and outputs == 2:
        name = "cross_entropy"
    if task != "regression" and outputs != (fits := {"binary": min(outputs, 2)}.get(task, outputs)):
        raise SettingError(
            f"task={task!r}: {whole} has {outputs:,} outputs, and {fits} at most can stand for two "
            "classes.\nUse task multiclass or multilabel."
        )
    if task == "multiclass" and outputs == 1:
        raise SettingError(
            f"task='multiclass': {whole} has one output.\nUse task binary or regression."
        )
    loss = cast(Loss, registry.get("loss", name))
    if task != "regression" and gives:
        if sigmoid != (name == "binary_cross_entropy"):
            raise SettingError(
                f"task={task!r}: {whole} ends with {activation.name}, which does not give the "
                "probabilities of such a task.\n"
                f"Use task {'multilabel' if sigmoid else 'multiclass'}, or regression for the "
                "outputs as they are."
            )
        activation = cast(Activation, registry.get("activation", "identity"))
    width = {"binary": 2}.get(task, outputs)
    return Head(task, loss, activation, width)


def _class_names(head: Head, classes: Sequence[Any] | None, whole: str) -> tuple[Any, ...]:
    """Take the names of the classes; by default they are numbered."""
    if head.task == "regression":
        if classes is not None:
            raise SettingError(
                f"classes={list(classes)!r}: the task is regression, which has none.\n"
                "Leave them out, or give the task too: task='multiclass'."
            )
        return ()
    names: tuple[Any, ...] = tuple(range(head.width) if classes is None else classes)
    if len(set(map(str, names))) != head.width or len(names) != head.width:
        raise SettingError(
            f"classes={list(names)!r}: {whole} needs {head.width:,} different ones.\n"
            "Give a name for each, in the order of the outputs."
        )
    return names
