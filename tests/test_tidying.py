"""Derivatives as they are read: exact cases, and that the numbers stay the same."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug import special
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.formulas.tidying import tidy
from nnplug.parts.written import write_formulas
from nnplug.plugins.registry import Registry

# formula of x, y and a number r; how it is read
CASES = [
    (lambda x, y, r: x * 2 * 3, "6 * x"),
    (lambda x, y, r: -(x * (2 * y)) * -0.5, "x * y"),
    (lambda x, y, r: (x * -1.5) * y, "-1.5 * x * y"),
    (lambda x, y, r: -(x * y), "-x * y"),
    (lambda x, y, r: -(x * x), "-x**2"),
    (lambda x, y, r: x * y * x * x, "x**3 * y"),
    (lambda x, y, r: (x / y) / (y * 2), "0.5 * x / y**2"),
    (lambda x, y, r: 1 / (2 / x), "0.5 * x"),
    (lambda x, y, r: x / 3, "x / 3"),
    (lambda x, y, r: 2 * x / 6, "x / 3"),
    (lambda x, y, r: 2 * x / 3, "2 * x / 3"),
    (lambda x, y, r: x / -4, "-0.25 * x"),
    (lambda x, y, r: -1 / x, "-1 / x"),
    (lambda x, y, r: x * r * 2, "2 * r * x"),
    (lambda x, y, r: x + (-2) * y, "x - 2 * y"),
    (lambda x, y, r: (-2) * x + y, "y - 2 * x"),
    (lambda x, y, r: x - (-2) * y, "x + 2 * y"),
    (lambda x, y, r: 2 * x + x * 3, "5 * x"),
    (lambda x, y, r: (x + y) * (x + y), "(x + y)**2"),
    (lambda x, y, r: 3 * (x / y) - x / y, "2 * x / y"),
    # Arithmetic with truth values means something else; 0 * x is NaN where x is not finite.
    (lambda x, y, r: (x > 0) * y * 2, "2 * ((x > 0) * y)"),
    (lambda x, y, r: (x * 0) * 2, "0 * x"),
    (lambda x, y, r: (x * np.inf) * 2, "inf * x"),
    (lambda x, y, r: (x * 1e200) * 1e200, "1e+200 * x * 1e+200"),
    # Nothing is cancelled: 0 / 0 stays NaN.
    (lambda x, y, r: x * y / x, "x * y / x"),
]


@pytest.mark.parametrize(("formula", "text"), CASES)
def test_exact(formula, text):
    graph = new_graph()
    x, y, r = graph.input("x", ("N", "C")), graph.input("y", ("N", "C")), graph.input("r")
    value = formula(x, y, r)
    assert to_text(tidy([value]), ["f"]) == f"f = {text}"
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4))
    values = {"x": a, "y": b, "r": 0.75}
    found, wanted = (evaluate([each], values)[0] for each in (*tidy([value]), value))
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_what_is_used_twice_is_written_once_and_its_number_folds():
    graph = new_graph()
    x = graph.input("x", ("N",))
    t = 2 * (np.exp(x) * np.sin(x))
    both = tidy([3 * t, np.cos(t)])
    assert to_text(both, ["a", "b"]) == "t1 = exp(x) * sin(x)\na = 6 * t1\nb = cos(2 * t1)"


def test_the_authors_own_formula_stays_as_written():
    graph = new_graph()
    x = graph.input("x", ("N",))
    y = x * 0.5 * np.exp(x * -1.0 * x)
    slope = differentiate(y, [x], graph.constant(1.0))
    text = to_text([y, *tidy(slope, [y])], ["y", "dy/dx"])
    assert text.splitlines()[:2] == ["t1 = exp(-x * x)", "y = x * 0.5 * t1"]
    assert text.splitlines()[2] == "dy/dx = 0.5 * t1 - 2 * y * x"


def test_the_derivative_of_gelu_is_that_of_a_textbook():
    text = write_formulas(Registry().get("activation", "gelu"))
    assert text.splitlines()[-1] == (
        "dy/dx = 0.39894228040143265 * x * exp(-clip(t1, -30, 30)**2) + 0.5 * t2"
    )
    # The distribution and density of the normal law, Φ(x) + x·φ(x).
    x = np.linspace(-5, 5, 11)
    scope = {"x": x, "exp": np.exp, "erfc": special.erfc, "clip": np.clip}
    for line in text.replace("dy/dx", "slope").splitlines():
        name, _, formula = line.partition(" = ")
        scope[name] = eval(formula, scope)
    law = pytest.importorskip("scipy.stats").norm
    np.testing.assert_allclose(scope["slope"], law.cdf(x) + x * law.pdf(x), rtol=1e-13)


def test_a_quotients_name_is_not_used_inside_a_formula():
    text = write_formulas(Registry().get("loss", "half_mse"))
    assert text == "t1 = prediction - target\nloss = 0.5 * t1**2\ndloss/dprediction = t1"
