"""What differs between the versions of scikit-learn that are supported."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["validate"]

try:
    from sklearn.utils.validation import validate_data as validate
except ImportError:  # before scikit-learn 1.6 it is a method

    def validate(estimator: BaseEstimator, *arguments: Any, **options: Any) -> Any:
        """Check X, and y if it is given, and remember or compare the columns."""
        return estimator._validate_data(*arguments, **options)
