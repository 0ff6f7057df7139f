"""Parts' formulas and the derivatives found for them, for people to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nnplug.errors import FormulaError
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Graph, Operation, Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tidying import tidy
from nnplug.formulas.tracing import alike
from nnplug.parts.activation import Activation
from nnplug.parts.declared import Noise
from nnplug.parts.encoding import Encoding
from nnplug.parts.layer import Layer
from nnplug.parts.loss import Loss
from nnplug.parts.optimizer import Optimizer, optimizer
from nnplug.parts.part import Part, RowPart

__all__ = ["formulas", "has_bias_formula", "write_formulas"]

Writer = Callable[[Sequence[Symbol], Sequence[str]], str]


def write_formulas(part: Part, write: Writer = to_text) -> str:
    """Write a part's formula as its author wrote it, and its derivative as a textbook would.

    Parameters
    ----------
    part : Part
    write : callable, optional
        `to_text` or `to_mathml`.

    Returns
    -------
    str
        Several lines, with options by their names; empty for a kind of part
        that is not a traced formula.

    Raises
    ------
    FormulaError
        If it cannot be traced.
    """
    found = formulas(part)
    return write(*found) if found else ""


def formulas(part: Part) -> tuple[list[Symbol], list[str]] | None:
    """Trace what `write_formulas` writes: the symbols and their names."""
    graph = new_graph()
    names: dict[str, Any] = {
        key: graph.input(key) for key, value in part.options.items() if isinstance(value, float)
    }
    try:
        return _traced(replace(part, options={**part.options, **names}), graph)
    except FormulaError:  # it may branch on an option's value
        return _traced(part, new_graph())


def _traced(part: Part, graph: Graph) -> tuple[list[Symbol], list[str]] | None:
    if isinstance(part, Activation):
        if part.declared or part.branches:
            return _in_network(part, graph)
        x = graph.input("x", ("N", "C"))
        y = part.value(x)
        slope = part.slope(x, y)
        if slope is not None:
            return [y, *tidy([slope], [y])], ["y", "dy/dx"]
        given = graph.input("dL/dy", y.shape)
        return [y, *tidy([part.pull_back(x, y, given)], [y])], ["y", "dL/dx"]
    if isinstance(part, Loss):
        if part.heads:
            arguments, loss = part.by_name(graph)
            outputs, takes = arguments[:-1], part.heads
        else:
            output, target = part.inputs(graph)
            loss, outputs, takes = part.value(output, target), [output], (part.takes,)
        slopes = differentiate(loss, outputs, graph.constant(1.0))
        return [loss, *tidy(slopes, [loss])], ["loss", *(f"dloss/d{name}" for name in takes)]
    if isinstance(part, Optimizer):
        whole = _whole(part)
        shape: Shape = ("R", "C") if whole.states else ("P",)
        symbols = list(whole.update(graph, shape).outputs)
        names = [f"{name}'" for name in ("param", *part.slots)]
        if has_bias_formula(whole, graph):
            symbols = [*whole.update(graph, ("R", "C")).outputs, *symbols]
            names = [*names, *(f"bias {name}" for name in names)]
        if part.point is not None:
            *_, point = part.point_of(graph)
            symbols, names = [*symbols, point], [*names, "point"]
        return symbols, names
    if isinstance(part, Layer):
        return _in_network(part, graph)
    if isinstance(part, Encoding):
        shown = part.with_few_quantiles()
        inputs = shown.trace(*shown.example(graph))
        names = [f"input{place + 1}" for place in range(len(inputs))]
        return inputs, names if len(inputs) > 1 else ["input"]
    return None


def has_bias_formula(part: Optimizer, graph: Graph | None = None) -> bool:
    """Whether an optimizer computes something else for biases than for weight matrices.

    Parameters
    ----------
    graph : Graph, optional
        The graph of the options that are symbols, if some are.
    """
    if part.states or part.over == "vector":
        return False
    graph = graph or new_graph()
    bias, weight = (part.update(graph, shape) for shape in (("P",), ("R", "C")))
    return not alike(bias.outputs, weight.outputs)


_BASE = Operation("base", evaluate=lambda param, _: param, shape=lambda param, _: param)


@optimizer(name="base")
def _held(param: Any, grad: Any, *, learning_rate: float = 1.0) -> Any:
    return param.graph.apply(_BASE, param, grad)


def _whole(part: Optimizer) -> Optimizer:
    """Give an optimizer around another, but without it, one to hold, for printing."""
    return part.around(_held) if part.holds and part.base is None else part


_INNER = Operation("inner", evaluate=lambda x: x, shape=lambda x: x)
"""Stands for the layers that a layer holds, for printing."""


def _in_network(part: RowPart, graph: Graph) -> tuple[list[Symbol], list[str]]:
    """Trace a part in training, with its derivatives, and outside it if that differs."""
    x, arrays = part.arguments(graph)
    (y, new), (outside, _) = (
        part.trace(x, arrays, training=mode, inner=lambda rows: graph.apply(_INNER, rows))
        for mode in (True, False)
    )
    symbols, names = [y, *new.values()], ["y", *(f"{name}'" for name in new)]
    if part.branches:
        symbols, names = [*symbols, outside], [*names, "y outside training"]
    if isinstance(part, Layer) and part.holds:
        return symbols, names
    given = graph.input("dL/dy", y.shape)
    read = {id(node) for node in walk([y])}
    by = {
        name: symbol
        for name, symbol in {"x": x, **arrays}.items()
        if id(symbol) in read and not isinstance(part.arrays.get(name), Noise)
    }
    slopes = tidy(differentiate(y, list(by.values()), given), [y])
    return [*symbols, *slopes], [*names, *(f"dL/d{name}" for name in by)]
