"""The plugin of pytest: a registry for one test, apart from what is installed.

Imported at every start of pytest in an environment with nnplug, so it imports
nothing of nnplug before a test asks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nnplug.registry import Registry

__all__ = ["nnplug_registry"]


@pytest.fixture
def nnplug_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Give a registry of the built-in parts alone, for one test.

    No installed plugin can be found while the test runs, by this registry or
    by any that the test makes, and no environment variable blocks or allows
    one. `nnplug_registry.register(part)` adds a part; give the registry to
    `nnplug.train(..., registry=nnplug_registry)` to train with it.
    """
    for name in ("NNPLUG_PLUGINS", "NNPLUG_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    plugins = import_module("nnplug.plugins")
    monkeypatch.setattr(plugins.PluginManager, "installed", property(lambda self: []))
    registry: Registry = import_module("nnplug.registry").Registry()
    return registry
