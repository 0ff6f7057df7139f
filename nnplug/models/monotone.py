"""Which columns a model's predictions never fall with, or never rise with: proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from nnplug.network.monotone import directions
from nnplug.tables.encodings import Scale

if TYPE_CHECKING:
    from nnplug.models.predictor import Predictor

__all__ = ["Monotonicity", "Way", "monotonicity"]

Way = Literal["increasing", "decreasing", "constant", "not proved"]


@dataclass(frozen=True)
class Monotonicity:
    """How predictions move with each column of numbers, whatever the other columns hold.

    Attributes
    ----------
    answers : tuple of str
        What is predicted: targets, or the class or label whose probability it is.
    columns : dict of str to tuple of str
        For each column, and each answer: `"increasing"` (never falls), `"decreasing"`,
        `"constant"`, or `"not proved"`. Text and dates have no order, and are left out.
    reasons : tuple of str
        What stands in the way where nothing is proved.
    """

    answers: tuple[str, ...]
    columns: dict[str, tuple[Way, ...]]
    reasons: tuple[str, ...] = ()


def monotonicity(model: Predictor) -> Monotonicity:
    """Prove how predictions move with columns; see `Model.monotonicity`."""
    head = model.head
    answers: tuple[str, ...] = model.targets
    if model.task in ("binary", "multiclass"):
        shown = model.classes[1:] if model.task == "binary" else model.classes
        answers = tuple(f"{model.targets[0]}={label}" for label in shown)
    if model.encoder is None:
        places = {name: place for place, name in enumerate(model.features)}
    else:
        widths = [len(encoding.features) for encoding in model.encoder.columns]
        starts = np.cumsum([0, *widths[:-1]]).tolist()
        places = {
            encoding.name: start
            for encoding, start in zip(model.encoder.columns, starts, strict=True)
            if isinstance(encoding, Scale)
        }
    rising = head.outputs == len(answers) and not head.loss.heads and head.loss.link != "softmax"
    if not rising:
        why = "the predictions do not come from one output each, so their directions are not known"
        unknown: Way = "not proved"
        return Monotonicity(answers, dict.fromkeys(places, (unknown,) * len(answers)), (why,))
    # What members predict is averaged, so it moves as they do together.
    members = [directions(network) for network in model.networks]
    up = np.logical_or.reduce([found.up for found in members])
    down = np.logical_or.reduce([found.down for found in members])
    columns = {
        name: tuple(_way(bool(up[place, k]), bool(down[place, k])) for k in range(len(answers)))
        for name, place in places.items()
    }
    open_ = any("not proved" in ways for ways in columns.values())
    return Monotonicity(answers, columns, members[0].reasons if open_ else ())


def _way(up: bool, down: bool) -> Way:
    if up and down:
        return "not proved"
    return "increasing" if up else "decreasing" if down else "constant"
