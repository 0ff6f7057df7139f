"""Type aliases shared by every floor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["AnyArray", "FloatArray"]

AnyArray = npt.NDArray[Any]
"""An array of any dtype."""

FloatArray = npt.NDArray[np.floating[Any]]
"""A float32 or float64 array."""
