"""What a file or a query may take, and the option that lifts it."""

import gzip
import sqlite3

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from nnplug.errors import DataError
from nnplug.tables import ReadOptions, limits, open_table, read_table

TRUSTED = "--read trusted=true"


def refusal(path, **read):
    with pytest.raises(DataError) as caught:
        read_table(path, **read)
    return str(caught.value)


def test_a_small_file_that_holds_much(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_UNPACKED", 1 << 18)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 500_000))
    assert path.stat().st_size * 100 < 2_000_000
    message = refusal(path)
    assert message.startswith("t.csv.gz: the file holds more than ")
    assert message.endswith(f"If you trust this file: {TRUSTED}")
    with open_table(path, ReadOptions.parse(["trusted=yes"]), 1 << 28) as relation:
        assert relation.rows == 500_000
    # As compressed as real tables are: thirty times.
    rows = np.random.default_rng(0).integers(0, 9, 50_000).tolist()
    path.write_bytes(
        gzip.compress("".join(["a\n", *(f"{each}0000000\n" for each in rows)]).encode())
    )
    assert read_table(path).rows == 50_000


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("t.csv", "a,b\n1,2\n{},3\n", 3),
        ("t.csv", "a,{}\n1,2\n", 1),
        ("t.csv", "{}", 1),
        ("t.csv", "#{}\na,b\n1,2\n", 1),
        ("t.csv", "a,b\n" + "1,2\n" * 200 + '"{}\n', 202),
        ("t.jsonl", '{{"a": 1}}\n{{"a": "{}"}}\n', 2),
    ],
)
def test_a_line_without_end(tmp_path, name, text, line):
    path = tmp_path / name
    path.write_text(text.format("x" * (limits.LINE + 100)))
    read = {"comment": "#"} if text.startswith("#") else {}
    message = refusal(path, **read)
    assert message.startswith(f"{name}:{line}: the line is longer than 2 MiB")
    assert message.endswith(TRUSTED)


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.csv", "a,b\n1,2\n{},3\n"), ("t.jsonl", '{{"a": 1}}\n{{"a": "{}"}}\n')],
)
def test_a_line_that_is_vouched_for(tmp_path, name, text):
    path = tmp_path / name
    long = "x" * (limits.LINE + 100)
    path.write_text(text.format(long))
    assert read_table(path, trusted=True, text=["a"]).column("a").values.tolist() == ["1", long]


def test_a_query_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_CELLS", 1000)
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,2\n" * 2000)
    for query in (
        "SELECT range AS a, 1 AS y FROM range(100000000000)",
        "SELECT d.a, e.y FROM data d, data e",
    ):
        assert refusal(path, sql=query) == (
            "t.csv: the query gives more than 2,000 rows, which is more than the data has.\n"
            f"Add a condition or a LIMIT. If you need so many rows: {TRUSTED}"
        )
    assert read_table(path, sql="SELECT * FROM data").rows == 2000  # as the data has
    query = "SELECT * FROM data UNION ALL SELECT * FROM data"
    assert read_table(path, sql=query, trusted=True).rows == 4000


def test_a_query_that_takes_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_SECONDS", 0.3)
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2\n")
    query = "SELECT count(*) AS a, 1 AS y FROM range(100000000000) s, range(1000) t"
    assert "the query took more than" in refusal(path, sql=query)
    lite = tmp_path / "t.db"
    with sqlite3.connect(lite) as connection:
        connection.execute("CREATE TABLE data AS SELECT 1 AS a")
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
    message = refusal(lite, sql=f"{endless} SELECT count(*) AS n FROM c")
    assert message.startswith("t.db: the query took more than")
    assert message.endswith(f"If it needs more time: {TRUSTED}")


@pytest.mark.parametrize("name", ["t.db", "t.duckdb"])
def test_a_view_without_end(tmp_path, monkeypatch, name):
    monkeypatch.setattr(limits, "_CELLS", 1000)
    path = tmp_path / name
    module = sqlite3 if name == "t.db" else duckdb
    connection = module.connect(path)
    connection.execute(
        "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c "
        "WHERE x < 3000) SELECT x, 1 AS y FROM c"
        if name == "t.db"
        else "CREATE VIEW v AS SELECT range AS x, 1 AS y FROM range(100000000000)"
    )
    connection.execute("CREATE TABLE t (x INTEGER, y INTEGER)")
    rows = ", ".join(["(1, 2)"] * 900)
    connection.execute(f"INSERT INTO t VALUES {rows}")
    connection.commit()
    connection.close()
    assert "the query gives more than 900 rows" in refusal(path, table="v")
    assert read_table(path, table="t").rows == 900


def test_a_parquet_file_of_nothing_but_one_value(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_CELLS", 100_000)
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"a": np.zeros(3_000_000), "y": np.ones(3_000_000)}), path)
    assert path.stat().st_size < 30_000
    message = refusal(path)
    assert message.startswith("t.parquet: the file has 3,000,000 rows of 2 columns in ")
    assert message.endswith(TRUSTED)
    with open_table(path, ReadOptions(trusted=True), 1 << 28) as relation:
        assert relation.rows == 3_000_000
