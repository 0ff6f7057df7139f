"""Examination: what a careful colleague would say about a table before training."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.randomness import derive_generator
from nnplug.tables import findings, leaks
from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Encoder
from nnplug.tables.findings import Finding
from nnplug.tables.options import ReadOptions, as_names
from nnplug.tables.preparation import Prepared, prepare_table
from nnplug.tables.reading import open_table
from nnplug.tables.table import BoolArray, Column, Table, stack
from nnplug.tables.wishes import Wishes
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray

__all__ = ["SAMPLE_ROWS", "ColumnReport", "Examination", "Finding", "examine", "read_sample"]

SAMPLE_ROWS = 1_000_000
"""Of a table with more rows, so many are examined."""
_CHUNK = 262_144


@dataclass(frozen=True)
class ColumnReport:
    """One column, in a line of the report.

    Attributes
    ----------
    name, kind : str
    role : str
        `"input"`, `"target"`, `"weights"` or `"left out"`; empty without a target.
    missing, distinct : int
    summary : str
        Range, mean and standard deviation of numbers; the most common texts.
    """

    name: str
    kind: str
    role: str
    missing: int
    distinct: int
    summary: str


@dataclass(frozen=True)
class Examination:
    """What was found in a table.

    Attributes
    ----------
    source : str
    rows : int
        The rows examined.
    task : str or None
    columns : tuple of ColumnReport
    inputs : int
        The inputs of the network.
    training, validation : int
        The rows of the two parts. With `members`, both are all rows.
    members : int
        The members of the model, of which each holds out rows of its own; 0 if
        all networks learn from the same rows.
    plan : tuple of str
        What training would infer, leave out and fill in.
    findings : tuple of Finding
        Problems first, then warnings, then notes.
    """

    source: str
    rows: int
    task: str | None
    columns: tuple[ColumnReport, ...]
    inputs: int
    training: int
    validation: int
    members: int
    plan: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def read_sample(
    path: str | os.PathLike[str], read: ReadOptions, seed: int = 0
) -> tuple[Table, int]:
    """Read a table, or if it is larger, a million of its rows, drawn at random and in order.

    Returns
    -------
    table : Table
    rows : int
        How many the table has.
    """
    with open_table(path, read, machine_memory() // 2) as table:
        if table.rows <= SAMPLE_ROWS:
            return table.fetch(), table.rows
        chosen = derive_generator(seed, "sample").permutation(table.rows)[:SAMPLE_ROWS]
        drawn = np.zeros(table.rows, bool)
        drawn[chosen] = True
        parts, start = [], 0
        for chunk in table.chunks(table.names, _CHUNK):
            parts.append(chunk.take(np.flatnonzero(drawn[start : start + chunk.rows])))
            start += chunk.rows
        return stack(parts), table.rows


def examine(table: Table, wishes: Wishes, held_out: BoolArray | None = None) -> Examination:
    """Examine a table by itself, and as training would use it.

    Parameters
    ----------
    wishes : Wishes
        Without a target, the table is examined by itself only.
    held_out : array of bool of shape (N,), optional
        The rows for validation, if they come from another file.
    """
    prepared: Prepared | None = None
    refusals: list[Finding] = []
    if wishes.target:
        try:
            prepared = prepare_table(table, wishes, held_out)
            used = prepared.used(table)
            prepared.encoder.inputs(used, np.float32)
            prepared.encoder.targets(used)
        except NnplugError as error:
            refusals.append(Finding("problem", "refused by training", str(error)))
            prepared = None
    used_columns: set[str] = set()  # training itself warns about these: see the plan
    if prepared is not None:
        inputs = (column.name for column in prepared.encoder.columns)
        used_columns = {*inputs, *prepared.encoder.target}
    found = [
        *refusals,
        *(findings.few_rows(table, prepared) if wishes.target else ()),
        *(() if refusals else findings.infinite(table)),
        *findings.missing(table),
        *findings.constant(table, as_names(wishes.target)),
        *findings.equal_columns(table),
        *findings.equal_rows(table),
        *findings.spellings(table),
        *findings.row_numbers(table, wishes),
        *findings.sentinel_dates(table),
        *findings.numbers_like_dates(table),
        *findings.marks_and_units(table, used_columns),
        *findings.large_numbers(table, used_columns),
        *findings.outliers(table),
    ]
    if prepared is not None:
        # The parts of one member are like those of every other.
        one = replace(prepared, parts=prepared.parts.of_member(0))
        found += leaks.rows_in_both(table, prepared)
        for look in (leaks.classes, leaks.given_away, leaks.time, leaks.groups):
            found += look(table, one)
        found = [finding for finding in found if finding.text not in prepared.notes]
    order = ("problem", "warning", "note")
    found.sort(key=lambda finding: order.index(finding.weight))
    encoder = None if prepared is None else prepared.encoder
    role = _roles(encoder, wishes)
    return Examination(
        table.source,
        table.rows,
        None if encoder is None else encoder.task,
        tuple(_report(column, role(column.name)) for column in table.columns),
        0 if encoder is None else len(encoder.features),
        0 if prepared is None else len(prepared.parts.training),
        0 if prepared is None else len(prepared.parts.validation),
        0 if prepared is None else prepared.parts.members,
        () if prepared is None else prepared.notes,
        tuple(found),
    )


# --- one line per column ---------------------------------------------------------------


def _roles(encoder: Encoder | None, wishes: Wishes) -> Callable[[str], str]:
    """Tell what each column is used for; nothing without a target."""
    if encoder is None:
        return lambda name: ""
    roles = {column.name: "input" for column in encoder.columns}
    if wishes.options.weights is not None:
        roles[wishes.options.weights] = "weights"
    roles.update(dict.fromkeys(encoder.target, "target"))
    return lambda name: roles.get(name, "left out")


def _report(column: Column, role: str) -> ColumnReport:
    present = column.data[column.present]
    return ColumnReport(
        column.name,
        column.kind,
        role,
        len(column) - len(present),
        len(np.unique(present)),
        _summary(column, present),
    )


def _summary(column: Column, present: AnyArray) -> str:
    if not len(present):
        return "no values"
    if column.kind == "text":
        counts = np.bincount(present, minlength=len(column.words))
        top = np.argsort(-counts, kind="stable")[:3].tolist()
        return ", ".join(f"{quote(column.words[i])} {counts[i]:,}" for i in top if counts[i])
    if column.kind == "boolean":
        true = int(np.count_nonzero(present))
        return f"true {true:,}, false {len(present) - true:,}"
    if column.kind == "date":
        return f"{_day(present.min())} to {_day(present.max())}"
    finite = present[np.isfinite(present)]
    if not len(finite):
        return "infinite"
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = finite.mean(), finite.std()
    others = len(present) - len(finite)
    more = f", {others:,} infinite" if others else ""
    return f"{finite.min():.5g} to {finite.max():.5g}, mean {mean:.3g} ± {deviation:.3g}{more}"


def _day(instant: np.datetime64) -> str:
    return show(instant).partition(" ")[0] if show(instant).endswith("00:00:00") else show(instant)
