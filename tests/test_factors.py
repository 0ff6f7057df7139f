"""Numbers of a product are gathered, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import to_text
from nnplug.plans.update import gather_factors


def gathered(formula):
    graph = new_graph()
    x, y = graph.input("x", ("P",)), graph.input("y", ("P",))
    rate, step = graph.input("rate"), graph.input("step")
    outputs = formula(x, y, rate, step)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    names = [f"out{number}" for number in range(len(outputs))]
    return to_text(gather_factors(outputs), names)


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (lambda x, y, r, s: r * (x / s), "out0 = x * (rate / step)"),
        (lambda x, y, r, s: (x / s) / r, "out0 = x * (1 / (step * rate))"),
        (lambda x, y, r, s: x / s, "out0 = x * (1 / step)"),
        (lambda x, y, r, s: 2 * (r * x), "out0 = x * (rate * 2)"),
        # One factor, or a quotient by a constant: as it was written, to the bit.
        (lambda x, y, r, s: r * x, "out0 = rate * x"),
        (lambda x, y, r, s: x / 3, "out0 = x / 3"),
        (lambda x, y, r, s: s / x, "out0 = step / x"),
        # A product of arrays is left alone, and so is a number made of an array.
        (lambda x, y, r, s: r * (x * y), "out0 = rate * (x * y)"),
        (lambda x, y, r, s: r * (x / np.sum(x)), "out0 = rate * (x / sum(x))"),
    ],
)
def test_the_numbers_of_a_product_are_taken_together(formula, wanted):
    assert gathered(formula) == wanted


def test_what_is_used_twice_is_computed_once():
    def formula(x, y, rate, step):
        m = 0.5 * x
        return m + y, rate * m

    assert gathered(formula) == "t1 = 0.5 * x\nout0 = t1 + y\nout1 = rate * t1"
