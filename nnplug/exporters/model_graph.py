"""A model as one graph: from the cells of a table's row to the answer.

The graph has few kinds of leaves (see `Cell`), so that a target need only know
how it reads a cell; encoding, layers and answer are primitives like any other.
Whatever does not depend on the row, such as a layer's weights or a factor
computed from running statistics, is one array.

Letters: N rows, D inputs, C outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field

from nnplug.errors import SettingError
from nnplug.exporters.answer import Answer, make_answer
from nnplug.exporters.cells import COLUMN, STACK, TO_FLOAT64, TO_NETWORK, Cell, Cells, encode
from nnplug.exporters.simpler import in_simpler
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import Graph, Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Dimension, Shape
from nnplug.formulas.tracing import lower, mixed_rows, put
from nnplug.models import Model
from nnplug.network.averaging import mean_output, mean_transformed
from nnplug.network.network import Network
from nnplug.parts.placing import trace_placed
from nnplug.training.history import member_column
from nnplug.types import AnyArray

__all__ = ["ModelGraph", "model_graph"]


@dataclass(eq=False)
class ModelGraph:
    """A model as one graph.

    Attributes
    ----------
    model : Model
    columns : tuple of str
        The columns that a row must have, in the table's order.
    graph : Graph
    cells : dict of str to Cell
        By the names of the graph's arguments.
    features : tuple of str
        What the D inputs are called.
    input : Symbol
        The network's inputs, (N, D).
    arrays : dict of int to array
        By a node's identity, the value of each that does not depend on the
        row, and that one that does is computed from.
    layers : list of tuple of str, str and Symbol
        Of each layer in order: what its output is called, its part in text,
        and its output.
    answer : Answer
    """

    model: Model
    columns: tuple[str, ...]
    graph: Graph
    cells: dict[str, Cell]
    features: tuple[str, ...]
    input: Symbol
    layers: list[tuple[str, str, Symbol]]
    answer: Answer
    arrays: dict[int, AnyArray] = field(default_factory=dict)

    @property
    def outputs(self) -> list[Symbol]:
        """What the answer is made of."""
        return self.answer.symbols

    @property
    def composite(self) -> dict[str, Symbol]:
        """One node of each operation, by its name."""
        return {symbol.operation.name: symbol for symbol in self.order(self.outputs)}

    @property
    def text_columns(self) -> frozenset[str]:
        """The columns that are text."""
        cells = self.cells.values()
        return frozenset(cell.column for cell in cells if cell.fact in ("equals", "known"))

    def order(self, outputs: Sequence[Symbol]) -> list[Symbol]:
        """List the nodes that depend on the row and that outputs need, inputs first."""
        return walk(outputs, set(self.arrays))

    def array_names(self) -> dict[int, str]:
        """Name the arrays: as the network does, or `"factor"` for what was computed from them."""
        used = {id(child): child for node in self.order(self.outputs) for child in node.inputs}
        return {
            identity: used[identity].name or "factor"
            for identity in self.arrays
            if identity in used
        }


_FRAME = ("stack", "column", "to_network", "to_float64", "standardise")
"""Operations that only a model's graph has."""


def model_graph(
    model: Model,
    kept: Container[str] = (),
    *,
    has: Collection[str] = (),
    target: str = "",
    interval: float | None = None,
) -> ModelGraph:
    """Bring a model to one graph.

    Parameters
    ----------
    kept : container of str
        The composite operations that the target has, such as `"erf"`; all
        others are rewritten in primitives.
    has : collection of str, optional
        The primitives that the target has: others are written in simpler
        ones. By default it has them all.
    target : str, optional
        What the target is called in messages.
    interval : float, optional
        The level of intervals or sets that the answer is to have.

    Raises
    ------
    FormulaError
        If a formula cannot be traced.
    SettingError
        If a layer looks at several rows at once, a part runs as it stands, or
        the model cannot give intervals of that level.
    """
    if interval is not None:
        model.check_level(model.level(interval))
    graph = new_graph()
    cells = Cells(graph)
    encoder = model.encoder
    if encoder is None:
        names = tuple(model.info.features)
        columns = [cells(name, "number") for name in names]
    else:
        names = tuple(encoding.name for encoding in encoder.columns)
        columns = encode(encoder, cells)
    x = graph.apply(TO_NETWORK, graph.apply(STACK, *columns))
    layers, outputs = [], []
    for prefix, network in _members(model):
        own = _layers(network, graph, x, prefix)
        outputs.append(own[-1][2] if own else x)
        layers += own
    answer = make_answer(model, cells, _average(model, graph, outputs), interval)
    roots = lower([x, *(symbol for *_, symbol in layers), *answer.symbols], kept)
    if has:
        roots = in_simpler(roots, {*has, *_FRAME}, target, cells.found)
    x, *lowered = roots
    layers = [
        (name, text, symbol) for (name, text, _), symbol in zip(layers, lowered, strict=False)
    ]
    answer = Answer(
        answer.targets, lowered[len(layers)], answer.classes, *lowered[len(layers) + 1 :]
    )
    whole = ModelGraph(
        model, names, graph, cells.found, tuple(model.info.features), x, layers, answer
    )
    _fold(whole)
    return whole


# --- layers --------------------------------------------------------------------------


def _members(model: Model) -> list[tuple[str, Network]]:
    """List the model's networks, each with what the names of its arrays begin with."""
    if len(model.networks) == 1:
        return [("", model.network)]
    return [(member_column(place, ""), each) for place, each in enumerate(model.networks)]


def _layers(
    network: Network, graph: Graph, x: Symbol, prefix: str
) -> list[tuple[str, str, Symbol]]:
    found = []
    for placed in network.placed:
        formula = trace_placed(placed, training=False).value
        labels: dict[str, Dimension] = {"N": "N", "D": x.shape[1], "C": x.shape[1]}
        made = {id(formula.inputs[0]): x}
        for own, symbol in zip(placed.arrays, formula.inputs[1:], strict=True):
            labels.update((dim, placed.sizes[dim]) for dim in map(str, symbol.shape)
                          if dim in placed.sizes)  # fmt: skip
            shape: Shape = tuple(labels.get(str(dim), dim) for dim in symbol.shape)
            made[id(symbol)] = graph.input(prefix + own.name, shape)
        put(walk([formula.written], made), made, graph, labels)
        before, x = x, made[id(formula.written)]
        if (wrong := mixed_rows(x, [before])) is not None:
            raise SettingError(
                f"layer {placed.part.text!r} ({placed.name}) looks at several rows at once "
                f"({wrong.operation.name}): what it gives for a row is not a formula of that row.\n"
                "Such a network cannot be exported; predict with nnplug."
            )
        if x is not before:
            found.append((prefix + placed.output_name, placed.part.text, x))
    return found


def _fold(whole: ModelGraph) -> None:
    """Compute what does not depend on the row."""
    given = {
        prefix + span.name: network[span.name]
        for prefix, network in _members(whole.model)
        for span in network.spans
    }
    by_row: set[int] = set()
    needed: dict[int, Symbol] = {}
    for symbol in walk([*whole.outputs, whole.input]):
        if symbol.operation.opaque:
            raise SettingError(
                f"{symbol.operation.name} runs as it stands, and is not traced: there is not a "
                "formula that another language could have.\n"
                "Use a part that is a formula. If it is your own, write it with NumPy's functions "
                "alone; nnplug plugins check says what is in the way."
            )
        if symbol.name in whole.cells or any(id(child) in by_row for child in symbol.inputs):
            by_row.add(id(symbol))
            for child in symbol.inputs:
                if id(child) not in by_row and not child.is_constant:
                    needed[id(child)] = child
    values = evaluate(list(needed.values()), given) if needed else []
    whole.arrays.update(zip(needed, values, strict=True))


# --- members -------------------------------------------------------------------------


def _average(model: Model, graph: Graph, outputs: Sequence[Symbol]) -> Symbol:
    """Average the outputs of the members, as `Model.average` does on arrays."""
    if len(outputs) == 1:
        return outputs[0]
    wide = [graph.apply(TO_FLOAT64, output) for output in outputs]
    scales = () if model.encoder is None else model.encoder.scales
    if any(scale.transform for scale in scales) and not model.loss.heads:
        columns = [
            mean_transformed(scale, [graph.apply(COLUMN, z, place=place) for z in wide])
            for place, scale in enumerate(scales)
        ]
        found = graph.apply(STACK, *columns)
    else:
        found = mean_output(model.head, wide)
    return graph.apply(TO_NETWORK, found)
