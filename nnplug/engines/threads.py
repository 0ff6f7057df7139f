"""The number of threads that BLAS may use for a program's matrix products."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from nnplug.plans.program import Instruction, Program

__all__ = ["ONE_THREAD", "PRODUCTS", "Threads", "largest_product", "multiplications", "one_thread"]

PRODUCTS = frozenset({"dot", "dot_left", "dot_right"})
"""The matrix products of a plan."""

ONE_THREAD = 2_000_000
"""Multiplications below which a second thread of BLAS does not help.

Such a product takes 40 µs on one core. Two threads wait for each other at its
end, and long if another process is using the cores.
"""

ALONE_ANYWAY = 262_144
"""Multiplications up to which OpenBLAS uses only one thread by itself."""


def multiplications(product: Instruction) -> int:
    """Count the multiplications of a matrix product."""
    a, _ = product.inputs
    shared = a.shape[0] if product.operation.name == "dot_left" else a.shape[1]
    return math.prod(product.output.shape) * shared


def largest_product(program: Program) -> int:
    """Count the multiplications of a program's largest matrix product."""
    return max(
        (
            multiplications(instruction)
            for _, instruction in program.instructions()
            if instruction.operation.name in PRODUCTS
        ),
        default=0,
    )


class Threads:
    """The threads of BLAS for a program: one if all its products are small."""

    def __init__(self, program: Program) -> None:
        largest = largest_product(program)
        self._few = ALONE_ANYWAY < largest < ONE_THREAD

    def limited(self) -> AbstractContextManager[None]:
        """Give a context in which BLAS has that number of threads."""
        return one_thread() if self._few else nullcontext()


def one_thread(which: Callable[[Path], bool] = lambda _: True) -> AbstractContextManager[None]:
    """Give a context in which BLAS has one thread.

    Parameters
    ----------
    which : callable
        Whether to limit a library, by its path; by default every loaded BLAS.
    """
    return _limits().held(which)


class _Limits:
    """Limits of one thread, each of which ends when the last of its holders leaves.

    A BLAS has one number of threads for the whole process. If each training
    restored the number that it found, the last of several could restore
    another one's limit.
    """

    def __init__(self) -> None:
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415  # 20 ms, rarely used

        self._find = ThreadpoolController
        self._lock = threading.Lock()
        self._holders: Counter[str] = Counter()
        self._before: dict[str, int] = {}

    @contextmanager
    def held(self, which: Callable[[Path], bool]) -> Iterator[None]:
        """Hold the limit of some libraries."""
        libraries = [
            library
            for library in self._find().select(user_api="blas").lib_controllers
            if which(Path(library.filepath))
        ]
        with self._lock:
            for library in libraries:
                if not self._holders[library.filepath]:
                    self._before[library.filepath] = library.num_threads
                    library.set_num_threads(1)
                self._holders[library.filepath] += 1
        try:
            yield
        finally:
            with self._lock:
                for library in libraries:
                    self._holders[library.filepath] -= 1
                    if not self._holders[library.filepath]:
                        library.set_num_threads(self._before.pop(library.filepath))


@cache  # as BLAS's threads are the process's
def _limits() -> _Limits:
    return _Limits()
