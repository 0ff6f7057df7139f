"""Encoding tables, against scikit-learn and against cases worked by hand."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nnplug.errors import DataError
from nnplug.tables import Encoder, read_table, table_from


def refusal(call, *arguments, **options):
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def mixed(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "age": rng.normal(40, 12, rows),
        "island": rng.choice(["Torgersen", "Biscoe", "Dream"], rows),
        "member": rng.random(rows) < 0.3,
        "year": rng.integers(2007, 2010, rows),
        "price": rng.lognormal(3, 1, rows),
        "species": rng.choice(["b", "a", "c"], rows),
    }


def test_inputs_agree_with_scikit_learn_on_the_training_rows():
    data = mixed()
    table = table_from(data)
    rows = np.arange(5, 30)
    encoder = Encoder.fit(table, target="species", rows=rows)
    inputs = encoder.inputs(table)
    assert encoder.features == (
        "age", "island=Biscoe", "island=Dream", "island=Torgersen", "member", "year", "price",
    )  # fmt: skip
    numbers = np.column_stack([data[n].astype(float) for n in ("age", "member", "year", "price")])
    scaled = StandardScaler().fit(numbers[rows]).transform(numbers)
    np.testing.assert_allclose(inputs[:, [0, 4, 5, 6]], scaled, rtol=1e-12, atol=1e-13)
    island = data["island"][:, None]
    hot = OneHotEncoder(sparse_output=False).fit(island[rows]).transform(island)
    np.testing.assert_array_equal(inputs[:, 1:4], hot)
    assert inputs.dtype == np.float64
    assert inputs.flags.c_contiguous
    np.testing.assert_array_equal(encoder.inputs(table, np.float32), inputs.astype(np.float32))


def test_statistics_do_not_see_other_rows():
    data = mixed()
    rows = np.arange(20)
    before = Encoder.fit(table_from(data), target="price", rows=rows)
    for name in ("age", "price"):
        data[name][20:] = 1e9
    data["island"][20:] = "Elsewhere"
    assert Encoder.fit(table_from(data), target="price", rows=rows) == before
    mask = np.arange(40) < 20
    assert Encoder.fit(table_from(data), target="price", rows=mask) == before


def test_a_table_worked_by_hand():
    table = table_from({"x": [1, 3], "c": ["u", "u"], "b": [True, False], "y": [10.0, 30.0]})
    encoder = Encoder.fit(table, target="y")
    # x: mean 2, deviation 1; y: mean 20, deviation 10; b: mean 1/2, deviation 1/2.
    assert encoder.features == ("x", "c=u", "b")
    np.testing.assert_array_equal(encoder.inputs(table), [[-1, 1, 1], [1, 1, -1]])
    np.testing.assert_array_equal(encoder.targets(table), [[-1], [1]])
    np.testing.assert_array_equal(encoder.decode(np.array([[0], [2]], np.float32)), [[20], [40]])
    assert encoder.notes == (
        'target "y" is a number: regression (--task overrides)',
        'column "c" is constant ("u"); it is kept and tells nothing',
    )


def test_several_targets_and_back():
    data = mixed()
    table = table_from(data)
    encoder = Encoder.fit(table, target=["price", "age"])
    targets = encoder.targets(table)
    truth = np.column_stack([data["price"], data["age"]])
    np.testing.assert_allclose(targets, StandardScaler().fit_transform(truth), rtol=1e-12)
    np.testing.assert_allclose(encoder.decode(targets), truth, rtol=1e-13)
    assert encoder.task == "regression"
    assert encoder.target == ("price", "age")
    assert encoder.notes == ("2 targets: regression",)
    assert "must be (N, 2)" in refusal(encoder.decode, targets[:, :1])


@pytest.mark.parametrize(
    ("target", "task", "classes", "note"),
    [
        (["b", "a", "b"], "binary", ("a", "b"), "has 2 classes: binary classification"),
        (["b", "a", "c"], "multiclass", ("a", "b", "c"), "has 3 classes: multiclass"),
        ([True, False, True], "binary", (False, True), "has 2 classes: binary"),
        ([7, -1, 7], "binary", (-1, 7), "has 2 classes: binary"),
        ([7, -1, 8], "multiclass", (-1, 7, 8), "has 3 classes: multiclass"),
        ([7.0, 1.0, 7.0], "regression", (), "is a number: regression (--task overrides)"),
    ],
)
def test_the_task_is_inferred_and_noted(target, task, classes, note):
    table = table_from({"x": [1, 2, 3], "t": target})
    encoder = Encoder.fit(table, target="t")
    assert (encoder.task, encoder.classes) == (task, classes)
    assert [type(c) for c in encoder.classes] == [type(target[0])] * len(classes)
    assert encoder.notes[0].startswith(f'target "t" {note}')
    if classes:
        indices = encoder.targets(table)
        assert indices.dtype == np.int64
        assert [classes[i] for i in indices] == target


def test_twenty_whole_numbers_are_classes_and_more_are_not():
    for count, task in ((20, "multiclass"), (21, "regression")):
        table = table_from({"x": range(2 * count), "t": [i % count for i in range(2 * count)]})
        assert Encoder.fit(table, target="t").task == task
    assert Encoder.fit(table, target="t").notes[0] == (
        'target "t" has 21 different whole numbers: regression (--task overrides)'
    )
    assert Encoder.fit(table, target="t", task="multiclass").classes == tuple(range(21))


def test_an_explicit_task_wins_without_a_note():
    table = table_from({"x": [1, 2, 3], "t": [0.0, 1.0, 1.0]})
    encoder = Encoder.fit(table, target="t", task="binary")
    assert encoder.classes == (0, 1)
    assert encoder.notes == ()
    assert encoder.targets(table).tolist() == [0, 1, 1]


def test_a_constant_column_is_kept_with_scale_one():
    table = table_from({"x": [0.1] * 3, "z": [1, 2, 3], "t": [5.0, 5.0, 5.0]})
    encoder = Encoder.fit(table, target="t")
    np.testing.assert_array_equal(encoder.inputs(table)[:, 0], 0)
    assert encoder.columns[0].scale == 1
    assert encoder.notes[1:] == (
        'target "t" is constant (5) in the rows for training; it is kept, with scale 1',
        'column "x" is constant (0.1) in the rows for training; it is kept, with scale 1',
    )
    np.testing.assert_array_equal(encoder.decode(np.zeros((2, 1))), [[5], [5]])


@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1.0, 1e150, 1e300])
def test_no_magnitude_loses_the_scale(unit):
    table = table_from({"x": np.array([0.0, 10.0, 20.0, 30.0]) * unit, "t": ["a", "b", "a", "b"]})
    inputs = Encoder.fit(table, target="t").inputs(table)[:, 0]
    expected = StandardScaler().fit_transform([[0.0], [10.0], [20.0], [30.0]])[:, 0]
    # Subnormal numbers have few digits: mean and deviation are whole units.
    np.testing.assert_allclose(inputs, expected, rtol=0.1 if unit < 1e-307 else 1e-12)


def test_a_deviation_that_rounds_to_zero():
    table = table_from({"x": [0.0] * 39 + [5e-324], "t": [0, 1] * 20})
    assert Encoder.fit(table, target="t").inputs(table)[-1].tolist() == [1]


def test_numbers_too_large_to_standardise():
    table = table_from({"x": [1.5e308, -1.5e308, 1e308], "t": ["a", "b", "a"]})
    assert refusal(Encoder.fit, table, target="t") == (
        'the data: column "x" has numbers from -1.5e+308 to 1.5e+308, too large for a mean and a '
        "standard deviation.\nUse a larger unit, or take the column out of the table."
    )
    encoder = Encoder.fit(table_from({"x": [1e-9, 2e-9], "t": ["a", "b"]}), target="t")
    far = table_from({"x": [1e300], "t": ["a"]}, source="new")
    assert refusal(encoder.inputs, far).startswith('new: column "x" holds 1e+300 in row 1, which')
    less = table_from({"x": [1e32], "t": ["a"]}, source="new")
    assert "for float32." in refusal(encoder.inputs, less, np.float32)


def test_identifiers_dates_and_many_categories_are_left_out():
    table = table_from(
        {
            "id": [f"k{i}" for i in range(50)],
            "day": np.arange(50).astype("M8[D]"),
            "x": range(50),
            "t": [0, 1] * 25,
        }
    )
    encoder = Encoder.fit(table, target="t")
    assert encoder.features == ("x",)
    assert encoder.left_out == ("id", "day")
    assert encoder.notes[1:] == (
        'column "id" is left out: each row has a text of its own, as identifiers do',
        'column "day" is left out: it holds dates',
    )
    for count, kept in ((100, True), (101, False)):
        words = [f"w{i % count}" for i in range(250)]
        table = table_from({"w": words, "x": range(250), "t": [0, 1] * 125})
        encoder = Encoder.fit(table, target="t")
        assert (len(encoder.features) == 101) is kept
    assert 'column "w" is left out: it has 101 different texts' in encoder.notes[1]
    table = table_from({"id": ["a", "b"], "t": [0, 1]}, source="s.csv")
    assert refusal(Encoder.fit, table, target="t") == (
        's.csv: no column is left to predict "t" from.\n'
        'column "id" is left out: each row has a text of its own, as identifiers do'
    )
    assert "no column is left" in refusal(Encoder.fit, table_from({"t": [0, 1]}), target="t")


def test_missing_values_are_refused_where_they_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,c,id,t\n1,u,i1,a\n2,u,,b\n,v,i3,a\n,v,,b\n")
    table = read_table(path)
    assert refusal(Encoder.fit, table, target="t") == (
        't.csv: column "x" has 2 values that are missing, the first in row 3.\n'
        "Take the column out of the table or fill the values in."
    )
    # The rows for validation are looked at as well.
    assert "row 3" in refusal(Encoder.fit, table, target="t", rows=np.array([0, 1]))
    path.write_text("x,c,t\n1,u,a\n2,u,\n3,v,a\n4,v,b\n")
    assert refusal(Encoder.fit, read_table(path), target="t").startswith(
        't.csv: target "t" has one value that is missing, the first in row 2.\nTake these rows'
    )
    path.write_text("x,id,t\n1,i1,a\n2,,b\n3,i3,a\n")
    assert Encoder.fit(read_table(path), target="t").left_out == ("id",)
    path.write_text("x,c,t\n1,,a\n2,,b\n")
    assert 'column "c" has 2 values that are' in refusal(Encoder.fit, read_table(path), target="t")
    good = table_from({"x": [1.0, 2.0], "t": ["a", "b"]})
    bad = table_from({"x": [1.0, None]}, source="new")
    assert 'new: column "x" has one value that is missing' in refusal(
        Encoder.fit(good, target="t").inputs, bad
    )


def test_infinite_numbers_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,t\n1,a\ninf,b\n1e400,a\n")
    assert refusal(Encoder.fit, read_table(path), target="t").startswith(
        't.csv: column "x" has 2 values that are infinite or too large for a 64-bit number, the '
        "first in row 2.\n"
    )
    table = table_from({"x": [1, 2], "y": [1.0, -np.inf]})
    assert 'target "y" has one value that is infinite' in refusal(Encoder.fit, table, target="y")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": []}, "no target is named"),
        ({"target": "txet"}, "there is no column \"txet\". Did you mean 'text'?"),
        ({"target": ["num", "num"]}, 'the target "num" is named twice'),
        ({"target": "one"}, 'target "one" has one class only, "u".'),
        ({"target": "ones"}, "has one class only, 1. Classification"),
        ({"target": "ones"}, "If it is a quantity, use task=regression."),
        ({"target": "text", "task": "binary"}, 'has 3 classes ("a", "b", "c"), and task=binary'),
        ({"target": "text", "task": "regression"}, 'holds text such as "a", and regression'),
        ({"target": ["num", "text"]}, "several targets are regression"),
        ({"target": ["num", "ones"], "task": "binary"}, "task=binary takes one target, not 2"),
        ({"target": "num", "task": "multiclass"}, "holds 0.5 in row 1, and only whole numbers"),
        ({"target": "day"}, 'target "day" holds dates, which cannot be predicted.'),
        ({"target": "num", "task": "guess"}, "task='guess' is none of regression, binary"),
        ({"target": "num", "rows": np.array([0])}, "one row is all that is there to learn from"),
        ({"target": "num", "rows": np.array([], int)}, "no row is there to learn from"),
        ({"target": "num", "rows": np.array([0, 4])}, "there is no row 4; rows count from 0 to 3"),
        ({"target": "num", "rows": np.array([0.5, 1])}, "rows has dtype float64 and shape (2,)"),
    ],
)
def test_refusals(options, message):
    table = table_from(
        {
            "text": ["a", "b", "c", "a"],
            "num": [0.5, 1.5, 2.0, 3.0],
            "one": ["u"] * 4,
            "ones": [1] * 4,
            "day": np.arange(4).astype("M8[D]"),
        },
        source="t.csv",
    )
    assert message in refusal(Encoder.fit, table, **options)


def test_prediction_matches_columns_by_name_and_ignores_others():
    data = mixed()
    encoder = Encoder.fit(table_from(data), target="species")
    expected = encoder.inputs(table_from(data))
    del data["species"]
    other = table_from({"extra": [0] * 40, **dict(reversed(data.items()))}, source="new.csv")
    np.testing.assert_array_equal(encoder.inputs(other), expected)
    assert encoder.remarks(other) == (
        'new.csv: columns that training did not have are ignored: "extra"',
    )
    del data["age"]
    assert refusal(encoder.inputs, table_from(data, source="n")).startswith(
        'n: there is no column "age".'
    )


def test_unseen_categories_are_zeros_and_counted():
    table = table_from({"c": ["u", "v", "u"], "t": [0, 1, 0]})
    encoder = Encoder.fit(table, target="t")
    new = table_from({"c": ["w", "u", "w", "x"]}, source="new")
    np.testing.assert_array_equal(encoder.inputs(new), [[0, 0], [1, 0], [0, 0], [0, 0]])
    assert encoder.remarks(new) == (
        'new: column "c" has categories that training did not see, in 3 of 4 rows: "w", "x"; '
        "they are encoded as zeros",
    )
    assert encoder.remarks(table) == ()


def test_unseen_classes_are_refused():
    for known, new, shown in ((["a", "b"], "c", '"c"'), ([1, 2], 3, "3"), ([1, 3], 2, "2")):
        encoder = Encoder.fit(table_from({"x": [1, 2], "t": known}), target="t")
        message = refusal(encoder.targets, table_from({"x": [1, 2], "t": [known[0], new]}))
        assert f'target "t" is {shown} in row 2, which is not among the classes' in message


def test_another_kind_than_in_training(tmp_path):
    path = tmp_path / "new.csv"
    train = table_from(
        {"n": [1, 2, 3], "c": ["1", "1", "u"], "b": [True, False, True], "t": [0, 1, 0]}
    )
    encoder = Encoder.fit(train, target="t")
    path.write_text("n,c,b\n5,1,1\n6,2,0\n")
    message = refusal(encoder.inputs, read_table(path))
    assert 'column "c" holds numbers such as 1, and held text in training.' in message
    assert 'read_table(path, text=["c"])' in message
    assert encoder.text_columns == ("c",)
    inputs = encoder.inputs(read_table(path, text=encoder.text_columns))
    np.testing.assert_array_equal(inputs[:, 1:3], [[1, 0], [0, 0]])
    path.write_text("n,c,b\n5,1,2\n6,2,0\n")
    message = refusal(encoder.inputs, read_table(path, text=["c"]))
    assert 'column "b" holds 2 in row 1, and was a truth value in training' in message
    path.write_text("n,c,b\nhigh,1,1\n")
    assert 'column "n" holds text such as "high", and held numbers in training' in refusal(
        encoder.inputs, read_table(path, text=["c"])
    )


def test_inputs_are_floating():
    table = table_from({"x": [1, 2], "t": [0, 1]})
    encoder = Encoder.fit(table, target="t")
    assert "inputs cannot be int64" in refusal(encoder.inputs, table, np.int64)
    assert "its predictions have no unit" in refusal(encoder.decode, np.zeros((1, 1)))


@pytest.mark.parametrize("target", ["species", "price", "member", "year", ["price", "age"]])
def test_state_survives_json(target):
    table = table_from(mixed())
    encoder = Encoder.fit(table, target=target)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again == encoder
    np.testing.assert_array_equal(again.inputs(table), encoder.inputs(table))
    np.testing.assert_array_equal(again.targets(table), encoder.targets(table))


def changed(path, value):
    state = Encoder.fit(table_from(mixed()), target="species").to_dict()
    at = state
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return state


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["task"], "guess", "task is none that exists"),
        (["task"], ["binary"], "task is none that exists"),
        (["task"], "binary", "3 classes do not fit the task binary"),
        (["task"], "regression", "a regression has classes"),
        (["extra"], 1, "its keys are not"),
        (["target"], [], "target is empty"),
        (["target"], ["age"], "a column is listed twice"),
        (["target"], "species", "target is no list"),
        (["classes"], ["a", "a"], "classes are not sorted"),
        (["classes"], ["a", 1], "classes are not sorted"),
        (["classes"], [[1], [2]], "classes are not sorted"),
        (["columns"], [], "columns is empty"),
        (["columns", 0], 5, "a scale is no mapping"),
        (["columns", 0, "mean"], float("nan"), 'the mean of "age" is no finite number'),
        (["columns", 0, "mean"], 10**400, 'the mean of "age" is no finite number'),
        (["columns", 0, "scale"], 0, 'the scale of "age" is not positive'),
        (["columns", 0, "kind"], "code", "a scale's kind is unknown"),
        (["columns", 0, "kind"], ["number"], "a scale's kind is unknown"),
        (["columns", 0, "name"], 3, "a scale's name is no text"),
        (["columns", 1, "categories"], [], "has no categories"),
        (["columns", 1, "categories"], ["b", "a"], "is not sorted"),
        (["columns", 1, "categories"], ["b", "b"], "holds a text twice"),
        (["scales"], [{}], "a scale has other keys"),
        (["notes"], [1], "notes holds more than text"),
    ],
)
def test_a_bad_state_is_refused(path, value, message):
    assert message in refusal(Encoder.from_dict, changed(path, value))
    assert "it is no mapping" in refusal(Encoder.from_dict, [])
