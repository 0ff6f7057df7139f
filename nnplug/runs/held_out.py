"""Predictions of rows that the network was not trained on: what a run knows of its own error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nnplug.models import Model
from nnplug.network.network import Network
from nnplug.tables import Rows
from nnplug.training import Batches, Evaluator
from nnplug.types import AnyArray

__all__ = ["HeldOut", "held_out", "judged"]


class Trained(Protocol):
    """What is needed of a run."""

    model: Model
    rows: Rows
    weights: AnyArray | None

    @property
    def validation_rows(self) -> AnyArray: ...
    def batches(self, member: int = 0) -> Batches: ...
    def measure(self, outputs: AnyArray, targets: AnyArray) -> dict[str, float]: ...


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

    def scores(self, run: Trained) -> dict[str, float]:
        """Compute the validation loss and the run's metrics over the rows."""
        model, network = run.model, run.model.network
        targets = model.head.encode(self.targets, network.dtype)
        given = Network.without_layers(network.outputs, network.dtype)
        _, loss = Evaluator(given, model.loss).run(self.outputs, targets, self.weights)
        return {"validation_loss": loss, **run.measure(self.outputs, targets)}


def held_out(run: Trained) -> HeldOut:
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
    outputs = np.empty((len(rows), model.network.outputs), model.network.dtype)
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


def judged(
    run: Trained, batches: Batches | None = None
) -> tuple[str, list[tuple[AnyArray, AnyArray, AnyArray]]]:
    """Find the rows by which a run is judged: those held out, or without any the training rows.

    Parameters
    ----------
    batches : Batches, optional
        The run's, if they have been made already.

    Returns
    -------
    part : str
        `"held-out"`, `"validation"` or `"training"`.
    rows : list of tuple of array
        Their inputs, the network's outputs and their targets, part by part.
    """
    decode = run.model.head.decode
    if run.rows.parts.folds is not None and run.rows.disk is not None:
        return "held-out", [
            (x, run.model.run_member(member, x), decode(y))
            for member in range(len(run.model.networks))
            for x, y, _ in run.batches(member).validation()
        ]
    if run.rows.parts.folds is not None:
        out = held_out(run)
        return "held-out", [(run.rows.inputs, out.outputs, out.targets)]
    batches = batches or run.batches()
    part = "validation" if len(run.validation_rows) else "training"
    chunks = batches.validation() if part == "validation" else batches.training()
    return part, [(x, run.model.run(x), decode(y)) for x, y, _ in chunks]
