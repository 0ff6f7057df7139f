"""A training step as one graph: the layers' formulas, the loss over them, one derivative.

Letters: N rows of the batch, which stay a label here; C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nnplug.formulas.composition import Formula, substitute
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Dimension, Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.network import Network, Placed
from nnplug.parts import Activation, Layer, Loss, Noise
from nnplug.plans.emission import DOT, DOT_LEFT, DOT_RIGHT, SUM_ROWS, reading_order

__all__ = ["Formulas", "Group", "StepGraph"]

Formulas = dict[tuple[Activation | Layer, bool], Any]
"""The parts' formulas, in training or not, as they were traced for this run."""


@dataclass(eq=False)
class Group:
    """What a layer, or the loss, has to compute in one pass over the network.

    Attributes
    ----------
    owner : str
        The layer's name.
    roots : list of Symbol
        In the order in which they are wanted.
    names : dict of int to str
        What some of the nodes are called, by their identity.
    gradients : dict of str to Symbol
        The roots that are parameters' derivatives, or new states, by the names of those.
    """

    owner: str
    roots: list[Symbol]
    names: dict[int, str] = field(default_factory=dict)
    gradients: dict[str, Symbol] = field(default_factory=dict)


@dataclass(eq=False)
class _Applied:
    """A layer as it stands in the graph: what it is applied to, and what that gives."""

    placed: Placed
    formula: Formula
    inputs: tuple[Symbol, ...]
    output: Symbol
    states: dict[str, Symbol]


class StepGraph:
    """The graph of a network, of a loss over it, and of the derivative.

    Parameters
    ----------
    network : Network
    loss : Loss or None
        None: the outputs alone.
    weighted : bool
        Whether each row has a weight.
    training : bool
        Whether layers are told that the network trains, and the loss is
        differentiated.
    formulas : dict
        What has been traced so far; others are added.

    Attributes
    ----------
    given : dict of str to Symbol
        `"input"`, `"target"`, `"weight"`: the batch.
    arrays : dict of str to Symbol
        The network's parameters and states, by name.
    noise : dict of str to Symbol
        What is drawn before each step, by name.
    forward, backward : list of Group
        The layers', in the order in which they run.
    loss : Group or None
    output, errors : Symbol
        The network's outputs, (N, C), and the loss of each, times the row's weight.
    labels : dict of str to int
        The sizes of all dimensions but N.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss | None = None,
        *,
        weighted: bool = False,
        training: bool = False,
        formulas: Formulas | None = None,
    ) -> None:
        self.network, self._training = network, training
        self._formulas = {} if formulas is None else formulas
        self.graph = new_graph()
        self.given = {"input": self.graph.input("input", ("N", "D"))}
        self.arrays: dict[str, Symbol] = {}
        self.noise: dict[str, Symbol] = {}
        self.labels: dict[str, int] = {"D": network.inputs}
        applied: list[_Applied] = []
        x = self.given["input"]
        for placed in network.placed:
            applied.append(self._apply(placed, x))
            x = applied[-1].output
        roots: list[Group] = [self._forward(*pair) for pair in _with_next(applied)]
        self.loss: Group | None = None
        self.output = self.errors = x
        backward: list[Group] = []
        if loss is not None:
            unweighted, seed = self._write_loss(loss, x, weighted)
            self.loss = Group("loss", [self.errors])
            self.loss.names[id(self.errors)] = "loss.each"
            if training:
                backward = self._differentiate(applied, unweighted, seed)
        every = [*roots, *([self.loss] if self.loss else []), *backward]
        self._lower(every)
        self.forward, self.backward = roots, backward

    # --- forward ------------------------------------------------------------------------

    def _apply(self, placed: Placed, x: Symbol) -> _Applied:
        part, graph = placed.part, self.graph
        key = (part, self._training)
        if key not in self._formulas:
            self._formulas[key] = (
                part.formula() if isinstance(part, Activation) else part.trace(self._training)
            )
        found = self._formulas[key]
        formula: Formula = found if isinstance(part, Activation) else found.value
        labels: dict[str, Dimension] = {"N": "N", "D": x.shape[1], "C": x.shape[1]}
        inputs = [x]
        for own, symbol in zip(placed.arrays, formula.inputs[1:], strict=True):
            for dim in symbol.shape:
                if isinstance(dim, str) and dim not in labels:
                    new = placed.name if dim == placed.width else f"{placed.name}.{dim}"
                    labels[str(dim)], self.labels[new] = new, placed.sizes[dim]
            shape = tuple(labels.get(str(dim), dim) for dim in symbol.shape)
            kind = self.noise if isinstance(own.declared, Noise) else self.arrays
            kind[own.name] = graph.input(own.name, shape)
            inputs.append(kind[own.name])
        output = x if formula.is_identity else formula.apply(*inputs)
        states = (
            {}
            if isinstance(part, Activation)
            else {
                f"{placed.name}.{name}": state.apply(*inputs)
                for name, state in found.states.items()
            }
        )
        return _Applied(placed, formula, tuple(inputs), output, states)

    def _forward(self, applied: _Applied, following: _Applied | None) -> Group:
        """Give what a layer computes in the forward pass: early derivatives where that saves memory."""
        placed, output = applied.placed, applied.output
        group = Group(placed.name, [output], gradients=dict(applied.states))
        if output is not applied.inputs[0]:
            group.names[id(output)] = placed.output_name
        if self._training and output is not applied.inputs[0]:
            kept = following is None or following.formula.reads_input
            early = _early(applied.formula, self.network.dtype, kept=kept)
            group.roots += applied.formula.put(early, applied.inputs)
        group.roots += applied.states.values()
        return group

    # --- loss ---------------------------------------------------------------------------

    def _write_loss(self, loss: Loss, output: Symbol, weighted: bool) -> tuple[Symbol, Symbol]:
        """Put the loss over the outputs; give it unweighted, and what its derivative begins with."""
        graph = self.graph
        own = new_graph()
        prediction, against = loss.inputs(own)
        errors = loss.value(prediction, against)
        width = output.shape[1]
        labels: dict[str, Dimension] = {"C": width}
        target = graph.input(
            "target", ("N", *[labels.get(str(dim), dim) for dim in against.shape[1:]]),
            against.dtype_kind,
        )  # fmt: skip
        self.given["target"] = target
        (unweighted,) = substitute(
            [errors], {id(prediction): output, id(against): target}, graph, labels
        )
        if unweighted.shape == ():
            unweighted = graph.call("broadcast_like", unweighted, output)
        self.errors = unweighted
        count = graph.size(unweighted.shape)
        seed = graph.constant(1.0) if loss.reduction == "sum" else 1.0 / count
        if weighted:
            weight = self.given["weight"] = graph.input("weight", ("N", 1))
            if self.errors.ndim == 1:
                expand = graph.operations["expand_dims"]
                self.errors = graph.apply(expand, self.errors, axis=-1)
            self.errors = self.errors * weight
            seed = weight
            if loss.reduction == "mean":
                total: Any = np.sum(weight)
                each = graph.size(unweighted.shape[1:])
                # Rows that all weigh nothing teach nothing; 0 / 0 would end the run.
                seed = weight / (np.where(total > 0, total, 1) * each)
        return unweighted, seed

    # --- backward -----------------------------------------------------------------------

    def _differentiate(
        self, applied: Sequence[_Applied], unweighted: Symbol, seed: Symbol
    ) -> list[Group]:
        """Differentiate the loss, once, by every array and by what each layer gives."""
        learned = [span.name for span in self.network.spans if not span.is_state]
        between = [each.output for each in applied]
        found = differentiate(
            unweighted, [*(self.arrays[name] for name in learned), *between], seed
        )
        by_name = dict(zip(learned, found, strict=False))
        by_output = found[len(learned) :]
        assert self.loss is not None
        self.loss.roots.append(by_output[-1])
        self.loss.names[id(by_output[-1])] = "loss.grad"
        backward = []
        for position in reversed(range(len(applied))):
            placed = applied[position].placed
            names = [each.name for each in placed.arrays if each.name in by_name]
            gradients = {name: by_name[name] for name in names}
            group = Group(placed.name, list(gradients.values()), gradients=gradients)
            if position:
                group.roots.append(by_output[position - 1])
                name = applied[position - 1].placed.gradient_name
                group.names[id(by_output[position - 1])] = name
            backward.append(group)
        return backward

    # --- lowering -----------------------------------------------------------------------

    def _lower(self, groups: Sequence[Group]) -> None:
        """Replace all nodes by those that a plan can compute."""
        wanted = [root for group in groups for root in group.roots]
        wanted += [self.output, self.errors]
        lowered = lower(wanted)
        planned = substitute(
            lowered, {id(each): each for each in walk(lowered) if each.is_input}, self.graph, {},
            _as_planned,
        )  # fmt: skip
        made = {id(old): new for old, new in zip(wanted, planned, strict=True)}
        for group in groups:
            group.roots = [made[id(root)] for root in group.roots]
            group.names = {id(made[key]): name for key, name in group.names.items()}
            group.gradients = {name: made[id(symbol)] for name, symbol in group.gradients.items()}
        self.output, self.errors = made[id(self.output)], made[id(self.errors)]

    @cached_property
    def inputs(self) -> dict[str, Symbol]:
        """All arguments of the graph, by name."""
        return {**self.given, **self.arrays, **self.noise}


def _with_next(applied: Sequence[_Applied]) -> list[tuple[_Applied, _Applied | None]]:
    return list(zip(applied, [*applied[1:], None], strict=True))


def _as_planned(symbol: Symbol, inputs: list[Symbol]) -> Symbol | None:
    """Write products by transposed matrices, and sums over rows, as a plan has them."""
    name, graph = symbol.operation.name, symbol.graph
    if name == "matmul":
        a, b = inputs
        left, right = (each.operation.name == "transpose" for each in inputs)
        if left and not right:
            return graph.apply(DOT_LEFT, a.inputs[0], b)
        if right and not left:
            return graph.apply(DOT_RIGHT, a, b.inputs[0])
        return graph.apply(DOT, a, b)
    options = dict(symbol.options)
    if name == "sum" and symbol.inputs[0].ndim == 2 and options["axis"] == -2:
        total = graph.apply(SUM_ROWS, *inputs)
        if options["keepdims"]:
            total = graph.apply(graph.operations["expand_dims"], total, axis=-2)
        return total
    return None


def _early(formula: Formula, dtype: np.dtype[Any], *, kept: bool) -> list[Symbol]:
    """Choose what of an elementwise derivative to compute in the forward pass.

    Whatever the backward pass needs of the forward pass must be kept until
    then: either nodes of the value, or the finished slope, or the conditions
    (a byte each). The cheapest in memory is taken; the output itself is kept
    in any case, if what follows needs it.
    """
    slope = formula.slope
    if slope is None or slope.is_constant:
        return []
    given = {id(formula.y), *map(id, formula.inputs)}
    conditions = [
        node for node in reading_order([slope], {}) if node.dtype_kind == "bool" and node.inputs
    ]

    def cost(done: Sequence[Symbol]) -> int:
        """Count the bytes that are kept for each element."""
        ready = given | {id(symbol) for symbol in done}
        needed: dict[int, int] = {}
        seen: set[int] = set()
        stack = [slope]
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if id(node) in ready:
                size = 1 if node.dtype_kind == "bool" else dtype.itemsize
                needed[id(node)] = size if node.shape else 0
            else:
                stack.extend(node.inputs)
        if kept:
            needed.pop(id(formula.y), None)
        return sum(needed.values())

    # Late with everything from x and y, late from conditions, or early.
    choices: list[list[Symbol]] = [[], conditions, [slope]]
    return min(choices, key=cost)
