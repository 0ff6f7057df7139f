"""A model as a program for one row, in a language with C's expressions.

Elementwise operations of the same width share a loop; what is needed after it
is an array, all else a local number. Nothing is allocated.

Letters: a node's width is its shape without N; a width of 1 is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nnplug.errors import SettingError
from nnplug.exporters.language import Language
from nnplug.exporters.model_graph import ModelGraph
from nnplug.exporters.writing import Expressions, Names
from nnplug.formulas.graph import Symbol
from nnplug.formulas.printing import ATOM, Piece
from nnplug.types import AnyArray

__all__ = ["RowProgram"]

_ALIASES = ("expand_dims", "broadcast_like")
"""What changes no number of a row."""


@dataclass(eq=False)
class _Group:
    """What is computed together: elementwise operations of a width, or one on whole rows."""

    width: int
    nodes: list[Symbol] = field(default_factory=list)
    elementwise: bool = True


class RowProgram:
    """Writes a model's graph as statements for one row.

    Parameters
    ----------
    whole : ModelGraph
    language : Language
    names : Names

    Attributes
    ----------
    arrays : dict of str to array
        What the statements read besides the row, by name; a matrix lies row by row.
    lines : list of str
        The statements.
    """

    def __init__(self, whole: ModelGraph, language: Language, names: Names) -> None:
        self._whole, self._language, self._names = whole, language, names
        self._order = whole.order(whole.outputs)
        self._network = whole.model.network.dtype.name
        self._dtypes = self._find_dtypes()
        self._groups, self._place = self._group()
        self._comments = {id(symbol): text for _, text, symbol in whole.layers}
        self._called = {id(symbol): name for name, _, symbol in whole.layers}
        self._called[id(whole.input)] = "x"
        self._made: dict[int, str] = {}
        self._arrays = {
            identity: names.new(name)
            for identity, name in whole.array_names().items()
            if whole.arrays[identity].size > 1
        }
        self.lines = list(self._statements())

    @property
    def arrays(self) -> dict[str, AnyArray]:
        """What the statements read besides the row."""
        return {name: self._whole.arrays[identity] for identity, name in self._arrays.items()}

    def elements(self, symbol: Symbol) -> list[str]:
        """Write the numbers of a row of an output, after the statements."""
        name, width = self._made[id(symbol)], self._width(symbol)
        return [name] if width == 1 else [f"{name}[{place}]" for place in range(width)]

    def dtype(self, symbol: Symbol) -> str:
        """Say of which dtype a node is: `"float32"`, `"float64"` or `"bool"`."""
        return self._network if id(symbol) in self._whole.arrays else self._dtypes[id(symbol)]

    # --- what is where ------------------------------------------------------------------

    def _width(self, symbol: Symbol) -> int:
        if id(symbol) in self._whole.arrays:
            return int(self._whole.arrays[id(symbol)].size)
        width = 1
        for size in symbol.shape[1:]:
            if len(symbol.shape) > 2 or not isinstance(size, int):
                raise SettingError(
                    f"{symbol.operation.name} makes an array of shape {symbol.shape}; a program "
                    "for one row has rows of numbers alone."
                )
            width = size
        return width

    def _find_dtypes(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for symbol in self._order:
            name = symbol.operation.name
            given = {found.get(id(child), self._network) for child in symbol.inputs}
            floats = given & {"float32", "float64"}
            if symbol.is_constant:
                found[id(symbol)] = "number"
            elif symbol.dtype_kind == "bool":
                found[id(symbol)] = "bool"
            elif name == "to_network":
                found[id(symbol)] = self._network
            elif name == "to_float64" or symbol.is_input or not floats:
                found[id(symbol)] = "float64"
            else:
                found[id(symbol)] = max(floats)
        return found

    def _group(self) -> tuple[list[_Group], dict[int, int]]:
        """Put each node into the first group where all that it needs is known."""
        groups: list[_Group] = []
        place: dict[int, int] = {}
        for symbol in self._order:
            if symbol.is_constant:
                continue
            earliest = max((place.get(id(child), 0) for child in symbol.inputs), default=0)
            width = self._width(symbol)
            elementwise = symbol.operation.name not in _WHOLE_ROWS
            number = len(groups)
            if elementwise:
                fitting = (
                    number
                    for number in range(earliest, len(groups))
                    if groups[number].elementwise and groups[number].width == width
                )
                number = next(fitting, number)
            if number == len(groups):
                groups.append(_Group(width, elementwise=elementwise))
            groups[number].nodes.append(symbol)
            place[id(symbol)] = number
        return groups, place

    # --- statements ---------------------------------------------------------------------

    def _statements(self) -> Iterator[str]:
        last = len(self._groups)
        users: dict[int, set[int]] = {id(symbol): {last} for symbol in self._whole.outputs}
        for symbol in self._order:
            for child in symbol.inputs:
                users.setdefault(id(child), set()).add(self._place.get(id(symbol), last))
        for number, group in enumerate(self._groups):
            for node in group.nodes:
                if id(node) in self._comments:
                    yield f"/* {self._comments[id(node)]} */"
            if group.elementwise:
                kept = {id(node) for node in group.nodes if users[id(node)] - {number}}
                yield from self._elementwise(group, kept)
            else:
                (node,) = group.nodes
                yield from _WHOLE_ROWS[node.operation.name](self, node)

    def _name(self, symbol: Symbol) -> str:
        self._made[id(symbol)] = self._names.new(self._called.get(id(symbol), "t"))
        return self._made[id(symbol)]

    def _elementwise(self, group: _Group, kept: set[int]) -> Iterator[str]:
        language, single = self._language, group.width == 1
        inner: list[str] = []

        def assign(symbol: Symbol, name: str, text: str) -> None:
            inner.append(language.assign(name, text, self.dtype(symbol)))

        wanted = {identity: self._called.get(identity, "t") for identity in kept if single}
        expressions = Expressions(group.nodes, self._node, assign, self._names, wanted, longest=90)
        for node in group.nodes:
            for child in node.inputs:
                if self._place.get(id(child)) != self._place[id(node)]:
                    expressions.pieces[id(child)] = self._operand(child)
        arrays: list[str] = []
        for node in group.nodes:
            piece = expressions.write(node)
            if id(node) in kept and single:
                self._made[id(node)] = piece[0]
            elif id(node) in kept:
                name = self._name(node)
                arrays.append(language.array(name, group.width, self.dtype(node)))
                inner.append(f"{name}[i] = {piece[0]};")
                expressions.pieces[id(node)] = (f"{name}[i]", ATOM)
        if single:
            yield from inner
            return
        yield from arrays
        yield f"{language.loop('i', group.width)} {{"
        yield from (f"    {line}" for line in inner)
        yield "}"

    def _operand(self, symbol: Symbol, index: str = "i") -> Piece:
        """Write what earlier groups made; of an array, an element."""
        if symbol.is_constant:
            return "", ATOM  # written where its dtype is known
        if id(symbol) in self._whole.arrays:
            array = self._whole.arrays[id(symbol)]
            if array.size == 1:
                return self._language.literal(float(array.reshape(())), self._network)
            return self._language.stored(self._arrays[id(symbol)], index), ATOM
        name = self._made[id(symbol)]
        return (name if self._width(symbol) == 1 else f"{name}[{index}]"), ATOM

    def _node(self, symbol: Symbol, inputs: list[Piece]) -> Piece:
        language, name = self._language, symbol.operation.name
        if symbol.is_input:
            return language.cell(self._whole.cells[symbol.name])
        among = {self.dtype(child) for child in symbol.inputs} - {"bool", "number"}
        # A condition is computed in the dtype of what it compares.
        dtype = max(among) if self.dtype(symbol) == "bool" and among else self.dtype(symbol)
        pieces = [
            language.literal(child.value, dtype) if child.is_constant else piece
            for child, piece in zip(symbol.inputs, inputs, strict=True)
        ]
        options = dict(symbol.options)
        if name in ("to_network", "to_float64"):
            return language.convert(pieces[0], dtype)
        if name in _ALIASES:
            return pieces[0]
        if name == "column":
            (x,) = symbol.inputs
            return pieces[0] if self._width(x) == 1 else self._operand(x, str(options["place"]))
        if name == "standardise":
            facts = [language.number(options[key], dtype) for key in ("mean", "scale", "fill")]
            texts = [text for text, _ in pieces]
            return language.call(name, [*texts, *facts], dtype), ATOM
        return language.operation(name, pieces, dtype)

    # --- operations on whole rows -------------------------------------------------------

    def _fill(self, symbol: Symbol, element: str) -> Iterator[str]:
        """Write an array whose elements are an expression in i."""
        language, width = self._language, self._width(symbol)
        name = self._name(symbol)
        yield language.array(name, width, self.dtype(symbol))
        yield f"{language.loop('i', width)} {{ {name}[i] = {element}; }}"

    def _stack(self, symbol: Symbol) -> Iterator[str]:
        language, dtype = self._language, self.dtype(symbol)
        texts = [
            language.number(child.value, dtype) if child.is_constant else self._operand(child)[0]
            for child in symbol.inputs
        ]
        name = self._name(symbol)
        if len(texts) == 1:
            yield language.assign(name, texts[0], dtype)
            return
        yield language.array(name, len(texts), dtype)
        yield from (f"{name}[{place}] = {text};" for place, text in enumerate(texts))

    def _matmul(self, symbol: Symbol) -> Iterator[str]:
        x, weights = symbol.inputs
        if id(weights) not in self._whole.arrays:
            raise SettingError(
                "a matrix product of two arrays that depend on the row: a program for one row has "
                "no form for it."
            )
        language, dtype, width = self._language, self.dtype(symbol), self._width(symbol)
        zero, term = language.number(0.0, dtype), self._operand(x, "k")[0]
        name = self._name(symbol)
        if self._whole.arrays[id(weights)].size == 1:
            yield language.assign(name, f"{term} * {self._operand(weights)[0]}", dtype)
        elif width == 1:
            product = f"{term} * {language.stored(self._arrays[id(weights)], 'k')}"
            yield language.assign(name, zero, dtype, constant=False)
            yield f"{language.loop('k', self._width(x))} {{ {name} += {product}; }}"
        else:
            place = f"k * {width} + i"
            product = f"{term} * {language.stored(self._arrays[id(weights)], place)}"
            yield language.array(name, width, dtype)
            yield f"{language.loop('i', width)} {{ {name}[i] = {zero}; }}"
            yield f"{language.loop('k', self._width(x))} {{"
            yield f"    {language.loop('i', width)} {{ {name}[i] += {product}; }}"
            yield "}"

    def _reduce(self, symbol: Symbol) -> Iterator[str]:
        (x,) = symbol.inputs
        language, dtype, kind = self._language, self.dtype(symbol), symbol.operation.name
        name = self._name(symbol)
        operation = {"sum": "add", "max": "maximum", "min": "minimum"}[kind]
        first = language.number(0.0, dtype) if kind == "sum" else self._operand(x, "0")[0]
        step = language.operation(operation, [(name, ATOM), self._operand(x)], dtype)[0]
        yield language.assign(name, first, dtype, constant=False)
        yield f"{language.loop('i', self._width(x))} {{ {name} = {step}; }}"

    def _columns(self, symbol: Symbol) -> Iterator[str]:
        first = dict(symbol.options)["place"] * self._width(symbol)
        yield from self._fill(symbol, self._operand(symbol.inputs[0], f"i + {first}")[0])

    def _flip(self, symbol: Symbol) -> Iterator[str]:
        last = self._width(symbol) - 1
        yield from self._fill(symbol, self._operand(symbol.inputs[0], f"{last} - i")[0])

    def _cumsum(self, symbol: Symbol) -> Iterator[str]:
        language, dtype, total = self._language, self.dtype(symbol), self._names.new("total")
        yield language.assign(total, language.number(0.0, dtype), dtype, constant=False)
        yield from self._fill(symbol, f"{total} += {self._operand(symbol.inputs[0])[0]}")

    def _sort(self, symbol: Symbol) -> Iterator[str]:
        """Sort by insertion: rows are short."""
        language, dtype, width = self._language, self.dtype(symbol), self._width(symbol)
        name = self._name(symbol)
        yield language.array(name, width, dtype)
        yield f"{language.loop('i', width)} {{"
        yield f"    {language.assign('v', self._operand(symbol.inputs[0])[0], dtype)}"
        yield f"    {language.assign('j', 'i', 'int', constant=False)}"
        yield f"    for (; j > 0 && {name}[j - 1] > v; j--) {{ {name}[j] = {name}[j - 1]; }}"
        yield f"    {name}[j] = v;"
        yield "}"


_WHOLE_ROWS: dict[str, Callable[[RowProgram, Symbol], Iterator[str]]] = {
    "stack": RowProgram._stack,
    "matmul": RowProgram._matmul,
    "sum": RowProgram._reduce,
    "max": RowProgram._reduce,
    "min": RowProgram._reduce,
    "columns": RowProgram._columns,
    "flip": RowProgram._flip,
    "cumsum": RowProgram._cumsum,
    "sort": RowProgram._sort,
}
"""Operations that need more than one number of their input's row."""
