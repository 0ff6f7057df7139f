"""The training loop: epochs, batches, validation, and the stop on divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from nnplug.engines import BoundProgram, Memory, bind
from nnplug.errors import DivergedError, ShapeError
from nnplug.formulas.primitives import new_graph
from nnplug.network import Network
from nnplug.parts import Loss, Optimizer, Schedule
from nnplug.plans import plan_evaluation, plan_step
from nnplug.randomness import derive_generator
from nnplug.types import AnyArray

__all__ = ["EpochRecord", "Evaluator", "History", "Steps", "train_network"]

EVALUATION_ROWS = 1024
"""Rows that an evaluation takes at once, at most."""

REMEMBERED = 8
"""Programs that an evaluator keeps; a program is for a number of rows and a vector."""


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave.

    Attributes
    ----------
    epoch : int
        From 0.
    loss : float
        The mean of the loss over the epoch's rows (the sum, for a loss that
        is summed), each batch before its step.
    validation_loss : float or None
        After the epoch.
    metrics : dict of str to float
        After the epoch, on the validation rows if there are any, else on the
        training rows.
    """

    epoch: int
    loss: float
    validation_loss: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


class History:
    """Losses and metrics by epoch; `history["loss"]` is a list of floats."""

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {"loss": []}

    def __getitem__(self, name: str) -> list[float]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["loss"])

    def __iter__(self) -> Iterator[EpochRecord]:
        return (self.record(epoch) for epoch in range(len(self)))

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs: {', '.join(self.columns)}>"

    def record(self, epoch: int) -> EpochRecord:
        """Give one epoch's numbers."""
        others = {
            name: column[epoch]
            for name, column in self.columns.items()
            if name not in ("loss", "validation_loss")
        }
        validation = self.columns.get("validation_loss")
        return EpochRecord(
            epoch, self.columns["loss"][epoch], validation[epoch] if validation else None, others
        )

    def add(self, name: str, value: float) -> None:
        """Append one number to a column."""
        self.columns.setdefault(name, []).append(value)


class Steps:
    """Training steps bound to one network, its data and its optimizer.

    Owns everything that changes: the two vectors that take turns as
    parameters and gradients, the optimizer's slots, the working memory.

    Parameters
    ----------
    inputs : array
        (N, D); rows are gathered from it, it is never copied whole.
    targets : array
        (N, C), or labels (N, 1), as the loss takes them.
    batch_size : int or None
        None: all rows in each step, in their own order.
    weights : array, optional
        (N, 1), what each row counts for: a batch's loss is then Σwℓ / Σw.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        inputs: AnyArray,
        targets: AnyArray,
        batch_size: int | None,
        weights: AnyArray | None = None,
    ) -> None:
        check_shapes(network, loss, inputs, targets, weights)
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.full = batch_size is None
        self.batch_size = len(inputs) if batch_size is None else min(batch_size, len(inputs))
        if self.full:
            target_dtype = np.int64 if loss.against == "labels" else network.dtype
            inputs = np.ascontiguousarray(inputs, network.dtype)
            targets = np.ascontiguousarray(targets, target_dtype)
            weights = None if weights is None else np.ascontiguousarray(weights, network.dtype)
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.vectors = [network.parameters, np.zeros_like(network.parameters)]
        self.slots = {name: np.zeros_like(network.parameters) for name in optimizer.slots}
        self.learning_rate = np.array(optimizer.learning_rate)
        self.count = np.zeros(())
        self.memory = Memory()
        self._bound: dict[tuple[int, int], tuple[BoundProgram, AnyArray]] = {}
        self.turn = 0
        # The largest batch first: it sizes the memory that the others share.
        self.bound(self.batch_size)

    def bound(self, rows: int) -> tuple[BoundProgram, AnyArray]:
        """Give the step for a batch size and the vector whose turn it is."""
        key = (rows, self.turn)
        if key not in self._bound:
            data = {"input": self.inputs, "target": self.targets}
            if self.weights is not None:
                data["weight"] = self.weights
            program = plan_step(
                self.network,
                self.loss,
                self.optimizer,
                rows,
                gather=not self.full,
                data_dtypes=[array.dtype for array in data.values()],
                weighted=self.weights is not None,
            )
            index = np.zeros(rows, np.intp)
            for turn in (0, 1):
                arrays = {
                    **self.slots,
                    **data,
                    "parameters": self.vectors[turn],
                    "gradients": self.vectors[1 - turn],
                    "rows": index,
                    "learning_rate": self.learning_rate,
                    "step": self.count,
                }
                self._bound[rows, turn] = (bind(program, arrays, self.memory), index)
        return self._bound[key]

    def run(self, rows: AnyArray | None) -> float:
        """Take one step.

        Parameters
        ----------
        rows : array of int or None
            The batch, as indices of rows; None for all.

        Returns
        -------
        float
            The sum of the loss formula's values before the step. Not finite,
            or `nan`, if the step was not taken because a number was not
            finite: the parameters are then as before.
        """
        key = (self.batch_size if rows is None else len(rows), self.turn)
        program, index = self._bound.get(key) or self.bound(key[0])
        if rows is not None:
            index[...] = rows
        self.count += 1
        for call in program.calls:
            call()
        total: float = program.results["loss"].item()
        if not math.isfinite(total + program.results["check"].item()) and not self._confirm(
            program, total
        ):
            return math.nan
        self.turn = 1 - self.turn
        self.network.parameters = self.vectors[self.turn]
        return total

    def _confirm(self, program: BoundProgram, total: float) -> bool:
        """Look closely when a check was not finite: squares overflow early."""
        new = self.vectors[1 - self.turn]
        if not math.isfinite(total) or not np.isfinite(new).all():
            return False
        kept = new.copy()
        self._gradients(program)
        finite = bool(np.isfinite(new).all())
        new[...] = kept
        return finite

    @staticmethod
    def _gradients(program: BoundProgram) -> None:
        for section, calls in program.sections:
            if not section.title.startswith("update"):
                for call in calls:
                    call()

    def culprit(self, rows: AnyArray | None) -> tuple[str, str]:
        """Find what was not finite in the step that was just refused.

        Returns
        -------
        tuple of str
            The layer, and a phrase for what of it: its sums or outputs, the
            loss, a gradient or a new value.
        """
        program, _ = self.bound(self.batch_size if rows is None else len(rows))
        x = self.inputs if rows is None else self.inputs[rows]
        x = x.astype(self.network.dtype)
        for layer in self.network.layers:
            x = x @ self.network[f"{layer.name}.weight"] + self.network[f"{layer.name}.bias"]
            if not np.isfinite(x).all():
                return layer.name, f"the sums of layer {layer.name!r} are"
            names = layer.activation.trainables
            x = layer.activation(
                x, **{name: self.network[f"{layer.name}.{name}"] for name in names}
            )
            if not np.isfinite(x).all():
                return layer.name, f"the outputs of layer {layer.name!r} are"
        if not math.isfinite(program.results["loss"].item()):
            return "output", "the loss is"
        updated = self.vectors[1 - self.turn].copy()
        self._gradients(program)
        gradients = self.vectors[1 - self.turn]
        for vector, what in ((gradients, "the gradient of"), (updated, "the new value of")):
            for span in reversed(self.network.spans):
                if not np.isfinite(span.view(vector)).all():
                    return span.name.partition(".")[0], f"{what} {span.name} is"
        return "output", "a check is"


class Evaluator:
    """Computes a network's outputs and loss on rows of data.

    Parameters
    ----------
    network : Network
    loss : Loss, optional
        Without one, only outputs.
    """

    def __init__(self, network: Network, loss: Loss | None = None) -> None:
        self.network, self.loss = network, loss
        self.memory = Memory()
        self._bound: dict[tuple[int, bool, int], tuple[BoundProgram, dict[str, AnyArray]]] = {}

    def run(
        self, inputs: AnyArray, targets: AnyArray | None = None, weights: AnyArray | None = None
    ) -> tuple[AnyArray, float]:
        """Evaluate rows.

        Parameters
        ----------
        weights : array, optional
            (N, 1), what each row counts for in the loss.

        Returns
        -------
        tuple of array and float
            The outputs, (N, C), and the loss: averaged over rows (and
            outputs), or summed if it is a sum; nan without targets.
        """
        check_shapes(self.network, self.loss, inputs, targets, weights)
        outputs = np.empty((len(inputs), self.network.layers[-1].fan_out), self.network.dtype)
        total = 0.0
        with np.errstate(all="ignore"):
            for start in range(0, len(inputs), EVALUATION_ROWS):
                chunk = slice(start, min(start + EVALUATION_ROWS, len(inputs)))
                program, arrays = self._for(chunk.stop - chunk.start, weights is not None)
                np.copyto(arrays["input"], inputs[chunk], casting="unsafe")
                if targets is not None:
                    np.copyto(arrays["target"], targets[chunk], casting="unsafe")
                if weights is not None:
                    np.copyto(arrays["weight"], weights[chunk], casting="unsafe")
                for call in program.calls:
                    call()
                outputs[chunk] = program.results["output"]
                if targets is not None:
                    total += program.results["loss"].item()
        if targets is None or self.loss is None:
            return outputs, math.nan
        rows = len(inputs) if weights is None else float(weights.sum(dtype=np.float64))
        return outputs, mean_of(self.loss, total, rows, outputs.shape[1])

    def _for(self, rows: int, weighted: bool) -> tuple[BoundProgram, dict[str, AnyArray]]:
        key = (rows, weighted, id(self.network.parameters))
        if key not in self._bound:
            while len(self._bound) >= REMEMBERED:
                del self._bound[next(iter(self._bound))]
            program = plan_evaluation(self.network, rows, self.loss, weighted=weighted)
            first, last = self.network.layers[0], self.network.layers[-1]
            labels = self.loss is not None and self.loss.against == "labels"
            arrays = {
                "input": np.empty((rows, first.fan_in), self.network.dtype),
                "target": np.zeros((rows, 1), np.int64)
                if labels
                else np.zeros((rows, last.fan_out), self.network.dtype),
                "weight": np.zeros((rows, 1), self.network.dtype),
                "parameters": self.network.parameters,
            }
            # Memory of its own for each size: they may be of any order here.
            self._bound[key] = (bind(program, arrays, Memory()), arrays)
        return self._bound[key]


def check_shapes(
    network: Network,
    loss: Loss | None,
    inputs: AnyArray,
    targets: AnyArray | None,
    weights: AnyArray | None = None,
) -> None:
    """Refuse data that a network or a loss would silently broadcast.

    Raises
    ------
    ShapeError
        Naming both shapes.
    """
    if weights is not None and weights.shape != (len(inputs), 1):
        raise ShapeError(
            f"weights have shape {weights.shape}; inputs of shape {inputs.shape} need "
            f"({len(inputs)}, 1)."
        )
    first, last = network.layers[0], network.layers[-1]
    if inputs.ndim != 2 or inputs.shape[1] != first.fan_in:
        raise ShapeError(
            f"inputs have shape {inputs.shape}; the network takes (rows, {first.fan_in})."
        )
    if targets is None or loss is None:
        return
    wanted = (len(inputs), 1 if loss.against == "labels" else last.fan_out)
    if targets.shape != wanted:
        raise ShapeError(
            f"{loss.against} has shape {targets.shape}; loss {loss.name!r} with inputs of shape "
            f"{inputs.shape} and {last.fan_out} outputs needs {wanted}.\n"
            "Nothing is broadcast; reshape it."
        )


def errors_per_row(loss: Loss, outputs: int) -> int:
    """Count the errors of a row that a mean loss averages: one, or one an output."""
    prediction, target = loss.inputs(new_graph())
    return outputs if loss.value(prediction, target).shape == ("N", "C") else 1


def mean_of(loss: Loss, total: float, rows: float, outputs: int) -> float:
    """Turn the sum of a loss's values into the number that is printed.

    Parameters
    ----------
    total : float
        The sum, weighted if rows have weights.
    rows : float
        The number of rows, or the sum of their weights.
    outputs : int
        C.
    """
    return total if loss.reduction == "sum" else total / (rows * errors_per_row(loss, outputs))


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
    history: History | None = None,
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
    steps = Steps(network, loss, optimizer, inputs, targets, at_once, weights)
    evaluator = Evaluator(network, loss)
    per_epoch = -(-total_rows // size)
    counted: float = total_rows
    if weights is not None:
        chosen = weights if rows is None else weights[rows]
        counted = float(chosen.sum(dtype=np.float64))
    scale = mean_of(loss, 1.0, counted, network.layers[-1].fan_out)
    base = optimizer.learning_rate
    losses = history.columns["loss"]
    run = steps.run
    # Overflow on the way to a right value is no news; a result that is not
    # finite is found by the checks of each step.
    with np.errstate(all="ignore"):
        for epoch in range(epochs):
            order = None
            if not steps.full:
                order = derive_generator(seed, "shuffle", epoch).permutation(total_rows)
                order = order if rows is None else rows[order]
            total = 0.0
            for number in range(per_epoch):
                if schedule is not None:
                    steps.learning_rate[...] = base * schedule(epoch + number / per_epoch, epochs)
                batch = None if order is None else order[number * size : (number + 1) * size]
                part = run(batch)
                if math.isnan(part):
                    raise _diverged(steps, batch, epoch, epoch * per_epoch + number + 1)
                total += part
            losses.append(total * scale)
            if validation is not None:
                outputs, value = evaluator.run(*validation)
                history.add("validation_loss", value)
            if measure is not None:
                if validation is None:
                    outputs, _ = evaluator.run(inputs)
                for name, value in measure(outputs).items():
                    history.add(name, value)
            if on_epoch is not None and on_epoch(epoch):
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
