"""The block of reading: a file becomes inputs, beside pandas with scikit-learn's encoders.

A CSV file and a Parquet file of a million rows and 19 columns: numbers with
gaps, counts, text with gaps, truth values. Each contender reads the file,
fills in what is missing with an indicator, standardises, one-hot encodes, and
ends with one float32 array. It is timed from the end of the imports.

    python -m tests.benchmarks.reading CONTENDER PATH

measures one contender in a process of its own and prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.measure import peak
from tests.benchmarks.processes import Settings, in_turns, module
from tests.benchmarks.report import Block, Figures

ROWS = 1_000_000
FORMATS = {"csv": "CSV", "parquet": "Parquet"}
OURS, RIVAL = "nnplug", "pandas and scikit-learn"
GOAL = 3.0
"""How many times as fast nnplug is to be."""


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


CONTENDERS = {OURS: with_nnplug, RIVAL: with_scikit_learn}


def measure_reading(settings: Settings) -> Block:
    """Measure both contenders on a file of each format."""
    rows = settings.share_of(ROWS)
    figures: Figures = {name: {} for name in CONTENDERS}
    lines, everyone = [], []
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), rows)
        for suffix, title in FORMATS.items():
            path = Path(folder) / f"table.{suffix}"
            print(f"{title}:", file=sys.stderr, flush=True)
            finished = in_turns(
                {name: module("reading", name, path) for name in CONTENDERS}, settings
            )
            for name, several in finished.items():
                results = [json.loads(each.output) for each in several]
                for key in ("seconds", "peak"):
                    figures[name][f"{suffix} {key}"] = [each[key] for each in results]
                everyone += several
            lines.append(_row(title, rows, figures, suffix))
    text = report.table(
        ["file", RIVAL, OURS, "ratio", "peak memory", "required"], lines
    )  # fmt: skip
    packages = ("nnplug", "numpy", "duckdb", "pandas", "pyarrow", "scikit-learn")
    text += "\n\n" + report.conditions(settings, packages, everyone, settings.runs)
    return Block(text, figures)


def _row(title: str, rows: int, figures: Figures, suffix: str) -> list[str]:
    ours, theirs = (
        {key: figures[name][f"{suffix} {key}"] for key in ("seconds", "peak")}
        for name in (OURS, RIVAL)
    )
    ratio = report.ratio(theirs["seconds"], ours["seconds"])
    return [
        f"{title}, {rows:,} rows",
        report.seconds(median(theirs["seconds"])),
        report.seconds(median(ours["seconds"])),
        f"{ratio:.1f} ×",
        f"{report.ratio(ours['peak'], theirs['peak']):.2f} of it",
        f"at least {GOAL:g} ×: " + ("met" if ratio >= GOAL else "**not met**"),
    ]


def main() -> None:
    """Measure one contender."""
    seconds = CONTENDERS[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"seconds": seconds, "peak": float(peak())}))


if __name__ == "__main__":
    main()
