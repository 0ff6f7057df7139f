"""How sure an estimator is, learned from its validation rows."""

from __future__ import annotations

from typing import Any

from nnplug.models.calibration import Calibration, check_level
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.sklearn._errors import EstimatorError, as_value_errors
from nnplug.sklearn._rows import Rows
from nnplug.training import Evaluator

__all__ = ["calibrated", "calibration_of"]


def calibrated(head: Head, network: Network, held_out: Rows | None) -> Calibration | None:
    """Learn from validation rows how sure a fitted network may be; None if there are none."""
    if held_out is None:
        return None
    outputs, targets, _ = Evaluator(network, head.loss).over(held_out.chunks()) or (None,) * 3
    if outputs is None or targets is None:
        return None
    return Calibration.of(head, outputs, head.decode(targets))


def calibration_of(estimator: Any, level: float) -> tuple[Calibration, float]:
    """Return what a fitted estimator knows of its error, and the level, once it is checked.

    Raises
    ------
    EstimatorError
        If it was fitted without validation rows.
    """
    found: Calibration | None = estimator._calibration
    if found is None or not found.rows:
        raise EstimatorError(
            f"{type(estimator).__name__} does not know how sure it is: it was fitted without "
            "validation rows.\nFit it with early_stopping=True, or with validation_data=(X, y)."
        )
    with as_value_errors():
        return found, check_level(level)
