"""What the estimators' tests share."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests of tiny networks run beside each other; their threads would only wait."""
    with threadpool_limits(1):
        yield
