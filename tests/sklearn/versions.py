"""What differs between the versions of scikit-learn that are tested against."""

from __future__ import annotations

import inspect

import pytest
import sklearn.neural_network
from packaging.version import parse

installed = parse(sklearn.__version__)


def skip_without(kind, arguments):
    """Skip a comparison with an argument that the installed scikit-learn does not have."""
    known = inspect.signature(getattr(sklearn.neural_network, kind)).parameters
    for name in arguments.keys() - known.keys():
        pytest.skip(f"this scikit-learn's {kind} has no {name}")


def skip_text_with_early_stopping():
    """Skip a comparison in which scikit-learn looks for NaN among classes that are text."""
    if parse("1.6") <= installed < parse("1.8"):
        pytest.skip("this scikit-learn cannot stop early where classes are text")
