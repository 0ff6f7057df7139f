"""A network's outputs and loss on rows of data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from nnplug.engines import NUMPY, BoundProgram, Engine, Memory
from nnplug.errors import ShapeError
from nnplug.network.network import Network
from nnplug.parts import Loss
from nnplug.plans import EvaluationPlanner, Program
from nnplug.training.means import MeanLoss, weight_of
from nnplug.types import AnyArray

__all__ = ["Evaluator", "check_shapes"]

EVALUATION_ROWS = 1024
"""Rows that an evaluation takes at once, at most."""

BATCH_ROWS = 4096
"""The same, for a loss over all rows of a batch: pairs of them take 64 MiB in float32."""

REMEMBERED = 8
"""Programs that an evaluator keeps; a program is for a number of rows and a vector."""


class Evaluator:
    """Computes a network's outputs and loss on rows of data.

    Parameters
    ----------
    network : Network
    loss : Loss, optional
        Without one, only outputs.
    engine : Engine
        What runs the plan.
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
            (N, 1), what each row counts for in the loss.

        Returns
        -------
        tuple of array and float
            The outputs, (N, C), and the loss: averaged over rows (and
            outputs), or summed if it is a sum; nan without targets.
        """
        outputs, total = self._sum(inputs, targets, weights)
        if targets is None or self._mean is None:
            return outputs, math.nan
        return outputs, total * self._mean.scale(weight_of(len(inputs), weights))

    def over(
        self,
        chunks: Iterable[tuple[AnyArray, AnyArray, AnyArray | None]],
        usable: Callable[[AnyArray, AnyArray], AnyArray | None] | None = None,
    ) -> tuple[AnyArray, AnyArray, float] | None:
        """Evaluate rows chunk by chunk; the chunks may share their memory.

        Parameters
        ----------
        chunks : iterable of tuple
            Inputs, targets and weights (or None) of some rows each.
        usable : callable, optional
            Given the inputs and outputs of a chunk, tells which rows to go by,
            (N,); None for all.

        Returns
        -------
        tuple of array, array and float, or None
            Outputs and targets of all rows, and the loss as in `run`. None if
            there are no rows.
        """
        assert self._mean is not None, "an evaluation over chunks is of a loss"
        outputs, targets, totals, weights = [], [], [], []
        for chunk in chunks:
            x, y, w = chunk
            output, total = self._sum(x, y, w)
            some = None if usable is None else usable(x, output)
            if some is not None:
                x, y, w = x[some], y[some], None if w is None else w[some]
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

    def _sum(
        self, inputs: AnyArray, targets: AnyArray | None, weights: AnyArray | None
    ) -> tuple[AnyArray, float]:
        """Give the outputs, and the sum of the loss's values, each times its row's weight."""
        check_shapes(self.network, self.loss, inputs, targets, weights)
        outputs = np.empty((len(inputs), self.network.outputs), self.network.dtype)
        total = 0.0
        with np.errstate(all="ignore"):
            most = BATCH_ROWS if self.loss and self.loss.over == "batch" else EVALUATION_ROWS
            for start in range(0, len(inputs), most):
                chunk = slice(start, min(start + most, len(inputs)))
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
        """Plan for a number of rows; a program is bound to each of a run's two vectors."""
        if (rows, weighted) not in self._programs:
            while len(self._programs) >= REMEMBERED:
                del self._programs[next(iter(self._programs))]
            self._programs[rows, weighted] = self._planner.plan(rows, weighted=weighted)
        return self._programs[rows, weighted]

    def _for(self, rows: int, weighted: bool) -> tuple[BoundProgram, dict[str, AnyArray]]:
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
            # Memory of its own for each size: they may be of any order here.
            self._bound[key] = (self.engine.bind(program, arrays, Memory()), arrays)
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
