"""Lazy packages, whose names are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names", "no_attribute"]

_FEW = 12
"""The most names that a message lists."""


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__` (PEP 562), which import names on first use.

    Type checkers find the same names in imports under `TYPE_CHECKING`.

    Parameters
    ----------
    package : str
        Its `__name__`.
    homes : mapping
        The names by the module that has them; modules of `package` by
        `package` itself.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in home_of:
            raise no_attribute(package, name, home_of)
        if home_of[name] == package:
            return import_module(f"{package}.{name}")  # which sets the attribute
        value = getattr(import_module(home_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(home_of)


def no_attribute(module: str, name: str, known: Collection[str]) -> AttributeError:
    """Make the error for a name that a module does not have, with the nearest that it has."""
    from importlib.util import find_spec  # noqa: PLC0415  # wrong names are rare

    from nnplug.errors import suggest  # noqa: PLC0415  # wrong names are rare

    hint = suggest(name, known)
    if not hint and len(known) <= _FEW:
        hint = f" It has {', '.join(sorted(known))}."
    is_package = "__path__" in vars(sys.modules[module])
    if is_package and name.isidentifier() and find_spec(f"{module}.{name}") is not None:
        hint = f" It is a module: import {module}.{name}."
    return AttributeError(f"module {module!r} has no attribute {name!r}.{hint}")
