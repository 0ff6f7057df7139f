"""One fit, in a process of its own: prints its row as JSON.

python -m tests.benchmarks.quality.fitting catboost ames 0
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from datetime import date
from importlib import metadata
from typing import Any

import numpy as np

from tests.benchmarks.quality.contenders import CONTENDERS, fit_quietly
from tests.benchmarks.quality.tables import TABLES

SMALLEST = 1e-7
"""Probabilities are at least this in the log loss: float32 tells no smaller one from 0."""


def scores_of(answers: tuple[Any, Any], targets: Any) -> tuple[float, float]:
    """Give R² and root mean squared error, or accuracy and log loss in nats.

    Raises
    ------
    ValueError
        A prediction is not finite, or probabilities do not sum to 1.
    """
    classes, values = answers
    if not np.isfinite(values).all():
        raise ValueError("predictions that are not finite")
    if classes is None:
        errors = values - targets
        spread = targets - targets.mean()
        return 1 - float(errors @ errors / (spread @ spread)), float(np.sqrt(np.mean(errors**2)))
    if np.abs(values.sum(1) - 1).max() > 1e-3:
        raise ValueError("probabilities that do not sum to 1")
    names = [str(each) for each in classes]
    at = np.array([names.index(each) for each in targets])
    right = values[np.arange(len(at)), at]
    accuracy = float((values.argmax(1) == at).mean())
    return accuracy, float(-np.log(np.clip(right, SMALLEST, 1)).mean())


def fit_one(name: str, table_name: str, split: int) -> dict[str, Any]:
    """Fit and score once.

    The seconds are of the processor, of all threads, in fitting and
    predicting, imports of the library included in the first.
    """
    contender, table = CONTENDERS[name], TABLES[table_name]
    x, y = table.read()
    learned, scored = table.split(split, y)
    parts = (x.iloc[learned].reset_index(drop=True), y[learned],
             x.iloc[scored].reset_index(drop=True))  # fmt: skip
    start = time.process_time()
    # Some libraries print while they train; the row alone goes to stdout.
    with contextlib.redirect_stdout(sys.stderr):
        answers = fit_quietly(contender, *parts, table.regression, split)
    seconds = time.process_time() - start
    score, loss = scores_of(answers, y[scored])
    return {
        "contender": name, "table": table_name, "split": split, "score": score, "loss": loss,
        "cpu": round(seconds, 3), "rows": len(learned), "inputs": x.shape[1],
        "version": f"{contender.package} {metadata.version(contender.package)}",
        "date": date.today().isoformat(),
    }  # fmt: skip


if __name__ == "__main__":
    row = fit_one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print(json.dumps(row), flush=True)
    os._exit(0)  # some libraries' threads take long to end
