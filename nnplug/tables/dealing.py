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

import pickle
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nnplug.errors import SettingError, StorageError
from nnplug.randomness import derive_generator
from nnplug.tables.dealt import DealtRows
from nnplug.tables.encoder import Encoder
from nnplug.tables.goal import find_goal, target_names
from nnplug.tables.missing import refuse_infinite, refuse_missing
from nnplug.tables.notes import skew_notes
from nnplug.tables.preparation import (
    learn_encoder,
    prepare_table,
    texts_of_many_kinds,
)
from nnplug.tables.rows import Rows
from nnplug.tables.splitting import Parts, Split, draw_rows
from nnplug.tables.streaming import LOAD_BYTES, scatter
from nnplug.tables.table import Table, Tabular, stack
from nnplug.tables.wishes import Wishes
from nnplug.training.ranks import Ranks
from nnplug.training.shards import Shards
from nnplug.types import AnyArray

__all__ = ["deal_rows"]

_CHUNK = 131_072
"""Rows of the table that are fetched and encoded at a time, at most."""
_ENCODED_BYTES = 32 << 20
_LOOKED_AT = 1_000_000
"""Rows whose targets are looked at to choose the task, besides those with a new whole number."""

_TRAINING, _VALIDATION = 1, 2


@dataclass(frozen=True)
class _Learned:
    """What rank 0 learns from the whole table.

    Attributes
    ----------
    use : array of int8 of shape (N,)
        0 for a row that is not used, 1 for training, 2 for validation.
    """

    encoder: Encoder
    split: Split
    notes: tuple[str, ...]
    use: npt.NDArray[np.int8]


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
    if wishes.members > 1:
        raise SettingError(
            f"members={wishes.members}: the members hold out different rows, and with shards a "
            "table that is streamed is dealt out once.\nLeave out members or shards, or read the "
            "rows into memory: stream=False (--no-stream)."
        )
    learned = _agree(table, wishes, shards.ranks)
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


# --- learning, once --------------------------------------------------------------------------


def _agree(table: Tabular, wishes: Wishes, ranks: Ranks) -> _Learned:
    """Learn on rank 0, and tell the others."""
    if ranks.count == 1:
        return _learn(table, wishes)
    learned = _learn(table, wishes) if ranks.rank == 0 else None
    sent = None
    if learned is not None:
        # An encoding of a local plugin belongs to no module, so it cannot be sent.
        with suppress(pickle.PicklingError, AttributeError, TypeError):
            sent = pickle.dumps((learned.encoder, learned.split, learned.notes))
    ranks.meet()  # rank 0 has read the whole table by now
    sent = ranks.of_first(sent)
    if sent is None:
        return learned or _learn(table, wishes)
    use = ranks.of_first(None if learned is None else learned.use)
    encoder, split, notes = pickle.loads(sent)  # from rank 0 of this run
    return learned or _Learned(encoder, split, notes, use)


def _learn(table: Tabular, wishes: Wishes) -> _Learned:
    """Learn how columns become numbers, and choose the part of each row."""
    found = _learn_leanly(table, wishes)
    if found is not None:
        return found
    prepared = prepare_table(table, wishes)
    use = np.zeros(table.rows, np.int8)
    used = np.arange(table.rows) if prepared.kept is None else np.flatnonzero(prepared.kept)
    use[used[prepared.parts.training]] = _TRAINING
    use[used[prepared.parts.validation]] = _VALIDATION
    return _Learned(prepared.encoder, prepared.split, prepared.notes, use)


def _learn_leanly(table: Tabular, wishes: Wishes) -> _Learned | None:
    """Learn the same with a few bytes per row: of a regression with rows drawn at random.

    None if it is another task, or rows are left out or weighed: that needs
    columns whole.
    """
    options = wishes.options
    if options.drop_missing_targets or options.missing == "drop" or options.weights is not None:
        return None
    if wishes.split is not None and wishes.split.way != "random":
        return None
    targets = target_names(wishes.target, table.source, table.names)
    for name in targets:
        table.schema.column(name)
    if any(table.schema.column(name).kind != "number" for name in targets):
        return None
    besides = texts_of_many_kinds(table, targets, options)
    some = _looked_at(table, targets)
    transform = options.target_transform
    if transform == "auto" and wishes.in_units:
        transform = None  # such a loss is of the numbers themselves
    goal = find_goal(some, targets, wishes.task, transform)
    if goal.task != "regression":
        return None
    held = draw_rows(table.rows, wishes.validation, wishes.seed)
    encoder = learn_encoder(table, wishes, goal, ~held, besides=besides)
    use = np.where(held, np.int8(_VALIDATION), np.int8(_TRAINING))
    odd = () if wishes.in_units else skew_notes(some, goal)
    return _Learned(encoder, Split("random"), (*goal.notes, *odd, *encoder.notes), use)


def _looked_at(table: Tabular, targets: Sequence[str]) -> Table:
    """Take the targets of rows that are evenly spaced, and of all with a new whole number."""
    every = -(-table.rows // _LOOKED_AT)
    seen = {name: np.zeros(0) for name in targets}
    parts = []
    for start in range(0, table.rows, _CHUNK):
        chunk = table.fetch(targets, start, start + _CHUNK)
        looked = np.arange(-start % every, chunk.rows, every)
        for column in chunk.columns:
            if column.missing is not None or np.isinf(column.data).any():
                whole = table.fetch([column.name]).column(column.name)
                refuse_missing(table.source, whole, "target")
                refuse_infinite(table.source, whole, "target")
            if column.integer and len(seen[column.name]) < _LOOKED_AT:
                values, first = np.unique(column.data, return_index=True)
                new = ~np.isin(values, seen[column.name])
                seen[column.name] = np.concatenate([seen[column.name], values[new]])
                looked = np.union1d(looked, first[new])
        parts.append(chunk.take(looked))
    return stack(parts)


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
    counts = int((use == _TRAINING).sum()), int((use == _VALIDATION).sum())
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
        first, last = disk.own[_TRAINING]
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
    seen = {_TRAINING: 0, _VALIDATION: 0}
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
        held = records[part == _VALIDATION]
        first, last = (place - chunk.before[_VALIDATION] for place in disk.own[_VALIDATION])
        self._held.write(held[max(first, 0) : max(last, 0)].view(np.uint8).data)
        training = records[part == _TRAINING]
        for shard in disk.shards.own:
            first, last = (
                max(place - chunk.before[_TRAINING], 0)
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
