"""The expression graph of a formula, and the symbols that build it.

A formula is a plain NumPy function. Called with symbols in place of arrays it
does no arithmetic: NumPy hands each call to the symbol through its dispatch
protocols (NEP 13 for ufuncs, NEP 18 for functions), and the symbol records the
operation as a node. Equal nodes are one node, so a sub-expression that is
written twice, or that the value shares with its derivative, exists once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, is_
from typing import Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from nnplug.formulas.refusal import NotAnArray, instead_of, refuse, refuse_function
from nnplug.formulas.shapes import Label, Shape, broadcast_shapes

__all__ = ["Graph", "Kind", "Operation", "Symbol", "reapply", "walk"]

Kind = Literal["bool", "int", "float"]
"""What an array holds: truth values, whole numbers or floats."""

Gradients = Sequence["Symbol | float | None"]
"""One derivative for each input of an operation; None where it is zero."""


@dataclass(frozen=True, eq=False)
class Operation:
    """A primitive: what it computes, its derivative and how it is written.

    Attributes
    ----------
    name : str
        NumPy's name where NumPy has it.
    evaluate : callable
        Computes it on arrays: `evaluate(*inputs, **options)`.
    derivative : callable or None
        `derivative(g, y, *inputs, **options)`: the chain rule. `g` is the
        derivative of some number with respect to the output `y`; it returns
        that number's derivative with respect to each input. None: zero everywhere.
    shape : callable or None
        Gives the output's shape from the inputs' shapes; None: broadcast.
    lower : callable or None
        Rewrites it in simpler primitives, for the engines.
    ufunc : numpy.ufunc or None
        The array call that computes it, where one call does.
    dtype : str
        Of the output: `"bool"` for truth values; otherwise see `nnplug.formulas.kinds`.
    overwrites : tuple of int, optional
        The positions of the inputs whose memory an engine may write the output
        into. By default all of an elementwise operation, which reads an element
        before it writes it, and none of any other.
    opaque : bool
        Whether it calls an author's function as it stands, which is not a formula.
    """

    name: str
    evaluate: Callable[..., Any]
    derivative: Callable[..., Gradients] | None = None
    shape: Callable[..., Shape] | None = None
    lower: Callable[..., Symbol] | None = None
    ufunc: np.ufunc | None = None
    dtype: Literal["bool", "float"] = "float"
    overwrites: tuple[int, ...] | None = None
    opaque: bool = False

    @property
    def elementwise(self) -> bool:
        """Whether an element of the output needs only that element of the inputs."""
        return self.shape is None

    def may_overwrite(self, place: int) -> bool:
        """Whether the output may be written into the memory of an input."""
        return self.elementwise if self.overwrites is None else place in self.overwrites

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def _leaf(*_: Any) -> Any:
    raise AssertionError("a leaf is bound, not evaluated")


INPUT = Operation("input", _leaf)
CONSTANT = Operation("constant", _leaf)


def _method(name: str) -> Callable[..., Symbol]:
    """Make the method of a symbol that does what NumPy's function of that name does."""

    def method(self: Symbol, *args: Any, **options: Any) -> Symbol:
        return self.graph.call(name, self, *args, **options)

    method.__doc__ = f"As `numpy.{name}`."
    return method


@dataclass(eq=False, slots=True)
class Symbol(NotAnArray, NDArrayOperatorsMixin):
    """A node of an expression graph, which stands for an array while tracing.

    Made by `Graph.input`, `Graph.constant` and `Graph.apply`, never directly.
    """

    graph: Graph
    operation: Operation
    inputs: tuple[Symbol, ...]
    options: tuple[tuple[str, Any], ...]
    shape: Shape
    dtype_kind: Kind
    name: str = ""
    value: float = 0.0

    # --- what a formula may ask of an array -----------------------------------

    @property
    def ndim(self) -> int:
        """The number of dimensions, known while tracing."""
        return len(self.shape)

    @property
    def T(self) -> Symbol:  # noqa: N802  # NumPy's name
        """The transposed matrix."""
        return self.graph.call("transpose", self)

    sum, mean, var, std, max, min, cumsum, clip = map(
        _method, ("sum", "mean", "var", "std", "max", "min", "cumsum", "clip")
    )

    @property
    def is_constant(self) -> bool:
        """Whether this is a number written in the formula."""
        return self.operation is CONSTANT

    @property
    def is_input(self) -> bool:
        """Whether this is one of the formula's arguments, or a dimension's size."""
        return self.operation is INPUT

    @property
    def is_size(self) -> bool:
        """Whether this is the size of a dimension, whose name it has."""
        return isinstance(self.name, Label)

    # --- NumPy's dispatch protocols -------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Symbol:
        """NEP 13: `np.exp(symbol)` and the operators call this."""
        if kwargs.pop("out", None) is not None:
            raise refuse(
                f"`{ufunc.__name__}` writes into an existing array",
                "a formula returns new values and leaves its inputs as they are",
                "write `t = t + 1` instead of `t += 1`, and leave out `out=`",
            )
        if method != "__call__":
            raise refuse(
                f"`numpy.{ufunc.__name__}.{method}` cannot be traced",
                "only plain calls of ufuncs are",
                "use np.sum, np.max or np.min over the last axis",
            )
        if kwargs:
            raise refuse(
                f"`numpy.{ufunc.__name__}` is given {', '.join(sorted(kwargs))}",
                "a formula keeps the dtype it is given and computes every element",
                "leave it out; choose elements with np.where",
            )
        return self.graph.call(ufunc.__name__, *inputs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Symbol:
        """NEP 18: `np.where`, `np.sum` and other functions call this."""
        return self.graph.call(f"{function.__name__}", *args, **kwargs)

    def __repr__(self) -> str:
        if self.is_input:
            return f"<symbol {self.name}{self.shape}>"
        if self.is_constant:
            return f"<symbol {self.value!r}>"
        return f"<symbol {self.operation.name}{self.shape}>"


@dataclass(eq=False)
class Graph:
    """The nodes of one or more formulas, each of which exists once.

    Parameters
    ----------
    operations : mapping of str to Operation
        The primitives that formulas may use.
    calls : mapping of str to callable
        How to apply the functions of NumPy that are not primitives themselves.
    synonyms : mapping of str to str
        Other names of primitives.
    simplify : callable
        Returns a simpler symbol for an operation on inputs, or None.
    settle : callable
        Finds what an operation means for truth values and whole numbers.
    """

    operations: Mapping[str, Operation]
    calls: Mapping[str, Callable[..., Symbol]]
    synonyms: Mapping[str, str]
    simplify: Callable[..., Symbol | None]
    settle: Callable[..., Symbol | tuple[tuple[Symbol, ...], Kind]]
    opaque: dict[Callable[..., Any], Operation] = field(default_factory=dict)
    """Functions that cannot be traced, and run as they stand."""
    _nodes: dict[Hashable, Symbol] = field(default_factory=dict)
    """The node of each operation on given inputs, which may be a simpler one."""

    def input(self, name: str, shape: Shape = (), dtype_kind: Kind = "float") -> Symbol:
        """Make the symbol of an argument."""
        shape = tuple(Label(dim) if isinstance(dim, str) else dim for dim in shape)
        key = (INPUT, name, shape)
        if key not in self._nodes:
            self._nodes[key] = Symbol(self, INPUT, (), (), shape, dtype_kind, name=name)
        return self._nodes[key]

    def constant(self, value: float | bool | np.generic) -> Symbol:
        """Make the symbol of a number."""
        if isinstance(value, bool | np.bool_):
            return self.number(float(value), "bool")
        try:
            number = float(value)
        except OverflowError:
            raise refuse(
                "a whole number above 1e308", "no float is that large", "write a smaller number"
            ) from None
        return self.number(number, "int" if isinstance(value, int | np.integer) else "float")

    def number(self, number: float, kind: Kind) -> Symbol:
        """Make the symbol of a number of a kind, such as the float 1 that stands for True."""
        # repr tells 0.0 from -0.0 and finds NaN again, which == does not.
        key = (CONSTANT, kind, repr(number))
        if key not in self._nodes:
            self._nodes[key] = Symbol(self, CONSTANT, (), (), (), kind, value=number)
        return self._nodes[key]

    def symbol(self, value: Any) -> Symbol:
        """Give a symbol, or the symbol of a number; refuse anything else."""
        if isinstance(value, Symbol):
            if value.graph is not self:
                raise AssertionError("symbols of two graphs in one expression")
            return value
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            return self.constant(value)
        if isinstance(value, Label):
            value._refuse()
        raise refuse(
            f"a value of type `{type(value).__name__}` inside the formula",
            "only the arguments and plain numbers may stand in it",
            "write the numbers out, or pass them as keyword arguments",
        )

    def call(self, name: str, *args: Any, **options: Any) -> Symbol:
        """Apply an operation by NumPy's name, with the arguments that a formula gave."""
        normalise = self.calls.get(name)
        if normalise is not None:
            return normalise(self, *args, **options)
        operation = self.operations.get(self.synonyms.get(name, name))
        if operation is None:
            raise refuse_function(name, instead_of(name))
        if options:
            raise refuse(
                f"`{name}` is given {', '.join(sorted(options))}",
                "that option cannot be traced",
                "leave it out",
            )
        return self.apply(operation, *args)

    def apply(self, operation: Operation, *args: Any, **options: Any) -> Symbol:
        """Record an operation as a node, or simplify it away.

        Raises
        ------
        FormulaError
            If the shapes of the inputs do not fit.
        """
        inputs = tuple([self.symbol(arg) for arg in args])
        settings = tuple(sorted(options.items())) if options else ()
        key = (operation, tuple(map(id, inputs)), settings)
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = self._record(operation, inputs, options, settings)
        return known

    def copy(self, symbol: Symbol, inputs: tuple[Symbol, ...], shape: Shape) -> Symbol:
        """Record a node of another graph here; it is as simple as it can be already."""
        key = (symbol.operation, tuple(map(id, inputs)), symbol.options)
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = Symbol(
                self, symbol.operation, inputs, symbol.options, shape, symbol.dtype_kind
            )
        return known

    def _record(
        self,
        operation: Operation,
        inputs: tuple[Symbol, ...],
        options: dict[str, Any],
        settings: tuple[tuple[str, Any], ...],
    ) -> Symbol:
        """Record an operation on inputs that it has not been applied to before."""
        settled = self.settle(self, operation, inputs, options)
        if isinstance(settled, Symbol):
            return settled
        given, kind = settled
        if not all(map(is_, given, inputs)):
            return self.apply(operation, *given, **options)
        if operation.elementwise and all(symbol.is_constant for symbol in inputs):
            return self._fold(operation, inputs, kind)
        if operation.shape is None:
            shape = broadcast_shapes(operation.name, *[symbol.shape for symbol in inputs])
        else:
            shape = operation.shape(*(symbol.shape for symbol in inputs), **options)
        simpler = self.simplify(self, operation, inputs, options, shape)
        if simpler is not None and simpler.dtype_kind == kind:
            return simpler
        return Symbol(self, operation, inputs, settings, shape, kind)

    def size(self, shape: Shape) -> Symbol:
        """Make the symbol of the number of elements of a shape."""
        total = self.constant(math.prod(dim for dim in shape if isinstance(dim, int)))
        for dim in shape:
            if isinstance(dim, str):
                total = total * self._size(Label(dim))
        return total

    def _size(self, label: Label) -> Symbol:
        """Make the symbol of a dimension's size, which no argument of that name is taken for."""
        key = ("size", str(label))
        if key not in self._nodes:
            self._nodes[key] = Symbol(self, INPUT, (), (), (), "float", name=label)
        return self._nodes[key]

    def _fold(self, operation: Operation, inputs: tuple[Symbol, ...], kind: Kind) -> Symbol:
        values = [
            bool(symbol.value) if symbol.dtype_kind == "bool" else symbol.value for symbol in inputs
        ]
        with np.errstate(all="ignore"):
            result = np.asarray(operation.evaluate(*map(np.asarray, values))).item()
        return self.number(float(result), kind)


def walk(
    outputs: Sequence[Symbol],
    known: Container[int] = (),
    inputs_of: Callable[[Symbol], Sequence[Symbol]] = attrgetter("inputs"),
) -> list[Symbol]:
    """List every node that the outputs need, inputs before their users.

    Parameters
    ----------
    known : container of int
        The identities of nodes to leave out, with what only they need.
    inputs_of : callable
        Gives the inputs that a node needs; by default all of them.
    """
    order: list[Symbol] = []
    seen: set[int] = set()
    # An explicit stack: a long formula must not meet Python's recursion limit.
    stack = list(reversed(outputs))
    while stack:
        symbol = stack[-1]
        key = id(symbol)
        if key in seen or key in known:
            stack.pop()
            continue
        waiting = [
            child for child in inputs_of(symbol) if id(child) not in seen and id(child) not in known
        ]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            stack.pop()
            seen.add(key)
            order.append(symbol)
    return order


def reapply(symbol: Symbol, inputs: Sequence[Symbol]) -> Symbol:
    """Apply the operation of a node to other inputs; to its own, it is that node."""
    if all(map(is_, inputs, symbol.inputs)):
        return symbol
    return symbol.graph.apply(symbol.operation, *inputs, **dict(symbol.options))
