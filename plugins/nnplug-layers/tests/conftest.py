"""What the tests of the package share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for parts.py


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled loops out of the user's cache, or where NNPLUG_TESTS_CACHE says."""
    shared = os.environ.get("NNPLUG_TESTS_CACHE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNPLUG_CACHE", shared or str(tmp_path_factory.getbasetemp() / "machine-code"))
        yield
