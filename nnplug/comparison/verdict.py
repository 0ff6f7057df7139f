"""The verdict on one arm against the baseline, from paired scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnplug.comparison.statistics import (
    bca_interval,
    detectable,
    holm,
    improvement,
    interquartile_mean,
    sign_flip,
    smallest_p,
)
from nnplug.types import AnyArray

__all__ = ["LEVEL", "Verdict", "enough_seeds", "summarize", "verdicts"]

LEVEL = 0.05
"""The p below which a difference counts, after Holm's correction."""
ROUNDING = 1e-12
"""The share of the larger score within which a difference is rounding, and a tie."""
CLEAR = 0.75
"""The share of pairs that a better arm wins (Bouthillier et al., 2021, MLSys)."""


@dataclass(frozen=True)
class Verdict:
    """What the pairs of one arm and the baseline say.

    Attributes
    ----------
    gain : float
        The mean difference to the baseline; above 0, the arm is better.
    low, high : float
        Its 95 % BCa interval.
    wins : float
        P(A > B): the share of pairs in which the arm is better.
    p, holm : float
        Of the sign-flip test; corrected for the number of arms.
    seen : float or None
        The difference that would have been found in 80 of 100 cases; None if none is.
    pairs : int
    word : str
        `"better"`, `"worse"`, `"equivalent"`, `"no difference detected"` or `"no claim"`.
    """

    gain: float
    low: float
    high: float
    wins: float
    p: float
    holm: float
    seen: float | None
    pairs: int
    word: str

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers and the sentence, for JSON."""
        return {**asdict(self), "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.word == "no difference detected" and not self.seen:
            return f"no difference detected (n = {self.pairs}, the same in every pair)"
        if self.word == "no difference detected":
            return (
                f"no difference detected (n = {self.pairs}, a difference of {self.seen:.2g} could "
                "have been seen)"
            )
        if self.word == "no claim":
            return f"no claim: too few seeds (n = {self.pairs})"
        return self.word


def enough_seeds(arms: int) -> int:
    """Return the number of pairs from which something can be claimed of each of some arms.

    Examples
    --------
    >>> enough_seeds(1), enough_seeds(5)
    (6, 8)
    """
    pairs = 1
    while arms * smallest_p(pairs) >= LEVEL:
        pairs += 1
    return pairs


def verdicts(
    scores: Mapping[str, AnyArray], baseline: str, *, rope: float | None = None
) -> dict[str, Verdict]:
    """Judge each arm against the baseline.

    "Better" and "worse": the interval is without 0, p after Holm's correction is below
    0.05, and at least 75 % of the pairs agree. "Equivalent": the interval lies within
    `rope` of 0. "No claim": so few pairs that no p could be small enough.

    Parameters
    ----------
    scores : mapping of str to array of shape (n,)
        Of each arm, more is better, the same place for the same seed.
    rope : float, optional
        The margin within which a difference does not matter.
    """
    others = [arm for arm in scores if arm != baseline]
    gains = [_gains(np.asarray(scores[arm]), np.asarray(scores[baseline])) for arm in others]
    p = [sign_flip(gain) for gain in gains]
    return {
        arm: _verdict(gain, p[place], adjusted, len(others), rope)
        for place, (arm, gain, adjusted) in enumerate(zip(others, gains, holm(p), strict=True))
    }


def _gains(scores: AnyArray, others: AnyArray) -> AnyArray:
    """Subtract in pairs; what rounding alone makes of equal scores is 0."""
    gains = scores - others
    largest = np.maximum(np.abs(scores), np.abs(others))
    found: AnyArray = np.where(np.abs(gains) <= ROUNDING * largest, 0.0, gains)
    return found


def _verdict(gain: AnyArray, p: float, adjusted: float, arms: int, rope: float | None) -> Verdict:
    low, high = bca_interval(gain) if len(gain) > 1 else (float(gain[0]), float(gain[0]))
    wins = improvement(gain)
    significant = adjusted < LEVEL
    if arms * smallest_p(len(gain)) >= LEVEL:
        word = "no claim"
    elif rope is not None and -rope < low and high < rope:
        word = "equivalent"
    elif significant and low > 0 and wins >= CLEAR:
        word = "better"
    elif significant and high < 0 and wins <= 1 - CLEAR:
        word = "worse"
    else:
        word = "no difference detected"
    seen = detectable(gain, LEVEL / arms, CLEAR)
    return Verdict(
        float(gain.mean()), low, high, wins, p, adjusted,
        seen if math.isfinite(seen) else None, len(gain), word,
    )  # fmt: skip


def summarize(values: Sequence[float]) -> dict[str, float]:
    """Compute median, quartiles and interquartile mean of the scores of one arm."""
    quartiles = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    names = ("lower_quartile", "median", "upper_quartile")
    return {
        **dict(zip(names, quartiles, strict=True)),
        "iqm": float(interquartile_mean(np.asarray(values))),
    }
