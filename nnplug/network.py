"""The network: layers over one contiguous vector of parameters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.builtin.layers import dense, dropout
from nnplug.errors import SettingError, UnknownNameError
from nnplug.parts import Activation, Declared, Initializer, Layer, Noise, Parameter, State
from nnplug.summary import Block, Summarized
from nnplug.types import AnyArray

__all__ = ["Array", "DenseLayer", "Network", "Placed", "Span"]


@dataclass(frozen=True)
class Array:
    """An array that a layer's formula is given beside what it is applied to.

    Attributes
    ----------
    name : str
        `"hidden1.weight"`: the layer's name and that of the formula's argument.
    declared : Declared
        A parameter, a state or noise.
    shape : tuple of int
        Of noise without the rows.
    """

    name: str
    declared: Declared
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Placed:
    """A layer of a network: a part and its place.

    Attributes
    ----------
    name : str
        `"hidden1"`, `"layer_norm1"`, ..., `"output"`. A dense layer, with the
        activation and the dropout that follow it, is called hidden; the last
        one, with what gives the network's outputs, output.
    part : Activation or Layer
    inputs, outputs : int
        Numbers of a row before it and after it.
    arrays : tuple of Array
        What its formula is given, in order.
    width : str or int
        The label of the outputs' width in the part's formula.
    sizes : dict of str to int
        Of the labels that are the part's own.
    output_name, gradient_name : str
        What its outputs, and the loss's derivative by them, are called.
    """

    name: str
    part: Activation | Layer
    inputs: int
    outputs: int
    arrays: tuple[Array, ...]
    width: str | int
    sizes: Mapping[str, int]
    output_name: str
    gradient_name: str


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


@dataclass(frozen=True)
class Span:
    """Where one array lies in the vector.

    Attributes
    ----------
    name : str
        `"hidden1.weight"`: the layer's name and that of the formula's argument.
    start, stop : int
        Its place in the vector.
    shape : tuple of int
        (fan_in, fan_out) for a dense layer's weight, (fan_out,) for its bias.
    decay : bool
        Whether penalties count it.
    is_state : bool
        Whether training steps replace it, and do not learn it.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    decay: bool = False
    is_state: bool = False

    def view(self, vector: AnyArray) -> AnyArray:
        """Give the part of a vector that this names, in its shape."""
        return vector[self.start : self.stop].reshape(self.shape)


class Network(Summarized):
    """Layers whose parameters and states are views of one vector.

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
    dropout : sequence of float
        The share of each hidden layer's outputs that a training step drops;
        what is missing at the end is 0.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    placed : tuple of Placed
        Every layer, in order.
    layers : tuple of DenseLayer
        The same, if all are dense layers with an activation each and perhaps
        dropout; else empty.
    inputs, outputs : int
    spans : tuple of Span
        The arrays in the order in which they lie in the vector: parameters,
        then states.
    learned : int
        How many of the vector's numbers are parameters.
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
        dropout: Sequence[float] = (),
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
        parts = short_form(hidden, activations, dropout)
        self._compose(inputs, parts, outputs, output_activation, dtype)

    @classmethod
    def of(
        cls,
        inputs: int,
        parts: Sequence[Activation | Layer],
        outputs: int,
        *,
        output_activation: Activation,
        dtype: Any = np.float32,
    ) -> Network:
        """Compose a network of layers, with a dense layer that gives the outputs after them."""
        network = cls.__new__(cls)
        network._compose(inputs, parts, outputs, output_activation, dtype)
        return network

    def _compose(
        self,
        inputs: int,
        parts: Sequence[Activation | Layer],
        outputs: int,
        output_activation: Activation,
        dtype: Any,
    ) -> None:
        self.inputs, self.outputs, self.dtype = inputs, outputs, np.dtype(dtype)
        head = (dense.with_options(units=outputs), output_activation)
        self.placed = tuple(_place(inputs, [*parts, *head], len(parts)))
        self.layers = tuple(_dense_layers(self.placed))
        arrays = [array for placed in self.placed for array in placed.arrays]
        spans: list[Span] = []
        for kind in (Parameter, State):
            for array in arrays:
                if isinstance(array.declared, kind):
                    start = spans[-1].stop if spans else 0
                    stop = start + math.prod(array.shape)
                    decay = isinstance(array.declared, Parameter) and array.declared.decay
                    spans.append(Span(array.name, start, stop, array.shape, decay, kind is State))
        self.spans = tuple(spans)
        self.learned = max((span.stop for span in spans if not span.is_state), default=0)
        self.parameters = aligned_zeros(spans[-1].stop, self.dtype)

    @property
    def noise(self) -> list[Array]:
        """What is drawn before each training step, in order."""
        return [
            array
            for placed in self.placed
            for array in placed.arrays
            if isinstance(array.declared, Noise)
        ]

    @property
    def size(self) -> int:
        """The number of parameters and states."""
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
        """Draw the weights, layer by layer; all else starts from what it declares.

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
        for placed in self.placed:
            for array in placed.arrays:
                if isinstance(array.declared, Noise):
                    continue
                start = getattr(array.declared, "start", None)
                if start is not None:
                    self[array.name][...] = start
                    continue
                weights = np.asarray(initializer(generator, *array.shape))
                if weights.shape != array.shape or not np.isfinite(weights).all():
                    raise SettingError(
                        f"initializer {initializer.text!r} ({initializer.place}): for "
                        f"{placed.name} it returned shape {weights.shape}, or numbers that are "
                        f"not finite; needed are finite numbers of shape {array.shape}."
                    )
                self[array.name][...] = weights

    def forward(self, inputs: AnyArray) -> Iterator[tuple[Placed, AnyArray]]:
        """Compute each layer's outputs, (N, H), for rows (N, D), outside training.

        It is plain NumPy, for a look inside; engines compute the same faster.
        """
        x = inputs.astype(self.dtype)
        for placed in self.placed:
            arrays = {
                array.name.rpartition(".")[2]: self[array.name]
                for array in placed.arrays
                if not isinstance(array.declared, Noise)
            }
            with np.errstate(all="ignore"):
                x = np.asarray(placed.part.compute(x, arrays))
            yield placed, x

    def first_nonfinite(self, inputs: AnyArray) -> tuple[Placed, str] | None:
        """Find the first layer whose numbers are not finite, for rows (N, D).

        Returns
        -------
        tuple of Placed and str, or None
            The layer and `"sums"` or `"outputs"`; None if all are finite.
        """
        for placed, outputs in self.forward(inputs):
            if not np.isfinite(outputs).all():
                return placed, "sums" if placed.part.name == "dense" else "outputs"
        return None

    def _summary(self) -> Iterator[Block]:
        rows: dict[str, list[Any]] = {}
        for placed in self.placed:
            count = sum(
                math.prod(array.shape)
                for array in placed.arrays
                if not isinstance(array.declared, Noise)
            )
            row = rows.setdefault(placed.name, [placed.inputs, 0, [], 0])
            row[1], row[3] = placed.outputs, row[3] + count
            row[2].append(placed.part.text.partition(":units=")[0])
        yield Block(
            [
                (name, f"{fan_in} → {fan_out}", " ".join(texts), f"{count:,}")
                for name, (fan_in, fan_out, texts, count) in rows.items()
            ],
            ("layer", "units", "parts", "parameters"),
        )

    def __repr__(self) -> str:
        widths = [self.inputs, *(each.outputs for each in self.placed if each.part.name == "dense")]
        return (
            f"<network {'-'.join(map(str, widths))}, {self.size:,} parameters, {self.dtype.name}>"
        )


def short_form(
    hidden: Sequence[int], activations: Sequence[Activation], shares: Sequence[float] = ()
) -> list[Activation | Layer]:
    """Write hidden layers as the layers that they are short for.

    Parameters
    ----------
    hidden : sequence of int
        Units.
    activations : sequence of Activation
    shares : sequence of float
        What is dropped of each; what is missing at the end is 0.
    """
    # One part for all layers of a width, so that it is traced once.
    by_units = {units: dense.with_options(units=units) for units in hidden}
    parts: list[Activation | Layer] = []
    for number, (units, activation) in enumerate(zip(hidden, activations, strict=True)):
        parts += [by_units[units], activation]
        if number < len(shares) and shares[number]:
            parts.append(dropout.with_options(rate=shares[number]))
    return parts


def _place(inputs: int, parts: Sequence[Activation | Layer], head: int) -> Iterator[Placed]:
    """Give each part its place; from number `head` on they give the outputs."""
    counts: Counter[str] = Counter()
    block, taken = "", set[str]()
    width = inputs
    for number, part in enumerate(parts):
        is_dense = isinstance(part, Layer) and part.name == dense.name
        role = "activation" if isinstance(part, Activation) else part.name
        if number == head or is_dense:
            counts["hidden"] += number < head
            block = "output" if number >= head else f"hidden{counts['hidden']}"
            taken = set()
        if block and role not in taken and role in (dense.name, "activation", dropout.name):
            name = block
        else:
            counts[part.name] += 1
            name = f"{part.name}{counts[part.name]}"
        taken.add(role)
        sizes = {"D": width, "C": width, **_whole(part)}
        arrays = tuple(
            Array(f"{name}.{own}", declared, tuple(
                dim if isinstance(dim, int) else sizes[dim] for dim in declared.shape if dim != "N"
            ))
            for own, declared in part.arrays.items()
        )  # fmt: skip
        dim = part.width
        outputs = dim if isinstance(dim, int) else sizes[dim]
        letter = {dense.name: "z", "activation": "a", dropout.name: "kept"}.get(role, "y")
        output_name = f"{name}.{letter}"
        gradient = f"{name}.delta" if is_dense else f"{output_name}.grad"
        yield Placed(name, part, width, outputs, arrays, dim, sizes, output_name, gradient)
        width = outputs


def _whole(part: Activation | Layer) -> dict[str, int]:
    return {key: value for key, value in part.options.items() if type(value) is int}


def _dense_layers(placed: Sequence[Placed]) -> list[DenseLayer]:
    """Pair dense layers with their activations; nothing, if there are other layers too."""
    found: list[DenseLayer] = []
    waiting: Placed | None = None
    for each in placed:
        if isinstance(each.part, Layer) and each.part.name == dense.name and waiting is None:
            waiting = each
        elif isinstance(each.part, Activation) and waiting is not None:
            found.append(DenseLayer(each.name, waiting.inputs, waiting.outputs, each.part))
            waiting = None
        elif each.part.name != dropout.name or waiting is not None:
            return []
    return found
