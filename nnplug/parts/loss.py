"""Losses: the errors that training minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Unpack, overload

import numpy as np

from nnplug.errors import FormulaError, PartError, ShapeError
from nnplug.formulas.digest import code_text, graph_text
from nnplug.formulas.graph import Graph, Symbol, walk
from nnplug.formulas.kinds import as_number
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.refusal import call_author
from nnplug.formulas.tracing import mixed_rows, put, trace
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part
from nnplug.parts.targets import Link, Targets, find_link, find_targets
from nnplug.types import AnyArray

__all__ = ["Loss", "loss"]

Reduction = Literal["mean", "sum"]
Over = Literal["row", "batch"]

_TAKES = ("prediction", "logits", "probabilities")
_AGAINST = ("target", "labels")


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Part):
    """The error of each element or row, before it is averaged.

    Attributes
    ----------
    takes : str
        The name of its first argument: `"prediction"`, `"logits"`
        (unnormalised scores) or `"probabilities"`.
    against : str
        The name of its second argument: `"target"`, an array of the same
        shape, or `"labels"`, the class of each row as an integer, shape (N, 1).
    reduction : str
        `"mean"` over all values that the formula returns, or `"sum"`.
    link : str
        The function that turns the mean of the target into the first argument:
        `"identity"`, `"log"`, `"logit"` or `"softmax"`. A prediction is the
        mean, so it inverts the link.
    targets : str
        The targets that it is for: see `nnplug.parts.targets.TARGETS`.
    over : str
        `"row"` if an error depends on its own row alone, `"batch"` if on all
        rows of the batch.
    heads : tuple of str
        The names of the outputs that it takes for each target; empty if it
        takes a single one.
    predict : callable or None
        Computes the prediction from those outputs; None: it is the first.
    interval : callable or None
        `interval(*outputs, level)` gives the bounds within which a target lies
        with probability `level`.
    """

    kind: ClassVar[str] = "loss"
    plural: ClassVar[str] = "losses"

    takes: str = "prediction"
    against: str = "target"
    reduction: Reduction = "mean"
    link: Link = "identity"
    targets: Targets = "real"
    over: Over = "row"
    heads: tuple[str, ...] = ()
    predict: Callable[..., Any] | None = None
    interval: Callable[..., Any] | None = None

    @property
    def outputs_for_each(self) -> int:
        """The number of outputs for each target."""
        return max(len(self.heads), 1)

    def split(self, outputs: AnyArray) -> list[AnyArray]:
        """Split the outputs, (N, k·C), into k arrays (N, C), one for each name."""
        return np.split(outputs, self.outputs_for_each, axis=-1)

    def predicted(self, outputs: AnyArray) -> AnyArray:
        """Give the prediction, (N, C), from the outputs, before the link is inverted."""
        if not self.heads:
            return outputs
        heads = self.split(outputs)
        if self.predict is None:
            return heads[0]
        return np.asarray(call_author(f"loss {self.name!r}", self.predict, *heads))

    def bounds(self, outputs: AnyArray, level: float) -> tuple[AnyArray, AnyArray]:
        """Give the bounds within which targets lie with a probability, each (N, C).

        Raises
        ------
        PartError
            If the loss gives no intervals.
        """
        if self.interval is None:
            raise PartError(
                f"loss {self.name!r} gives no intervals.\nA loss that takes several outputs may: "
                "@nnplug.loss(interval=...)."
            )
        heads = self.split(outputs)
        lower, upper = call_author(f"loss {self.name!r}", self.interval, *heads, level)
        return np.asarray(lower), np.asarray(upper)

    @property
    def by_row(self) -> bool:
        """Whether the outputs of a row are shares that sum to 1."""
        return self.link == "softmax" or self.targets == "distribution"

    @property
    def for_numbers(self) -> bool:
        """Whether it is for quantities only, and not for classes."""
        return self.link == "log" or self.targets in ("nonnegative", "positive", "count")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Compute the error of each element or row.

        Raises
        ------
        ShapeError
            If prediction and target differ in shape, or labels are not of
            shape (N, 1). Nothing is broadcast: (N, 1) against (N,) would
            silently give N² errors.
        """
        if self.heads:
            if len(arguments) == 2:
                arguments = (*self.split(np.asarray(arguments[0])), arguments[1])
            if len(set(map(np.shape, arguments))) > 1:
                names = (*self.heads, "target")
                shapes = [
                    f"{name} {np.shape(x)}" for name, x in zip(names, arguments, strict=False)
                ]
                raise ShapeError(
                    f"loss {self.name!r}: its arguments differ in shape: {', '.join(shapes)}.\n"
                    "Nothing is broadcast; reshape some of them."
                )
        elif len(arguments) == 2:
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
        """Make the symbols of outputs and targets; several outputs are one array, (N, k·C)."""
        if self.heads:
            return graph.input(self.takes, ("N", "K")), graph.input("target", ("N", "C"))
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
        if self.heads:
            return self._of_heads(output, target)
        outputs = trace(
            self.function,
            [output, target],
            self.options,
            name=f"loss {self.name!r}",
            traces=self.traces,
        )
        return self._errors(outputs, [output, target])

    def _of_heads(self, output: Symbol, target: Symbol) -> Symbol:
        """Trace the formula on its outputs by name, and apply it to one array of all outputs."""
        graph = output.graph
        arguments, errors = self.by_name(new_graph())
        blocks = [
            graph.apply(graph.operations["columns"], output, target, place=place)
            for place in range(len(self.heads))
        ]
        made: dict[int, Symbol] = {
            id(mine): x for mine, x in zip(arguments, [*blocks, target], strict=True)
        }
        put(walk([errors], made), made, graph, {"C": target.shape[-1]})
        return made[id(errors)]

    def by_name(self, graph: Graph) -> tuple[list[Symbol], Symbol]:
        """Trace the formula of a loss that takes several outputs, each as its own array (N, C).

        Returns
        -------
        list of Symbol
            The outputs by their names, and the target.
        Symbol
            The errors.
        """
        arguments = [graph.input(name, ("N", "C")) for name in (*self.heads, "target")]
        traced = trace(
            self.function, arguments, self.options, name=f"loss {self.name!r}", traces=self.traces
        )
        return arguments, self._errors(traced, arguments)

    def _errors(self, outputs: Sequence[Symbol], arguments: Sequence[Symbol]) -> Symbol:
        """Check the formula's value, and give the errors."""
        output = arguments[0]
        if len(outputs) == 1 and self.over == "batch" and outputs[0].shape in ((), (1,), (1, 1)):
            # One number for the batch: each row's error is that number.
            rows = output.graph.call("sum", output, axis=-1, keepdims=True)
            return output.graph.call("broadcast_like", as_number(outputs[0]), rows)
        if len(outputs) != 1 or outputs[0].shape[:1] != ("N",) or "N" in outputs[0].shape[1:]:
            shapes = ", ".join(str(value.shape) for value in outputs)
            raise FormulaError(
                f"loss {self.name!r}: {self.place}: it returns {shapes}; a loss returns the "
                "error of each element, (N, C), or row, (N, 1), and nnplug averages them.\n"
                "Way out: leave out the mean, or sum over axis=-1 with keepdims=True."
            )
        if self.over == "row" and mixed_rows(outputs[0], arguments) is not None:
            raise FormulaError(
                f"loss {self.name!r}: {self.place}: the error of a row depends on other rows.\n"
                "Way out: compute every row by itself; reduce with axis=-1, keepdims=True. Or "
                'declare that it is over all rows of a batch: @nnplug.loss(over="batch").'
            )
        return as_number(outputs[0])

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        errors = self.value(*self.inputs(new_graph()))
        texts: list[str | None] = [
            graph_text([errors]),
            self.takes,
            self.against,
            self.reduction,
            self.link,
        ]
        if self.heads:
            texts += [*self.heads, code_text(self.predict), code_text(self.interval)]
        return [*texts, self.over] if self.over != "row" else [*texts]


@overload
def loss(function: Callable[..., Any], /) -> Loss: ...
@overload
def loss(
    *,
    reduction: Reduction = "mean",
    link: Link | None = None,
    targets: Targets | None = None,
    over: Over = "row",
    predict: Callable[..., Any] | None = None,
    interval: Callable[..., Any] | None = None,
    **naming: Unpack[Naming],
) -> Callable[[Callable[..., Any]], Loss]: ...
def loss(
    function: Callable[..., Any] | None = None,
    /,
    *,
    reduction: Reduction = "mean",
    link: Link | None = None,
    targets: Targets | None = None,
    over: Over = "row",
    predict: Callable[..., Any] | None = None,
    interval: Callable[..., Any] | None = None,
    **naming: Unpack[Naming],
) -> Any:
    """Make a loss from a formula in NumPy.

    The names of the formula's two arguments say what it takes: first
    `prediction`, `logits` or `probabilities`, of shape (N, C), then `target`,
    of the same shape, or `labels`, class indices of shape (N, 1). Or it takes
    several outputs for each target, by names of its own, and then `target`:
    `def gaussian_nll(mean, log_variance, target)`. It returns the error of each
    element or row; nnplug averages or sums them, and differentiates exactly
    that number.

    Parameters
    ----------
    reduction : str, optional
        `"mean"`, or `"sum"` over everything.
    link : str, optional
        The function that turns the mean of the target into the first argument.
        A `prediction` is the mean itself, `"identity"`, unless this says
        `"log"`, `"logit"` or `"softmax"`. `logits` have `"softmax"` with
        labels and otherwise `"logit"`, or `"softmax"` if this says so.
    targets : str, optional
        What the targets are: `"real"`, `"nonnegative"`, `"positive"`,
        `"count"`, `"unit"` (from 0 to 1), `"binary"` (0 or 1) or
        `"distribution"` (rows that sum to 1). By default those that suit the
        link. Other targets are refused before training.
    over : str, optional
        `"batch"` if the error of a row depends on the other rows of its
        batch, as where pairs of rows are compared. The formula may then
        return one number for the batch. The loss of the validation rows is
        over all of them, up to 4,096 at a time.
    predict : callable, optional
        For a loss that takes several outputs: `predict(*outputs)` gives the
        prediction, (N, C). By default it is the first of them.
    interval : callable, optional
        For the same: `interval(*outputs, level)` gives a lower and an upper
        bound within which a target lies with probability `level`. As for the
        prediction, the link is inverted afterwards.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the arguments are named otherwise, or link and targets do not go
        together.

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
        if len(names) > 2 and names[-1] == "target" and not {*names} & {*_TAKES, "labels"}:
            return None
        return (
            f"its arguments must be named ({' | '.join(_TAKES)}, {' | '.join(_AGAINST)}), "
            "which says what it takes, or be several outputs by names of their own, then target"
        )

    def decorate(function: Callable[..., Any]) -> Loss:
        if reduction not in ("mean", "sum"):
            raise PartError(f"loss: reduction={reduction!r} is neither 'mean' nor 'sum'.")
        if over not in ("row", "batch"):
            raise PartError(f"loss: over={over!r} is neither 'row' nor 'batch'.")
        made = build_part(
            Loss,
            function,
            positional=check,
            naming=naming,
            reduction=reduction,
            over=over,
        )
        arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
        heads = arguments[:-1] if len(arguments) > 2 else ()
        takes, against = ("prediction", "target") if heads else arguments[:2]
        if (predict or interval) and not heads:
            raise PartError(
                f"{made.place}: loss {made.name!r}: predict and interval are for a loss that takes "
                "several outputs, as (mean, log_variance, target)."
            )
        try:
            chosen = find_link(link, takes, against)
            kind = find_targets(targets, chosen, takes, against)
        except PartError as error:
            raise PartError(f"{made.place}: loss {made.name!r}: {error}") from None
        return replace(
            made, takes=takes, against=against, link=chosen, targets=kind,
            heads=heads, predict=predict, interval=interval,
        )  # fmt: skip

    return decorate if function is None else decorate(function)
