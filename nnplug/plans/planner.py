"""From a network, a loss and an optimizer to the program of one training step.

Letters: N rows of the batch, D inputs, H units, C outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.network import Layer, Network
from nnplug.parts import Activation, Loss, Optimizer
from nnplug.plans.emission import (
    CAST,
    COPY,
    DOT,
    DOT_LEFT,
    DOT_RIGHT,
    SUM_ROWS,
    TAKE,
    TOTAL,
    Emitter,
    concrete,
    reading_order,
)
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.plans.regularization import (
    Regularization,
    write_clip,
    write_dropout,
    write_penalty,
)
from nnplug.plans.update import write_update

__all__ = ["StepPlanner", "plan_evaluation", "plan_step"]


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

    The new parameters are written over the gradients they came from, so that
    they can be checked before they are taken over: the two vectors then
    change places, which costs nothing and leaves the last finite parameters
    untouched if the check fails.

    Parameters
    ----------
    optimizer : Optimizer or None
        None: there is no update, and the gradients are left in their vector.
    rows : int
        The batch size, N.
    gather : bool
        Whether the step takes its rows from the data by index; otherwise the
        data is the batch.
    data_dtypes : sequence of dtype, optional
        Of the data's inputs, targets and weights, where they differ from the
        network's.
    weighted : bool
        Whether each row has a weight w: the loss is then Σwℓ / Σw over the
        batch, or Σwℓ for a loss that is summed.
    regularization : Regularization, optional
        Penalties, dropout, clipping. Dropout reads the data
        `"hidden1.noise"`, ..., uniform on [0, 1); a penalty is left in the
        number `"penalty"`.
    keep_outputs : bool
        Whether the network's outputs, (N, C), are a result too, for metrics.

    Returns
    -------
    Program
        With the results `"loss"` (the sum of the loss formula's values, a
        float64), `"checks"` (squares summed over gradients and new
        parameters, finite only if they are) and, where they are kept,
        `"outputs"`.

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

    What does not depend on the batch size is written once: the programs share
    its sections.

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
        self._formulas: _Formulas = {}
        self._last: list[Section] = []

    def plan(self, rows: int) -> Program:
        """Plan the step for a batch size."""
        emitter, loss = Emitter(self.network, rows), self.loss
        inputs, target, weight = _write_batch(
            emitter, loss, self.gather, self.data_dtypes, self.weighted
        )
        passed = _write_forward(emitter, inputs, self._formulas, self.regularization)
        output = passed[-1].output
        if self.keep_outputs:
            # In the last layer's own section, where each output is at hand.
            kept = emitter.value("outputs", output.shape, role="result", vector="outputs")
            emitter.sections[-1].instructions.append(Instruction(COPY, (output,), kept))
        gradient = _write_loss(emitter, loss, output, target, weight)
        _write_backward(emitter, passed, gradient)
        summed = loss.reduction == "sum"
        by_rows = self.regularization.counts_rows(summed=summed)
        if by_rows:
            write_penalty(emitter, self.regularization, summed=summed, weight=weight)
        if not self._last:
            first = len(emitter.sections)
            if not by_rows:
                write_penalty(emitter, self.regularization, summed=summed, weight=weight)
            if self.regularization.clip_global_norm is not None:
                write_clip(emitter, self.regularization.clip_global_norm)
            if self.optimizer is not None:
                write_update(emitter, self.optimizer)
            self._last = emitter.sections[first:]
        else:
            emitter.sections += self._last
        return _program(emitter)


def plan_evaluation(
    network: Network, rows: int, loss: Loss | None = None, *, weighted: bool = False
) -> Program:
    """Plan the forward pass, and the loss if one is given.

    Returns
    -------
    Program
        With the results `"output"`, (N, C), and `"loss"`.
    """
    emitter = Emitter(network, rows)
    inputs, target, weight = _write_batch(emitter, loss, False, None, weighted)
    output = _write_forward(emitter, inputs, {})[-1].output
    if loss is not None:
        _write_loss(emitter, loss, output, target, weight, derive=False)
    result = emitter.value("output", output.shape, role="result", vector="output")
    emitter.section("output", "result").instructions.append(Instruction(COPY, (output,), result))
    return _program(emitter)


def _program(emitter: Emitter) -> Program:
    sections = [section for section in emitter.sections if section.instructions]
    return Program(emitter.rows, sections)


# --- batch -----------------------------------------------------------------------------


def _write_batch(
    emitter: Emitter,
    loss: Loss | None,
    gather: bool,
    data_dtypes: Sequence[Any] | None,
    weighted: bool,
) -> tuple[Value, Value, Value | None]:
    """Write the batch: the data itself, or rows taken from it."""
    n, first, last = emitter.rows, emitter.network.layers[0], emitter.network.layers[-1]
    labels = loss is not None and loss.against == "labels"
    shapes = {"input": (n, first.fan_in), "target": (n, 1 if labels else last.fan_out)}
    own = {"input": emitter.dtype, "target": np.dtype(np.int64) if labels else emitter.dtype}
    if weighted:
        shapes["weight"], own["weight"] = (n, 1), emitter.dtype
    if not gather:
        batch = [
            emitter.value(name, shape, role="data", vector=name, dtype=own[name])
            for name, shape in shapes.items()
        ]
        return batch[0], batch[1], batch[2] if weighted else None
    section = emitter.section("gather", "take the rows of the batch")
    index = Value("rows", (n,), np.dtype(np.intp), "data", vector="rows")
    batch = []
    for (name, shape), given in zip(shapes.items(), data_dtypes or own.values(), strict=True):
        dtype = np.dtype(given)
        source = Value(f"all {name}s", (-1, shape[1]), dtype, "data", vector=name)
        taken = emitter.value(name, shape, dtype=dtype)
        section.instructions.append(Instruction(TAKE, (source, index), taken))
        if dtype != own[name]:
            wide, taken = taken, emitter.value(name, shape, dtype=own[name])
            section.instructions.append(Instruction(CAST, (wide,), taken))
        batch.append(taken)
    return batch[0], batch[1], batch[2] if weighted else None


# --- forward ---------------------------------------------------------------------------


class _LayerFormula:
    """An activation with its derivative, lowered together.

    Attributes
    ----------
    x, y, g : Symbol
        The sums, the outputs, and the loss's derivative by the outputs.
    slope : Symbol or None
        dy/dx of an elementwise activation.
    pulled : Symbol or None
        The loss's derivative by the sums, of a row-wise activation.
    options : dict of str to Symbol
        Its trainable options.
    by_option : dict of str to Symbol
        The loss's derivative by each of them.
    """

    def __init__(self, activation: Activation, graph: Graph) -> None:
        self.x = graph.input("z", ("N", "C"))
        self.g = graph.input("g", ("N", "C"))
        self.options = {name: graph.input(name) for name in activation.trainables}
        y = activation.value(self.x, self.options)
        slope = activation.slope(self.x, y, self.options)
        back = slope if slope is not None else activation.pull_back(self.x, y, self.g)
        by_option = differentiate(y, list(self.options.values()), self.g) if self.options else []
        self.y, lowered, *options = lower([y, back, *by_option])
        self.slope = lowered if slope is not None else None
        self.pulled = lowered if slope is None else None
        self.by_option = dict(zip(self.options, options, strict=True))


_Formulas = dict[Activation, _LayerFormula]


@dataclass(eq=False)
class _Passed:
    """What the backward pass needs of a layer's forward pass."""

    layer: Layer
    input: Value
    output: Value
    formula: _LayerFormula
    values: dict[int, Value]
    mask: Value | None = None


def _write_forward(
    emitter: Emitter,
    inputs: Value,
    formulas: _Formulas,
    training: Regularization | None = None,
) -> list[_Passed]:
    """Write the forward pass; early derivatives where that saves memory.

    Parameters
    ----------
    formulas : dict of Activation to _LayerFormula
        Those that are known; others are added.
    training : Regularization, optional
        If a backward pass follows; for its dropout.
    """
    passed: list[_Passed] = []
    for position, layer in enumerate(emitter.network.layers):
        name, shape = layer.name, (emitter.rows, layer.fan_out)
        x = passed[-1].output if passed else inputs
        weight, bias = emitter.parameter(f"{name}.weight"), emitter.parameter(f"{name}.bias")
        product, z = emitter.value(f"{name}.xw", shape), emitter.value(f"{name}.z", shape)
        if layer.activation not in formulas:
            formulas[layer.activation] = _LayerFormula(layer.activation, new_graph())
        formula = formulas[layer.activation]
        operations = formula.x.graph.operations
        matrix = emitter.section("forward", f"forward: {name}")
        matrix.instructions.append(Instruction(DOT, (x, weight), product))
        section = emitter.section("forward", f"forward: {name}, row by row", tiled=True)
        section.instructions.append(Instruction(operations["add"], (product, bias), z))
        values = {id(formula.x): z}
        for option, symbol in formula.options.items():
            values[id(symbol)] = emitter.parameter(f"{name}.{option}")
        sizes = {"N": emitter.rows, "C": layer.fan_out}
        output = z if formula.y is formula.x else emitter.value(f"{name}.a", shape)
        dropped = training.dropped(position) if training and layer.name != "output" else 0.0
        early = _early(formula, sizes, emitter.dtype, kept=not dropped) if training else []
        roots = [formula.y, *early]
        names = {} if output is z else {id(formula.y): output}
        emitter.emit(section, roots, values, prefix=name, sizes=sizes, names=names)
        if formula.y.is_constant:
            number = emitter.constant(formula.y.value)
            broadcast = Instruction(operations["broadcast_like"], (number,), output)
            section.instructions.append(broadcast)
        mask = None
        if dropped:
            output, mask = write_dropout(emitter, section, layer, output, dropped)
        passed.append(_Passed(layer, x, output, formula, values, mask))
    return passed


def _early(
    formula: _LayerFormula, sizes: Mapping[str, int], dtype: np.dtype[Any], *, kept: bool
) -> list[Symbol]:
    """Choose what of the derivative to compute in the forward pass.

    Whatever the backward pass needs of the forward pass must be kept until
    then: either nodes of the value, or the finished slope, or the conditions
    (a byte each). The cheapest in memory is taken; the output itself is kept
    in any case, for the next layer's weights, unless some of it is dropped.
    """
    slope = formula.slope
    if slope is None or slope.is_constant:
        return []
    given = {id(formula.x), id(formula.y), *map(id, formula.options.values())}
    order = reading_order([slope], {})
    conditions = [node for node in order if node.dtype_kind == "bool" and node.inputs]

    def cost(done: Sequence[Symbol]) -> int:
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
                elements = math.prod(concrete(node.shape, sizes)) if node.shape else 0
                needed[id(node)] = elements * size
            else:
                stack.extend(node.inputs)
        if kept:
            needed.pop(id(formula.y), None)
        return sum(needed.values())

    # Late with everything from x and y, late from conditions, or early.
    choices: list[list[Symbol]] = [[], conditions, [slope]]
    return min(choices, key=cost)


# --- loss ------------------------------------------------------------------------------


def _write_loss(
    emitter: Emitter,
    loss: Loss,
    output: Value,
    target: Value,
    weight: Value | None,
    *,
    derive: bool = True,
) -> Value:
    """Write the loss and give its derivative by the network's output, or its sum."""
    graph = new_graph()
    prediction, against = loss.inputs(graph)
    errors = loss.value(prediction, against)
    sizes = {"N": emitter.rows, "C": output.shape[1]}
    shape = concrete(errors.shape, sizes)
    values = {id(prediction): output, id(against): target}
    count = math.prod(shape) if loss.reduction == "mean" else 1
    seed = graph.constant(1.0 / count)
    if weight is not None:
        by_row, share = graph.input("weight", ("N", 1)), graph.input("share", ("N", 1))
        values |= {id(by_row): weight, id(share): weight}
        if loss.reduction == "mean":
            values[id(share)] = _write_shares(emitter, weight, count // emitter.rows)
        if errors.ndim == 1:
            expand = graph.operations["expand_dims"]
            errors, shape = graph.apply(expand, errors, axis=-1), (*shape, 1)
        seed, errors = share, errors * by_row
    unweighted = errors.inputs[0] if weight is not None else errors
    roots = [errors]
    if derive:
        roots += differentiate(unweighted, [prediction], seed)
    lowered = lower(roots)
    names: dict[int, Value] = {}
    for symbol, made in zip(
        lowered,
        (emitter.value("loss.each", shape), emitter.value("loss.grad", output.shape)),
        strict=False,
    ):
        if symbol.inputs:
            names.setdefault(id(symbol), made)
    section = emitter.section("loss", f"loss: {loss.text}", tiled=True)
    emitter.emit(section, lowered, values, prefix="loss", sizes=sizes, names=names)
    total = Value("loss", (), np.dtype(np.float64), "result", vector="loss")
    emitter.section("loss", "loss: sum").instructions.append(
        Instruction(TOTAL, (values[id(lowered[0])],), total)
    )
    return values[id(lowered[1])] if derive else total


def _write_shares(emitter: Emitter, weight: Value, elements: int) -> Value:
    """Write each row's share in the mean: its weight over the weights' sum."""
    graph = new_graph()
    section = emitter.section("loss", "loss: weights")
    by_row = graph.input("weight", ("N", 1))
    total = np.sum(by_row)
    # Rows that all weigh nothing teach nothing; 0 / 0 would end the run.
    shares = by_row / (np.where(total > 0, total, 1) * elements)
    values = {id(by_row): weight}
    made = emitter.value("loss.share", weight.shape)
    emitter.emit(
        section,
        [shares],
        values,
        prefix="share",
        sizes={"N": emitter.rows},
        names={id(shares): made},
    )
    return made


# --- backward --------------------------------------------------------------------------


def _write_backward(emitter: Emitter, passed: list[_Passed], gradient: Value) -> None:
    """Write the backward pass: from the loss to every parameter's gradient."""
    for each in reversed(passed):
        name, formula, values = each.layer.name, each.formula, each.values
        sizes = {"N": emitter.rows, "C": each.layer.fan_out}
        # A trainable option's gradient sums over all rows, so not by tiles.
        section = emitter.section(
            "backward", f"backward: {name}, row by row", tiled=not formula.options
        )
        if each.mask is not None:
            multiply = formula.x.graph.operations["multiply"]
            undropped = emitter.value(f"{name}.a.grad", gradient.shape)
            section.instructions.append(Instruction(multiply, (gradient, each.mask), undropped))
            gradient = undropped
        values[id(formula.g)] = gradient
        for option, symbol in formula.by_option.items():
            emitter.emit(section, [symbol], values, prefix=name, sizes=sizes)
            place = emitter.parameter(f"{name}.{option}", gradient=True)
            source = emitter.operand(symbol, values)
            section.instructions.append(Instruction(COPY, (source,), place))
        delta = _write_delta(emitter, section, each, gradient, sizes)
        weight = emitter.parameter(f"{name}.weight")
        products = emitter.section("backward", f"backward: {name}").instructions
        by_weight = emitter.parameter(f"{name}.weight", gradient=True)
        by_bias = emitter.parameter(f"{name}.bias", gradient=True)
        products.append(Instruction(DOT_LEFT, (each.input, delta), by_weight))
        products.append(Instruction(SUM_ROWS, (delta,), by_bias))
        if each is not passed[0]:
            gradient = emitter.value(f"{name}.input.grad", each.input.shape)
            products.append(Instruction(DOT_RIGHT, (delta, weight), gradient))


def _write_delta(
    emitter: Emitter, section: Section, each: _Passed, gradient: Value, sizes: Mapping[str, int]
) -> Value:
    """Write the derivative by the layer's sums, from that by its output."""
    formula, name = each.formula, each.layer.name
    delta = emitter.value(f"{name}.delta", gradient.shape)
    if formula.pulled is not None:
        names = {id(formula.pulled): delta} if formula.pulled.inputs else {}
        emitter.emit(section, [formula.pulled], each.values, prefix=name, sizes=sizes, names=names)
        return each.values[id(formula.pulled)]
    assert formula.slope is not None
    if _is_one(formula.slope):
        return gradient
    emitter.emit(section, [formula.slope], each.values, prefix=name, sizes=sizes)
    slope = emitter.operand(formula.slope, each.values)
    multiply = formula.x.graph.operations["multiply"]
    section.instructions.append(Instruction(multiply, (gradient, slope), delta))
    return delta


def _is_one(slope: Symbol) -> bool:
    """Whether a slope is 1 everywhere, as that of no activation."""
    number = slope.inputs[0] if slope.operation.name == "broadcast_like" else slope
    return number.is_constant and number.value == 1.0
