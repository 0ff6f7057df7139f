"""The network: layers over one contiguous vector of parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.builtin.layers import dense, dropout, monotone_dense
from nnplug.errors import SettingError, UnknownNameError
from nnplug.network.dense import DenseLayer, dense_layers
from nnplug.network.spans import Span, grouped, spans_of
from nnplug.network.start import start_network
from nnplug.parts import (
    Activation,
    Array,
    Initializer,
    InputColumn,
    Layer,
    Noise,
    Placed,
    layer_rows,
    place,
)
from nnplug.summary import Block, Summarized
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.picture import Picture

__all__ = ["DenseLayer", "Network", "Span", "in_and_out", "short_form"]


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
        layers beyond its end have 0.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    placed : tuple of Placed
        Every layer, in order.
    layers : tuple of DenseLayer
        The same, if all are dense layers with an activation each and perhaps
        dropout; otherwise empty.
    inputs, outputs : int
    spans : tuple of Span
        The arrays in the order in which they lie in the vector: parameters,
        then states.
    learned : int
        How many of the vector's numbers are parameters, not states.
    parameters : array
        The vector; zero until `initialize`.
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
        size: int | None = None,
        columns: Sequence[InputColumn] | None = None,
    ) -> Network:
        """Compose a network of layers, followed by a dense layer that gives the outputs.

        After a monotone dense layer, it is one too.

        Parameters
        ----------
        size : int, optional
            The number of parameters that it must have; checked before memory is taken.
        columns : sequence of InputColumn, optional
            What the inputs are; see `place`.

        Raises
        ------
        SettingError
            If it has another number of parameters, or a layer has no unit.
        FormulaError
            If a layer cannot be traced.
        """
        network = cls.__new__(cls)
        network._compose(inputs, parts, outputs, output_activation, dtype, size, columns)
        return network

    @classmethod
    def without_layers(cls, width: int, dtype: Any) -> Network:
        """Make a network whose outputs are its inputs, to compute a loss of given outputs."""
        network = cls.__new__(cls)
        network.inputs, network.outputs, network.dtype = width, width, np.dtype(dtype)
        network.placed, network.layers, network.spans = (), (), ()
        network._by_name, network.learned = {}, 0
        network.parameters = aligned_zeros(0, network.dtype)
        return network

    def _compose(
        self,
        inputs: int,
        parts: Sequence[Activation | Layer],
        outputs: int,
        output_activation: Activation,
        dtype: Any,
        size: int | None = None,
        columns: Sequence[InputColumn] | None = None,
    ) -> None:
        if min(inputs, outputs) < 1:
            raise SettingError(_no_units(min(inputs, outputs)))
        self.inputs, self.outputs, self.dtype = inputs, outputs, np.dtype(dtype)
        # A network that is to be monotone is so up to its outputs.
        signed = any(part.function is monotone_dense.function for part in parts)
        last = monotone_dense if signed else dense
        head = (last.with_options(units=outputs), output_activation)
        self.placed = tuple(place(inputs, [*parts, *head], head=len(parts), columns=columns))
        self.layers = tuple(dense_layers(self.placed))
        spans = list(spans_of(self.placed))
        self.spans = tuple(spans)
        self._by_name = {span.name: span for span in spans}
        self.learned = max((span.stop for span in spans if not span.is_state), default=0)
        if size not in (None, spans[-1].stop):
            raise SettingError(
                f"the network has {spans[-1].stop:,} parameters and states, where {size:,} are "
                "expected."
            )
        self.parameters = aligned_zeros(spans[-1].stop, self.dtype)

    def twin(self) -> Network:
        """Make a network of the same layers with a copy of the parameters."""
        twin = copy.copy(self)
        twin.parameters = aligned_zeros(self.size, self.dtype)
        twin.parameters[:] = self.parameters
        return twin

    def group(self, *, rate: Mapping[str, float | str], decay: Mapping[str, float | str]) -> None:
        """Give some arrays a learning rate, or a decay, of their own; see `grouped`."""
        self.spans = grouped(self.spans, rate=rate, decay=decay)
        self._by_name = {span.name: span for span in self.spans}

    @property
    def widths(self) -> list[int]:
        """The width of the inputs, then that after each layer that may change it."""
        changing = [
            placed
            for placed in self.placed
            if placed.part.kind == "layer" and placed.part.name != "dropout"
        ]
        return [self.inputs, *(placed.outputs for placed in changing)]

    @property
    def noise(self) -> list[Array]:
        """The random arrays drawn before each training step, in order."""
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
        """Find an array by its name, such as `"hidden1.weight"`.

        Raises
        ------
        UnknownNameError
            If there is no such array. It is also a `KeyError`.
        """
        found = self._by_name.get(name)
        if found is None:
            names = [span.name for span in self.spans]
            raise UnknownNameError.of("The network has no array", name, names)
        return found

    def __getitem__(self, name: str) -> AnyArray:
        return self.span(name).view(self.parameters)

    def initialize(
        self, initializer: Initializer, seed: int, inputs: AnyArray | None = None
    ) -> None:
        """Draw the weights, layer by layer; all other arrays start as they are declared.

        Parameters
        ----------
        inputs : array, optional
            Some rows, (N, D), for an initializer that takes them.

        Raises
        ------
        SettingError
            If the initializer returns another shape, or numbers that are not
            finite; or if it takes rows of the data and none are given.
        ImpureFormulaError
            If it does not draw from the given generator.
        """
        start_network(self.placed, self.arrays, self.dtype, initializer, seed, inputs)

    def forward(self, inputs: AnyArray) -> Iterator[tuple[Placed, AnyArray]]:
        """Compute each layer's outputs, (N, H), for rows (N, D), outside training.

        This is plain NumPy, for looking inside; engines compute the same faster.
        """
        x = inputs.astype(self.dtype)
        for placed in self.placed:
            with np.errstate(all="ignore"):
                x = np.asarray(placed.compute(x, self.arrays))
            yield placed, x

    @property
    def arrays(self) -> dict[str, AnyArray]:
        """Its arrays by name: views of the vector."""
        return {span.name: span.view(self.parameters) for span in self.spans}

    def first_nonfinite(self, inputs: AnyArray) -> tuple[Placed, str] | None:
        """Find the first layer whose outputs are not finite, for rows (N, D).

        Returns
        -------
        tuple of Placed and str, or None
            The layer and `"sums"` or `"outputs"`; None if all are finite.
        """
        for placed, outputs in self.forward(inputs):
            if not np.isfinite(outputs).all():
                return placed, "sums" if placed.part.name == "dense" else "outputs"
        return None

    def draw(self) -> Picture:
        """Draw the units as circles and the weights as lines, in a notebook or a file.

        A line is as wide as its weight is large in its layer; blue is positive,
        orange negative. Of a wide layer, the first 12 units are drawn.
        """
        from nnplug.network.drawing import network_picture  # noqa: PLC0415  # few are drawn

        return network_picture(self.placed, self.inputs, self.arrays, self.summary())

    def _html(self) -> Iterator[str]:
        yield from super()._html()
        yield self.draw()._repr_html_()

    def _summary(self) -> Iterator[Block]:
        rows = list(layer_rows(self.placed))
        with_states = any(row.kept for row in rows)
        yield Block(
            [
                (
                    "  " * row.depth + row.name,
                    f"{row.inputs} → {row.outputs}",
                    row.text,
                    f"{row.learned:,}" if row.learned else "",
                    *([f"{row.kept:,}" if row.kept else ""] if with_states else []),
                )
                for row in rows
            ],
            ("layer", "units", "parts", "parameters", *(["state"] if with_states else [])),
        )

    @property
    def form(self) -> str:
        """Its layers in short: the widths of dense layers, or the text form of others."""
        if self.layers:
            return "-".join(map(str, self.widths))
        texts = " ".join(layer.part.text for layer in self.placed[:-2])
        return f"{texts}; {in_and_out(self.inputs, self.outputs)}"

    def __repr__(self) -> str:
        return f"<network {self.form}, {self.learned:,} parameters, {self.dtype.name}>"


def in_and_out(inputs: int, outputs: int) -> str:
    """Write a network's numbers of inputs and outputs."""
    return f"{inputs} input{'s' * (inputs != 1)}, {outputs} output{'s' * (outputs != 1)}"


def _no_units(units: int) -> str:
    return f"a layer of {units} units: every layer needs at least one."


def short_form(
    hidden: Sequence[int], activations: Sequence[Activation], shares: Sequence[float] = ()
) -> list[Activation | Layer]:
    """Give the layers that `hidden`, `activation` and `dropout` are short for.

    Parameters
    ----------
    hidden : sequence of int
        The units of each hidden layer.
    activations : sequence of Activation
    shares : sequence of float
        The dropout rate of each; layers beyond its end have 0.

    Raises
    ------
    SettingError
        If there are not as many activations, or a layer has no unit.
    """
    if min(hidden, default=1) < 1:
        raise SettingError(_no_units(min(hidden)))
    if len(activations) != len(hidden):
        raise SettingError(
            f"{len(activations)} activations for {len(hidden)} hidden layers: "
            "give one, or one for each hidden layer."
        )
    # All layers of a width share one part, so that it is traced once.
    by_units = {units: dense.with_options(units=units) for units in hidden}
    parts: list[Activation | Layer] = []
    for number, (units, activation) in enumerate(zip(hidden, activations, strict=True)):
        parts += [by_units[units], activation]
        if number < len(shares) and shares[number]:
            parts.append(dropout.with_options(rate=shares[number]))
    return parts
