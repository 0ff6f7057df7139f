"""The layer l1_batch_norm."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np


@nnplug.layer
def l1_batch_norm(
    x: Any,
    gain: Any = nnplug.parameter("D", start=1),
    shift: Any = nnplug.parameter("D", start=0),
    mean: Any = nnplug.state("D", start=0),
    deviation: Any = nnplug.state("D", start=1),
    *,
    training: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> Any:
    """Batch normalisation by the mean absolute deviation (Wu et al., 2018, arXiv:1802.09769).

    Like batch normalisation, but without squares and roots: the divisor is the
    mean of |x - mean|. Outside training each input is normalised by the running
    mean and deviation.

    Parameters
    ----------
    momentum : float
        In (0, 1]: weight of a step in the running `mean` and `deviation`.
    epsilon : float
        Above 0, added to the deviation.

    Examples
    --------
    >>> y, mean, deviation = l1_batch_norm(
    ...     np.array([[1.0], [5.0]]), 1.0, 0.0, 0.0, 1.0, training=True, epsilon=0.0
    ... )
    >>> y.tolist(), round(float(mean[0]), 6), round(float(deviation[0]), 6)
    ([[-1.0], [1.0]], 0.3, 1.1)
    """
    if not training:
        return gain * (x - mean) / (deviation + epsilon) + shift, mean, deviation
    centre = np.mean(x, axis=0)
    spread = np.mean(abs(x - centre), axis=0)
    return (
        gain * ((x - centre) / (spread + epsilon)) + shift,
        (1 - momentum) * mean + momentum * centre,
        (1 - momentum) * deviation + momentum * spread,
    )


@nnplug.hookimpl
def register_layers(register: Any) -> None:
    """Register the layer."""
    register(l1_batch_norm)
