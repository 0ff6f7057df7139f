"""Streamed tables in shards: the rows of an epoch, against the same rows in memory."""

import dataclasses
import tracemalloc

import duckdb
import numpy as np
import pytest

import nnplug
from nnplug.errors import DataError, DivergedError, SettingError
from nnplug.runs.preparing import prepare
from nnplug.tables import (
    ReadOptions,
    Split,
    Wishes,
    agreeing,
    dealing,
    dealt,
    prepare_table,
    streaming,
)
from nnplug.tables.options import ReadOptions as Options
from nnplug.tables.reading import open_table
from nnplug.tables.splitting import draw_rows, split_rows
from nnplug.tables.table import stack
from nnplug.training.shards import Shards

SHARDS = 4


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A set of three Parquet files, of 3,001 rows in all."""
    folder = tmp_path_factory.mktemp("set")
    columns = (
        "n / 1000 AS place, CASE WHEN n % 20 = 0 THEN NULL ELSE sin(n) END AS x, "
        "'k' || (hash(n) % 3) AS k, (hash(n) % 7)::DOUBLE AS w, n % 50 AS i, "
        "cos(n) + n / 1000 AS y"
    )
    for number, (first, last) in enumerate([(0, 1000), (1000, 1001), (1001, 3001)]):
        duckdb.execute(
            f"COPY (SELECT {columns} FROM range({first}, {last}) AS r(n)) "
            f"TO '{folder / f'part{number}.parquet'}' (ROW_GROUP_SIZE 300)"
        )
    return f"{folder}/*.parquet"


@pytest.fixture
def small(monkeypatch):
    """Small chunks, blocks and loads, so that a small table has many of each."""
    monkeypatch.setattr(dealing, "_CHUNK", 500)
    monkeypatch.setattr(dealing, "LOAD_BYTES", 10_000)
    monkeypatch.setattr(dealt, "LOAD_BYTES", 10_000)
    monkeypatch.setattr(streaming, "_BLOCK", 16)


def epoch(batches, number):
    """The rows of an epoch, batch after batch."""
    loads = [
        (batches.inputs[order].copy(), batches.targets[order].copy(),
         None if batches.weights is None else batches.weights[order].copy(), weight)
        for order, weight in batches.loads(number)
    ]  # fmt: skip
    inputs, targets, weights, total = zip(*loads, strict=True)
    return (
        np.concatenate(inputs),
        np.concatenate(targets),
        None if weights[0] is None else np.concatenate(weights),
        total,
    )


@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({"target": "y"}, 10),
        ({"target": "y", "weights": "w", "missing": "drop"}, 10),
        ({"target": "k", "class_weight": "balanced"}, 10),
        ({"target": "x", "drop_missing_targets": True}, 10),
        ({"target": "y", "validation": 0.0, "batch_size": 4000}, 1),
    ],
    ids=["plain", "weights", "classes", "missing targets", "one batch"],
)
def test_an_epoch_has_each_training_row_once_as_in_memory(path, small, settings, loads):
    settings = {"batch_size": 32, "dtype": "float64"} | settings
    memory = prepare(path, **settings)
    disk = prepare(path, stream=True, shards=SHARDS, **settings)
    assert disk.rows.features == memory.rows.features
    assert len(disk.train_rows) == len(memory.train_rows)
    assert len(disk.validation_rows) == len(memory.validation_rows)
    one, two = memory.batches(), disk.batches()
    x, y, w, total = epoch(two, 0)
    assert len(total) >= loads
    wanted = one.inputs[memory.train_rows], one.targets[memory.train_rows]
    # The place in the table tells rows apart.
    place = disk.rows.features.index("place")
    again, order = np.argsort(x[:, place]), np.argsort(wanted[0][:, place])
    np.testing.assert_allclose(x[again], wanted[0][order], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(y[again], wanted[1][order], rtol=1e-9, atol=1e-9)
    if w is not None:
        np.testing.assert_allclose(w[again], one.weights[memory.train_rows][order], rtol=1e-12)
        assert sum(total) == pytest.approx(one.weights[memory.train_rows].sum(), rel=1e-12)
    else:
        assert sum(total) == len(x)
    for mine, theirs in zip(two.validation(), one.validation(), strict=True):
        for a, b in zip(mine, theirs, strict=True):
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_each_shard_of_a_batch_is_of_its_own_piece_of_the_table(path, small):
    run = prepare(path, target="y", stream=True, shards=SHARDS, batch_size=32, validation=0.0)
    batches = run.batches()
    x = epoch(batches, 0)[0][:, run.rows.features.index("place")]
    ends = np.sort(x)[[len(x) * shard // SHARDS for shard in range(SHARDS)]]
    piece = np.searchsorted(ends, x, "right") - 1
    full = len(x) // 32 * 32
    assert (piece[:full].reshape(-1, SHARDS, 8) == np.arange(SHARDS)[:, None]).all()
    # Within a piece, the order is random, and another one in each epoch.
    first = x[piece == 0]
    other = epoch(batches, 1)[0][:, run.rows.features.index("place")]
    assert not np.array_equal(x, other)
    rows = np.arange(len(first))
    assert abs(np.corrcoef(first, rows)[0, 1]) < 4.5 / np.sqrt(len(first))
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4.5 / np.sqrt(len(first))
    assert abs(np.corrcoef(first, other[piece == 0])[0, 1]) < 4.5 / np.sqrt(len(first))


@pytest.mark.parametrize("target", ["y", "i", "x,y"])
def test_little_memory_and_much_learn_the_same(path, monkeypatch, target):
    monkeypatch.setattr(agreeing, "CHUNK", 500)
    options = dataclasses.replace(
        Wishes(target=target).options, drop=("x",) if "x" not in target else ()
    )
    wishes = Wishes(target=target, validation=0.2, seed=3, split=Split("random"), options=options)
    if "x" in target:
        with (
            open_table(path, Options(), 1 << 28) as table,
            pytest.raises(
                DataError, match=r"target \"x\" has 151 values that are missing: rows 1, 21"
            ),
        ):
            agreeing.learn_leanly(table, wishes)
        return
    with open_table(path, ReadOptions(), 1 << 28) as table:
        lean, whole = agreeing.learn_leanly(table, wishes), prepare_table(table, wishes)
    assert lean is not None
    assert lean.encoder == whole.encoder
    assert lean.notes == whole.notes
    np.testing.assert_array_equal(np.flatnonzero(lean.use == 1), whole.parts.training)
    np.testing.assert_array_equal(np.flatnonzero(lean.use == 2), whole.parts.validation)


def test_rows_are_drawn_as_by_a_split():
    held = split_rows(1003, Split("random"), share=0.3, seed=5).validation
    np.testing.assert_array_equal(np.flatnonzero(draw_rows(1003, 0.3, 5)), held)


def test_a_batch_in_shards_is_learned_like_the_same_rows_at_once(path):
    """One batch has all rows: then the order of rows does not matter, up to rounding."""
    options = {"target": "y", "epochs": 5, "hidden": (5,), "dtype": "float64"}
    options |= {"batch_size": 3001, "missing": "drop", "weights": "w"}
    whole = nnplug.train(path, **options)
    cut = nnplug.train(path, stream=True, shards=8, **options)
    np.testing.assert_allclose(
        cut.network.parameters, whole.network.parameters, rtol=1e-7, atol=1e-9
    )
    for name, column in whole.history.columns.items():
        np.testing.assert_allclose(cut.history.columns[name], column, rtol=1e-7, err_msg=name)


def _held_out_alone():
    """Weights of 1 for the rows that are held out with seed 0, and of 0 for the others."""
    return draw_rows(3001, 0.2, 0).astype(float)


def test_as_many_members_as_suit_the_rows_are_one(path):
    run = prepare(path, target="y", stream=True, shards=SHARDS, members="auto")
    assert not run.model.others
    assert len(run.validation_rows) == 600


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"batch_size": 30},
            r"batch_size=30: with 4 shards a table that is streamed gives the same number of rows "
            r"to each.\nUse a multiple of 4, such as 32\.",
        ),
        ({"members": 2}, r"members=2: the members hold out different rows"),
        ({"split": "file:t.csv"}, r"split=file with a table that is streamed"),
        ({"target": None}, r"no target is given"),
        (
            {"sample_weight": _held_out_alone(), "seed": 0},
            r"weights: all 2,401 rows for training have weight 0",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_is_refused(path, settings, message):
    with pytest.raises((SettingError, DataError), match=message):
        nnplug.train(path, stream=True, shards=SHARDS, **({"target": "y"} | settings))


def test_a_run_that_diverges_says_so(path):
    with pytest.raises(DivergedError, match=r"Training stopped at epoch \d+, step \d+: the"):
        nnplug.train(
            path,
            target="y",
            stream=True,
            shards=4,
            optimizer="sgd",
            learning_rate=1e9,
            batch_size=64,
        )


def test_several_parquet_files_are_read_as_one(path, tmp_path):
    with open_table(path, ReadOptions(), 1 << 28) as table:
        assert table.files == 3
        whole, parts = table.fetch(), stack([*table.chunks(table.names, 700)])
        assert table.files == 3  # nothing was copied
    assert whole.rows == 3001
    for one, two in zip(whole.columns, parts.columns, strict=True):
        np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_allclose(whole.column("place").data, np.arange(3001) / 1000)


def test_the_damaged_one_of_several_files_is_named(tmp_path):
    for number in range(3):
        duckdb.execute(
            f"COPY (SELECT hash(n) AS x, n AS y FROM range(5000) AS r(n)) TO "
            f"'{tmp_path / f'p{number}.parquet'}' (COMPRESSION uncompressed)"
        )
    damaged = tmp_path / "p1.parquet"
    data = bytearray(damaged.read_bytes())
    data[4:60] = bytes(56)  # the head of the first page
    damaged.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"p1\.parquet: the file cannot be read as Parquet"):
        nnplug.train(f"{tmp_path}/*.parquet", target="y", stream=True, shards=4)


def test_learning_holds_few_bytes_for_each_row(tmp_path, monkeypatch):
    rows = 1_000_000
    path = tmp_path / "t.parquet"
    duckdb.execute(f"COPY (SELECT n % 99 AS x, sin(n) AS y FROM range({rows}) AS r(n)) TO '{path}'")
    monkeypatch.setattr(dealing, "_CHUNK", 50_000)
    monkeypatch.setattr("nnplug.tables.preparation.CHUNK", 50_000)
    monkeypatch.setattr(agreeing, "CHUNK", 50_000)
    monkeypatch.setattr(agreeing, "_LOOKED_AT", 10_000)
    monkeypatch.setattr(dealing, "LOAD_BYTES", 1 << 19)
    monkeypatch.setattr(dealt, "_PIECE", 1 << 18)
    wishes = Wishes(target="y", validation=0.01)
    with open_table(path, ReadOptions(), 1 << 28) as table:
        tracemalloc.start()
        try:
            dealing.deal_rows(
                table, wishes, np.dtype("f4"), None, Shards(8, dealt=True)
            ).disk.close()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # A permutation takes 4 bytes for each row, and what a row is for, 1 byte; the targets
    # alone would take 8.
    assert peak < 7 * rows
