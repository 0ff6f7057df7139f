"""Cross-validation: how well a way of training does on rows that it has not seen.

The rows are cut into K folds (Stone, 1974, section 3). For each of them a network is
trained on the others, with validation rows of its own for early stopping, and scored on
the fold. The model that is kept is trained afterwards, on all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

import numpy as np

from nnplug.engines.threads import one_thread
from nnplug.errors import DataError, DivergedError, NotFiniteError, SettingError
from nnplug.parts import Data, Recipe
from nnplug.places.running import check_place, run_all
from nnplug.plugins.registry import Registry
from nnplug.plugins.travelling import Luggage
from nnplug.runs.choices import asked_split
from nnplug.runs.configuration import Configuration, fingerprint_of
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.fold_scores import CrossValidation
from nnplug.runs.judging import classes_of, count_rows, score_on, take_rows
from nnplug.runs.likeness import Likeness, identity
from nnplug.runs.preparing import prepare
from nnplug.runs.settings import ROWS
from nnplug.runs.sources import find_data
from nnplug.tables import Split, Table, parts_of, read_table
from nnplug.tables.splitting import DRAWN, split_column
from nnplug.tables.wording import count_of, quote
from nnplug.types import AnyArray

__all__ = ["Folds", "cross_validate", "recipe_of"]


@dataclass(frozen=True)
class Folds:
    """Trains on all folds but one; it can be sent to other processes, with its rows.

    Attributes
    ----------
    name : str
        The data's.
    content : Table or Data
    fold_of : array of int of shape (N,)
        The fold of each row.
    given : mapping
        Arguments of `prepare`, but for the data.
    sample_weight : array or None
    luggage : Luggage
        The plugins, for another process.
    registry : Registry or None
        The parts of this process; another finds its own.
    """

    name: str
    content: Table | Data
    fold_of: AnyArray
    given: Mapping[str, Any]
    sample_weight: AnyArray | None = None
    luggage: Luggage = field(default_factory=Luggage)
    registry: Registry | None = None

    @classmethod
    def of(
        cls,
        data: Any,
        given: Mapping[str, Any],
        folds: int,
        *,
        registry: Registry,
        sample_weight: Any = None,
        luggage: Luggage | None = None,
    ) -> Self:
        """Read the rows and deal them to the folds, every class in proportion.

        Raises
        ------
        SettingError, DataError
            If the split or another setting does not go with folds, or the rows are too few.
        """
        given = dict(given)
        _check(given)
        target, recipe = given.get("target"), recipe_of(given, registry)
        source, read, options, _ = find_data(
            data, target, given.get("task"), {**given}, recipe, registry
        )
        content = source.content
        content = content if isinstance(content, Table | Data) else read_table(content, read)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        first = target if isinstance(target, str) else (target or (None,))[0]
        if isinstance(content, Table) and options.drop_missing_targets and first is not None:
            missing = content.column(first).missing
            if missing is not None:
                content = content.take(np.flatnonzero(~missing))
        classes = classes_of(content, first)
        split = asked_split(given.get("split")) or Split(
            "random" if classes is None else "stratified"
        )
        if count_rows(content) < folds:
            raise DataError(
                f"folds={folds}: {source.name} has only {count_rows(content)} rows.\n"
                "Ask for fewer folds."
            )
        if split.way == "group" and isinstance(content, Table):
            column = split_column(content, split)
            groups = len(np.unique(column.data))
            if groups < folds:
                raise DataError(
                    f"folds={folds}: column {quote(column.name)} of {source.name}, which split "
                    f"names, has {count_of(groups, 'group')}, and each fold holds out some.\n"
                    "Ask for fewer folds, or another split."
                )
        parts = parts_of(
            content if isinstance(content, Table) else count_rows(content),
            split,
            share=1 / folds,
            members=folds,
            seed=given.get("seed") or 0,
            classes=classes if split.way == "stratified" else None,
        )
        assert parts.folds is not None
        kept = {name: v for name, v in given.items() if name not in ("read", "sql", "stream")}
        kept = {name: v for name, v in kept.items() if name not in ("data", "folds", "log_every")}
        return cls(source.name, content, parts.folds, kept, weight, luggage or Luggage(), registry)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "registry": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    @property
    def parts(self) -> Registry:
        """Where names are looked up, in this process."""
        return self.luggage.registry if self.registry is None else self.registry

    def identities(self) -> dict[str, dict[str, Any]]:
        """Compute what the numbers depend on."""
        run = prepare(
            self.content,
            registry=self.parts,
            sample_weight=self.sample_weight,
            usual_recipe=True,
            **self.given,
        )
        return {self.name: identity(run, fingerprint_of(run.rows, run.weights))}

    def perform(self, fold: int) -> dict[str, Any]:
        """Train without a fold, and score it."""
        training = np.flatnonzero(self.fold_of != fold)
        test = take_rows(self.content, np.flatnonzero(self.fold_of == fold))
        weight = None if self.sample_weight is None else self.sample_weight[training]
        run = prepare(
            take_rows(self.content, training),
            registry=self.parts,
            sample_weight=weight,
            usual_recipe=True,
            **self.given,
        )
        diverged, scores = None, {}
        # One thread each: the numbers then do not depend on how many runs share the cores.
        with one_thread():
            try:
                fit(run, Callbacks(self.parts.plugins, run.used))
                scores = score_on(run, test)
            except (DivergedError, NotFiniteError) as error:
                diverged = str(error).split("\n")[0]
        return {
            "fold": fold,
            "rows": count_rows(test),
            "epochs": len(run.history),
            "scores": scores,
            "diverged": diverged,
        }


def recipe_of(given: Mapping[str, Any], registry: Registry) -> Recipe | None:
    """Find the recipe that is given by name: it may say how a table is read."""
    asked = given.get("recipe")
    asked = None if asked is None else ROWS["recipe"].check(asked)
    return None if asked is None else cast(Recipe, registry.get("recipe", asked))


def cross_validate(
    folds: Folds, on: str = "1", report: Callable[[Mapping[str, Any]], None] | None = None
) -> CrossValidation:
    """Train and score every fold.

    Parameters
    ----------
    on : str
        Where; see `run_all`. The scores are the same.
    report : callable, optional
        Called with the outcome of each fold when it is done.

    Raises
    ------
    DataError, SettingError
        Before anything is trained, if the rows or the place cannot be used.
    """
    check_place(on, folds.parts)
    likeness = None if on == "1" else Likeness(folds.identities, folds.identities())
    count = int(folds.fold_of.max()) + 1
    found: dict[int, dict[str, Any]] = {}
    for fold, outcome in run_all(folds.perform, range(count), on, likeness):
        found[fold] = outcome
        if report is not None:
            report(outcome)
    return CrossValidation(tuple(found[fold] for fold in range(count)))


def refuse_late_folds(folder: object, earlier: Configuration, asked: Configuration) -> None:
    """Refuse folds that a run is asked for when it is resumed: they come before training.

    Raises
    ------
    SettingError
        If it has other folds, or none.
    """
    count = asked.settings.get("folds")
    if count != earlier.settings.get("folds"):
        raise SettingError(
            f"folds={count}: folds come before training, and the run in {folder} has begun.\n"
            "Leave folds (--folds) out, or train anew."
        )


def _check(given: Mapping[str, Any]) -> None:
    """Refuse what does not go with folds."""
    split = asked_split(given.get("split"))
    if split is not None and split.way not in DRAWN:
        raise SettingError(
            f"split={split.text!r}: it says which rows are held out, and each fold holds out "
            "others.\nUse random, stratified or group:COLUMN, or leave folds out."
        )
    for name in ("shards", "stream"):
        value = given.get(name)
        if value and ROWS[name].check(value):
            raise SettingError(
                f"{name}={value!r}: folds are trained in memory, each by one process.\n"
                f"Leave {name} out, or folds."
            )
