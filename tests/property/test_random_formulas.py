"""Random formulas: value against NumPy, derivative against complex step, and their print.

A formula is a tree that two interpreters read: one applies NumPy's functions
to symbols, as an author's function does; the other does complex arithmetic
and knows nothing of graphs or derivative rules. The number of examples is
`NNPLUG_EXAMPLES`, 150 unless it is set.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from nnplug import special
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tidying import tidy
from nnplug.formulas.tracing import lower
from tests import oracles

EXAMPLES = int(os.environ.get("NNPLUG_EXAMPLES", "150"))
SHAPES = {"x": ("N", "C"), "y": ("N", "C"), "r": ("N", 1), "s": ()}
_generator = np.random.default_rng(7)
ARRAYS = {
    "x": _generator.normal(size=(3, 4)) * 1.5,
    "y": _generator.normal(size=(3, 4)),
    "r": _generator.normal(size=(3, 1)),
    "s": np.array(0.7),
}
DIRECTION = {name: _generator.normal(size=array.shape) for name, array in ARRAYS.items()}


def _complex_special(name: str, x: Any) -> Any:
    if name in GAMMAS:
        return oracles.gamma(name, x)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    if name in ("softplus", "log_sigmoid"):
        sign = 1 if name == "softplus" else -1
        return sign * oracles.ComplexNumpy().logaddexp(sign * x, 0 * x)
    if name in ("erf", "erfc"):
        import math

        real = np.vectorize(getattr(math, name))(np.real(x))
        slope = (1 if name == "erf" else -1) * 2 / math.sqrt(math.pi) * np.exp(-(np.real(x) ** 2))
        return real + 1j * np.imag(x) * slope
    top = np.max(np.real(x), axis=-1, keepdims=True)
    total = np.sum(np.exp(x - top), axis=-1, keepdims=True)
    if name == "log_sum_exp":
        return top + np.log(total)
    return np.exp(x - top) / total if name == "softmax" else x - top - np.log(total)


ARITHMETIC = {
    "+": lambda np, a, b: a + b,
    "-": lambda np, a, b: a - b,
    "*": lambda np, a, b: a * b,
    "/": lambda np, a, b: a / (1 + b * b),
    "maximum": lambda np, a, b: np.maximum(a, b),
    "minimum": lambda np, a, b: np.minimum(a, b),
    "hypot": lambda np, a, b: np.hypot(a, b),
    "logaddexp": lambda np, a, b: np.logaddexp(a, b),
    "logaddexp2": lambda np, a, b: np.logaddexp2(a, b),
    "remainder": lambda np, a, b: np.remainder(a, 0.3 + b * b),
    "fmod": lambda np, a, b: np.fmod(a, b),
    "floor_divide": lambda np, a, b: np.floor_divide(a, b) * a,
    "arctan2": lambda np, a, b: np.arctan2(a, b),
    "copysign": lambda np, a, b: np.copysign(a, b),
    "heaviside": lambda np, a, b: np.heaviside(a, b) * b,
}
FUNCTIONS = {
    "negative": lambda np, a: -a,
    "square": lambda np, a: a**2,
    "cube": lambda np, a: a**3,
    "reciprocal": lambda np, a: 1 / a,
    "power": lambda np, a: (1 + a * a) ** -1.5,
    "root": lambda np, a: np.sqrt(1 + a * a),
    "abs": lambda np, a: np.abs(a),
    "sign": lambda np, a: np.sign(a),
    "floor": lambda np, a: np.floor(a) * a,
    "ceil": lambda np, a: np.ceil(a) * a,
    "trunc": lambda np, a: np.trunc(a) * a,
    "cbrt": lambda np, a: np.cbrt(a),
    "modulo": lambda np, a: np.mod(a, 0.7),
    "arcsin": lambda np, a: np.arcsin(np.tanh(a)),
    "arccos": lambda np, a: np.arccos(np.sin(a) / 2),
    "arccosh": lambda np, a: np.arccosh(1.1 + a * a),
    "arctanh": lambda np, a: np.arctanh(np.sin(a) / 1.5),
    "sinc": lambda np, a: np.sinc(a),
    "log if finite": lambda np, a: np.where(np.isfinite(1 / np.maximum(a, 0)), np.log(a), 0),
    "log if a number": lambda np, a: np.where(np.isnan(0 / np.maximum(a, 0)), a, np.log(a)),
    "line if infinite": lambda np, a: np.where(np.isinf(np.maximum(a, 0) / 0), a, 2 * a),
    "clip": lambda np, a: np.clip(a, -1.1, 0.8),
    "relu": lambda np, a: np.maximum(a, 0),
    "exp": lambda np, a: np.exp(a),
    "expm1": lambda np, a: np.expm1(a),
    "tanh": lambda np, a: np.tanh(a),
    "sin": lambda np, a: np.sin(a),
    "cos": lambda np, a: np.cos(a),
    "arctan": lambda np, a: np.arctan(a),
    "arcsinh": lambda np, a: np.arcsinh(a),
    "mask": lambda np, a: a * np.greater(a, 0),
    # The branch not taken is NaN or infinite, and so is its derivative.
    "log or 0": lambda np, a: np.where(np.greater(a, 0), np.log(a), 0),
    "log or line": lambda np, a: np.where(np.greater(a, 0), 2 + np.log(a), 3 * a),
    "root or line": lambda np, a: np.where(np.greater(a, 0), np.sqrt(a), a),
    "exp or line": lambda np, a: np.where(np.greater(a, 1), a, np.exp(500 * a - 500) / 9),
    "1 / 0 or 1": lambda np, a: np.where(np.greater(a, -np.inf), 1 + a, 1 / (a - a)),
}
ROWS = {
    "sum": lambda np, a: np.sum(a, axis=-1, keepdims=True),
    "mean": lambda np, a: np.mean(a, axis=-1, keepdims=True),
    "max": lambda np, a: np.max(a, axis=-1, keepdims=True),
    "min": lambda np, a: np.min(a, axis=-1, keepdims=True),
    "norm": lambda np, a: np.linalg.norm(1 + a * a, axis=-1, keepdims=True),
    "mean of all": lambda np, a: np.mean(a),
    "var": lambda np, a: np.var(a, axis=-1, keepdims=True, ddof=-1),
    "std": lambda np, a: np.std(a, axis=-1, keepdims=True),
    "var of all": lambda np, a: np.var(a),
    "cumsum": lambda np, a: np.cumsum(a, axis=-1),
    "flip": lambda np, a: np.flip(a, axis=-1),
    "sort": lambda np, a: np.sort(a, axis=-1),
}
PLAIN = {**ARITHMETIC, **FUNCTIONS, **ROWS}
# stop_gradient is there to have another derivative than its function.
SPECIAL = [name for name in special.__all__ if name != "stop_gradient"]
GAMMAS = ("lgamma", "digamma", "trigamma")


def interpret(tree: Any, numpy: Any, values: dict[str, Any]) -> Any:
    if isinstance(tree, str):
        return values[tree]
    if isinstance(tree, float):
        return np.float64(tree)  # which divides by 0 as arrays do
    name, *children = tree
    inputs = [interpret(child, numpy, values) for child in children]
    if name == "where":
        a, b, c, d = inputs
        return numpy.where(numpy.greater(a, b), c, d)
    if name == "twice":  # one sub-expression in two places
        return inputs[0] * inputs[0] + inputs[0]
    if name in PLAIN:
        if name in ROWS and getattr(inputs[0], "ndim", 0) < 2:
            return inputs[0]
        return PLAIN[name](numpy, *inputs)
    if name in ("log_sum_exp", "softmax", "log_softmax") and getattr(inputs[0], "ndim", 0) < 2:
        return inputs[0]
    if name in GAMMAS:
        inputs = [0.3 + inputs[0] * inputs[0]]
    if isinstance(numpy, oracles.ComplexNumpy):
        return _complex_special(name, inputs[0])
    return getattr(special, name)(inputs[0])


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.sampled_from([*FUNCTIONS, "twice"]), inner),
        st.tuples(st.sampled_from(list(ARITHMETIC)), inner, inner),
        st.tuples(st.sampled_from([*ROWS, *SPECIAL]), inner),
        st.tuples(st.just("where"), inner, inner, inner, inner),
    )


LEAVES = st.one_of(
    st.sampled_from(["x", "x", "y", "r", "s"]), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, -1.75])
)
TREES = st.recursive(LEAVES, _grow, max_leaves=9)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(TREES)
def test_random_formula(tree: Any) -> None:
    used = [name for name in SHAPES if name in repr(tree).replace("exp", "").split("'")]
    assume(used)
    graph = new_graph()
    symbols = {name: graph.input(name, SHAPES[name]) for name in used}
    arrays = {name: ARRAYS[name] for name in used}
    with np.errstate(all="ignore"):
        value = graph.symbol(interpret(tree, np, symbols))
        expected = np.asarray(interpret(tree, np, arrays))
    assume(np.isfinite(expected).all() and abs(expected).max() < 1e6)
    seed = np.cos(np.arange(expected.size)).reshape(expected.shape)
    slope, kinked = oracles.along(
        lambda numpy, **values: interpret(tree, numpy, values), arrays, DIRECTION
    )
    assume(not kinked and np.isfinite(slope).all())
    total = float(np.sum(seed * slope))

    seed_symbol = graph.input("seed", value.shape)
    nodes = [value, *differentiate(value, list(symbols.values()), seed_symbol)]
    given_arrays = {**arrays, "seed": seed}
    for form in (nodes, lower(nodes)):
        got, *gradients = evaluate(form, given_arrays)
        np.testing.assert_allclose(
            np.broadcast_to(got, expected.shape), expected, rtol=1e-9, atol=1e-11
        )
        parts = []
        for name, gradient in zip(used, gradients, strict=True):
            assert gradient.shape == arrays[name].shape
            assert not np.isnan(gradient).any()
            parts.append(gradient * DIRECTION[name])
        scale = sum(float(abs(part).sum()) for part in parts)
        assume(scale < 1e8)
        assert abs(sum(float(part.sum()) for part in parts) - total) <= 1e-9 * scale + 1e-10

    # The value may be lowered before it is derived, as well as after.
    first = lower([value])[0]
    by_all = evaluate(differentiate(first, list(symbols.values()), seed_symbol), given_arrays)
    for early, late in zip(by_all, gradients, strict=True):
        if not np.isnan(early).any():  # lowering may lose the safe form of a special function
            np.testing.assert_allclose(early, late, rtol=1e-7, atol=1e-9 * (1 + scale))

    names = ["value_", *(f"by_{name}" for name in used)]
    found = oracles.run_text(to_text(nodes, names), given_arrays)
    for name, reference in zip(names, evaluate(nodes, given_arrays), strict=True):
        printed = np.broadcast_to(found[name], reference.shape)
        np.testing.assert_allclose(printed, reference, rtol=1e-12, atol=1e-12)

    # Tidied for reading, the derivatives are the same but for rounding.
    tidied = evaluate(tidy(nodes[1:], nodes[:1]), given_arrays)
    for neat, reference in zip(tidied, gradients, strict=True):
        if np.isfinite(neat).all():  # factors in another order may overflow on the way
            np.testing.assert_allclose(
                np.broadcast_to(neat, reference.shape),
                reference,
                rtol=1e-9,
                atol=1e-11 * (1 + scale),
            )
