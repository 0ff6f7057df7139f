"""A table of many rows, trained on by several processes: how much memory each of them takes.

    python -m tests.reliability.large --rows 20000000 --processes 2 --folder /scratch

writes the table as a set of Parquet files, trains one epoch on it under `mpiexec`,
and prints for each process the most memory that it had, and the seconds of each part
of the work. With `--tenth`, one process then trains ten epochs on the first tenth of
the files: as many steps. The files are removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

FILES = 20
COLUMNS = 19
"""Beside the target: whole numbers of one byte."""


def generate(folder: Path, rows: int, files: int = FILES) -> int:
    """Write the table, a file after the other; return its bytes.

    The target is a function of some columns with a deviation of 1/2 around it, so that
    no network has a mean squared error below 1/4.
    """
    connection = duckdb.connect()
    connection.execute("SET threads=1; SET memory_limit='1GB'")
    cells = ", ".join(
        f"(hash(n * {COLUMNS} + {i}) % {50 + 10 * i})::UTINYINT AS x{i}" for i in range(COLUMNS)
    )
    noise = " + ".join(f"(hash(-n - {i}) % 1000000) / 1e6" for i in range(1, 13))
    signal = "sin(x0 / 8.0) + x1 / 30.0 * (x2 / 35.0 - 1) + (x3 > 40)::INT"
    size = 0
    for file in range(files):
        first, last = rows * file // files, rows * (file + 1) // files
        path = folder / f"part{file:03}.parquet"
        connection.execute(
            f"COPY (SELECT *, ({signal} + ({noise} - 6) / 2)::FLOAT AS y FROM (SELECT n, {cells} "
            f"FROM (SELECT range AS n FROM range({first}, {last}))) ) TO '{path}' "
            "(ROW_GROUP_SIZE 200000, COMPRESSION zstd)"
        )
        size += path.stat().st_size
    return size


CHILD = """
import json, os, resource, sys, time
import nnplug
from nnplug.launch import is_first

data, settings = sys.argv[1], json.loads(sys.argv[2])
seconds = {"start": time.perf_counter()}

class Clock:
    def on_train_start(self, run):
        seconds["begin"] = time.perf_counter()
    def on_epoch_end(self, run, record):
        seconds["end"] = time.perf_counter()

run = nnplug.train(data, target="y", callbacks=[Clock()], **settings)
own = os.times()
said = {
    "rank": int(os.environ.get("PMI_RANK", "0")),
    "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    "reading": seconds["begin"] - seconds["start"],
    "epochs": seconds["end"] - seconds["begin"],
    "cpu": own.user + own.system,
    "rows": [len(run.train_rows), len(run.validation_rows)],
    "loss": list(run.history["loss"]),
    "validation_loss": list(run.history["validation_loss"]),
    "ended": run.ended,
    "best": run.final.epoch,
}
with open(f"{sys.argv[3]}/{said['rank']}.json", "w") as file:  # lines on stdout may run together
    json.dump(said, file)
"""


def train(
    data: str, processes: int, settings: dict[str, Any], mpiexec: str | None
) -> list[dict[str, Any]]:
    """Train on a set of files; return what each process said, in the order of their ranks."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        command: list[str] = [sys.executable, "-c", CHILD, data, json.dumps(settings), folder]
        if processes > 1:
            assert mpiexec is not None, "there is no mpiexec: pip install mpich"
            command = [mpiexec, "-n", str(processes), *command]
        subprocess.run(
            command, env={**os.environ, **threads}, stdout=subprocess.DEVNULL, check=True
        )
        return [
            json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(processes)
        ]


def settings_for(validation: float, **more: Any) -> dict[str, Any]:
    """Give the settings of all runs: a small network, large batches, few validation rows."""
    return {
        "recipe": "fast",
        "stream": True, "shards": 16, "epochs": 1, "hidden": [64], "batch_size": 8192,
        "validation": validation, "engine": "numpy", "metrics": ["mse"], "class_weight": None,
        "target_transform": "none", "task": "regression", **more,
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, train, print, remove."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--validation", type=float, default=0.01)
    parser.add_argument("--folder", type=Path, help="where the files go; by default TMPDIR")
    parser.add_argument("--files", type=Path, help="a folder with the files of an earlier run")
    parser.add_argument("--tenth", action="store_true", help="train on a tenth as well, alone")
    given = parser.parse_args(arguments)
    from tests.test_shards import MPIEXEC  # where the wheel has it

    folder = Path(tempfile.mkdtemp(prefix="nnplug-large-", dir=given.folder))
    os.environ["TMPDIR"] = str(folder)  # the encoded rows go there too
    try:
        if given.files is None:
            start = time.perf_counter()
            size = generate(folder, given.rows)
            print(
                f"{given.rows:,} rows of {COLUMNS + 1} columns: {size / 1e9:.2f} GB of Parquet, "
                f"{time.perf_counter() - start:.0f} s",
                flush=True,
            )
        for path in sorted(given.files.glob("*.parquet")) if given.files else ():
            os.link(path, folder / path.name)
        settings = settings_for(given.validation)
        every = train(f"{folder}/*.parquet", given.processes, settings, MPIEXEC)
        _say(f"{given.processes} processes, all rows, an epoch", every)
        if given.tenth:
            # As many steps, on files that begin alike.
            some = settings | {"epochs": 10, "patience": 2, "validation": given.validation}
            for path in sorted(folder.glob("*.parquet"))[FILES // 10 :]:
                path.unlink()
            _say("1 process, a tenth of the rows", train(f"{folder}/*.parquet", 1, some, None))
    finally:
        shutil.rmtree(folder)


def _say(title: str, said: list[dict[str, Any]]) -> None:
    print(title)
    for one in said:
        rate = one["rows"][0] * len(one["loss"]) / one["epochs"]
        print(
            f"  rank {one['rank']}: {one['GiB']:.2f} GiB at most; {one['reading']:.0f} s to read, "
            f"{one['epochs']:.0f} s to train ({rate:,.0f} rows a second), {one['cpu']:.0f} s of CPU"
        )
    losses = np.round(said[0]["validation_loss"], 5).tolist()
    rows = " and ".join(f"{count:,}" for count in said[0]["rows"])
    print(f"  {rows} rows; validation loss {losses}; ended by {said[0]['ended']}", flush=True)


if __name__ == "__main__":
    main()
