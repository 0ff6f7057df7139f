"""The training loop: epochs, batches, validation, and the stop on divergence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnplug.errors import DivergedError
from nnplug.network import Network
from nnplug.parts import Loss, Optimizer, Schedule
from nnplug.plans import Regularization
from nnplug.randomness import derive_generator
from nnplug.training.evaluation import Evaluator, mean_of
from nnplug.training.history import History
from nnplug.training.steps import Steps
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
    validation: tuple[AnyArray, ...] | None = None,
    measure: Callable[[AnyArray], dict[str, float]] | None = None,
    on_epoch: Callable[[int], bool | None] | None = None,
    every: int = 1,
    history: History | None = None,
    regularization: Regularization | None = None,
) -> History:
    """Train a network in place.

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
        The rows of `inputs` to learn from; by default all.
    weights : array, optional
        (N, 1), what each row counts for: the loss is then Σwℓ / Σw.
    schedule : Schedule, optional
        Its factor is set before each step.
    validation : tuple of array, optional
        Inputs and targets, and weights if rows have them; their loss is taken after each epoch.
    measure : callable, optional
        Gives the metrics of an epoch from the network's outputs after it, for
        the validation rows if there are any, else for all of `inputs`.
    on_epoch : callable, optional
        Called with the epoch's number when it is in the history; returning
        True ends the training.
    every : int
        The epochs whose number it divides, and the last, are those that
        `on_epoch` must be called after; it may be called after others too.
    history : History, optional
        To write to, so that it outlives an interruption.

    Returns
    -------
    History

    Raises
    ------
    DivergedError
        If a loss, a gradient or a new parameter is not finite. The step is
        not taken; the network keeps its last finite parameters.
    """
    history = History() if history is None else history
    if rows is not None and batch_size is None:
        weights = None if weights is None else weights[rows]
        inputs, targets, rows = inputs[rows], targets[rows], None
    total_rows = len(inputs) if rows is None else len(rows)
    size = total_rows if batch_size is None else min(batch_size, total_rows)
    at_once = None if batch_size is None else size
    steps = Steps(
        network,
        loss,
        optimizer,
        inputs,
        targets,
        at_once,
        weights,
        regularization=regularization,
        seed=seed,
    )
    evaluator = Evaluator(network, loss)
    per_epoch = -(-total_rows // size)
    counted: float = total_rows
    if weights is not None:
        chosen = weights if rows is None else weights[rows]
        counted = float(chosen.sum(dtype=np.float64))
    scale = mean_of(loss, 1.0, counted, network.layers[-1].fan_out)
    base = optimizer.learning_rate
    # Full batches need nothing of Python between two epochs, unless somebody looks.
    watched = validation is not None or measure is not None or not steps.full
    together = 1 if watched else every
    epoch = 0
    # Overflow on the way to a right value is no news; a result that is not
    # finite is found by the checks of each step.
    with np.errstate(all="ignore"):
        while epoch < epochs:
            count = min(-epoch % together + 1, epochs - epoch)
            order = None
            if not steps.full:
                order = derive_generator(seed, "shuffle", epoch).permutation(total_rows)
                order = order if rows is None else rows[order]
            rates = np.full(count * per_epoch, base)
            if schedule is not None:
                rates *= [schedule(epoch + step / per_epoch, epochs) for step in range(len(rates))]
            sums = np.empty(len(rates))
            taken = steps.run_many(order, rates, sums)
            whole = taken // per_epoch
            history.columns["loss"] += (
                sums[: whole * per_epoch].reshape(whole, per_epoch).sum(axis=1) * scale
            ).tolist()
            if taken < len(rates):
                batch = None if order is None else order[taken * size : (taken + 1) * size]
                raise _diverged(steps, batch, epoch + whole, epoch * per_epoch + taken + 1)
            epoch += count
            if validation is not None:
                outputs, value = evaluator.run(*validation)
                history.add("validation_loss", value)
            if measure is not None:
                if validation is None:
                    outputs, _ = evaluator.run(inputs)
                for name, value in measure(outputs).items():
                    history.add(name, value)
            if on_epoch is not None and on_epoch(epoch - 1):
                break
    return history


def _diverged(steps: Steps, batch: AnyArray | None, epoch: int, step: int) -> DivergedError:
    layer, what = steps.culprit(batch)
    rate = float(steps.learning_rate)
    usual = float(steps.optimizer.defaults["learning_rate"])
    advice = f"try {rate / 10:g}" if rate <= 1000 * usual else f"the default is {usual:g}"
    cause = (
        f"The likely cause is a learning rate that is too large: it is {rate:g}; {advice}."
        if not what.startswith("the gradient")
        else "The loss is finite, so the derivative of a part may be wrong there; nnplug plugins "
        f"check NAME looks at a part. Or the learning rate, {rate:g}, is too large; {advice}."
    )
    return DivergedError(
        f"Training stopped at epoch {epoch}, step {step}: {what} not finite.\n"
        f"The step was not taken; the weights are the last finite ones. {cause}",
        epoch=epoch,
        step=step,
        layer=layer,
    )
