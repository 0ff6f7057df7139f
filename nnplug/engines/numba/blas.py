"""The BLAS whose matrix products compiled code calls: Intel's MKL, or NumPy's own.

NumPy's wheels use OpenBLAS, which copies both matrices into an order of its own before it
multiplies. In batches of 32 to 128 rows the copying takes about as long as the products;
MKL does not copy. It is used if the package `mkl` is installed.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module, metadata
from typing import Any

import numpy as np

__all__ = ["ROW_MAJOR", "TRANSPOSED", "Blas", "OpenMP", "find_blas"]

ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112
"""Numbers of the C interface to BLAS (CBLAS): how matrices lie, and how one is taken."""

_NAMES = (("scipy_cblas_{}64_", 64), ("cblas_{}64_", 64), ("cblas_{}", 32))
"""How the libraries that NumPy is built with name a function, and the bits of their integers."""


_MKL = re.compile(r"libmkl_rt\.so\.\d+|mkl_rt\.\d+\.dll")
"""The file of the package `mkl` that chooses the kernels for the processor."""

_OPENMP = re.compile(r"libiomp5\.so")
"""The file of the package `intel-openmp` whose threads MKL uses."""


@dataclass(frozen=True)
class OpenMP:
    """A runtime of OpenMP, whose threads share long loops between the products.

    Attributes
    ----------
    parallel, number, count : int
        The addresses of `GOMP_parallel`, `omp_get_thread_num` and
        `omp_get_num_threads`, part of the runtime's binary interface.
    threads : callable
        Gives the number of threads that a loop would have now.
    """

    parallel: int
    number: int
    count: int
    threads: Callable[[], int]


@dataclass(frozen=True)
class Blas:
    """The addresses of a library's functions.

    Attributes
    ----------
    bits : int
        The width of its integers, 32 or 64.
    addresses : dict of str to int
        By the function's name without the letter for the dtype, and the
        dtype: `"gemm float32"`. There are `gemm`, `gemv` and `dot`.
    openmp : OpenMP or None
        The library's own threads, if other work can use them between two
        products. OpenBLAS's threads only wait for the next product.
    """

    bits: int
    addresses: dict[str, int]
    openmp: OpenMP | None = None


def find_blas() -> Blas | None:
    """Find the library for compiled products; None if no library's functions are found.

    It is MKL if the package `mkl` is installed and the environment variable `NNPLUG_BLAS`
    is not `numpy`; otherwise the library that `numpy.dot` calls.
    """
    return _find(os.getpid())


@cache  # a library stays in its place until the process ends
def _find(_process: int) -> Blas | None:
    if os.environ.get("NNPLUG_BLAS", "").lower() == "numpy":
        return _numpys()
    return _mkl() or _numpys()


@cache  # a forked process inherits the answer
def _first_process() -> int:
    """Name the process that loaded MKL."""
    return os.getpid()


def _mkl() -> Blas | None:
    """Load Intel's MKL, if it is installed and can be used.

    By the variable below, scikit-learn tells MKL not to start its threads again in a forked
    process. A product would wait there forever for threads that do not exist.
    """
    stays = os.environ.get("KMP_INIT_AT_FORK", "").upper() in ("FALSE", "F", "NO", "OFF", "0")
    if stays and _first_process() != os.getpid():
        return None
    for path in _files("mkl", _MKL):
        blas = _functions(path)
        if blas is not None:
            return replace(blas, openmp=_openmp())
    return None


def _numpys() -> Blas | None:
    """Find NumPy's own library.

    The system looks the functions up in NumPy's compiled module and in the libraries that
    it is linked with, so it finds NumPy's BLAS and not another one in the process.
    """
    try:
        return _functions(import_module("numpy._core._multiarray_umath").__file__)
    except ImportError:
        return None


def _functions(path: str | None) -> Blas | None:
    """Find the functions in a library; None if some are missing, or compute something else."""
    try:
        library = ctypes.CDLL(path)
    except OSError:  # it may be built for another processor
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


def _openmp() -> OpenMP | None:
    """Find the threads of MKL, unless it is told to use others."""
    if os.environ.get("MKL_THREADING_LAYER", "INTEL").upper() != "INTEL":
        return None
    for path in _files("intel-openmp", _OPENMP):
        try:
            library = ctypes.CDLL(path)
            return OpenMP(
                _address(library, "GOMP_parallel"),
                _address(library, "omp_get_thread_num"),
                _address(library, "omp_get_num_threads"),
                library.omp_get_max_threads,
            )
        except (OSError, AttributeError):
            continue
    return None


def _files(package: str, name: re.Pattern[str]) -> list[str]:
    """List the files of an installed package that have a name of this form."""
    try:
        files = metadata.files(package) or ()
    except metadata.PackageNotFoundError:
        return []
    return [str(file.locate()) for file in files if name.fullmatch(file.name)]


def _address(library: ctypes.CDLL, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address
    return address


def _is_right(blas: Blas) -> bool:
    """Multiply two small matrices, to make sure that the functions take the expected arguments."""
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
