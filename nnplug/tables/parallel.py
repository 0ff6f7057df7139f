"""Work on the parts of a table in several threads.

NumPy lets other threads run while it computes, and DuckDB while it reads. The
results, and the first error, come in the order of the parts, so that nothing
that a user sees depends on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["parallel_map"]

Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST = 8
"""More threads than this mostly wait for memory, or for Python's lock."""


def parallel_map(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Return `work(part)` for each part, in order.

    Parameters
    ----------
    work : callable
        It must not write anything that another call reads or writes.
    parts : sequence
        A single part is worked on in this thread.
    """
    threads = min(len(parts), _MOST, _processors())
    if threads <= 1:
        return [work(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # 7 ms, for large tables

    with ThreadPoolExecutor(threads, "nnplug-table") as pool:
        futures = [pool.submit(work, part) for part in parts]
        try:
            return [future.result() for future in futures]
        finally:  # after an error, no further part is begun
            pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
