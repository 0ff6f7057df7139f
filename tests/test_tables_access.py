"""Queries and database files read the files that are named, and do nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pytest

from nnplug.cli import main
from nnplug.errors import DataError
from nnplug.tables import read_table

ROWS = "a,y\n1,2\n3,4\n5,6\n"
SECRET = "nobody may read this"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the same table in each format, a file to leave alone, and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(ROWS)
    (tmp_path / "data.jsonl").write_text('{"a":1,"y":2}\n{"a":3,"y":4}\n{"a":5,"y":6}\n')
    (tmp_path / "secret.txt").write_text(SECRET)
    with duckdb.connect(str(tmp_path / "data.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM 'data.csv'")
        connection.execute("COPY t TO 'data.parquet'")
        connection.execute(
            "CREATE VIEW v AS SELECT size AS a, content FROM read_text('secret.txt')"
        )
    with sqlite3.connect(tmp_path / "data.sqlite") as made:
        made.execute("CREATE TABLE t (a, y)")
        made.executemany("INSERT INTO t VALUES (?, ?)", [(1, 2), (3, 4), (5, 6)])
    made.close()
    return tmp_path


FILES = ("data.csv", "data.jsonl", "data.parquet", "data.duckdb", "data.sqlite")
TABLE = {"data.duckdb": {"table": "t"}}


def refused(name, sql, **options):
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    with pytest.raises(DataError) as error:
        read_table(name, sql=sql, **TABLE.get(name, {}), **options)
    after = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert after == before
    assert SECRET not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, y FROM data; COPY (SELECT 1) TO 'new.txt'",
        "COPY (SELECT 1) TO 'new.txt'",
        "SELECT a, y FROM data; ATTACH 'new.db' AS other",
        "ATTACH 'new.db' AS other",
        "SELECT a, y FROM data) TO 'new.txt'; SELECT (1",
        "PRAGMA user_version = 7",
        "DROP TABLE t",
        "INSERT INTO t VALUES (7, 8)",
        "",
    ],
)
def test_a_query_is_one_select(folder, name, sql):
    said = refused(name, sql)
    assert name in said
    assert "--sql" in said


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('secret.txt')",
        "SELECT * FROM 'secret.txt'",
        "SELECT * FROM read_csv('secret.txt')",
        "SELECT * FROM glob('*')",
        "SELECT a, y, (SELECT content FROM read_text('secret.txt')) AS s FROM data",
        "SELECT Delimiter FROM sniff_csv('secret.txt')",
        "SELECT * FROM not_a_table",
    ],
)
def test_a_query_reads_no_other_file(folder, name, sql):
    assert "--sql" in refused(name, sql)


@pytest.mark.parametrize("name", FILES)
def test_a_query_does_not_see_the_programs_variables(folder, name):
    pandas = pytest.importorskip("pandas")
    options = frame = pandas.DataFrame({"a": [1.0], "y": [2.0]})
    assert frame is options
    assert "frame" in refused(name, "SELECT * FROM frame")


def test_what_is_not_one_select_is_named(folder):
    for sql in ("PRAGMA user_version = 7", "ATTACH 'new.db' AS other", "DROP TABLE t"):
        assert "takes one SELECT statement, and was given another" in refused("data.sqlite", sql)
    assert refused("data.csv", "SELECT 1; COPY (SELECT 1) TO 'new.txt'") == (
        "data.csv: --sql: takes one SELECT statement, and was given SELECT and COPY.\n"
        "Way out: write what is to be read as one SELECT. In DuckDB, PIVOT needs its values: "
        "PIVOT data ON column IN ('a', 'b') ..."
    )


def test_a_view_that_reads_another_file_is_refused(folder):
    with pytest.raises(DataError, match=r"data\.duckdb: .*secret\.txt") as error:
        read_table("data.duckdb", table="v")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, y FROM data ORDER BY a",
        "SELECT a, y FROM data ORDER BY a;",
        "SELECT a, y FROM data ORDER BY a -- up",
        "WITH few AS (SELECT * FROM data) SELECT a, y FROM few ORDER BY a",
    ],
)
def test_a_select_is_read(folder, name, sql):
    table = read_table(name, sql=sql, **TABLE.get(name, {}))
    np.testing.assert_array_equal(table.column("a").values, [1, 3, 5])


@pytest.mark.parametrize("name", ["a*b", "a[1]", "a?c", "it's", "a,b", "ü x", "[", "{a,b}"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "duckdb", "sqlite"])
def test_files_of_any_name_are_read(folder, name, suffix):
    (folder / f"data.{suffix}").rename(folder / f"{name}.{suffix}")
    (folder / "below").mkdir()
    for path in (folder / f"{name}.{suffix}", folder / "below" / ".." / f"{name}.{suffix}"):
        table = read_table(path, **TABLE.get(f"data.{suffix}", {}))
        np.testing.assert_array_equal(table.column("a").values, [1, 3, 5])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "duckdb", "sqlite"])
def test_links_are_followed(folder, suffix):
    (folder / f"link.{suffix}").symlink_to(folder / f"data.{suffix}")
    table = read_table(f"link.{suffix}", **TABLE.get(f"data.{suffix}", {}))
    np.testing.assert_array_equal(table.column("a").values, [1, 3, 5])


def test_several_databases_are_read(folder):
    (folder / "data2.duckdb").write_bytes((folder / "data.duckdb").read_bytes())
    table = read_table("data*.duckdb", table="t")
    np.testing.assert_array_equal(table.column("a").values, [1, 3, 5, 1, 3, 5])


def test_a_configuration_is_held_to_the_same(folder, capsys):
    (folder / "config.toml").write_text(
        'data = "data.csv"\ntarget = "y"\n'
        "sql = \"SELECT a, y FROM data; COPY (SELECT 1) TO 'new.txt'\"\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["train", "--config", "config.toml"])
    assert ended.value.code == 2
    assert "takes one SELECT statement" in capsys.readouterr().err
    assert not (folder / "new.txt").exists()
