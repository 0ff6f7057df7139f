"""From a network, a loss and an optimizer to the program of one training step.

Letters: N rows of the batch, D inputs, H units, C outputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer
from nnplug.plans.emission import CAST, COPY, TAKE, TOTAL, Emitter
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.plans.regularization import Regularization, write_clip, write_penalty
from nnplug.plans.schedule import Schedule
from nnplug.plans.step_graph import StepGraph
from nnplug.plans.update import write_point, write_state_check, write_update

if TYPE_CHECKING:
    from nnplug.plans.curvature import CurvatureGraph

__all__ = ["EvaluationPlanner", "StepPlanner", "plan_step"]


def plan_step(
    network: Network,
    loss: Loss,
    optimizer: Optimizer | None,
    rows: int,
    *,
    gather: bool = True,
    data_dtypes: Sequence[Any] | None = None,
    weighted: bool = False,
    regularization: Regularization | None = None,
    keep_outputs: bool = False,
) -> Program:
    """Plan one training step: gather, forward, loss, backward, penalty, clip, update.

    The new parameters are written over the gradients, so that they can be
    checked before they are used: if they are finite, the two vectors change
    places, which costs nothing. If not, the last finite parameters are untouched.

    Parameters
    ----------
    optimizer : Optimizer or None
        None: there is no update, and the gradients stay in their vector.
    rows : int
        The batch size, N.
    gather : bool
        Whether the step takes its rows from the data by index; otherwise the
        data is the batch.
    data_dtypes : sequence of dtype, optional
        The dtypes of the data's inputs, targets and weights, if they are not
        the network's.
    weighted : bool
        Whether each row has a weight w: the loss is then Σwℓ / Σw over the
        batch, or Σwℓ for a loss that is summed.
    regularization : Regularization, optional
        Penalties and clipping; the penalty's value is the number `"penalty"`.
    keep_outputs : bool
        Whether the network's outputs, (N, C), are a result too, for metrics.

    Returns
    -------
    Program
        With the results `"loss"` (the sum of the loss formula's values, a
        float64), `"checks"` (sums of squares of the gradients and of the new
        parameters, finite only if these are) and, if they are kept, `"outputs"`.

    Raises
    ------
    FormulaError
        If a part cannot be traced.
    """
    planner = StepPlanner(
        network,
        loss,
        optimizer,
        gather=gather,
        data_dtypes=data_dtypes,
        weighted=weighted,
        regularization=regularization,
        keep_outputs=keep_outputs,
    )
    return planner.plan(rows)


class StepPlanner:
    """Plans the steps of one run, for one batch size after the other.

    The step's graph, with its derivative, is made once, since its rows are a
    label. Sections that do not depend on the batch size are written once, too,
    and shared by the programs.

    Parameters
    ----------
    network, loss, optimizer, gather, data_dtypes, weighted, regularization, keep_outputs
        As in `plan_step`.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer | None,
        *,
        gather: bool = True,
        data_dtypes: Sequence[Any] | None = None,
        weighted: bool = False,
        regularization: Regularization | None = None,
        keep_outputs: bool = False,
    ) -> None:
        self.keep_outputs = keep_outputs
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.gather, self.data_dtypes, self.weighted = gather, data_dtypes, weighted
        self.regularization = regularization or Regularization()
        self.graph = StepGraph(network, loss, weighted=weighted, training=True)
        self.curvature: CurvatureGraph | None = None
        if optimizer is not None and optimizer.asks_curvature:
            from nnplug.plans.curvature import CurvatureGraph  # noqa: PLC0415  # few need it

            self.curvature = CurvatureGraph(network, loss, self.graph, weighted=weighted)
        self._last: list[Section] = []

    def plan(self, rows: int) -> Program:
        """Plan the step for a batch size."""
        emitter, loss = Emitter(self.network, rows), self.loss
        batch = _write_batch(emitter, loss, self.gather, self.data_dtypes, self.weighted)
        schedule = Schedule(emitter, self.graph, batch)
        schedule.write_forward(self.graph.forward)
        if self.keep_outputs:
            # In the last layer's section, which has just computed each output.
            output = schedule.value(self.graph.output)
            kept = emitter.value("outputs", output.shape, role="result", vector="outputs")
            emitter.sections[-1].instructions.append(Instruction(COPY, (output,), kept))
        assert self.graph.loss is not None
        schedule.write_loss(self.graph.loss, loss.text)
        _write_total(emitter, schedule.value(self.graph.errors))
        schedule.write_backward(self.graph.backward)
        if self.curvature is not None:
            from nnplug.plans.curvature import write_curvature  # noqa: PLC0415  # few need it

            write_curvature(emitter, self.curvature, batch)
        moved = None if self.optimizer is None else self.optimizer.moved
        if moved is not None:
            write_point(emitter, moved)
            emitter.at_point = True
            schedule = Schedule(emitter, self.graph, batch)
            schedule.write_forward(self.graph.forward)
            text = f"{loss.text}, at the point"
            schedule.write_loss(self.graph.loss, text, derivative_alone=True)
            schedule.write_backward(self.graph.backward)
            emitter.at_point = False
        summed, weight = loss.reduction == "sum", batch.get("weight")
        by_rows = self.regularization.counts_rows(summed=summed)
        if by_rows:
            write_penalty(emitter, self.regularization, summed=summed, weight=weight)
        if not self._last:
            first = len(emitter.sections)
            self._write_end(emitter, penalty=not by_rows)
            self._last = emitter.sections[first:]
        else:
            emitter.sections += self._last
        return _program(emitter)

    def plan_update(self, rows: int) -> Program:
        """Plan what follows the gradients of a batch: the penalty, clipping and the update.

        Raises
        ------
        SettingError
            If the penalty needs the weights of the rows.
        """
        emitter = Emitter(self.network, rows)
        if self.weighted and self.regularization.counts_rows(summed=self.loss.reduction == "sum"):
            raise SettingError(
                f"shards: with loss {self.loss.name!r}, a penalty counts the weights of the rows, "
                "which lie in several shards.\nLeave out the penalty, the weights or the shards."
            )
        self._write_end(emitter, penalty=True)
        return _program(emitter)

    def _write_end(self, emitter: Emitter, *, penalty: bool) -> None:
        """Write the penalty if it is not yet written, clipping and the update."""
        if penalty:
            summed = self.loss.reduction == "sum"
            write_penalty(emitter, self.regularization, summed=summed, weight=None)
        if self.regularization.clip_global_norm is not None:
            write_clip(emitter, self.regularization.clip_global_norm)
        if self.optimizer is not None:
            write_update(emitter, self.optimizer)
            write_state_check(emitter)


class EvaluationPlanner:
    """Plans evaluations of a network, for one number of rows after the other.

    The graph is made once with weights of rows and once without, since its rows
    are a label.

    Parameters
    ----------
    network : Network
    loss : Loss, optional
        Without it, only outputs are planned.
    """

    def __init__(self, network: Network, loss: Loss | None = None) -> None:
        self.network, self.loss = network, loss
        self._graphs: dict[bool, StepGraph] = {}

    def plan(self, rows: int, *, weighted: bool = False) -> Program:
        """Plan the forward pass, and the loss if there is one.

        Returns
        -------
        Program
            With the results `"output"`, (N, C), and `"loss"`.
        """
        if weighted not in self._graphs:
            self._graphs[weighted] = StepGraph(self.network, self.loss, weighted=weighted)
        emitter, graph, loss = Emitter(self.network, rows), self._graphs[weighted], self.loss
        schedule = Schedule(emitter, graph, _write_batch(emitter, loss, False, None, weighted))
        schedule.write_forward(graph.forward)
        if graph.loss is not None and loss is not None:
            schedule.write_loss(graph.loss, loss.text)
            _write_total(emitter, schedule.value(graph.errors))
        output = schedule.value(graph.output)
        result = emitter.value("output", output.shape, role="result", vector="output")
        section = emitter.section("output", "result")
        section.instructions.append(Instruction(COPY, (output,), result))
        return _program(emitter)


def _program(emitter: Emitter) -> Program:
    sections = [section for section in emitter.sections if section.instructions]
    return Program(emitter.rows, sections)


def _write_total(emitter: Emitter, errors: Value) -> None:
    """Write the sum of the loss over the batch."""
    total = Value("loss", (), np.dtype(np.float64), "result", vector="loss")
    emitter.section("loss", "loss: sum").instructions.append(Instruction(TOTAL, (errors,), total))


def _write_batch(
    emitter: Emitter,
    loss: Loss | None,
    gather: bool,
    data_dtypes: Sequence[Any] | None,
    weighted: bool,
) -> dict[str, Value]:
    """Write the batch: the data itself, or rows taken from it."""
    n, network = emitter.rows, emitter.network
    labels = loss is not None and loss.against == "labels"
    targets = network.outputs // (1 if loss is None else loss.outputs_for_each)
    shapes = {"input": (n, network.inputs), "target": (n, 1 if labels else targets)}
    own = {"input": emitter.dtype, "target": np.dtype(np.int64) if labels else emitter.dtype}
    if weighted:
        shapes["weight"], own["weight"] = (n, 1), emitter.dtype
    if not gather:
        return {
            name: emitter.value(name, shape, role="data", vector=name, dtype=own[name])
            for name, shape in shapes.items()
        }
    section = emitter.section("gather", "take the rows of the batch")
    index = Value("rows", (n,), np.dtype(np.intp), "data", vector="rows")
    batch: dict[str, Value] = {}
    for (name, shape), given in zip(shapes.items(), data_dtypes or own.values(), strict=True):
        dtype = np.dtype(given)
        source = Value(f"all {name}s", (-1, shape[1]), dtype, "data", vector=name)
        taken = emitter.value(name, shape, dtype=dtype)
        section.instructions.append(Instruction(TAKE, (source, index), taken))
        if dtype != own[name]:
            wide, taken = taken, emitter.value(name, shape, dtype=own[name])
            section.instructions.append(Instruction(CAST, (wide,), taken))
        batch[name] = taken
    return batch
