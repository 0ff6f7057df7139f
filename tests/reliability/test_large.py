"""A large set of Parquet files over two processes: memory, validation loss, early stopping.

`NNPLUG_LARGE_ROWS` says how many rows it has. `python -m tests.reliability.large` does the
same with as many as the disk holds, and prints what each process took.
"""

from __future__ import annotations

import os

import pytest

from tests.reliability.large import FILES, generate, settings_for, train
from tests.test_shards import MPIEXEC, several

ROWS = int(os.environ.get("NNPLUG_LARGE_ROWS", "60000"))


@several
@pytest.mark.slow
def test_two_processes_learn_from_all_rows_what_one_learns(tmp_path):
    generate(tmp_path, ROWS, FILES)
    data = f"{tmp_path}/*.parquet"
    # The rate is so high that the best epoch comes early.
    settings = settings_for(0.05, epochs=12, patience=2, learning_rate=0.05, batch_size=1024)
    one, two = (train(data, processes, settings, MPIEXEC) for processes in (1, 2))
    assert [said["rank"] for said in two] == [0, 1]
    for said in two:
        for name in ("loss", "validation_loss", "ended", "best", "rows"):
            assert said[name] == one[0][name], name
        assert said["GiB"] < 2
    assert one[0]["ended"] == "patience"
    assert one[0]["best"] == len(one[0]["loss"]) - 3
    # As many steps on a tenth of the rows come near the same loss.
    for path in sorted(tmp_path.glob("*.parquet"))[FILES // 10 :]:
        path.unlink()
    once = two[0]["validation_loss"][0]
    tenth = train(data, 1, settings | {"epochs": 10, "patience": None}, None)[0]
    print(f"{ROWS:,} rows: {max(said['GiB'] for said in two):.2f} GiB at most")
    print(f"after an epoch {once:.4f}; after ten of a tenth {tenth['validation_loss'][-1]:.4f}")
    assert tenth["validation_loss"][-1] == pytest.approx(once, rel=0.15)
