"""What model files of earlier versions hold, in the form of this version."""

from __future__ import annotations

import itertools
from typing import Any

from nnplug.untrusted import need, take_list, take_width

__all__ = ["of_this_version"]


def of_this_version(state: dict[str, Any]) -> dict[str, Any]:
    """Convert the form for hidden layers alone to the one for layers of any kind."""
    network, parts = state["network"], state["parts"]
    if not (isinstance(network, dict) and isinstance(parts, dict) and "hidden" in network):
        return state
    hidden = [take_width(n, "a hidden layer") for n in take_list(network["hidden"], "hidden")]
    activations = take_list(parts.get("activation"), "activation")
    need(
        len(activations) == len(hidden),
        f"it names {len(activations)} parts for activation, and needs {len(hidden)}",
    )
    layers: list[Any] = []
    for units, activation in zip(hidden, activations, strict=True):
        dense = {"name": "dense", "package": "nnplug", "version": state["nnplug"]}
        layers.append({**dense, "options": {"units": units}, "kind": "layer"})
        of_kind = {**activation, "kind": "activation"} if isinstance(activation, dict) else None
        layers.append(of_kind)
    widths = [
        take_width(network.get("inputs"), "inputs"),
        *hidden,
        take_width(network.get("outputs"), "outputs"),
    ]
    others = {key: value for key, value in network.items() if key != "hidden"}
    return {
        **state,
        "network": {
            **others,
            "layers": [-1] * len(layers),
            "parameters": sum((a + 1) * b for a, b in itertools.pairwise(widths)),
            "states": 0,
        },
        "parts": {
            **{role: listed for role, listed in parts.items() if role != "activation"},
            "layers": layers,
        },
    }
