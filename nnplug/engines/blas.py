"""NumPy's own matrix products, as functions of C that compiled code can call."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["ROW_MAJOR", "TRANSPOSED", "Blas", "find_blas"]

ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112
"""Numbers of the C interface to BLAS (CBLAS): how matrices lie, and how one is taken."""

_NAMES = (("scipy_cblas_{}64_", 64), ("cblas_{}64_", 64), ("cblas_{}", 32))
"""What a function is called in the libraries that NumPy is built with, and its integers' bits."""


@dataclass(frozen=True)
class Blas:
    """Where the functions of a library lie.

    Attributes
    ----------
    bits : int
        Of its integers, 32 or 64.
    addresses : dict of str to int
        By the function's name without the letter for the dtype, and the
        dtype: `"gemm float32"`. There are `gemm`, `gemv` and `dot`.
    """

    bits: int
    addresses: dict[str, int]


@cache  # the library stays where it is as long as the process lives
def find_blas() -> Blas | None:
    """Find the library that `numpy.dot` calls; None if it does not say where its functions are.

    The system looks them up in NumPy's own compiled module and in what that
    one was linked with, so it is NumPy's library, not another of the process.
    """
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for template, bits in _NAMES:
        try:
            found = {
                f"{name} {dtype}": _address(library, template.format(letter + name))
                for name in ("gemm", "gemv", "dot")
                for letter, dtype in (("s", "float32"), ("d", "float64"))
            }
        except AttributeError:
            continue
        blas = Blas(bits, found)
        return blas if _is_right(blas) else None
    return None


def _address(library: ctypes.CDLL, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address
    return address


def _is_right(blas: Blas) -> bool:
    """Multiply two small matrices, to see that the functions take what they are thought to take."""
    whole: Any = ctypes.c_int64 if blas.bits == 64 else ctypes.c_int32
    place = ctypes.c_void_p
    kinds = (*[ctypes.c_int] * 3, *[whole] * 3, ctypes.c_double, place, whole, place, whole)
    kind = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_double, place, whole)
    a, b, c = np.arange(6.0).reshape(3, 2), np.arange(12.0).reshape(3, 4), np.zeros((2, 4))
    function = kind(blas.addresses["gemm float64"])
    function(
        ROW_MAJOR, TRANSPOSED, AS_IT_IS, 2, 4, 3, 1.0, a.ctypes.data, 2, b.ctypes.data, 4, 0.0,
        c.ctypes.data, 4,
    )  # fmt: skip
    return bool((c == a.T @ b).all())
