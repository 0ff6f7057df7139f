"""Excel workbooks, against what pandas and openpyxl read and write, and hostile ones."""

import datetime
import shutil
import subprocess
import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest

from nnplug.cli import main
from nnplug.errors import DataError, NnplugWarning, SettingError
from nnplug.tables import ReadOptions, limits, open_table, read_table, table_from
from nnplug.tables.workbook import open_workbook
from tests import workbooks
from tests.workbooks import NAMES, numbers, sheet


def columns(table):
    return {column.name: column.values.tolist() for column in table.columns}


def refusal(path, **read):
    with pytest.raises(DataError) as caught:
        read_table(path, **read)
    return str(caught.value)


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0


def frame(rows=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "when": pd.date_range("1999-12-31 10:30", periods=rows, freq="37h"),
        "day": pd.date_range("2024-01-01", periods=rows),
        "n": rng.integers(-5, 5, rows),
        "x": rng.standard_normal(rows),
        "city": rng.choice(["Rome", "Oslo & <Bern>", "  ü\n"], rows),
        "code": rng.choice(["007", "012"], rows),
        "ok": rng.random(rows) < 0.5,
    })  # fmt: skip


def save(path, rows, title="One", **more):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, cells in more.items():
        other = book.create_sheet(name)
        for row in cells:
            other.append(row)
    book.save(path)
    return path


def same(one, two):
    assert one.names == two.names
    for a, b in zip(one.columns, two.columns, strict=True):
        assert (a.name, a.kind) == (b.name, b.kind)
        np.testing.assert_array_equal(a.values, b.values)


@pytest.mark.parametrize("index", [False, True])
def test_what_pandas_writes_is_read(tmp_path, index):
    path = tmp_path / "t.xlsx"
    frame().to_excel(path, index=index)
    if index:
        with pytest.warns(NnplugWarning, match="first column has no name and numbers the rows"):
            table = read_table(path)
    else:
        table = read_table(path)
    # openpyxl writes 16 digits: what it reads again is what stands in the file.
    same(
        table, table_from(pd.read_excel(path, index_col=0 if index else None, dtype={"code": str}))
    )
    assert table.column("when").values.tolist() == frame()["when"].dt.to_pydatetime().tolist()
    assert table.column("n").integer
    assert not table.column("x").integer


def test_missing_cells_and_columns(tmp_path):
    given = pd.DataFrame(
        {"a": [1.5, None, 3], "b": ["u", None, "v"], "c": [None] * 3, "y": [1, 2, 3]}
    )
    path = tmp_path / "t.xlsx"
    given.to_excel(path, index=False)
    table = read_table(path)
    assert table.column("a").missing.tolist() == [False, True, False]
    assert table.column("b").missing.tolist() == [False, True, False]
    assert table.column("c").missing.tolist() == [True] * 3


DAYS = [
    datetime.datetime(1900, 1, 1),
    datetime.datetime(1900, 2, 28),
    datetime.datetime(1900, 3, 1),
    datetime.datetime(2024, 2, 29, 23, 59, 59),
    datetime.datetime(2024, 6, 1, 10, 30, 0, 250_000),
    datetime.datetime(9999, 12, 31),
]


@pytest.mark.parametrize(
    "epoch", [openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH]
)
def test_dates_are_those_that_openpyxl_wrote(tmp_path, epoch):
    given = DAYS if epoch.year == 1899 else DAYS[3:]
    book = openpyxl.Workbook()
    book.epoch = epoch
    for row in [["when"], *([day] for day in given)]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert columns(read_table(tmp_path / "t.xlsx"))["when"] == given


@pytest.mark.parametrize(
    ("code", "value", "read"),
    [
        ("yyyy-mm-dd", 45352.5, datetime.datetime(2024, 3, 1, 12)),
        ('[$-409]d"th" mmm;@', 45352, datetime.datetime(2024, 3, 1)),
        ("h:mm AM/PM", 0.75, datetime.datetime(1970, 1, 1, 18)),
        ("0.00%", 0.5, 0.5),
        ('#,##0.00 "dollars"', 1234.5, 1234.5),
        ("[Red]-0;[Blue]0", 7, 7),
        ("General", 7.25, 7.25),
        ('0 "days"', 3, 3),
        (r"0\d", 3, 3),
        ("[h]:mm", 1.25, 1.25),
        ("0.00E+00", 12345.0, 12345),
        ("_-* #,##0_m", 4, 4),
    ],
)  # fmt: skip
def test_the_format_says_whether_a_number_is_a_day(tmp_path, code, value, read):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    for row in (2, 3):
        cell = book.active.cell(row, 1, value)
        cell.number_format = code
    book.save(tmp_path / "t.xlsx")
    assert columns(read_table(tmp_path / "t.xlsx")) == {"a": [read, read]}


def test_kinds_of_cells(tmp_path):
    rich = '<si><r><t>Ro</t></r><r><t xml:space="preserve">me </t></r><rPh><t>no</t></rPh></si>'
    rows = (
        f"{NAMES}<row><c t='s'><v>0</v></c><c t='b'><v>1</v></c></row>"
        "<row r='5'><c t='inlineStr'><is><r><t>Os</t></r><r><t>lo_x0041_</t></r></is></c>"
        "<c t='b'><v>0</v></c></row><row r='6'/>"
    )
    path = workbooks.write(tmp_path / "t.xlsx", {
        "xl/worksheets/sheet1.xml": sheet(rows),
        "xl/sharedStrings.xml": f'<sst xmlns="{workbooks.SPREADSHEET}">{rich}</sst>',
        "xl/_rels/workbook.xml.rels": workbooks.PARTS["xl/_rels/workbook.xml.rels"].replace(
            "</Relationships>",
            f'<Relationship Id="r2" Type="{workbooks.RELATIONS}/sharedStrings" '
            'Target="/xl/sharedStrings.xml"/></Relationships>',
        ),
    })  # fmt: skip
    assert columns(read_table(path)) == {"x": ["Rome ", "OsloA"], "y": [True, False]}


def test_prefixes_and_dates_as_text_of_a_strict_workbook(tmp_path):
    plain = sheet(
        "<row><c t='str'><v>a</v></c></row><row><c t='d'><v>2024-05-06T10:00:00Z</v></c></row>"
        "<row><c t='d'><v>2024-05-07</v></c></row>"
    )
    prefixed = plain.replace("<row", "<x:row").replace("</row", "</x:row").replace("<c ", "<x:c ")
    prefixed = prefixed.replace("</c>", "</x:c>").replace("<v>", "<x:v>").replace("</v>", "</x:v>")
    prefixed = prefixed.replace("xmlns=", "xmlns:x=")
    prefixed = prefixed.replace("worksheet ", "x:worksheet ").replace(
        "/worksheet>", "/x:worksheet>"
    )
    prefixed = prefixed.replace("sheetData>", "x:sheetData>").replace("</x:x:", "</x:")
    prefixed = prefixed.replace("</x:sheetData>", "</x:sheetData>")
    path = workbooks.write(tmp_path / "t.xlsx", {"xl/worksheets/sheet1.xml": prefixed})
    wanted = [datetime.datetime(2024, 5, 6, 10), datetime.datetime(2024, 5, 7)]
    assert columns(read_table(path)) == {"a": wanted}


# --- which cells -----------------------------------------------------------------------


def test_sheets(tmp_path):
    path = save(tmp_path / "t.xlsx", [["a"], [1]], Two=[["b"], [2]])
    with pytest.warns(NnplugWarning) as said:
        assert columns(read_table(path)) == {"a": [1]}
    assert [str(each.message) for each in said] == [
        't.xlsx: the first of 2 sheets is read, "One". Another: --read sheet=Two'
    ]
    assert columns(read_table(path, sheet="Two")) == {"b": [2]}
    assert refusal(path, sheet="two") == (
        't.xlsx: there is no sheet "two". Did you mean \'Two\'?\nIts sheets are "One", "Two".'
    )
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(SettingError, match=r"sheet= says how a workbook is read"):
        read_table(tmp_path / "t.csv", sheet="One")
    book = openpyxl.load_workbook(path)
    book["One"].sheet_state = "hidden"
    book.active = 1
    book.save(path)
    assert columns(read_table(path)) == {"b": [2]}


def test_where_the_table_begins(tmp_path):
    rows = [["Report"], [], ["a", "b", "c"], [1, 2, 3], [4, 5, 6]]
    path = save(tmp_path / "t.xlsx", rows)
    assert refusal(path) == (
        't.xlsx: the table seems to begin in row 3, with the names "a", "b", "c";\n'
        "the rows before are shorter.\nIf so: --read skip=2"
    )
    expected = pd.read_excel(path, skiprows=2).to_dict("list")
    assert columns(read_table(path, skip=2)) == expected
    path = save(tmp_path / "u.xlsx", [[None, None], [None, "a", "b"], [None, 1, 2]])
    assert columns(read_table(path)) == {"a": [1], "b": [2]}
    path = save(tmp_path / "v.xlsx", [[1, 2], [3, None, 5]])
    table = read_table(path, header=False)
    assert table.names == ("column0", "column1", "column2")
    assert table.column("column0").values.tolist() == [1, 3]
    assert table.column("column1").missing.tolist() == [False, True]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["a", "a"], [1, 2]], 'the name "a" stands over several columns (1, 2)'),
        ([["a", 2020], [1, 2]], 'row 1: the number "2020" stands where a column\'s name'),
        ([["a", "b"], [1, 2, 3]], "row 2: the cell in column C has no name above it"),
        ([["a", "b"], *[[1, 2]] * 70, [1, 2, 3]], "row 72: the cell in column C has no name above"),
        ([[None, "a", "b"], [0, 1, 2], [0, 3, 4]], "row 3: the cell in column A has no name"),
        ([["a", "b"]], "the table has no rows, only the names"),
        ([], 'the sheet "One" is empty'),
        ([["a", "b"], [1, "=A2*2"]], "row 2, column B: the formula has no value"),
        (
            [["a", "b"], *[[1, k] for k in range(20)], [1, "n/a"], [1, 3]],
            't.xlsx: row 22: column "b": cannot read "n/a" as a number\nThe column\'s other cells '
            'are numbers.\n"n/a" often stands for a missing value. If so here: --read na=n/a\nIf '
            "the column is text: --categorical b",
        ),
        ([["a", "b"], *[[1, k] for k in range(20)], [1, "#DIV/0!"]], 'cannot read "#DIV/0!"'),
        ([["a", "b"], *[[True, k] for k in range(20)], [3, 4]], 'cannot read 3 as true or false'),
        ([["a"], ["1/2/2024"], ["2/3/2024"]], "no row tells whether they are\nwritten"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_row(tmp_path, rows, said):
    path = save(tmp_path / "t.xlsx", rows)
    assert said in refusal(path)
    assert refusal(path).startswith("t.xlsx: ")


def test_the_ways_out_work(tmp_path):
    path = save(tmp_path / "t.xlsx", [["b"], *[[k] for k in range(20)], ["n/a"]])
    assert read_table(path, na="n/a").column("b").missing.sum() == 1
    assert read_table(path, text="b").column("b").kind == "text"


def test_queries_streams_and_several_files(tmp_path):
    path = tmp_path / "a.xlsx"
    frame().to_excel(path, index=False)
    frame().to_csv(tmp_path / "b.csv", index=False)
    counted = read_table(path, sql="SELECT city, count(*) AS n FROM data GROUP BY city ORDER BY 1")
    expected = frame().groupby("city").size()
    assert columns(counted) == {"city": expected.index.tolist(), "n": expected.tolist()}
    with open_table(path, ReadOptions(), 1 << 28) as relation:
        assert relation.fetch(["n"], 10, 20).rows == 10
    shutil.copy(path, tmp_path / "c.xlsx")
    assert read_table(tmp_path / "[ac].xlsx").rows == 120


def test_every_command_takes_a_workbook(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame().assign(y=frame().n * 2.5).to_excel("t.xlsx", index=False)
    frame().assign(y=frame().n * 2.5).to_csv("t.csv", index=False)
    frame().assign(y=frame().n * 2.5).to_json("t.json", orient="records", date_format="iso")
    run("train", "t.xlsx", "--target", "y", "--epochs", "2", "--output", "r", "--stream")
    for end in ("xlsx", "csv", "json"):
        run("predict", "r/model.safetensors", f"t.{end}", "--output", f"{end}.csv")
        run("evaluate", "r/model.safetensors", f"t.{end}")
        run("data", f"t.{end}", "--target", "y")
    first = (tmp_path / "csv.csv").read_bytes()
    assert first.count(b"\n") == 61
    assert [(tmp_path / f"{end}.csv").read_bytes() for end in ("xlsx", "json")] == [first, first]
    assert capsys.readouterr().out.count("60 rows, 8 columns") == 3


# --- hostile ones ------------------------------------------------------------------------


def test_a_name_in_the_archive_is_no_path(tmp_path):
    secret = tmp_path / "secret.xml"
    secret.write_text(sheet(NAMES + numbers()))
    for target in (str(secret), "../../secret.xml", f"file://{secret}", "..\\..\\secret.xml"):
        relations = workbooks.PARTS["xl/_rels/workbook.xml.rels"]
        path = workbooks.write(tmp_path / "t.xlsx", {
            "xl/_rels/workbook.xml.rels": relations.replace("worksheets/sheet1.xml", target)
        })  # fmt: skip
        assert "a document is missing from it" in refusal(path)
    path = workbooks.write(tmp_path / "t.xlsx", {
        "xl/_rels/workbook.xml.rels": relations.replace("Target=", 'TargetMode="External" Target=')
    })  # fmt: skip
    assert "has no visible sheet with cells" in refusal(path)


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE w SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_document_type_and_so_no_entity(tmp_path, declared, encoding):
    text = sheet(NAMES + numbers(), declared).replace("?>", f' encoding="{encoding}"?>', 1)
    path = workbooks.write(tmp_path / "t.xlsx", {"xl/worksheets/sheet1.xml": text.encode(encoding)})
    assert "it has a document type, which no workbook has" in refusal(path)


def test_a_workbook_that_holds_more_than_it_may(tmp_path):
    path = workbooks.write(tmp_path / "t.xlsx", {"xl/media/image.png": bytes(101 << 20)})
    assert path.stat().st_size < 200_000
    assert "the file holds more than 105 MB once unpacked" in refusal(path)
    assert read_table(path, trusted=True).rows == 10
    # What the listing says is all that is unpacked, though the stream goes on.
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"xl/media/image.png"))
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    assert read_table(path).rows == 10


def test_a_sheet_of_nothing_but_empty_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_WORKBOOK_CELLS", 200_000)
    rows = ("<row>" + "<c/>" * 16_000 + "</row>") * 13
    parts = {"xl/worksheets/sheet1.xml": sheet(NAMES + rows + numbers(200, 210))}
    path = workbooks.write(tmp_path / "t.xlsx", parts)
    assert path.stat().st_size < 50_000
    assert refusal(path) == (
        "t.xlsx: the sheet has more than 200,000 cells, counted with the empty ones, and more "
        "than the file has bytes.\n"
        "If you trust this file: --read trusted=true"
    )


def test_a_cell_far_away_takes_no_memory(tmp_path):
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = workbooks.write(tmp_path / "t.xlsx", {"xl/worksheets/sheet1.xml": sheet(NAMES + far)})
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from nnplug.tables import read_table\n"
        "try:\n    read_table(sys.argv[1])\n"
        "except Exception as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True, timeout=60
    )
    assert "row 1048576: the cell in column XFD has no name above it" in done.stdout


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('<row r="1048577"><c><v>1</v></c></row>', "row 1048577 comes after row 1"),
        ('<row r="1"><c><v>1</v></c></row>', "row 1 comes after row 1"),
        ('<row r="x"/>', "packed or numbered as"),
        ('<row r="2"><c r="B2"><v>1</v></c><c r="A2"/></row>', "a cell out of its place"),
        ('<row r="2"><c r="XFE2"><v>1</v></c></row>', "a cell out of its place"),
        ('<row r="2"><c t="s"><v>9</v></c></row>', 'holds "9" where a number should be'),
        ('<row r="2"><c t="s"><v>-1</v></c></row>', 'holds "-1" where a number should be'),
        ('<row r="2"><c><v>1e999</v></c></row>', 'holds "1e999" where a number should be'),
        ('<row r="2"><c><v>nan</v></c></row>', 'holds "nan" where a number should be'),
        ('<row r="2"><c><v>x\x1b[2J</v></c></row>', "is not XML"),
        ('<row r="2"><c><v>1</v></row>', "a document in it is not XML"),
    ],
)  # fmt: skip
def test_a_damaged_sheet(tmp_path, rows, said):
    path = workbooks.write(tmp_path / "t.xlsx", {"xl/worksheets/sheet1.xml": sheet(NAMES + rows)})
    assert said in refusal(path)


def test_other_files_under_this_name(tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_text("a,b\n1,2\n")
    assert refusal(path) == (
        "t.xlsx: the file cannot be read as an Excel workbook: it is not a ZIP archive, or a "
        "damaged one.\nSave it again as .xlsx, or as CSV."
    )
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "has a password, or is one of Excel 2003 or earlier" in refusal(path)
    workbooks.write(path, {"xl/workbook.xml": None})
    assert "a document is missing from it" in refusal(path)
    workbooks.write(path)
    data = bytearray(path.read_bytes())
    data[8] = 99  # a way to pack that nobody knows, of the first document
    data[data.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(data)
    assert "it is packed or numbered as Excel never does" in refusal(path)


def test_a_fault_of_who_reads_is_not_called_the_workbooks(tmp_path):
    path = save(tmp_path / "t.xlsx", [["a", "b"], [1, 2], [3, 4]])

    def read():
        with open_workbook(path, ReadOptions()) as book:
            for _ in book.rows("One"):
                raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        read()
