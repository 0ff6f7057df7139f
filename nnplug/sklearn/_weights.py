"""An estimator's weights: how they begin, and how given ones are taken over."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.network import Network
from nnplug.sklearn._errors import EstimatorError

__all__ = ["copy_weights", "initialize", "vanished"]

SMALL_LAYER, SMALL_TOGETHER = 0.2, 0.02
"""Shares of the size that weights begin with: what a layer, and all of them together, fall below
where a penalty has taken them to 0. Networks that fit are far above one of the two."""


def initialize(network: Network, generator: np.random.RandomState) -> None:
    """Draw weights and biases as scikit-learn does, from the same random numbers.

    Uniform on ±√(6 / (fan_in + fan_out)), or √2 for √6 with sigmoid units
    (Glorot & Bengio, 2010, AISTATS); the output layer as the last hidden one.
    """
    hidden = [layer.activation.name for layer in network.layers[:-1]]
    for layer, name in zip(network.layers, [*hidden, *hidden[-1:], ""], strict=False):
        factor = 2.0 if name == "sigmoid" else 6.0
        bound = np.sqrt(factor / (layer.fan_in + layer.fan_out))
        shape = (layer.fan_in, layer.fan_out)
        network[f"{layer.name}.weight"][...] = generator.uniform(-bound, bound, shape)
        network[f"{layer.name}.bias"][...] = generator.uniform(-bound, bound, layer.fan_out)
        for option, start in layer.activation.trainables.items():
            network[f"{layer.name}.{option}"][...] = start


def copy_weights(coefs: Any, intercepts: Any, network: Network) -> None:
    """Copy a list of weights and one of biases into a network.

    Raises
    ------
    EstimatorError
        If they do not fit.
    """
    names = [layer.name for layer in network.layers]
    found = [np.shape(each) for each in (*coefs, *intercepts)]
    wanted = [network[f"{name}.{what}"].shape for what in ("weight", "bias") for name in names]
    if found != wanted:
        raise EstimatorError(
            f"The weights that there are have the shapes {found}, and the network needs "
            f"{wanted}.\nTo go on with them, keep hidden_layer_sizes; for other layers fit anew, "
            "with warm_start=False."
        )
    for name, weight, bias in zip(names, coefs, intercepts, strict=True):
        network[f"{name}.weight"][...] = weight
        network[f"{name}.bias"][...] = bias


def vanished(network: Network) -> bool:
    """Whether all weights are so near 0 that the outputs hardly depend on the inputs.

    Inputs on a large scale make the first layer's weights small, targets on a
    small one the last layer's; here all are.
    """
    shares = [
        np.linalg.norm(network[f"{layer.name}.weight"])
        / np.sqrt(2 * layer.fan_in * layer.fan_out / (layer.fan_in + layer.fan_out))
        for layer in network.layers
    ]
    return bool(max(shares) < SMALL_LAYER and np.prod(shares) < SMALL_TOGETHER)
