"""The settings that can be chosen on the page, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnplug.errors import SettingError, suggest
from nnplug.runs.settings import ROWS

__all__ = ["CHOSEN", "SHARED", "checked", "whole"]

CHOSEN = (
    "validation", "recipe", "hidden", "activation", "layers", "output_activation", "initializer",
    "dropout", "dtype", "loss", "optimizer", "learning_rate", "schedule", "epochs", "batch_size",
    "l2", "l1", "clip_global_norm", "metrics", "seed", "engine", "task",
)  # fmt: skip
"""The settings of `nnplug.train` that can be chosen here: none of them names a file."""

SHARED = ("validation", "seed", "task")
"""Settings that both networks of a race have in common: they decide the rows."""


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
