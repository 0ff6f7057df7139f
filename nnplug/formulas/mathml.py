"""Formulas in MathML, which browsers show without scripts or extra fonts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from nnplug.formulas.graph import Symbol
from nnplug.formulas.printing import (
    ADD,
    AND,
    ATOM,
    INFIX,
    MULTIPLY,
    OR,
    POWER,
    UNARY,
    Piece,
    Style,
    number_text,
    strengths,
    write_lines,
)

__all__ = ["to_mathml"]

_INFIX = {**INFIX, "logical_and": ("∧", AND), "logical_or": ("∨", OR)}

_SIGNS = {"*": "", "@": "", "-": "−", ">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
"""Products have no sign, as in textbooks."""

_FUNCTIONS = {
    "maximum": "max", "minimum": "min", "sigmoid": "σ", "log2": "log₂", "log10": "log₁₀",
    "lgamma": "log Γ", "digamma": "ψ", "trigamma": "ψ′", "remainder": "mod",
}  # fmt: skip

_GREEK = {
    **dict(zip(
        ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
        "αβγδεζηθκλ", strict=True,
    )),
    **dict(zip(("mu", "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
               "μνξρστφχψω", strict=True)),
}  # fmt: skip

_MINUS = "<mrow><mo>−"
_BEGINS_WITH_DIGITS = re.compile(r"(<(mrow|msup|mfrac)>)*<mn>")

_PI, _ONE, _TWO = "<mi>π</mi>", "<mn>1</mn>", "<mn>2</mn>"
_ROOT_2, _ROOT_PI = f"<msqrt>{_TWO}</msqrt>", f"<msqrt>{_PI}</msqrt>"
_NUMBERS = (
    (math.pi, _PI),
    (math.sqrt(2), _ROOT_2),
    (1 / math.sqrt(2), f"<mfrac>{_ONE}{_ROOT_2}</mfrac>"),
    (2 / math.sqrt(math.pi), f"<mfrac>{_TWO}{_ROOT_PI}</mfrac>"),
    (math.sqrt(2 / math.pi), f"<msqrt><mfrac>{_TWO}{_PI}</mfrac></msqrt>"),
    (1 / math.sqrt(2 * math.pi), f"<mfrac>{_ONE}<msqrt>{_TWO}{_PI}</msqrt></mfrac>"),
    (math.log(2), f"<mrow><mi>log</mi>{_TWO}</mrow>"),
)
"""Numbers that are easier to recognise as expressions than by their digits."""


def to_mathml(outputs: Sequence[Symbol], names: Sequence[str]) -> str:
    """Write formulas in MathML Core, as lines of a table with the equals signs in one column.

    Parameters
    ----------
    outputs : sequence of Symbol
        The formulas; they may share sub-expressions.
    names : sequence of str
        Their names. `dy/dx` is written as a quotient.

    Returns
    -------
    str
        One `math` element.
    """
    rows = "\n".join(
        f'<mtr><mtd style="text-align: right">{left}</mtd><mtd><mo>=</mo></mtd>'
        f'<mtd style="text-align: left">{right}</mtd></mtr>'
        for left, right in write_lines(outputs, names, _STYLE)
    )
    return f'<math display="block"><mtable displaystyle="true">\n{rows}\n</mtable></math>'


def _fence(text: str, left: str = "(", right: str = ")") -> str:
    # Browsers stretch brackets too much around content as high as one line.
    tall = any(f"<{tag}" in text for tag in ("mfrac", "mtable", "msqrt", "mroot"))
    fence = "<mo>" if tall else '<mo stretchy="false">'
    return f"<mrow>{fence}{left}</mo>{text}{fence}{right}</mo></mrow>"


def _bracket(piece: Piece, at_least: int) -> str:
    return piece[0] if piece[1] >= at_least else _fence(piece[0])


def _row(*pieces: str) -> str:
    return f"<mrow>{''.join(pieces)}</mrow>"


def _number(symbol: Symbol) -> Piece:
    for known, written in _NUMBERS:
        # A number computed from others may be off in its last digit.
        if math.isclose(abs(symbol.value), known, rel_tol=1e-15):
            return (written, ATOM) if symbol.value > 0 else (_row("<mo>−</mo>", written), UNARY)
    text, strength = number_text(symbol)
    if symbol.dtype_kind == "bool":
        return f"<mtext>{text.lower()}</mtext>", strength
    sign = "<mo>−</mo>" if text.startswith("-") else ""
    mantissa, _, exponent = text.lstrip("-").replace("inf", "∞").partition("e")
    if not exponent:
        return (_row(sign, f"<mn>{mantissa}</mn>") if sign else f"<mn>{mantissa}</mn>"), strength
    power = f"<msup><mn>10</mn><mn>{str(int(exponent)).replace('-', '−')}</mn></msup>"
    if mantissa != "1":
        return _row(sign, f"<mn>{mantissa}</mn><mo>·</mo>", power), min(strength, MULTIPLY)
    return (_row(sign, power) if sign else power), min(strength, POWER)


def _name(name: str) -> str:
    above, slash, below = name.partition("/")
    if slash:  # dy/dx
        gap = '<mspace width="0.1em"/>'
        parts = (_row("<mi>d</mi>", gap, _name(part[1:])) for part in (above, below))
        return f"<mfrac>{''.join(parts)}</mfrac>"
    stem = name.rstrip("'")
    primes = "′" * (len(name) - len(stem))
    letters = stem.rstrip("0123456789,")
    written = f"<mi>{escape(_GREEK.get(letters, letters))}</mi>"
    if letters != stem:
        written = f"<msub>{written}<mn>{stem[len(letters) :]}</mn></msub>"
    return f'<mrow>{written}<mo lspace="0" rspace="0">{primes}</mo></mrow>' if primes else written


def _node(symbol: Symbol, inputs: list[Piece]) -> Piece:
    name = symbol.operation.name
    texts = [text for text, _ in inputs]
    if name in ("divide", "reciprocal"):
        above, below = texts if name == "divide" else (_ONE, texts[0])
        return f"<mfrac>{_row(above)}{_row(below)}</mfrac>", UNARY
    if name in _INFIX:
        sign, strength = _INFIX[name]
        left, right = map(_bracket, inputs, strengths(strength))
        sign = _SIGNS.get(sign, sign)
        if strength in (ADD, MULTIPLY) and right.startswith(_MINUS):
            right = _fence(right)  # two signs in a row are hard to read
        if not sign and _BEGINS_WITH_DIGITS.match(right):
            sign = "·"
        operator = f"<mo>{escape(sign)}</mo>" if sign else '<mspace width="0.17em"/>'
        return _row(left, operator, right), strength
    if name == "negative":
        negated = _bracket(inputs[0], UNARY)
        return _row("<mo>−</mo>", _fence(negated) if negated.startswith(_MINUS) else negated), UNARY
    if name in ("square", "power"):
        exponent = _TWO if name == "square" else _row(texts[1])
        return f"<msup>{_row(_bracket(inputs[0], ATOM))}{exponent}</msup>", POWER
    if name in ("sqrt", "cbrt"):
        root = f"<msqrt>{texts[0]}</msqrt>"
        return root if name == "sqrt" else f"<mroot>{_row(texts[0])}<mn>3</mn></mroot>", ATOM
    if name == "absolute":
        return _fence(texts[0], "|", "|"), ATOM
    if name == "transpose":
        return f"<msup>{_row(_bracket(inputs[0], ATOM))}<mo>⊤</mo></msup>", ATOM
    if name == "where":
        return _cases(symbol, texts), ATOM
    if name in ("broadcast_like", "expand_dims"):
        return inputs[0]
    arguments = "<mo>,</mo>".join(texts)
    function = f"<mi>{escape(_FUNCTIONS.get(name, name))}</mi>"
    axis = dict(symbol.options).get("axis")
    if axis is not None and symbol.inputs[0].shape[axis:][:1] == ("N",):  # over all rows
        function = f"<msub>{function}<mi>N</mi></msub>"
    return _row(function, _fence(arguments)), ATOM


_BEGIN, _END = "<mrow><mo>{</mo><mtable>", "</mtable></mrow>"


def _cases(symbol: Symbol, texts: list[str]) -> str:
    condition, value, other = texts

    def case(value: str, when: str) -> str:
        cell = '<mtd style="text-align: left">'
        return f"<mtr>{cell}{value}</mtd>{cell}{when}</mtd></mtr>"

    if symbol.inputs[2].operation.name == "where" and other.startswith(_BEGIN):
        rest = other.removeprefix(_BEGIN).removesuffix(_END)  # the cases go into one brace
    else:
        rest = case(other, "<mtext>otherwise</mtext>")
    return f"{_BEGIN}{case(value, f'<mtext>if&#160;</mtext>{condition}')}{rest}{_END}"


_STYLE = Style(_number, _name, _node)
