"""Predictions of rows that the network was not trained on: what a run knows of its own error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnplug.network.network import Network
from nnplug.training import Evaluator
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.runs.run import Run

__all__ = ["HeldOut", "held_out"]


@dataclass(frozen=True)
class HeldOut:
    """Outputs for rows that were held out, beside what is known of these rows.

    Attributes
    ----------
    outputs : array of shape (N, C)
        As `Model.run` gives them.
    targets : array of shape (N,) or (N, K)
        Class indices, numbers as the loss takes them, or labels: as
        `Model.measure` and `Model.in_units` take them.
    weights : array of shape (N, 1), or None
        What each row counts for in the loss.
    rows : array of int of shape (N,)
        Their places among the run's rows, ascending.
    """

    outputs: AnyArray
    targets: AnyArray
    weights: AnyArray | None
    rows: AnyArray

    def __len__(self) -> int:
        return len(self.rows)

    def scores(self, run: Run) -> dict[str, float]:
        """Compute the validation loss and the run's metrics over the rows."""
        targets = run.head.encode(self.targets, run.network.dtype)
        given = Network.without_layers(run.network.outputs, run.network.dtype)
        _, loss = Evaluator(given, run.loss).run(self.outputs, targets, self.weights)
        return {"validation_loss": loss, **run.measure(self.outputs, targets)}


def held_out(run: Run) -> HeldOut:
    """Compute the outputs of a trained run for the rows that it was not trained on.

    Of one network these are those of the validation rows. Where members hold out
    rows of their own, they are all rows, each by the one member that was not
    trained on it. Early stopping has looked at the same rows.

    Parameters
    ----------
    run : Run
        After training.

    Returns
    -------
    HeldOut
        Without rows if the run held out none.

    Examples
    --------
    >>> import numpy as np, nnplug
    >>> x = np.linspace(0, 1, 20).reshape(-1, 1)
    >>> run = nnplug.train((x, 2 * x), validation=0.25, epochs=2)
    >>> found = held_out(run)
    >>> found.outputs.shape, bool((found.rows == run.validation_rows).all())
    ((5, 1), True)
    """
    rows, parts, model = run.validation_rows, run.rows.parts, run.model
    outputs = np.empty((len(rows), run.network.outputs), run.network.dtype)
    if parts.folds is None:
        start = 0
        for inputs, *_ in run.batches().validation():
            outputs[start : start + len(inputs)] = model.run(inputs)
            start += len(inputs)
    else:
        for member in range(len(model.networks)):
            places = parts.of_member(member).validation
            if run.rows.disk is not None:
                places = run.rows.disk.rows_of_fold(member)
            found = [model.run_member(member, x) for x, *_ in run.batches(member).validation()]
            outputs[places] = np.concatenate(found)
    weights = None if run.weights is None else run.weights[rows]
    return HeldOut(outputs, run.rows.targets[rows], weights, rows)
