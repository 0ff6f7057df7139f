"""The last part of a step: the optimizer's update, with a check before and after it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.formulas.graph import Symbol, reapply, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tracing import alike, lower
from nnplug.network.network import Network
from nnplug.network.spans import Span
from nnplug.parts import Optimizer, Update
from nnplug.parts.following import Following, factor_name, followed
from nnplug.plans.emission import COPY, CURVATURE, POINT, SQUARES, Emitter, concrete
from nnplug.plans.program import Instruction, Section, Value

__all__ = [
    "SlotLayout",
    "gather_factors",
    "slot_layouts",
    "write_point",
    "write_state_check",
    "write_update",
]

VECTOR: Shape = ("P",)
MATRIX: Shape = ("R", "C")


@dataclass(frozen=True)
class SlotLayout:
    """The layout of an optimizer's slot in its vector.

    Attributes
    ----------
    size : int
        The number of elements, for all parameters together.
    places : dict of str to tuple of int and shape
        Where the part for each parameter array begins, and its shape, by the
        array's name.
    """

    size: int
    places: dict[str, tuple[int, tuple[int, ...]]]


def slot_layouts(network: Network, optimizer: Optimizer) -> dict[str, SlotLayout]:
    """Lay out each slot of an optimizer: like the parameters, or as it is declared."""
    spans = [span for span in network.spans if not span.is_state]
    found = {}
    for slot in optimizer.slots:
        places: dict[str, tuple[int, tuple[int, ...]]] = {}
        size = 0
        for span in spans:
            shape = _as_matrix(span.shape) if optimizer.states else span.shape
            if slot in optimizer.states:
                rows, columns = _as_matrix(span.shape)
                sizes = {"R": rows, "C": columns}
                shape = concrete(optimizer.slot_shape(slot, MATRIX), sizes)
            places[span.name] = (size, shape)
            size += math.prod(shape)
        found[slot] = SlotLayout(size, places)
    return found


def write_update(emitter: Emitter, optimizer: Optimizer) -> None:
    """Write the update: over the whole vector at once, or for each array by itself.

    An elementwise formula that is the same for matrices and vectors goes over
    the vector, in tiles; one with norms or matrix products gets each weight and
    each bias in its own shape. If its state has another shape, it gets all as
    matrices. Arrays with a learning rate or a decay of their own are updated by
    themselves.
    """
    size = emitter.network.learned
    spans = [span for span in emitter.network.spans if not span.is_state]
    emitter.numbers = emitter.section("update", f"update: {optimizer.text}, numbers")
    layouts = slot_layouts(emitter.network, optimizer)
    if optimizer.states:
        for span in spans:
            made = _with_decay(optimizer, span).update(new_graph(), MATRIX)
            _write_piece(emitter, optimizer, made, span, _as_matrix(span.shape), layouts)
        return
    vector = optimizer.update(new_graph(), VECTOR)
    matrix = None
    if optimizer.over != "vector":
        matrix = optimizer.update(new_graph(), MATRIX)
    at_once = matrix is None or (vector.elementwise and alike(vector.outputs, matrix.outputs))
    if matrix is None or at_once:
        groups = _alike_groups(spans)
        if len(groups) == 1:
            whole = Span("", 0, size, (size,), rate=spans[0].rate, decays=spans[0].decays)
            groups = [whole]
        elif not vector.elementwise:
            raise SettingError(
                f"optimizer {optimizer.name!r} updates all parameters together, so rate and decay "
                "cannot be for some arrays only.\nLeave them out, or use another optimizer."
            )
        for span in groups:
            made = vector
            if span.decays != 1.0:
                made = _with_decay(optimizer, span).update(new_graph(), VECTOR)
            _write_piece(emitter, optimizer, made, span, span.shape, layouts)
        return
    for span in spans:
        shape = span.shape or (1,)
        made = matrix if shape[1:] else vector
        if span.decays != 1.0:
            labels = MATRIX if shape[1:] else VECTOR
            made = _with_decay(optimizer, span).update(new_graph(), labels)
        _write_piece(emitter, optimizer, made, span, shape, layouts)


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """See a bias as a column, and a number as a matrix of one element."""
    rows, columns = (*shape, 1, 1)[:2]
    return rows, columns


def _alike_groups(spans: Sequence[Span]) -> list[Span]:
    """Join neighbours that have the same learning rate and the same decay."""
    groups: list[Span] = []
    for span in spans:
        last = groups[-1] if groups else None
        if last is not None and (last.rate, last.decays) == (span.rate, span.decays):
            names = f"{last.name}, {span.name}"
            count = span.stop - last.start
            groups[-1] = replace(last, name=names, stop=span.stop, shape=(count,))
        else:
            groups.append(replace(span, shape=(span.stop - span.start,)))
    return groups


def _with_decay(optimizer: Optimizer, span: Span) -> Optimizer:
    """Make an optimizer with the weight decay of an array."""
    if span.decays == 1.0:
        return optimizer
    base = None if optimizer.base is None else _with_decay(optimizer.base, span)
    if "weight_decay" in optimizer.options:
        given = optimizer.options["weight_decay"]
        decay: Any = float(given) * span.decays
        if isinstance(given, Following):
            decay = Following(decay, given.schedule)
        optimizer = optimizer.with_options(weight_decay=decay)
    return replace(optimizer, base=base)


def write_point(emitter: Emitter, optimizer: Optimizer) -> None:
    """Write the point of an optimizer's second gradient, from the first gradient."""
    size = emitter.network.learned
    graph = new_graph()
    param, grad, point = optimizer.point_of(graph)
    emitter.numbers = emitter.section("update", f"point: {optimizer.text}, numbers")
    section = emitter.section("update", f"point: {optimizer.text}")
    values = {
        id(param): Value("param", (size,), emitter.dtype, "parameters"),
        id(grad): Value("grad", (size,), emitter.dtype, "gradients"),
    }
    place = Value(POINT, (size,), emitter.dtype, "slot", 0, POINT)
    (lowered,) = gather_factors(lower([point]))
    names = {id(lowered): place} if lowered.inputs else {}
    emitter.emit(section, [lowered], values, prefix="point", sizes={"P": size}, names=names)
    made = emitter.operand(lowered, values)
    if made is not place:
        section.instructions.append(Instruction(COPY, (made,), place))
    states = emitter.network.size - size
    if states:
        kept = Value("states", (states,), emitter.dtype, "parameters", size)
        there = Value("states.point", (states,), emitter.dtype, "slot", size, POINT)
        section.instructions.append(Instruction(COPY, (kept,), there))
    emitter.numbers = None


def write_state_check(emitter: Emitter) -> None:
    """Write the check of the layers' new states, which follow the new parameters."""
    network = emitter.network
    count = network.size - network.learned
    if count:
        section = emitter.section("update", "update: states", tiled=True, rows=count)
        states = Value(
            "states'", (count,), emitter.dtype, "gradients", network.learned, per_row=True
        )
        check = Value("check.states'", (), emitter.dtype, "result", vector="checks")
        section.instructions.append(Instruction(SQUARES, (states,), check))


def _write_piece(
    emitter: Emitter,
    optimizer: Optimizer,
    update: Update,
    span: Span,
    shape: tuple[int, ...],
    layouts: Mapping[str, SlotLayout],
) -> None:
    graph, labels = update.param.graph, update.param.shape
    sizes = dict(zip(map(str, labels), shape, strict=True))
    lowered = gather_factors(lower(update.outputs))
    tiled = update.elementwise and not optimizer.states
    title = f"update: {optimizer.text}" + (f", {span.name}" if span.name else "")
    section = emitter.section("update", title, tiled=tiled, rows=shape[0])

    def stretch(name: str, role: Any, vector: str = "") -> Value:
        whole = f"{span.name}." if span.name else ""
        start, own = span.start, shape
        if vector in optimizer.states:
            start, own = layouts[vector].places[span.name]
        return Value(f"{whole}{name}", own, emitter.dtype, role, start, vector, per_row=tiled)

    param, grad = stretch("param", "parameters"), stretch("grad", "gradients")
    values = {id(update.param): param, id(update.grad): grad}
    for name, symbol in zip(optimizer.slots, update.slots, strict=True):
        values[id(symbol)] = stretch(name, "slot", name)
    if update.curvature is not None:
        values[id(update.curvature)] = stretch("curvature", "slot", CURVATURE)
    for name in ("learning_rate", "step"):
        number = Value(name, (), np.dtype(np.float64), "scalar", vector=name)
        if name == "learning_rate" and span.rate != 1.0:
            number = _scaled(emitter, number, span.rate)
        values[id(graph.input(name))] = number
    for option, most in followed(_with_decay(optimizer, span).options).items():
        name = factor_name(option)
        number = Value(name, (), np.dtype(np.float64), "scalar", vector=f"optimizer.{name}")
        values[id(graph.input(name))] = _scaled(emitter, number, float(most))
    before, after = (
        Value(f"check.{what}", (), emitter.dtype, "result", vector="checks")
        for what in ("grad", "param'")
    )
    places = [stretch("param'", "gradients")]
    places += [stretch(f"{name}'", "slot", name) for name in optimizer.slots]
    section.instructions.append(Instruction(SQUARES, (grad,), before))
    new = _write_in_place(emitter, section, lowered, values, places, sizes)
    section.instructions.append(Instruction(SQUARES, (new,), after))


def _scaled(emitter: Emitter, number: Value, factor: float) -> Value:
    """Multiply a number that changes with the step by a constant, once a step."""
    assert emitter.numbers is not None
    made = Value(f"{number.name}·{factor:g}", (), number.dtype, "scalar")
    times = emitter.constant(factor, number.dtype)
    multiply = new_graph().operations["multiply"]
    emitter.numbers.instructions.append(Instruction(multiply, (number, times), made))
    return made


def _write_in_place(
    emitter: Emitter,
    section: Section,
    lowered: Sequence[Symbol],
    values: dict[int, Value],
    places: Sequence[Value],
    sizes: Mapping[str, int],
) -> Value:
    """Write the new parameters and slots over the gradients and old slots.

    A result is computed in its place, unless the old contents are still needed:
    by a later operation, or by the one that computes the result, if it may not
    write over its input. Then the result waits in working memory.

    Returns
    -------
    Value
        The new parameters, in their place.
    """
    results = [*lowered[1:], lowered[0]]  # the parameter is last, since it reads the new slots
    homes = [*places[1:], places[0]]
    # A result that is an old array, such as a gradient that becomes a slot, is
    # copied before anything is written over it.
    sources: dict[int, Value] = {}
    for symbol, place in zip(results, homes, strict=True):
        old = values.get(id(symbol))
        if old is not None and old.shape and not _same_place(old, place):
            aside = Value(f"{old.name}.old", old.shape, old.dtype, per_row=old.per_row)
            section.instructions.append(Instruction(COPY, (old,), aside))
            sources[id(symbol)] = aside
    names: dict[int, Value] = {}
    for symbol, place in zip(results, homes, strict=True):
        if symbol.inputs and concrete(symbol.shape, sizes) == place.shape:
            made = Value(f"{place.name}.new", place.shape, place.dtype, per_row=place.per_row)
            names.setdefault(id(symbol), made)
    emitter.emit(section, results, values, prefix="update", sizes=sizes, names=names)
    for symbol, place in zip(results, homes, strict=True):
        new = sources.get(id(symbol)) or emitter.operand(symbol, values)
        if not _same_place(new, place) and not _moved(new, place, section.instructions):
            section.instructions.append(Instruction(COPY, (new,), place))
            new = place
    return new


def _moved(value: Value, place: Value, instructions: Sequence[Instruction]) -> bool:
    """Make a value be computed in a place directly, unless the old contents are still needed."""
    made = next((at for at, one in enumerate(instructions) if one.output is value), None)
    if value.role != "buffer" or made is None or value.shape != place.shape:
        return False

    def old(instruction: Instruction) -> list[Value]:
        return [given for given in instruction.inputs if _same_place(given, place)]

    if any(map(old, instructions[made + 1 :])):
        return False
    if not all(map(instructions[made].may_overwrite, old(instructions[made]))):
        return False
    value.name, value.role, value.start = place.name, place.role, place.start
    value.vector, value.within = place.vector, False
    return True


def _same_place(value: Value, place: Value) -> bool:
    """Whether two values are in the same place of a vector."""
    return (value.role, value.vector, value.start) == (place.role, place.vector, place.start)


# --- numbers and arrays ----------------------------------------------------------------

# `learning_rate * (m / c)` is two passes over the vector; with the numbers taken
# together it is one: `m * (learning_rate / c)`. The numbers themselves are computed
# once a step, in float64.


def gather_factors(outputs: Sequence[Symbol]) -> list[Symbol]:
    """Gather the numbers of products, so that arrays are multiplied once.

    A number is a node that depends on no array: constants, the learning rate,
    the step. Only a product that is used once is rewritten, so nothing is
    computed twice. A single factor stays as it was written, to the bit, except
    for a quotient by a number that changes with the step, which becomes a product.

    Parameters
    ----------
    outputs : sequence of Symbol
        Lowered.

    Returns
    -------
    list of Symbol
    """
    order = walk(outputs)
    numbers: set[int] = set()
    for symbol in order:
        if not symbol.shape and (
            symbol.is_constant
            or symbol.is_input
            or all(id(child) in numbers for child in symbol.inputs)
        ):
            numbers.add(id(symbol))
    uses = Counter(id(child) for symbol in order for child in symbol.inputs)
    uses.update(map(id, outputs))
    done: dict[int, Symbol] = {}
    # The pieces of each product: the array, the products of the numbers that
    # multiply it and that divide it, and how many numbers these are.
    products: dict[int, tuple[Symbol, Symbol, Symbol, int]] = {}
    for symbol in order:
        product = None if id(symbol) in numbers else _split(symbol, numbers)
        if product is None:
            done[id(symbol)] = reapply(symbol, [done[id(child)] for child in symbol.inputs])
            continue
        array, number, inverse = product
        one = symbol.graph.constant(1.0)
        base, above, below, count = done[id(array)], one, one, 0
        if id(array) in products and uses[id(array)] == 1:
            base, above, below, count = products[id(array)]
        extra = done[id(number)]
        above, below = (above, below * extra) if inverse else (above * extra, below)
        products[id(symbol)] = (base, above, below, count + 1)
        if count == 0 and not (inverse and not number.is_constant):
            done[id(symbol)] = reapply(symbol, [done[id(child)] for child in symbol.inputs])
        else:
            done[id(symbol)] = base * (above / below)
    return [done[id(symbol)] for symbol in outputs]


def _split(symbol: Symbol, numbers: set[int]) -> tuple[Symbol, Symbol, bool] | None:
    """Split an array times a number, or divided by one (True); None for other nodes."""
    name = symbol.operation.name
    if name not in ("multiply", "divide") or not symbol.shape:
        return None
    a, b = symbol.inputs
    if id(b) in numbers and a.shape:
        return a, b, name == "divide"
    if id(a) in numbers and b.shape and name == "multiply":
        return b, a, False
    return None
