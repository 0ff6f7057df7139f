"""Training a network on rows in memory, in one call."""

from __future__ import annotations

from collections.abc import Callable

from nnplug.engines import NUMPY, Engine
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer, Schedule
from nnplug.plans import Regularization
from nnplug.training.batches import RowsInMemory
from nnplug.training.evaluation import Measure
from nnplug.training.history import History
from nnplug.training.loop import Trainer
from nnplug.training.stopping import Stopping
from nnplug.types import AnyArray

__all__ = ["train_network"]


def train_network(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    inputs: AnyArray,
    targets: AnyArray,
    *,
    epochs: int,
    batch_size: int | None,
    seed: int,
    rows: AnyArray | None = None,
    weights: AnyArray | None = None,
    schedule: Schedule | None = None,
    regularization: Regularization | None = None,
    validation: tuple[AnyArray, ...] | None = None,
    stopping: Stopping | None = None,
    measure: Measure | None = None,
    on_epoch: Callable[[int], bool | None] | None = None,
    every: int = 1,
    history: History | None = None,
    engine: Engine = NUMPY,
) -> History:
    """Train a network in place, on rows in memory, from start to end.

    Each epoch visits every row once, in an order shuffled by a generator
    derived from the seed and the epoch; a full batch keeps the data's order.

    Parameters
    ----------
    inputs, targets : array
        (N, D) and (N, C), or labels (N, 1).
    epochs : int
    batch_size : int or None
        None: all rows in each step.
    seed : int
    rows : array of int, optional
        The rows of `inputs` to train on; by default all.
    weights : array, optional
        (N, 1), the weight of each row: the loss is then Σwℓ / Σw.
    validation : tuple of array, optional
        Inputs and targets, and weights if rows have them. Their loss is
        computed after each epoch.
    schedule, regularization, stopping, measure, history, engine
        See `Trainer`.
    on_epoch, every
        See `Trainer.run`.

    Returns
    -------
    History

    Raises
    ------
    DivergedError
        If a loss, a gradient or a new parameter is not finite. The step is
        not taken; the network keeps its last finite parameters.
    """
    batches = RowsInMemory(
        inputs,
        targets,
        batch_size=batch_size,
        seed=seed,
        rows=rows,
        weights=weights,
        validation=validation,
    )
    trainer = Trainer(
        network,
        loss,
        optimizer,
        batches,
        epochs=epochs,
        seed=seed,
        schedule=schedule,
        regularization=regularization,
        stopping=stopping,
        measure=measure,
        history=history,
        engine=engine,
    )
    return trainer.run(on_epoch=on_epoch, every=every)
