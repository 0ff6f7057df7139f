"""Numbers as people write them: stated, asked about, kept by the model, the same on every road."""

import gzip
import json
import sqlite3

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from nnplug.errors import NnplugError
from nnplug.tables import ReadOptions, read_table
from nnplug.tables import raw_text as raw_text_module
from nnplug.tables.numerals import Numerals, unit_behind
from nnplug.tables.wording import shell_word


@pytest.fixture
def save(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.fixture(params=["small", "large"])
def road(request, monkeypatch):
    """Both roads of reading a text file: by all of its rows, and by its first ones."""
    if request.param == "large":
        monkeypatch.setattr(raw_text_module, "_LARGE", 0)
        monkeypatch.setattr(raw_text_module, "_SAMPLE", 2048)


def refusal(path, *read, **more):
    with pytest.raises(NnplugError) as caught:
        read_table(path, ReadOptions.parse(read), **more)
    return str(caught.value)


def column(path, *read, name="x"):
    found = read_table(path, ReadOptions.parse(read)).column(name)
    assert found.kind == "number", found
    return found.data.tolist()


def file_of(cells, rest="1"):
    return "x;y\n" + "".join(f"{cell};{rest}\n" for cell in cells)


READ = {  # by hand: cell, and the number where it is one
    Numerals(): {"5": 5, "-5": -5, "\u22125": -5, " 5\u00a0": 5, "+5": 5, "1e3": 1000, "1,5": None},
    Numerals(","): {"1,5": 1.5, "1.5": None, "\u22121,5": -1.5, "5": 5, "1.234,5": None},
    Numerals(".", ","): {
        "1,234": 1234, "1,234,567.5": 1234567.5, "12,34,567": 1234567, "12,34": None,
        "0,123": None, "1234": 1234, "1,234,56": None, "-1,234": -1234, ",123": None,
    },
    Numerals(",", "."): {"1.234": 1234, "1.234,5": 1234.5, "999": 999, "1.5": None, "1,5": 1.5},
    Numerals(",", " "): {
        "1 234,5": 1234.5, "1\u00a0234": 1234, "1\u202f234": 1234, "1\u2009234": 1234, "1 23": None,
    },
    Numerals(".", "'"): {"1'234.5": 1234.5, "1\u2019234": 1234, "1'23": None},
    Numerals(unit="$"): {
        "$5": 5, "5$": 5, "5 $": 5, "$ 5.5": 5.5, "-$5": -5, "$-5": -5, "\u2212$5": -5, "5": 5,
        "$5$": None, "-$-5": None, "$": None, "\u20ac5": None, "(5)": None,
    },
    Numerals(".", ",", "$", "()"): {"($1,234.50)": -1234.5, "$(5)": None, "(5": None, "(-5)": None},
    Numerals(unit="%"): {"5%": 5, "5 %": 5, "0.5": None, "%5": 5, "5\u00a0%": 5},
    Numerals(",", "", "\u20ac"): {"50,5 \u20ac": 50.5, "\u20ac 3": 3},
    Numerals(unit="Fr."): {"Fr. 5": 5, "5 Fr.": 5, "Frx 5": None},
    Numerals(unit="sq ft"): {"5 sq ft": 5, "5 sq  ft": None},
}  # fmt: skip


@pytest.mark.parametrize("way", READ, ids=lambda way: way.written or "plain")
def test_what_a_cell_means(way):
    cells = READ[way]
    query = f"SELECT t, {way.sql('t')} FROM (SELECT unnest(?) AS t)"
    with duckdb.connect() as connection:
        found = dict(connection.execute(query, [list(cells)]).fetchall())
    assert found == cells
    assert {cell: way.read(cell) for cell in cells} == cells
    assert Numerals.of(way.written) == way


@pytest.mark.parametrize("text", ["x", "1234", "(1,234.5", "1,234,5", "12345", "(1234.5) $"])
def test_what_is_no_way_to_write_numbers(text):
    assert Numerals.of(text) is None


ASKED = {  # cells; then what must be said and answers, each with the number of the first cell
    "dollars": (
        ["$1,234.50", "$999", "$12"],
        'column "x" holds numbers such as "$1,234.50", which is read as 1234.5 if you say so:',
        {"--read 'unit=$' --read thousands=,": 1234.5},
    ),
    "dollars, thousands or decimals": (
        ["$1,234", "$99,100"],
        'holds numbers such as "$1,234", and no row tells whether that is\n1234 or 1.234. Say',
        {
            "--read 'unit=$' --read thousands=,": 1234,
            "--read 'unit=$' --read decimal=,": 1.234,
        },
    ),
    "percent": (["12%", "3.5%", "NA"], 'such as "3.5%"', {"--read unit=%": 12}),
    "euros behind": (
        ["50,5 \u20ac", "3 \u20ac", "1.250,00 \u20ac"],
        "which is read as 1250 if",
        {"--read 'unit=\u20ac' --read thousands=.": 50.5},
    ),
    "points between thousands": (
        ["999", "1.234", "12.750"],
        'numbers such as "1.234", and no row tells whether that is\n1234 or 1.234. Say which:',
        {"--read thousands=.": 999, "--read decimal=.": 999},
    ),
    "points of millions": (
        ["1.234.567", "999", "1.234"],
        "which is read as 1234567 if",
        {"--read thousands=.": 1234567},
    ),
    "decimal commas": (
        ["1,5", "2,25", "3"],
        "which is read as 2.25 if",
        {"--read decimal=,": 1.5},
    ),
    "spaces": (["1\u00a0234", "999", "5\u202f600"], "1234", {"--read thousands=space": 1234}),
    "apostrophes": (
        ["1'234.5", "999"],
        "is read as 1234.5 if",
        {"--read thousands=apostrophe": 1234.5},
    ),
    "accountants": (["(100)", "5", "12"], "read as -100", {"--read negative=parentheses": -100}),
    "codes of currencies": (
        ["USD 1,200.5", "CHF 3", "USD 7", "USD 8"],
        "1200.5",
        {"--read unit=USD --read thousands=,": None},
    ),
}  # fmt: skip


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("name", ASKED)
def test_signs_in_numbers_are_asked_about_and_the_answer_is_one(name, save):
    cells, said, answers = ASKED[name]
    path = save(file_of(cells * 9))
    message = refusal(path)
    assert said in message
    assert message.startswith("t.csv: column ")
    for option in answers:
        assert f"\n{option}\n" in message
    assert message.endswith("\nIf they are not numbers: --categorical x")
    assert read_table(path, text=["x"]).column("x").kind == "text"
    for option, value in answers.items():
        given = [each.strip("'") for each in option.split("--read ")[1:]]
        given = [each.strip().strip("'") for each in given]
        if "NA" in cells:
            given.append("na=NA")
        if value is None:  # one column has one currency
            assert 'cannot read "CHF 3" as a number' in refusal(path, *given)
        else:
            assert column(path, *given)[0] == value


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize(
    "cells",
    [
        ["Q1", "Q2", "Q3"], ["A 12", "A 13"], ["5 kg", "6 kg"], ["10-20", "20-30"], ["$", "$$"],
        ["007", "1,234"], ["1.2.10", "1.3"], ["12:30 %", "x"], ["(a)", "(b)"], ["Rome", "$5"],
        ["192.168.1.20", "10.0.0.1"], ["(555) 123-4567", "(555) 123-9876"],
    ],
)  # fmt: skip
def test_text_stays_text(cells, save):
    assert read_table(save(file_of(cells * 9))).column("x").kind == "text"


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize(
    "cells",
    [
        ["1.234", "2.345", "999.000"],  # three decimals everywhere
        ["1.234", "5", "2.5"], ["1.234", "5", "0.125"], ["1.234", "5", "1000"], ["12", "1.5"],
        ["1.234", "5", "nan"], ["1.234", "-5", "1e2"],
    ],
)  # fmt: skip
def test_decimals_are_not_asked_about(cells, save):
    assert column(save(file_of(cells * 9)))[0] == float(cells[0])


@pytest.mark.usefixtures("road")
def test_a_late_row_makes_the_same_question(save):
    cells = [*["5", "12", "999"] * 900, "1.234"]
    assert "\n--read thousands=.\n--read decimal=.\n" in refusal(save(file_of(cells)))
    assert column(save(file_of([*cells, "1.5"])))[-1] == 1.5
    message = refusal(save(file_of([*["5", "12", "999"] * 900, "1,234"])))
    assert message == (
        't.csv:2702: column "x": cannot read "1,234" as a number\n'
        "The column's other cells are numbers. Correct these. If they are, say how they are "
        "written:\n--read thousands.x=,\n--read decimal.x=,\nIf the column is text: --categorical x"
    )


@pytest.mark.usefixtures("road")
def test_other_columns_keep_their_decimals(save):
    path = save("x;y\n" + "1.234;1.5\n999;2.25\n" * 5)
    message = refusal(path)
    assert "\n--read thousands.x=.\n--read decimal=.\n" in message
    assert column(path, "thousands.x=.")[:2] == [1234, 999]
    assert column(path, "thousands.x=.", name="y")[:2] == [1.5, 2.25]
    path = save("a,x,b\n" + '"1,5",$5,x\n"2,5",$7,y\n' * 5)
    message = refusal(path)
    assert '\n--read decimal.a=,\nt.csv: column "x" holds' in message
    assert message.endswith("\n--read 'unit.x=$'\nIf they are not numbers: --categorical a,x")


def test_a_few_cells_that_are_none_are_named(save):
    path = save(file_of(["$5", "$6", "$1,000", "free", "$7"] * 4))
    assert "--read 'unit=$' --read thousands=,\n" in refusal(path)
    message = refusal(path, "unit=$", "thousands=,")
    assert message.splitlines()[0] == (
        't.csv:5: column "x": cannot read "free" as a number (also lines 10, 15, 20)'
    )
    # A percent sign that is wanting makes another number.
    message = refusal(save(file_of(["50%", "12%", "0.5"] * 4)), "unit=%")
    assert message.startswith('t.csv:4: column "x": cannot read "0.5" as a number (also lines ')


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("cells", [["5", "7.5"], ["2024-01-31", "2024-02-01"], ["$5", "$1,000.5"]])
@pytest.mark.parametrize("mark", ["NA", "None", "-"])
def test_marks_of_missing_values_do_not_count(cells, mark, save):
    path = save(file_of([*cells, mark, mark, mark] * 12))
    message = refusal(path)
    if "$" in cells[0]:  # one thing is asked after the other
        given = ["unit=$", "thousands=,"]
        assert "--read 'unit=$' --read thousands=,\n" in message
        message = refusal(path, *given)
    else:
        given = []
    assert message.startswith(f't.csv:4: column "x": cannot read "{mark}" as a ')
    assert " (also lines 5, 6, 9, 10 and 31 more)\n" in message
    option = shell_word(f"na={mark}")
    assert f'"{mark}" often stands for a missing value. If so here: --read {option}\n' in message
    found = read_table(path, ReadOptions.parse([*given, f"na={mark}"])).column("x")
    assert found.kind == ("date" if "-" in cells[0] else "number")
    assert found.missing.sum() == 36


FORMATS = {}


def written_as(suffix):
    def register(function):
        FORMATS[suffix] = function
        return function

    return register


@written_as("jsonl")
def _json(cells, path):
    rows = zip(*cells.values(), strict=True)
    path.write_text("".join(json.dumps(dict(zip(cells, row, strict=True))) + "\n" for row in rows))


@written_as("parquet")
def _parquet(cells, path):
    pa.parquet.write_table(pa.table(cells), path)


@written_as("csv.gz")
def _compressed(cells, path):
    lines = [";".join(map(str, row)) for row in zip(*cells.values(), strict=True)]
    path.write_bytes(gzip.compress("\n".join([";".join(cells), *lines]).encode()))


@written_as("sqlite")
def _sqlite(cells, path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (price TEXT, rate TEXT, y INTEGER)")
    rows = list(zip(*cells.values(), strict=True))
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()


@written_as("duckdb")
def _duckdb(cells, path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (price VARCHAR, rate VARCHAR, y INTEGER)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?)", list(zip(*cells.values(), strict=True))
        )


CELLS = {
    "price": ["$1,234.50", "$999", "($5)", "$12,000"] * 5,
    "rate": ["12%", "5,5 %", "3%", "7 %"] * 5,
    "y": list(range(20)),
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_asks_and_takes_the_answer(suffix, tmp_path):
    path = tmp_path / f"t.{suffix}"
    FORMATS[suffix](CELLS, path)
    assert (
        "\n--read 'unit.price=$' --read thousands.price=, --read negative.price=parentheses\n"
        in (refusal(path))
    )
    given = ReadOptions.parse(
        ["unit=$", "thousands.price=,", "negative=parentheses", "unit=%", "decimal.rate=,"]
    )
    table = read_table(path, given)
    assert [each.kind for each in table.columns] == ["number"] * 3
    assert table.column("price").data[:4].tolist() == [1234.5, 999, -5, 12000]
    assert table.column("rate").data[:4].tolist() == [12, 5.5, 3, 7]
    assert [each.written for each in table.columns] == ["($1,234.5)", "(%1234,5)", ""]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("times", [6, 1_000])
def test_every_format_asks_what_a_point_is(times, suffix, tmp_path):
    path, code = tmp_path / f"t.{suffix}", tmp_path / f"u.{suffix}"
    cells = {"price": ["999", "1.234", "12"] * times, "rate": ["a", "b", "c"] * times,
             "y": list(range(3 * times))}  # fmt: skip
    FORMATS[suffix](cells, path)
    message = refusal(path)
    assert '"price" holds numbers such as "1.234", and no row tells whether that is\n' in message
    assert "\n1234 or 1.234. Say which:\n--read thousands" in message
    assert column(path, "thousands=.", name="price")[:3] == [999, 1234, 12]
    assert column(path, "decimal=.", name="price")[:3] == [999, 1.234, 12]
    assert column(path, "decimal.price=.", name="price")[:3] == [999, 1.234, 12]
    FORMATS[suffix]({**cells, "price": ["999", "007", "1.234"] * times}, code)
    assert read_table(code).column("price").kind == "text"


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_takes_decimal_commas(suffix, tmp_path):
    path = tmp_path / f"t.{suffix}"
    FORMATS[suffix]({"price": ["1,5", "2"] * 9, "rate": ["3,25", "4,5"] * 9, "y": [1] * 18}, path)
    options = [line for line in refusal(path).splitlines() if line.startswith("--read ")]
    assert options in (["--read decimal=,"], ["--read decimal.price=,"])
    assert column(path, "decimal=,", name="price")[:2] == [1.5, 2]
    assert column(path, "decimal=,", name="rate")[:2] == [3.25, 4.5]


@pytest.mark.parametrize("suffix", [*FORMATS, "csv"])
def test_a_query_sees_numbers(suffix, tmp_path):
    path = tmp_path / f"t.{suffix}"
    cells = {"price": ["$1,200", "$300"] * 10, "rate": ["5", "6"] * 10, "y": list(range(20))}
    if suffix == "csv":
        path.write_text("price;y\n$1,200;1\n$300;2\n")
    else:
        FORMATS[suffix](cells, path)
    in_database = suffix in ("sqlite", "duckdb")
    query = "SELECT price AS p FROM data" if in_database else "SELECT price * 2 AS p FROM data"
    table = read_table(path, ReadOptions(unit=("$",), thousands=",", sql=query))
    assert table.column("p").data[:2].tolist() == ([1200, 300] if in_database else [2400, 600])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["thousands=;"], "read: thousands=';': use ',' or '.' or \"'\" or ' '."),
        (["thousands.x=ab"], "read: thousands.x='ab': use ','"),
        (["thousands=,", "decimal=,"], "read: decimal and thousands are both ','."),
        (["thousands.x=.", "decimal.x=."], "read: decimal and thousands of 'x' are both '.'."),
        (["unit=5"], "read: unit='5': it must be a unit written beside numbers, such as $ or km."),
        (["unit= "], "read: unit=' ': it must be"),
        (["negative=-"], "read: negative='-': use '()'."),
        (["thousands.x=,", "thousands.x=."], "read: thousands.x is given twice."),
        (["dates.x=%Y", "unit.x=$"], "column 'x' cannot be both numeric and dates (%Y)."),
    ],
)
def test_wrong_options_say_why(texts, message):
    with pytest.raises(NnplugError) as caught:
        ReadOptions.parse(texts)
    assert message in str(caught.value)


def test_options_in_text_form_and_as_a_mapping():
    texts = ["thousands=point", "unit=$", "unit=%", "negative.x=parentheses", "thousands.z=space"]
    options = ReadOptions.parse(texts)
    assert options.point == ","
    assert options.numerals("x") == (
        Numerals(",", ".", "$", "()"),
        Numerals(",", ".", "%", "()"),
    )
    assert options.numerals("z")[0] == Numerals(",", " ", "$")
    assert options.to_dict() == {
        "thousands": ".",
        "unit": ["$", "%"],
        "negative_of": {"x": "()"},
        "thousands_of": {"z": " "},
    }
    assert ReadOptions.of(options.to_dict()) == options
    message = refusal_of_a_column(ReadOptions.parse(["thousands.prise=,"]))
    assert "Did you mean 'price'?" in message


def refusal_of_a_column(options):
    from nnplug.tables.relation import check_known

    with pytest.raises(NnplugError) as caught:
        check_known("t.csv", options, ["price", "y"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        ({"998 CC": 5, "1248 CC": 7, "NA": 9}, "CC"),
        ({"5 stars": 1, "4.5 stars": 2}, "stars"),
        ({"5kg": 20, "6kg": 20, "seven": 2}, "kg"),
        ({"5kg": 20, "6kg": 20, "seven": 9}, ""),
        ({"5 kg": 20, "6 g": 20}, ""),
        ({"Q1": 5, "Q2": 7}, ""),
        ({"5": 5, "7": 7}, ""),
        ({"Rome": 5, "5 kg": 2}, ""),
        ({}, ""),
    ],
)
def test_a_unit_behind_numbers(cells, unit):
    assert unit_behind(cells) == unit


@pytest.mark.parametrize(("suffix", "where"), [("parquet", ""), ("sqlite", " in row 2")])
def test_a_cell_that_must_be_a_number_and_is_not_has_its_way_out(tmp_path, suffix, where):
    path = tmp_path / f"t.{suffix}"
    FORMATS[suffix]({"price": ["1", "x", "3"], "rate": ["1", "2", "3"], "y": [1, 2, 3]}, path)
    fault = f't.{suffix}: column "price": cannot read "x"{where} as a number.\nCorrect the value'
    with pytest.raises(NnplugError) as caught:
        read_table(path, numeric=["price"])
    assert str(caught.value) == f"{fault}, or call the column text: --categorical price"
    assert read_table(path, text=["price"]).column("price").kind == "text"
    with pytest.raises(NnplugError) as caught:  # a trained model says what the column is
        read_table(path, numeric=["price"], lenient=True)
    assert str(caught.value) == fault + "."
