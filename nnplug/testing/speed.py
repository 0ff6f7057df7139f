"""The speed of a part beside that of the built-in part of nearest arithmetic.

Times of a shared machine change from second to second, so both take turns, and
the median of the ratios of neighbours counts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

import numpy as np

from nnplug.engines import Engine
from nnplug.errors import NnplugError
from nnplug.formulas.graph import walk
from nnplug.network.network import Network
from nnplug.parts import Activation, Loss, Optimizer, Part
from nnplug.parts.written import formulas
from nnplug.plugins.isolated import Event
from nnplug.plugins.registry import Registry
from nnplug.testing.checking import find_parts
from nnplug.testing.engine import engines_for, unchanged, weighted
from nnplug.testing.examples import loss_arguments, random
from nnplug.training import Steps

__all__ = ["measure_target", "nearest_builtin", "times"]

_ROWS, _COLUMNS = 2048, 64
_WIDE = 256
_PAIRS, _SECONDS = 9, 0.02

_CHEAP = frozenset({
    "add", "subtract", "multiply", "negative", "square", "absolute", "maximum", "minimum", "fmax",
    "fmin", "clip", "where", "greater", "greater_equal", "less", "less_equal", "equal",
    "not_equal", "logical_and", "logical_or", "logical_not", "floor", "ceil", "trunc", "round",
    "sum", "mean", "max", "min", "broadcast_like", "expand_dims", "take_along_axis", "one_hot",
    "transpose",
})  # fmt: skip
_MIDDLING = frozenset({"divide", "reciprocal", "sqrt", "hypot", "sign", "copysign"})
_COSTS = ((_CHEAP, 1), (_MIDDLING, 4), (frozenset({"erf", "erfc", "lgamma", "digamma"}), 30))
_COST = 10
"""Of any other operation: most are exponentials or logarithms."""


def measure_target(request: Mapping[str, Any]) -> Iterator[Event]:
    """Measure each part that a request names, as `nnplug.testing.checking.check_target` reads it.

    Yields
    ------
    dict
        One event for each part and engine, `"speed"`: `number` (of the part),
        `engine`, `beside` (the built-in part) and `ratio` (above 1: slower).
        Parts of a kind that is not measured have none.
    """
    found, registry = find_parts(request)
    for number, (part, _) in enumerate(found):
        for engine, beside, ratio in times(part, registry, request["engine"]):
            yield {
                "event": "speed",
                "number": number,
                "engine": engine,
                "beside": beside,
                "ratio": ratio,
            }


def times(
    part: Part, registry: Registry, engine: str | None = None
) -> Iterator[tuple[str, str, float]]:
    """Measure one part, in one engine or in each of nnplug's own that can run here.

    Yields
    ------
    tuple
        The engine, the built-in part, and the ratio of their times.
    """
    try:
        beside = nearest_builtin(part, registry)
        if beside is not None:
            for each in engines_for(engine, registry):
                yield each.name, beside.name, _ratio(part, beside, each)
    except NnplugError:  # the checks say what is wrong
        return


def nearest_builtin(part: Part, registry: Registry) -> Part | None:
    """Find the built-in part whose formula costs about the same.

    Returns
    -------
    Part or None
        None for a kind that is not measured, and for an optimizer around another.
    """
    if not isinstance(part, Activation | Loss | Optimizer) or _holds(part):
        return None
    own, reduces = _cost(part)

    def distance(other: Part) -> tuple[bool, float]:
        cost, other_reduces = _cost(other)
        return reduces != other_reduces, abs(math.log(cost / own))

    builtin = [other for plugin in registry.plugins.builtin(part.kind) for other in plugin.parts]
    others = [other for other in builtin if other.name != part.name and not _holds(other)]
    return min(others, key=distance)


def _holds(part: Part) -> bool:
    return bool(getattr(part, "holds", False))


def _cost(part: Part) -> tuple[float, bool]:
    """Estimate what one number costs, and say whether the formula reduces rows or tensors."""
    found = formulas(part)
    assert found is not None
    # What is computed once for a step, such as a power of beta, costs nothing.
    names = [node.operation.name for node in walk(found[0]) if node.inputs and node.shape]
    cost = sum(next((cost for kind, cost in _COSTS if name in kind), _COST) for name in names)
    reduces = any(name in ("sum", "mean", "max", "min", "norm", "matmul", "var") for name in names)
    return max(cost, 1), reduces


def _ratio(part: Part, beside: Part, engine: Engine) -> float:
    steps = [_steps(each, engine) for each in (part, beside)]
    count = 1
    while _timed(steps[1], count) < _SECONDS and count < 1 << 14:
        count *= 2
    _timed(steps[0], count)
    pairs = [[_timed(each, count) for each in steps] for _ in range(_PAIRS)]
    return median(own / built_in for own, built_in in pairs)


def _timed(steps: Steps, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        steps.run(None)
    return time.perf_counter() - start


def _steps(part: Part, engine: Engine) -> Steps:
    """Make training steps in which little but the part takes time."""
    generator = random(0)
    rows, activation, loss, optimizer = _ROWS, unchanged, weighted, _unmoved()
    if isinstance(part, Activation):
        activation = part
    elif isinstance(part, Optimizer):
        rows, optimizer = 4, part.with_options(learning_rate=1e-9)
    inputs = generator.uniform(0.5, 1.0, (rows, 1))
    columns, targets = _COLUMNS, np.zeros((rows, _COLUMNS))
    if isinstance(part, Loss):
        loss = part
        outputs, targets = loss_arguments(part, rows, _COLUMNS)
        columns = outputs.shape[1]
    if isinstance(part, Optimizer):
        columns, inputs = _WIDE, np.repeat(inputs, _WIDE, axis=1)
        targets = np.zeros((rows, columns))
    network = Network(inputs.shape[1], (), columns, activations=(), output_activation=activation)
    # Outputs between 0 and 1 suit every loss, those of shares and counts too.
    network.parameters[...] = generator.uniform(0.2, 0.9, network.size)
    given = inputs.astype(network.dtype)
    return Steps(network, loss, optimizer, given, targets, None, engine=engine)


def _unmoved() -> Optimizer:
    from nnplug.builtin.optimizers import sgd  # noqa: PLC0415  # built-in parts load when used

    return sgd.with_options(learning_rate=1e-12)
