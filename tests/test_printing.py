"""The printed formula: exact cases, and text that is Python with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug import special
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_latex, to_text
from tests import oracles

# formula of x and y, its text, its LaTeX
EXACT = [
    (lambda x, y: x - (y - 1), "x - (y - 1)", "x - (y - 1)"),
    (lambda x, y: x - y - 1, "x - y - 1", "x - y - 1"),
    (lambda x, y: x / (y / x), "x / (y / x)", r"\frac{x}{\frac{y}{x}}"),
    (lambda x, y: x * (y + 1), "x * (y + 1)", r"x \, (y + 1)"),
    (lambda x, y: x * -2.5, "x * -2.5", r"x \, (-2.5)"),
    (lambda x, y: x * -y, "x * -y", r"x \, (-y)"),
    (lambda x, y: x * 3, "x * 3", r"x \cdot 3"),
    (lambda x, y: -(x**2), "-x**2", "-x^{2}"),
    (lambda x, y: (-x) ** 2, "(-x)**2", "(-x)^{2}"),
    (lambda x, y: -(x + y), "-(x + y)", "-(x + y)"),
    (lambda x, y: (x**y) ** 3, "(x**y)**3", "(x^{y})^{3}"),
    (lambda x, y: x ** (y**3), "x**y**3", "x^{y^{3}}"),
    (lambda x, y: x**-y, "x**(-y)", "x^{-y}"),
    (lambda x, y: 2**x, "2**x", "2^{x}"),
    (lambda x, y: x**-2, "x**(-2)", "x^{-2}"),
    (lambda x, y: x**-1, "1 / x", r"\frac{1}{x}"),
    (lambda x, y: y / (x**-1), "y / (1 / x)", r"\frac{y}{\frac{1}{x}}"),
    (lambda x, y: x**0.5, "sqrt(x)", r"\sqrt{x}"),
    (lambda x, y: abs(x), "abs(x)", r"\left|x\right|"),
    (lambda x, y: (x > 0) == (y > 0), "(x > 0) == (y > 0)", "(x > 0) = (y > 0)"),
    (
        lambda x, y: np.logical_and(x > 0, y <= 1),
        "logical_and(x > 0, y <= 1)",
        r"x > 0 \wedge y \le 1",
    ),
    (
        lambda x, y: np.where(x > 0, x, 0.01 * x),
        "where(x > 0, x, 0.01 * x)",
        r"\begin{cases} x & \text{if } x > 0 \\ 0.01 \, x & \text{otherwise} \end{cases}",
    ),
    (lambda x, y: x + 1e-8, "x + 1e-08", r"x + 10^{-8}"),
    (lambda x, y: x + 2.5e-8, "x + 2.5e-08", r"x + 2.5 \cdot 10^{-8}"),
    (lambda x, y: (1e-8 * x) ** 3, "(1e-08 * x)**3", r"(10^{-8} \, x)^{3}"),
    (lambda x, y: 2.5e-8**x, "2.5e-08**x", r"(2.5 \cdot 10^{-8})^{x}"),
    (lambda x, y: np.minimum(x, np.inf), "minimum(x, inf)", r"\min\left(x, \infty\right)"),
    (lambda x, y: x + -0.0, "x + -0.0", "x + (-0.0)"),
    (
        lambda x, y: np.max(x, axis=-1, keepdims=True),
        "max(x, axis=-1, keepdims=True)",
        r"\max\left(x\right)",
    ),
    (lambda x, y: np.sum(x, axis=0), "sum(x, axis=-2)", r"\sum\left(x\right)"),
    (lambda x, y: np.mean(x), "mean(x)", r"\operatorname{mean}\left(x\right)"),
    (
        lambda x, y: special.log_softmax(x),
        "log_softmax(x)",
        r"\operatorname{log\_softmax}\left(x\right)",
    ),
    (lambda x, y: x @ y.T, "x @ y.T", r"x \, y^\top"),
    (lambda x, y: np.log2(x), "log2(x)", r"\log_2\left(x\right)"),
]


@pytest.mark.parametrize(("formula", "text", "latex"), EXACT)
def test_exact(formula, text, latex):
    graph = new_graph()
    value = formula(graph.input("x", ("N", "C")), graph.input("y", ("N", "C")))
    assert to_text([value], ["f"]) == f"f = {text}"
    assert to_latex([value], ["f"]) == f"\\begin{{aligned}}\nf &= {latex}\n\\end{{aligned}}"
    arrays = dict(zip("xy", np.random.default_rng(0).uniform(0.1, 2, (2, 3, 4)), strict=True))
    np.testing.assert_array_equal(
        oracles.run_text(to_text([value], ["f"]), arrays)["f"], evaluate([value], arrays)[0]
    )


def test_shared_sub_expressions_are_written_once():
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    t = np.exp(x)
    assert to_text([t / (1 + t), t], ["y", "power"]) == "power = exp(x)\ny = power / (1 + power)"
    assert to_text([t / (1 + t)], ["y"]) == "t1 = exp(x)\ny = t1 / (1 + t1)"


def test_a_made_up_name_is_never_one_that_is_taken():
    graph = new_graph()
    t1 = graph.input("t1", ("N",))
    text = to_text([np.exp(t1) / (1 + np.exp(t1))], ["t2"])
    assert text == "t3 = exp(t1)\nt2 = t3 / (1 + t3)"


def test_names_in_latex():
    graph = new_graph()
    beta = graph.input("beta1")
    rate = graph.input("learning_rate")
    latex = to_latex([beta * rate * graph.input("m")], ["m_hat"])
    assert r"\mathit{m\_hat} &= \beta_{1} \, \mathit{learning\_rate} \, m" in latex


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: np.sum(np.ones_like(x)) * x,
        lambda x: np.sum(x, axis=-1) * 2,
        lambda x: np.mean(np.sum(x, axis=-1)) * np.sum(x),
        lambda x: np.sum(np.sum(x, axis=-1, keepdims=True) * 0.5 + 0 * x),
        lambda x: np.where(True, x, 1) * (x > 0) + (x > 0.5) * True,
    ],
)
def test_stretched_numbers_are_printed_as_such(formula):
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = formula(x)
    outputs = [y, *differentiate(np.sum(y * y), [x], graph.constant(1.0))]
    arrays = {"x": np.random.default_rng(0).normal(size=(3, 4))}
    found = oracles.run_text(to_text(outputs, ["f", "by_x"]), arrays)
    for name, result in zip(("f", "by_x"), evaluate(outputs, arrays), strict=True):
        np.testing.assert_allclose(np.broadcast_to(found[name], result.shape), result, rtol=1e-15)
