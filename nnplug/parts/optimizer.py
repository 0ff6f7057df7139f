"""Optimizers: how a gradient changes the parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Unpack, overload

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tracing import trace
from nnplug.parts.declared import State
from nnplug.parts.following import factor_name, followed
from nnplug.parts.part import OptionValue, Part
from nnplug.parts.reach import Over, joined_over
from nnplug.parts.signature import Naming, build_part, check_dimensions, declarations
from nnplug.parts.update import Base, Update

__all__ = ["Optimizer", "Update", "optimizer"]


@dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Part):
    """One step: new parameters and new state, from the old ones and the gradient.

    Attributes
    ----------
    own_slots : tuple of str
        The names of its state arrays: of the parameter's shape, and zero
        before the first step, unless they are declared otherwise.
    declared : mapping of str to State
        The slots of another shape or start.
    over : str
        What a norm or a sum in the formula spans: `"tensor"`, each weight
        matrix and bias by itself, or `"vector"`, all parameters at once.
        `"auto"` is `"tensor"`. An elementwise formula has neither.
    uses_step, uses_curvature : bool
        Whether the formula takes `step`, or `curvature`.
    evaluate : str
        The slot that holds the weights to predict with; empty: the parameters.
    point : callable or None
        `point(param, grad)` gives the parameters at which to take the gradient
        for the formula; None: the present ones.
    holds : bool
        Whether it is an optimizer around another, which takes a function, `base`.
    base : Optimizer or None
        The optimizer that this instance holds.
    """

    kind: ClassVar[str] = "optimizer"
    plural: ClassVar[str] = "optimizers"
    may_follow: ClassVar[bool] = True

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
        if self.base is None:
            return self.own_slots
        return (*self.own_slots, *(f"{self.base.name}.{slot}" for slot in self.base.slots))

    @property
    def states(self) -> dict[str, State]:
        """The slots that are not shaped like the parameters and 0 at first, by name."""
        if self.base is None:
            return {**self.declared}
        held = self.base.states.items()
        return {**self.declared, **{f"{self.base.name}.{slot}": state for slot, state in held}}

    @property
    def asks_curvature(self) -> bool:
        """Whether an optimizer of the chain takes the Hessian's diagonal."""
        return any(part.uses_curvature for part in self.chain)

    @property
    def chain(self) -> tuple[Optimizer, ...]:
        """The optimizer, the one that it holds, and so on."""
        return (self, *(() if self.base is None else self.base.chain))

    @property
    def moved(self) -> Optimizer | None:
        """The optimizer of the chain that takes the gradient at another point."""
        return next((part for part in self.chain if part.point is not None), None)

    @property
    def shown(self) -> str:
        """The slot with the weights to predict with, of the outermost that has one; else empty."""
        if self.evaluate or self.base is None:
            return self.evaluate
        return f"{self.base.name}.{self.base.shown}" if self.base.shown else ""

    @property
    def chained(self) -> str:
        """The names of the chain, such as `lookahead[adam]`."""
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
            If it holds none, or the two cannot go together.
        """
        if not self.holds:
            raise PartError(f"optimizer {self.name!r} holds no other; leave out the brackets.")
        if self.point is not None and base.moved is not None:
            raise PartError(
                f"optimizer {self.name!r} and optimizer {base.moved.name!r}, which it holds, both "
                "ask for the gradient at another point, and a step has only one.\n"
                "Leave out one of the two."
            )
        base.refuse_following(f"{self.name!r} holds it")
        return replace(self, base=base, over=joined_over(self, base))

    def with_options(self, /, **values: OptionValue) -> Optimizer:
        """Make this optimizer with other values; the learning rate may be the held optimizer's.

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
        if "learning_rate" in values and "learning_rate" not in self.defaults:
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
        """Trace the point of the second gradient: the parameters, their gradient, the point."""
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
        """Its default learning rate, or that of the one that it holds."""
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
        given, base = self._arguments(graph, shape, slots)
        curvature = graph.input("curvature", shape) if self.asks_curvature else None
        if self.base is not None:
            self.base.update(new_graph(), shape)  # so that its own errors name it alone
        given |= {key: graph.input(factor_name(key)) for key in followed(self.options)}
        outputs = trace(
            self.function,
            [param, grad, *own],
            {**self.options, **(options or {}), **given},
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

    def _arguments(
        self, graph: Graph, shape: Shape, slots: Sequence[Symbol]
    ) -> tuple[dict[str, Any], Base | None]:
        """Make the keyword arguments that the framework passes, and `base` by itself."""
        self._check_held()
        given: dict[str, Any] = {}
        if "learning_rate" in self.defaults:
            given["learning_rate"] = graph.input("learning_rate")
        if self.uses_step:
            given["step"] = graph.input("step")
        if self.uses_curvature:
            given["curvature"] = graph.input("curvature", shape)
        held = self.base
        if held is None:
            return given, None
        inner = slots[len(self.own_slots) :]
        base = Base(held.name, held.text, lambda param, grad: held._step(param, grad, inner))
        return {**given, "base": base}, base

    def _step(self, param: Symbol, grad: Symbol, slots: Sequence[Symbol]) -> tuple[Symbol, ...]:
        """Apply the formula within the formula of the optimizer around it."""
        graph = param.graph
        given, base = self._arguments(graph, param.shape, slots)
        result = self(param, grad, *slots[: len(self.own_slots)], **given)
        outputs = result if isinstance(result, tuple) else (result,)
        held = () if base is None else base.new or ()
        return (*map(graph.symbol, outputs), *held)

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes, for vectors and matrices: see `Part.formula_texts`."""
        shapes: tuple[Shape, ...] = (("P",), ("R", "C")) if self.over != "vector" else (("P",),)
        if self.states:
            shapes = (("R", "C"),)
        updates = [self.update(new_graph(), shape) for shape in shapes]
        texts = [*(graph_text(update.outputs) for update in updates), *self.slots, self.over]
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
    over: Over = "auto",
    evaluate: str = "",
    point: Callable[..., Any] | None = None,
    **naming: Unpack[Naming],
) -> Callable[[Callable[..., Any]], Optimizer]: ...
def optimizer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    over: Over = "auto",
    evaluate: str = "",
    point: Callable[..., Any] | None = None,
    **naming: Unpack[Naming],
) -> Any:
    """Make an optimizer from one step of its algorithm, in NumPy.

    `def name(param, grad, slot, ..., *, step, learning_rate=0.01, ...)` returns
    the new parameter, or a tuple of it and each new slot. `step`, if the
    formula takes it, counts updates from 1. A slot has the parameter's shape
    and is 0 before the first step, unless its default declares it:
    `row=state("R", 1)` is a number for each row; the parameters are then passed
    as matrices, biases as columns. `curvature`, if the formula takes it, is an
    estimate of the diagonal of the loss's Hessian, of the parameter's shape:
    z·(H·z) for signs z that are drawn anew for each step (Hutchinson, 1990);
    penalties do not count. An optimizer around another takes `base`, after the
    `*`: `base(param, grad)` is the other's new parameter.

    Parameters
    ----------
    over : str, optional
        What norms and sums span; see `Optimizer.over`.
    evaluate : str, optional
        The slot that holds the weights to predict with, such as an average
        over many steps. Validation, predictions and the model use them;
        training goes on with the parameters.
    point : callable, optional
        `point(param, grad, **options)`, over all parameters as one vector,
        shape (P,): where to take the gradient for the formula. A step then
        takes two gradients: the first one, at the parameters, is for `point`.
        Its options are the optimizer's options of the same names.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.
    """

    def check(names: tuple[str, ...]) -> str | None:
        if names[:2] != ("param", "grad"):
            return "an optimizer takes (param, grad, ...its state, *, learning_rate=...)"
        if {"step", "learning_rate"} & set(names):
            return "step and learning_rate stand after the *, since they are not state"
        return None

    def decorate(function: Callable[..., Any]) -> Optimizer:
        made = build_part(
            Optimizer,
            function,
            positional=check,
            declared=declarations(function, "optimizer", (State,)),
            reserved=("step", "base", "curvature"),
            naming=naming,
            over=over,
            evaluate=evaluate,
            point=point,
        )
        names = inspect.signature(function).parameters
        own = [name for name in list(names)[2:] if names[name].kind is not names[name].KEYWORD_ONLY]
        holds = "base" in names

        def wrong(reason: str) -> PartError:
            return PartError(f"{made.place}: optimizer {made.name!r}: {reason}")

        if evaluate and (evaluate not in own or evaluate in made.declared):
            raise wrong(f"evaluate={evaluate!r} is not one of its slots of the parameter's shape.")
        known = 'none of an optimizer\'s: "R" and "C", the rows and columns of a parameter, and 1'
        check_dimensions(made, made.declared, lambda dim: dim in ("R", "C", 1), known)
        if made.declared and over == "vector":
            raise wrong(
                "over='vector' gives it all parameters as one vector, and "
                f"{', '.join(made.declared)} has a shape for each of them.\n"
                "Leave out one of the two."
            )
        for option in [] if point is None else inspect.signature(point).parameters:
            if option not in ("param", "grad", *made.defaults):
                raise wrong(
                    f"its point takes {option!r}, which is not one of its options: "
                    f"{', '.join(made.defaults) or 'it has none'}.\n"
                    f"Way out: give it the option, `*, {option}=0.1`."
                )
        if "learning_rate" not in made.defaults and not holds:
            raise wrong("it needs the option learning_rate with a default, after a *.")
        return replace(
            made,
            own_slots=tuple(own),
            uses_step="step" in names,
            holds=holds,
            uses_curvature="curvature" in names,
        )

    return decorate if function is None else decorate(function)
