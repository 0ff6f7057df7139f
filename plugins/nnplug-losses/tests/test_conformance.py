"""The conformance kit over every loss, and what the package says of its losses."""

from __future__ import annotations

import doctest
import sys
import tomllib
import zlib
from pathlib import Path
from typing import Any

import nnplug.testing
import pytest
from losses_at_hand import LOSSES, MODULES
from nnplug.parts import Loss
from nnplug.plugins.registry import Registry

ROOT = Path(__file__).parents[1]

LONG = {("zero_inflated_negative_binomial", "weights"), ("beta_regression", "weights")}
"""Checks of formulas with many gamma functions that take more than 2 s."""


def in_share(loss: Loss, share: int) -> bool:
    """Whether a loss is in a fixed part of all, one in `share`, by a hash of its name."""
    return zlib.crc32(loss.name.encode()) % share == 0


def cases(engine: str, share: int, weights: int) -> list[Any]:
    """Give the checks of every loss in an engine; those of other losses than a share are slow.

    The check of weights plans a step for each row and takes longer than all others together;
    it has a share of its own.
    """
    found = []
    for loss in LOSSES.values():
        for case in nnplug.testing.parametrize(loss, engine=engine).args[1]:
            (check,) = case.values
            often = in_share(loss, weights if check.name == "weights" else share)
            often &= (loss.name, check.name) not in LONG
            marks = [*case.marks, *([] if often else [pytest.mark.slow])]
            found.append(pytest.param(check, id=case.id, marks=marks))
    return found


@pytest.mark.parametrize("check", cases("numpy", 1, 10))
def test_conformance(check: Any) -> None:
    check()


@pytest.mark.parametrize("check", cases("numba", 40, 1000))
def test_conformance_in_compiled_loops(check: Any) -> None:
    check()


def test_each_entry_point_bears_the_name_of_a_loss_and_names_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["nnplug"] == {
        name: loss.function.__module__ for name, loss in LOSSES.items()
    }


def test_the_installed_package_provides_each_loss_by_name() -> None:
    registry = Registry()
    found = {name: registry.get("loss", f"nnplug-losses/{name}") for name in LOSSES}
    assert {name for name, loss in found.items() if loss.function.__name__ != name} == set()
    assert registry.warnings == []


def test_no_two_losses_share_a_name() -> None:
    names = [name for loss in LOSSES.values() for name in (loss.name, *loss.aliases)]
    assert len(names) == len(set(names))
    assert sum(len([x for x in vars(m).values() if isinstance(x, Loss)]) for m in MODULES) == len(
        LOSSES
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_examples_of_a_docstring_run(name: str) -> None:
    loss = LOSSES[name]
    module = sys.modules[loss.function.__module__]
    examples = doctest.DocTestParser().get_doctest(
        loss.doc, dict(vars(module)), name, module.__file__, 0
    )
    assert examples.examples
    failed, _ = doctest.DocTestRunner(verbose=False).run(examples)
    assert failed == 0


@pytest.mark.parametrize("name", LOSSES)
def test_every_option_is_described(name: str) -> None:
    described = LOSSES[name].doc.partition("Parameters\n")[2]
    words = described.replace(",", " ").split()
    assert [option for option in LOSSES[name].defaults if option not in words] == []
