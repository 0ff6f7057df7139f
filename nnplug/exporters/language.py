"""A language with C's expressions: what C and JavaScript share, and what each has of its own."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from nnplug.exporters.cells import Cell
from nnplug.exporters.writing import Expressions, Names, bracket
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import ATOM, COMPARE, INFIX, MULTIPLY, UNARY, Piece, strengths
from nnplug.formulas.tracing import lower

__all__ = ["Language", "float_text"]


class Language(ABC):
    """A language with C's expressions.

    Functions are written into the page where a model needs them: `used` notes
    which, by operation and dtype.

    Parameters
    ----------
    composite : mapping of str to Symbol
        A node for each operation of `generated` in the model.
    """

    own: ClassVar[Mapping[str, str]]
    """Functions that the language lacks, as they stand on the page."""
    generated: ClassVar[frozenset[str]]
    """Operations whose function is written from their own formula."""
    infix: ClassVar[Mapping[str, tuple[str, int]]] = {
        name: sign for name, sign in INFIX.items() if name != "matmul"
    }

    def __init__(self, composite: Mapping[str, Symbol]) -> None:
        self._composite = composite
        self.used: dict[tuple[str, str], None] = {}
        self.facts: set[str] = set()

    # --- what a language has of its own -------------------------------------------------

    @abstractmethod
    def number(self, value: float, dtype: str) -> str:
        """Write a number."""

    @abstractmethod
    def library(self, name: str, dtype: str) -> str | None:
        """Give the function that the language has for an operation; None if it has none."""

    @abstractmethod
    def name(self, operation: str, dtype: str) -> str:
        """Give what the page calls a function of its own."""

    @abstractmethod
    def function(self, name: str, dtype: str, body: Sequence[str]) -> str:
        """Write a function of one number from its statements."""

    @abstractmethod
    def own_function(self, name: str, dtype: str) -> str:
        """Write a function of `own` for a dtype."""

    @abstractmethod
    def convert(self, piece: Piece, dtype: str) -> Piece:
        """Write a number as one of another dtype."""

    @abstractmethod
    def assign(self, name: str, text: str, dtype: str, *, constant: bool = True) -> str:
        """Write the line that makes a number."""

    @abstractmethod
    def array(self, name: str, size: int, dtype: str) -> str:
        """Write the line that makes an array."""

    def stored(self, array: str, place: str) -> str:
        """Write an element of what a model has learned."""
        return f"{array}[{place}]"

    @abstractmethod
    def loop(self, letter: str, size: int) -> str:
        """Write the line that begins a loop, without its bracket."""

    @abstractmethod
    def cell(self, cell: Cell) -> Piece:
        """Write what is asked of a cell."""

    # --- expressions --------------------------------------------------------------------

    def literal(self, value: float, dtype: str) -> Piece:
        """Write a number as a piece of an expression."""
        return self.number(value, dtype), UNARY if math.copysign(1, value) < 0 else ATOM

    def call(self, name: str, arguments: Sequence[str], dtype: str) -> str:
        """Write the call of an operation."""
        listed = ", ".join(arguments)
        library = self.library(name, dtype)
        if library is not None:
            return f"{library}({listed})"
        assert name in self.own or name in self.generated, name
        self.used[name, dtype] = None
        return f"{self.name(name, dtype)}({listed})"

    def operation(self, name: str, pieces: Sequence[Piece], dtype: str) -> Piece:
        """Write an elementwise operation."""
        if name in self.infix:
            sign, strength = self.infix[name]
            left, right = strengths(strength)
            return f"{bracket(pieces[0], left)} {sign} {bracket(pieces[1], right)}", strength
        if name == "negative":
            return f"-{bracket(pieces[0], ATOM)}", UNARY
        if name == "reciprocal":
            return f"{self.number(1.0, dtype)} / {bracket(pieces[0], UNARY)}", MULTIPLY
        if name == "where":
            condition, a, b = (bracket(piece, COMPARE + 1) for piece in pieces)
            return f"({condition} ? {a} : {b})", ATOM
        if name == "logical_not":
            return f"!{bracket(pieces[0], ATOM)}", UNARY
        if name in ("logical_and", "logical_or", "logical_xor"):
            sign = {"logical_and": "&&", "logical_or": "||", "logical_xor": "!="}[name]
            return f"({bracket(pieces[0], ATOM)} {sign} {bracket(pieces[1], ATOM)})", ATOM
        return self.call(name, [text for text, _ in pieces], dtype), ATOM

    # --- functions ----------------------------------------------------------------------

    def functions(self) -> list[str]:
        """Write the functions that the page uses, those that others use first."""
        found: dict[tuple[str, str], str] = {}

        def add(name: str, dtype: str) -> None:
            if (name, dtype) in found:
                return
            outside, self.used = self.used, {}
            text = (
                self.own_function(name, dtype) if name in self.own else self._generate(name, dtype)
            )
            for other in self.used:
                add(*other)
            self.used = outside
            found[name, dtype] = text

        for name, dtype in list(self.used):
            add(name, dtype)
        return list(found.values())

    def _generate(self, name: str, dtype: str) -> str:
        """Write the function of an operation from the formula that it stands for."""
        rewrite = self._composite[name].operation.lower
        assert rewrite is not None
        graph = new_graph()
        (y,) = lower([graph.symbol(rewrite(graph.input("x", ("N",))))])
        lines: list[str] = []

        def assign(made: Symbol, called: str, text: str) -> None:
            lines.append(self.assign(called, text, "bool" if made.dtype_kind == "bool" else dtype))

        def node(symbol: Symbol, inputs: list[Piece]) -> Piece:
            if symbol.is_constant:
                return self.literal(symbol.value, dtype)
            if symbol.is_input:
                return "x", ATOM
            return self.operation(symbol.operation.name, inputs, dtype)

        order = walk([y])
        expressions = Expressions(order, node, assign, Names(["x"]), {}, given=["x"], longest=90)
        for symbol in order:
            expressions.write(symbol)
        return self.function(name, dtype, [*lines, f"return {expressions.pieces[id(y)][0]};"])


def float_text(value: float) -> str:
    """Write a finite number as Python does, which reads back to the same bits, with its point."""
    text = repr(float(value))
    return text if any(letter in text for letter in ".e") else f"{text}.0"
