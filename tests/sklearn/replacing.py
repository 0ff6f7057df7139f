"""A plugin of pytest: whoever imports scikit-learn's networks gets nnplug's."""

from __future__ import annotations

import sklearn.neural_network

import nnplug.sklearn


def replace():
    for name in ("MLPClassifier", "MLPRegressor"):
        setattr(sklearn.neural_network, name, getattr(nnplug.sklearn, name))


def pytest_configure(config):
    replace()
