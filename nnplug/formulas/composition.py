"""A formula inside another: traced once, with its derivative, and put wherever it stands.

A network is the composition of its layers' formulas. Each is traced by
itself, on labels of its own, with the chain rule through it: from a number's
derivative by its output to those by its inputs. So equal layers are traced
and differentiated once, a derivative that the author gives is kept, and what
a formula is does not depend on what stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from nnplug.formulas.derivative import depending, differentiate
from nnplug.formulas.graph import Dimension, Graph, Operation, Shape, Symbol, walk
from nnplug.formulas.tracing import lower

__all__ = ["Formula", "put"]


class Formula:
    """A traced formula with its derivative, lowered.

    Parameters
    ----------
    name : str
        Of its operation; that of no primitive.
    inputs : sequence of Symbol
        Its arguments: what it is applied to, then its arrays.
    output : Symbol
        What it computes from them.
    slope : Symbol, optional
        The derivative of the output by the first input, element by element,
        where the author gives it; else it is derived.

    Attributes
    ----------
    y : Symbol
        The output, lowered.
    g : Symbol
        A number's derivative by the output: what `pulled` begins with.
    """

    def __init__(
        self, name: str, inputs: Sequence[Symbol], output: Symbol, slope: Symbol | None = None
    ) -> None:
        self.name, self.inputs, self._output = name, tuple(inputs), output
        self._given = slope
        (self.y,) = lower([output])
        # No identifier, so that no argument is called the same.
        self.g = output.graph.input("derivative by the output", output.shape)

    @property
    def is_identity(self) -> bool:
        """Whether it gives what it is applied to."""
        return self.y is self.inputs[0]

    @cached_property
    def slope(self) -> Symbol | None:
        """The derivative by the first input, lowered; None unless it is elementwise in it."""
        x, slope = self.inputs[0], self._given
        if slope is None:
            if self._output.shape != x.shape or not all(
                node.operation.elementwise for node in depending([self._output], [x])
            ):
                return None
            (slope,) = differentiate(self._output, [x], x.graph.constant(1.0))
        return lower([slope])[0]

    @cached_property
    def pulled(self) -> list[Symbol]:
        """The number's derivative by each input, from that by the output, lowered."""
        _, *arrays = self.inputs
        if self.slope is None:
            return lower(differentiate(self._output, self.inputs, self.g))
        by_arrays = differentiate(self._output, arrays, self.g) if arrays else []
        return [self.g * self.slope, *lower(by_arrays)]

    @cached_property
    def operation(self) -> Operation:
        """The formula as one operation, as it stands in the formula of a layer around it."""
        return Operation(
            self.name, _leaf, derivative=self._derive, shape=self.shape, lower=self._expand
        )

    def shape(self, *shapes: Shape) -> Shape:
        """Give the output's shape from the inputs'."""
        labels = self.labels(shapes)
        return tuple(labels.get(str(dim), dim) for dim in self._output.shape)

    def labels(self, shapes: Sequence[Shape]) -> dict[str, Dimension]:
        """Find what its labels stand for, where its inputs have these shapes."""
        return {
            str(label): size
            for own, shape in zip(self.inputs, shapes, strict=True)
            for label, size in zip(own.shape, shape, strict=True)
        }

    def _expand(self, *inputs: Symbol) -> Symbol:
        made = {id(own): given for own, given in zip(self.inputs, inputs, strict=True)}
        put(walk([self.y], made), made, inputs[0].graph, self.labels(_shapes(inputs)))
        return made[id(self.y)]

    def _derive(self, g: Symbol, _y: Symbol, *inputs: Symbol) -> list[Symbol]:
        made = {id(own): given for own, given in zip(self.inputs, inputs, strict=True)}
        made[id(self.g)] = g
        put(walk(self.pulled, made), made, g.graph, self.labels(_shapes(inputs)))
        return [made[id(symbol)] for symbol in self.pulled]


def put(
    order: Sequence[Symbol], made: dict[int, Symbol], graph: Graph, labels: dict[str, Dimension]
) -> None:
    """Put nodes of one graph into another, with other symbols for its arguments.

    Parameters
    ----------
    order : sequence of Symbol
        Inputs before their users, without the arguments.
    made : dict of int to Symbol
        By a node's identity, what takes its place: the arguments stand in it,
        and the nodes are added.
    graph : Graph
        Where to.
    labels : dict of str to label or int
        What takes the place of labels.
    """
    shapes: dict[Shape, Shape] = {}  # a formula of many nodes has few shapes
    for symbol in order:
        if symbol.is_constant:
            made[id(symbol)] = graph.number(symbol.value, symbol.dtype_kind)
        elif symbol.is_size:
            made[id(symbol)] = graph.size((labels.get(symbol.name, symbol.name),))
        else:
            assert not symbol.is_input, f"nothing is given for the argument {symbol.name}"
            inputs = tuple([made[id(child)] for child in symbol.inputs])
            shape = shapes.get(symbol.shape)
            if shape is None:
                shape = tuple([labels.get(str(dim), dim) for dim in symbol.shape])
                shapes[symbol.shape] = shape
            made[id(symbol)] = graph.copy(symbol, inputs, shape)


def _shapes(symbols: Sequence[Symbol]) -> list[Shape]:
    return [symbol.shape for symbol in symbols]


def _leaf(*_: object) -> None:
    raise AssertionError("a formula is lowered before it is evaluated")
