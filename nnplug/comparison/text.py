"""A report as tables of text: for the terminal, Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnplug.layout import columns, fold
from nnplug.runs.report.svg import number
from nnplug.untrusted import escaped

__all__ = ["Grid", "as_csv", "as_latex", "as_markdown", "as_text", "grids", "headline",
           "legend"]  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """A table with its title and what is to be said below it."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    below: list[str] = field(default_factory=list)


def headline(report: Mapping[str, Any]) -> str:
    """Say what was compared."""
    asked = report["request"]
    others = [arm for arm in asked["arms"] if arm != asked["baseline"]]
    return f"{asked['factor']}: {', '.join(others)} against {asked['baseline']}"


def legend(report: Mapping[str, Any]) -> str:
    """Say what the columns mean."""
    return (
        f"gain: mean difference to {report['request']['baseline']} with the same seeds, above 0 "
        "is better; P(A>B): share of seeds with a gain; p: of a sign-flip test, by Holm's method"
    )


def grids(report: Mapping[str, Any]) -> list[Grid]:
    """Write the tables: scores on each data set, over all of them, and the cost on each."""
    data = report["data"]
    found = [_one(report, each) for each in data]
    if report["overall"] is not None:
        found.append(_overall(report))
    return [*found, *(_cost(report, each) for each in data)]


def _one(report: Mapping[str, Any], each: Mapping[str, Any]) -> Grid:
    asked = report["request"]
    rows: list[tuple[str, ...]] = []
    below = []
    for arm, found in each["arms"].items():
        summary, judged = found["summary"], found["verdict"]
        start = (arm, f"{found['rate']:.3g}", number(summary["median"]), number(summary["iqm"]))
        if judged is None:
            rows.append((*start, "baseline", "", "", ""))
            continue
        interval = _interval(judged["low"], judged["high"])
        wins, p = f"{judged['wins']:.2g}", f"{judged['holm']:.2g}"
        rows.append((*start, _signed(judged["gain"]), interval, wins, p))
        below.append(f"{arm}: {judged['sentence']}")
    where = "test rows" if each["held_out"] else "training rows"
    better = "higher" if each["goal"] == "maximize" else "lower"
    title = (
        f"{each['name']}: {each['task']}, {each['rows']:,} rows; {each['metric']} on the {where} "
        f"({better} is better), {asked['seeds']} seeds"
    )
    head = (asked["factor"], "rate", "median", "IQM", "gain", "95 % interval", "P(A>B)", "p")
    return Grid(title, head, rows, below)


def _overall(report: Mapping[str, Any]) -> Grid:
    overall, baseline = report["overall"], report["request"]["baseline"]
    rows: list[tuple[str, ...]] = []
    for arm, found in overall["arms"].items():
        rank = f"{found['mean_rank']:.2f}"
        if "iqm" not in found:
            rows.append((arm, rank, "", "", "", ""))
            continue
        own = "{:.3g} to {:.3g}".format(*found["interval"])
        gain = ("baseline", "")
        if arm != baseline:
            gain = (_signed(found["gain"]), _interval(*found["gain_interval"]))
        rows.append((arm, rank, f"{found['iqm']:.3g}", own, *gain))
    below = ["IQM of scores in which 0 is a constant predictor and 1 the baseline."]
    if overall["left_out"]:
        names = ", ".join(overall["left_out"])
        below.append(f"Not included, since the baseline scores 0 or less: {names}.")
    if overall["friedman"] is not None:
        statistic, p = overall["friedman"]["statistic"], overall["friedman"]["p"]
        below.append(f"Friedman's test of equal ranks: {statistic:.3g}, p = {p:.2g}.")
    interval = "95 % interval"
    head = (report["request"]["factor"], "mean rank", "IQM", interval, "gain", interval)
    return Grid(f"All {overall['data_sets']} data sets", head, rows, below)


def _cost(report: Mapping[str, Any], each: Mapping[str, Any]) -> Grid:
    rows: list[tuple[str, ...]] = []
    for arm, found in each["arms"].items():
        cost = found["cost"]
        rows.append(
            (
                arm,
                f"{cost['parameters']:,}",
                number(cost["epochs"]),
                f"{cost['seconds']:.3g}",
                f"{cost['seconds_per_epoch']:.2g}",
                f"{cost['reached']} of {len(found['runs'])}",
                _or_never(cost["steps_to_target"]),
                _or_never(cost["seconds_to_target"]),
                str(cost["trials"]),
            )
        )
    factor = report["request"]["factor"]
    head = (factor, "params", "epochs", "s", "s/epoch", "at target", "steps", "s", "trials")
    target = "" if each["target"] is None else f"; target {number(each['target'])}"
    return Grid(f"{each['name']}: cost, medians of the runs{target}", head, rows)


def _interval(low: float, high: float) -> str:
    return f"{_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"


def _or_never(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# --- the terminal ------------------------------------------------------------------------------


def as_text(report: Mapping[str, Any], width: int) -> str:
    """Write the report for a terminal, folded to its width."""
    lines = [*_folded(headline(report), width), *_folded(legend(report), width)]
    for grid in grids(report):
        lines += ["", *_folded(grid.title, width)]
        rows = [tuple(map(_safe, row)) for row in (grid.head, *grid.rows)]
        lines += columns(rows, width, right=range(1, len(grid.head)))
        for line in grid.below:
            lines += fold(_safe(line), width, indent="  ", hanging="    ").split("\n")
    lines += ["", "Keep in mind"]
    for line in report["caveats"]:
        lines += fold(_safe(line), width, indent="- ", hanging="  ").split("\n")
    return "\n".join(lines)


def _folded(text: str, width: int) -> list[str]:
    return fold(_safe(text), width, hanging="  ").split("\n")


def _safe(text: str) -> str:
    return escaped(text)


# --- for papers and pages ---------------------------------------------------------------------


_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#|~&!])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def as_markdown(report: Mapping[str, Any]) -> str:
    """Write the report in GitHub's Markdown."""
    lines = [f"# {_marked(headline(report))}", "", f"{_marked(legend(report))}."]
    for grid in grids(report):
        lines += ["", f"## {_marked(grid.title)}", ""]
        lines.append(_bars(map(_marked, grid.head)))
        lines.append(_bars(["---", *["---:"] * (len(grid.head) - 1)]))
        lines += [_bars(map(_marked, row)) for row in grid.rows]
        for line in grid.below:
            lines += ["", _marked(line)]
    lines += ["", "## Keep in mind", ""]
    lines += [f"- {_marked(line)}" for line in report["caveats"]]
    return "\n".join(lines) + "\n"


def _marked(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _safe(text))


def _bars(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def as_latex(report: Mapping[str, Any]) -> str:
    r"""Write the tables in LaTeX, for `\usepackage{booktabs}`."""
    lines = [f"% {_safe(headline(report))}; nnplug {report['nnplug']}"]
    for grid in grids(report):
        lines += [
            r"\begin{table}",
            rf"\caption{{{_tex(grid.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(grid.head) - 1)}}}",
            r"\toprule",
            _ampersands(grid.head),
            r"\midrule",
            *map(_ampersands, grid.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par {_tex(line)}" for line in grid.below),
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in _safe(text))


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(map(_tex, cells)) + r" \\"


def as_csv(report: Mapping[str, Any]) -> str:
    """Write every run, a line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    factor = report["request"]["factor"]
    keys = ("score", "validation", "constant", "epochs", "steps", "seconds", "diverged")
    writer.writerow(("data", factor, "kind", "seed", "learning_rate", "metric", *keys))
    for each in report["data"]:
        for arm, found in each["arms"].items():
            start = (_cell(each["name"]), _cell(arm))
            for trial in found["trials"]:
                rest = (trial["score"], "", "", "", "", "", _cell(trial["diverged"] or ""))
                writer.writerow(
                    (*start, "trial", trial["seed"], trial["rate"], each["metric"], *rest)
                )
            for run in found["runs"]:
                rest = tuple(run[key] for key in keys[:-1])
                why = _cell(run["diverged"] or "")
                writer.writerow(
                    (*start, "run", run["seed"], found["rate"], each["metric"], *rest, why)
                )
    return text.getvalue()


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
