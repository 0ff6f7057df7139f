"""A formula inside another: traced once, it stands there as one operation.

A network is the composition of its layers' formulas. Each is traced by
itself, with its derivative, on labels of its own; in the network's graph it is
an operation like any other, until `lower` puts its primitives in its place.
So equal layers are traced once, a derivative that the author gives is kept,
and what a formula is does not depend on what stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from nnplug.formulas.derivative import depending, differentiate
from nnplug.formulas.graph import Dimension, Graph, Operation, Shape, Symbol, walk
from nnplug.formulas.tracing import lower

__all__ = ["Formula", "substitute"]


class Formula:
    """A traced formula with its derivative, to be put into other graphs.

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
    operation : Operation
        The formula as one operation.
    """

    def __init__(
        self, name: str, inputs: Sequence[Symbol], output: Symbol, slope: Symbol | None = None
    ) -> None:
        self.inputs, self._output = tuple(inputs), output
        self._given = slope
        (self.y,) = lower([output])
        self.operation = Operation(
            name, _leaf, derivative=self._derive, shape=self._shape, lower=self._expand
        )

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
    def _pulled(self) -> tuple[Symbol, list[Symbol]]:
        """A number's derivative by the output, and from it those by the inputs, lowered."""
        x, *arrays = self.inputs
        # An output without a name of its own, so that no argument can be called the same.
        g = x.graph.input("derivative by the output", self._output.shape)
        if self.slope is None:
            return g, lower(differentiate(self._output, self.inputs, g))
        by_arrays = differentiate(self._output, arrays, g) if arrays else []
        return g, [g * self.slope, *lower(by_arrays)]

    @cached_property
    def reads_input(self) -> bool:
        """Whether a derivative needs the first input itself."""
        return any(node is self.inputs[0] for node in walk(self._pulled[1]))

    def apply(self, *inputs: Symbol) -> Symbol:
        """Put the formula into the graph of its inputs, as one operation."""
        return inputs[0].graph.apply(self.operation, *inputs)

    def put(self, nodes: Sequence[Symbol], inputs: Sequence[Symbol]) -> list[Symbol]:
        """Put some of the formula's nodes into the graph of its inputs."""
        values = {id(own): given for own, given in zip(self.inputs, inputs, strict=True)}
        return substitute(nodes, values, inputs[0].graph, self._labels(*_shapes(inputs)))

    def _labels(self, *shapes: Shape) -> dict[str, Dimension]:
        """Find what the formula's labels stand for."""
        return {
            str(label): size
            for own, shape in zip(self.inputs, shapes, strict=True)
            for label, size in zip(own.shape, shape, strict=True)
        }

    def _shape(self, *shapes: Shape) -> Shape:
        labels = self._labels(*shapes)
        return tuple(labels.get(str(dim), dim) for dim in self._output.shape)

    def _expand(self, *inputs: Symbol) -> Symbol:
        return self.put([self.y], inputs)[0]

    def _derive(self, g: Symbol, _y: Symbol, *inputs: Symbol) -> list[Symbol]:
        own, pulled = self._pulled
        values = {id(mine): given for mine, given in zip(self.inputs, inputs, strict=True)}
        labels = self._labels(*_shapes(inputs))
        return substitute(pulled, {**values, id(own): g}, g.graph, labels)


def substitute(
    nodes: Sequence[Symbol],
    values: Mapping[int, Symbol],
    graph: Graph,
    labels: Mapping[str, Dimension],
    rewrite: Callable[[Symbol, list[Symbol]], Symbol | None] = lambda _symbol, _inputs: None,
) -> list[Symbol]:
    """Build nodes again with other arguments, in the graph of these.

    Parameters
    ----------
    values : mapping of int to Symbol
        By the identity of a node: what takes its place.
    labels : mapping of str to label or int
        What takes the place of labels, where a node is the size of a dimension.
    rewrite : callable, optional
        Given a node and its new inputs, may give another node for it.
    """
    made = dict(values)
    for symbol in walk(nodes, made):
        if symbol.is_constant:
            made[id(symbol)] = graph.number(symbol.value, symbol.dtype_kind)
        elif symbol.is_size:
            made[id(symbol)] = graph.size((labels.get(symbol.name, symbol.name),))
        else:
            assert not symbol.is_input, f"nothing is given for the argument {symbol.name}"
            inputs = [made[id(child)] for child in symbol.inputs]
            other = rewrite(symbol, inputs)
            if other is None:
                other = graph.apply(symbol.operation, *inputs, **dict(symbol.options))
            made[id(symbol)] = other
    return [made[id(symbol)] for symbol in nodes]


def _shapes(symbols: Sequence[Symbol]) -> list[Shape]:
    return [symbol.shape for symbol in symbols]


def _leaf(*_: object) -> None:
    raise AssertionError("a formula is lowered before it is evaluated")
