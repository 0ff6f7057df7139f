"""`nnplug.from_onnx`: from an ONNX file to a model."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import ModelFileError, SettingError
from nnplug.importers.composing import compose
from nnplug.importers.names import row_for, step_by_name
from nnplug.importers.onnx_bytes import read_onnx
from nnplug.importers.onnx_chain import Chain, Link
from nnplug.importers.steps import Step, UnfitError, refuse
from nnplug.models import Model
from nnplug.parts import Task
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import default_registry
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["from_onnx"]

_ARRAYS = {
    "batch_norm": ("gain", "shift", "mean", "variance"),
    "layer_norm": ("gain", "shift"),
    "rms_norm": ("gain",),
}
"""The arrays that follow the rows among the inputs of a node."""

_FLOATS = {1: "float32", 11: "float64"}
"""Element types of ONNX."""


def from_onnx(
    path: str | os.PathLike[str],
    *,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    registry: Registry | None = None,
) -> Model:
    """Turn a dense network in an ONNX file into a model.

    The file may be anybody's: no other file is opened for it, whatever it names,
    and sizes are checked before memory is taken.

    Parameters
    ----------
    path : path
        Its graph is a chain of `Gemm`, `MatMul` and `Add`, activations,
        `BatchNormalization`, `LayerNormalization`, `Dropout`, and of nodes that
        change nothing, from one input to one output.
    task, classes, registry
        See `from_torch`.

    Returns
    -------
    Model
        It computes what the file does, and `nnplug.train(..., start=model)`
        trains it on.

    Raises
    ------
    ModelFileError
        If it is no ONNX file, is damaged, or has a node without a counterpart;
        the message names it and a way out.
    StorageError
        If it cannot be read.
    SettingError
        If the package onnx is missing, or task or classes do not fit.
    """
    try:
        import onnx  # noqa: PLC0415  # an extra
    except ImportError:
        raise SettingError(
            "the package onnx is not installed, which reads these files.\nInstall it: pip install "
            "onnx"
        ) from None
    registry = registry or default_registry()
    with _naming(path):
        chain = Chain(read_onnx(path, onnx), onnx)
        steps = _steps(chain, registry)
        _check_width(chain, steps)
        source = printable(Path(path).name)
        return compose(
            steps, registry, whole="the network", source=source, task=task, classes=classes
        )


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Complete the errors about what a file holds."""
    try:
        yield
    except (ModelFileError, UnfitError) as error:
        reason, _, way_out = str(error).partition("\n")
        raise ModelFileError(
            f"{os.fspath(path)}: this ONNX file cannot be taken in: {reason.rstrip('.')}.\n"
            + (way_out or "Export it again from where it was made.")
        ) from None


def _steps(chain: Chain, registry: Registry) -> list[Step]:
    """Turn the nodes into steps, in order."""
    steps: list[Step] = []
    flat = chain.rank in (None, 2)
    for link in chain.links:
        kind = link.kind
        if kind in ("Flatten", "Reshape"):
            _check_flattens(link, chain)
            flat = True
            continue
        if kind == "Identity":
            continue
        if kind == "Cast":
            _check_cast(link, chain, last=link is chain.links[-1])
            continue
        if not flat:
            raise refuse(
                link.where,
                f"the rows have {chain.rank} dimensions here",
                "Rows here are vectors: the first node must flatten them.",
            )
        if kind in ("Gemm", "MatMul"):
            steps.append(_dense(link))
        elif kind == "Add":
            steps[-1:] = [_with_bias(link, steps)]
        else:
            steps.append(_other(link, chain, registry))
    return steps


def _check_width(chain: Chain, steps: Sequence[Step]) -> None:
    """Compare what the file says of its input with the first arrays."""
    said = math.prod(chain.shape[1:])
    first = next((array for step in steps for array in step.arrays.values()), None)
    if chain.shape and said and first is not None and said != first.shape[0]:
        raise ModelFileError(
            f"its input has {said:,} numbers a row, and its first layer takes {first.shape[0]:,}"
        )


def _dense(link: Link) -> Step:
    weight, bias = link.array(1), link.array(2)
    if link.place != 0 or weight is None or weight.ndim != 2:
        raise refuse(
            link.where,
            "the weights must be a matrix that is known, and multiply the rows from the right",
            "Export the network in evaluation, with weights of two dimensions.",
        )
    if link.kind == "Gemm":
        if link.said("transA", 0):
            raise refuse(link.where, "transA is 1", "Rows must not be transposed.")
        weight = weight.T if link.said("transB", 0) else weight
        weight = _times(weight, link.said("alpha", 1.0))
        bias = None if bias is None else _times(bias, link.said("beta", 1.0))
    units = weight.shape[1]
    if bias is None:
        bias = np.zeros(units, weight.dtype)
    found = _vector(bias, units)
    if found is None:
        raise refuse(
            link.where,
            f"what it adds has shape {bias.shape}, and it has {units:,} units",
            "It must be one number, or one for each unit.",
        )
    return Step(link.where, "dense", {"units": units}, {"weight": weight, "bias": found})


def _times(array: AnyArray, factor: float) -> AnyArray:
    found: AnyArray = array if factor == 1 else (array * factor).astype(array.dtype)
    return found


def _vector(array: AnyArray, width: int) -> AnyArray | None:
    """Bring what is added to rows (N, H) to a vector (H,); None if it is not the same for all."""
    if array.ndim > 2 or (array.ndim == 2 and array.shape[0] != 1) or array.size not in (1, width):
        return None
    return np.broadcast_to(array.reshape(-1), (width,))


def _with_bias(link: Link, steps: Sequence[Step]) -> Step:
    """Add what follows a product to its bias."""
    before = steps[-1] if steps else None
    added = link.array(1 - link.place)
    if before is None or before.part != "dense" or added is None:
        raise refuse(
            link.where,
            "only what is added right after a MatMul or Gemm is a bias",
            "Put it into the layer before or behind it.",
        )
    bias = before.arrays["bias"]
    found = _vector(added, len(bias))
    if found is None or found.dtype != bias.dtype:
        raise refuse(
            link.where,
            f"what it adds is {added.dtype} of shape {added.shape}, and the layer before it has "
            f"{len(bias):,} units of {bias.dtype}",
            "It must be one number, or one for each unit.",
        )
    arrays = {**before.arrays, "bias": bias + found}
    return Step(before.where, "dense", before.options, arrays)


def _other(link: Link, chain: Chain, registry: Registry) -> Step:
    def said(name: str, default: Any) -> Any:
        if link.kind == "Dropout" and name == "ratio" and len(link.inputs) > 1:
            ratio = link.array(1)
            return default if ratio is None else float(ratio.reshape(-1)[0])
        value = link.said(name, default)
        if not isinstance(value, float):
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if not math.isfinite(value):
            raise refuse(link.where, f"{name} is {value}", "Give it a finite number.")
        # Attributes are float32; a float32 network has the same number in fewer digits.
        short = float(str(np.float32(value)))
        if name == "momentum":
            return round(1 - short, 7)  # ONNX has the share that the old average keeps
        return short if chain.single else float(np.float32(value))

    if link.kind == "Dropout" and (training := link.array(2)) is not None and training.any():
        raise refuse(link.where, "training_mode is on", "Export the network in evaluation.")
    found = row_for("onnx", link.kind, said, link.where)
    if found is None:
        bare = len(link.inputs) == 1 and not link.attributes
        return step_by_name("onnx", link.kind, link.where, registry, bare)
    row, options = found
    arrays: dict[str, AnyArray] = {}
    names = _ARRAYS.get(row.part, ())
    for number, name in enumerate(names, 1):
        array = link.array(number)
        if array is None and name == "shift" and row.part == "layer_norm":
            array = np.zeros_like(arrays["gain"])
        if array is None or array.ndim != 1:
            raise refuse(
                link.where,
                f"input {number} ({name}) is not a known vector",
                "Export the network in evaluation, with its arrays as initializers.",
            )
        arrays[name] = array
    most = 3 if link.kind == "Dropout" else len(names) + 1
    if link.place != 0 or len(link.inputs) > most:
        raise refuse(link.where, "its inputs are not those of the operator", "Export it again.")
    return Step(link.where, row.part, options, arrays)


def _check_flattens(link: Link, chain: Chain) -> None:
    """Refuse what changes more than the shape of rows to (N, D)."""
    if link.kind == "Flatten":
        fits = link.said("axis", 1) == 1 or (link.said("axis", 1) == -1 and chain.rank == 2)
    else:
        shape = link.array(1)
        first = () if shape is None else tuple(map(int, shape.reshape(-1)))
        rows = {-1, chain.shape[0]} if chain.shape else {-1}
        rows |= set() if link.said("allowzero", 0) else {0}
        width = math.prod(chain.shape[1:]) if chain.shape else 0
        fits = len(first) == 2 and first[0] in rows and (
            first[1] == -1 or (first[1] == width > 0)
        )  # fmt: skip
        fits = fits and link is chain.links[0]
    if not fits:
        raise refuse(
            link.where,
            "it does more than flatten each row to a vector",
            "Export it with Flatten(1), as the first layer, and with fixed sizes but the rows'.",
        )


def _check_cast(link: Link, chain: Chain, *, last: bool) -> None:
    to = _FLOATS.get(link.said("to", 0))
    own = "float32" if chain.single else "float64"
    if to != own and not (last and to == "float64"):
        raise refuse(
            link.where,
            f"it changes numbers to {to or 'no floating-point numbers'}, and the network is {own}",
            "Export the network in one precision.",
        )
