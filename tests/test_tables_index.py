"""The index of a data frame is no column: in what pandas writes without being told."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from nnplug.errors import DataError, NnplugWarning
from nnplug.tables import raw_text, read_table

FRAME = pd.DataFrame(
    {"x": np.arange(60) % 7, "word": list("abcdef") * 10, "y": np.arange(60) * 1.5}
)


@pytest.fixture(params=["small", "large"])
def road(request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr(raw_text, "_LARGE", 0)


def read(path):
    """Read a table; give it, and what was said."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = read_table(path)
    assert all(each.category is NnplugWarning for each in caught)
    return table, [str(each.message) for each in caught]


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME[10:40], FRAME.sample(frac=1, random_state=0), FRAME.set_axis(range(1, 61))],
    ids=["whole", "cut", "shuffled", "from one"],
)
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv"])
def test_numbers_of_rows_before_the_first_column_are_left_out(frame, kind, road, tmp_path):
    path = tmp_path / f"t.{kind}"
    frame.to_csv(path, sep="\t" if kind == "tsv" else ",")
    table, said = read(path)
    assert table.names == ("x", "word", "y")
    assert said == [f"t.{kind}: the first column has no name and numbers the rows; it is left out."]
    np.testing.assert_array_equal(table.column("x").values, frame["x"])
    assert table.column("word").values.tolist() == frame["word"].tolist()


@pytest.mark.parametrize(
    "index", [["a"] * 60, [1, 1, *range(58)], [-1, *range(59)], np.arange(60) / 2]
)
def test_another_column_without_a_name_is_refused(index, road, tmp_path):
    FRAME.set_axis(index).to_csv(tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"t\.csv: column 1 of 4 has no name") as error:
        read_table(tmp_path / "t.csv")
    assert "Row numbers saved along with a table look like this" in str(error.value)


def test_a_column_without_a_name_further_on_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("x,,y\n1,2,3\n4,5,6\n")
    with pytest.raises(DataError, match="column 2 of 3 has no name"):
        read_table(tmp_path / "t.csv")


def test_a_table_of_one_column_without_a_name_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text('""\n1\n2\n')
    with pytest.raises(DataError, match="column 1 of 1 has no name"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("frame", [FRAME[10:40][::2], FRAME.set_axis(FRAME["word"] + "!")])
def test_a_parquet_files_index_without_a_name_is_left_out(frame, tmp_path):
    frame.rename_axis(None).to_parquet(tmp_path / "t.parquet", index=True)
    table, said = read(tmp_path / "t.parquet")
    assert table.names == ("x", "word", "y")
    assert said == [
        't.parquet: column "__index_level_0__" is the index of a data frame; it is left out.'
    ]
    np.testing.assert_array_equal(table.column("y").values, frame["y"])


def test_an_index_with_a_name_is_a_column(tmp_path):
    FRAME.rename_axis("day").to_csv(tmp_path / "t.csv")
    FRAME.sample(30, random_state=0).rename_axis("day").to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        table, said = read(tmp_path / name)
        assert "day" in table.names
        assert said == []


def test_it_is_said_once_by_each_command_and_rows_are_predicted(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv")
    line = "Warning: t.csv: the first column has no name and numbers the rows; it is left out.\n"
    for arguments in (
        ("data", "t.csv", "--target", "y"),
        ("train", "t.csv", "--target", "y", "--epochs", "2", "--recipe", "none", "--output", "run"),
        ("predict", "run/model.safetensors", "t.csv", "--id", "word"),
        ("predict", "run/model.safetensors", "t.csv", "--id", "x"),
        ("evaluate", "run/model.safetensors", "t.csv"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "nnplug", *arguments], cwd=tmp_path, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(line) == 1, (arguments, done.stderr)
    assert "__index" not in done.stdout
