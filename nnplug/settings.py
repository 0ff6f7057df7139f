"""The settings of a run: what the user says, then the recipe, then the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, cast

import numpy as np

from nnplug.errors import SettingError, suggest
from nnplug.parts import Metric, Optimizer, Part, Schedule, Task, normalise_name, parse_part
from nnplug.registry import Registry
from nnplug.tables import ReadOptions, TableOptions
from nnplug.training import Stopping

__all__ = [
    "EPOCH_LIMIT",
    "SETTINGS",
    "TABLE_DEFAULTS",
    "TABLE_SETTINGS",
    "UNSET",
    "Choice",
    "Settings",
    "amount",
    "dropout_shares",
    "follow",
    "layer_widths",
    "no_setting",
    "share",
    "table_choices",
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
    "l2": 0.0,
    "l1": 0.0,
    "dropout": 0.0,
    "patience": 20,
    "min_delta": 0.0,
    "seed": 0,
    "engine": "auto",
    "dtype": "float32",
}
"""What a run does where neither the user nor a dataset's recipe says.

Patience is for runs with validation rows whose length nobody planned: see `follow`.
"""

EPOCH_LIMIT = 500
"""Epochs by default where patience is expected to end the run before them."""


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
    l2: float
    l1: float
    dropout: tuple[float, ...]
    clip_global_norm: float | None
    class_weight: str | dict[str, float] | None
    validation: float
    split: str
    monitor: str | None
    patience: int | None
    min_delta: float
    metrics: tuple[str, ...]
    seed: int
    engine: str
    dtype: str
    log_every: int
    table: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain values, for JSON."""
        return asdict(self)


SETTINGS = frozenset(field.name for field in fields(Settings)) - {"data", "table"} | {
    "learning_rate"
}
"""The names of the settings that a user or a recipe may give."""

UNSET = ("clip_global_norm", "class_weight", "monitor", "patience", "target_transform")
"""Those that may be not set; `"none"` says so, whatever a recipe says."""

_READING = ("read", "sql", "stream")
TABLE_SETTINGS = (*(field.name for field in fields(TableOptions)), *_READING)
"""The names of those that a user may give for a table alone."""


def no_setting(name: str, known: Iterable[str]) -> str:
    """Say that there is no setting of a name, and which one may be meant."""
    hint = suggest(name, known)
    if name == "alpha":
        hint = (
            " The L2 penalty is called 'l2' and does not depend on the batch size; scikit-learn's "
            "alpha is l2 times the rows of a batch."
        )
    return f"there is no setting {name!r}.{hint}"


class Choice:
    """Chooses each setting: the user's, then the recipe's, then the default."""

    def __init__(
        self, given: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry
    ) -> None:
        for whose, settings in (("", given), ("the dataset's recipe: ", recipe)):
            for name in sorted(set(settings) - SETTINGS):
                raise SettingError(f"{whose}{no_setting(name, SETTINGS)}")
        self.given, self.recipe, self.registry = given, recipe, registry

    def __call__(self, name: str, default: Any = None) -> Any:
        """Choose a plain setting."""
        given = self.given.get(name)
        if given is not None:
            return None if name in UNSET and isinstance(given, str) and given == "none" else given
        return self.recipe.get(name, TABLE_DEFAULTS.get(name, default))

    def says(self, name: str) -> bool:
        """Tell whether the user or the recipe says anything of a setting."""
        return self.given.get(name) is not None or name in self.recipe

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


def table_choices(given: Mapping[str, Any]) -> tuple[ReadOptions, TableOptions]:
    """Take the settings of a table: how it is read, and how its columns are used."""
    options = TableOptions.of({name: each for name, each in given.items() if name not in _READING})
    read = ReadOptions.of(given.get("read"))
    sql = read.sql if given.get("sql") is None else given["sql"]
    read = replace(read, sql=sql, text=options.categorical, numeric=options.numeric)
    return replace(read, unused=options.drop), options


def whole_number(name: str, value: Any, least: int) -> int:
    """Take a setting that must be a whole number, at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        also = {"batch_size": " or 'full'", "patience": " or 'none'"}.get(name, "")
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


def amount(name: str, value: Any, *, above: bool = False) -> float:
    """Take a setting that must be a finite number, at least 0, or above it."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < 0 or (above and value == 0):
        least = "above 0" if above else "at least 0"
        raise SettingError(f"{name}={value!r}: it must be a finite number, {least}.")
    return float(value)


def dropout_shares(dropout: Any, hidden: Sequence[int]) -> tuple[float, ...]:
    """Take the share that is dropped of each hidden layer; one number is that of all."""
    if not isinstance(dropout, list | tuple):
        return (share("dropout", dropout),) * len(hidden)
    if len(dropout) != len(hidden):
        raise SettingError(
            f"dropout={dropout!r}: {len(dropout)} shares for {len(hidden)} hidden layers; give "
            "one, or one for each hidden layer."
        )
    return tuple(share("dropout", each) for each in dropout)


def follow(
    choice: Choice, metrics: Mapping[str, Metric], schedule: Schedule, *, validation: bool
) -> Stopping | None:
    """Choose the number by which the best epoch is found, and how long to wait for it.

    By default a run waits only if it has validation rows. It does not where a
    recipe says how many epochs there are, or a schedule is planned over them:
    ending it early would leave out the epochs of the lowest learning rates.

    Parameters
    ----------
    metrics : mapping
        From the column of the history to the metric.
    schedule : Schedule
    validation : bool
        Whether there is a validation part.

    Returns
    -------
    Stopping or None
        None: the weights of the last step are kept.
    """
    patience, monitor = choice("patience"), choice("monitor")
    planned = "epochs" in choice.recipe or schedule.text != "constant"
    if not choice.says("patience") and (planned or not validation):
        patience = None
    min_delta = amount("min_delta", choice("min_delta"))
    if patience is not None:
        patience = whole_number("patience", patience, 1)
    elif min_delta:
        raise SettingError(
            f"min_delta={min_delta:g} without patience: nothing waits for an improvement.\n"
            "Give patience too, the epochs to wait."
        )
    if monitor is None:
        if not validation and patience is None:
            return None
        monitor = "validation_loss" if validation else "loss"
    known = ["loss", *(["validation_loss"] if validation else []), *metrics]
    found = next((name for name in (monitor, normalise_name(str(monitor))) if name in known), None)
    if found is None:
        hint = suggest(str(monitor), known)
        if normalise_name(str(monitor)) == "validation_loss":
            hint = "\nThere is no validation part: validation is 0."
        elif not hint:
            hint = "\nA metric is followed if it is among the metrics of the run."
        raise SettingError(f"monitor={monitor!r}: there are {', '.join(known)}.{hint}")
    goal = metrics[found].goal if found in metrics else "minimize"
    return Stopping(found, goal, patience, min_delta)
