"""The option that a refusal ends with is copied as it stands, and the table is learned."""

import gzip
import math
import zipfile

import pytest

from tests.benchmarks.as_shipped import Shipped, learn

ROWS = [f"{i},{i % 3}.5,{'NA' if i % 9 == 4 else 'ab'[i % 2]},{'NA' if i % 7 == 3 else i * 2}.0"
        .replace("NA.0", "NA") for i in range(60)]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lines", "options"),
    [
        ("na.csv", ["n,x,kind,y", *ROWS], ("--read", "na=NA", "--drop-missing-targets")),
        ("bare.csv.gz", [row.replace("NA", "7") for row in ROWS], ("--read", "header=false")),
    ],
)
def test_refusals_lead_to_a_trained_and_predicting_model(name, lines, options, tmp_path):
    text = ("\n".join(lines) + "\n").encode()
    text = gzip.compress(text) if name.endswith(".gz") else text
    with zipfile.ZipFile(tmp_path / "table-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"table/data/{name}", text)
    shipped = Shipped("table", f"table/data/{name}", "y")
    (tmp_path / "out").mkdir()
    path = shipped.take_out(tmp_path, tmp_path / "out")
    assert path.read_bytes() == text
    found = learn(
        path, "column3" if "header=false" in options else "y", tmp_path / "out", "--epochs", "2"
    )
    assert (found.problem, found.options) == ("", options)
    assert found.answers == 60
    missing = 60 // 7 + 1 if "--drop-missing-targets" in options else 0
    assert found.rows == 60 - missing
    assert found.score[0] == "r2"
    assert math.isfinite(found.score[1])


def test_what_no_option_helps_is_a_problem(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2,3\n4,5\n")
    assert "t.csv:2" in learn(tmp_path / "t.csv", "b", tmp_path).problem
