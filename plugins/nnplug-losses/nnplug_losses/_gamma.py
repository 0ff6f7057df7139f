"""The logarithm of the gamma function without the terms that cancel for large arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from nnplug.special import lgamma

_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
"""Of Stirling's formula, in odd powers of 1/x; for x >= 16 the next term is below 1e-18."""

_FAR = 16.0


def _series(x: Any) -> Any:
    """Give `stirling_rest` for x >= 16."""
    part = 1 / x
    square = part * part
    total: Any = _SERIES[-1]
    for coefficient in _SERIES[-2::-1]:
        total = total * square + coefficient
    return total * part


def stirling_rest(x: Any) -> Any:
    """Give log Γ(x) - (x - 1/2)·log x + x - log(2π)/2, for x > 0 (DLMF, 5.11.1)."""
    near = np.minimum(x, _FAR)
    exact = lgamma(near) - (near - 0.5) * np.log(near) + near - 0.5 * math.log(2 * math.pi)
    return np.where(x < _FAR, exact, _series(np.maximum(x, _FAR)))


def log_rising(x: Any, y: Any) -> Any:
    """Give log(Γ(x + y)/Γ(x)), for x > 0 and y >= 0, even if x is much larger than y."""
    near, far = np.minimum(x, _FAR), np.maximum(x, _FAR)
    main = (far - 0.5) * np.log1p(y / far) + y * (np.log(far + y) - 1)
    series = main + _series(far + y) - _series(far)
    return np.where(x < _FAR, lgamma(near + y) - lgamma(near), series)
