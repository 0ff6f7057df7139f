"""The check of an activation that is given more than its sums."""

from __future__ import annotations

from nnplug.engines import Engine
from nnplug.parts import Activation
from nnplug.testing import layers

__all__ = ["training"]


def training(part: Activation, engine: Engine) -> None:
    """With noise and what it learns for each unit it is right too, in training and outside.

    It is then tried as a layer is.
    """
    if not part.arrays and not part.branches:
        return
    layers.formula(part, engine)
    if not engine.preparation:
        layers.derivative(part)
        layers.noise(part)
