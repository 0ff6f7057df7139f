"""What cross-validation found: the scores of the folds, their mean and their spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["CrossValidation"]


@dataclass(frozen=True)
class CrossValidation:
    """What was measured on the folds.

    Attributes
    ----------
    folds : tuple of dict
        Of each fold `"rows"`, `"epochs"`, `"scores"` (the loss, and the metrics by name) and
        `"diverged"`: why there are no scores, or None.
    """

    folds: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.folds)

    @property
    def scores(self) -> dict[str, list[float]]:
        """The scores of the folds in their order, by name; nan where a fold diverged."""
        names = dict.fromkeys(name for fold in self.folds for name in fold["scores"])
        return {name: [fold["scores"].get(name, math.nan) for fold in self.folds] for name in names}

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each score over the folds; nan if one diverged."""
        return {name: math.fsum(each) / len(each) for name, each in self.scores.items()}

    @property
    def sd(self) -> dict[str, float]:
        """The standard deviation of each score between folds, with K - 1 in the denominator."""
        return {
            name: statistics.stdev(each) if all(map(math.isfinite, each)) else math.nan
            for name, each in self.scores.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "folds": [dict(fold) for fold in self.folds],
            "mean": _without_nan(self.mean),
            "sd": _without_nan(self.sd),
        }

    @classmethod
    def from_dict(cls, found: Any) -> Self | None:
        """Read what `to_dict` returned; None if a run has none, or it is anything else."""
        try:
            folds = tuple(dict(fold) for fold in found["folds"])
            made = cls(folds)
            made.described()
        except (TypeError, KeyError, ValueError, AttributeError, statistics.StatisticsError):
            return None
        return made

    def described(self) -> str:
        """Write the means with their standard deviations."""
        mean, sd = self.mean, self.sd
        return ", ".join(f"{name} {mean[name]:.4g} ± {sd[name]:.2g}" for name in mean)


def _without_nan(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}
