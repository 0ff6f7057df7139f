"""A trial: a run with some settings of its own, and the score that it is judged by."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from nnplug.engines.threads import one_thread
from nnplug.errors import NnplugError, SettingError
from nnplug.parts import Data, Metric, by_column
from nnplug.plugins.registry import Registry
from nnplug.plugins.travelling import Luggage
from nnplug.runs.configuration import fingerprint_of
from nnplug.runs.cross_validation import Folds, recipe_of
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.likeness import identity
from nnplug.runs.preparing import prepare
from nnplug.runs.run import Run
from nnplug.runs.settings import ROWS
from nnplug.runs.sources import find_data
from nnplug.searching.space import Space
from nnplug.tables import Table, read_table

__all__ = ["Trial", "Trials"]


@dataclass(frozen=True)
class Trial:
    """What to try.

    Attributes
    ----------
    number : int
        From 1; 0 is the run without any of the searched settings.
    texts : mapping of str to str
        Each searched setting as text.
    """

    number: int
    texts: Mapping[str, str]

    def __str__(self) -> str:
        return f"trial {self.number}"


@dataclass(frozen=True)
class Trials:
    """Performs trials, in any process: it is sent with the rows.

    Attributes
    ----------
    name : str
        The data's.
    content : Table or Data
    given : mapping
        Arguments of `prepare` that all trials have.
    space : Space
    folds : Folds or None
        If a trial is judged by cross-validation.
    luggage : Luggage
    registry : Registry or None
        The parts of this process; another finds its own.
    """

    name: str
    content: Table | Data
    given: Mapping[str, Any]
    space: Space
    folds: Folds | None = None
    luggage: Luggage = field(default_factory=Luggage)
    registry: Registry | None = None

    @classmethod
    def of(
        cls, data: Any, given: Mapping[str, Any], search: Mapping[str, Any], luggage: Luggage
    ) -> Self:
        """Read the rows, and check what is given.

        Raises
        ------
        SettingError, DataError
        """
        registry = luggage.registry
        space = Space.of(search, registry)
        for dimension in space.dimensions:
            if given.get(dimension.name) is not None:
                raise SettingError(
                    f"{dimension.name} is given, and searched too.\nLeave one of the two out."
                )
        if given.get("stream") or given.get("shards") not in (None, "none"):
            raise SettingError(
                "stream and shards: a search trains in memory, each trial in one process.\n"
                "Leave them out."
            )
        count = None if given.get("folds") is None else ROWS["folds"].check(given["folds"])
        kept = {name: v for name, v in given.items() if name not in ("folds", "log_every")}
        if count is not None:
            folds = Folds.of(data, kept, count, registry=registry, luggage=luggage)
            return cls(folds.name, folds.content, folds.given, space, folds, luggage, registry)
        recipe = recipe_of(given, registry)
        source, read, _, _ = find_data(
            data, given.get("target"), given.get("task"), {**kept}, recipe, registry
        )
        content = source.content
        content = content if isinstance(content, Table | Data) else read_table(content, read)
        kept = {name: v for name, v in kept.items() if name not in ("read", "sql", "stream")}
        return cls(source.name, content, kept, space, None, luggage, registry)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "registry": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    @property
    def parts(self) -> Registry:
        """Where names are looked up, in this process."""
        return self.luggage.registry if self.registry is None else self.registry

    def settings(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return all settings of a trial."""
        return {**self.given, **(self.space.values(texts) if texts else {})}

    def prepare(self, texts: Mapping[str, str]) -> Run:
        """Prepare the run of a trial."""
        return prepare(self.content, registry=self.parts, usual_recipe=True, **self.settings(texts))

    def judge(self) -> Metric:
        """Return the metric that judges the trials, after preparing one with the usual settings.

        Raises
        ------
        SettingError
            If there is none, or no rows to judge by.
        """
        run = self.prepare({})
        if not run.metrics:
            raise SettingError(
                f"{self.name}: nothing judges the trials.\nName a metric, such as "
                "--metric accuracy."
            )
        if self.folds is None and not len(run.validation_rows):
            raise SettingError(
                f"{self.name}: no rows are held out to judge trials by.\n"
                "Hold some out, --validation 0.2, or cross-validate, --folds 5."
            )
        return run.metrics[0]

    def identities(self) -> dict[str, dict[str, Any]]:
        """Compute what the numbers depend on: with the usual settings, and for each choice."""
        found = {"": self._identity({})}
        for dimension in self.space.dimensions:
            for choice in dimension.choices:
                text = choice.fill([each.low for each in choice.ranges])
                found[f"{dimension.name} {choice.text}"] = self._identity({dimension.name: text})
        return found

    def _identity(self, texts: Mapping[str, str]) -> dict[str, Any]:
        values = {
            each.name: Space((each,)).values(texts)[each.name]
            for each in self.space.dimensions
            if each.name in texts
        }
        try:
            run = prepare(
                self.content,
                registry=self.parts,
                usual_recipe=True,
                **{**self.given, **values},
            )
        except NnplugError as error:  # as a choice that fits only beside others
            return {"settings": {"error": str(error)}, "packages": {}, "formulas": {}, "data": ""}
        rows = "" if texts else fingerprint_of(run.rows, run.weights)
        return identity(run, rows)

    def perform(self, trial: Trial) -> dict[str, Any]:
        """Train and judge.

        Returns
        -------
        dict
            `"score"`, the metric that judges, and `"loss"`, on the validation rows or as means
            over the folds; `"sd"`, of the score between folds; `"epochs"`, `"seconds"`, and
            `"failed"`: why there is no score, or None. `"rows"`: how many rows judge.
        """
        started = time.perf_counter()
        found: dict[str, Any] = {"score": None, "loss": None, "sd": None, "epochs": 0}
        found["failed"] = None
        try:
            found |= self._folded(trial) if self.folds is not None else self._held_out(trial)
        except NnplugError as error:
            # Settings that do not go together, or not with these rows, are a trial that failed,
            # not the end of a search: with the usual settings the rows can be used.
            found["failed"] = str(error).split("\n")[0]
        for name in ("score", "loss"):
            value = found[name]
            found[name] = value if value is not None and math.isfinite(value) else None
        if found["score"] is None:
            found["failed"] = found["failed"] or "its score is not finite"
        return {**found, "seconds": time.perf_counter() - started}

    def _held_out(self, trial: Trial) -> dict[str, Any]:
        run = self.prepare(trial.texts)
        # One thread each: the numbers then do not depend on how many runs share the cores.
        with one_thread():
            fit(run, Callbacks(self.parts.plugins, run.used))
        column = next(iter(by_column(run.metrics)))
        loss = run.final.validation_loss
        score, rows = run.final.metrics[column], len(run.validation_rows)
        return {"score": score, "loss": loss, "epochs": len(run.history), "rows": rows}

    def _folded(self, trial: Trial) -> dict[str, Any]:
        assert self.folds is not None
        folds = Folds(
            self.name,
            self.content,
            self.folds.fold_of,
            self.settings(trial.texts),
            luggage=self.luggage,
            registry=self.registry,
        )
        outcomes = [folds.perform(fold) for fold in range(int(folds.fold_of.max()) + 1)]
        for outcome in outcomes:
            if outcome["diverged"]:
                return {"failed": f"fold {outcome['fold'] + 1}: {outcome['diverged']}"}
        name = next(name for name in outcomes[0]["scores"] if name != "loss")
        scores = [outcome["scores"][name] for outcome in outcomes]
        return {
            "score": float(np.mean(scores)),
            "sd": float(np.std(scores, ddof=1)),
            "loss": float(np.mean([outcome["scores"]["loss"] for outcome in outcomes])),
            "epochs": sum(outcome["epochs"] for outcome in outcomes),
        }
