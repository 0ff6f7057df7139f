"""How many threads a matrix product is worth."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

from nnplug.engines.fusion import PRODUCTS, multiplications
from nnplug.plans.program import Program

__all__ = ["ONE_THREAD", "Threads", "largest_product"]

ONE_THREAD = 2_000_000
"""Multiplications below which a second thread of BLAS gives nothing.

Such a product takes 40 µs on one core. Two threads have to meet at its end,
and where another process wants the cores, the one waits for the other.
"""

ALONE_ANYWAY = 262_144
"""Multiplications up to which OpenBLAS uses one thread by itself."""


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
    """The threads that BLAS gets for a program: one, if all its products are small."""

    def __init__(self, program: Program) -> None:
        largest = largest_product(program)
        self._few = ALONE_ANYWAY < largest < ONE_THREAD

    def limited(self) -> AbstractContextManager[None]:
        """Give a context in which BLAS has that number of threads."""
        return _limit().held() if self._few else nullcontext()


class _Limit:
    """A limit of one thread, which ends with the last of those who hold it at once.

    BLAS has one number of threads for the process; were each training to
    restore what it found, the last of several could restore another's limit.
    """

    def __init__(self) -> None:
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415  # 20 ms, rarely used

        self._make = ThreadpoolController
        self._lock, self._holders = threading.Lock(), 0
        self._limiter: Any = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the limit."""
        with self._lock:
            if not self._holders:
                self._limiter = self._make().limit(limits=1, user_api="blas")
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._limiter.restore_original_limits()


@cache  # as BLAS's threads are the process's
def _limit() -> _Limit:
    return _Limit()
