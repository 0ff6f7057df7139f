"""Every built-in part goes through the kit that the authors of plugins use."""

from __future__ import annotations

import numpy as np
import pytest

import nnplug
from nnplug import testing
from nnplug.builtin import MODULES
from nnplug.hookspecs import HOOKS
from tests.contract.conftest import every_part
from tests.engines import chosen


@testing.parametrize(*every_part(), engine="numpy")
def test_conformance(check):
    check()


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        part
        for part in every_part()
        if any(check.engines for check in testing.checks(part)) and chosen(part.name)
    ],
    ids=lambda part: f"{part.kind}-{part.name}",
)
def test_conformance_in_the_engine_that_compiles(part):
    for check in testing.checks(part, engine="numba"):
        if check.engines and not check.reason:
            check()


# Options turn a part into another: those whose formula changes with them.
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("activation", "leaky_relu:slope=0.3"),
        ("activation", "elu:alpha=0.5"),
        ("loss", "huber:delta=0.3"),
        ("optimizer", "momentum:momentum=0.5"),
        ("optimizer", "adamw:weight_decay=0.5,epsilon=1e-3"),
        ("schedule", "constant:warmup=5"),
        ("schedule", "step:every=0.5,factor=0.7,warmup=0.25"),
        ("schedule", "exponential:warmup=2"),
        ("schedule", "cosine:end=0.1,warmup=3"),
        ("initializer", "uniform:low=0,high=0.5"),
    ],
)
def test_conformance_with_other_options(kind, text, nnplug_registry):
    report = testing.run(nnplug_registry.get(kind, text), engine="numpy")
    assert report.passed, str(report)


def test_options_are_tried_within_their_range():
    @nnplug.activation(ranges={"power": "(1, 2]"})
    def grown(x, *, power=1.5):
        """A power, of either sign."""
        return np.sign(x) * abs(x) ** power

    options = next(check for check in testing.checks(grown) if check.name == "options")
    options()  # 1.5/3 + 0.1, tried elsewhere, is out of range


def test_every_kind_has_a_suite_and_a_part():
    assert set(testing.SUITES) == set(HOOKS.values()) == {part.kind for part in every_part()}
    assert len(MODULES) == len(testing.SUITES)
