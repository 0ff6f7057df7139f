"""How outputs become answers: classes, probabilities, numbers in the target's units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.network.labels import label_matrix
from nnplug.network.tasks import Head, finite_rows
from nnplug.parts import Loss, Metric, Task, by_column
from nnplug.tables import matrix
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.models.calibration import Calibration
    from nnplug.tables import Encoder

__all__ = ["Answers"]

_LISTED = 10
"""So many classes are named in a message."""


@dataclass(eq=False, repr=False)
class Answers:
    """What outputs (N, C) say about the target.

    Attributes
    ----------
    head : Head
        How targets and outputs are read.
    encoder : Encoder or None
        What turns a table into inputs; None if the network was trained on
        arrays.
    classes : tuple
        The classes as the user knows them; empty for a regression.
    calibration : Calibration or None
        What is known of its error, from rows that were held out.
    """

    head: Head
    encoder: Encoder | None
    classes: tuple[Any, ...]
    calibration: Calibration | None = field(default=None, kw_only=True)

    @property
    def task(self) -> Task:
        """`"regression"` or the kind of classification."""
        return self.head.task

    @property
    def loss(self) -> Loss:
        """The loss that training minimized."""
        return self.head.loss

    @property
    def targets(self) -> tuple[str, ...]:
        """What is predicted: a table's target columns, or names for want of columns."""
        if self.encoder is not None:
            return self.encoder.target
        if self.task == "multilabel":
            return tuple(map(str, self.classes))
        # A loss may take several outputs for one target; the head knows how many targets there are.
        if self.task == "regression" and self.head.width > 1:
            return tuple(f"prediction{k}" for k in range(1, self.head.width + 1))
        return ("prediction",)

    @cached_property
    def _class_array(self) -> AnyArray:
        return np.asarray(self.classes)

    def average(self, outputs: Sequence[AnyArray]) -> AnyArray:
        """Average the outputs of the members of a model, (N, C) each; see `mean_output`.

        A target that is learned as its logarithm is averaged in its own unit.
        """
        if len(outputs) == 1:
            return outputs[0]
        from nnplug.network import averaging  # noqa: PLC0415  # few models have several members

        wide = [output.astype(np.float64) for output in outputs]
        scales = () if self.encoder is None else self.encoder.scales
        with np.errstate(all="ignore"):  # as in the network itself
            if any(scale.transform for scale in scales) and not self.loss.heads:
                columns = [
                    averaging.mean_transformed(scale, [output[:, place] for output in wide])
                    for place, scale in enumerate(scales)
                ]
                found: AnyArray = np.stack(columns, axis=-1)
            else:
                found = averaging.mean_output(self.head, wide)
        return found.astype(outputs[0].dtype)

    def finite(self, outputs: AnyArray) -> npt.NDArray[np.bool_] | None:
        """Tell for which rows of outputs (N, C) there is an answer; None if for all."""
        if self.task == "regression" and self.encoder is not None:
            # A finite number may be too large for the target's unit.
            outputs = np.concatenate([outputs, self.decode(outputs)], axis=1)
            return finite_rows(outputs)
        return self.head.finite(outputs)

    def answers(self, outputs: AnyArray, finite: AnyArray | None = None) -> AnyArray:
        """Turn outputs (N, C) into what `predict` returns.

        Parameters
        ----------
        finite : array of bool, optional
            (N,), the rows that have an answer; the others are nan or masked.
        """
        if self.task == "regression":
            numbers = self.decode(outputs)
            return numbers if finite is None else np.where(finite[:, None], numbers, np.nan)
        if finite is None:
            chosen = self.head.classes(outputs)
            return chosen if self.task == "multilabel" else self._class_array[chosen]
        some = self.answers(outputs[finite])
        answers = np.zeros((len(outputs), *some.shape[1:]), some.dtype)
        answers[finite] = some
        missing = np.broadcast_to(~finite.reshape(-1, *[1] * (some.ndim - 1)), answers.shape)
        return np.ma.MaskedArray(answers, missing)

    def shares(
        self, outputs: AnyArray, finite: AnyArray | None = None, *, calibrated: bool = False
    ) -> AnyArray:
        """Turn outputs (N, C) into what `probabilities` returns; see `answers`."""
        if finite is None:
            if calibrated:
                return self.known.probabilities(self.head, outputs)
            return self.head.probabilities(outputs)
        shares = np.full((len(outputs), len(self.classes)), np.nan, outputs.dtype)
        shares[finite] = self.shares(outputs[finite], calibrated=calibrated)
        return shares

    @property
    def known(self) -> Calibration:
        """What is known of its error; nothing, if no rows were held out."""
        from nnplug.models.calibration import Calibration  # noqa: PLC0415  # few models are asked

        return self.calibration or Calibration()

    def decode(self, outputs: AnyArray) -> AnyArray:
        """Turn outputs of a regression, (N, C), into predictions (N, K) in the target's units."""
        return self.in_units(self.head.numbers(outputs))

    def in_units(self, targets: AnyArray) -> AnyArray:
        """Convert targets of a regression, (N, K), from what the loss takes to their own units."""
        return targets if self.encoder is None else self.encoder.decode(targets)

    def check_has_classes(self) -> None:
        """Refuse to give probabilities if there are no classes.

        Raises
        ------
        SettingError
        """
        if self.task == "regression":
            raise SettingError("A regression has no classes, so no probabilities; use predict.")

    def take_targets(self, given: Any) -> AnyArray:
        """Take targets given as an array as numbers (N, K), class indices (N,) or labels (N, K).

        Raises
        ------
        DataError
            If they do not fit the task, or are of a class that training did
            not know.
        """
        if self.task == "regression":
            targets = np.asarray(given)
            return matrix(targets.reshape(len(targets), -1), "the targets")
        if self.task == "multilabel":
            return label_matrix(given, "the targets", len(self.classes))
        index = {label: number for number, label in enumerate(self.classes)}
        labels = np.asarray(given).reshape(-1).tolist()
        for row, label in enumerate(labels):
            if label not in index:
                listed = ", ".join(map(repr, self.classes[:_LISTED]))
                raise DataError(
                    f"The target of row {row} is {label!r}, which is not one of the classes that "
                    f"the network was trained on: {listed}."
                )
        return np.array([index[label] for label in labels], np.int64)

    def measure(
        self, metrics: Sequence[Metric], outputs: AnyArray, targets: AnyArray
    ) -> dict[str, float]:
        """Compute metrics from outputs (N, C) and targets as `Encoder.targets` returns them.

        They are nan if an output is not finite: that row has no answer to
        measure.
        """
        named = by_column(metrics)
        if not np.isfinite(outputs).all():
            return dict.fromkeys(named, math.nan)
        scores = {}
        for name, metric in named.items():
            if metric.takes == "prediction":
                if self.task == "regression":
                    pair = self.decode(outputs), self.in_units(targets.reshape(len(outputs), -1))
                else:
                    pair = self.head.one_hot_pair(outputs, targets)
            elif metric.takes == "classes":
                pair = self.head.classes(outputs), targets
            else:
                pair = self.head.probabilities(outputs), targets
            scores[name] = float(metric(*pair))
        return scores
