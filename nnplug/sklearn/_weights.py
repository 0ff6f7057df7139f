"""An estimator's weights: how they begin, and how given ones are taken over."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.network.network import Network
from nnplug.parts import Initializer
from nnplug.sklearn._errors import EstimatorError
from nnplug.types import AnyArray

__all__ = ["copy_weights", "given_weights", "go_on_from", "initialize", "layers_text", "vanished"]

SMALL_LAYER, SMALL_TOGETHER = 0.2, 0.02
"""Shares of the size that weights begin with: what a layer, and all of them together, fall below
where a penalty has taken them to 0. Networks that fit are far above one of the two."""


def initialize(
    network: Network, generator: np.random.RandomState, initializer: Initializer | None
) -> None:
    """Draw the weights: with an initializer, or as scikit-learn does.

    scikit-learn draws weights and biases, here from the same random numbers:
    uniform on ±√(6 / (fan_in + fan_out)), or √2 for √6 with sigmoid units
    (Glorot & Bengio, 2010, AISTATS); the output layer as the last hidden one.
    """
    if initializer is not None:
        network.initialize(initializer, int(generator.randint(2**31)))
        return
    hidden = [layer.activation.name for layer in network.layers[:-1]]
    for layer, name in zip(network.layers, [*hidden, *hidden[-1:], ""], strict=False):
        factor = 2.0 if name == "sigmoid" else 6.0
        bound = np.sqrt(factor / (layer.fan_in + layer.fan_out))
        shape = (layer.fan_in, layer.fan_out)
        network[f"{layer.name}.weight"][...] = generator.uniform(-bound, bound, shape)
        network[f"{layer.name}.bias"][...] = generator.uniform(-bound, bound, layer.fan_out)
    _start(network)


def _start(network: Network) -> None:
    """Set what is not drawn to what it starts from."""
    for array in (array for placed in network.placed for array in placed.arrays):
        start = getattr(array.declared, "start", None)
        if start is not None and not array.name.endswith((".weight", ".bias")):
            network[array.name][...] = start


def layers_text(network: Network | None) -> str:
    """Write the layers before the output in their text form."""
    placed = () if network is None else network.placed[:-2]
    return " ".join(each.part.text for each in placed)


def given_weights(estimator: Any) -> AnyArray:
    """Give the first array that an estimator goes on from."""
    if hasattr(estimator, "coefs_"):
        return np.asarray(estimator.coefs_[0])
    parameters: AnyArray = estimator.network_.parameters
    return parameters


def go_on_from(estimator: Any, network: Network) -> None:
    """Copy what an estimator has learned into a network.

    Of dense layers, the weights and biases must fit, and an activation's
    numbers are taken where there are such; of others all arrays must fit.

    Raises
    ------
    EstimatorError
        If they do not fit.
    """
    before: Network | None = getattr(estimator, "network_", None)
    spans = () if before is None else before.spans
    names = {span.name: span.shape for span in network.spans}
    if network.layers and hasattr(estimator, "coefs_"):
        _start(network)
        copy_weights(estimator.coefs_, estimator.intercepts_, network)
        spans = tuple(
            span
            for span in spans
            if not span.name.endswith((".weight", ".bias")) and names.get(span.name) == span.shape
        )
    elif {span.name: span.shape for span in spans} != names:
        raise EstimatorError(
            f"The weights that there are belong to the layers {layers_text(before)!r}, and the "
            f"network needs those of {layers_text(network)!r}.\nTo go on with them, keep layers; "
            "for other layers fit anew, with warm_start=False."
        )
    for span in spans:
        assert before is not None
        network[span.name][...] = before[span.name]


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
            f"{wanted}.\nTo go on with them, keep hidden_layer_sizes or layers; for other layers "
            "fit anew, with warm_start=False."
        )
    for name, weight, bias in zip(names, coefs, intercepts, strict=True):
        network[f"{name}.weight"][...] = weight
        network[f"{name}.bias"][...] = bias


def vanished(network: Network) -> bool:
    """Whether all weights are so near 0 that the outputs hardly depend on the inputs.

    It is asked of dense layers alone: a norm makes small weights large again,
    and what is added to its inputs hands them on without any.

    Inputs on a large scale make the first layer's weights small, targets on a
    small one the last layer's; here all are.
    """
    if not network.layers:
        return False
    shares = [
        np.linalg.norm(network[f"{layer.name}.weight"])
        / np.sqrt(2 * layer.fan_in * layer.fan_out / (layer.fan_in + layer.fan_out))
        for layer in network.layers
    ]
    return bool(max(shares) < SMALL_LAYER and np.prod(shares) < SMALL_TOGETHER)
