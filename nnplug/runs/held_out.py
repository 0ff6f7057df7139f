"""Predictions of rows that the network was not trained on: what a run knows of its own error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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


def held_out(run: Run) -> HeldOut:
    """Compute the outputs of a trained run for the rows that it was not trained on.

    These are the validation rows, which early stopping has looked at.

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
    rows = run.validation_rows
    found = [run.model.run(inputs) for inputs, *_ in run.batches().validation()]
    outputs = np.concatenate(found) if found else np.empty((0, run.network.outputs))
    weights = None if run.weights is None else run.weights[rows]
    return HeldOut(outputs, run.rows.targets[rows], weights, rows)
