"""What an optimizer's formula reaches: elements, each array, or all parameters at once."""

from __future__ import annotations

from typing import Any, Literal

from nnplug.errors import PartError
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tracing import alike, trace
from nnplug.parts.update import Update

__all__ = ["Over", "joined_over"]

Over = Literal["auto", "tensor", "vector"]
"""What a norm or a sum spans: see `Optimizer.over`."""


def joined_over(outer: Any, base: Any) -> Over:
    """Give what norms and sums span in an optimizer around another.

    Parameters
    ----------
    outer, base : Optimizer
        Its module imports this one.

    Raises
    ------
    PartError
        If one spans all parameters at once, and the other each array by itself.
    """
    chain = (outer, *base.chain)
    at_once = next((part for part in chain if part.over == "vector"), None)
    if at_once is None:
        own: Over = outer.over
        return own
    for part in chain:
        if _own_reach(part) == "tensor":
            raise PartError(
                f"optimizer {part.name!r} takes each weight matrix and each bias by itself, and "
                f"optimizer {at_once.name!r} all parameters at once; a step is one or the other.\n"
                "Leave out one of the two."
            )
    return "vector"


def _own_reach(part: Any) -> Literal["element", "tensor", "vector"]:
    if part.over == "vector":
        return "vector"
    if part.declared:
        return "tensor"
    bias, weight = (_alone(part, shape) for shape in (("P",), ("R", "C")))
    same = bias.elementwise and alike(bias.outputs, weight.outputs)
    return "element" if same else "tensor"


def _alone(part: Any, shape: Shape) -> Update:
    """Trace a formula around plain descent, which is elementwise."""
    graph = new_graph()
    param, grad, *slots = (graph.input(name, shape) for name in ("param", "grad", *part.own_slots))
    given: dict[str, Any] = {}
    if "learning_rate" in part.defaults:
        given["learning_rate"] = graph.input("learning_rate")
    if part.uses_step:
        given["step"] = graph.input("step")
    if part.uses_curvature:
        given["curvature"] = graph.input("curvature", shape)
    if part.holds:
        given["base"] = lambda param, grad: param - grad
    name = f"optimizer {part.name!r}"
    options = {**part.options, **given}
    outputs = trace(part.function, [param, grad, *slots], options, name=name, traces=part.traces)
    return Update(param, grad, tuple(slots), outputs)
