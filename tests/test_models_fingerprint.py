"""Equal data has an equal fingerprint, and any difference another."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from nnplug.models.fingerprint import fingerprint
from nnplug.tables import read_table, table_from

X = np.random.default_rng(0).standard_normal((100, 3))


def test_it_is_of_what_the_arrays_hold_and_not_of_how():
    assert fingerprint(X) == fingerprint(X.copy())
    assert fingerprint(X) == fingerprint(np.asfortranarray(X))
    assert fingerprint(X[::2]) == fingerprint(X[::2].copy())
    assert fingerprint(X) == fingerprint(X.astype(">f8"))
    assert len(fingerprint(X)) == 32


@pytest.mark.parametrize("rows", [0, 1, 1 << 16, (1 << 16) + 1, 3 * (1 << 16)])
def test_any_number_of_rows(rows):
    x = np.arange(2 * rows).reshape(rows, 2)
    assert fingerprint(x) == fingerprint(x.copy(order="F"))
    if rows:
        other = x.copy()
        other[-1, -1] += 1
        assert fingerprint(other) != fingerprint(x)


def test_all_of_these_differ():
    one_more = X.copy()
    one_more[50, 1] = np.nextafter(one_more[50, 1], 9)
    different = [
        (X,), (one_more,), (X.astype(np.float32),), (X.T,), (X.ravel(),), (X[::-1],),
        (X[:50], X[50:]), (X, None), (None, X), (None,), (), (X, X), (X.view(np.int64),),
        (np.zeros(3),), (-np.zeros(3),), (np.zeros((3, 1)),), (np.array(0.0),),
        (np.array(["a", "bc"], object),), (np.array(["ab", "c"], object),),
        (np.array(["a"], object), np.array(["bc"], object)),
    ]  # fmt: skip
    found = [fingerprint(*each) for each in different]
    for (a, one), (b, other) in itertools.combinations(enumerate(found), 2):
        assert one != other, (a, b)


FRAME = pd.DataFrame(
    {"a": [1.0, 2.0, None], "b": ["x", "y", "x"], "c": [True, False, True],
     "d": pd.to_datetime(["2020-01-01", "2020-01-02", None])}
)  # fmt: skip


def test_a_table_is_its_names_kinds_values_and_gaps(tmp_path):
    table = fingerprint(table_from(FRAME))
    assert table == fingerprint(table_from(FRAME.copy()))
    FRAME.to_parquet(tmp_path / "t.parquet")
    assert table == fingerprint(read_table(tmp_path / "t.parquet"))
    others = [
        FRAME.rename(columns={"a": "A"}),
        FRAME[["b", "a", "c", "d"]],
        FRAME.iloc[::-1],
        FRAME.assign(a=[1.0, 2.0, 3.0]),
        FRAME.assign(b=["x", "y", "z"]),
        FRAME.assign(b=["y", "x", "y"]),
        FRAME.assign(b=["x", None, "x"]),
        FRAME.assign(c=[1, 0, 1]),
        FRAME.assign(d=FRAME["d"] + pd.Timedelta("1us")),
        FRAME.iloc[:2],
    ]
    found = [table, *(fingerprint(table_from(each)) for each in others)]
    assert len(set(found)) == len(found)


def test_a_text_that_no_row_holds_is_no_difference(tmp_path):
    long = pd.DataFrame({"b": ["x", "y", "z", "x"]})
    long.to_parquet(tmp_path / "t.parquet")
    part = read_table(tmp_path / "t.parquet").take(slice(0, 2))
    assert fingerprint(part) == fingerprint(table_from(long[:2], source="elsewhere"))


def test_a_file_is_its_bytes(tmp_path):
    for name, data in {"a": b"1,2\n", "b": b"1,2\n", "c": b"1,3\n"}.items():
        (tmp_path / name).write_bytes(data)
    a, b, c = (fingerprint(tmp_path / name) for name in "abc")
    assert a == b != c


def test_it_is_fast():
    x = np.zeros((1_000_000, 4))  # 32 MB
    start = time.process_time()
    fingerprint(x)
    assert time.process_time() - start < 1
