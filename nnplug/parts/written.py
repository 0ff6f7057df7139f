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
from nnplug.formulas.tidying import tidy
from nnplug.parts.activation import Activation
from nnplug.parts.declared import Noise
from nnplug.parts.layer import Layer
from nnplug.parts.loss import Loss
from nnplug.parts.optimizer import Optimizer
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
        y = part.value(x)
        slope = part.slope(x, y)
        if slope is not None:
            return [y, *tidy([slope], [y])], ["y", "dy/dx"]
        given = graph.input("dL/dy", y.shape)
        return [y, *tidy([part.pull_back(x, y, given)], [y])], ["y", "dL/dx"]
    if isinstance(part, Loss):
        output, target = part.inputs(graph)
        loss = part.value(output, target)
        slopes = differentiate(loss, [output], graph.constant(1.0))
        return [loss, *tidy(slopes, [loss])], ["loss", f"dloss/d{part.takes}"]
    if isinstance(part, Optimizer):
        outputs = part.update(graph).outputs
        return list(outputs), [f"{name}'" for name in ("param", *part.slots)]
    if isinstance(part, Layer):
        return _layer(part, graph)
    return None


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
