"""Networks as tutorials of PyTorch build them, and the ONNX files of some."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks of PyTorch need it: pip install torch")
nn = torch.nn


def mnist():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip


def tanh_regression():
    return nn.Sequential(
        nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 1)
    )


def with_dropout():
    return nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 64), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(64, 3), nn.LogSoftmax(dim=1),
    )  # fmt: skip


def with_batch_norm():
    def block(inputs, units):
        return nn.Sequential(
            nn.Linear(inputs, units, bias=False),
            nn.BatchNorm1d(units, eps=1e-3, momentum=0.2),
            nn.LeakyReLU(0.2),
        )

    return nn.Sequential(block(12, 32), block(32, 16), nn.Linear(16, 1), nn.Sigmoid())


def with_layer_norm():
    return nn.Sequential(
        nn.Linear(16, 48), nn.GELU(), nn.LayerNorm(48), nn.Linear(48, 24), nn.GELU("tanh"),
        nn.LayerNorm(24, bias=False), nn.Dropout(0.1), nn.Linear(24, 2),
    )  # fmt: skip


PUBLIC: dict[str, tuple[Any, str | None, str]] = {
    "mnist": (mnist, "multiclass", "multiclass"),
    "tanh_regression": (tanh_regression, None, "regression"),
    "with_dropout": (with_dropout, None, "multiclass"),
    "with_batch_norm": (with_batch_norm, None, "binary"),
    "with_layer_norm": (with_layer_norm, None, "regression"),
}
"""Of each network what makes it, the task that is asked for, and the one that it has."""


def used(module: Any, seed: int = 3) -> Any:
    """Give a module weights and running averages as training leaves them, and evaluate."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
                tensor.add_(noise.abs() if "var" in name else noise, alpha=0.1)
    return module.eval()


def rows(inputs: int, count: int = 40) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(count, inputs))


def outputs(module: Any, x: np.ndarray) -> np.ndarray:
    """What the module itself computes."""
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        found: np.ndarray = module(torch.tensor(x).to(dtype)).numpy()
    return found


def written(module: Any, inputs: int | tuple[int, ...], path: Path, opset: int = 17) -> Path:
    """Have PyTorch write a module to an ONNX file."""
    shape = (2, inputs) if isinstance(inputs, int) else (2, *inputs)
    x = torch.zeros(shape, dtype=next(module.parameters()).dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch prefers an exporter that needs onnxscript
        torch.onnx.export(module, (x,), path, dynamo=False, opset_version=opset,
                          input_names=["x"], dynamic_axes={"x": {0: "N"}})  # fmt: skip
    return path
