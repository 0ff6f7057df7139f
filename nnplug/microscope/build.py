"""From a network, a loss and an optimizer to the trace of one training step."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from nnplug.formulas.graph import CONSTANT, Graph, Symbol, walk
from nnplug.formulas.mathml import to_mathml
from nnplug.formulas.printing import to_text
from nnplug.microscope.authored import write_as_authored
from nnplug.microscope.elements import Elements, Index
from nnplug.microscope.recording import Recorded, Recording, record
from nnplug.microscope.step import Element, Phase, Step
from nnplug.microscope.trace import Trace
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer
from nnplug.plans import Regularization
from nnplug.plans.program import Value
from nnplug.plans.update import SlotLayout, slot_layouts
from nnplug.training.evaluation import MeanLoss, weight_of
from nnplug.training.steps import Steps
from nnplug.types import AnyArray

__all__ = ["trace_step"]

ELEMENTS = 8
"""By default, formulas are written for the first of the rows and columns of an array."""


def trace_step(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    inputs: AnyArray,
    targets: AnyArray,
    weights: AnyArray | None = None,
    *,
    rows: Sequence[int],
    regularization: Regularization | None = None,
    learning_rate: float | None = None,
    state: Mapping[str, AnyArray] | None = None,
    seed: int = 0,
    factors: Mapping[str, float] | None = None,
    elements: int = ELEMENTS,
) -> Trace:
    """Take one training step on some samples, on copies, and keep all its numbers.

    Parameters
    ----------
    network : Network
        It is left as it is.
    inputs, targets, weights : array
        The samples: (N, D), (N, C) or labels (N, 1), and (N, 1).
    rows : sequence of int
        Their places in the data, for the reader.
    learning_rate : float, optional
        By default the optimizer's.
    state : mapping, optional
        The parameters, the optimizer's slots and its count of steps, as
        `Steps.copy_state` gives them; by default the network's parameters and
        an optimizer that has not taken a step.
    seed : int
        Seed of the noise of layers such as dropout.
    factors : mapping of str to float, optional
        Of options that follow a schedule, by the names that `find_schedules` gives.
    elements : int
        Formulas are written for this many rows and columns of each array.

    Returns
    -------
    Trace
    """
    own = copy.copy(network)
    own.parameters = network.parameters.copy()
    steps = Steps(
        own, loss, optimizer, inputs, targets, None, weights,
        regularization=regularization, seed=seed,
    )  # fmt: skip
    if state is not None:
        steps.set_state({"parameters": own.parameters, **state})
    steps.learning_rate[...] = optimizer.learning_rate if learning_rate is None else learning_rate
    steps.follows = {name: partial(_always, factor) for name, factor in (factors or {}).items()}
    recording = record(steps.program, steps.begin())
    write_as_authored(recording, own, loss, weighted=weights is not None)
    builder = _Builder(steps, recording, elements)
    return Trace(tuple(map(int, rows)), tuple(builder.steps()))


def _always(factor: float, count: int) -> float:
    return factor


class _Builder:
    """Names and writes what a recording holds."""

    def __init__(self, steps: Steps, recording: Recording, elements: int) -> None:
        self.network, self.optimizer = steps.network, steps.optimizer
        self.recording, self._most = recording, elements
        self.samples = len(steps.inputs)
        self.mean = MeanLoss(steps.loss, self.network.outputs).scale(
            weight_of(self.samples, steps.weights)
        )
        self._layouts = slot_layouts(self.network, self.optimizer)
        spans = {span.name: (span.start, span.shape) for span in self.network.spans}
        self._spans = SlotLayout(self.network.size, spans)
        self._layers = sorted((layer.name for layer in self.network.placed), key=len, reverse=True)
        self._names: dict[str, int] = {}
        self._elements = Elements(recording, self._letter)

    def steps(self) -> Iterator[Step]:
        """List the arrays that the step begins with, then those that it computes."""
        found = self.recording
        started = set()
        for key, value in found.leaves.items():
            if key in found.computed:
                continue
            for array, start, shape in self._pieces(value):
                name = self._name(value, array, made=False)
                if name not in started and value.role != "gradients":
                    started.add(name)
                    numbers = _part(found.numbers[key], start, shape)
                    yield self._step("start", name, "", "", numbers)
        for step in found.steps:
            yield from self._computed(step)

    def _computed(self, step: Recorded) -> Iterator[Step]:
        value, formula = step.value, step.formula
        numbers = self.recording.numbers[id(step.symbol)]
        if value.name == "loss" and self.mean != 1.0:
            formula = _times(formula, self.mean)
            numbers = numbers * self.mean
        phase: Phase = step.section.phase  # type: ignore[assignment]  # a step has no other phases
        made = id(step.symbol) in self.recording.made
        for name, start, shape in self._pieces(value):
            whole = self._name(value, name, made=made)
            renamed = self._renamed(formula, name)
            text, mathml = to_text([renamed], [whole]), to_mathml([renamed], [whole])
            part = _part(numbers, start, shape)
            places = list(itertools.product(*(range(min(size, self._most)) for size in shape)))
            written = []
            for place in places:
                at = _place(place, shape, start, numbers.shape)
                own = self._letter_of(value, at, made=made)
                lines = self._elements.write(own, formula, at)
                written.append(
                    Element(
                        place,
                        own,
                        lines.formula,
                        lines.numbers,
                        lines.mathml,
                        lines.mathml_numbers,
                        float(part[place]),
                    )
                )
            yield self._step(phase, whole, text, mathml, part, written)

    def _renamed(self, formula: Symbol, name: str) -> Symbol:
        """Name one array where a formula is over the vector of all of them."""
        made: dict[int, Symbol] = {}
        for node in walk([formula]):
            value = self.recording.leaves.get(id(node))
            if value is not None and name in [piece for piece, _, _ in self._pieces(value)]:
                new = id(node) in self.recording.made
                made[id(node)] = replace(node, name=self._name(value, name, made=new))
            else:
                inputs = tuple([made[id(child)] for child in node.inputs])
                made[id(node)] = replace(node, inputs=inputs) if inputs else node
        return made[id(formula)]

    def _step(
        self, phase: Phase, name: str, text: str, mathml: str, numbers: AnyArray,
        elements: Sequence[Element] = (),
    ) -> Step:  # fmt: skip
        count = self._names[name] = self._names.get(name, 0) + 1
        name += f" ({count})" * (count > 1 and phase != "start")
        layer = next((each for each in self._layers if name.startswith(f"{each}.")), "")
        if name.startswith("loss"):
            layer = "loss" if "." in name else ""
        what = name.removeprefix(f"{layer}.")
        return Step(phase, layer, what, text, mathml, numbers, tuple(elements))

    # --- where a value lies -----------------------------------------------------------------

    def _pieces(self, value: Value) -> Iterator[tuple[str, int, tuple[int, ...]]]:
        """List the arrays whose numbers a value has, their first elements and their shapes."""
        if not value.in_vector:
            yield value.name, 0, value.shape
            return
        layout = self._layouts.get(value.vector, self._spans)
        for name, (start, shape) in layout.places.items():
            first = start - value.start
            if first >= 0 and first + math.prod(shape) <= math.prod(value.shape):
                yield name, first, shape

    def _is_new(self, value: Value, name: str, *, made: bool) -> bool:
        """Whether a value is the new one of an array, which the update or the layer makes."""
        if value.role == "gradients":
            return made or self.network.span(name).is_state
        return made and value.role == "slot"

    def _name(self, value: Value, name: str, *, made: bool) -> str:
        """Name one of a value's arrays."""
        new = "'" * self._is_new(value, name, made=made)
        if value.role == "slot":
            return f"{name}.{value.vector}{new}"
        return f"{name}.grad" if value.role == "gradients" and not new else name + new

    # --- letters --------------------------------------------------------------------------

    def _letter(self, symbol: Symbol, index: Index, *, full: bool = False) -> str:
        value, made = self.recording.leaves[id(symbol)], id(symbol) in self.recording.made
        letter = self._letter_of(value, index, made=made)
        return f"{value.name.rpartition('.')[0] or value.name}.{letter}" if full else letter

    def _letter_of(self, value: Value, index: Index, *, made: bool) -> str:
        if not value.in_vector:
            return _letter(value.name) + self._subscript(index, value.shape, value.per_row)
        flat = int(np.ravel_multi_index(index, value.shape)) if value.shape else 0
        for name, start, shape in self._pieces(value):
            inside = flat - start
            if 0 <= inside < math.prod(shape):
                prime = "'" * self._is_new(value, name, made=made)
                if value.role == "slot":
                    return value.vector.rpartition(".")[2] + prime
                place = tuple(int(at) for at in np.unravel_index(inside, shape)) if shape else ()
                letter = "d" * (value.role == "gradients" and not prime) + _letter(name)
                return letter + self._subscript(place, shape, rows=False) + prime
        return value.name

    def _subscript(self, index: Index, shape: tuple[int, ...], rows: bool) -> str:
        """Write an element's place, from 1; a single sample is not numbered."""
        if rows and self.samples == 1:
            index, shape = index[1:], shape[1:]
        comma = "," if max(shape, default=0) > 9 else ""
        return comma.join(str(at + 1) for at in index)


_LETTERS = {
    "input": "x", "target": "t", "weight": "w", "bias": "b", "delta": "δ", "each": "loss",
}  # fmt: skip


def _letter(name: str) -> str:
    """Give the letter for an array: z for hidden1.z, da for hidden1.a.grad."""
    if "·" in name:  # a number times a constant, such as learning_rate·0.1
        return name
    *_, last = name.split(".")
    if last == "grad":
        return "d" + _letter(name.removesuffix(".grad"))
    return _LETTERS.get(last, last)


def _part(numbers: AnyArray, start: int, shape: tuple[int, ...]) -> AnyArray:
    return numbers.reshape(-1)[start : start + math.prod(shape)].reshape(shape)


def _place(index: Index, shape: tuple[int, ...], start: int, whole: tuple[int, ...]) -> Index:
    """Give the place in a whole array of an element of a part."""
    flat = start + (int(np.ravel_multi_index(index, shape)) if shape else 0)
    return tuple(int(at) for at in np.unravel_index(flat, whole)) if whole else ()


def _times(symbol: Symbol, number: float) -> Symbol:
    graph: Graph = symbol.graph
    name, other = ("divide", 1 / number) if 0 < number < 1 else ("multiply", number)
    constant = Symbol(graph, CONSTANT, (), (), (), "float", value=other)
    return Symbol(graph, graph.operations[name], (symbol, constant), (), (), "float")
