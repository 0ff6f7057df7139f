"""`nnplug evaluate`: how good a model is on rows whose target is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

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
from nnplug.cli.part_names import PartType
from nnplug.cli.setting_options import read_options
from nnplug.cli.terminal import echo, print_json, style

if TYPE_CHECKING:
    from nnplug.types import AnyArray

__all__ = ["evaluate"]

_EPILOG = """\b
Examples:
  nnplug evaluate iris.safetensors test.csv
  nnplug evaluate latest test.parquet --metric accuracy --json
  nnplug evaluate latest test.parquet --interval 0.9
"""


@click.command(cls=Command, epilog=_EPILOG)
@model_argument
@click.argument("data", shell_complete=complete_file)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=PartType("metric"),
    help="Metric to compute instead of those used in training; may be repeated.",
)
@click.option(
    "--interval",
    type=float,
    metavar="LEVEL",
    help="Also count how often intervals or sets of this level, as 0.9, hold the target, and "
    "judge the probabilities.",
)
@nonfinite_option("Leave out rows with a prediction that is not finite.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@read_options
@versions_option
@plugin_options
@click.pass_context
def evaluate(
    context: click.Context,
    model: str,
    data: str,
    metrics: tuple[str, ...],
    interval: float | None,
    allow_nonfinite: bool,
    as_json: bool,
    read: tuple[str, ...],
    sql: str | None,
    allow_other_versions: bool,
) -> None:
    """Compute the loss and the metrics of MODEL on the table DATA.

    MODEL is a model file, the folder of a run, its name in runs, or latest.
    DATA must have the columns that the model was trained on, and the target.

    The exit code is 1 if the loss, or the network's output for some row, is
    not finite.
    """
    from nnplug.cli.train_lines import print_advice
    from nnplug.errors import NotFiniteError, SettingError
    from nnplug.runs.advice import UNEVEN, one_class
    from nnplug.tables import ReadOptions

    path, loaded = load(context, model, allow_other_versions=allow_other_versions)
    if loaded.encoder is None:
        raise SettingError(
            f"{model} was trained on arrays, so no column of a table is its target.\n"
            "Evaluate it in Python: nnplug.load(path).evaluate((inputs, targets))."
        )
    if loaded.task == "multilabel":
        level = None if interval is None else loaded.level(interval)
    else:
        level = level_of(loaded, interval)
    opened = loaded.open_rows(data, replace(ReadOptions.parse(read), sql=sql), with_target=True)
    with registry_of(context).naming_culprits(), opened as rows:
        parts = ((inputs, rows.targets(table)) for table, inputs in rows)
        nonfinite = loaded.nonfinite_rows(data)
        seen: list[tuple[AnyArray, AnyArray]] = []
        scores = loaded.evaluate_parts(
            parts,
            rows=nonfinite,
            metrics=metrics or None,
            allow_nonfinite=allow_nonfinite,
            watch=lambda outputs, targets: seen.append((outputs, targets)),
        )
    for line in rows.remarks():
        echo(f"Warning: {line}", err=True)
    if nonfinite.count:
        echo(f"Warning: {nonfinite.message()}\nThey are left out.", err=True)
    ((outputs, targets),) = seen
    more = {} if level is None else loaded.measure_uncertainty(outputs, targets, level)
    if as_json:
        given = {} if level is None else {"interval": level}
        _print_json(str(path), data, rows.rows, nonfinite.count, {**scores, **given, **more})
    else:
        echo(style(f"{data}: {rows.rows - nonfinite.count:,} rows", dim=True), err=True)
        echo(_listed(scores))
        if more:
            echo(f"At level {level:g}: {_listed(more)}", hanging="  ")
    if loaded.task in ("binary", "multiclass"):
        answer = one_class(loaded.head.classes(outputs), targets, loaded.classes, least=UNEVEN)
        if answer is not None:
            print_advice([f"{answer}: --metric balanced_accuracy weights all classes equally"])
    if not math.isfinite(scores["loss"]):
        raise NotFiniteError(
            f"{data}: the loss is {scores['loss']}, though every prediction is a finite number."
        )


def _print_json(model: str, data: str, rows: int, left_out: int, scores: dict[str, float]) -> None:
    """Print the scores, and the number of rows behind them."""
    plain = {
        name: score if math.isfinite(score) else None  # JSON has only finite numbers
        for name, score in scores.items()
    }
    counts = {"rows": rows, **({"nonfinite": left_out} if left_out else {})}
    print_json({"model": model, "data": data, **counts, **plain})


def _listed(scores: dict[str, float]) -> str:
    from nnplug.cli.train_lines import label

    return ", ".join(f"{label(name)}: {score:.6f}" for name, score in scores.items())
