"""What a comparison is asked to do: its factor, its arms, its data, and what is fixed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from nnplug.errors import SettingError, suggest
from nnplug.parts import Part, split_list
from nnplug.runs.setting_kinds import Interval
from nnplug.runs.settings import ROWS

__all__ = ["EFFORTS", "FACTORS", "DataSet", "Request"]

FACTORS = ("activation", "loss", "optimizer", "initializer", "schedule", "layers", "recipe")
"""The settings that can be compared."""

EFFORTS: Mapping[str, tuple[int, int]] = {"standard": (10, 16), "paper": (30, 36), "quick": (3, 0)}
"""Seeds, and trials of a search, by the effort that is asked for."""

SEARCH_SEEDS = 3
"""Seeds of a search: those of a rate and of its two neighbours differ; see `rates.judge`."""

_OWN = frozenset({"seed", "validation", "split", "metrics"})
"""Settings that a comparison may fix besides those of the network and of training."""
_NOT = frozenset(
    {
        "data",
        "target",
        "learning_rate",
        "epochs",
        "folds",
        "log_every",
        "checkpoint_every",
        "shards",
    }
)
"""Settings that a comparison decides itself."""

_TARGET = re.compile(r"(?s)(.+):([^:/\\]+)")


@dataclass(frozen=True)
class DataSet:
    """Rows to compare on.

    Attributes
    ----------
    name : str
        In the report.
    data : str
        A dataset's name or the path of a table; empty for an object of Python.
    target : str or None
    content : object, optional
        The object.
    """

    name: str
    data: str = ""
    target: str | None = None
    content: Any = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xor`, `moons:noise=0.3` or `PATH:TARGET`."""
        match = _TARGET.fullmatch(text)
        if match is None or Path(text).exists() or "=" in match[2]:
            return cls(text, text)
        return cls(Path(match[1]).name, match[1], match[2])

    @classmethod
    def of(cls, given: Any) -> Self:
        """Take a text, data with its target, or data that has one."""
        if isinstance(given, str):
            return cls.parse(given)
        target = None
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str | None):
            given, target = given
        if isinstance(given, str | Path):
            return cls(Path(given).name, str(given), target)
        return cls(str(getattr(given, "name", "") or "data"), "", target, given)


@dataclass(frozen=True)
class Request:
    """What a comparison is asked to do.

    Attributes
    ----------
    factor : str
        The setting that differs.
    arms : mapping of str to object
        Its values by their texts; a value is the text, or a part given in Python.
    baseline : str
        The arm that the others are compared with.
    data : tuple of DataSet
    settings : mapping
        What is the same in all runs, by the names of `nnplug.train`.
    effort : str
        `"standard"`, `"paper"` or `"quick"`.
    seeds, trials : int
        Runs of each arm on each data set; learning rates tried before.
    seed : int
        The first of the search; the runs have those after it.
    budget : str or None
        The most epochs or seconds of a run.
    rope : float or None
        The margin within which a difference does not matter.
    plugins : tuple of str
        The values of `-p`.
    """

    factor: str
    arms: Mapping[str, Any]
    baseline: str
    data: tuple[DataSet, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    effort: str = "standard"
    seeds: int = 10
    trials: int = 16
    seed: int = 0
    budget: str | None = None
    rope: float | None = None
    plugins: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        data: Any,
        given: Mapping[str, Any],
        *,
        baseline: str | None = None,
        effort: str = "standard",
        seeds: int | None = None,
        trials: int | None = None,
        budget: str | int | None = None,
        rope: float | None = None,
        plugins: Sequence[str] = (),
    ) -> Self:
        """Check what a user asks for.

        Parameters
        ----------
        data : str, or a sequence of str, of pairs of data and target, or of data
        given : mapping
            Settings by name; the one with several values is the factor.

        Raises
        ------
        SettingError
        """
        if effort not in EFFORTS:
            raise SettingError(
                f"effort={effort!r}: it must be {', '.join(EFFORTS)}.{suggest(effort, EFFORTS)}"
            )
        usual_seeds, usual_trials = EFFORTS[effort]
        given = {name: value for name, value in given.items() if value is not None}
        _check_names(given)
        factor, arms, fixed = _find_factor(given)
        seed = ROWS["seed"].check(fixed.pop("seed", 0))
        for name in fixed:
            if name in ROWS and name not in FACTORS:
                ROWS[name].check(fixed[name])
        if budget is not None:
            budget = str(budget)
            try:
                Interval().split(budget)
            except ValueError as error:
                raise SettingError(f"budget={budget!r}: {error}.") from None
        if rope is not None and not rope > 0:
            raise SettingError(f"rope={rope!r}: it must be a number above 0.")
        return cls(
            factor,
            arms,
            _find_baseline(baseline, arms),
            _data_sets(data),
            fixed,
            effort,
            _whole("seeds", usual_seeds if seeds is None else seeds, 2),
            _whole("trials", usual_trials if trials is None else trials, 0),
            seed,
            budget,
            rope,
            tuple(plugins),
        )

    @property
    def others(self) -> list[str]:
        """The arms besides the baseline."""
        return [arm for arm in self.arms if arm != self.baseline]

    @property
    def search_seeds(self) -> range:
        """The seeds of the search, which its trials take in turn."""
        return range(self.seed, self.seed + SEARCH_SEEDS)

    @property
    def evaluation_seeds(self) -> range:
        """The seeds of the runs that are compared."""
        first = self.seed + SEARCH_SEEDS
        return range(first, first + self.seeds)

    # --- as JSON ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "factor": self.factor,
            "arms": list(self.arms),
            "baseline": self.baseline,
            "data": [
                {"name": each.name, "data": each.data, "target": each.target} for each in self.data
            ],
            "settings": {name: plain(value) for name, value in self.settings.items()},
            "effort": self.effort,
            "seeds": self.seeds,
            "trials": self.trials,
            "seed": self.seed,
            "budget": self.budget,
            "rope": self.rope,
            "plugins": list(self.plugins),
            "objects": self.objects,
        }

    @property
    def objects(self) -> list[str]:
        """What was given as an object of Python, which a file cannot hold."""
        arms = [text for text, value in self.arms.items() if not isinstance(value, str)]
        return [*arms, *(each.name for each in self.data if not each.data)]

    @classmethod
    def from_dict(cls, found: Any, where: str) -> Self:
        """Read what `to_dict` returned.

        Raises
        ------
        SettingError
            If it is not that, or part of it was an object of Python.
        """
        try:
            objects = list(found["objects"])
            if objects:
                raise SettingError(
                    f"{where}: {', '.join(map(str, objects))} was an object in Python, which the "
                    "file does not hold.\nRun the comparison again from Python."
                )
            settings = dict(found["settings"])
            asked = cls.of(
                [(str(each["data"]), each["target"]) for each in found["data"]],
                {**settings, found["factor"]: list(found["arms"]), "seed": found["seed"]},
                baseline=found["baseline"],
                effort=found["effort"],
                seeds=found["seeds"],
                trials=found["trials"],
                budget=found["budget"],
                rope=found["rope"],
                plugins=found["plugins"],
            )
            names = [str(each["name"]) for each in found["data"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise SettingError(
                f"{where} is not the record of a comparison: {type(error).__name__} {error}."
            ) from None
        sets = zip(names, asked.data, strict=True)
        return replace(asked, data=tuple(replace(each, name=name) for name, each in sets))


def plain(value: Any) -> Any:
    """Write a setting for JSON: a part by its text."""
    if isinstance(value, Part):
        return value.text
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _check_names(given: Mapping[str, Any]) -> None:
    known = {row.name for row in ROWS.values() if row.group in ("Network", "Training")}
    known = (known | _OWN) - _NOT
    for name in given:
        if name in known:
            continue
        reasons = {
            "learning_rate": "each arm has its own, which the search finds; --trials 0 takes the "
            "optimizer's own",
            "epochs": "give --budget, the most epochs or seconds of a run",
        }
        reason = reasons.get(name, f"it is not a setting of a comparison.{suggest(name, known)}")
        raise SettingError(f"{name}: {reason}{'' if reason[-1] in '.?' else '.'}")


def _find_factor(
    given: Mapping[str, Any],
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Find the one setting with several values, and return it, its values, and the others."""
    lists = {name: _listed(given[name]) for name in FACTORS if name in given}
    several = [name for name, values in lists.items() if len(values) > 1]
    if len(several) != 1:
        found = f"several values of {' and of '.join(several)}" if several else "none has several"
        raise SettingError(
            f"A comparison varies one of {', '.join(FACTORS)}: {found}.\n"
            "Give several values to exactly one of them, such as --activation relu,gelu."
        )
    (factor,) = several
    arms: dict[str, Any] = {}
    for value in lists[factor]:
        text = value.text if isinstance(value, Part) else str(value)
        if text in arms:
            raise SettingError(
                f"{factor} {text!r} is given twice: an arm needs a value of its own."
            )
        arms[text] = value
    fixed = {name: value for name, value in given.items() if name not in lists}
    fixed |= {name: values[0] for name, values in lists.items() if name != factor}
    return factor, arms, fixed


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return split_list(value)
    if isinstance(value, list | tuple):
        return [each for item in value for each in _listed(item)]
    return [value]


def _find_baseline(baseline: str | None, arms: Mapping[str, Any]) -> str:
    if baseline is None:
        return next(iter(arms))
    if baseline not in arms:
        raise SettingError(
            f"baseline={baseline!r} is not one of the arms: {', '.join(arms)}."
            f"{suggest(baseline, arms)}"
        )
    return baseline


def _data_sets(data: Any) -> tuple[DataSet, ...]:
    if isinstance(data, str):
        data = split_list(data)
    elif isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], str | tuple):
        data = [data]
    given = data if isinstance(data, list | tuple) else [data]
    texts = [
        text for each in given for text in (split_list(each) if isinstance(each, str) else [each])
    ]
    if not texts:
        raise SettingError("data: name at least one data set, such as --data iris.csv:species.")
    found: dict[str, DataSet] = {}
    for each in map(DataSet.of, texts):
        name, number = each.name, 2
        while name in found:
            name, number = f"{each.name} ({number})", number + 1
        found[name] = replace(each, name=name)
    return tuple(found.values())


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingError(f"{name}={value!r}: it must be a whole number, at least {least}.")
    return value
