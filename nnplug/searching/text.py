"""The result of a search in a terminal: the best trials, and the command that trains the best."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

from nnplug.layout import columns
from nnplug.runs.settings import ROWS

__all__ = ["as_text", "command", "ordered"]

_SHOWN = 10


def ordered(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Order the trials: by their scores, equal ones by their losses, failed ones last."""
    sign = -1.0 if report["goal"] == "maximize" else 1.0

    def place(trial: Mapping[str, Any]) -> tuple[float, float, int]:
        score, loss = trial["score"], trial["loss"]
        return (
            math.inf if score is None else sign * score,
            math.inf if loss is None else loss,
            trial["number"],
        )

    return sorted(report["trials"], key=place)


def as_text(report: Mapping[str, Any], width: int = 80) -> str:
    """Write the table of the best trials, and the best settings as a command."""
    trials, metric = ordered(report), report["metric"]
    names = list(report["request"]["search"])
    spread = any(trial["sd"] is not None for trial in trials)
    heading = ("trial", *(name.replace("_", " ") for name in names), metric)
    rows = [(*heading, *(("sd",) if spread else ()), "loss", "epochs", "seconds")]
    rows += [
        _row(str(trial["number"]), [trial["settings"][n] for n in names], trial, spread)
        for trial in trials[:_SHOWN]
    ]
    usual = report["usual"]
    if usual is not None:
        rows.append(_row("usual", [""] * len(names), usual, spread))
    count = len(rows[0])
    by = "by the mean over folds" if spread else "on the validation rows"
    better = "higher" if report["goal"] == "maximize" else "lower"
    lines = [f"{len(trials)} trials, judged {by} ({metric}, {better} is better)"]
    lines += columns(rows, width, right=range(1 + len(names), count))
    if len(trials) > _SHOWN:
        lines.append(f"and {len(trials) - _SHOWN} more trials")
    failed = [trial for trial in trials if trial["failed"]]
    if failed:
        lines.append(f"{len(failed)} failed; the first: {failed[0]['failed']}")
    judging = {each.get("rows") for each in (*trials, *([usual] if usual else ()))} - {None}
    if len(judging) > 1:
        lines.append(
            f"Scores of {min(judging):,} and of {max(judging):,} rows can hardly be compared: one "
            "network is\njudged by the rows it holds out, several by what all hold out. "
            "--folds 5 judges\nall trials by the same rows."
        )
    lines += ["", command(report)]
    return "\n".join(lines)


def _row(name: str, texts: list[str], result: Mapping[str, Any], spread: bool) -> tuple[str, ...]:
    sd = (_number(result["sd"]),) if spread else ()
    score = "failed" if result["failed"] else _number(result["score"])
    seconds = f"{result['seconds']:.1f}"
    return (name, *texts, score, *sd, _number(result["loss"]), str(result["epochs"]), seconds)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def command(report: Mapping[str, Any]) -> str:
    """Write the command that trains with the settings of the best trial."""
    asked = report["request"]
    words = ["nnplug", "train", "DATA" if asked["data"] is None else asked["data"]]
    for plugin in asked["plugins"]:
        words += ["-p", plugin]
    settings = {name: value for name, value in asked["settings"].items() if name != "folds"}
    for name, value in settings.items():
        words += _as_option(name, value)
    for name, text in report["best"]["settings"].items():
        words += [ROWS[name].option or "", text]
    return shlex.join(words)


def _as_option(name: str, value: Any) -> list[str]:
    row = ROWS[name]
    option = (row.option or "").split("/")[0]
    if isinstance(value, bool):
        return [option] if value else []
    values = value if isinstance(value, list) else [value]
    if isinstance(value, Mapping):
        values = [f"{key}={inner}" for key, inner in value.items()]
    values = [str(each) for each in values]
    if not row.takes.repeated:
        values = [",".join(values) or "none"]
    return [word for each in values for word in (option, each)]
