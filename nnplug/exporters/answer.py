"""What a model answers: predictions with their bounds, or probabilities, a class and a set.

Letters: N rows, K targets, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.exporters.cells import COLUMN, STACK, TO_FLOAT64, Cells
from nnplug.formulas.graph import Graph, Symbol
from nnplug.models import Model
from nnplug.models.conformal import REFERENCE
from nnplug.network.tasks import Head
from nnplug.parts.targets import bounds_of, mean_of

__all__ = ["Answer", "make_answer"]


@dataclass(frozen=True)
class Answer:
    """What a model answers for a row.

    Attributes
    ----------
    targets : tuple of str
        A name for each number, or the columns of a classification. If intervals
        are asked for, the bounds of a target follow all predictions, as
        `"price_lower"` and `"price_upper"`.
    values : Symbol
        Numbers in the targets' units, (N, K), or (N, 3·K) with bounds; or (N, C)
        probabilities; float64.
    classes : tuple
        The classes, as the table has them; empty for a regression.
    scores : Symbol
        (N, C): the class with the largest score is chosen, the first of equal ones.
        Of several labels, each with a score above 0.5 is.
    finite : Symbol
        (N,), whether the network's outputs are finite. Where they are not no
        class is chosen, and the probabilities are nan.
    sets : Symbol or None
        (N, C), if sets are asked for: 1 for each class in the set, else 0; float64.
    """

    targets: tuple[str, ...]
    values: Symbol
    classes: tuple[Any, ...] = ()
    scores: Symbol | None = None
    finite: Symbol | None = None
    sets: Symbol | None = None

    @property
    def symbols(self) -> list[Symbol]:
        """What the answer is made of."""
        listed = (self.values, self.scores, self.finite, self.sets)
        return [symbol for symbol in listed if symbol is not None]

    @property
    def names(self) -> tuple[Any, ...]:
        """What each of the values is called."""
        return self.classes or self.targets


def make_answer(model: Model, cells: Cells, output: Symbol, interval: float | None) -> Answer:
    """Turn the outputs of a network, (N, C), into what is answered.

    Parameters
    ----------
    cells : Cells
        A row that lacks a value has no answer, unless the model fills it in.
    interval : float or None
        The level of the intervals or sets; None for none.
    """
    gap = _gap(model, cells)
    answer = _numbers if model.task == "regression" else _classes
    return answer(model, cells.graph, output, gap, interval)


def _gap(model: Model, cells: Cells) -> Any:
    """Tell whether a row lacks a value that the answer needs; None if it needs none."""
    encoder = model.encoder
    if encoder is None:
        names: list[str] = list(model.info.features)
    else:
        gaps = encoder.missing in ("refuse", "drop")
        names = [encoding.name for encoding in encoder.columns] if gaps else []
    found: Any = None
    for name in names:
        missing = cells(name, "missing")
        found = missing if found is None else found | missing
    return found


def _heads(head: Head, graph: Graph, output: Symbol) -> list[Symbol]:
    """Split the outputs of a loss that takes several for each target, (N, K) each."""
    found = []
    for number in range(head.loss.outputs_for_each):
        places = range(number * head.width, (number + 1) * head.width)
        found.append(graph.apply(STACK, *[graph.apply(COLUMN, output, place=k) for k in places]))
    return found


def _mean(head: Head, graph: Graph, output: Symbol) -> Symbol:
    """Give the mean that the outputs of a regression stand for, (N, K), in float64."""
    loss, predicted = head.loss, output
    if loss.heads:
        heads = _heads(head, graph, output)
        predicted = heads[0] if loss.predict is None else loss.predict(*heads)
    return graph.apply(TO_FLOAT64, graph.symbol(mean_of(loss.link, predicted)))


def _bounds(
    model: Model, graph: Graph, output: Symbol, mean: Symbol, level: float
) -> tuple[Any, Any]:
    """Give the bounds of targets as they were learned, (N, K) each, as `Calibration.bounds`."""
    head, tables = model.head, model.known.tables

    def of_loss(level: float) -> list[Any]:
        assert head.loss.interval is not None
        pair = head.loss.interval(*_heads(head, graph, output), level)
        return [
            graph.apply(TO_FLOAT64, graph.symbol(mean_of(head.loss.link, bound))) for bound in pair
        ]

    if not tables:
        lower, upper = of_loss(level)
        return lower, upper
    factors = [table.quantile(level) for table in tables]
    below, above = 1.0, 1.0
    if head.loss.interval is not None:
        lower, upper = of_loss(REFERENCE)
        least = float(np.finfo(np.float64).tiny)
        below, above = np.maximum(mean - lower, least), np.maximum(upper - mean, least)
    if len(set(factors)) == 1:
        factor: Any = factors[0]
    else:  # one for each target
        factor = graph.apply(STACK, *[
            graph.apply(COLUMN, mean, place=k) * 0 + each for k, each in enumerate(factors)
        ])  # fmt: skip
    least, most = bounds_of(head.loss.targets)
    found = [mean - factor * below, mean + factor * above]
    if np.isfinite(least):
        found = [np.maximum(bound, least) for bound in found]
    if np.isfinite(most):
        found = [np.minimum(bound, most) for bound in found]
    return found[0], found[1]


def _in_units(model: Model, graph: Graph, numbers: Any) -> list[Any]:
    """Convert targets (N, K) from what the loss takes to their own units, (N,) each."""
    scales = model.encoder.scales if model.encoder is not None else ()
    columns = []
    for place in range(model.head.width):
        column: Any = graph.apply(COLUMN, graph.symbol(numbers), place=place)
        if scales:
            scale = scales[place]
            column = column * scale.scale + scale.mean
            inverse: Mapping[Any, Any] = {"log": np.exp, "asinh": np.sinh}
            if scale.transform is not None:
                column = inverse[scale.transform](column)
        columns.append(column)
    return columns


def _numbers(
    model: Model, graph: Graph, output: Symbol, gap: Any, interval: float | None
) -> Answer:
    """Turn the outputs of a regression into what is answered."""
    mean = _mean(model.head, graph, output)
    columns, names = _in_units(model, graph, mean), list(model.targets)
    if interval is not None:
        bounds = _bounds(model, graph, output, mean, interval)
        lower, upper = (_in_units(model, graph, bound) for bound in bounds)
        for name, *pair in zip(model.targets, lower, upper, strict=True):
            columns += pair
            names += [f"{name}_lower", f"{name}_upper"]
    if gap is not None:
        columns = [np.where(gap, np.nan, column) for column in columns]
    return Answer(tuple(names), graph.apply(STACK, *columns))


def _classes(
    model: Model, graph: Graph, output: Symbol, gap: Any, interval: float | None
) -> Answer:
    """Turn the outputs of a classification into what is answered, as `Head` does on arrays."""
    head = model.head
    scores: Any = output
    if head.activation.gives == "log_probabilities":
        given = np.exp(output)
    else:
        given = mean_of(head.loss.link, output)
    shares: Any = np.clip(graph.apply(TO_FLOAT64, graph.symbol(given)), 0, 1)
    middle = 0.5 if head.loss.link == "identity" else 0.0
    if model.task == "multilabel":
        scores = np.where(output > middle, 1.0, 0.0)
    elif head.outputs == 1:
        p: Any = graph.apply(COLUMN, shares, place=0)
        shares = graph.apply(STACK, 1 - p, p)
        z: Any = graph.apply(COLUMN, output, place=0)
        above = np.where(z > middle, 1.0, 0.0)
        scores = graph.apply(STACK, 1 - above, above)
    else:
        total = np.sum(shares, axis=-1, keepdims=True)
        shares = np.where(total > 0, shares, 1.0) / np.where(total > 0, total, float(head.width))
    # 0 times what is not finite is nan, and so is the sum.
    known: Any = np.sum(output * 0, axis=-1, keepdims=True) == 0
    finite: Any = np.sum(output * 0, axis=-1) == 0
    if gap is not None:
        known = known & graph.apply(graph.operations["expand_dims"], ~gap, axis=-1)
        finite = finite & ~gap
    sets: Any = None
    if interval is not None:
        # Rounding, which is another one here, takes no class out of its set.
        slack = 64 * float(np.finfo(model.network.dtype).eps)
        least = 1 - model.known.tables[0].quantile(interval) - slack
        top = shares == np.max(shares, axis=-1, keepdims=True)
        sets = np.where(known & ((shares >= least) | top), 1.0, 0.0)
    shares = np.where(known, shares, np.nan)
    return Answer(model.targets, shares, model.classes, scores, finite, sets)
