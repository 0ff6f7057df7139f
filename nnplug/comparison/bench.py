"""The bench: performs one run of a comparison, in any process.

A run is a `Task` of plain values, named by its content. What it returns is plain too,
so that it can be written whole into a file and sent between machines.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from nnplug.comparison.request import DataSet, Request
from nnplug.engines.threads import one_thread
from nnplug.errors import DivergedError, NotFiniteError, SettingError
from nnplug.models.strict_json import canonical_json
from nnplug.network.tasks import DEFAULT_METRIC
from nnplug.parts import Data, Metric, by_column
from nnplug.plugins.registry import Registry
from nnplug.plugins.travelling import Luggage
from nnplug.runs.configuration import fingerprint_of
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.judging import classes_of, count_rows, score_on, take_rows
from nnplug.runs.likeness import identity
from nnplug.runs.preparing import prepare
from nnplug.runs.run import Run
from nnplug.runs.setting_kinds import Interval
from nnplug.runs.sources import find_source, is_path
from nnplug.tables import ReadOptions, Split, Table, read_table, split_rows
from nnplug.types import AnyArray

__all__ = ["Bench", "Task", "check_way", "digest"]

MOST_POINTS = 100
"""Points of a curve that are kept."""
TEST_SHARE = 0.2
"""Of the rows, which neither training nor the search sees."""
_TEST_SEED = 7_919
"""Keeps the draw of the test rows apart from that of the validation rows."""


@dataclass(frozen=True)
class Task:
    """One run, by its content.

    Attributes
    ----------
    arm : str
    data : int
        The place of its data set in the request.
    seed : int
    rate : float or None
        The learning rate; None for the usual one.
    held_out : bool
        Whether rows are held out for a test.
    trial : bool
        Whether it is a trial of the search, which must not see the rows of a later test.
    identity : str
        A digest of all else that the numbers depend on: the arm's settings, the
        versions and formulas of its parts, the data.
    """

    arm: str
    data: int
    seed: int
    rate: float | None
    held_out: bool
    trial: bool
    identity: str

    @property
    def name(self) -> str:
        """32 hexadecimal digits, the same for the same run alone."""
        return digest(asdict(self))


@dataclass(frozen=True)
class Bench:
    """What every task of a comparison needs; it can be sent to other processes.

    Attributes
    ----------
    request : Request
    luggage : Luggage, optional
        The plugins, with the text of those that are files: what was there when it was packed.
    paths : tuple of str
        The data sets' names and paths, from any folder.
    """

    request: Request
    luggage: Luggage = field(default_factory=Luggage)
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.luggage.plugins != self.request.plugins:
            luggage = Luggage.pack(self.request.plugins, strict=self.luggage.strict)
            object.__setattr__(self, "luggage", luggage)
        if not self.paths:  # here, since a worker may be in another folder
            paths = (
                os.path.abspath(each.data) if each.data and is_path(each.data) else each.data  # noqa: PTH100  # resolve() would follow links
                for each in self.request.data
            )
            object.__setattr__(self, "paths", tuple(paths))

    @property
    def registry(self) -> Registry:
        """The parts of this process, found once."""
        return self.luggage.registry

    def settings(self, arm: str) -> dict[str, Any]:
        """Return the settings of an arm, for `prepare`."""
        request = self.request
        found = {**request.settings, request.factor: request.arms[arm]}
        if request.budget is not None:
            unit, amount = Interval().split(request.budget)
            if unit == "epochs":
                found["epochs"] = int(amount)
        return found

    def content(self, place: int) -> Table | Data:
        """Read a data set."""
        data = self.request.data[place]
        if data.content is None:
            return _read(self.paths[place], data.target, self.luggage)
        return _content(data, self.registry)

    def prepare(self, arm: str, place: int, **more: Any) -> Run:
        """Prepare the run of an arm on all rows, without a test."""
        return self._prepare(arm, place, self.content(place), **more)

    def _prepare(self, arm: str, place: int, content: Table | Data, **more: Any) -> Run:
        target = self.request.data[place].target
        settings = {**self.settings(arm), **more}
        run = prepare(content, target=target, registry=self.registry, **settings)
        if not run.metrics:  # as the recipe of a dataset may have it
            settings["metrics"] = (DEFAULT_METRIC[run.settings.task],)
            run = prepare(content, target=target, registry=self.registry, **settings)
        return run

    def identities(self) -> dict[str, dict[str, Any]]:
        """Compute what the numbers depend on: of each arm on one data set, one arm on each."""
        request = self.request
        first = request.baseline
        cells = [(arm, 0) for arm in request.arms]
        cells += [(first, place) for place in range(1, len(request.data))]
        found = {}
        for arm, place in cells:
            run = self.prepare(arm, place, seed=request.seed)
            rows = fingerprint_of(run.rows, run.weights)
            found[f"{request.data[place].name}, {arm}"] = identity(run, rows, request.budget)
        return found

    def perform(self, task: Task) -> dict[str, Any]:
        """Train and measure.

        Returns
        -------
        dict
            `"score"` and `"loss"` on the test rows, `"validation"`, the score on the
            rows for validation, `"curve"`, what it cost, and `"diverged"`: why there is
            no score, or None.
        """
        content = self.content(task.data)
        test: Table | Data | None = None
        if task.held_out:
            if task.trial and way_of(self.request.settings.get("split")).way == "time":
                # These are the last rows, whatever the seed: a trial is judged by rows before.
                content, _ = self._hold_out(content, task)
            content, test = self._hold_out(content, task)
        more = {} if task.rate is None else {"learning_rate": task.rate}
        run = self._prepare(task.arm, task.data, content, seed=task.seed, **more)
        started = time.perf_counter()
        diverged: str | None = None
        score, loss = math.nan, math.nan
        clock = _Clock(self.request.budget)
        callbacks = Callbacks(self.registry.plugins, run.used, clock.callbacks)
        # One thread each: the numbers then do not depend on how many runs share the cores.
        with one_thread():
            try:
                fit(run, callbacks)
                score, loss = _test(run, test)
            except (DivergedError, NotFiniteError) as error:
                diverged = str(error).split("\n")[0]
        column = next(iter(by_column(run.metrics)))
        values = run.history.columns.get(column, [])
        best = run.history.best
        if diverged is None and not math.isfinite(score):
            diverged = f"its {column} on the test rows is not finite"
        at = -1 if best is None else best
        rows = len(run.train_rows)
        size, networks = run.settings.batch_size, run.settings.members
        return {
            "score": None if diverged else score,
            "loss": None if diverged else _finite(loss),
            "validation": None if diverged else _finite(values[at]),
            "constant": _constant(run, test),
            "diverged": diverged,
            "epochs": len(run.history),
            "best_epoch": best,
            "steps": networks * len(run.history) * (1 if size == "full" else -(-rows // size)),
            "seconds": time.perf_counter() - started,
            "parameters": networks * run.network.learned,
            "engine": run.settings.engine,
            "curve": _thinned(values, at),
        }

    def _hold_out(self, content: Table | Data, task: Task) -> tuple[Table | Data, Table | Data]:
        """Split off the test rows of a seed, in the way in which validation rows are chosen."""
        split = way_of(self.request.settings.get("split"))
        classes = None
        if split.way == "stratified":
            classes = classes_of(content, self.request.data[task.data].target)
        parts = split_rows(
            content if isinstance(content, Table) else count_rows(content),
            split,
            share=TEST_SHARE,
            seed=task.seed * _TEST_SEED + 1,
            classes=classes,
        )
        return take_rows(content, parts.training), take_rows(content, parts.validation)


def way_of(asked: str | None) -> Split:
    """Return how test rows are drawn; by default with every class in proportion."""
    return Split("stratified") if asked is None else Split.parse(asked)


@lru_cache(maxsize=32)
def _read(data: str, target: str | None, luggage: Luggage) -> Table | Data:
    return _content(DataSet(data, data, target), luggage.registry)


def _content(data: DataSet, registry: Registry) -> Table | Data:
    given = data.data if data.content is None else data.content
    content = find_source(given, data.target, None, registry, ReadOptions()).content
    content = content if isinstance(content, Table | Data) else read_table(content)
    if isinstance(content, Table) and data.target is None:
        column = content.names[-1]
        way = f"{data.data}:{column}" if data.content is None else f'(data, "{column}")'
        raise SettingError(
            f"{data.name}: no target is given. Name the column to predict, such as {way}.\n"
            f"Its columns: {', '.join(content.names)}."
        )
    return content


def _test(run: Run, test: Table | Data | None) -> tuple[float, float]:
    """Compute the first metric of a trained run, and its loss: on test rows, if there are any."""
    column = next(iter(by_column(run.metrics)))
    if test is None:
        return float(run.final.metrics[column]), run.final.loss
    scores = score_on(run, test)
    return scores[column], scores["loss"]


def _constant(run: Run, test: Table | Data | None) -> float | None:
    """Compute the score of answering every row alike: the mean, or the share of each class."""
    if test is None:
        targets = run.rows.targets[run.train_rows]
    elif isinstance(test, Table):
        with run.model.open_rows(test, with_target=True) as rows:
            targets = rows.targets(rows.whole()[0])
    else:
        targets = np.asarray(test.targets)
    found = _answered(run, run.metrics[0], run.rows.targets[run.train_rows], targets)
    return None if found is None else _finite(float(run.metrics[0](*found)))


def _answered(
    run: Run, metric: Metric, known: AnyArray, targets: AnyArray
) -> tuple[AnyArray, AnyArray] | None:
    if run.settings.task == "regression" and metric.takes == "prediction":
        truth = run.model.in_units(targets.reshape(len(targets), -1))  # (N, K)
        mean = run.model.in_units(known.reshape(len(known), -1)).mean(axis=0)
        return np.broadcast_to(mean, truth.shape), truth
    if run.settings.task not in ("binary", "multiclass") or metric.takes == "prediction":
        return None
    counts = np.bincount(known.reshape(-1).astype(np.int64), minlength=len(run.rows.classes))
    if metric.takes == "classes":
        return np.full(len(targets), int(counts.argmax())), targets.reshape(-1)
    return np.tile(counts / counts.sum(), (len(targets), 1)), targets.reshape(-1)


class _Clock:
    """Ends a run after the epoch in which its seconds are over."""

    def __init__(self, budget: str | None) -> None:
        unit, amount = ("epochs", 0.0) if budget is None else Interval().split(budget)
        self._seconds = amount
        self.callbacks = [self] if unit == "seconds" else []
        self._end = math.inf

    def on_train_start(self, run: Run) -> None:
        """Start the clock."""
        self._end = time.monotonic() + self._seconds

    def on_epoch_end(self, run: Run, record: Any) -> bool:
        """Tell whether to stop."""
        return time.monotonic() >= self._end


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _thinned(values: list[float], best: int) -> list[list[float]]:
    """Keep epochs (counted from 1) and values of a curve: about so many, the best and the last."""
    count = len(values)
    step = -(-count // MOST_POINTS) or 1
    # Without the best epoch, a run would seem to miss the score that it has there.
    places = sorted({*range(0, count, step), *({best % count, count - 1} if count else ())})
    return [[place + 1, float(values[place])] for place in places if math.isfinite(values[place])]


def digest(value: Any) -> str:
    """Digest plain values: 32 hexadecimal digits, of BLAKE2b."""
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=16).hexdigest()


def check_way(request: Request) -> None:
    """Refuse ways to split in which the data marks the rows, the same for every seed.

    Raises
    ------
    SettingError
    """
    asked = request.settings.get("split")
    if way_of(asked).way in ("column", "file"):
        raise SettingError(
            f"split={asked!r}: a comparison draws its own test rows for each seed.\n"
            "Use random, stratified, time:COLUMN or group:COLUMN."
        )
