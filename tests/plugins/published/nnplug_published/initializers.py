"""An initializer that looks at the data."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug


@nnplug.initializer
def within_layer(generator: np.random.Generator, fan_in: int, fan_out: int, inputs: Any) -> Any:
    """Data-dependent initialization (Krähenbühl et al., 2016, arXiv:1511.06856, algorithm 1).

    Normal weights, those of each unit divided by the standard deviation of
    what it gives. The paper also centres the units, by their biases, which an
    initializer does not draw.
    """
    weight = generator.standard_normal((fan_in, fan_out))
    deviation = np.std(inputs @ weight, axis=0)
    return weight / np.where(deviation > 0, deviation, 1.0)


@nnplug.hookimpl
def register_initializers(register: Any) -> None:
    """Register the initializer."""
    register(within_layer)
