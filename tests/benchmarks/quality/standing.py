"""From the results of all fits to the contenders' standing: ranks and scores, over tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.quality.contenders import CONTENDERS
from tests.benchmarks.quality.tables import TABLES

RESAMPLES = 10_000
Results = Mapping[tuple[str, str, int], Mapping[str, Any]]


def ranks(values: Any) -> Any:
    """Rank along the first axis, 1 for the smallest; equal values share their mean rank.

    Parameters
    ----------
    values : array
        (C, ...), one row a contender.
    """
    below = (values[None] < values[:, None]).sum(1)
    equal = (values[None] == values[:, None]).sum(1)
    return below + (equal + 1) / 2


def normalised(values: Any) -> Any:
    """Scale along the first axis: the smallest value is 1, the largest 0; all 1 if equal."""
    low, high = values.min(0), values.max(0)
    return (high - values) / np.where(high > low, high - low, 1) + (high == low)


def interval(values: Any, seed: int = 0) -> tuple[float, float]:
    """Bound the mean over tables, 95 %, by the percentile bootstrap (Efron, 1979).

    Parameters
    ----------
    values : array
        (T,), one a table.
    """
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(np.asarray(values)[drawn].mean(1), (2.5, 97.5))
    return float(low), float(high)


def complete(results: Results) -> list[tuple[list[str], list[tuple[str, int]]]]:
    """Group the contenders that can be compared, and the fits that they share.

    Those that have a result wherever anyone has one stand first; then, if
    some have fewer, all of them over the fits that all have.
    """
    names = [name for name in CONTENDERS if any(key[0] == name for key in results)]
    fits = sorted({key[1:] for key in results})
    full = [name for name in names if all((name, *fit) in results for fit in fits)]
    shared = [fit for fit in fits if all((name, *fit) in results for name in names)]
    groups = [(full, fits)] if full else []
    return groups + ([(names, shared)] if len(full) < len(names) and shared else [])


def written(results: Results) -> str:
    """Write the standing as Markdown."""
    return "\n\n".join(_group(results, *group) for group in complete(results))


def by_table(
    results: Results, names: Sequence[str], fits: Sequence[tuple[str, int]], value: str
) -> tuple[Any, list[str]]:
    """Average a value over each table's splits: (C, T), and the tables' names."""
    tables = sorted({table for table, _ in fits})
    cells = [
        [np.mean([results[name, t, split][value] for t, split in fits if t == table])
         for table in tables]
        for name in names
    ]  # fmt: skip
    return np.array(cells), tables


def _group(results: Results, names: list[str], fits: list[tuple[str, int]]) -> str:
    loss, tables = by_table(results, names, fits, "loss")
    score, _ = by_table(results, names, fits, "score")
    cpu, _ = by_table(results, names, fits, "cpu")
    rank = [ranks(each).mean(1) for each in (loss, -score)]
    order = np.argsort(rank[0])
    columns: list[Callable[[int], str]] = [
        lambda i: _bounded(ranks(loss)[i]),
        lambda i: _bounded(ranks(-score)[i]),
        lambda i: _bounded(normalised(loss)[i]),
        lambda i: _bounded(normalised(-score)[i]),
        lambda i: _ratio(loss[i] / loss.min(0)),
        lambda i: f"{cpu[i].mean():.1f}",
    ]
    rows = [[CONTENDERS[names[i]].title, *(column(i) for column in columns)] for i in order]
    head = [
        "contender", "rank by loss", "rank by score", "normalised loss", "normalised score",
        "loss against the best", "CPU s a fit",
    ]  # fmt: skip
    numbers = sum(TABLES[table].regression for table in tables)
    said = (
        f"{len(tables)} tables, {numbers} with numbers to predict and {len(tables) - numbers} "
        f"with classes; {len(fits)} fits of each contender:"
    )
    every = [
        [table, _unit(table), *(f"{value:.4g}" for value in loss[:, t])]
        for t, table in enumerate(tables)
    ]
    titles = [CONTENDERS[name].title for name in names]
    each = report.table(["table", "loss", *titles], every, text=2)
    return f"{said}\n\n{report.table(head, rows)}\n\nThe loss on each table:\n\n{each}"


def _unit(table: str) -> str:
    return "RMSE" if TABLES[table].regression else "log loss"


def _bounded(values: Any) -> str:
    low, high = interval(values)
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def _ratio(ratios: Any) -> str:
    low, high = np.exp(interval(np.log(ratios)))
    return f"{np.exp(np.log(ratios).mean()):.3f} ({low:.3f} to {high:.3f})"
