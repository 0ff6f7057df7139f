"""What a task asks of a network: its outputs, its targets, its answers.

The loss says what it takes (`logits`, `probabilities` or `prediction`); the
output activation follows from that and from the task.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnplug.errors import SettingError
from nnplug.formulas import special
from nnplug.parts import Activation, Loss, Task
from nnplug.types import AnyArray

__all__ = ["DEFAULT_LOSS", "DEFAULT_METRIC", "Head", "output_activation_name"]

DEFAULT_LOSS: dict[Task, str] = {
    "regression": "mse",
    "binary": "binary_cross_entropy",
    "multiclass": "cross_entropy",
}

DEFAULT_METRIC: dict[Task, str] = {
    "regression": "r2",
    "binary": "accuracy",
    "multiclass": "accuracy",
}


def output_activation_name(task: Task, loss: Loss) -> str:
    """Name the output activation that a loss and a task ask for.

    Raises
    ------
    SettingError
        If the loss is not for this task.
    """
    if task == "regression":
        if loss.takes != "prediction" or loss.against == "labels":
            raise SettingError(
                f"loss {loss.name!r} takes {loss.takes} and {loss.against}, which a regression "
                "does not have.\nUse a loss that takes a prediction, such as mse, or "
                "task classification."
            )
        return "identity"
    if loss.takes == "logits":
        return "identity"
    return "sigmoid" if task == "binary" and loss.against == "target" else "softmax"


@dataclass(frozen=True)
class Head:
    """How a task's targets enter the loss, and how outputs become answers.

    Parameters
    ----------
    task : str
        `"regression"`, `"binary"` or `"multiclass"`.
    loss : Loss
    activation : Activation
        Of the output layer.
    width : int
        Targets of a regression, or the number of classes.

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
            twice = "softmax" if gives == "log_probabilities" else self.activation.name
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

    @property
    def outputs(self) -> int:
        """Units of the output layer, C."""
        one_unit = self.task == "binary" and self.loss.against == "target"
        return 1 if one_unit else self.width

    def encode(self, targets: AnyArray, dtype: np.dtype[np.generic]) -> AnyArray:
        """Bring targets to the form that the loss takes.

        Parameters
        ----------
        targets : array
            Numbers (N, K), or class indices (N,).

        Returns
        -------
        array
            (N, C) in the network's dtype, or labels (N, 1).
        """
        if self.task == "regression":
            return np.ascontiguousarray(targets.reshape(len(targets), -1), dtype)
        labels = targets.reshape(-1, 1).astype(np.int64)
        if self.loss.against == "labels":
            return labels
        if self.task == "binary":
            return labels.astype(dtype)
        hits: AnyArray = labels == np.arange(self.width)
        return hits.astype(dtype)

    def probabilities(self, outputs: AnyArray) -> AnyArray:
        """Turn a network's outputs (N, C) into a probability for each class.

        Returns
        -------
        array
            (N, number of classes); each row sums to one.
        """
        if self.activation.gives == "log_probabilities":
            outputs = np.exp(outputs)
        elif self.loss.takes == "logits":
            softmax = self.loss.against == "labels"
            outputs = special.softmax(outputs) if softmax else special.sigmoid(outputs)
        outputs = np.clip(outputs, 0, 1)
        if self.outputs == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        total = outputs.sum(axis=1, keepdims=True)
        shares: AnyArray = np.where(total > 0, outputs, 1) / np.where(total > 0, total, self.width)
        return shares

    def one_hot_pair(self, outputs: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Give probabilities and what they should be, for a metric of numbers.

        Returns
        -------
        tuple of array
            (N, 1) each for two classes, the second's; else (N, classes).
        """
        probabilities = self.probabilities(outputs)
        wanted: AnyArray = labels.reshape(-1, 1) == np.arange(self.width)
        first = 1 if self.task == "binary" else 0
        return probabilities[:, first:], wanted[:, first:].astype(probabilities.dtype)

    def classes(self, outputs: AnyArray) -> AnyArray:
        """Choose a class index for each row of outputs (N, C)."""
        if self.outputs > 1:
            chosen: AnyArray = outputs.argmax(axis=1)
            return chosen
        middle = 0.0 if self.loss.takes == "logits" else 0.5
        return (outputs[:, 0] > middle).astype(np.int64)
