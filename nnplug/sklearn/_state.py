"""An estimator's state in a pickle: plain values and arrays, from which the rest is made again.

Whoever checks which types a file holds, as skops does, finds the estimator's
class and what Python and NumPy have; and a part of the user's own, if there is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from nnplug.errors import NnplugError
from nnplug.network.layers import find_layers
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Activation, Layer, Loss, Part
from nnplug.sklearn._parts import registry
from nnplug.sklearn._rates import LearningRate
from nnplug.sklearn._rows import Order
from nnplug.training import History

__all__ = ["plain_state", "revived_state"]

MADE_AGAIN = (
    "_session", "_evaluator", "_linked", "_head", "_order", "_optimizer",
    "network_", "coefs_", "intercepts_", "history_",
)  # fmt: skip
"""What follows from the rest of the state, or is in it in another form."""

PLAIN = "_plain"


def plain_state(state: dict[str, Any]) -> dict[str, Any]:
    """Give an estimator's attributes as a pickle holds them.

    The rows for validation are left out of a fitted estimator's: they served
    the fit, and may be most of the file.
    """
    session = state.get("_session")
    if session is not None:
        state = {**state, **session.kept()}
    plain: dict[str, Any] = {}
    if "history_" in state:
        history: History = state["history_"]
        plain["history"] = (history.columns, history.best, history.seconds)
    if "_order" in state:
        order: Order = state["_order"]
        # Only a fit that goes on begins with the order of the one before.
        plain["order"] = order.places if state["warm_start"] else order.places[:0]
    if "_optimizer" in state:
        rate: LearningRate = state["_optimizer"]
        plain["rate"] = (rate.initial, rate.mode, rate.power, rate.learning_rate)
    if "network_" in state:
        plain["network"] = _plain_network(state["network_"], state["_head"])
        state = {**state, "validation_data": None}
    kept = {name: value for name, value in state.items() if name not in MADE_AGAIN}
    return {**kept, PLAIN: plain}


def revived_state(state: dict[str, Any]) -> dict[str, Any]:
    """Give the attributes that `plain_state` was given, but those that `_link` makes."""
    state = dict(state)
    plain = state.pop(PLAIN, {})
    state["_session"] = None
    if "history" in plain:
        history = History()
        history.columns, history.best, history.seconds = plain["history"]
        state["history_"] = history
    if "order" in plain:
        state["_order"] = Order(state["_random_state"], bool(state["shuffle"]))
        state["_order"].places = plain["order"]
    if "rate" in plain:
        initial, mode, power, now = plain["rate"]
        state["_optimizer"] = LearningRate(initial, mode, power, None, 0)
        state["_optimizer"].learning_rate = now
    if "network" in plain:
        state["network_"], state["_head"] = _revived_network(plain["network"])
    return state


def _plain_network(network: Network, head: Head) -> dict[str, Any]:
    *layers, _, output = (placed.part for placed in network.placed)
    return {
        "inputs": network.inputs,
        "layers": [_plain_layer(each) for each in layers],
        "outputs": network.outputs,
        "output_activation": _plain_part(output),
        "dtype": network.dtype.name,
        "parameters": np.array(network.parameters),
        "task": head.task,
        "loss": _plain_part(head.loss),
        "width": head.width,
    }


def _revived_network(plain: dict[str, Any]) -> tuple[Network, Head]:
    output = cast(Activation, _part("activation", plain["output_activation"]))
    network = Network.of(
        plain["inputs"],
        [_layer(each) for each in plain["layers"]],
        plain["outputs"],
        output_activation=output,
        dtype=plain["dtype"],
    )
    network.parameters[:] = plain["parameters"]
    loss = cast(Loss, _part("loss", plain["loss"]))
    return network, Head(plain["task"], loss, output, plain["width"])


PlainLayer = str | Part | tuple[str | Part, list[Any]]
"""A layer, or one with those that it holds."""


def _plain_layer(part: Activation | Layer) -> PlainLayer:
    if not (isinstance(part, Layer) and part.holds):
        return _plain_part(part)
    return _plain_part(replace(part, inner=())), [_plain_layer(each) for each in part.inner]


def _layer(plain: PlainLayer) -> Activation | Layer:
    if not isinstance(plain, tuple):
        return _found(plain)
    around = _found(plain[0])
    assert isinstance(around, Layer)
    return around.around([_layer(each) for each in plain[1]])


def _found(plain: str | Part) -> Activation | Layer:
    return find_layers([plain], registry())[0]


def _plain_part(part: Part) -> str | Part:
    """Give a part's text, with its package, if that is enough to find it again."""
    text = f"{registry().provider(part).package or 'local'}/{part.text}"
    stands_among_layers = isinstance(part, Activation | Layer)
    try:
        found = _found(text) if stands_among_layers else registry().get(part.kind, text)
    except NnplugError:
        return part
    return text if found.function is part.function else part


def _part(kind: str, plain: str | Part) -> Part:
    return registry().get(kind, plain)
