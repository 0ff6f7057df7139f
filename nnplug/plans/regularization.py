"""Regularization of a step: penalties on the weights, clipping of the gradients.

Letters: R by C a weight, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.plans.emission import CAST, COPY, SQUARES, TOTAL, Emitter
from nnplug.plans.program import Instruction, Section, Value

__all__ = ["Regularization", "write_clip", "write_penalty"]


@dataclass(frozen=True)
class Regularization:
    """Penalties against overfitting, and a limit on the gradients.

    Attributes
    ----------
    l2 : float
        L2 penalty: ½·l2·Σw² is added to the loss of each sample, whatever the
        batch size; w are weights, not biases.
    l1 : float
        L1 penalty: l1·Σ|w| is added in the same way.
    clip_global_norm : float or None
        The limit on the norm of all gradients together, penalties included; a
        longer vector is scaled to this length (Pascanu et al., 2013,
        arXiv:1211.5063, algorithm 1).
    alpha : float
        scikit-learn's L2 penalty: ½·alpha·Σw² is added to the sum of a batch's
        losses. If the loss is their mean, it is divided by the number of rows in
        the batch, or by the sum of their weights.
    """

    l2: float = 0.0
    l1: float = 0.0
    clip_global_norm: float | None = None
    alpha: float = 0.0

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty."""
        return bool(self.l2 or self.l1 or self.alpha)

    def counts_rows(self, *, summed: bool) -> bool:
        """Whether a penalty depends on the number of rows, with a summed loss or a mean."""
        return bool(self.l2 or self.l1) if summed else bool(self.alpha)


# --- penalties -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Penalty:
    """A penalty on all weights, on half their squares and on their magnitudes.

    Attributes
    ----------
    l2, l1 : float
    times : Value or None
        A factor: a constant, or a number of the batch; None: 1.
    """

    l2: float
    l1: float
    times: Value | None

    def of(self, squares: Any, magnitudes: Any) -> Any:
        """Write the penalty, without the factor `times`."""
        terms = [self.l2 / 2 * squares] if self.l2 else []
        terms += [self.l1 * magnitudes] if self.l1 else []
        return reduce(add, terms)


def write_penalty(
    emitter: Emitter, regularization: Regularization, *, summed: bool, weight: Value | None
) -> None:
    """Write the penalty's value, and add its derivative to the gradients.

    With a mean loss, `l2` and `l1` count once; with a summed one they count once
    for each row, so that their weight against a row's loss does not depend on
    the batch size. `alpha` counts once with a summed loss, and is divided by the
    number of rows with a mean.

    Parameters
    ----------
    summed : bool
        Whether the loss is a sum.
    weight : Value or None
        The rows' weights.
    """
    if not regularization.penalised or not _penalised(emitter):
        return
    section, asked = emitter.section("penalty", "penalty: sums"), regularization
    count = share = None
    if asked.counts_rows(summed=summed):
        count, share = _write_count(emitter, section, weight)
    penalties = []
    if asked.l2 or asked.l1:
        penalties.append(_Penalty(asked.l2, asked.l1, count if summed else None))
    if asked.alpha:
        penalties.append(_Penalty(asked.alpha, 0.0, None if summed else share))
    _write_sums(emitter, section, penalties)
    emitter.numbers = emitter.section("penalty", "penalty: rows")
    slopes: dict[float, _Slope] = {}
    for name in _penalised(emitter):
        times = emitter.network.span(name).penalised
        if times not in slopes:
            scaled = [replace(one, l2=one.l2 * times, l1=one.l1 * times) for one in penalties]
            slopes[times] = _Slope(scaled)
        slopes[times].write(emitter, name)
    emitter.numbers = None


def _penalised(emitter: Emitter) -> list[str]:
    """List the arrays that penalties count, such as the weights and not the biases."""
    return [span.name for span in emitter.network.spans if span.penalised]


def _write_count(emitter: Emitter, section: Section, weight: Value | None) -> tuple[Value, Value]:
    """Write the number of rows, or the sum of their weights, and its reciprocal."""
    float64 = np.dtype(np.float64)
    if weight is None:
        rows = float(emitter.rows)
        return emitter.constant(rows, float64), emitter.constant(1 / rows, float64)
    total = Value("penalty.rows", (), float64, "scalar")
    section.instructions.append(Instruction(TOTAL, (weight,), total))
    graph = new_graph()
    count = graph.input("rows")
    # If all rows have weight 0, nothing is learned from them; alpha / 0 would end the run.
    share: Any = np.where(count > 0, 1 / np.where(count > 0, count, 1), 0)
    values = {id(count): total}
    emitter.emit(section, [share], values, prefix="penalty", sizes={})
    return total, values[id(share)]


def _write_sums(emitter: Emitter, section: Section, penalties: Sequence[_Penalty]) -> None:
    """Write the penalty's value, from sums of squares and magnitudes over each weight."""
    graph, float64 = new_graph(), np.dtype(np.float64)
    values: dict[int, Value] = {}

    def total(name: str, write: Callable[[Value, Value], None], dtype: np.dtype[Any]) -> Symbol:
        """Sum the totals of all penalised arrays."""
        terms = []
        for array in _penalised(emitter):
            made = Value(f"penalty.{array}.{name}", (), dtype, "scalar")
            write(emitter.parameter(array), made)
            symbol = graph.input(made.name)
            values[id(symbol)] = _write_cast(section, made, float64)
            times = emitter.network.span(array).penalised
            terms.append(symbol if times == 1.0 else symbol * times)
        return reduce(add, terms)

    def write_squares(weight: Value, made: Value) -> None:
        section.instructions.append(Instruction(SQUARES, (weight,), made))

    def write_magnitudes(weight: Value, made: Value) -> None:
        absolute = Value(f"{made.name}.each", weight.shape, emitter.dtype)
        operation = graph.operations["absolute"]
        section.instructions.append(Instruction(operation, (weight,), absolute))
        section.instructions.append(Instruction(TOTAL, (absolute,), made))

    squares = magnitudes = None
    if any(penalty.l2 for penalty in penalties):
        squares = total("squares", write_squares, emitter.dtype)
    if any(penalty.l1 for penalty in penalties):
        magnitudes = total("magnitudes", write_magnitudes, float64)
    terms = []
    for penalty in penalties:
        term = penalty.of(squares, magnitudes)
        if penalty.times is not None:
            times = graph.input("times")
            values[id(times)] = penalty.times
            term = term * times
        terms.append(term)
    result = reduce(add, terms)
    place = Value("penalty", (), float64, "scalar", vector="penalty")
    named = {id(result): place} if result.inputs else {}
    emitter.emit(section, [result], values, prefix="penalty", sizes={}, names=named)
    if values[id(result)] is not place:
        section.instructions.append(Instruction(COPY, (values[id(result)],), place))


class _Slope:
    """The formula for the gradient of any weight with the penalties' derivative added."""

    def __init__(self, penalties: Sequence[_Penalty]) -> None:
        graph = new_graph()
        self.weight = graph.input("weight", ("R", "C"))
        self.grad = graph.input("grad", ("R", "C"))
        self.values: dict[int, Value] = {}
        total: Any = self.grad
        for penalty in penalties:
            seed = graph.constant(1.0)
            if penalty.times is not None and penalty.times.role == "constant":
                seed = graph.constant(penalty.times.number)
            elif penalty.times is not None:
                seed = graph.input("times")
                self.values[id(seed)] = penalty.times
            value = penalty.of(self.weight**2, abs(self.weight))
            (slope,) = differentiate(value, [self.weight], seed)
            total = total + slope
        (self.total,) = lower([total])

    def write(self, emitter: Emitter, name: str) -> None:
        """Add the penalties' derivative to one weight's gradient, in place."""
        span = emitter.network.span(name)
        weight, grad = emitter.parameter(name), emitter.parameter(name, gradient=True)
        shape = (*span.shape, 1, 1)[:2]
        weight.shape = grad.shape = shape
        weight.per_row = grad.per_row = True
        section = emitter.section("penalty", f"penalty: {name}", tiled=True, rows=shape[0])
        emitter.emit(
            section,
            [self.total],
            {id(self.weight): weight, id(self.grad): grad, **self.values},
            prefix="penalty",
            sizes=dict(zip(("R", "C"), shape, strict=True)),
            names={id(self.total): grad},
        )


def _write_cast(section: Section, value: Value, dtype: np.dtype[np.generic]) -> Value:
    """Convert a number to another dtype."""
    if value.dtype == dtype:
        return value
    wide = Value(f"{value.name}.{dtype.name}", (), dtype, "scalar")
    section.instructions.append(Instruction(CAST, (value,), wide))
    return wide


# --- clipping --------------------------------------------------------------------------


def write_clip(emitter: Emitter, limit: float) -> None:
    """Scale all gradients so that the norm of their vector is at most `limit`.

    Numbers that are not finite stay so. If the squares overflow, the factor is
    NaN, not 0, so that the check of the step finds it.
    """
    title, float64 = f"clip: global norm {limit:g}", np.dtype(np.float64)
    size = emitter.network.learned
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
