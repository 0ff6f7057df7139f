"""Activations: functions of a layer's sums."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Unpack, overload

import numpy as np

from nnplug.errors import FormulaError, ImpureFormulaError, PartError
from nnplug.formulas.derivative import depending, differentiate
from nnplug.formulas.digest import code_text, graph_text
from nnplug.formulas.graph import Operation, Symbol
from nnplug.formulas.kinds import as_number
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.purity import check_twice
from nnplug.formulas.refusal import call_author
from nnplug.formulas.shapes import shape_text
from nnplug.formulas.tracing import mixed_rows, trace
from nnplug.parts.declared import Declared, Noise, Parameter, Trainable
from nnplug.parts.part import RowPart
from nnplug.parts.signature import Naming, build_part, check_dimensions, declarations

__all__ = ["Activation", "activation"]

Gives = Literal["", "probabilities", "log_probabilities"]


@dataclass(frozen=True, eq=False, repr=False)
class Activation(RowPart):
    """A function of a layer's sums, elementwise or over each row.

    Attributes
    ----------
    own_derivative : callable or None
        dy/dx in terms of input and output, if the author gave it.
    gives : str
        `"probabilities"` or `"log_probabilities"` if its outputs are such; a
        loss that takes logits refuses it.
    """

    kind: ClassVar[str] = "activation"
    plural: ClassVar[str] = "activations"
    letter: ClassVar[str] = "C"

    own_derivative: Callable[..., Any] | None = None
    gives: Gives = ""

    @property
    def trainables(self) -> dict[str, float]:
        """The options that are learned, with the values that they start from."""
        return {
            key: float(value)
            for key, value in self.options.items()
            if isinstance(self.defaults[key], Trainable)
        }

    @property
    def arrays(self) -> dict[str, Declared]:
        """The arrays that it declares, then the numbers that are learned."""
        single = {
            name: Parameter((), start, decay=False) for name, start in self.trainables.items()
        }
        return {**self.declared, **single}

    @property
    def starts(self) -> dict[str, Any]:
        """The arguments by default: arrays as they start, and outside training."""
        given: dict[str, Any] = {
            name: getattr(array, "start", 0.0) for name, array in self.arrays.items()
        }
        return {**given, "training": False} if self.branches else given

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function with this instance's options, and those given here.

        Arrays that are not given are as they start; those that are follow x, or
        are named.
        """
        given = list(self.declared)[: len(arguments) - 1]
        starts = {name: start for name, start in self.starts.items() if name not in given}
        return super().__call__(*arguments, **{**starts, **options})

    @property
    def width(self) -> str:
        """The label of the width of its outputs, which is that of its inputs."""
        return self.letter

    def value(self, x: Symbol, options: Mapping[str, Any] | None = None) -> Symbol:
        """Trace the formula.

        Parameters
        ----------
        x : Symbol
            The layer's sums, shape (N, C).
        options : mapping, optional
            Symbols that stand for some of the options.

        Returns
        -------
        Symbol
            The outputs, shape (N, C).

        Raises
        ------
        FormulaError
            If it cannot be traced and has no derivative of its own, or if
            its result has another shape.
        """
        chosen = {**self.options, **self.starts, **(options or {})}
        try:
            outputs = trace(
                self.function,
                [x],
                chosen,
                name=f"activation {self.name!r}",
                traces=self.traces,
                may_run=self.own_derivative is None,
                may_learn=True,
            )
        except ImpureFormulaError:
            raise
        except FormulaError:
            if self.own_derivative is None or self.arrays:
                raise
            return _opaque(self, self.function, x)
        if len(outputs) != 1:
            raise FormulaError(
                f"activation {self.name!r}: {self.place}: it returns {len(outputs)} values; "
                "an activation returns one array of its input's shape."
            )
        y = as_number(outputs[0])
        if y.shape == ():
            y = x.graph.call("broadcast_like", y, x)
        wrong = y if y.shape != x.shape else mixed_rows(y, [x]) if x.shape else None
        if wrong is not None:
            raise FormulaError(
                f"activation {self.name!r}: {self.place}: "
                f"{'its result' if wrong is y else 'a step of it'} has shape "
                f"{shape_text(wrong.shape)}, its input {shape_text(x.shape)}.\n"
                "Way out: keep every row by itself; reduce with axis=-1, keepdims=True."
            )
        return y

    def slope(
        self, x: Symbol, y: Symbol, options: Mapping[str, Any] | None = None
    ) -> Symbol | None:
        """Derive dy/dx element by element; None for a row-wise activation."""
        if self.own_derivative is not None:
            chosen = {**self.options, **self.starts, **(options or {})}
            try:
                outputs = trace(
                    self.own_derivative,
                    [x, y],
                    chosen,
                    name=f"derivative of activation {self.name!r}",
                    traces=self.traces,
                )
                return outputs[0]
            except ImpureFormulaError:
                raise
            except FormulaError:
                return _opaque(self, self.own_derivative, x, y)
        if not all(node.operation.elementwise for node in depending([y], [x])):
            return None
        return differentiate(y, [x], x.graph.constant(1.0))[0]

    def trace(
        self,
        x: Symbol,
        arrays: Mapping[str, Symbol],
        *,
        training: bool,
        inner: Callable[[Symbol], Symbol] | None = None,
    ) -> tuple[Symbol, dict[str, Symbol]]:
        """Trace the formula; see `RowPart.trace`. There are no new states."""
        y = self.value(x, {**arrays, **({"training": training} if self.branches else {})})
        if not training:
            self.check_noise([y], arrays)
        return y, {}

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        graph = new_graph()
        x, learned = self.arguments(graph)
        y = self.value(x, learned)
        texts: list[str | None] = [graph_text([y])]
        if self.own_derivative is not None:
            slope = self.slope(x, y, learned)
            assert slope is not None
            texts.append(graph_text([slope]))
        if graph.opaque:
            texts += super().formula_texts()
            texts.append(code_text(self.own_derivative))
        return texts

    def pull_back(self, x: Symbol, y: Symbol, g: Symbol) -> Symbol:
        """Derive the loss by `x` from its derivative `g` by `y`."""
        slope = self.slope(x, y)
        return g * slope if slope is not None else differentiate(y, [x], g)[0]


def _opaque(part: Activation, function: Callable[..., Any], *inputs: Symbol) -> Symbol:
    """Make a node that calls the author's function as it stands, on arrays."""
    what = "" if function is part.function else ", its derivative"
    name = f"activation {part.name!r}"

    def call(*arrays: Any) -> Any:
        shape = np.shape(arrays[0])
        result = np.asarray(call_author(name, function, *arrays, **part.options))
        if result.shape != shape or result.dtype.kind not in "fiub":
            raise FormulaError(
                f"{name}: {part.place}{what}: for an input of shape "
                f"{shape} it returned shape {result.shape}, {result.dtype}.\n"
                "Way out: return real numbers in the input's shape."
            )
        return result

    known = inputs[0].graph.opaque
    if function not in known:  # by itself: two functions may have one name
        _check_twice(part, function, len(inputs))
        title = f"{part.name}.{getattr(function, '__name__', type(function).__name__)}"
        known[function] = Operation(title, call, shape=lambda *shapes: shapes[0], opaque=True)
    return inputs[0].graph.apply(known[function], *inputs)


def _check_twice(part: Activation, function: Callable[..., Any], count: int) -> None:
    """Call a function that is not traced twice on the same arrays."""

    def call() -> Any:
        arrays = [np.linspace(-2.0, 2.0, 6).reshape(2, 3) for _ in range(count)]
        return call_author(part.name, function, *arrays, **part.options)

    check_twice(
        f"activation {part.name!r}",
        function,
        call,
        "make it an option, `*, value=0.5`; draw what is random once, outside the function",
    )


@overload
def activation(function: Callable[..., Any], /) -> Activation: ...
@overload
def activation(
    *,
    derivative: Callable[..., Any] | None = None,
    gives: Gives = "",
    **naming: Unpack[Naming],
) -> Callable[[Callable[..., Any]], Activation]: ...
def activation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    derivative: Callable[..., Any] | None = None,
    gives: Gives = "",
    **naming: Unpack[Naming],
) -> Any:
    """Make an activation from a formula in NumPy.

    The formula takes the sums `x` of shape (N, C) and returns an array of
    that shape, element by element or over each row (axis=-1). Its keyword
    arguments are its options.

    Parameters
    ----------
    derivative : callable, optional
        `derivative(x, y, **options)`, dy/dx element by element. Without it
        the formula is differentiated; a formula that cannot be traced needs it.
    gives : str, optional
        `"probabilities"` or `"log_probabilities"`.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is not `(x, *, option=default, ...)`.

    Examples
    --------
    >>> @activation
    ... def cube(x):
    ...     "The cube."
    ...     return x**3
    >>> float(cube(2.0))
    8.0
    """

    def decorate(function: Callable[..., Any]) -> Activation:
        if derivative is not None and not callable(derivative):
            raise PartError(f"activation {function.__name__!r}: derivative= is not a function.")
        declared = declarations(function, "activation", (Parameter, Noise))
        made = build_part(
            Activation,
            function,
            declared=declared,
            reserved=("training",),
            branches="training" in inspect.signature(function).parameters,
            positional=lambda names: None if len(names) == 1 else "an activation takes (x)",
            naming=naming,
            own_derivative=derivative,
            gives=gives,
        )
        for array, one in declared.items():
            if isinstance(one, Parameter) and one.count is not None:
                raise PartError(
                    f"{made.place}: activation {made.name!r}: {array} has count={one.count!r}, "
                    "which only a layer may declare."
                )
        known = 'neither "C", the width of x, nor a whole number'
        check_dimensions(made, declared, lambda dim: dim in ("N", "C") or type(dim) is int, known)
        return made

    return decorate if function is None else decorate(function)
