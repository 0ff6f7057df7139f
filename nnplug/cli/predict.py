"""`nnplug predict`: a model's predictions for the rows of a table."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import click

from nnplug.cli.command import Command
from nnplug.cli.completion import complete_file
from nnplug.cli.model_argument import (
    level_of,
    load,
    model_argument,
    nonfinite_option,
    versions_option,
)
from nnplug.cli.options import plugin_options, registry_of
from nnplug.cli.setting_options import read_options
from nnplug.cli.terminal import binary_stdout, echo

if TYPE_CHECKING:
    from nnplug.models import Model
    from nnplug.tables.encoder import Unknown
    from nnplug.tables.writing import CsvStream, TableWriter
    from nnplug.types import AnyArray

__all__ = ["predict"]

_EPILOG = """\b
Examples:
  nnplug predict iris.safetensors new.csv
  nnplug predict iris.safetensors new.csv --id plant -o answers.csv
  nnplug predict iris.safetensors new.csv --probabilities
  nnplug predict houses.safetensors new.csv --interval 0.9
  nnplug predict latest new.parquet -o answers.parquet
"""


@dataclass(frozen=True)
class Columns:
    """The columns that are given beside the predictions."""

    probabilities: bool
    calibrated: bool
    level: float | None


@click.command(cls=Command, epilog=_EPILOG)
@model_argument
@click.argument("data", shell_complete=complete_file)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=complete_file,
    help="Write to this .csv, .tsv or .parquet file; by default, CSV to stdout.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@click.option(
    "--probabilities", is_flag=True, help="Add a column with the probability of each class."
)
@click.option(
    "--calibrated",
    is_flag=True,
    help="With --probabilities: correct how sure they are by the rows held out in training.",
)
@click.option(
    "--interval",
    type=float,
    metavar="LEVEL",
    help="Add bounds that hold the true number, or the set of classes that holds the true one, "
    "with this probability, as 0.9.",
)
@click.option(
    "--id",
    "ids",
    metavar="COLUMN",
    multiple=True,
    help="Copy this column to the output; may be repeated.",
)
@click.option(
    "--unknown",
    type=click.Choice(["bucket", "error"]),
    default="bucket",
    metavar="HOW",
    help="What to do with a category that training did not see: bucket (the default) treats it "
    "as a rare one, error refuses it.",
)
@nonfinite_option("Leave a cell empty if its prediction is not finite.")
@read_options
@versions_option
@plugin_options
@click.pass_context
def predict(
    context: click.Context,
    model: str,
    data: str,
    output: str | None,
    overwrite: bool,
    probabilities: bool,
    calibrated: bool,
    interval: float | None,
    ids: tuple[str, ...],
    unknown: str,
    allow_nonfinite: bool,
    read: tuple[str, ...],
    sql: str | None,
    allow_other_versions: bool,
) -> None:
    """Predict the target of each row of DATA with MODEL.

    MODEL is a model file, the folder of a run, its name in runs, or latest.
    DATA must have the columns that the model was trained on, in any order; the
    target may be missing. Rows keep their order. They are read and written in
    chunks, so the table may be larger than memory.

    The exit code is 1, and no file is written, if the network's output for
    some row is not finite.
    """
    from nnplug.tables import ReadOptions

    _, loaded = load(context, model, allow_other_versions=allow_other_versions)
    if calibrated and not probabilities:
        raise click.UsageError("--calibrated is for --probabilities: give both.")
    if probabilities:
        loaded.check_has_classes()
    level = level_of(loaded, interval)
    add = Columns(probabilities, calibrated, level)
    how = replace(ReadOptions.parse(read), sql=sql)
    opened = loaded.open_rows(data, how, ids=ids, unknown=cast("Unknown", unknown))
    # The output first: if it already exists, the user learns that before an hour of work.
    with registry_of(context).naming_culprits(), _sink(output, overwrite) as sink, opened as rows:
        nonfinite = loaded.nonfinite_rows(data)
        for table, inputs in rows:
            columns = {name: table.column(name).values for name in ids}
            outputs = loaded.run(inputs)
            finite = nonfinite.add(inputs, outputs)
            if nonfinite.count and not allow_nonfinite:
                continue  # the rest is only counted
            columns |= _answers(loaded, outputs, finite, add, taken=ids)
            sink.write(columns)
        if not allow_nonfinite:
            nonfinite.check()
    for line in rows.remarks():
        echo(f"Warning: {line}", err=True)
    if nonfinite.count:
        echo(f"Warning: {nonfinite.message()}\nThey are left empty.", err=True)
    if output is not None:
        echo(f"{output}: {rows.rows:,} rows written", err=True)


@contextmanager
def _sink(output: str | None, overwrite: bool) -> Iterator[CsvStream | TableWriter]:
    """Open the output: a file that appears complete at the end, or stdout."""
    from nnplug.tables.writing import CsvStream, TableWriter

    if output is None:
        yield CsvStream(binary_stdout())
        sys.stdout.flush()
    else:
        with TableWriter(output, overwrite=overwrite) as writer:
            yield writer


def _answers(
    model: Model,
    outputs: AnyArray,
    finite: AnyArray | None,
    add: Columns,
    *,
    taken: tuple[str, ...],
) -> dict[str, AnyArray]:
    """Name the columns of the predictions after their targets."""
    answers = model.answers(outputs, finite)
    # (N,) for one class a row, (N, K) for K numbers or labels.
    answers = answers.reshape(len(outputs), -1)
    targets = [f"predicted_{name}" if name in taken else name for name in model.targets]
    columns = {name: answers[:, k] for k, name in enumerate(targets)}
    more: dict[str, AnyArray] = {}
    if add.level is not None and model.task == "regression":
        lower, upper = model.bounds(outputs, add.level, finite)
        for k, name in enumerate(targets):
            more |= {f"{name}_lower": lower[:, k], f"{name}_upper": upper[:, k]}
    elif add.level is not None:
        more[f"{targets[0]}_set"] = _listed(model, model.sets(outputs, add.level, finite))
    if add.probabilities:
        shares = model.shares(outputs, finite, calibrated=add.calibrated)
        names = [_probability_name(model, name, targets) for name in model.classes]
        more |= {name: shares[:, k] for k, name in enumerate(names)}
    for name, values in more.items():
        columns[f"predicted_{name}" if name in taken or name in columns else name] = values
    return columns


def _listed(model: Model, sets: AnyArray) -> AnyArray:
    r"""Write sets of classes, (N, classes), as text: `a|b`; in a name, `|` is written `\|`."""
    import numpy as np

    names = [
        _class_name(label).replace("\\", "\\\\").replace("|", "\\|") for label in model.classes
    ]
    found = ["|".join(itertools.compress(names, row)) for row in sets.tolist()]
    return np.array(found, object)


def _class_name(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _probability_name(model: Model, label: object, targets: list[str]) -> str:
    shown = _class_name(label)
    if model.task == "multilabel":
        return f"{shown}=1"
    return f"{targets[0]}={shown}"
