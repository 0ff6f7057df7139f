"""Ranks: the processes that train one network together."""

from __future__ import annotations

import sys
import time
import traceback
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.launch import launched
from nnplug.types import AnyArray

__all__ = ["MPIRanks", "Ranks", "tree_sum", "world"]


_LOOK = 0.01
"""Seconds between two looks of a rank that waits long for others."""


class Ranks:
    """The ranks of a run on one process: there are no others to talk to.

    Attributes
    ----------
    rank, count : int
        This process, counted from 0, and how many there are.
    """

    rank = 0
    count = 1

    def meet(self) -> None:
        """Wait until all ranks are here, perhaps long, and leave the processor to others."""

    def any(self, asked: bool) -> bool:
        """Tell whether a question is answered with yes on some rank."""
        return asked

    def of_first(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, in their order."""
        return [value]

    def join(self, parts: AnyArray) -> AnyArray:
        """Join arrays of equal shapes, those of all ranks, along axis 0."""
        return parts

    def sum(self, vector: AnyArray) -> None:
        """Add up a vector over all ranks, in place: neighbours first, see `tree_sum`."""


def tree_sum(parts: AnyArray) -> AnyArray:
    """Add up along axis 0 in a fixed order: neighbours, then neighbours of their sums.

    Rounding depends on the order of additions. In this one, whoever adds up a
    whole branch gets the same bits, however the branches are dealt out.

    Parameters
    ----------
    parts : array
        (2ᵏ, ...); it is overwritten.

    Examples
    --------
    >>> tree_sum(np.array([1e100, 1.0, -1e100, 1.0])).item()
    0.0
    """
    while len(parts) > 1:
        np.add(parts[0::2], parts[1::2], out=parts[: len(parts) // 2])
        parts = parts[: len(parts) // 2]
    total: AnyArray = parts[0]
    return total


class MPIRanks(Ranks):
    """The processes of `mpiexec`.

    An error that no code catches ends all of them: a rank that waits for
    another would wait for ever.
    """

    def __init__(self) -> None:
        from mpi4py import MPI  # noqa: PLC0415  # an extra; it connects the processes

        self._mpi, self._world = MPI, MPI.COMM_WORLD
        self.rank, self.count = self._world.rank, self._world.size
        self._pieces = self._given = np.empty((self.count, 0))
        sys.excepthook = self._end

    def _end(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        traceback.print_exception(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        self._world.Abort(1)

    def meet(self) -> None:
        """Wait until all ranks are here, perhaps long, and leave the processor to others."""
        meeting = self._world.Ibarrier()
        while not meeting.Test():  # MPI's own waiting keeps a processor busy
            time.sleep(_LOOK)

    def any(self, asked: bool) -> bool:
        """Tell whether a question is answered with yes on some rank."""
        return bool(self._world.allreduce(asked, self._mpi.LOR))

    def of_first(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return self._world.bcast(value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, in their order."""
        return list(self._world.allgather(value))

    def join(self, parts: AnyArray) -> AnyArray:
        """Join arrays of equal shapes, those of all ranks, along axis 0."""
        joined = np.empty((self.count * len(parts), *parts.shape[1:]), parts.dtype)
        self._world.Allgather(np.ascontiguousarray(parts), joined)
        return joined

    def sum(self, vector: AnyArray) -> None:
        """Add up a vector over all ranks, in place: neighbours first, see `tree_sum`.

        Each rank adds up its piece of the vector, and gives the sum to all.
        """
        shape = self.count, -(-len(vector) // self.count)
        if (self._pieces.shape, self._pieces.dtype) != (shape, vector.dtype):
            # Kept, since a run adds up the same vector in every step.
            self._pieces, self._given = np.zeros(shape, vector.dtype), np.empty(shape, vector.dtype)
        pieces, given = self._pieces, self._given
        pieces.reshape(-1)[: len(vector)] = vector
        self._world.Alltoall(pieces, given)
        self._world.Allgather(np.ascontiguousarray(tree_sum(given)), pieces)
        vector[...] = pieces.reshape(-1)[: len(vector)]


def world(shards: int) -> Ranks:
    """Connect to the other processes, if there are any.

    Parameters
    ----------
    shards : int
        The shards of a batch, a power of two.

    Raises
    ------
    SettingError
        If mpi4py or its MPI is not installed, or the shards cannot be dealt out evenly.
    """
    started = launched()
    if started is None:
        return Ranks()
    if find_spec("mpi4py") is None:
        raise SettingError(
            f"shards={shards}: mpiexec started {started[1]} processes, and mpi4py, by which they "
            "talk to each other, is not installed.\nInstall it with: pip install mpi4py mpich"
        )
    if shards % started[1]:
        raise SettingError(
            f"shards={shards}: they cannot be dealt out evenly to {started[1]} processes.\n"
            f"Start 1, 2, 4, ... processes, {shards} at most, or give more shards."
        )
    try:
        return MPIRanks()
    except (ImportError, RuntimeError) as error:
        reason = str(error).split("\n", 1)[0]
        raise SettingError(
            f"shards={shards}: mpiexec started {started[1]} processes, and mpi4py finds no MPI: "
            f"{reason}.\nInstall one with: pip install mpich"
        ) from None
