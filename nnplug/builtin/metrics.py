"""The built-in metrics: one number for all rows."""

from __future__ import annotations

import numpy as np

from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, metric
from nnplug.types import AnyArray


@metric(goal="maximize", aliases=("acc",))
def accuracy(classes: AnyArray, labels: AnyArray) -> float:
    """The share of rows whose class is right, from 0 to 1.

    Examples
    --------
    >>> accuracy(np.array([0, 1, 1]), np.array([0, 1, 0])).round(3)
    np.float64(0.667)
    """
    return np.mean(classes == labels, dtype=np.float64)


@metric(aliases=("mean_squared_error",))
def mse(prediction: AnyArray, target: AnyArray) -> float:
    """Mean squared error, in the target's units squared."""
    return np.mean((prediction - target) ** 2, dtype=np.float64)


@metric(aliases=("mean_absolute_error",))
def mae(prediction: AnyArray, target: AnyArray) -> float:
    """Mean absolute error, in the target's units."""
    return np.mean(abs(prediction - target), dtype=np.float64)


@metric(goal="maximize")
def r2(prediction: AnyArray, target: AnyArray) -> float:
    """Coefficient of determination R²: 1 - residual / total sum of squares.

    1 is perfect, 0 as good as the mean; averaged over the outputs. A target
    without any variation gives 1 if it is met exactly, else 0, as in
    scikit-learn.

    Examples
    --------
    >>> r2(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]))
    0.5
    """
    target = target.astype(np.float64)
    residual = np.sum((target - prediction) ** 2, axis=0)
    total = np.sum((target - target.mean(axis=0)) ** 2, axis=0)
    varies = total > 0
    scores = np.where(varies, 1 - residual / np.where(varies, total, 1), residual == 0)
    return float(scores.mean())


@hookimpl
def register_metrics(register: object) -> None:
    """Register every metric of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
