"""A formula as a person reads it: text in NumPy's notation, and LaTeX.

A sub-expression that is used more than once is named and written once, as
the graph has it. The text is Python: with NumPy's names, and those of
`nnplug.special`, in scope, its lines evaluated in order give the
formula's numbers. (`one_hot(labels, x)` has no name in NumPy: the matrix of
x's shape with a 1 at each row's label.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.kinds import float_by_numbers

__all__ = ["to_latex", "to_text"]

# Binding strengths, as Python's.
_OR, _AND, _COMPARE, _ADD, _MULTIPLY, _UNARY, _POWER, _ATOM = range(8)

_INFIX = {
    "add": ("+", _ADD),
    "subtract": ("-", _ADD),
    "multiply": ("*", _MULTIPLY),
    "divide": ("/", _MULTIPLY),
    "matmul": ("@", _MULTIPLY),
    "greater": (">", _COMPARE),
    "greater_equal": (">=", _COMPARE),
    "less": ("<", _COMPARE),
    "less_equal": ("<=", _COMPARE),
    "equal": ("==", _COMPARE),
    "not_equal": ("!=", _COMPARE),
}

_LATEX_INFIX = {
    **_INFIX,
    "logical_and": ("and", _AND),
    "logical_or": ("or", _OR),
}

_LATEX_SIGNS = {
    "*": r"\,",
    "@": r"\,",
    ">=": r"\ge",
    "<=": r"\le",
    "==": "=",
    "!=": r"\ne",
    "and": r"\wedge",
    "or": r"\vee",
}

_LATEX_FUNCTIONS = {
    **{
        name: rf"\{name}"
        for name in ("exp", "log", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh")
    },
    "max": r"\max",
    "min": r"\min",
    "maximum": r"\max",
    "minimum": r"\min",
    "log2": r"\log_2",
    "log10": r"\log_{10}",
    "sigmoid": r"\sigma",
    "sum": r"\sum",
    "sign": r"\operatorname{sign}",
}

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)

Piece = tuple[str, int]
"""A written expression and how strongly its outermost operator binds."""


@dataclass(frozen=True)
class _Style:
    """What differs between text and LaTeX."""

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
        What each is called, on the left of its equals sign.

    Returns
    -------
    str
        One line for each shared sub-expression, then one for each output.
    """
    return "\n".join(f"{left} = {right}" for left, right in _write(outputs, names, _TEXT))


def to_latex(outputs: Sequence[Symbol], names: Sequence[str]) -> str:
    r"""Write formulas in LaTeX, as the lines of an `aligned` environment."""
    lines = [f"{left} &= {right}" for left, right in _write(outputs, names, _LATEX)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _write(outputs: Sequence[Symbol], names: Sequence[str], style: _Style) -> list[tuple[str, str]]:
    # That a result is stretched to its argument's shape goes without saying.
    outputs = [
        output.inputs[0] if output.operation.name == "broadcast_like" else output
        for output in outputs
    ]
    order = walk(outputs)
    uses = Counter(id(child) for symbol in order for child in symbol.inputs)
    # A name such as dy/dx would be read as a quotient inside a formula.
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
            piece = (style.name(symbol.name), _ATOM)
        elif symbol.is_constant:
            piece = style.number(symbol)
        else:
            piece = style.node(symbol, [pieces[id(child)] for child in symbol.inputs])
            shared = uses[id(symbol)] > 1 and not _is_short(symbol)
            if shared and id(symbol) not in called:
                name = style.name(next(letters))
                lines.append((name, piece[0]))
                piece = (name, _ATOM)
            elif id(symbol) in called and uses[id(symbol)]:
                name = style.name(called.pop(id(symbol)))
                lines.append((name, piece[0]))
                piece = (name, _ATOM)
        pieces[id(symbol)] = piece
    done = {left for left, _ in lines}
    for output, name in zip(outputs, names, strict=True):
        if style.name(name) not in done:
            lines.append((style.name(name), pieces[id(output)][0]))
    return lines


def _is_short(symbol: Symbol) -> bool:
    """Whether naming the node would make the reading longer."""
    return symbol.operation.name in ("negative", "absolute", "sign", "broadcast_like") and (
        symbol.inputs[0].is_input or symbol.inputs[0].is_constant
    )


def _bracket(piece: Piece, at_least: int) -> str:
    return piece[0] if piece[1] >= at_least else f"({piece[0]})"


def _operands(inputs: list[Piece], strength: int) -> tuple[str, str]:
    # The right operand binds more tightly: a - (b - c), a / (b * c); and so
    # does the left of a comparison, since a < b < c is a chain.
    first = strength + 1 if strength == _COMPARE else strength
    return _bracket(inputs[0], first), _bracket(inputs[1], strength + 1)


# --- text ---------------------------------------------------------------------------


def _text_number(symbol: Symbol) -> Piece:
    if symbol.dtype_kind == "bool":
        return str(bool(symbol.value)), _ATOM
    value = symbol.value
    negative = math.copysign(1, value) < 0
    whole = value.is_integer() and abs(value) < 1e15 and not (negative and value == 0)
    return str(int(value)) if whole else repr(value), _UNARY if negative else _ATOM


def _text_options(symbol: Symbol) -> list[str]:
    if symbol.operation.name == "take_along_axis":
        return ["axis=-1"]
    return [
        f"{key}={value}" for key, value in symbol.options if not (value is None or value is False)
    ]


def _text_node(symbol: Symbol, inputs: list[Piece]) -> Piece:
    name = symbol.operation.name
    if float_by_numbers(symbol):
        inputs = [
            (repr(child.value), piece[1]) if child.is_constant else piece
            for child, piece in zip(symbol.inputs, inputs, strict=True)
        ]
    if name in _INFIX:
        sign, strength = _INFIX[name]
        left, right = _operands(inputs, strength)
        return f"{left} {sign} {right}", strength
    if name == "negative":
        return f"-{_bracket(inputs[0], _UNARY)}", _UNARY
    if name == "square":
        return f"{_bracket(inputs[0], _ATOM)}**2", _POWER
    if name == "power":
        return f"{_bracket(inputs[0], _ATOM)}**{_bracket(inputs[1], _POWER)}", _POWER
    if name == "reciprocal":
        return f"1 / {_bracket(inputs[0], _UNARY)}", _MULTIPLY
    if name == "transpose":
        return f"{_bracket(inputs[0], _ATOM)}.T", _ATOM
    if name == "absolute":
        return f"abs({inputs[0][0]})", _ATOM
    if name == "broadcast_like":
        return f"broadcast_to({inputs[0][0]}, {_bracket(inputs[1], _ATOM)}.shape)", _ATOM
    return f"{name}({', '.join([*(text for text, _ in inputs), *_text_options(symbol)])})", _ATOM


# --- LaTeX --------------------------------------------------------------------------


_LATEX_NUMBERS = (
    (math.pi, r"\pi", _ATOM),
    (math.sqrt(2), r"\sqrt{2}", _ATOM),
    (1 / math.sqrt(2), r"\frac{1}{\sqrt{2}}", _UNARY),
    (2 / math.sqrt(math.pi), r"\frac{2}{\sqrt{\pi}}", _UNARY),
    (math.sqrt(2 / math.pi), r"\sqrt{\frac{2}{\pi}}", _ATOM),
    (2 * math.sqrt(2 / math.pi), r"2 \sqrt{\frac{2}{\pi}}", _MULTIPLY),
    (1 / math.sqrt(2 * math.pi), r"\frac{1}{\sqrt{2 \pi}}", _UNARY),
    (math.log(2), r"\log 2", _MULTIPLY),
)
"""Numbers that formulas are full of and nobody knows by their digits."""


def _latex_number(symbol: Symbol) -> Piece:
    for known, written, binding in _LATEX_NUMBERS:
        # Folded from other numbers, it may be off in its last digit.
        if math.isclose(abs(symbol.value), known, rel_tol=1e-15):
            return (written, binding) if symbol.value > 0 else (f"-{written}", min(binding, _UNARY))
    text, strength = _text_number(symbol)
    if symbol.dtype_kind == "bool":
        return rf"\text{{{text.lower()}}}", strength
    if "e" in text:
        mantissa, exponent = text.split("e")
        factor = {"1": "", "-1": "-"}.get(mantissa, rf"{mantissa} \cdot ")
        return rf"{factor}10^{{{int(exponent)}}}", min(strength, _MULTIPLY if factor else _POWER)
    return text.replace("inf", r"\infty").replace("nan", r"\text{NaN}"), strength


def _latex_name(name: str) -> str:
    above, slash, below = name.partition("/")
    if slash:  # dy/dx
        return rf"\frac{{d {_latex_name(above[1:])}}}{{d {_latex_name(below[1:])}}}"
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    if stem in _GREEK:
        stem = rf"\{stem}"
    elif len(stem) > 1:
        stem = rf"\mathit{{{stem}}}".replace("_", r"\_")
    return f"{stem}_{{{digits}}}" if digits else stem


def _latex_node(symbol: Symbol, inputs: list[Piece]) -> Piece:
    name = symbol.operation.name
    texts = [text for text, _ in inputs]
    if name == "divide":
        return rf"\frac{{{texts[0]}}}{{{texts[1]}}}", _UNARY
    if name == "reciprocal":
        return rf"\frac{{1}}{{{texts[0]}}}", _UNARY
    if name in _LATEX_INFIX:
        sign, strength = _LATEX_INFIX[name]
        left, right = _operands(inputs, strength)
        if right.startswith("-") and strength in (_ADD, _MULTIPLY):  # a sign after another misleads
            right = f"({right})"
        if name == "multiply" and right[0].isdigit():
            return rf"{left} \cdot {right}", strength
        return f"{left} {_LATEX_SIGNS.get(sign, sign)} {right}", strength
    if name == "negative":
        return f"-{_bracket(inputs[0], _UNARY)}", _UNARY
    if name in ("square", "power"):
        exponent = "2" if name == "square" else texts[1]
        return f"{_bracket(inputs[0], _ATOM)}^{{{exponent}}}", _POWER
    if name == "sqrt":
        return rf"\sqrt{{{texts[0]}}}", _ATOM
    if name == "absolute":
        return rf"\left|{texts[0]}\right|", _ATOM
    if name == "transpose":
        return rf"{_bracket(inputs[0], _ATOM)}^\top", _ATOM
    if name == "where":
        return _latex_cases(symbol, texts), _ATOM
    if name in ("broadcast_like", "expand_dims"):
        return inputs[0]
    escaped = name.replace("_", r"\_")
    function = _LATEX_FUNCTIONS.get(name, rf"\operatorname{{{escaped}}}")
    return rf"{function}\left({', '.join(texts)}\right)", _ATOM


def _latex_cases(symbol: Symbol, texts: list[str]) -> str:
    condition, value, other = texts
    begin, end = r"\begin{cases} ", r" \end{cases}"
    if symbol.inputs[2].operation.name == "where" and other.startswith(begin):
        other = other.removeprefix(begin).removesuffix(end)  # one case more
    else:
        other = rf"{other} & \text{{otherwise}}"
    return rf"{begin}{value} & \text{{if }} {condition} \\ {other}{end}"


_TEXT = _Style(_text_number, lambda name: name, _text_node)
_LATEX = _Style(_latex_number, _latex_name, _latex_node)
