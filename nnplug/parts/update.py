"""An optimizer's formula, traced, and what one around another is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnplug.errors import FormulaError
from nnplug.formulas.graph import Symbol, walk

if TYPE_CHECKING:
    from nnplug.parts.optimizer import Optimizer

__all__ = ["Base", "Update"]


@dataclass(frozen=True)
class Update:
    """An optimizer's formula, traced.

    Attributes
    ----------
    param, grad : Symbol
    curvature : Symbol or None
        An estimate of the Hessian's diagonal, if the formula asks for it.
    slots : tuple of Symbol
        Its state before the step.
    outputs : tuple of Symbol
        The new parameter, then the new slots.
    """

    param: Symbol
    grad: Symbol
    slots: tuple[Symbol, ...]
    outputs: tuple[Symbol, ...]
    curvature: Symbol | None = None

    @property
    def elementwise(self) -> bool:
        """Whether each parameter is updated from its own numbers alone."""
        return all(
            node.operation.elementwise or node.operation.name == "broadcast_like"
            for node in walk(self.outputs)
            if not (node.is_input or node.is_constant)
        )


class Base:
    """What an optimizer around another is given: it makes the held one's step.

    Attributes
    ----------
    new : tuple of Symbol or None
        The held one's new slots; None before it is called.

    Raises
    ------
    FormulaError
        If it is called a second time with other arguments: its state takes one step.
    """

    def __init__(self, optimizer: Optimizer, slots: Sequence[Symbol]) -> None:
        self.optimizer, self.slots = optimizer, tuple(slots)
        self.new: tuple[Symbol, ...] | None = None
        self._asked: tuple[Symbol, Symbol] | None = None

    def __call__(self, param: Symbol, grad: Symbol) -> Symbol:
        """Give the held optimizer's new parameter."""
        part, graph = self.optimizer, param.graph
        # A formula is traced more than once, on the same symbols: equal nodes are one.
        asked = self._asked or (param, grad)
        if asked[0] is not param or asked[1] is not grad:
            raise FormulaError(
                "base is called a second time, with other arguments; a step of the held optimizer "
                f"{part.name!r} is one call.\nWay out: new = base(param, grad), once."
            )
        self._asked = asked
        given: dict[str, Any] = {"learning_rate": graph.input("learning_rate")}
        if part.uses_step:
            given["step"] = graph.input("step")
        if part.uses_curvature:
            given["curvature"] = graph.input("curvature", param.shape)
        own = self.slots[: len(part.own_slots)]
        inner = None
        if part.base is not None:
            inner = given["base"] = Base(part.base, self.slots[len(own) :])
            if "learning_rate" not in part.defaults:
                del given["learning_rate"]
        result = part(param, grad, *own, **given)
        new, *slots = result if isinstance(result, tuple) else (result,)
        self.new = (*map(graph.symbol, slots), *(inner.new or () if inner is not None else ()))
        return graph.symbol(new)

    def __repr__(self) -> str:
        return f"<base {self.optimizer.text}>"
