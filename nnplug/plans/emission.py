"""From the nodes of an expression graph to instructions over named values."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnplug.formulas.graph import Operation, Symbol, walk
from nnplug.formulas.shapes import Shape
from nnplug.network.network import Network
from nnplug.network.spans import Span
from nnplug.plans.program import Instruction, Phase, Section, Value

__all__ = [
    "CAST",
    "COPY",
    "CURVATURE",
    "DOT",
    "DOT_LEFT",
    "DOT_RIGHT",
    "POINT",
    "SIGNS",
    "SIGN_NOISE",
    "SQUARES",
    "SUM_ROWS",
    "TAKE",
    "TOTAL",
    "Emitter",
    "concrete",
    "reading_order",
]


def _operation(
    name: str, evaluate: Callable[..., Any], shape: Callable[..., Shape] = lambda *shapes: shapes[0]
) -> Operation:
    return Operation(name, evaluate, shape=shape)


# Operations that plans have and formulas do not.
DOT = _operation("dot", np.dot, lambda a, b: (a[0], b[1]))
DOT_LEFT = _operation("dot_left", lambda a, b: np.dot(a.T, b), lambda a, b: (a[1], b[1]))  # aᵀ·b
DOT_RIGHT = _operation("dot_right", lambda a, b: np.dot(a, b.T), lambda a, b: (a[0], b[0]))  # a·bᵀ
SUM_ROWS = _operation("sum_rows", lambda a: np.sum(a, axis=0), lambda a: a[1:])
TOTAL = _operation("total", lambda a: np.sum(a, dtype=np.float64))
TAKE = _operation("take", lambda data, rows: data[rows])
SQUARES = _operation("squares", lambda a: np.dot(a, a))
COPY = _operation("copy", lambda a: a)
CAST = _operation("cast", lambda a: a)

_BOOL, _FLOAT64 = np.dtype(bool), np.dtype(np.float64)

# Inputs that are read for their shape alone.
_SHAPE_ONLY = {"broadcast_like": 1, "one_hot": 1, "columns": 1, "place_columns": 1}

# Operations that choose by labels: as whole numbers, while others take them as floats.
_BY_LABEL = {"take_along_axis", "one_hot"}


CURVATURE, SIGNS = "of curvature", "of signs"
"""The vectors of the estimated diagonal of the Hessian, and of the signs in the estimate."""

SIGN_NOISE = "signs.noise"
"""The random numbers behind the signs, uniform on [0, 1), one for each parameter."""

POINT = "at point"
"""The vector of the parameters at which an optimizer takes a second gradient."""


class Emitter:
    """Writes the sections of a program, one after the other.

    Parameters
    ----------
    network : Network
    rows : int
        The batch size, N.

    Attributes
    ----------
    sections : list of Section
        The sections written so far.
    numbers : Section or None
        The section that computes the numbers that change with the step, if a
        formula has any.
    at_point : bool
        Whether the parameters are those of the point of the second gradient.
    """

    def __init__(self, network: Network, rows: int) -> None:
        self.network = network
        self.rows = rows
        self.dtype = network.dtype
        self.sections: list[Section] = []
        self.numbers: Section | None = None
        self.at_point = False
        self._constants: dict[tuple[str, np.dtype[Any]], Value] = {}
        self._counts: dict[str, int] = {}
        self._narrow: dict[Value, Value] = {}
        self._floats: dict[Value, Value] = {}

    # --- values ---------------------------------------------------------------------

    def section(
        self, phase: Phase, title: str, *, tiled: bool = False, rows: int | None = None
    ) -> Section:
        """Begin a section; a tiled one goes over `rows`, by default those of the batch."""
        self.sections.append(Section(title, phase, (rows or self.rows) if tiled else None))
        return self.sections[-1]

    def value(self, name: str, shape: tuple[int, ...], **fields: Any) -> Value:
        """Make a value with a row for each row of the batch, which tiles divide."""
        return Value(name, shape, fields.pop("dtype", self.dtype), per_row=True, **fields)

    def constant(self, number: float, dtype: np.dtype[Any] | None = None) -> Value:
        """Make a number of a formula, by default in the network's dtype."""
        kind = self.dtype if dtype is None else dtype
        # repr tells 0.0 from -0.0 and finds NaN again, which == does not.
        key = (repr(number), kind)
        if key not in self._constants:
            whole = float(number).is_integer() and abs(number) < 1e9
            text = str(int(number)) if whole else f"{number:.6g}"
            self._constants[key] = Value(text, (), kind, "constant", number=number)
        return self._constants[key]

    def stretch(self, name: str, vector: str) -> Value:
        """Make the value at a parameter array's place in another vector."""
        span: Span = self.network.span(name)
        return Value(f"{name}.{vector}", span.shape, self.dtype, "slot", span.start, vector)

    def parameter(self, name: str, *, gradient: bool = False) -> Value:
        """Make the value of one parameter array, or of its gradient."""
        span: Span = self.network.span(name)
        role: Any = "gradients" if gradient else "parameters"
        # A new state stands in the vector of gradients, where a parameter's gradient would.
        shown = (f"{name}'" if span.is_state else f"{name}.grad") if gradient else name
        if self.at_point and not gradient:
            shown = f"{name}.point"
            return Value(shown, span.shape, self.dtype, "slot", span.start, POINT)
        return Value(shown, span.shape, self.dtype, role, start=span.start)

    # --- a formula's graph as instructions --------------------------------------------

    def emit(
        self,
        section: Section,
        roots: Iterable[Symbol],
        values: dict[int, Value],
        *,
        prefix: str,
        sizes: Mapping[str, int],
        names: Mapping[int, Value] | None = None,
    ) -> None:
        """Append instructions that compute the roots, and add each node's value to `values`.

        Parameters
        ----------
        values : dict
            The value of each node by the node's identity; the inputs' are given.
        prefix : str
            Begins the names of values that have none: `prefix.t1`, ...
        sizes : mapping
            The size of each labelled dimension.
        names : mapping, optional
            The values of some nodes, made beforehand.
        """
        made = names or {}
        for symbol in reading_order(roots, values):
            output = made.get(id(symbol))
            self.write(section, symbol, values, prefix=prefix, sizes=sizes, output=output)

    def write(
        self,
        section: Section,
        symbol: Symbol,
        values: dict[int, Value],
        *,
        prefix: str,
        sizes: Mapping[str, int],
        output: Value | None = None,
    ) -> None:
        """Append the instruction that computes a node, whose inputs are in `values`; see `emit`.

        Parameters
        ----------
        output : Value, optional
            The node's value, if it was made beforehand.
        """
        if symbol.is_constant:
            return
        if symbol.is_input:  # all inputs but the sizes of dimensions are in `values`
            values[id(symbol)] = self.constant(float(sizes[symbol.name]), _FLOAT64)
            return
        read = [self._value(child, values) for child in _read(symbol)]
        number = False
        if not symbol.shape:
            roles = {value.role for value in read}
            if roles == {"constant"}:
                values[id(symbol)] = self._compute_now(symbol, read)
                return
            number = roles <= {"scalar", "constant"}
        if output is None:
            # Numbers are computed in float64 beside the arrays: 1 - beta2**step
            # would lose half its digits in float32.
            dtype = _FLOAT64 if number else self.dtype
            output = self._fresh(symbol, section, prefix, concrete(symbol.shape, sizes), dtype)
        if number:
            output.role = "scalar"
        values[id(symbol)] = output
        target = self.numbers if number and self.numbers is not None else section
        if symbol.operation.name not in _BY_LABEL:
            read = [self._as_float(value, target) for value in read]
        # A function that is called as it stands gets numbers in full, and widens nothing.
        if not number and not symbol.operation.opaque:
            read = [self._beside_arrays(value) for value in read]
        options = dict(symbol.options)
        target.instructions.append(Instruction(symbol.operation, tuple(read), output, options))

    def operand(self, symbol: Symbol, values: Mapping[int, Value]) -> Value:
        """Give the value of a symbol, as an operand of an array operation."""
        return self._beside_arrays(self._value(symbol, values))

    def _value(self, symbol: Symbol, values: Mapping[int, Value]) -> Value:
        if not symbol.is_constant:
            return values[id(symbol)]
        return self.constant(symbol.value, _BOOL if symbol.dtype_kind == "bool" else _FLOAT64)

    def _fresh(
        self,
        symbol: Symbol,
        section: Section,
        prefix: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> Value:
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        name = f"{prefix}.t{self._counts[prefix]}"
        kind = _BOOL if symbol.dtype_kind == "bool" else dtype
        by_row = symbol.shape[:1] == ("N",) or (
            section.rows is not None and shape[:1] == (section.rows,)
        )
        return Value(name, shape, kind, per_row=by_row, within=True)

    def _compute_now(self, symbol: Symbol, read: Sequence[Value]) -> Value:
        """Compute a number that does not change, such as 1 / C."""
        with np.errstate(all="ignore"):
            result = symbol.operation.evaluate(*(np.asarray(value.number) for value in read))
        return self.constant(float(result), _BOOL if symbol.dtype_kind == "bool" else _FLOAT64)

    def _as_float(self, value: Value, section: Section) -> Value:
        """Give labels as floats, for arithmetic."""
        if value.dtype.kind not in "iu":
            return value
        if value not in self._floats:
            name = f"{value.name}.{self.dtype.name}"
            made = Value(name, value.shape, self.dtype, per_row=value.per_row)
            section.instructions.append(Instruction(CAST, (value,), made))
            self._floats[value] = made
        return self._floats[value]

    def _beside_arrays(self, value: Value) -> Value:
        """Give a number in the arrays' dtype: a float64 would widen the whole result."""
        if value.shape or value.dtype != _FLOAT64 or self.dtype == _FLOAT64:
            return value
        if value.role == "constant":
            return self.constant(value.number)
        if value.role != "scalar":
            return value
        if value not in self._narrow:
            assert self.numbers is not None, "only an optimizer's numbers change with the step"
            narrow = Value(f"{value.name}.{self.dtype.name}", (), self.dtype, "scalar")
            self.numbers.instructions.append(Instruction(CAST, (value,), narrow))
            self._narrow[value] = narrow
        return self._narrow[value]


def _read(symbol: Symbol) -> tuple[Symbol, ...]:
    """Give the inputs whose elements are read, not only their shape."""
    count = _SHAPE_ONLY.get(symbol.operation.name)
    return symbol.inputs if count is None else symbol.inputs[:count]


def reading_order(roots: Iterable[Symbol], known: Container[int]) -> list[Symbol]:
    """List the nodes that the roots read and that are not known, inputs before their users."""
    return walk(list(roots), known, _read)


def concrete(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Replace labels by sizes."""
    return tuple([dim if isinstance(dim, int) else sizes[dim] for dim in shape])
