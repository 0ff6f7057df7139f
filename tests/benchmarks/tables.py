"""Held-out scores on small real tables, beside scikit-learn's scaled networks.

Both learn from the same rows and are scored on the same rows: those that
nnplug holds out for each seed. scikit-learn's MLP has its default settings
after a StandardScaler; nnplug has its defaults, on a CSV file.

    python -m tests.benchmarks.tables
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import warnings
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import nnplug

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
BELOW = 0.01
"""How far nnplug's mean score may lie below scikit-learn's."""


def load(name: str) -> tuple[Any, Any, list[str]]:
    """Give scikit-learn's copy of a table: inputs, targets, names of columns."""
    import sklearn.datasets

    data = getattr(sklearn.datasets, f"load_{name}")()
    x, y = np.asarray(data.data, float), np.asarray(data.target)
    if name in ("iris", "wine", "breast_cancer"):
        y = np.array([str(label) for label in data.target_names])[y]
    return x, y, [str(column).replace(" ", "_") for column in data.feature_names]


def write_csv(path: Path, x: Any, y: Any, columns: list[str]) -> None:
    """Write a table as a CSV file, its last column the target."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "target"])
        writer.writerows([*row, target] for row, target in zip(x.tolist(), y.tolist(), strict=True))


def scores(path: Path, x: Any, y: Any, seed: int, **settings: Any) -> tuple[float, float]:
    """Give nnplug's and scikit-learn's held-out score for one seed."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    run = nnplug.train(path, target="target", recipe="fast", seed=seed, **settings)
    regression = run.settings.task == "regression"
    ours = run.final.metrics["r2" if regression else "accuracy"]
    train, test = run.train_rows, run.validation_rows
    network = (MLPRegressor if regression else MLPClassifier)(random_state=seed)
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its default of 200 epochs may not converge
        model.fit(x[train], y[train])
    return ours, model.score(x[test], y[test])


def main() -> None:
    """Print one line for each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    print("| table | score | nnplug | scikit-learn | difference | required |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in TABLES:
            x, y, columns = load(name)
            path = Path(folder) / f"{name}.csv"
            write_csv(path, x, y, columns)
            pairs = np.array([scores(path, x, y, seed) for seed in range(arguments.seeds)])
            ours, theirs = pairs.T
            kind = "R²" if name == "diabetes" else "accuracy"
            met = mean(ours - theirs) >= -BELOW
            print(
                f"| {name} | {kind} | {mean(ours):.4f} ± {stdev(ours):.4f} "
                f"| {mean(theirs):.4f} ± {stdev(theirs):.4f} | {mean(ours - theirs):+.4f} "
                f"| at least -{BELOW}: {'met' if met else '**not met**'} |"
            )


if __name__ == "__main__":
    main()
