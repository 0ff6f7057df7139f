"""What a step does beside its loss and its optimizer: penalties, dropout, clipping.

Letters: N rows of the batch, H units, R by C a weight, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.network import Layer
from nnplug.plans.emission import CAST, COPY, SQUARES, TOTAL, Emitter
from nnplug.plans.program import Instruction, Section, Value

__all__ = ["Regularization", "write_clip", "write_dropout", "write_penalty"]


@dataclass(frozen=True)
class Regularization:
    """What keeps a network from learning its rows by heart, or from leaping.

    Attributes
    ----------
    l2 : float
        L2 penalty: ½·l2·Σw² is added to the loss of a sample, whatever the
        batch size; weights only, no biases.
    l1 : float
        L1 penalty: l1·Σ|w|, likewise.
    dropout : tuple of float
        The share of each hidden layer's outputs that a training step sets to
        0, from 0 to below 1; the others are divided by the share that is
        kept (Srivastava et al., 2014, JMLR 15:1929). Empty: none.
    clip_global_norm : float or None
        The longest that the vector of all gradients may be, penalties
        included; a longer one is scaled to this length (Pascanu et al., 2013,
        arXiv:1211.5063, algorithm 1).
    """

    l2: float = 0.0
    l1: float = 0.0
    dropout: tuple[float, ...] = ()
    clip_global_norm: float | None = None

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty."""
        return bool(self.l2 or self.l1)

    def dropped(self, hidden: int) -> float:
        """Give the share that is dropped of a hidden layer, counted from 0."""
        return self.dropout[hidden] if hidden < len(self.dropout) else 0.0


# --- dropout ---------------------------------------------------------------------------


def write_dropout(
    emitter: Emitter, section: Section, layer: Layer, output: Value, share: float
) -> tuple[Value, Value]:
    """Write what drops a share of a layer's outputs.

    The noise, uniform on [0, 1), is data: it is drawn before each step.

    Returns
    -------
    tuple of Value
        The outputs after it, (N, H), and the mask that they were multiplied
        by: 0, or 1 over the share that is kept.
    """
    shape = (emitter.rows, layer.fan_out)
    noise = emitter.value(f"{layer.name}.noise", shape, role="noise", vector=f"{layer.name}.noise")
    mask = emitter.value(f"{layer.name}.mask", shape)
    kept = emitter.value(f"{layer.name}.kept", shape)
    graph = new_graph()
    drawn = graph.input("noise", ("N", "C"))
    chosen: Any = np.where(drawn >= share, 1 / (1 - share), 0.0)
    emitter.emit(
        section,
        [chosen],
        {id(drawn): noise},
        prefix=f"{layer.name}.dropout",
        sizes={"N": emitter.rows, "C": layer.fan_out},
        names={id(chosen): mask},
    )
    section.instructions.append(Instruction(graph.operations["multiply"], (output, mask), kept))
    return kept, mask


# --- penalties -------------------------------------------------------------------------


def _penalty(weight: Symbol, regularization: Regularization) -> Symbol:
    """Write what each weight adds to the loss."""
    l2, l1 = regularization.l2, regularization.l1
    terms = [l2 / 2 * weight**2] if l2 else []
    terms += [l1 * abs(weight)] if l1 else []
    total: Symbol = reduce(add, terms)
    return total


def write_penalty(
    emitter: Emitter, regularization: Regularization, *, summed: bool, weight: Value | None
) -> None:
    """Write the penalty's value, and add its derivative to the gradients.

    A loss that is averaged takes the penalty once. One that is summed takes
    it once for each row, so that what it weighs against a row's loss does not
    depend on the batch size.

    Parameters
    ----------
    summed : bool
        Whether the loss is.
    weight : Value or None
        What each row counts for.
    """
    if not regularization.penalised:
        return
    section = emitter.section("penalty", "penalty: sums")
    times = _write_count(emitter, section, weight) if summed else None
    _write_sums(emitter, section, regularization, times)
    slope = _Slope(regularization, times)
    if slope.scale is not None:
        emitter.numbers = emitter.section("penalty", "penalty: rows")
    for layer in emitter.network.layers:
        slope.write(emitter, f"{layer.name}.weight")
    emitter.numbers = None


def _write_count(emitter: Emitter, section: Section, weight: Value | None) -> Value:
    """Write how many rows there are, or what they weigh together."""
    if weight is None:
        return emitter.constant(float(emitter.rows), np.float64)
    total = Value("penalty.rows", (), np.dtype(np.float64), "scalar")
    section.instructions.append(Instruction(TOTAL, (weight,), total))
    return total


def _write_sums(
    emitter: Emitter, section: Section, regularization: Regularization, times: Value | None
) -> None:
    """Write the penalty itself, from the sums of each weight's squares and magnitudes."""
    graph, float64 = new_graph(), np.dtype(np.float64)
    values: dict[int, Value] = {}
    terms: list[Symbol] = []

    def term(factor: float, name: str, made: Value) -> None:
        symbol = graph.input(name)
        values[id(symbol)] = made
        terms.append(factor * symbol)

    for layer in emitter.network.layers:
        weight = emitter.parameter(f"{layer.name}.weight")
        if regularization.l2:
            name = f"penalty.{layer.name}.squares"
            squares = Value(name, (), emitter.dtype, "scalar")
            section.instructions.append(Instruction(SQUARES, (weight,), squares))
            term(regularization.l2 / 2, name, _write_cast(section, squares, float64))
        if regularization.l1:
            name = f"penalty.{layer.name}.sum"
            absolute = Value(f"penalty.{layer.name}.abs", weight.shape, emitter.dtype)
            total = Value(name, (), float64, "scalar")
            section.instructions.append(
                Instruction(graph.operations["absolute"], (weight,), absolute)
            )
            section.instructions.append(Instruction(TOTAL, (absolute,), total))
            term(regularization.l1, name, total)
    result = reduce(add, terms)
    if times is not None:
        count = graph.input("rows")
        values[id(count)] = times
        result = result * count
    place = Value("penalty", (), float64, "scalar", vector="penalty")
    named = {id(result): place} if result.inputs else {}
    emitter.emit(section, [result], values, prefix="penalty", sizes={}, names=named)
    if values[id(result)] is not place:
        section.instructions.append(Instruction(COPY, (values[id(result)],), place))


class _Slope:
    """A gradient with the penalty's derivative, as a formula for any weight.

    Attributes
    ----------
    scale : Value or None
        A number of the batch that the derivative is multiplied by.
    """

    def __init__(self, regularization: Regularization, times: Value | None) -> None:
        graph = new_graph()
        self.weight = graph.input("weight", ("R", "C"))
        self.grad = graph.input("grad", ("R", "C"))
        self.scale = None if times is None or times.role == "constant" else times
        self.seed = graph.constant(1.0 if times is None else times.number)
        if self.scale is not None:
            self.seed = graph.input("rows")
        (slope,) = differentiate(_penalty(self.weight, regularization), [self.weight], self.seed)
        (self.total,) = lower([self.grad + slope])

    def write(self, emitter: Emitter, name: str) -> None:
        """Add the penalty's derivative to one weight's gradient, in place."""
        span = emitter.network.span(name)
        weight, grad = emitter.parameter(name), emitter.parameter(name, gradient=True)
        weight.per_row = grad.per_row = True
        values = {id(self.weight): weight, id(self.grad): grad}
        if self.scale is not None:
            values[id(self.seed)] = self.scale
        section = emitter.section("penalty", f"penalty: {name}", tiled=True, rows=span.shape[0])
        emitter.emit(
            section,
            [self.total],
            values,
            prefix="penalty",
            sizes=dict(zip(("R", "C"), span.shape, strict=True)),
            names={id(self.total): grad},
        )


def _write_cast(section: Section, value: Value, dtype: np.dtype[np.generic]) -> Value:
    """Give a number in another dtype."""
    if value.dtype == dtype:
        return value
    wide = Value(f"{value.name}.{dtype.name}", (), dtype, "scalar")
    section.instructions.append(Instruction(CAST, (value,), wide))
    return wide


# --- clipping --------------------------------------------------------------------------


def write_clip(emitter: Emitter, limit: float) -> None:
    """Scale all gradients so that their vector is no longer than `limit`.

    What is not finite stays so, and so does a vector whose squares overflow:
    the factor is then NaN, not 0, and the check of the step finds it.
    """
    title, float64 = f"clip: global norm {limit:g}", np.dtype(np.float64)
    size = emitter.network.size
    section = emitter.section("clip", title)
    grad = Value("grad", (size,), emitter.dtype, "gradients", per_row=True)
    squares = Value("clip.squares", (), emitter.dtype, "scalar")
    section.instructions.append(Instruction(SQUARES, (grad,), squares))
    graph = new_graph()
    total = graph.input("squares")
    norm = np.sqrt(total)
    factor: Any = np.where(norm > limit, limit * norm / total, 1.0)
    values = {id(total): _write_cast(section, squares, float64)}
    emitter.emit(section, [factor], values, prefix="clip", sizes={})
    scale = _write_cast(section, values[id(factor)], emitter.dtype)
    scaled = emitter.section("clip", title, tiled=True, rows=size)
    scaled.instructions.append(Instruction(graph.operations["multiply"], (grad, scale), grad))
