"""Every part goes through the conformance kit, in both engines.

The engine that compiles takes some seconds a part: a tenth of the parts, the
same in each run, goes through it always, the others where slow tests run.
"""

from __future__ import annotations

import zlib

import pytest
from nnplug import testing
from packaged import PARTS


@testing.parametrize(*PARTS.values(), engine="numpy")
def test_conformance(check):
    check()


def _in_turn(name):
    marks = () if zlib.crc32(name.encode()) % 10 == 0 else (pytest.mark.slow,)
    return pytest.param(PARTS[name], id=name, marks=marks)


@pytest.mark.parametrize("part", [_in_turn(name) for name in PARTS])
def test_conformance_in_the_engine_that_compiles(part):
    for check in testing.checks(part, engine="numba"):
        if check.engines:
            check()
