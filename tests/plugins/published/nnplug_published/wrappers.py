"""Optimizers around another."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnplug


@nnplug.optimizer
def lookahead(
    param: Any, grad: Any, slow: Any, *, base: Any, step: Any, k: int = 5, alpha: float = 0.5
) -> Any:
    """Lookahead (Zhang, Lucas, Hinton & Ba, 2019, arXiv:1907.08610, algorithm 1).

    Parameters
    ----------
    k : int
        Steps of the held optimizer between two of the slow weights.
    alpha : float
        How far the slow weights go towards the fast ones.
    """
    slow = np.where(step == 1, param, slow)
    fast = base(param, grad)
    now = step - k * np.floor(step / k) == 0
    slow = np.where(now, slow + alpha * (fast - slow), slow)
    return np.where(now, slow, fast), slow


def _climb(param: Any, grad: Any, rho: float) -> Any:
    return param + rho * grad / (np.linalg.norm(grad) + 1e-12)


@nnplug.optimizer(point=_climb)
def sam(param: Any, grad: Any, *, base: Any, rho: float = 0.05) -> Any:
    """Sharpness-aware minimization (Foret et al., 2021, arXiv:2010.01412, algorithm 1, eq. 2).

    Parameters
    ----------
    rho : float
        How far the second gradient is taken, along the first.
    """
    return base(param, grad)


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for optimizer in (lookahead, sam):
        register(optimizer)
