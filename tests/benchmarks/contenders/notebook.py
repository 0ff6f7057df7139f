"""The notebook's own loop for XOR, in plain NumPy with a new array for every result."""

from __future__ import annotations

from typing import Any

TITLE = "the notebook's loop"
RANK = 2
PACKAGES = ()


def supports(work: Any) -> bool:
    """Take only the work that the notebook was written for."""
    return bool(work.name == "xor")


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train."""
    with clock("import"):
        from tests.benchmarks.notebook_script import train
    layers = [(arrays[f"weight{layer}"], arrays[f"bias{layer}"][None]) for layer in (0, 1)]
    weights = [array.copy() for layer in layers for array in layer]  # it trains in place
    with clock("loop"):
        loss, _ = train(arrays["inputs"], arrays["targets"], *weights, epochs=work.epochs)
    return loss
