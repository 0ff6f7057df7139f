"""`nnplug data`: what a person reads of a table, and the exit codes."""

import contextlib
import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnplug.tables import TableOptions, Wishes, table_from
from nnplug.tables import examination as examination_module
from nnplug.tables.examination import examine
from nnplug.tables.options import ReadOptions
from nnplug.tables.splitting import Split
from tests.cli.models import nnplug_here

IRIS = str(Path(__file__).parents[2] / "examples" / "iris.csv")


def nnplug(*arguments, cwd="."):
    return nnplug_here("data", *arguments, folder=cwd)


def findings(data, target="y", **wishes):
    """The findings about a table, by what they are about."""
    table = table_from(data, source="t.csv")
    options = TableOptions(**wishes.pop("options", {}))
    found = examine(table, Wishes(target=target, validation=0.2, options=options, **wishes))
    return {each.about: each for each in found.findings}


def test_a_sound_table():
    done = nnplug(IRIS, "--target", "species")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (
        done.stdout
        == """\
iris.csv: 150 rows, 5 columns

column        kind    role    distinct  values
sepal_length  number  input         35  4.3 to 7.9, mean 5.84 ± 0.825
sepal_width   number  input         23  2 to 4.4, mean 3.06 ± 0.434
petal_length  number  input         43  1 to 6.9, mean 3.76 ± 1.76
petal_width   number  input         22  0.1 to 2.5, mean 1.2 ± 0.76
species       text    target         3  "setosa" 50, "versicolor" 50,
                                        "virginica" 50

multiclass: 4 inputs; 120 training rows and 30 for validation
  target "species" has 3 classes: multiclass classification (--task overrides)

warning  1 row of 150 is equal to an earlier row in every column, the first in
         row 143.
note     "setosa" 50 (33.3%), "versicolor" 50 (33.3%), "virginica" 50 (33.3%).
"""
    )


def test_it_describes_the_training_that_the_recipe_gives(tmp_path, usual_recipe):
    """The header of `nnplug train` says the same of the inputs, the rows and the target."""
    lines = "".join(f"{i % 7}.5,{round(1.5**i)}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("size,price\n" + lines)
    done = nnplug("t.csv", "--target", "price", cwd=tmp_path)
    trained = nnplug_here(
        "train", "t.csv", "--target", "price", "--epochs", "1", "--no-output", folder=tmp_path
    )
    learned = next(line for line in trained.stderr.splitlines() if "logarithm" in line)
    assert " ".join(learned.split()[:6]) in " ".join(done.stdout.split())
    inputs = int(re.search(r"regression: (\d+) inputs; 40 rows, each held out by", done.stdout)[1])
    assert f"8 networks {inputs}-100-1" in trained.stderr
    assert "--target-transform log" not in done.stdout  # no advice to do what is done
    done = nnplug("t.csv", "--target", "price", "--recipe", "fast", cwd=tmp_path)
    assert "1 input; 32 training rows and 8 for validation; recipe fast" in done.stdout
    # Ten equal rows are in several folds of five: each is known to a member that judges it.
    (tmp_path / "t.csv").write_text("size,price\n" + lines + 9 * "0.5,1\n")
    done = nnplug("t.csv", "--target", "price", cwd=tmp_path)
    assert "10 validation rows of 49 have the inputs" in " ".join(done.stdout.split())


def test_a_table_with_faults(tmp_path):
    rng = np.random.default_rng(0)
    rows = 400
    churn = rng.random(rows) < 0.04
    frame = pd.DataFrame({
        "customer_id": np.arange(rows) // 4 + 1000,
        "since": np.datetime64("2020-01-01") + rng.integers(0, 900, rows).astype("m8[D]"),
        "income": np.where(rng.random(rows) < 0.1, -9999, rng.normal(50_000, 9_000, rows).round()),
        "city": rng.choice(["Rome", "rome", "Oslo", "Bern"], rows),
        "country": "EU",
        "refund": np.where(churn, 1, 0),
        "visits": rng.integers(0, 9, rows),
        "visits2": 0,
        "churn": np.where(churn, "yes", "no"),
    })  # fmt: skip
    frame["visits2"] = frame["visits"]
    frame.loc[5:9, "city"] = None
    frame.to_csv(tmp_path / "churn.csv", index=False)
    done = nnplug("churn.csv", "--target", "churn", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (
        done.stdout
        == """\
churn.csv: 400 rows, 9 columns

column       kind    role      missing  distinct  values
customer_id  number  left out                100  1000 to 1099, mean
                                                  1.05e+03 ± 28.9
since        date    input                   321  2020-01-05 to 2022-06-18
income       number  input                   362  -9999 to 75645, mean
                                                  4.48e+04 ± 1.91e+04
city         text    input           5         4  "Bern" 111, "Rome" 100,
                                                  "rome" 94
country      text    left out                  1  "EU" 400
refund       number  input                     2  0 to 1, mean 0.0325 ± 0.177
visits       number  input                     9  0 to 8, mean 4.02 ± 2.59
visits2      number  input                     9  0 to 8, mean 4.02 ± 2.59
churn        text    target                    2  "no" 387, "yes" 13

binary: 14 inputs; 320 training rows and 80 for validation
  target "churn" has 2 classes: binary classification (--task overrides)
  column "customer_id" is left out: its name looks like an identifier (--numeric
  customer_id keeps it)
  column "country" is left out: all rows for training have "EU"
  missing values are a category of their own: "city" (5)

warning  column "country" has one value only, "EU": it tells nothing, and
         training leaves it out.
warning  columns "visits", "visits2" are equal in every row. --drop visits2
warning  column "city" has texts that differ only in case or spaces: "Rome" and
         "rome". They count as different.
warning  column "income" is -9999 in 35 rows, far from all others (21224 to
         75645). If it stands for a missing value: --read na.income=-9999
warning  3.2% of the rows are "yes"; always predicting "no" has an accuracy of
         96.8%. Use --class-weight balanced, and --metric balanced_accuracy.
warning  column "refund" alone predicts "churn" in 100.0% of the rows (96.2% by
         chance). Is it known before the target is? If not: --drop refund
warning  column "since" holds dates, and the validation rows lie among the
         training rows in time. To predict later rows: --split time:since
warning  column "customer_id" identifies 100 things in 400 rows, and both parts
         have rows of the same thing. To predict new things: --split
         group:customer_id
note     "no" 387 (96.8%), "yes" 13 (3.2%).
"""
    )


def test_without_a_target(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(60)))
    done = nnplug("t.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == """\
t.csv: 60 rows, 2 columns

column  kind    distinct  values
a       number        60  0 to 59, mean 29.5 ± 17.3
b       number         4  0 to 4, mean 1.98 ± 1.42

warning  column "a" counts the rows. If it is their number, not a measurement:
         --drop a
"""
    )


def test_what_training_would_refuse_exits_with_1(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,\n" + "".join(f"{i},{i % 7}.5\n" for i in range(60)))
    done = nnplug("t.csv", "--target", "y", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert (
        """
problem  t.csv: target "y" has one value that is missing: row 1.
         Fill the values in, or leave these rows out: --drop-missing-targets
"""
        in done.stdout
    )
    again = nnplug("t.csv", "--target", "y", "--drop-missing-targets", "--drop", "a", cwd=tmp_path)
    assert again.returncode == 1
    assert 'problem  t.csv: no column is left to predict "y" from.' in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch.csv"], "nosuch.csv: no such file."),
        ([IRIS, "--target", "spcies"], None),
        ([IRIS, "--split", "tmie:a"], "split='tmie:a' is none of random"),
        ([IRIS, "--read", "delimeter=;"], "Did you mean 'delimiter'?"),
        ([IRIS, "--validation", "1"], "'1': it must be a finite number, at least 0 and below 1."),
    ],
)
def test_what_cannot_be_examined_exits_with_2(arguments, message):
    done = nnplug(*arguments)
    if message is None:  # a wrong target is a problem of the table, and the rest is shown
        assert done.returncode == 1
        assert "Did you mean 'species'?" in done.stdout
        return
    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_validation_rows_of_another_file(tmp_path):
    lines = [f"{i * 7 % 31}.5,{i % 5}.25\n" for i in range(60)]
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(lines))
    (tmp_path / "later.csv").write_text("y,a\n1.25,4.5\n" + "9.5,9.5\n" * 9)
    done = nnplug("t.csv", "--target", "y", "--split", "file:later.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "t.csv: 70 rows, 2 columns" in done.stdout
    assert "60 training rows and 10 for validation" in done.stdout


def test_json():
    done = nnplug(IRIS, "--target", "species", "--json")
    report = json.loads(done.stdout)
    assert report["rows"] == report["source_rows"] == 150
    assert report["task"] == "multiclass"
    assert [each["role"] for each in report["columns"]] == ["input"] * 4 + ["target"]
    assert {each["about"] for each in report["findings"]} == {"duplicate rows", "classes"}


# --- what is found, and what is not --------------------------------------------------------


def test_noise_is_not_odd():
    rng = np.random.default_rng(1)
    data = {
        "a": rng.normal(size=500),
        "b": rng.exponential(size=500),
        "c": rng.choice(["u", "v"], 500),
        "y": rng.normal(size=500),
    }
    assert findings(data) == {}


def test_rows_in_both_parts():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    data = {"a": np.tile(x, 2), "y": np.tile(x * 2 + rng.normal(size=200), 2)}
    parts = Split("column", "part")
    data["part"] = [0] * 200 + [1] * 200
    found = findings(data, split=parts)
    assert found["rows in both parts"].text.startswith(
        "200 validation rows of 200 have the inputs and the target of a training row, so the score"
    )
    assert "duplicate rows" not in found  # the column of parts differs
    data["y"] = data["y"] + np.arange(400)
    assert "rows in both parts" not in findings(data, split=parts)


def test_duplicate_rows_are_counted_with_missing_values_and_texts():
    data = {"a": [1.0, None, 1.0, None, -0.0, 0.0], "s": ["u", None, "u", None, "v", "v"]}
    data["y"] = [1, 2, 1, 2, 5, 5]
    assert findings(data)["duplicate rows"].text == (
        "3 rows of 6 are equal to an earlier row in every column, the first in row 3."
    )


def test_columns_that_are_only_renamed_are_not_equal():
    data = {"a": ["u", "v"] * 10, "b": ["x", "z"] * 10, "y": np.arange(20) * 0.5}
    assert "duplicate columns" not in findings(data)
    data["c"] = data["a"]
    assert findings(data)["duplicate columns"].columns == ("a", "c")


def test_nothing_is_said_to_leave_a_constant_target_out():
    data = {"a": np.arange(40), "b": [2] * 40, "y": [1.5] * 40}
    assert findings(data)["constant"].columns == ("b",)


def test_contradictions():
    data = {"a": [1, 1, 2, 2] * 30, "k": ["u", "v", "u", "u"] * 30}
    assert findings(data, "k")["contradictions"].text.startswith("60 rows have the inputs of")


def test_outliers_and_marks_of_missing_values():
    rng = np.random.default_rng(0)
    values = rng.normal(10, 1, 300)
    values[[5, 6]] = [1e6, 900]
    found = findings({"a": values, "y": rng.normal(size=300)})["outliers"]
    assert "has 2 values far from the others, the farthest 1e+06" in found.text
    values[[5, 6]] = 10
    values[:12] = 999
    found = findings({"a": values, "y": rng.normal(size=300)})["outliers"]
    assert "is 999 in 12 rows, far from all others" in found.text
    assert found.text.endswith("--read na.a=999")
    pressure = rng.normal(70, 10, 300)
    pressure[::20] = 0
    assert (
        "is 0 in 15 rows" in findings({"a": pressure, "y": rng.normal(size=300)})["outliers"].text
    )
    counts = rng.poisson(3, 300)
    assert "outliers" not in findings({"a": counts, "y": rng.normal(size=300)})


@pytest.mark.parametrize("kind", ["number", "text", "regression"])
def test_a_column_that_gives_the_target_away(kind):
    rng = np.random.default_rng(0)
    y = rng.random(400) < 0.4
    leak = {"number": y + 0.01 * rng.random(400), "text": np.where(y, "left", "stayed")}
    data = {"a": rng.normal(size=400), "leak": leak.get(kind), "y": y}
    if kind == "regression":
        data["y"] = rng.normal(size=400)
        data["leak"] = np.round(data["y"] * 3.2 + 7, 1)
    found = findings(data)["gives the target away"]
    assert found.columns == ("leak",)
    assert "with R² 0.99" in found.text or "in 100.0% of the rows" in found.text
    assert "--drop leak" in found.text


def test_rare_classes():
    data = {"a": np.arange(300.0) ** 2 % 17, "k": ["u"] * 297 + ["v"] * 3}
    assert findings(data, "k")["rare classes"].text.startswith('fewer than 10 rows of "v"')


def test_missing_values():
    data = {"a": [1.0] + [None] * 59, "b": [None] * 60, "y": np.arange(60) % 7}
    texts = [
        each.text
        for each in examine(table_from(data), Wishes(target="y")).findings
        if each.about == "missing"
    ]
    assert texts == ['column "a" lacks 98% of its values.', 'column "b" has no value at all.']


def test_a_target_of_one_class_is_not_said_to_be_left_out():
    found = findings({"a": [1.0, 2.5, 3.0, 4.0], "y": ["yes"] * 4})
    assert "has one class only" in found["refused by training"].text
    assert "constant" not in found


def test_members_that_hold_out_groups_of_equal_size():
    data = {
        "a": np.arange(12.0) ** 2,
        "g": [f"g{i % 3}" for i in range(12)],
        "y": np.arange(12.5)[:12],
    }
    wishes = Wishes("y", split=Split("group", "g"), validation=0.2, members="auto")
    found = examine(table_from(data), wishes)
    assert (found.members, found.training) == (3, 12)
    assert "the members hold out 4 rows each, whole groups" in found.plan[-1]


def test_few_rows_and_many_inputs():
    data = {f"x{i}": np.arange(30.0) ** 2 % (i + 2) for i in range(40)}
    found = findings({**data, "y": np.arange(30) * 0.5})
    assert found["few rows"].text.startswith("30 rows: a score on so few held-out rows")
    assert found["more inputs than rows"].text.startswith("40 inputs and 24 training rows")


def test_a_large_database_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(examination_module, "SAMPLE_ROWS", 1000)
    path = tmp_path / "t.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        pd.DataFrame({"k": np.arange(1500)}).to_sql("t", connection, index=False)
    table, rows = examination_module.read_sample(path, ReadOptions())
    assert (table.rows, rows) == (1000, 1500)
    drawn = table.column("k").data
    assert (np.diff(drawn) > 0).all()
    assert drawn[-1] > 1400


def test_a_large_table_is_sampled(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("i,s\n" + "".join(f"{i},w{i % 5}\n" for i in range(5000)))
    monkeypatch.setattr(examination_module, "SAMPLE_ROWS", 1000)
    monkeypatch.setattr(examination_module, "_CHUNK", 700)
    table, rows = examination_module.read_sample(path, ReadOptions())
    assert (table.rows, rows) == (1000, 5000)
    drawn = table.column("i").values
    assert (np.diff(drawn) > 0).all()
    assert table.column("s").values.tolist() == [f"w{int(i) % 5}" for i in drawn]
    again, _ = examination_module.read_sample(path, ReadOptions())
    np.testing.assert_array_equal(again.column("i").values, drawn)


def test_infinite_numbers_are_said_without_a_target_too(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2.5\ninf,3.5\n-inf,1\n4,2\n")
    said = nnplug("t.csv", cwd=tmp_path).stdout
    assert "1 to 4, mean 2.5 ± 1.5, 2 infinite" in said
    assert 'problem  column "x" has 2 infinite values, the first in row 2. Correct them' in said
    assert "Nothing looks wrong" not in said


@pytest.mark.parametrize("odd", ["0001-01-01", "9999-12-31"])
def test_dates_that_stand_for_none(odd):
    days = np.array(["2024-01-05", odd, "2024-02-05", odd] * 10, "datetime64[us]")
    found = findings({"day": days, "y": np.arange(40.0)})["sentinel dates"]
    assert found.weight == "warning"
    assert found.text == (
        f'column "day" holds {odd} 20 times. If that stands for a missing date: --read na.day={odd}'
    )
    assert "sentinel dates" not in findings({"day": days[::2], "y": np.arange(20.0)})


@pytest.mark.parametrize(
    ("numbers", "looks"),
    [
        ([20240100 + k % 28 + 1 + 100 * (k % 6) for k in range(60)], "dates such as 20240101"),
        ([1_700_000_000 + 86_400 * k for k in range(60)], "seconds since 1970, such as 1700000000"),
        ([20240100 + k for k in range(60)], ""),  # 20240100 is not a date
        ([k * 1_000 for k in range(60)], ""),
        ([20240101, 20240102] * 30, ""),  # two values are codes
    ],
)
def test_numbers_that_look_like_dates(tmp_path, numbers, looks):
    rows = "".join(f"{number},{k % 7}.5\n" for k, number in enumerate(numbers))
    (tmp_path / "t.csv").write_text(f"when,y\n{rows}")
    said = " ".join(nnplug("t.csv", "--target", "y", cwd=tmp_path).stdout.split())
    assert (f'column "when" is taken for numbers and looks like {looks}.' in said) == bool(looks)
