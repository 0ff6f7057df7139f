"""The checks of initializers, schedules, metrics, datasets and recipes."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

import itertools
import math

import numpy as np

from nnplug.errors import NnplugError
from nnplug.parts import Data, Dataset, Facts, Initializer, Metric, Recipe, Schedule, Task
from nnplug.plugins.registry import Registry
from nnplug.runs.choices import Choice
from nnplug.runs.preparing import prepare
from nnplug.testing.examples import (
    Suite,
    deterministic,
    generator_for,
    inputs_unchanged,
    metric_arguments,
    options,
    random,
)
from nnplug.testing.failure import Wrong, number
from nnplug.types import AnyArray

__all__ = ["DATASETS", "INITIALIZERS", "METRICS", "RECIPES", "SCHEDULES"]

FANS = ((1, 1), (1, 5), (6, 1), (5, 4), (64, 32))


# --- initializers -----------------------------------------------------------------


def _draw(
    part: Initializer, fan_in: int, fan_out: int, seed: int = 0, *, scale: float = 1.0
) -> AnyArray:
    inputs = random(9).normal(size=(12, fan_in)) * scale
    return part.draw(generator_for(part, seed), fan_in, fan_out, inputs)


def initializer_shape(part: Initializer) -> None:
    """The weights have shape (fan_in, fan_out)."""
    for fans in FANS:
        found = _draw(part, *fans).shape
        if found != fans:
            raise Wrong(
                f"for fan_in={fans[0]}, fan_out={fans[1]}: the part gives shape {found}, "
                f"expected {fans}"
            )


def initializer_finite(part: Initializer) -> None:
    """The weights are finite numbers, even if all inputs are 0."""
    for fans, scale in itertools.product(FANS, (1.0, 0.0) if part.from_inputs else (1.0,)):
        found = _draw(part, *fans, scale=scale)
        if found.dtype.kind not in "fiu" or not np.isfinite(found).all():
            raise Wrong(
                f"for fan_in={fans[0]}, fan_out={fans[1]}{'' if scale else ', inputs of 0'}: a "
                "weight is not a finite number"
            )


def seeded(part: Initializer) -> None:
    """Another seed gives different weights, unless they are a fixed pattern of two numbers."""
    first, second = (_draw(part, 8, 5, seed) for seed in (0, 1))
    if np.array_equal(first, second) and len(np.unique(first)) > 2:
        raise Wrong(
            "two seeds give the same weights; draw them from the generator that is passed in"
        )


INITIALIZERS: Suite = {
    "shape": initializer_shape,
    "finite": initializer_finite,
    "seeded": seeded,
    "deterministic": deterministic,
    "options": options,
}


# --- schedules --------------------------------------------------------------------


def _factors(part: Schedule) -> list[tuple[str, object]]:
    """Compute the factor at many times, for runs of several lengths."""
    return [
        (f"at epoch {number(time)} of {epochs}", part(time, epochs))
        for epochs in (1, 2, 10, 1000)
        for time in (epochs * part_of / 40 for part_of in range(40))
    ]


def schedule_number(part: Schedule) -> None:
    """The factor is a plain float."""
    for when, factor in _factors(part):
        if not isinstance(factor, float):
            raise Wrong(f"{when}: the part gives a {type(factor).__name__}, expected a float")


def schedule_finite(part: Schedule) -> None:
    """The factor is finite at every time."""
    for when, factor in _factors(part):
        if not np.isfinite(np.asarray(factor, np.float64)).all():
            raise Wrong(f"{when}: the part gives {factor}, expected a finite number")


def non_negative(part: Schedule) -> None:
    """The factor is never below 0, where training would ascend."""
    for when, factor in _factors(part):
        if np.any(np.asarray(factor, np.float64) < 0):
            raise Wrong(f"{when}: the part gives {factor}, expected at least 0")


SCHEDULES: Suite = {
    "number": schedule_number,
    "finite": schedule_finite,
    "non-negative": non_negative,
    "deterministic": deterministic,
    "options": options,
}


# --- metrics ----------------------------------------------------------------------


def metric_number(part: Metric) -> None:
    """The metric is a finite float."""
    for good in (True, False):
        found = part(*metric_arguments(part, good=good))
        if not isinstance(found, float) or not math.isfinite(found):
            raise Wrong(
                f"for {'right' if good else 'wrong'} answers: the part gives {found!r}, a "
                f"{type(found).__name__}; expected a finite float"
            )


def goal(part: Metric) -> None:
    """Right answers are better than wrong ones, in the direction of its goal."""
    right, wrong = (float(part(*metric_arguments(part, good=good))) for good in (True, False))
    if not (right > wrong if part.goal == "maximize" else right < wrong):
        raise Wrong(
            f"right answers give {number(right)} and wrong ones {number(wrong)}, with "
            f"goal={part.goal!r}"
        )


METRICS: Suite = {
    "number": metric_number,
    "goal": goal,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "options": options,
}


# --- datasets ---------------------------------------------------------------------


def data(part: Dataset) -> None:
    """It returns a Data with a row of targets for each row of inputs."""
    made = part()
    if not isinstance(made, Data):
        raise Wrong(f"the part gives a {type(made).__name__}, expected an nnplug.Data")
    inputs, targets = np.shape(made.inputs), np.shape(made.targets)
    wanted = 2 if made.task in ("regression", "multilabel") else 1
    if len(inputs) != 2 or len(targets) != wanted or inputs[:1] != targets[:1] or 0 in inputs:
        raise Wrong(
            f"inputs have shape {inputs} and targets {targets}; expected (N, D) and "
            f"{'(N, K)' if wanted == 2 else '(N,)'} for {made.task}"
        )
    if made.features and len(made.features) != inputs[1]:
        raise Wrong(f"{len(made.features)} feature names for {inputs[1]} columns")


def classes(part: Dataset) -> None:
    """The task is known, and each target is the index of a class."""
    made: Data = part()
    several = (2, math.inf)
    counts = {"regression": (0, 0), "binary": (2, 2), "multiclass": several, "multilabel": several}
    count = counts.get(made.task)
    if count is None:
        raise Wrong(f"task is {made.task!r}; expected regression, binary, multiclass or multilabel")
    if not count[0] <= len(made.classes) <= count[1]:
        raise Wrong(f"{len(made.classes)} classes, {made.classes}, for the task {made.task}")
    targets = np.asarray(made.targets)
    if made.task == "multilabel":
        if targets.shape[1:] != (len(made.classes),) or not np.isin(targets, (0, 1)).all():
            raise Wrong(
                f"targets have shape {targets.shape}; expected 0 or 1 for each of the "
                f"{len(made.classes)} labels of each row"
            )
        return
    if made.classes and targets.dtype.kind not in "iu":
        raise Wrong(f"targets are {targets.dtype}; expected whole numbers, the classes' indices")
    if made.classes and not ((targets >= 0) & (targets < len(made.classes))).all():
        raise Wrong(
            f"targets go from {targets.min()} to {targets.max()}; expected indices of "
            f"{len(made.classes)} classes"
        )


def data_finite(part: Dataset) -> None:
    """Inputs and targets are finite numbers."""
    made: Data = part()
    for name, array in (("inputs", np.asarray(made.inputs)), ("targets", np.asarray(made.targets))):
        if array.dtype.kind not in "fiub":
            raise Wrong(f"{name} are {array.dtype}; expected numbers")
        if not np.isfinite(array).all():
            place = tuple(int(at) for at in np.argwhere(~np.isfinite(array))[0])
            raise Wrong(f"{name} at {place} are {array[place]}; expected finite numbers")


DATASETS: Suite = {
    "data": data,
    "classes": classes,
    "finite": data_finite,
    "deterministic": deterministic,
    "options": options,
}


# --- recipes ----------------------------------------------------------------------

OUTPUTS: dict[Task, int] = {"regression": 1, "binary": 2, "multiclass": 3, "multilabel": 2}
SIZES = ((1, 1), (50, 4), (3000, 30), (10**6, 500))


def settings(part: Recipe) -> None:
    """For data of any size and each task, it returns settings that exist, with values in range."""
    for (task, outputs), (rows, inputs) in itertools.product(OUTPUTS.items(), SIZES):
        facts = Facts(rows, inputs, outputs, task)
        try:
            Choice({}, {}, Registry()).following(part, facts)
        except NnplugError as error:
            raise Wrong(f"for {facts}: {error}") from None


def same_settings(part: Recipe) -> None:
    """The same facts give the same settings."""
    facts = Facts(3000, 30, 3, "multiclass")
    first, second = part.settings(facts), part.settings(facts)
    if first != second:
        name = next(name for name in (*first, *second) if first.get(name) != second.get(name))
        raise Wrong(f"{name} is {first.get(name)!r} once and {second.get(name)!r} another time")


def prepares(part: Recipe) -> None:
    """A run can be prepared with it for each task, so its parts are there and fit one another."""
    for task, outputs in OUTPUTS.items():
        rows = np.arange(60)
        inputs = np.stack([np.sin(rows), np.cos(3 * rows)], axis=1)  # (60, 2)
        targets: AnyArray = rows % outputs
        if task == "regression":
            targets = np.sin(2.0 * rows)
        elif task == "multilabel":
            targets = np.stack([rows % 2, rows // 2 % 2], axis=1)  # (60, 2)
        try:
            prepare((inputs, targets), task=task, recipe=part)
        except NnplugError as error:
            raise Wrong(f"for the task {task}: {error}") from None


RECIPES: Suite = {
    "settings": settings,
    "deterministic": same_settings,
    "prepares": prepares,
    "options": options,
}
