"""The NumPy engine, which is always there: each operation is a call of NumPy."""

from __future__ import annotations

from collections.abc import Callable

from nnplug.engines.engine import Engine
from nnplug.engines.numpy.binder import Binder, bind
from nnplug.hookspecs import hookimpl

__all__ = ["NUMPY", "Binder", "bind", "register_engines"]

NUMPY = Engine("numpy", bind, about="Each operation is a call of NumPy; always there.")


@hookimpl
def register_engines(register: Callable[[Engine], None]) -> None:
    """Register it."""
    register(NUMPY)
