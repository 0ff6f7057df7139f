"""A network's outputs on rows of data, the mean of its loss over them, and its metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from nnplug.engines import NUMPY, BoundProgram, Engine, Memory
from nnplug.errors import ShapeError
from nnplug.formulas.primitives import new_graph
from nnplug.network.network import Network
from nnplug.parts import Loss
from nnplug.plans import EvaluationPlanner, Program
from nnplug.training.batches import Chunk
from nnplug.training.history import History
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.training.ranks import Ranks

__all__ = [
    "EpochEvaluation",
    "Evaluator",
    "MeanLoss",
    "Measure",
    "check_shapes",
    "weight_of",
]

EVALUATION_ROWS = 1024
"""The most rows that are evaluated at once."""

BATCH_ROWS = 4096
"""The same, for a loss over all rows of a batch: pairs of them take 64 MiB in float32."""

REMEMBERED = 8
"""How many programs an evaluator keeps. A program is for a number of rows and a vector."""

Measure = Callable[[AnyArray, AnyArray], dict[str, float]]
"""Computes metrics of outputs, (N, C), and targets in the form that the loss takes."""


# --- means over the rows that count -------------------------------------------------------


def weight_of(rows: int, weights: AnyArray | None) -> float:
    """Return the total weight of some rows: their number, or the sum of their weights."""
    return float(rows) if weights is None else float(weights.sum(dtype=np.float64))


class MeanLoss:
    """Turns a sum of the loss over rows into the number that is reported.

    For a mean loss this is Σwℓ / Σw, averaged over outputs as well if the loss
    has a value for each of them. For a summed loss it is the sum.

    Parameters
    ----------
    loss : Loss
    outputs : int
        C.
    """

    def __init__(self, loss: Loss, outputs: int) -> None:
        prediction, target = loss.inputs(new_graph())
        elementwise = loss.value(prediction, target).shape == ("N", "C")
        self.summed = loss.reduction == "sum"
        self._values_per_row = outputs // loss.outputs_for_each if elementwise else 1

    def scale(self, weight: float) -> float:
        """Return the factor that turns a sum over rows of this total weight into the mean.

        It is NaN if no row counts: nothing has no mean, and NaN is never the best.
        """
        if self.summed:
            return 1.0
        return 1.0 / (weight * self._values_per_row) if weight > 0 else math.nan

    def over_batches(self, values: AnyArray, rows: int, batch_size: int) -> float:
        """Combine a value of each batch of an epoch: their mean by rows, or for a sum their sum.

        Batches whose value is NaN, since none of their rows counts, are left out.

        Parameters
        ----------
        values : array
            (S,). The last batch may have fewer rows than the others.
        rows, batch_size : int
            Of the epoch.
        """
        if self.summed:
            return float(values.sum())
        sizes = np.full(len(values), float(batch_size))
        sizes[-1] = rows - sizes[:-1].sum()
        valid = ~np.isnan(values)
        return float(values[valid] @ sizes[valid] / sizes[valid].sum())


# --- evaluating rows ----------------------------------------------------------------------


class Evaluator:
    """Computes a network's outputs and loss on rows of data.

    Parameters
    ----------
    network : Network
    loss : Loss, optional
        Without a loss, only outputs are computed.
    engine : Engine
        Runs the plan.
    """

    def __init__(self, network: Network, loss: Loss | None = None, engine: Engine = NUMPY) -> None:
        self.network, self.loss, self.engine = network, loss, engine
        self._mean = None if loss is None else MeanLoss(loss, network.outputs)
        self._planner = EvaluationPlanner(network, loss)
        self._programs: dict[tuple[int, bool], Program] = {}
        self._bound: dict[tuple[int, bool, int], tuple[BoundProgram, dict[str, AnyArray]]] = {}

    def run(
        self, inputs: AnyArray, targets: AnyArray | None = None, weights: AnyArray | None = None
    ) -> tuple[AnyArray, float]:
        """Evaluate rows.

        Parameters
        ----------
        weights : array, optional
            (N, 1), the weight of each row in the loss.

        Returns
        -------
        tuple of array and float
            The outputs, (N, C), and the loss: averaged over rows (and
            outputs), or summed for a summed loss; NaN without targets.
        """
        outputs, total = self._sum(inputs, targets, weights)
        if targets is None or self._mean is None:
            return outputs, math.nan
        return outputs, total * self._mean.scale(weight_of(len(inputs), weights))

    def over(
        self,
        chunks: Iterable[Chunk],
        usable: Callable[[AnyArray, AnyArray], AnyArray | None] | None = None,
    ) -> tuple[AnyArray, AnyArray, float] | None:
        """Evaluate rows chunk by chunk; the chunks may share their memory.

        Parameters
        ----------
        chunks : iterable of tuple
            Inputs, targets and weights (or None) of some rows.
        usable : callable, optional
            Given the inputs and outputs of a chunk, returns the rows to count,
            (N,); None for all.

        Returns
        -------
        tuple of array, array and float, or None
            Outputs and targets of all rows, and the loss as in `run`. None if
            there are no rows.
        """
        assert self._mean is not None, "an evaluation over chunks needs a loss"
        outputs, targets, totals, weights = [], [], [], []
        for chunk in chunks:
            x, y, w = chunk
            output, total = self._sum(x, y, w)
            counted = None if usable is None else usable(x, output)
            if counted is not None:
                x, y, w = x[counted], y[counted], None if w is None else w[counted]
                output, total = self._sum(x, y, w)
            outputs.append(output)
            targets.append(y.copy())
            totals.append(total)
            weights.append(weight_of(len(x), w))
        if not outputs:
            return None
        loss = sum(totals) * self._mean.scale(math.fsum(weights))
        if len(outputs) == 1:
            return outputs[0], targets[0], loss
        return np.concatenate(outputs), np.concatenate(targets), loss

    def over_ranks(
        self, chunks: Iterable[Chunk], ranks: Ranks
    ) -> tuple[AnyArray, AnyArray, float] | None:
        """Evaluate rows chunk by chunk as `over` does, each process some of them.

        Blocks of rows are dealt out and their sums added up in the order of the
        rows, so the loss does not depend on the number of processes.
        """
        assert self._mean is not None, "an evaluation over chunks needs a loss"
        own: list[tuple[AnyArray, float]] = []
        targets, weights, number = [], [], 0
        for x, y, w in chunks:
            targets.append(y.copy())
            weights.append(weight_of(len(x), w))
            for start in range(0, len(x), self._most):
                if number % ranks.count == ranks.rank:
                    block = slice(start, start + self._most)
                    own.append(self._sum(x[block], y[block], None if w is None else w[block]))
                number += 1
        if not number:
            return None
        dealt = ranks.gather(own)
        blocks = [dealt[one % ranks.count][one // ranks.count] for one in range(number)]
        loss = sum(total for _, total in blocks) * self._mean.scale(math.fsum(weights))
        return np.concatenate([each for each, _ in blocks]), np.concatenate(targets), loss

    @property
    def _most(self) -> int:
        """The most rows that are evaluated at once."""
        return BATCH_ROWS if self.loss and self.loss.over == "batch" else EVALUATION_ROWS

    def _sum(
        self, inputs: AnyArray, targets: AnyArray | None, weights: AnyArray | None
    ) -> tuple[AnyArray, float]:
        """Return the outputs, and the sum over rows of weight times loss."""
        check_shapes(self.network, self.loss, inputs, targets, weights)
        outputs = np.empty((len(inputs), self.network.outputs), self.network.dtype)
        total = 0.0
        with np.errstate(all="ignore"):
            for start in range(0, len(inputs), self._most):
                chunk = slice(start, min(start + self._most, len(inputs)))
                program, arrays = self._for(chunk.stop - chunk.start, weights is not None)
                np.copyto(arrays["input"], inputs[chunk], casting="unsafe")
                if targets is not None:
                    np.copyto(arrays["target"], targets[chunk], casting="unsafe")
                if weights is not None:
                    np.copyto(arrays["weight"], weights[chunk], casting="unsafe")
                for call in program.calls:
                    call()
                outputs[chunk] = program.results["output"]
                if targets is not None and self.loss is not None:
                    total += program.results["loss"].item()
        return outputs, total

    def _program(self, rows: int, weighted: bool) -> Program:
        """Plan for a number of rows; the program is bound to each of a run's two vectors."""
        if (rows, weighted) not in self._programs:
            while len(self._programs) >= REMEMBERED:
                del self._programs[next(iter(self._programs))]
            self._programs[rows, weighted] = self._planner.plan(rows, weighted=weighted)
        return self._programs[rows, weighted]

    def _for(self, rows: int, weighted: bool) -> tuple[BoundProgram, dict[str, AnyArray]]:
        """Return the program for a number of rows, and the arrays that it reads."""
        key = (rows, weighted, id(self.network.parameters))
        if key not in self._bound:
            while len(self._bound) >= REMEMBERED:
                del self._bound[next(iter(self._bound))]
            program = self._program(rows, weighted)
            labels = self.loss is not None and self.loss.against == "labels"
            heads = 1 if self.loss is None else self.loss.outputs_for_each
            arrays = {
                "input": np.empty((rows, self.network.inputs), self.network.dtype),
                "target": np.zeros((rows, 1), np.int64)
                if labels
                else np.zeros((rows, self.network.outputs // heads), self.network.dtype),
                "weight": np.zeros((rows, 1), self.network.dtype),
                "parameters": self.network.parameters,
            }
            # Each size has memory of its own: unlike the batches of training, a larger size may
            # follow a smaller one.
            self._bound[key] = (self.engine.bind(program, arrays, Memory()), arrays)
        return self._bound[key]


class EpochEvaluation:
    """Evaluates a network after each epoch, and adds what it finds to a history.

    Parameters
    ----------
    history : History
    evaluator : Evaluator
    validation : callable
        Returns the validation rows, chunk by chunk; no chunk if there are none.
    measure : callable, optional
        Computes the metrics.
    ranks : Ranks, optional
        The processes that share the work.
    """

    def __init__(
        self,
        history: History,
        evaluator: Evaluator,
        validation: Callable[[], Iterable[Chunk]],
        measure: Measure | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.history, self.evaluator, self.ranks = history, evaluator, ranks
        self.validation, self.measure = validation, measure

    def run(self, known: tuple[AnyArray, AnyArray] | None = None) -> None:
        """Add the validation loss and the metrics of an epoch.

        Parameters
        ----------
        known : tuple of array, optional
            Outputs and targets to compute the metrics of, instead of those of
            the validation rows.
        """
        if known is None:
            evaluator, rows, ranks = self.evaluator, self.validation(), self.ranks
            found = evaluator.over(rows) if ranks is None else evaluator.over_ranks(rows, ranks)
            if found is not None:
                known = found[:2]
                self.history.add("validation_loss", found[2])
        if self.measure is not None and known is not None:
            for name, value in self.measure(*known).items():
                self.history.add(name, value)


def check_shapes(
    network: Network,
    loss: Loss | None,
    inputs: AnyArray,
    targets: AnyArray | None,
    weights: AnyArray | None = None,
) -> None:
    """Refuse arrays that would silently be broadcast to fit a network or a loss.

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
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs:
        raise ShapeError(
            f"inputs have shape {inputs.shape}; the network takes (rows, {network.inputs})."
        )
    if targets is None or loss is None:
        return
    targets_of_row = network.outputs // loss.outputs_for_each
    wanted = (len(inputs), 1 if loss.against == "labels" else targets_of_row)
    if targets.shape != wanted:
        raise ShapeError(
            f"{loss.against} has shape {targets.shape}; loss {loss.name!r} with inputs of shape "
            f"{inputs.shape} and {network.outputs} outputs needs {wanted}.\n"
            "Nothing is broadcast; reshape it."
        )
