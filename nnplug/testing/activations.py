"""The checks of an activation."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

import numpy as np

from nnplug.engines import Engine
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.parts import Activation
from nnplug.testing import layers
from nnplug.testing.engine import BATCH, COLUMN, BoundLayer, some_of
from nnplug.testing.examples import (
    Suite,
    check_dtype,
    deterministic,
    inputs_unchanged,
    options,
    random,
)
from nnplug.testing.failure import Curve, Wrong, contrast, different, number, where_in
from nnplug.testing.numeric import curve_along, gradient, slopes, worst
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

SWEEP = np.concatenate([np.linspace(-6.03, 6.01, 121), [-300, -60, -20, 0, 20, 60, 300]])
"""Where a derivative is measured; a point at a kink is moved aside."""

SHAPES = ((1, 1), (1, 5), BATCH, (3, 4), COLUMN)
EXTREMES = (-1e4, 0.0, 1e4)
BY_ENGINE = " run by the engine"


def _traced(part: Activation) -> list[Symbol]:
    """Trace the value and the derivative of Σ g·y."""
    graph = new_graph()
    x, g = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    y = part.value(x)
    return [y, part.pull_back(x, y, g)]


def _evaluate(nodes: list[Symbol], x: AnyArray, g: AnyArray | None = None) -> list[AnyArray]:
    # Copies, since a check of its own finds a function that writes into its input.
    given = np.ones_like(x) if g is None else g
    return evaluate(nodes, {"x": x.copy(), "g": given.copy()})


def _inputs(rows: int, columns: int, seed: int = 0) -> tuple[AnyArray, AnyArray]:
    generator = random(seed)
    return generator.normal(size=(rows, columns)) * 2, generator.normal(size=(rows, columns)) + 0.1


def formula(part: Activation, engine: Engine) -> None:
    """The traced formula, as written and as the engine runs it, is the function."""
    nodes = _traced(part)
    for shape in some_of(SHAPES, engine):
        x, g = _inputs(*shape)
        value = np.asarray(part(x.copy()))
        slope = _evaluate(nodes, x, g)[1]
        for form, found in (
            ("traced", _evaluate(nodes, x, g)),
            ("traced and lowered", _evaluate(lower(nodes), x, g)),
            ("run by the engine", BoundLayer(part, shape, np.float64, engine)(x, g)),
        ):
            same = 1 if part.branches and form == "run by the engine" else 2
            for what, given, expected in zip(
                ("value", "derivative")[:same], found, (value, slope), strict=False
            ):
                said = different(given, expected)
                if said:
                    raise Wrong(f"{what} of the formula, {form}, on a {_size(x)} input, {said}")


def derivative(part: Activation, engine: Engine) -> None:
    """The derivative is the function's, at every point and in every row."""
    nodes = _traced(part)

    def alone(x: AnyArray) -> AnyArray:
        return np.asarray(part(x.reshape(-1, 1).copy())).reshape(-1)

    found = slopes(alone, SWEEP)
    at = found.x[:, None]
    column = BoundLayer(part, COLUMN, np.float64, engine)
    found_ways = [("", _evaluate(nodes, at)[1])]
    if not part.branches:  # an engine's derivative is the one in training
        found_ways.append((BY_ENGINE, column.on_points(at)[1]))
    for how, given in found_ways:
        index, wrong = worst(given[:, 0], found)
        if index is not None:
            x = found.x[index]
            raise Wrong(
                f"derivative{how} at x = {number(x, 6)}: "
                f"{contrast(given[index, 0], found.slope[index])}; "
                f"wrong at {wrong} of {found.known.sum()} points",
                _curve(part, nodes, np.array([[x]]), np.ones((1, 1)), (0, 0)),
            )
    for seed, shape in enumerate(SHAPES):
        x, g = _inputs(*shape, seed)
        measured = gradient(lambda value, g=g: float(np.sum(g * part(value))), x)  # type: ignore[misc]  # g is bound early
        ways = [("", _evaluate(nodes, x, g)[1])]
        if shape in some_of(SHAPES, engine) and not part.branches:
            ways.append((BY_ENGINE, BoundLayer(part, shape, np.float64, engine)(x, g)[1]))
        for how, given in ways:
            index, wrong = worst(given.reshape(-1), measured)
            if index is not None:
                place = tuple(int(at) for at in np.unravel_index(index, x.shape))
                raise Wrong(
                    f"derivative of Σ g·y{how} at {where_in(place)} of a {_size(x)} input, "
                    f"x = {number(x[place])}: {contrast(given[place], measured.slope[place])}; "
                    f"wrong at {wrong} of {x.size} elements",
                    _curve(part, nodes, x, g, place),
                )
    _derivative_by_options(part)


def _derivative_by_options(part: Activation) -> None:
    """Check the derivative with respect to each option that is learned."""
    graph = new_graph()
    x, g = graph.input("x", ("N", "C")), graph.input("g", ("N", "C"))
    symbols = {name: graph.input(name) for name in part.trainables}
    if not symbols:
        return
    by_option = differentiate(part.value(x, symbols), list(symbols.values()), g)
    at, given = _inputs(4, 3)
    found = evaluate(by_option, {"x": at, "g": given, **part.trainables})
    for name, slope in zip(symbols, found, strict=True):
        start = np.array([part.trainables[name]])
        measured = gradient(
            lambda value, name=name: float(np.sum(given * part(at, **{name: float(value[0])}))),  # type: ignore[misc]  # name is bound early
            start,
        )
        if worst(slope.reshape(1), measured)[0] is not None:
            raise Wrong(
                f"derivative by its option {name!r}, at {number(start[0])}: "
                f"{contrast(slope, measured.slope[0])}"
            )


def _curve(
    part: Activation, nodes: list[Symbol], x: AnyArray, g: AnyArray, place: tuple[int, ...]
) -> Curve:
    return curve_along(
        "x",
        x,
        place,
        lambda value: float(np.sum(g * part(value))),
        lambda value: _evaluate(nodes, value, g)[1],
    )


def finite(part: Activation, engine: Engine) -> None:
    """Value and derivative are finite at 0, at ±1e4 and in between, in both dtypes."""
    nodes = _traced(part)
    for dtype in (np.float64, np.float32):
        x = np.array([*EXTREMES, *SWEEP], dtype)[:, None] * np.array([[1, 0.5, 0.25]], dtype)
        layer = BoundLayer(part, BATCH, dtype, engine)
        values, slopes_ = layer.on_points(x)
        # In an engine, a number that is not finite spreads to other rows: look at each row alone.
        bad = ~(np.isfinite(values) & np.isfinite(slopes_)).all(axis=1)
        for row in np.flatnonzero(bad):
            value, slope = layer(np.repeat(x[row : row + 1], BATCH[0], axis=0))
            values[row], slopes_[row] = value[0], slope[0]
        traced = _evaluate(nodes, x)
        for what, found in (
            ("value", part(x.copy())), ("value", traced[0]), ("derivative", traced[1]),
            (f"value{BY_ENGINE}", values), (f"derivative{BY_ENGINE}", slopes_),
        ):  # fmt: skip
            bad = ~np.isfinite(np.broadcast_to(found, x.shape))
            if bad.any():
                place = tuple(np.argwhere(bad)[0])
                raise Wrong(
                    f"{what} at x = {number(x[place])} in {np.dtype(dtype).name}: the part gives "
                    f"{np.broadcast_to(found, x.shape)[place]}, expected a finite number"
                )


def shape(part: Activation) -> None:
    """Value and derivative have the input's shape, for no rows, one row and many."""
    nodes = _traced(part)
    for rows in (0, 1, 7):
        for columns in (1, 4):
            x, _ = _inputs(rows, columns)
            for what, found in (("value", part(x.copy())), *_named(_evaluate(nodes, x))):
                if np.shape(found) != x.shape:
                    raise Wrong(
                        f"{what} for an input of shape {x.shape}: the part gives shape "
                        f"{np.shape(found)}, expected the input's"
                    )


def dtype(part: Activation) -> None:
    """float32 in, float32 out, for value and derivative; float64 likewise."""
    nodes = _traced(part)
    for kind in (np.float32, np.float64):
        x = _inputs(4, 3)[0].astype(kind)
        plain = part(x.copy())
        for what, found in (("value", plain), *_named(_evaluate(nodes, x))):
            check_dtype(part, what, kind, found, traced=found is not plain)


def rows(part: Activation, engine: Engine) -> None:
    """Every row gives in a batch what it gives alone, or among others."""
    nodes = _traced(part)
    x, g = _inputs(6, 3)
    together = [("value", np.asarray(part(x.copy()))), *_named(_evaluate(nodes, x, g))]
    for row in range(len(x)):
        one, given = x[row : row + 1], g[row : row + 1]
        alone = [np.asarray(part(one.copy())), *_evaluate(nodes, one, given)]
        for (what, batch), single in zip(together, alone, strict=True):
            said = different(batch[row : row + 1], single)
            if said:
                raise Wrong(f"{what} of row {row} in a batch of {len(x)}, against the row alone, "
                            f"{said}; reduce only over axis=-1")  # fmt: skip
    layer = BoundLayer(part, BATCH, np.float64, engine)
    (x, g), turned = _inputs(*BATCH), np.roll(np.arange(BATCH[0]), 1)
    for (what, first), second in zip(_named([*layer(x, g)]), layer(x[turned], g[turned]),
                                     strict=True):  # fmt: skip
        if what == "derivative" and part.branches:
            continue  # the noise is different
        if said := different(second, first[turned]):
            raise Wrong(f"{what} of a row among other rows, against the same before, {said}")


def gives(part: Activation) -> None:
    """What is declared as probabilities, or their logarithms, is just that."""
    x = np.concatenate([_inputs(6, 3)[0], np.array([[-50.0, 0.0, 50.0]])])
    found = np.asarray(part(x.copy()))
    shares = np.exp(found) if part.gives == "log_probabilities" else found
    bad = ~((shares >= 0) & (shares <= 1))
    if part.gives and bad.any():
        place = tuple(int(at) for at in np.argwhere(bad)[0])
        raise Wrong(
            f"gives={part.gives!r}, at x = {number(x[place])}: the part gives "
            f"{number(found[place])}, expected "
            f"{'at most 0' if part.gives == 'log_probabilities' else 'between 0 and 1'}"
        )


def training(part: Activation, engine: Engine) -> None:
    """With noise and what it learns for each unit, it is also right in and outside training."""
    if not part.arrays and not part.branches:
        return
    # Such an activation has arrays of its own, as a layer has: it is tried as one.
    layers.formula(part, engine)
    if not engine.preparation:
        layers.derivative(part)
        layers.noise(part)


def _named(found: list[AnyArray]) -> list[tuple[str, AnyArray]]:
    return list(zip(("value", "derivative"), found, strict=True))


def _size(x: AnyArray) -> str:
    return " x ".join(map(str, x.shape))


CHECKS: Suite = {
    "formula": formula,
    "derivative": derivative,
    "finite": finite,
    "shape": shape,
    "dtype": dtype,
    "rows": rows,
    "gives": gives,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "options": options,
    "training": training,
}
