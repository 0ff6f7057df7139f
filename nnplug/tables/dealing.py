"""Dealing: rows of a table that several processes stream, each its own part of them.

The training rows, in the order of the table, are cut into as many pieces of equal
length as a batch has shards. A shard takes its rows from its own piece. A process
reads, encodes and writes to its disk only the pieces of its own shards; the
validation rows, of which there are fewer, it gets from the others.

What a row becomes, which piece it is in, and the order of a piece depend on the
number of shards, and not on the number of processes.

Letters: N rows of the table, S shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError, StorageError
from nnplug.randomness import derive_generator
from nnplug.tables.agreeing import TRAINING, VALIDATION, agree
from nnplug.tables.dealt import DealtRows
from nnplug.tables.encoder import Encoder
from nnplug.tables.rows import Rows
from nnplug.tables.splitting import Parts
from nnplug.tables.streaming import LOAD_BYTES, scatter
from nnplug.tables.table import Table, Tabular
from nnplug.tables.wishes import Wishes
from nnplug.training.shards import Shards
from nnplug.types import AnyArray

__all__ = ["deal_rows"]

_CHUNK = 131_072
"""Rows of the table that are fetched and encoded at a time, at most."""
_ENCODED_BYTES = 32 << 20


def deal_rows(
    table: Tabular,
    wishes: Wishes,
    dtype: np.dtype[Any],
    given: AnyArray | None,
    shards: Shards,
    **read: Any,
) -> Rows:
    """Split and encode a table, and write the part of this process to temporary files.

    Parameters
    ----------
    given : array of shape (N, 1), optional
        The weights of the rows, if they are not a column.
    shards : Shards
    read
        Fields of the encoder: how new rows are read.

    Raises
    ------
    DataError, SettingError
        If the table and the wishes do not go together.
    StorageError
        If the files cannot be written.
    """
    if wishes.members == "auto":
        wishes = replace(wishes, members=1)
    if wishes.members != 1:
        raise SettingError(
            f"members={wishes.members}: the members hold out different rows, and with shards a "
            "table that is streamed is dealt out once.\nLeave out members or shards, or read the "
            "rows into memory: stream=False (--no-stream)."
        )
    learned = agree(table, wishes, shards.ranks)
    encoder = replace(learned.encoder, **read)
    disk, targets, weights = _write(table, wishes, encoder, learned.use, dtype, given, shards)
    size = (disk.training + disk.validation) * len(encoder.features) * dtype.itemsize / 1e6
    note = f"streamed from disk: {size:,.0f} MB of encoded rows"
    if shards.ranks.count > 1:
        note += f", dealt out to {shards.ranks.count} processes"
    return Rows(
        np.empty((0, len(encoder.features)), dtype),
        targets,
        encoder.task,
        encoder.classes,
        encoder.features,
        # The validation rows are numbered; those for training are on disk, and only counted.
        Parts(
            np.broadcast_to(np.int64(-1), (disk.training,)),
            np.arange(disk.validation, dtype=np.int64),
        ),
        learned.split,
        weights,
        encoder,
        (*learned.notes, note),
        disk,
    )


# --- writing, each process its own part ------------------------------------------------------


@dataclass(frozen=True)
class _Chunk:
    """Some rows of the table that follow each other.

    Attributes
    ----------
    number, start : int
        Which chunk, and its first row.
    rows : Table
        Those that are used.
    use : array of int8
        What each row is for, used or not.
    before : dict
        How many rows of each use come before the chunk.
    """

    number: int
    start: int
    rows: Table
    use: npt.NDArray[np.int8]
    before: dict[int, int]


def _write(
    table: Tabular,
    wishes: Wishes,
    encoder: Encoder,
    use: npt.NDArray[np.int8],
    dtype: np.dtype[Any],
    given: AnyArray | None,
    shards: Shards,
) -> tuple[DealtRows, AnyArray, AnyArray | None]:
    """Write the files; return them, and targets and weights of all validation rows."""
    weighted = given is not None or wishes.options.weights is not None
    several = encoder.task in ("regression", "multilabel")
    shape = (len(encoder.target),) if several else ()
    kind = dtype if encoder.task == "regression" else np.dtype(np.int32)
    counts = int((use == TRAINING).sum()), int((use == VALIDATION).sum())
    disk = DealtRows(len(encoder.features), dtype, (kind, shape), weighted, counts, shards)
    try:
        with _Writer(disk, wishes.seed) as writer:
            for chunk in _own_chunks(disk, table, wishes, encoder, use):
                records = np.empty(chunk.rows.rows, disk.record)
                records["inputs"] = encoder.inputs(chunk.rows, dtype=dtype)
                records["target"] = encoder.targets(chunk.rows)
                if given is not None:
                    here = given[chunk.start : chunk.start + len(chunk.use)]
                    records["weight"] = here[chunk.use > 0, 0]
                elif wishes.options.weights is not None:
                    records["weight"] = chunk.rows.column(wishes.options.weights).data
                writer.add(chunk, records)
        shards.ranks.meet()
        disk.exchange(writer.found(encoder.classes))
        return disk, *disk.held_out()
    except OSError as error:
        disk.close()
        first, last = disk.own[TRAINING]
        size = (last - first + disk.validation) * disk.record.itemsize / 1e9
        raise StorageError(
            f"{disk.folder}: the encoded rows cannot be written there: {error.strerror}.\n"
            f"Those of this process take {size:.1f} GB. Set TMPDIR to a folder with room."
        ) from None
    except BaseException:
        disk.close()
        raise


def _own_chunks(
    disk: DealtRows, table: Tabular, wishes: Wishes, encoder: Encoder, use: npt.NDArray[np.int8]
) -> Iterator[_Chunk]:
    """Fetch the chunks that hold rows of this process; they begin at the same rows for all."""
    width = len(encoder.features) * disk.record["inputs"].base.itemsize
    size = max(1024, min(_CHUNK, _ENCODED_BYTES // width))
    weights = () if wishes.options.weights is None else (wishes.options.weights,)
    names = [*encoder.used, *encoder.target, *weights]
    seen = {TRAINING: 0, VALIDATION: 0}
    for number, start in enumerate(range(0, table.rows, size)):
        part = use[start : start + size]
        own = False
        for which, (first, last) in disk.own.items():
            count = int(np.count_nonzero(part == which))
            own = own or (seen[which] < last and seen[which] + count > first)
            seen[which] += count
        if own:
            before = {which: seen[which] - int((part == which).sum()) for which in seen}
            chunk = table.fetch(names, start, start + size)
            used = chunk if part.all() else chunk.take(np.flatnonzero(part))
            yield _Chunk(number, start, used, part, before)


class _Writer:
    """Writes the rows of this process, piece by piece, each in a random order.

    A piece goes through buckets, as the rows of one process do: see `streaming`.
    """

    def __init__(self, disk: DealtRows, seed: int) -> None:
        self.disk, self.seed = disk, seed
        self._shard: int | None = None
        self._buckets: list[BinaryIO] = []
        self._held = disk.path("own").open("wb")
        self._counts: dict[int, AnyArray] = {}
        self._weights: dict[int, float] = {}
        self._digests: dict[int, str] = {}

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self._end()
            for shard in self.disk.shards.own:  # of few rows, some shards have none
                self._begin(shard) if shard not in self._digests else None
                self._end()
        for file in (*self._buckets, self._held):
            file.close()

    def add(self, chunk: _Chunk, records: AnyArray) -> None:
        """Add the rows of a chunk that are used, of which some are this process's."""
        disk, part = self.disk, chunk.use[chunk.use > 0]
        held = records[part == VALIDATION]
        first, last = (place - chunk.before[VALIDATION] for place in disk.own[VALIDATION])
        self._held.write(held[max(first, 0) : max(last, 0)].view(np.uint8).data)
        training = records[part == TRAINING]
        for shard in disk.shards.own:
            first, last = (
                max(place - chunk.before[TRAINING], 0)
                for place in (disk.bounds[shard], disk.bounds[shard + 1])
            )
            rows = training[first:last]
            if not len(rows):
                continue
            if shard != self._shard:
                self._end()
                self._begin(shard)
            rng = derive_generator(self.seed, f"buckets of shard {shard}", chunk.number)
            scatter(rows, rng.integers(len(self._buckets), size=len(rows)), self._buckets)
            if "weight" in (disk.record.names or ()):
                self._weights[shard] += float(rows["weight"].sum(dtype=np.float64))
            if rows["target"].dtype.kind == "i" and rows["target"].ndim == 1:
                found = np.bincount(rows["target"], minlength=1)
                self._counts[shard] = _added(self._counts[shard], found)

    def _begin(self, shard: int) -> None:
        self._shard, self._weights[shard] = shard, 0.0
        self._counts[shard] = np.zeros(0, np.int64)
        size = self.disk.rows_of(shard) * self.disk.record.itemsize
        count = max(1, -(-size // LOAD_BYTES))
        self._buckets = [self.disk.path(f"bucket{i}").open("wb") for i in range(count)]

    def _end(self) -> None:
        """Shuffle the buckets of a piece, and append them to its file."""
        shard = self._shard
        if shard is None:
            return
        from hashlib import blake2b  # noqa: PLC0415  # few tables are so large

        digest = blake2b(digest_size=16)
        with self.disk.path(f"shard{shard}").open("wb") as file:
            for number, bucket in enumerate(self._buckets):
                bucket.close()
                path = self.disk.path(f"bucket{number}")
                shuffled = np.fromfile(path, self.disk.record)
                path.unlink()
                purpose = f"bucket of shard {shard}"
                derive_generator(self.seed, purpose, number).shuffle(shuffled)
                data = shuffled.view(np.uint8).data
                digest.update(data)
                file.write(data)
        self._digests[shard], self._shard, self._buckets = digest.hexdigest(), None, []

    def found(self, classes: Sequence[Any]) -> list[tuple[str, AnyArray, float]]:
        """Return digest, rows of each class and total weight of each piece."""
        none = np.zeros(len(classes), np.int64)
        return [
            (self._digests[shard], _added(none, self._counts[shard]), self._weights[shard])
            for shard in self.disk.shards.own
        ]


def _added(one: AnyArray, two: AnyArray) -> AnyArray:
    """Add counts, of which one may have fewer places."""
    longer, shorter = (one, two) if len(one) >= len(two) else (two, one)
    total = longer.astype(np.int64)
    total[: len(shorter)] += shorter
    return total
