"""Fixtures of environments, made once for all tests of this folder."""

import pytest

from tests.plugins.environments import Environment, build_wheels


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory, wheels):
    return Environment(tmp_path_factory.mktemp("example"), wheels, wheels.of("nnplug-example"))
