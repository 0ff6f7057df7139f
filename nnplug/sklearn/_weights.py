"""An estimator's weights: how they are initialized, and how earlier ones are taken over."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nnplug.network.network import Network
from nnplug.parts import Initializer
from nnplug.sklearn._errors import EstimatorError
from nnplug.types import AnyArray

__all__ = [
    "copy_weights",
    "given_weights",
    "continue_from",
    "initialize",
    "layers_text",
    "vanished",
]

SMALL_LAYER, SMALL_TOGETHER = 0.2, 0.02
"""Shares of their initial size that weights fall below when a penalty takes them to 0: of a single
layer, and of all layers multiplied. Networks that fit are far above one of the two."""


def initialize(
    network: Network, generator: np.random.RandomState, initializer: Initializer | None
) -> None:
    """Draw the weights with an initializer, or as scikit-learn does.

    scikit-learn draws weights and biases uniformly on ±√(6 / (fan_in +
    fan_out)), with √2 for √6 for sigmoid units (Glorot & Bengio, 2010,
    AISTATS), and the output layer like the last hidden one. The random numbers
    are the same here.
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
    """Set the arrays that are not drawn to their start values."""
    for array in (array for placed in network.placed for array in placed.arrays):
        start = getattr(array.declared, "start", None)
        if start is not None and not array.name.endswith((".weight", ".bias")):
            network[array.name][...] = start


def layers_text(network: Network | None) -> str:
    """Return the layers before the output in their text form."""
    placed = () if network is None else network.placed[:-2]
    return " ".join(layer.part.text for layer in placed)


def given_weights(estimator: BaseEstimator) -> AnyArray:
    """Return the first array that an estimator continues from."""
    if hasattr(estimator, "coefs_"):
        return np.asarray(estimator.coefs_[0])
    parameters: AnyArray = estimator.network_.parameters
    return parameters


def continue_from(estimator: BaseEstimator, network: Network) -> None:
    """Copy what an estimator has learned into a network.

    The weights and biases of dense layers must fit, and the parameters of their
    activations are taken over if they fit. Of other networks, all arrays must fit.

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
    found = [np.shape(array) for array in (*coefs, *intercepts)]
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

    Only networks of dense layers are judged: a norm scales small weights up
    again, and a residual layer passes its inputs on without any.

    Inputs on a large scale make the weights of the first layer small, and
    targets on a small scale those of the last; here all are small.
    """
    if not network.layers:
        return False
    shares = [
        np.linalg.norm(network[f"{layer.name}.weight"])
        / np.sqrt(2 * layer.fan_in * layer.fan_out / (layer.fan_in + layer.fan_out))
        for layer in network.layers
    ]
    return bool(max(shares) < SMALL_LAYER and np.prod(shares) < SMALL_TOGETHER)
