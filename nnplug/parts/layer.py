"""Layers, of which a network is composed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Unpack, overload

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Symbol
from nnplug.formulas.kinds import as_number
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import shape_text
from nnplug.formulas.tracing import trace
from nnplug.parts.activation import Activation
from nnplug.parts.arranging import Arrange, InputColumn
from nnplug.parts.declared import Declared, Parameter, State
from nnplug.parts.following import Followed, followed, plain
from nnplug.parts.part import RowPart
from nnplug.parts.signature import Naming, build_part, check_dimensions, declarations
from nnplug.parts.text import DEEPEST
from nnplug.types import AnyArray

__all__ = ["Layer", "layer"]

_GIVEN = ("training", "inner")
"""The arguments that the network passes to a layer that takes them."""


@dataclass(frozen=True, eq=False, repr=False)
class Layer(RowPart):
    """A formula over rows (N, D) with arrays of its own.

    Attributes
    ----------
    holds : bool
        Whether it is a layer around layers, which takes a function, `inner`.
    inner : tuple of Activation or Layer
        The layers that this instance holds.
    arrange : callable or None
        Fills options and states from what the inputs are; see `Arrangement`.
    """

    kind: ClassVar[str] = "layer"
    plural: ClassVar[str] = "layers"
    may_follow: ClassVar[bool] = True

    holds: bool = False
    inner: tuple[Activation | Layer, ...] = ()
    arrange: Arrange | None = None

    @property
    def arrays(self) -> Mapping[str, Declared]:
        """The arrays that the formula takes beside x, in order; each of several by itself."""
        found: dict[str, Declared] = {}
        for name, declared in self.declared.items():
            count = self._count(declared)
            if count is None:
                found[name] = declared
            else:
                found.update({f"{name}{number}": declared for number in range(1, count + 1)})
        for option, value in followed(self.options).items():
            found[option] = Followed(
                (), value=float(value), schedule=value.schedule, within=self.ranges.get(option)
            )
        return found

    def _count(self, declared: Declared) -> int | None:
        """Give how many arrays a declaration stands for; None: a single one, not a tuple."""
        count = declared.count if isinstance(declared, Parameter) else None
        return int(self.options[count]) if isinstance(count, str) else count

    def grouped(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Give the formula's arguments from its arrays, several of one name as a tuple."""
        given: dict[str, Any] = {}
        for name, declared in self.declared.items():
            count = self._count(declared)
            if count is not None:
                given[name] = tuple(arrays[f"{name}{number}"] for number in range(1, count + 1))
            elif name in arrays:
                given[name] = arrays[name]
        return given

    @property
    def dimensions(self) -> set[str]:
        """The options that are dimensions or counts of its arrays."""
        sizes = {str(dim) for array in self.declared.values() for dim in array.shape}
        counts = {str(getattr(array, "count", None)) for array in self.declared.values()}
        return (sizes | counts) & {*self.options}

    def is_whole(self, option: str) -> bool:
        """Whether it has an option of this name that is a whole number."""
        return type(self.defaults.get(option)) is int

    @property
    def text(self) -> str:
        """The text form: the first option by its value alone, what it holds in brackets."""
        text = super().text
        name, colon, options = text.partition(":")
        first = options.partition(",")[0].removeprefix(f"{self.bare_option}=")
        if colon and options.startswith(f"{self.bare_option}=") and "=" not in first:
            text = f"{name}:{options.partition('=')[2]}"
        if self.holds:
            text += f"[{' '.join(part.text for part in self.inner)}]"
        return text

    @property
    def bare_option(self) -> str | None:
        """The first option."""
        return next(iter(self.defaults), None)

    def around(self, inner: Sequence[Activation | Layer]) -> Layer:
        """Make this layer around others.

        Raises
        ------
        PartError
            If it is not a layer around layers, or there are none, or they would
            be held too deep.
        """
        if not self.holds:
            raise PartError(f"layer {self.name!r} holds no layers; leave out the brackets.")
        if not inner:
            raise PartError(f"layer {self.name!r} holds layers, and none are in the brackets.")
        made = replace(self, inner=tuple(inner))
        if made.depth > DEEPEST:
            raise PartError(f"layer {self.name!r}: layers hold layers more than {DEEPEST} deep.")
        return made

    def arranged(
        self, columns: Sequence[InputColumn]
    ) -> tuple[Layer, Mapping[str, AnyArray], tuple[InputColumn, ...]]:
        """Fill a layer that looks at what its inputs are.

        Returns
        -------
        tuple of Layer, mapping of str to array, and tuple of InputColumn
            The layer with its options, what its states start at, what its outputs are.
        """
        assert self.arrange is not None
        found = self.arrange(tuple(columns), self.options)
        return self.with_options(**found.options), found.states, found.columns

    @property
    def depth(self) -> int:
        """How deep it holds layers within layers; 0 if it holds none."""
        inner = [part.depth for part in self.inner if isinstance(part, Layer)]
        return 1 + max(inner, default=0) if self.inner else 0

    @cached_property
    def width(self) -> str | int:
        """The label of the width of its outputs: "D", the name of an option, or a number."""
        return self.trace(*self.arguments(new_graph()), training=False)[0].shape[-1]

    def trace(
        self,
        x: Symbol,
        arrays: Mapping[str, Symbol],
        *,
        training: bool,
        inner: Callable[[Symbol], Symbol] | None = None,
    ) -> tuple[Symbol, dict[str, Symbol]]:
        """Trace the formula; see `RowPart.trace`."""
        given: dict[str, Any] = plain(self.options)
        for option in followed(self.options):
            given[option] = arrays[option]
        if self.branches:
            given["training"] = training
        if self.holds:
            given["inner"] = inner
        outputs = trace(
            self.function,
            [x, *self.grouped(arrays).values()],
            given,
            name=f"layer {self.name!r}",
            traces=self.traces,
        )
        names = [name for name, array in self.declared.items() if isinstance(array, State)]
        if len(outputs) != 1 + len(names):
            expected = ", ".join(["its value", *names])
            raise self._wrong(
                f"it returns {len(outputs)} value{'s' * (len(outputs) != 1)}.",
                f"return {expected}, in this order" if names else "return one array",
            )
        y, *new = map(as_number, outputs)
        if len(y.shape) != 2 or y.shape[0] != "N" or y.shape[1] == "N":
            raise self._wrong(
                f"its result has shape {shape_text(y.shape)}.",
                'return a row of numbers for each row of x, ("N", ...)',
            )
        states = dict(zip(names, new, strict=True))
        for name, symbol in states.items():
            if symbol.shape not in (arrays[name].shape, ()):
                raise self._wrong(
                    f"the new {name} has shape {shape_text(symbol.shape)}, "
                    f"the old {shape_text(arrays[name].shape)}.",
                    "reduce over the rows, as in np.mean(x, axis=0)",
                )
        if not training:
            self.check_noise([y, *new], arrays)
        return y, states

    def _wrong(self, reason: str, way_out: str) -> FormulaError:
        return FormulaError(f"layer {self.name!r}: {self.place}: {reason}\nWay out: {way_out}.")

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        if self.holds:
            return super().formula_texts()
        x, arrays = self.arguments(new_graph())
        texts: list[str | None] = [repr(sorted(self.declared.items()))]
        for training in (True, False):
            y, states = self.trace(x, arrays, training=training)
            texts.append(graph_text([y, *states.values()]))
        return texts


def _wrong_arguments(names: tuple[str, ...]) -> str | None:
    """Say what is wrong with the arguments that declare nothing."""
    if names[:1] != ("x",):
        return "a layer takes (x, ...)"
    unknown = [name for name in names[1:] if name not in _GIVEN]
    if not unknown:
        return None
    return (
        f"{unknown[0]!r} declares nothing; write {unknown[0]}=parameter(...), or state, uniform or "
        "normal. A layer takes (x) and the arrays that it declares"
    )


@overload
def layer(function: Callable[..., Any], /) -> Layer: ...
@overload
def layer(
    *, arrange: Arrange | None = None, **naming: Unpack[Naming]
) -> Callable[[Callable[..., Any]], Layer]: ...
def layer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    arrange: Arrange | None = None,
    **naming: Unpack[Naming],
) -> Any:
    """Make a layer from a formula in NumPy.

    The formula takes `x`, of shape (N, D), then the arrays that it declares,
    with defaults made by `parameter`, `state`, `uniform` or `normal`. It
    returns an array of shape (N, ...), and after it each new state. Its keyword
    arguments are its options; a dimension may have the name of one. Two
    arguments are passed by the network: `training`, whether it is training,
    and, for a layer around layers, `inner`, which applies those.

    Parameters
    ----------
    arrange : callable, optional
        For a layer that treats numbers and categories differently:
        `arrange(columns, options)` gets an `InputColumn` for each input, and returns
        an `Arrangement`: options that follow, what states start at, and what the
        outputs are.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.

    Examples
    --------
    >>> from nnplug.parts import parameter
    >>> @layer
    ... def scale(x, factor=parameter("D", start=1)):
    ...     "One factor for each input."
    ...     return x * factor
    >>> float(scale(3.0, 2.0))
    6.0
    """

    def decorate(function: Callable[..., Any]) -> Layer:
        declared = declarations(function, "layer", (Declared,))
        arguments = inspect.signature(function).parameters
        made = build_part(
            Layer,
            function,
            positional=_wrong_arguments,
            reserved=_GIVEN,
            declared=declared,
            naming=naming,
            branches="training" in arguments,
            holds="inner" in arguments,
            arrange=arrange,
        )
        for array, one in declared.items():
            count = one.count if isinstance(one, Parameter) else None
            if isinstance(count, str) and not made.is_whole(count):
                raise PartError(
                    f"{made.place}: layer {made.name!r}: {array} has count={count!r}, which is not "
                    "an option that is a whole number."
                )

        def is_known(dim: str | int) -> bool:
            return dim in ("N", "D") or isinstance(dim, int) or made.is_whole(dim)

        known = 'neither "D", the width of x, nor an option that is a whole number'
        check_dimensions(made, declared, is_known, known)
        return made

    return decorate if function is None else decorate(function)
