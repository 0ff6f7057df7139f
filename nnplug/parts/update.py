"""One step of an optimizer, traced; and the step of the optimizer that it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnplug.errors import FormulaError
from nnplug.formulas.graph import Symbol, walk

__all__ = ["Base", "Update"]


@dataclass(frozen=True)
class Update:
    """An optimizer's formula, traced.

    Attributes
    ----------
    param, grad : Symbol
    slots : tuple of Symbol
        The state before the step.
    outputs : tuple of Symbol
        The new parameter, then the new slots.
    curvature : Symbol or None
        An estimate of the Hessian's diagonal, if the formula asks for it.
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
    """The argument `base` of an optimizer around another: it takes the held optimizer's step.

    Parameters
    ----------
    name, text : str
        The held optimizer's name, and its text form.
    step : callable
        `step(param, grad)` gives its new parameter and its new slots.

    Attributes
    ----------
    new : tuple of Symbol or None
        The new slots; None before the first call.

    Raises
    ------
    FormulaError
        If it is called a second time with other arguments: its state takes one step.
    """

    def __init__(
        self, name: str, text: str, step: Callable[[Symbol, Symbol], Sequence[Symbol]]
    ) -> None:
        self._name, self._text, self._step = name, text, step
        self._asked: tuple[Symbol, Symbol] | None = None
        self.new: tuple[Symbol, ...] | None = None

    def __call__(self, param: Symbol, grad: Symbol) -> Symbol:
        """Give the held optimizer's new parameter."""
        # A formula is traced more than once, on the same symbols: equal nodes are one node.
        asked = self._asked or (param, grad)
        if asked[0] is not param or asked[1] is not grad:
            raise FormulaError(
                "base is called a second time, with other arguments; a step of the held optimizer "
                f"{self._name!r} is one call.\nWay out: new = base(param, grad), once."
            )
        self._asked = asked
        new, *slots = self._step(param, grad)
        self.new = tuple(slots)
        return new

    def __repr__(self) -> str:
        return f"<base {self._text}>"
