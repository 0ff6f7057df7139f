"""Summaries: what an encoder has to know about a column, gathered chunk by chunk."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nnplug.tables.sample import Sample
from nnplug.tables.table import BoolArray, Column, Kind
from nnplug.types import AnyArray

__all__ = ["ColumnSummary", "NumberSummary", "years"]

Float64Array = npt.NDArray[np.float64]

_YEAR = np.timedelta64(31_556_952, "s")  # of the Gregorian calendar, on average


def years(instants: AnyArray) -> Float64Array:
    """Convert instants to years since 1970, (N,); NaT becomes NaN."""
    since: Float64Array = (instants - np.datetime64(0, "us")) / _YEAR
    return since


def _all(values: Float64Array, test: Callable[[Float64Array], BoolArray]) -> bool:
    """Tell whether a test holds for all values; the first 100 mostly show if it does not."""
    return bool(test(values[:100]).all() and test(values).all())


@dataclass(eq=False)
class NumberSummary:
    """Mean, deviation and range of numbers.

    Attributes
    ----------
    count : int
    lowest, highest, mean : float
    deviation : float
        The standard deviation of the population, dividing by the count.
    whole : bool
        Whether all are whole numbers.
    sampled : bool
        Whether numbers are kept, for quantiles.
    """

    count: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    mean: float = 0.0
    deviation: float = 0.0
    whole: bool = True
    sampled: bool = True
    _sample: Sample = field(default_factory=Sample)

    def add(self, values: Float64Array) -> None:
        """Add finite numbers, (n,)."""
        if not len(values):
            return
        if self.sampled:
            self._sample.add(values)
        self.whole = self.whole and _all(values, lambda x: x == np.floor(x))
        lowest, highest = float(values.min()), float(values.max())
        mean, deviation = _moments(values, lowest, highest)
        if self.count:
            mean, deviation = _merged(
                (self.count, self.mean, self.deviation), (len(values), mean, deviation)
            )
        self.mean, self.deviation = mean, deviation
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        self.count += len(values)

    @property
    def sample(self) -> Float64Array:
        """The numbers, or a sample of them: see `Sample`."""
        return self._sample.values

    @property
    def median(self) -> float:
        """The median of the sample."""
        return float(np.median(self.sample)) if len(self.sample) else 0.0

    def quantiles(self, shares: Sequence[float] | Float64Array) -> list[float]:
        """Compute quantiles of the sample, interpolated between neighbours (NumPy's `linear`)."""
        found: list[float] = np.quantile(self.sample, shares).tolist()
        return found


def _moments(values: Float64Array, lowest: float, highest: float) -> tuple[float, float]:
    """Compute mean and deviation; infinite if they do not fit in a float64."""
    if lowest == highest:
        return lowest, 0.0
    with np.errstate(all="ignore"):
        mean = float(values.mean())
        deviation = values - mean
        # In units of the largest deviation, no square overflows or vanishes.
        largest = float(np.abs(deviation).max())
        scaled = largest * math.sqrt(float(np.mean((deviation / largest) ** 2)))
    # The deviation of subnormal numbers may round to zero.
    return mean, scaled or largest


def _merged(one: tuple[int, float, float], two: tuple[int, float, float]) -> tuple[float, float]:
    """Combine mean and deviation of two sets of numbers (Chan et al., 1979)."""
    (n, mean, deviation), (m, other_mean, other_deviation) = one, two
    rows = n + m
    apart = other_mean - mean
    unit = max(deviation, other_deviation, abs(apart))
    if unit == 0:
        return mean, 0.0
    if not math.isfinite(unit):
        return mean, unit
    square = n * (deviation / unit) ** 2 + m * (other_deviation / unit) ** 2
    square += n * m / rows * (apart / unit) ** 2
    return mean + apart * (m / rows), unit * math.sqrt(square / rows)


@dataclass(eq=False)
class ColumnSummary:
    """What is known about one column once all rows have been added.

    Attributes
    ----------
    name, kind : str
    rows : int
        All rows, not only those for training.
    missing, infinite : int
        Values, among all rows.
    missing_rows : list of int
        The first five, counted from 0.
    infinite_row : int
        The first.
    training_missing : int
        Among the rows for training, as everything below.
    numbers : NumberSummary
        Of numbers; of truth values as 0 and 1; of dates in years since 1970.
    counts : Counter
        How often each text occurs.
    midnight : bool
        Whether all dates are days, without a time of day.
    written : str
        How the file wrote them: see `nnplug.tables.Column`.
    """

    name: str
    kind: Kind
    rows: int = 0
    missing: int = 0
    infinite: int = 0
    missing_rows: list[int] = field(default_factory=list)
    infinite_row: int = 0
    training_missing: int = 0
    numbers: NumberSummary = field(default_factory=NumberSummary)
    counts: Counter[str] = field(default_factory=Counter)
    midnight: bool = True
    written: str = ""

    def add(self, column: Column, training: BoolArray | None) -> None:
        """Add the next rows.

        Parameters
        ----------
        training : array of bool of shape (n,), or None
            Which of them are for training; all if None.
        """
        present = column.present
        used = present if training is None else present & training
        if column.missing is not None:
            places = np.flatnonzero(column.missing)
            self.missing += places.size
            room = 5 - len(self.missing_rows)
            self.missing_rows += (places[: max(room, 0)] + self.rows).tolist()
            missing = column.missing if training is None else column.missing & training
            self.training_missing += int(np.count_nonzero(missing))
        if column.kind == "number":
            self._add_numbers(column.data, used)
        elif column.kind == "boolean":
            self.numbers.add(column.data[used].astype(np.float64))
        elif column.kind == "date":
            instants = column.data[used]
            self.numbers.add(years(instants))
            self.midnight = self.midnight and bool((instants == instants.astype("M8[D]")).all())
        else:
            found = np.bincount(column.data[used], minlength=len(column.words))
            for code in np.flatnonzero(found).tolist():
                self.counts[column.words[code]] += int(found[code])
        self.rows += len(column)

    def _add_numbers(self, values: Float64Array, used: BoolArray) -> None:
        infinite = np.isinf(values)
        if infinite.any():
            if not self.infinite:
                self.infinite_row = self.rows + int(np.flatnonzero(infinite)[0])
            self.infinite += int(np.count_nonzero(infinite))
            used = used & ~infinite
        self.numbers.add(values if used.all() else values[used])
