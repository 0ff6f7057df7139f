"""Rows read a stretch at a time: the same answers, and the places are those of the file."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import DataError
from nnplug.models import new_rows
from nnplug.tables import ReadOptions, Table, table_of

RNG = np.random.default_rng(0)
ROWS = 100


def frame():
    site = RNG.choice(["north", "south", "west"], ROWS)
    made = pd.DataFrame({"code": [f"{k:04}" for k in range(ROWS)], "site": site})
    made["x"] = RNG.standard_normal(ROWS).round(3)
    made["day"] = pd.date_range("2020-01-01", periods=ROWS)
    made["y"] = made["x"] + (site == "north")
    return made


@pytest.fixture(scope="module")
def data():
    return frame()


@pytest.fixture(scope="module")
def model(data):
    return nnplug.train(data.drop(columns="code"), target="y", epochs=3).model


@pytest.fixture
def seven_rows(monkeypatch):
    """Let every stretch have seven rows."""
    monkeypatch.setattr(new_rows, "_MOST_ROWS", 7)


def written(data, path):
    data.to_parquet(path) if path.suffix == ".parquet" else data.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_stretches_give_what_the_whole_gives(data, model, seven_rows, tmp_path, name):
    path = written(data, tmp_path / name)
    with model.open_rows(path, ids=("code",), with_target=True) as rows:
        assert rows.rows == ROWS
        stretches = [(table, inputs, rows.targets(table)) for table, inputs in rows]
    assert [table.rows for table, _, _ in stretches] == [7] * 14 + [2]
    inputs = np.concatenate([inputs for _, inputs, _ in stretches])
    assert inputs.tobytes() == model.inputs(path).tobytes()
    codes = [code for table, _, _ in stretches for code in table.column("code").values]
    assert codes == data["code"].tolist()
    targets = np.concatenate([targets for _, _, targets in stretches])
    assert model.decode(targets)[:, 0] == pytest.approx(data["y"])
    assert rows.remarks() == ()


def test_a_sqlite_file_is_read_whole_and_given_in_stretches(data, seven_rows, tmp_path):
    model = nnplug.train(data[["site", "x", "y"]], target="y", epochs=1).model
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    data.drop(columns="day").to_sql("t", connection, index=False)
    connection.close()
    with model.open_rows(path, ids=("code",)) as rows:
        stretches = list(rows)
    assert len(stretches) == 15
    whole = np.concatenate([inputs for _, inputs in stretches])
    assert whole.tobytes() == model.inputs(data).tobytes()
    codes = [code for table, _ in stretches for code in table.column("code").values]
    assert codes == data["code"].tolist()


def test_what_is_passed_over_is_counted_over_all_stretches(data, model, seven_rows, tmp_path):
    strange = data.copy()
    strange.loc[[3, 50, 99], "site"] = ["up", "east", "up"]
    strange.loc[[10, 90], "x"] = None
    path = written(strange.assign(note="n"), tmp_path / "t.csv")
    with model.open_rows(path, ids=("code",)) as rows:
        for _ in rows:
            pass
    assert rows.remarks() == (
        't.csv: column "site" has categories that training did not see, in 3 of 100 rows: "east", '
        '"up"; they count as none of the known ones',
        't.csv: column "x" lacks values, in 2 of 100 rows, and lacked none in training; '
        f"{model.encoder.columns[1].fill!r} replaces them",
        't.csv: columns that training did not have are ignored: "note"',
    )
    whole = table_of(path, options=model.encoder.read_options())
    columns = tuple(column for column in whole.columns if column.name != "code")
    at_once = model.encoder.remarks([column.name for column in columns])
    at_once.add(Table(columns, "t.csv", ROWS))
    assert rows.remarks() == at_once.lines()


@pytest.mark.parametrize(
    ("change", "unknown", "message"),
    [
        ({"site": {40: "up", 70: "up"}}, "error", 'in 2 rows, the first in row 41: "up"'),
        ({"x": {61: np.inf}}, "bucket", "row 62"),
    ],
)
def test_an_error_counts_rows_in_the_file(
    data, model, seven_rows, tmp_path, change, unknown, message
):
    strange = data.copy()
    for name, cells in change.items():
        for row, value in cells.items():
            strange.loc[row, name] = value
    path = written(strange, tmp_path / "t.parquet")
    with model.open_rows(path, unknown=unknown) as rows, pytest.raises(DataError) as caught:
        list(rows)
    assert message in str(caught.value)


def test_an_error_of_a_target_counts_rows_in_the_file(data, model, seven_rows, tmp_path):
    strange = data.copy()
    strange.loc[33, "y"] = None
    path = written(strange, tmp_path / "t.csv")

    def targets():
        with model.open_rows(path, with_target=True) as rows:
            return [rows.targets(table) for table, _ in rows]

    with pytest.raises(DataError, match="row 34"):
        targets()


def test_a_column_that_is_not_there_is_said_with_the_nearest(data, model, tmp_path):
    path = written(data.rename(columns={"site": "sites"}), tmp_path / "t.csv")
    with model.open_rows(path) as rows, pytest.raises(DataError) as caught:
        list(rows)
    assert "there is no column \"site\". Did you mean 'sites'?" in str(caught.value)
    path = written(data, tmp_path / "u.csv")
    with model.open_rows(path, ids=("cod",)) as rows, pytest.raises(DataError) as caught:
        list(rows)
    assert "there is no column \"cod\". Did you mean 'code'?" in str(caught.value)


def test_reading_options_reach_the_file(data, model, tmp_path):
    path = tmp_path / "t.csv"
    data.to_csv(path, index=False, sep="|", decimal=",", encoding="latin-1")
    with model.open_rows(path, ReadOptions(decimal=",", encoding="latin-1")) as rows:
        inputs = np.concatenate([inputs for _, inputs in rows])
    np.testing.assert_allclose(inputs, model.inputs(data), rtol=1e-6)


def test_wide_inputs_make_short_stretches(tmp_path, monkeypatch):
    monkeypatch.setattr(new_rows, "_MOST_NUMBERS", 600)
    x = RNG.standard_normal((600, 2))
    model = nnplug.train((x, x[:, 0]), epochs=1).model
    path = tmp_path / "t.csv"
    pd.DataFrame(x, columns=list(model.info.features)).to_csv(path, index=False)
    with model.open_rows(path) as rows:
        assert [len(inputs) for _, inputs in rows] == [300, 300]


def test_marks_of_missing_values_mean_the_same_in_rows_to_predict(tmp_path):
    lines = ["size,city,code,y", *(f"{i},{'RS'[i % 2]},{i % 3},{i}" for i in range(20))]
    path = tmp_path / "train.csv"
    path.write_text("\n".join([*lines, "NA,NA,-9,3", ""]))
    read = {"na": ["NA"], "na_of": {"code": "-9"}}
    trained = nnplug.train(path, target="y", read=read, epochs=1, validation=0)
    trained.save(tmp_path / "model.safetensors")
    model = nnplug.load(tmp_path / "model.safetensors")
    assert model.encoder == trained.rows.encoder
    marks, gaps = tmp_path / "marks.csv", tmp_path / "gaps.csv"
    marks.write_text("size,city,code\nNA,NA,-9\n")
    gaps.write_text("size,city,code\n,,\n")
    np.testing.assert_array_equal(model.inputs(marks), model.inputs(gaps))
    with model.open_rows(marks) as rows:
        ((_, inputs),) = rows
    np.testing.assert_array_equal(inputs, model.inputs(gaps))
    assert rows.remarks() == ()


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl"])
def test_nothing_is_refused_in_columns_that_are_not_needed(data, model, tmp_path, name):
    new = data.drop(columns="y").astype({"day": str}).assign(
        age=["x", *range(1, ROWS)], signed="05/06/2024", late=["soon", *["2024-01-01"] * (ROWS - 1)]
    )  # fmt: skip
    path = tmp_path / name
    if name.endswith("csv"):
        new.to_csv(path, index=False)
    else:
        new.astype({"age": str}).to_json(path, orient="records", lines=True)
    if name.endswith("csv"):
        with pytest.raises(DataError, match='column "signed" holds dates such as'):
            table_of(path)
    with model.open_rows(path, ids=["code"]) as rows:
        ((table, inputs),) = rows
        assert table.column("code").values[1] == "0001"
    np.testing.assert_array_equal(inputs, model.inputs(data))
    np.testing.assert_array_equal(model.inputs(path), inputs)
    # A query may use them all.
    with (
        pytest.raises(DataError),
        model.open_rows(path, ReadOptions(sql="SELECT *, age + 1 AS z FROM data")),
    ):
        pass


def test_the_target_of_rows_to_predict_is_not_read(data, model, tmp_path):
    """Nothing in it is refused, in Python as on the command line; an evaluation reads it."""
    path = tmp_path / "t.csv"
    data.assign(y=["soon", *range(1, ROWS)]).to_csv(path, index=False)
    np.testing.assert_array_equal(model.predict(path), model.predict(data))
    with pytest.raises(DataError, match='column "y": cannot read "soon" as a number'):
        model.evaluate(path)


@pytest.mark.parametrize("kind", ["path", "frame", "mapping", "table"])
def test_all_kinds_of_data_take_one_road(data, model, seven_rows, tmp_path, kind):
    path = written(data, tmp_path / "t.parquet")
    given = {"path": path, "frame": data, "mapping": dict(data), "table": table_of(data)}[kind]
    with model.open_rows(given, ids=("code",), with_target=True) as rows:
        chunks = [(table, inputs, rows.targets(table)) for table, inputs in rows]
        whole, inputs = rows.whole()
    assert [table.rows for table, _, _ in chunks] == [7] * 14 + [2]
    assert np.concatenate([inputs for _, inputs, _ in chunks]).tobytes() == inputs.tobytes()
    assert inputs.tobytes() == model.inputs(given).tobytes()
    targets = np.concatenate([targets for _, _, targets in chunks])
    np.testing.assert_array_equal(targets, model.encoder.targets(whole))


def test_an_identifier_that_is_an_input_is_copied_as_it_stands(seven_rows, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("zip,y\n" + "".join(f"{k:05},{k % 7}\n" for k in range(50)))
    trained = nnplug.train(path, target="y", numeric=["zip"], epochs=1).model
    with trained.open_rows(path, ids=("zip",)) as rows:
        copied = [text for table, _ in rows for text in table.column("zip").values]
    assert copied == [f"{k:05}" for k in range(50)]


def test_a_network_of_arrays_names_the_row_of_the_file(seven_rows, tmp_path):
    x = RNG.standard_normal((40, 2))
    model = nnplug.train((x, x[:, 0]), epochs=1).model
    x[30, 1] = np.nan
    path = tmp_path / "t.csv"
    pd.DataFrame(x, columns=list(model.info.features)).to_csv(path, index=False)
    with model.open_rows(path) as rows, pytest.raises(DataError) as caught:
        list(rows)
    assert "row 30, column 1 is nan" in str(caught.value)
