"""The expression graph of a formula, and the symbols that build it.

A formula is a plain NumPy function. Called with symbols in place of arrays it
does no arithmetic: NumPy hands each call to the symbol through its dispatch
protocols (NEP 13 for ufuncs, NEP 18 for functions), and the symbol notes the
operation as a node. Equal nodes are one node, so a sub-expression that is
written twice, or that the value shares with its derivative, exists once.

Shapes are tuples of labels: `("N", "C")` is N rows by C columns, `1` a
dimension kept by a reduction, `()` a number. A formula is traced before any
array exists, and a shape that cannot fit is found then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, is_
from typing import Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from nnplug.formulas.alternatives import instead_of
from nnplug.formulas.refusal import refuse, refuse_function

__all__ = [
    "Dimension",
    "Graph",
    "Kind",
    "Operation",
    "Shape",
    "Symbol",
    "alike",
    "broadcast_shapes",
    "shape_text",
    "walk",
]


class Label(str):
    """The name of a dimension, such as "N"; its size is not part of a formula."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise refuse(
            "arithmetic with the size of an array",
            "a formula is traced before any array exists",
            "use np.mean in place of a sum divided by a size",
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = _refuse
    __neg__ = __int__ = __float__ = __index__ = __array_ufunc__ = __array__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


Kind = Literal["bool", "int", "float"]
"""What stands in an array: truth values, whole numbers or floats."""

Dimension = str | int
Shape = tuple[Dimension, ...]

Gradients = Sequence["Symbol | float | None"]
"""One contribution per input of an operation; None where it is zero."""


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
        `derivative(g, y, *inputs, **options)` gives, for each input, the
        derivative of a number with respect to that input when `g` is its
        derivative with respect to the output `y`. None: zero everywhere.
    shape : callable or None
        Gives the output's shape from the inputs' shapes; None: broadcast.
    lower : callable or None
        Rewrites it in simpler primitives, for the engines.
    ufunc : numpy.ufunc or None
        The array call that computes it, where one call does.
    dtype : str
        Of the output: `"bool"` for a truth value; else see `nnplug.formulas.kinds`.
    overwrites : tuple of int, optional
        The inputs, by position, whose memory may take the output while an
        engine computes it; by default all of an elementwise operation, which
        reads an element before it writes it, and none of another.
    """

    name: str
    evaluate: Callable[..., Any]
    derivative: Callable[..., Gradients] | None = None
    shape: Callable[..., Shape] | None = None
    lower: Callable[..., Symbol] | None = None
    ufunc: np.ufunc | None = None
    dtype: Literal["bool", "float"] = "float"
    overwrites: tuple[int, ...] | None = None

    @property
    def elementwise(self) -> bool:
        """Whether each element of the output needs only that element."""
        return self.shape is None

    def may_overwrite(self, place: int) -> bool:
        """Whether the output may lie where an input lies, element on element."""
        return self.elementwise if self.overwrites is None else place in self.overwrites

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def _leaf(*_: Any) -> Any:
    raise AssertionError("a leaf is bound, not evaluated")


INPUT = Operation("input", _leaf)
CONSTANT = Operation("constant", _leaf)


@dataclass(eq=False, slots=True)
class Symbol(NDArrayOperatorsMixin):
    """A node of an expression graph; stands for an array while tracing.

    Not made directly: `Graph.input`, `Graph.constant` and `Graph.apply` do.
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

    def sum(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.sum`."""
        return self.graph.call("sum", self, *args, **options)

    def mean(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.mean`."""
        return self.graph.call("mean", self, *args, **options)

    def var(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.var`."""
        return self.graph.call("var", self, *args, **options)

    def std(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.std`."""
        return self.graph.call("std", self, *args, **options)

    def max(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.max`."""
        return self.graph.call("max", self, *args, **options)

    def min(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.min`."""
        return self.graph.call("min", self, *args, **options)

    def cumsum(self, *args: Any, **options: Any) -> Symbol:
        """As `numpy.cumsum`."""
        return self.graph.call("cumsum", self, *args, **options)

    def clip(self, min: Any = None, max: Any = None) -> Symbol:  # noqa: A002  # NumPy's names
        """As `numpy.clip`."""
        return self.graph.call("clip", self, min, max)

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
        """Whether this is the size of a dimension, which is called as the dimension is."""
        return isinstance(self.name, Label)

    # --- NumPy's dispatch protocols -------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Symbol:
        """NEP 13: `np.exp(symbol)` and the operators arrive here."""
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
        """NEP 18: `np.where`, `np.sum` and other functions arrive here."""
        return self.graph.call(f"{function.__name__}", *args, **kwargs)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise refuse(
            "an array is made from an argument, as `np.asarray` and `np.vectorize` do",
            "the argument stands for an array already",
            "leave the conversion out and apply NumPy's functions to the argument itself",
        )

    # --- what an array can do and a symbol cannot ------------------------------

    def __bool__(self) -> bool:
        raise refuse(
            "a branch (`if`, `and`, `or`, `not`, `min()` or `max()`) on an array's value",
            "a formula is one expression for all elements at once",
            "use np.where(condition, a, b), np.logical_and, np.maximum or np.minimum",
        )

    def __float__(self) -> float:
        raise refuse(
            "an array is turned into a number, as `math.exp` and `float()` do",
            "the formula must work on whole arrays",
            "use NumPy's function of the same name, such as np.exp, or one of nnplug.special, "
            "such as erf or lgamma",
        )

    __int__ = __index__ = __complex__ = __float__

    def __iter__(self) -> Iterator[Symbol]:
        raise refuse(
            "a loop over an array's elements",
            "a formula works on whole arrays",
            "write the arithmetic on the array itself, or reduce it with np.sum",
        )

    def __len__(self) -> int:
        raise refuse(
            "`len()` of an array",
            "the number of rows is not part of a formula",
            "use np.mean in place of a sum divided by a length",
        )

    def __getitem__(self, key: Any) -> Symbol:
        raise refuse(
            "indexing an array, as `x[:, 0]` and `x[:, ::2]` do",
            "a formula works on whole arrays, and an activation keeps its input's width, which "
            "only a layer may change",
            "use np.where to choose elements, np.take_along_axis to choose by label, or a "
            "reduction over axis=-1",
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        raise refuse(
            "assigning to elements of an array",
            "a formula returns new values and leaves its inputs as they are",
            "use np.where(condition, new, old)",
        )

    def __getattr__(self, name: str) -> Any:
        # NumPy probes for protocols with underscored names; those must stay absent.
        if name.startswith("_"):
            raise AttributeError(name)
        reason, way_out = _ATTRIBUTES.get(
            name,
            (
                "it is not supported",
                instead_of(name) or "use NumPy functions such as np.sum(x, axis=-1, keepdims=True)",
            ),
        )
        raise refuse(f"`.{name}` of an array", reason, way_out)

    def __repr__(self) -> str:
        if self.is_input:
            return f"<symbol {self.name}{self.shape}>"
        if self.is_constant:
            return f"<symbol {self.value!r}>"
        return f"<symbol {self.operation.name}{self.shape}>"


@dataclass(eq=False)
class Graph:
    """Owns the nodes of one or more formulas and keeps equal ones single.

    Parameters
    ----------
    operations : mapping of str to Operation
        The primitives that formulas may use.
    calls : mapping of str to callable
        How to apply a function of NumPy that is not a primitive as it stands.
    synonyms : mapping of str to str
        Other names of primitives.
    simplify : callable
        Gives a simpler symbol for an operation on inputs, or None.
    settle : callable
        Says what an operation means for truth values and whole numbers.
    """

    operations: Mapping[str, Operation]
    calls: Mapping[str, Callable[..., Symbol]]
    synonyms: Mapping[str, str]
    simplify: Callable[..., Symbol | None]
    settle: Callable[..., Symbol | tuple[tuple[Symbol, ...], Kind]]
    opaque: dict[Callable[..., Any], Operation] = field(default_factory=dict)
    """Functions that could not be traced and run as they stand."""
    _nodes: dict[Hashable, Symbol] = field(default_factory=dict)
    """What each operation on given inputs came to: its node, or a simpler one."""

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
        """Take a symbol or a number; refuse anything else."""
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
        """Apply an operation by NumPy's name, as a formula wrote it."""
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
        """Note an operation as a node, or simplify it away.

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
            known = self._nodes[key] = self._note(operation, inputs, options, settings)
        return known

    def copy(self, symbol: Symbol, inputs: tuple[Symbol, ...], shape: Shape) -> Symbol:
        """Note the operation of a node of another graph, which is as simple as it gets, here."""
        key = (symbol.operation, tuple(map(id, inputs)), symbol.options)
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = Symbol(
                self, symbol.operation, inputs, symbol.options, shape, symbol.dtype_kind
            )
        return known

    def _note(
        self,
        operation: Operation,
        inputs: tuple[Symbol, ...],
        options: dict[str, Any],
        settings: tuple[tuple[str, Any], ...],
    ) -> Symbol:
        """Note an operation that these inputs have not been given before."""
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
            narrow, like = _strip_broadcasts(inputs, shape)
            if like is not None:
                return self.call("broadcast_like", self.apply(operation, *narrow), like)
            if narrow is not inputs:
                return self.apply(operation, *narrow)
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
        """Make the symbol of a dimension's size: no argument, whatever arguments are called."""
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


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """Broadcast labelled shapes by NumPy's rule.

    Raises
    ------
    FormulaError
        If two dimensions differ and neither is 1.
    """
    full = {shape for shape in shapes if shape}
    if len(full) < 2:  # nothing is stretched but numbers
        return full.pop() if full else ()
    result: list[Dimension] = []
    for position in range(1, max(map(len, shapes), default=0) + 1):
        chosen: Dimension = 1
        for shape in shapes:
            if position > len(shape) or shape[-position] == 1:
                continue
            if chosen not in (1, shape[-position]):
                raise refuse(
                    f"`{name}` of shapes {' and '.join(map(shape_text, shapes))}",
                    f"the dimension {chosen} does not fit {shape[-position]}",
                    "reduce over the last axis, with axis=-1 and keepdims=True",
                )
            chosen = shape[-position]
        result.insert(0, chosen)
    return tuple(result)


def shape_text(shape: Shape) -> str:
    """Write a shape without the quotes of its labels."""
    return f"({', '.join(map(str, shape))})"


def walk(
    outputs: Sequence[Symbol],
    known: Container[int] = (),
    inputs_of: Callable[[Symbol], Sequence[Symbol]] = attrgetter("inputs"),
) -> list[Symbol]:
    """List every node that the outputs need, inputs before their users.

    Parameters
    ----------
    known : container of int
        The identities of nodes that are neither listed nor gone through.
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


def alike(first: Sequence[Symbol], second: Sequence[Symbol]) -> bool:
    """Whether two formulas do the same, on arrays that may differ in shape."""
    one, other = walk(first), walk(second)
    twin = {id(a): b for a, b in zip(one, other, strict=False)}
    return (
        len(one) == len(other)
        and len(first) == len(second)
        and all(
            a.operation is b.operation
            and (a.options, a.name) == (b.options, b.name)
            # repr tells 0.0 from -0.0 and finds NaN again, which == does not.
            and repr(a.value) == repr(b.value)
            and len(a.inputs) == len(b.inputs)
            and all(twin[id(x)] is y for x, y in zip(a.inputs, b.inputs, strict=True))
            for a, b in zip(one, other, strict=True)
        )
        and all(twin[id(a)] is b for a, b in zip(first, second, strict=True))
    )


_ATTRIBUTES = {
    "dtype": (
        "a formula keeps the dtype it is given",
        "leave it out; plain numbers take any dtype",
    ),
    "size": (
        "a formula is traced before any array exists",
        "use np.mean in place of a sum divided by a size",
    ),
    "astype": ("a formula keeps the dtype it is given", "leave the conversion out"),
    "copy": ("a formula changes no array", "use the argument itself"),
    "sort": ("a formula changes no array", "use np.sort(x, axis=-1)"),
}
"""The reason and the way out for attributes that authors are likely to ask for."""


def _strip_broadcasts(
    inputs: tuple[Symbol, ...], shape: Shape
) -> tuple[tuple[Symbol, ...], Symbol | None]:
    """Compute before broadcasting, not after.

    Returns
    -------
    tuple of Symbol
        The inputs without explicit broadcasts.
    Symbol or None
        What the result has still to be broadcast to, if its inputs alone no
        longer give it its shape.
    """
    stretched = [symbol for symbol in inputs if symbol.operation.name == "broadcast_like"]
    if not stretched:
        return inputs, None
    narrow = tuple(
        symbol.inputs[0] if symbol.operation.name == "broadcast_like" else symbol
        for symbol in inputs
    )
    if broadcast_shapes("", *(symbol.shape for symbol in narrow)) == shape:
        return narrow, None
    likes = [symbol.inputs[1] for symbol in stretched if symbol.shape == shape]
    return (narrow, likes[0]) if likes else (inputs, None)
