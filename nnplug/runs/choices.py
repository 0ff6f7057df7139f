"""Choosing a run's settings: the user's value, then the recipe's, then the default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from nnplug.errors import NnplugError, SettingError, suggest
from nnplug.network.layers import arrange_all, find_layers
from nnplug.network.network import short_form
from nnplug.network.tasks import Head
from nnplug.parts import (
    Activation,
    Facts,
    InputColumn,
    Layer,
    Metric,
    Optimizer,
    Part,
    Recipe,
    Schedule,
    normalise_name,
    parse_part,
)
from nnplug.plugins.registry import Registry
from nnplug.runs.settings import ROWS, SHORT_FORM, Settings, no_setting
from nnplug.tables import ReadOptions, Split, TableOptions
from nnplug.training import Stopping

__all__ = [
    "TABLE_SETTINGS",
    "Choice",
    "Shape",
    "asked_split",
    "follow",
    "for_each_layer",
    "interval_level",
    "given_before_rows",
    "naming_recipe",
    "table_choices",
]

_TABLE_OPTIONS = tuple(column.name for column in fields(TableOptions))
TABLE_SETTINGS = (*_TABLE_OPTIONS, "read", "sql", "stream")
"""The settings that are for tables only."""

_RECORDED = tuple(column.name for column in fields(Settings) if column.name in ROWS)
_CHOSEN = frozenset({*_RECORDED, "learning_rate"} - {"data", "recipe"})

BEFORE_ROWS = ("seed", "dtype", "validation", "split", "members")
"""Settings that are needed before the rows are read, and so before a recipe is asked."""


@dataclass(frozen=True)
class Shape:
    """The layers before a network's output.

    Attributes
    ----------
    layers : list of Activation or Layer
    settings : dict
        The settings that describe them, as they are recorded.
    """

    layers: list[Activation | Layer]
    settings: dict[str, Any]


class Choice:
    """Chooses settings: the user's value, then the recipe's, then the default.

    Raises
    ------
    SettingError
        If the user or the recipe gives a setting that does not exist.
    """

    def __init__(
        self, given: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry
    ) -> None:
        for whose, settings in (("", given), ("the dataset's recipe: ", recipe)):
            for name in sorted(set(settings) - _CHOSEN):
                raise SettingError(f"{whose}{no_setting(name, _CHOSEN)}")
        self.given, self.recipe, self.registry = given, recipe, registry

    def following(self, recipe: Recipe, facts: Facts, *, asked: bool = True) -> Choice:
        """Choose by a recipe in place of the dataset's own.

        Parameters
        ----------
        asked : bool
            Whether the user asks for it: then it has to change something.

        Raises
        ------
        SettingError
            If it gives a setting that does not exist, a value out of range, one
            that is needed before the rows are read, or only settings that the
            user gives too.
        """
        settings, which = recipe.settings(facts), f"recipe {recipe.text!r}"
        for name, value in settings.items():
            if name in BEFORE_ROWS or name == "recipe":
                or_there = ", or as before_rows to its decorator" if name in BEFORE_ROWS else ""
                raise SettingError(
                    f"{which} gives {name}, which is needed before the rows are read and a recipe "
                    "is asked.\nTake it out of the recipe, and give it to the run "
                    f"instead{or_there}."
                )
            if name not in _CHOSEN:
                raise SettingError(f"{which}: {no_setting(name, _CHOSEN)}")
            ROWS[name].check(value, f"{which}: ")
        every = (*settings, *(name for name in recipe.before_rows if name in BEFORE_ROWS))
        if asked and every and all(self.given.get(name) is not None for name in every):
            raise SettingError(
                f"{which}: each of its settings is given otherwise too ({', '.join(settings)}), so "
                "it changes nothing.\nLeave the recipe out, or the settings that it is to give."
            )
        own = {name: self.recipe[name] for name in BEFORE_ROWS if name in self.recipe}
        return Choice(self.given, {**own, **settings}, self.registry)

    def __call__(self, name: str, default: Any = None) -> Any:
        """Choose a plain value; None if there is none."""
        row = ROWS[name]
        given = self.given.get(name)
        if given is None:
            given = self.recipe.get(name, default if row.default is None else row.default)
        return None if given is None else row.check(given)

    def record(self, **resolved: Any) -> Settings:
        """Record all settings: those that the run has resolved, the others as they were chosen."""
        plain = {name: self(name) for name in _RECORDED if name not in resolved}
        return Settings(**plain, **resolved)

    def says(self, name: str) -> bool:
        """Whether the user or the recipe gives a setting."""
        return self.given.get(name) is not None or name in self.recipe

    def part(self, name: str, kind: str | None = None, default: str | None = None) -> Part:
        """Choose one part."""
        return self._find(kind or name, self(name, default), self.recipe.get(name))

    def parts(
        self, name: str, kind: str | None = None, default: Sequence[str] = ()
    ) -> tuple[Part, ...]:
        """Choose several parts; a single one stands for a list of one."""
        chosen = self(name, default)
        if not isinstance(chosen, list | tuple):
            chosen = (chosen,)
        return tuple(self._find(kind or name, part, self.recipe.get(name)) for part in chosen)

    def network(self, columns: Sequence[InputColumn]) -> Shape:
        """Choose the layers before the output, from `layers` or from the short form.

        Parameters
        ----------
        columns : sequence of InputColumn
            What the inputs are.

        Raises
        ------
        SettingError
            If both are given.
        """
        short = [name for name in SHORT_FORM if self.given.get(name) is not None]
        if short and self.given.get("layers") is not None:
            raise SettingError(
                f"layers and {short[0]}: both say what the network's layers are.\n"
                "Give one of the two; layers can say everything that the others can."
            )
        asked = None if short else self("layers")
        if asked is not None:
            layers = arrange_all(find_layers(asked, self.registry), columns)
            text = " ".join(layer.text for layer in layers)
            return Shape(layers, {**dict.fromkeys(SHORT_FORM, ()), "layers": text})
        hidden = self("hidden")
        activations = cast("tuple[Activation, ...]", self.parts("activation"))
        if len(activations) == 1:
            activations *= len(hidden)
        dropout = for_each_layer("dropout", self("dropout"), hidden)
        return Shape(
            short_form(hidden, activations, dropout),
            {
                "hidden": hidden,
                "activation": tuple(part.text for part in activations),
                "dropout": dropout,
                "layers": None,
            },
        )

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
        # The recipe's part given by its name alone keeps the recipe's options.
        usual = self.registry.get(kind, recipe)
        if usual.function is not part.function or parse_part(asked).inner is not None:
            return part
        return usual.with_options(**parse_part(asked).options)


def given_before_rows(recipe: Recipe | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a recipe gives before the rows are read: of any data, and of tables only.

    Raises
    ------
    SettingError
        If it gives another setting there, or a value out of range.
    """
    given = {} if recipe is None else dict(recipe.before_rows)
    for name, value in given.items():
        assert recipe is not None
        which = f"recipe {recipe.text!r}: before_rows: "
        if name not in (*BEFORE_ROWS, *_TABLE_OPTIONS):
            if name not in _CHOSEN:
                raise SettingError(f"{which}{no_setting(name, _CHOSEN)}")
            raise SettingError(
                f"{which}{name} is chosen after the rows are read.\n"
                "Return it from the recipe's function."
            )
        ROWS[name].check(value, which)
    return (
        {name: value for name, value in given.items() if name in BEFORE_ROWS},
        {name: value for name, value in given.items() if name in _TABLE_OPTIONS},
    )


@contextmanager
def naming_recipe(recipe: Recipe | None, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Add to an error about a setting that the recipe gives, and not the user, which recipe it is.

    Gives a dict for what is known of the recipe's settings, which begins with `before_rows`.
    """
    gives = {} if recipe is None else dict(recipe.before_rows)
    try:
        yield gives
    except NnplugError as error:
        text = str(error)
        for name in gives:
            about = rf"(^(There is no )?|[:,] ){name}[=:, ]"
            if given.get(name) is not None or not re.search(about, text):
                continue
            assert recipe is not None
            if f"recipe {recipe.text!r}" in text:
                continue
            option = ROWS[name].option if name in ROWS else "--learning-rate"
            raise type(error)(
                f"{text}\nRecipe {recipe.text!r} gives {name}: your own overrides it, by {option} "
                f"or {name}=... in Python."
            ) from error
        raise


def asked_split(asked: str | None) -> Split | None:
    """Read how rows are held out; None if nothing is asked."""
    return None if asked is None else Split.parse(ROWS["split"].check(asked))


def table_choices(
    given: Mapping[str, Any],
    target: str | Sequence[str] | None,
    split: Split | None,
    registry: Registry,
    recipe: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[ReadOptions, TableOptions]:
    """Choose the settings of a table: how it is read, and how its columns are used.

    Encodings that the user gives for a column replace the recipe's for that column alone.
    """
    asked = {name: given[name] for name in _TABLE_OPTIONS if name in given}
    encodings = [ROWS["encoding"].check(some["encoding"]) for some in (recipe, asked)
                 if some.get("encoding") is not None]  # fmt: skip
    asked = {**recipe, **asked}
    if encodings:
        asked["encoding"] = {name: each for some in encodings for name, each in some.items()}
    options = TableOptions.of(asked, registry)
    read = ReadOptions.of(given.get("read"))
    sql = read.sql if given.get("sql") is None else given["sql"]
    read = replace(read, sql=sql, text=options.categorical, numeric=options.numeric)
    used = None
    if options.columns is not None:
        targets = (target,) if isinstance(target, str) else tuple(target or ())
        others = (options.weights, None if split is None else split.column)
        used = (*options.columns, *targets, *(name for name in others if name is not None))
    return replace(read, unused=options.drop, used=used), options


def for_each_layer(name: str, values: Sequence[Any], layers: Sequence[Any]) -> tuple[Any, ...]:
    """Return a value for each hidden layer; a single value is for all of them.

    Raises
    ------
    SettingError
        If there is neither one value nor one for each layer.
    """
    if len(values) == 1:
        return tuple(values) * len(layers)
    if len(values) != len(layers):
        raise SettingError(
            f"{name}={tuple(values)!r}: {len(values)} values for {len(layers)} hidden layers; give "
            "one, or one for each hidden layer."
        )
    return tuple(values)


def follow(
    choice: Choice, metrics: Mapping[str, Metric], schedule: Schedule, *, validation: bool
) -> Stopping | None:
    """Choose what decides which epoch is best, and how long to wait for a better one.

    By default a run waits only if it has validation rows, and not if a recipe
    gives the number of epochs or a schedule is planned over them: ending early
    would leave out the epochs with the lowest learning rates.

    Parameters
    ----------
    metrics : mapping
        The metrics by their columns in the history.
    schedule : Schedule
    validation : bool
        Whether there are validation rows.

    Returns
    -------
    Stopping or None
        None: the run ends with the weights of its last step.
    """
    patience, monitor = choice("patience"), choice("monitor")
    planned = "epochs" in choice.recipe or schedule.text != "constant"
    if not choice.says("patience") and (planned or not validation):
        patience = None
    min_delta = choice("min_delta")
    if patience is None and min_delta:
        raise SettingError(
            f"min_delta={min_delta:g}: without patience, nothing waits for an improvement.\n"
            "Give patience too, the number of epochs to wait."
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
            hint = "\nNo rows are held out for validation: validation is 0."
        elif not hint:
            hint = "\nTo follow another metric, add it to metrics."
        raise SettingError(f"monitor={monitor!r}: it must be one of {', '.join(known)}.{hint}")
    goal = metrics[found].goal if found in metrics else "minimize"
    # The last of equal epochs has the lowest learning rate.
    last = patience is None and schedule.text != "constant"
    return Stopping(found, goal, patience, min_delta, last_of_equal=last)


def interval_level(choice: Choice, head: Head, members: int, *, held_out: bool) -> float | None:
    """Choose the level of intervals and sets; None if none is asked for.

    Raises
    ------
    SettingError
        If the run will not learn how sure its network is.
    """
    level: float | None = choice("interval")
    if level is not None and head.task == "multilabel":
        raise SettingError(
            f"interval={level:g}: labels have neither intervals nor sets of classes.\nLeave it "
            "out; calibrated probabilities are learned anyway."
        )
    if level is not None and not held_out and head.loss.interval is None:
        share = 0.2 if members == 1 else 1 / members
        raise SettingError(
            f"interval={level:g}: intervals are learned from rows that are held out, and there are "
            f"none.\nHold some out: --validation {share!r}, or validation={share!r} in Python."
        )
    return level
