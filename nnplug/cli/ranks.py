"""The command line of one of the processes that `mpiexec` started."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

__all__ = ["run_together"]

_PATIENCE = 1.0
"""Seconds that another rank waits before it says what went wrong: rank 0 says the same first."""


def run_together(command: Callable[[], None], rank: int) -> None:
    """Run a command of which only rank 0 speaks, and end all processes if one fails.

    Parameters
    ----------
    command : callable
        It ends with SystemExit.
    rank : int
        The rank of this process.
    """
    world = None
    if find_spec("mpi4py") is not None:
        with suppress(ImportError, RuntimeError):  # it finds no MPI: what needs one says so
            world = import_module("mpi4py.MPI").COMM_WORLD
    streams = sys.stdout, sys.stderr
    said = io.StringIO()
    if rank:
        sys.stdout, sys.stderr = io.StringIO(), said
    try:
        command()
    except SystemExit as end:
        if end.code:
            if rank:
                time.sleep(_PATIENCE)
                streams[1].writelines(
                    f"rank {rank}: {line}" for line in said.getvalue().splitlines(keepends=True)
                )
            for stream in streams:
                stream.flush()
            if world is not None:  # the others may be waiting for this one, for ever
                world.Abort(end.code if isinstance(end.code, int) else 1)
        raise
    finally:
        sys.stdout, sys.stderr = streams
