"""Optimizers: how a gradient changes the parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, overload

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tracing import trace
from nnplug.parts.declared import State
from nnplug.parts.part import OptionValue, Part, build_part, declarations
from nnplug.parts.update import Base, Update

__all__ = ["Optimizer", "Update", "optimizer"]

Over = Literal["auto", "tensor", "vector"]


@dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Part):
    """One step: new parameters and new state from the old and the gradient.

    Attributes
    ----------
    own_slots : tuple of str
        The names of its state arrays: of the parameter's shape and zero
        before the first step, if they are not declared otherwise.
    declared : mapping of str to State
        Those of another shape or start.
    evaluate : str
        The slot that holds the weights to predict with; empty: the parameters.
    point : callable or None
        `point(param, grad)` gives the parameters at which the gradient is
        taken that the formula is given; None: where they are.
    holds : bool
        Whether it is an optimizer around another: it is given a function, `base`.
    base : Optimizer or None
        The one that this instance holds.
    over : str
        What a norm or a sum in the formula spans: `"tensor"`, each weight
        matrix and bias by itself, or `"vector"`, all parameters at once.
        `"auto"` is `"tensor"`. An elementwise formula has neither.
    """

    kind: ClassVar[str] = "optimizer"
    plural: ClassVar[str] = "optimizers"

    own_slots: tuple[str, ...] = ()
    declared: Mapping[str, State] = field(default_factory=dict)
    over: Over = "auto"
    uses_step: bool = False
    uses_curvature: bool = False
    evaluate: str = ""
    point: Callable[..., Any] | None = None
    holds: bool = False
    base: Optimizer | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of its state arrays, then those of the optimizer that it holds."""
        inner = () if self.base is None else self.base.slots
        return (*self.own_slots, *(f"{self._inner}.{slot}" for slot in inner))

    @property
    def _inner(self) -> str:
        return "" if self.base is None else self.base.name

    @property
    def states(self) -> dict[str, State]:
        """What is declared of slots, by their names; the others are as parameters, from 0."""
        inner = {} if self.base is None else self.base.states
        return {**self.declared, **{f"{self._inner}.{name}": each for name, each in inner.items()}}

    @property
    def asks_curvature(self) -> bool:
        """Whether it, or one that it holds, asks for the Hessian's diagonal."""
        return any(each.uses_curvature for each in self.chain)

    @property
    def chain(self) -> tuple[Optimizer, ...]:
        """The optimizer, the one that it holds, and so on."""
        return (self, *(() if self.base is None else self.base.chain))

    @property
    def moved(self) -> Optimizer | None:
        """The one of the chain that is given the gradient at another point."""
        return next((each for each in self.chain if each.point is not None), None)

    @property
    def shown(self) -> str:
        """The slot with the weights to predict with, of the outermost that has one; or empty."""
        if self.evaluate or self.base is None:
            return self.evaluate
        return f"{self._inner}.{self.base.shown}" if self.base.shown else ""

    @property
    def chained(self) -> str:
        """The names of the chain, as `lookahead[adam]`."""
        return self.name if self.base is None else f"{self.name}[{self.base.chained}]"

    @property
    def text(self) -> str:
        """The text form, with the optimizer that it holds in brackets."""
        return super().text if self.base is None else f"{super().text}[{self.base.text}]"

    def around(self, base: Optimizer) -> Optimizer:
        """Make this optimizer around another.

        Raises
        ------
        PartError
            If it holds none, or both ask for the gradient at another point.
        """
        if not self.holds:
            raise PartError(f"optimizer {self.name!r} holds no other; leave out the brackets.")
        if self.point is not None and base.moved is not None:
            raise PartError(
                f"optimizer {self.name!r} and optimizer {base.moved.name!r}, which it holds, both "
                "ask for the gradient at another point, and a step takes one.\n"
                "Leave out one of the two."
            )
        return replace(self, base=base)

    def with_options(self, /, **values: OptionValue) -> Optimizer:
        """Make this optimizer with other values; the learning rate may be the held one's.

        Raises
        ------
        OptionError
            See `Part.with_options`.
        """
        if self.base is not None and "learning_rate" not in self.defaults:
            rate = values.pop("learning_rate", None)
            if rate is not None:
                made = super().with_options(**values)
                return replace(made, base=self.base.with_options(learning_rate=rate))
        if "learning_rate" in values:
            self._check_held()
        return super().with_options(**values)

    def _check_held(self) -> None:
        if self.holds and self.base is None:
            way = f"write it in brackets, as in {self.name}[adam]."
            raise PartError(f"optimizer {self.name!r} holds another: {way}")

    @property
    def learning_rate(self) -> float:
        """The learning rate before any schedule."""
        if self.base is not None and "learning_rate" not in self.options:
            return self.base.learning_rate
        self._check_held()
        return float(self.options["learning_rate"])

    def point_of(self, graph: Graph) -> tuple[Symbol, Symbol, Symbol]:
        """Trace where the second gradient is taken: the parameters, their gradient, the point.

        Raises
        ------
        FormulaError
            If it cannot be traced, or gives another shape.
        """
        assert self.point is not None
        param, grad = graph.input("param", ("P",)), graph.input("grad", ("P",))
        known = inspect.signature(self.point).parameters
        given = {key: value for key, value in self.options.items() if key in known}
        name = f"optimizer {self.name!r}, its point"
        outputs = trace(self.point, [param, grad], given, name=name, traces=self.traces)
        if len(outputs) != 1 or outputs[0].shape != ("P",):
            raise FormulaError(
                f"{name}: {self.place}: it gives {len(outputs)} values, the first of shape "
                f"{outputs[0].shape}.\nWay out: return the parameters to go to, as param + grad."
            )
        return param, grad, outputs[0]

    @property
    def usual_rate(self) -> float:
        """The learning rate that it, or the one that it holds, has by default."""
        if self.base is not None and "learning_rate" not in self.defaults:
            return self.base.usual_rate
        return float(self.defaults["learning_rate"])

    def slot_shape(self, slot: str, shape: Shape) -> Shape:
        """Give a slot's shape for a parameter of a shape."""
        state = self.states.get(slot)
        if state is None:
            return shape
        labels = dict(zip(("R", "C"), shape, strict=False))
        return tuple(labels.get(str(dim), dim) for dim in state.shape)

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
        slots = tuple(graph.input(slot, self.slot_shape(slot, shape)) for slot in self.slots)
        own = slots[: len(self.own_slots)]
        given: dict[str, Any] = {**self.options, **(options or {})}
        if "learning_rate" in self.defaults:
            given["learning_rate"] = graph.input("learning_rate")
        if self.uses_step:
            given["step"] = graph.input("step")
        curvature = graph.input("curvature", shape) if self.asks_curvature else None
        if self.uses_curvature:
            given["curvature"] = curvature
        base = None
        if self.holds:
            self._check_held()
            assert self.base is not None
            self.base.update(new_graph(), shape)  # what is wrong with it is said of it alone
            base = given["base"] = Base(self.base, slots[len(own) :])
        outputs = trace(
            self.function,
            [param, grad, *own],
            given,
            name=f"optimizer {self.name!r}",
            traces=self.traces,
        )
        expected = ", ".join(("param", *self.own_slots))
        if len(outputs) != 1 + len(own):
            raise FormulaError(
                f"optimizer {self.name!r}: {self.place}: it returns {len(outputs)} values.\n"
                f"Way out: return the new {expected}, in this order."
            )
        if base is not None:
            if base.new is None:
                raise FormulaError(
                    f"optimizer {self.name!r}: {self.place}: it does not call base.\n"
                    "Way out: new = base(param, grad)."
                )
            outputs = (*outputs, *base.new)
        shapes = [shape, *(symbol.shape for symbol in slots)]
        for name, output, wanted in zip(("param", *self.slots), outputs, shapes, strict=True):
            if output.dtype_kind == "bool":
                raise FormulaError(
                    f"optimizer {self.name!r}: {self.place}: the new {name} is truth values, "
                    "which the next step would add up in another way than numbers.\n"
                    "Way out: return numbers, such as np.where(condition, 1.0, 0.0)."
                )
            if output.shape not in (wanted, ()):
                raise FormulaError(
                    f"optimizer {self.name!r}: {self.place}: the new {name} has shape "
                    f"{output.shape}, the old {wanted}."
                )
        return Update(param, grad, slots, outputs, curvature)

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes, for vectors and matrices: see `Part.formula_texts`."""
        shapes: tuple[Shape, ...] = (("P",), ("R", "C")) if self.over != "vector" else (("P",),)
        if self.states:
            shapes = (("R", "C"),)
        updates = [self.update(new_graph(), shape) for shape in shapes]
        texts = [*(graph_text(each.outputs) for each in updates), *self.slots, self.over]
        if self.moved is not None:
            texts.append(graph_text([self.moved.point_of(new_graph())[2]]))
        if self.shown:
            texts.append(f"evaluated at {self.shown}")
        return [*texts, repr(sorted(self.states.items()))] if self.states else [*texts]


@overload
def optimizer(function: Callable[..., Any], /) -> Optimizer: ...
@overload
def optimizer(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    over: Over = "auto",
    evaluate: str = "",
    point: Callable[..., Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Optimizer]: ...
def optimizer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    over: Over = "auto",
    evaluate: str = "",
    point: Callable[..., Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make an optimizer from one step of its algorithm, in NumPy.

    `def name(param, grad, slot, ..., *, step, learning_rate=0.01, ...)`
    returns the new parameter, or a tuple of it and each new slot. `step`, if
    it is named, counts updates from 1. A slot is as the parameter and 0 before
    the first step, or what its default says: `row=state("R", 1)` is a number
    for each row; the parameters are then given as matrices, biases as columns.
    `curvature`, if it is named, is an estimate of the diagonal of the loss's
    Hessian, of the parameter's shape: z·(H·z) for signs z that are drawn anew
    for each step (Hutchinson, 1990; penalties do not count).
    An optimizer around another is given `base`, after the `*`: `base(param,
    grad)` is the other's new parameter.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    over : str, optional
        What norms and sums span; see `Optimizer.over`.
    point : callable, optional
        `point(param, grad, **options)`, over all parameters as one vector,
        shape (P,): where to take the gradient that the formula is given. A
        step then takes two: the first where the parameters are, for `point`.
        Its options are those of the optimizer, by their names.
    evaluate : str, optional
        The slot that holds the weights to predict with, such as an average of
        those of many steps. Validation, predictions and the model take them;
        training goes on with the parameters.
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
            declared=declarations(function, "optimizer", (State,)),
            reserved=("step", "base", "curvature"),
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
            over=over,
            evaluate=evaluate,
            point=point,
        )
        arguments = inspect.signature(function).parameters
        names = list(arguments)
        own = [
            name for name in names[2:] if arguments[name].kind is not inspect.Parameter.KEYWORD_ONLY
        ]
        holds = "base" in names
        if evaluate and (evaluate not in own or evaluate in made.declared):
            raise PartError(
                f"{made.place}: optimizer {made.name!r}: evaluate={evaluate!r} is none of its "
                "slots of the parameter's shape."
            )
        for slot, each in made.declared.items():
            if wrong := [dim for dim in each.shape if dim not in ("R", "C", 1)]:
                raise PartError(
                    f"{made.place}: optimizer {made.name!r}: {slot} has a dimension {wrong[0]!r}; "
                    'an optimizer\'s state has "R" and "C", the rows and columns of a parameter, '
                    "and 1."
                )
        if made.declared and over == "vector":
            raise PartError(
                f"{made.place}: optimizer {made.name!r}: over='vector' gives it all parameters as "
                f"one vector, and {', '.join(made.declared)} has a shape for each of them.\n"
                "Leave out one of the two."
            )
        known = {"param", "grad", *made.defaults}
        for option in [] if point is None else inspect.signature(point).parameters:
            if option not in known:
                raise PartError(
                    f"{made.place}: optimizer {made.name!r}: its point takes {option!r}, which is "
                    f"none of its options: {', '.join(made.defaults) or 'it has none'}.\n"
                    f"Way out: give it the option, `*, {option}=0.1`."
                )
        if "learning_rate" not in made.defaults and not holds:
            raise PartError(
                f"{made.place}: optimizer {made.name!r}: it needs the option "
                "learning_rate with a default, after a *."
            )
        return replace(
            made,
            own_slots=tuple(own),
            uses_step="step" in names,
            holds=holds,
            uses_curvature="curvature" in names,
        )

    return decorate if function is None else decorate(function)
