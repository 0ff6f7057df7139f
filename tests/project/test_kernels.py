"""The settings that make CI compute like another processor take effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.kernels import other_kernels, own_cores

CHILD = """
import json
import numpy as np
from tests.kernels import own_cores
found = np.show_config("dicts")["SIMD Extensions"].get("found", [])
print(json.dumps([sorted(own_cores()), found]))
"""


def test_another_process_has_other_kernels():
    variables = other_kernels()
    if not variables:
        pytest.skip("NumPy's BLAS here is one that chooses no kernels by name")
    command = [sys.executable, "-W", "error", "-c", CHILD]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    cores, found = json.loads(done.stdout)
    assert cores == [variables["OPENBLAS_CORETYPE"].lower()]
    assert cores != sorted(own_cores())
    assert not {*found} & {*variables["NPY_DISABLE_CPU_FEATURES"].split(",")}
