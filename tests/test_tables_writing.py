"""Tables written: what stands in the file, and that it stands there whole or not at all."""

import csv
import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from nnplug.errors import NnplugError, SettingError, StorageError
from nnplug.tables import read_table
from nnplug.tables.writing import WRITTEN_SUFFIXES, TableWriter, write_table
from tests.reliability.disks import ERRNOS, CountingDisk, FaultyDisk

COLUMNS = {
    "id": np.array(["a", "b,c", 'say "d"', "é\nf", None], object),
    "wide": np.array([0.1, np.nan, 1e300, -0.0, 1.0]),
    "narrow": np.array([0.1, 2, 1e-8, 4, 16777217], np.float32),
    "whole": np.array([0, -1, 2**53 + 1, 3, 4]),
    "true": np.array([True, False, True, False, True]),
    "day": np.array(["2020-02-29", "NaT", "1999-12-31", "2020-01-01", "2020-01-02"], "M8[us]"),
    "class": np.array(["setosa", "virginica", "setosa", "setosa", "setosa"]),
}


def test_csv_as_other_programs_read_it(tmp_path):
    write_table(tmp_path / "t.csv", COLUMNS)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "wide", "narrow", "whole", "true", "day", "class"],
        ["a", "0.1", "0.1", "0", "true", "2020-02-29", "setosa"],
        ["b,c", "", "2.0", "-1", "false", "", "virginica"],
        ['say "d"', "1e+300", "1e-08", "9007199254740993", "true", "1999-12-31", "setosa"],
        ["é\nf", "-0.0", "4.0", "3", "false", "2020-01-01", "setosa"],
        ["", "1.0", str(np.float32(16777217)), "4", "true", "2020-01-02", "setosa"],
    ]


def test_numbers_come_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(500) * 10.0 ** rng.integers(-300, 300, 500)
    narrow = wide.clip(-1e38, 1e38).astype(np.float32)
    write_table(tmp_path / "t.csv", {"wide": wide, "narrow": narrow})
    frame = pd.read_csv(tmp_path / "t.csv", dtype=str).astype(float)
    assert (frame["wide"].to_numpy() == wide).all()
    assert (frame["narrow"].to_numpy().astype(np.float32) == narrow).all()
    write_table(tmp_path / "t.parquet", {"wide": wide, "narrow": narrow})
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert table["wide"].to_numpy().tobytes() == wide.tobytes()
    # Where float32 has both zeros, DuckDB before 2.0 writes the one that came first.
    assert (table["narrow"].to_numpy() + 0).tobytes() == (narrow + 0).tobytes()


def test_parquet_keeps_types_and_order_over_several_stretches(tmp_path):
    path = tmp_path / "t.parquet"
    with TableWriter(path) as writer:
        for start in (0, 2, 3):
            stop = {0: 2, 2: 3, 3: 5}[start]
            writer.write({name: column[start:stop] for name, column in COLUMNS.items()})
        assert writer.rows == 5
        assert not path.exists()
    table = pyarrow.parquet.read_table(path)
    assert [str(each) for each in table.schema.types] == [
        "string", "double", "float", "int64", "bool", "timestamp[us]", "string",
    ]  # fmt: skip
    for name, column in COLUMNS.items():
        wanted = [None if pd.isna(each) else each for each in column.tolist()]
        assert table[name].to_pylist() == wanted, name
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-cmd", "'-cmd"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("-5", "-5"), ("+4.5e-3", "+4.5e-3"),
        ("-5+cmd", "'-5+cmd"), ("-٣", "'-٣"), ("a=b", "a=b"), ("", ""), ("'=", "'="),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_escaped_in_text_and_names(tmp_path, text, written):
    write_table(tmp_path / "t.csv", {"first": np.array(["x"]), text or "n": np.array([text])})
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        names, cells = csv.reader(file)
    assert (names[1], cells[1]) == (written or "n", written)


def test_a_spreadsheets_tab_separated_file(tmp_path):
    write_table(tmp_path / "t.tsv", {"a": np.array(["x\ty"]), "b": np.array([1.5])})
    assert (tmp_path / "t.tsv").read_text() == 'a\tb\n"x\ty"\t1.5\n'


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
def test_nnplug_reads_what_it_wrote(tmp_path, suffix):
    columns = {"a": np.array([0.5, 2.0]), "b": np.array(["x", "y"])}
    write_table(tmp_path / f"t{suffix}", columns)
    table = read_table(tmp_path / f"t{suffix}")
    assert table.column("a").values.tolist() == [0.5, 2.0]
    assert table.column("b").values.tolist() == ["x", "y"]


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
@pytest.mark.parametrize("error", ERRNOS, ids=errno.errorcode.get)
def test_an_error_at_any_call_leaves_nothing(tmp_path, suffix, error):
    path = tmp_path / f"t{suffix}"
    columns = {"a": np.arange(3)}
    measured = CountingDisk()
    write_table(path, columns, disk=measured)
    assert measured.calls[-2:] == ["replace", "sync_folder"]
    path.unlink()
    for k, name in enumerate(measured.calls):
        with pytest.raises(StorageError) as caught:
            write_table(path, columns, disk=FaultyDisk(k, error))
        assert errno.errorcode[error] in str(caught.value)
        assert str(path) in str(caught.value)
        assert list(tmp_path.iterdir()) == ([path] if name == "sync_folder" else [])


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
def test_an_exception_between_stretches_leaves_nothing(tmp_path, suffix):
    def write():
        with TableWriter(tmp_path / f"t{suffix}") as writer:
            writer.write({"a": np.arange(3)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(StorageError, match="there is such a file already"):
        write_table(path, {"a": np.arange(2)})
    assert path.read_text() == "mine"
    write_table(path, {"a": np.arange(2)}, overwrite=True)
    assert path.read_text() == "a\n0\n1\n"


def test_a_name_that_says_no_format(tmp_path):
    with pytest.raises(SettingError) as caught:
        write_table(tmp_path / "t.parqet", {"a": np.arange(2)})
    assert str(caught.value) == (
        f"{tmp_path}/t.parqet: the name of a table to write must end in .csv, .tsv, .parquet. "
        "Did you mean '.parquet'?"
    )
    assert issubclass(SettingError, NnplugError)
    assert not Path(tmp_path / "t.parqet").exists()
