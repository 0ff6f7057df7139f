"""nnplug's errors as users of scikit-learn catch them: as ValueErrors."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.utils._param_validation import InvalidParameterError

from nnplug.errors import (
    DivergedError,
    NnplugError,
    NotFiniteError,
    SettingError,
    UnknownPartError,
)

__all__ = [
    "ArgumentError",
    "EstimatorDivergedError",
    "EstimatorError",
    "EstimatorNotFiniteError",
    "as_value_errors",
    "warn",
]

HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120  # as in frames, not resolved


class EstimatorError(NnplugError, ValueError):
    """An estimator cannot be fitted, or used, with what it was given."""


class ArgumentError(EstimatorError, InvalidParameterError):  # type: ignore[misc]  # scikit-learn has no types
    """An argument of an estimator cannot be used; as in scikit-learn, it is a TypeError too."""


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
        argument = isinstance(error, SettingError | UnknownPartError)
        kind = ArgumentError if argument else EstimatorError
        raise kind(str(error)) from error


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that points to the line that called the estimator."""
    level, frame = 2, inspect.currentframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        if not frame.f_code.co_filename.startswith(HERE):
            break
        level += 1
    warnings.warn(message, category, stacklevel=level)
