"""From a table and wishes to an encoder and two parts of the rows, as `nnplug.train` does it."""

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import NnplugError
from nnplug.runs.preparing import prepare


def frame(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "x": rng.normal(size=rows),
        "c": rng.choice(["u", "v"], rows),
        "w": rng.integers(0, 3, rows).astype(float),
        "day": np.datetime64("2021-01-01") + np.arange(rows).astype("m8[D]"),
        "y": rng.normal(size=rows),
    })  # fmt: skip


def refusal(*arguments, **options):
    with pytest.raises(NnplugError) as caught:
        prepare(*arguments, **options)
    return str(caught.value)


def test_a_column_of_weights_is_no_input_and_weighs():
    data = frame()
    run = prepare(data, target="y", weights="w")
    assert not any(name.startswith("w") for name in run.rows.features)
    np.testing.assert_array_equal(run.weights[:, 0], data["w"])
    other = prepare(data.drop(columns="w"), target="y", sample_weight=data["w"])
    np.testing.assert_array_equal(other.weights, run.weights)
    assert "weights and sample_weight both give" in refusal(
        data, target="y", weights="w", sample_weight=data["w"]
    )


def test_rows_that_lack_values_are_dropped_and_counted():
    data = frame()
    data.loc[[3, 7], "x"] = np.nan
    data.loc[[7, 9, 11], "c"] = None
    data.loc[[0, 3], "y"] = np.nan
    assert "has 2 values that are missing: rows 1, 4." in refusal(data, target="y")
    run = prepare(data, target="y", drop_missing_targets=True, missing="drop", weights="w")
    assert "2 rows of 60 lack the target and are left out" in run.rows.notes
    assert "3 rows of 60 lack a value of an input and are left out" in run.rows.notes
    kept = data.drop(index=[0, 3, 7, 9, 11])
    assert len(run.rows.inputs) == 55
    np.testing.assert_array_equal(run.weights[:, 0], kept["w"])
    again = prepare(kept.reset_index(drop=True), target="y", weights="w")
    np.testing.assert_array_equal(run.rows.inputs, again.rows.inputs)
    np.testing.assert_array_equal(run.train_rows, again.train_rows)


def test_weights_of_the_caller_follow_dropped_rows():
    data = frame()
    data.loc[5, "y"] = np.nan
    weights = np.arange(1.0, 61)
    run = prepare(data, target="y", drop_missing_targets=True, sample_weight=weights)
    np.testing.assert_array_equal(run.weights[:, 0], np.delete(weights, 5))


def test_dropping_looks_at_inputs_alone():
    data = frame()
    data["id"] = [f"k{i}" if i % 2 else None for i in range(60)]
    run = prepare(data, target="y", missing="drop")
    assert len(run.rows.inputs) == 60


def test_nothing_left():
    data = frame()
    data["y"] = np.nan
    assert "no row is left to learn from" in refusal(data, target="y", drop_missing_targets=True)
    assert 'there is no column "z"' in refusal(data, target="z")


@pytest.mark.parametrize(
    ("split", "held"), [("time:day", range(48, 60)), ("column:part", [1, 4]), ("random", None)]
)
def test_splits_reach_the_run(split, held):
    data = frame()
    data["part"] = ["validation" if i in (1, 4) else "train" for i in range(60)]
    run = prepare(data, target="y", split=split)
    assert run.settings.split == split
    if held is not None:
        assert run.validation_rows.tolist() == list(held)
    # Statistics are those of the training rows.
    scale = run.rows.encoder.columns[0]
    assert scale.mean == pytest.approx(data["x"].to_numpy()[run.train_rows].mean())
    left_out = run.rows.encoder.left_out
    assert left_out == (("part",) if split.startswith("column") else ())


def test_a_group_is_no_input():
    data = frame()
    data["who"] = np.repeat(range(12), 5)
    run = prepare(data, target="y", split="group:who")
    assert run.rows.encoder.left_out == ("who",)
    assert any(
        'column "who" is left out: the split goes by its groups' in note for note in run.rows.notes
    )
    groups = data["who"].to_numpy()
    assert not set(groups[run.train_rows]) & set(groups[run.validation_rows])


def test_classes_are_stratified_unless_the_user_says_otherwise():
    data = frame(200)
    data["k"] = ["rare"] * 10 + ["common"] * 190
    run = prepare(data, target="k", validation=0.3)
    assert run.settings.split == "stratified"
    assert (data["k"].to_numpy()[run.validation_rows] == "rare").sum() == 3
    assert prepare(data, target="k", split="random").settings.split == "random"
    assert prepare(data, target="y").settings.split == "random"
    arrays = data[["x"]].to_numpy(), data["k"].to_numpy()
    assert prepare(arrays, validation=0.3).settings.split == "stratified"


def test_validation_rows_of_another_file(tmp_path):
    data = frame()
    data.iloc[:50].to_csv(tmp_path / "train.csv", index=False)
    data.iloc[50:].iloc[:, ::-1].to_csv(tmp_path / "later.csv", index=False)
    run = prepare(
        tmp_path / "train.csv", target="y", split=f"file:{tmp_path / 'later.csv'}", weights="w"
    )
    assert run.validation_rows.tolist() == list(range(50, 60))
    assert run.rows.encoder.columns[0].mean == pytest.approx(data["x"][:50].mean())
    np.testing.assert_array_equal(run.weights[:, 0], data["w"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ["a"]}, "xor has no named columns to choose or to encode."),
        ({"weights": "a"}, "xor has no named columns"),
        ({"split": "time:a", "validation": 0.5}, "split='time:a': xor has no named columns."),
        ({"read": {"delimiter": ";"}}, "xor is not read from a file"),
        ({"sql": "FROM data"}, "xor is not read from a file"),
    ],
)
def test_a_dataset_is_no_table(options, message):
    assert message in refusal("xor", **options)


def test_a_frame_is_not_read():
    data = frame()
    assert "read, sql: the table is in memory already." in refusal(
        data, target="y", sql="FROM data"
    )
    data["code"] = ["007", "8"] * 30
    run = prepare(data, target="y", numeric=["code"], categorical=["w"])
    assert "code" in run.rows.features
    assert "w=1" in run.rows.features
    data["code"] = ["007", "x"] * 30
    assert 'column "code": cannot read "x" in row 2 as a number' in refusal(
        data, target="y", numeric=["code"]
    )


def test_a_query_and_read_options(tmp_path):
    data = frame()
    data.to_csv(tmp_path / "a.csv", index=False, sep=";", decimal=",")
    run = prepare(
        tmp_path / "a.csv",
        target="z",
        read={"decimal": ","},
        sql="SELECT x, c, y * 2 AS z FROM data",
    )
    assert run.rows.features == ("x", "c=u", "c=v")
    assert run.settings.table["sql"] == "SELECT x, c, y * 2 AS z FROM data"
    assert run.settings.table["read"] == {"decimal": ","}
    assert "read: there is no option 'decimals'. Did you mean 'decimal'?" in refusal(
        tmp_path / "a.csv", target="y", read={"decimals": ","}
    )


def test_several_labels_are_learned():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    data = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "up": x[:, 0] > 0, "right": x[:, 1] > 0})
    run = nnplug.train(data, target=["up", "right"], epochs=30, learning_rate=0.01)
    assert run.settings.task == "multilabel"
    truth = data[["up", "right"]].to_numpy().astype(int)
    assert (run.predict(data) == truth).mean() > 0.95
