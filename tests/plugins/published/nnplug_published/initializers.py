"""An initializer that looks at the data."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug


@nnplug.initializer
def lsuv(generator: np.random.Generator, fan_in: int, fan_out: int, inputs: Any) -> Any:
    """Layer-sequential unit variance (Mishkin & Matas, 2016, arXiv:1511.06422, algorithm 1).

    Orthonormal weights, divided by the standard deviation of what the layer
    gives. The paper divides until that is within a tolerance of 1; for a
    layer that is linear once is enough.
    """
    long, short = max(fan_in, fan_out), min(fan_in, fan_out)
    columns, r = np.linalg.qr(generator.standard_normal((long, short)))
    columns = columns * np.sign(np.diag(r))  # uniform over all orthonormal ones
    weight = columns if fan_in >= fan_out else columns.T
    deviation = np.std(inputs @ weight)
    return weight / deviation if deviation > 0 else weight


@nnplug.hookimpl
def register_initializers(register: Any) -> None:
    """Register the initializer."""
    register(lsuv)
