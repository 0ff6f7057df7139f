"""Streaming: the rows of an epoch from disk, against the same rows in memory.

`NNPLUG_STREAMED_ROWS` says how many rows the table of the memory test has:
10,000,000 for the full figure.
"""

import gc
import gzip
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import NnplugError, StorageError
from nnplug.runs.preparing import prepare
from nnplug.tables import ReadOptions, Wishes, loading, prepare_table, streaming, table_from
from nnplug.tables import preparation as preparation_module
from nnplug.tables.reading import open_table
from nnplug.tables.summary import NumberSummary

ROWS = int(os.environ.get("NNPLUG_STREAMED_ROWS", "300000"))


def frame(rows=5000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 2, rows)
    gap = rng.random(rows) < 0.05
    return pd.DataFrame({
        "x": np.where(gap, np.nan, x),
        "c": np.where(rng.random(rows) < 0.1, None, rng.choice(["u", "v", "w"], rows)),
        "id": [f"k{i}" for i in range(rows)],
        "w": rng.uniform(0, 2, rows),
        "day": np.datetime64("2019-01-01") + rng.integers(0, 900, rows).astype("m8[D]"),
        "k": rng.choice(["a", "b", "c"], rows),
        "y": x * 2 + rng.normal(size=rows),
    })  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """Small chunks, blocks and loads, so that a small table has many of each."""
    monkeypatch.setattr(preparation_module, "CHUNK", 777)
    monkeypatch.setattr(loading, "CHUNK", 700)
    monkeypatch.setattr(streaming, "LOAD_BYTES", 20_000)
    monkeypatch.setattr(streaming, "_BLOCK", 16)
    monkeypatch.setattr(streaming, "CHUNK", 100)


@pytest.fixture
def path(tmp_path):
    frame().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def pair(path, **settings):
    return [prepare(path, stream=stream, **settings) for stream in (False, True)]


def epoch(batches, number):
    """The rows of an epoch as the training loop takes them."""
    return [
        (batches.inputs[order].copy(), batches.targets[order].copy(),
         None if batches.weights is None else batches.weights[order].copy())
        for order, _ in batches.loads(number)
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["y", "k"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_an_epoch_has_each_training_row_once_as_in_memory(path, small, target, weights):
    memory, disk = pair(path, target=target, weights=weights, batch_size=32, dtype="float64")
    assert disk.rows.features == memory.rows.features
    np.testing.assert_array_equal(disk.train_rows, memory.train_rows)
    one, two = memory.batches(), disk.batches()
    assert two.rows == one.rows == 4000
    loads = epoch(two, 0)
    assert len(loads) > 10
    assert all(len(load[0]) % 32 == 0 for load in loads[:-1])
    wanted = one.inputs[memory.train_rows]
    got = np.concatenate([load[0] for load in loads])
    # Statistics are gathered in chunks, so the last digits may differ: rows
    # are matched by a number that tells them apart by far more.
    mark = np.random.default_rng(0).normal(size=got.shape[1])
    targets = np.concatenate([load[1] for load in loads])
    wanted_targets = one.targets[memory.train_rows]
    order = np.argsort(wanted @ mark + wanted_targets[:, 0])
    again = np.argsort(got @ mark + targets[:, 0])
    np.testing.assert_allclose(got[again], wanted[order], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(targets[again], wanted_targets[order], rtol=1e-9, atol=1e-9)
    if weights:
        rows = np.concatenate([load[2] for load in loads])
        np.testing.assert_array_equal(rows[again], one.weights[memory.train_rows][order])


def test_each_epoch_has_an_order_of_its_own_and_the_same_each_time(path, small):
    batches = prepare(path, target="y", stream=True, batch_size=32).batches()
    first = [np.concatenate([load[0] for load in epoch(batches, n)]) for n in (0, 1, 0)]
    np.testing.assert_array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    # Which rows share a load differs too.
    size = len(batches.inputs)
    shared = {row.tobytes() for row in first[0][:size]} & {row.tobytes() for row in first[1][:size]}
    assert len(shared) < 0.6 * size


def test_the_order_is_random():
    """Where a row comes in an epoch says nothing about where it stands in the table."""
    rows = 20_000
    table = table_from({"x": np.arange(rows) + 0.5, "y": np.arange(rows) * 0.25})
    disk = prepare(table, target="y", stream=True, validation=0, batch_size=50)
    for number in range(3):
        order = np.concatenate([load[0][:, 0] for load in epoch(disk.batches(), number)])
        # Of n random pairs the correlation has a deviation of 1/√n.
        assert abs(np.corrcoef(order, np.arange(rows))[0, 1]) < 4.5 / np.sqrt(rows)
        assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 4.5 / np.sqrt(rows)


def _in_file(run):
    """The numbers of the training rows, in the order of the file."""
    disk = run.rows.disk
    return np.fromfile(disk.path("training"), disk.record)["row"]


def test_the_file_is_shuffled_within_and_among_its_buckets(monkeypatch):
    rows = 20_000
    table = table_from({"x": np.arange(rows) + 0.5, "y": np.arange(rows) * 0.25})
    for bound in (1 << 30, 20_000):  # one bucket, and a dozen
        monkeypatch.setattr(streaming, "LOAD_BYTES", bound)
        order = _in_file(prepare(table, target="y", stream=True, validation=0))
        assert sorted(order.tolist()) == list(range(rows))
        assert abs(np.corrcoef(order, np.arange(rows))[0, 1]) < 4.5 / np.sqrt(rows)
        assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 4.5 / np.sqrt(rows)


def test_each_draw_of_an_epoch_is_seen(path, small):
    """Where it begins, in which order the blocks come, and the rows of a load."""
    stream = prepare(path, target="y", stream=True, batch_size=32).batches()
    begins = set()
    for seed in range(4):
        starts = np.array([start for start, _ in stream._pieces(np.random.default_rng(seed))])
        begins.add(int(starts[0]) % streaming._BLOCK)
        assert abs(np.corrcoef(starts[1:], starts[:-1])[0, 1]) < 0.3
    assert len(begins) > 1
    next(stream.loads(0))
    as_read = stream._read["inputs"]  # in the order of the file
    assert not np.array_equal(as_read, stream.inputs)
    np.testing.assert_array_equal(np.sort(as_read[:, 0]), np.sort(stream.inputs[:, 0]))


def test_every_row_is_as_likely_in_the_first_load(monkeypatch):
    monkeypatch.setattr(streaming, "LOAD_BYTES", 64 * (4 + 8))  # one input and the row's number
    monkeypatch.setattr(streaming, "_BLOCK", 4)
    table = table_from({"x": np.arange(250) + 0.5, "y": np.arange(250.0) / 2})
    count = np.zeros(250)
    for seed in range(15):
        run = prepare(table, target="y", stream=True, validation=0, batch_size=8, seed=seed)
        batches, inputs = run.batches(), run.rows.encoder.inputs(table, np.float32)[:, 0]
        place = {value: row for row, value in enumerate(inputs.tolist())}
        for number in range(100):
            next(batches.loads(number))
            for value in batches.inputs[:, 0].tolist():
                count[place[value]] += 1
    # 1,500 epochs, of which a load has 64 rows of 250: 384 expected, with the
    # deviation of 1,500 single draws.
    assert abs(count - 384).max() < 4.5 * np.sqrt(1500 * 0.256 * 0.744)


def test_the_validation_part_is_that_of_memory(path, small):
    memory, disk = pair(path, target="k", weights="w", batch_size=32)
    one, two = ([*run.batches().validation()] for run in (memory, disk))
    for each in range(3):
        np.testing.assert_allclose(
            np.concatenate([chunk[each] for chunk in two]),
            np.concatenate([chunk[each] for chunk in one]),
            rtol=1e-5, atol=1e-6,
        )  # fmt: skip


def test_statistics_agree_with_those_of_the_whole(path, small):
    wishes = Wishes(target="y", validation=0.2)
    whole = prepare_table(table_from(pd.read_csv(path, parse_dates=["day"])), wishes)
    with open_table(path, ReadOptions(), 1 << 28) as relation:
        streamed = prepare_table(relation, wishes)
    assert streamed.encoder.features == whole.encoder.features
    assert streamed.encoder.notes == whole.encoder.notes
    for one, two in zip(whole.encoder.columns, streamed.encoder.columns, strict=True):
        if hasattr(one, "mean"):
            assert two.mean == pytest.approx(one.mean, rel=1e-12)
            assert two.scale == pytest.approx(one.scale, rel=1e-12)
        else:
            assert two == one


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_moments_are_merged(unit):
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 1000) * unit
    summary = NumberSummary()
    for part in np.array_split(values, [1, 2, 50, 51, 700]):
        summary.add(part)
    assert summary.mean / unit == pytest.approx((values / unit).mean(), rel=1e-12)
    assert summary.deviation / unit == pytest.approx((values / unit).std(), rel=1e-12)
    assert summary.median == np.median(values)


@pytest.mark.parametrize("settings", [
    {"missing": "drop"}, {"drop_missing_targets": True}, {"split": "time:day"},
    {"split": "group:k", "missing": "drop"}, {"missing": "median"},
])  # fmt: skip
def test_options_hold_on_disk_too(path, small, settings):
    memory, disk = pair(path, target="y", batch_size=32, **settings)
    assert disk.rows.features == memory.rows.features
    np.testing.assert_array_equal(disk.validation_rows, memory.validation_rows)
    np.testing.assert_allclose(disk.rows.targets, memory.rows.targets, rtol=1e-12, atol=1e-12)
    wanted = np.sort(memory.batches().inputs[memory.train_rows].sum(axis=1, dtype=np.float64))
    got = np.sort(
        np.concatenate([x for x, *_ in epoch(disk.batches(), 0)]).sum(axis=1, dtype=np.float64)
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    assert set(memory.rows.notes) <= set(disk.rows.notes)


def test_training_learns_as_in_memory(path):
    runs = [nnplug.train(path, target="y", stream=s, epochs=8, hidden=20) for s in (False, True)]
    one, two = (run.history["validation_loss"] for run in runs)
    assert two[-1] == pytest.approx(one[-1], rel=0.1)
    assert runs[1].rows.notes[-1] == "streamed from disk: 0 MB of encoded rows"
    again = nnplug.train(path, target="y", stream=True, epochs=8, hidden=20)
    assert again.network.parameters.tobytes() == runs[1].network.parameters.tobytes()


def test_what_does_not_fit_is_streamed_unasked(path, monkeypatch):
    assert prepare(path, target="y").rows.disk is None
    monkeypatch.setattr(loading, "MEMORY_SHARE", 0)
    assert prepare(path, target="y").rows.disk is not None
    assert prepare(frame(), target="y").rows.disk is not None
    assert prepare(path, target="y", stream=False).rows.disk is None


def test_files_go_with_the_run(path):
    run = prepare(path, target="y", stream=True)
    folder = run.rows.disk.folder
    assert sorted(each.name for each in folder.iterdir()) == ["training.rows", "validation.rows"]
    del run
    gc.collect()
    assert not folder.exists()


def test_a_process_leaves_no_files(path, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "nnplug", "train", str(path), "--target", "y", "--stream",
               "--recipe", "none", "--epochs", "2", "--no-output"]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "streamed from disk" in done.stderr
    assert list(scratch.iterdir()) == []


def test_a_full_disk_is_said(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(streaming, "scatter", full)
    with pytest.raises(StorageError) as caught:
        prepare(path, target="y", stream=True)
    message = str(caught.value)
    assert (
        "the encoded rows cannot be written there: No space left on device.\nThey take" in message
    )
    assert "Set TMPDIR to a folder with room." in message
    assert not Path(message.partition(":")[0]).exists()


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (
            "t.csv",
            {"batch_size": "full"},
            "batch_size='full': the table is streamed, so it is never",
        ),
        ("t.csv", {"split": "file:t.csv"}, "split=file with a table that is streamed"),
        ("xor", {}, "stream=True: xor is in memory already."),
    ],
)
def test_what_cannot_be_streamed(path, data, settings, message, monkeypatch):
    monkeypatch.chdir(path.parent)
    target = None if data == "xor" else "y"
    with pytest.raises(NnplugError) as caught:
        prepare(data, target=target, stream=True, **settings)
    assert message in str(caught.value)


def test_a_sqlite_file_cannot_be_streamed_and_is_trained_on_whole(tmp_path):
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x REAL, y REAL)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, i / 2) for i in range(30)])
    connection.commit()
    connection.close()
    with pytest.raises(NnplugError) as caught:
        prepare(path, target="y", stream=True)
    assert str(caught.value) == (
        f"{path}: a SQLite file is read whole; it cannot be streamed.\n"
        "Export the table to Parquet or CSV first."
    )
    assert len(prepare(path, target="y").rows.inputs) == 30


def test_a_compressed_file_is_streamed(path, tmp_path):
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    both = [prepare(each, target="y", stream=True).rows.encoder for each in (path, packed)]
    assert both[0] == both[1]


@pytest.mark.slow
def test_an_epoch_over_a_large_table_stays_within_two_gibibytes(tmp_path):
    """At ten million rows and thirty columns; in CI at fewer, with a bound that grows with them."""
    path = tmp_path / "large.parquet"
    numbers = ", ".join(f"random() * {i + 1} AS x{i}" for i in range(24))
    texts = ", ".join(f"'w' || (random() * {5 * i + 5})::INT AS c{i}" for i in range(5))
    duckdb.execute(
        f"COPY (SELECT {numbers}, {texts}, random() AS y FROM range({ROWS})) TO '{path}'"
    )
    # A small table is given small loads, so that holding it whole would be seen.
    load = min(streaming.LOAD_BYTES, 40 * ROWS)
    code = (
        "import resource, sys, time, tracemalloc, nnplug\n"
        "from nnplug.tables import streaming\n"
        f"streaming.LOAD_BYTES = {load}\n"
        "tracemalloc.start()\n"
        "start = time.perf_counter()\n"
        f"run = nnplug.train({str(path)!r}, target='y', stream=True, epochs=1, hidden=(),\n"
        "    recipe='none', batch_size=4096, engine='numpy')\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "arrays = tracemalloc.get_traced_memory()[1]\n"
        "print(peak, arrays, len(run.train_rows), time.perf_counter() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, arrays, rows, seconds = map(float, done.stdout.split())
    print(f"{ROWS:,} rows: peak {peak / 2**30:.2f} GiB, {seconds:.0f} s")
    assert rows == round(0.8 * ROWS)
    assert peak < 2 * 2**30
    # What Python holds, the same under every allocator: two loads, a chunk that is encoded,
    # and what grows with the rows: masks, targets, and the orders drawn.
    assert arrays < 2 * load + 100 * 2**20 + 60 * ROWS
