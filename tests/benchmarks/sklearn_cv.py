"""Ten-fold cross-validation of nnplug's estimators, beside scikit-learn's networks.

    python -m tests.benchmarks.sklearn_cv
    python -m tests.benchmarks.sklearn_cv --noisy --runs 2 --table iris   # a look

Five tables that scikit-learn brings. Both estimators have their default
settings, after a StandardScaler, and see the same folds; each run has other
folds and another seed. A process is timed over its ten fits and scores, from
the end of the imports; contenders take turns, and the medians are compared.

Scores are compared by the paired t-test over all folds of all runs, with the
variance corrected for folds that share rows (Nadeau & Bengio, 2003,
doi:10.1023/A:1024068626366): they are equal within noise if p is at least 0.01
for each of the five tables, 0.05 for all together (Bonferroni).

Exit code 1 says that a score or a time was not as required.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.processes import Finished, Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
FOLDS = 10
LEVEL = 0.05 / len(TABLES)
"""The probability of such a difference by chance below which scores are not equal."""

CONTENDERS = {
    "sklearn": "scikit-learn",
    "nnplug_numpy": "nnplug, NumPy",
    "nnplug_numba": "nnplug, Numba",
}
RIVAL = "sklearn"
IN_THE_MEDIAN, AT_LEAST = 2.0, 1.0
"""How many times as fast nnplug is to be: in the median of the tables, and on each."""


def estimator(contender: str, regression: bool, seed: int) -> Any:
    """Make a contender's estimator, with its default settings."""
    kind = "MLPRegressor" if regression else "MLPClassifier"
    if contender == RIVAL:
        import sklearn.neural_network

        return getattr(sklearn.neural_network, kind)(random_state=seed)
    import nnplug.sklearn

    engine = contender.removeprefix("nnplug_")
    return getattr(nnplug.sklearn, kind)(random_state=seed, engine=engine)


def contend(contender: str, table: str, seed: int) -> dict[str, Any]:
    """Cross-validate one contender on one table."""
    import sklearn.datasets
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(sklearn.datasets, f"load_{table}")(return_X_y=True)
    regression = table == "diabetes"
    folds = (KFold if regression else StratifiedKFold)(FOLDS, shuffle=True, random_state=seed)
    estimator(contender, regression, seed)  # the import
    scores = []
    start = time.perf_counter()
    for train, test in folds.split(x, y):
        model = make_pipeline(StandardScaler(), estimator(contender, regression, seed))
        model.fit(x[train], y[train])
        scores.append(float(model.score(x[test], y[test])))
    return {"seconds": time.perf_counter() - start, "scores": scores, "rows": len(x)}


def probability(ours: Any, theirs: Any) -> float:
    """Give the p of the corrected paired t-test over the folds of all runs."""
    from scipy.stats import t

    difference = np.ravel(ours) - np.ravel(theirs)
    spread = difference.var(ddof=1)
    if spread == 0:
        return 1.0 if difference.mean() == 0 else 0.0
    # A test part of 1 / FOLDS of the rows, beside the rest.
    error = math.sqrt((1 / len(difference) + 1 / (FOLDS - 1)) * spread)
    return float(2 * t.sf(abs(difference.mean()) / error, len(difference) - 1))


def measure_cross_validation(settings: Settings, tables: tuple[str, ...] = TABLES) -> Block:
    """Measure every contender on every table."""
    figures: Figures = {name: {} for name in CONTENDERS}
    rows, wrong, everyone = [], [], []
    for table in tables:
        print(f"{table}:", file=sys.stderr, flush=True)
        # What was compiled once is found in the cache from then on.
        run(module("sklearn_cv", "--contend", "nnplug_numba", table, 0), settings)
        turns = [
            in_turns(
                {name: module("sklearn_cv", "--contend", name, table, seed) for name in CONTENDERS},
                settings,
                runs=1,
            )
            for seed in range(1 if settings.quick else settings.runs)
        ]
        results = {name: [_result(turn[name]) for turn in turns] for name in CONTENDERS}
        everyone += [each for turn in turns for several in turn.values() for each in several]
        for name, several in results.items():
            figures[name][table] = [each["seconds"] for each in several]
        row, sentences = _row(table, results, figures)
        rows.append(row)
        wrong += sentences
    for name in [name for name in CONTENDERS if name != RIVAL]:
        ratios = [report.ratio(figures[RIVAL][each], figures[name][each]) for each in tables]
        slow = [each for each, ratio in zip(tables, ratios, strict=True) if ratio < AT_LEAST]
        met = median(ratios) >= IN_THE_MEDIAN and not slow
        rows.append(
            [f"median, {CONTENDERS[name]}", "", "", "", "", f"{median(ratios):.1f} ×",
             f"at least {IN_THE_MEDIAN:g}, each at least {AT_LEAST:g}: "
             + ("met" if met else "**not met**")]
        )  # fmt: skip
    head = ["table", "scikit-learn", "nnplug", "difference", "p", "time", "required"]
    packages = ("nnplug", "numpy", "numba", "scikit-learn")
    text = report.table(head, rows) + "\n\n"
    text += report.conditions(settings, packages, everyone, settings.runs)
    return Block(text, figures, tuple(wrong))


def _result(finished: list[Finished]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(finished[0].output)
    return result


def _row(
    table: str, results: dict[str, list[dict[str, Any]]], figures: Figures
) -> tuple[list[str], list[str]]:
    """Write a table's row, and what is wrong with it."""
    scores = {name: np.array([each["scores"] for each in one]) for name, one in results.items()}
    ours, theirs = scores["nnplug_numpy"], scores[RIVAL]
    p = min(probability(scores[name], theirs) for name in scores if name != RIVAL)
    ratios = [
        f"{report.ratio(figures[RIVAL][table], figures[name][table]):.1f} ×"
        for name in CONTENDERS if name != RIVAL
    ]  # fmt: skip
    cells = [
        table,
        f"{theirs.mean():.4f}",
        f"{ours.mean():.4f}",
        f"{(ours - theirs).mean():+.4f}",
        f"{p:.2f}",
        f"{report.seconds(median(figures[RIVAL][table]))}; {', '.join(ratios)}",
        f"p at least {LEVEL:g}: {'met' if p >= LEVEL else '**not met**'}",
    ]
    return cells, [] if p >= LEVEL else [f"{table}: the scores differ, p = {p:.4f}"]


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sklearn_cv",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=5, help="of each contender (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="of every library (default: 2)")
    parser.add_argument("--table", action="append", choices=TABLES, help="one; may be repeated")
    parser.add_argument("--noisy", action="store_true", help="do not wait for a quiet machine")
    parser.add_argument("--contend", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contend:
        contender, table, seed = arguments.contend
        warnings.simplefilter("ignore")  # 200 epochs, the default, may not be enough to converge
        print(json.dumps(contend(contender, table, int(seed))))
        return 0
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(Path(cache), arguments.runs, arguments.threads, noisy=arguments.noisy)
        block = measure_cross_validation(settings, tuple(arguments.table or TABLES))
    print(block.text)
    return 1 if "**not met**" in block.text else 0


if __name__ == "__main__":
    sys.exit(main())
