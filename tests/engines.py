"""The built-in engines, for tests that run in each of them."""

from __future__ import annotations

from typing import cast

from nnplug.engines import Engine
from nnplug.plugins.registry import Registry

ENGINES = {
    name: cast(Engine, Registry().tool("engine", name))
    for name in sorted((tool.name for tool, _ in Registry().tools("engine")), reverse=True)
}
"""By name, NumPy's first."""
