"""How this process was started: alone, or by `mpiexec` with others."""

from __future__ import annotations

import os

__all__ = ["is_first", "launched"]

_LAUNCHERS = (
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
)
"""The variables by which MPICH and its kin, Open MPI, and Slurm with `--mpi=pmix` number the
processes that they start."""


def launched() -> tuple[int, int] | None:
    """Return the rank and the number of processes, if this one was started with others."""
    for rank, count in _LAUNCHERS:
        numbers = os.environ.get(rank, ""), os.environ.get(count, "")
        if all(number.isdecimal() for number in numbers) and int(numbers[1]) > 1:
            return int(numbers[0]), int(numbers[1])
    return None


def is_first() -> bool:
    """Tell whether this process keeps and says what all of them do."""
    started = launched()
    return started is None or started[0] == 0
