"""One contract for every part that is built in: a new part is tested by existing."""

from __future__ import annotations

from importlib import import_module

import pytest

from nnplug.builtin import MODULES
from nnplug.parts import Part


def every_part() -> list[Part]:
    """List every part there is."""
    modules = [import_module(f"nnplug.builtin.{name}") for name in MODULES]
    parts = [part for module in modules for part in vars(module).values()]
    return [part for part in parts if isinstance(part, Part)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # A list in one order: processes that share the tests must agree on theirs.
    for kind in dict.fromkeys(part.kind for part in every_part()):
        if kind in metafunc.fixturenames:
            parts = [part for part in every_part() if part.kind == kind]
            metafunc.parametrize(kind, parts, ids=[part.name for part in parts])
