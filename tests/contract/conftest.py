"""One contract for every part that is built in: a new part is tested by existing."""

from __future__ import annotations

import pytest

from nnplug.parts import Optimizer, Part
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import whole


def every_part() -> list[Part]:
    """List every part there is."""
    return [part for part, _ in Registry(allowed=()).parts()]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # A list in one order: processes that share the tests must agree on theirs.
    for kind in dict.fromkeys(part.kind for part in every_part()):
        if kind in metafunc.fixturenames:
            # An optimizer around another holds Adam.
            parts = [
                whole(part) if isinstance(part, Optimizer) else part
                for part in every_part() if part.kind == kind
            ]  # fmt: skip
            metafunc.parametrize(kind, parts, ids=[part.name for part in parts])
