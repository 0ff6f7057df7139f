"""How sure a model is: intervals of numbers, sets of classes, and how good both are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError
from nnplug.models.answers import Answers
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.tables.encoder import Unknown

__all__ = ["Uncertainty"]


class Uncertainty(Answers, ABC):
    """What a model says of its own error, from `calibration`; see `Answers`."""

    @abstractmethod
    def _outputs(
        self, data: Any, unknown: Unknown, allow_nonfinite: bool
    ) -> tuple[AnyArray, AnyArray | None]:
        """Compute outputs, and tell which rows are finite; None if all are."""

    def level(self, asked: float | None) -> float:
        """Check a level; by default the one that was asked for in training, or 0.9.

        Raises
        ------
        SettingError
            If it is not above 0 and below 1.
        """
        # Few models are asked.
        from nnplug.models.calibration import USUAL_LEVEL, check_level  # noqa: PLC0415  # see above

        return check_level((self.known.level or USUAL_LEVEL) if asked is None else asked)

    def check_level(self, level: float) -> None:
        """Refuse a level that cannot be given, before any row is read.

        Raises
        ------
        SettingError
            See `predict_interval` and `predict_set`.
        """
        nothing = np.zeros((0, self.head.outputs))
        give = self.bounds if self.task == "regression" else self.sets
        give(nothing, level)

    def bounds(
        self, outputs: AnyArray, level: float, finite: AnyArray | None = None
    ) -> tuple[AnyArray, AnyArray]:
        """Turn outputs (N, C) into what `predict_interval` returns; see `answers`."""
        if self.task != "regression":
            raise SettingError(
                f"A {self.task} has no numbers, so no intervals: ask for sets of classes, with "
                "predict_set."
            )
        pair = self.known.bounds(self.head, outputs, level)
        lower, upper = map(self.in_units, pair)
        if finite is not None:
            lower, upper = (np.where(finite[:, None], bound, np.nan) for bound in (lower, upper))
        return lower, upper

    def sets(
        self, outputs: AnyArray, level: float, finite: AnyArray | None = None
    ) -> npt.NDArray[np.bool_]:
        """Turn outputs (N, C) into what `predict_set` returns; see `answers`."""
        if finite is None:
            return self.known.sets(self.head, outputs, level)
        sets = np.zeros((len(outputs), len(self.classes)), bool)
        sets[finite] = self.known.sets(self.head, outputs[finite], level)
        return sets

    def measure_uncertainty(
        self, outputs: AnyArray, targets: AnyArray, level: float
    ) -> dict[str, float]:
        """Count how often intervals or sets hold the target, and judge the probabilities.

        Parameters
        ----------
        outputs : array
            (N, C), finite.
        targets : array
            As `Encoder.targets` returns them.

        Returns
        -------
        dict of str to float
            For numbers `"coverage"` and `"mean_width"`, in the target's unit;
            with the target's name if there are several. For classes
            `"coverage"` and `"mean_set_size"`. For classes and labels
            `"log_loss"` and `"calibration_error"`, and the same for calibrated
            probabilities; see `nnplug.models.temperature.quality`.
        """
        if self.task == "regression":
            lower, upper = self.bounds(outputs, level)
            true = self.in_units(targets.reshape(len(outputs), -1))
            held = np.mean((lower <= true) & (true <= upper), axis=0)
            widths = np.mean(upper - lower, axis=0)
            of = [""] if len(self.targets) == 1 else [f"[{name}]" for name in self.targets]
            pairs = zip(of, held.tolist(), widths.tolist(), strict=True)
            return {
                f"{name}{which}": value
                for which, covered, width in pairs
                for name, value in (("coverage", covered), ("mean_width", width))
            }
        found = {}
        if self.task != "multilabel":
            sets = self.sets(outputs, level)
            held = np.take_along_axis(sets, targets.reshape(-1, 1), axis=1)
            found = {
                "coverage": float(held.mean()), "mean_set_size": float(sets.sum(axis=1).mean())
            }  # fmt: skip
        plain, calibrated = self.known.judge_probabilities(self.head, outputs, targets)
        return {
            **found,
            "log_loss": plain.log_loss,
            "log_loss_calibrated": calibrated.log_loss,
            "calibration_error": plain.calibration_error,
            "calibration_error_calibrated": calibrated.calibration_error,
        }

    def predict_interval(
        self,
        data: Any,
        level: float | None = None,
        *,
        unknown: Unknown = "bucket",
        allow_nonfinite: bool = False,
    ) -> tuple[AnyArray, AnyArray]:
        """Give bounds between which the target of new rows is with probability `level`.

        The level holds on average over rows like those that were held out in
        training; a loss that gives intervals says for which rows they are
        wider. Without such rows, the bounds are those of the loss.

        Parameters
        ----------
        level : float, optional
            Between 0 and 1; by default that of the training, or 0.9.
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers are nan.

        Returns
        -------
        tuple of array
            The lower and the upper bounds, each (N, K), in the target's units.

        Raises
        ------
        SettingError
            If the level is not above 0 and below 1, there were too few rows
            for it, or none and the loss gives no intervals.
        NotFiniteError
            If a row has no finite prediction and that is not allowed.
        """
        level = self.level(level)
        outputs, finite = self._outputs(data, unknown, allow_nonfinite)
        return self.bounds(outputs, level, finite)

    def predict_set(
        self,
        data: Any,
        level: float | None = None,
        *,
        unknown: Unknown = "bucket",
        allow_nonfinite: bool = False,
    ) -> npt.NDArray[np.bool_]:
        """Give the classes among which that of a new row is with probability `level`.

        See `predict_interval`. The most probable class is always among them.

        Parameters
        ----------
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers get no class.

        Returns
        -------
        array of bool
            (N, classes), in the order of `classes`.
        """
        level = self.level(level)
        outputs, finite = self._outputs(data, unknown, allow_nonfinite)
        return self.sets(outputs, level, finite)
