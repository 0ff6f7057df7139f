"""Every loss of the package, and what training computes with one: its errors and their slope."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import numpy as np
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Loss

import nnplug_losses

MODULES = [
    importlib.import_module(f"nnplug_losses.{found.name}")
    for found in pkgutil.iter_modules(nnplug_losses.__path__)
    if not found.name.startswith("_")
]

LOSSES: dict[str, Loss] = {
    part.name: part
    for module in MODULES
    for part in vars(module).values()
    if isinstance(part, Loss) and part.function.__module__ == module.__name__
}
"""By their names."""


def errors_and_slope(loss: Loss, outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Give the errors, and the derivative of their sum by the outputs, (N, C)."""
    outputs = np.asarray(outputs, float)
    kind = int if loss.against == "labels" else float
    targets = np.asarray(targets, kind)
    graph = new_graph()
    output, target = loss.inputs(graph)
    errors = loss.value(output, target)
    (slope,) = differentiate(errors, [output], graph.constant(1.0))
    given = {loss.takes: outputs, loss.against: targets}
    with np.errstate(all="ignore"):  # of the branch that is not taken
        value, gradient = evaluate([errors, slope], given)
    return np.asarray(value), np.broadcast_to(gradient, outputs.shape)
