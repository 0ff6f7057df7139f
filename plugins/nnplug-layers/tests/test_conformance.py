"""The conformance kit over every part, in both engines; and the entry points."""

from __future__ import annotations

import zlib
from importlib.metadata import entry_points

import nnplug.testing
import pytest
from nnplug.plugins.registry import Registry
from nnplug.testing import Check
from parts import PARTS


def _checks() -> list[object]:
    """List all checks in the NumPy engine, and in the Numba engine those that compute with one.

    A part takes seconds to compile, so a fixed tenth of them does so in every run.
    """
    found: list[object] = []
    for part in PARTS.values():
        often = zlib.crc32(part.name.encode()) % 10 == 0
        for engine in ("numpy", "numba"):
            for check in nnplug.testing.checks(part, engine=engine):
                if engine == "numpy" or check.engines:
                    marks = [] if engine == "numpy" or often else [pytest.mark.slow]
                    if check.reason:
                        marks.append(
                            pytest.mark.xfail(
                                reason=check.reason,
                                raises=nnplug.testing.CheckFailure,
                                strict=True,
                            )
                        )
                    found.append(pytest.param(check, id=f"{check.id}-{engine}", marks=marks))
    return found


@pytest.mark.parametrize("check", _checks())
def test_conformance(check: Check) -> None:
    check()


def test_each_part_has_an_entry_point_of_its_name_and_the_other_way_round() -> None:
    points = {
        point.name: point.value
        for point in entry_points(group="nnplug")
        if point.value.startswith("nnplug_layers.")
    }
    assert points == {name: part.function.__module__ for name, part in PARTS.items()}


def test_each_part_is_found_by_name_and_names_this_package() -> None:
    registry = Registry()
    for name, part in PARTS.items():
        assert registry.get("layer", name) is part
        assert registry.provider(part).package == "nnplug-layers"
    assert registry.warnings == []
