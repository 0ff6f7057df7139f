"""A process that trains goes on to compute right elsewhere, and every thread of it ends.

`NNPLUG_SOAK_SECONDS` is how long all four runs take together: 16 unless
told, 2,400 for the figures of docs/reliability.md.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import ENGINES

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("NNPLUG_SOAK_SECONDS", "16")) / 4


def large_stacks():
    """Let each thread's stack take more room than the process will have; run in the child."""
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = 1 << 30
    resource.setrlimit(
        resource.RLIMIT_STACK,
        (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most),
    )


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("room", ["as usual", "no further thread"])
def test_other_threads_compute_right_while_a_network_trains(engine, room):
    if room == "no further thread" and not sys.platform.startswith("linux"):
        pytest.skip("the room that a process has is read from /proc")
    flags = ["--no-further-thread"] if room == "no further thread" else []
    command = [sys.executable, "-m", "tests.reliability.beside_others", engine, str(SECONDS)]
    ran = subprocess.run(
        [*command, *flags],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
        preexec_fn=large_stacks if flags else None,
        capture_output=True,
        text=True,
        timeout=SECONDS + 300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["wrong"] == found["stuck"] == [], found
    assert min(found["done"].values()) > 0, found
