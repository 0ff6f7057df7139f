"""Tables of very many columns: the same values as narrow ones, in seconds."""

import time

import numpy as np
import pandas as pd
import pytest

from nnplug.errors import DataError
from nnplug.tables import read_table

WIDE, ROWS = 600, 40


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    kinds = (
        lambda: rng.choice(["red", "blue", "Grün", "a b"], ROWS),
        lambda: pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D"),
        lambda: rng.integers(0, 9, ROWS),
        lambda: rng.normal(size=ROWS).round(3),
        lambda: rng.choice([True, False], ROWS),
    )
    return pd.DataFrame({f"column {k}": kinds[k % 5]() for k in range(WIDE)})


def test_a_wide_table_has_the_values_of_a_narrow_one(frame, tmp_path):
    frame.to_csv(tmp_path / "wide.csv", index=False)
    began = time.process_time()
    table = read_table(tmp_path / "wide.csv")
    assert time.process_time() - began < 20  # 3,000 columns took minutes
    assert table.names == tuple(frame.columns)
    for name in frame.columns:
        values, wanted = table.column(name).values, frame[name].to_numpy()
        if wanted.dtype.kind == "M":
            wanted = wanted.astype("M8[us]")
            values = values.astype("M8[us]")
        np.testing.assert_array_equal(values, wanted)


def test_a_stray_cell_of_a_wide_table_is_named(frame, tmp_path):
    spoilt = frame.astype({"column 402": object})
    spoilt.loc[7, "column 402"] = "n/a?"
    spoilt.to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(DataError, match=r'column "column 402"[\s\S]*n/a\?'):
        read_table(tmp_path / "wide.csv")
