"""What all tests share."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure():
    """Take Ctrl-C as Python does, and let every process of the tests do so.

    A shell that starts them in the background has it ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes is the machine's affair, which other programs may share.
    settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("any machine")


def pytest_ignore_collect(collection_path):
    """Look for tests in files of tests only.

    `--doctest-modules` would import helpers as well, and pytest keeps a half-imported one that
    asks for a package which is not installed.
    """
    helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if helper else None


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory):
    """Keep compiled loops out of the user's cache; the processes of one run share a folder.

    The variable `NNPLUG_TESTS_CACHE` names one that several runs share.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        shared = os.environ.get("NNPLUG_TESTS_CACHE")
        patch.setenv("NNPLUG_CACHE", shared or str(folder / "machine-code"))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_network():
    """Train tables without a recipe in these processes: one network, in an eighth of the time.

    A test of what a user gets who names no recipe takes the fixture `usual_recipe`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnplug.runs.preparing.USUAL_RECIPE", "none")
        yield


@pytest.fixture
def usual_recipe(monkeypatch):
    """Train tables as users do."""
    monkeypatch.setattr("nnplug.runs.preparing.USUAL_RECIPE", "nnplug/default")
