"""The checks of a layer."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnplug.builtin.activations import tanh
from nnplug.builtin.layers import batch_norm, dense
from nnplug.engines import NUMPY, Engine
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.parts import Activation, Layer, Noise, Parameter, State
from nnplug.testing.examples import Suite, check_dtype, options, random
from nnplug.testing.failure import Wrong, contrast, different, number, where_in
from nnplug.testing.layer_trials import Arrays, EngineTrial, Found, Trial, arrays_of
from nnplug.testing.numeric import gradient, worst
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

SHAPES = ((1, 1), (4, 3), (1, 5), (5, 1), (3, 4))
COMPILED = ((4, 3), (1, 1))
"""Rows by columns, for an engine that takes a second or more to compile one."""

SAMPLE = 12
"""How many elements of an array a derivative is measured at."""

MAGNITUDES = (0.0, 1e-6, 1.0, 1e4)
MODES = (True, False)


def _trials(
    part: Activation | Layer, shapes: Sequence[tuple[int, int]] = SHAPES, *, all_inner: bool = True
) -> Iterator[Trial]:
    """Make trials; a layer that holds layers is tried with several sets of them."""
    for seed, shape in enumerate(shapes):
        inner: list[tuple[Activation | Layer, ...]] = [()]
        if isinstance(part, Layer) and part.holds and not part.inner:
            wide = dense.with_options(units=shape[1])
            inner = [(wide, batch_norm), (tanh,), (wide, tanh, wide)]
        for held in inner if all_inner else inner[:1]:
            yield Trial(part, shape, inner=held, seed=seed)


def _when(training: bool) -> str:
    return "in training" if training else "outside training"


def _far(given: AnyArray, expected: AnyArray) -> str:
    """Say where two arrays differ by more than rounding in the given one's dtype; "" if nowhere."""
    precise = given.dtype != np.float32
    finite = np.asarray(expected)[np.isfinite(expected)]
    size = max(1.0, float(abs(finite).max(initial=0.0)))
    return different(
        given, expected, rtol=1e-9 if precise else 1e-4, atol=(1e-11 if precise else 2e-5) * size
    )


def _compare(how: str, given: Found, expected: Found, trial: Trial, training: bool) -> None:
    """Refuse the result of another way of computing the layer if it is not the function's."""
    wanted = dict(expected.named())
    for what, array in given.named():
        if what in wanted and (said := _far(array, wanted[what])):
            raise Wrong(f"{what} of the formula, {how}, {_when(training)}, on {trial}, {said}")


def formula(part: Activation | Layer, engine: Engine) -> None:
    """The traced formula, as nnplug and the engine run it, is the function."""
    shapes = SHAPES if engine is NUMPY else COMPILED
    for number_, trial in enumerate(_trials(part, shapes, all_inner=engine is NUMPY)):
        dtype = (np.float64, np.float32)[number_ % 2]
        for training in MODES:
            expected = trial.plain(training=training)
            _compare("traced", trial.traced(training=training), expected, trial, training)
        bound = EngineTrial(trial, dtype, engine)
        trial.cast(dtype)
        trial.cast(np.float64)  # the function is computed in float64, from the rounded numbers
        for training in (True, True, False):  # twice, since the first step must leave no trace
            given = bound.trained() if training else bound.evaluated()
            expected = trial.plain(training=training)
            if training:
                expected.slopes = trial.traced(training=True).slopes
            _compare(f"run by the engine in {np.dtype(dtype)}", given, expected, trial, training)


def derivative(part: Activation | Layer) -> None:
    """The derivatives with respect to the input and every parameter are the function's."""
    for trial in _trials(part):
        found = trial.traced(training=True).slopes
        for name, slope in found.items():
            array = trial.x if name == "x" else trial.given[name]
            places = random(7).permutation(array.size)[:SAMPLE]

            def total(
                numbers: AnyArray,
                trial: Trial = trial,
                name: str = name,
                array: AnyArray = array,
                places: AnyArray = places,
            ) -> float:
                moved = array.copy()
                moved.reshape(-1)[places] = numbers
                x = moved if name == "x" else trial.x
                given = trial.given if name == "x" else {**trial.given, name: moved}
                return float(np.sum(trial.g * trial.plain(x, training=True, given=given).value))

            measured = gradient(total, array.reshape(-1)[places])
            index, wrong = worst(slope.reshape(-1)[places], measured)
            if index is not None:
                place = np.unravel_index(int(places[index]), array.shape)
                at = f" at {where_in(place)}" if place else ""
                raise Wrong(
                    f"derivative of Σ g·y by {name}{at}, {_when(True)}, on {trial}: "
                    f"{contrast(slope[place], measured.slope[index])}; "
                    f"wrong at {wrong} of {len(places)} elements"
                )


def used(part: Layer) -> None:
    """Every array that it declares is used, and every parameter is learned."""
    (trial, *_) = _trials(part, ((4, 3),), all_inner=False)
    assert isinstance(trial.part, Layer)
    symbols, new = _symbols(trial.part)
    for name, declared in trial.part.arrays.items():
        read = {id(node) for key, root in new.items() if key != name for node in walk([root])}
        if id(symbols[name]) not in read:
            what = type(declared).__name__.lower()
            raise Wrong(
                f"it declares the {what} {name!r}, but does not use it; remove it from the "
                "signature, or use it in the formula"
            )
        if not isinstance(declared, Parameter):
            continue
        key = f"{trial.placed.name}.{name}"
        if not any(np.any(other.traced(training=True).slopes[key]) for other in _trials(part)):
            raise Wrong(
                f"the derivative by the parameter {name!r} is 0 for every input that was tried, "
                "so it is never learned; floor, round, comparisons and conditions have no "
                "slope: use the parameter in the value itself"
            )


def _symbols(part: Layer) -> tuple[dict[str, Symbol], dict[str, Symbol]]:
    """Trace it; return the symbols of its arrays, and what is computed from them."""
    graph = new_graph()
    x = graph.input("x", ("N", "D"))
    arrays = {name: graph.input(name, own.shape) for name, own in part.arrays.items()}
    found: dict[str, Symbol] = {}
    for training in MODES:
        y, states = part.trace(x, arrays, training=training, inner=lambda rows: 2.0 * rows)
        found[f"its value {_when(training)}"] = y
        if training:
            found |= states
    return arrays, found


def finite(part: Layer, engine: Engine) -> None:
    """Value, states and derivatives are finite for 0, equal and large inputs, in both dtypes."""
    shapes = ((4, 3), (1, 3)) if engine is NUMPY else ((4, 3),)
    for trial in _trials(part, shapes, all_inner=False):
        rows, given = trial.x.copy(), dict(trial.given)
        for dtype in (np.float64, np.float32) if engine is NUMPY else (np.float32,):
            bound = EngineTrial(trial, dtype, engine)
            for size in MAGNITUDES:
                for what, x in (
                    ("inputs", rows * size),
                    ("equal inputs", np.full_like(rows, size)),
                ):
                    trial.x, trial.given = x, dict(given)
                    trial.cast(dtype)
                    for training in MODES:
                        run = bound.trained() if training else bound.evaluated()
                        said = f"{what} of about {number(size)}"
                        where = f"for {said} in {np.dtype(dtype)}, {_when(training)}, on {trial}"
                        _check_finite(trial.plain(training=training), where)
                        _check_finite(trial.traced(training=training), where)
                        _check_finite(run, f"{where}, run by the engine")


def _check_finite(found: Found, where: str) -> None:
    for what, array in found.named():
        bad = ~np.isfinite(array)
        if bad.any():
            place = tuple(np.argwhere(bad)[0])
            raise Wrong(
                f"{what} {where}: the part gives {array[place]}, expected a finite number; keep "
                "what goes into root, logarithm and quotient away from 0, as in np.sqrt(v + 1e-5), "
                "or choose with np.where around all of it"
            )


def shape(part: Layer) -> None:
    """It gives the same number of outputs for a row, whatever the number of rows."""
    for columns in (1, 4):
        for trial in _trials(part, ((1, columns), (2, columns), (7, columns))):
            expected = (trial.shape[0], trial.placed.outputs)
            for training in MODES:
                found = trial.plain(training=training).value.shape
                if found != expected:
                    raise Wrong(
                        f"value {_when(training)} on {trial}: the part gives shape {found}, "
                        f"expected {expected}; a shape may depend only on the options and on "
                        "the width of x"
                    )


def dtype(part: Layer) -> None:
    """float32 in, float32 out, for value and new states; float64 likewise."""
    for trial in _trials(part, ((4, 3),), all_inner=False):
        for kind in (np.float32, np.float64):
            trial.cast(kind)
            for training in MODES:
                for traced in (False, True):
                    ways = trial.traced if traced else trial.plain
                    for what, array in ways(training=training).named():
                        size = f", {_when(training)}"
                        check_dtype(part, what, kind, array, traced=traced, size=size)


def rows(part: Layer) -> None:
    """Outside training, every row gives in a batch what it gives alone."""
    for trial in _trials(part, ((6, 3), (6, 1))):
        ways = (("the function", trial.plain), ("the formula", trial.traced))
        for who, way in ways:
            together = way(training=False).value
            for row in range(len(trial.x)):
                alone = way(trial.x[row : row + 1], training=False).value
                if said := _far(together[row : row + 1], alone):
                    raise Wrong(
                        f"value of {who} {_when(False)}, of row {row} in a batch of "
                        f"{len(trial.x)}, against the row alone, {said}; take the argument "
                        "`training` after the *, and look at other rows only if it is true: "
                        "what they tell can be kept in a state"
                    )


def states(part: Layer, engine: Engine) -> None:
    """New states come in the order of their declarations, and stay finite over 50 steps."""
    names = [name for name, own in part.declared.items() if isinstance(own, State)]
    _check_order(part, names)
    if not names and not part.holds:
        return
    (trial, *_) = _trials(part, ((4, 3),), all_inner=False)
    generator = random(11)
    bound = EngineTrial(trial, np.float64, engine)
    kept = {name: trial.given[name] for name in trial.names(State)}
    for step in range(1, 51):
        trial.x = generator.normal(size=trial.shape) * 2 - 0.5
        trial.given |= kept
        run = bound.trained()
        found = trial.plain(training=True)
        for name, array in found.states.items():
            if array.shape != trial.given[name].shape or not np.isfinite(array).all():
                raise Wrong(
                    f"{name} after {step} steps, on {trial}: it has shape {array.shape} and "
                    f"{_count_bad(array)} numbers that are not finite; expected finite numbers of "
                    f"shape {trial.given[name].shape}"
                )
            if said := _far(run.states[name], array):
                raise Wrong(f"{name} after {step} steps of training, {said}")
        kept = found.states
    trial.given |= kept
    _check_finite(trial.plain(training=False), f"outside training, after 50 steps, on {trial}")


def _count_bad(array: AnyArray) -> int:
    return int((~np.isfinite(array)).sum())


def _check_order(part: Layer, names: list[str]) -> None:
    """Refuse two states, each computed from the other: they have probably been swapped."""
    if not names:
        return
    symbols, new = _symbols(part)
    reads = {
        name: {other for other in names if id(symbols[other]) in {id(n) for n in walk([new[name]])}}
        for name in names
    }
    for name in names:
        for other in names:
            if reads[name] == {other} and reads[other] == {name} and name != other:
                raise Wrong(
                    f"the new {name} is computed from the old {other}, and the new {other} from "
                    f"the old {name}; return the value and then {', '.join(names)}, in the order "
                    "in which they are declared"
                )


def noise(part: Activation | Layer) -> None:
    """Noise is used only in training, and may be anything that its law draws."""
    for trial in _trials(part, ((4, 3),), all_inner=False):
        drawn = trial.names(Noise)
        other = arrays_of(trial.placed, 4, random(12))
        given = {**trial.given, **{name: other[name] for name in drawn}}
        for who, way in (("the function", trial.plain), ("the formula", trial.traced)):
            first, second = (way(training=False, given=own).value for own in (trial.given, given))
            if said := _far(second, first):
                raise Wrong(f"value of {who} {_when(False)}, with other noise, {said}")
        by_name = {array.name: array.declared for array in trial.placed.arrays}
        for name in drawn:
            law = getattr(by_name[name], "law", "")
            for edge in (0.0, 1 - 2**-24) if law == "uniform" else (-6.0, 0.0, 6.0):
                filled = {**trial.given, name: np.full_like(trial.given[name], edge)}
                where = f"in training, with {name} = {number(edge, 8)}, on {trial}"
                for way in (trial.plain, trial.traced):
                    for what, array in way(training=True, given=filled).named():
                        if _count_bad(array):
                            raise Wrong(
                                f"{what} {where}: {_count_bad(array)} numbers are not finite; "
                                "uniform noise is at least 0 and below 1: log1p(-noise) is finite, "
                                "log(noise) is not"
                            )


def inputs_unchanged(part: Layer) -> None:
    """It does not write into its arguments, in training or outside."""
    trial = next(_trials(part, ((4, 3),)))
    for training in MODES:
        arguments = _arguments(trial, training)
        before = _flat(arguments)
        trial.part(**arguments)
        for name, array in _flat(arguments).items():
            if said := different(array, before[name], rtol=0, atol=0):
                place = said.partition(":")[0]
                raise Wrong(
                    f"{_when(training)} it writes into its argument {name!r}, {place}; return "
                    f"new values, with {name} + 1 for {name} += 1"
                )


def deterministic(part: Layer) -> None:
    """The same arguments give the same numbers, to the bit; noise is an argument too."""
    trial = next(_trials(part, ((4, 3),)))
    for training in MODES:
        first, second = (_results(trial.part(**_arguments(trial, training))) for _ in range(2))
        for one, two in zip(first, second, strict=True):
            if said := different(two, one, rtol=0, atol=0):
                raise Wrong(
                    f"called twice with the same arguments {_when(training)}: the second time "
                    f"{said}; declare what is random, as in noise=nnplug.uniform('N', 'D')"
                )


def _arguments(trial: Trial, training: bool) -> dict[str, Any]:
    """Make the arguments of a call by name, the same at every call."""
    part, prefix = trial.part, f"{trial.placed.name}."
    assert isinstance(part, Layer)
    own: Arrays = {name: trial.given[f"{prefix}{name}"].copy() for name in part.arrays}
    arguments: dict[str, Any] = {"x": trial.x.copy(), **part.grouped(own)}
    if not training:
        arguments |= dict.fromkeys(k for k, v in part.declared.items() if isinstance(v, Noise))
    if part.branches:
        arguments["training"] = training
    if part.holds:
        arguments["inner"] = lambda rows: 2 * rows
    return arguments


def _flat(arguments: dict[str, Any]) -> Arrays:
    """Copy the arrays out of arguments; those of a tuple separately."""
    found: Arrays = {}
    for name, value in arguments.items():
        for at, array in enumerate(value) if isinstance(value, tuple) else [(None, value)]:
            if isinstance(array, np.ndarray):
                found[name if at is None else f"{name}[{at}]"] = array.copy()
    return found


def _results(value: Any) -> list[AnyArray]:
    return [np.asarray(array) for array in (value if isinstance(value, tuple) else (value,))]


def summary(part: Layer) -> None:
    """The first lines of its docstring say what it computes, and where that comes from."""
    if not part.summary:
        raise Wrong(
            "it has no docstring; begin with a line such as "
            '"""Layer normalisation (Ba, Kiros & Hinton, 2016, arXiv:1607.06450, equation 4)."""'
        )


CHECKS: Suite = {
    "formula": formula,
    "derivative": derivative,
    "used": used,
    "finite": finite,
    "shape": shape,
    "dtype": dtype,
    "rows": rows,
    "states": states,
    "noise": noise,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "summary": summary,
    "options": options,
}
