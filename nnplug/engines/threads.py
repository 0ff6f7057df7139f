"""How many threads a matrix product is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nnplug.engines.loops import PRODUCTS, multiplications
from nnplug.plans.program import Program

__all__ = ["ONE_THREAD", "threads_for"]

ONE_THREAD = 2_000_000
"""Multiplications below which a second thread of BLAS gives nothing.

Such a product takes 40 µs on one core. Two threads have to meet at its end,
and where another process wants the cores, the one waits for the other.
"""

ALONE_ANYWAY = 262_144
"""Multiplications up to which OpenBLAS uses one thread by itself."""


@contextmanager
def threads_for(program: Program) -> Iterator[None]:
    """Let BLAS use one thread, if all products of a program are small."""
    largest = max(
        (
            multiplications(instruction)
            for _, instruction in program.instructions()
            if instruction.operation.name in PRODUCTS
        ),
        default=0,
    )
    if not ALONE_ANYWAY < largest < ONE_THREAD:
        yield
        return
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # 20 ms, only where it is used

    with threadpool_limits(limits=1, user_api="blas"):
        yield
