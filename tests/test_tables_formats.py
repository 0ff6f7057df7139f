"""Reading by options, from every format, from several files, and through a query."""

import csv
import datetime
import gzip
import json
import sqlite3
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest

from nnplug.cli.setting_options import table_arguments
from nnplug.errors import NnplugError
from nnplug.tables import ReadOptions, read_table
from nnplug.tables import raw_text as raw_text_module
from nnplug.tables.formats import is_known


@pytest.fixture
def save(tmp_path):
    def save(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def refusal(call, *arguments, **options):
    with pytest.raises(NnplugError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def columns(table):
    return {column.name: column.values.tolist() for column in table.columns}


# --- options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("a^b\n1^'x^y'\n", {"delimiter": "^", "quote": "'"}),
        ('a b\n1 "x^y"\n', {"delimiter": " "}),
        ("a;b\n1;x^y\n", {"delimiter": ";"}),
        ("1,x^y\n", {"header": False}),
        ("a,b\n1,x^y\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a,b\r\n1,x^y\r\n".encode("utf-16-be"), {"encoding": "utf-16-be"}),
        ("\ufeffa,b\n1,x^y\n", {"encoding": "utf-8-sig"}),
    ],
)
def test_what_is_stated_holds(save, content, read):
    assert list(columns(read_table(save(content), **read)).values()) == [[1], ["x^y"]]


def test_an_encoding_is_as_stated_and_never_guessed(save):
    path = save("name,x\ncaf\xe9,1\n\u20ac,2\n".encode("cp1252"))
    assert columns(read_table(path, encoding="cp1252"))["name"] == ["caf\xe9", "\u20ac"]
    assert columns(read_table(path, encoding="latin-1"))["name"] == ["caf\xe9", "\x80"]
    assert "t.csv:2: the file is not UTF-8 text" in refusal(read_table, path)
    assert "or say what it is, for example --read encoding=latin-1; it is not guessed." in refusal(
        read_table, path
    )
    path = save("a,b\n1,2\n3,\x81\n".encode("latin-1"))
    assert refusal(read_table, path, encoding="cp1252") == (
        "t.csv:3: the file is not cp1252 (byte 0x81 at position 3 of the line).\n"
        "State the encoding in which it was saved: --read encoding=..."
    )
    path = save("a,b\n1,2\n".encode("utf-16")[:-1])
    assert refusal(read_table, path, encoding="utf-16").startswith("t.csv: the file is not utf-16:")
    # A line at fault keeps its number in the copy that is read.
    path = save("a,b\n1,2\n2,3\nx,4\n".encode("utf-16"))
    assert refusal(read_table, path, encoding="utf-16").startswith('t.csv:4: column "a": cannot')


def test_decimal_commas(save):
    table = read_table(save("a;b;c\n1,5;2;x\n2;3;y\n"), decimal=",")
    assert columns(table) == {"a": [1.5, 2], "b": [2, 3], "c": ["x", "y"]}
    assert [c.integer for c in table.columns] == [False, True, False]
    message = refusal(read_table, save("a;b\n1,5;2\n2.5;3\n3,5;4\n"), decimal=",")
    assert message.startswith('t.csv:3: column "a": cannot read "2.5" as a number\n')


def test_several_marks_of_missing_values_have_one_way_out(save):
    message = refusal(read_table, save("a,b\n1,2\n?,3\n4,5\nn/a,6\n7,8\n9,1\n"))
    assert '\n"?", "n/a" often stand for a missing value. If so here: --read \'na=?\' ' in message


def test_marks_of_missing_values(save):
    path = save("a,s\n1,NA\n?,x\n3,-\n")
    assert refusal(read_table, path) == (
        't.csv:3: column "a": cannot read "?" as a number\n'
        "The column's other cells are numbers.\n"
        "\"?\" often stands for a missing value. If so here: --read 'na=?'\n"
        "If the column is text: --categorical a\n"
        "Otherwise correct the file."
    )
    table = read_table(path, na=["?", "NA"])
    assert columns(table)["s"] == ["", "x", "-"]
    assert table.column("a").missing.tolist() == [False, True, False]
    assert table.column("a").integer


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.jsonl", "t.db"])
def test_marks_of_one_column(tmp_path, name):
    frame = pd.DataFrame(
        {"a": [0, 1, 2], "b": [0, -9, 5], "c": [0.5, -9, 1.5], "s": ["x", "-9", "y"]}
    )
    path = tmp_path / name
    if name == "t.csv":
        frame.to_csv(path, index=False)
    elif name == "t.parquet":
        frame.to_parquet(path)
    elif name == "t.jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        connection = sqlite3.connect(path)
        frame.to_sql("t", connection, index=False)
        connection.close()
    options = ReadOptions.parse(["na.b=0", "na.b=-9", "na.s=-9"])
    table = read_table(path, options)
    missing = [c.missing.tolist() if c.missing is not None else None for c in table.columns]
    assert missing == [None, [True, True, False], None, [False, True, False]]
    assert table.column("b").integer
    assert ReadOptions.of(options.to_dict()) == options
    assert ReadOptions.of({"na_of": {"b": ["0", -9], "s": "-9"}}) == options
    assert 'there is no column "z" with a mark of missing values.' in refusal(
        read_table, path, ReadOptions.parse(["na.z=0"])
    )


def test_a_mark_among_numbers_leaves_numbers(save):
    path = save("a,b,c\n1,?,?\n?,1.5,007\n3,?,008\n")
    options = ReadOptions.parse(["na.a=?", "na.b=?", "na.c=?"])
    table = read_table(path, options)
    assert [c.kind for c in table.columns] == ["number", "number", "text"]
    assert [c.integer for c in table.columns] == [True, False, False]
    assert table.column("a").missing.tolist() == [False, True, False]


def test_a_comma_in_a_name_is_escaped_in_lists(save):
    path = save('"a, cm",b\nx,1\n2,2\n3,3\n4,4\n')
    message = refusal(read_table, path)
    assert message.endswith("If the column is text: --categorical 'a\\, cm'")
    given = table_arguments({"categorical": ("a\\, cm,b", "c")})
    assert given["categorical"] == ("a, cm", "b", "c")
    assert table_arguments({"drop": ()})["drop"] is None


def test_dates_as_they_are_written(save):
    path = save("d\n03.04.2020\n05.06.2021\n")
    table = read_table(path, dates="%d.%m.%Y")
    assert columns(table)["d"] == [datetime.datetime(2020, 4, 3), datetime.datetime(2021, 6, 5)]
    path = save("d\n03.04.2020 10:30\n05.06.2021 00:00\n")
    table = read_table(path, dates="%d.%m.%Y %H:%M")
    assert columns(table)["d"][0] == datetime.datetime(2020, 4, 3, 10, 30)
    path = save("d,n\n20200403,20200403\n20210605,20200404\n")
    table = read_table(path, dates_of={"d": "%Y%m%d"})
    assert columns(table)["d"][0] == datetime.datetime(2020, 4, 3)
    assert table.column("n").kind == "number"
    assert {each.kind for each in read_table(path, dates="%Y%m%d").columns} == {"date"}


def test_numbers_as_the_user_says(save):
    path = save("zip,x\n007,1\n008,2\n")
    assert columns(read_table(path))["zip"] == ["007", "008"]
    assert columns(read_table(path, numeric="zip"))["zip"] == [7, 8]
    path = save("a,b\nx,1\ny,2\n3,3\n")
    message = refusal(read_table, path, numeric=["a"])
    assert message.startswith('t.csv:2: column "a": cannot read "x" as a number\nt.csv:3: column')
    assert 'there is no column "c" to be read as a number.' in refusal(
        read_table, path, numeric=["c"]
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["delimiter"],
            "read: 'delimiter' is not of the form key=value, such as encoding=latin-1.",
        ),
        (["delimeter=;"], "read: there is no option 'delimeter'. Did you mean 'delimiter'?"),
        (["delimiter=;;"], "read: delimiter=';;': it must be one ASCII character."),
        (["quote="], "read: quote='': it must be one ASCII character."),
        (["header=maybe"], "read: header='maybe': use true or false."),
        (["encoding=utf-9"], "read: encoding='utf-9' is not an encoding that Python knows."),
        (["decimal=;"], "read: decimal=';': use '.' or ','."),
        (["decimal=,", "delimiter=comma"], "read: delimiter and decimal are both ','."),
        (["quote=;", "delimiter=;"], "read: delimiter and quote are both ';'."),
        (["header=no", "header=yes"], "read: header is given twice."),
        (["sql=x"], "read: there is no option 'sql'."),
    ],
)
def test_wrong_options_say_why(texts, message):
    assert message in refusal(ReadOptions.parse, texts)


def test_options_in_text_form():
    options = ReadOptions.parse(["delimiter=tab", "header=no", "na=?", "na=", "Encoding=cp1252"])
    assert options == ReadOptions(delimiter="\t", header=False, na=("?", ""), encoding="cp1252")
    assert ReadOptions.of(options.to_dict()) == options
    assert "cannot be both categorical and numeric" in refusal(
        ReadOptions, text=("a",), numeric=("a",)
    )


# --- a large file's types ------------------------------------------------------------------

_ROWS = 30_000


def _large(save, tail, name="large.csv"):
    """A file whose first rows do not show what its last row does."""
    head = [f"{i},{i}.5,word{i % 7},2020-01-0{i % 9 + 1},true,\n" for i in range(_ROWS)]
    return save("i,f,w,d,b,e\n" + "".join(head) + tail + "\n", name)


TAILS = {
    "a sign": "+5,+1.5,x,2021-01-01,false,",
    "spaces": " 5,1.5 ,x,2021-01-01,false,",
    "as before": "5,1.5,x,2021-01-01,false,",
    "a fraction": "5.5,1.5,x,2021-01-01,false,",
    "a code": "007,1.5,x,2021-01-01,false,",
    "a quoted code": '"007",1.5,x,2021-01-01,false,',
    "a code with decimals": "5,07.5,x,2021-01-01,false,",
    "an instant": "5,1.5,x,2021-01-01 10:20:30,false,",
    "no truth value": "5,1.5,x,2021-01-01,1,",
    "another truth value": "5,1.5,x,2021-01-01,No,",
    "a first value": "5,1.5,x,2021-01-01,false,7",
    "a first text": "5,1.5,x,2021-01-01,false,seven",
    "large": "99999999999999999999,1e300,x,2021-01-01,false,",
    "infinite": "5,inf,x,2021-01-01,false,",
    "nothing": ",,,,,",
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_a_sample_says_what_all_rows_say(save, tail, monkeypatch):
    path = _large(save, tail)
    monkeypatch.setattr(raw_text_module, "_LARGE", 1 << 30)
    slow = read_table(path)
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    quick = read_table(path)
    for one, two in zip(slow.columns, quick.columns, strict=True):
        assert (one.name, one.kind, one.integer) == (two.name, two.kind, two.integer)
        np.testing.assert_array_equal(one.values, two.values)


@pytest.mark.parametrize("rows", [2, 30_000])
@pytest.mark.parametrize(
    ("values", "kind"),
    [(("true", "False"), "boolean"), (("yes", "no"), "text"), (("T", "F"), "text")],
)
def test_yes_and_no_are_said_again_as_they_are_written(save, rows, values, kind, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", 1000)
    path = save("a,b\n" + "".join(f"{values[i % 2]},1\n" for i in range(rows)))
    column = read_table(path).column("a")
    assert column.kind == kind
    assert column.values.tolist()[:2] == ([True, False] if kind == "boolean" else list(values))


def test_a_large_file_is_read_by_its_sample(save, monkeypatch):
    path = _large(save, TAILS["a fraction"])
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    monkeypatch.setattr(raw_text_module.RawText, "_read_by_all_rows", None)
    assert read_table(path).column("i").values[-1] == 5.5


def _large_with_codes(save, tail, header="i,zip,us,de,t"):
    """A file of which many cells begin with a zero, though no number does."""
    head = [
        f"{i},{i % 90000:05d},{i % 12 + 1:02d}/{i % 28 + 1:02d}/2024,"
        f"{i % 28 + 1:02d}.{i % 12 + 1:02d}.2024 {i % 24:02d}:05,{i % 24:02d}:{i % 60:02d}\n"
        for i in range(_ROWS)
    ]
    return save(f"{header}\n" + "".join(head) + tail + "\n")


CODED_TAILS = {
    "as before": ("0,00001,01/31/2024,01.12.2024 00:00,00:00", True),
    "a shorter date": ("0,00001,1/2/2024,1.2.2024 0:00,1:05", True),
    "nothing": (",,,,", True),
    "a code among numbers": ("007,00001,01/31/2024,01.12.2024 00:00,00:00", False),
    "a code for a code": ("007,x,01/31/2024,01.12.2024 00:00,00:00", False),
    "a quoted text with a code": ('0,"a,01",01/31/2024,01.12.2024 00:00,00:00', False),
    "a code with a sign": ("-07,+07,01/31/2024,01.12.2024 00:00,00:00", True),
    "a number among codes": ("0,1,01/31/2024,01.12.2024 00:00,00:00", True),
    "no time": ("0,1,01/31/2024,01.12.2024 00:00,24:01", False),
}


@pytest.mark.parametrize(("tail", "quickly"), CODED_TAILS.values(), ids=CODED_TAILS)
def test_codes_and_dates_are_found_by_the_sample_too(save, tail, quickly, monkeypatch):
    path = _large_with_codes(save, tail)
    monkeypatch.setattr(raw_text_module, "_LARGE", 1 << 30)
    slow = read_table(path)
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    calls = []
    by_all_rows = raw_text_module.RawText._read_by_all_rows
    monkeypatch.setattr(
        raw_text_module.RawText,
        "_read_by_all_rows",
        lambda self, **how: calls.append(self) or by_all_rows(self, **how),
    )
    quick = read_table(path)
    assert (not calls) == quickly
    for one, two in zip(slow.columns, quick.columns, strict=True):
        assert (one.name, one.kind, one.written) == (two.name, two.kind, two.written)
        np.testing.assert_array_equal(one.values, two.values)
    assert slow.column("i").kind == ("text" if tail.startswith("007") else "number")
    assert slow.column("zip").kind == "text"
    assert slow.column("de").written == "%d.%m.%Y %H:%M"


@pytest.mark.parametrize("tail", ["0,1,none,1.2.2024 0:00,0:00", "0,1,1/1/2024,2024-12-01,0:00"])
def test_a_cell_that_is_no_date_is_refused_by_a_sample_too(save, tail, monkeypatch):
    path = _large_with_codes(save, tail)
    messages = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(raw_text_module, "_LARGE", large)
        messages.append(refusal(read_table, path))
    assert messages[0] == messages[1]
    assert messages[0].startswith("t.csv:30002: column ")


@pytest.mark.parametrize(
    "tail", ["1/2/24", "2024-01-31", "epoch", "0020-01-01", "24:01", "10:30:15.5", "", "9:05"]
)
def test_times_of_day_are_found_by_the_sample_too(save, tail, monkeypatch):
    path = save(
        "t,y\n" + "".join(f"{i % 24}:{i % 60:02d},1\n" for i in range(_ROWS)) + f"{tail},1\n"
    )
    found = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(raw_text_module, "_LARGE", large)
        found.append(read_table(path).column("t"))
    assert (
        found[0].kind == found[1].kind == ("date" if tail in ("10:30:15.5", "", "9:05") else "text")
    )
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_a_table_may_have_more_columns_of_text_than_one_query_can_ask_about(save, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    cells = ",".join(["007", *["abcd"] * 250])
    path = save(",".join(f"k{i}" for i in range(251)) + "\n" + f"{cells}\n" * 50)
    table = read_table(path)
    assert table.column("k0").words == ("007",)
    assert {column.kind for column in table.columns} == {"text"}


def test_numbers_may_have_a_sign_and_spaces(save):
    table = read_table(save("a,b,c\n+1, 2,+07\n-3,4 ,5\n"))
    assert [each.kind for each in table.columns] == ["number"] * 3
    assert columns(table) == {"a": [1, -3], "b": [2, 4], "c": [7, 5]}


def test_the_first_cell_of_a_file_may_be_a_code(save, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    for mark in ("", "\ufeff"):
        path = save(mark + "".join(f"{i % 100:03d},{i}\n" for i in range(30_000)))
        table = read_table(path, header=False)
        assert table.column("column0").values[0] == "000"
        # One that is seen twice would hide this one.
        path = save(mark + "000,1\n" + "".join(f"x,{i}\n" for i in range(30_000)) + "x,07\n")
        assert read_table(path, header=False).column("column1").kind == "text"


# --- JSON lines ----------------------------------------------------------------------------


def test_json_lines(save):
    records = [
        {"i": 1, "f": 0.5, "s": "a", "b": True, "d": "2020-01-31", "n": None},
        {"f": 2, "s": None, "b": False, "d": "2021-01-01T10:00:00", "i": 2},
    ]
    path = save("\n\n".join(map(json.dumps, records)), "t.jsonl")
    table = read_table(path)
    assert table.names == ("i", "f", "s", "b", "d", "n")
    kinds = ["number", "number", "text", "boolean", "date", "text"]
    assert [c.kind for c in table.columns] == kinds
    assert [c.integer for c in table.columns] == [True] + [False] * 5
    assert table.column("s").missing.tolist() == [False, True]
    assert table.column("d").values[1] == np.datetime64("2021-01-01T10:00")
    assert read_table(path, text=["i"]).column("i").values.tolist() == ["1", "2"]
    path = save('{"a": "007", "b": "?"}\n{"a": "8", "b": 1}\n', "t.ndjson")
    assert columns(read_table(path, na="?")) == {
        "a": ["007", "8"],
        "b": [pytest.approx(np.nan, nan_ok=True), 1],
    }
    assert columns(read_table(path, na="?", numeric="a"))["a"] == [7, 8]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"a": 1}\n{"a": "n/a"}\n{"a": 2}',
            't.jsonl:2: column "a": cannot read "n/a" as a number\n',
        ),
        (
            '{"a": 1}\n{"a": true}\n{"a": 2}',
            't.jsonl:2: column "a": cannot read true as a number\n',
        ),
        ('{"a": "x"}\n{"a": [1]}\n', 't.jsonl:2: column "a": cannot read [1] as text\n'),
        ('{"a": [1]}\n{"a": [1]}\n', 't.jsonl: column "a" holds lists or objects'),
        ('{"a": 1}\n{"a": 1, "a": 2}\n', 't.jsonl:2: the object has the key "a" twice\n'),
        ('{"a": 1}\n{"a": \n', "t.jsonl:2: the line is not JSON at position 8\n"),
        ('{"a": 1}\n[1]\n', "t.jsonl:2: the line is not an object\n"),
        ('{"a": 1}\n{"a": "caf\xe9"}\n'.encode("latin-1"), "t.jsonl:2: the file is not UTF-8 text"),
        ('{"A": 1}\n{"a": 2}\n', 't.jsonl: the keys "A" and "a" differ only in case.\n'),
        ('{"a": ' + "[" * 3000 + "]" * 3000 + "}\n", "t.jsonl"),
        ("\n", "t.jsonl: "),
    ],
)
def test_bad_json_lines_name_the_line(save, content, message):
    found = refusal(read_table, save(content, "t.jsonl"))
    assert found.startswith(message)
    assert "Traceback" not in found


def test_many_faults_of_json_lines_are_counted(save):
    path = save('{"a": 1}\n' * 100 + '{"a": "x"}\n' * 30, "t.jsonl")
    lines = refusal(read_table, path).splitlines()
    assert lines[0] == (
        't.jsonl:101: column "a": cannot read "x" as a number '
        "(also lines 102, 103, 104, 105 and 25 more)"
    )
    assert lines[1].startswith("The column's other cells are numbers.")


# --- several files -------------------------------------------------------------------------


def test_a_pattern_is_its_files_in_the_order_of_their_names(save, tmp_path):
    save("b,a\nx,3\n", "2.csv")
    save("a,b\n1,u\n2,v\n", "1.csv")
    table = read_table(tmp_path / "*.csv")
    assert table.source == "*.csv"
    assert columns(table) == {"a": [1, 2, 3], "b": ["u", "v", "x"]}
    save("a,b\n,\n", "0.csv")
    save("a,b\n0.5,w\n", "3.csv")
    table = read_table(str(tmp_path / "[0-9].csv"))
    assert table.column("a").missing.tolist() == [True] + [False] * 4
    assert table.column("a").kind == "number"
    assert not table.column("a").integer
    assert "no file matches this pattern" in refusal(read_table, tmp_path / "x*.csv")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("a,c\n1,x\n", '2.csv: there is no column "b", which 1.csv has.'),
        ("a,b,c\n1,x,y\n", '2.csv: column "c" is not in 1.csv.'),
        ("a,b\nx,y\n", '2.csv: column "a" holds text, and numbers in 1.csv.\n'),
        ("a,b\n1,y,z\n", "2.csv:2: the row has 3 cells, the first line 2"),
    ],
)
def test_a_file_that_differs_is_named(save, tmp_path, other, message):
    save("a,b\n1,x\n", "1.csv")
    save(other, "2.csv")
    assert refusal(read_table, tmp_path / "*.csv").startswith(message)


# --- databases and queries -----------------------------------------------------------------


@pytest.fixture
def databases(tmp_path):
    day = datetime.date(2020, 1, 2)
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute("CREATE TABLE people (id INTEGER, Name VARCHAR, born DATE, ok BOOLEAN)")
        connection.execute(
            "INSERT INTO people VALUES (1, 'ann', ?, true), (2, NULL, NULL, false)", [day]
        )
        connection.execute("CREATE TABLE other AS SELECT 1.5 AS x")
    lite = sqlite3.connect(tmp_path / "d.db")
    lite.execute("CREATE TABLE people (id INTEGER, Name TEXT, born DATE, ok BOOLEAN)")
    lite.execute("INSERT INTO people VALUES (1, 'ann', '2020-01-02', 1), (2, NULL, NULL, 0)")
    lite.execute("CREATE TABLE other AS SELECT 1.5 AS x")
    lite.commit()
    lite.close()
    return tmp_path


@pytest.mark.parametrize("name", ["d.duckdb", "d.db"])
def test_databases(databases, name):
    path = databases / name
    table = read_table(path, table="people")
    assert table.names == ("id", "Name", "born", "ok")
    assert [c.kind for c in table.columns] == ["number", "text", "date", "boolean"]
    assert table.column("Name").missing.tolist() == [False, True]
    assert table.column("id").integer
    assert table.column("born").values[0] == np.datetime64("2020-01-02")
    assert columns(read_table(path, sql="SELECT count(*) AS n FROM people WHERE ok = true")) == {
        "n": [1]
    }
    assert columns(read_table(path, table="other", sql="SELECT x * 2 AS y FROM data")) == {"y": [3]}
    assert read_table(path, table="people", text="id").column("id").values.tolist() == ["1", "2"]
    assert refusal(read_table, path) == (
        f'{name}: the database has 2 tables: "other", "people".\nSay which one: '
        "--read table=other, or use --sql."
    )
    assert f"{name}: there is no table \"peple\". Did you mean 'people'?" in refusal(
        read_table, path, table="peple"
    )
    assert refusal(read_table, path, sql="SELECT nosuch FROM people").startswith(f"{name}: --sql: ")


def test_other_databases_say_why(save, tmp_path):
    assert "cannot be read as a DuckDB or SQLite database" in refusal(
        read_table, save("no such thing", "x.db")
    )
    sqlite3.connect(tmp_path / "empty.sqlite").execute("CREATE TABLE t (a)").connection.close()
    assert "has no rows" in refusal(read_table, tmp_path / "empty.sqlite")
    lite = sqlite3.connect(tmp_path / "mixed.sqlite")
    lite.execute("CREATE TABLE t (a INTEGER)")
    lite.executemany("INSERT INTO t VALUES (?)", [(1,), ("x",)])
    lite.commit()
    lite.close()
    assert 'column "a": the value "x" in row 2 is text' in refusal(
        read_table, tmp_path / "mixed.sqlite"
    )


def test_a_query_over_a_file(save):
    path = save("k,Day,w\n1,2020-01-01,a\n2,2020-01-02,b\n3,2020-01-03,a\n")
    table = read_table(
        path, sql="SELECT k % 2 AS odd, w, k / 2 AS half FROM data WHERE Day > '2020-01-01'"
    )
    assert columns(table) == {"odd": [0, 1], "w": ["b", "a"], "half": [1, 1.5]}
    assert [c.integer for c in table.columns] == [True, False, False]
    assert read_table(path, sql="SELECT k FROM data", text="k").column("k").values.tolist() == [
        "1", "2", "3",
    ]  # fmt: skip
    assert refusal(read_table, path, sql="SELECT x FROM data").endswith(
        "\nThe table is called data; its columns: k, Day, w."
    )
    for query in (
        "SELECT * FROM data WHERE w > 3",
        "SELECT sum(w) FROM data",
        "SELECT w + k FROM data",
    ):
        said = refusal(read_table, path, sql=query)
        assert said.splitlines()[2:] == [
            "Columns of text: w. As numbers, and missing where a cell is not one:",
            "TRY_CAST(w AS DOUBLE)",
        ]
    assert read_table(path, sql="SELECT k, TRY_CAST(w AS DOUBLE) AS x FROM data").rows == 3
    assert "t.csv: --sql gives no rows." in refusal(
        read_table, path, sql="SELECT * FROM data WHERE k > 9"
    )
    assert 'there is no column "z" to be read as text' in refusal(
        read_table, path, sql="FROM data", text="z"
    )
    assert "differ only in case" in refusal(read_table, save("a,A\n1,2\n"), sql="FROM data")


def test_no_progress_is_printed_among_the_results(tmp_path):
    # DuckDB shows a bar, on stdout, to code that does not come from a file.
    code = (
        "from nnplug.tables.duck import connect; from pathlib import Path\n"
        f"connection = connect(Path({str(tmp_path)!r}), 1 << 28)\n"
        "print(connection.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(False,)\n"


def test_nothing_is_left_in_the_folder_for_temporary_files(save, tmp_path, monkeypatch):
    import tempfile

    path = save("a,b\n1,2\n".encode("utf-16"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    read_table(path, encoding="utf-16")
    refusal(read_table, path)
    assert list(scratch.iterdir()) == []


def test_a_parquet_file_agrees_with_the_csv_of_the_same_frame(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "f": rng.standard_normal(500),
        "i": rng.integers(0, 5, 500),
        "s": rng.choice(["u", "v", "quoted, \"so\""], 500),
        "b": rng.random(500) < 0.5,
    })  # fmt: skip
    frame.to_csv(tmp_path / "a.csv", index=False, quoting=csv.QUOTE_MINIMAL)
    frame.to_parquet(tmp_path / "a.parquet")
    one, two = (read_table(tmp_path / f"a.{suffix}") for suffix in ("csv", "parquet"))
    for a, b in zip(one.columns, two.columns, strict=True):
        assert (a.name, a.kind, a.integer) == (b.name, b.kind, b.integer)
        np.testing.assert_array_equal(a.values, b.values)


# --- compressed text ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv.gz", "a,b\n1,x\n2,y\n"),
        ("t.TSV.GZ", "a\tb\n1\tx\n2\ty\n"),
        ("t.jsonl.gz", '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'),
    ],
)
def test_compressed_text_is_read_as_if_it_were_not(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()))
    assert columns(read_table(path)) == {"a": [1, 2], "b": ["x", "y"]}


def test_a_fault_in_compressed_text_has_its_line(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n2\nx\n"))
    assert refusal(read_table, path).startswith('t.csv.gz:4: column "a": cannot read "x"')
    path.write_bytes(gzip.compress("a\nKöln\n".encode("latin-1")))
    assert refusal(read_table, path).startswith("t.csv.gz:2: the file is not UTF-8 text (byte 0xf6")
    assert columns(read_table(path, encoding="latin-1")) == {"a": ["Köln"]}
    assert refusal(read_table, path, encoding="ascii").startswith("t.csv.gz:2: ")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[:-6], "is cut short: its compressed end is missing"),
        (lambda data: b"a,b\n1,2\n", "ends in .gz but is not a gzip file, or is damaged"),
        (lambda data: data[:14] + b"\xff\xff" + data[16:], "ends in .gz but is not a gzip file"),
        (lambda data: gzip.compress(b""), "is empty. A table needs names and rows"),
    ],
)
def test_damaged_compressed_text(tmp_path, spoil, said):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(spoil(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)))
    assert f"t.csv.gz: the file {said}" in refusal(read_table, path)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("a.csv", True), ("a.b.CSV.gz", True), ("a.parquet", True), ("a.parquet.gz", False),
        ("a.gz", False), ("csv", False), ("a.csv.zip", False), ("xor", False),
    ],
)  # fmt: skip
def test_known_names_of_files(path, known):
    assert is_known(path) == known
