"""Losses: what training makes small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, overload

import numpy as np

from nnplug.errors import FormulaError, PartError, ShapeError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import mixed_rows, trace
from nnplug.parts.part import Part, build_part

__all__ = ["Loss", "loss"]

Reduction = Literal["mean", "sum"]

_TAKES = ("prediction", "logits", "probabilities")
_AGAINST = ("target", "labels")


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Part):
    """The error of each element or row, before it is averaged.

    Attributes
    ----------
    takes : str
        What its first argument is, by that argument's name: `"prediction"`,
        `"logits"` (unnormalised scores) or `"probabilities"`.
    against : str
        What its second argument is: `"target"`, an array of the same shape,
        or `"labels"`, the class of each row as an integer, shape (N, 1).
    reduction : str
        `"mean"` over all that the formula returns, or `"sum"`.
    """

    kind: ClassVar[str] = "loss"
    plural: ClassVar[str] = "losses"

    takes: str = "prediction"
    against: str = "target"
    reduction: Reduction = "mean"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Compute the error of each element or row.

        Raises
        ------
        ShapeError
            If prediction and target differ in shape, or labels are not one
            for each row, (N, 1). Nothing is broadcast: (N, 1) against (N,)
            would silently be N² errors.
        """
        if len(arguments) == 2:
            first, second = map(np.shape, arguments)
            labels = self.against == "labels"
            wanted = (*first[:-1], 1) if labels else first
            if second != wanted:
                raise ShapeError(
                    f"loss {self.name!r}: {self.takes} has shape {first} and {self.against} "
                    f"{second}; {self.against} must have shape {wanted}.\n"
                    "Nothing is broadcast; reshape one of them."
                )
        return super().__call__(*arguments, **options)

    def inputs(self, graph: Graph) -> tuple[Symbol, Symbol]:
        """Make the symbols of its two arguments."""
        output = graph.input(self.takes, ("N", "C"))
        if self.against == "labels":
            return output, graph.input("labels", ("N", 1), "int")
        return output, graph.input("target", ("N", "C"))

    def value(self, output: Symbol, target: Symbol) -> Symbol:
        """Trace the formula.

        Returns
        -------
        Symbol
            The errors: shape (N, C) for an elementwise loss, (N, 1) or (N,)
            for one over rows.

        Raises
        ------
        FormulaError
            If it cannot be traced, or mixes rows.
        """
        outputs = trace(
            self.function,
            [output, target],
            self.options,
            name=f"loss {self.name!r}",
            traces=self.traces,
        )
        if len(outputs) != 1 or outputs[0].shape[:1] != ("N",):
            shapes = ", ".join(str(each.shape) for each in outputs)
            raise FormulaError(
                f"loss {self.name!r}: {self.place}: it returns {shapes}; a loss returns the "
                "error of each element, (N, C), or row, (N, 1), and nnplug averages them.\n"
                "Way out: leave out the mean, or sum over axis=-1 with keepdims=True."
            )
        if mixed_rows(outputs[0], [output, target]) is not None:
            raise FormulaError(
                f"loss {self.name!r}: {self.place}: the error of a row depends on other rows.\n"
                "Way out: keep every row by itself; reduce with axis=-1, keepdims=True."
            )
        return outputs[0]

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        errors = self.value(*self.inputs(new_graph()))
        return [graph_text([errors]), self.takes, self.against, self.reduction]


@overload
def loss(function: Callable[..., Any], /) -> Loss: ...
@overload
def loss(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    reduction: Reduction = "mean",
) -> Callable[[Callable[..., Any]], Loss]: ...
def loss(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    reduction: Reduction = "mean",
) -> Any:
    """Make a loss from a formula in NumPy.

    The formula's two arguments say by their names what it takes: first
    `prediction`, `logits` or `probabilities`, of shape (N, C), then `target`,
    of the same shape, or `labels`, class indices of shape (N, 1). It returns
    the error of each element or row; nnplug averages, or sums, and
    differentiates that very number.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    reduction : str, optional
        `"mean"`, or `"sum"` over everything.

    Raises
    ------
    PartError
        If the arguments are named otherwise.

    Examples
    --------
    >>> @loss
    ... def quartic(prediction, target):
    ...     "Fourth power of the error."
    ...     return (prediction - target) ** 4
    >>> float(quartic(3.0, 1.0))
    16.0
    """

    def check(names: tuple[str, ...]) -> str | None:
        if len(names) == 2 and names[0] in _TAKES and names[1] in _AGAINST:
            return None
        return (
            f"its arguments must be named ({' | '.join(_TAKES)}, {' | '.join(_AGAINST)}), "
            "which says what it takes"
        )

    def decorate(function: Callable[..., Any]) -> Loss:
        if reduction not in ("mean", "sum"):
            raise PartError(f"loss: reduction={reduction!r} is neither 'mean' nor 'sum'.")
        made = build_part(
            Loss, function, positional=check, name=name, aliases=aliases, reduction=reduction
        )
        takes, against = function.__code__.co_varnames[:2]
        object.__setattr__(made, "takes", takes)
        object.__setattr__(made, "against", against)
        return made

    return decorate if function is None else decorate(function)
