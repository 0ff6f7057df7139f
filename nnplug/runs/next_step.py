"""The next step of a run: on which samples it is shown, and at which time."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence

import numpy as np

from nnplug.errors import SettingError
from nnplug.microscope.build import trace_step
from nnplug.microscope.trace import Trace
from nnplug.models import Model
from nnplug.parts import Optimizer, Schedule
from nnplug.plans import Regularization
from nnplug.runs.settings import Settings
from nnplug.tables import Rows
from nnplug.training.following import find_schedules
from nnplug.types import AnyArray

__all__ = ["chosen_rows", "next_time", "trace_next"]


def trace_next(
    model: Model,
    optimizer: Optimizer,
    schedule: Schedule,
    settings: Settings,
    rows: Rows,
    weights: AnyArray | None,
    state: Mapping[str, AnyArray] | None,
    *,
    chosen: int | Sequence[int],
    regularization: Regularization,
    elements: int,
) -> Trace:
    """Take the next step of a run on some samples, and keep its numbers; see `Run.trace`."""
    places = chosen_rows(rows, chosen)
    if type(elements) is not int or elements < 0:
        raise SettingError(f"elements={elements!r}: give a whole number, 0 or more.")
    time = next_time(settings, len(rows.parts.of_member(0).training), state)

    def factor(part: Schedule) -> float:
        return float(part(time, settings.epochs))

    return trace_step(
        model.network,
        model.loss,
        optimizer,
        rows.inputs[places],
        model.head.encode(rows.targets[places], model.network.dtype),
        None if weights is None else weights[places],
        rows=places,
        regularization=regularization,
        learning_rate=optimizer.learning_rate * factor(schedule),
        state=state,
        seed=settings.seed,
        factors={
            name: factor(each)
            for name, each in find_schedules(
                model.network, optimizer, model.registry, settings.epochs
            ).items()
        },
        elements=elements,
    )


def chosen_rows(rows: Rows, asked: int | Sequence[int]) -> list[int]:
    """Check the places of samples, from 0.

    Raises
    ------
    SettingError
        If there is no such row, none is asked for, or the rows are on disk.
    """
    if rows.disk is not None:
        raise SettingError(
            "the table is streamed from disk, so its rows cannot be chosen by number.\n"
            "Read it whole: stream=False (--no-stream)."
        )
    count = len(rows.inputs)
    try:
        chosen = list(asked) if np.iterable(asked) else [asked]
        whole = not any(isinstance(row, bool | np.bool_) for row in chosen)
        chosen = [operator.index(row) for row in chosen]
    except TypeError:
        whole = False
    if not whole:
        raise SettingError(
            f"rows={asked!r:.60}: give the place of a row, such as 0, or a list of places."
        )
    if not chosen:
        raise SettingError("rows=[]: a step needs a sample; the first is row 0.")
    for row in chosen:
        if not -count <= row < count:
            raise SettingError(
                f"row {row}, counted from 0: there are {count:,} rows.\nGive one from 0 to "
                f"{count - 1}; on the command line, where rows count from 1, from 1 to {count}."
            )
    return [row % count for row in chosen]


def next_time(settings: Settings, train_rows: int, state: Mapping[str, AnyArray] | None) -> float:
    """Compute the time of the next step, in epochs; after the last one, its own."""
    size = settings.batch_size
    per_epoch = 1 if size == "full" else -(-train_rows // size)
    done = 0 if state is None else int(state["count"])
    return min(done, settings.epochs * per_epoch - 1) / per_epoch
