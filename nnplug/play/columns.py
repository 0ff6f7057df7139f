"""The columns of units in a drawing of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nnplug.network.network import Network
from nnplug.parts import Placed
from nnplug.types import AnyArray

__all__ = ["SHOWN", "Column", "columns_of"]

SHOWN = 12
"""The most units of a layer that are drawn."""


@dataclass(frozen=True)
class Column:
    """A layer as it is drawn: a dense layer with all that follows it, or another one.

    Attributes
    ----------
    name : str
        `"hidden1"`.
    texts : tuple of str
        The text forms of its parts.
    units : int
        How many outputs it has.
    last : int
        The place, in `network.placed`, of the part that gives its outputs.
    weight, bias : str
        The names of its arrays; empty if its lines cannot be drawn.
    """

    name: str
    texts: tuple[str, ...]
    units: int
    last: int
    weight: str = ""
    bias: str = ""

    @property
    def shown(self) -> int:
        """How many of its units are drawn."""
        return min(self.units, SHOWN)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "name": self.name,
            "texts": list(self.texts),
            "units": self.units,
            "shown": self.shown,
            "weight": self.weight,
            "bias": self.bias,
        }

    def weights(self, network: Network, inputs: int) -> tuple[AnyArray, AnyArray] | None:
        """Return the weights, (inputs, shown), and biases, (shown,), that are drawn."""
        if not self.weight:
            return None
        return network[self.weight][:inputs, : self.shown], network[self.bias][: self.shown]


def columns_of(network: Network) -> list[Column]:
    """Divide a network into the columns of a drawing.

    Examples
    --------
    >>> from nnplug.runs.preparing import prepare
    >>> network = prepare("moons", layers="dense:8 layer_norm relu residual[dense:8]").network
    >>> [(column.name, column.units, column.texts) for column in columns_of(network)]
    [('hidden1', 8, ('dense:8', 'layer_norm', 'relu')), ('residual1', 8, ('residual[dense:8]',)), \
('output', 1, ('dense:1', 'identity'))]
    """
    found: list[Column] = []
    for place, placed in enumerate(network.placed):
        begins = not found or _is_dense(placed) or placed.part.text.endswith("]")
        if begins:
            dense = _is_dense(placed)
            found.append(
                Column(
                    placed.name,
                    (placed.part.text,),
                    placed.outputs,
                    place,
                    f"{placed.name}.weight" if dense else "",
                    f"{placed.name}.bias" if dense else "",
                )
            )
        else:
            own = found[-1]
            texts = (*own.texts, placed.part.text)
            found[-1] = replace(own, texts=texts, units=placed.outputs, last=place)
    return found


def _is_dense(placed: Placed) -> bool:
    return placed.part.kind == "layer" and placed.part.name == "dense"
