"""Hints on a run: on its length before it begins, on what it learned at its end.

A rule is a function of plain facts that returns a line with the option to copy,
or None. Facts are gathered once, at the end, from at most `LOOKED_AT` rows.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.parts import Activation, parse_part
from nnplug.tables.wording import show
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.runs.run import Run

__all__ = ["UNEVEN", "after", "before", "constant", "dead_layer", "last_was_best", "many_steps",
           "one_class", "stuck"]  # fmt: skip

LOOKED_AT = 2_000
"""Rows, evenly spaced."""

A_LOOK = 10
"""A run of fewer epochs is only a look, which gets no hints."""

MANY_STEPS = 1_000_000
STEPS_OF_AN_EPOCH = 5_000
"""If an epoch has fewer steps, larger batches are not suggested."""
BATCHES_OF_AN_EPOCH = 2_000
"""About so many are suggested."""

SMALLEST_GAIN = 0.01
"""Share of all that training gained: below it, the last tenth of the epochs gained nothing."""
SMALLEST_FALL = 0.001
"""Share of the first loss: a loss that falls by less in a whole run is stuck."""
LARGE_RATE = 100.0
"""Factor on the usual learning rate."""
UNEVEN = 0.6
"""Share of the rows: if one class has more, weights may help the others."""


# --- rules -----------------------------------------------------------------------------


def many_steps(rows: int, batch_size: int, epochs: int) -> str | None:
    """Warn of batches that are small for so many rows.

    Examples
    --------
    >>> print(many_steps(1_280_000, 32, 100))
    1,280,000 rows in batches of 32 are 40,000 steps an epoch, up to 4,000,000: --batch-size 512
    >>> many_steps(20_000, 32, 500)
    """
    steps = -(-rows // batch_size)
    if steps < STEPS_OF_AN_EPOCH or steps * epochs < MANY_STEPS:
        return None
    larger = 2 ** max(1, round(np.log2(rows / BATCHES_OF_AN_EPOCH)))
    if larger <= batch_size:
        return None
    return (
        f"{rows:,} rows in batches of {batch_size:,} are {steps:,} steps an epoch, up to "
        f"{steps * epochs:,}: --batch-size {larger}"
    )


def last_was_best(
    followed: Sequence[float], best: int | None, ended: str | None, folder: str | None = None
) -> str | None:
    """Warn that the last epochs were still the best.

    Parameters
    ----------
    followed : sequence of float
        The number that decides which epoch is best, epoch by epoch.
    best : int or None
    ended : str or None
        See `Run.ended`.
    folder : str, optional
        The folder that the run is kept in.

    Examples
    --------
    >>> print(last_was_best([20.0 - epoch for epoch in range(20)], 19, "epochs"))
    the last epoch, 19, was the best; more may be better: --epochs 40
    >>> last_was_best([1.0, 0.5, *[0.1] * 18], 2, "epochs")
    """
    epochs = len(followed)
    if ended != "epochs" or best is None or epochs < A_LOOK or epochs - 1 - best > epochs // 20:
        return None
    gained = abs(followed[best] - followed[0])
    late = abs(followed[best] - followed[-1 - epochs // 10])
    if not late > SMALLEST_GAIN * gained:
        return None
    command = "" if folder is None else f"nnplug train --resume {shlex.quote(folder)} "
    last = epochs - 1
    which = f"the last epoch, {best}," if best == last else f"epoch {best}, near the last, {last},"
    return f"{which} was the best; more may be better: {command}--epochs {2 * epochs}"


def dead_layer(layers: Iterable[tuple[str, str, AnyArray]]) -> str | None:
    """Warn of a hidden layer whose outputs are the same for all rows.

    Parameters
    ----------
    layers : iterable of tuple
        The hidden layers: name, activation and outputs, (N, H).

    Examples
    --------
    >>> print(dead_layer([("hidden1", "relu", np.zeros((4, 2)))]))
    all 2 units of hidden1 are dead: relu gives 0 for every row
    """
    for name, activation, outputs in layers:
        if len(outputs) > 1 and (outputs == outputs[0]).all():
            units = outputs.shape[1]
            which = "its unit is" if units == 1 else f"all {units:,} units of {name} are"
            one = np.unique(outputs[0])
            gives = show(one[0].item()) if len(one) == 1 else "the same"
            return f"{which} dead: {activation} gives {gives} for every row"
    return None


def one_class(
    answers: AnyArray, targets: AnyArray, classes: Sequence[Any], *, least: float = 0.0
) -> str | None:
    """Warn of a model that always answers the same class, although there are others.

    Parameters
    ----------
    answers, targets : array of int
        (N,), indices of classes.
    least : float
        The share of the rows that must be of that class.

    Examples
    --------
    >>> print(one_class(np.zeros(8, int), np.array([0, 0, 0, 0, 0, 0, 0, 1]), ("no", "yes")))
    the model answers "no" for every row, as 87.5 % of the rows are
    """
    answers, targets = answers.reshape(-1), targets.reshape(-1)
    if len(answers) < 4 or (answers != answers[0]).any() or (targets == targets[0]).all():
        return None
    share = float(np.mean(targets == answers[0]))
    if share < least:
        return None
    return (
        f"the model answers {show(classes[int(answers[0])])} for every row, as "
        f"{_percent(share)} of the rows are"
    )


def _percent(share: float) -> str:
    """Write a share below 1, so that it does not look like all."""
    return f"{100 * share:.3g} %" if share < 0.995 else f"{np.floor(1e4 * share) / 100:.4g} %"


def constant(answers: AnyArray) -> str | None:
    """Warn of a regression that always predicts the same number: answers are (N, K).

    Examples
    --------
    >>> print(constant(np.full((5, 1), 2.5)))
    the model predicts 2.5 for every row
    """
    if len(answers) < 4 or not (answers == answers[0]).all():
        return None
    return f"the model predicts {', '.join(f'{number:.6g}' for number in answers[0])} for every row"


def stuck(loss: Sequence[float]) -> str | None:
    """Warn of a training loss that does not fall.

    Examples
    --------
    >>> print(stuck([0.25, *[0.5] * 20]))
    the loss does not fall: it was 0.25 in the first epoch and is 0.5 in the last
    """
    if len(loss) < A_LOOK or min(loss[1:]) < loss[0] - SMALLEST_FALL * abs(loss[0]):
        return None
    return (
        f"the loss does not fall: it was {loss[0]:.6g} in the first epoch and is {loss[-1]:.6g} "
        "in the last"
    )


def _other_rate(rate: float, usual: float) -> str:
    """Suggest a learning rate for a run that learned nothing."""
    if rate > LARGE_RATE * usual:
        return f"; the learning rate {rate:g} is the likely cause: --learning-rate {usual:g}"
    if rate < usual / LARGE_RATE:
        return f"; the learning rate {rate:g} is small: --learning-rate {usual:g}"
    return f": another learning rate may help, such as --learning-rate {rate / 10:g}"


# --- facts -----------------------------------------------------------------------------


def before(run: Run) -> tuple[str, ...]:
    """Give hints before a run begins, a line each."""
    size = run.settings.batch_size
    line = None if size == "full" else many_steps(len(run.train_rows), size, run.settings.epochs)
    return () if line is None else (line,)


def after(run: Run) -> tuple[str, ...]:
    """Give hints on a run that has ended, a line each."""
    if len(run.history) < A_LOOK:
        return ()
    nothing = _learned_nothing(run)
    if nothing is not None:
        return (nothing,)
    monitor = run.settings.monitor
    if monitor is None or run.settings.schedule.partition(":")[0] != "constant":
        return ()  # a schedule is planned to make the last epochs the best
    folder = None if run.folder is None else str(run.folder)
    line = last_was_best(run.history[monitor], run.history.best, run.ended, folder)
    return () if line is None else (line,)


def _learned_nothing(run: Run) -> str | None:
    """Say by the plainest sign that nothing was learned, and what may help."""
    inputs, targets = _some_rows(run)
    layers = list(run.network.forward(inputs)) if len(inputs) > 1 else []
    if not layers or not np.isfinite(layers[-1][1]).all() or (inputs == inputs[0]).all():
        return None
    remedy = _other_rate(run.optimizer.learning_rate, _usual_rate(run))
    hidden = [
        (layer.name, layer.part.name, found)
        for layer, found in layers[:-2]
        if isinstance(layer.part, Activation)
    ]
    if line := dead_layer(hidden):
        return f"{line}{remedy}"
    outputs = layers[-1][1]
    if run.settings.task == "regression":
        line = constant(run.model.decode(outputs))
    elif run.settings.task != "multilabel":
        line = one_class(run.head.classes(outputs), targets, run.rows.classes)
        uneven = np.bincount(targets.reshape(-1)).max() > UNEVEN * len(targets)
        if line and uneven and run.settings.class_weight is None:
            return f"{line}: --class-weight balanced --metric balanced_accuracy"
    line = line or stuck(run.history["loss"])
    return line and f"{line}{remedy}"


def _usual_rate(run: Run) -> float:
    """Return the learning rate of the recipe, or the optimizer's default."""
    optimizer = run.source.recipe.get("optimizer")
    given = parse_part(optimizer).options if isinstance(optimizer, str) else {}
    rate = run.source.recipe.get("learning_rate", given.get("learning_rate"))
    return float(run.optimizer.usual_rate if rate is None else rate)


def _some_rows(run: Run) -> tuple[AnyArray, AnyArray]:
    """Return inputs and targets of some rows, evenly spaced."""
    disk = run.rows.disk
    if disk is not None:
        return disk.some_rows(_spaced, run.rows.targets)
    places = _spaced(len(run.rows.inputs))
    return run.rows.inputs[places], run.rows.targets[places]


def _spaced(rows: int) -> AnyArray:
    return np.linspace(0, rows - 1, min(rows, LOOKED_AT)).astype(np.int64)
