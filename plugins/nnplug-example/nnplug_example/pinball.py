"""The pinball loss, for quantile regression."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.loss(aliases=("quantile",))
def pinball(prediction: Any, target: Any, *, quantile: float = 0.5) -> Any:
    """Pinball loss: max(q·e, (q - 1)·e) (Koenker & Bassett, 1978, doi:10.2307/1913643).

    Here e = target - prediction. The q-quantile of the target minimises it. The
    derivative by the prediction is -q where the prediction is too small and
    1 - q where it is too large; at the target itself it is 1 - q.

    Parameters
    ----------
    quantile : float
        q, between 0 and 1; 0.5 gives half the absolute error.

    Examples
    --------
    >>> float(pinball(1.0, 5.0, quantile=0.75)), float(pinball(5.0, 1.0, quantile=0.75))
    (3.0, 1.0)
    """
    error = target - prediction
    return np.maximum(quantile * error, (quantile - 1) * error)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register the loss."""
    register(pinball)
