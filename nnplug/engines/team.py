"""Threads that share BLAS's products and the long loops between them.

A product with two threads keeps its second thread waiting in a loop for the
next one, so another thread for the loops in between would have no processor to
run on. OpenBLAS can be given a function that runs its jobs (since 0.3.27). The
team is such a function: the same threads take a product's jobs and the shares
of a loop.

A helper waits by looking at one number, and gives the processor away between
two looks. It ends when it has waited for long, and is started again when there
is a job. All of it runs outside Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.engines.blas import find_blas
from nnplug.engines.compiler import compiler
from nnplug.engines.table import address_of

__all__ = ["Team", "find_team"]

NAMES = ("begin", "jobs", "share")

MEMORY = 16_384
"""Numbers of 64 bits of a team's memory: more than its code uses."""


@cache  # the threads of a process are one team
def find_team() -> Team | None:
    """Give the process's team; None where NumPy's BLAS is no OpenBLAS that takes one."""
    blas = find_blas()
    if blas is None or blas.set_jobs is None or blas.threads is None or sys.platform == "win32":
        return None
    return Team(blas.threads, blas.set_jobs)


class Team:
    """As many threads as BLAS has, the caller's among them.

    Attributes
    ----------
    jobs : int
        The address of the function that gives jobs, as OpenBLAS calls it.
    share : int
        The address of the job that is one call of a compiled function.
    """

    def __init__(self, threads: Callable[[], int], set_jobs: Callable[[int], object]) -> None:
        self._threads, self._set_jobs = threads, set_jobs
        self._lock, self._users = threading.Lock(), 0
        source = Path(__file__).with_name("team_code.py").read_text("utf-8")
        begin, self.jobs, self.share = compiler().module(source, _functions, NAMES)
        self._state = aligned_zeros(MEMORY, np.int64)
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(begin)(address_of(self._state))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @property
    def size(self) -> int:
        """The number of threads, as BLAS's stands."""
        return self._threads()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let BLAS give its jobs to the team."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._set_jobs(self.jobs)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._set_jobs(0)

    def _forget(self) -> None:
        """Begin anew: a forked process has no helpers, and nobody who holds a lock."""
        self._state[...] = 0
        self._lock, self._users = threading.Lock(), 0
        self._set_jobs(0)


def _functions() -> str:
    from nnplug.engines.team_code import write_functions  # noqa: PLC0415  # needs llvmlite

    return write_functions()
