"""The settings that can be chosen on the page, and their checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnplug.errors import SettingError, suggest
from nnplug.runs.settings import ROWS

__all__ = [
    "CHOSEN",
    "NEED_NETWORKS",
    "SHARED",
    "checked",
    "items",
    "number",
    "of_networks",
    "two_inputs",
    "values_of_inputs",
    "whole",
]

CHOSEN = (
    "validation", "recipe", "hidden", "activation", "layers", "output_activation", "initializer",
    "dropout", "dtype", "loss", "optimizer", "learning_rate", "schedule", "epochs", "batch_size",
    "l2", "l1", "clip_global_norm", "metrics", "seed", "engine", "task",
)  # fmt: skip
"""The settings of `nnplug.train` that can be chosen here: none of them names a file."""

SHARED = ("validation", "seed", "task")
"""Settings that both networks of a race have in common: they decide the rows."""

NEED_NETWORKS = (
    "state", "epoch", "batch", "sample", "trace", "edit", "axes", "probe", "code", "download",
)  # fmt: skip
"""Commands that are about networks, which a tab has from its first `open`."""


def whole(value: Any, name: str) -> int:
    """Check a whole number, 0 or more.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SettingError(f"{name}={value!r}: give a whole number, 0 or more.")
    return value


def number(value: Any, name: str) -> float:
    """Check a finite number.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        found = float(value) if plain else math.nan
    except OverflowError:  # a whole number that no float holds
        found = math.inf
    if not math.isfinite(found):
        raise SettingError(f"{name}={value!r:.40}: give a finite number.")
    return found


def items(value: Any, name: str, kind: type = object) -> Sequence[Any]:
    """Check a list whose items are of a kind; None is an empty one.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, kind) for item in value):
        what = "a list of tables" if kind is Mapping else "a list"
        raise SettingError(f"{name}={value!r:.40}: give {what}.")
    return value


def two_inputs(value: Any, width: int) -> tuple[int, int]:
    """Check the places of two inputs of a network that has `width` of them.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    axes = [whole(place, "axes") for place in items(value, "axes")]
    if len(axes) != 2 or max(axes) >= width:
        raise SettingError(f"axes={axes}: give two of the inputs, 0 to {width - 1}.")
    return axes[0], axes[1]


def values_of_inputs(value: Any, width: int) -> dict[int, float]:
    """Check values of inputs by place; JSON has the places as text.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    places = {str(place): place for place in range(width)}
    if not isinstance(value, Mapping) or not set(value) <= set(places):
        raise SettingError(f"fixed={value!r:.40}: give values of inputs, 0 to {width - 1}.")
    return {places[key]: number(one, "fixed") for key, one in value.items()}


def checked(given: Any) -> dict[str, Any]:
    """Check settings before a network is made of them.

    Raises
    ------
    SettingError
        If there is no such setting here, or its value is out of range.
    """
    if not isinstance(given, Mapping):
        raise SettingError(f"settings={given!r}: give a table of settings.")
    for name in given:
        if name not in CHOSEN:
            hint = suggest(str(name), CHOSEN)
            raise SettingError(f"The playground has no setting {name!r}.{hint}")
        ROWS[name].check(given[name])
    return dict(given)


def of_networks(given: Any) -> list[dict[str, Any]]:
    """Check the settings of a network, or of two in a race; what they share, the first decides.

    Raises
    ------
    SettingError
        If they are not of that form; see also `checked`.
    """
    if not isinstance(given, list) or len(given) not in (1, 2):
        raise SettingError("settings: give a list of one or two tables of settings.")
    first, *second = map(checked, given)
    shared = {name: first[name] for name in SHARED if name in first}
    return [first, *({**one, **shared} for one in second)]
