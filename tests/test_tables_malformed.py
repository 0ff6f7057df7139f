"""Malformed tables: each is refused by the command line with what is wrong and where.

A sound table of random size is spoilt in one way at a random place, and given
to `nnplug train`. There are more than a hundred ways; `NNPLUG_MALFORMED` says how
many tables are made of each (20 for the full figure, 2,000 and more).
"""

import gzip
import io
import json
import os
import sqlite3
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from nnplug.cli import main
from tests import workbooks

TABLES = int(os.environ.get("NNPLUG_MALFORMED", "1"))


@dataclass
class Sound:
    """A table of which nothing is wrong yet: cells as text, and the draws of the test."""

    folder: Path
    rng: np.random.Generator
    rows: int = 0
    names: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.rows = int(self.rng.integers(30, 80))
        self.names = ["age", "city", "size", "flag", "y"]
        words = ["Rome", "Oslo", "Bern"]
        for _ in range(self.rows):
            self.cells.append([
                str(self.rng.integers(1, 90)),
                words[self.rng.integers(3)],
                f"{self.rng.uniform(1, 9):.3f}",
                ("true", "false")[self.rng.integers(2)],
                f"{self.rng.normal():.4f}",
            ])  # fmt: skip

    def line(self, row):
        """The line of a row of the file, counted from 1; the first holds the names."""
        return row + 2

    def anywhere(self):
        """A row that is neither the first nor the last."""
        return int(self.rng.integers(1, self.rows - 1))

    def text(self, delimiter=",", end="\n"):
        lines = [delimiter.join(each) for each in [self.names, *self.cells]]
        return end.join(lines) + end

    def save(self, content=None, name="t.csv"):
        content = self.text() if content is None else content
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


KINDS = {}


def kind(function):
    """Register a way to spoil a table: it saves one and gives what must be said."""
    KINDS[function.__name__] = function
    return function


def cell(text, column=0):
    """A way to spoil a table: one cell of a column of numbers is none."""

    def spoil(table):
        row = table.anywhere()
        table.cells[row][column] = text
        shown = text[1:-1] if text.startswith('"') else text
        return table.save(), [
            f't.csv:{table.line(row)}: column "{table.names[column]}": cannot read "{shown}" as a '
            "number"
        ]

    return spoil


for number, text in enumerate(
    ["n/a", "?", "-", '"1,5"', "1.2.3", "12abc", "$5", "5%", "1 000", "5 kg", "N.A.", "<5", "1/2"]
):
    KINDS[f"cell_{number}_{text}"] = cell(text, column=0 if number % 2 else 2)


@kind
def many_cells(table):
    rows = np.sort(table.rng.choice(table.rows, table.rows // 3, replace=False))
    for row in rows:
        table.cells[row][0] = "missing"
    lines = [table.line(row) for row in rows]
    also = f" (also lines {', '.join(map(str, lines[1:5]))} and {len(rows) - 5} more)\n"
    return table.save(), [
        f't.csv:{lines[0]}: column "age": cannot read "missing" as a number{also}',
    ]


@kind
def short_row(table):
    row = table.anywhere()
    del table.cells[row][2:4]
    return table.save(), [f"t.csv:{table.line(row)}: the row has 3 cells, the first line 5"]


@kind
def long_row(table):
    row = table.anywhere()
    table.cells[row].append("7")
    return table.save(), [f"t.csv:{table.line(row)}: the row has 6 cells, the first line 5"]


@kind
def comma_in_a_cell(table):
    row = table.anywhere()
    table.cells[row][1] = "Rome, Italy"
    return table.save(), [f"t.csv:{table.line(row)}: the row has 6 cells", "needs quotes around it"]


@kind
def delimiter_at_the_end_of_a_row(table):
    row = table.anywhere()
    table.cells[row][-1] += ","
    return table.save(), [f"t.csv:{table.line(row)}: the row has 6 cells, the first line 5"]


@kind
def delimiter_at_the_end_of_all_rows(table):
    for row in table.cells:
        row[-1] += ","
    return table.save(), ["t.csv:2: the row has 6 cells, the first line 5"]


@kind
def quote_never_closed(table):
    row = table.anywhere()
    table.cells[row][1] = '"Rome'
    return table.save(), [f"t.csv:{table.line(row)}: a quote is opened and never closed"]


@kind
def text_after_a_quote(table):
    row = table.anywhere()
    table.cells[row][1] = '"Ro"me'
    return table.save(), [f"t.csv:{table.line(row)}: text follows a closing quote"]


@kind
def latin_1(table):
    row = table.anywhere()
    table.cells[row][1] = "Köln"
    content = table.text().encode("latin-1")
    return table.save(content), [
        f"t.csv:{table.line(row)}: the file is not UTF-8 text (byte 0xf6",
        "it is not guessed",
    ]


@kind
def not_utf_8_in_the_names(table):
    table.names[1] = "Größe"
    content = table.text().encode("latin-1")
    return table.save(content), ["t.csv:1: the file is not UTF-8 text"]


@kind
def stray_bytes(table):
    row = table.anywhere()
    table.cells[row][1] = "Ro@me"
    content = table.text().encode().replace(b"@", b"\xff")
    return table.save(content), [f"t.csv:{table.line(row)}: the file is not UTF-8 text (byte 0xff"]


@kind
def zero_byte(table):
    row = table.anywhere()
    table.cells[row][1] = "Ro\0me"
    for _ in range(2000):  # beyond the first bytes, which would tell a binary file
        table.cells.insert(0, ["1", "Rome", "1.5", "true", "0.5"])
    return table.save(), [f"t.csv:{table.line(row + 2000)}: the line holds a zero byte"]


@kind
def mixed_line_ends(table):
    row = table.anywhere()
    lines = table.text(end="\r\n").splitlines(keepends=True)
    lines[row] = lines[row].replace("\r\n", "\n")
    return table.save("".join(lines)), [
        f"t.csv:{row + 1}: the line ends in LF (Unix), those before"
    ]


@kind
def utf_16(table):
    return table.save(table.text().encode("utf-16")), ["is not UTF-8 text; it begins like UTF-16"]


@kind
def utf_16_without_a_mark(table):
    return table.save(table.text().encode("utf-16-le")), ["it begins like UTF-16 or a binary file"]


@kind
def another_encoding_than_stated(table):
    row = table.anywhere()
    table.cells[row][1] = "Ro\x81me"
    table.arguments = ["--read", "encoding=cp1252"]
    content = table.text().encode("latin-1")
    return table.save(content), [f"t.csv:{table.line(row)}: the file is not cp1252 (byte 0x81"]


@kind
def empty_file(table):
    return table.save(""), ["t.csv: the file is empty."]


@kind
def blank_file(table):
    return table.save("\n" * table.rows), ["t.csv: the file is blank."]


@kind
def compressed_and_cut_short(table):
    content = gzip.compress(table.text().encode())
    cut = int(table.rng.integers(20, len(content) - 1))
    return table.save(content[:cut], "t.csv.gz"), ["t.csv.gz: the file is cut short"]


@kind
def compressed_only_by_its_name(table):
    return table.save(name="t.csv.gz"), ["t.csv.gz: the file ends in .gz and is not compressed so"]


@kind
def compressed_with_a_cell_at_fault(table):
    row = table.anywhere()
    table.cells[row][0] = "old"
    content = gzip.compress(table.text().encode())
    return table.save(content, "t.csv.gz"), [
        f't.csv.gz:{table.line(row)}: column "age": cannot read "old" as a number'
    ]


@kind
def nothing_but_constants(table):
    for row in table.cells:
        row[:4] = ["7", "Rome", "1.5", "true"]
    return table.save(), [
        't.csv: no column is left to predict "y" from.',
        '4 columns are left out, each the same in all rows for training: "age" (7), "city" ("Rome")'
        ', "size" (1.5), "flag" (true)',
    ]


@kind
def names_alone(table):
    table.cells.clear()
    return table.save(), ["t.csv: the table has no rows, only the names of its columns."]


@kind
def one_row(table):
    del table.cells[1:]
    return table.save(), ["t.csv: there is only one row to learn from."]


@kind
def double_name(table):
    table.names[2] = "age"
    return table.save(), ['t.csv: the name "age" stands over several columns (1, 3).']


@kind
def nameless_first_column(table):
    table.names[0] = ""
    return table.save(), ["t.csv: column 1 of 5 has no name. Row numbers saved along"]


@kind
def nameless_column(table):
    table.names[2] = "  "
    return table.save(), ["t.csv: column 3 of 5 has no name."]


@kind
def nameless_last_column(table):
    table.names.append("")
    for row in table.cells:
        row.append("")
    return table.save(), ["t.csv: column 6 of 6 has no name. A delimiter at the end"]


@kind
def no_names(table):
    table.names = table.cells.pop(0)
    return table.save(), [
        f't.csv:1: the number "{table.names[0]}" stands where a column\'s name should be.'
    ]


@kind
def misspelt_target(table):
    table.names[-1] = "yield"
    table.arguments = ["--target", "yeild"]
    return table.save(), ["t.csv: there is no column \"yeild\". Did you mean 'yield'?"]


@kind
def target_named_twice(table):
    table.arguments = ["--target", "y", "--target", "y"]
    return table.save(), ['t.csv: the target "y" is named twice.']


@kind
def target_missing(table):
    row = table.anywhere()
    table.cells[row][-1] = ""
    return table.save(), [f't.csv: target "y" has one value that is missing: row {row + 1}.']


@kind
def target_of_dates(table):
    for row, each in enumerate(table.cells):
        each[-1] = f"2020-01-{row % 28 + 1:02}"
    return table.save(), ['t.csv: target "y" holds dates, which cannot be predicted.']


@kind
def no_date(table):
    for row, each in enumerate(table.cells):
        each[0] = f"{row % 28 + 1}/1/2020 {row % 24:02}:30"
    row = table.anywhere()
    table.cells[row][0] = "30/2/2020 12:00"
    return table.save(), [
        f't.csv:{table.line(row)}: column "age": cannot read "30/2/2020 12:00" as a date',
        "The column's other cells are dates written %d/%m/%Y %H:%M. Correct these.",
    ]


@kind
def unclear_dates(table):
    for row, each in enumerate(table.cells):
        each[0] = f"{row % 12 + 1}/1/2020"
    return table.save(), [
        't.csv: column "age" holds dates such as "',
        "and no row tells whether they are\nwritten %d/%m/%Y or %m/%d/%Y. Say which:",
    ]


@kind
def one_class(table):
    for row in table.cells:
        row[-1] = "yes, always"[:3] + "!"
    return table.save(), ['t.csv: target "y" has one class only, "yes!".']


@kind
def text_as_quantity(table):
    table.arguments = ["--target", "city", "--task", "regression"]
    return table.save(), ['t.csv: target "city" holds text such as ']


@kind
def fractions_as_classes(table):
    table.arguments = ["--task", "multiclass"]
    return table.save(), ['t.csv: target "y" holds ', "in row 1, and only whole numbers"]


@kind
def three_classes_as_two(table):
    for row, each in enumerate(table.cells):
        each[-1] = "abc"[row % 3]
    table.arguments = ["--task", "binary"]
    return table.save(), ['t.csv: target "y" has 3 classes ("a", "b", "c"), and task=binary']


@kind
def no_label(table):
    table.arguments = ["--target", "y", "--target", "size", "--task", "multilabel"]
    return table.save(), ['t.csv: target "y" holds ', "is true or false, yes or no, 1 or 0."]


@kind
def infinite(table):
    row = table.anywhere()
    table.cells[row][2] = "inf"
    return table.save(), [
        't.csv: column "size" has one value that is infinite or too large for a 64-bit number, the '
        f"first in row {row + 1}."
    ]


@kind
def overflow(table):
    row = table.anywhere()
    table.cells[row][2] = "-1e400"
    return table.save(), ['column "size" has one value that is infinite or', f"row {row + 1}."]


@kind
def infinite_target(table):
    row = table.anywhere()
    table.cells[row][-1] = "-inf"
    return table.save(), ['target "y" has one value that is infinite', f"row {row + 1}."]


@kind
def too_large_to_standardise(table):
    for row, each in enumerate(table.cells):
        each[2] = ("1.6e308", "1.7e308")[row % 2]
    return table.save(), ['t.csv: column "size" has numbers from 1.6e+308 to 1.7e+308']


@kind
def missing_and_refused(table):
    rows = np.sort(table.rng.choice(table.rows, 7, replace=False))
    for row in rows:
        table.cells[row][0] = ""
    table.arguments = ["--missing", "refuse"]
    first = ", ".join(str(row + 1) for row in rows[:5])
    return table.save(), [f'column "age" has 7 values that are missing: rows {first} and 2 more.']


@kind
def nothing_but_missing(table):
    for row in table.cells:
        row[:4] = [""] * 4
    return table.save(), ['t.csv: no column is left to predict "y" from.', "it has no value in"]


@kind
def nothing_but_identifiers(table):
    for number, row in enumerate(table.cells):
        row[:4] = [f"{letter}{number}" for letter in "abcd"]
    return table.save(), [
        "no column is left",
        "every row has a different text, as with identifiers",
    ]


@kind
def unknown_column_dropped(table):
    table.arguments = ["--drop", "agge"]
    return table.save(), ["t.csv: --drop: there is no column \"agge\". Did you mean 'age'?"]


@kind
def unknown_column_categorical(table):
    table.arguments = ["--categorical", "town"]
    return table.save(), ['t.csv: there is no column "town" to be read as text.']


@kind
def negative_weight(table):
    row = table.anywhere()
    table.cells[row][0] = "-1"
    table.arguments = ["--weights", "age"]
    return table.save(), [f't.csv: weights "age": row {row + 1} weighs -1; weights are at least 0.']


@kind
def missing_weight(table):
    row = table.anywhere()
    table.cells[row][0] = ""
    table.arguments = ["--weights", "age"]
    return table.save(), [f'weights "age" has one value that is missing: row {row + 1}.']


@kind
def weights_of_text(table):
    table.arguments = ["--weights", "city"]
    return table.save(), ['t.csv: weights "city": the column holds text; weights are numbers.']


@kind
def split_by_text_in_time(table):
    table.arguments = ["--split", "time:city"]
    return table.save(), ["the column holds text, which has no order in time."]


@kind
def split_by_a_strange_column(table):
    table.arguments = ["--split", "column:city"]
    return table.save(), [
        "--split column:city: the column holds ",
        "It may hold only train, validation",
    ]


@kind
def split_by_a_file_that_differs(table):
    table.save("age,city,size,y\n1,Rome,2.5,3\n", "other.csv")
    table.arguments = ["--split", f"file:{table.folder / 'other.csv'}"]
    return table.save(), ['other.csv: there is no column "flag", which t.csv has.']


@kind
def wrong_query(table):
    table.arguments = ["--sql", "SELECT agee, y FROM data"]
    return table.save(), ["t.csv: --sql: ", "The table is called data; its columns: age, city,"]


def _json(table, line, text):
    lines = [f'{{"age": {row[0]}, "size": {row[2]}, "y": {row[4]}}}' for row in table.cells]
    lines[line] = text
    return table.save("\n".join(lines), "t.jsonl")


@kind
def json_cut_short(table):
    row = table.anywhere()
    return _json(table, row, '{"age": 5, "y":'), [f"t.jsonl:{row + 1}: the line is not JSON at"]


@kind
def json_of_another_kind(table):
    row = table.anywhere()
    path = _json(table, row, '{"age": "old", "size": 1.5, "y": 2.5}')
    return path, [f't.jsonl:{row + 1}: column "age": cannot read "old" as a number']


@kind
def json_list(table):
    row = table.anywhere()
    return _json(table, row, "[1, 2]"), [f"t.jsonl:{row + 1}: the line is not an object"]


@kind
def json_double_key(table):
    row = table.anywhere()
    path = _json(table, row, '{"age": 1, "age": 2, "y": 1.5}')
    return path, [f't.jsonl:{row + 1}: the object has the key "age" twice']


@kind
def json_nested(table):
    row = table.anywhere()
    path = _json(table, row, '{"age": [1, 2], "size": 1.5, "y": 1.5}')
    return path, [f't.jsonl:{row + 1}: column "age": cannot read [1, 2] as a number']


def _parquet(table, columns):
    path = table.folder / "t.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


@kind
def parquet_cut_short(table):
    path = _parquet(table, {"a": np.arange(500.0), "y": np.arange(500.0)})
    path.write_bytes(path.read_bytes()[: int(table.rng.integers(10, path.stat().st_size - 1))])
    return path, ["t.parquet: the file cannot be read as Parquet: "]


@kind
def parquet_with_a_damaged_page(table):
    """Its columns and counts can be read; it shows when the rows are."""
    path = table.folder / "t.parquet"
    values = {"a": table.rng.normal(size=5_000), "y": table.rng.normal(size=5_000)}
    pyarrow.parquet.write_table(pa.table(values), path, compression="gzip")
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 4  # inside the pages of the first column
    damaged[middle : middle + 64] = bytes(64)
    path.write_bytes(damaged)
    return path, ["t.parquet: the file cannot be read as Parquet: ", "It may be cut short"]


@kind
def another_format_under_this_name(table):
    return table.save(name="t.parquet"), ["t.parquet: the file cannot be read as Parquet: "]


@kind
def parquet_with_lists(table):
    path = _parquet(table, {"a": [[1, 2]] * 5, "y": np.arange(5.0)})
    return path, ['t.parquet: column "a" holds BIGINT[], which is neither numbers']


@kind
def database_with_mixed_kinds(table):
    row = table.anywhere()
    path = table.folder / "t.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (age INTEGER, y REAL)")
    rows = [("old" if i == row else i, i / 2) for i in range(table.rows)]
    connection.executemany("INSERT INTO people VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    return path, [f'column "age": the value "old" in row {row + 1} is text, and the first is a num']


@kind
def unknown_format(table):
    return table.save(name="t.xls"), ['t.xls: files that end in ".xls" are not supported.']


@kind
def several_files_that_differ(table):
    table.save(name="part1.csv")
    table.names[2] = "weight"
    table.save(name="part2.csv")
    return table.folder / "part*.csv", [
        'part2.csv: there is no column "size", which part1.csv has.'
    ]


@kind
def no_such_file(table):
    table.save()
    return table.folder / "T.csv", ["T.csv: no such file. Did you mean 't.csv'?"]


# --- lines that are not rows ----------------------------------------------------------------


@kind
def preamble(table):
    lines = int(table.rng.integers(1, 5))
    content = "exported by a tool\n" * lines + table.text()
    return table.save(content), [
        f't.csv: the table seems to begin on line {lines + 1}, with the names "age", "city", ',
        f"If so: --read skip={lines}",
    ]


@kind
def preamble_of_comments(table):
    return table.save("# by a tool, and more\n#\n" + table.text()), [
        "t.csv: the table seems to begin on line 3",
        "If so: --read comment=#",
    ]


@kind
def comments_among_the_rows(table):
    row = table.anywhere()
    lines = table.text().splitlines(keepends=True)
    lines.insert(row + 1, "# checked\n")
    return table.save("".join(lines)), [
        f"t.csv:{row + 2}: the row has 1 cell",
        "If the lines that begin with # are comments: --read comment=#",
    ]


@kind
def short_row_after_skipped_lines(table):
    row = table.anywhere()
    del table.cells[row][2:4]
    table.arguments = ["--read", "skip=2"]
    return table.save("a\nb\n" + table.text()), [f"t.csv:{row + 4}: the row has 3 cells"]


@kind
def cell_after_a_line_that_says_the_delimiter(table):
    row = table.anywhere()
    table.cells[row][0] = "old"
    return table.save("sep=;\n" + table.text(";")), [
        f't.csv:{row + 3}: column "age": cannot read "old" as a number'
    ]


@kind
def cell_after_comments(table):
    row = table.anywhere()
    table.cells[row][2] = "big"
    table.arguments = ["--read", "comment=#"]
    return table.save("# 1\n# 2\n" + table.text()), [
        f't.csv:{row + 4}: column "size": cannot read "big" as a number'
    ]


@kind
def nothing_left_of_the_file(table):
    table.arguments = ["--read", "skip=500"]
    return table.save(), ["t.csv: no line is left of the file."]


@kind
def line_without_end(table):
    row = table.anywhere()
    table.cells[row][1] = "x" * (2 << 20)
    return table.save(), [
        f"t.csv:{table.line(row)}: the line is longer than 2 MiB",
        "--read trusted=true",
    ]


@kind
def option_of_another_format(table):
    table.arguments = ["--read", "sheet=One"]
    return table.save(), ["t.csv: --read sheet= says how a workbook is read, and this is another"]


# --- dates ----------------------------------------------------------------------------------


def dates(table, text):
    for row, each in enumerate(table.cells):
        each[0] = f"2020-01-{row % 28 + 1:02} 10:00:00"
    row = table.anywhere()
    table.cells[row][0] = text
    return row


@kind
def infinity_among_dates(table):
    row = dates(table, "infinity")
    return table.save(), [f't.csv:{row + 2}: column "age": cannot read "infinity" as a date']


@kind
def zone_by_name(table):
    row = dates(table, "2020-01-05 10:00:00 CET")
    return table.save(), [
        f't.csv:{table.line(row)}: column "age": cannot read "2020-01-05 10:00:00 CET" as a date'
    ]


@kind
def word_epoch(table):
    row = dates(table, "epoch")
    return table.save(), [f't.csv:{table.line(row)}: column "age": cannot read "epoch" as a date']


@kind
def thirteenth_month(table):
    row = dates(table, "2020-13-05 10:00:00")
    return table.save(), [
        f't.csv:{table.line(row)}: column "age": cannot read "2020-13-05 10:00:00" as a date'
    ]


# --- queries --------------------------------------------------------------------------------


@kind
def query_that_writes(table):
    target = table.folder / "written.txt"
    table.arguments = ["--sql", f"SELECT * FROM data; COPY (SELECT 1) TO '{target}'"]
    return table.save(), ["t.csv: --sql: takes one SELECT statement, and was given SELECT and COPY"]


@kind
def query_over_another_file(table):
    other = table.save("a,y\n1,2\n", "other.csv")
    table.arguments = ["--sql", f"SELECT * FROM '{other}'"]
    return table.save(), ["t.csv: --sql: "]


@kind
def query_without_rows(table):
    table.arguments = ["--sql", "SELECT age, y FROM data WHERE size > 100"]
    return table.save(), ["t.csv: --sql gives no rows."]


# --- arrays of JSON -------------------------------------------------------------------------


def _array(table, row, value, text=None):
    records = [{"age": float(row[0]), "size": row[2], "y": float(row[4])} for row in table.cells]
    records[row] = value
    text = json.dumps(records) if text is None else text
    return table.save(text, "t.json")


@kind
def array_with_a_stray(table):
    row = table.anywhere()
    path = _array(table, row, {"age": "old", "size": "1", "y": 2.5})
    return path, [f't.json: record {row + 1}: column "age": cannot read "old" as a number']


@kind
def array_with_a_list(table):
    row = table.anywhere()
    path = _array(table, row, {"age": [1, 2], "size": "1", "y": 2.5})
    return path, [f't.json: record {row + 1}: column "age": cannot read [1, 2] as a number']


@kind
def array_with_something_else(table):
    row = table.anywhere()
    return _array(table, row, 5), [f"t.json: record {row + 1}: the record is not an object"]


@kind
def array_cut_short(table):
    path = _array(table, 0, {"age": 1.5, "size": "1", "y": 2.5})
    text = path.read_text()
    path.write_text(text[: text.index("{", int(table.rng.integers(60, len(text) // 2))) + 5])
    return path, ["t.json: record ", ": the record is not JSON at position"]


@kind
def object_of_columns(table):
    text = json.dumps({"age": {"0": 1}, "y": {"0": 2}})
    return _array(table, 0, None, text), ["t.json: the file is one object", 'orient="records"']


@kind
def text_under_the_name_of_json(table):
    return table.save(name="t.json"), ["t.json: the file is neither an array nor lines of objects"]


# --- workbooks ------------------------------------------------------------------------------


def _workbook(table, spoil=lambda rows: None):
    rows = [table.names, *([int(r[0]), r[1], float(r[2]), r[3] == "true", float(r[4])]
                           for r in table.cells)]  # fmt: skip
    spoil(rows)
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    path = table.folder / "t.xlsx"
    book.save(path)
    return path


@kind
def workbook_with_a_stray_cell(table):
    row = table.anywhere()

    def spoil(rows):
        rows[row + 1][0] = "n/a"

    said = f't.xlsx: row {row + 2}: column "age": cannot read "n/a" as a number'
    return _workbook(table, spoil), [said, "If so here: --read na=n/a"]


@kind
def workbook_with_a_cell_without_a_name(table):
    row = table.anywhere()
    path = _workbook(table, lambda rows: rows[row + 1].append(7))
    return path, [f"t.xlsx: row {row + 2}: the cell in column F has no name above it"]


@kind
def workbook_with_a_double_name(table):
    table.names[2] = "age"
    return _workbook(table), ['t.xlsx: the name "age" stands over several columns (1, 3).']


@kind
def workbook_with_a_title(table):
    path = _workbook(table, lambda rows: rows.insert(0, ["Report of 2024"]))
    return path, ["t.xlsx: the table seems to begin in row 2", "If so: --read skip=1"]


@kind
def workbook_with_a_formula_that_nobody_computed(table):
    row = table.anywhere()

    def spoil(rows):
        rows[row + 1][2] = "=A2*2"

    return _workbook(table, spoil), [f"t.xlsx: row {row + 2}, column C: the formula has no value"]


@kind
def workbook_with_an_error_in_a_cell(table):
    row = table.anywhere()

    def spoil(rows):
        rows[row + 1][2] = "#DIV/0!"

    said = f't.xlsx: row {row + 2}: column "size": cannot read "#DIV/0!" as a number'
    return _workbook(table, spoil), [said]


@kind
def workbook_without_the_sheet(table):
    table.arguments = ["--read", "sheet=Shet"]
    return _workbook(table), ["t.xlsx: there is no sheet \"Shet\". Did you mean 'Sheet'?"]


@kind
def workbook_cut_short(table):
    path = _workbook(table)
    path.write_bytes(path.read_bytes()[: int(table.rng.integers(10, path.stat().st_size - 30))])
    return path, ["t.xlsx: the file cannot be read as an Excel workbook: "]


@kind
def workbook_only_by_its_name(table):
    return table.save(name="t.xlsx"), ["it is no ZIP archive, or a damaged one"]


@kind
def old_workbook(table):
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
    return table.save(content, "t.xlsx"), ["has a password, or is one of Excel 2003 or earlier"]


@kind
def workbook_with_entities(table):
    declared = '<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    path = workbooks.write(
        table.folder / "t.xlsx",
        {"xl/worksheets/sheet1.xml": workbooks.sheet(workbooks.NAMES, declared)},
    )
    return path, ["t.xlsx: ", "it has a document type, as no workbook does"]


@kind
def empty_workbook(table):
    table.cells.clear()
    table.names.clear()
    return _workbook(table), ['t.xlsx: the sheet "Sheet" is empty.']


def test_there_are_a_hundred_kinds():
    assert len(KINDS) >= 100


@pytest.mark.parametrize("name", KINDS)
def test_a_malformed_table_is_refused_with_the_place(name, tmp_path):
    for attempt in range(TABLES):
        rng = np.random.default_rng([attempt, *name.encode()])
        table = Sound(tmp_path, rng)
        path, said = KINDS[name](table)
        target = [] if "--target" in table.arguments else ["--target", "y"]
        arguments = ["train", str(path), *target, *table.arguments, "--epochs", "1"]
        output, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            main(arguments)
        message = errors.getvalue()
        assert ended.value.code == 2, message
        assert output.getvalue() == ""
        assert "Traceback" not in message
        assert message.startswith("error: ")
        for part in said:
            assert part in message
