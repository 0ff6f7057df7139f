"""The numbers behind a report: what a run was, and how well its network does on known rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nnplug.models import Model
from nnplug.training import History
from nnplug.types import AnyArray

__all__ = ["Errors", "Facts", "calibration", "confusion", "errors", "roc", "ended_as"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """What a report is about.

    Attributes
    ----------
    model : Model
    settings : mapping
        The run's, by name.
    history : History
    outputs : array or None
        (N, C), the network's outputs for the rows that it is judged by; None if
        there are none at hand, or one is not finite.
    targets : array or None
        The targets of those rows, as `Encoder.targets` returns them.
    inputs : array or None
        (N, 2), the inputs of those rows, if a network has two: they can be
        drawn.
    part : str
        Which rows they are: `"validation"`, `"held-out"` or `"training"`.
    rows : tuple of int
        How many rows there are for training, and for validation.
    folds : bool
        Whether each row was held out by one of several members.
    notes : tuple of str
        What was inferred, left out or odd.
    ended : str or None
        Why training was over.
    command : str or None
        The command that reproduces the run.
    """

    model: Model
    settings: Mapping[str, Any]
    history: History
    outputs: AnyArray | None
    targets: AnyArray | None
    inputs: AnyArray | None
    part: str
    rows: tuple[int, int]
    folds: bool = False
    notes: tuple[str, ...] = ()
    ended: str | None = None
    command: str | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        settings: Mapping[str, Any],
        history: History,
        found: Sequence[tuple[AnyArray, AnyArray, AnyArray]],
        **more: Any,
    ) -> Self:
        """Gather the facts; `found` has inputs, outputs and targets, part by part."""
        inputs = outputs = targets = None
        if found:
            outputs = np.concatenate([part for _, part, _ in found])
            targets = np.concatenate([part for *_, part in found])
            if model.network.inputs == 2:
                inputs = np.concatenate([part for part, *_ in found])
        if outputs is not None and not np.isfinite(outputs).all():
            outputs = None  # the run diverged
        return cls(model, settings, history, outputs, targets, inputs, **more)

    def answers(self) -> Iterator[tuple[str, Float64Array, Float64Array]]:
        """List the targets that are numbers: their names, predictions and true values.

        Both are (N,), in the target's units; rows without a finite prediction
        are left out.
        """
        if self.outputs is None or self.targets is None or self.model.task != "regression":
            return
        predicted = self.model.decode(self.outputs).astype(np.float64)
        true = self.model.in_units(self.targets.reshape(len(self.outputs), -1)).astype(np.float64)
        for place, name in enumerate(self.model.targets):
            finite = np.isfinite(predicted[:, place]) & np.isfinite(true[:, place])
            if finite.any():
                yield name, predicted[finite, place], true[finite, place]


def confusion(wanted: AnyArray, chosen: AnyArray, classes: int) -> npt.NDArray[np.int64]:
    """Count rows by class and by prediction.

    Parameters
    ----------
    wanted, chosen : array of int
        (N,).

    Returns
    -------
    array
        (C, C), with a row for each true class.

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    places = wanted.astype(np.int64) * classes + chosen
    return np.bincount(places, minlength=classes * classes).reshape(classes, classes)


def roc(wanted: AnyArray, score: AnyArray) -> tuple[Float64Array, Float64Array, float] | None:
    """Compute the receiver operating characteristic, and the area under it.

    Parameters
    ----------
    wanted : array of bool
        (N,), whether a row is of the class.
    score : array
        (N,), how probable the network finds that.

    Returns
    -------
    tuple of array, array and float, or None
        False and true positive rates, from (0, 0) to (1, 1), with rows of equal
        score together; None if all rows are of the class, or none is.

    Examples
    --------
    >>> false, true, area = roc(np.array([True, False, True]), np.array([0.9, 0.8, 0.3]))
    >>> false.tolist(), true.tolist(), area
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0], 0.5)
    """
    positive = int(np.count_nonzero(wanted))
    if positive in (0, len(wanted)):
        return None
    order = np.argsort(-score, kind="stable")
    hits, scores = wanted[order], score[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    true = np.append(0.0, np.cumsum(hits)[last] / positive)
    false = np.append(0.0, np.cumsum(~hits)[last] / (len(wanted) - positive))
    return false, true, float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def calibration(
    wanted: AnyArray, probability: AnyArray, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Compare predicted probabilities with how often they came true, in bins of equal width.

    Returns
    -------
    list of tuple
        For each bin with rows: their mean probability, the share of them that
        are of the class, and their number.

    Examples
    --------
    >>> calibration(np.array([True, False]), np.array([0.625, 0.625]))
    [(0.625, 0.5, 2)]
    """
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    means = np.bincount(place, probability, bins)
    hits = np.bincount(place, wanted, bins)
    return [
        (float(means[k] / rows[k]), float(hits[k] / rows[k]), int(rows[k]))
        for k in np.flatnonzero(rows).tolist()
    ]


class Errors(NamedTuple):
    """How far predictions are from the true values."""

    r2: float
    """NaN if all true values are the same."""
    mean_absolute: float
    root_mean_squared: float


def errors(true: Float64Array, predicted: Float64Array) -> Errors:
    """Measure predictions of a number, in its own units.

    Parameters
    ----------
    true, predicted : array
        (N,).

    Examples
    --------
    >>> errors(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])).r2
    0.5
    """
    left = true - predicted
    spread = float(np.sum((true - true.mean()) ** 2))
    r2 = 1 - float(np.sum(left**2)) / spread if spread else math.nan
    return Errors(r2, float(np.mean(np.abs(left))), math.sqrt(float(np.mean(left**2))))


def ended_as(ended: str | None) -> str:
    """Describe why training is over."""
    return {
        "patience": "stopped early, patience had run out",
        "asked": "ended by a callback",
        "epochs": "all epochs done",
    }.get(ended or "", "not done")
