"""`nnplug data`: what a careful colleague would say about a table before training."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.command import Command, option_group
from nnplug.cli.completion import complete_file
from nnplug.cli.options import WholeNumber, plugin_options, registry_of
from nnplug.cli.setting_options import (
    column_options,
    read_options,
    setting_option,
    split_options,
    table_arguments,
    target_options,
)
from nnplug.cli.terminal import echo, print_json, safe, style, width
from nnplug.layout import GLUE, columns, fold

if TYPE_CHECKING:
    from nnplug.tables.examination import Examination

_EPILOG = """\b
Examples:
  nnplug data iris.csv
  nnplug data iris.csv --target species
  nnplug data sales.parquet --target sold --split time:day --json
"""
_KEPT_TOGETHER = re.compile(r"(?<=±) | (?=±)|(?<=\") (?=[0-9])")
_COLORS = {"problem": "red", "warning": "yellow", "note": None}


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("data", shell_complete=complete_file)
@target_options
@column_options
@read_options
@split_options
@option_group("Data", setting_option("recipe"))
@option_group(
    "Output",
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
)
@option_group(
    "Data",
    click.option(
        "--seed",
        type=WholeNumber(0),
        default=0,
        show_default=True,
        help="Seed of the random split.",
    ),
)
@plugin_options
@click.pass_context
def data(
    context: click.Context,
    /,
    data: str,
    target: tuple[str, ...],
    task: Any,
    validation: float | None,
    split: str | None,
    recipe: str | None,
    seed: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Examine the table DATA: its columns, and what looks wrong in it.

    It reports missing values, constant and duplicate columns, duplicate rows,
    outliers and inconsistent spelling. With a target it also reports rare
    classes, rows that are in both parts of the split, columns that give the
    target away, identifiers, and splits that do not suit dates or groups. If
    the table has more than a million rows, a million of them are examined.

    The exit code is 1 if training would refuse the table.
    """
    from nnplug.runs.choices import given_before_rows, table_choices
    from nnplug.runs.cross_validation import recipe_of
    from nnplug.runs.preparing import USUAL_RECIPE
    from nnplug.runs.settings import ROWS
    from nnplug.tables import Split, Wishes
    from nnplug.tables.examination import examine, read_sample
    from nnplug.tables.preparation import with_file

    ways = None if split is None else Split.parse(split)
    registry = registry_of(context)
    chosen = recipe_of({"recipe": USUAL_RECIPE if recipe is None else recipe}, registry)
    early, of_tables = given_before_rows(chosen)
    asked = {name: value for name, value in table_arguments(given).items() if value is not None}
    read, options = table_choices(asked, target, ways, registry, of_tables)
    wishes = Wishes(
        target=target,
        task=task,
        split=ways,
        validation=ROWS["validation"].default if validation is None else validation,
        shared=validation is not None,
        members=early.get("members", 1),
        seed=seed,
        options=options,
    )
    table, rows = read_sample(data, read, seed)
    held_out = None
    if wishes.split is not None and wishes.split.way == "file":
        table, held_out = with_file(table, wishes.split.name, read)
        rows += int(held_out.sum())
    found = examine(table, wishes, held_out)
    if as_json:
        print_json({"source_rows": rows, **found.to_dict()})
    else:
        _print(found, rows, None if chosen is None else chosen.text)
    if any(finding.weight == "problem" for finding in found.findings):
        context.exit(1)


def _print(found: Examination, rows: int, recipe: str | None) -> None:
    from nnplug.tables.wording import count_of

    head = f"{found.source}: {rows:,} row{'s' * (rows != 1)}, {len(found.columns)} columns"
    echo(style(head, bold=True))
    if rows > found.rows:
        echo(f"{found.rows:,} of them, drawn at random, were examined.")
    echo()
    _print_columns(found)
    if found.task is not None:
        echo()
        parts = f"{found.training:,} training rows"
        if found.members:
            parts = f"{found.training:,} rows, each held out by one of {found.members} members"
        elif found.validation:
            parts += f" and {found.validation:,} for validation"
        using = "" if recipe is None else f"; recipe {recipe}"
        line = f"{found.task}: {count_of(found.inputs, 'input')}; {parts}{using}"
        echo(fold(line, width(), hanging="  "))
        for line in found.plan:
            echo(_fill(line, "  "))
    echo()
    for finding in found.findings:
        title = style(f"{finding.weight:7}", fg=_COLORS[finding.weight])
        echo(f"{title}  {_fill(finding.text, ' ' * 9).lstrip()}")
    if not found.findings:
        echo("Nothing looks wrong.")


def _print_columns(found: Examination) -> None:
    """Print a line for each column of the table."""
    rows = [("column", "kind", "role", "missing", "distinct", "values")]
    rows += [
        (
            safe(column.name),
            column.kind,
            column.role,
            f"{column.missing:,}" if column.missing else "",
            f"{column.distinct:,}",
            _KEPT_TOGETHER.sub(GLUE, safe(column.summary)),
        )
        for column in found.columns
    ]
    told = [place for place in range(len(rows[0])) if any(row[place] for row in rows[1:])]
    right = [told.index(place) for place in (3, 4) if place in told]
    kept = [[row[place] for place in told] for row in rows]
    for number, line in enumerate(columns(kept, width(), right=right)):
        echo(style(line, dim=True) if number == 0 else line)


def _fill(text: str, indent: str) -> str:
    return "\n".join(fold(line, width(), indent=indent) for line in safe(text).splitlines())
