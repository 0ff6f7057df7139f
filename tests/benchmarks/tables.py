"""Held-out scores on small real tables, beside scikit-learn's scaled networks.

Both learn from the same rows and are scored on the same rows: those that
nnplug holds out for each seed. scikit-learn's MLP has its default settings
after a StandardScaler; nnplug has its defaults, on a CSV file.

    python -m tests.benchmarks.tables
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import nnplug

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def write_csv(name: str, folder: Path) -> Path:
    """Write scikit-learn's copy of a table as a CSV file, classes by name."""
    import sklearn.datasets

    data = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    frame = data.frame.copy()
    if name in ("iris", "wine", "breast_cancer"):
        frame["target"] = [str(data.target_names[label]) for label in data.target]
    frame.columns = [str(column).replace(" ", "_") for column in frame.columns]
    path = folder / f"{name}.csv"
    frame.to_csv(path, index=False)
    return path


def scores(path: Path, seed: int, **settings: Any) -> tuple[float, float]:
    """Give nnplug's and scikit-learn's held-out score for one seed."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    run = nnplug.train(path, target="target", seed=seed, **settings)
    regression = run.settings.task == "regression"
    ours = run.final.metrics["r2" if regression else "accuracy"]
    import pandas as pd

    frame = pd.read_csv(path)
    x, y = frame.drop(columns="target").to_numpy(float), frame["target"].to_numpy()
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
    print("| table | score | nnplug | scikit-learn | difference |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in TABLES:
            path = write_csv(name, Path(folder))
            pairs = np.array([scores(path, seed) for seed in range(arguments.seeds)])
            ours, theirs = pairs.T
            kind = "R²" if name == "diabetes" else "accuracy"
            print(
                f"| {name} | {kind} | {mean(ours):.4f} ± {stdev(ours):.4f} "
                f"| {mean(theirs):.4f} ± {stdev(theirs):.4f} | {mean(ours - theirs):+.4f} |"
            )


if __name__ == "__main__":
    main()
