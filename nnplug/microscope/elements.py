"""The formula of one element of an array, by letters and by numbers.

A unit of a layer is one element: `a @ w` becomes `a1 * w11 + a2 * w21`. The
arrays' formulas are those of the step's plan, and the numbers are those that
it computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nnplug.formulas.graph import CONSTANT, INPUT, Graph, Kind, Symbol, walk
from nnplug.formulas.mathml import to_mathml
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import OR, TEXT, Piece, number_text, write_lines
from nnplug.microscope.recording import Recording

__all__ = ["Elements", "Index", "Written", "rounded"]

Index = tuple[int, ...]

TERMS = 4
"""The most terms of a sum that are written out."""

MOST = 120
"""The most operations that are written out; the rest are shown by their numbers."""

Name = Callable[..., str]
"""Gives the letter of an element of an array that a symbol stands for, `name(symbol, index)`;
with `full=True`, after the name of the array's layer."""


@dataclass(frozen=True)
class Written:
    """The formula of one element.

    Attributes
    ----------
    formula, numbers : str
        A line for each sub-expression that is used more than once and for each
        sum within it, s1, s2, ..., and one for the element: with letters, and
        with numbers in their place.
    mathml, mathml_numbers : str
        The same in MathML.
    """

    formula: str
    numbers: str
    mathml: str
    mathml_numbers: str


class Elements:
    """Writes the formulas of elements.

    Parameters
    ----------
    recording : Recording
    name : callable
    """

    def __init__(self, recording: Recording, name: Name) -> None:
        self._recording, self._name = recording, name
        self._operations = new_graph().operations

    def write(self, name: str, formula: Symbol, index: Index) -> Written:
        """Write the formula of an element, on the right of `name = `."""
        expansion = _Expansion(self._recording, self._name, formula)
        symbol = expansion.element(formula, index)
        symbols, names = [*expansion.lines.values(), symbol], [*expansion.names, name]
        with_numbers = [expansion.in_numbers(each) for each in symbols]
        return Written(
            _text(symbols, names),
            _text(with_numbers, names),
            _mathml(symbols, names),
            _mathml(with_numbers, names),
        )


class _Expansion:
    """The expansion of a formula over arrays at one place.

    Attributes
    ----------
    lines : dict of (int, Index) to Symbol
        Sub-expressions with a line of their own, by node and place.
    names : list of str
        Their names.
    """

    def __init__(self, recording: Recording, name: Name, formula: Symbol) -> None:
        self._recording, self._name = recording, name
        self.graph: Graph = new_graph()
        self.lines: dict[tuple[int, Index], Symbol] = {}
        self.names: list[str] = []
        self._numbers: dict[int, float] = {}
        self._letters: dict[tuple[int, Index], Symbol] = {}
        self._taken: set[str] = set()
        self._left = MOST
        order = walk([formula])
        uses = Counter(id(child) for symbol in order for child in symbol.inputs)
        self._apart = {
            id(symbol)
            for symbol in order
            if (uses[id(symbol)] > 1 and not _is_short(symbol))
            or (symbol.operation.name in _REDUCTIONS and symbol is not formula)
        }

    # --- letters and numbers --------------------------------------------------------------

    def _letter(self, symbol: Symbol, index: Index, name: str) -> Symbol:
        """Make the symbol of a letter that stands for an array's number at a place."""
        letter = Symbol(self.graph, INPUT, (), (), (), "float", name=name)
        self._numbers[id(letter)] = self._number(symbol, index)
        self._letters[id(symbol), index] = letter
        self._taken.add(name)
        return letter

    def in_numbers(self, symbol: Symbol) -> Symbol:
        """Put the numbers in the letters' place."""
        made: dict[int, Symbol] = {}
        for node in walk([symbol]):
            if id(node) in self._numbers:
                number = rounded(self._numbers[id(node)])
                made[id(node)] = Symbol(self.graph, CONSTANT, (), (), (), "float", value=number)
            else:
                inputs = tuple(made[id(child)] for child in node.inputs)
                made[id(node)] = replace(node, inputs=inputs) if inputs else node
        return made[id(symbol)]

    def _number(self, symbol: Symbol, index: Index) -> float:
        array = self._recording.numbers_of(symbol)
        return float(array[_broadcast(index, array.shape)])

    # --- elements -------------------------------------------------------------------------

    def element(self, symbol: Symbol, index: Index) -> Symbol:
        """Expand a node at a place."""
        if symbol.is_constant:
            return symbol
        index = _broadcast(index, symbol.shape)
        key = (id(symbol), index)
        if key in self._letters:
            return self._letters[key]
        if symbol.is_input:
            name = self._name(symbol, index)
            if name in self._taken:  # another layer's array has the same letter
                name = self._name(symbol, index, full=True)
            return self._letter(symbol, index, name)
        if self._left <= 0:
            return self._letter(symbol, index, f"{symbol.operation.name}(…)")
        made = self._expand(symbol, index)
        if id(symbol) not in self._apart or not made.inputs:
            return made
        self.names.append(f"s{len(self.names) + 1}")
        self.lines[key] = made
        return self._letter(symbol, index, self.names[-1])

    def _expand(self, symbol: Symbol, index: Index) -> Symbol:
        name, inputs, options = symbol.operation.name, symbol.inputs, dict(symbol.options)
        if symbol.operation.elementwise and not symbol.operation.opaque:
            return self._apply(symbol, [self.element(child, index) for child in inputs])
        if name == "matmul":
            a, b = inputs
            (row, column), inner = index, int(a.shape[1])
            return self._sum(
                [
                    self._times(self.element(a, (row, k)), self.element(b, (k, column)))
                    for k in range(inner)[: TERMS + 1]
                ],
                inner,
            )
        if name == "transpose":
            return self.element(inputs[0], index[::-1])
        if name == "broadcast_like":
            return self.element(inputs[0], index)
        if name == "expand_dims":
            axis = int(options["axis"]) % len(symbol.shape)
            return self.element(inputs[0], index[:axis] + index[axis + 1 :])
        if name == "take_along_axis":
            label = int(self._recording.numbers_of(inputs[1])[index])
            return self.element(inputs[0], (*index[:-1], label))
        if name == "one_hot":
            label = int(self._recording.numbers_of(inputs[0])[(*index[:-1], 0)])
            return self._constant(float(label == index[-1]))
        if name == "flip":
            return self.element(inputs[0], (*index[:-1], int(symbol.shape[-1]) - 1 - index[-1]))
        if name in ("columns", "place_columns"):
            return self._of_block(name, symbol, index, int(options["place"]))
        if name in ("sum", "mean", "max", "min"):
            places = _reduced(inputs[0], index, options["axis"], bool(options["keepdims"]))
            terms = [self.element(inputs[0], place) for place in places[: TERMS + 1]]
            if name in ("sum", "mean"):
                total = self._sum(terms, len(places))
                if name == "sum":
                    return total
                return self._operation("divide", total, self._constant(float(len(places))))
            return self._apply(replace(symbol, options=()), self._cut(terms, len(places)))
        return self._letter(symbol, index, f"{name}(…)")

    def _of_block(self, name: str, symbol: Symbol, index: Index, place: int) -> Symbol:
        """Expand one of several blocks of columns, or an array of zeros around a block."""
        if name == "columns":
            width = int(symbol.shape[-1])
            return self.element(symbol.inputs[0], (*index[:-1], index[-1] + place * width))
        width = int(symbol.inputs[0].shape[-1])
        column = index[-1] - place * width
        if 0 <= column < width:
            return self.element(symbol.inputs[0], (*index[:-1], column))
        return self._constant(0.0)

    # --- nodes ----------------------------------------------------------------------------

    def _constant(self, number: float) -> Symbol:
        return Symbol(self.graph, CONSTANT, (), (), (), "float", value=number)

    def _apply(self, symbol: Symbol, inputs: Sequence[Symbol]) -> Symbol:
        self._left -= 1
        # A float that comes from whole numbers alone would be written 1.0.
        kind: Kind = "bool" if symbol.dtype_kind == "bool" else "int"
        return replace(symbol, graph=self.graph, inputs=tuple(inputs), shape=(), dtype_kind=kind)

    def _operation(self, name: str, a: Symbol, b: Symbol) -> Symbol:
        self._left -= 1
        return Symbol(self.graph, self.graph.operations[name], (a, b), (), (), "int")

    def _times(self, a: Symbol, b: Symbol) -> Symbol:
        return self._operation("multiply", a, b)

    def _sum(self, terms: Sequence[Symbol], count: int) -> Symbol:
        total, *others = self._cut(terms, count)
        for term in others:
            total = self._operation("add", total, term)
        return total

    def _cut(self, terms: Sequence[Symbol], count: int) -> list[Symbol]:
        """Write out the first terms, and say how many more there are."""
        if count <= TERMS:
            return list(terms)
        left = f"({count - TERMS + 1} more)"
        return [*terms[: TERMS - 1], Symbol(self.graph, INPUT, (), (), (), "float", name=left)]


_REDUCTIONS = ("sum", "mean", "max", "min")
"""They have a line of their own: each element of a row may need them."""


def _is_short(symbol: Symbol) -> bool:
    """Whether a node is written again where it is used again."""
    if symbol.is_input or symbol.is_constant:
        return True
    leaf = not any(child.inputs for child in symbol.inputs)
    names = ("negative", "absolute", "sign", "broadcast_like", "expand_dims", "transpose")
    return symbol.operation.name in names and leaf


def _broadcast(index: Index, shape: Sequence[object]) -> Index:
    """Give the place of an array's element that stands at a place of a larger one."""
    kept = index[len(index) - len(shape) :] if shape else ()
    return tuple(0 if size == 1 else at for at, size in zip(kept, shape, strict=True))


def _reduced(symbol: Symbol, index: Index, axis: int | None, keepdims: bool) -> list[Index]:
    """List the places of an array that a reduction takes together."""
    shape = tuple(int(size) for size in symbol.shape)
    if axis is None:
        return list(np.ndindex(shape))
    axis %= len(shape)
    rest = index[:axis] + index[axis + 1 :] if keepdims else index
    return [(*rest[:axis], k, *rest[axis:]) for k in range(shape[axis])]


def rounded(number: float) -> float:
    """Round a number to the six digits that are shown."""
    return float(f"{number:.6g}") + 0.0  # 0 for -0


# --- writing ------------------------------------------------------------------------------


def _bracketed(symbol: Symbol) -> Piece:
    """Write a number; a negative one gets brackets wherever it is an operand."""
    if symbol.dtype_kind != "bool":
        symbol = replace(symbol, value=rounded(symbol.value))
    text, strength = number_text(symbol)
    return text, OR if text.startswith("-") else strength


_NUMBERS = replace(TEXT, number=_bracketed)


def _text(symbols: Sequence[Symbol], names: Sequence[str]) -> str:
    return "\n".join(
        f"{left} = {right}"
        for symbol, name in zip(symbols, names, strict=True)
        for left, right in write_lines([symbol], [name], _NUMBERS)[-1:]
    )


def _mathml(symbols: Sequence[Symbol], names: Sequence[str]) -> str:
    return to_mathml(symbols, names)
