"""Examination: what a careful colleague would say of a table before training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.tables import findings, leaks
from nnplug.tables.encoder import Encoder
from nnplug.tables.findings import Finding
from nnplug.tables.preparation import Prepared, Wishes, prepare_table
from nnplug.tables.table import BoolArray, Column, Table
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray

__all__ = ["ColumnReport", "Examination", "Finding", "examine"]


@dataclass(frozen=True)
class ColumnReport:
    """One column in a line.

    Attributes
    ----------
    name, kind : str
    role : str
        `"input"`, `"target"`, `"weights"` or `"left out"`; empty without a target.
    missing, distinct : int
    summary : str
        Range, mean and deviation of numbers; the commonest texts.
    """

    name: str
    kind: str
    role: str
    missing: int
    distinct: int
    summary: str


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes
    ----------
    source : str
    rows : int
        Those looked at.
    task : str or None
    columns : tuple of ColumnReport
    inputs : int
        Of the network.
    training, validation : int
        Rows of the parts.
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
    plan: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON."""
        return asdict(self)


def examine(table: Table, wishes: Wishes, held_out: BoolArray | None = None) -> Examination:
    """Look at a table as a whole, and at what training would make of it.

    Parameters
    ----------
    wishes : Wishes
        Without a target, the table alone is looked at.
    held_out : array of bool of shape (N,), optional
        The rows for validation, if another file says which.
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
    used_columns: set[str] = set()  # of these training says so: see the plan
    if prepared is not None:
        columns = (*(each.name for each in prepared.encoder.columns), *prepared.encoder.target)
        used_columns = set(columns)
    found = [
        *refusals,
        *(findings.few_rows(table, prepared) if wishes.target else ()),
        *(() if refusals else findings.infinite(table)),
        *findings.missing(table),
        *findings.constant(table),
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
        for look in (leaks.rows_in_both, leaks.classes, leaks.given_away, leaks.time, leaks.groups):
            found += look(table, prepared)
        found = [each for each in found if each.text not in prepared.notes]
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
        () if prepared is None else prepared.notes,
        tuple(found),
    )


# --- one line a column -----------------------------------------------------------------


def _roles(encoder: Encoder | None, wishes: Wishes) -> Callable[[str], str]:
    """Say what each column is used for; nothing without a target."""
    if encoder is None:
        return lambda name: ""
    roles = {each.name: "input" for each in encoder.columns}
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


def _day(instant: Any) -> str:
    return show(instant).partition(" ")[0] if show(instant).endswith("00:00:00") else show(instant)
