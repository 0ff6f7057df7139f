"""Digests of formulas: equal for the same formula in any process, on any machine.

A formula that is traced is digested as its graph, before it is lowered: how
engines run it does not count, nor do the names of its variables, its comments
or the order in which it was written, as far as the graph does not show them.
A function that runs as it stands is digested as its source.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import textwrap
import tokenize
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.surroundings import readings, unwrap, values

__all__ = ["DIGEST", "code_text", "differ", "digest", "graph_text"]

_SCHEME = 1
"""Raised when nnplug itself writes the graph of an unchanged formula another way.

Digests of two schemes are not compared. tests/test_digest.py has some of the
built-in parts' and fails when it is time.
"""

DIGEST = r"[0-9]{1,4}:[0-9a-f]{32}"
"""The form of a digest, as a regular expression."""

_LONGEST = 1000
"""The longest list, or text, that counts as a constant."""


def digest(*texts: str) -> str:
    """Give a text of `DIGEST`'s form that stands for some texts in their order."""
    state = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "backslashreplace")
        state.update(len(data).to_bytes(8, "little") + data)
    return f"{_SCHEME}:{state.hexdigest()}"


def differ(one: str, other: str) -> bool:
    """Whether two digests are of two formulas.

    An empty one is of a formula that is not known, and two schemes cannot be
    compared: neither tells a difference.
    """
    same_scheme = one.partition(":")[0] == other.partition(":")[0]
    return bool(one and other) and same_scheme and one != other


def rounded(value: float) -> str:
    """Write a number to 12 digits.

    The last digits of `np.exp(1)` in a formula depend on the processor.
    """
    return f"{value:.11e}"


def graph_text(outputs: Sequence[Symbol], number: Callable[[float], str] = rounded) -> str:
    """Write a graph node by node, from its arguments to its results."""
    order = walk(outputs)
    places = {id(symbol): place for place, symbol in enumerate(order)}
    lines = []
    for symbol in order:
        inputs = [places[id(child)] for child in symbol.inputs]
        shape = ",".join(map(str, symbol.shape))
        value = number(symbol.value) if symbol.is_constant else symbol.name
        lines.append(
            f"{symbol.operation.name} {inputs} {symbol.options!r} ({shape}) "
            f"{symbol.dtype_kind} {value}"
        )
    return "\n".join([*lines, f"results {[places[id(output)] for output in outputs]}"])


def code_text(function: Any) -> str | None:
    """Write a function as its source, with the constants and helpers that it reads.

    Comments, docstrings, annotations and decorators are left out. Helpers are
    those of the function's own package.

    Returns
    -------
    str or None
        None if there is no source, as of what was typed at a prompt.
    """
    root = unwrap(function)
    source = None if root is None else _source(root)
    if source is None:
        return None
    lines = set()
    for reading, value in values(readings(root)):
        if reading.reader is not root:
            lines.add(f"{reading.reader.__qualname__}: {_source(reading.reader)}")
        constant = _constant(value)
        if constant is not None:
            lines.add(f"{reading.reader.__qualname__}: {reading.text} = {constant}")
    return "\n".join([source, *sorted(lines)])


def _source(function: FunctionType) -> str | None:
    code = function.__code__
    # Not inspect.getsource: it looks through all modules for the one of this file.
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    try:
        block = inspect.getblock(lines[code.co_firstlineno - 1 :])
    except (SyntaxError, tokenize.TokenError):
        return None
    source = textwrap.dedent("".join(block))
    if not source:
        return None
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a lambda that stands within a longer expression
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            node.returns = None
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)


def _constant(value: Any) -> str | None:
    """Write a number, a text or a tuple of such; None for all else."""
    if isinstance(value, bool | int | str):
        return repr(value)[:_LONGEST]
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, tuple | list) and len(value) <= _LONGEST:
        parts = [_constant(each) for each in value]
        return None if None in parts else f"({', '.join(map(str, parts))})"
    return None
