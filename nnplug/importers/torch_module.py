"""`nnplug.from_torch`: from a module of PyTorch to a model.

Nothing is imported from PyTorch and no code of the module runs: layers are
known by their exact classes, and their arrays are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["from_torch"]

_CHANGED = ("_forward_hooks", "_forward_pre_hooks", "forward")
"""What an object has of its own if it may compute something else than its class."""

_ARRAYS = {
    "batch_norm": {"gain": "weight", "shift": "bias", "mean": "running_mean",
                   "variance": "running_var"},
    "layer_norm": {"gain": "weight", "shift": "bias"},
    "rms_norm": {"gain": "weight"},
}  # fmt: skip
"""The arrays of the layers beside the dense one, as PyTorch calls them."""


def from_torch(
    module: Any,
    *,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    registry: Registry | None = None,
) -> Model:
    """Turn a network of PyTorch into a model.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of `Linear`, activations, `Dropout`, `BatchNorm1d`, `LayerNorm`,
        `RMSNorm`, `Flatten`, `Identity` and further `Sequential`, in float32
        or float64. It is not changed, and the model has copies of its arrays.
    task : str, optional
        What the outputs stand for: `"regression"`, `"binary"`, `"multiclass"`
        or `"multilabel"`. By default a last `Sigmoid` or `Softmax` says that
        they are probabilities, and other outputs are numbers: for logits, give
        the task.
    classes : sequence, optional
        The classes, in the order of the outputs; by default 0, 1, and so on.
    registry : Registry, optional
        Where parts are looked up; by default among all installed ones.

    Returns
    -------
    Model
        It computes what the module does in evaluation (`module.eval()`), and
        `nnplug.train(..., start=model)` trains it on.

    Raises
    ------
    SettingError
        If a layer has no counterpart; the message names it and a way out.

    Examples
    --------
    With PyTorch installed::

        layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
        model = nnplug.from_torch(torch.nn.Sequential(*layers), task="multiclass")
    """
    registry = registry or default_registry()
    steps = [step for each in _layers(module, "") for step in _steps(*each, registry)]
    return compose(
        steps, registry, whole="the module", source="PyTorch", task=task, classes=classes
    )


def _is(module: Any, kind: str) -> bool:
    """Whether it is of a class of PyTorch itself; what inherits from it may compute anything."""
    found = type(module)
    return found.__name__ == kind and found.__module__.startswith("torch.nn.modules.")


def _layers(module: Any, name: str) -> Iterator[tuple[Any, str]]:
    """List the layers with what they are called in messages."""
    kind = type(module).__name__
    where = f"layer {printable(name)} ({kind})" if name else f"the module ({kind})"
    if any(getattr(module, "__dict__", {}).get(name) for name in _CHANGED):
        raise refuse(
            where,
            "it has hooks, or a forward of its own, which may change what it computes",
            "Remove them, as with torch.nn.utils.remove_weight_norm; or export it with "
            "torch.onnx.export and use nnplug import.",
        )
    if _is(module, "Sequential"):
        for key, child in module._modules.items():
            yield from _layers(child, f"{name}.{key}" if name else key)
        return
    if not type(module).__module__.startswith("torch.nn.modules."):
        raise refuse(
            where,
            "it is not one of PyTorch's own layers, and its forward may compute anything",
            "Give its Sequential, as model.layers; or export it with torch.onnx.export and use "
            "nnplug import.",
        )
    yield module, where


def _steps(module: Any, where: str, registry: Registry) -> Iterator[Step]:
    kind = type(module).__name__
    if kind == "Flatten":
        if (module.start_dim, module.end_dim) != (1, -1):
            raise refuse(
                where,
                f"it flattens dimensions {module.start_dim} to {module.end_dim}",
                "Rows here are vectors: only Flatten(1, -1) leaves them so.",
            )
        return
    if kind == "Linear":
        weight = _taken(module.weight, where).T  # (D, H)
        bias = np.zeros(weight.shape[1], weight.dtype)
        if module.bias is not None:
            bias = _taken(module.bias, where)
        options = {"units": weight.shape[1]}
        yield Step(where, "dense", options, {"weight": weight, "bias": bias})
        return

    def said(name: str, default: Any) -> Any:
        value = getattr(module, name)
        if kind in ("Softmax", "LogSoftmax") and name == "dim" and value is None:
            return 1  # what PyTorch takes for rows
        if kind == "RMSNorm" and value is None:
            return float(np.finfo(str(module.weight.dtype).rpartition(".")[2]).eps)
        if value is None and name == "momentum":
            raise refuse(
                where,
                "momentum is None, a mean over all batches so far",
                "Give it a momentum, as layer.momentum = 0.1, which predictions do not depend on.",
            )
        return value

    found = row_for("torch", kind, said, where)
    if found is None:
        bare = not module._parameters and not module._buffers and not module.extra_repr()
        yield step_by_name("torch", kind, where, registry, bare)
        return
    row, options = found
    yield Step(where, row.part, options, _own_arrays(module, row.part, where))


def _own_arrays(module: Any, part: str, where: str) -> Mapping[str, AnyArray]:
    named = _ARRAYS.get(part, {})
    shape = getattr(module, "normalized_shape", None)
    if shape is not None and len(shape) != 1:
        raise refuse(
            where,
            f"it normalises over {len(shape)} dimensions",
            "Rows here are vectors: give it one number of features.",
        )
    tensors = {own: getattr(module, theirs, None) for own, theirs in named.items()}
    arrays = completed(
        {own: None if each is None else _taken(each, where) for own, each in tensors.items()}
    )
    if named and arrays is None:
        raise refuse(
            where,
            "it has no arrays of its own (elementwise_affine=False)",
            "Give it some: elementwise_affine=True, which starts with factors of 1 and sums of 0.",
        )
    return arrays or {}


def _taken(tensor: Any, where: str) -> AnyArray:
    dtype = str(tensor.dtype).rpartition(".")[2]
    if dtype not in ("float32", "float64"):
        raise refuse(
            where,
            f"its numbers are {dtype}",
            "Networks here are float32 or float64: give module.float() or module.double().",
        )
    if str(tensor.device) == "meta":
        raise refuse(where, "its arrays are on the device meta", "Give them numbers first.")
    return np.array(tensor.detach().cpu().numpy())
