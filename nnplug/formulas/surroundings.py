"""What a function reads beside its arguments: globals, closures, attributes and helpers."""

from __future__ import annotations

import contextlib
import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["Reading", "readings", "unwrap", "values"]

_UNWRAPPED = 3
"""A part of a decorated function that is bound to an instance is that deep."""

_STARTS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_GOES_ON = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_BETWEEN = frozenset({"COPY", "SWAP", "PUSH_NULL", "NOP"})


@dataclass(frozen=True)
class Reading:
    """A name that stands in a function's code.

    Attributes
    ----------
    names : tuple of str
        `("np", "random", "normal")` for `np.random.normal`.
    reader : function
        The function whose code it is: the one that was asked about, or a helper.
    line : int
    """

    names: tuple[str, ...]
    reader: FunctionType
    line: int

    @property
    def text(self) -> str:
        """As it is written."""
        return ".".join(self.names)

    @property
    def place(self) -> str:
        """Where it stands: `"file.py:12"`."""
        return f"{self.reader.__code__.co_filename}:{self.line}"


def readings(function: Any) -> list[Reading]:
    """List the names in the code of a function, and of the helpers of its own package.

    A branch that is not reached counts too. Nothing is called.
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
    """Give what names stand for now, as far as they stand for anything.

    An attribute is looked up where an object has it in its `__dict__`, as
    modules, classes and most instances do; else the name ends before it.
    """
    for reading in found:
        first, *rest = reading.names
        known = (_closure(reading.reader), reading.reader.__globals__, sys.modules)
        scope = next((each for each in known if first in each), None)
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
    """Whether it is seen at a glance, as in most formulas, that nothing is read that may change."""
    code = function.__code__
    if code.co_freevars or any(isinstance(each, CodeType) for each in code.co_consts):
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
    renamed: dict[str, tuple[str, ...]] = {}  # by a variable of the function, or an import in it
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
    """Name what a function belongs to; what nnplug traces with is a thing by itself."""
    module = function.__module__ or ""
    ours = module.startswith(("nnplug.formulas.", "nnplug.special"))
    return "nnplug.formulas" if ours else module.partition(".")[0]
