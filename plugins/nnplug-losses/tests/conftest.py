"""What the tests share: where compiled loops are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled loops out of the user's cache; NNPLUG_TESTS_CACHE names a folder to share."""
    with pytest.MonkeyPatch.context() as patch:
        shared = os.environ.get("NNPLUG_TESTS_CACHE")
        patch.setenv("NNPLUG_CACHE", shared or str(tmp_path_factory.getbasetemp() / "code"))
        yield
