"""What cannot be traced says where, why, and what to write instead."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from nnplug import special
from nnplug.errors import FormulaError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower, trace
from nnplug.parts import activation, loss, optimizer

THIS = str(Path(__file__))
TABLE = np.arange(3.0)


def branch(x):
    return x if x > 0 else 0 * x


def both(x):
    return np.where(x > 0 and x < 1, x, 0)


def math_exp(x):
    return 1 / (1 + math.exp(-x))


def loop(x):
    return sum(each for each in x)


def python_max(x):
    return max(x, 0)


def index(x):
    return x[:, 0]


def assign(x):
    x[x < 0] = 0
    return x


def in_place(x):
    x += 1
    return x


def out(x):
    return np.exp(x, out=x)


def where_argument(x):
    return np.exp(x, where=x > 0)


def unknown(x):
    return np.cumprod(x, axis=-1)


def unknown_ufunc(x):
    return np.deg2rad(x)


def within_another(x):
    return np.log1p(np.radians(x))


def shape(x):
    return np.sum(x, axis=-1, keepdims=True) / x.shape[0]


def shape_times(x):
    return x * x.shape[1]


def shape_root(x):
    return x / np.sqrt(x.shape[-1])


def shape_choice(x):
    return x if x.shape[0] > 1 else 2 * x


def size(x):
    return np.sum(x) / x.size


def length(x):
    return x / len(x)


def dtype(x):
    return x.astype(x.dtype)


def astype(x):
    return x.astype(np.float64)


def array_constant(x):
    return x * TABLE


def list_constant(x):
    return x * [1.0, 2.0]


def text_constant(x):
    return np.maximum(x, "0")


def as_array(x):
    return np.asarray(x) * 2


def vectorized(x):
    return np.vectorize(lambda each: each)(x)


def method(x):
    return x.cumprod()


def other_method(x):
    return x.tolist()


def misspelt(x):
    return np.relu(x)


def misspelt_special(x):
    return special.sigmoud(x)


def accumulate(x):
    return np.add.reduce(x)


def no_axis(x):
    return np.sum(x, axis=2)


def two_axes(x):
    return np.sum(x, axis=(0, 1))


def reduced_where(x):
    return np.sum(x, axis=-1, where=x > 0)


def shapes(x):
    return x + np.sum(x, axis=-1)


def product(x):
    return x @ x


def one_where(x):
    return np.where(x > 0)


def decimals(x):
    return np.round(x, 2)


def spectral(x):
    return np.linalg.norm(x, 2)


def bits(x):
    return np.where(x & 1, x, 0)


def huge(x):
    return x * 10**400


def wrong_name(x):
    return x * undefined  # noqa: F821


REFUSED = {
    branch: (1, "a branch", "np.where"),
    both: (1, "a branch", "np.logical_and"),
    math_exp: (1, "`math.exp`", "np.exp"),
    loop: (1, "a loop", "arithmetic on the array itself"),
    python_max: (1, "`max()`", "np.maximum"),
    index: (1, "indexing", "np.take_along_axis"),
    assign: (1, "assigning to elements", "np.where(condition, new, old)"),
    in_place: (1, "writes into an existing array", "t = t + 1"),
    out: (1, "writes into an existing array", "leave out `out=`"),
    where_argument: (1, "`numpy.exp` is given where", "np.where"),
    unknown: (1, "`cumprod` is not supported", "np.sum, np.mean, np.max or np.min over axis=-1"),
    unknown_ufunc: (1, "`deg2rad` is not supported", "x * (np.pi / 180)"),
    within_another: (1, "`radians` is not supported", "x * (np.pi / 180)"),
    shape: (1, "the size of an array", "np.mean"),
    shape_times: (1, "the size of an array", "np.mean"),
    shape_root: (1, "the size of an array", "np.mean"),
    shape_choice: (1, "the size of an array", "np.mean"),
    size: (1, "`.size` of an array", "np.mean"),
    length: (1, "`len()`", "np.mean"),
    dtype: (1, "of an array: a formula keeps the dtype", "leave"),
    astype: (1, "`.astype` of an array", "leave the conversion out"),
    array_constant: (1, "of type `ndarray`", "keyword arguments"),
    list_constant: (1, "of type `list`", "write the numbers out"),
    text_constant: (1, "of type `str`", "write the numbers out"),
    as_array: (1, "`np.asarray`", "leave the conversion out"),
    vectorized: (1, "`np.vectorize`", "the argument itself"),
    method: (1, "`.cumprod` of an array", "np.sum, np.mean, np.max or np.min over axis=-1"),
    other_method: (1, "`.tolist` of an array", "NumPy functions"),
    misspelt: (1, "AttributeError", "np.maximum(x, 0)"),
    misspelt_special: (1, "Did you mean 'sigmoid' or 'log_sigmoid'?", "plain NumPy"),
    accumulate: (1, "`numpy.add.reduce`", "np.sum"),
    no_axis: (1, "axis=2 of shape (N, C)", "axis=-1"),
    two_axes: (1, "axis=(0, 1)", "keepdims=True"),
    reduced_where: (1, "`sum` is given where", "leave it out"),
    shapes: (1, "`add` of shapes (N, C) and (N)", "keepdims=True"),
    product: (1, "a matrix product of shapes (N, C) and (N, C)", "transpose one with .T"),
    one_where: (1, "`np.where` with a condition alone", "np.where(condition, a, b)"),
    decimals: (1, "`round` to decimals", "scale, round and scale back"),
    spectral: (1, "`np.linalg.norm` with ord=2", "leave ord out"),
    bits: (1, "of numbers", "compare first"),
    huge: (1, "no float is that large", "smaller number"),
    wrong_name: (1, "NameError", "plain NumPy"),
}


@pytest.mark.parametrize("formula", REFUSED, ids=lambda formula: formula.__name__)
def test_refusal_names_the_line_the_reason_and_the_way_out(formula):
    offset, reason, way_out = REFUSED[formula]
    x = new_graph().input("x", ("N", "C"))
    with pytest.raises(FormulaError) as caught:
        trace(formula, [x], {}, name="activation 'test'")
    message = str(caught.value)
    line = formula.__code__.co_firstlineno + offset
    assert message.startswith(f"activation 'test': {THIS}:{line}: ")
    first, last = message.split("\nWay out: ")
    assert reason in first
    assert re.search(r"[^.?][.?]$", first)
    assert way_out in last
    assert re.search(r"[^.][.?]$", last)
    # Nothing of the machinery shows.
    for word in ("Symbol", "Label", "nnplug/formulas", "__array", "Traceback"):
        assert word not in message


def test_the_line_is_that_of_a_helper_in_which_it_happens():
    def helper(x):
        return x[0]

    def formula(x):
        return 1 + helper(x)

    with pytest.raises(FormulaError) as caught:
        trace(formula, [new_graph().input("x", ("N", "C"))], {}, name="activation 'a'")
    assert f"{THIS}:{helper.__code__.co_firstlineno + 1}: " in str(caught.value)


def test_the_line_is_the_authors_within_a_special_function():
    def formula(x):
        return special.softmax(np.sum(x))

    with pytest.raises(FormulaError) as caught:
        lower(trace(formula, [new_graph().input("x", ("N", "C"))], {}, name="activation 'a'"))
    assert THIS in str(caught.value)


def test_result_must_come_from_the_arguments():
    x = new_graph().input("x", ("N", "C"))

    def nothing(x):
        x * 2

    def array(x):
        return np.zeros(3)

    for formula, expected in ((nothing, "returns nothing"), (array, "returns ndarray")):
        with pytest.raises(FormulaError, match=expected) as caught:
            trace(formula, [x], {}, name="activation 'a'")
        assert f"{THIS}:{formula.__code__.co_firstlineno}: " in str(caught.value)
        assert "Way out: " in str(caught.value)


def test_shape_of_an_activation():
    @activation
    def total(x):
        return np.sum(x, axis=-1, keepdims=True)

    @activation
    def batch_norm(x):
        return x - np.mean(x, axis=0)

    @activation
    def pair(x):
        return x, x

    x = new_graph().input("x", ("N", "C"))

    @activation
    def attention(x):  # its shape is right, but each row looks at all
        return np.exp(x @ x.T) @ x

    @activation
    def sideways(x):
        return special.softmax(x.T).T

    @activation
    def pairwise(x):  # (N, 1) against (N,): every row with every other
        rows = np.sum(x, axis=-1, keepdims=True) - np.sum(x, axis=-1)
        return x - np.sum(rows, axis=-1, keepdims=True)

    for part in (total, batch_norm, pair, attention, sideways, pairwise):
        with pytest.raises(FormulaError) as caught:
            part.value(x)
        assert part.place in str(caught.value)
        assert part.name in str(caught.value)


def test_shape_of_a_loss_and_of_an_optimizer():
    @loss
    def averaged(prediction, target):
        return np.mean((prediction - target) ** 2)

    with pytest.raises(FormulaError, match="leave out the mean") as caught:
        averaged.value(*averaged.inputs(new_graph()))
    assert averaged.place in str(caught.value)

    @loss
    def centred(prediction, target):
        error = prediction - target
        return (error - np.mean(error, axis=0)) ** 2

    with pytest.raises(FormulaError, match="the error of a row depends on other rows") as caught:
        centred.value(*centred.inputs(new_graph()))
    assert centred.place in str(caught.value)

    @optimizer
    def forgetful(param, grad, m, *, learning_rate=0.1):
        return param - learning_rate * grad

    with pytest.raises(FormulaError, match="return the new param, m, in this order") as caught:
        forgetful.update(new_graph())
    assert forgetful.place in str(caught.value)

    @optimizer
    def shrinking(param, grad, *, learning_rate=0.1):
        return param, grad

    with pytest.raises(FormulaError, match="returns 2 values"):
        shrinking.update(new_graph())


def test_options_may_steer_the_formula():
    def formula(x, *, power, centre):
        if centre:  # an option is a number, not an array
            x = x - 1.0
        for _ in range(power):
            x = x * x
        return x

    graph = new_graph()
    (y,) = trace(formula, [graph.input("x", ("N",))], {"power": 2, "centre": True}, name="a")
    assert evaluate([y], {"x": np.array([3.0])})[0].tolist() == [16.0]
    with pytest.raises(ValueError, match="no value for the argument 'x'"):
        evaluate([y], {"X": np.array([3.0])})


def test_lower_leaves_single_array_calls():
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = special.softmax(special.softplus(x) + np.clip(x, -1, 1) + np.mean(x**3) + special.erf(x))
    stack = lower([y])
    seen = set()
    while stack:
        node = stack.pop()
        seen.add(node.operation.name)
        stack.extend(node.inputs)
    assert not seen & {"softmax", "softplus", "clip", "mean", "erf", "logaddexp", "power"}
    assert {"sum", "max", "exp", "log1p", "minimum", "maximum"} <= seen
    a = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(*evaluate([y, lower([y])[0]], {"x": a}), rtol=1e-13)
