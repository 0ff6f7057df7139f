"""Reading and encoding a table, beside pandas with scikit-learn's encoders.

A CSV file and a Parquet file of a million rows and 19 columns: numbers with
gaps, counts, text with gaps, truth values. Each contender reads the file,
fills in what is missing with an indicator, standardises, one-hot encodes, and
ends with one float32 array. Its process is timed from the end of the imports,
and by its peak memory; contenders take turns, and the medians are compared.

    python -m tests.benchmarks.table_encoding
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.benchmarks.processes import Settings, module, run_undisturbed

GOAL = 3.0
"""How many times as fast nnplug is to be."""
FORMATS = ("csv", "parquet")
CONTENDERS = ("nnplug", "scikit-learn")


def make(folder: Path, rows: int) -> None:
    """Write the table in both formats."""
    import pandas as pd

    rng = np.random.default_rng(0)
    columns: dict[str, object] = {}
    for i in range(10):
        values = rng.normal(i, 10.0 ** (i - 3), rows)
        if i % 3 == 0:
            values[rng.random(rows) < 0.02] = np.nan
        columns[f"x{i}"] = np.round(values, 6)
    for i in range(3):
        columns[f"k{i}"] = rng.integers(0, 1000, rows)
    for i, count in enumerate((3, 8, 20, 60)):
        words = np.array([f"word{j}" for j in range(count)], object)[rng.integers(0, count, rows)]
        if i == 1:
            words[rng.random(rows) < 0.03] = None
        columns[f"c{i}"] = words
    columns["b"] = rng.random(rows) < 0.3
    columns["y"] = rng.normal(size=rows)
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "table.csv", index=False)
    frame.to_parquet(folder / "table.parquet", index=False)


def with_nnplug(path: Path) -> float:
    """Read and encode; give the seconds."""
    import duckdb  # noqa: F401  # as pandas below, imported before the clock starts

    from nnplug.tables import Encoder, read_table

    start = time.perf_counter()
    table = read_table(path)
    encoder = Encoder.fit(table, target="y")
    inputs, targets = encoder.inputs(table, np.float32), encoder.targets(table)
    seconds = time.perf_counter() - start
    check(inputs, targets)
    return seconds


def with_scikit_learn(path: Path) -> float:
    """Read and encode; give the seconds."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    start = time.perf_counter()
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    target = frame.pop("y").to_numpy()
    numbers = [name for name in frame if frame[name].dtype.kind in "if"]
    texts = [name for name in frame if name.startswith("c")]
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    transformer = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ("texts", hot, texts),  # a missing text is a category of its own
        ("truths", StandardScaler(), ["b"]),
    ])  # fmt: skip
    inputs = transformer.fit_transform(frame).astype(np.float32)
    targets = StandardScaler().fit_transform(target.reshape(-1, 1))
    seconds = time.perf_counter() - start
    check(inputs, targets)
    return seconds


def check(inputs: np.ndarray, targets: np.ndarray) -> None:
    """Nobody is fast by doing less."""
    # 13 numbers, 4 of them with an indicator; 91 categories and one missing; b.
    assert inputs.shape[1] == 13 + 4 + 91 + 1 + 1, inputs.shape
    assert inputs.dtype == np.float32
    assert targets.shape == (len(inputs), 1)
    assert np.isfinite(inputs).all()


def contend(name: str, path: Path) -> None:
    """Print the seconds and the peak memory of one contender, in this process."""
    seconds = {"nnplug": with_nnplug, "scikit-learn": with_scikit_learn}[name](path)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps({"seconds": seconds, "peak": peak}))


def main() -> None:
    """Print one line for each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--noisy", action="store_true", help="do not wait for a quiet machine")
    parser.add_argument("--contender", nargs=2, metavar=("NAME", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        contend(arguments.contender[0], Path(arguments.contender[1]))
        return
    print(f"{arguments.rows:,} rows, 19 columns, medians of {arguments.runs} processes each\n")
    print("| file | pandas + scikit-learn | nnplug | ratio | peak memory | required |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache=Path(folder), noisy=arguments.noisy)
        make(Path(folder), arguments.rows)
        for suffix in FORMATS:
            seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
            peaks: dict[str, list[float]] = {name: [] for name in CONTENDERS}
            for _ in range(arguments.runs):
                for name in CONTENDERS:
                    path = Path(folder) / f"table.{suffix}"
                    command = module("table_encoding", "--contender", name, path)
                    figures = json.loads(run_undisturbed(command, settings).output)
                    seconds[name].append(figures["seconds"])
                    peaks[name].append(figures["peak"])
            ours, theirs = (median(seconds[name]) for name in CONTENDERS)
            memory = median(peaks["nnplug"]) / median(peaks["scikit-learn"])
            met = "met" if theirs / ours >= GOAL else "**not met**"
            print(
                f"| {suffix} | {theirs:.2f} s | {ours:.2f} s | {theirs / ours:.1f} × "
                f"| {memory:.2f} of it | at least {GOAL:g} ×: {met} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
