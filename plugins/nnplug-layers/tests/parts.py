"""The parts of the package, by name."""

from __future__ import annotations

from importlib import import_module

from nnplug.parts import Layer

FAMILIES = ("bases", "gated", "interactions", "noise", "normalisation", "residual", "weights")

PARTS: dict[str, Layer] = {
    part.name: part
    for family in FAMILIES
    for part in vars(import_module(f"nnplug_layers.{family}")).values()
    if isinstance(part, Layer)
}
