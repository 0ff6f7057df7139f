"""Numbers and truth values, standardised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.tables.missing import refuse_infinite
from nnplug.tables.numerals import Numerals
from nnplug.tables.state import need, number_of, text_of
from nnplug.tables.summary import ColumnSummary
from nnplug.tables.table import Column, kind_error
from nnplug.tables.transforms import Transform, back, forward
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray

__all__ = ["Scale"]

Float64Array = npt.NDArray[np.float64]

FAR = 10.0
"""Deviations from the mean beyond which an input grows as a logarithm."""


@dataclass(frozen=True)
class Scale:
    """How one column of numbers or truth values is standardised.

    Attributes
    ----------
    name : str
        The column.
    kind : str
        `"number"` or `"boolean"`; a truth value counts as 0 or 1.
    mean, scale : float
        In the column's unit; `z = (x - mean) / scale` is what the network
        sees, of an input up to `|z| = FAR`, and beyond it `±(FAR + log(1 +
        |z| - FAR))`: its order is kept, and one value that is far from all
        others, often an error, does not outweigh them in a sum.
    fill : float
        What stands for a missing value, in the column's unit.
    indicator : bool
        Whether a second input says, by 0 or 1, where values are missing.
    transform : str, optional
        What is standardised instead of the numbers themselves, of a target;
        mean and scale are in its unit.
    written : str
        How the file with the rows for training wrote the numbers, as
        `Numerals.written`; files with rows to predict are read so. Empty for
        plain numbers.
    """

    name: str
    kind: Literal["number", "boolean"]
    mean: float
    scale: float
    fill: float
    indicator: bool = False
    transform: Transform | None = None
    written: str = ""

    @classmethod
    def learn(
        cls, summary: ColumnSummary, source: str, role: str, *, median: bool = False
    ) -> Scale:
        """Learn it from a column of the rows for training.

        What is constant keeps its unit.

        Raises
        ------
        DataError
            If the numbers are too large for a mean and a deviation.
        """
        kind: Literal["number", "boolean"] = "boolean" if summary.kind == "boolean" else "number"
        numbers = summary.numbers
        if not (np.isfinite(numbers.mean) and np.isfinite(numbers.deviation)):
            raise DataError(
                f"{source}: {role} {quote(summary.name)} has numbers from {numbers.lowest:g} to "
                f"{numbers.highest:g}, too large for a mean and a standard deviation.\n"
                "Use a larger unit, or take the column out of the table."
            )
        fill = numbers.median if median else numbers.mean
        indicator = role == "column" and summary.training_missing > 0
        scale = numbers.deviation or 1.0
        return cls(
            summary.name,
            kind,
            numbers.mean,
            scale,
            fill,
            indicator,
            written=summary.written if kind == "number" else "",
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs it becomes: `"age"`, and perhaps `"age=(missing)"`."""
        return (self.name, f"{self.name}=(missing)") if self.indicator else (self.name,)

    def check(self, column: Column, source: str) -> None:
        """Refuse a column that cannot be standardised.

        Raises
        ------
        DataError
            If it is of another kind, or has infinite numbers.
        """
        if column.kind not in ("number", "boolean") and column.present.any():
            raise kind_error(source, column, self.kind)
        refuse_infinite(source, column, "column")
        if self.kind == "boolean" and column.kind == "number":
            wrong = np.flatnonzero((column.data != 0) & (column.data != 1) & column.present)
            if wrong.size:
                raise DataError(
                    f"{source}: column {quote(column.name)} holds {show(column.data[wrong[0]])} "
                    f"in row {wrong[0] + 1}, and was a truth value in training: true or false, 1 "
                    "or 0."
                )

    def writer(
        self, column: Column, source: str, *, bent: bool = True
    ) -> Callable[[slice, AnyArray], None]:
        """Give what writes standardised values of some rows, (n, 1 or 2), over zeros.

        It raises a `DataError` for a number that overflows.

        Parameters
        ----------
        bent : bool
            Whether values beyond `FAR` grow as a logarithm; those of a target
            do not, so that a prediction can be brought back to its unit.
        """

        def write(rows: slice, out: AnyArray) -> None:
            if column.kind not in ("number", "boolean"):  # without any value: see check
                values = np.full(len(out), self.fill)
            else:
                values = column.data[rows].astype(np.float64, copy=False)
            if column.missing is not None:
                missing = column.missing[rows]
                values = np.where(missing, self.fill, values)
                if self.indicator:
                    out[:, 1] = missing
            values = forward(self.transform, values)
            with np.errstate(over="ignore", under="ignore"):
                standard = values - self.mean
                standard /= self.scale
                # Two passes find out whether any value is far; few columns have one.
                if not (standard.max(initial=0) <= FAR and standard.min(initial=0) >= -FAR):
                    self._settle_far(standard, column, rows, source, bent=bent)
                out[:, 0] = standard

        return write

    def _settle_far(
        self, standard: Float64Array, column: Column, rows: slice, source: str, *, bent: bool
    ) -> None:
        """Let what is beyond `FAR` grow as a logarithm, in place; refuse what overflowed."""
        far = np.flatnonzero(~(np.abs(standard) <= FAR))
        away = standard[far]
        finite = np.isfinite(away)
        if not finite.all():
            row = int(far[~finite][0]) + (rows.start or 0)
            raise DataError(
                f"{source}: column {quote(column.name)} holds {show(column.data[row])} in row "
                f"{row + 1}, which is too far from the training data's mean {self.mean:g} for "
                "float64."
            )
        if bent:
            standard[far] = np.copysign(FAR + np.log1p(np.abs(away) - FAR), away)

    def decode(self, standard: Float64Array) -> Float64Array:
        """Bring standardised values, (N,), back to the column's unit."""
        with np.errstate(over="ignore", invalid="ignore"):  # as in the network itself
            return back(self.transform, standard * self.scale + self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "mean": self.mean,
            "scale": self.scale,
            "fill": self.fill,
            "indicator": self.indicator,
            **({} if self.transform is None else {"transform": self.transform}),
            **({"written": self.written} if self.written else {}),
        }

    @classmethod
    def from_dict(cls, value: object) -> Scale:
        """Read what `to_dict` wrote, trusting nothing in it."""
        need(isinstance(value, Mapping), "a scale is no mapping")
        assert isinstance(value, Mapping)  # for the type checker
        keys = {"name", "kind", "mean", "scale", "fill", "indicator"}
        need(set(value) - {"transform", "written"} == keys, "a scale has other keys")
        name = text_of(value["name"], "a scale's name")
        need(value["kind"] in ("number", "boolean"), "a scale's kind is unknown")
        mean, scale, fill = (
            number_of(value[key], f"the {key} of {quote(name)}")
            for key in ("mean", "scale", "fill")
        )
        need(scale > 0, f"the scale of {quote(name)} is not positive")
        need(
            isinstance(value["indicator"], bool),
            f"the indicator of {quote(name)} is no truth value",
        )
        transform = value.get("transform")
        need(
            transform in (None, *get_args(Transform)), f"the transform of {quote(name)} is unknown"
        )
        written = text_of(value.get("written", ""), f"how {quote(name)} is written")
        need(Numerals.of(written) is not None, f"how {quote(name)} is written is unknown")
        return cls(name, value["kind"], mean, scale, fill, value["indicator"], transform, written)
