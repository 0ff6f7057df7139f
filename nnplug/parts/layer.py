"""Layers: what a network is composed of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, overload

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.composition import Formula
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Symbol, shape_text, walk
from nnplug.formulas.kinds import as_number
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import trace
from nnplug.parts.declared import Declared, Noise, State
from nnplug.parts.part import Part, build_part

__all__ = ["Layer", "layer"]


@dataclass(frozen=True)
class Traced:
    """A layer's formulas, for training or outside it.

    Attributes
    ----------
    value : Formula
        Of the outputs; its inputs are x and what the layer declares, in order.
    states : dict of str to Formula
        Of each new state, from the same inputs; empty outside training.
    reads_noise : bool
        Whether what is random changes the outputs.
    """

    value: Formula
    states: dict[str, Formula]
    reads_noise: bool


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Part):
    """A formula over rows (N, D) with arrays of its own.

    Attributes
    ----------
    declared : mapping of str to Declared
        The arrays it is given beside x: parameters, states, noise.
    branches : bool
        Whether it is told if the network trains, by its argument `training`.
    holds : bool
        Whether it is a layer around layers: it is given a function, `inner`.
    """

    kind: ClassVar[str] = "layer"
    plural: ClassVar[str] = "layers"

    declared: Mapping[str, Declared] = field(default_factory=dict)
    branches: bool = False
    holds: bool = False

    def trace(self, training: bool, inner: Callable[[Symbol], Symbol] | None = None) -> Traced:
        """Trace the formula.

        Parameters
        ----------
        training : bool
            Whether the network trains.
        inner : callable, optional
            Applies the layers that it holds.

        Raises
        ------
        FormulaError
            If it cannot be traced, or what it returns has another shape than
            rows, or than the states it declares.
        """
        graph = new_graph()
        x = graph.input("x", ("N", "D"))
        arrays = {name: graph.input(name, each.shape) for name, each in self.declared.items()}
        given: dict[str, Any] = dict(self.options)
        if self.branches:
            given["training"] = training
        if self.holds:
            given["inner"] = inner
        outputs = trace(
            self.function,
            [x, *arrays.values()],
            given,
            name=f"layer {self.name!r}",
            traces=self.traces,
        )
        names = [name for name, each in self.declared.items() if isinstance(each, State)]
        if len(outputs) != 1 + len(names):
            expected = ", ".join(["its value", *names])
            raise self._wrong(
                f"it returns {len(outputs)} values.",
                f"return {expected}, in this order" if names else "return one array",
            )
        y, *new = map(as_number, outputs)
        if len(y.shape) != 2 or y.shape[0] != "N":
            raise self._wrong(
                f"its result has shape {shape_text(y.shape)}.",
                'return a row of numbers for each row of x, ("N", ...)',
            )
        inputs = [x, *arrays.values()]
        states = {}
        for name, symbol in zip(names, new, strict=True):
            shape = self.declared[name].shape
            if symbol.shape not in (shape, ()):
                raise self._wrong(
                    f"the new {name} has shape {shape_text(symbol.shape)}, "
                    f"the old {shape_text(shape)}.",
                    "reduce over the rows, as in np.mean(x, axis=0)",
                )
            if training:
                states[name] = Formula(f"layer {self.name}, {name}", inputs, symbol)
        return Traced(
            Formula(f"layer {self.name}", inputs, y), states, self._reads_noise(y, arrays)
        )

    def _reads_noise(self, y: Symbol, arrays: Mapping[str, Symbol]) -> bool:
        noise = {
            id(arrays[name]) for name, each in self.declared.items() if isinstance(each, Noise)
        }
        return bool(noise) and any(id(node) in noise for node in walk([y]))

    def _wrong(self, reason: str, way_out: str) -> FormulaError:
        return FormulaError(f"layer {self.name!r}: {self.place}: {reason}\nWay out: {way_out}.")

    @property
    def arrays(self) -> Mapping[str, Declared]:
        """What the formula is given beside x, in order."""
        return self.declared

    @cached_property
    def width(self) -> str | int:
        """The label of the width of its outputs: "D", the name of an option, or a number."""
        dim = self.trace(False).value.operation.shape
        assert dim is not None
        shapes = [("N", "D"), *(each.shape for each in self.declared.values())]
        return dim(*shapes)[-1]

    def compute(self, x: Any, arrays: Mapping[str, Any]) -> Any:
        """Compute the outputs outside training, on arrays, (N, D); noise is left out."""
        given = {"training": False} if self.branches else {}
        left = {name: None for name in self.declared if name not in arrays}
        result = self(x, **arrays, **left, **given)
        return result[0] if isinstance(result, tuple) else result

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        if self.holds:
            return super().formula_texts()
        traced = [
            self.trace(training) for training in ((True, False) if self.branches else (True,))
        ]
        texts = [
            graph_text([each.value.y, *(state.y for state in each.states.values())])
            for each in traced
        ]
        return [*texts, repr(sorted(self.declared.items()))]


@overload
def layer(function: Callable[..., Any], /) -> Layer: ...
@overload
def layer(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Layer]: ...
def layer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make a layer from a formula in NumPy.

    The formula takes `x`, of shape (N, D), then what it declares: arrays with
    a default made by `parameter`, `state`, `uniform` or `normal`. It returns
    an array of shape (N, ...), and after it each new state. Its keyword
    arguments are its options; a dimension may be called as one of them. Two
    are given by the network: `training`, whether it trains, and, of a layer
    around layers, `inner`, which applies those.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    expected_failures : mapping of str to str, optional
        See `nnplug.testing.run`.

    Raises
    ------
    PartError
        If the signature is another.

    Examples
    --------
    >>> @layer
    ... def scale(x, factor=parameter("D", start=1)):
    ...     "One factor for each input."
    ...     return x * factor
    >>> float(scale(3.0, 2.0))
    6.0
    """

    def decorate(function: Callable[..., Any]) -> Layer:
        declared: dict[str, Declared] = {}
        arguments: set[str] = set()
        for each in inspect.signature(function).parameters.values():
            arguments.add(each.name)
            if isinstance(each.default, Declared):
                if each.kind is each.KEYWORD_ONLY:
                    raise PartError(
                        f"layer {function.__name__!r}: {each.name} stands after the *; what a "
                        "layer declares stands before it, its options after it."
                    )
                declared[each.name] = each.default
        made = build_part(
            Layer,
            function,
            positional=lambda names: None if names[:1] == ("x",) else "a layer takes (x, ...)",
            reserved=("training", "inner"),
            declared=declared,
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
            branches="training" in arguments,
            holds="inner" in arguments,
        )
        for array, one in declared.items():
            for dim in one.shape:
                whole = isinstance(made.defaults.get(str(dim)), int)
                if isinstance(dim, str) and dim not in ("N", "D") and not whole:
                    raise PartError(
                        f"{made.place}: layer {made.name!r}: {array} has the dimension {dim!r}, "
                        'which is neither "D", the width of x, nor an option that is a whole '
                        "number."
                    )
        return made

    return decorate if function is None else decorate(function)
