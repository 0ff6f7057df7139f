"""How a network's arrays start: drawn by an initializer, or as their layers declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.parts import Array, Drawn, Initializer, Noise, Placed, State
from nnplug.types import AnyArray

__all__ = ["start_network"]


def start_network(
    placed: Sequence[Placed],
    arrays: Mapping[str, AnyArray],
    dtype: np.dtype[Any],
    initializer: Initializer,
    seed: int,
    inputs: AnyArray | None,
) -> None:
    """Fill the arrays of layers, in order; see `Network.initialize`."""
    initializer.check_pure()
    if initializer.from_inputs and inputs is None:
        raise SettingError(
            f"initializer {initializer.text!r} looks at rows of the data, and none are given."
        )
    start = _Start(arrays, initializer, initializer.generator(seed))
    x = None if not initializer.from_inputs or inputs is None else inputs.astype(dtype)
    for layer in placed:
        x = start.layer(layer, x)


@dataclass
class _Start:
    """Fills arrays from one generator."""

    arrays: Mapping[str, AnyArray]
    initializer: Initializer
    generator: np.random.Generator

    def layer(self, placed: Placed, x: AnyArray | None) -> AnyArray | None:
        """Start a layer, and those that it holds; give its outputs for some rows."""
        biases: dict[str, AnyArray] = {}
        for array in placed.own_arrays:
            start, filled = getattr(array.declared, "start", None), self.arrays.get(array.name)
            if filled is None:  # noise
                continue
            own = array.name.removeprefix(f"{placed.name}.")
            if own in placed.starts:
                filled[...] = placed.starts[own]
            elif isinstance(array.declared, State):
                array.declared.fill(filled)
            elif isinstance(start, Drawn):
                filled[...] = start.draw(self.generator, array.shape, placed.part.options)
            elif start is not None:
                filled[...] = start
            elif not isinstance(array.declared, Noise):
                weight, bias = self._draw(placed.name, array, x)
                filled[...] = weight
                name = f"{array.name.removesuffix('weight')}bias"
                if bias is not None and name in self.arrays and name != array.name:
                    biases[name] = bias
        for name, bias in biases.items():  # in place of what it starts at without an initializer
            self.arrays[name][...] = bias
        within = x
        for layer in placed.inner:
            within = self.layer(layer, within)
        if x is None:
            return None
        with np.errstate(all="ignore"):
            return np.asarray(placed.compute(x, self.arrays))

    def _draw(
        self, layer: str, array: Array, inputs: AnyArray | None
    ) -> tuple[AnyArray, AnyArray | None]:
        """Draw a layer's weights, and its biases if the initializer gives them."""
        fan_in, fan_out = array.shape
        rows = np.empty((0, fan_in)) if inputs is None else inputs
        drawn = self.initializer.draw_all(self.generator, fan_in, fan_out, rows)
        shapes = [each.shape for each in drawn]
        finite = all(np.isfinite(each).all() for each in drawn)
        if shapes != [array.shape, (fan_out,)][: len(drawn)] or not finite:
            raise SettingError(
                f"initializer {self.initializer.text!r} ({self.initializer.place}): for {layer} it "
                f"returned shape {', '.join(map(str, shapes))}, or numbers that are not finite; "
                f"needed are finite numbers of shape {array.shape}."
            )
        return drawn[0], drawn[1] if len(drawn) > 1 else None
