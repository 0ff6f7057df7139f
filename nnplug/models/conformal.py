"""Split conformal prediction: bounds and sets that hold a new target with a stated probability.

A score says how far a row's target is from what the network gives. Of n rows
that the network was not trained on, and a new row like them, each is as likely
as any other to have the largest score, the second largest, and so on. So the
score of the new row is at most the k-th smallest of the n, with
k = ⌈(n + 1)·level⌉, with probability `level` or more, whatever the network and
the distribution (Vovk, Gammerman & Shafer, 2005, "Algorithmic Learning in a
Random World"; Lei et al., 2018, arXiv:1604.04173, theorem 2.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError
from nnplug.network.tasks import Head
from nnplug.parts.targets import mean_of
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_list, take_number

__all__ = ["REFERENCE", "ScoreTable", "class_scores", "number_scores", "reach"]

Float64Array = npt.NDArray[np.float64]

MOST = 500
"""So many scores are kept; a level is then met within 1 in 500, and never missed."""

REFERENCE = 0.9
"""The level at which the intervals of a loss give the reach of each row."""


@dataclass(frozen=True)
class ScoreTable:
    """Scores of rows that the network was not trained on.

    Attributes
    ----------
    rows : int
        n, how many rows they are of.
    scores : tuple of float
        Ascending. All n of them, or M of the n order statistics: the j-th, from
        1, is the one of rank ⌊j·n / M⌋.
    """

    rows: int
    scores: tuple[float, ...] = field(repr=False)

    @classmethod
    def of(cls, scores: AnyArray) -> Self:
        """Keep scores, (N,), which are finite; of more than `MOST`, some order statistics."""
        rows, ascending = len(scores), np.sort(scores.astype(np.float64))
        most = min(rows, MOST)
        places = np.arange(1, most + 1) * rows // most - 1
        return cls(rows, tuple(ascending[places].tolist()))

    def reaches(self, level: float) -> bool:
        """Whether there are enough rows for a level."""
        return self._rank(level) <= self.rows

    def _rank(self, level: float) -> int:
        return math.ceil((self.rows + 1) * level - 1e-9)  # 100 * 0.57 is a little below 57

    def quantile(self, level: float) -> float:
        """Give the score that a new row's exceeds with a probability of 1 - `level` at most.

        Raises
        ------
        SettingError
            If there are too few rows for the level: above n / (n + 1), only an
            infinite score would do.

        Examples
        --------
        >>> table = ScoreTable(9, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0))
        >>> table.quantile(0.8), table.quantile(0.9)  # the 8th and the 9th smallest
        (8.0, 9.0)
        """
        rank = self._rank(level)
        if rank > self.rows:
            least = math.ceil(level / (1 - level) - 1e-9)
            highest = math.floor(1000 * self.rows / (self.rows + 1)) / 1000
            raise SettingError(
                f"interval={level:g}: it takes at least {least:,} rows that the network was not "
                f"trained on, and this model had {self.rows:,}.\nAsk for {highest:g} or less, or "
                "train with more rows held out: a larger --validation (validation= in Python), "
                "or more rows in all if the members hold out every row."
            )
        place = -(-rank * len(self.scores) // self.rows) - 1
        return self.scores[place]

    @classmethod
    def from_list(cls, value: object, rows: int, most: float = math.inf) -> Self:
        """Read scores from a model file, trusting nothing in them.

        Raises
        ------
        ModelFileError
        """
        listed = take_list(value, "the scores of its calibration")
        need(
            1 <= len(listed) <= min(rows, MOST),
            f"its calibration has {len(listed):,} scores of {rows:,} rows",
        )
        scores = tuple(take_number(score, "a score of its calibration") for score in listed)
        need(
            list(scores) == sorted(scores) and scores[0] >= 0 and scores[-1] <= most,
            "the scores of its calibration are not in order, or out of range",
        )
        return cls(rows, scores)


# --- numbers ------------------------------------------------------------------------------


def reach(head: Head, outputs: AnyArray) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Give predictions, and the distance downwards and upwards that counts as a score of 1.

    The distance is 1 for every row, unless the loss gives intervals: then it
    is from the prediction to the bounds at level 0.9, so that rows which the
    network is less sure of have wider intervals (Papadopoulos et al., 2002,
    doi:10.1007/3-540-36755-1_29; Lei et al., 2018, section 5.2).

    Parameters
    ----------
    outputs : array
        (N, C).

    Returns
    -------
    tuple of array
        (N, K) each, in the unit of the learned target.
    """
    numbers = head.numbers(outputs).astype(np.float64)
    if head.loss.interval is None:
        return numbers, np.ones_like(numbers), np.ones_like(numbers)
    lower, upper = (
        np.asarray(mean_of(head.loss.link, bound), np.float64)
        for bound in head.loss.bounds(outputs, REFERENCE)
    )
    least = np.finfo(np.float64).tiny
    return numbers, np.maximum(numbers - lower, least), np.maximum(upper - numbers, least)


def number_scores(head: Head, outputs: AnyArray, targets: AnyArray) -> Float64Array:
    """Give the scores of rows of a regression, (N, K): residuals in units of the reach.

    Parameters
    ----------
    outputs : array
        (N, C).
    targets : array
        (N, K), as the loss takes them.
    """
    numbers, below, above = reach(head, outputs)
    residuals = targets.reshape(numbers.shape) - numbers
    scores: Float64Array = np.where(residuals < 0, -residuals / below, residuals / above)
    return scores


# --- classes ------------------------------------------------------------------------------


def class_scores(probabilities: AnyArray, labels: AnyArray) -> Float64Array:
    """Give the scores of rows of a classification, (N,): 1 less the true class's probability.

    A set of the classes whose score is small enough is the smallest that holds
    the true class so often (Sadinle, Lei & Wasserman, 2019, arXiv:1609.00451).

    Parameters
    ----------
    probabilities : array
        (N, classes).
    labels : array of int
        (N,).
    """
    true: Any = np.take_along_axis(probabilities, labels.reshape(-1, 1), axis=1)
    scores: Float64Array = 1 - true[:, 0].astype(np.float64)
    return scores
