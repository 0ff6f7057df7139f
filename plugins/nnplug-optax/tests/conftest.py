"""What the tests of the package share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled loops out of the user's cache, or where NNPLUG_TESTS_CACHE says."""
    shared = os.environ.get("NNPLUG_TESTS_CACHE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNPLUG_CACHE", shared or str(tmp_path_factory.getbasetemp() / "machine-code"))
        yield
