"""Work in several threads: the same results and the same first error."""

import threading
import time

import numpy as np
import pytest

from nnplug.errors import DataError
from nnplug.tables import Encoder, parallel, table_from
from nnplug.tables.parallel import parallel_map

ROWS = 40_000  # several stretches


@pytest.fixture(params=[1, 2, 5])
def processors(request, monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: request.param)
    return request.param


def test_results_come_in_order(processors):
    assert list(parallel_map(lambda part: part * part, range(100))) == [i * i for i in range(100)]
    assert list(parallel_map(str, [])) == []


def test_it_is_worked_at_once(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 3)
    together = threading.Barrier(3, timeout=60)  # which breaks if fewer than three come
    places = list(parallel_map(lambda _: together.wait(), range(3)))
    assert sorted(places) == [0, 1, 2]


def test_one_part_stays_in_this_thread(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 3)
    assert list(parallel_map(lambda _: threading.get_ident(), [0])) == [threading.get_ident()]


def test_the_first_error_in_order_is_raised_and_the_rest_is_not_begun(processors):
    begun = []

    def work(part):
        begun.append(part)
        if part in (3, 4):
            raise ValueError(part)
        time.sleep(0.001)  # all would take two seconds

    with pytest.raises(ValueError, match=r"^3$"):
        list(parallel_map(work, range(10_000)))
    assert len(begun) < 10_000
    assert not [each for each in threading.enumerate() if each.name.startswith("nnplug-table")]


def columns():
    rng = np.random.default_rng(0)
    days = np.datetime64("2020-01-01", "s") + rng.integers(0, 10**8, ROWS)
    holes = rng.normal(5, 2, ROWS)
    holes[::7] = np.nan
    return {
        "number": rng.standard_cauchy(ROWS),  # some far from all others
        "holes": holes,
        "text": rng.choice(["a", "b", "c"], ROWS),
        "truth": rng.random(ROWS) < 0.5,
        "day": days,
        "t": rng.normal(size=ROWS),
    }


def test_an_encoder_learns_and_writes_the_same_in_any_number_of_threads(monkeypatch):
    table = table_from(columns())
    found = []
    for count in (1, 4):
        monkeypatch.setattr(parallel, "_processors", lambda count=count: count)
        encoder = Encoder.fit(table, target="t")
        found.append((encoder.to_dict(), encoder.inputs(table)))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_the_first_overflowing_row_is_named(processors):
    encoder = Encoder.fit(table_from({"x": [1e-9, 2e-9], "t": ["a", "b"]}), target="t")
    x = np.full(ROWS, 1e-9)
    x[[9_000, 20_000, ROWS - 1]] = 1e300
    with pytest.raises(DataError, match=r'column "x" holds 1e\+300 in row 9001, which is too far'):
        encoder.inputs(table_from({"x": x}))


def test_no_rows_make_no_inputs():
    encoder = Encoder.fit(table_from({"x": [1.0, 2.0], "t": [0.5, 1.5]}), target="t")
    empty = table_from({"x": [1.0], "t": [2.0]}).take(np.array([], int))
    assert encoder.inputs(empty).shape == (0, 1)
    assert encoder.targets(empty).shape == (0, 1)
