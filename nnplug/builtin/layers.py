"""The built-in layers.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.hookspecs import hookimpl
from nnplug.parts import Layer, Part, layer, parameter, uniform


@layer
def dense(
    x: Any, weight: Any = parameter("D", "units"), bias: Any = parameter("units", start=0), *,
    units: int = 100,
) -> Any:  # fmt: skip
    """Dense: x·W + b, with W of shape (D, H).

    Examples
    --------
    >>> dense(np.ones((1, 2)), np.ones((2, 1)), np.zeros(1))
    array([[2.]])
    """
    return x @ weight + bias


@layer
def dropout(x: Any, noise: Any = uniform("N", "D"), *, training: bool, rate: float = 0.5) -> Any:
    """Dropout: some outputs are 0, the others larger by as much (Srivastava et al., 2014, JMLR 15).

    A share of `rate` is dropped in each training step, and the rest divided
    by the share that is kept. Outside training nothing is.

    Examples
    --------
    >>> dropout(np.array([[1.0, 2.0]]), np.array([[0.3, 0.9]]), training=True)
    array([[0., 4.]])
    """
    # A mask: the backward pass multiplies by the very numbers that the forward pass did.
    return x * np.where(noise >= rate, 1 / (1 - rate), 0.0) if training else x


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        assert isinstance(part, Layer)
        register(part)
