"""A part's formula and the derivative that was found for it, for a person to read."""

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
from nnplug.parts.activation import Activation
from nnplug.parts.declared import Noise
from nnplug.parts.layer import Layer
from nnplug.parts.loss import Loss
from nnplug.parts.optimizer import Optimizer, optimizer
from nnplug.parts.part import Part

__all__ = ["formulas", "write_formulas"]

Writer = Callable[[Sequence[Symbol], Sequence[str]], str]


def write_formulas(part: Part, write: Writer = to_text) -> str:
    """Write a part's formula as its author has it, and its derivative as a textbook has it.

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
    """Trace what `write_formulas` writes: symbols, and what each is called."""
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
        x = graph.input("x", ("N", "C"))
        if part.declared or part.branches:
            return _with_arrays(part, x)
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
        if part.point is not None:
            *_, point = part.point_of(graph)
            symbols, names = [*symbols, point], [*names, "point"]
        return symbols, names
    if isinstance(part, Layer):
        return _layer(part, graph)
    return None


_BASE = Operation("base", evaluate=lambda param, _: param, shape=lambda param, _: param)


@optimizer(name="base")
def _held(param: Any, grad: Any, *, learning_rate: float = 1.0) -> Any:
    return param.graph.apply(_BASE, param, grad)


def _whole(part: Optimizer) -> Optimizer:
    """Give an optimizer around another, which holds none, one to hold, for the eye."""
    return part.around(_held) if part.holds and part.base is None else part


def _with_arrays(part: Activation, x: Symbol) -> tuple[list[Symbol], list[str]]:
    """Trace an activation that is given more than its sums, in training and outside."""
    graph = x.graph
    arrays = {name: graph.input(name, each.shape) for name, each in part.arrays.items()}
    told: list[dict[str, Any]] = [{"training": mode} for mode in (True, False)]
    if not part.branches:
        told = [{}]
    values = [part.value(x, {**arrays, **mode}) for mode in told]
    given = graph.input("dL/dy", values[0].shape)
    by = {
        name: symbol
        for name, symbol in {"x": x, **arrays}.items()
        if not isinstance(part.arrays.get(name), Noise)
    }
    slopes = tidy(differentiate(values[0], list(by.values()), given), values[:1])
    names = ["y", "y outside training"][: len(values)]
    return [*values, *slopes], [*names, *(f"dL/d{name}" for name in by)]


_INNER = Operation("inner", evaluate=lambda x: x, shape=lambda x: x)
"""What a layer around layers is given, for the eye."""


def _layer(part: Layer, graph: Graph) -> tuple[list[Symbol], list[str]]:
    """Trace a layer in training, with its derivatives, and outside if that is another formula."""
    x = graph.input("x", ("N", "D"))
    arrays = {name: graph.input(name, each.shape) for name, each in part.arrays.items()}
    (y, new), (outside, _) = (
        part.trace(x, arrays, training=mode, inner=lambda rows: graph.apply(_INNER, rows))
        for mode in (True, False)
    )
    symbols, names = [y, *new.values()], ["y", *(f"{name}'" for name in new)]
    if part.branches:
        symbols, names = [*symbols, outside], [*names, "y outside training"]
    if part.holds:
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
