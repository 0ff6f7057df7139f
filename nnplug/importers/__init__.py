"""Importers: dense networks of other frameworks become models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names

if TYPE_CHECKING:
    from nnplug.importers.keras_model import from_keras as from_keras
    from nnplug.importers.onnx_file import from_onnx as from_onnx
    from nnplug.importers.torch_module import from_torch as from_torch

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "nnplug.importers.keras_model": ("from_keras",),
        "nnplug.importers.onnx_file": ("from_onnx",),
        "nnplug.importers.torch_module": ("from_torch",),
    },
)

__all__ = ["from_keras", "from_onnx", "from_torch"]
