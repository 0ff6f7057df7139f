"""Splits: who is held out, and what is said when nobody can be."""

import numpy as np
import pytest

from nnplug.errors import NnplugError
from nnplug.tables import Split, split_rows, table_from


def refusal(call, *arguments, **options):
    with pytest.raises(NnplugError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def split(data, text, share=0.2, seed=0, classes=None):
    table = data if isinstance(data, int) else table_from(data, source="t.csv")
    parts = split_rows(table, Split.parse(text), share=share, seed=seed, classes=classes)
    rows = data if isinstance(data, int) else table.rows
    both = np.concatenate([parts.training, parts.validation])
    assert len(set(both.tolist())) == len(both) <= rows
    assert (np.diff(parts.training) > 0).all()
    assert (np.diff(parts.validation) > 0).all()
    return parts


@pytest.mark.parametrize(
    "text", ["random", "stratified", "time:day", "group:a:b", "column:part", "file:x.csv"]
)
def test_the_text_form_is_read_back(text):
    assert Split.parse(text).text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("radnom", "split='radnom' is none of random, stratified, time:COLUMN, group:COLUMN,"),
        ("radnom", "Did you mean 'random'?"),
        ("time", "split='time': write time:COLUMN."),
        ("group:", "split='group:': write group:COLUMN."),
        ("random:a", "split='random:a': write random."),
        ("", "split='' is none of"),
    ],
)
def test_a_wrong_text_form(text, message):
    assert message in refusal(Split.parse, text)


def test_random_is_a_share_and_depends_on_the_seed_alone():
    parts = split(1000, "random")
    assert len(parts.validation) == 200
    assert np.array_equal(split(1000, "random").validation, parts.validation)
    assert not np.array_equal(split(1000, "random", seed=1).validation, parts.validation)
    assert len(split(1000, "random", share=0).validation) == 0
    assert "validation=0.9 leaves none of the 4 rows" in refusal(split, 4, "random", share=0.9)


def test_every_row_is_as_likely_to_be_held_out():
    count = np.zeros(20)
    for seed in range(2000):
        count[split(20, "random", seed=seed).validation] += 1
    # 400 expected, deviation √(2000 · 0.2 · 0.8) = 17.9; twenty rows within 4.5 deviations.
    assert abs(count - 400).max() < 80


@pytest.mark.parametrize("seed", range(5))
def test_stratified_holds_out_the_share_of_each_class(seed):
    classes = np.repeat([0, 1, 2, 3], [700, 250, 49, 1])
    np.random.default_rng(seed).shuffle(classes)
    parts = split(1000, "stratified", seed=seed, classes=classes)
    assert len(parts.validation) == 200
    assert np.bincount(classes[parts.validation], minlength=4).tolist() == [140, 50, 10, 0]


def test_stratified_without_classes_is_random():
    assert np.array_equal(split(50, "stratified").validation, split(50, "random").validation)


@pytest.mark.parametrize("sizes", [(6, 2), (2, 6), (1, 7)])
def test_stratified_keeps_a_row_of_each_class_for_training(sizes):
    classes = np.repeat([0, 1], sizes)
    for seed in range(20):
        parts = split(8, "stratified", share=0.75, seed=seed, classes=classes)
        assert set(classes[parts.training]) == {0, 1}
        assert len(parts.validation) == 6


def test_time_holds_out_the_last_rows_and_never_parts_a_moment():
    days = np.array([3, 1, 2, 5, 5, 4, 5, 1, 2, 3])
    parts = split({"day": days.astype("M8[D]"), "x": range(10)}, "time:day", share=0.3)
    assert parts.validation.tolist() == [3, 4, 6]
    assert parts.notes == (
        'split by time: validation begins at 1970-01-06, the last 3 rows by column "day"',
    )
    # The nearest to 2 rows that parts no moment is 3.
    assert len(split({"day": days}, "time:day", share=0.2).validation) == 3
    assert len(split({"day": days}, "time:day", share=0.4).validation) == 4


def test_groups_stay_whole():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 50, 1000)
    names = np.array([f"g{i}" for i in group], object)
    parts = split({"g": names}, "group:g")
    assert not set(names[parts.training]) & set(names[parts.validation])
    assert 180 <= len(parts.validation) <= 220
    assert "10 of 50 groups" in parts.notes[0] or "of 50 groups of column" in parts.notes[0]
    other = split({"g": names}, "group:g", seed=1)
    assert set(names[other.validation]) != set(names[parts.validation])


@pytest.mark.parametrize(
    ("values", "training", "validation"),
    [
        (["train", "Validation", "test", "TRAIN "], [0, 3], [1]),
        ([True, False, True, False], [1, 3], [0, 2]),
        ([0, 1, 0, 0], [0, 2, 3], [1]),
    ],
)
def test_a_column_says_which(values, training, validation):
    parts = split({"p": values}, "column:p", share=0.0)
    assert (parts.training.tolist(), parts.validation.tolist()) == (training, validation)
    if "test" in values:
        assert parts.notes == ('column "p" marks 1 row as test: not used',)


@pytest.mark.parametrize(
    ("values", "text", "message"),
    [
        (["a", "b"], "time:c", 't.csv: there is no column "c".'),
        (["a", "b"], "time:p", "the column holds text, which has no order in time."),
        ([2, 2], "time:p", "the column has only one time, 2, so no row is later."),
        ([2, 2], "group:p", "the column has only one group, so no group can be held out."),
        ([2, None], "group:p", 't.csv: column "p" has one value that is missing: row 2.'),
        (
            ["train", "valdation"],
            "column:p",
            'holds "valdation". It may hold only train, validation',
        ),
        (["train", "test"], "column:p", "marks no row as validation."),
        ([True, True], "column:p", "marks no row as training."),
        ([0, 2], "column:p", "holds 2. It must mark training rows as train, false or 0"),
    ],
)
def test_refusals(values, text, message):
    assert message in refusal(split, {"p": values}, text)
