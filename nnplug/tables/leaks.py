"""Leaks: what makes a validation score too good to be true, or of little use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnplug.tables.findings import Finding, row_hashes
from nnplug.tables.learning import named_as_identifier
from nnplug.tables.preparation import Prepared
from nnplug.tables.table import Column, Table
from nnplug.tables.wording import column_list, count_of, listed, quote, shell_word, show
from nnplug.types import AnyArray

__all__ = ["classes", "given_away", "groups", "rows_in_both", "time"]

GIVEN_AWAY = 0.99
"""A column that alone predicts so much of the target is warned about."""

RARE_CLASS = 0.05
"""A class with a smaller share of the rows is warned about."""

FEW_OF_A_CLASS = 10
_BINS = 50
_JUDGED = 20  # with fewer rows, a share says nothing


def classes(table: Table, prepared: Prepared) -> Iterator[Finding]:
    """Say how often each class occurs, and warn of rare ones."""
    encoder = prepared.encoder
    if encoder.task not in ("binary", "multiclass"):
        return
    kept = prepared.used(table)
    labels = encoder.targets(kept)
    counts = np.bincount(labels, minlength=len(encoder.classes))
    shares = ", ".join(
        f"{show(name)} {count:,} ({count / counts.sum():.1%})"
        for name, count in zip(encoder.classes[:6], counts[:6].tolist(), strict=True)
    )
    more = f" and {len(counts) - 6} more" if len(counts) > 6 else ""
    yield Finding("note", "classes", f"{shares}{more}.", encoder.target)
    few = [encoder.classes[i] for i in np.flatnonzero(counts < FEW_OF_A_CLASS).tolist()]
    rarest = float(counts.min() / counts.sum())
    if few:
        yield Finding(
            "warning",
            "rare classes",
            f"fewer than {FEW_OF_A_CLASS} rows of {listed(map(show, few), 5)}: too few to learn "
            "from, or to measure by.",
            encoder.target,
        )
    elif rarest < min(RARE_CLASS, 0.5 / len(counts)):
        always = counts.max() / counts.sum()
        yield Finding(
            "warning",
            "rare classes",
            f"{rarest:.1%} of the rows are {show(encoder.classes[int(np.argmin(counts))])}; always "
            f"predicting {show(encoder.classes[int(np.argmax(counts))])} has an accuracy of "
            f"{always:.1%}. Use --class-weight balanced, and --metric balanced_accuracy.",
            encoder.target,
        )


def given_away(table: Table, prepared: Prepared) -> Iterator[Finding]:
    """Find columns that predict the target alone.

    The target is guessed from one column in two ways: as the mean over the
    training rows with similar values, and as the target of the training row
    with the nearest value. The better guess is compared with the validation
    rows.
    """
    encoder, parts = prepared.encoder, prepared.parts
    if len(encoder.target) > 1:
        return
    kept = prepared.used(table)
    learn, judge = parts.training, parts.validation
    if len(judge) < _JUDGED:
        learn, judge = np.arange(0, kept.rows, 2), np.arange(1, kept.rows, 2)
    if len(judge) < _JUDGED:
        return
    targets = encoder.targets(kept).reshape(kept.rows, -1).astype(np.float64)
    classes = encoder.task != "regression"
    # (N, C): 1 for each row's class; or (N, 1)
    wanted = (targets == np.arange(len(encoder.classes))).astype(np.float64) if classes else targets
    usual = _told(wanted[judge], wanted[learn].mean(axis=0, keepdims=True), wanted, classes=classes)
    if usual >= GIVEN_AWAY:
        return  # always predicting the most frequent class is right as often
    for column in map(kept.column, encoder.used):
        told = max(
            _told(wanted[judge], guess, wanted[learn], classes=classes)
            for guess in _guesses(column, wanted, learn, judge)
        )
        if told >= GIVEN_AWAY:
            how = (
                f"in {told:.1%} of the rows ({usual:.1%} by chance)"
                if classes
                else (f"with R² {told:.3f}")
            )
            yield Finding(
                "warning",
                "gives the target away",
                f"column {quote(column.name)} alone predicts {quote(encoder.target[0])} {how}. Is "
                f"it known before the target is? If not: --drop {column_list([column.name])}",
                (column.name,),
            )


def _told(wanted: AnyArray, guess: AnyArray, learned: AnyArray, *, classes: bool) -> float:
    """Compute the share of classes guessed right, or R² relative to the learned mean."""
    if classes:
        return float((guess.argmax(axis=1) == wanted.argmax(axis=1)).mean())
    spread = float(((wanted - learned.mean(axis=0)) ** 2).sum())
    return 1 - float(((wanted - guess) ** 2).sum()) / spread if spread else 0.0


def _guesses(
    column: Column, wanted: AnyArray, learn: AnyArray, judge: AnyArray
) -> Iterator[AnyArray]:
    """Guess the targets of the rows to judge, (n, C), from one column, in each way."""
    if column.kind == "text":
        bins = column.data.astype(np.int64) + 1  # a missing value is 0
        yield _bin_means(bins[learn], wanted[learn], len(column.words) + 1)[bins[judge]]
        return
    values = np.where(column.present, column.data.astype(np.float64), np.inf)
    edges = np.unique(
        np.quantile(values[learn], np.linspace(0, 1, _BINS + 1)[1:-1], method="lower")
    )
    bins = np.searchsorted(edges, values, side="right")
    means = _bin_means(bins[learn], wanted[learn], len(edges) + 1)
    yield means[bins[judge]]
    order = learn[np.argsort(values[learn], kind="stable")]
    above = np.searchsorted(values[order], values[judge]).clip(1, len(order) - 1)
    with np.errstate(invalid="ignore"):
        nearer_below = (
            values[judge] - values[order[above - 1]] <= values[order[above]] - values[judge]
        )
    yield wanted[order[np.where(nearer_below, above - 1, above)]]


def _bin_means(bins: AnyArray, wanted: AnyArray, count: int) -> AnyArray:
    """Compute the mean target of each bin, (bins, C); that of all rows for an empty bin."""
    sizes = np.bincount(bins, minlength=count)
    sums = np.stack(
        [np.bincount(bins, weights=wanted[:, k], minlength=count) for k in range(wanted.shape[1])],
        axis=1,
    )
    means: AnyArray = np.where(
        sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], wanted.mean(axis=0)
    )
    return means


def time(table: Table, prepared: Prepared) -> Iterator[Finding]:
    """Find dates that the split ignores."""
    if prepared.split.way not in ("random", "stratified") or not len(prepared.parts.validation):
        return
    for column in table.columns:
        present = column.data[column.present]
        if column.kind != "date" or not len(present):
            continue
        if present.max() - present.min() < np.timedelta64(1, "D"):
            continue  # times of day
        yield Finding(
            "warning",
            "split by time",
            f"column {quote(column.name)} holds dates, and the validation rows lie among the "
            "training rows in time. To predict later rows: "
            f"--split {shell_word('time:' + column.name)}",
            (column.name,),
        )
        return


def groups(table: Table, prepared: Prepared) -> Iterator[Finding]:
    """Find identifiers that occur several times, so that rows belong together."""
    if prepared.split.way not in ("random", "stratified") or not len(prepared.parts.validation):
        return
    for column in table.columns:
        if not named_as_identifier(column.name) or column.name in prepared.encoder.target:
            continue
        present = column.data[column.present]
        groups = len(np.unique(present))
        if 1 < groups < 0.9 * len(present):
            yield Finding(
                "warning",
                "split by group",
                f"column {quote(column.name)} identifies {groups:,} things in {len(present):,} "
                "rows, and both parts have rows of the same thing. To predict new things: "
                f"--split {shell_word('group:' + column.name)}",
                (column.name,),
            )


def rows_in_both(table: Table, prepared: Prepared) -> Iterator[Finding]:
    """Find validation rows that repeat training rows, and rows that contradict each other."""
    kept = np.arange(table.rows) if prepared.kept is None else np.flatnonzero(prepared.kept)
    encoder, parts = prepared.encoder, prepared.parts
    seen = [column for column in table.columns if column.name in encoder.used]
    hashes = row_hashes(seen)[kept]
    with_target = row_hashes([*seen, *(table.column(name) for name in encoder.target)])[kept]
    if parts.folds is None:
        shared = int(np.isin(with_target[parts.validation], with_target[parts.training]).sum())
    else:  # A member that holds a row out learns from its copies in the other folds.
        _, alike = np.unique(with_target, return_inverse=True)
        pairs = np.unique(np.stack([alike, parts.folds], axis=1), axis=0)
        shared = int((np.bincount(pairs[:, 0]) > 1)[alike].sum())
    if shared:
        yield Finding(
            "warning",
            "rows in both parts",
            f"{count_of(shared, 'validation row')} of {len(parts.validation):,} "
            f"{'has' if shared == 1 else 'have'} the inputs and the target of a training row, so "
            "the score is too good. Remove the copies, or keep them together: --split group:COLUMN",
        )
    if encoder.task in ("binary", "multiclass", "multilabel"):
        _, codes = np.unique(hashes, return_inverse=True)
        answers = np.unique(np.stack([codes.astype(np.uint64), with_target], axis=1), axis=0)
        torn = np.bincount(answers[:, 0].astype(np.int64)) > 1
        rows = int(torn[codes].sum())
        if rows:
            yield Finding(
                "note",
                "contradictions",
                f"{count_of(rows, 'row')} {'has' if rows == 1 else 'have'} the inputs of another "
                "row and another class; no network can tell them apart.",
            )
