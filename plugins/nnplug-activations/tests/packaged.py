"""The parts of the package, as its entry points name them."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

from nnplug.parts import Activation

ROOT = Path(__file__).parents[1]


def entry_points() -> dict[str, str]:
    """Read the entry points: the name of each part and its module."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points: dict[str, str] = project["entry-points"]["nnplug"]
    return points


def parts_of(module: str) -> dict[str, Activation]:
    """List the parts that a module registers."""
    found: list[Any] = []
    importlib.import_module(module).register_activations(found.append)
    return {part.name: part for part in found}


PARTS = {
    name: part
    for module in sorted(set(entry_points().values()))
    for name, part in parts_of(module).items()
}
"""Every part by name."""
