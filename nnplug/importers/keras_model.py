"""`nnplug.from_keras`: from a Sequential model of Keras 3 to a model.

Nothing is imported from Keras and no layer is called: layers are known by
their exact classes, and their arrays are read.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnplug.importers.composing import compose
from nnplug.importers.names import row_for, step_by_name
from nnplug.importers.steps import Step, completed, refuse
from nnplug.models import Model
from nnplug.parts import Task
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import default_registry
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["from_keras"]

_ARRAYS = {
    "batch_norm": {"gain": "gamma", "shift": "beta", "mean": "moving_mean",
                   "variance": "moving_variance"},
    "layer_norm": {"gain": "gamma", "shift": "beta"},
}  # fmt: skip
"""The arrays of the layers beside the dense one, as Keras calls them."""


def from_keras(
    model: Any,
    *,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    registry: Registry | None = None,
) -> Model:
    """Turn a network of Keras 3 into a model.

    Parameters
    ----------
    model : keras.Sequential
        Of `Dense`, activations, `Dropout`, `BatchNormalization`,
        `LayerNormalization`, `Flatten` and further `Sequential`, with its
        weights, in float32 or float64. It is not changed.
    task, classes, registry
        See `from_torch`.

    Returns
    -------
    Model
        It computes what `model.predict` does, and `nnplug.train(...,
        start=model)` trains it on.

    Raises
    ------
    SettingError
        If a layer has no counterpart; the message names it and a way out.
    """
    registry = registry or default_registry()
    steps = [step for layer in _layers(model) for step in _steps(layer, registry)]
    return compose(steps, registry, whole="the model", source="Keras", task=task, classes=classes)


def _where(layer: Any) -> str:
    name = printable(str(getattr(layer, "name", "")))
    return f"layer {name} ({type(layer).__name__})"


def _layers(model: Any) -> Iterator[Any]:
    found = type(model)
    if found.__module__.startswith("keras.src.models.") and found.__name__ == "Sequential":
        for layer in model.layers:
            yield from _layers(layer)
        return
    if not found.__module__.startswith("keras.src.layers."):
        raise refuse(
            _where(model),
            "it is neither a Sequential nor a layer of Keras 3 itself, and may compute anything",
            "Give a keras.Sequential of its layers; or model.export(PATH, format='onnx') and "
            "nnplug import.",
        )
    yield model


def _steps(layer: Any, registry: Registry) -> Iterator[Step]:
    kind, where = type(layer).__name__, _where(layer)
    if kind == "Flatten":
        return
    if not layer.built:
        raise refuse(where, "it has no weights yet", "Build it: model.build((None, INPUTS)).")
    if kind == "Dense":
        if getattr(layer, "quantization_mode", None) is not None:
            raise refuse(where, "its weights are quantized", "Give the network before that.")
        weight = _array(layer, "kernel", where)  # (D, H)
        if weight is None or weight.ndim != 2:
            raise refuse(where, "its weights are no matrix", "Flatten rows to vectors first.")
        bias = _array(layer, "bias", where)
        bias = np.zeros(weight.shape[1], weight.dtype) if bias is None else bias
        options = {"units": weight.shape[1]}
        yield Step(where, "dense", options, {"weight": weight, "bias": bias})
    if kind in ("Dense", "Activation"):
        yield _function(layer.activation, where, registry)
        return

    def said(name: str, default: Any) -> Any:
        value = getattr(layer, name, default)
        if name == "momentum":
            return round(1 - value, 9)  # Keras has the share that the old average keeps
        if name == "axis" and isinstance(value, list | tuple) and len(value) == 1:
            return value[0]
        return value

    found = row_for("keras", kind, said, where)
    if found is None:
        yield step_by_name("keras", kind, where, registry, plain=False)
        return
    row, options = found
    names = _ARRAYS.get(row.part, {})
    arrays = completed({own: _array(layer, name, where) for own, name in names.items()})
    if names and arrays is None:
        raise refuse(
            where,
            "it has no arrays of its own (center=False, scale=False)",
            "Give it some: scale=True, which starts with factors of 1.",
        )
    yield Step(where, row.part, options, arrays or {})


def _function(function: Any, where: str, registry: Registry) -> Step:
    """Find the part for an activation function, whose arguments have their defaults."""
    name = str(getattr(function, "__name__", type(function).__name__))
    if not str(getattr(function, "__module__", "")).startswith("keras.src.activations."):
        raise refuse(
            where,
            f"its activation {printable(name)} is not one of Keras itself",
            "Write it as a part, and pass that function's name to Keras.",
        )
    defaults = inspect.signature(function).parameters

    def said(argument: str, default: Any) -> Any:
        value = defaults[argument].default if argument in defaults else default
        return {False: "none", True: "tanh"}[value] if argument == "approximate" else value

    found = row_for("keras", name, said, where)
    if found is None:
        return step_by_name("keras", name, where, registry, plain=len(defaults) == 1)
    row, options = found
    return Step(where, row.part, options, {})


def _array(layer: Any, name: str, where: str) -> AnyArray | None:
    """Copy an array of a layer; None if it has none."""
    variable = getattr(layer, name, None)
    if variable is None:
        return None
    dtype = str(variable.dtype)
    if not dtype == str(layer.compute_dtype) in ("float32", "float64"):
        raise refuse(
            where,
            f"it has numbers in {dtype} and computes in {layer.compute_dtype}",
            "Networks here are float32 or float64, in both: set its dtype policy to float32.",
        )
    value = variable.value if hasattr(variable, "value") else variable
    if hasattr(value, "detach"):  # of PyTorch, perhaps on another device
        value = value.detach().cpu().numpy()
    return np.array(value)
