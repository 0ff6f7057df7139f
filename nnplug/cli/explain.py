"""`nnplug explain`: which columns a model looks at, and why it predicts what it predicts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.bars import bar_table, decimals, show_bars, written
from nnplug.cli.command import Command
from nnplug.cli.completion import complete_file
from nnplug.cli.model_argument import load, model_argument, versions_option
from nnplug.cli.options import WholeNumber, plugin_options, registry_of
from nnplug.cli.part_names import PartType
from nnplug.cli.setting_options import read_options
from nnplug.cli.terminal import echo, print_json, style, width

if TYPE_CHECKING:
    from nnplug.models import Model
    from nnplug.models.explanation import Explanation
    from nnplug.models.importance import Importance
    from nnplug.tables import ReadOptions

__all__ = ["explain"]

_CLASSES = 10
"""Classes that an error lists at most."""

_EPILOG = """\b
Examples:
  nnplug explain iris.safetensors test.csv
  nnplug explain latest test.csv --row 3
  nnplug explain latest test.csv --rows why.csv
  nnplug explain latest --monotone
"""


@click.command(cls=Command, epilog=_EPILOG)
@model_argument
@click.argument("data", required=False, shell_complete=complete_file)
@click.option(
    "--row", "numbers", type=WholeNumber(1), multiple=True, metavar="NUMBER",
    help="Explain the prediction of this row of DATA, counted from 1; may be repeated.",
)  # fmt: skip
@click.option(
    "--rows", "table", metavar="FILE",
    help="Write the contributions to every row's prediction to this file: .csv, .tsv or .parquet.",
)  # fmt: skip
@click.option(
    "--class", "of", metavar="CLASS",
    help="Explain the probability of this class instead of the predicted one.",
)  # fmt: skip
@click.option(
    "--baseline", metavar="FILE",
    help="Compare with the typical row of this table; by default, the means in training and the "
    "most frequent texts of DATA.",
)  # fmt: skip
@click.option(
    "--metric", type=PartType("metric"), help="Metric of the importances; by default, the first "
    "of the training.",
)  # fmt: skip
@click.option(
    "--repeats", type=WholeNumber(1), default=5, show_default=True, metavar="NUMBER",
    help="How often each column is shuffled.",
)  # fmt: skip
@click.option(
    "--seed", type=WholeNumber(0), default=0, show_default=True, metavar="NUMBER",
    help="Seed of the shuffling.",
)  # fmt: skip
@click.option(
    "--monotone", is_flag=True,
    help="Prove with which columns the prediction never falls, or never rises; without DATA.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.option(
    "--plot", metavar="FILE",
    help="Also draw the bars to this file: .svg, .png or .pdf; needs Matplotlib.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@read_options
@versions_option
@plugin_options
@click.pass_context
def explain(
    context: click.Context,
    model: str,
    data: str | None,
    numbers: tuple[int, ...],
    table: str | None,
    of: str | None,
    baseline: str | None,
    metric: str | None,
    repeats: int,
    seed: int,
    monotone: bool,
    as_json: bool,
    plot: str | None,
    overwrite: bool,
    read: tuple[str, ...],
    sql: str | None,
    allow_other_versions: bool,
) -> None:
    """Show which columns MODEL looks at, or why it predicts what it predicts.

    Without --row or --rows: the permutation importance of each column, which is
    what the metric loses when the values of the column are shuffled. DATA must
    have the target.

    With --row or --rows: what each column contributes to the row's prediction,
    compared with a baseline, the typical row. The contributions sum to the
    difference of the two predictions, and approximate integrated gradients.

    With --monotone: how the prediction moves when a column of numbers rises,
    proved for all values of all columns. The exit code is 1 if the model was
    trained to rise or fall with a column and this is not proved.
    """
    from nnplug.tables import ReadOptions

    _check_data(data, monotone=monotone)
    path, loaded = load(context, model, allow_other_versions=allow_other_versions)
    if data is None:
        with registry_of(context).naming_culprits():
            context.exit(0 if _print_proofs(str(path), loaded, as_json=as_json) else 1)
    how = replace(ReadOptions.parse(read), sql=sql)
    listed: dict[str, Any] = {"model": str(path), "data": data}
    with registry_of(context).naming_culprits():
        if numbers or table is not None:
            found = _explained(loaded, data, how, numbers, of, baseline, whole=table is not None)
            if table is not None:
                _write(found, table, overwrite=overwrite)
            chosen = [place for place, row in enumerate(found.rows) if row + 1 in numbers]
            listed |= found.to_dict(first=1)
            if not as_json:
                _print_rows(data, found, chosen)
            if plot is not None:
                found.plot(plot, chosen or [0], overwrite=overwrite, first=1)
        else:
            _refuse_others(of=of, baseline=baseline)
            measured = _importance(loaded, data, how, metric, repeats, seed)
            listed |= measured.to_dict()
            if not as_json:
                _print_importance(data, measured)
            if plot is not None:
                measured.plot(plot, overwrite=overwrite)
    if as_json:
        print_json(listed)
    for written_to in (table, plot):
        if written_to is not None:
            echo(f"{written_to} written", err=True)


def _check_data(data: str | None, *, monotone: bool) -> None:
    if monotone and data is not None:
        raise click.UsageError("--monotone is about the model alone; leave DATA out.")
    if not monotone and data is None:
        raise click.UsageError("Missing argument 'DATA'.")


def _refuse_others(**given: str | None) -> None:
    for name, value in given.items():
        if value is not None:
            option = {"of": "--class", "baseline": "--baseline"}[name]
            raise click.UsageError(f"{option} is for a row's prediction: name one with --row.")


# --- proofs -----------------------------------------------------------------------------


def _print_proofs(path: str, model: Model, *, as_json: bool) -> bool:
    """Print how the prediction moves with each column; tell whether all is as it was asked."""
    from nnplug.layout import columns
    from nnplug.untrusted import escaped

    found = model.monotonicity()
    if as_json:
        ways = {name: dict(zip(found.answers, row, strict=True)) for name, row in
                found.columns.items()}  # fmt: skip
        print_json({"model": path, "columns": ways, "reasons": list(found.reasons)})
    else:
        echo("How the prediction moves when a column rises, whatever the others hold:")
        rows = [("column", *found.answers), *((name, *row) for name, row in found.columns.items())]
        for line in columns([list(map(escaped, row)) for row in rows], width(), indent="  "):
            echo(line)
        for reason in found.reasons:
            echo(f"Not proved: {reason}")
    settings = model.info.settings
    right = True
    for way in ("increasing", "decreasing"):
        names = settings.get(way) or ()
        for name in (names,) if isinstance(names, str) else names:
            if set(found.columns.get(name, ("not proved",))) - {way, "constant"}:
                echo(f"The model was trained with {way}={name}, which is not proved.", err=True)
                right = False
    return right


# --- importances ------------------------------------------------------------------------


def _importance(
    model: Model, data: str, how: ReadOptions, metric: str | None, repeats: int, seed: int
) -> Importance:
    from nnplug.errors import SettingError
    from nnplug.models.importance import importance

    if model.encoder is None:
        raise SettingError(
            "The model was trained on arrays, so no column of a table is its target.\n"
            "Name a row with --row, or use model.importance((inputs, targets)) in Python."
        )
    return importance(model, data, how, metric=metric, repeats=repeats, seed=seed)


def _print_importance(data: str, found: Importance) -> None:
    from nnplug.cli.train_lines import label

    repeats = found.changes.shape[1]
    times = "once" if repeats == 1 else f"{repeats} times"
    echo(style(f"{data}: {found.rows:,} rows; each column is shuffled {times}", dim=True), err=True)
    name, now = label(found.metric), f"{found.score:.6g}"
    echo(f"What {name} {found.change} when a column is shuffled; now {now}:")
    order = found.order
    means = found.means[order].tolist()
    places = decimals(means)
    rows = []
    for k, mean in zip(order, means, strict=True):
        deviation = float(found.deviations[k])
        spread = "" if math.isnan(deviation) else f" ±{written(deviation, places, '')}"
        rows.append((found.columns[k], written(mean, places, "") + spread))
    show_bars(bar_table(("column", "importance"), rows, means, width()))


# --- rows -------------------------------------------------------------------------------


def _explained(
    model: Model,
    data: str,
    how: ReadOptions,
    numbers: tuple[int, ...],
    of: str | None,
    baseline: str | None,
    *,
    whole: bool,
) -> Explanation:
    from nnplug.models.explanation import explain

    if of is not None:
        _check_class(model, of)
    rows = None if whole else [number - 1 for number in numbers]
    return explain(model, data, how, rows=rows, of=of, baseline=baseline, first=1)


def _check_class(model: Model, of: str) -> None:
    """Refuse a class that the model does not have, by the name of the option."""
    if model.task not in ("binary", "multiclass"):
        raise click.UsageError(f"--class {of}: a {model.task} has no such classes; leave it out.")
    labels = list(map(str, model.classes))
    if of not in labels:
        more = ", ..." if len(labels) > _CLASSES else "."
        raise click.UsageError(
            f"--class {of}: the classes are {', '.join(labels[:_CLASSES])}{more}"
        )


def _print_rows(data: str, found: Explanation, chosen: list[int]) -> None:
    for place in chosen:
        for k in range(found.answers.shape[1]):
            if place != chosen[0] or k:
                echo()
            of = "probability of " * found.is_share
            echo(
                f"Row {found.rows[place] + 1} of {data}\n{of}{found.answers[place, k]}: "
                f"{found.predictions[place, k]:.6g}; baseline: {found.base[place, k]:.6g}"
            )
            parts = found.parts(place, k)
            values = [part.contribution for part in parts]
            total = float(found.predictions[place, k] - found.base[place, k])
            digits = decimals([*values, total])
            rows = [
                (
                    part.column,
                    part.value or "(missing)",
                    part.typical or "(missing)",
                    written(value, digits),
                )
                for part, value in zip(parts, values, strict=True)
            ]
            lines = bar_table(
                ("column", "row", "baseline", "contribution"),
                [*rows, ("together", "", "", written(total, digits))],
                [*values, math.nan], width(),
            )  # fmt: skip
            show_bars(lines)


def _write(found: Explanation, path: str, *, overwrite: bool) -> None:
    """Write a line for each row and answer."""
    import numpy as np

    from nnplug.tables.writing import TableWriter

    answers = found.answers.shape[1]
    fixed = {
        "row": np.repeat(found.rows + 1, answers),
        "answer": found.answers.reshape(-1),
        "prediction": found.predictions.reshape(-1),
        "baseline": found.base.reshape(-1),
    }
    columns = {name + "_" * (name in found.columns): values for name, values in fixed.items()}
    for k, name in enumerate(found.columns):
        columns[name] = found.contributions[:, :, k].reshape(-1)
    with TableWriter(path, overwrite=overwrite) as writer:
        writer.write(columns)
