"""Streaming: encoded rows on disk, for training in a new order each epoch.

The rows are encoded once and written to temporary files, the training rows in
a random order. An epoch reads them in loads of ten thousand rows or more; only
one load is in memory.

How random an epoch's order is
------------------------------
The order of the file is a uniformly random permutation, drawn once: every row
goes to a random one of several buckets, and every bucket is shuffled in memory
(Rao, 1961; Sandelius, 1962). An epoch takes the file as a ring that begins at a
random row, cuts it into blocks of 2,048 rows, takes the blocks in random order,
and shuffles the rows of each load, which has many blocks. So every row comes
once per epoch, a load is a random sample of the rows, and its order is
uniformly random. The one difference from rows in memory is that neighbours in
the file often share a load. Rows that fit into one load are shuffled exactly.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnplug.errors import StorageError
from nnplug.randomness import derive_generator
from nnplug.tables.encoder import Encoder
from nnplug.tables.splitting import Parts
from nnplug.tables.table import BoolArray, Table
from nnplug.training.batches import CHUNK, Chunk, StreamedRows
from nnplug.types import AnyArray

__all__ = [
    "LOAD_BYTES",
    "RowStream",
    "RowsOnDisk",
    "fetch_records",
    "ring_pieces",
    "scatter",
    "write_rows",
]

LOAD_BYTES = 96 << 20
"""Memory that a load of rows takes twice: as it is read, and shuffled."""
_BLOCK = 2_048


class RowsOnDisk:
    """Encoded rows in temporary files, which are removed when they are no longer used.

    A record is the inputs of a row and its number among the rows that are used.

    Attributes
    ----------
    record : numpy.dtype
        With the fields `inputs`, (D,), and `row`.
    training, validation : int
        How many rows the parts have.
    folds : tuple of int
        Where in the training file the rows begin that each member of a model
        holds out, and where they end; empty if none holds out its own.
    """

    def __init__(self, width: int, dtype: np.dtype[Any]) -> None:
        self.record = np.dtype([("inputs", dtype, (width,)), ("row", np.int64)])
        self.training = self.validation = 0
        self.folds: tuple[int, ...] = ()
        self.folder = Path(tempfile.mkdtemp(prefix="nnplug-rows-"))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def close(self) -> None:
        """Remove the files."""
        self._finalizer()

    def path(self, part: str) -> Path:
        """Return the file of a part."""
        return self.folder / f"{part}.rows"

    def stream(
        self,
        targets: AnyArray,
        weights: AnyArray | None,
        batch_size: int,
        seed: int,
        member: int = 0,
    ) -> RowStream:
        """Make a stream of the rows for the training loop; see `RowStream`."""
        return RowStream(self, targets, weights, batch_size, seed, member)

    def first_inputs(self, count: int) -> AnyArray:
        """Read the inputs of the first rows of the training file: (n, D)."""
        records = np.memmap(self.path("training"), self.record, mode="r")
        return np.asarray(records[:count]["inputs"])

    def some_rows(
        self, places: Callable[[int], AnyArray], targets: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        """Read inputs and targets of some training rows, by their places among so many.

        Parameters
        ----------
        targets : array
            Those of all rows that are used.
        """
        records = np.memmap(self.path("training"), self.record, mode="r")
        chosen = records[places(len(records))]
        return np.ascontiguousarray(chosen["inputs"]), targets[chosen["row"]]

    def fold(self, member: int) -> tuple[int, int]:
        """Return where the rows are in the training file that a member holds out; (0, 0): none."""
        return self.folds[member : member + 2] if self.folds else (0, 0)  # type: ignore[return-value]  # two of them

    def rows_of_fold(self, member: int) -> AnyArray:
        """Return the numbers of the rows that a member holds out, in the order of the file."""
        first, last = self.fold(member)
        records = np.memmap(self.path("training"), self.record, mode="r")
        return np.array(records[first:last]["row"])


def ring_pieces(
    rng: np.random.Generator, rows: int, size: int, gap: int = 0
) -> Iterator[tuple[int, int]]:
    """Give what an epoch reads of a file, as (first row, rows), from a random row on.

    Parameters
    ----------
    size : int
        The rows of a load, of which no piece crosses the end.
    gap : int, optional
        A row that no piece crosses.
    """
    start = int(rng.integers(rows))
    room = size
    for block in rng.permutation(-(-rows // _BLOCK)).tolist():
        first, left = block * _BLOCK, min(_BLOCK, rows - block * _BLOCK)
        while left:
            place = (start + first) % rows
            count = min(left, room, rows - place)
            if place < gap:
                count = min(count, gap - place)
            yield place, count
            first, left, room = first + count, left - count, room - count
            room = room or size


def fetch_records(file: FileIO, start: int, into: AnyArray) -> None:
    """Read records from a file, from record `start` on.

    Raises
    ------
    StorageError
        If the file ends before.
    """
    view = into.view(np.uint8).data
    done = 0
    file.seek(start * into.itemsize)
    while done < len(view):
        got = file.readinto(view[done:])
        if not got:
            raise StorageError(f"{file.name}: the temporary file of the rows was cut short.")
        done += got


class RowStream(StreamedRows):
    """The rows of each epoch, load by load, in buffers that never move.

    Parameters
    ----------
    disk : RowsOnDisk
    targets : array of shape (N, C)
        Those of all rows that are used, as the loss takes them.
    weights : array of shape (N, 1), or None
    batch_size, seed : int
    member : int
        Whose rows: if members of a model hold out folds, the other folds are
        the ring, as if this one were not there.
    """

    def __init__(
        self,
        disk: RowsOnDisk,
        targets: AnyArray,
        weights: AnyArray | None,
        batch_size: int,
        seed: int,
        member: int = 0,
    ) -> None:
        self.disk, self.seed = disk, seed
        self._targets, self._weights = targets, weights
        self._gap, end = self._fold = disk.fold(member)
        rows = disk.training - (end - self._gap)
        batch_size = min(batch_size, rows)
        fitting = max(1, LOAD_BYTES // disk.record.itemsize // batch_size)
        size = batch_size * min(fitting, -(-rows // batch_size))
        self._read = np.empty(size, disk.record)
        inputs = disk.record["inputs"]
        super().__init__(
            np.empty((size, *inputs.shape), inputs.base),
            np.empty((size, targets.shape[1]), targets.dtype),
            None if weights is None else np.empty((size, 1), weights.dtype),
            rows=rows,
            batch_size=batch_size,
        )

    def fill(self, epoch: int) -> Iterator[int]:
        """Fill the buffers with the next rows, shuffled, and say how many they are."""
        rng = derive_generator(self.seed, "shuffle", epoch)
        # Opened anew each epoch, since a stream may be kept and never read again.
        with self.disk.path("training").open("rb", buffering=0) as file:
            filled = 0
            for start, count in self._pieces(rng):
                self._fetch(file, start, filled, count)
                filled += count
                if filled == len(self._read):
                    yield self._shuffled(rng, filled)
                    filled = 0
            if filled:
                yield self._shuffled(rng, filled)

    def _pieces(self, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
        """Give what an epoch reads, as (first row, rows); none crosses the end of a load."""
        return ring_pieces(rng, self.rows, len(self._read), self._gap)

    def _fetch(self, file: FileIO, start: int, at: int, count: int) -> None:
        """Read `count` rows, from row `start` of the ring, into the buffer from row `at`."""
        if start >= self._gap:
            start += self._fold[1] - self._gap
        fetch_records(file, start, self._read[at : at + count])

    def _shuffled(self, rng: np.random.Generator, filled: int) -> int:
        order = rng.permutation(filled)
        for first in range(0, filled, CHUNK):
            rows = slice(first, min(first + CHUNK, filled))
            chosen = self._read[order[rows]]
            self.inputs[rows] = chosen["inputs"]
            self.targets[rows] = self._targets[chosen["row"]]
            if self.weights is not None and self._weights is not None:
                self.weights[rows] = self._weights[chosen["row"]]
        return filled

    def validation(self) -> Iterator[Chunk]:
        """Give the rows of the validation part, in the order of the table or of the fold."""
        first, last = self._fold if self.disk.folds else (0, self.disk.validation)
        if first == last:
            return
        part, size = "training" if self.disk.folds else "validation", self.disk.record.itemsize
        with self.disk.path(part).open("rb") as file:
            file.seek(first * size)
            for start in range(first, last, CHUNK):
                data = file.read(min(CHUNK, last - start) * size)
                records = np.frombuffer(data, self.disk.record)
                rows = records["row"]
                weights = None if self._weights is None else self._weights[rows]
                inputs = np.ascontiguousarray(records["inputs"])
                yield inputs, self._targets[rows], weights


def write_rows(
    encoder: Encoder,
    chunks: Iterable[Table],
    parts: Parts,
    kept: BoolArray | None,
    dtype: np.dtype[Any],
    seed: int,
) -> RowsOnDisk:
    """Encode a table that comes in chunks, and write its rows to temporary files.

    Parameters
    ----------
    chunks : iterable of Table
        All rows of the table, with the encoder's columns.
    parts : Parts
        Row numbers, counted among the rows that are kept.
    kept : array of bool of shape (N,), or None
        The rows that are used; all if None.

    Raises
    ------
    DataError
        If a row cannot be encoded.
    StorageError
        If the files cannot be written.
    """
    disk = RowsOnDisk(len(encoder.features), dtype)
    disk.training, disk.validation = len(parts.training), len(parts.validation)
    if parts.folds is not None:
        disk.validation = 0
        disk.folds = (0, *np.cumsum(np.bincount(parts.folds)).tolist())
    try:
        _write(disk, encoder, chunks, parts, kept, seed)
    except OSError as error:
        disk.close()
        raise StorageError(
            f"{disk.folder}: the encoded rows cannot be written there: {error.strerror}.\n"
            f"They take {_gigabytes(2 * disk.training + disk.validation, disk)}. Set TMPDIR to a "
            "folder with room."
        ) from None
    except BaseException:
        disk.close()
        raise
    return disk


def _gigabytes(rows: int, disk: RowsOnDisk) -> str:
    return f"{rows * disk.record.itemsize / 1e9:.1f} GB"


def _write(
    disk: RowsOnDisk,
    encoder: Encoder,
    chunks: Iterable[Table],
    parts: Parts,
    kept: BoolArray | None,
    seed: int,
) -> None:
    rows = max(parts.training[-1], parts.validation[-1] if len(parts.validation) else 0) + 1
    use = np.zeros(int(rows), np.int8)  # 0 for nothing, 1 training, 2 validation
    use[parts.validation] = 2
    use[parts.training] = 1  # with folds, all rows
    # Each fold has buckets of its own, so that it is one piece of the file.
    folds = max(1, len(disk.folds) - 1)
    count = max(1, -(-disk.training * disk.record.itemsize // (LOAD_BYTES * folds)))
    buckets = [disk.path(f"bucket{i}") for i in range(folds * count)]
    start, first = 0, 0  # among all rows, and among those that are kept
    files = [path.open("wb") for path in (*buckets, disk.path("validation"))]
    try:
        for number, chunk in enumerate(chunks):
            here = chunk
            if kept is not None:
                here = chunk.take(np.flatnonzero(kept[start : start + chunk.rows]))
            start += chunk.rows
            records = np.empty(here.rows, disk.record)
            # Encoded as a contiguous array first, which is faster than column by column.
            records["inputs"] = encoder.inputs(here, dtype=disk.record["inputs"].base)
            records["row"] = np.arange(first, first + here.rows)
            part = np.zeros(here.rows, np.int8)
            part[: max(0, len(use) - first)] = use[first : first + here.rows]
            first += here.rows
            files[-1].write(records[part == 2].view(np.uint8).data)
            training = records[part == 1]
            rng = derive_generator(seed, "buckets", number)
            bucket = rng.integers(count, size=len(training))
            if parts.folds is not None:
                bucket += parts.folds[training["row"]] * count
            scatter(training, bucket, files[:-1])
    finally:
        for file in files:
            file.close()
    with disk.path("training").open("wb") as file:
        for number, path in enumerate(buckets):
            shuffled = np.fromfile(path, disk.record)
            path.unlink()
            derive_generator(seed, "bucket", number).shuffle(shuffled)
            file.write(shuffled.view(np.uint8).data)


def scatter(records: AnyArray, bucket: AnyArray, files: Sequence[BinaryIO]) -> None:
    """Append each record to the file of its bucket."""
    order = np.argsort(bucket, kind="stable")
    ends = np.cumsum(np.bincount(bucket, minlength=len(files)))
    sorted_records = records[order]
    for file, end, size in zip(files, ends, np.diff(ends, prepend=0), strict=True):
        file.write(sorted_records[end - size : end].view(np.uint8).data)
