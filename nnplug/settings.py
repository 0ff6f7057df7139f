"""The settings of a run: what the user says, then the recipe, then the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

import numpy as np

from nnplug.errors import SettingError, suggest
from nnplug.parts import Optimizer, Part, Task, parse_part
from nnplug.registry import Registry

__all__ = [
    "SETTINGS",
    "TABLE_DEFAULTS",
    "Choice",
    "Settings",
    "layer_widths",
    "share",
    "whole_number",
]

TABLE_DEFAULTS: Mapping[str, Any] = {
    "hidden": (100,),
    "activation": "relu",
    "optimizer": "adam",
    "initializer": "glorot_uniform",
    "epochs": 100,
    "batch_size": 32,
    "validation": 0.2,
    "schedule": "constant",
    "seed": 0,
    "dtype": "float32",
}
"""What a run does where neither the user nor a dataset's recipe says."""


@dataclass(frozen=True)
class Settings:
    """A run's settings, resolved; parts are in their text form."""

    data: str
    task: Task
    hidden: tuple[int, ...]
    activation: tuple[str, ...]
    output_activation: str
    loss: str
    optimizer: str
    initializer: str
    schedule: str
    epochs: int
    batch_size: int | Literal["full"]
    validation: float
    metrics: tuple[str, ...]
    seed: int
    dtype: str
    log_every: int

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain values, for JSON."""
        return asdict(self)


SETTINGS = frozenset(field.name for field in fields(Settings)) - {"data"} | {"learning_rate"}
"""The names of the settings that a user or a recipe may give."""


class Choice:
    """Chooses each setting: the user's, then the recipe's, then the default."""

    def __init__(
        self, given: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry
    ) -> None:
        for whose, settings in (("", given), ("the dataset's recipe: ", recipe)):
            for name in sorted(set(settings) - SETTINGS):
                raise SettingError(f"{whose}there is no setting {name!r}.{suggest(name, SETTINGS)}")
        self.given, self.recipe, self.registry = given, recipe, registry

    def __call__(self, name: str, default: Any = None) -> Any:
        """Choose a plain setting."""
        if self.given.get(name) is not None:
            return self.given[name]
        return self.recipe.get(name, TABLE_DEFAULTS.get(name, default))

    def part(self, name: str, kind: str | None = None, default: str | None = None) -> Part:
        """Choose one part."""
        return self._find(kind or name, self(name, default), self.recipe.get(name))

    def parts(
        self, name: str, kind: str | None = None, default: Sequence[str] = ()
    ) -> tuple[Part, ...]:
        """Choose several parts; one stands for a list of one."""
        chosen = self(name, default)
        if not isinstance(chosen, list | tuple):
            chosen = (chosen,)
        return tuple(self._find(kind or name, each, self.recipe.get(name)) for each in chosen)

    def dtype(self) -> np.dtype[Any]:
        """Choose the dtype of all numbers."""
        asked = self("dtype")
        try:
            dtype: np.dtype[Any] = np.dtype(asked)
        except TypeError:
            dtype = np.dtype(object)
        if dtype not in (np.float32, np.float64):
            raise SettingError(f"dtype={asked!r}: use 'float32' or 'float64'.")
        return dtype

    def optimizer(self, dtype: np.dtype[Any]) -> Optimizer:
        """Choose the optimizer with its learning rate."""
        optimizer = cast(Optimizer, self.part("optimizer"))
        rate = self.given.get("learning_rate")
        if rate is None and self.given.get("optimizer") is None:
            rate = self.recipe.get("learning_rate")
        if rate is not None:
            optimizer = optimizer.with_options(learning_rate=rate)
        rate = optimizer.learning_rate
        if not 0 < rate < float(np.finfo(dtype).max):
            raise SettingError(
                f"learning_rate={rate:g}: it must be above 0 and finite in {dtype.name}."
            )
        return optimizer

    def _find(self, kind: str, asked: str | Part, recipe: Any) -> Part:
        part = self.registry.get(kind, asked)
        if not isinstance(asked, str) or not isinstance(recipe, str) or asked == recipe:
            return part
        # The recipe's part by name alone keeps the recipe's options.
        usual = self.registry.get(kind, recipe)
        if usual.function is not part.function:
            return part
        return usual.with_options(**parse_part(asked).options)


def whole_number(name: str, value: Any, least: int) -> int:
    """Take a setting that must be a whole number, at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        also = " or 'full'" if name == "batch_size" else ""
        raise SettingError(f"{name}={value!r}: it must be a whole number, at least {least}{also}.")
    return int(value)


def share(name: str, value: Any) -> float:
    """Take a setting that must be a number from 0 to below 1."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:
        raise SettingError(f"{name}={value!r}: it must be a number, at least 0 and below 1.")
    return float(value)


def layer_widths(hidden: Any) -> tuple[int, ...]:
    """Take the widths of the hidden layers; one number is one layer."""
    widths = tuple(hidden) if isinstance(hidden, list | tuple) else (hidden,)
    return tuple(whole_number("hidden", width, 1) for width in widths)
