"""Optimizers: how a gradient changes the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, overload

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Graph, Shape, Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import trace
from nnplug.parts.part import Part, build_part

__all__ = ["Optimizer", "Update", "optimizer"]

Over = Literal["auto", "tensor", "vector"]


@dataclass(frozen=True)
class Update:
    """An optimizer's formula, traced.

    Attributes
    ----------
    param, grad : Symbol
    slots : tuple of Symbol
        Its state before the step.
    outputs : tuple of Symbol
        The new parameter, then the new slots.
    """

    param: Symbol
    grad: Symbol
    slots: tuple[Symbol, ...]
    outputs: tuple[Symbol, ...]

    @property
    def elementwise(self) -> bool:
        """Whether each parameter is updated from its own numbers alone."""
        return all(
            node.operation.elementwise or node.operation.name == "broadcast_like"
            for node in walk(self.outputs)
            if not (node.is_input or node.is_constant)
        )


@dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Part):
    """One step: new parameters and new state from the old and the gradient.

    Attributes
    ----------
    slots : tuple of str
        The names of its state arrays, each of the parameter's shape, zero
        before the first step.
    over : str
        What a norm or a sum in the formula spans: `"tensor"`, each weight
        matrix and bias by itself, or `"vector"`, all parameters at once.
        `"auto"` is `"tensor"`. An elementwise formula has neither.
    """

    kind: ClassVar[str] = "optimizer"
    plural: ClassVar[str] = "optimizers"

    slots: tuple[str, ...] = ()
    over: Over = "auto"
    uses_step: bool = False

    @property
    def learning_rate(self) -> float:
        """The learning rate before any schedule."""
        return float(self.options["learning_rate"])

    def update(
        self, graph: Graph, shape: Shape = ("P",), options: Mapping[str, Any] | None = None
    ) -> Update:
        """Trace the formula for a parameter of some shape.

        Raises
        ------
        FormulaError
            If it cannot be traced, or does not return the new parameter and
            every slot in the parameter's shape.
        """
        param, grad = graph.input("param", shape), graph.input("grad", shape)
        slots = tuple(graph.input(slot, shape) for slot in self.slots)
        given: dict[str, Any] = {**self.options, **(options or {})}
        given["learning_rate"] = graph.input("learning_rate")
        if self.uses_step:
            given["step"] = graph.input("step")
        outputs = trace(
            self.function,
            [param, grad, *slots],
            given,
            name=f"optimizer {self.name!r}",
            traces=self.traces,
        )
        expected = ", ".join(("param", *self.slots))
        if len(outputs) != 1 + len(slots):
            raise FormulaError(
                f"optimizer {self.name!r}: {self.place}: it returns {len(outputs)} values.\n"
                f"Way out: return the new {expected}, in this order."
            )
        for name, output in zip(("param", *self.slots), outputs, strict=True):
            if output.dtype_kind == "bool":
                raise FormulaError(
                    f"optimizer {self.name!r}: {self.place}: the new {name} is truth values, "
                    "which the next step would add up in another way than numbers.\n"
                    "Way out: return numbers, such as np.where(condition, 1.0, 0.0)."
                )
            if output.shape not in (shape, ()):
                raise FormulaError(
                    f"optimizer {self.name!r}: {self.place}: the new {name} has shape "
                    f"{output.shape}, the old {shape}."
                )
        return Update(param, grad, slots, outputs)

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes, for vectors and matrices: see `Part.formula_texts`."""
        shapes: tuple[Shape, ...] = (("P",), ("R", "C")) if self.over != "vector" else (("P",),)
        updates = [self.update(new_graph(), shape) for shape in shapes]
        return [*(graph_text(each.outputs) for each in updates), *self.slots, self.over]


@overload
def optimizer(function: Callable[..., Any], /) -> Optimizer: ...
@overload
def optimizer(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    over: Over = "auto",
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Optimizer]: ...
def optimizer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    over: Over = "auto",
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make an optimizer from one step of its algorithm, in NumPy.

    `def name(param, grad, slot, ..., *, step, learning_rate=0.01, ...)`
    returns the new parameter, or a tuple of it and each new slot. `step`, if
    it is named, counts updates from 1.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    over : str, optional
        What norms and sums span; see `Optimizer.over`.
    expected_failures : mapping of str to str, optional
        See `nnplug.testing.run`.

    Raises
    ------
    PartError
        If the signature is another.
    """

    def check(names: tuple[str, ...]) -> str | None:
        if names[:2] != ("param", "grad"):
            return "an optimizer takes (param, grad, ...its state, *, learning_rate=...)"
        if {"step", "learning_rate"} & set(names):
            return "step and learning_rate stand after the *, since they are no state"
        return None

    def decorate(function: Callable[..., Any]) -> Optimizer:
        made = build_part(
            Optimizer,
            function,
            positional=check,
            reserved=("step",),
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
            over=over,
        )
        names = function.__code__.co_varnames
        if "learning_rate" not in made.defaults:
            raise PartError(
                f"{made.place}: optimizer {made.name!r}: it needs the option "
                "learning_rate with a default, after a *."
            )
        count = function.__code__.co_argcount + function.__code__.co_kwonlyargcount
        return replace(
            made,
            slots=tuple(names[2 : function.__code__.co_argcount]),
            uses_step="step" in names[:count],
        )

    return decorate if function is None else decorate(function)
