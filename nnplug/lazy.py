"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__` (PEP 562), so that it costs what is used of it.

    A type checker reads the same names from imports under `TYPE_CHECKING`.

    Parameters
    ----------
    package : str
        Its `__name__`.
    homes : mapping
        The names, by the module that has them, or the package whose module
        one is. None is called as a module of `package` itself.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(home_of[name])
        value = getattr(home, name, None) or import_module(f"{home.__name__}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(home_of)
