"""Every optimizer of the package passes the conformance kit, and its examples are right."""

from __future__ import annotations

import doctest
import importlib
import tomllib
import zlib
from pathlib import Path

import pytest
from nnplug import testing
from nnplug.engines import engines_at_hand
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.testing.kit import Check

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
ENTRIES: dict[str, str] = PROJECT["project"]["entry-points"]["nnplug"]
PARTS: list[Optimizer] = [
    getattr(importlib.import_module(module), name) for name, module in ENTRIES.items()
]
EVERY_TENTH = 10


def slow_if(late: bool) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if late else []


def cases() -> list[object]:
    """Give the checks: of every part in NumPy's engine, and of a tenth in one that compiles."""
    found: list[object] = []
    for part in PARTS:
        for engine in engines_at_hand(Registry()):
            tenth = zlib.crc32(part.name.encode()) % EVERY_TENTH == 0
            for check in testing.checks(part, engine=engine.name):
                if not check.engines and engine.preparation:
                    continue  # it needs no engine, and has run
                marks = slow_if(bool(engine.preparation) and not tenth)
                if check.reason:
                    marks.append(pytest.mark.xfail(reason=check.reason, strict=True))
                found.append(pytest.param(check, id=f"{check.id}-{engine.name}", marks=marks))
    return found


@pytest.mark.parametrize("check", cases())
def test_the_conformance_kit(check: Check) -> None:
    check()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_examples_of_its_docstring(part: Optimizer) -> None:
    module = importlib.import_module(ENTRIES[part.name])
    examples = doctest.DocTestParser().get_doctest(
        part.doc, dict(vars(module)), part.name, part.place, 0
    )
    assert examples.examples
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    said: list[str] = []
    doctest.DocTestRunner(optionflags=flags, verbose=False).run(examples, out=said.append)
    assert not said, "".join(said)


def test_each_entry_point_is_the_part_of_its_name_and_no_other_part_is_registered() -> None:
    registered: list[str] = []
    for module in sorted(set(ENTRIES.values())):
        importlib.import_module(module).register_optimizers(
            lambda part: registered.append(part.name)
        )
    assert sorted(registered) == sorted(ENTRIES)
    assert [part.name for part in PARTS] == list(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_name_finds_the_part_of_this_package(name: str) -> None:
    registry = Registry()
    part = registry.get("optimizer", name)
    assert registry.provider(part).package == "nnplug-optimizers"
