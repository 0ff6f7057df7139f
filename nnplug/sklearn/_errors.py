"""nnplug's errors as scikit-learn's users catch them: each is a ValueError too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nnplug.errors import DivergedError, NnplugError, NotFiniteError

__all__ = ["EstimatorDivergedError", "EstimatorError", "EstimatorNotFiniteError", "as_value_errors"]


class EstimatorError(NnplugError, ValueError):
    """An estimator cannot be fitted, or used, with what it was given."""


class EstimatorDivergedError(DivergedError, ValueError):
    """Training produced a number that is not finite."""


class EstimatorNotFiniteError(NotFiniteError, ValueError):
    """A prediction would be made of numbers that are not finite."""


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Turn nnplug's errors into ones that are a ValueError, with the same message."""
    try:
        yield
    except NnplugError as error:
        if isinstance(error, ValueError):
            raise
        if isinstance(error, NotFiniteError):
            raise EstimatorNotFiniteError(str(error), rows=error.rows, count=error.count) from error
        raise EstimatorError(str(error)) from error
