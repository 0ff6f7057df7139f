"""Tracing: calling an author's formula on symbols, and putting it where a network needs it.

A network is the composition of its layers' formulas. Each is traced by
itself, with labels of its own, and with the chain rule through it: from a
number's derivative by its output to those by its inputs. So equal layers are
traced and differentiated once, a derivative that the author gives is kept, and
a formula does not depend on what stands before it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from typing import Any

from nnplug.errors import FormulaError, OptionError, PartError
from nnplug.formulas.derivative import depending, differentiate
from nnplug.formulas.graph import Graph, Operation, Symbol, reapply, walk
from nnplug.formulas.purity import Traces
from nnplug.formulas.refusal import UnsupportedError, call_author, instead_of, is_authors
from nnplug.formulas.shapes import Dimension, Shape

__all__ = ["Formula", "alike", "lower", "mixed_rows", "put", "trace"]

_AS_IT_STANDS = " Or give the activation `derivative=`, and it runs as it stands, on arrays."


def trace(
    function: Callable[..., Any],
    arguments: Sequence[Symbol],
    options: Mapping[str, Any],
    *,
    name: str,
    traces: Traces | None = None,
    may_run: bool = False,
    may_learn: bool = False,
) -> tuple[Symbol, ...]:
    """Call a formula on symbols, and make sure that a second call gives the same.

    Parameters
    ----------
    function : callable
        The author's function.
    arguments : sequence of Symbol
        Its positional arguments.
    options : mapping
        Its keyword arguments, numbers or symbols.
    name : str
        The part's name, for messages.
    traces : Traces, optional
        The part's earlier traces.
    may_run : bool, optional
        Whether the part could run as it stands, if the author gave its derivative.
    may_learn : bool, optional
        Whether the part may have options that are learned.

    Returns
    -------
    tuple of Symbol
        The values that it returns; a single one as a tuple of one.

    Raises
    ------
    FormulaError
        If it uses something that cannot be traced. The message has the author's
        file and line, the reason and the way out.
    ImpureFormulaError
        If it is not the same at every call.
    """
    outputs = _call(function, arguments, options, name, may_run)

    def again() -> tuple[Symbol, ...] | None:
        try:
            return _call(function, arguments, options, name, may_run)
        except FormulaError:
            return None

    (traces or Traces()).check(
        function, arguments, options, outputs, again, name=name, may_learn=may_learn
    )
    return outputs


def _call(
    function: Callable[..., Any],
    arguments: Sequence[Symbol],
    options: Mapping[str, Any],
    name: str,
    may_run: bool,
) -> tuple[Symbol, ...]:
    """Call a formula on symbols; see `trace`."""
    as_it_stands = _AS_IT_STANDS * may_run
    try:
        result = call_author(name, function, *arguments, **options)
    except (PartError, OptionError):  # running it as it stands would not help
        raise
    except UnsupportedError as error:
        raise FormulaError(f"{name}: {error}{as_it_stands}") from None
    except FormulaError as error:
        raise FormulaError(f"{name}: {error}") from None
    except Exception as error:
        said = str(error).rstrip(".")
        way_out = "use plain NumPy on the arguments"
        if isinstance(error, AttributeError) and error.name is not None:
            way_out = instead_of(error.name) or way_out
        raise FormulaError(
            f"{name}: {_place(error)}{type(error).__name__} while tracing the formula: {said}"
            f"{'' if said.endswith('?') else '.'}\nWay out: {way_out}.{as_it_stands}"
        ) from error
    if isinstance(result, list):
        raise FormulaError(
            f"{name}: {_definition(function)}the formula returns a list.\n"
            "Way out: return a tuple, as in `return param, m`, or one array alone."
        )
    outputs = result if isinstance(result, tuple) else (result,)
    graph = arguments[0].graph
    for output in outputs:
        if output is None:
            raise FormulaError(
                f"{name}: {_definition(function)}the formula returns nothing.\n"
                "Way out: end it with `return`."
            )
    try:
        return tuple(graph.symbol(output) for output in outputs)
    except FormulaError:
        kinds = ", ".join(type(output).__name__ for output in outputs)
        raise FormulaError(
            f"{name}: {_definition(function)}the formula returns {kinds}, which does not come "
            "from its arguments.\nWay out: compute the result from the arguments with NumPy."
        ) from None


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if is_authors(frame.filename):
            return f"{frame.filename}:{frame.lineno}: "
    return ""


def _definition(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""


def mixed_rows(output: Symbol, arguments: Sequence[Symbol]) -> Symbol | None:
    """Find where a formula lets a row depend on other rows.

    Returns
    -------
    Symbol or None
        The first node computed from the arguments that does not have their
        rows as its first dimension, or has them as another one too.
    """
    (rows,) = arguments[0].shape[:1]
    computed = {id(argument) for argument in arguments}
    for symbol in walk([output]):
        if any(id(child) in computed for child in symbol.inputs):
            computed.add(id(symbol))
            if symbol.shape[:1] != (rows,) or rows in symbol.shape[1:]:
                return symbol
    return None


def lower(outputs: Sequence[Symbol], kept: Container[str] = ()) -> list[Symbol]:
    """Rewrite composite operations in primitives that are single array calls.

    Parameters
    ----------
    kept : container of str
        The names of operations that stay as they are.
    """
    lowered: dict[int, Symbol] = {}
    return [_lower(symbol, lowered, kept) for symbol in outputs]


def _lower(output: Symbol, lowered: dict[int, Symbol], kept: Container[str]) -> Symbol:
    """Lower a node, and the nodes that it needs unless they are in `lowered`."""
    for symbol in walk([output], lowered):
        inputs = tuple([lowered[id(child)] for child in symbol.inputs])
        rewrite = symbol.operation.lower
        if rewrite is not None and symbol.operation.name not in kept:
            result = symbol.graph.symbol(rewrite(*inputs, **dict(symbol.options)))
            # A rewriting may use operations that must be rewritten too; its inputs are done.
            lowered.update((id(child), child) for child in inputs)
            if result.operation is not symbol.operation:
                result = _lower(result, lowered, kept)
        else:
            result = reapply(symbol, inputs)
        lowered[id(symbol)] = result
    return lowered[id(output)]


def alike(first: Sequence[Symbol], second: Sequence[Symbol]) -> bool:
    """Whether two formulas compute the same, on arrays that may differ in shape."""
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


# --- a formula inside another ------------------------------------------------------------


class Formula:
    """A traced formula with its derivative, lowered.

    Parameters
    ----------
    name : str
        The name of its operation, which no primitive has.
    inputs : sequence of Symbol
        Its arguments: the array that it is applied to, then its own arrays.
    output : Symbol
        Its value.
    slope : Symbol, optional
        The derivative of the output by the first input, element by element,
        if the author gives it; otherwise it is derived.

    Attributes
    ----------
    written : Symbol
        The output, as it was traced.
    y : Symbol
        The output, lowered.
    g : Symbol
        A number's derivative by the output, from which `pulled` is computed.
    """

    def __init__(
        self, name: str, inputs: Sequence[Symbol], output: Symbol, slope: Symbol | None = None
    ) -> None:
        self.name, self.inputs, self.written = name, tuple(inputs), output
        self._given = slope
        (self.y,) = lower([output])
        # It is not an identifier, so no argument can have the same name.
        self.g = output.graph.input("derivative by the output", output.shape)

    @property
    def is_identity(self) -> bool:
        """Whether the output is the first input."""
        return self.y is self.inputs[0]

    @cached_property
    def slope(self) -> Symbol | None:
        """The derivative by the first input, lowered; None if it is not elementwise."""
        x, slope = self.inputs[0], self._given
        if slope is None:
            if self.written.shape != x.shape or not all(
                node.operation.elementwise for node in depending([self.written], [x])
            ):
                return None
            (slope,) = differentiate(self.written, [x], x.graph.constant(1.0))
        return lower([slope])[0]

    @cached_property
    def pulled(self) -> list[Symbol]:
        """The number's derivative by each input, from its derivative by the output, lowered."""
        _, *arrays = self.inputs
        if self.slope is None:
            return lower(differentiate(self.written, self.inputs, self.g))
        by_arrays = differentiate(self.written, arrays, self.g) if arrays else []
        return [self.g * self.slope, *lower(by_arrays)]

    @cached_property
    def operation(self) -> Operation:
        """The formula as one operation, for the formula of a layer around it."""
        return Operation(
            self.name, _leaf, derivative=self._derive, shape=self.shape, lower=self._expand
        )

    def shape(self, *shapes: Shape) -> Shape:
        """Give the output's shape from the inputs'."""
        labels = self.labels(shapes)
        return tuple(labels.get(str(dim), dim) for dim in self.written.shape)

    def labels(self, shapes: Sequence[Shape]) -> dict[str, Dimension]:
        """Find the size or label that each of its labels stands for, from its inputs' shapes."""
        return {
            str(label): size
            for own, shape in zip(self.inputs, shapes, strict=True)
            for label, size in zip(own.shape, shape, strict=True)
        }

    def _expand(self, *inputs: Symbol) -> Symbol:
        made = {id(own): given for own, given in zip(self.inputs, inputs, strict=True)}
        put(walk([self.y], made), made, inputs[0].graph, self.labels(_shapes(inputs)))
        return made[id(self.y)]

    def _derive(self, g: Symbol, _y: Symbol, *inputs: Symbol) -> list[Symbol]:
        made = {id(own): given for own, given in zip(self.inputs, inputs, strict=True)}
        made[id(self.g)] = g
        put(walk(self.pulled, made), made, g.graph, self.labels(_shapes(inputs)))
        return [made[id(symbol)] for symbol in self.pulled]


def put(
    order: Sequence[Symbol], made: dict[int, Symbol], graph: Graph, labels: dict[str, Dimension]
) -> None:
    """Put nodes of one graph into another, with other symbols for its arguments.

    Parameters
    ----------
    order : sequence of Symbol
        The nodes, inputs before their users, without the arguments.
    made : dict of int to Symbol
        The symbol that replaces a node, by the node's identity. It holds the
        arguments' already; those of the nodes are added.
    graph : Graph
        The graph to put them into.
    labels : dict of str to label or int
        The dimension that replaces each label.
    """
    shapes: dict[Shape, Shape] = {}  # a formula of many nodes has few shapes
    for symbol in order:
        if symbol.is_constant:
            made[id(symbol)] = graph.number(symbol.value, symbol.dtype_kind)
        elif symbol.is_size:
            made[id(symbol)] = graph.size((labels.get(symbol.name, symbol.name),))
        else:
            assert not symbol.is_input, f"nothing is given for the argument {symbol.name}"
            inputs = tuple([made[id(child)] for child in symbol.inputs])
            shape = shapes.get(symbol.shape)
            if shape is None:
                shape = tuple([labels.get(str(dim), dim) for dim in symbol.shape])
                shapes[symbol.shape] = shape
            made[id(symbol)] = graph.copy(symbol, inputs, shape)


def _shapes(symbols: Sequence[Symbol]) -> list[Shape]:
    return [symbol.shape for symbol in symbols]


def _leaf(*_: object) -> None:
    raise AssertionError("a formula is lowered before it is evaluated")
