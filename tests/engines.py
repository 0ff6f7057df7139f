"""The built-in engines, for tests that run in each of them."""

from __future__ import annotations

import os
import zlib
from typing import cast

from nnplug.engines import Engine
from nnplug.plugins.registry import Registry

ENGINES = {
    name: cast(Engine, Registry().tool("engine", name))
    for name in sorted((tool.name for tool, _ in Registry().tools("engine")), reverse=True)
}
"""By name, NumPy's first."""

EVERY = int(os.environ.get("NNPLUG_COMPILED", "6"))
"""Of how many things that take seconds to compile one is: with 1, all are."""


def chosen(*names: str) -> bool:
    """Say whether this is one of those that are compiled, the same on every machine."""
    return zlib.crc32(" ".join(names).encode()) % EVERY == 0
