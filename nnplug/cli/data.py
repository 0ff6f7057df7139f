"""`nnplug data`: what a careful colleague would say of a table before training."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.completion import complete_file
from nnplug.cli.help import Command, option_group
from nnplug.cli.options import WholeNumber
from nnplug.cli.table_options import (
    column_options,
    read_options,
    split_options,
    table_arguments,
    target_options,
)
from nnplug.cli.terminal import echo, style

if TYPE_CHECKING:
    from nnplug.tables.examination import Examination

_EPILOG = """\b
Examples:
  nnplug data iris.csv
  nnplug data iris.csv --target species
  nnplug data sales.parquet --target sold --split time:day --json
"""
_COLORS = {"problem": "red", "warning": "yellow", "note": None}
_WIDTH = 80


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("data", shell_complete=complete_file)
@target_options
@column_options
@read_options
@split_options(0.2)
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
@click.pass_context
def data(
    context: click.Context,
    /,
    data: str,
    target: tuple[str, ...],
    task: Any,
    validation: float,
    split: str | None,
    seed: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Examine the table DATA: its columns, and what looks wrong in it.

    It reports missing values, constant and duplicate columns, duplicate rows,
    outliers and inconsistent spelling. With a target it also reports rare
    classes, rows that are in both parts of the split, columns that give the
    target away, identifiers, and splits that do not suit dates or groups. Of
    a table with more than a million rows it examines a million.

    The exit code is 1 if training would refuse the table.
    """
    from nnplug.settings import table_choices
    from nnplug.tables import Split, Wishes
    from nnplug.tables.examination import examine
    from nnplug.tables.preparation import with_file
    from nnplug.tables.sample import read_sample

    read, options = table_choices(table_arguments(given))
    wishes = Wishes(
        target=target,
        task=task,
        split=None if split is None else Split.parse(split),
        validation=validation,
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
        echo(json.dumps({"source_rows": rows, **found.to_dict()}, indent=2))
    else:
        _print(found, rows)
    if any(each.weight == "problem" for each in found.findings):
        context.exit(1)


def _print(found: Examination, rows: int) -> None:
    head = f"{found.source}: {rows:,} row{'s' * (rows != 1)}, {len(found.columns)} columns"
    echo(style(head, bold=True))
    if rows > found.rows:
        echo(f"{found.rows:,} of them, drawn at random, were looked at.")
    echo()
    _print_columns(found)
    if found.task is not None:
        echo()
        parts = f"{found.training:,} training rows"
        if found.validation:
            parts += f" and {found.validation:,} for validation"
        echo(f"{found.task}: {found.inputs:,} inputs, {parts}")
        for line in found.plan:
            echo(_fill(line, "  "))
    echo()
    for each in found.findings:
        title = style(f"{each.weight:7}", fg=_COLORS[each.weight])
        echo(f"{title}  {_fill(each.text, ' ' * 9).lstrip()}")
    if not found.findings:
        echo("Nothing is odd.")


def _print_columns(found: Examination) -> None:
    """Print a line for each column, cut to the terminal's width."""
    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    longest = min(24, max(6, *(len(each.name) for each in found.columns)))
    roles = any(each.role for each in found.columns)
    missing = any(each.missing for each in found.columns)
    rows = [("column", "kind", "role", "missing", "distinct", "values")]
    rows += [
        (
            _cut(each.name, longest),
            each.kind,
            each.role,
            f"{each.missing:,}" if each.missing else "",
            f"{each.distinct:,}",
            each.summary,
        )
        for each in found.columns
    ]
    for number, (name, kind, role, lacking, distinct, summary) in enumerate(rows):
        line = f"{name:<{longest}}  {kind:<7}"
        line += f"  {role:<8}" if roles else ""
        line += f"  {lacking:>7}" if missing else ""
        line += f"  {distinct:>8}  {summary}"
        line = _cut(line, width).rstrip()
        echo(style(line, dim=True) if number == 0 else line)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _fill(text: str, indent: str) -> str:
    lines = [
        textwrap.fill(
            line,
            width=_WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    ]
    return "\n".join(lines)
