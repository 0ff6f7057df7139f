"""A training step as one graph: the layers' formulas, the loss, and their derivatives.

Letters: N rows of the batch, a label in the graph; C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Symbol, reapply, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Dimension
from nnplug.formulas.tracing import Formula, lower, put
from nnplug.network.network import Network
from nnplug.parts import Activation, Layer, Loss, Noise, Parameter, Placed, trace_placed
from nnplug.plans.emission import DOT, DOT_LEFT, DOT_RIGHT, SUM_ROWS, reading_order

__all__ = ["Arguments", "Group", "LossFormula", "StepGraph", "as_planned"]


@dataclass(eq=False)
class Group:
    """The nodes that a layer, or the loss, computes in one pass over the network.

    Attributes
    ----------
    owner : str
        The layer's name.
    roots : list of Symbol
        Its results, in order.
    names : dict of int to str
        The names of some of the nodes, by their identity.
    gradients : dict of str to Symbol
        The roots that are derivatives of parameters, or new states, by array.
    order : list of Symbol
        The nodes to compute, inputs before their users. The first plan finds
        them; they are the same for every batch size.
    """

    owner: str
    roots: list[Symbol]
    names: dict[int, str] = field(default_factory=dict)
    gradients: dict[str, Symbol] = field(default_factory=dict)
    order: list[Symbol] = field(default_factory=list, init=False)


class _Planned:
    """A part's formulas as a plan computes them, in training or outside it."""

    def __init__(self, placed: Placed, dtype: np.dtype[Any], *, training: bool) -> None:
        traced = trace_placed(placed, training=training)
        self.formula, self.dtype = traced.value, dtype
        names = [name.removeprefix(f"{placed.name}.") for name in traced.states]
        new_states = [formula.y for formula in traced.states.values()]
        self.y, *new = as_planned([self.formula.y, *new_states])
        self.new_states = dict(zip(names, new, strict=True))
        self._early: dict[bool, list[Symbol]] = {}

    @cached_property
    def pulled(self) -> list[Symbol]:
        """A number's derivative by each input."""
        return as_planned(self.formula.pulled)

    @cached_property
    def reads_input(self) -> bool:
        """Whether the derivative needs what the layer is applied to."""
        x = self.formula.inputs[0]
        return any(node is x for node in reading_order(self.pulled, {}))

    @cached_property
    def order(self) -> list[Symbol]:
        """The nodes of the forward pass, inputs before their users."""
        known = set(map(id, self.formula.inputs))
        return walk([self.y, *self.new_states.values()], known)

    @cached_property
    def backward_order(self) -> list[Symbol]:
        """The nodes of the backward pass that the forward pass does not compute."""
        known = {*map(id, (*self.formula.inputs, self.formula.g)), *map(id, self.order)}
        return walk(self.pulled, known)

    def early(self, *, kept: bool) -> list[Symbol]:
        """Choose the nodes of an elementwise derivative to compute in the forward pass.

        What the backward pass needs from the forward pass must be kept until
        then: nodes of the value, or the finished slope, or the conditions (a
        byte each). The choice is what takes the least memory. With `kept`, the
        output costs nothing, since the next layer needs it anyway.
        """
        if kept not in self._early:
            self._early[kept] = self._choose_early(kept)
        return self._early[kept]

    def _choose_early(self, kept: bool) -> list[Symbol]:
        slope = self.formula.slope
        if slope is None or slope.is_constant:
            return []
        given = {id(self.y), *map(id, self.formula.inputs)}
        order = reading_order([slope], {})
        conditions = [node for node in order if node.dtype_kind == "bool" and node.inputs]

        def cost(done: Sequence[Symbol]) -> int:
            """Count the bytes kept for each element."""
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
                    size = 1 if node.dtype_kind == "bool" else self.dtype.itemsize
                    needed[id(node)] = size if node.shape else 0
                else:
                    stack.extend(node.inputs)
            if kept:
                needed.pop(id(self.y), None)
            return sum(needed.values())

        # All late, from x and y; late, from the conditions; or the slope early.
        choices: list[list[Symbol]] = [[], conditions, [slope]]
        return min(choices, key=cost)


@dataclass(eq=False)
class _Applied:
    """A layer in the graph, with its input and its output."""

    placed: Placed
    planned: _Planned
    labels: dict[str, Dimension]
    made: dict[int, Symbol]

    @property
    def x(self) -> Symbol:
        """Its input."""
        return self.made[id(self.planned.formula.inputs[0])]

    @property
    def output(self) -> Symbol:
        """Its output."""
        return self.made[id(self.planned.y)]

    def put(self, order: Sequence[Symbol]) -> None:
        """Put nodes of the layer's formula into the graph."""
        put(order, self.made, self.x.graph, self.labels)


@dataclass(eq=False)
class Arguments:
    """The arguments of a step's graph.

    Attributes
    ----------
    given : dict of str to Symbol
        `"input"`, `"target"`, `"weight"`: the batch.
    arrays : dict of str to Symbol
        The network's parameters and states, by name.
    noise : dict of str to Symbol
        The random numbers drawn before each step, by name.
    labels : dict of str to int
        The sizes of all dimensions but N.
    """

    given: dict[str, Symbol] = field(default_factory=dict)
    arrays: dict[str, Symbol] = field(default_factory=dict)
    noise: dict[str, Symbol] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)


class LossFormula:
    """A loss in a graph of its own.

    Attributes
    ----------
    arguments : list of Symbol
        The outputs, the targets, and the rows' weights if there are any.
    unweighted : Symbol
        The formula's values.
    errors : Symbol
        The same, times their rows' weights.
    seed : Symbol
        The derivative of the printed loss by the formula's values.
    """

    def __init__(self, loss: Loss, *, weighted: bool) -> None:
        own = new_graph()
        prediction, against = loss.inputs(own)
        self.arguments = [prediction, against]
        self.unweighted = self.errors = loss.value(prediction, against)
        shape = self.unweighted.shape
        self.seed: Any = own.constant(1.0) if loss.reduction == "sum" else 1.0 / own.size(shape)
        if weighted:
            weight = own.input("weight", ("N", 1))
            self.arguments.append(weight)
            if self.errors.ndim == 1:
                expand = own.operations["expand_dims"]
                self.unweighted = self.errors = own.apply(expand, self.errors, axis=-1)
            self.errors, self.seed = self.errors * weight, weight
            if loss.reduction == "mean":
                total: Any = np.sum(weight)
                # If all rows have weight 0, nothing is learned from them; 0 / 0 would end the run.
                self.seed = weight / (np.where(total > 0, total, 1) * own.size(shape[1:]))


class StepGraph(Arguments):
    """The graph of a network, of a loss over it, and of the derivative.

    Parameters
    ----------
    network : Network
    loss : Loss or None
        None: the outputs only.
    weighted : bool
        Whether each row has a weight.
    training : bool
        Whether the network is training: the loss is differentiated, and the
        layers are told.

    Attributes
    ----------
    forward, backward : list of Group
        One for each layer, in the order in which they run.
    loss : Group or None
    output, errors : Symbol
        The network's outputs, (N, C), and their losses, times the rows' weights.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss | None = None,
        *,
        weighted: bool = False,
        training: bool = False,
    ) -> None:
        super().__init__()
        self.network, self._training = network, training
        self._planned: dict[tuple[Activation | Layer, str], _Planned] = {}
        self.graph = new_graph()
        self.given["input"] = self.graph.input("input", ("N", "D"))
        self.labels["D"] = network.inputs
        self._applied: list[_Applied] = []
        self.output = self.given["input"]
        for placed in network.placed:
            self._applied.append(self._apply(placed, self.output))
            self.output = self._applied[-1].output
        self.forward = self._forward()
        self.errors = self.output
        self.loss: Group | None = None
        self.backward: list[Group] = []
        if loss is not None:
            self.loss = self._write_loss(loss, weighted)
            if training:
                self._derive(self.loss.roots[1])

    # --- forward ------------------------------------------------------------------------

    def _apply(self, placed: Placed, x: Symbol) -> _Applied:
        """Put a layer into the graph, after its input."""
        graph = self.graph
        # A layer around layers has a formula of its own in each place, and for each width.
        key = (placed.part, placed.name if placed.inner else "")
        if key not in self._planned:
            self._planned[key] = _Planned(placed, self.network.dtype, training=self._training)
        planned = self._planned[key]
        labels: dict[str, Dimension] = {"N": "N", "D": x.shape[1], "C": x.shape[1]}
        inputs = [x]
        for own, symbol in zip(placed.arrays, planned.formula.inputs[1:], strict=True):
            for dim in symbol.shape:
                if isinstance(dim, str) and dim not in labels:
                    new = placed.name if dim == placed.width else f"{placed.name}.{dim}"
                    labels[str(dim)], self.labels[new] = new, placed.sizes[dim]
            shape = tuple(labels.get(str(dim), dim) for dim in symbol.shape)
            kind = self.noise if isinstance(own.declared, Noise) else self.arrays
            kind[own.name] = graph.input(own.name, shape)
            inputs.append(kind[own.name])
        made = {id(mine): x for mine, x in zip(planned.formula.inputs, inputs, strict=True)}
        applied = _Applied(placed, planned, labels, made)
        applied.put(planned.order)
        return applied

    def _forward(self) -> list[Group]:
        """List the layers' results, with early derivatives where that saves memory."""
        groups = []
        for number, applied in enumerate(self._applied):
            placed, planned, output = applied.placed, applied.planned, applied.output
            group = Group(placed.name, [output])
            if output is not applied.x:
                group.names[id(output)] = placed.output_name
            if self._training and output is not applied.x:
                following = self._applied[number + 1 : number + 2]
                kept = all(layer.planned.reads_input for layer in following)
                early = planned.early(kept=kept)
                applied.put(walk(early, applied.made))
                group.roots += [applied.made[id(symbol)] for symbol in early]
            if self._training:
                for name, symbol in planned.new_states.items():
                    group.gradients[f"{placed.name}.{name}"] = applied.made[id(symbol)]
                group.roots += group.gradients.values()
            groups.append(group)
        return groups

    # --- loss ---------------------------------------------------------------------------

    def _write_loss(self, loss: Loss, weighted: bool) -> Group:
        """Put the loss into the graph, with its derivative by the outputs."""
        formula = LossFormula(loss, weighted=weighted)
        arguments = formula.arguments
        wanted = [formula.errors]
        if self._training:
            wanted += differentiate(formula.unweighted, arguments[:1], formula.seed)
        labels = self.loss_labels(loss)
        for name, symbol in zip(("target", "weight"), arguments[1:], strict=False):
            shape = tuple(labels.get(str(dim), dim) for dim in symbol.shape)
            self.given[name] = self.graph.input(name, shape, symbol.dtype_kind)
        given = [self.output, *list(self.given.values())[1:]]
        made = {id(mine): other for mine, other in zip(arguments, given, strict=True)}
        planned = as_planned(lower(wanted))
        put(walk(planned, made), made, self.graph, labels)
        roots = [made[id(symbol)] for symbol in planned]
        self.errors = roots[0]
        group = Group("loss", roots)
        for symbol, name in zip(roots, ("loss.each", "loss.grad"), strict=False):
            group.names.setdefault(id(symbol), name)
        return group

    def loss_labels(self, loss: Loss) -> dict[str, Dimension]:
        """Give the dimensions that the labels of a loss's formula stand for."""
        width = self.output.shape[1]
        if not loss.heads:
            return {"N": "N", "C": width}
        self.labels["targets"] = self.network.outputs // loss.outputs_for_each
        return {"N": "N", "K": width, "C": "targets"}

    def formulas(self) -> list[tuple[Placed, Formula]]:
        """List the layers with their formulas."""
        return [(applied.placed, applied.planned.formula) for applied in self._applied]

    # --- backward -----------------------------------------------------------------------

    def _derive(self, g: Symbol) -> None:
        """List the derivatives by all parameters, layer by layer, from that by the outputs."""
        for number in reversed(range(len(self._applied))):
            applied = self._applied[number]
            planned = applied.planned
            applied.made[id(planned.formula.g)] = g
            applied.put(planned.backward_order)
            by_input, *by_arrays = [applied.made[id(symbol)] for symbol in planned.pulled]
            group = Group(applied.placed.name, [])
            for array, symbol in zip(applied.placed.arrays, by_arrays, strict=True):
                if isinstance(array.declared, Parameter):
                    group.gradients[array.name] = symbol
            group.roots += group.gradients.values()
            if number:
                group.roots.append(by_input)
                group.names[id(by_input)] = self._applied[number - 1].placed.gradient_name
            self.backward.append(group)
            g = by_input


def as_planned(nodes: Sequence[Symbol]) -> list[Symbol]:
    """Replace products with transposed matrices, and sums over rows, by a plan's operations."""
    made: dict[int, Symbol] = {}
    for symbol in walk(nodes):
        inputs = [made[id(child)] for child in symbol.inputs]
        other = _rewritten(symbol, inputs)
        made[id(symbol)] = reapply(symbol, inputs) if other is None else other
    return [made[id(symbol)] for symbol in nodes]


def _rewritten(symbol: Symbol, inputs: list[Symbol]) -> Symbol | None:
    name, graph = symbol.operation.name, symbol.graph
    if name == "matmul":
        a, b = inputs
        left, right = (child.operation.name == "transpose" for child in inputs)
        if left and not right:
            return graph.apply(DOT_LEFT, a.inputs[0], b)
        if right and not left:
            return graph.apply(DOT_RIGHT, a, b.inputs[0])
        return graph.apply(DOT, a, b)
    if name == "sum" and symbol.inputs[0].ndim == 2:
        options = dict(symbol.options)
        if options["axis"] == -2:
            total = graph.apply(SUM_ROWS, *inputs)
            if options["keepdims"]:
                total = graph.apply(graph.operations["expand_dims"], total, axis=-2)
            return total
    return None
