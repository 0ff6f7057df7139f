"""The examples in the docstrings of built-in parts run.

Pytest's doctest collector looks into modules, functions and classes; a part
is an object of another kind, so its examples are run here.
"""

import doctest
import sys

import pytest

from tests.contract.conftest import every_part


@pytest.mark.parametrize("part", every_part(), ids=lambda part: f"{part.kind}-{part.name}")
def test_examples_run(part):
    module = sys.modules[part.function.__module__]
    examples = doctest.DocTestParser().get_doctest(
        part.doc, dict(vars(module)), part.name, module.__file__, 0
    )
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.DocTestRunner(optionflags=flags, verbose=False).run(examples)
    assert failed == 0


@pytest.mark.parametrize("kind", ["activation", "loss"])
def test_every_formula_has_an_example(kind):
    without = [part.name for part in every_part() if part.kind == kind and ">>>" not in part.doc]
    assert without == []
