"""The formulas of layers and of the loss as their authors wrote them.

A plan computes erf by a polynomial and a logarithm of a sum in three passes. A
reader looks for the formula of the paper, so each is put in the place of the
plan's, over the same arrays; the results are the plan's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnplug.errors import FormulaError
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.microscope.recording import Recorded, Recording
from nnplug.network.network import Network
from nnplug.parts import Activation, Loss, Placed, trace_placed
from nnplug.plans.program import Phase, Section
from nnplug.plans.step_graph import LossFormula

__all__ = ["write_as_authored"]


def write_as_authored(
    recording: Recording, network: Network, loss: Loss, *, weighted: bool
) -> None:
    """Replace the plan's formulas in a recording, where that is possible."""
    _Authored(recording, network, loss, weighted=weighted).write()


class _Authored:
    def __init__(
        self, recording: Recording, network: Network, loss: Loss, *, weighted: bool
    ) -> None:
        self.recording, self.network, self.loss, self.weighted = recording, network, loss, weighted
        self._steps: dict[str, Recorded] = {}
        for step in recording.steps:  # the first pass: another one may follow it
            self._steps.setdefault(step.value.name, step)
        # The sigmoid alone is better known by its exponential than by its name.
        self._kept = set(new_graph().operations) - {"sigmoid"}
        self._leaves: dict[str, Symbol] = {}
        for step in recording.steps:
            for symbol in walk([step.formula]):
                if id(symbol) in recording.leaves:
                    self._leaves.setdefault(recording.leaves[id(symbol)].name, symbol)

    def write(self) -> None:
        x = self._leaves.get("input")
        given = []
        for placed in self.network.placed:
            given.append(x)
            step = self._steps.get(placed.output_name)
            if step is not None:
                if x is not None and not placed.inner:
                    self._write_layer(step, placed, x)
                x = step.symbol
            elif x is not None:
                self._write_same(placed.output_name, x, "forward")
        if x is not None:
            self._write_loss(x)
        g = self._symbol("loss.grad")
        for number in reversed(range(1, len(given))):
            placed, before = self.network.placed[number], self.network.placed[number - 1]
            step = self._steps.get(before.gradient_name)
            x, y = given[number], self._symbol(placed.output_name)
            known = x is not None and y is not None and g is not None
            if known and step is not None and isinstance(placed.part, Activation):
                self._write_slope(step, placed, placed.part, (x, y, g))
            if step is not None:
                g = step.symbol
            elif g is not None:
                self._write_same(before.gradient_name, g, "backward")

    def _symbol(self, name: str) -> Symbol | None:
        step = self._steps.get(name)
        return None if step is None else step.symbol

    def _found(self, names: Sequence[str]) -> list[Symbol]:
        return [self._leaves[name] for name in names if name in self._leaves]

    def _write_same(self, name: str, symbol: Symbol, phase: Phase) -> None:
        """Add an array that the plan leaves out, since the layer changes nothing."""
        steps = self.recording.steps
        places = [place for place, step in enumerate(steps) if step.symbol is symbol]
        if not places:
            return
        value, at = replace(steps[places[0]].value, name=name), places[-1] + 1
        while at < len(steps) and phase == "backward" and steps[at].section.phase == "loss":
            at += 1  # the loss is finished first
        steps.insert(at, Recorded(value, Section(phase, phase), symbol, symbol))

    def _write_layer(self, step: Recorded, placed: Placed, x: Symbol) -> None:
        formula = trace_placed(placed, training=True).value
        inputs = [x, *self._found([array.name for array in placed.arrays])]
        self._replace(step, formula.written, formula.inputs, inputs)

    def _write_slope(
        self, step: Recorded, placed: Placed, part: Activation, around: tuple[Any, ...]
    ) -> None:
        """Write the loss's derivative by an activation's input x, from its output y and g."""
        x, y, g = around
        formula = trace_placed(placed, training=True).value
        own_x, *own = formula.inputs
        slope = part.slope(own_x, formula.written, dict(zip(part.arrays, own, strict=True)))
        if slope is not None:
            names = [array.name for array in placed.arrays]
            # The output is known, so that a slope in terms of it is shown so.
            asked = [own_x, *own, formula.written, formula.g]
            self._replace(step, formula.g * slope, asked, [x, *self._found(names), y, g])

    def _write_loss(self, prediction: Symbol) -> None:
        formula = LossFormula(self.loss, weighted=self.weighted)
        names = ["target", "weight"][: len(formula.arguments) - 1]
        inputs = [prediction, *self._found(names)]
        (slope,) = differentiate(formula.unweighted, formula.arguments[:1], formula.seed)
        for name, symbol in (("loss.each", formula.errors), ("loss.grad", slope)):
            if name in self._steps:
                self._replace(self._steps[name], symbol, formula.arguments, inputs)

    def _replace(
        self, step: Recorded, written: Symbol, own: Sequence[Symbol], inputs: Sequence[Symbol]
    ) -> None:
        """Put a formula in the place of a step's, if it gives the step's numbers.

        Parameters
        ----------
        own : sequence of Symbol
            Its arguments.
        inputs : sequence of Symbol
            What they are here; if some are missing, nothing is done.
        """
        if len(own) != len(inputs):
            return
        graph = step.symbol.graph
        labels = {
            str(dim): size
            for mine, given in zip(own, inputs, strict=True)
            for dim, size in zip(mine.shape, given.shape, strict=True)
        }
        made = {id(mine): given for mine, given in zip(own, inputs, strict=True)}
        try:
            for node in walk([written], made):
                if node.is_constant:
                    made[id(node)] = graph.number(node.value, node.dtype_kind)
                elif node.is_size:
                    made[id(node)] = graph.size((labels[node.name],))
                else:
                    given = [made[id(child)] for child in node.inputs]
                    made[id(node)] = graph.apply(node.operation, *given, **dict(node.options))
            (formula,) = lower([made[id(written)]], self._kept)
        except FormulaError:  # it is for dimensions that are told apart by their labels
            return
        found, same = (self.recording.numbers_of(each) for each in (step.symbol, formula))
        off = float(np.finfo(found.dtype).eps) ** 0.5
        if same.shape == found.shape and np.allclose(same, found, off, off, equal_nan=True):
            step.formula = formula
