"""Tables, configurations, records and histories that were damaged at random.

`NNPLUG_MUTATED` is how many of each kind are tried, 12 unless it is set.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MUTATED = int(os.environ.get("NNPLUG_MUTATED", "12"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say how much memory was used")
@pytest.mark.parametrize("kind", ["parquet", "excel", "configuration", "record", "history"])
def test_damaged_files_are_read_or_refused(kind):
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.mutated", kind, str(MUTATED), "1"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    print(found)
    assert found["faults"] == []
    assert found["MiB"] < 2048
    assert sum(found["codes"].values()) == MUTATED
