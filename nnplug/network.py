"""The network: dense layers over one contiguous vector of parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.errors import SettingError, UnknownNameError
from nnplug.parts import Activation, Initializer
from nnplug.summary import Block, Summarized
from nnplug.types import AnyArray

__all__ = ["Layer", "Network", "Span"]


@dataclass(frozen=True)
class Layer:
    """A dense layer: activation(x @ weight + bias).

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


@dataclass(frozen=True)
class Span:
    """Where one parameter array lies in the vector.

    Attributes
    ----------
    name : str
        `"hidden1.weight"`, `"hidden1.bias"`, or the layer's name and that of
        a trainable option.
    start, stop : int
        Its place in the vector.
    shape : tuple of int
        (fan_in, fan_out) for a weight, (fan_out,) for a bias, () for an option.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    def view(self, vector: AnyArray) -> AnyArray:
        """Give the part of a vector that this names, in its shape."""
        return vector[self.start : self.stop].reshape(self.shape)


class Network(Summarized):
    """Dense layers whose parameters are views of one vector.

    Parameters
    ----------
    inputs : int
        Columns of the data, D.
    hidden : sequence of int
        Units of each hidden layer; may be empty.
    outputs : int
        Units of the output layer, C.
    activations : sequence of Activation
        One for each hidden layer.
    output_activation : Activation
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    layers : tuple of Layer
    spans : tuple of Span
        The parameter arrays in the order in which they lie in the vector.
    parameters : array
        The vector, zero until `initialize`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        activations: Sequence[Activation],
        output_activation: Activation,
        dtype: Any = np.float32,
    ) -> None:
        widths = (inputs, *hidden, outputs)
        if min(widths) < 1:
            raise SettingError(f"a layer of {min(widths)} units: every layer needs at least one.")
        if len(activations) != len(hidden):
            raise SettingError(
                f"{len(activations)} activations for {len(hidden)} hidden layers: "
                "give one, or one for each hidden layer."
            )
        self.dtype = np.dtype(dtype)
        names = [*(f"hidden{number}" for number in range(1, len(hidden) + 1)), "output"]
        self.layers = tuple(
            Layer(name, fan_in, fan_out, activation)
            for name, fan_in, fan_out, activation in zip(
                names, widths[:-1], widths[1:], (*activations, output_activation), strict=True
            )
        )
        spans: list[Span] = []
        for layer in self.layers:
            shapes: dict[str, tuple[int, ...]] = {
                "weight": (layer.fan_in, layer.fan_out),
                "bias": (layer.fan_out,),
                **dict.fromkeys(layer.activation.trainables, ()),
            }
            for name, shape in shapes.items():
                start = spans[-1].stop if spans else 0
                spans.append(Span(f"{layer.name}.{name}", start, start + math.prod(shape), shape))
        self.spans = tuple(spans)
        self.parameters = aligned_zeros(spans[-1].stop, self.dtype)

    @property
    def size(self) -> int:
        """The number of parameters."""
        return len(self.parameters)

    def span(self, name: str) -> Span:
        """Find a parameter array by its name, such as `"hidden1.weight"`.

        Raises
        ------
        UnknownNameError
            If there is none: it is a `KeyError`.
        """
        found = next((span for span in self.spans if span.name == name), None)
        if found is None:
            names = [span.name for span in self.spans]
            raise UnknownNameError.of("The network has no array", name, names)
        return found

    def __getitem__(self, name: str) -> AnyArray:
        return self.span(name).view(self.parameters)

    def initialize(self, initializer: Initializer, seed: int) -> None:
        """Draw the weights, layer by layer; biases are zero.

        Trainable options start from their declared values.

        Raises
        ------
        SettingError
            If the initializer returns another shape, or numbers that are not
            finite.
        ImpureFormulaError
            If it does not draw from the generator that it is given.
        """
        initializer.check_pure()
        generator = initializer.generator(seed)
        self.parameters[:] = 0
        for layer in self.layers:
            weights = np.asarray(initializer(generator, layer.fan_in, layer.fan_out))
            if weights.shape != (layer.fan_in, layer.fan_out) or not np.isfinite(weights).all():
                raise SettingError(
                    f"initializer {initializer.text!r} ({initializer.place}): for {layer.name} it "
                    f"returned shape {weights.shape}, or numbers that are not finite; "
                    f"needed are finite numbers of shape ({layer.fan_in}, {layer.fan_out})."
                )
            self[f"{layer.name}.weight"][...] = weights
            for name, start in layer.activation.trainables.items():
                self[f"{layer.name}.{name}"][...] = start

    def forward(self, inputs: AnyArray) -> Iterator[tuple[Layer, AnyArray, AnyArray]]:
        """Compute a layer's sums and outputs, each (N, H), for rows (N, D), layer by layer.

        It is plain NumPy, for a look inside; engines compute the same faster.
        """
        x = inputs.astype(self.dtype)
        for layer in self.layers:
            learned = {name: self[f"{layer.name}.{name}"] for name in layer.activation.trainables}
            with np.errstate(all="ignore"):
                sums = x @ self[f"{layer.name}.weight"] + self[f"{layer.name}.bias"]
                x = np.asarray(layer.activation(sums, **learned))
            yield layer, sums, x

    def first_nonfinite(self, inputs: AnyArray) -> tuple[Layer, str] | None:
        """Find the first layer whose numbers are not finite, for rows (N, D).

        Returns
        -------
        tuple of Layer and str, or None
            The layer and `"sums"` or `"outputs"`; None if all are finite.
        """
        for layer, sums, outputs in self.forward(inputs):
            for what, numbers in (("sums", sums), ("outputs", outputs)):
                if not np.isfinite(numbers).all():
                    return layer, what
        return None

    def _summary(self) -> Iterator[Block]:
        yield Block(
            [
                (
                    layer.name,
                    f"{layer.fan_in} → {layer.fan_out}",
                    layer.activation.text,
                    f"{sum(math.prod(each.shape) for each in self._spans_of(layer)):,}",
                )
                for layer in self.layers
            ],
            ("layer", "units", "activation", "parameters"),
        )

    def _spans_of(self, layer: Layer) -> list[Span]:
        return [each for each in self.spans if each.name.startswith(f"{layer.name}.")]

    def __repr__(self) -> str:
        widths = "-".join(str(layer.fan_in) for layer in self.layers)
        return (
            f"<network {widths}-{self.layers[-1].fan_out}, {self.size:,} parameters, "
            f"{self.dtype.name}>"
        )
