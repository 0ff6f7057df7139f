"""A layer with two matrices."""

from __future__ import annotations

from typing import Any

import nnplug
from nnplug import parameter
from nnplug.special import sigmoid


@nnplug.layer
def gated_swish(
    x: Any,
    W: Any = parameter("D", "units"),
    V: Any = parameter("D", "units"),
    b: Any = parameter("units", start=0),
    c: Any = parameter("units", start=0),
    *,
    units: int = 16,
    beta: float = 1.0,
) -> Any:
    """SwiGLU, Swish(xW + b) ⊗ (xV + c) (Shazeer, 2020, arXiv:2002.05202, eq. 5)."""
    gate = x @ W + b
    return gate * sigmoid(beta * gate) * (x @ V + c)


@nnplug.hookimpl
def register_layers(register: Any) -> None:
    """Register the layer."""
    register(gated_swish)
