"""The parts of a package in this folder, in this process and without installing it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from nnplug.parts import Part
from nnplug.plugins.registry import Registry

FOLDER = Path(__file__).parent / "published"
MODULES = ("activations", "initializers", "layers", "losses", "optimizers", "wrappers")


def published() -> dict[str, Part]:
    """Give the published parts by name."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    modules = [import_module(f"nnplug_published.{name}") for name in MODULES]
    parts = [part for module in modules for part in vars(module).values()]
    return {part.name: part for part in parts if isinstance(part, Part)}


def registry_of_published() -> Registry:
    """Give a registry that has them beside the built-in ones."""
    registry = Registry()
    for part in published().values():
        registry.register(part)
    return registry
