"""From results to the numbers of a report, as plain values."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnplug import __version__
from nnplug.comparison.protocol import Cell, Stage
from nnplug.comparison.request import Request
from nnplug.comparison.statistics import (
    friedman,
    improvement,
    interquartile_mean,
    mean_ranks,
    profile,
    stratified_interval,
)
from nnplug.comparison.verdict import Verdict, enough_seeds, summarize, verdicts
from nnplug.types import AnyArray

__all__ = ["analyse", "caveats"]

FRIEDMAN_FROM = 5
"""Data sets from which ranks are tested."""
_LEVELS = 41


def analyse(request: Request, stages: list[Stage], *, seconds: float = 0.0) -> dict[str, Any]:
    """Compute the report.

    Parameters
    ----------
    seconds : float, optional
        The wall-clock time that the comparison took.
    """
    data, signed = [], []
    for stage in stages:
        found, scores = _one(request, stage)
        data.append(found)
        signed.append(scores)
    return {
        "nnplug": __version__,
        "request": request.to_dict(),
        "data": data,
        "overall": _overall(request, data, signed),
        "caveats": caveats(request, data),
        "record": _record(stages, seconds),
    }


# --- one data set --------------------------------------------------------------------------


def _one(request: Request, stage: Stage) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Return what is reported of a data set, and all scores such that more is better."""
    sign = 1.0 if stage.maximize else -1.0
    raw = {
        arm: [math.nan if run["score"] is None else sign * run["score"] for run in cell.runs]
        for arm, cell in stage.cells.items()
    }
    constants = [
        run["constant"]
        for cell in stage.cells.values()
        for run in cell.runs
        if run["constant"] is not None
    ]
    constant = float(np.mean(constants)) if constants else None
    # A run that diverged counts as the worst that there was, and is never left out.
    known = [score for scores in raw.values() for score in scores if not math.isnan(score)]
    worst = min([*known, *([] if constant is None else [sign * constant])], default=0.0)
    scores = {arm: np.nan_to_num(np.array(each), nan=worst) for arm, each in raw.items()}
    # Without any score all are equally bad, which shows no arm to be as good as another.
    judged = verdicts(scores, request.baseline, rope=request.rope if known else None)
    target = _target(stage.cells[request.baseline], sign)
    arms = {
        arm: _arm(cell, scores[arm], judged.get(arm), sign, target)
        for arm, cell in stage.cells.items()
    }
    return {
        "name": stage.name,
        "task": stage.task,
        "metric": stage.metric,
        "goal": "maximize" if stage.maximize else "minimize",
        "rows": stage.rows,
        "held_out": stage.held_out,
        "fingerprint": stage.fingerprint,
        "constant": constant,
        "worst": sign * worst,
        "target": None if target is None else sign * target,
        "arms": arms,
    }, scores


def _arm(
    cell: Cell, scores: AnyArray, judged: Verdict | None, sign: float, target: float | None
) -> dict[str, Any]:
    return {
        "usual_rate": cell.usual,
        "rate": cell.rate,
        "trials": [
            {key: trial[key] for key in ("rate", "seed", "score", "judged", "diverged")}
            for trial in cell.trials
        ],
        "widened": None if cell.widened is None else [cell.widened.low, cell.widened.high],
        "all_diverged": cell.all_diverged,
        "summary": summarize((sign * scores).tolist()),
        "verdict": None if judged is None else judged.to_dict(),
        "cost": _cost(cell, sign, target),
        "runs": cell.runs,
        "identity": cell.identity,
    }


def _target(baseline: Cell, sign: float) -> float | None:
    """Return the score that half of the baseline's runs reach on the validation rows."""
    found = [sign * run["validation"] for run in baseline.runs if run["validation"] is not None]
    return float(np.median(found)) if found else None


def _cost(cell: Cell, sign: float, target: float | None) -> dict[str, Any]:
    """Compute what the runs of an arm cost: medians, and when they reached the target."""
    runs = cell.runs

    def median(values: list[float]) -> float | None:
        found = float(np.median(values))
        return found if math.isfinite(found) else None

    epochs: list[float] = []
    for run in runs:
        reached = (
            [at for at, value in run["curve"] if sign * value >= target]
            if target is not None
            else []
        )
        epochs.append(min(reached, default=math.inf))  # one that never does stays, as infinite
    each = [run["seconds"] / max(run["epochs"], 1) for run in runs]
    steps = [run["steps"] / max(run["epochs"], 1) for run in runs]
    return {
        "epochs": median([run["epochs"] for run in runs]),
        "seconds": median([run["seconds"] for run in runs]),
        "seconds_per_epoch": median(each),
        "parameters": runs[0]["parameters"],
        "trials": len(cell.trials),
        "diverged": sum(run["diverged"] is not None for run in runs),
        "reached": sum(map(math.isfinite, epochs)),
        "times_to_target": [
            a * b if math.isfinite(a) else None for a, b in zip(epochs, each, strict=True)
        ],
        "steps_to_target": median([a * b for a, b in zip(epochs, steps, strict=True)]),
        "seconds_to_target": median([a * b for a, b in zip(epochs, each, strict=True)]),
    }


# --- over all data sets --------------------------------------------------------------------


def _overall(
    request: Request, data: list[dict[str, Any]], signed: list[dict[str, AnyArray]]
) -> dict[str, Any] | None:
    """Compute scores over several data sets, normalised: 0 constant predictor, 1 baseline."""
    if len(data) < 2:
        return None
    arms = list(request.arms)
    ranked = np.array([[interquartile_mean(scores[arm]) for arm in arms] for scores in signed])
    usable: dict[str, list[AnyArray]] = {arm: [] for arm in arms}
    left_out = []
    for found, scores in zip(data, signed, strict=True):
        sign = 1.0 if found["goal"] == "maximize" else -1.0
        best = float(interquartile_mean(scores[request.baseline]))
        zero = None if found["constant"] is None else sign * found["constant"]
        if zero is None or best - zero <= 1e-9 * max(abs(best), abs(zero), 1e-9):
            left_out.append(found["name"])
            continue
        for arm in arms:
            usable[arm].append((scores[arm] - zero) / (best - zero))
    tested = friedman(ranked) if len(data) >= FRIEDMAN_FROM else None
    result: dict[str, Any] = {
        "data_sets": len(data),
        "left_out": left_out,
        "friedman": None if tested is None else {"statistic": tested[0], "p": tested[1]},
        "levels": [],
        "arms": {
            arm: {"mean_rank": float(rank)}
            for arm, rank in zip(arms, mean_ranks(ranked), strict=True)
        },
    }
    if len(left_out) == len(data):
        return result
    stacked = {arm: np.stack(found) for arm, found in usable.items()}  # (data sets, runs)
    top = max(1.2, float(np.quantile([*stacked.values()], 0.95)))
    levels = np.linspace(0.0, top, _LEVELS)
    result["levels"] = levels.tolist()
    for arm, scored in stacked.items():
        gain = scored - stacked[request.baseline]
        result["arms"][arm] |= {
            "iqm": float(interquartile_mean(scored.reshape(-1))),
            "interval": list(stratified_interval(scored)),
            "gain": float(interquartile_mean(gain.reshape(-1))),
            "gain_interval": list(stratified_interval(gain)),
            "wins": improvement(gain),
            "profile": profile(scored, levels).tolist(),
        }
    return result


# --- what to keep in mind --------------------------------------------------------------------


def caveats(request: Request, data: list[dict[str, Any]]) -> list[str]:
    """Write what the comparison fixed, and what was unusual, a line each."""
    lines = [
        f"Only the {request.factor} differs; all else is fixed, and may suit one arm better "
        "than another."
    ]
    arms = len(request.others)
    least = enough_seeds(arms)
    if request.effort == "quick" and not request.trials and request.seeds < least:
        lines.append("Exploratory (--quick): no search of the learning rate, and no claim.")
    if request.seeds < least:
        lines.append(
            f"With {request.seeds} seeds and {_count(arms, 'comparison')} on a data set, no p "
            f"can be below 0.05: nothing can be claimed. At least {least} seeds are needed."
        )
    if request.trials:
        seeds = request.search_seeds
        lines.append(
            f"Each arm's learning rate was searched on each data set: {request.trials} trials "
            f"with seeds {seeds[0]} to {seeds[-1]} in turn, on rows that those hold out; a rate is "
            "judged by the mean of its trial and its two neighbours'. Nothing else was tuned."
        )
    else:
        lines.append("No learning rate was searched: each arm has its optimizer's own.")
    if any(each["held_out"] for each in data):
        first, last = request.evaluation_seeds[0], request.evaluation_seeds[-1]
        lines.append(
            f"Each of seeds {first} to {last} draws other test rows (a fifth), validation rows, "
            "starting weights and orders of rows, the same for all arms. Test sets of different "
            "seeds overlap, so intervals are somewhat too narrow for new data."
        )
    if request.factor == "loss":
        lines.append("Each arm stops early by its own loss; all are judged by the metric.")
    if request.budget is not None and request.budget.strip()[-1:] in "smh":
        lines.append(
            f"The budget of {request.budget} is wall-clock time: on another machine, or a "
            "busier one, runs get further or less far."
        )
    for each in data:
        if not each["held_out"]:
            lines.append(
                f"{each['name']}: no rows are held out, because of its recipe or validation=0; "
                "scores are of the training rows."
            )
        for arm, found in each["arms"].items():
            lines += _unusual(each["name"], arm, found)
    return lines


def _unusual(name: str, arm: str, found: Mapping[str, Any]) -> list[str]:
    lines = []
    if found["all_diverged"]:
        lines.append(f"{name}, {arm}: no rate of the search gave a score; its own was used.")
    if found["widened"] is not None:
        low, high = found["widened"]
        rates = [trial["rate"] for trial in found["trials"] if trial["judged"] is not None]
        still = found["rate"] == (min(rates) if high <= found["usual_rate"] else max(rates))
        more = "; the best is at the edge of that too" if still else ""
        lines.append(
            f"{name}, {arm}: the best rate was at the edge of the range, which was widened once "
            f"({low:.3g} to {high:.3g}){more}."
        )
    seeds = [run["seed"] for run in found["runs"] if run["diverged"] is not None]
    if seeds:
        lines.append(
            f"{name}, {arm}: {_count(len(seeds), 'run')} diverged, and count as the worst "
            f"score: seed {', '.join(map(str, seeds))}."
        )
    return lines


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _record(stages: list[Stage], seconds: float) -> dict[str, Any]:
    """Return what it takes to tell why another machine has other numbers."""
    cells = [cell for stage in stages for cell in stage.cells.values()]
    packages: dict[str, str] = {}
    formulas: dict[str, str] = {}
    for cell in cells:
        packages |= cell.identity["packages"]
        formulas |= cell.identity["formulas"]
    return {
        "packages": packages,
        "formulas": formulas,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "runs": sum(len(cell.runs) + len(cell.trials) for cell in cells),
    }
