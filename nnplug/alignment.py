"""Arrays aligned to the processor's vector registers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnplug.types import AnyArray

__all__ = ["ALIGNMENT", "aligned_zeros"]

ALIGNMENT = 64
"""The bytes of a cache line, and of the widest vector register.

NumPy's large arrays begin 16 bytes into a page, so that every full-width load
touches two cache lines; a chain of array calls then takes a tenth longer.
"""


def aligned_zeros(shape: int | tuple[int, ...], dtype: Any) -> AnyArray:
    """Make an array of zeros that begins at a multiple of `ALIGNMENT` bytes."""
    kind = np.dtype(dtype)
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    raw = np.zeros(size * kind.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    array: AnyArray = raw[start : start + size * kind.itemsize].view(kind).reshape(shape)
    return array
