"""What a model knows of its own error, from rows that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError
from nnplug.models.conformal import ScoreTable, class_scores, number_scores, reach
from nnplug.models.temperature import HOTTEST, Quality, fit_temperature, quality, tempered
from nnplug.network.tasks import Head
from nnplug.parts.targets import bounds_of, mean_of
from nnplug.types import AnyArray
from nnplug.untrusted import need, take_list, take_mapping, take_number, take_width

__all__ = ["USUAL_LEVEL", "Calibration", "check_level"]

Float64Array = npt.NDArray[np.float64]

USUAL_LEVEL = 0.9
"""The level of intervals and sets, if none is asked for."""

_UNKNOWN = (
    "This model does not know how sure it is: it was trained without rows that were held out.\n"
    "Train it with some: --validation 0.2, or validation=0.2 in Python."
)


@dataclass(frozen=True)
class Calibration:
    """What a model knows of its own error, from rows that it was not trained on.

    Attributes
    ----------
    rows : int
        How many rows they were; 0 if there were none.
    tables : tuple of ScoreTable
        One for each target of a regression, one for classes, none for labels.
    temperature : float
        What log-probabilities are divided by; 1 leaves them as they are.
    quality : tuple of Quality
        Of probabilities: as the network gives them, and calibrated. Half of the
        rows chose the temperature for the other half. Empty for a regression.
    sizes : tuple of float
        The mean width of the intervals of each target, in its unit, or the mean
        number of classes in a set, over these rows at `level`, or 0.9. Empty
        where there are too few rows.
    level : float or None
        The level of intervals and sets that was asked for in training.
    """

    rows: int = 0
    tables: tuple[ScoreTable, ...] = ()
    temperature: float = 1.0
    quality: tuple[Quality, ...] = ()
    sizes: tuple[float, ...] = ()
    level: float | None = None

    @classmethod
    def of(
        cls,
        head: Head,
        outputs: AnyArray,
        targets: AnyArray,
        level: float | None = None,
        in_units: Callable[[AnyArray], AnyArray] = np.asarray,
    ) -> Self:
        """Learn from rows that the network was not trained on.

        Parameters
        ----------
        head : Head
        outputs : array
            (N, C). If one is not finite, nothing is learned.
        targets : array
            Class indices (N,), numbers as the loss takes them (N, K), or
            labels (N, K).
        level : float, optional
        in_units : callable, optional
            Converts targets from what the loss takes to their own units.
        """
        if not len(outputs) or head.finite(outputs) is not None:
            return cls(level=level)
        if head.task == "regression":
            with np.errstate(all="ignore"):
                scores = number_scores(head, outputs, targets)
            if not np.isfinite(scores).all():
                return cls(level=level)
            tables = tuple(ScoreTable.of(column) for column in scores.T)
            learned = cls(len(outputs), tables, level=level)
        else:
            tables = ()
            if head.task != "multilabel":
                tables = (ScoreTable.of(class_scores(head.probabilities(outputs), targets)),)
            temperature, found = _temperature(*_as_rows(head, outputs, targets))
            learned = cls(len(outputs), tables, temperature, found, level=level)
        return replace(learned, sizes=learned._sizes(head, outputs, in_units))

    def _sizes(
        self, head: Head, outputs: AnyArray, in_units: Callable[[AnyArray], AnyArray]
    ) -> tuple[float, ...]:
        """Measure the intervals or sets of the rows that they were learned from."""
        level = self.level or USUAL_LEVEL
        if not self.tables or not self.tables[0].reaches(level):
            return ()
        if head.task != "regression":
            return (float(self.sets(head, outputs, level).sum(axis=1).mean()),)
        with np.errstate(all="ignore"):
            lower, upper = map(in_units, self.bounds(head, outputs, level))
            widths = np.mean(upper - lower, axis=0)
        return tuple(widths.tolist()) if np.isfinite(widths).all() else ()

    # --- what it says of new rows ---------------------------------------------------------

    def bounds(
        self, head: Head, outputs: AnyArray, level: float
    ) -> tuple[Float64Array, Float64Array]:
        """Give bounds within which targets lie with probability `level`, each (N, K).

        They are in the unit of the learned target, and within the range of the
        targets that the loss is for. Without held-out rows, they are those of
        the loss, whose level nothing has checked.

        Raises
        ------
        SettingError
            If there were no held-out rows and the loss gives no intervals, or
            too few rows for the level.
        """
        if not self.tables:
            if head.loss.interval is None:
                raise SettingError(f"{_UNKNOWN}\nOr use a loss that gives intervals.")
            link = head.loss.link
            lower, upper = (mean_of(link, x) for x in head.loss.bounds(outputs, level))
            return lower, upper
        factor = np.array([table.quantile(level) for table in self.tables])
        numbers, below, above = reach(head, outputs)
        least, most = bounds_of(head.loss.targets)
        return (
            np.clip(numbers - factor * below, least, most),
            np.clip(numbers + factor * above, least, most),
        )

    def sets(self, head: Head, outputs: AnyArray, level: float) -> npt.NDArray[np.bool_]:
        """Tell which classes are in the set that holds the true one with probability `level`.

        The most probable class is in each set, so that none is empty.

        Returns
        -------
        array of bool
            (N, classes).

        Raises
        ------
        SettingError
            If the task has no classes, or there were too few held-out rows.
        """
        if head.task not in ("binary", "multiclass"):
            raise SettingError(
                f"A {head.task} has no sets of classes: those are for one class a row."
            )
        if not self.tables:
            raise SettingError(_UNKNOWN)
        shares = head.probabilities(outputs)
        # The same arithmetic as in training, so that equal probabilities are equal scores.
        chosen = 1 - shares.astype(np.float64) <= self.tables[0].quantile(level)
        top: npt.NDArray[np.bool_] = shares == shares.max(axis=1, keepdims=True)
        return chosen | top

    def probabilities(self, head: Head, outputs: AnyArray) -> Float64Array:
        """Give calibrated probabilities: (N, classes), or (N, labels)."""
        shares = np.exp(tempered(head.log_probabilities(outputs), self.temperature))
        return shares[..., 1] if head.task == "multilabel" else shares

    def judge_probabilities(
        self, head: Head, outputs: AnyArray, targets: AnyArray
    ) -> tuple[Quality, Quality]:
        """Judge probabilities on rows whose class is known: as they are, and calibrated."""
        logs, labels = _as_rows(head, outputs, targets)
        return quality(logs, labels), quality(tempered(logs, self.temperature), labels)

    # --- in a file ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "rows": self.rows,
            "scores": [list(table.scores) for table in self.tables],
            "temperature": self.temperature,
            "quality": [list(found) for found in self.quality],
            "sizes": list(self.sizes),
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, value: object, task: str, classes: int) -> Self:
        """Read what `to_dict` returned, trusting nothing in it.

        Raises
        ------
        ModelFileError
        """
        keys = {"rows", "scores", "temperature", "quality", "sizes", "level"}
        state = take_mapping(value, keys, "its calibration")
        rows = take_width(state["rows"], "the rows of its calibration", least=0)
        listed = take_list(state["scores"], "the scores of its calibration")
        most = math.inf if task == "regression" else 1.0
        tables = tuple(ScoreTable.from_list(scores, rows, most) for scores in listed)
        temperature = take_number(state["temperature"], "the temperature of its calibration")
        need(
            1 / HOTTEST <= temperature <= HOTTEST and (temperature == 1 or bool(classes)),
            f"the temperature of its calibration is {temperature:g}",
        )
        pairs = [take_list(pair, "a quality") for pair in take_list(state["quality"], "quality")]
        need(
            len(pairs) == (2 if rows and classes else 0) and all(len(pair) == 2 for pair in pairs),
            "the quality of its calibration is not of two kinds of probabilities",
        )
        found = tuple(
            Quality(*(take_number(number, "a quality of its calibration") for number in pair))
            for pair in pairs
        )
        one = task in ("binary", "multiclass") and rows > 0
        need(
            bool(tables) == (rows > 0) if task == "regression" else len(tables) == one,
            f"its calibration has {len(tables):,} tables of scores for a {task}",
        )
        sizes = tuple(
            take_number(size, "a size of its calibration")
            for size in take_list(state["sizes"], "the sizes of its calibration")
        )
        need(
            len(sizes) in (0, len(tables)) and min(sizes, default=0) >= 0,
            "the sizes of its calibration are not those of its intervals or sets",
        )
        level = state["level"]
        if level is not None:
            level = take_number(level, "the level of its calibration")
            need(0 < level < 1, f"the level of its calibration is {level:g}")
        return cls(rows, tables, temperature, found, sizes, level)

    # --- for a person ---------------------------------------------------------------------

    def described(self, targets: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
        """Describe it in lines for a person: their names and texts.

        Parameters
        ----------
        targets : sequence of str
            Their names, which are shown if there are several.
        """
        level, rows = self.level or USUAL_LEVEL, f"from {self.rows:,} rows held out in training"
        if self.tables and not self.sizes:
            what = "sets" if self.quality else "intervals"
            yield what, f"none at {level:g}: {self.rows:,} rows held out are too few"
        elif self.sizes and self.quality:
            yield "sets", f"at {level:g}: {self.sizes[0]:.3g} classes on average, {rows}"
        elif self.sizes:
            named = [f" for {name}" for name in targets] if len(self.sizes) > 1 else [""]
            widths = [
                f"{_written(size)}{name}" for size, name in zip(self.sizes, named, strict=False)
            ]
            yield "intervals", f"at {level:g}: {', '.join(widths)} wide on average, {rows}"
        if self.quality:
            plain, calibrated = self.quality
            before = (
                f"log loss {plain.log_loss:.4g}, expected calibration error "
                f"{plain.calibration_error:.4g}"
            )
            after = (
                "no temperature betters that"
                if self.temperature == 1
                else f"{calibrated.log_loss:.4g} and {calibrated.calibration_error:.4g} at "
                f"temperature {self.temperature:.3g}"
            )
            yield "calibration", f"{before}; {after}"


def check_level(level: object) -> float:
    """Refuse a level that is not between 0 and 1.

    Raises
    ------
    SettingError
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SettingError(f"interval={level!r}: it must be above 0 and below 1, as 0.9.")
    return float(level)


def _written(size: float) -> str:
    return f"{size:,.0f}" if size >= 10_000 else f"{size:.4g}"


def _as_rows(head: Head, outputs: AnyArray, targets: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Give log-probabilities (M, C) and classes (M,); each label is a row of two classes."""
    found = head.log_probabilities(outputs)
    return found.reshape(-1, found.shape[-1]), targets.reshape(-1).astype(np.int64)


def _temperature(
    log_probabilities: AnyArray, labels: AnyArray
) -> tuple[float, tuple[Quality, ...]]:
    """Fit the temperature, and keep it only if it helps rows that it was not fitted to."""
    before = quality(log_probabilities, labels)
    halves = [slice(0, None, 2), slice(1, None, 2)]
    after = log_probabilities.copy()
    if len(labels) > 1:
        for here, other in (halves, halves[::-1]):
            fitted = fit_temperature(log_probabilities[other], labels[other])
            after[here] = tempered(log_probabilities[here], fitted)
    found = quality(after, labels)
    if not found.log_loss < before.log_loss:
        return 1.0, (before, before)
    return fit_temperature(log_probabilities, labels), (before, found)
