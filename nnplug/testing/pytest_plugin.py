"""The plugin of pytest: a registry for one test, apart from what is installed.

Imported at every start of pytest in an environment with nnplug, so it imports
nothing of nnplug before a test asks.
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
    """Give a registry that knows the built-in parts alone, for one test.

    While the test runs, no registry finds an installed plugin, no environment
    variable allows or blocks one, and `nnplug.train` looks for parts here.
    `nnplug_registry.register(part)` adds a part.
    """
    for name in ("NNPLUG_PLUGINS", "NNPLUG_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(import_module("nnplug.plugins.loading"), "find_installed", list)
    registry: Registry = import_module("nnplug.plugins.registry").Registry()
    monkeypatch.setattr(import_module("nnplug.runs.run"), "default_registry", lambda: registry)
    return registry
