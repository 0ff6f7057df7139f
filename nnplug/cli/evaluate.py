"""`nnplug evaluate`: how good a model is on rows whose target is known."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from nnplug.cli.model_argument import load, versions_option
from nnplug.cli.options import PartType, plugin_options, registry_of

__all__ = ["evaluate"]

_EPILOG = """\b
Examples:
  nnplug evaluate iris.safetensors test.csv
  nnplug evaluate runs/1 test.parquet --metric accuracy --json
"""


@click.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("data")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=PartType("metric"),
    help="Instead of those of the training; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@versions_option
@plugin_options
@click.pass_context
def evaluate(
    context: click.Context,
    model: str,
    data: str,
    metrics: tuple[str, ...],
    as_json: bool,
    allow_other_versions: bool,
) -> None:
    """Compute the loss and the metrics of MODEL on the table DATA.

    DATA has the columns that the model was trained on, the target among them.
    """
    from nnplug.errors import SettingError

    loaded = load(context, model, allow_other_versions=allow_other_versions)
    if loaded.encoder is None:
        raise SettingError(
            f"{model} was trained on arrays, so it names no column of a table as its target.\n"
            "In Python: nnplug.load(path).evaluate((inputs, targets))."
        )
    rows = 0

    def parts() -> Any:
        nonlocal rows
        for table in loaded.tables(data):
            rows += table.rows
            yield table, table

    with registry_of(context).naming_culprits():
        scores = loaded.evaluate_parts(parts(), metrics=metrics or None)
    if as_json:
        plain = {
            name: score if math.isfinite(score) else None  # JSON has no other numbers
            for name, score in scores.items()
        }
        listed = {"model": model, "data": data, "rows": rows, **plain}
        click.echo(json.dumps(listed, indent=2))
        return
    click.echo(click.style(f"{data}: {rows:,} rows", dim=True), err=True)
    click.echo(", ".join(f"{name.capitalize()}: {score:.6f}" for name, score in scores.items()))
