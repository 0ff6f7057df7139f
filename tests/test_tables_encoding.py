"""Encoding tables, against scikit-learn and against cases worked by hand."""

import json
import math

import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nnplug.errors import NnplugError
from nnplug.tables import Encoder, ReadOptions, TableOptions, read_table, table_from


def refusal(call, *arguments, **options):
    with pytest.raises(NnplugError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def remarks(encoder, table):
    counted = encoder.remarks(table.names)
    counted.add(table)
    return counted.lines()


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
    assert encoder.features == ("x", "b")
    np.testing.assert_array_equal(encoder.inputs(table), [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(encoder.targets(table), [[-1], [1]])
    np.testing.assert_array_equal(encoder.decode(np.array([[0], [2]], np.float32)), [[20], [40]])
    assert encoder.notes == (
        'target "y" is a number: regression (--task overrides)',
        'column "c" is left out: all rows for training have "u"',
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


def test_a_constant_column_is_left_out_and_a_constant_target_has_scale_one():
    table = table_from({"x": [0.1] * 3, "z": [1, 2, 3], "t": [5.0, 5.0, 5.0]})
    encoder = Encoder.fit(table, target="t")
    assert (encoder.features, encoder.left_out) == (("z",), ("x",))
    assert encoder.scales[0].scale == 1
    assert encoder.notes[1:] == (
        'target "t": all rows for training have 5',
        'column "x" is left out: all rows for training have 0.1',
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
    assert np.isfinite(encoder.inputs(less, np.float32)).all()  # it counts as a logarithm


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("k", [f"k{i}" for i in range(50)], "every row has a different text, as with identifiers"),
        ("PassengerId", range(50), "its name looks like an identifier (--numeric PassengerId"),
        ("row id", range(50), "its name looks like an identifier"),
        ("ID", [5.0] * 50, "its name looks like an identifier"),
        ("Bird ID", [f"N{i // 2}" for i in range(50)], "its name looks like an identifier"),
        ("k", [f"k{i // 2 if i < 10 else i}" for i in range(50)], "40 of its 50 texts occur once"),
        (
            "note",
            [f"the {i % 30} th remark of them all" for i in range(50)],
            "it holds free text, 7 words on average",
        ),
        ("empty", [None] * 50, "it has no value in the rows for training"),
    ],
)
def test_identifiers_and_free_text_are_left_out_with_the_reason(name, values, reason):
    table = table_from({name: list(values), "x": range(50), "t": [0, 1] * 25})
    encoder = Encoder.fit(table, target="t")
    assert encoder.features == ("x",)
    assert encoder.left_out == (name,)
    assert f'column "{name}" is left out: {reason}' in encoder.notes[1]


def test_what_looks_like_an_identifier_and_is_none():
    numbers = {"humid": range(50), "paid": range(50), "x.1": range(50), "idle": range(50)}
    table = table_from({**numbers, "user_id": np.arange(50) + 0.5, "t": [0, 1] * 25})
    assert Encoder.fit(table, target="t").features == (*numbers, "user_id")
    table = table_from({"shop_id": [f"s{i % 4}" for i in range(50)], "t": [0, 1] * 25})
    assert len(Encoder.fit(table, target="t").features) == 4
    table = table_from({"id": range(50), "t": [0, 1] * 25})
    options = TableOptions(numeric=("id",))
    assert Encoder.fit(table, target="t", options=options).features == ("id",)
    assert "no column is left" in refusal(Encoder.fit, table_from({"t": [0, 1]}), target="t")
    table = table_from({"id": ["a", "b"], "t": [0, 1]}, source="s.csv")
    assert refusal(Encoder.fit, table, target="t") == (
        's.csv: no column is left to predict "t" from.\n'
        'column "id" is left out: every row has a different text, as with identifiers'
    )


def test_missing_values_by_rule():
    data = {"x": [1.0, None, 4.0, 7.0], "b": [True, None, False, True], "c": ["u", "u", None, "v"]}
    table = table_from({**data, "t": [0, 1, 0, 1]}, source="t.csv")
    encoder = Encoder.fit(table, target="t")
    assert encoder.features == (
        "x", "x=(missing)", "b", "b=(missing)", "c=u", "c=v", "c=(missing)",
    )  # fmt: skip
    inputs = encoder.inputs(table)
    # x: mean 4, squares 9 + 0 + 9, deviation √6; b: mean 2/3, deviation √2/3.
    np.testing.assert_allclose(inputs[:, 0], np.array([-3, 0, 0, 3]) / np.sqrt(6), atol=1e-15)
    np.testing.assert_allclose(
        inputs[:, 2], np.array([1 / 3, 0, -2 / 3, 1 / 3]) / (np.sqrt(2) / 3), atol=1e-15
    )
    np.testing.assert_array_equal(inputs[:, 1], [0, 1, 0, 0])
    np.testing.assert_array_equal(inputs[:, 3], [0, 1, 0, 0])
    np.testing.assert_array_equal(inputs[:, 4:], [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert encoder.notes[1:] == (
        'missing values: the mean replaces them, and an input tells where: "x" (1), "b" (1)',
        'missing values are a category of their own: "c" (1)',
    )
    skewed = table_from({"x": [1.0, 2.0, 90.0, None], "t": [0, 1, 0, 1]})
    encoder = Encoder.fit(skewed, target="t", options=TableOptions(missing="median"))
    assert encoder.columns[0].fill == 2
    assert encoder.inputs(skewed)[3, 0] == encoder.inputs(skewed)[1, 0]
    assert "the median replaces them" in encoder.notes[-1]
    refuse = TableOptions(missing="refuse")
    assert refusal(Encoder.fit, table, target="t", options=refuse) == (
        't.csv: column "x" has one value that is missing: row 2.\n'
        "Fill the values in, use --missing mean, median or drop, or leave the column out: --drop x"
    )
    # The rows for validation are looked at as well.
    message = refusal(Encoder.fit, table, target="t", options=refuse, rows=np.array([0, 3]))
    assert 'column "x" has one value that is missing: row 2.' in message


def test_many_missing_values_are_counted():
    table = table_from({"x": [None] * 8 + [1.0, 2.0], "t": [0, 1] * 5})
    message = refusal(Encoder.fit, table, target="t", options=TableOptions(missing="refuse"))
    assert "has 8 values that are missing: rows 1, 2, 3, 4, 5 and 3 more.\n" in message


def test_missing_targets_are_refused():
    table = table_from({"x": [1, 2, 3, 4], "t": ["a", None, "b", None]}, source="t.csv")
    assert refusal(Encoder.fit, table, target="t") == (
        't.csv: target "t" has 2 values that are missing: rows 2, 4.\n'
        "Fill the values in, or leave these rows out: --drop-missing-targets"
    )


def test_values_that_lack_at_prediction_alone():
    days = np.array(["2020-01-01", "2020-03-01"], "M8[D]")
    table = table_from({"x": [1.0, 3.0] * 2, "d": np.tile(days, 2), "c": ["u", "v"] * 2,
                        "t": [0, 1] * 2})  # fmt: skip
    new = table_from({"x": [None], "d": [None], "c": [None]}, source="new")
    encoder = Encoder.fit(table, target="t")
    np.testing.assert_array_equal(encoder.inputs(new), np.zeros((1, len(encoder.features))))
    assert remarks(encoder, new) == (
        'new: column "x" lacks values, in 1 of 1 row, and lacked none in training; 2 replaces them',
        'new: column "d" lacks values, in 1 of 1 row, and lacked none in training; the mean date '
        "replaces them",
        'new: column "c" lacks values, in 1 of 1 row, and lacked none in training; they count as '
        "none of the categories",
    )
    for rule in ("refuse", "drop"):
        encoder = Encoder.fit(table, target="t", options=TableOptions(missing=rule))
        assert 'new: column "x" has one value that is missing' in refusal(encoder.inputs, new)


def test_rare_categories_share_an_input_with_unseen_ones():
    words = ["a"] * 3 + ["b"] * 2 + ["c", "d"]
    table = table_from({"c": words, "t": [0, 1, 0, 1, 0, 1, 0]})
    encoder = Encoder.fit(table, target="t")
    assert encoder.features == ("c=a", "c=b", "c=(other)")
    assert encoder.columns[0].rare == ("c", "d")
    np.testing.assert_array_equal(encoder.inputs(table)[:, 2], [0, 0, 0, 0, 0, 1, 1])
    assert encoder.notes[1:] == (
        'column "c" has 4 categories: 2 rare ones (2 rows) share one input',
    )
    new = table_from({"c": ["z", "d", None]}, source="new")
    np.testing.assert_array_equal(encoder.inputs(new), [[0, 0, 1], [0, 0, 1], [0, 0, 0]])
    assert remarks(encoder, new)[0] == (
        'new: column "c" has categories that training did not see, in 1 of 3 rows: "z"; they count '
        "as rare ones"
    )
    assert refusal(encoder.inputs, new, unknown="error") == (
        'new: column "c" has categories that training did not see, in 1 row, the first in row 1: '
        '"z".\nTrain on rows that hold them, or let them count as rare ones: --unknown bucket'
    )
    encoder.inputs(table, unknown="error")
    assert "unknown='no' is none of bucket, error" in refusal(encoder.inputs, new, unknown="no")


def test_the_hundred_commonest_categories_have_an_input():
    words = [f"w{i:03}" for i in range(150) for _ in range(2 + (i < 20))]
    table = table_from({"c": words, "t": [0, 1] * (len(words) // 2)})
    encoder = Encoder.fit(table, target="t")
    # Twenty occur three times; among the others, in the order of the alphabet.
    assert encoder.features == (*(f"c=w{i:03}" for i in range(100)), "c=(other)")
    assert encoder.notes[1] == (
        'column "c" has 150 categories: 50 rare ones (100 rows) share one input'
    )


def test_more_texts_than_can_be_categories_are_left_out():
    words = [f"w{i // 2}" for i in range(20_004)]
    table = table_from({"c": words, "x": range(20_004), "t": [0, 1] * 10_002})
    assert Encoder.fit(table, target="t").notes[1] == (
        'column "c" is left out: it has more than 10,000 different texts'
    )


@pytest.mark.parametrize("values", [[1, 2, 1, 2], [1.0, 2.0, 1.0, 2.0], [True, False, True, False]])
def test_numbers_as_categories(values):
    table = table_from({"c": values, "t": [0, 1, 0, 1]})
    options = TableOptions(categorical=("c",))
    encoder = Encoder.fit(table, target="t", options=options)
    first, second = sorted(("true", "false") if values[0] is True else ("1", "2"))
    assert encoder.features == (f"c={first}", f"c={second}")
    again = table_from({"c": [str(v).lower().removesuffix(".0") for v in values]})
    np.testing.assert_array_equal(encoder.inputs(table), encoder.inputs(again))


def test_columns_as_the_user_says():
    table = table_from(
        {"a": [1, 2], "b": [1, 3], "c": [1, 4], "w": [1, 1], "t": [0, 1]}, source="s"
    )

    def features(**options):
        return Encoder.fit(table, target="t", options=TableOptions(**options)).features

    assert features(drop=("b",), weights="w") == ("a", "c")
    assert features(columns=("c", "a")) == ("a", "c")
    encoder = Encoder.fit(table, target="t", options=TableOptions(columns=("c", "a")))
    assert encoder.left_out == ("b", "w")
    for option, name, message in (
        ("drop", "bb", "s: --drop: there is no column \"bb\". Did you mean 'b'?\nIts columns are"),
        ("columns", "t", 's: --columns: column "t" is the target.'),
        ("numeric", "zzz", 's: --numeric: there is no column "zzz".'),
    ):
        options = TableOptions(**{option: (name,)})
        assert message in refusal(Encoder.fit, table, target="t", options=options)
    message = refusal(Encoder.fit, table, target="t", options=TableOptions(weights="x"))
    assert 's: there is no column "x".' in message
    assert "in columns and in drop" in refusal(TableOptions, columns=("a",), drop=("a",))
    assert "missing='no' is not one of mean, median, refuse, drop" in refusal(
        TableOptions, missing="no"
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
        ({"target": ["num", "one"], "task": "multilabel"}, '"num" holds 0.5 in row 1, and each'),
        ({"target": ["one", "ones"], "task": "multilabel"}, '"one" holds "u" in row 1, and each'),
        ({"target": "num", "rows": np.array([0])}, "there is only one row to learn from"),
        ({"target": "num", "rows": np.array([], int)}, "there are no rows to learn from"),
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
    assert remarks(encoder, other) == (
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
    assert remarks(encoder, new) == (
        'new: column "c" has categories that training did not see, in 3 of 4 rows: "w", "x"; '
        "they count as none of the known ones",
    )
    assert remarks(encoder, table) == ()


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
    # The file's codes happen to be digits: they are read as the text that they were.
    path.write_text("n,c,b\n5,1,1\n6,2,0\n")
    assert encoder.read_options().text == ("c",)
    for options in (None, encoder.read_options()):
        inputs = encoder.inputs(read_table(path, options))
        np.testing.assert_array_equal(inputs[:, 1:3], [[1, 0], [0, 0]])
    path.write_text("n,c,b\n5,1,2\n6,2,0\n")
    message = refusal(encoder.inputs, read_table(path))
    assert 'column "b" holds 2 in row 1, and was a truth value in training' in message
    path.write_text("n,c,b\nhigh,1,1\n")
    assert refusal(encoder.inputs, read_table(path)) == (
        'new.csv: column "n" holds text such as "high", and held numbers in training.'
    )
    # Read with the encoder's options, the line is named.
    assert refusal(read_table, path, encoder.read_options()).startswith(
        'new.csv:2: column "n": cannot read "high" as a number'
    )
    path.write_text("n,c,b,x\n1,1,1,7\n")
    options = encoder.read_options(ReadOptions(text=("x",)))
    assert read_table(path, options).column("x").values.tolist() == ["7"]
    dates = table_from({"n": np.array(["2020-01-01"], "M8[D]"), "c": ["u"], "b": [True]})
    assert 'column "n" holds dates such as 2020-01-01, and' in refusal(encoder.inputs, dates)


def test_inputs_are_floating():
    table = table_from({"x": [1, 2], "t": [0, 1]})
    encoder = Encoder.fit(table, target="t")
    assert "dtype=int64: inputs are float32 or float64" in refusal(encoder.inputs, table, np.int64)
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
        (["task"], "guess", "the task of its encoder is unknown"),
        (["task"], ["binary"], "the task of its encoder is unknown"),
        (["task"], "binary", "3 classes do not fit the task binary"),
        (["task"], "regression", "a regression has classes"),
        (["extra"], 1, 'its encoder has "extra", which nnplug does not write'),
        (["target"], [], "its encoder has no target"),
        (["target"], ["age"], "a column is listed twice"),
        (["target"], "species", "the targets of its encoder are not a list"),
        (["classes"], ["a", "a"], "classes are not sorted"),
        (["classes"], ["a", 1], "classes are not sorted"),
        (["classes"], [[1], [2]], "classes are not sorted"),
        (["columns"], [], "its encoder has no columns"),
        (["columns", 0], 5, "a scale is not a JSON object"),
        (["columns", 0, "mean"], float("nan"), 'the mean of "age" is not a finite number'),
        (["columns", 0, "mean"], 10**400, 'the mean of "age" is not a finite number'),
        (["columns", 0, "scale"], 0, 'the scale of "age" is not positive'),
        (["columns", 0, "kind"], "code", 'the kind of "age" is unknown'),
        (["columns", 0, "kind"], ["number"], 'the kind of "age" is unknown'),
        (["columns", 0, "name"], 3, "the name of a scale is not text"),
        (["columns", 1, "categories"], [], "has no categories"),
        (["columns", 1, "rare"], ["Dream"], "has a category twice"),
        (["columns", 1, "missing"], 1, "is not a truth value"),
        (["columns", 0, "fill"], None, 'the fill of "age" is not a finite number'),
        (["columns", 0, "indicator"], "yes", 'the indicator of "age" is not a truth value'),
        (["missing"], "guess", "the rule for missing values is unknown"),
        (["missing"], ["mean"], "the rule for missing values is unknown"),
        (["columns", 1, "categories"], ["b", "a"], "are not sorted"),
        (["columns", 1, "categories"], ["b", "b"], 'include "b" twice'),
        (["scales"], [{}], 'a scale has no "fill"'),
        (["notes"], [1], "the notes are not all text"),
    ],
)
def test_a_bad_state_is_refused(path, value, message):
    assert message in refusal(Encoder.from_dict, changed(path, value))
    assert "its encoder is not a JSON object" in refusal(Encoder.from_dict, [])


def test_labels():
    table = table_from({"x": [1, 2, 3], "a": [True, False, True], "b": [0, 1, 1]})
    encoder = Encoder.fit(table, target=["a", "b"])
    assert (encoder.task, encoder.classes) == ("multilabel", ("a", "b"))
    assert encoder.notes[0].startswith("2 targets of yes or no: multilabel classification")
    np.testing.assert_array_equal(encoder.targets(table), [[1, 0], [0, 1], [1, 1]])
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder
    assert Encoder.fit(table, target="a", task="multilabel").targets(table).tolist() == [
        [1],
        [0],
        [1],
    ]
    assert Encoder.fit(table, target=["a", "b"], task="regression").task == "regression"
    new = table_from({"x": [1], "a": [True], "b": [2]}, source="new")
    assert 'new: target "b" is 2 in row 1, which is not among the classes' in refusal(
        encoder.targets, new
    )


@pytest.mark.parametrize("target", [["a", "b"], "a,b", ["b,a"]])
def test_labels_of_yes_and_no(target):
    table = table_from(
        {"x": [1, 2, 3, 4], "a": ["yes", "no", "No", "YES"], "b": ["n", "y", "y", "n"]}
    )
    encoder = Encoder.fit(table, target=target)
    assert (encoder.task, {*encoder.target}) == ("multilabel", {"a", "b"})
    wanted = {"a": [1, 0, 0, 1], "b": [0, 1, 1, 0]}
    np.testing.assert_array_equal(
        encoder.targets(table), np.transpose([wanted[name] for name in encoder.target])
    )
    later = table_from({"x": [1, 2], "a": [True, False], "b": ["no", "yes"]})
    assert {*map(tuple, encoder.targets(later).tolist())} == {(1, 0), (0, 1)}
    alone = Encoder.fit(table, target="a")
    assert (alone.task, alone.classes) == ("multiclass", ("No", "YES", "no", "yes"))


def test_a_column_may_have_a_comma_in_its_name():
    table = table_from({"a,b": [0, 1, 1], "a": [1, 2, 3], "b": [4, 5, 6]})
    assert Encoder.fit(table, target="a,b").target == ("a,b",)


# --- notes on many columns ----------------------------------------------------------------


def test_notes_that_fit_many_columns_name_the_first_and_count_the_others():
    number = np.arange(40)
    data = {"x": number, "t": number % 2}
    data |= {f"k{i}": np.full(40, i) for i in range(12)}
    data |= {f"id{i:02}": [f"{i}-{j}" for j in range(40)] for i in range(12)}
    data |= {f"c{i:02}": ["a"] * 19 + ["b"] * 19 + ["c", "d"] for i in range(12)}
    data |= {f"m{i:02}": np.where(number < 12 + i, np.nan, number) for i in range(12)}
    _, *notes = Encoder.fit(table_from(data), target="t").notes
    reason = "every row has a different text, as with identifiers"
    constant = ", ".join(f'"k{i}" ({i})' for i in range(10))
    assert notes[:12] == [
        *(f'column "id{i:02}" is left out: {reason}' for i in range(10)),
        '2 more columns are left out: "id10", "id11"',
        f"12 columns are left out, each the same in all rows for training: {constant} and 2 more",
    ]
    many = "has 4 categories: 2 rare ones (2 rows) share one input"
    assert notes[12:23] == [
        *(f'column "c{i:02}" {many}' for i in range(10)),
        '2 more columns have rare categories: "c10", "c11"',
    ]
    lacking = ", ".join(f'"m{i:02}" ({12 + i})' for i in range(10))
    assert notes[23:] == [
        f"missing values: the mean replaces them, and an input tells where: {lacking} and 2 more",
    ]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["u"] * 4, '"u"'),
        ([True] * 4, "true"),
        ([np.datetime64("2024-05-06")] * 4, "one date"),
        ([7.0] * 4, "7"),
        (["u", "u", "u", None], None),  # the gap tells something
        ([7.0, 7.0, 7.0, None], None),
    ],
)
def test_a_constant_column_is_named_with_its_value(values, shown):
    table = table_from({"c": values, "x": range(4), "t": [0, 1, 0, 1]})
    found = [note for note in Encoder.fit(table, target="t").notes if "left out" in note]
    said = f'column "c" is left out: all rows for training have {shown}'
    assert found == ([said] if shown else [])


def test_ways_out_can_be_typed_as_they_stand():
    table = table_from({
        "It's an ID": [f"a{i // 2}" for i in range(60)], "a, b id": range(60), "t": [0, 1] * 30,
        "x": range(60),
    })  # fmt: skip
    assert Encoder.fit(table, target="t").notes[1:] == (
        'column "It\'s an ID" is left out: its name looks like an identifier '
        "(--categorical 'It'\"'\"'s an ID' keeps it)",
        'column "a, b id" is left out: its name looks like an identifier '
        "(--numeric 'a\\, b id' keeps it)",
    )


# --- values far from all others --------------------------------------------------------------


def test_far_values_grow_as_a_logarithm_and_keep_their_order():
    train = table_from({"x": [1.0, 3.0], "t": [0.0, 1.0]})  # mean 2, deviation 1
    encoder = Encoder.fit(train, target="t", task="regression")
    z = np.array([-1e300, -12.0, -10.0, 0.0, 9.5, 10.0, 10.5, 11.0, 1e6])
    found = encoder.inputs(table_from({"x": z + 2}))[:, 0]
    near = np.abs(z) <= 10
    np.testing.assert_array_equal(found[near], z[near])
    wanted = [-(10 + math.log(1e300)), -(10 + math.log(3)), 10 + math.log(1.5), 10 + math.log(2),
              10 + math.log(1e6 - 9)]  # fmt: skip
    np.testing.assert_allclose(found[~near], wanted, rtol=1e-14)
    assert (np.diff(found) > 0).all()


def test_a_far_target_is_not_bent():
    table = table_from({"x": range(200), "t": [0.0] * 199 + [1e6]})
    encoder = Encoder.fit(table, target="t", task="regression")
    targets = encoder.targets(table)
    assert targets.max() > 14  # deviations; sqrt(199)
    np.testing.assert_allclose(encoder.decode(targets)[:, 0], [0.0] * 199 + [1e6], atol=1e-6)
