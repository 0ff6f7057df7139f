"""Write parity.json: values and gradients of PyTorch, Keras and JAX in float64.

Run by hand, in an environment with torch, keras and jax:

    KERAS_BACKEND=torch python tests/reference/make.py

Functions of one number are taken at the points of tests/sweep.py, with the
gradient of their sum; functions of a row at a fixed matrix, with the gradient
of a weighted sum. The versions are in the file.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import torch
from torch.nn import functional

HERE = Path(__file__).parent
torch.set_default_dtype(torch.float64)
jax.config.update("jax_enable_x64", True)
keras.backend.set_floatx("float64")

ROW = np.random.default_rng(11).normal(size=(5, 4)) * 2
WEIGHTS = np.random.default_rng(12).normal(size=(5, 4))


def points() -> Any:
    """Read the sizes that tests/sweep.py compares at, and mirror them."""
    tree = ast.parse((HERE.parent / "sweep.py").read_text())
    (node,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SIZES"
    ]
    assert isinstance(node, ast.Tuple)
    sizes = [number for part in node.elts for number in ast.literal_eval(part.value)]  # type: ignore[attr-defined]  # each is starred
    return np.array([*(-size for size in reversed(sizes)), *sizes])


Function = Callable[[Any], Any]


def by_torch(function: Function, x: Any, weights: Any) -> tuple[Any, Any]:
    """Value and gradient, also of a Keras function, whose backend is PyTorch."""
    at = torch.tensor(x, requires_grad=True)
    y = function(at)
    (y * torch.tensor(weights)).sum().backward()
    return y.detach().numpy(), at.grad.numpy()


def by_jax(function: Function, x: Any, weights: Any) -> tuple[Any, Any]:
    """Value and gradient."""
    gradient = jax.grad(lambda at: (function(at) * weights).sum())(x)
    return np.asarray(function(x)), np.asarray(gradient)


def threshold(module: Any) -> Function:
    """Make a threshold with numbers that no default has."""
    return lambda x: module.threshold(x, 0.4, -3)


ONE: list[tuple[str, str, str, Function]] = [
    ("threshold:threshold=0.4,value=-3", "torch", "threshold", threshold(functional)),
    ("threshold:threshold=0.4,value=-3", "keras", "threshold", threshold(keras.activations)),
    ("hard_shrink", "torch", "hardshrink", functional.hardshrink),
    ("hard_shrink", "keras", "hard_shrink", keras.activations.hard_shrink),
    ("soft_shrink", "torch", "softshrink", functional.softshrink),
    ("soft_shrink", "keras", "soft_shrink", keras.activations.soft_shrink),
    ("tanh_shrink", "torch", "tanhshrink", functional.tanhshrink),
    ("tanh_shrink", "keras", "tanh_shrink", keras.activations.tanh_shrink),
    ("squareplus", "keras", "squareplus", keras.activations.squareplus),
    ("squareplus", "jax", "squareplus", jax.nn.squareplus),
    ("sparse_plus", "keras", "sparse_plus", keras.activations.sparse_plus),
    ("sparse_plus", "jax", "sparse_plus", jax.nn.sparse_plus),
    ("sparse_sigmoid", "keras", "sparse_sigmoid", keras.activations.sparse_sigmoid),
    ("sparse_sigmoid", "jax", "sparse_sigmoid", jax.nn.sparse_sigmoid),
    ("rrelu", "torch", "rrelu", lambda x: functional.rrelu(x, training=False)),
    ("step", "torch", "heaviside", lambda x: torch.heaviside(x.detach(), torch.ones(())) + 0 * x),
    ("step", "jax", "numpy.heaviside", lambda x: jax.numpy.heaviside(x, 1.0)),
    ("absolute", "torch", "abs", torch.abs),
    ("arctan", "torch", "arctan", torch.arctan),
    ("arcsinh", "torch", "arcsinh", torch.arcsinh),
    ("sine", "torch", "sin", torch.sin),
    ("cosine", "torch", "cos", torch.cos),
    ("sinc", "torch", "sinc", lambda x: torch.sinc(x / torch.pi)),
    ("probit", "torch", "special.ndtr", torch.special.ndtr),
]  # fmt: skip

ROWS: list[tuple[str, str, str, Function]] = [
    ("softmin", "torch", "softmin", lambda x: functional.softmin(x, dim=-1)),
    ("sparsemax", "keras", "sparsemax", keras.activations.sparsemax),
]


def entries(cases: list[tuple[str, str, str, Function]], x: Any, weights: Any) -> list[Any]:
    """Compute one entry for each case."""
    made = []
    for part, framework, name, function in cases:
        value, gradient = (by_jax if framework == "jax" else by_torch)(function, x, weights)
        made.append(
            {
                "part": part,
                "framework": framework,
                "function": name,
                "value": np.asarray(value).tolist(),
                "gradient": np.asarray(gradient).tolist(),
            }
        )
    return made


if __name__ == "__main__":
    x = points()
    content = {
        "versions": {name: version(name) for name in ("torch", "keras", "jax", "numpy")},
        "points": x.tolist(),
        "one": entries(ONE, x, np.ones_like(x)),
        "row": {
            "x": ROW.tolist(),
            "weights": WEIGHTS.tolist(),
            "cases": entries(ROWS, ROW, WEIGHTS),
        },
    }
    (HERE / "parity.json").write_text(json.dumps(content, indent=1) + "\n")
