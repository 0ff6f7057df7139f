"""Reading tables: what comes out of good ones, and what bad ones are told."""

import datetime
import signal
import subprocess
import sys
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from nnplug.errors import DataError
from nnplug.tables import ReadOptions, open_table, read_table, table_from
from nnplug.tables import relation as relation_module
from nnplug.tables.relation import database


@pytest.fixture
def save(tmp_path):
    def save(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def refusal(read, *arguments, **options):
    with pytest.raises(DataError) as caught:
        read(*arguments, **options)
    return str(caught.value)


def test_columns_have_kinds_values_and_missing_masks(save):
    table = read_table(
        save(
            "id,x,ok,name,day\n1,0.5,true,ann,2020-01-31\n2,nan,false,,2021-01-01\n,1e3,true,bo,\n"
        )
    )
    assert (table.source, table.rows) == ("t.csv", 3)
    assert table.names == ("id", "x", "ok", "name", "day")
    assert [c.kind for c in table.columns] == ["number", "number", "boolean", "text", "date"]
    assert [c.integer for c in table.columns] == [True, False, False, False, False]
    id_, x, ok, name, day = table.columns
    np.testing.assert_array_equal(id_.values, [1, 2, np.nan])
    assert id_.missing.tolist() == [False, False, True]
    assert id_.values.dtype == np.float64
    np.testing.assert_array_equal(x.values, [0.5, np.nan, 1000])
    assert x.missing.tolist() == [False, True, False]
    assert ok.values.tolist() == [True, False, True]
    assert ok.missing is None
    assert name.values.tolist() == ["ann", "", "bo"]
    assert name.missing.tolist() == [False, True, False]
    assert day.values.tolist()[:2] == [
        datetime.datetime(2020, 1, 31),
        datetime.datetime(2021, 1, 1),
    ]
    assert day.missing.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,x y\n2,z\n", "t.csv"),
        ("a;b\r\n1;x y\r\n2;z\r\n", "t.csv"),
        ("a\tb\n1\tx y\n2\tz", "t.tsv"),
        ("a|b\n1|x y\n2|z\n", "t.txt"),
        ("\ufeffa,b\n1,x y\n\n2,z\n\n", "t.CSV"),
        ("a,b\r1,x y\r2,z\r", "t.csv"),
        (' a , b\n"1","x y"\n2,z\n', "t.csv"),
        ("a,b\n1,x y\n2,z\n", "it's [1] a*?.csv"),
    ],
)
def test_delimiters_line_ends_marks_and_odd_file_names(save, content, name):
    table = read_table(save(content, name))
    assert table.names == ("a", "b")
    assert table.column("a").values.tolist() == [1, 2]
    assert table.column("b").values.tolist() == ["x y", "z"]


def test_types_come_from_every_row(save):
    # The first letter stands far behind any sample that a sniffer would take.
    codes = "".join(f"{i},{i}\n" for i in range(30_000))
    letters = "".join(f"{i},a{i}\n" for i in range(30_000))
    table = read_table(save("x,code\n" + codes + letters))
    assert table.column("code").kind == "text"
    assert table.rows == 60_000
    assert table.column("code").values[-1] == "a29999"


def test_delimiter_in_a_name_does_not_split_it(save):
    assert read_table(save("height, cm;age\nx;1\ny;2\n")).names == ("height, cm", "age")


def test_comment_signs_are_data(save):
    assert read_table(save("#a,b\n#1,2\n3,4\n")).column("#a").values.tolist() == ["#1", "3"]


def test_names_that_differ_in_case_are_two(save):
    assert read_table(save("Age,age\n1,2\n")).names == ("Age", "age")


def test_codes_with_leading_zeros_and_mostly_digits_are_text(save):
    rows = "".join(f"00{i},{i if i % 4 else f'A/{i}'}\n" for i in range(100))
    table = read_table(save("zip,ticket\n" + rows))
    assert [c.kind for c in table.columns] == ["text", "text"]


def test_large_whole_numbers_stay_numbers(save):
    table = read_table(save("a,b\n99999999999999999999,1\n1," + "9" * 60 + "\n"))
    assert table.column("a").values.tolist() == [1e20, 1]
    assert table.column("b").values.tolist() == [1, 1e60]
    path = save("a,b\n" + "9" * 400 + ",1\n1,2\n")
    assert read_table(path).column("a").values.tolist() == [np.inf, 1]  # refused when encoded


def test_text_columns_on_request(save):
    path = save("code,x\n1,2\n3,n/a\n5,6\n7,8\n")
    table = read_table(path, text=["code", "x"])
    assert table.column("code").values.tolist() == ["1", "3", "5", "7"]
    assert table.column("x").values.tolist() == ["2", "n/a", "6", "8"]
    assert refusal(read_table, path, text=["cod"]) == (
        "t.csv: there is no column \"cod\" to be read as text. Did you mean 'code'?\n"
        'Its columns are "code", "x".'
    )


def test_no_header(save):
    path = save("5.1,setosa\n4.9,virginica\n")
    assert refusal(read_table, path).startswith(
        't.csv:1: the number "5.1" stands where a column\'s name should be.\n'
    )
    assert read_table(path, header=False).names == ("column0", "column1")
    assert read_table(path, header=False).rows == 2
    assert read_table(path, header=True).names == ("5.1", "setosa")


def test_unknown_column_names_what_there_is(save):
    table = read_table(save("height,weight\n1,2\n"))
    assert refusal(table.column, "hieght") == (
        "t.csv: there is no column \"hieght\". Did you mean 'height' or 'weight'?\n"
        'Its columns are "height", "weight".'
    )


def test_many_columns_are_counted_not_listed():
    table = table_from({f"c{i}": [1] for i in range(50)})
    assert refusal(table.column, "zzz").endswith('"c19" and 30 more.')


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (
            "age,b\n" + "1,2\n" * 15 + "n/a,3\n",
            't.csv:17: column "age": cannot read "n/a" as a number',
        ),
        ('b,age\n"x\ny",1\nz,2\nz,?\n', 't.csv:5: column "age": cannot read "?" as a number'),
        ("a;b\n1,5;2\n2,5;3\n", 't.csv: column "a" holds numbers such as "1,5", which is read '),
        ("a,b\n1,2\n1,2,3\n", "t.csv:3: the row has 3 cells, the first line 2\n"),
        ("a,b\n1,2\n1\n4,5\n", "t.csv:3: the row has 1 cell, the first line 2\n"),
        ("a,b\n1,2\n1,2,\n4,5\n", "t.csv:3: the row has 3 cells, the first line 2\n"),
        ("a,b\n1,2,\n4,5,\n", "t.csv:2: the row has 3 cells, the first line 2 (also line 3)\n"),
        ("a,b\n1,2\n4,5,", "t.csv:3: the row has 3 cells, the first line 2\n"),
        ("a,b\n1,2,3\n4,5,6\n", "t.csv:2: the row has 3 cells, the first line 2 (also line 3)\n"),
        ('a,b\n1,2\n1,"x\n4,5\n', "t.csv:3: a quote is opened and never closed\n"),
        ('a,b\n1,2\n1,"x"y\n4,5\n', "t.csv:3: text follows a closing quote\n"),
        ("a,b\r\n1,2\n3,4\r\n", "t.csv:2: the line ends in LF (Unix), those before in CR LF"),
        (
            "a,b\n1,2\n3,caf\xe9\n".encode("latin-1"),
            "t.csv:3: the file is not UTF-8 text (byte 0xe9",
        ),
        ("a,caf\xe9\n1,2\n".encode("latin-1"), "t.csv:1: the file is not UTF-8 text (byte 0xe9"),
        ("a,b\n1,2\n".encode("utf-16"), "t.csv: the file is not UTF-8 text; it begins like UTF-16"),
        (
            "a,b\n1,2\n".encode("utf-16-be"),
            "t.csv: the file is not UTF-8 text; it begins like UTF-16",
        ),
        (b"a,b\n" + b"1,x\n" * 3000 + b"1,\0\n", "t.csv:3002: the line holds a zero byte"),
        ("", "{path}: the file is empty."),
        ("\n\n", "t.csv: the file is blank."),
        ("a,b\n", "t.csv: the table has no rows, only the names of its columns."),
        ("a,b,a\n1,2,3\n", 't.csv: the name "a" stands over several columns (1, 3).\n'),
        ("a, a\n1,2\n", 't.csv: the name "a" stands over several columns (1, 2).\n'),
        (",a,b\nu,2,3\n", "t.csv: column 1 of 3 has no name. Row numbers saved along"),
        ("a,b,\n1,2,\n", "t.csv: column 3 of 3 has no name. A delimiter at the end"),
    ],
)
def test_bad_files_name_the_place(save, content, start):
    path = save(content)
    message = refusal(read_table, path)
    assert message.startswith(start.replace("{path}", str(path)))
    assert "Traceback" not in message


def test_one_fault_is_said_once(save):
    message = refusal(read_table, save("a,b\n" + "1,2\n" * 30 + "1\n" * 25))
    assert message.splitlines()[:2] == [
        "t.csv:32: the row has 1 cell, the first line 2 (also lines 33, 34, 35, 36 and 20 more)",
        'Correct the file. The delimiter is ","; a cell that holds one needs quotes around it.',
    ]
    message = refusal(read_table, save("a,b\n" + "1,2\n" * 300 + "-,2\n" * 25))
    assert message.splitlines()[:2] == [
        't.csv:302: column "a": cannot read "-" as a number '
        "(also lines 303, 304, 305, 306 and 20 more)",
        "The column's other cells are numbers.",
    ]


def test_many_faults_are_listed_up_to_a_bound(save):
    content = "a,b\n" + "1,2\n" * 300 + "".join(f"x{i % 25},2\n" for i in range(30))
    lines = refusal(read_table, save(content)).splitlines()
    assert lines[0] == 't.csv:302: column "a": cannot read "x0" as a number (also line 327)'
    assert lines[19] == 't.csv:321: column "a": cannot read "x19" as a number'
    assert lines[20] == "and 5 more"


def test_paths(save, tmp_path):
    save("a\n1\n", "train.csv")
    missing = tmp_path / "trian.csv"
    assert refusal(read_table, missing) == f"{missing}: no such file. Did you mean 'train.csv'?"
    lost = tmp_path / "nowhere" / "x.csv"
    assert "the folder" in refusal(read_table, lost)
    assert "does not exist either" in refusal(read_table, lost)
    assert refusal(read_table, tmp_path).endswith(
        f"is a folder, not a table. Name one file in it, or several: '{tmp_path}/*.csv'."
    )
    message = refusal(read_table, save("a\n1\n", "t.xls"))
    assert message.endswith(
        'files that end in ".xls" are not supported. Save it as .xlsx.\n'
        "Tables are read from .csv, .tsv, .txt, .jsonl, .ndjson, .json (each also with .gz), "
        ".parquet, .xlsx, .xlsm, .db, .duckdb, .sqlite, .sqlite3."
    )
    assert "no such file" in refusal(read_table, "s3://bucket/x.csv")


def test_unreadable_file(save, monkeypatch):
    path = save("a\n1\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    assert refusal(read_table, path) == f"{path}: the file cannot be read: Permission denied."


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    whole = pa.table(
        {
            "Age": [1, None],
            "age": [1.5, float("nan")],
            "s": ["a", None],
            "b": [True, None],
            "d": [datetime.date(2020, 1, 1), None],
            "t": [datetime.time(1, 2), None],
            "z": pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("us", "UTC")),
            "dec": [Decimal("1.50"), None],
            "e": pa.array(["x", None]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(whole, path)
    table = read_table(path)
    assert table.names == tuple(whole.column_names)
    assert [c.kind for c in table.columns] == [
        "number",
        "number",
        "text",
        "boolean",
        "date",
        "date",
        "date",
        "number",
        "text",
    ]
    assert all(c.missing.tolist() == [False, True] for c in table.columns)
    assert table.column("Age").integer
    assert not table.column("age").integer
    assert table.column("dec").values[0] == 1.5
    assert table.column("t").values[0] == np.datetime64("1970-01-01T01:02")
    assert table.column("z").values[0] == np.datetime64("2020-01-01T00:00")
    assert read_table(path, text=["Age"]).column("Age").values.tolist() == ["1", ""]


@pytest.mark.parametrize("first", ["stretch", "whole"])
@pytest.mark.parametrize("many", [0, 1 << 30])  # columns one by one, or together
def test_stretches_of_parquet_are_those_of_the_whole(tmp_path, first, many, monkeypatch):
    monkeypatch.setattr(relation_module, "_MANY", many)
    rng = np.random.default_rng(0)
    path = tmp_path / "t.parquet"
    rows = 10_000
    words = rng.choice(["a", "b", None], rows)
    values = {"x": rng.normal(size=rows), "w": words, "t": rng.random(rows) < 0.5}
    pyarrow.parquet.write_table(pa.table(values), path, row_group_size=3_000)
    with open_table(path, ReadOptions(), 1 << 30) as relation:
        whole = relation.fetch() if first == "whole" else None
        stretches = [relation.fetch(start=i, stop=i + 2_300) for i in range(0, rows, 2_300)]
        whole = whole or relation.fetch()
    assert sum(each.rows for each in stretches) == whole.rows == rows
    for name, given in values.items():
        pieces = np.concatenate([each.column(name).values for each in stretches])
        np.testing.assert_array_equal(pieces, whole.column(name).values)
        found = whole.column(name)
        present = slice(None) if found.missing is None else ~found.missing
        np.testing.assert_array_equal(found.values[present], np.asarray(given)[present])


def test_bad_parquet(save, tmp_path):
    message = refusal(read_table, save("certainly not that format", "t.parquet"))
    assert message.startswith("t.parquet: the file cannot be read as Parquet: ")
    assert "Traceback" not in message
    path = tmp_path / "l.parquet"
    pyarrow.parquet.write_table(pa.table({"a": [1], "l": [[1, 2]]}), path)
    assert refusal(read_table, path) == (
        'l.parquet: column "l" holds BIGINT[], which is neither numbers, truth values, text nor '
        "dates.\nRemove the column or convert it."
    )
    double = pa.table([[1], [2]], names=["a", "a"])
    pyarrow.parquet.write_table(double, path)
    assert refusal(read_table, path).startswith('l.parquet: the name "a" stands over')
    pyarrow.parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), path)
    assert refusal(read_table, path).startswith("l.parquet: the table has no rows")
    pyarrow.parquet.write_table(pa.table({"s": [{"a": 1, "b": 2}], "x": [3]}), path)
    assert refusal(read_table, path).startswith('l.parquet: column "s" holds STRUCT')


DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(
            lambda d: pd.DataFrame({**d, "i": pd.array(d["i"], dtype="Int64")}), id="pandas"
        ),
        pytest.param(pl.DataFrame, id="polars"),
        pytest.param(pa.table, id="pyarrow"),
        pytest.param(dict, id="dict"),
    ],
)
def test_frames_of_every_library_agree(frame):
    data = {
        "i": [1, None],
        "f": [0.5, None],
        "s": ["a", None],
        "b": [True, None],
        "d": [DAY, None],
        "x": [2.0, 3.0],
    }
    table = table_from(frame(data), source="frame")
    assert table.source == "frame"
    assert [c.kind for c in table.columns] == [
        "number",
        "number",
        "text",
        "boolean",
        "date",
        "number",
    ]
    assert [c.integer for c in table.columns] == [True] + [False] * 5
    assert [c.missing is None for c in table.columns] == [False] * 5 + [True]
    assert [c.values[0] for c in table.columns] == [1, 0.5, "a", True, np.datetime64(DAY), 2.0]
    assert all(c.missing.tolist() == [False, True] for c in table.columns[:5])
    assert table_from(table) is table


def test_pandas_categoricals_and_time_zones():
    frame = pd.DataFrame(
        {
            "c": pd.Categorical([2, 1, None]),
            "z": pd.to_datetime(["2020-01-01", None, "2021-01-01"], utc=True),
            7: [1, 2, 3],
        }
    )
    table = table_from(frame)
    assert table.names == ("c", "z", "7")
    assert [c.kind for c in table.columns] == ["text", "date", "number"]
    assert table.column("c").missing.tolist() == [False, False, True]
    assert table.column("z").values[0] == np.datetime64("2020-01-01")


@pytest.mark.parametrize(
    ("values", "kind", "integer"),
    [
        (np.array([1, 2], np.uint8), "number", True),
        (np.array([1, 2], np.float16), "number", False),
        (np.array(["a", "b"]), "text", False),
        (np.array(["a", "b"], np.dtypes.StringDType()), "text", False),
        (np.ma.array([1, 2], mask=[False, True]), "number", True),
        ([Decimal(1), Decimal("2.5")], "number", False),
        ([1, 2.5], "number", False),
        (range(2), "number", True),
        ([np.True_, False], "boolean", False),
        ([datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), DAY], "date", False),
    ],
)
def test_arrays_and_lists(values, kind, integer):
    column = table_from({"x": values}).column("x")
    assert (column.kind, column.integer, len(column.values)) == (kind, integer, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"x": [1, "a"]},
            'the data: column "x": the value "a" in row 2 is text, and the first is a',
        ),
        (
            {"x": [True, None, 2]},
            "the value 2 in row 3 is a number, and the first is a truth value",
        ),
        ({"x": [[1], [2]]}, "in row 1 is not a number, truth value, text or date (list)"),
        ({"x": [1j]}, "(complex)"),
        ({"x": np.array([1j])}, "is an array of complex128"),
        ({"x": np.zeros((2, 3))}, 'column "x" has shape (2, 3). A column has shape (N,).'),
        ({"x": "ab"}, 'column "x" is a str.'),
        ({"x": [10**400]}, "int too large to convert to float"),
        ({"x": [1], "y": [1, 2]}, 'column "y" has 2 values, "x" has 1.'),
        ({"x": []}, "has no rows"),
        ({}, "has no columns"),
        ({"": [1]}, "column 1 of 1 has no name."),
        ({1: [1], "1": [2]}, 'the name "1" stands over several columns (1, 2)'),
        (np.zeros((2, 2)), "a ndarray is not a table."),
        (pl.DataFrame({"a": [1]}).lazy(), "a LazyFrame is not a table."),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), 'the name "a" stands over several columns'),
    ],
)
def test_data_that_is_no_table(data, message):
    assert message in refusal(table_from, data)


def test_duckdb_and_pandas_are_not_imported_until_a_file_is_read():
    code = (
        "import sys, nnplug.tables as t; t.table_from({'a': [1]}); "
        "assert not {'duckdb', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- interruption -----------------------------------------------------------------------------


STOPPED = """
import os, signal, threading
from nnplug.tables.relation import database

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
for attempt in range(25):
    try:
        with database(1 << 30) as (connection, _):
            stop = threading.Timer(0.005 + 0.002 * attempt, os.kill, (os.getpid(), signal.SIGINT))
            connection.execute("SELECT 1")
            stop.start()
            connection.execute(endless)
    except KeyboardInterrupt:
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        print("interrupted")
"""


def test_a_query_that_the_user_stops_ends_at_once_whenever_that_is():
    # A process of its own: a query that is not stopped would never end.
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["interrupted"] * 25, done.stderr


def test_an_error_of_a_query_is_raised_as_it_is_and_ctrl_c_goes_where_it_went_before():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(duckdb.CatalogException), database(1 << 30) as (connection, _):
        connection.execute("SELECT x FROM nothing")
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_is_only_noted_or_ignored_queries_go_on():
    noted = []
    before = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        with database(1 << 30) as (connection, _):
            signal.raise_signal(signal.SIGINT)
            assert connection.execute("SELECT 7").fetchall() == [(7,)]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with database(1 << 30) as (connection, _):
            signal.raise_signal(signal.SIGINT)
            assert connection.execute("SELECT 8").fetchall() == [(8,)]
    finally:
        signal.signal(signal.SIGINT, before)
    assert noted == [signal.SIGINT]
