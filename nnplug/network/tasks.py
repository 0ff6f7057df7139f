"""Tasks: the outputs, targets and answers of a network for each task.

The loss says what it takes (`logits`, `probabilities` or `prediction`); the
output activation follows from that and from the task.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, NotFiniteError, SettingError
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Activation, Loss, Task
from nnplug.parts.targets import TARGETS, mean_of, outside
from nnplug.types import AnyArray

__all__ = [
    "DEFAULT_LOSS",
    "DEFAULT_METRIC",
    "Head",
    "finite_rows",
    "output_activation_name",
]

DEFAULT_LOSS: dict[Task, str] = {
    "regression": "mse",
    "binary": "binary_cross_entropy",
    "multiclass": "cross_entropy",
    "multilabel": "binary_cross_entropy",
}

DEFAULT_METRIC: dict[Task, str] = {
    "regression": "r2",
    "binary": "accuracy",
    "multiclass": "accuracy",
    "multilabel": "accuracy",
}


def output_activation_name(task: Task, loss: Loss) -> str:
    """Name the output activation for a loss and a task.

    Raises
    ------
    SettingError
        If the loss is not for this task.
    """
    if task == "regression":
        shares = loss.against == "target" and loss.targets == "distribution"
        if (loss.takes != "prediction" or loss.against == "labels") and not shares:
            raise SettingError(
                f"loss {loss.name!r} takes {loss.takes} and {loss.against}, which a regression "
                "does not have.\nUse a loss that takes a prediction, such as mse, or "
                "task classification."
            )
        return "identity" if loss.takes != "probabilities" else "softmax"
    if task == "multilabel" and loss.against == "labels":
        raise SettingError(
            f"loss {loss.name!r} takes one class for each row; a row of a multilabel task has "
            "several labels.\nUse binary_cross_entropy, which takes each label by itself."
        )
    if loss.link != "identity":
        return "identity"
    by_unit = task in ("binary", "multilabel") and loss.against == "target" and not loss.by_row
    return "sigmoid" if by_unit else "softmax"


@dataclass(frozen=True)
class Head:
    """The output layer of a task: how targets enter the loss, and outputs become answers.

    Parameters
    ----------
    task : str
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`.
    loss : Loss
    activation : Activation
        The output layer's activation.
    width : int
        The number of targets, of classes or of labels.

    Raises
    ------
    SettingError
        If the loss and the output activation do not go together.
    """

    task: Task
    loss: Loss
    activation: Activation
    width: int

    def __post_init__(self) -> None:
        gives = self.activation.gives
        if self.loss.takes == "logits" and gives:
            twice = "softmax" if self.loss.link == "softmax" else "sigmoid"
            raise SettingError(
                f"output activation {self.activation.name!r} with loss {self.loss.name!r}: the "
                f"loss takes logits and applies its own {twice}; it would be applied twice.\n"
                "Leave the output activation out; predictions are probabilities all the same."
            )
        if self.loss.takes == "probabilities" and gives != "probabilities":
            raise SettingError(
                f"output activation {self.activation.name!r} with loss {self.loss.name!r}: the "
                "loss takes probabilities.\nUse the output activation sigmoid or softmax."
            )
        self._check_targets_fit()
        if self.task == "multilabel" and _spans_rows(self.activation):
            raise SettingError(
                f"output activation {self.activation.name!r} makes the outputs of a row compete; "
                "the labels of a multilabel task do not.\nUse the output activation sigmoid."
            )

    def _check_targets_fit(self) -> None:
        """Refuse a loss that is for other targets than the task has."""
        loss = self.loss
        if self.task != "regression" and (loss.for_numbers or loss.heads):
            raise SettingError(
                f"loss {loss.name!r} is for {TARGETS[loss.targets]}, and not for classes.\n"
                "Use a loss for classes, such as cross_entropy, or task regression."
            )
        if loss.by_row and (self.task == "multilabel" or self.outputs == 1):
            what = "the labels of a row do not" if self.task == "multilabel" else "one alone cannot"
            raise SettingError(
                f"loss {loss.name!r} is for outputs that sum to 1 in each row; {what}.\n"
                "Use another loss, such as binary_cross_entropy for labels or mse for numbers."
            )

    @property
    def outputs(self) -> int:
        """The number of units of the output layer, C."""
        one_unit = self.task == "binary" and self.loss.against == "target" and not self.loss.by_row
        return 1 if one_unit else self.width * self.loss.outputs_for_each

    def encode(self, targets: AnyArray, dtype: np.dtype[np.generic]) -> AnyArray:
        """Convert targets to the form that the loss takes.

        Parameters
        ----------
        targets : array
            Numbers (N, K), class indices (N,), or 0 and 1 for each label,
            (N, K).

        Returns
        -------
        array
            (N, C) in the network's dtype, or labels (N, 1).

        Raises
        ------
        DataError
            If the loss is not for one of the numbers.
        """
        if self.task == "regression":
            self.check_targets(targets, "the targets", first=0)
        if self.task in ("regression", "multilabel"):
            return np.ascontiguousarray((targets if targets.ndim == 2 else targets[:, None]), dtype)
        labels = targets.reshape(-1, 1).astype(np.int64)
        if self.loss.against == "labels":
            return labels
        if self.outputs == 1:
            return labels.astype(dtype)
        hits: AnyArray = labels == np.arange(self.width)
        return hits.astype(dtype)

    def check_targets(self, targets: AnyArray, what: str, *, first: int) -> None:
        """Refuse targets of a regression that the loss is not for.

        Parameters
        ----------
        targets : array
            (N, K).
        what : str
            The name of the targets, for the message.
        first : int
            The number of the first row.

        Raises
        ------
        DataError
            With the first row and its value.
        """
        if self.loss.targets == "real":  # the data was checked: they are finite
            return
        numbers = targets if targets.ndim == 2 else targets[:, None]
        wrong = np.argwhere(outside(self.loss.targets, numbers))
        if len(wrong):
            row, column = wrong[0]
            whole = self.loss.targets == "distribution"
            value = numbers[row] if whole else numbers[row, column]
            shown = ", ".join(f"{number:g}" for number in np.atleast_1d(value)[:10])
            raise DataError(
                f"{what}: row {row + first}, counted from {first}, has {shown}, and loss "
                f"{self.loss.name!r} is for {TARGETS[self.loss.targets]}.\n"
                "Way out: correct or leave out such rows, or use another loss."
            )

    def decode(self, targets: AnyArray) -> AnyArray:
        """Convert targets back from the form that the loss takes.

        Returns
        -------
        array
            As `encode` took them: numbers (N, K), class indices (N,), or 0 and 1
            for each label, (N, K).
        """
        if self.task == "regression":
            return targets
        if self.task == "multilabel":
            return (targets > 0.5).astype(np.int64)
        if self.loss.against == "labels":
            return targets[:, 0]
        labels: AnyArray = targets[:, 0] > 0.5 if self.outputs == 1 else targets.argmax(axis=1)
        return labels.astype(np.int64)

    def probabilities(self, outputs: AnyArray) -> AnyArray:
        """Turn a network's outputs (N, C) into a probability for each class or label.

        Returns
        -------
        array
            (N, number of classes), where each row sums to one; or (N, labels).

        Raises
        ------
        NotFiniteError
            If an output is not finite.
        """
        _refuse_nonfinite(outputs)
        if self.activation.gives == "log_probabilities":
            outputs = np.exp(outputs)
        else:
            outputs = mean_of(self.loss.link, outputs)
        outputs = np.clip(outputs, 0, 1)
        if self.task == "multilabel":
            return outputs
        if self.outputs == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        total = outputs.sum(axis=1, keepdims=True)
        shares: AnyArray = np.where(total > 0, outputs, 1) / np.where(total > 0, total, self.width)
        return shares

    def log_probabilities(self, outputs: AnyArray) -> AnyArray:
        """Give the logarithm of each class's probability, in float64.

        Where the loss takes logits, they are exact for classes whose
        probability rounds to 0 or 1.

        Returns
        -------
        array
            (N, classes); for labels (N, labels, 2), of a label being 0 and 1.
        """
        by_label = self.task == "multilabel" or self.outputs == 1
        exact = self.loss.link == ("logit" if by_label else "softmax")
        if self.activation.gives == "log_probabilities":
            exact = not by_label
        if exact:
            z = outputs.astype(np.float64)
            z = np.stack([np.zeros_like(z), z], axis=-1) if by_label else z
        else:
            shares = self.probabilities(outputs).astype(np.float64)
            z = np.stack([1 - shares, shares], axis=-1) if self.task == "multilabel" else shares
            z = np.log(np.maximum(z, np.finfo(outputs.dtype).eps))
        z = z.reshape(len(outputs), -1) if self.task == "binary" else z
        z -= z.max(axis=-1, keepdims=True)
        logs: AnyArray = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        return logs

    def numbers(self, outputs: AnyArray) -> AnyArray:
        """Turn a regression's outputs (N, K) into the predicted mean."""
        mean: AnyArray = mean_of(self.loss.link, self.loss.predicted(outputs))
        return mean

    def finite(self, outputs: AnyArray) -> npt.NDArray[np.bool_] | None:
        """Find the rows of outputs (N, C) that have an answer; None if all have one."""
        if self.task == "regression" and (self.loss.link != "identity" or self.loss.heads):
            outputs = np.concatenate([outputs, self.numbers(outputs)], axis=1)
        return finite_rows(outputs)

    def one_hot_pair(self, outputs: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Give probabilities and their true values, for a metric of numbers.

        Returns
        -------
        tuple of array
            For two classes (N, 1) each, of the second; otherwise (N, classes), or
            (N, labels).
        """
        probabilities = self.probabilities(outputs)
        if self.task == "multilabel":
            return probabilities, labels.astype(probabilities.dtype)
        wanted: AnyArray = labels.reshape(-1, 1) == np.arange(self.width)
        first = 1 if self.task == "binary" else 0
        return probabilities[:, first:], wanted[:, first:].astype(probabilities.dtype)

    def classes(self, outputs: AnyArray) -> AnyArray:
        """Choose a class index for each row of outputs (N, C), or 0 or 1 for each label.

        Raises
        ------
        NotFiniteError
            If an output is not finite: any class could be chosen.
        """
        _refuse_nonfinite(outputs)
        middle = 0.5 if self.loss.link == "identity" else 0.0
        if self.task == "multilabel":
            return (outputs > middle).astype(np.int64)
        if self.outputs > 1:
            return _largest(outputs)
        return (outputs[:, 0] > middle).astype(np.int64)


def _largest(outputs: AnyArray) -> AnyArray:
    """Find the column of each row's largest output, the first of equal ones: `argmax(axis=1)`.

    NumPy's takes 35 ns for each row, even for a short one. With few columns it
    is faster to compare column by column, many rows at once.
    """
    rows, columns = outputs.shape
    if rows >= 1024 and columns <= 16:
        turned = np.ascontiguousarray(outputs.T)  # (C, N)
        # Of the columns with the largest output, the first is the farthest from the end.
        from_end = np.arange(columns, 0, -1, dtype=np.uint8)[:, np.newaxis]
        farthest = (from_end * (turned == turned.max(axis=0))).max(axis=0)
        first: AnyArray = columns - farthest.astype(np.int64)
        return first
    chosen: AnyArray = outputs.argmax(axis=1)
    return chosen


def finite_rows(numbers: AnyArray) -> npt.NDArray[np.bool_] | None:
    """Find the rows of (N, C) that are finite; None if all are."""
    if np.isfinite(numbers).all():
        return None
    return np.asarray(np.isfinite(numbers).all(axis=1))


def _refuse_nonfinite(outputs: AnyArray) -> None:
    """Refuse to make classes or probabilities of outputs that are not finite."""
    finite = finite_rows(outputs)
    if finite is not None:
        rows = np.flatnonzero(~finite)
        raise NotFiniteError(
            f"The network's outputs are not finite for {len(rows):,} of {len(outputs):,} rows, the "
            f"first of them row {rows[0]}, counted from 0.",
            rows=tuple(rows[:10].tolist()),
            count=len(rows),
        )


def _spans_rows(activation: Activation) -> bool:
    """Whether an output depends on the other outputs of its row, as softmax's."""
    x = new_graph().input("z", ("N", "C"))
    return activation.slope(x, activation.value(x)) is None
