"""`nnplug.train` as in `nnplug_train`, with NumPy's own matrix products though MKL is installed."""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.contenders import nnplug_numba, nnplug_numpy, nnplug_train

TITLE = "nnplug.train, Numba, NumPy's BLAS"
RANK = 3
PACKAGES = (*nnplug_numpy.PACKAGES, "numba")
KEEPS_COMPILED = True


def supports(work: Any) -> bool:
    """Take the same works; without MKL it would be the same contender twice."""
    return bool(nnplug_numba.MKL) and nnplug_train.supports(work)


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train."""
    os.environ["NNPLUG_BLAS"] = "numpy"
    return nnplug_train.run(work, arrays, clock)
