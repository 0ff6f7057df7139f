"""Dates as numbers that a network can use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nnplug.tables.summary import ColumnSummary, years
from nnplug.tables.table import Column, Kind, kind_error
from nnplug.tables.wording import quote
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_flag, take_mapping, take_names, take_number, take_text

__all__ = ["Dates", "place_in"]

_PERIODS = {"year": 1.0, "week": 7 / 365.2425, "day": 1 / 365.2425}
"""The length of each cycle, in years."""


@dataclass(frozen=True)
class Dates:
    """How a column of dates becomes numbers.

    The first input is the time in years, standardised. Each cycle adds two
    more: sine and cosine of the position in the calendar year, in the week
    (from Monday) or in the day (from midnight).

    Attributes
    ----------
    name : str
        The column.
    mean, scale : float
        Mean and standard deviation of the years since 1970.
    cycles : tuple of str
        Those that the rows for training cover at least once: a year, a week, a day.
        Dates without a time of day have no cycle of a day.
    indicator : bool
        Whether a last input, 0 or 1, tells where values are missing. All others
        are 0 there: the mean time, and no position in any cycle.
    written : str
        How the file with the rows for training wrote them, as for `strftime`;
        files with rows to predict are read the same way. Empty for ISO 8601.
    """

    kind: ClassVar[Kind] = "date"

    name: str
    mean: float
    scale: float
    cycles: tuple[str, ...] = ()
    indicator: bool = False
    written: str = ""

    @classmethod
    def learn(cls, summary: ColumnSummary) -> Dates:
        """Learn the encoding of a column from the rows for training."""
        numbers = summary.numbers
        span = numbers.highest - numbers.lowest
        cycles = tuple(
            cycle
            for cycle, period in _PERIODS.items()
            if not (cycle == "day" and summary.midnight) and (span >= period or cycle == "day")
        )
        return cls(
            summary.name,
            numbers.mean,
            numbers.deviation or 1.0,
            cycles,
            summary.training_missing > 0,
            summary.written,
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its inputs: `"day.time"`, `"day.year_sin"` ..."""
        names = ["time", *(f"{cycle}_{part}" for cycle in self.cycles for part in ("sin", "cos"))]
        missing = (f"{self.name}=(missing)",) if self.indicator else ()
        return (*(f"{self.name}.{name}" for name in names), *missing)

    @property
    def expects_missing(self) -> bool:
        """Whether values were missing in training."""
        return self.indicator

    @property
    def stand_in(self) -> str:
        """What a missing value counts as, for messages."""
        return "the mean date replaces them"

    def check(self, column: Column, source: str) -> None:
        """Refuse a column that does not hold dates."""
        if column.kind != "date" and column.present.any():
            raise kind_error(source, column, "date")

    def writer(self, column: Column, source: str) -> Callable[[slice, AnyArray], None]:
        """Make a function that writes the numbers of some rows, (n, features), over zeros."""

        def write(rows: slice, out: AnyArray) -> None:
            missing = np.zeros(len(out), bool) if column.missing is None else column.missing[rows]
            if column.kind != "date":  # it has no values: see check
                missing = np.ones(len(out), bool)
            else:
                instants = np.where(missing, np.datetime64(0, "us"), column.data[rows])
                out[:, 0] = (years(instants) - self.mean) / self.scale
                for position, cycle in enumerate(self.cycles):
                    angle = 2 * np.pi * place_in(instants, cycle)
                    out[:, 1 + 2 * position] = np.sin(angle)
                    out[:, 2 + 2 * position] = np.cos(angle)
            if missing.any():
                out[missing] = 0
                if self.indicator:
                    out[missing, -1] = 1

        return write

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "kind": "date",
            "mean": self.mean,
            "scale": self.scale,
            "cycles": list(self.cycles),
            "indicator": self.indicator,
            "written": self.written,
        }

    @classmethod
    def from_dict(cls, value: object) -> Dates:
        """Make it from what `to_dict` returned; every value is checked."""
        keys = {"name", "kind", "mean", "scale", "cycles", "indicator", "written"}
        state = take_mapping(value, keys, "a date column")
        name = take_text(state["name"], "the name of a date column")
        mean, scale = (
            take_number(state[key], f"the {key} of {quote(name)}") for key in ("mean", "scale")
        )
        need(scale > 0, f"the scale of {quote(name)} is not positive")
        cycles = take_names(state["cycles"], f"the cycles of {quote(name)}")
        known = [cycle for cycle in _PERIODS if cycle in cycles]
        need(list(cycles) == known, f"the cycles of {quote(name)} are unknown")
        indicator = take_flag(state["indicator"], f"the indicator of {quote(name)}")
        written = take_text(state["written"], f"how {quote(name)} is written")
        return cls(name, mean, scale, cycles, indicator, written)


def place_in(instants: AnyArray, cycle: str) -> AnyArray:
    """Compute the position of each instant in a cycle, from 0 to below 1: (N,)."""
    days = instants.astype("M8[D]")
    of_day = (instants - days) / np.timedelta64(1, "D")
    if cycle == "day":
        return np.asarray(of_day)
    if cycle == "week":
        # 1970-01-01 was a Thursday, the fourth day.
        return np.asarray(((days.astype(np.int64) + 3) % 7 + of_day) / 7)
    first = days.astype("M8[Y]").astype("M8[D]")
    length = (days.astype("M8[Y]") + 1).astype("M8[D]") - first
    return np.asarray(
        ((days - first) / np.timedelta64(1, "D") + of_day) / (length / np.timedelta64(1, "D"))
    )
