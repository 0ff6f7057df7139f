"""The protocol: search a learning rate for each arm alike, then run all arms in pairs.

Sources: the search for each arm and data set is DeepOBS's (Schneider et al., 2019,
ICLR); the same number of trials for all is AlgoPerf's (Dahl et al., 2023,
arXiv:2306.07179); seeds that vary rows, start and order together are those of
Bouthillier et al., 2021, MLSys.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from nnplug.comparison.bench import Bench, Task, check_way, digest
from nnplug.comparison.rates import Range, judge, widened
from nnplug.comparison.results import Results
from nnplug.errors import SettingError
from nnplug.places.running import check_place, run_all
from nnplug.runs.configuration import fingerprint_of
from nnplug.runs.likeness import Likeness, identity
from nnplug.runs.run import Run

__all__ = ["Cell", "Progress", "Stage", "perform"]


@dataclass
class Cell:
    """One arm on one data set.

    Attributes
    ----------
    usual : float
        The learning rate without a search.
    rate : float
        The learning rate of its runs.
    task : Task
        Its tasks but for seed and rate.
    identity : dict
        What its numbers depend on.
    trials : list of dict
        The search: `"rate"`, and what the run returned.
    range : Range
        What was searched.
    widened : Range or None
        What was searched too.
    all_diverged : bool
        Whether no trial had a score; its runs then take the usual rate.
    runs : list of dict
        What its runs returned, by seed.
    """

    usual: float
    rate: float
    task: Task
    identity: dict[str, Any]
    range: Range
    trials: list[dict[str, Any]] = field(default_factory=list)
    widened: Range | None = None
    all_diverged: bool = False
    runs: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Stage:
    """One data set: what all arms have in common on it, and their cells by arm."""

    name: str
    task: str
    metric: str
    maximize: bool
    rows: int
    held_out: bool
    fingerprint: str
    cells: dict[str, Cell] = field(default_factory=dict)


class Progress:
    """Counts tasks and estimates the time left; tasks on one data set take about as long.

    Parameters
    ----------
    report : callable or None
        Given the tasks done, all tasks, the seconds left or None, and what was done.
    """

    def __init__(self, report: Callable[[int, int, float | None, str], None] | None) -> None:
        self._report = report
        self._began = time.monotonic()
        self._spent: dict[int, list[float]] = {}
        self.done = 0
        self.waiting: dict[int, int] = {}

    def expect(self, place: int, tasks: int) -> None:
        """Count tasks on a data set that are still to be done."""
        self.waiting[place] = self.waiting.get(place, 0) + tasks

    def finished(self, task: Task, seconds: float, said: str) -> None:
        """Note that a task is done."""
        self.done += 1
        self.waiting[task.data] -= 1
        self._spent.setdefault(task.data, []).append(seconds)
        if self._report is not None:
            self._report(self.done, self.done + sum(self.waiting.values()), self.left, said)

    @property
    def left(self) -> float | None:
        """Seconds."""
        spent = [seconds for each in self._spent.values() for seconds in each]
        if not spent:
            return None
        usual = sum(spent) / len(spent)
        means = {place: sum(each) / len(each) for place, each in self._spent.items()}
        work = sum(count * means.get(place, usual) for place, count in self.waiting.items())
        # Several places work at once; so much of the tasks' time passes in a second.
        pace = sum(spent) / max(time.monotonic() - self._began, 1e-9)
        return work / pace if pace else None


def perform(
    bench: Bench,
    results: Results,
    *,
    on: str = "1",
    report: Callable[[int, int, float | None, str], None] | None = None,
) -> list[Stage]:
    """Do what is asked and not yet done, and return all results.

    Parameters
    ----------
    on : str
        See `run_all`.
    report : callable, optional
        See `Progress`.

    Raises
    ------
    SettingError, DataError
        Before anything is trained, if an arm cannot be trained on a data set.
    """
    request = bench.request
    check_place(on, bench.registry)
    check_way(request)
    stages = [_prepare(bench, place) for place in range(len(request.data))]
    cells = [cell for stage in stages for cell in stage.cells.values()]
    progress = Progress(report)
    likeness = None if on == "1" else Likeness(bench.identities, bench.identities())

    def tasks_of(wanted: Iterable[Task]) -> list[Task]:
        return [task for task in wanted if task not in results]

    def complete(tasks: Iterable[Task]) -> None:
        with closing(run_all(bench.perform, tasks_of(tasks), on, likeness)) as done:
            for task, result in done:
                results[task] = result
                name = request.data[task.data].name
                progress.finished(task, result["seconds"], f"{task.arm} on {name}")

    def search(plans: list[tuple[Cell, float]]) -> None:
        """Try rates, and add them to the trials of their cells."""
        tasks = []
        places = {id(cell): len(cell.trials) for cell, _ in plans}
        for cell, rate in plans:
            seed = request.search_seeds[places[id(cell)] % len(request.search_seeds)]
            places[id(cell)] += 1
            task = replace(cell.task, seed=seed, rate=rate, trial=True)
            progress.expect(task.data, task not in results)
            tasks.append(task)
        complete(tasks)
        for (cell, rate), task in zip(plans, tasks, strict=True):
            cell.trials.append({"rate": rate, "seed": task.seed, "judged": None, **results[task]})

    def runs_of(cell: Cell) -> list[Task]:
        return [
            replace(cell.task, seed=seed, rate=cell.rate if request.trials else None)
            for seed in request.evaluation_seeds
        ]

    for cell in cells:
        progress.expect(cell.task.data, request.seeds)
    if request.trials:
        plans = [(cell, rate) for cell in cells for rate in cell.range.rates(request.trials)]
        search(plans)
        for cell in cells:
            judged = _judge(cell, stages)
            cell.widened = widened(judged, cell.range) if judged else None
        more = max(1, request.trials // 4)
        search([(cell, r) for cell in cells if cell.widened for r in cell.widened.rates(more)])
        for cell in cells:
            judged = _judge(cell, stages)
            cell.all_diverged = not judged
            cell.rate = max(judged, key=judged.__getitem__) if judged else cell.usual
    for cell in cells:
        done = len(runs_of(cell)) - len(tasks_of(runs_of(cell)))
        progress.expect(cell.task.data, -done)
    complete([task for cell in cells for task in runs_of(cell)])
    for cell in cells:
        cell.runs = [{"seed": task.seed, **results[task]} for task in runs_of(cell)]
    return stages


def _judge(cell: Cell, stages: list[Stage]) -> dict[float, tuple[float, float]]:
    """Judge the rates that were tried, and note it in the trials."""
    sign = 1.0 if stages[cell.task.data].maximize else -1.0
    scores = []
    for trial in cell.trials:
        score, loss = trial["score"], trial["loss"]
        scores.append(
            (
                trial["rate"],
                -math.inf if score is None else sign * score,
                math.inf if score is None or loss is None else loss,
            )
        )
    judged = judge(scores)
    for trial in cell.trials:
        found = judged.get(trial["rate"])
        trial["judged"] = None if found is None else sign * found[0]
    return judged


def _prepare(bench: Bench, place: int) -> Stage:
    """Prepare each arm once: what cannot be trained is an error before any work is done."""
    request = bench.request
    runs = {arm: bench.prepare(arm, place, seed=request.seed) for arm in request.arms}
    first = runs[request.baseline]
    name = request.data[place].name
    for arm, run in runs.items():
        if _judged(run) != _judged(first):
            raise SettingError(
                f"{name}: {request.factor} {arm!r} makes it {_judged(run)}, and "
                f"{request.baseline!r} {_judged(first)}.\n"
                "Arms are compared on one task by one metric: give --metric, or leave one out."
            )
    held_out = any(len(run.validation_rows) for run in runs.values())
    data = fingerprint_of(first.rows, first.weights)
    stage = Stage(
        name,
        first.settings.task,
        first.metrics[0].text,
        first.metrics[0].goal == "maximize",
        len(first.rows.targets),
        held_out,
        data,
    )
    for arm, run in runs.items():
        known = identity(run, data, request.budget)
        task = Task(arm, place, request.seed, None, held_out, False, digest(known))
        usual = run.optimizer.learning_rate
        stage.cells[arm] = Cell(usual, usual, task, known, Range.about(usual))
    return stage


def _judged(run: Run) -> str:
    return f"a {run.settings.task} task with metric {run.metrics[0].text}"
