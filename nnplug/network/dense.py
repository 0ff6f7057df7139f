"""The dense layers of a network of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnplug.builtin.layers import dense, dropout
from nnplug.parts import Activation, Placed

__all__ = ["DenseLayer", "dense_layers"]


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer and its activation, in a network of nothing else.

    Attributes
    ----------
    name : str
        `"hidden1"`, `"hidden2"`, ..., `"output"`.
    fan_in, fan_out : int
        Its numbers of inputs and units.
    activation : Activation
    """

    name: str
    fan_in: int
    fan_out: int
    activation: Activation


def dense_layers(placed: Sequence[Placed]) -> list[DenseLayer]:
    """Pair dense layers with their activations; give nothing if there are other layers too."""
    found: list[DenseLayer] = []
    waiting: Placed | None = None
    for layer in placed:
        if layer.part.function is dense.function and waiting is None:
            waiting = layer
        elif isinstance(layer.part, Activation) and waiting is not None:
            found.append(DenseLayer(layer.name, waiting.inputs, waiting.outputs, layer.part))
            waiting = None
        elif layer.part.function is not dropout.function or waiting is not None:
            return []
    return found
