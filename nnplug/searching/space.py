"""What is searched: settings with several values, or with ranges of numbers in their text."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from nnplug.errors import NnplugError, SettingError, suggest
from nnplug.network.layers import find_layers
from nnplug.parts import Part, split_list
from nnplug.plugins.registry import Registry
from nnplug.runs.setting_kinds import LayerTexts, PartName
from nnplug.runs.settings import ROWS

__all__ = ["Dimension", "Range", "Space"]

_NOT = frozenset({"seed", "folds", "shards", "metrics", "monitor", "engine", "rate", "decay"})
"""Settings of the network and of training whose values cannot be compared, or change nothing."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_WHOLE = re.compile(r"[-+]?\d+")

_DIGITS = 4
"""Digits of a number that is tried: enough, and easy to read and to type."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`: whole ones if both are, on a logarithmic scale over a decade.

    Attributes
    ----------
    low, high : int or float
    """

    low: float
    high: float

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def log(self) -> bool:
        """Whether it spans a decade or more, so that its scale is logarithmic."""
        return self.low > 0 and self.high / self.low >= 10

    def written(self, value: float) -> str:
        """Write a number of the range as it is tried: within it, with few digits."""
        if self.whole:
            return str(int(value))
        short = float(f"{value:.{_DIGITS}g}")
        return f"{short if self.low <= short <= self.high else value:g}"


@dataclass(frozen=True)
class Template:
    """One value of a setting: its text, with ranges in place of some numbers.

    Attributes
    ----------
    text : str
        As the user wrote it.
    value : object
        A part that was given as an object, in place of the text.
    """

    text: str
    value: Any = None

    @property
    def ranges(self) -> list[Range]:
        """Its ranges, from left to right."""
        return [Range(*map(_number, match.groups())) for match in _RANGE.finditer(self.text)]

    def fill(self, numbers: Sequence[float]) -> str:
        """Write it with a number for each range."""
        written = iter([r.written(n) for r, n in zip(self.ranges, numbers, strict=True)])
        return _RANGE.sub(lambda match: next(written), self.text)


def _number(text: str) -> float:
    return int(text) if _WHOLE.fullmatch(text) else float(text)


@dataclass(frozen=True)
class Dimension:
    """A setting that is searched.

    Attributes
    ----------
    name : str
    choices : tuple of Template
    """

    name: str
    choices: tuple[Template, ...]

    @classmethod
    def of(cls, name: str, given: Any, registry: Registry) -> Dimension:
        """Check what a user gives: a text, or a list of values.

        Raises
        ------
        SettingError
            If there is no such setting, or one of its values cannot be.
        """
        name = name.strip().replace("-", "_")
        known = [row.name for row in ROWS.values() if row.group in ("Network", "Training")]
        known = [key for key in (*known, "encoding", "target_transform") if key not in _NOT]
        where = f"search {name}={given if isinstance(given, str) else '...'}"
        if name not in known:
            hint = suggest(name, known)
            reason = "it is not searched" if name in ROWS else "there is no such setting"
            raise SettingError(f"{where}: {reason}.{hint or _listed(known)}")
        values = split_list(given) if isinstance(given, str) else list(given)
        choices = []
        for value in values:
            if isinstance(value, Part):
                choices.append(Template(value.text, value))
                continue
            text = str(value).strip()
            if text.startswith("[") and text.endswith("]"):  # a list, such as [64,64]
                text = text[1:-1]
            choices.append(Template(text))
        found = cls(name, tuple(choices))
        if not choices or (len(choices) == 1 and not choices[0].ranges):
            raise SettingError(
                f"{where}: there is nothing to choose from.\nGive a range, 1e-4..1e-1, or several "
                "values, relu,gelu."
            )
        found._check(where, registry)
        return found

    def _check(self, where: str, registry: Registry) -> None:
        for choice in self.choices:
            for each in choice.ranges:
                if not each.low < each.high:
                    raise SettingError(
                        f"{where}: {each.low:g}..{each.high:g}: the first number must be the "
                        "smaller one."
                    )
            for ends in ([r.low for r in choice.ranges], [r.high for r in choice.ranges]):
                try:
                    self._check_value(self.read(choice, ends), registry)
                except ValueError as error:
                    text = choice.fill(ends)
                    raise SettingError(f"{where}: {text!r}: {error}") from None
                except NnplugError as error:
                    raise SettingError(f"{where}: {error}") from None

    def _check_value(self, value: Any, registry: Registry) -> None:
        takes = ROWS[self.name].takes
        if isinstance(takes, PartName):
            for part in value if isinstance(value, tuple) else (value,):
                registry.get(takes.kind, part)
        elif isinstance(takes, LayerTexts):
            find_layers(value, registry)

    def read(self, choice: Template, numbers: Sequence[float]) -> Any:
        """Return the value of the setting that a choice with its numbers is.

        Raises
        ------
        ValueError
            If it cannot be.
        """
        row = ROWS[self.name]
        if choice.value is not None:
            return choice.value
        value = row.parse(choice.fill(numbers))
        return (value,) if row.takes.repeated and isinstance(value, str) else value

    def key(self, choice: Template, place: int) -> str:
        """Name the number of a range for the study."""
        alone = len(self.choices) == 1 and len(choice.ranges) == 1
        return self.name if alone else f"{self.name} {choice.text} {place + 1}"


@dataclass(frozen=True)
class Space:
    """All that is searched.

    Attributes
    ----------
    dimensions : tuple of Dimension
    """

    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, given: Mapping[str, Any], registry: Registry) -> Space:
        """Check what a user gives: by the name of each setting, a text or a list of values.

        Raises
        ------
        SettingError
        """
        if not given:
            raise SettingError(
                "There is nothing to search: name settings with their values, such as "
                "--search learning_rate=1e-4..1e-1 --search activation=relu,gelu."
            )
        return cls(tuple(Dimension.of(name, value, registry) for name, value in given.items()))

    def suggest(self, trial: Any) -> dict[str, str]:
        """Let a trial of Optuna choose, and return the text of each setting."""
        found = {}
        for dimension in self.dimensions:
            choices = {choice.text: choice for choice in dimension.choices}
            choice = next(iter(choices.values()))
            if len(choices) > 1:
                choice = choices[trial.suggest_categorical(dimension.name, list(choices))]
            numbers = []
            for place, each in enumerate(choice.ranges):
                ask = trial.suggest_int if each.whole else trial.suggest_float
                key = dimension.key(choice, place)
                numbers.append(ask(key, each.low, each.high, log=each.log))
            found[dimension.name] = choice.fill(numbers)
        return found

    def values(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return the settings of a trial, from the texts that `suggest` returned."""
        found = {}
        for dimension in self.dimensions:
            text = texts[dimension.name]
            objects = {each.text: each.value for each in dimension.choices if each.value}
            found[dimension.name] = objects.get(text) or dimension.read(Template(text), ())
        return found

    @property
    def size(self) -> float:
        """How many different trials there can be."""
        return math.prod(
            sum(math.prod(_count(each) for each in choice.ranges) for choice in dimension.choices)
            for dimension in self.dimensions
        )

    def everything(self) -> Iterator[dict[str, Any]]:
        """List all there is, as parameters of Optuna; only where `size` is small."""
        for row in itertools.product(*map(_all_of, self.dimensions)):
            yield {key: value for some in row for key, value in some.items()}


def _count(one: Range) -> float:
    return int(one.high) - int(one.low) + 1 if one.whole else math.inf


def _all_of(dimension: Dimension) -> Iterator[dict[str, Any]]:
    for choice in dimension.choices:
        named = {dimension.name: choice.text} if len(dimension.choices) > 1 else {}
        keys = [dimension.key(choice, place) for place in range(len(choice.ranges))]
        spans = [range(int(each.low), int(each.high) + 1) for each in choice.ranges]
        for numbers in itertools.product(*spans):
            yield named | cast("dict[str, Any]", dict(zip(keys, numbers, strict=True)))


def _listed(known: Sequence[str]) -> str:
    return f"\nSettings that can be searched: {', '.join(known)}."
