"""How many threads a matrix product is worth."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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
        self._controller: Any = None
        if ALONE_ANYWAY < largest < ONE_THREAD:
            from threadpoolctl import ThreadpoolController  # noqa: PLC0415  # 20 ms, rarely used

            self._controller = ThreadpoolController()

    def limited(self) -> AbstractContextManager[object]:
        """Give a context in which BLAS has that number of threads."""
        if self._controller is None:
            return nullcontext()
        context: AbstractContextManager[object] = self._controller.limit(limits=1, user_api="blas")
        return context
