"""Forty packages of five parts each."""

from __future__ import annotations

from pathlib import Path

from tests.plugins.environments import write_wheel

PACKAGES, PARTS = 40, 5

MODULE = """
import numpy as np
import nnplug


@nnplug.activation
def part_{number}(x):
    "Part {number} of many."
    return np.tanh(x / {number})


@nnplug.hookimpl
def register_activations(register):
    register(part_{number})
"""


def write_many(folder: Path) -> list[Path]:
    """Write the wheels; each part is a module and an entry point of its own."""
    wheels = []
    for package in range(PACKAGES):
        numbers = range(1 + package * PARTS, 1 + (package + 1) * PARTS)
        modules = {f"part_{number}": MODULE.format(number=number) for number in numbers}
        points = {name: name for name in modules}
        name = f"nnplug-many-{package:02}"
        wheels.append(write_wheel(folder, name, modules, version="1.0", entry_points=points))
    return wheels
