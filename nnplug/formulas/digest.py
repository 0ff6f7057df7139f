"""Digests of formulas: equal for the same formula in any process, on any machine.

A formula that is traced is digested as its graph, before it is lowered: how
engines run it does not count, nor do the names of its variables, its comments
or the order in which it was written, as far as the graph does not show them.
A function that runs as it stands is digested as its source, with the globals,
closures, attributes and helpers that it reads.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import hashlib
import inspect
import linecache
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from nnplug.formulas.graph import Symbol, walk

__all__ = [
    "DIGEST",
    "Reading",
    "code_text",
    "differ",
    "digest",
    "graph_text",
    "readings",
    "unwrap",
    "values",
]

_SCHEME = 1
"""Raised when nnplug itself writes the graph of an unchanged formula another way.

Digests of two schemes are not compared. tests/test_digest.py holds the digests
of some built-in parts, and fails when the number must be raised.
"""

DIGEST = r"[0-9]{1,4}:[0-9a-f]{32}"
"""The form of a digest, as a regular expression."""

_LONGEST = 1000
"""The longest list, or text, that counts as a constant."""


def digest(*texts: str) -> str:
    """Digest some texts, in their order, in `DIGEST`'s form."""
    state = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "backslashreplace")
        state.update(len(data).to_bytes(8, "little") + data)
    return f"{_SCHEME}:{state.hexdigest()}"


def differ(one: str, other: str) -> bool:
    """Whether two digests are known to be of two different formulas.

    An empty digest stands for an unknown formula, and digests of two schemes
    cannot be compared: neither shows a difference.
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

    Comments, docstrings, annotations and decorators are left out. Helpers
    count if they are in the function's own package.

    Returns
    -------
    str or None
        None if there is no source, as for a function typed at a prompt.
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
    """Write a number, a text or a tuple of these; None for anything else."""
    if isinstance(value, bool | int | str):
        return repr(value)[:_LONGEST]
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, tuple | list) and len(value) <= _LONGEST:
        parts = [_constant(item) for item in value]
        return None if None in parts else f"({', '.join(map(str, parts))})"
    return None


# --- what a function reads ---------------------------------------------------------------

_UNWRAPPED = 3
"""Wrappers to take off: a part, of a decorated function, bound to an instance."""

_STARTS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_GOES_ON = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_BETWEEN = frozenset({"COPY", "SWAP", "PUSH_NULL", "NOP"})


@dataclass(frozen=True)
class Reading:
    """A name that a function's code reads.

    Attributes
    ----------
    names : tuple of str
        `("np", "random", "normal")` for `np.random.normal`.
    reader : function
        The function whose code reads it: the one asked about, or a helper.
    line : int
    """

    names: tuple[str, ...]
    reader: FunctionType
    line: int

    @property
    def text(self) -> str:
        """The name as it is written."""
        return ".".join(self.names)

    @property
    def place(self) -> str:
        """The file and line that read it: `"file.py:12"`."""
        return f"{self.reader.__code__.co_filename}:{self.line}"


def readings(function: Any) -> list[Reading]:
    """List the names in the code of a function, and of the helpers of its own package.

    Branches that are never taken count too. Nothing is called.
    """
    root = unwrap(function)
    found: list[Reading] = []
    if root is None or _reads_numpy_alone(root):
        return found
    waiting, seen = [root], {id(root)}
    while waiting:
        reader = waiting.pop()
        here = [Reading(names, reader, line) for names, line in _names(reader.__code__)]
        found += here
        for _, value in values(here):
            helper = unwrap(value)
            if helper is not None and id(helper) not in seen:
                seen.add(id(helper))
                if _package(helper) == _package(root):
                    waiting.append(helper)
    return found


def values(found: list[Reading]) -> Iterator[tuple[Reading, Any]]:
    """Look up what names stand for now; names that stand for nothing are left out.

    An attribute is looked up in the object's `__dict__`, which modules,
    classes and most instances have; otherwise the name ends before it.
    """
    for reading in found:
        first, *rest = reading.names
        known = (_closure(reading.reader), reading.reader.__globals__, sys.modules)
        scope = next((names for names in known if first in names), None)
        if scope is None:
            continue
        value = scope[first]
        found_names = [first]
        for name in rest:
            attributes = getattr(value, "__dict__", None) or {}
            if name not in attributes:
                break
            value = attributes[name]
            found_names.append(name)
        yield replace(reading, names=tuple(found_names)), value


def unwrap(value: Any) -> FunctionType | None:
    """Find the Python function that a method, a decorated function or a part stands for."""
    for _ in range(_UNWRAPPED):
        if isinstance(value, FunctionType):
            return value
        if isinstance(value, MethodType):
            value = value.__func__
            continue
        attributes = getattr(value, "__dict__", None) or {}
        value = attributes.get("__wrapped__") or attributes.get("function")
    return None


def _reads_numpy_alone(function: FunctionType) -> bool:
    """Whether a function plainly reads nothing that may change, as most formulas do."""
    code = function.__code__
    if code.co_freevars or any(isinstance(constant, CodeType) for constant in code.co_consts):
        return False
    own = [name for name in code.co_names if name not in sys.modules]
    return len(own) == len(code.co_names) and all(
        _is_numpy(function.__globals__[name]) for name in own if name in function.__globals__
    )


def _is_numpy(value: Any) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else ""
    return name in ("numpy", "nnplug", "nnplug.special")


def _names(code: CodeType) -> Iterator[tuple[tuple[str, ...], int]]:
    """List the dotted names that are read in some code and in the functions within it."""
    # Local variables that stand for another name, by assignment or by an import in the function.
    renamed: dict[str, tuple[str, ...]] = {}
    chain: tuple[str, ...] = ()
    imports = False
    line = start = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        name, operation = instruction.argval, instruction.opname
        if instruction.positions is not None and instruction.positions.lineno is not None:
            line = instruction.positions.lineno
        if chain and operation in _GOES_ON:
            chain = (*chain, name)
        elif operation == "IMPORT_FROM":
            chain = (*chain[:1], name)
        elif not (chain and operation in _BETWEEN):
            if chain and operation == "STORE_FAST":
                renamed[name] = chain
            if chain and not imports:
                yield chain, start
            chain, start, imports = (), line, operation == "IMPORT_NAME"
            if operation in _STARTS or operation == "IMPORT_NAME":
                chain = (name,)
            elif operation.startswith("LOAD_FAST") and name in renamed:
                chain = renamed[name]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # nothing has been assigned to it yet
            found[name] = cell.cell_contents
    return found


def _package(function: FunctionType) -> str:
    """Name a function's package; nnplug's tracing modules count as a package of their own."""
    module = function.__module__ or ""
    ours = module.startswith(("nnplug.formulas.", "nnplug.special"))
    return "nnplug.formulas" if ours else module.partition(".")[0]
