"""What the targets that are text share: names, and expressions with as few brackets as can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence

from nnplug.formulas.graph import Symbol
from nnplug.formulas.printing import ATOM, Piece

__all__ = ["Expressions", "Names", "bracket", "free_letter"]


class Names:
    """Gives out identifiers: letters, digits and underscores, none of them twice.

    Parameters
    ----------
    reserved : iterable of str
        The language's own words, and what the page defines.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = set(reserved)

    def new(self, wanted: str) -> str:
        """Make an identifier like a name: `"petal length"` becomes `petal_length`."""
        name = re.sub(r"[^0-9A-Za-z]+", "_", wanted).strip("_").lower() or "x"
        if name[0].isdigit():
            name = f"x{name}"
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._taken.add(found)
        return found


def free_letter(letter: str, taken: Iterable[str]) -> str:
    """Repeat a letter until no name begins with it and a number, in capitals neither.

    Examples
    --------
    >>> free_letter("c", ["size", "C1"])
    'cc'
    """
    names = [name.casefold() for name in taken]
    text = letter
    while any(re.match(rf"{text}\d", name) for name in names):
        text += letter
    return text


def bracket(piece: Piece, at_least: int) -> str:
    """Write an expression as an operand of an operator that binds so strongly."""
    return piece[0] if piece[1] >= at_least else f"({piece[0]})"


class Expressions:
    """Writes nodes as expressions, inputs before their users.

    A node that is used more than once, or whose expression is long, gets a
    name, and a line that assigns it.

    Parameters
    ----------
    order : sequence of Symbol
        All nodes that are going to be written.
    node : callable
        Writes an operation from the pieces of its inputs.
    assign : callable
        Writes the line that gives a node a name: given the node, the name and
        its expression.
    names : Names
    wanted : mapping of int to str
        By identity, the nodes that get a name in any case, and which.
    given : container of str
        Expressions that are names already.
    longest : int
        Characters of an expression without a name.
    """

    def __init__(
        self,
        order: Sequence[Symbol],
        node: Callable[[Symbol, list[Piece]], Piece],
        assign: Callable[[Symbol, str, str], None],
        names: Names,
        wanted: dict[int, str],
        *,
        given: Container[str] = (),
        longest: int = 60,
    ) -> None:
        self._node, self._assign, self._names = node, assign, names
        self._wanted, self._given, self._longest = wanted, given, longest
        self._uses = Counter(id(child) for symbol in order for child in symbol.inputs)
        self.pieces: dict[int, Piece] = {}

    def write(self, symbol: Symbol) -> Piece:
        """Write a node whose inputs have been written."""
        piece = self._node(symbol, [self.pieces[id(child)] for child in symbol.inputs])
        name = self._wanted.get(id(symbol))
        if name is None and not symbol.is_constant and piece[0] not in self._given:
            shared = self._uses[id(symbol)] > 1
            name = "t" if shared or len(piece[0]) > self._longest else None
        if name is not None:
            name = self._names.new(name)
            self._assign(symbol, name, piece[0])
            piece = (name, ATOM)
        self.pieces[id(symbol)] = piece
        return piece
