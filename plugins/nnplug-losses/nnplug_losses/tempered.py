"""The bi-tempered logistic loss."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

_STEPS = 8
"""Of Newton's method: enough for 1,000 classes and a t2 of 2, to the last digits."""


def _log_shares(z: Any, t: float) -> Any:
    """Give log p of the tempered softmax of z <= 0, where p = (1 + (t - 1)·(λ - z))^(-1/(t - 1)).

    λ makes them sum to 1. For equal z the sum to the power of 1 - t is linear in
    λ, so Newton's method is applied to that power.
    """
    shift = np.max(z, axis=-1, keepdims=True)
    for _ in range(_STEPS):
        log_p = -np.log1p((t - 1) * (shift - z)) / (t - 1)
        total = np.sum(np.exp(log_p), axis=-1, keepdims=True)
        escort = np.sum(np.exp(t * log_p), axis=-1, keepdims=True)
        shift = shift + (total**t - total) / ((t - 1) * escort)
    return -np.log1p((t - 1) * (shift - z)) / (t - 1)


@nnplug.loss(aliases=("bi_tempered",), ranges={"t1": "[0, 1)", "t2": "(1, 4]"})
def bi_tempered_logistic(logits: Any, labels: Any, *, t1: float = 0.8, t2: float = 1.2) -> Any:
    """Bi-tempered logistic loss (Amid et al., 2019, arXiv:1906.03361, eqs. 3 to 5).

    -log_t1(p) - (1 - Σ p[c]^(2 - t1))/(2 - t1), where log_t(u) = (u^(1-t) - 1)/(1 - t)
    is bounded and the tempered softmax p has a heavy tail. Cross-entropy as both
    temperatures go to 1. The equations' numbers were not checked.

    Parameters
    ----------
    t1 : float
        Temperature of the logarithm: the smaller, the less far outliers count.
    t2 : float
        Temperature of the softmax: the larger, the less labels that are wrong by
        a little count.

    Examples
    --------
    >>> bi_tempered_logistic(np.array([[0.0, 0.0]]), np.array([[1]]), t1=0.0).round(6).tolist()
    [[0.25]]
    """
    log_p = _log_shares(logits - np.max(logits, axis=-1, keepdims=True), t2)
    own = -np.expm1((1 - t1) * np.take_along_axis(log_p, labels, axis=-1)) / (1 - t1)
    powers = np.sum(np.exp((2 - t1) * log_p), axis=-1, keepdims=True)
    return own - (1 - powers) / (2 - t1)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register the loss."""
    register(bi_tempered_logistic)
