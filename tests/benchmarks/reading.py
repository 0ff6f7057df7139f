"""The block of reading: a file becomes inputs, beside pandas with scikit-learn's encoders.

Two tables of a million rows, each as CSV and as Parquet. *Mixed*, 19 columns:
numbers of six decimals with gaps, counts, text with gaps, truth values.
*Random*, 30 columns: numbers of 17 digits, and text. Each contender reads the
file, fills in what is missing with an indicator, standardises, one-hot
encodes, and ends with one float32 array. It is timed from the end of the
imports, with memory at hand: see `touch_memory`.

    python -m tests.benchmarks.reading CONTENDER TABLE PATH

measures one contender in a process of its own and prints a line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.measure import peak
from tests.benchmarks.processes import Settings, in_turns, module
from tests.benchmarks.report import Block, Figures

ROWS = 1_000_000
FORMATS = ("csv", "parquet")
OURS, RIVAL, BOUND = "nnplug", "pandas and scikit-learn", "DuckDB's reading alone"
MEMORY = 2500 << 20
"""More bytes than the hungrier of the two ever has."""
GOAL = 3.0
"""How many times as fast nnplug is to be."""


def touch_memory(path: Path) -> None:
    """Have the machine find memory for a process, which gives it back.

    A virtual machine's host may take free memory away. To get it again then
    costs seconds for a gigabyte, which has nothing to do with what is
    measured, and falls on whoever needs more.
    """
    size = min(MEMORY, 30 * path.stat().st_size)
    code = f"import numpy; numpy.ones({size}, numpy.uint8)"
    subprocess.run([sys.executable, "-c", code], check=True)


def mixed(rows: int) -> Any:
    """Make the table of 19 columns."""
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
        words = _words(count)[rng.integers(0, count, rows)]
        if i == 1:
            words[rng.random(rows) < 0.03] = None
        columns[f"c{i}"] = words
    columns["b"] = rng.random(rows) < 0.3
    columns["y"] = rng.normal(size=rows)
    return pd.DataFrame(columns)


def random(rows: int) -> Any:
    """Make the table of 30 columns."""
    import pandas as pd

    rng = np.random.default_rng(0)
    columns: dict[str, object] = {f"x{i}": rng.random(rows) * (i + 1) for i in range(24)}
    for i in range(5):
        count = 5 * i + 6
        columns[f"c{i}"] = _words(count)[rng.integers(0, count, rows)]
    columns["y"] = rng.random(rows)
    return pd.DataFrame(columns)


def _words(count: int) -> np.ndarray:
    return np.array([f"word{j}" for j in range(count)], object)


TABLES = {
    # 13 numbers, 4 of them with an indicator; 91 categories and one missing; b.
    "mixed": (mixed, 13 + 4 + 91 + 1 + 1),
    "random": (random, 24 + 6 + 11 + 16 + 21 + 26),
}
"""How each is made, and the inputs that it becomes."""


def write(table: str, rows: int, folder: Path) -> dict[str, Path]:
    """Write a table in both formats."""
    frame = TABLES[table][0](rows)
    paths = {suffix: folder / f"{table}.{suffix}" for suffix in FORMATS}
    frame.to_csv(paths["csv"], index=False)
    frame.to_parquet(paths["parquet"], index=False)
    return paths


def with_nnplug(path: Path, width: int) -> float:
    """Read and encode; give the seconds."""
    import duckdb  # noqa: F401  # as pandas below, imported before the clock starts

    from nnplug.tables import Encoder, read_table

    touch_memory(path)
    start = time.perf_counter()
    table = read_table(path)
    encoder = Encoder.fit(table, target="y")
    inputs, targets = encoder.inputs(table, np.float32), encoder.targets(table)
    seconds = time.perf_counter() - start
    check(inputs, targets, width)
    return seconds


def with_scikit_learn(path: Path, width: int) -> float:
    """Read and encode; give the seconds."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    touch_memory(path)
    start = time.perf_counter()
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    target = frame.pop("y").to_numpy()
    numbers = [name for name in frame if frame[name].dtype.kind in "if"]
    texts = [name for name in frame if name.startswith("c")]
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    transformer = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ("texts", hot, texts),  # a missing text is a category of its own
        ("truths", StandardScaler(), [name for name in frame if name == "b"]),
    ])  # fmt: skip
    inputs = transformer.fit_transform(frame).astype(np.float32)
    targets = StandardScaler().fit_transform(target.reshape(-1, 1))
    seconds = time.perf_counter() - start
    check(inputs, targets, width)
    return seconds


def with_duckdb_alone(path: Path, width: int) -> float:
    """Read into a table of DuckDB's and stop: no contender, but a bound of nnplug's time."""
    import duckdb

    touch_memory(path)
    start = time.perf_counter()
    duckdb.execute(f"CREATE TABLE alone AS SELECT * FROM '{path}'")
    return time.perf_counter() - start


def check(inputs: np.ndarray, targets: np.ndarray, width: int) -> None:
    """Nobody is fast by doing less."""
    assert inputs.shape == (len(targets), width), inputs.shape
    assert inputs.dtype == np.float32
    assert targets.shape == (len(inputs), 1)
    assert np.isfinite(inputs).all()


CONTENDERS = {OURS: with_nnplug, RIVAL: with_scikit_learn, BOUND: with_duckdb_alone}


def measure_reading(settings: Settings) -> Block:
    """Measure both contenders on each table in each format."""
    rows = settings.share_of(ROWS)
    figures: Figures = {name: {} for name in CONTENDERS}
    lines, everyone = [], []
    for table in TABLES:
        with tempfile.TemporaryDirectory() as folder:
            for suffix, path in write(table, rows, Path(folder)).items():
                print(f"{table}, {suffix}:", file=sys.stderr, flush=True)
                commands = {name: module("reading", name, table, path) for name in CONTENDERS}
                for name, several in in_turns(commands, settings).items():
                    results = [json.loads(each.output) for each in several]
                    for key in ("seconds", "peak"):
                        figures[name][f"{table}.{suffix} {key}"] = [each[key] for each in results]
                    everyone += several
                lines.append(_row(f"{table}.{suffix}", rows, figures))
    head = ["file", f"({BOUND})", RIVAL, OURS, "ratio", "peak memory", "required"]
    text = report.table(head, lines)
    packages = ("nnplug", "numpy", "duckdb", "pandas", "pyarrow", "scikit-learn")
    text += "\n\n" + report.conditions(settings, packages, everyone, settings.runs)
    return Block(text, figures)


def _row(file: str, rows: int, figures: Figures) -> list[str]:
    ours, theirs = (
        {key: figures[name][f"{file} {key}"] for key in ("seconds", "peak")}
        for name in (OURS, RIVAL)
    )
    ratio = report.ratio(theirs["seconds"], ours["seconds"])
    return [
        f"{file}, {rows:,} rows",
        report.seconds(median(figures[BOUND][f"{file} seconds"])),
        report.seconds(median(theirs["seconds"])),
        report.seconds(median(ours["seconds"])),
        f"{ratio:.1f} ×",
        f"{report.ratio(ours['peak'], theirs['peak']):.2f} of it",
        f"at least {GOAL:g} ×: " + ("met" if ratio >= GOAL else "**not met**"),
    ]


def main() -> None:
    """Measure one contender."""
    contender, table, path = sys.argv[1:]
    seconds = CONTENDERS[contender](Path(path), TABLES[table][1])
    print(json.dumps({"seconds": seconds, "peak": float(peak())}))


if __name__ == "__main__":
    main()
