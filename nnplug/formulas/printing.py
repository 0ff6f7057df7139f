"""Formulas for people to read: text in NumPy's notation.

A sub-expression that is used more than once is named and written once, as in
the graph. The text is Python: with the names of NumPy and `nnplug.special` in
scope, evaluating its lines in order gives the formula's numbers. (NumPy has no
`one_hot(labels, x)`: the matrix of x's shape with a 1 at each row's label.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.kinds import float_by_numbers

__all__ = [
    "ADD",
    "ATOM",
    "COMPARE",
    "INFIX",
    "MULTIPLY",
    "OR",
    "POWER",
    "TEXT",
    "UNARY",
    "Piece",
    "Style",
    "number_text",
    "strengths",
    "to_text",
    "write_lines",
]

# Binding strengths, as Python's.
OR, AND, COMPARE, ADD, MULTIPLY, UNARY, POWER, ATOM = range(8)

INFIX = {
    "add": ("+", ADD),
    "subtract": ("-", ADD),
    "multiply": ("*", MULTIPLY),
    "divide": ("/", MULTIPLY),
    "matmul": ("@", MULTIPLY),
    "greater": (">", COMPARE),
    "greater_equal": (">=", COMPARE),
    "less": ("<", COMPARE),
    "less_equal": ("<=", COMPARE),
    "equal": ("==", COMPARE),
    "not_equal": ("!=", COMPARE),
}

Piece = tuple[str, int]
"""A written expression and how strongly its outermost operator binds."""


@dataclass(frozen=True)
class Style:
    """How numbers, names and nodes are written, in text or in MathML."""

    number: Callable[[Symbol], Piece]
    name: Callable[[str], str]
    node: Callable[[Symbol, list[Piece]], Piece]


def to_text(outputs: Sequence[Symbol], names: Sequence[str]) -> str:
    """Write formulas in NumPy's notation.

    Parameters
    ----------
    outputs : sequence of Symbol
        The formulas; they may share sub-expressions.
    names : sequence of str
        Their names, on the left of the equals signs.

    Returns
    -------
    str
        One line for each shared sub-expression, then one for each output.
    """
    return "\n".join(f"{left} = {right}" for left, right in write_lines(outputs, names, TEXT))


def write_lines(
    outputs: Sequence[Symbol], names: Sequence[str], style: Style
) -> list[tuple[str, str]]:
    """Write formulas in a notation: the left and the right side of each line."""
    # Readers do not need to see that a result is broadcast to its argument's shape.
    outputs = [
        output.inputs[0] if output.operation.name == "broadcast_like" else output
        for output in outputs
    ]
    order = walk(outputs)
    uses = Counter(id(child) for symbol in order for child in symbol.inputs)
    # Inside a formula, a name such as dy/dx would read as a quotient.
    quotients = [id(output) for output, name in zip(outputs, names, strict=True) if "/" in name]
    uses.update(quotients)
    taken = {symbol.name for symbol in order if symbol.is_input} | set(names)
    letters = (name for name in (f"t{number}" for number in range(1, 10_000)) if name not in taken)
    called = {
        id(output): name
        for output, name in zip(outputs, names, strict=True)
        if id(output) not in quotients
    }
    pieces: dict[int, Piece] = {}
    lines: list[tuple[str, str]] = []
    for symbol in order:
        if symbol.is_input:
            piece = (style.name(symbol.name), ATOM)
        elif symbol.is_constant:
            piece = style.number(symbol)
        else:
            piece = style.node(symbol, [pieces[id(child)] for child in symbol.inputs])
            shared = uses[id(symbol)] > 1 and not _is_short(symbol)
            if shared and id(symbol) not in called:
                name = style.name(next(letters))
                lines.append((name, piece[0]))
                piece = (name, ATOM)
            elif id(symbol) in called and uses[id(symbol)]:
                name = style.name(called.pop(id(symbol)))
                lines.append((name, piece[0]))
                piece = (name, ATOM)
        pieces[id(symbol)] = piece
    done = {left for left, _ in lines}
    for output, name in zip(outputs, names, strict=True):
        if style.name(name) not in done:
            lines.append((style.name(name), pieces[id(output)][0]))
    return lines


def _is_short(symbol: Symbol) -> bool:
    """Whether giving the node a name would make the text longer."""
    return symbol.operation.name in ("negative", "absolute", "sign", "broadcast_like") and (
        symbol.inputs[0].is_input or symbol.inputs[0].is_constant
    )


def _bracket(piece: Piece, at_least: int) -> str:
    return piece[0] if piece[1] >= at_least else f"({piece[0]})"


def strengths(strength: int) -> tuple[int, int]:
    """Give how strongly an operator's operands must bind to need no brackets, left and right.

    The right one must bind more strongly: a - (b - c), a / (b * c). So must
    the left one of a comparison, since a < b < c is a chain.
    """
    return strength + 1 if strength == COMPARE else strength, strength + 1


# --- text ---------------------------------------------------------------------------


def number_text(symbol: Symbol) -> Piece:
    """Write a number as Python does."""
    if symbol.dtype_kind == "bool":
        return str(bool(symbol.value)), ATOM
    value = symbol.value
    negative = math.copysign(1, value) < 0
    whole = value.is_integer() and abs(value) < 1e15 and not (negative and value == 0)
    return str(int(value)) if whole else repr(value), UNARY if negative else ATOM


def _text_options(symbol: Symbol) -> list[str]:
    if symbol.operation.name in ("take_along_axis", "cumsum", "flip", "sort"):
        return ["axis=-1"]
    return [
        f"{key}={value}"
        for key, value in symbol.options
        if not (value is None or value is False or (key, value) == ("ddof", 0))
    ]


def _text_node(symbol: Symbol, inputs: list[Piece]) -> Piece:
    name = symbol.operation.name
    if float_by_numbers(symbol):
        inputs = [
            (repr(child.value), piece[1]) if child.is_constant else piece
            for child, piece in zip(symbol.inputs, inputs, strict=True)
        ]
    if name in INFIX:
        sign, strength = INFIX[name]
        left, right = map(_bracket, inputs, strengths(strength))
        return f"{left} {sign} {right}", strength
    if name == "negative":
        return f"-{_bracket(inputs[0], UNARY)}", UNARY
    if name == "square":
        return f"{_bracket(inputs[0], ATOM)}**2", POWER
    if name == "power":
        return f"{_bracket(inputs[0], ATOM)}**{_bracket(inputs[1], POWER)}", POWER
    if name == "reciprocal":
        return f"1 / {_bracket(inputs[0], UNARY)}", MULTIPLY
    if name == "transpose":
        return f"{_bracket(inputs[0], ATOM)}.T", ATOM
    if name == "absolute":
        return f"abs({inputs[0][0]})", ATOM
    if name in ("sort_as", "unsort_as"):
        order = f"argsort({inputs[1][0]}, axis=-1, stable=True)"
        order = order if name == "sort_as" else f"argsort({order}, axis=-1)"
        return f"take_along_axis({inputs[0][0]}, {order}, axis=-1)", ATOM
    if name == "broadcast_like":
        return f"broadcast_to({inputs[0][0]}, {_bracket(inputs[1], ATOM)}.shape)", ATOM
    return f"{name}({', '.join([*(text for text, _ in inputs), *_text_options(symbol)])})", ATOM


TEXT = Style(number_text, lambda name: name, _text_node)
