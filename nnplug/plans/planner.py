"""From a network, a loss and an optimizer to the program of one training step.

Letters: N rows of the batch, D inputs, H units, C outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Graph, Operation, Shape, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tracing import lower
from nnplug.network import Layer, Network, Span
from nnplug.parts import Activation, Loss, Optimizer
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["plan_evaluation", "plan_step"]


def _operation(name: str, evaluate: Callable[..., Any]) -> Operation:
    return Operation(name, evaluate, shape=lambda *shapes: shapes[0])


# Operations of a plan that no formula writes.
DOT = _operation("dot", np.dot)
DOT_LEFT = _operation("dot_left", lambda a, b: np.dot(a.T, b))  # aᵀ·b
DOT_RIGHT = _operation("dot_right", lambda a, b: np.dot(a, b.T))  # a·bᵀ
SUM_ROWS = _operation("sum_rows", lambda a: np.sum(a, axis=0))
TOTAL = _operation("total", lambda a: np.sum(a, dtype=np.float64))
TAKE = _operation("take", lambda data, rows: data[rows])
SQUARES = _operation("squares", lambda a: np.dot(a, a))
COPY = _operation("copy", lambda a: a)
CAST = _operation("cast", lambda a: a)

# Inputs that are read for their shape alone.
_SHAPE_ONLY = {"broadcast_like": 1, "one_hot": 1}


def plan_step(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    rows: int,
    *,
    gather: bool = True,
    data_dtypes: tuple[Any, Any] | None = None,
) -> Program:
    """Plan one training step: gather, forward, loss, backward, update.

    The new parameters are written over the gradients they came from, so that
    they can be checked before they are taken over: the two vectors then
    change places, which costs nothing and leaves the last finite parameters
    untouched if the check fails.

    Parameters
    ----------
    rows : int
        The batch size, N.
    gather : bool
        Whether the step takes its rows from the data by index; otherwise the
        data is the batch.
    data_dtypes : pair of dtype, optional
        Of the data's inputs and targets, where they differ from the network's.

    Returns
    -------
    Program
        With the results `"loss"` (the sum of the loss formula's values, a
        float64) and `"checks"` (squares summed over gradients and new
        parameters, finite only if they are).

    Raises
    ------
    FormulaError
        If a part cannot be traced.
    """
    builder = _Builder(network, rows)
    inputs, target = builder.batch(loss, gather, data_dtypes)
    kept = builder.forward(inputs, training=True)
    gradient = builder.loss(loss, kept[-1].output, target)
    builder.backward(kept, gradient)
    builder.update(optimizer)
    return Program(rows, builder.sections)


def plan_evaluation(network: Network, rows: int, loss: Loss | None = None) -> Program:
    """Plan the forward pass, and the loss if one is given.

    Returns
    -------
    Program
        With the results `"output"`, (N, C), and `"loss"`.
    """
    builder = _Builder(network, rows)
    inputs, target = builder.batch(loss, False, None)
    kept = builder.forward(inputs, training=False)
    output = kept[-1].output
    if loss is not None:
        builder.loss(loss, output, target, derive=False)
    result = builder.value("output", output.shape, role="result", vector="output")
    builder.section("result").instructions.append(Instruction(COPY, (output,), result))
    return Program(rows, builder.sections)


@dataclass(eq=False)
class _Kept:
    """What the backward pass needs of a layer's forward pass."""

    layer: Layer
    input: Value
    output: Value
    formula: _LayerFormula
    values: dict[int, Value]


class _LayerFormula:
    """A layer's activation with its derivative, lowered together."""

    def __init__(self, layer: Layer, graph: Graph) -> None:
        activation: Activation = layer.activation
        self.x = graph.input("z", ("N", "C"))
        self.g = graph.input("g", ("N", "C"))
        self.options = {name: graph.input(name) for name in activation.trainables}
        y = activation.value(self.x, self.options)
        slope = activation.slope(self.x, y, self.options)
        back = y if slope is not None else activation.pull_back(self.x, y, self.g)
        by_option = differentiate(y, list(self.options.values()), self.g) if self.options else []
        lowered = lower([y, slope if slope is not None else back, *by_option])
        self.y = lowered[0]
        self.slope = lowered[1] if slope is not None else None
        self.pulled = None if slope is not None else lowered[1]
        self.by_option = dict(zip(self.options, lowered[2:], strict=True))


class _Builder:
    """Writes the sections of a program, one after the other."""

    def __init__(self, network: Network, rows: int) -> None:
        self.network = network
        self.rows = rows
        self.dtype = network.dtype
        self.sections: list[Section] = []
        self.widths = [network.layers[0].fan_in, *(layer.fan_out for layer in network.layers)]
        self._constants: dict[tuple[str, str], Value] = {}
        self._counts: dict[str, int] = {}
        self._numbers: Section | None = None
        self._narrow: dict[Value, Value] = {}

    # --- values ---------------------------------------------------------------------

    def section(self, title: str, *, tiled: bool = False, rows: int | None = None) -> Section:
        """Begin a section."""
        self.sections.append(Section(title, (rows or self.rows) if tiled else None))
        return self.sections[-1]

    def value(self, name: str, shape: tuple[int, ...], **fields: Any) -> Value:
        """Make a value of the network's dtype; batch values go by row."""
        fields.setdefault("per_row", len(shape) == 2 and shape[0] == self.rows)
        return Value(name, shape, fields.pop("dtype", self.dtype), **fields)

    def constant(self, number: float, dtype: Any = None) -> Value:
        """Make a number of a formula, in the dtype of its neighbours."""
        kind = np.dtype(dtype or self.dtype)
        key = (repr(number), kind.str)
        if key not in self._constants:
            text = str(int(number)) if float(number).is_integer() and abs(number) < 1e9 else (
                f"{number:.6g}")  # fmt: skip
            self._constants[key] = Value(text, (), kind, "constant", number=number)
        return self._constants[key]

    def parameter(self, span: Span, *, gradient: bool = False) -> Value:
        """Make the value of one parameter array or of its gradient."""
        return Value(
            f"{span.name}.grad" if gradient else span.name,
            span.shape,
            self.dtype,
            "gradients" if gradient else "parameters",
            start=span.start,
        )

    # --- a formula's graph as instructions --------------------------------------------

    def emit(
        self,
        section: Section,
        roots: Iterable[Symbol],
        values: dict[int, Value],
        *,
        prefix: str,
        sizes: Mapping[str, int],
        names: Mapping[int, Value] | None = None,
    ) -> None:
        """Append what computes the roots, adding each node's value to `values`.

        Parameters
        ----------
        values : dict
            From the identity of a symbol to its value; inputs stand in it.
        names : mapping, optional
            Values made beforehand for some nodes.
        """
        for symbol in _order(roots, values):
            if symbol.is_constant:
                continue
            if symbol.is_input:
                if symbol.name not in sizes:
                    raise AssertionError(f"no value for the input {symbol.name}")
                continue
            read = symbol.inputs[: _SHAPE_ONLY.get(symbol.operation.name, len(symbol.inputs))]
            shape = _concrete(symbol.shape, sizes)
            number = not shape and all(self._is_number(child, values) for child in read)
            # Numbers are computed in float64 beside the arrays: 1 - beta2**step
            # would lose half its digits in float32.
            dtype = np.dtype(np.float64) if number else self.dtype
            inputs = tuple(self._operand(child, values, sizes, dtype, number) for child in read)
            output = (names or {}).get(id(symbol))
            if output is None:
                self._counts[prefix] = self._counts.get(prefix, 0) + 1
                kind = np.dtype(bool) if symbol.dtype_kind == "bool" else dtype
                by_row = section.rows is not None and shape[:1] == (section.rows,)
                output = Value(
                    f"{prefix}.t{self._counts[prefix]}",
                    shape,
                    kind,
                    "scalar" if number else "buffer",
                    per_row=by_row,
                )
            values[id(symbol)] = output
            target = self._numbers if number and self._numbers is not None else section
            target.instructions.append(
                Instruction(symbol.operation, inputs, output, dict(symbol.options))
            )

    @staticmethod
    def _is_number(symbol: Symbol, values: Mapping[int, Value]) -> bool:
        """Whether a node is known outside the arrays: it varies with the step at most."""
        value = values.get(id(symbol))
        return value.role in ("scalar", "constant") if value is not None else not symbol.inputs

    def _operand(
        self,
        symbol: Symbol,
        values: dict[int, Value],
        sizes: Mapping[str, int],
        dtype: np.dtype[Any],
        number: bool,
    ) -> Value:
        if symbol.is_constant:
            truth = symbol.dtype_kind == "bool"
            return self.constant(symbol.value, np.dtype(bool) if truth else dtype)
        value = values.get(id(symbol))
        if value is None:  # the size of a dimension
            return self.constant(float(sizes[symbol.name]), dtype)
        if number or value.role != "scalar" or value.dtype in (self.dtype, np.dtype(bool)):
            return value
        # A float64 number would make NumPy compute the whole array in float64.
        if value not in self._narrow:
            assert self._numbers is not None
            narrow = Value(f"{value.name}.{self.dtype.name}", (), self.dtype, "scalar")
            self._numbers.instructions.append(Instruction(CAST, (value,), narrow))
            self._narrow[value] = narrow
        return self._narrow[value]

    # --- the parts of a step -------------------------------------------------------------

    def batch(
        self, loss: Loss | None, gather: bool, data_dtypes: tuple[Any, Any] | None
    ) -> tuple[Value, Value]:
        """Make the batch: the data itself, or rows taken from it."""
        n, d, c = self.rows, self.widths[0], self.widths[-1]
        labels = loss is not None and loss.against == "labels"
        shapes = {"input": (n, d), "target": (n, 1) if labels else (n, c)}
        own = {"input": self.dtype, "target": np.dtype(np.int64) if labels else self.dtype}
        given = dict(zip(shapes, data_dtypes or own.values(), strict=True))
        if not gather:
            made = [
                self.value(name, shape, role="data", vector=name, dtype=own[name])
                for name, shape in shapes.items()
            ]
            return made[0], made[1]
        section = self.section("take the rows of the batch")
        index = Value("rows", (n,), np.dtype(np.intp), "data", vector="rows")
        batch = []
        for name, shape in shapes.items():
            dtype = np.dtype(given[name])
            source = Value(f"all {name}s", (-1, shape[1]), dtype, "data", vector=name)
            taken = self.value(name, shape, dtype=dtype)
            section.instructions.append(Instruction(TAKE, (source, index), taken))
            if dtype != own[name]:
                wide, taken = taken, self.value(name, shape, dtype=own[name])
                section.instructions.append(Instruction(CAST, (wide,), taken))
            batch.append(taken)
        return batch[0], batch[1]

    def forward(self, inputs: Value, *, training: bool) -> list[_Kept]:
        """Write the forward pass; early derivatives where that saves memory."""
        kept = []
        x = inputs
        for layer in self.network.layers:
            name = layer.name
            weight = self.parameter(self.network.span(f"{name}.weight"))
            bias = self.parameter(self.network.span(f"{name}.bias"))
            shape = (self.rows, layer.fan_out)
            product = self.value(f"{name}.xw", shape)
            self.section(f"forward: {name}").instructions.append(
                Instruction(DOT, (x, weight), product)
            )
            section = self.section(f"forward: {name}, row by row", tiled=True)
            z = self.value(f"{name}.z", shape)
            graph = new_graph()
            section.instructions.append(Instruction(graph.operations["add"], (product, bias), z))
            formula = _LayerFormula(layer, graph)
            values = {id(formula.x): z}
            for option, symbol in formula.options.items():
                values[id(symbol)] = self.parameter(self.network.span(f"{name}.{option}"))
            sizes = {"N": self.rows, "C": layer.fan_out}
            named = {} if formula.y is formula.x else {
                id(formula.y): self.value(f"{name}.a", shape)}  # fmt: skip
            roots = [formula.y]
            if training:
                roots += self._early(formula, sizes)
            self.emit(section, roots, values, prefix=name, sizes=sizes, names=named)
            if id(formula.y) not in values:  # a constant activation
                flat = named[id(formula.y)]
                number = self.constant(formula.y.value)
                section.instructions.append(
                    Instruction(graph.operations["broadcast_like"], (number,), flat)
                )
                values[id(formula.y)] = flat
            output = values[id(formula.y)]
            kept.append(_Kept(layer, x, output, formula, values))
            x = output
        return kept

    def _early(self, formula: _LayerFormula, sizes: Mapping[str, int]) -> list[Symbol]:
        """Choose what of the derivative to compute in the forward pass.

        Whatever the backward pass needs of the forward pass must be kept
        until then: either nodes of the value, or the finished slope, or the
        conditions (a byte each). The cheapest in memory is taken; the
        output itself is kept in any case, for the next layer's weights.
        """
        slope = formula.slope
        if slope is None or slope.is_constant:
            return []
        given = {id(formula.x), id(formula.y), *map(id, formula.options.values())}
        conditions = [
            node for node in _order([slope], {}) if node.dtype_kind == "bool" and node.inputs
        ]

        def cost(done: Sequence[Symbol]) -> int:
            ready = {id(symbol) for symbol in done}
            needed: dict[int, int] = {}
            stack = [slope]
            while stack:
                node = stack.pop()
                if id(node) in ready or id(node) in given:
                    width = math.prod(_concrete(node.shape, sizes)) if node.shape else 0
                    size = 1 if node.dtype_kind == "bool" else self.dtype.itemsize
                    needed[id(node)] = width * size
                else:
                    stack.extend(node.inputs)
            needed.pop(id(formula.y), None)
            return sum(needed.values())

        # Late with everything from x and y, late from conditions, or early.
        choices: list[list[Symbol]] = [[], conditions, [slope]]
        return min(choices, key=cost)

    def loss(self, loss: Loss, output: Value, target: Value, *, derive: bool = True) -> Value:
        """Write the loss and its derivative by the network's output."""
        graph = new_graph()
        prediction, against = loss.inputs(graph)
        errors = loss.value(prediction, against)
        sizes = {"N": self.rows, "C": self.widths[-1]}
        count = math.prod(_concrete(errors.shape, sizes)) if loss.reduction == "mean" else 1
        roots = [errors]
        if derive:
            roots += differentiate(errors, [prediction], graph.constant(1.0 / count))
        lowered = lower(roots)
        values = {id(prediction): output, id(against): target}
        section = self.section(f"loss: {loss.text}", tiled=True)
        named = {}
        if lowered[0].inputs:
            shape = _concrete(lowered[0].shape, sizes)
            named[id(lowered[0])] = Value("loss.each", shape, self.dtype, per_row=True)
        gradient = self.value("loss.grad", (self.rows, self.widths[-1]))
        if derive and lowered[1].inputs and lowered[1] is not lowered[0]:
            named[id(lowered[1])] = gradient
        self.emit(section, lowered, values, prefix="loss", sizes=sizes, names=named)
        total = Value("loss", (), np.dtype(np.float64), "result", vector="loss")
        self.section("loss: sum").instructions.append(
            Instruction(TOTAL, (values[id(lowered[0])],), total)
        )
        return values[id(lowered[1])] if derive else total

    def backward(self, kept: list[_Kept], gradient: Value) -> None:
        """Write the backward pass: from the loss to every parameter's gradient."""
        for each in reversed(kept):
            name, formula, values = each.layer.name, each.formula, each.values
            sizes = {"N": self.rows, "C": each.layer.fan_out}
            values[id(formula.g)] = gradient
            # A trainable option's gradient sums over all rows, so not by tiles.
            section = self.section(f"backward: {name}, row by row", tiled=not formula.options)
            for option, symbol in formula.by_option.items():
                place = self.parameter(self.network.span(f"{name}.{option}"), gradient=True)
                self.emit(section, [symbol], values, prefix=name, sizes=sizes)
                section.instructions.append(Instruction(COPY, (values[id(symbol)],), place))
            delta = self._delta(section, each, gradient, sizes)
            products = self.section(f"backward: {name}")
            weight = self.network.span(f"{name}.weight")
            bias = self.network.span(f"{name}.bias")
            products.instructions += [
                Instruction(DOT_LEFT, (each.input, delta), self.parameter(weight, gradient=True)),
                Instruction(SUM_ROWS, (delta,), self.parameter(bias, gradient=True)),
            ]
            if each is not kept[0]:
                gradient = self.value(f"{name}.input.grad", each.input.shape)
                products.instructions.append(
                    Instruction(DOT_RIGHT, (delta, self.parameter(weight)), gradient)
                )

    def _delta(
        self, section: Section, each: _Kept, gradient: Value, sizes: Mapping[str, int]
    ) -> Value:
        """Write the derivative by the layer's sums, from that by its output."""
        formula, name = each.formula, each.layer.name
        named = self.value(f"{name}.delta", gradient.shape)
        if formula.slope is None:
            assert formula.pulled is not None
            self.emit(
                section, [formula.pulled], each.values, prefix=name, sizes=sizes,
                names={id(formula.pulled): named},
            )  # fmt: skip
            return each.values[id(formula.pulled)]
        if formula.slope.is_constant and formula.slope.value == 1.0:
            return gradient
        self.emit(section, [formula.slope], each.values, prefix=name, sizes=sizes)
        slope = (
            self.constant(formula.slope.value)
            if formula.slope.is_constant
            else each.values[id(formula.slope)]
        )
        multiply = formula.x.graph.operations["multiply"]
        section.instructions.append(Instruction(multiply, (gradient, slope), named))
        return named

    # --- the update -----------------------------------------------------------------------

    def update(self, optimizer: Optimizer) -> None:
        """Write the optimizer, with a check before and after."""
        size = self.network.size
        at_once = optimizer.over == "vector" or _same_for_all(optimizer)
        pieces = [Span("", 0, size, (size,))] if at_once else list(self.network.spans)
        self._numbers = self.section(f"update: {optimizer.text}, numbers")
        for span in pieces:
            self._update_piece(optimizer, span)
        self.sections = [section for section in self.sections if section.instructions]

    def _update_piece(self, optimizer: Optimizer, span: Span) -> None:
        labels: Shape = ("P",) if len(span.shape) < 2 else ("R", "C")
        shape = span.shape or (1,)
        sizes = dict(zip(map(str, labels), shape, strict=True))
        graph = new_graph()
        update = optimizer.update(graph, labels)
        lowered = lower(update.outputs)
        tiled = update.elementwise
        title = f"update: {optimizer.text}" + (f", {span.name}" if span.name else "")
        section = self.section(title, tiled=tiled, rows=shape[0])

        def stretch(name: str, role: Any, vector: str = "") -> Value:
            whole = f"{span.name}." if span.name else ""
            return Value(
                f"{whole}{name}", shape, self.dtype, role, span.start, vector, per_row=tiled
            )

        param, grad = stretch("param", "parameters"), stretch("grad", "gradients")
        values = {id(update.param): param, id(update.grad): grad}
        slots = {name: stretch(name, "slot", name) for name in optimizer.slots}
        for symbol, slot in zip(update.slots, slots.values(), strict=True):
            values[id(symbol)] = slot
        for name in ("learning_rate", "step"):
            scalar = Value(name, (), np.dtype(np.float64), "scalar", vector=name)
            values[id(graph.input(name))] = scalar
        checks = [
            Value(f"check.{what}", (), self.dtype, "result", vector="checks")
            for what in ("grad", "param'")
        ]
        section.instructions.append(Instruction(SQUARES, (grad,), checks[0]))
        places = [stretch("param'", "gradients")]
        places += [stretch(f"{name}'", "slot", name) for name in slots]
        self._emit_in_place(section, lowered, values, places, sizes)
        section.instructions.append(Instruction(SQUARES, (places[0],), checks[1]))

    def _emit_in_place(
        self,
        section: Section,
        lowered: Sequence[Symbol],
        values: dict[int, Value],
        places: Sequence[Value],
        sizes: Mapping[str, int],
    ) -> None:
        """Write the new parameters and slots over the gradients and old slots.

        A result goes straight to its place unless something computed later
        still reads what is there; then it waits in working memory.
        """
        results = [*lowered[1:], lowered[0]]  # the parameter last: it reads the new slots
        homes = [*places[1:], places[0]]
        order = [symbol for symbol in _order(results, values) if symbol.inputs]
        names: dict[int, Value] = {}
        copies: list[tuple[Symbol, Value]] = []
        for symbol, place in zip(results, homes, strict=True):
            position = next((at for at, each in enumerate(order) if each is symbol), None)
            if position is None or id(symbol) in names:
                copies.append((symbol, place))
                continue
            read_later = any(
                _same_place(values.get(id(child)), place)
                for later in order[position + 1 :]
                for child in later.inputs
            )
            if not read_later and _concrete(symbol.shape, sizes) == place.shape:
                names[id(symbol)] = place
            else:
                copies.append((symbol, place))
        # A result that is an old array, such as the gradient kept as a slot, is
        # set aside before anything is written over it.
        for symbol, place in copies:
            old = values.get(id(symbol))
            if old is not None and old.shape and not _same_place(old, place):
                aside = Value(f"{old.name}.old", old.shape, old.dtype, per_row=old.per_row)
                section.instructions.append(Instruction(COPY, (old,), aside))
                names[id(symbol)] = aside
        self.emit(section, results, values, prefix="update", sizes=sizes, names=names)
        for symbol, place in copies:
            source = names.get(id(symbol)) or self._operand(
                symbol, values, sizes, self.dtype, False
            )
            if not _same_place(source, place):
                section.instructions.append(Instruction(COPY, (source,), place))


def _same_for_all(optimizer: Optimizer) -> bool:
    """Whether one formula updates every parameter by itself, matrix or not."""
    forms = [optimizer.update(new_graph(), shape) for shape in (("P",), ("R", "C"))]
    names = ["param", *optimizer.slots]
    texts = {to_text(form.outputs, names) for form in forms}
    return len(texts) == 1 and all(form.elementwise for form in forms)


def _same_place(value: Value | None, place: Value) -> bool:
    return value is not None and (value.role, value.vector, value.start) == (
        place.role, place.vector, place.start,
    )  # fmt: skip


def _order(roots: Iterable[Symbol], known: Mapping[int, Any]) -> list[Symbol]:
    """List what the roots need and is not known, inputs before their users."""
    order: list[Symbol] = []
    seen = set(known)
    stack = [(symbol, False) for symbol in reversed(list(roots))]
    while stack:
        symbol, ready = stack.pop()
        if ready:
            order.append(symbol)
        elif id(symbol) not in seen:
            seen.add(id(symbol))
            stack.append((symbol, True))
            read = symbol.inputs[: _SHAPE_ONLY.get(symbol.operation.name, len(symbol.inputs))]
            stack.extend((child, False) for child in reversed(read))
    return order


def _concrete(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in shape)
