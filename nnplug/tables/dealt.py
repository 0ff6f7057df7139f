"""Rows that were dealt out to the shards of a run, on the disk of the process that has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.randomness import derive_generator
from nnplug.tables.streaming import LOAD_BYTES, RowsOnDisk, fetch_records, ring_pieces
from nnplug.training.batches import CHUNK, Chunk, Load, StreamedRows
from nnplug.training.shards import Shards
from nnplug.types import AnyArray

__all__ = ["DealtRows", "DealtStream"]

_PIECE = 16 << 20
"""Bytes of the validation rows that a process sends to the others at a time."""


class DealtRows(RowsOnDisk):
    """Encoded rows of the shards of this process in temporary files, and all validation rows.

    A record is the inputs, the target and, if rows have one, the weight of a row.

    Attributes
    ----------
    training, validation : int
        How many rows the parts have, on all processes.
    bounds : list of int
        Where the training rows of each shard begin and end, in the order of the table: S + 1.
    own : dict
        The rows of each use that are this process's: the first, and the one after the last.
    digests : tuple of str
        Of the rows of each shard.
    class_counts : array of int of shape (C,)
        How many training rows are of each class.
    weight : float
        The total weight of the training rows, if they have weights.
    """

    def __init__(
        self,
        width: int,
        dtype: np.dtype[Any],
        target: tuple[np.dtype[Any], tuple[int, ...]],
        weighted: bool,
        counts: tuple[int, int],
        shards: Shards,
    ) -> None:
        super().__init__(width, dtype)
        fields: list[Any] = [("inputs", dtype, (width,)), ("target", *target)]
        self.weighted = weighted
        self.record = np.dtype(fields + [("weight", np.float64)] * weighted)
        self.shards = shards
        self.training, self.validation = map(int, counts)
        self.bounds = self._cut(self.training)
        held, own = self._cut(self.validation), shards.own
        self.own = {
            1: (self.bounds[own.start], self.bounds[own.stop]),
            2: (held[own.start], held[own.stop]),
        }
        self.digests: tuple[str, ...] = ()
        self.class_counts = np.zeros(0, np.int64)
        self.weight = 0.0

    def _cut(self, rows: int) -> list[int]:
        count = self.shards.count
        return [rows * shard // count for shard in range(count + 1)]

    def rows_of(self, shard: int) -> int:
        """Return how many training rows a shard has."""
        return self.bounds[shard + 1] - self.bounds[shard]

    def exchange(self, found: list[tuple[str, AnyArray, float]]) -> None:
        """Tell the other processes what was found, and give them the validation rows.

        Parameters
        ----------
        found : list
            The digest, the rows of each class and the total weight of each own shard.
        """
        ranks = self.shards.ranks
        every = [one for several in ranks.gather(found) for one in several]
        self.digests = tuple(digest for digest, *_ in every)
        self.class_counts = np.sum([counts for _, counts, _ in every], axis=0)
        self.weight = math.fsum(weight for *_, weight in every)
        own = self.path("own")
        sizes = ranks.gather(own.stat().st_size)
        with self.path("validation").open("wb") as file, own.open("rb") as mine:
            for rank, size in enumerate(sizes):  # in the order of the table
                for _ in range(-(-size // _PIECE)):
                    piece = mine.read(_PIECE) if rank == ranks.rank else b""
                    file.write(ranks.gather(piece)[rank])
        own.unlink()

    def held_out(self) -> tuple[AnyArray, AnyArray | None]:
        """Read targets and weights, (V, 1), of the validation rows."""
        kind = np.int64 if self.record["target"].base.kind == "i" else np.float64
        targets = np.empty((self.validation, *self.record["target"].shape), kind)
        weights = np.empty((self.validation, 1)) if self.weighted else None
        start = 0
        for each in self.held_records():
            place = slice(start, start + len(each))
            targets[place] = each["target"]
            if weights is not None:
                weights[place, 0] = each["weight"]
            start = place.stop
        return targets, weights

    def held_records(self) -> Iterator[AnyArray]:
        """Read the validation rows, some at a time."""
        with self.path("validation").open("rb") as file:
            while data := file.read(CHUNK * self.record.itemsize):
                yield np.frombuffer(data, self.record)

    def first_inputs(self, count: int) -> AnyArray:
        """Read the inputs of the first rows of shard 0, which rank 0 has, for all processes."""
        some = None
        if self.shards.ranks.rank == 0:
            some = np.fromfile(self.path("shard0"), self.record, count)["inputs"]
        found: AnyArray = self.shards.ranks.of_first(some)
        return found

    def some_rows(
        self, places: Callable[[int], AnyArray], targets: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        """Read inputs and targets of some rows of the first shard that this process has."""
        path = self.path(f"shard{self.shards.own.start}")
        if not path.stat().st_size:
            return np.empty((0, *self.record["inputs"].shape)), targets[:0]
        records = np.memmap(path, self.record, mode="r")
        chosen = records[places(len(records))]
        return np.ascontiguousarray(chosen["inputs"]), chosen["target"].astype(targets.dtype)

    def deal(
        self,
        targets: AnyArray,
        weights: AnyArray | None,
        batch_size: int,
        seed: int,
        encode: Callable[[AnyArray], AnyArray],
        by_class: AnyArray | None,
    ) -> DealtStream:
        """Make a stream of the rows for the training loop; see `DealtStream`."""
        return DealtStream(self, targets, weights, batch_size, seed, encode, by_class)


class DealtStream(StreamedRows):
    """The rows of each epoch, load by load; of each batch, the buffers hold those of this process.

    A batch has equally many rows of each shard. A load has as many rows as one of a
    single process has, and the order of a shard's rows is as random; see `streaming`.

    Parameters
    ----------
    disk : DealtRows
    targets, weights : array, and array or None
        Those of the validation rows, as the loss takes them.
    batch_size, seed : int
    encode : callable
        Converts targets as they are on disk to the form that the loss takes.
    by_class : array of shape (C,), or None
        What a row of each class counts for.
    """

    def __init__(
        self,
        disk: DealtRows,
        targets: AnyArray,
        weights: AnyArray | None,
        batch_size: int,
        seed: int,
        encode: Callable[[AnyArray], AnyArray],
        by_class: AnyArray | None,
    ) -> None:
        self.disk, self.seed, self._encode, self._by_class = disk, seed, encode, by_class
        self._held_targets, self._held_weights = targets, weights
        batch = min(batch_size, disk.training)
        shards, total = disk.shards, -(-disk.training // batch)
        if batch < disk.training and batch % shards.count:
            raise SettingError(
                f"batch_size={batch_size}: with {shards.count} shards a table that is streamed "
                f"gives the same number of rows to each.\nUse a multiple of {shards.count}, such "
                f"as {-(-batch // shards.count) * shards.count}."
            )
        self._batches = min(total, max(1, LOAD_BYTES // disk.record.itemsize // batch))
        # The rows of a shard in a load. A single short batch may have one more of some.
        self._room = self._batches * -(-batch // shards.count)
        self._rings = {
            shard: _Ring(disk, shard, self._room) for shard in shards.own if disk.rows_of(shard)
        }
        rows = max(batch, self._room * len(shards.own))
        inputs = disk.record["inputs"]
        super().__init__(
            np.zeros((rows, *inputs.shape), inputs.base),
            np.zeros((rows, targets.shape[1]), targets.dtype),
            np.ones((rows, 1)) if disk.weighted or by_class is not None else None,
            rows=disk.training,
            batch_size=batch,
        )

    def fill(self, epoch: int) -> Iterator[int]:
        """Fill the buffers with the next rows of each own shard; say how many all shards have."""
        rings = {shard: ring.loads(self.seed, epoch) for shard, ring in self._rings.items()}
        assert self.batch_size is not None
        size = self._batches * self.batch_size
        for first in range(0, self.rows, size):
            for place, shard in enumerate(self.disk.shards.own):
                if shard in rings and (found := next(rings[shard], None)) is not None:
                    self._take(place * self._room, *found)
            yield min(size, self.rows - first)

    def _take(self, start: int, records: AnyArray, order: AnyArray) -> None:
        for first in range(0, len(order), CHUNK):
            chosen = records[order[first : first + CHUNK]]
            rows = slice(start + first, start + first + len(chosen))
            self.inputs[rows] = chosen["inputs"]
            self.targets[rows] = self._encode(chosen["target"])
            if self.weights is not None:
                weights = chosen["weight"] if self.disk.weighted else np.ones(len(chosen))
                if self._by_class is not None:
                    weights = weights * self._by_class[chosen["target"]]
                self.weights[rows, 0] = weights

    def loads(self, epoch: int) -> Iterator[Load]:
        """Give the places of the rows of each load, -1 for those of other processes."""
        size, own = self.batch_size, self.disk.shards.own
        assert size is not None
        for filled in self.fill(epoch):
            full, rest = divmod(filled, size)
            order = np.full(filled, -1)
            weights = np.zeros(len(own))
            for place, shard in enumerate(own):
                start = place * self._room
                part, last = self.disk.shards.rows(size, shard), self.disk.shards.rows(rest, shard)
                # Of a size that the shards do not divide, there is one batch at most.
                places = np.arange(start, start + full * (part.stop - part.start))
                order[: full * size].reshape(full, size)[:, part] = places.reshape(
                    full, part.stop - part.start
                )
                taken = start + len(places)
                order[full * size :][last] = np.arange(taken, taken + last.stop - last.start)
                taken += last.stop - last.start
                if self.weights is not None:
                    weights[place] = self.weights[start:taken].sum(dtype=np.float64)
            weight: float = filled
            if self.weights is not None:
                weight = math.fsum(self.disk.shards.ranks.join(weights))
            yield order, weight

    def validation(self) -> Iterator[Chunk]:
        """Give the rows of the validation part, in the order of the table."""
        start = 0
        for records in self.disk.held_records():
            rows = slice(start, start + len(records))
            weights = None if self._held_weights is None else self._held_weights[rows]
            yield np.ascontiguousarray(records["inputs"]), self._held_targets[rows], weights
            start = rows.stop


class _Ring:
    """The rows of one shard, in a new order each epoch; see `RowStream`."""

    def __init__(self, disk: DealtRows, shard: int, room: int) -> None:
        self._path, self._shard, self._rows = disk.path(f"shard{shard}"), shard, disk.rows_of(shard)
        self._read = np.empty(min(room, self._rows), disk.record)

    def loads(self, seed: int, epoch: int) -> Iterator[tuple[AnyArray, AnyArray]]:
        """Give the rows of each load, and a random order of them."""
        rng = derive_generator(seed, f"shuffle of shard {self._shard}", epoch)
        with self._path.open("rb", buffering=0) as file:
            filled = 0
            for start, count in ring_pieces(rng, self._rows, len(self._read)):
                fetch_records(file, start, self._read[filled : filled + count])
                filled += count
                if filled == len(self._read):
                    yield self._read, rng.permutation(filled)
                    filled = 0
            if filled:
                yield self._read, rng.permutation(filled)
