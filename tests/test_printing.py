"""The printed formula: exact cases, and text that is Python with the same numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from nnplug import special
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.mathml import to_mathml
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.parts.written import write_formulas
from nnplug.plugins.registry import Registry
from tests import oracles


def read(mathml):
    """Read MathML aloud: what is above and below, raised and lowered, under a root."""
    tree = ElementTree.fromstring(mathml.replace("&#160;", " "))

    def of(node):
        inner = [of(child) for child in node]
        match node.tag:
            case "mfrac":
                above, below = inner
                return f"{{{above}}}/{{{below}}}"
            case "msup":
                base, raised = inner
                return f"{base}^{{{raised}}}"
            case "msub":
                base, lowered = inner
                return f"{base}_{{{lowered}}}"
            case "msqrt":
                return f"√{{{''.join(inner)}}}"
            case "mspace":
                return " "
            case "mtr":
                return " ".join(inner) + ";"
            case _:
                return (node.text or "").strip("\n") + "".join(inner)

    return of(tree)


# formula of x and y, its text, its MathML read aloud
EXACT = [
    (lambda x, y: x - (y - 1), "x - (y - 1)", "x−(y−1)"),
    (lambda x, y: x - y - 1, "x - y - 1", "x−y−1"),
    (lambda x, y: x / (y / x), "x / (y / x)", "{x}/{{y}/{x}}"),
    (lambda x, y: x * (y + 1), "x * (y + 1)", "x (y+1)"),
    (lambda x, y: x * -2.5, "x * -2.5", "x (−2.5)"),
    (lambda x, y: x * -y, "x * -y", "x (−y)"),
    (lambda x, y: x * 3, "x * 3", "x·3"),
    (lambda x, y: -(x**2), "-x**2", "−x^{2}"),
    (lambda x, y: (-x) ** 2, "(-x)**2", "(−x)^{2}"),
    (lambda x, y: -(x + y), "-(x + y)", "−(x+y)"),
    (lambda x, y: (x**y) ** 3, "(x**y)**3", "(x^{y})^{3}"),
    (lambda x, y: x ** (y**3), "x**y**3", "x^{y^{3}}"),
    (lambda x, y: x**-y, "x**(-y)", "x^{−y}"),
    (lambda x, y: 2**x, "2**x", "2^{x}"),
    (lambda x, y: x**-2, "x**(-2)", "x^{−2}"),
    (lambda x, y: x**-1, "1 / x", "{1}/{x}"),
    (lambda x, y: y / (x**-1), "y / (1 / x)", "{y}/{{1}/{x}}"),
    (lambda x, y: x**0.5, "sqrt(x)", "√{x}"),
    (lambda x, y: abs(x), "abs(x)", "|x|"),
    (lambda x, y: (x > 0) == (y > 0), "(x > 0) == (y > 0)", "(x>0)=(y>0)"),
    (
        lambda x, y: np.logical_and(x > 0, y <= 1),
        "logical_and(x > 0, y <= 1)",
        "x>0∧y≤1",
    ),
    (
        lambda x, y: np.where(x > 0, x, 0.01 * x),
        "where(x > 0, x, 0.01 * x)",
        "{x if x>0;0.01 x otherwise;",
    ),
    (lambda x, y: x + 1e-8, "x + 1e-08", "x+10^{−8}"),
    (lambda x, y: x + 2.5e-8, "x + 2.5e-08", "x+2.5·10^{−8}"),
    (lambda x, y: (1e-8 * x) ** 3, "(1e-08 * x)**3", "(10^{−8} x)^{3}"),
    (lambda x, y: 2.5e-8**x, "2.5e-08**x", "(2.5·10^{−8})^{x}"),
    (lambda x, y: np.minimum(x, np.inf), "minimum(x, inf)", "min(x,∞)"),
    (lambda x, y: x + -0.0, "x + -0.0", "x+(−0.0)"),
    (
        lambda x, y: np.max(x, axis=-1, keepdims=True),
        "max(x, axis=-1, keepdims=True)",
        "max(x)",
    ),
    (lambda x, y: np.sum(x, axis=0), "sum(x, axis=-2)", "sum_{N}(x)"),
    (lambda x, y: np.mean(x), "mean(x)", "mean(x)"),
    (
        lambda x, y: special.log_softmax(x),
        "log_softmax(x)",
        "log_softmax(x)",
    ),
    (lambda x, y: x @ y.T, "x @ y.T", "x y^{⊤}"),
    (lambda x, y: np.log2(x), "log2(x)", "log₂(x)"),
]


@pytest.mark.parametrize(("formula", "text", "mathml"), EXACT)
def test_exact(formula, text, mathml):
    graph = new_graph()
    value = formula(graph.input("x", ("N", "C")), graph.input("y", ("N", "C")))
    assert to_text([value], ["f"]) == f"f = {text}"
    assert read(to_mathml([value], ["f"])) == f"f = {mathml};"
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


def test_names_in_mathml():
    graph = new_graph()
    beta = graph.input("beta1")
    rate = graph.input("learning_rate")
    made = to_mathml([beta * rate * graph.input("m")], ["m_hat"])
    assert read(made) == "m_hat = β_{1} learning_rate m;"
    assert read(to_mathml([np.exp(beta)], ["m'"])) == "m′ = exp(β_{1});"
    assert read(to_mathml([np.exp(beta)], ["dL/dx"])) == "{d L}/{d x} = exp(β_{1});"
    hostile = graph.input("<script>")
    assert "<script>" not in to_mathml([np.exp(hostile)], ["y"])


@pytest.mark.parametrize(
    ("number", "read_aloud"),
    [(1 / np.sqrt(2 * np.pi), "{1}/{√{2π}}"), (-np.sqrt(0.5), "−{1}/{√{2}}"), (np.pi, "π"),
     (np.log(2), "log2"), (0.7, "0.7"), (-1e-8, "−10^{−8}"), (3.14159, "3.14159")],
)  # fmt: skip
def test_known_numbers_are_written_as_such_in_mathml(number, read_aloud):
    graph = new_graph()
    assert read(to_mathml([graph.constant(number)], ["f"])) == f"f = {read_aloud};"


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


# A formula that asks whether an option is 0 is printed with its number; and where a layer's
# numbers start is not in its formula.
BY_NUMBER = {
    ("cross_entropy", "smoothing"),
    ("binary_cross_entropy", "smoothing"),
    ("periodic_embedding", "sigma"),
}


@pytest.mark.parametrize(
    "part", [part for part, _ in Registry(allowed=()).parts()], ids=lambda part: part.text
)
def test_a_builtin_formula_is_written_with_its_options_by_name(part):
    text = write_formulas(part)
    for name, value in part.options.items():
        if text and isinstance(value, float) and (part.name, name) not in BY_NUMBER:
            assert re.search(rf"\b{name}\b", text), (name, text)
