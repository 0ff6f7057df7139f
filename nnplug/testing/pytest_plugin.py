"""The pytest plugin: a registry for one test, separate from what is installed.

pytest imports it at every start in an environment with nnplug, so it imports
nothing of nnplug until a test needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nnplug.plugins.registry import Registry

__all__ = ["nnplug_registry"]


@pytest.fixture
def nnplug_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry that knows only the built-in parts, for one test.

    While the test runs, no registry finds an installed plugin, no environment
    variable allows or blocks one, and `nnplug.train` looks for parts in this one.
    `nnplug_registry.register(part)` adds a part.
    """
    for name in ("NNPLUG_PLUGINS", "NNPLUG_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(import_module("nnplug.plugins.loading"), "find_installed", list)
    registry: Registry = import_module("nnplug.plugins.registry").Registry()
    monkeypatch.setattr(import_module("nnplug.runs.api"), "default_registry", lambda: registry)
    return registry
