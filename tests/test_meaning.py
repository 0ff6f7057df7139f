"""A formula means what the plain function computes on arrays, in every engine, or is refused.

The oracle is NumPy itself: each operation is applied to arrays of truth
values, whole numbers and floats in every combination, and what comes out is
asked of the graph, and of each engine. Where NumPy raises an error, so does
tracing. Where tracing refuses more, NumPy's result is one that nobody means,
and is named here.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import nnplug
from nnplug import special
from nnplug.engines import Memory
from nnplug.errors import FormulaError
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tracing import lower
from nnplug.network.network import Network
from nnplug.plans.emission import Emitter
from nnplug.plans.program import Program, Value
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, Steps
from tests import oracles
from tests.engines import ENGINES

ROWS, COLUMNS = 40, 4
IDENTITY = Registry().get("activation", "identity")


def points():
    """Both signs, away from the thresholds below, so that slopes exist."""
    x = np.random.default_rng(0).uniform(-1.4, 1.4, (ROWS, COLUMNS))
    for edge in (-1, -0.7, -0.35, 0, 0.2, 0.35, 0.5, 0.7, 1):
        x[abs(x - edge) < 0.02] += 0.05
    return x


# Operands made of one array, by their kind: a formula's own steps.
ARRAYS = {
    "x": lambda x: x,
    "y": lambda x: 0.35 - x,
    "b": lambda x: x > 0.2,
    "c": lambda x: x < 0.5,
    "i": lambda x: np.where(x > 0, 2, 3),
    "j": lambda x: np.where(x > 0.5, 1, -1),
}
NUMBERS = {"2": 2, "0.5": 0.5, "True": True}
OPERANDS = {**ARRAYS, **{name: lambda x, n=number: n for name, number in NUMBERS.items()}}

UNARY = [
    "negative", "positive", "reciprocal", "square", "sqrt", "absolute", "fabs", "sign", "floor",
    "round", "rint", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan",
    "arctan", "sinh", "cosh", "tanh", "arcsinh", "logical_not", "invert", "ones_like",
    "zeros_like", "transpose", "ceil", "trunc", "cbrt", "arcsin", "arccos", "arccosh", "arctanh",
    "sinc", "isnan", "isinf", "isfinite", "sort",
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "divide", "power", "float_power", "hypot", "maximum", "minimum",
    "fmax", "fmin", "logaddexp", "logaddexp2", "arctan2", "remainder", "fmod", "floor_divide",
    "copysign", "heaviside", "greater", "greater_equal", "less", "less_equal", "equal",
    "not_equal", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or",
    "bitwise_xor",
]  # fmt: skip
ROWWISE = ["sum", "mean", "max", "min", "var", "std"]


def applied(function, *operands, **options):
    """A formula: a function of operands, which are given by name."""
    makers = [OPERANDS[operand] for operand in operands]
    return lambda x: function(*(make(x) for make in makers), **options)


def formulas():
    """Every operation on every combination of kinds, by a name that says it."""
    made = {}
    for name, one in itertools.product(UNARY, "xbi"):
        made[f"{name}({one})"] = applied(getattr(np, name), one)
    for one, other in itertools.product(OPERANDS, OPERANDS):
        made[f"where(b, {one}, {other})"] = applied(np.where, "b", one, other)
        if not {one, other} <= NUMBERS.keys():
            for name in BINARY:
                made[f"{name}({one}, {other})"] = applied(getattr(np, name), one, other)
    for one, exponent in itertools.product("xbi", (-2, -1, 0, 1, 2, 3, -1.0, 0.0, 0.5, 2.0)):
        made[f"{one}**{exponent}"] = applied(lambda a, e=exponent: a**e, one)
        made[f"{exponent}**{one}"] = applied(lambda a, e=exponent: e**a, one)
    for one in "xbi":
        made[f"where({one}, x, j)"] = applied(np.where, one, "x", "j")
        made[f"norm({one})"] = applied(np.linalg.norm, one, axis=-1, keepdims=True)
        for other in "xbi":
            made[f"{one} @ {other}.T"] = applied(lambda a, b: a @ b.T, one, other)
        for low, high in (("2", "x"), ("0.5", "x"), ("b", "c"), ("b", "x"), ("j", "2")):
            made[f"clip({one}, {low}, {high})"] = applied(np.clip, one, low, high)
        for name, keep in itertools.product(ROWWISE, (True, False)):
            function = getattr(np, name)
            made[f"{name}({one}, {keep})"] = applied(function, one, axis=-1, keepdims=keep)
            made[f"{name}({one}) of all"] = applied(lambda a, x, f=function: f(a) + 0 * x, one, "x")
        for name in ("cumsum", "flip", "sort"):
            made[f"{name}({one})"] = applied(getattr(np, name), one, axis=-1)
        for name in special.__all__:
            made[f"{name}({one})"] = applied(getattr(special, name), one)
    return made | CHAINS


# What is made of an operation's result shows its kind again.
CHAINS = {
    "stairs": lambda x: x * ((x > -0.2) + (x > 0.2)),
    "count": lambda x: np.sum(x > 0, axis=-1, keepdims=True) * x,
    "share": lambda x: x * np.mean(np.where(x > 0, 1.0, 0.0), axis=-1, keepdims=True),
    "share of truths": lambda x: x - np.mean(x > 0, axis=-1, keepdims=True),
    "sum of sums": lambda x: ((x > 0) + (x > 0.5)) + ((x > 0.7) + (x > 0.2)) + 1,
    "product and sum": lambda x: (x > -0.7) * (x < 0.7) + 2 * (x > 0),
    "largest": lambda x: np.max(x > 0.2, axis=-1, keepdims=True) * x,
    "sum of largest": lambda x: np.max(x > 0, axis=-1, keepdims=True) + (x > 0),
    "ones": lambda x: np.ones_like(x > 0) + np.ones_like(x > 0) + 0 * x,
    "zeros": lambda x: np.where(x > 0, np.zeros_like(x > 0), x > -0.7),
    "absolute sum": lambda x: abs(x > 0) + abs(x > 0.5),
    "whole chosen": lambda x: np.where(x > 0, x > 0.5, 2) + (x > 0.2),
    "truths or 1": lambda x: np.where(x > 0, x > 0.5, 1),
    "truths or half": lambda x: np.where(x > 0, x > 0.5, 0.5) * x,
    "truths or x": lambda x: np.where(x > 0, x > 0.5, x),
    "both branches": lambda x: np.where(x > 0, x > 0.5, x > -0.5) * x,
    "truth above half": lambda x: ((x > 0) > 0.5) * x,
    "truth is 2": lambda x: np.where((x > 0) == 2, x, -x),
    "truth is True": lambda x: np.where((x > 0) == True, x, -x),  # noqa: E712  # as some write
    "truth below x": lambda x: np.where((x > 0) < x, x, -x),
    "whole above": lambda x: np.where(np.where(x > 0, 2, 3) < 2.5, x, 0),
    "whole power": lambda x: np.where(x > 0, 2, 4) ** -1.0 * x,
    "whole chosen power": lambda x: np.where(x > 0, 2, 4) ** -1 * x,
    "floats chosen power": lambda x: np.where(x > 0, 2.0, 4.0) ** -2 * x,
    "square of whole": lambda x: np.where(x > 0, 2, -3) ** 2 + 0 * x,
    "division by 1": lambda x: np.reciprocal(np.where(x > 0, 2, 4) / 1) * x,
    "times 1.0": lambda x: np.reciprocal(np.where(x > 0, 2, 4) * 1.0) * x,
    "times 1": lambda x: np.reciprocal(np.where(x > 0, 2, 4) * 1) * x,
    "mask times mask": lambda x: x * (x > 0) * (x < 0.7),
    "not and or": lambda x: (~(x > 0) | (x > 0.5)) * x,
    "exclusive": lambda x: ((x > 0) ^ (x > 0.5)) * x,
    "minus truths": lambda x: 1 - (x > 0),
    "truth by row": lambda x: np.where(np.sum(x, axis=-1, keepdims=True) > 0, x > 0, x),
    "clip of whole": lambda x: np.clip(np.where(x > 0, 5, -5), -2, 2) + (x > 0),
}  # fmt: skip


def meant(name, result):
    """Whether NumPy's result is one that somebody may mean, so that it must not be refused."""
    whole_power = result.dtype.kind in "iu" and ("**" in name or name.startswith("power"))
    whole_power &= not re.fullmatch(r"power\([ij], (2|True)\)|i\*\*[0123]", name)
    bits = name.startswith(("bitwise", "invert")) and result.dtype.kind == "i"
    return not (
        result.dtype in (np.float16, np.int8)
        or whole_power  # wraps around, or has another sign than expected
        or bits
        or name in ("b @ b.T", "times 1", "reciprocal(i)")  # `or` for a sum; 0 for 1/2
        or name in [f"{each}(b)" for each in (*special.__all__, "sinc")]  # functions of numbers
        or re.fullmatch(
            r"(remainder|fmod|floor_divide)\([ijbc2T]\w*, [ijbc]\)", name
        )  # 0 where by 0
    )


def plain(formula, x):
    """What NumPy makes of it: an array, or None where it raises an error."""
    with np.errstate(all="ignore"):
        try:
            return np.asarray(formula(x))
        except (TypeError, ValueError):
            return None


FORMULAS = formulas()
KINDS = {"b": "bool", "i": "int", "f": "float"}


def traced(formula):
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    return x, graph.symbol(formula(x))


@pytest.mark.parametrize("name", FORMULAS)
def test_the_graph_means_what_numpy_computes(name):
    formula, x = FORMULAS[name], points()
    wanted = plain(formula, x)
    if wanted is None or not meant(name, wanted):
        with pytest.raises(FormulaError, match=r".+: .+\.\nWay out: .+\.$"):
            traced(formula)
        return
    symbol, value = traced(formula)
    assert wanted is not None, "NumPy refuses it"
    assert value.dtype_kind == KINDS[wanted.dtype.kind]
    for form in ([value], lower([value])):
        (found,) = evaluate(form, {"x": x})
        assert (found.dtype == bool) == (wanted.dtype == bool)
        np.testing.assert_allclose(
            np.broadcast_to(found, wanted.shape) * 1.0, wanted * 1.0, rtol=1e-12, atol=1e-12
        )
    printed = oracles.run_text(to_text([value], ["value"]), {"x": x})["value"]
    np.testing.assert_allclose(printed * 1.0, wanted * 1.0, rtol=1e-12, atol=1e-12)

    # Steps have no slope, and truth values are steps.
    def total(moved):
        with np.errstate(all="ignore"):
            return np.asarray(formula(moved)) * 1.0

    step = 1e-6
    if wanted.shape != x.shape or wanted.dtype.kind != "f" or not value.operation.elementwise:
        return
    if any(f"{each}(" in name for each in (*ROWWISE, "norm", "softmax", "log_sum_exp")):
        return
    if name.startswith("stop_gradient"):  # it is there to have another slope
        return
    (slope,) = evaluate(differentiate(value, [symbol], value.graph.constant(1.0)), {"x": x})
    with np.errstate(all="ignore"):
        expected = (total(x + step) - total(x - step)) / (2 * step)
    sound = np.isfinite(expected) & (abs(expected) < 1e4)
    if name not in CHAINS or "row" in name:
        np.testing.assert_allclose(slope[sound], expected[sound], rtol=1e-5, atol=1e-6)


LOOPED = {
    "add", "multiply", "divide", "maximum", "greater", "less_equal", "equal", "logical_and",
    "logical_xor", "where", *ROWWISE,
}  # fmt: skip
"""What stands for the others where each formula has to be compiled."""


def asked_of(engine):
    """The formulas that an engine is asked for: those with truth values and whole numbers."""
    for name, formula in FORMULAS.items():
        operation, *operands = re.findall(r"[\w.]+", name)
        if name in CHAINS or (
            set("bcij") & set(operands)
            and not set("ycj") & set(operands[-2:])
            and (
                engine == "numpy" or (operation in LOOPED and set(operands) <= set("bxi") | {"0.5"})
            )
        ):
            yield name, formula


def programs(engine, dtype):
    """These formulas as a program, each result in a vector of its own."""
    network = Network(1, (), 1, activations=(), output_activation=IDENTITY, dtype=np.dtype(dtype))
    emitter = Emitter(network, ROWS)
    sizes, names = {"N": ROWS, "C": COLUMNS}, {}
    given = Value("x", (ROWS, COLUMNS), np.dtype(dtype), "data", vector="x", per_row=True)
    for number, (name, formula) in enumerate(asked_of(engine)):
        try:
            symbol, value = traced(formula)
        except FormulaError:
            continue
        (root,) = lower([value])
        shape = tuple(sizes.get(dim, dim) for dim in root.shape)
        if not root.inputs or shape[:1] != (ROWS,):
            continue
        kind = np.dtype(bool if root.dtype_kind == "bool" else dtype)
        made = Value(name, shape, kind, "slot", vector=name, per_row=True)
        if number % 12 == 0 or not emitter.sections:
            section = emitter.section("forward", "some formulas", tiled=True)
        emitter.emit(
            section, [root], {id(symbol): given}, prefix=name, sizes=sizes, names={id(root): made}
        )
        names[name] = made
    return Program(ROWS, [each for each in emitter.sections if each.instructions]), names


@pytest.mark.parametrize(
    ("engine", "dtype"), [("numpy", "float32"), ("numpy", "float64"), ("numba", "float32")]
)
def test_engines_mean_what_numpy_computes(engine, dtype):
    program, made = programs(engine, dtype)
    assert len(made) > 80
    x = points().astype(dtype)
    arrays = {
        f"slot.{name}": np.zeros(value.shape, value.dtype).reshape(-1)
        for name, value in made.items()
    }
    with np.errstate(all="ignore"):
        bound = ENGINES[engine].bind(program, {"x": x, **arrays}, Memory())
        for call in bound.calls:
            call()
    epsilon = np.finfo(dtype).eps
    for name, value in made.items():
        wanted = plain(FORMULAS[name], x)
        found = arrays[f"slot.{name}"].reshape(value.shape)
        np.testing.assert_allclose(
            np.broadcast_to(found * 1.0, wanted.shape),
            wanted * 1.0,
            rtol=400 * epsilon,
            atol=60 * epsilon,
            err_msg=name,
        )


# --- labels, which are whole numbers -------------------------------------------------------

LABELLED = {
    "difference": lambda logits, labels: np.abs(logits - labels),
    "chosen labels": lambda logits, labels: np.where(labels > 0, labels, -1) * logits + logits**2,
    "labels or logits": lambda logits, labels: np.where(logits > 0.1, logits**2, labels),
    "below one and a half": lambda logits, labels: np.where(labels < 1.5, logits, -logits) ** 2,
    "square": lambda logits, labels: (logits - labels**2) ** 2,
    "largest": lambda logits, labels: np.maximum(logits, labels) * logits,
    "one of them": lambda logits, labels: np.where(labels == 1, logits**2, 0.5 * logits),
    "not first": lambda logits, labels: logits * (labels != 0) + logits**2,
    "power": lambda logits, labels: 2.0**labels * logits**2,
    "margin": lambda logits, labels: (
        np.sum(logits**2, axis=-1, keepdims=True)
        - np.take_along_axis(logits, labels, axis=-1)
        + labels / 2
    ),
    "mean": lambda logits, labels: logits**2 * np.mean(labels, axis=-1, keepdims=True),
    "product": lambda logits, labels: (labels * labels - 1) * logits**2,
    "right ones": lambda logits, labels: np.take_along_axis(logits, labels, axis=-1) > 0.1,
}


def all_of_them(logits, labels):
    return sum(formula(logits, labels) for formula in LABELLED.values())


@pytest.mark.parametrize(
    ("engine", "dtype", "names"),
    [("numpy", np.float32, LABELLED), ("numpy", np.float64, LABELLED), ("numba", np.float64, [])],
)
def test_labels_in_arithmetic(engine, dtype, names):
    generator = np.random.default_rng(5)
    logits = generator.normal(size=(40, 3)).astype(dtype)
    labels = generator.integers(0, 3, (40, 1))
    for name, formula in [*((name, LABELLED[name]) for name in names), ("all", all_of_them)]:
        part = nnplug.loss(name=name.replace(" ", "_"))(_with(formula))
        network = Network(3, (), 3, activations=(), output_activation=IDENTITY, dtype=dtype)
        network["output.weight"][...] = np.eye(3)
        wanted = np.mean(formula(logits, labels))
        _, value = Evaluator(network, part, ENGINES[engine]).run(logits, labels)
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(value, wanted, rtol=tolerance, err_msg=name)
        optimizer = Registry().get("optimizer", "sgd:learning_rate=1.0")
        Steps(network, part, optimizer, logits, labels, None, engine=ENGINES[engine]).run(None)
        for column in range(3):
            moved = np.zeros(3)
            moved[column] = 1e-6
            up, down = (
                np.mean(1.0 * formula(logits.astype(float) + sign * moved, labels))
                for sign in (1, -1)
            )
            slope = -network["output.bias"][column]
            np.testing.assert_allclose(
                slope, (up - down) / 2e-6, rtol=1e-4, atol=1e-6, err_msg=name
            )


def _with(formula):
    def error(logits, labels):
        """Compare labels with logits."""
        return formula(logits, labels)

    return error


def test_a_network_of_truth_values_is_the_same_in_both_engines():
    @nnplug.activation
    def stairs(x):
        """x above either of two thresholds, else 0."""
        return CHAINS["stairs"](x)

    losses = [
        nnplug.train("xor", activation=stairs, epochs=30, engine=engine).final.loss
        for engine in ENGINES
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


# --- truth values that a part returns -------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_an_activation_that_gives_truth_values_gives_0_and_1(engine):
    @nnplug.activation
    def on(x):
        """Heaviside's step."""
        return x > 0

    x = points()
    network = Network(
        COLUMNS, (COLUMNS,), 2, activations=[on], output_activation=IDENTITY, dtype=np.float64
    )
    network.parameters[...] = np.random.default_rng(0).normal(size=network.size)
    outputs, _ = Evaluator(network, engine=ENGINES[engine]).run(x)
    hidden = on(x @ network["hidden1.weight"] + network["hidden1.bias"])
    assert hidden.dtype == bool
    np.testing.assert_allclose(outputs, hidden @ network["output.weight"] + network["output.bias"])
    before = network["hidden1.weight"].copy()
    loss, optimizer = (Registry().get("loss", "mse"), Registry().get("optimizer", "sgd"))
    Steps(network, loss, optimizer, x, outputs + 1, None, engine=ENGINES[engine]).run(None)
    np.testing.assert_array_equal(network["hidden1.weight"], before)  # it has no slope


def test_an_optimizer_that_keeps_truth_values_is_refused():
    @nnplug.optimizer
    def signs(param, grad, positive, *, learning_rate=0.1):
        """Keep where the gradient was positive."""
        return param - learning_rate * grad, grad > 0

    with pytest.raises(FormulaError) as caught:
        signs.update(new_graph())
    assert "optimizer 'signs'" in str(caught.value)
    assert "the new positive is truth values" in str(caught.value)
    assert str(caught.value).endswith("np.where(condition, 1.0, 0.0).")


# --- what is refused, and in which words ------------------------------------------------------

MESSAGES = [
    (lambda x: (x > 0) - (x > 1), "`subtract` of truth values: NumPy refuses it.",
     "use np.logical_xor, or turn them into numbers first, with np.where(condition, 1.0, 0.0)."),
    (lambda x: -(x > 0), "`negative` of truth values: NumPy refuses it.", "use np.logical_not, or"),
    (lambda x: np.sign(x > 0), "`sign` of truth values: NumPy refuses it.", "turn them into"),
    (lambda x: np.exp(x > 0), "`exp` of truth values: NumPy computes it in floats of 16 bits.",
     "turn them into numbers first, with np.where(condition, 1.0, 0.0)."),
    (lambda x: (x > 0) ** 2, "a power of whole numbers: NumPy refuses negative", "use a float"),
    (lambda x: np.square(x > 0), "`square` of truth values: NumPy computes it in whole numbers of",
     "turn them into"),
    (lambda x: special.sigmoid(x > 0), "`sigmoid` of truth values: it is a function of numbers.",
     "turn them into"),
    (lambda x: (x > 0) @ (x > 1).T, "`matmul` of truth values: NumPy's is `or` where a sum is",
     "turn them into"),
    (lambda x: np.where(x > 0, 2, 4) ** -1, "the reciprocal of whole numbers: NumPy's is a whole",
     "divide, as in 1 / x, or use x**-1.0."),
    (lambda x: np.where(x > 0, 2, 4) ** -2, "a power of whole numbers: NumPy refuses negative",
     "use a float: 2.0 ** n, x ** -2.0, or 1.0 * x."),
    (lambda x: x * (np.sum(x) > 0 + (np.mean(x) > 0)) * ((np.sum(x) > 0) + (np.mean(x) > 0)),
     "the sum of two single truth values: Python's is 2, NumPy's is True.",
     "use np.logical_or, or turn them into"),
    (lambda x: np.where(~(np.sum(x) > 0), x, 0), "`~` of a single truth value: Python's is the",
     "use np.logical_not."),
    (lambda x: +(x > 0), "`+` before truth values: NumPy refuses it.", "leave it out."),
    (lambda x: np.ones_like(x, dtype=bool), "`ones_like` is given dtype: that option cannot",
     "leave it out."),
    (lambda x: np.take_along_axis(x, np.max(x, axis=-1, keepdims=True), axis=-1),
     "`take_along_axis` by computed indices: only labels are sure to be whole numbers in range.",
     "choose by the argument `labels` itself, or use np.where."),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "what", "way_out"), MESSAGES)
def test_what_is_said_of_it(formula, what, way_out):
    with pytest.raises(FormulaError) as caught:
        traced(formula)
    first, second = str(caught.value).splitlines()
    assert re.match(rf".*test_meaning\.py:\d+: {re.escape(what)}", first), first
    assert second.startswith(f"Way out: {way_out}"), second
